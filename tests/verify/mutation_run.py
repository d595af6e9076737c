"""Asks the validator about semantic mutants, and runs in wasmtime those that it accepts.

    python -m tests.verify.mutation_run [--most N] [--seed S] MODULE.wasm ...

Every mutant that is accepted must be shown to behave like the original; the tier that proved it
is the recorded reason.  Exit code 1 when an accepted mutant differs in execution.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.verify.execution import CannotRunError, differs
from tests.verify.mutants import KINDS, mutants
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.function import Function
from wasmopt.module import Module
from wasmopt.verdict import Proved
from wasmopt.verify import Prover

LONGEST = 2_000
"""Instructions above which a function is not mutated here, to keep the run short."""


@dataclass
class Score:
    """What became of the mutants, by kind."""

    made: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    not_run: int = 0


def judge(path: Path, seed: int, most: int, score: Score) -> None:
    """Put up to `most` mutants of one module to the validator."""
    module = decode(path.read_bytes())
    context, prover = Context(module), Prover()
    for position, kind, mutant in _spread(module, seed, most):
        original = module.functions[position]
        score.made[kind] += 1
        verdict = prover(original, mutant, context)
        if not isinstance(verdict, Proved):
            continue
        score.accepted[kind] += 1
        score.reasons[f"equal by {verdict.method}"] += 1
        try:
            difference = differs(module, original, mutant, seed, 10)
        except CannotRunError:
            score.not_run += 1
            continue
        if difference is not None:
            score.wrong.append(f"{path.name} function {position}, {kind}: {difference}")


def _spread(module: Module, seed: int, most: int) -> Iterator[tuple[int, str, Function]]:
    """Mutants of all functions in turn, each kind at most once a function and round."""
    short = [i for i, f in enumerate(module.functions) if len(f.body) <= LONGEST]
    count = round_ = 0
    while count < most and short and round_ < most:
        before = count
        for position in short:
            for kind, mutant in mutants(module, position, tuple(KINDS), seed + round_):
                yield position, kind, mutant
                count += 1
                if count >= most:
                    return
        round_ += 1
        if count == before:
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Run over the modules named on the command line and print a table by kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=150, help="mutants of one module")
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args(arguments)
    score = Score()
    for path in settings.modules:
        judge(path, settings.seed, settings.most, score)
        print(f"{path.name}: {score.made.total()} so far", flush=True)
    print(f"{'kind':28}{'made':>8}{'accepted':>10}")
    for kind in KINDS:
        print(f"{kind:28}{score.made[kind]:8}{score.accepted[kind]:10}")
    print(f"{'all':28}{score.made.total():8}{score.accepted.total():10}")
    for reason, number in score.reasons.most_common():
        print(f"{number} {reason}")
    print(f"{score.not_run} accepted ones could not be run")
    for line in score.wrong:
        print(f"WRONG: {line}")
    return 1 if score.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
