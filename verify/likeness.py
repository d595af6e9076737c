"""How alike functions of two modules are, and which go with which when both keep their order.

A function is taken for the bag of its instructions without locals, control and indices, which is
what optimizers change.  What few functions have in common counts for more (inverse document
frequency, Spärck Jones 1972).  Nothing here has to be right: a wrong guess makes a proof fail.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr, MemArg
from wasmopt.module import Module

MAX_CELLS: Final = 60_000
"""Pairs of one gap that are looked at; in larger ones only the diagonal is."""
_SAME_TYPE: Final = 0.1
_IGNORED: Final = frozenset(
    ["block", "loop", "if", "else", "end", "br", "br_if", "br_table", "nop", "drop", "return"]
)
_LOCAL: Final = "local."


def token(instr: Instr) -> Hashable | None:
    """What of an instruction most optimizations leave; None for nothing."""
    if instr.name in _IGNORED or instr.name.startswith(_LOCAL):
        return None
    if instr.name.endswith(".const"):
        return instr
    memargs = [each.offset for each in instr.immediates if isinstance(each, MemArg)]
    return (instr.name, *memargs)


class Likeness:
    """Compares functions of two modules, which are the first and second of a pair."""

    def __init__(self, before: Module, after: Module) -> None:
        tokens: dict[Instr, Hashable | None] = {}
        self._sides: Final = tuple(
            [
                [_bag(function, tokens) for function in module.functions]
                for module in (before, after)
            ]
        )
        found = Counter(each for bags in self._sides for bag in bags for each in bag)
        count = sum(map(len, self._sides)) + 1
        self._weights: Final = {token: math.log(count / n) + 0.1 for token, n in found.items()}
        self._totals: Final = [[self._total(bag) for bag in bags] for bags in self._sides]
        self._known: Final[dict[tuple[int, int], float]] = {}

    def _total(self, bag: Counter[Hashable]) -> float:
        return sum(self._weights[token] * n for token, n in bag.items())

    def __call__(self, old: int, new: int) -> float:
        """From 0 to 1, for functions by their place among the defined ones."""
        key = (old, new)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._compare(old, new)
        return known

    def _compare(self, old: int, new: int) -> float:
        first, second = self._sides[0][old], self._sides[1][new]
        totals = (self._totals[0][old], self._totals[1][new])
        if not max(totals):
            return 1.0
        if len(second) < len(first):
            first, second = second, first
        shared = sum(
            self._weights[token] * min(n, second[token])
            for token, n in first.items()
            if token in second
        )
        return shared / max(totals)


def _bag(function: Function, tokens: dict[Instr, Hashable | None]) -> Counter[Hashable]:
    bag: Counter[Hashable] = Counter()
    for instr, n in Counter(function.body).items():
        if instr not in tokens:
            tokens[instr] = token(instr)
        kind = tokens[instr]
        if kind is not None:
            bag[kind] += n
    return bag


def rising(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """A longest run of pairs that rise on both sides (patience sorting)."""
    ordered = sorted(pairs)
    ends: list[int] = []
    places: list[int] = []
    links: list[int] = []
    for place, (_, second) in enumerate(ordered):
        at = bisect_left(ends, second)
        links.append(places[at - 1] if at else -1)
        ends[at:] = [second, *ends[at + 1 :]]
        places[at:] = [place, *places[at + 1 :]]
    found = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(ordered[place])
        place = links[place]
    return found[::-1]


def aligned(
    old: Sequence[int],
    new: Sequence[int],
    likeness: Likeness,
    same_type: Sequence[Sequence[Hashable]],
    least: float,
) -> list[tuple[int, int]]:
    """Pairs in order that are most alike in sum (Needleman and Wunsch 1970).

    Args:
        old: functions in order, by their place among the defined ones.
        new: the same of the other module.
        likeness: of these.
        same_type: for each side and place something that is equal for equal types.
        least: likeness of a pair, to which the same type adds a tenth.
    """

    def score(first: int, second: int) -> float:
        bonus = _SAME_TYPE if same_type[0][first] == same_type[1][second] else 0.0
        found = likeness(first, second) + bonus
        return found if found >= least else 0.0

    return best_in_order(old, new, score)


def best_in_order(
    old: Sequence[int], new: Sequence[int], score: Callable[[int, int], float]
) -> list[tuple[int, int]]:
    """Pairs in order with the highest sum of scores; a score of 0 makes no pair."""
    if len(old) * len(new) > MAX_CELLS:
        return [pair for pair in zip(old, new, strict=False) if score(*pair)]
    best = [[0.0] * (len(new) + 1)]
    scores = []
    for first in old:
        above, row = best[-1], [0.0]
        scores.append([score(first, second) for second in new])
        for place, found in enumerate(scores[-1]):
            row.append(max(above[place + 1], row[place], above[place] + found))
        best.append(row)
    pairs = []
    row_index, column = len(old), len(new)
    while row_index and column:
        if best[row_index][column] == best[row_index - 1][column]:
            row_index -= 1
        elif best[row_index][column] == best[row_index][column - 1]:
            column -= 1
        else:
            row_index, column = row_index - 1, column - 1
            pairs.append((old[row_index], new[column]))
    return pairs[::-1]
