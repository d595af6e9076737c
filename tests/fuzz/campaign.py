"""`make fuzz`: thousands of random modules, optimized and run against what they were.

Every seed is a trial of its own (`trial.py`).  One that finds something is made smaller and
printed as text, with the line that repeats it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.fuzz.choices import Choices, reduced
from tests.fuzz.trial import tried
from wasmopt.opcodes import OPCODES
from wasmopt.text import module_text

AT_A_TIME = 50
"""Seeds that a process is given at once."""
REDUCTIONS = 400
"""Trials that making one finding smaller may take."""


@dataclass
class Tally:
    """What some seeds came to.

    Attributes:
        seeds: how many.
        findings: seed -> what is wrong.
        seconds: processor time.
    """

    seeds: int = 0
    findings: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    instructions: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Have the results of `other` too."""
        self.seeds += other.seeds
        self.findings |= other.findings
        self.counts += other.counts
        self.instructions |= other.instructions
        self.seconds += other.seconds


def tally(seeds: range, each_change: bool) -> Tally:
    """Try each of the seeds."""
    result = Tally(len(seeds))
    start = time.process_time()
    for seed in seeds:
        trial = tried(Choices.of_seed(seed), each_change=each_change)
        result.counts += trial.counts
        result.instructions |= trial.instructions
        if trial.problem is not None:
            result.findings[seed] = trial.problem
    result.seconds = time.process_time() - start
    return result


def small_text(seed: int, each_change: bool, most: int) -> str:
    """The module of a seed that found something, as small as it gets with the same problem."""
    choices = Choices.of_seed(seed)
    problem = _kind(tried(choices, each_change=each_change).problem)

    def fails(trial_choices: Choices) -> bool:
        return _kind(tried(trial_choices, each_change=each_change).problem) == problem

    smallest = tried(Choices.of_list(reduced(choices.taken, fails, most)), each_change=each_change)
    passes = smallest.options.passes
    how = f"-O{smallest.options.level}" if passes is None else " ".join(f"--{p}" for p in passes)
    return f";; {how}: {smallest.problem}\n{module_text(smallest.module)}"


def _kind(problem: str | None) -> str | None:
    return None if problem is None else problem.partition(":")[0]


def _tallies(first: int, count: int, jobs: int, each_change: bool) -> Iterator[Tally]:
    end = first + count
    parts = [range(at, min(at + AT_A_TIME, end)) for at in range(first, end, AT_A_TIME)]
    if jobs == 1:
        yield from (tally(part, each_change) for part in parts)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(tally, parts, [each_change] * len(parts))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="modules to try")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument(
        "--each-change", action="store_true", help="run every changed function by itself too"
    )
    parser.add_argument(
        "--reductions", type=int, default=REDUCTIONS, help="trials to make a finding smaller"
    )
    settings = parser.parse_args(arguments)
    total = Tally()
    with contextlib.suppress(KeyboardInterrupt):  # what was done until then is told
        for done in _tallies(settings.first, settings.count, settings.jobs, settings.each_change):
            total.add(done)
            for seed, problem in done.findings.items():
                print(f"seed {seed}: {problem[:300]}")
                print(small_text(seed, settings.each_change, settings.reductions), flush=True)
    _print_total(settings.first, total)
    return 1 if total.findings else 0


def _print_total(first: int, total: Tally) -> None:
    for name, number in sorted(total.counts.items()):
        print(f"{number:>9,}  {name}")
    rate = total.seeds / total.seconds if total.seconds else 0.0
    missing = [op.mnemonic for op in OPCODES if op.mnemonic not in total.instructions]
    print(f"{len(OPCODES) - len(missing)} of {len(OPCODES)} instructions of the table were written")
    print(f"never: {' '.join(missing)}")
    print(f"seeds {first} to {first + total.seeds - 1}, {rate:.1f} a second of processor time")
    found = ", ".join(map(str, total.findings)) or "none"
    print(f"seeds that found something: {found}")


if __name__ == "__main__":
    sys.exit(main())
