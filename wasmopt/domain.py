"""Domains: what the meanings in `semantics.py` are written in terms of.

A domain says what a value and a condition are, and offers the operations below on them.  One
meaning then serves constant folding (`IntDomain`), Z3 bit-vectors and symbolic terms alike.

Every operation is total and means the SMT-LIB bit-vector operation of that name, division by
zero included (theory FixedSizeBitVectors), so that all domains agree on all operands; where an
instruction traps, its meaning says so beside the value.
"""

# ruff: noqa: D102 - `Domain` says what its operations mean

from __future__ import annotations

from typing import Final, Protocol, TypeVar

V = TypeVar("V")
"""A value: a bit pattern of exact width, read as unsigned unless an operation says otherwise."""
B = TypeVar("B")
"""A condition."""


class Domain(Protocol[V, B]):
    """Operations on values of `bits` bits, which is the width of operands and result alike.

    Where a result has another width, or operands do, the method says so.
    """

    def constant(self, bits: int, value: int) -> V:
        """The value 0 <= `value` < 2**`bits`."""

    def add(self, bits: int, left: V, right: V) -> V:
        """Sum modulo 2**`bits`."""

    def sub(self, bits: int, left: V, right: V) -> V:
        """Difference modulo 2**`bits`."""

    def mul(self, bits: int, left: V, right: V) -> V:
        """Product modulo 2**`bits`."""

    def udiv(self, bits: int, left: V, right: V) -> V:
        """Unsigned quotient; all ones when `right` is 0."""

    def urem(self, bits: int, left: V, right: V) -> V:
        """Unsigned remainder; `left` when `right` is 0."""

    def sdiv(self, bits: int, left: V, right: V) -> V:
        """Signed quotient towards zero, modulo 2**`bits`; by zero: 1 or -1, against the sign."""

    def srem(self, bits: int, left: V, right: V) -> V:
        """Signed remainder with the sign of `left`; `left` when `right` is 0."""

    def and_(self, bits: int, left: V, right: V) -> V:
        """Bitwise and."""

    def or_(self, bits: int, left: V, right: V) -> V:
        """Bitwise or."""

    def xor(self, bits: int, left: V, right: V) -> V:
        """Bitwise exclusive or."""

    def shl(self, bits: int, value: V, count: V) -> V:
        """Shift left; `count` is below `bits`."""

    def lshr(self, bits: int, value: V, count: V) -> V:
        """Shift right, zeros come in; `count` is below `bits`."""

    def ashr(self, bits: int, value: V, count: V) -> V:
        """Shift right, copies of the sign come in; `count` is below `bits`."""

    def rotl(self, bits: int, value: V, count: V) -> V:
        """Rotate left; `count` is below `bits`."""

    def rotr(self, bits: int, value: V, count: V) -> V:
        """Rotate right; `count` is below `bits`."""

    def clz(self, bits: int, value: V) -> V:
        """Number of leading zeros; `bits` for 0."""

    def ctz(self, bits: int, value: V) -> V:
        """Number of trailing zeros; `bits` for 0."""

    def popcnt(self, bits: int, value: V) -> V:
        """Number of ones."""

    def zero_extend(self, from_bits: int, bits: int, value: V) -> V:
        """`value` of `from_bits` bits with zeros in front."""

    def sign_extend(self, from_bits: int, bits: int, value: V) -> V:
        """`value` of `from_bits` bits with copies of its sign in front."""

    def extract(self, high: int, low: int, value: V) -> V:
        """Bits `high` to `low` of `value`, both included: `high` - `low` + 1 bits."""

    def eq(self, bits: int, left: V, right: V) -> B:
        """Whether the values are the same."""

    def ult(self, bits: int, left: V, right: V) -> B:
        """Whether `left` is less than `right`, both unsigned."""

    def slt(self, bits: int, left: V, right: V) -> B:
        """Whether `left` is less than `right`, both signed."""

    def not_(self, condition: B) -> B:
        """Whether `condition` fails."""

    def both(self, left: B, right: B) -> B:
        """Whether both conditions hold."""

    def either(self, left: B, right: B) -> B:
        """Whether at least one condition holds."""

    def from_bool(self, bits: int, condition: B) -> V:
        """1 where `condition` holds, else 0."""


def to_signed(bits: int, value: int) -> int:
    """The number that the pattern `value` of `bits` bits stands for in two's complement."""
    return value - (1 << bits) if value >> (bits - 1) else value


def to_unsigned(bits: int, value: int) -> int:
    """The pattern of `bits` bits that stands for `value` modulo 2**`bits`."""
    return value & ((1 << bits) - 1)


class IntDomain(Domain[int, bool]):
    """`Domain` of Python ints from 0 to 2**bits - 1, with bools for conditions."""

    def constant(self, bits: int, value: int) -> int:
        return value

    def add(self, bits: int, left: int, right: int) -> int:
        return to_unsigned(bits, left + right)

    def sub(self, bits: int, left: int, right: int) -> int:
        return to_unsigned(bits, left - right)

    def mul(self, bits: int, left: int, right: int) -> int:
        return to_unsigned(bits, left * right)

    def udiv(self, bits: int, left: int, right: int) -> int:
        return left // right if right else to_unsigned(bits, -1)

    def urem(self, bits: int, left: int, right: int) -> int:
        return left % right if right else left

    def sdiv(self, bits: int, left: int, right: int) -> int:
        dividend, divisor = to_signed(bits, left), to_signed(bits, right)
        if divisor == 0:
            return to_unsigned(bits, 1 if dividend < 0 else -1)
        quotient = abs(dividend) // abs(divisor)
        return to_unsigned(bits, quotient if (dividend < 0) == (divisor < 0) else -quotient)

    def srem(self, bits: int, left: int, right: int) -> int:
        return self.sub(bits, left, self.mul(bits, self.sdiv(bits, left, right), right))

    def and_(self, bits: int, left: int, right: int) -> int:
        return left & right

    def or_(self, bits: int, left: int, right: int) -> int:
        return left | right

    def xor(self, bits: int, left: int, right: int) -> int:
        return left ^ right

    def shl(self, bits: int, value: int, count: int) -> int:
        return to_unsigned(bits, value << count)

    def lshr(self, bits: int, value: int, count: int) -> int:
        return value >> count

    def ashr(self, bits: int, value: int, count: int) -> int:
        return to_unsigned(bits, to_signed(bits, value) >> count)

    def rotl(self, bits: int, value: int, count: int) -> int:
        return to_unsigned(bits, value << count) | value >> (bits - count)

    def rotr(self, bits: int, value: int, count: int) -> int:
        return value >> count | to_unsigned(bits, value << (bits - count))

    def clz(self, bits: int, value: int) -> int:
        return bits - value.bit_length()

    def ctz(self, bits: int, value: int) -> int:
        return (value & -value).bit_length() - 1 if value else bits

    def popcnt(self, bits: int, value: int) -> int:
        return value.bit_count()

    def zero_extend(self, from_bits: int, bits: int, value: int) -> int:
        return value

    def sign_extend(self, from_bits: int, bits: int, value: int) -> int:
        return to_unsigned(bits, to_signed(from_bits, value))

    def extract(self, high: int, low: int, value: int) -> int:
        return to_unsigned(high - low + 1, value >> low)

    def eq(self, bits: int, left: int, right: int) -> bool:
        return left == right

    def ult(self, bits: int, left: int, right: int) -> bool:
        return left < right

    def slt(self, bits: int, left: int, right: int) -> bool:
        return to_signed(bits, left) < to_signed(bits, right)

    def not_(self, condition: bool) -> bool:
        return not condition

    def both(self, left: bool, right: bool) -> bool:
        return left and right

    def either(self, left: bool, right: bool) -> bool:
        return left or right

    def from_bool(self, bits: int, condition: bool) -> int:
        return int(condition)


INTEGERS: Final = IntDomain()
