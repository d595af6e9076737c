"""Short forms of constants: code of two or three instructions that pushes the same bits.

    i32.const -2147483648          →  i32.const -1  i32.const 31  i32.shl
    i64.const 9007199254740991     →  i64.const -1  i64.const 11  i64.shr_u
    i64.const 4294967295           →  i32.const -1  i64.extend_i32_u
    f32.const 10                   →  i32.const 10  f32.convert_i32_s
    f64.const 1000000              →  i32.const 1000000  f64.convert_i32_s
    f64.const 0.5                  →  f32.const 0.5  f64.promote_f32
    f64.const 0x1p-1022            →  i64.const 1  i64.const 52  i64.rotl  f64.reinterpret_i64
    i64.const 4694326386527522287  →  f64.const …  i64.reinterpret_f64

A form is taken only if `semantics.evaluate` gives just the bits of the constant for it; so -0 and
what a float cannot hold exactly are safe from conversions.  A NaN keeps its bits: it comes out of
an integer, never out of arithmetic, and no integer comes out of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from wasmopt.domain import to_signed, to_unsigned
from wasmopt.float_semantics import decode_float, encode_float
from wasmopt.instr import Instr, InstrPool
from wasmopt.opcodes import opcode
from wasmopt.semantics import WIDTHS, constant_bits, evaluate, make_constant
from wasmopt.types import F32, F64, I32, I64, ValType

_SHIFTED: Final = 6
"""Bytes of an integer constant from which on one may be longer than a shift of another."""
_TYPES: Final = {"i32": I32, "i64": I64, "f32": F32, "f64": F64}

Code = tuple[Instr, ...]


class _Source(NamedTuple):
    """A constant that another one may be converted from."""

    type: ValType
    bits: int
    conversion: str


def shortest_form(constant: Instr, pool: InstrPool) -> Code:
    """The shortest code that pushes what a `const` pushes: it alone, or up to four instructions."""
    value_type = _TYPES.get(constant.name[:3])
    if value_type is None or not constant.name.endswith(".const"):
        return (constant,)
    bits = constant_bits(constant)
    best: Code = (constant,)
    if value_type in (I32, I64):
        best = _shorter(best, _shifted(constant, value_type, bits, pool))
    for source in _sources(value_type, bits):
        if evaluate(opcode(source.conversion), [source.bits]) == bits:
            start = make_constant(pool, source.type, source.bits)
            code: Code = (start,)
            if source.type in (I32, I64):
                code = _shorter(code, _shifted(start, source.type, source.bits, pool))
            best = _shorter(best, (*code, pool.make(source.conversion)))
    return best


def size(code: Code) -> int:
    """Bytes."""
    return sum([each.size for each in code])


def _shorter(one: Code, other: Code) -> Code:
    return other if size(other) < size(one) else one


def _sources(value_type: ValType, bits: int) -> Iterator[_Source]:
    """Constants of other types; what they are converted to need not be the same."""
    if value_type == I64:
        yield _Source(I32, bits & 0xFFFF_FFFF, "i64.extend_i32_u")
        if not math.isnan(decode_float(64, bits)):
            yield _Source(F64, bits, "i64.reinterpret_f64")
    elif value_type in (F32, F64):
        width = WIDTHS[value_type]
        name = f"f{width}"
        number = decode_float(width, bits)
        if abs(number) < 1 << 64:  # false of a NaN
            whole = int(number)
            for integer, sign in ((I32, "s"), (I32, "u"), (I64, "s"), (I64, "u")):
                kind = "i32" if integer == I32 else "i64"
                source = to_unsigned(WIDTHS[integer], whole)
                yield _Source(integer, source, f"{name}.convert_{kind}_{sign}")
        if value_type == F64:
            narrow = encode_float(32, number)
            if narrow is not None:
                yield _Source(F32, narrow, "f64.promote_f32")
            yield _Source(I64, bits, "f64.reinterpret_i64")
        else:
            yield _Source(I32, bits, "f32.reinterpret_i32")


def _shifted(constant: Instr, value_type: ValType, bits: int, pool: InstrPool) -> Code:
    """The shortest shift or rotation of a constant that gives an integer constant."""
    if constant.size < _SHIFTED:
        return (constant,)
    width = WIDTHS[value_type]
    name = "i32" if value_type == I32 else "i64"
    full = (1 << width) - 1
    found: list[tuple[int, int, str]] = []
    for count in range(1, width):
        left = bits << count & full
        ones = (1 << count) - 1
        if left >> count == bits:
            found += [(each, count, "shr_u") for each in (left, left | ones)]
        found.append((bits >> count | bits << (width - count) & full, count, "rotl"))
        if not bits & ones:
            found.append((to_unsigned(width, to_signed(width, bits) >> count), count, "shl"))
    start, count, shift = min(found, key=lambda each: _distance(width, each[0]))
    return (
        make_constant(pool, value_type, start),
        make_constant(pool, value_type, count),
        pool.make(f"{name}.{shift}"),
    )


def _distance(width: int, bits: int) -> int:
    """How far a constant is from 0, which its length grows with."""
    number = to_signed(width, bits)
    return ~number if number < 0 else number
