"""The Python interface of the validator: are two modules the same program?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from wasmopt.api import Binary, load
from wasmopt.decode import decode
from wasmopt.errors import InputError, UsageError
from wasmopt.module import Module
from wasmopt.options import SOLVERS
from wasmopt.verify import (
    EXPERIMENTS,
    LIMITS,
    Divergence,
    FunctionVerdict,
    ProofCache,
    TwoModules,
)
from wasmopt.verify import verify_modules as compare_and_experiment


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What `verify_modules` returns.

    Attributes:
        before: the first module as a binary.
        after: the second one.
        found: everything that is known of the two.
        module: the first module, decoded.
        notices: things the user should know, one line each.
        seconds: CPU time.
    """

    before: bytes
    after: bytes
    found: TwoModules
    module: Module
    notices: tuple[str, ...]
    seconds: float

    @property
    def verdict(self) -> Literal["proved", "refuted", "unproved"]:
        """`proved`: no host can tell the two apart, under the assumptions of the README.

        `refuted`: both were run in wasmtime and did different things.  `unproved`: neither.
        """
        return self.found.verdict

    @property
    def proved(self) -> bool:
        """Whether they are proved to be the same program."""
        return self.verdict == "proved"

    @property
    def functions(self) -> tuple[FunctionVerdict, ...]:
        """What became of each function that the first module defines."""
        return self.found.comparison.functions

    @property
    def unproved(self) -> list[FunctionVerdict]:
        """Those that are not proved to be equal to their counterpart, each with the reason."""
        return self.found.comparison.unproved

    @property
    def added(self) -> tuple[int, ...]:
        """Functions of the second module that stand for none of the first, by index."""
        return self.found.comparison.added

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not shown to be the same besides the functions, one line each."""
        return self.found.comparison.problems

    @property
    def counterexample(self) -> Divergence | None:
        """What was done to both modules, and how they answered differently; None if nothing was."""
        return self.found.divergence


def verify_modules(
    before: Binary | Path | Module,
    after: Binary | Path | Module,
    *,
    solver: str = "z3",
    experiments: int = EXPERIMENTS,
    cache: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> VerifyResult:
    """Prove or refute that two modules are the same program.

    Which function stands for which is found out by itself.  The same modules and arguments give the
    same verdict, always.

    Args:
        before: a binary or text module, a file that holds one, or a decoded module.
        after: the other one.
        solver: one of `wasmopt.options.SOLVERS`.
        experiments: how many runs of both modules to make in search of a difference, where the
            proofs leave a doubt.
        cache: file with the verdicts of earlier runs; None for none.
        on_progress: called with (functions done, functions in all).

    Raises:
        InputError: a module cannot be read, decoded or validated.
        UsageError: the solver is unknown, or the number of experiments makes no sense.
    """
    if solver not in SOLVERS:
        raise UsageError(f"unknown solver {solver!r}, known: {' '.join(SOLVERS)}")
    if type(experiments) is not int or experiments < 0:
        raise UsageError(f"experiments is {experiments}, it counts runs: a number from 0 on")
    start = time.process_time()
    loaded = [_load(source, name) for source, name in ((before, "before"), (after, "after"))]
    result = verify_loaded(
        *loaded,
        solver=solver,
        experiments=experiments,
        cache=cache,
        on_progress=on_progress,
    )
    return replace(result, seconds=time.process_time() - start)


def verify_loaded(
    before: tuple[bytes, Module],
    after: tuple[bytes, Module],
    *,
    solver: str,
    experiments: int,
    cache: Path | None,
    on_progress: Callable[[int, int], None] | None,
    pin: bool = False,
    record: bool = False,
) -> VerifyResult:
    """As `verify_modules`, of modules that are decoded and validated already.

    With `pin` the cache gives back what earlier runs found alone; with `record` the verdicts hold
    what the solver was asked.
    """
    start = time.process_time()
    data, module = before
    other = after[0]
    with ProofCache(cache, settings=f"{solver} {LIMITS}") as verdicts:
        if pin:
            verdicts.pin()
        found = compare_and_experiment(
            before,
            (other, decode(other, module.pool)),  # what is compared has to be of one pool
            solver=solver,
            cache=verdicts if verdicts.is_on else None,
            experiments=experiments,
            on_progress=on_progress,
            record=record,
        )
    seconds = time.process_time() - start
    return VerifyResult(data, other, found, module, tuple(verdicts.notices), seconds)


def _load(source: Binary | Path | Module, name: str) -> tuple[bytes, Module]:
    """See `load`; errors say which of the two it is."""
    try:
        return load(source)
    except InputError as error:
        raise type(error)(f"{name}: {error.problem}", error.offset) from None
