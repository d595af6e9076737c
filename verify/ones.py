"""Possible ones: for each new i32 or i64 term a mask of the bits that may be one.

A mask may have too many bits, never too few, for all values of the operands; where an instruction
traps that is said of the value the solver gives it (`domain.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from wasmopt.verify.terms import BITS, Term


def up_to(number: int) -> int:
    """The mask of all numbers from 0 to `number`."""
    return (1 << number.bit_length()) - 1


def _full(term: Term) -> int:
    return (1 << BITS[term.sort]) - 1


def _constant(term: Term) -> int:
    bits: Any = term.payload
    return int(bits)


def _shift_count(term: Term) -> int | None:
    count: Any = term.args[1].payload
    return count % BITS[term.sort] if term.args[1].op == "const" else None


def _shl(term: Term) -> int:
    ones = term.args[0].ones
    return _full(term) & -(ones & -ones)


def _shr_u(term: Term) -> int:
    count, ones = _shift_count(term), term.args[0].ones
    return up_to(ones) if count is None else ones >> count


def _shr_s(term: Term) -> int:
    ones, full = term.args[0].ones, _full(term)
    if not ones & (full ^ full >> 1):
        return _shr_u(term)
    count = _shift_count(term)
    return full if count is None else ones >> count | (full ^ full >> count)


def _rotl(term: Term) -> int:
    count, ones, full = _shift_count(term), term.args[0].ones, _full(term)
    if count is None:
        return full if ones else 0
    return (ones << count | ones >> (BITS[term.sort] - count)) & full


def _mul(term: Term) -> int:
    left, right, full = term.args[0].ones, term.args[1].ones, _full(term)
    greatest = left * right
    low = (left & -left) * (right & -right)
    return (up_to(greatest) if greatest <= full else full) & -low


def _div_u(term: Term) -> int:
    dividend, divisor = term.args
    number: Any = divisor.payload
    return up_to(dividend.ones // number) if divisor.op == "const" and number else _full(term)


def _rem_u(term: Term) -> int:
    dividend, divisor = term.args
    number: Any = divisor.payload
    if divisor.op == "const" and number:
        return up_to(min(dividend.ones, number - 1))
    return up_to(dividend.ones)


def _product(full: int, factor: int, ones: int) -> int:
    """Of factor * value modulo full + 1, for values within `ones`."""
    if factor & (factor - 1) == 0:
        return factor * ones & full
    greatest = factor * ones
    low = (factor & -factor) * (ones & -ones)
    return (up_to(greatest) if greatest <= full else full) & -low


def _sum(term: Term) -> int:
    """Disjoint summands keep their bits; others may carry, up to the greatest sum if it fits."""
    full = _full(term)
    payload: Any = term.payload
    taken, factors = payload
    for arg, factor in zip(term.args, factors, strict=True):
        more = _product(full, factor, arg.ones)
        if taken & more:
            low = (taken | more) & -(taken | more)
            greatest = taken + more
            taken = (up_to(greatest) if greatest <= full else full) & -low
        else:
            taken |= more
    return int(taken)


def _extend_s(term: Term) -> int:
    ones = term.args[0].ones
    return ones | 0xFFFF_FFFF_0000_0000 if ones >> 31 else ones


def _either(term: Term) -> int:
    return term.args[1].ones | term.args[2].ones


_Mask = Callable[[Term], int]

_BOTH_WIDTHS: Final[dict[str, _Mask]] = {
    "and": lambda term: term.args[0].ones & term.args[1].ones,
    "or": lambda term: term.args[0].ones | term.args[1].ones,
    "xor": lambda term: term.args[0].ones | term.args[1].ones,
    "shl": _shl,
    "shr_u": _shr_u,
    "shr_s": _shr_s,
    "rotl": _rotl,
    "mul": _mul,
    "div_u": _div_u,
    "rem_u": _rem_u,
    "sum": _sum,
    **dict.fromkeys(["clz", "ctz", "popcnt"], lambda term: up_to(BITS[term.sort])),
}

_INTEGER_TESTS: Final = (
    "eqz",
    "eq",
    "ne",
    *[f"{c}_{s}" for c in ("lt", "gt", "le", "ge") for s in "su"],
)
_FLOAT_TESTS: Final = ("eq", "ne", "lt", "gt", "le", "ge")
_SHAPES: Final = ("i8x16", "i16x8", "i32x4", "i64x2")
_TESTS: Final = [
    *[f"i{bits}.{name}" for bits in (32, 64) for name in _INTEGER_TESTS],
    *[f"f{bits}.{name}" for bits in (32, 64) for name in _FLOAT_TESTS],
    "v128.any_true",
    *[f"{shape}.all_true" for shape in _SHAPES],
]
"""Instructions with the results 0 and 1."""

_MASKS: Final[dict[str, _Mask]] = {
    "const": _constant,
    "ite": _either,
    **{f"i{bits}.{name}": mask for bits in (32, 64) for name, mask in _BOTH_WIDTHS.items()},
    **dict.fromkeys(_TESTS, lambda _term: 1),
    "i32.wrap_i64": lambda term: term.args[0].ones & 0xFFFF_FFFF,
    "i64.extend_i32_u": lambda term: term.args[0].ones,
    "i64.extend_i32_s": _extend_s,
    "i8x16.bitmask": lambda _term: 0xFFFF,
    "i16x8.bitmask": lambda _term: 0xFF,
    "i32x4.bitmask": lambda _term: 0xF,
    "i64x2.bitmask": lambda _term: 0x3,
    "i8x16.extract_lane_u": lambda _term: 0xFF,
    "i16x8.extract_lane_u": lambda _term: 0xFFFF,
}


def fill_in(term: Term) -> None:
    """Set `ones` of a new term; what is not in the table keeps all bits."""
    mask = _MASKS.get(term.op)
    if mask is not None and term.sort in ("i32", "i64"):
        term.ones = mask(term)
