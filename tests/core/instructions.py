"""Random instructions of every opcode, and encodings of them that are longer than need be."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

from wasmopt.instr import Catch, Instr, InstrPool, MemArg
from wasmopt.opcodes import OPCODES, Opcode
from wasmopt.reader import signed_leb, unsigned_leb
from wasmopt.types import (
    HEAP_NAMES,
    NUMBER_NAMES,
    REF_NULL_PREFIX,
    REF_PREFIX,
    ValType,
    heap_type_bytes,
)

U32 = st.integers(0, 300) | st.integers(0, 2**32 - 1) | st.sampled_from([2**7, 2**14, 2**32 - 1])
U64 = U32 | st.integers(0, 2**64 - 1) | st.just(2**64 - 1)


def signed(bits: int) -> st.SearchStrategy[int]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return st.integers(-200, 200) | st.integers(low, high) | st.sampled_from([low, high])


ABSTRACT = st.sampled_from([bytes([code]) for code in HEAP_NAMES])
HEAP_TYPES = U32 | ABSTRACT
PLAIN_VALUE_TYPES = st.sampled_from(list(NUMBER_NAMES)) | ABSTRACT.map(ValType)


def references(prefix: int, heap_types: st.SearchStrategy[Any]) -> st.SearchStrategy[ValType]:
    return heap_types.map(lambda heap: ValType(bytes([prefix]) + heap_type_bytes(heap)))


SHORTEST_VALUE_TYPES = (
    PLAIN_VALUE_TYPES | references(REF_PREFIX, HEAP_TYPES) | references(REF_NULL_PREFIX, U32)
)
VALUE_TYPES = SHORTEST_VALUE_TYPES | references(REF_NULL_PREFIX, ABSTRACT)


def immediates(value_types: st.SearchStrategy[ValType]) -> dict[str, st.SearchStrategy[Any]]:
    indices = "func type table local global memory tag data elem field count label"
    catches = st.builds(Catch, st.sampled_from([0, 1]), U32, U32) | st.builds(
        Catch, st.sampled_from([2, 3]), st.none(), U32
    )
    return dict.fromkeys(indices.split(), U32) | {
        "block": st.none() | value_types | U32,
        "labels": st.lists(U32, min_size=1, max_size=140).map(tuple),
        "catches": st.lists(catches, max_size=140).map(tuple),
        "i32": signed(32),
        "i64": signed(64),
        "f32": st.integers(0, 2**32 - 1),
        "f64": st.integers(0, 2**64 - 1),
        "v128": st.binary(min_size=16, max_size=16),
        "memarg": st.builds(MemArg, st.integers(0, 31), U64, U32, st.just(False)),
        "lane": st.integers(0, 255),
        "lanes": st.binary(min_size=16, max_size=16),
        "heaptype": HEAP_TYPES,
        "valtypes": st.lists(value_types, max_size=140).map(tuple),
        "castflags": st.integers(0, 3),
        "zero": st.just(0),
    }


def instructions(
    pool: InstrPool, value_types: st.SearchStrategy[ValType] = VALUE_TYPES
) -> st.SearchStrategy[Instr]:
    """Any instruction, every opcode equally often."""
    kinds = immediates(value_types)

    def of_opcode(op: Opcode) -> st.SearchStrategy[Instr]:
        drawn = st.tuples(*[kinds[kind] for kind in op.immediates])
        return drawn.map(lambda values: pool.intern(op, values))

    return st.sampled_from(OPCODES).flatmap(of_opcode)


def samples(pool: InstrPool) -> list[Instr]:
    """One instruction of every opcode, with plain immediates."""
    plain = {
        "block": None,
        "labels": (0, 1, 2),
        "catches": (Catch(0, 1, 2), Catch(2, None, 0)),
        "memarg": MemArg(0, 8, 0),
        "v128": bytes(range(16)),
        "lanes": bytes(range(16)),
        "heaptype": b"\x6e",
        "valtypes": (ValType(b"\x7f"),),
        "zero": 0,
    }
    return [
        pool.intern(op, tuple([plain.get(kind, 1) for kind in op.immediates])) for op in OPCODES
    ]


class Lengthener:
    """Encodes with numbers padded to random lengths that their widths still allow."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def unsigned(self, value: int, bits: int = 32) -> bytes:
        return self._pad(unsigned_leb(value), bits, 0x80, 0x00)

    def signed(self, value: int, bits: int) -> bytes:
        filler = (0x80, 0x00) if value >= 0 else (0xFF, 0x7F)
        return self._pad(signed_leb(value), bits, *filler)

    def _pad(self, encoded: bytes, bits: int, more: int, last: int) -> bytes:
        extra = self._random.randint(len(encoded), (bits + 6) // 7) - len(encoded)
        if not extra:
            return encoded
        return encoded[:-1] + bytes([encoded[-1] | 0x80, *[more] * (extra - 1), last])

    def heap_type(self, heap_type: int | bytes) -> bytes:
        return heap_type if isinstance(heap_type, bytes) else self.signed(heap_type, 33)

    def value_type(self, value_type: bytes) -> bytes:
        if value_type[0] not in (REF_PREFIX, REF_NULL_PREFIX) or value_type[1] in HEAP_NAMES:
            return value_type
        index = sum([(byte & 0x7F) << 7 * place for place, byte in enumerate(value_type[1:])])
        return value_type[:1] + self.signed(index, 33)

    def instruction(self, instr: Instr) -> bytes:
        op = instr.op
        head = op.data if op.prefix is None else op.data[:1] + self.unsigned(op.code)
        pairs = zip(op.immediates, instr.immediates, strict=True)
        return head + b"".join([self._immediate(kind, value) for kind, value in pairs])

    def _immediate(self, kind: str, value: Any) -> bytes:
        match kind:
            case "block":
                if value is None:
                    return b"\x40"
                return self.signed(value, 33) if isinstance(value, int) else self.value_type(value)
            case "labels":
                *labels, default = value
                return self._vector(map(self.unsigned, labels)) + self.unsigned(default)
            case "catches":
                return self._vector(map(self._catch, value))
            case "valtypes":
                return self._vector(map(self.value_type, value))
            case "i32" | "i64":
                return self.signed(value, int(kind[1:]))
            case "f32" | "f64":
                return int(value).to_bytes(int(kind[1:]) // 8, "little")
            case "v128" | "lanes":
                return bytes(value)
            case "lane" | "castflags" | "zero":
                return bytes([value])
            case "heaptype":
                return self.heap_type(value)
            case "memarg":
                return self._memarg(value)
        return self.unsigned(value)

    def _vector(self, items: Any) -> bytes:
        parts = list(items)
        return self.unsigned(len(parts)) + b"".join(parts)

    def _catch(self, catch: Catch) -> bytes:
        tag = b"" if catch.tag is None else self.unsigned(catch.tag)
        return bytes([catch.kind]) + tag + self.unsigned(catch.label)

    def _memarg(self, memarg: MemArg) -> bytes:
        offset = self.unsigned(memarg.offset, 64)
        if memarg.memory == 0 and not memarg.explicit:
            return self.unsigned(memarg.align) + offset
        return self.unsigned(memarg.align | 0x40) + self.unsigned(memarg.memory) + offset
