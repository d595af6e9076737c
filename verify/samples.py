"""Values for all symbols and functions at once, to see quickly that two terms are not equal.

Most pairs that a solver is asked about differ, and nearly all of those differ in nearly all
values.  A sample is one choice of all values: a symbol or an uninterpreted function gives a number
scrambled from its own number and its operands.  Terms that differ in a sample cannot be proved
equal, whatever is known of the functions, and need no query.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from wasmopt.domain import INTEGERS
from wasmopt.verify.evaluate import interpret
from wasmopt.verify.linear import SUMS
from wasmopt.verify.terms import BITS, BOOL, Term

WIDTHS: Final = {**BITS, BOOL: 1}
"""Width in bits of the sorts whose values are numbers."""
_ALL: Final = (1 << 128) - 1
RANGES: Final = (_ALL, _ALL, 0xFF, 3, 1, 0)
"""Bits that unknown values have in each sample.  Small ones are equal more often, which guards
and comparisons ask for."""

_FACTOR: Final = 0x2545_F491_4F6C_DD1D_9E37_79B9_7F4A_7C15
"""Odd, with its bits well mixed (golden ratio; Vigna 2014)."""


class Sample:
    """One choice of all values.

    Args:
        seed: tells it from other samples.
        bits: that unknown values have.

    Attributes:
        values: of the terms met so far.  A state or reference is a number that says which.
    """

    def __init__(self, seed: int, bits: int) -> None:
        self.values: Final[dict[Term, int]] = {}
        self._seed: Final = seed
        self._bits: Final = bits
        self._numbers: Final[dict[Hashable, int]] = {}

    def tells_apart(self, first: Term, second: Term, under: Term | None) -> bool:
        """Whether `under` holds here and the two terms differ."""
        if under is not None and self._value(under) == 0:
            return False
        return self._value(first) != self._value(second)

    def _value(self, term: Term) -> int:
        return interpret(INTEGERS, _choose, self._unknown, term, self.values)

    def _unknown(self, term: Term, operands: list[int]) -> int:
        key = (term.op, term.payload, tuple([arg.sort for arg in term.args]), term.sort)
        scrambled = self._seed + self._numbers.setdefault(key, len(self._numbers) + 1)
        for operand in operands:
            scrambled = (scrambled * _FACTOR ^ operand) & _ALL
        scrambled = scrambled * _FACTOR & _ALL
        scrambled ^= scrambled >> 64
        width = WIDTHS.get(term.sort)
        if width is None:
            return scrambled
        ones = term.ones if term.sort in SUMS else _ALL
        return scrambled & self._bits & ones & ((1 << width) - 1)


def _choose(condition: bool, first: int, second: int) -> int:
    return first if condition else second


def make_samples() -> list[Sample]:
    """The samples that are tried, always the same."""
    return [Sample(number << 64, bits) for number, bits in enumerate(RANGES)]
