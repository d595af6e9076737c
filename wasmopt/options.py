"""Everything a run can be told, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wasmopt.errors import UsageError
from wasmopt.features import check_feature_name
from wasmopt.goals import RAW, check_goal

LEVELS: Final[Mapping[str, str]] = {
    "0": "re-encode only",
    "1": "quick passes inside functions",
    "2": "all passes that do not slow code down",
    "3": "as 2",
    "4": "as 2",
    "s": "smaller, the default",
    "z": "smallest",
}
SOLVERS: Final[Mapping[str, str]] = {
    "z3": "ask Z3 about what is not proved without a solver",
    "none": "put back what is not proved without a solver",
}
OUTLINE: Final[Mapping[str, str]] = {
    "all": "wherever it saves bytes",
    "cold": "outside of loops",
    "none": "nowhere",
}
MAX_JOBS: Final = 61
"""Processes that one pool can have on every system.  Source: concurrent.futures."""
MAX_ROUNDS: Final = 10
"""Times the pipeline visits one function, 3 being the usual number; with `converge`, times in a
row without a byte saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to optimize.

    Attributes:
        level: one of `LEVELS`; names a pipeline.
        goal: one of `GOALS` in `goals.py`: the size that counts; names a pipeline too.
        passes: pass names to run in this order instead of a level's pipeline.
        converge: visit a function until nothing gets smaller, not just `MAX_ROUNDS` times.
        fuel: stop after this many accepted changes (for bisecting a problem); None for no limit.
        keep_names: keep the name section (`-g`).
        strip_debug: drop names, DWARF and source map references whatever else is said.
        strip_dwarf: drop DWARF even if it is still right.
        strip_producers, strip_target_features: drop that custom section.
        disabled_features: features that the input must not use, names as in `features.py`.
        print_after: names of passes behind which a changed function is printed.
        solver: one of `SOLVERS`, for what the tiers of the validator without one leave open.
        outline: one of `OUTLINE`, where repeated code becomes a function; None to have level and
            goal decide.
        cache: file with the verdicts of earlier runs; None for none.
        jobs: processes that work on functions; 1 for this one alone.  The result is the same.
        proofs: write down what became of each change at the proof gate.
        obligations: write down what the solver is asked, too; no verdict of an earlier run is used
            then, since nothing is asked for it.
    """

    level: str = "s"
    goal: str = RAW
    passes: tuple[str, ...] | None = None
    converge: bool = False
    fuel: int | None = None
    keep_names: bool = False
    strip_debug: bool = False
    strip_dwarf: bool = False
    strip_producers: bool = False
    strip_target_features: bool = False
    disabled_features: frozenset[str] = frozenset()
    print_after: frozenset[str] = frozenset()
    solver: str = "z3"
    outline: str | None = None
    cache: Path | None = None
    jobs: int = 1
    proofs: bool = False
    obligations: bool = False

    @property
    def verdicts(self) -> Path | None:
        """The file whose verdicts are used and added to; None for none."""
        return None if self.obligations else self.cache

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UsageError(f"unknown level {self.level!r}, known: {' '.join(LEVELS)}")
        check_goal(self.goal)
        if self.solver not in SOLVERS:
            raise UsageError(f"unknown solver {self.solver!r}, known: {' '.join(SOLVERS)}")
        if self.obligations and self.solver == "none":
            raise UsageError("with --solver none there is nothing that a solver is asked")
        if self.outline is not None and self.outline not in OUTLINE:
            raise UsageError(f"unknown outline {self.outline!r}, known: {' '.join(OUTLINE)}")
        for name, value in (("passes", self.passes), ("print_after", self.print_after)):
            if isinstance(value, str):
                raise UsageError(f"{name} is the text {value!r}, it has to be a list of names")
        if self.fuel is not None and (type(self.fuel) is not int or self.fuel < 0):
            raise UsageError(f"fuel is {self.fuel}, it counts changes: a number from 0 on, or None")
        if type(self.jobs) is not int or not 1 <= self.jobs <= MAX_JOBS:
            raise UsageError(f"jobs is {self.jobs}, a number of processes from 1 to {MAX_JOBS}")
        for feature in self.disabled_features:
            check_feature_name(feature)
