"""One function on its way through the passes: its versions, and which of them share a proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.proof_log import ProofEntry
from wasmopt.report import PassReport

_FORKS: Final = frozenset(["if", "loop", "br_if", "br_table"])


class Step(NamedTuple):
    """A version that a pass proposed, `saved` bytes shorter than the one before.

    It is to be proved `alone` if the pass says so.
    """

    report: PassReport
    after: Function
    saved: int
    alone: bool


class Change(NamedTuple):
    """A change that went through both gates."""

    report: PassReport
    saved: int
    method: str
    entry: ProofEntry | None

    def revert(self, reason: str) -> None:
        """Count it as put back after all."""
        if self.entry is not None:
            self.entry.reason = reason
        self.report.kept -= 1
        self.report.bytes_saved -= self.saved
        self.report.proved -= Counter([self.method])
        self.report.reverted[reason] += 1


@dataclass(slots=True)
class Visit:
    """One function on its way through the passes.

    Attributes:
        proved: the newest version that was proved.
        index: of the function.
        context: the module around it.
        steps: what was proposed since, each made from the one before.
        seen: pass -> the version that it was last run on.
        interrupted: whether a pass failed on a version that is not proved yet.
    """

    proved: Function
    index: int
    context: Context
    steps: list[Step] = field(default_factory=list)
    seen: dict[str, Function] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def newest(self) -> Function:
        """What the next pass starts from."""
        return self.steps[-1].after if self.steps else self.proved


def parts_of(versions: Sequence[Function], alone: Sequence[bool]) -> list[tuple[int, int]]:
    """The steps between versions in parts that may be proved together, the last part first.

    Args:
        versions: of a function, each made from the one before.
        alone: for each step from one to the next whether it is to be a part of its own.
    """
    last = len(versions) - 1
    if last < 2:
        return [(0, last)] if last else []
    forks = [Counter([i.name for i in each.body if i.name in _FORKS]) for each in versions]
    cuts = {0, last}
    for step in range(last):
        if alone[step] or forks[step] != forks[step + 1]:
            cuts |= {step, step + 1}
    return list(pairwise(sorted(cuts)))[::-1]
