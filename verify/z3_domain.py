"""Z3 bit-vectors as a `Domain`: what the one set of meanings says to the solver.

Source of the operations: SMT-LIB, theory FixedSizeBitVectors, which `wasmopt.domain` follows.
"""

# ruff: noqa: D102 - `Domain` says what its operations mean

from __future__ import annotations

import z3

from wasmopt.domain import Domain


class Z3Domain(Domain[z3.BitVecRef, z3.BoolRef]):
    """`Domain` of Z3 bit-vectors of exact width, with Z3 Booleans for conditions.

    Args:
        context: where constants are made; everything else lives where its operands do.  None
            stands for Z3's main context, which only one thread may use.
    """

    def __init__(self, context: z3.Context | None) -> None:
        self._context = context

    def constant(self, bits: int, value: int) -> z3.BitVecRef:
        return z3.BitVecVal(value, bits, self._context)

    def add(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left + right

    def sub(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left - right

    def mul(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left * right

    def udiv(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return z3.UDiv(left, right)

    def urem(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return z3.URem(left, right)

    def sdiv(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left / right

    def srem(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return z3.SRem(left, right)

    def and_(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left & right

    def or_(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left | right

    def xor(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BitVecRef:
        return left ^ right

    def shl(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        return value << count

    def lshr(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        return z3.LShR(value, count)

    def ashr(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        return value >> count

    def rotl(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        return z3.RotateLeft(value, count)

    def rotr(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        return z3.RotateRight(value, count)

    def clz(self, bits: int, value: z3.BitVecRef) -> z3.BitVecRef:
        """Halving: while the upper half is zero, count it and look at the lower one."""
        zero = self.constant(bits, 0)
        count, rest, step = zero, value, bits // 2
        while step:
            upper_is_zero = z3.LShR(rest, bits - step) == zero
            count = z3.If(upper_is_zero, count + step, count)
            rest = z3.If(upper_is_zero, rest << step, rest)
            step //= 2
        return z3.If(value == zero, self.constant(bits, bits), count)

    def ctz(self, bits: int, value: z3.BitVecRef) -> z3.BitVecRef:
        """The trailing zeros are what `value - 1` turns into ones; all bits for 0."""
        return self.popcnt(bits, ~value & (value - 1))

    def popcnt(self, bits: int, value: z3.BitVecRef) -> z3.BitVecRef:
        """Sums of neighbouring fields of 1, 2, 4, ... bits, all fields at once."""
        total, width = value, 1
        while width < bits:
            low_fields = self.constant(bits, ((1 << bits) - 1) // ((1 << width) + 1))
            total = (total & low_fields) + (z3.LShR(total, width) & low_fields)
            width *= 2
        return total

    def zero_extend(self, from_bits: int, bits: int, value: z3.BitVecRef) -> z3.BitVecRef:
        return z3.ZeroExt(bits - from_bits, value)

    def sign_extend(self, from_bits: int, bits: int, value: z3.BitVecRef) -> z3.BitVecRef:
        return z3.SignExt(bits - from_bits, value)

    def extract(self, high: int, low: int, value: z3.BitVecRef) -> z3.BitVecRef:
        return z3.Extract(high, low, value)

    def eq(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BoolRef:
        return left == right

    def ult(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BoolRef:
        return z3.ULT(left, right)

    def slt(self, bits: int, left: z3.BitVecRef, right: z3.BitVecRef) -> z3.BoolRef:
        return left < right

    def not_(self, condition: z3.BoolRef) -> z3.BoolRef:
        return z3.Not(condition)

    def both(self, left: z3.BoolRef, right: z3.BoolRef) -> z3.BoolRef:
        return z3.And(left, right)

    def either(self, left: z3.BoolRef, right: z3.BoolRef) -> z3.BoolRef:
        return z3.Or(left, right)

    def from_bool(self, bits: int, condition: z3.BoolRef) -> z3.BitVecRef:
        return z3.If(condition, self.constant(bits, 1), self.constant(bits, 0))
