"""Float arithmetic and conversions on constants, bit by bit as WebAssembly has them.

Each function takes and returns unsigned bit patterns.  It returns None where the result is no
number: for a float a NaN, whose bits the specification leaves open; for an integer a value out
of range, where the instruction traps.

Python floats are IEEE 754 doubles rounded to nearest, ties to even.  An f32 operation computed
in double and rounded once more is exact for + - * / and sqrt, since 53 >= 2 * 24 + 2 (Figueroa,
"When is double rounding innocuous?", SIGNUM 1995).

Source: WebAssembly 3.0, Execution, Numerics (§4.3.3 and §4.3.4).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final

from wasmopt.domain import to_signed, to_unsigned

FloatFunction = Callable[..., int | None]

_FORMATS: Final = {32: ("<I", "<f"), 64: ("<Q", "<d")}
_PRECISION: Final = {32: 24, 64: 53}
"""Bits of a significand, the implicit one included."""


def decode_float(bits: int, pattern: int) -> float:
    """The number that a pattern of `bits` bits stands for; a NaN's payload may get lost."""
    integer_format, float_format = _FORMATS[bits]
    value: float = struct.unpack(float_format, struct.pack(integer_format, pattern))[0]
    return value


def encode_float(bits: int, value: float) -> int | None:
    """The pattern of `value` rounded to `bits` bits, or None for a NaN."""
    if math.isnan(value):
        return None
    integer_format, float_format = _FORMATS[bits]
    try:
        data = struct.pack(float_format, value)
    except OverflowError:  # finite, but rounds past the greatest finite f32
        data = struct.pack(float_format, math.copysign(math.inf, value))
    pattern: int = struct.unpack(integer_format, data)[0]
    return pattern


def _arithmetic(bits: int, function: Callable[..., float]) -> FloatFunction:
    """The row that computes `function` in double and rounds it to its own width."""
    return lambda *operands: encode_float(
        bits, function(*[decode_float(bits, operand) for operand in operands])
    )


def _divide(left: float, right: float) -> float:
    if right != 0.0:
        return left / right
    if left == 0.0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _square_root(value: float) -> float:
    return math.nan if value < 0.0 else math.sqrt(value)


def _minimum(left: float, right: float) -> float:
    if math.isnan(left) or math.isnan(right):
        return math.nan
    if left == right:  # the two zeros compare equal; -0 is the lesser
        return left if math.copysign(1.0, left) < 0.0 else right
    return min(left, right)


def _maximum(left: float, right: float) -> float:
    return -_minimum(-left, -right)


def _to_integral(rounding: Callable[[float], int]) -> Callable[[float], float]:
    """Round to an integer by `rounding`, keeping infinities and the sign of a zero result."""

    def integral(value: float) -> float:
        return math.copysign(float(rounding(value)), value) if math.isfinite(value) else value

    return integral


_ARITHMETIC: Final[dict[str, Callable[..., float]]] = {
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
    "div": _divide,
    "min": _minimum,
    "max": _maximum,
    "sqrt": _square_root,
    "ceil": _to_integral(math.ceil),
    "floor": _to_integral(math.floor),
    "trunc": _to_integral(math.trunc),
    "nearest": _to_integral(round),
}


def _convert(bits: int, from_bits: int, signed: bool) -> FloatFunction:
    """Integer to float, rounded once.

    An i64 does not fit in a double, so rounding an f32 by way of one would round twice: the
    integer itself is cut to the float's precision first, ties to even.
    """

    def convert(pattern: int) -> int | None:
        number = to_signed(from_bits, pattern) if signed else pattern
        step = 1 << max(0, number.bit_length() - _PRECISION[bits])
        quotient, rest = divmod(number, step)
        if 2 * rest > step or (2 * rest == step and quotient % 2 == 1):
            quotient += 1
        return encode_float(bits, float(quotient * step))

    return convert


def _truncate(bits: int, from_bits: int, signed: bool, saturate: bool) -> FloatFunction:
    """Float to integer, towards zero; out of range it is undefined or the nearest integer."""
    least = -(1 << (bits - 1)) if signed else 0
    greatest = least + (1 << bits) - 1

    def truncate(pattern: int) -> int | None:
        value = decode_float(from_bits, pattern)
        if math.isfinite(value) and least <= math.trunc(value) <= greatest:
            return to_unsigned(bits, math.trunc(value))
        if not saturate:
            return None
        if math.isnan(value):
            return 0
        return to_unsigned(bits, least if value < 0.0 else greatest)

    return truncate


FLOAT_FUNCTIONS: Final[dict[str, FloatFunction]] = {
    **{
        f"f{bits}.{name}": _arithmetic(bits, function)
        for bits in (32, 64)
        for name, function in _ARITHMETIC.items()
    },
    **{
        f"f{bits}.convert_i{from_bits}_{sign}": _convert(bits, from_bits, sign == "s")
        for bits in (32, 64)
        for from_bits in (32, 64)
        for sign in "su"
    },
    **{
        f"i{bits}.{name}_f{from_bits}_{sign}": _truncate(
            bits, from_bits, sign == "s", name == "trunc_sat"
        )
        for bits in (32, 64)
        for name in ("trunc", "trunc_sat")
        for from_bits in (32, 64)
        for sign in "su"
    },
    "f32.demote_f64": lambda pattern: encode_float(32, decode_float(64, pattern)),
    "f64.promote_f32": lambda pattern: encode_float(64, decode_float(32, pattern)),
}
"""By mnemonic: all float rows that `semantics.MEANINGS` does not have."""
