"""How likely a local has a number, by the code around: what a compressor will make of it.

A compressor pays little for what it has seen in the same surroundings.  So the probability of a
number is estimated from how often it stood there, in all functions but the one in question, given

    the instruction before;  the two before;  the three before;  the one before and the one behind

each estimate leaning on that of the shorter context as far as it has seen little itself
(prediction by partial matching, Cleary and Witten 1984).

Code is a list of tokens: an access to a local is 3 times its number plus its kind, everything
else a number from `FIRST_OTHER` on.  Counts for the longer contexts are kept in one array under
a hash, without a look at what else may be there: now and then two share a count, and a guess is a
bit worse.  All arithmetic on integers is the same on every machine.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

KINDS: Final = {"local.get": 0, "local.set": 1, "local.tee": 2}
FIRST_OTHER: Final = 1 << 18
"""Above any access: engines take 50,000 locals."""

_EDGE: Final = FIRST_OTHER - 1
"""Stands before and behind the code."""
_CELLS_PER_ACCESS: Final = 64
_MOST_CELLS: Final = (1 << 25) - 39
_ONE, _TWO, _NEXT, _NUMBER = (
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x27D4EB2F165667C5,
)
"""Factors of a hash: odd, and without a relation to each other."""
_START: Final = 0.5
"""How often every number counts as seen without a context; a hundred of them are taken for all."""
_START_TOTAL: Final = 100 * _START


class _Place(NamedTuple):
    """Where an access stands: its contexts, from the shortest, the last one with what follows."""

    position: int
    access: int
    one: int
    two: int
    three: int
    around: int


class ContextModel:
    """Counts of which number stood in which context.

    Args:
        accesses: about how many there are in all code.
    """

    def __init__(self, accesses: int) -> None:
        self._size: Final = min(_CELLS_PER_ACCESS * accesses + 251, _MOST_CELLS)
        self._cells: Final = array("i", bytes(4 * self._size))
        self._rows: Final[dict[int, dict[int, int]]] = {}
        self._totals: Final[dict[int, int]] = {}
        self._plain: Final[list[dict[int, int]]] = [{} for _ in KINDS]
        self._plain_totals: Final = [0 for _ in KINDS]

    def count(self, code: Sequence[int], sign: int) -> None:
        """Count what stands in the code, or with -1 take it out again."""
        cells, size = self._cells, self._size
        for _, access, one, two, three, around in _places(code):
            number, kind = divmod(access, 3)
            plain = self._plain[kind]
            plain[number] = plain.get(number, 0) + sign
            self._plain_totals[kind] += sign
            row = self._rows.setdefault(one, {})
            row[number] = row.get(number, 0) + sign
            if not row[number]:
                del row[number]
            self._totals[one] = self._totals.get(one, 0) + sign
            for context in (two, three, around):
                cells[context % size] += sign
                cells[(context + _NUMBER * (number + 1)) % size] += sign

    def plain_bits(self, kind: int, number: int) -> float:
        """Cost of a number where nothing is known but the kind of access."""
        seen = self._plain[kind].get(number, 0) + _START
        return -math.log2(seen / (self._plain_totals[kind] + _START_TOTAL))

    def savings(
        self, code: Sequence[int], families: Sequence[int | None]
    ) -> Iterator[tuple[int, int, float]]:
        """For each access, by its place in the code, and number: bits less than the plain ones.

        Of numbers that are not yielded nothing need be said: they cost more than the plain bits,
        but all of them by the same.

        Args:
            code: whose counts were taken out.
            families: for each number the family within which it may be exchanged, if any.
        """
        cells, size = self._cells, self._size
        for position, access, one, two, three, around in _places(code):
            row = self._rows.get(one)
            family = families[access // 3]
            if not row or family is None:
                continue
            kind = access % 3
            plain, plain_total = self._plain[kind], self._plain_totals[kind] + _START_TOTAL
            share_one = 1 / (self._totals[one] + 1)
            totals = cells[two % size], cells[three % size], cells[around % size]
            share_two, share_three, share_around = [1 / (total + 1) for total in totals]
            seen_two, seen_three, seen_around = [total > 0 for total in totals]
            unseen = share_one * (share_two * share_three + share_around)
            for number, seen in row.items():
                if number >= len(families) or families[number] != family:
                    continue
                hashed = _NUMBER * (number + 1)
                base = (plain.get(number, 0) + _START) / plain_total
                first = (seen + base) * share_one
                second, third, other = first, first, first
                if seen_two:
                    second = (cells[(two + hashed) % size] + first) * share_two
                    third = second
                if seen_three:
                    third = (cells[(three + hashed) % size] + second) * share_three
                if seen_around:
                    other = (cells[(around + hashed) % size] + first) * share_around
                yield position, number, math.log2((third + other) / (base * unseen))


def _places(code: Sequence[int]) -> Iterator[_Place]:
    """The accesses of the code with their contexts as numbers."""
    one, two, three = _EDGE, _EDGE, _EDGE
    last = len(code) - 1
    for position, token in enumerate(code):
        if token < _EDGE:
            following = code[position + 1] if position < last else _EDGE
            context = 3 * one + token % 3
            longer = context * _ONE + two * _TWO
            yield _Place(
                position,
                token,
                context,
                longer,
                (longer + 1) * _ONE + three * _TWO,
                context * _TWO + following * _NEXT,
            )
        one, two, three = token, one, two
