"""Are two modules the same program?  Proofs first; where they leave a doubt, experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from wasmopt.module import Module
from wasmopt.verify.cache import ProofCache
from wasmopt.verify.divergence import EXPERIMENTS, Divergence, find_divergence
from wasmopt.verify.module_comparison import Comparison, compare_modules
from wasmopt.verify.prover import Limits, Prover

LIMITS: Final = Limits(instructions=8_000, terms=150_000)
"""Of one attempt: a pair of modules has thousands of functions that differ in everything."""


@dataclass(frozen=True, slots=True)
class TwoModules:
    """What is known of two modules.

    Attributes:
        comparison: the proofs.
        divergence: what refutes them to be the same, if anything was found.
    """

    comparison: Comparison
    divergence: Divergence | None

    @property
    def verdict(self) -> Literal["proved", "refuted", "unproved"]:
        """One of the three answers."""
        if self.divergence is not None:
            return "refuted"
        return "proved" if self.comparison.proved else "unproved"


def verify_modules(
    before: tuple[bytes, Module],
    after: tuple[bytes, Module],
    *,
    solver: str = "z3",
    cache: ProofCache | None = None,
    experiments: int = EXPERIMENTS,
    on_progress: Callable[[int, int], None] | None = None,
    record: bool = False,
) -> TwoModules:
    """Prove or refute that two valid modules are the same program.

    Args:
        before: a module and its encoding.
        after: another; its instructions must be of the same pool.
        solver: one of `wasmopt.options.SOLVERS`.
        cache: verdicts of earlier runs.
        experiments: how many to make where the proofs leave a doubt.
        on_progress: called with the number of functions done and of all.
        record: whether to say what the solver was asked.
    """
    prover = Prover(solver=solver, cache=cache, replay=False, limits=LIMITS, record=record)
    comparison = compare_modules(
        before[1], after[1], prover, prover.several, on_progress=on_progress
    )
    divergence = None
    if not comparison.proved and experiments:
        divergence = find_divergence(before[0], after[0], experiments=experiments)
    return TwoModules(comparison, divergence)
