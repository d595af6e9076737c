"""Which repeated runs become functions: the largest gain in bytes first, until nothing pays.

A run's gain shrinks when others take code from under it, and never grows.  So the one with the
largest known gain is counted again, and taken if it still is ahead of all others (Minoux 1978,
"Accelerated greedy algorithms").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from wasmopt.module import Kind
from wasmopt.passes.outline_plan import Plan, plan, run_at, written_locals
from wasmopt.passes.outline_repeats import MOST_RESULTS, Repeat, repeats
from wasmopt.passes.outline_text import Text
from wasmopt.reader import unsigned_leb_size
from wasmopt.types import FuncType


class Limits(NamedTuple):
    """What may become a function.

    Attributes:
        loops: code in loops, too.
        least: bytes of a run, so that a call stands for enough work.
    """

    loops: bool
    least: int


class Chosen(NamedTuple):
    """A plan, and the places of the runs that it replaces."""

    plan: Plan
    places: tuple[int, ...]


class _Offer(NamedTuple):
    """What a plan saves now, and where."""

    gain: int
    plan: Plan
    places: list[int]


def choose(
    text: Text, limits: Limits, types: Mapping[FuncType, int], type_count: int
) -> list[Chosen]:
    """The runs that become functions, in the order of the new functions' indices.

    Args:
        text: the code.
        limits: what may be chosen.
        types: the index of each signature that is there already.
        type_count: how many types there are.
    """
    return _Choice(text, limits, types, type_count).run()


class _Choice:
    def __init__(
        self, text: Text, limits: Limits, types: Mapping[FuncType, int], type_count: int
    ) -> None:
        module = text.module
        self._text: Final = text
        self._limits: Final = limits
        self._types: Final = dict(types)
        self._type_count = type_count
        self._index = len(module.imported(Kind.FUNCTION)) + len(module.functions)
        self._taken: Final = bytearray(len(text.code))
        self._chosen: Final[list[Chosen]] = []

    def run(self) -> list[Chosen]:
        """Choose."""
        looped = self._text.looped
        starts = [place for place, inside in enumerate(looped) if self._limits.loops or not inside]
        found = repeats(self._text, starts, self._estimate, similar=False)
        found += repeats(self._text, starts, self._estimate, similar=True)
        found.sort(key=lambda each: (each.places[0], -each.length))
        heap = [(-each.gain, number) for number, each in enumerate(found)]
        heapify(heap)
        while heap:
            known, number = heappop(heap)
            repeat = found[number]
            free = self._free(repeat)
            gain = repeat.gain - repeat.site * (len(repeat.places) - len(free))
            if gain <= 0:
                continue
            if gain >= -known or not heap or gain >= -heap[0][0]:
                offer = self._offer(free, repeat.length)
                if offer is None:
                    continue
                gain = offer.gain
                if not heap or gain >= -heap[0][0]:
                    self._take(offer)
            heappush(heap, (-gain, number))
        return self._chosen

    def _estimate(self, size: int, operands: int, params: int, others: int) -> tuple[int, int]:
        """See `repeats`."""
        if size < self._limits.least:
            return 0, 0
        call = 1 + unsigned_leb_size(self._index)
        entry = 1 + 1 + 2 * bool(others) + 2 * operands + size + 1 + 1
        return size - call - 2 * params, entry

    def _free(self, repeat: Repeat) -> list[int]:
        """Where a run still is, without those that overlap others."""
        length, find = repeat.length, self._taken.find
        free: list[int] = []
        end = 0
        for start in repeat.places:
            if start >= end and find(1, start, start + length) < 0:
                free.append(start)
                end = start + length
        return free

    def _offer(self, free: Sequence[int], length: int) -> _Offer | None:
        """What a run is worth with the best choice of results, None if nothing."""
        text = self._text
        written = written_locals(text, free[0], length)
        needs = {start: self._needed(written, start, start + length) for start in free}
        if not any(needed is not None for needed in needs.values()):
            return None
        run = run_at(text, free[0], length, self._varied(free, length))
        if run is None:
            return None
        best: _Offer | None = None
        for results in dict.fromkeys(needs.values()):
            if results is None or len(results) + len(run.outputs) > MOST_RESULTS:
                continue
            served = [
                start
                for start, needed in needs.items()
                if needed is not None and set(needed) <= set(results)
            ]
            offer = self._worth(plan(text, run, results), served)
            if offer.gain > (best.gain if best is not None else 0):
                best = offer
        return best

    def _varied(self, places: Sequence[int], length: int) -> set[int]:
        """Offsets of the constants that differ from place to place."""
        tokens, kinds = self._text.tokens, self._text.kinds
        first = places[0]
        return {
            offset
            for offset in range(length)
            if tokens[first + offset] != kinds[first + offset]
            and len({tokens[each + offset] for each in places}) > 1
        }

    def _needed(self, written: Mapping[int, int], start: int, end: int) -> tuple[int, ...] | None:
        """Which of the locals that a run writes are read behind it; None if too many are."""
        is_live = self._text.is_live
        needed: list[int] = []
        for first, last in written.items():
            if is_live(start + last, end):
                if len(needed) == MOST_RESULTS:
                    return None
                needed.append(first)
        return tuple(needed)

    def _worth(self, planned: Plan, places: Sequence[int]) -> _Offer:
        """The bytes that a plan saves, at the places where it saves any."""
        text, length = self._text, planned.run.length
        gain = -self._cost(planned)
        kept: list[int] = []
        for start in places:
            size = text.sizes[start + length] - text.sizes[start]
            saved = size - planned.site_size(text, start, self._index)
            if saved > 0:
                gain += saved
                kept.append(start)
        return _Offer(gain, planned, kept)

    def _cost(self, planned: Plan) -> int:
        """Bytes of the function: its code, its place in the function section, its type."""
        known = self._types.get(planned.type)
        index = self._type_count if known is None else known
        cost = planned.entry_size() + unsigned_leb_size(index)
        if known is None:
            cost += 3 + len(planned.type.params) + len(planned.type.results)
        return cost

    def _take(self, offer: _Offer) -> None:
        """Make a function of a run."""
        if offer.plan.type not in self._types:
            self._types[offer.plan.type] = self._type_count
            self._type_count += 1
        length = offer.plan.run.length
        for start in offer.places:
            self._taken[start : start + length] = b"\1" * length
        self._chosen.append(Chosen(offer.plan, tuple(offer.places)))
        self._index += 1
