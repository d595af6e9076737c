"""The three answers to "are these two functions the same?".  There is no fourth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wasmopt.context import Context
from wasmopt.function import Function


@dataclass(frozen=True, slots=True)
class Proved:
    """The two behave alike for all arguments and all states.

    Attributes:
        method: which tier of the validator proved it.
    """

    method: str


@dataclass(frozen=True, slots=True)
class Refuted:
    """They differ: `counterexample` was replayed in wasmtime and really diverged there."""

    counterexample: str


@dataclass(frozen=True, slots=True)
class Unproved:
    """Neither; `reason` says in a few words why."""

    reason: str


Verdict = Proved | Refuted | Unproved

Prover = Callable[[Function, Function, Context], Verdict]
"""Called with a function before and after a change, and the module around it."""
