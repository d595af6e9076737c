"""Instructions: immutable, interned, one object per distinct (opcode, immediates) in a module.

A body is a tuple of references to these, so a function of 90,000 instructions costs 8 bytes an
instruction, writing it back is a join, and equality is identity.

Source of the encodings: WebAssembly 3.0, Binary Format, Instructions.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from wasmopt.errors import DecodeError
from wasmopt.opcodes import BY_CODE, BY_MNEMONIC, Opcode
from wasmopt.reader import Reader, signed_leb, unsigned_leb
from wasmopt.types import (
    HEAP_NAMES,
    NUMBER_NAMES,
    REF_NULL_PREFIX,
    REF_PREFIX,
    ValType,
    heap_type_bytes,
    read_heap_type,
    read_value_type,
    read_value_types,
    value_types_bytes,
)


class MemArg(NamedTuple):
    """Immediate of a memory access: log2 of the alignment hint in bytes, offset in bytes."""

    align: int
    offset: int
    memory: int = 0
    explicit: bool = False
    """Memory 0 was spelled out: legal, one byte longer, kept as written."""


class Catch(NamedTuple):
    """One clause of try_table: kind 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref."""

    kind: int
    tag: int | None
    label: int


Immediate = Any
"""int (indices, constants; float constants as their bits), bytes (types, vectors), None (the
empty block type), `MemArg`, or a tuple (labels with the default last, catches, value types)."""

PREFIXES: Final = frozenset(op.prefix for op in BY_CODE.values() if op.prefix is not None)


class Instr:
    """One instruction.

    Attributes:
        op: its row in the opcode table.
        name: its mnemonic, for comparisons that read well.
        immediates: values in the order of `op.immediates`.
        data: its encoding, all numbers minimal.
        size: length of `data` in bytes.
        effects: `wasmopt.opcodes.Effect` bits of the row.
    """

    __slots__ = ("data", "effects", "immediates", "name", "op", "size")

    def __init__(self, op: Opcode, immediates: tuple[Immediate, ...], data: bytes) -> None:
        self.op: Final = op
        self.name: Final = op.mnemonic
        self.immediates: Final = immediates
        self.data: Final = data
        self.size: Final = len(data)
        self.effects: Final = op.effects

    def __repr__(self) -> str:
        return " ".join(["<Instr", self.name, *map(str, self.immediates)]) + ">"


_PADDED: Final = re.compile(rb"[\x80-\xff][\x00\x7f]")
"""How a number ends that may be longer than it has to be; without one, an encoding is minimal."""


class InstrPool(dict[bytes, Instr]):
    """Interns instructions; maps an encoding, minimal or not, to its one `Instr`.

    Indexing with the bytes of one instruction decodes it at its first appearance.
    """

    def __missing__(self, token: bytes) -> Instr:
        reader = Reader(token)
        op, immediates = read_instruction(reader)
        reader.expect_end("instruction")
        if token.startswith(op.data) and _PADDED.search(token, len(op.data)) is None:
            instr = Instr(op, immediates, token)
        else:
            instr = self.intern(op, immediates)
        self[token] = instr
        return instr

    def read(self, reader: Reader) -> Instr:
        """Decode the instruction at the reader.

        Raises:
            DecodeError: it is malformed or unknown.
        """
        op, immediates = read_instruction(reader)
        return self.intern(op, immediates)

    def make(self, mnemonic: str, *immediates: Immediate) -> Instr:
        """The instruction of that name; immediates as `Instr.immediates` has them."""
        return self.intern(BY_MNEMONIC[mnemonic], immediates)

    def intern(self, op: Opcode, immediates: tuple[Immediate, ...]) -> Instr:
        """The one instruction of this module with that opcode and those immediates."""
        data = encode_instruction(op, immediates)
        instr = self.get(data)
        if instr is None:
            instr = self[data] = Instr(op, immediates, data)
        return instr


def read_instruction(reader: Reader) -> tuple[Opcode, tuple[Immediate, ...]]:
    """Decode one instruction: its row and immediates.

    Raises:
        DecodeError: it is malformed or unknown.
    """
    start = reader.position
    code = reader.byte("instruction")
    prefix = code if code in PREFIXES else None
    if prefix is not None:
        code = reader.u32("sub-opcode")
    op = BY_CODE.get((prefix, code))
    if op is None:
        shown = f"0x{code:02x}" if prefix is None else f"0x{prefix:02x} {code}"
        raise DecodeError(f"unknown instruction {shown}", start)
    return op, tuple([_READERS[kind](reader) for kind in op.immediates])


def encode_instruction(op: Opcode, immediates: tuple[Immediate, ...]) -> bytes:
    """The encoding of an instruction, all numbers minimal."""
    if not immediates:
        return op.data
    parts = [_WRITERS[kind](value) for kind, value in zip(op.immediates, immediates, strict=True)]
    return op.data + b"".join(parts)


def _read_block_type(reader: Reader) -> int | ValType | None:
    code = reader.peek("block type")
    if code == 0x40:
        reader.byte("block type")
        return None
    if code in (REF_PREFIX, REF_NULL_PREFIX) or code in HEAP_NAMES or bytes([code]) in NUMBER_NAMES:
        return read_value_type(reader)
    start = reader.position
    index = reader.signed(33, "block type")
    if index < 0:
        raise DecodeError(f"unknown block type {index}", start)
    return index


def _block_type_bytes(value: int | bytes | None) -> bytes:
    if value is None:
        return b"\x40"
    return value if isinstance(value, bytes) else signed_leb(value)


def _read_labels(reader: Reader) -> tuple[int, ...]:
    labels = [reader.u32("label") for _ in range(reader.count("labels"))]
    return (*labels, reader.u32("default label"))


def _labels_bytes(labels: tuple[int, ...]) -> bytes:
    return unsigned_leb(len(labels) - 1) + b"".join(map(unsigned_leb, labels))


def _read_catches(reader: Reader) -> tuple[Catch, ...]:
    return tuple([_read_catch(reader) for _ in range(reader.count("catch clauses"))])


def _read_catch(reader: Reader) -> Catch:
    kind = reader.byte("catch clause")
    if kind > 3:
        raise DecodeError(f"unknown catch clause {kind}", reader.position - 1)
    tag = reader.u32("tag index") if kind < 2 else None
    return Catch(kind, tag, reader.u32("label"))


def _catches_bytes(catches: tuple[Catch, ...]) -> bytes:
    parts = [unsigned_leb(len(catches))]
    for kind, tag, label in catches:
        tag_bytes = b"" if tag is None else unsigned_leb(tag)
        parts += [bytes([kind]), tag_bytes, unsigned_leb(label)]
    return b"".join(parts)


_MEMORY_FLAG: Final = 1 << 6
"""Bit of the alignment that says a memory index follows."""


def _read_memarg(reader: Reader) -> MemArg:
    start = reader.position
    align = reader.u32("alignment")
    memory, explicit = 0, False
    if align & _MEMORY_FLAG:
        align -= _MEMORY_FLAG
        memory = reader.u32("memory index")
        explicit = memory == 0
    if align >= 32:
        raise DecodeError(f"alignment exponent {align} is too large", start)
    return MemArg(align, reader.unsigned(64, "memory offset"), memory, explicit)


def _memarg_bytes(memarg: MemArg) -> bytes:
    align, offset, memory, explicit = memarg
    if memory == 0 and not explicit:
        return unsigned_leb(align) + unsigned_leb(offset)
    return unsigned_leb(align | _MEMORY_FLAG) + unsigned_leb(memory) + unsigned_leb(offset)


def _read_cast_flags(reader: Reader) -> int:
    flags = reader.byte("cast flags")
    if flags > 3:
        raise DecodeError(f"unknown cast flags {flags}", reader.position - 1)
    return flags


def _read_zero(reader: Reader) -> int:
    if reader.byte("reserved byte") != 0:
        raise DecodeError("reserved byte is not zero", reader.position - 1)
    return 0


def _index_reader(what: str) -> Any:
    return lambda reader: reader.u32(what)


_INDEX_KINDS: Final = {
    kind: f"{kind} index"
    for kind in (
        "func",
        "type",
        "table",
        "local",
        "global",
        "memory",
        "tag",
        "data",
        "elem",
        "field",
    )
} | {"label": "label", "count": "operand count"}

_READERS: Final[dict[str, Any]] = {
    **{kind: _index_reader(what) for kind, what in _INDEX_KINDS.items()},
    "block": _read_block_type,
    "labels": _read_labels,
    "catches": _read_catches,
    "i32": lambda reader: reader.signed(32, "i32 constant"),
    "i64": lambda reader: reader.signed(64, "i64 constant"),
    "f32": lambda reader: int.from_bytes(reader.take(4, "f32 constant"), "little"),
    "f64": lambda reader: int.from_bytes(reader.take(8, "f64 constant"), "little"),
    "v128": lambda reader: reader.take(16, "v128 constant"),
    "memarg": _read_memarg,
    "lane": lambda reader: reader.byte("lane"),
    "lanes": lambda reader: reader.take(16, "lanes"),
    "heaptype": read_heap_type,
    "valtypes": lambda reader: read_value_types(reader, "value types"),
    "castflags": _read_cast_flags,
    "zero": _read_zero,
}

_WRITERS: Final[dict[str, Any]] = {
    **dict.fromkeys(_INDEX_KINDS, unsigned_leb),
    "block": _block_type_bytes,
    "labels": _labels_bytes,
    "catches": _catches_bytes,
    "i32": signed_leb,
    "i64": signed_leb,
    "f32": lambda bits: bits.to_bytes(4, "little"),
    "f64": lambda bits: bits.to_bytes(8, "little"),
    "v128": bytes,
    "memarg": _memarg_bytes,
    "lane": lambda lane: bytes([lane]),
    "lanes": bytes,
    "heaptype": heap_type_bytes,
    "valtypes": value_types_bytes,
    "castflags": lambda flags: bytes([flags]),
    "zero": lambda _: b"\x00",
}
