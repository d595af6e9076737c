"""The three answers to "are these two functions the same?".  There is no fourth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from wasmopt.context import Context
from wasmopt.function import Function


@dataclass(frozen=True, slots=True)
class Obligation:
    """A question that the solver got on the way to a verdict; `unsat` is what a proof needs.

    Attributes:
        logic: of SMT-LIB, `QF_BV` or `QF_UFBV`.
        text: declarations and assertions in SMT-LIB 2; depends on the question alone.
        answer: what Z3 said: `unsat`, `sat` or `unknown`.
        resources: what Z3 had for it, in its resource units.
        function: which one it is about; None for the one that the verdict is about.
    """

    logic: str
    text: str
    answer: Literal["unsat", "sat", "unknown"]
    resources: int
    function: int | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """The two behave alike for all arguments and all states.

    Attributes:
        method: which tier of the validator proved it.
        cached: whether it, or any part of it, is known from an earlier run.
        obligations: what the solver was asked, if that is recorded.
    """

    method: str
    cached: bool = field(default=False, compare=False, repr=False)
    obligations: tuple[Obligation, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Refuted:
    """They differ: `counterexample` was replayed in wasmtime and really diverged there."""

    counterexample: str
    cached: bool = field(default=False, compare=False, repr=False)
    obligations: tuple[Obligation, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unproved:
    """Neither; `reason` says in a few words why."""

    reason: str
    cached: bool = field(default=False, compare=False, repr=False)
    obligations: tuple[Obligation, ...] = field(default=(), compare=False, repr=False)


Verdict = Proved | Refuted | Unproved

Prover = Callable[[Function, Function, Context], Verdict]
"""Called with a function before and after a change, and the module around it."""
