"""Value types, and the types that a module's type section defines.

A value type is kept as its encoded bytes with minimal numbers: hashable, comparable, ready to
write.  `0x70` and `0x63 0x70` both spell funcref and stay as they were written.

Source: WebAssembly 3.0, Binary Format, Types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NewType

from wasmopt.errors import DecodeError
from wasmopt.reader import Reader, signed_leb, unsigned_leb

ValType = NewType("ValType", bytes)
"""An encoded value type, for instance b"\\x7f" for i32."""

I32: Final = ValType(b"\x7f")
I64: Final = ValType(b"\x7e")
F32: Final = ValType(b"\x7d")
F64: Final = ValType(b"\x7c")
V128: Final = ValType(b"\x7b")
FUNCREF: Final = ValType(b"\x70")
EXTERNREF: Final = ValType(b"\x6f")

NUMBER_NAMES: Final = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128"}
NUMBER_TYPES: Final = {name: code for code, name in NUMBER_NAMES.items()}
HEAP_NAMES: Final = {
    0x74: "noexn",
    0x73: "nofunc",
    0x72: "noextern",
    0x71: "none",
    0x70: "func",
    0x6F: "extern",
    0x6E: "any",
    0x6D: "eq",
    0x6C: "i31",
    0x6B: "struct",
    0x6A: "array",
    0x69: "exn",
}
REF_NULL_PREFIX: Final = 0x63
REF_PREFIX: Final = 0x64
PACKED_NAMES: Final = {b"\x78": "i8", b"\x77": "i16"}


@dataclass(frozen=True, slots=True)
class FuncType:
    """Parameters and results of a function, block, tag or continuation."""

    params: tuple[ValType, ...] = ()
    results: tuple[ValType, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldType:
    """One field: a value type or a packed type (`i8`, `i16`), and whether it can be set."""

    storage: bytes
    mutable: bool


@dataclass(frozen=True, slots=True)
class StructType:
    """A structure type."""

    fields: tuple[FieldType, ...]


@dataclass(frozen=True, slots=True)
class ArrayType:
    """An array type."""

    element: FieldType


@dataclass(frozen=True, slots=True)
class SubType:
    """A defined type with its declared supertypes.

    Attributes:
        final: whether it may have subtypes of its own (it may not when final).
        explicit: whether the `sub` form was written out; a plain composite type is final.
    """

    composite: FuncType | StructType | ArrayType
    supertypes: tuple[int, ...] = ()
    final: bool = True
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class RecGroup:
    """Types that may refer to each other; `explicit` when written with `rec`."""

    types: tuple[SubType, ...]
    explicit: bool = False


def is_reference(value_type: ValType) -> bool:
    """Whether `value_type` is a reference type."""
    return value_type not in NUMBER_NAMES


def is_defaultable(value_type: ValType) -> bool:
    """Whether a local of this type starts with a default value (spec 3.0 §3.2.6)."""
    return value_type[0] != REF_PREFIX


def heap_type_text(heap_type: int | bytes) -> str:
    """A heap type as text: a type index or the name of an abstract type."""
    return str(heap_type) if isinstance(heap_type, int) else HEAP_NAMES[heap_type[0]]


def value_type_text(value_type: bytes) -> str:
    """A value or packed type in the text format."""
    if value_type in PACKED_NAMES:
        return PACKED_NAMES[value_type]
    if value_type in NUMBER_NAMES:
        return NUMBER_NAMES[ValType(value_type)]
    if value_type[0] not in (REF_PREFIX, REF_NULL_PREFIX):
        return _ABSTRACT_REFERENCES[value_type[0]]
    heap_type = read_heap_type(Reader(value_type, 1))
    if value_type[0] == REF_PREFIX:
        return f"(ref {heap_type_text(heap_type)})"
    if isinstance(heap_type, bytes):
        return _ABSTRACT_REFERENCES[heap_type[0]]
    return f"(ref null {heap_type})"


_ABSTRACT_REFERENCES: Final = {
    code: name.replace("none", "null").replace("no", "null") + "ref"
    for code, name in HEAP_NAMES.items()
}
"""Nullable references to abstract heap types: funcref, nullfuncref, …"""


def read_heap_type(reader: Reader) -> int | bytes:
    """A type index, or the one byte of an abstract heap type."""
    start = reader.position
    value = reader.signed(33, "heap type")
    if value >= 0:
        return value
    code = value & 0x7F
    if reader.position - start > 1 or code not in HEAP_NAMES:
        raise DecodeError(f"unknown heap type {value}", start)
    return bytes([code])


def heap_type_bytes(heap_type: int | bytes) -> bytes:
    """The encoding of a heap type."""
    return heap_type if isinstance(heap_type, bytes) else signed_leb(heap_type)


def read_value_type(reader: Reader) -> ValType:
    """A value type, numbers minimal.

    Raises:
        DecodeError: the bytes are none, or of a proposal outside WebAssembly 3.0.
    """
    code = reader.byte("value type")
    if code in (REF_PREFIX, REF_NULL_PREFIX):
        return ValType(bytes([code]) + heap_type_bytes(read_heap_type(reader)))
    if code in HEAP_NAMES or bytes([code]) in NUMBER_NAMES:
        return ValType(bytes([code]))
    raise DecodeError(f"unknown value type 0x{code:02x}", reader.position - 1)


def read_value_types(reader: Reader, what: str) -> tuple[ValType, ...]:
    """A vector of value types."""
    return tuple(read_value_type(reader) for _ in range(reader.count(what)))


def value_types_bytes(types: tuple[ValType, ...]) -> bytes:
    """The encoding of a vector of value types."""
    return unsigned_leb(len(types)) + b"".join(types)
