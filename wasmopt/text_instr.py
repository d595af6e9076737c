"""Single instructions, types and literals in the text format.

Everything is a numeric index, so the text of an instruction depends on nothing but itself and is
made once per distinct instruction.

Source: WebAssembly 3.0, Text Format; the legacy exceptions, threads and relaxed SIMD proposals
for their instructions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

from wasmopt.instr import Catch, Instr, MemArg
from wasmopt.opcodes import Opcode
from wasmopt.types import FuncType, ValType, heap_type_text, value_type_text


def instruction_text(instr: Instr) -> str:
    """The instruction in the text format.

    Immediates that have their default value are left out: memory 0, table 0 of an indirect call,
    offset 0, the natural alignment.
    """
    irregular = _IRREGULAR.get(instr.name)
    if irregular is not None:
        return " ".join(filter(None, irregular(*instr.immediates)))
    words = [instr.name]
    for kind, value in zip(instr.op.immediates, instr.immediates, strict=True):
        words.append(_IMMEDIATES[kind](value, instr.op))
    return " ".join(filter(None, words))


def string_text(data: bytes) -> str:
    """A string literal, quotes included; all but printable ASCII is escaped byte by byte."""
    return f'"{data.decode("latin-1").translate(_STRING_ESCAPES)}"'


def comment_text(*words: object) -> str:
    """A block comment; the words may hold anything, the name of a function for instance."""
    text = " ".join([str(word) for word in words])
    text = text.encode().decode("latin-1").translate(_COMMENT_ESCAPES)
    return f"(;{text} ;)" if text.endswith("(") else f"(;{text};)"


def signature_text(signature: FuncType) -> str:
    """Parameters and results of a function type; empty when it has neither."""
    params, results = signature.params, signature.results
    return " ".join(filter(None, (types_text("param", params), types_text("result", results))))


def types_text(keyword: str, types: Iterable[ValType]) -> str:
    """`(param i32 i64)` and its kin; empty when there are no types."""
    names = [value_type_text(value_type) for value_type in types]
    return f"({keyword} {' '.join(names)})" if names else ""


def float_text(bits: int, width: int) -> str:
    """The float of `width` bits with these bits, exactly: hexadecimal, infinity or NaN."""
    form, mantissa_bits = ("<f", 23) if width == 32 else ("<d", 52)
    sign = "-" if bits >> (width - 1) else ""
    magnitude = bits & ~(1 << (width - 1))
    value = struct.unpack(form, magnitude.to_bytes(width // 8, "little"))[0]
    if math.isnan(value):
        payload = magnitude & ((1 << mantissa_bits) - 1)
        return f"{sign}nan" if payload == 1 << (mantissa_bits - 1) else f"{sign}nan:{payload:#x}"
    if math.isinf(value):
        return f"{sign}inf"
    # float.hex writes all 13 digits; f32 values are f64 values too.
    digits, _, exponent = value.hex().partition("p")
    shown = f"{value:.9g}" if width == 32 else repr(value)
    return f"{sign}{digits.rstrip('0').rstrip('.')}p{exponent} {comment_text(f'={sign}{shown}')}"


_STRING_ESCAPES: Final = {
    code: f"\\{code:02x}" for code in range(256) if not 0x20 <= code < 0x7F or code in b'"\\'
}
_COMMENT_ESCAPES: Final = _STRING_ESCAPES | {ord(";"): "\\3b", ord('"'): '"'}
"""A semicolon could open or close a comment; quotation marks do no harm in one."""


def _memarg_text(memarg: MemArg, op: Opcode) -> str:
    memory = str(memarg.memory) if memarg.memory else ""
    offset = f"offset={memarg.offset}" if memarg.offset else ""
    align = f"align={1 << memarg.align}" if memarg.align != op.natural_alignment else ""
    return " ".join(filter(None, (memory, offset, align)))


def _block_type_text(block_type: int | ValType | None, _: Opcode) -> str:
    if block_type is None:
        return ""
    if isinstance(block_type, int):
        return f"(type {block_type})"
    return types_text("result", (block_type,))


_CATCH_KEYWORDS: Final = ("catch", "catch_ref", "catch_all", "catch_all_ref")


def _catches_text(catches: tuple[Catch, ...], _: Opcode) -> str:
    return " ".join(
        [
            f"({_CATCH_KEYWORDS[kind]} {label if tag is None else f'{tag} {label}'})"
            for kind, tag, label in catches
        ]
    )


def _v128_text(value: bytes, _: Opcode) -> str:
    return "i32x4 " + " ".join([f"{lane:#010x}" for lane in struct.unpack("<4I", value)])


def _numbers_text(numbers: Iterable[int], _: Opcode) -> str:
    return " ".join(map(str, numbers))


def _number_text(number: int, _: Opcode) -> str:
    return str(number)


_IMMEDIATES: Final[dict[str, Callable[[Any, Opcode], str]]] = {
    **dict.fromkeys(
        ("func", "type", "table", "local", "global", "tag", "data", "elem", "field", "count"),
        _number_text,
    ),
    **dict.fromkeys(("label", "i32", "i64", "lane"), _number_text),
    **dict.fromkeys(("labels", "lanes"), _numbers_text),
    "memory": lambda memory, _: str(memory) if memory else "",
    "block": _block_type_text,
    "catches": _catches_text,
    "f32": lambda bits, _: float_text(bits, 32),
    "f64": lambda bits, _: float_text(bits, 64),
    "v128": _v128_text,
    "memarg": _memarg_text,
    "heaptype": lambda heap_type, _: heap_type_text(heap_type),
    "zero": lambda _, __: "",
}
"""The text of an immediate by its kind; empty when it has its default value."""


def _reference(heap_type: int | bytes, nullable: object) -> str:
    return f"(ref {'null ' if nullable else ''}{heap_type_text(heap_type)})"


def _call_indirect(name: str) -> Callable[[int, int], tuple[str, ...]]:
    return lambda type_index, table: (name, str(table or ""), f"(type {type_index})")


def _cast(name: str, *, nullable: bool) -> Callable[[int | bytes], tuple[str, ...]]:
    return lambda heap_type: (name, _reference(heap_type, nullable))


def _branch_on_cast(name: str) -> Callable[[int, int, Any, Any], tuple[str, ...]]:
    return lambda flags, label, source, target: (
        name,
        str(label),
        _reference(source, flags & 1),
        _reference(target, flags & 2),
    )


_IRREGULAR: Final[dict[str, Callable[..., tuple[str, ...]]]] = {
    "select_t": lambda types: ("select", types_text("result", types) or "(result)"),
    "call_indirect": _call_indirect("call_indirect"),
    "return_call_indirect": _call_indirect("return_call_indirect"),
    "ref.test": _cast("ref.test", nullable=False),
    "ref.test_null": _cast("ref.test", nullable=True),
    "ref.cast": _cast("ref.cast", nullable=False),
    "ref.cast_null": _cast("ref.cast", nullable=True),
    "br_on_cast": _branch_on_cast("br_on_cast"),
    "br_on_cast_fail": _branch_on_cast("br_on_cast_fail"),
    "memory.init": lambda data, memory: ("memory.init", str(memory or ""), str(data)),
    "memory.copy": lambda to, source: (
        ("memory.copy", str(to), str(source)) if to or source else ("memory.copy",)
    ),
    "table.init": lambda elem, table: ("table.init", str(table), str(elem)),
}
"""Words of the instructions whose text is not their mnemonic and their immediates in order."""
