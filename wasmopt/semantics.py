"""The meaning of every scalar numeric instruction, written once over a `Domain`.

`MEANINGS` holds the rows that are bit operations: all integer arithmetic and comparisons,
widening, narrowing and reinterpretation, and of the floats abs, neg, copysign and the
comparisons.  The other float rows are rounded arithmetic and are evaluated on constants only
(`float_semantics.py`).

    MEANINGS["i32.div_u"].value(domain, left, right)     what it computes
    MEANINGS["i32.div_u"].traps(domain, left, right)     when it traps instead
    evaluate(opcode("i32.add"), (1, 2)) == 3

Values are unsigned bit patterns: 32 bits for i32 and f32, 64 for i64 and f64.

Source: WebAssembly 3.0, Execution, Numerics (§4.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

from wasmopt.domain import INTEGERS, B, Domain, V, to_signed, to_unsigned
from wasmopt.float_semantics import FLOAT_FUNCTIONS
from wasmopt.instr import Instr, InstrPool
from wasmopt.opcodes import Effect, Opcode
from wasmopt.types import F32, F64, I32, I64, NUMBER_NAMES, ValType

WIDTHS: Final = {I32: 32, I64: 64, F32: 32, F64: 64}
"""Bits of a value of each scalar type."""


class Trap(Enum):
    """What an instruction that traps gives instead of a value."""

    TRAP = "trap"


TRAP: Final = Trap.TRAP

Formula = Callable[..., Any]
"""(domain, bits, *operands) -> value or condition; `bits` is the width of the row's type."""


class Meaning:
    """What one instruction computes, and when it traps instead."""

    __slots__ = ("_bits", "_traps", "_value")

    def __init__(self, bits: int, value: Formula, traps: Formula | None = None) -> None:
        self._bits: Final = bits
        self._value: Final = value
        self._traps: Final = traps

    def value(self, domain: Domain[V, B], *operands: V) -> V:
        """The result; of no significance where `traps` holds."""
        result: V = self._value(domain, self._bits, *operands)
        return result

    def traps(self, domain: Domain[V, B], *operands: V) -> B | None:
        """The condition under which it traps, or None when it never does."""
        if self._traps is None:
            return None
        condition: B = self._traps(domain, self._bits, *operands)
        return condition


# Parameters below: d domain, n width in bits, a and b operands, k shift count.


def _zero(d: Domain[V, B], n: int) -> V:
    return d.constant(n, 0)


def _count(d: Domain[V, B], n: int, k: V) -> V:
    """A shift count modulo the width, which is a power of two."""
    return d.and_(n, k, d.constant(n, n - 1))


def _division_overflows(d: Domain[V, B], n: int, a: V, b: V) -> B:
    """The quotient 2**(n-1) of the least number and -1 does not fit."""
    least, minus_one = d.constant(n, 1 << (n - 1)), d.constant(n, (1 << n) - 1)
    return d.both(d.eq(n, a, least), d.eq(n, b, minus_one))


def _by_zero(d: Domain[V, B], n: int, a: V, b: V) -> B:
    return d.eq(n, b, _zero(d, n))


def _extend_low(low: int) -> Formula:
    """The row that sign-extends the lowest `low` bits in place."""
    return lambda d, n, a: d.sign_extend(low, n, d.extract(low - 1, 0, a))


def _flag(test: Formula) -> Formula:
    """The row whose result is the i32 1 where `test` holds and 0 elsewhere."""
    return lambda d, n, *operands: d.from_bool(32, test(d, n, *operands))


_INTEGER: Final[dict[str, Formula]] = {
    "clz": lambda d, n, a: d.clz(n, a),
    "ctz": lambda d, n, a: d.ctz(n, a),
    "popcnt": lambda d, n, a: d.popcnt(n, a),
    "add": lambda d, n, a, b: d.add(n, a, b),
    "sub": lambda d, n, a, b: d.sub(n, a, b),
    "mul": lambda d, n, a, b: d.mul(n, a, b),
    "div_s": lambda d, n, a, b: d.sdiv(n, a, b),
    "div_u": lambda d, n, a, b: d.udiv(n, a, b),
    "rem_s": lambda d, n, a, b: d.srem(n, a, b),
    "rem_u": lambda d, n, a, b: d.urem(n, a, b),
    "and": lambda d, n, a, b: d.and_(n, a, b),
    "or": lambda d, n, a, b: d.or_(n, a, b),
    "xor": lambda d, n, a, b: d.xor(n, a, b),
    "shl": lambda d, n, a, k: d.shl(n, a, _count(d, n, k)),
    "shr_s": lambda d, n, a, k: d.ashr(n, a, _count(d, n, k)),
    "shr_u": lambda d, n, a, k: d.lshr(n, a, _count(d, n, k)),
    "rotl": lambda d, n, a, k: d.rotl(n, a, _count(d, n, k)),
    "rotr": lambda d, n, a, k: d.rotr(n, a, _count(d, n, k)),
    "extend8_s": _extend_low(8),
    "extend16_s": _extend_low(16),
}
"""Rows i32.* and i64.* with operands and result of one width."""

_INTEGER_TRAPS: Final[dict[str, Formula]] = {
    "div_s": lambda d, n, a, b: d.either(_by_zero(d, n, a, b), _division_overflows(d, n, a, b)),
    "div_u": _by_zero,
    "rem_s": _by_zero,
    "rem_u": _by_zero,
}

_INTEGER_TESTS: Final[dict[str, Formula]] = {
    "eqz": lambda d, n, a: d.eq(n, a, _zero(d, n)),
    "eq": lambda d, n, a, b: d.eq(n, a, b),
    "ne": lambda d, n, a, b: d.not_(d.eq(n, a, b)),
    "lt_s": lambda d, n, a, b: d.slt(n, a, b),
    "lt_u": lambda d, n, a, b: d.ult(n, a, b),
    "gt_s": lambda d, n, a, b: d.slt(n, b, a),
    "gt_u": lambda d, n, a, b: d.ult(n, b, a),
    "le_s": lambda d, n, a, b: d.not_(d.slt(n, b, a)),
    "le_u": lambda d, n, a, b: d.not_(d.ult(n, b, a)),
    "ge_s": lambda d, n, a, b: d.not_(d.slt(n, a, b)),
    "ge_u": lambda d, n, a, b: d.not_(d.ult(n, a, b)),
}

_INFINITY: Final = {32: 0x7F80_0000, 64: 0x7FF0_0000_0000_0000}
"""The pattern of positive infinity: all exponent bits."""


def _sign(d: Domain[V, B], n: int) -> V:
    return d.constant(n, 1 << (n - 1))


def _magnitude(d: Domain[V, B], n: int, a: V) -> V:
    """`a` without its sign bit."""
    return d.and_(n, a, d.constant(n, (1 << (n - 1)) - 1))


def _ordered(d: Domain[V, B], n: int, a: V, b: V) -> B:
    """Neither is a NaN: those are the patterns above infinity."""
    infinity = d.constant(n, _INFINITY[n])
    return d.not_(
        d.either(
            d.ult(n, infinity, _magnitude(d, n, a)),
            d.ult(n, infinity, _magnitude(d, n, b)),
        )
    )


def _same_number(d: Domain[V, B], n: int, a: V, b: V) -> B:
    """Of two that are no NaN: the same pattern, or both a zero."""
    both_zero = d.eq(n, _magnitude(d, n, d.or_(n, a, b)), _zero(d, n))
    return d.either(d.eq(n, a, b), both_zero)


def _rank(d: Domain[V, B], n: int, a: V) -> V:
    """A signed number that grows with the float: negative ones have their magnitude inverted."""
    sign_copies = d.ashr(n, a, d.constant(n, n - 1))
    return d.xor(n, a, d.lshr(n, sign_copies, d.constant(n, 1)))


def _float_eq(d: Domain[V, B], n: int, a: V, b: V) -> B:
    return d.both(_ordered(d, n, a, b), _same_number(d, n, a, b))


def _float_lt(d: Domain[V, B], n: int, a: V, b: V) -> B:
    less = d.slt(n, _rank(d, n, a), _rank(d, n, b))
    return d.both(d.both(_ordered(d, n, a, b), d.not_(_same_number(d, n, a, b))), less)


def _float_le(d: Domain[V, B], n: int, a: V, b: V) -> B:
    return d.either(_float_lt(d, n, a, b), _float_eq(d, n, a, b))


_FLOAT: Final[dict[str, Formula]] = {
    "abs": _magnitude,
    "neg": lambda d, n, a: d.xor(n, a, _sign(d, n)),
    "copysign": lambda d, n, a, b: d.or_(n, _magnitude(d, n, a), d.and_(n, b, _sign(d, n))),
}
"""Rows f32.* and f64.* that only move bits, of NaNs too (§4.3.3, fabs, fneg, fcopysign)."""

_FLOAT_TESTS: Final[dict[str, Formula]] = {
    "eq": _float_eq,
    "ne": lambda d, n, a, b: d.not_(_float_eq(d, n, a, b)),
    "lt": _float_lt,
    "gt": lambda d, n, a, b: _float_lt(d, n, b, a),
    "le": _float_le,
    "ge": lambda d, n, a, b: _float_le(d, n, b, a),
}


def _same_bits(d: Domain[V, B], n: int, a: V) -> V:
    return a


_CONVERSIONS: Final[dict[str, Formula]] = {
    "i32.wrap_i64": lambda d, n, a: d.extract(31, 0, a),
    "i64.extend_i32_s": lambda d, n, a: d.sign_extend(32, 64, a),
    "i64.extend_i32_u": lambda d, n, a: d.zero_extend(32, 64, a),
    "i64.extend32_s": _extend_low(32),
    "i32.reinterpret_f32": _same_bits,
    "i64.reinterpret_f64": _same_bits,
    "f32.reinterpret_i32": _same_bits,
    "f64.reinterpret_i64": _same_bits,
}


def _both_widths(
    kind: str,
    values: dict[str, Formula],
    tests: dict[str, Formula],
    traps: dict[str, Formula],
) -> dict[str, Meaning]:
    """The meanings of the 32-bit and the 64-bit rows of one kind of number."""
    formulas = values | {name: _flag(test) for name, test in tests.items()}
    return {
        f"{kind}{bits}.{name}": Meaning(bits, formula, traps.get(name))
        for bits in (32, 64)
        for name, formula in formulas.items()
    }


MEANINGS: Final[dict[str, Meaning]] = {
    **_both_widths("i", _INTEGER, _INTEGER_TESTS, _INTEGER_TRAPS),
    **_both_widths("f", _FLOAT, _FLOAT_TESTS, {}),
    **{name: Meaning(int(name[1:3]), formula) for name, formula in _CONVERSIONS.items()},
}
"""By mnemonic; a domain's operations are called with exact widths."""


def evaluate(op: Opcode, operands: Sequence[int]) -> int | Trap | None:
    """What `op` gives for constant operands.

    Args:
        op: any row.
        operands: unsigned bit patterns of the operands' widths, the deepest first.

    Returns:
        The bit pattern of the result; TRAP where it traps; None where the specification leaves
        the bits open (NaNs out of arithmetic) or the row is not a scalar numeric instruction.
    """
    meaning = MEANINGS.get(op.mnemonic)
    if meaning is not None:
        return TRAP if meaning.traps(INTEGERS, *operands) else meaning.value(INTEGERS, *operands)
    function = FLOAT_FUNCTIONS.get(op.mnemonic)
    if function is None:
        return None
    result = function(*operands)
    return TRAP if result is None and op.effects & Effect.TRAP else result


def constant_bits(instr: Instr) -> int:
    """The unsigned bit pattern that an i32, i64, f32 or f64 `const` pushes."""
    value: int = instr.immediates[0]
    return to_unsigned(int(instr.name[1:3]), value)


def make_constant(pool: InstrPool, value_type: ValType, bits: int) -> Instr:
    """The `const` of an i32, i64, f32 or f64 that pushes the unsigned pattern `bits`."""
    is_integer = value_type in (I32, I64)
    immediate = to_signed(WIDTHS[value_type], bits) if is_integer else bits
    return pool.make(f"{NUMBER_NAMES[value_type]}.const", immediate)
