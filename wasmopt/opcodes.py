"""Instructions as data: what `opcode_rows.py` says, parsed once into `Opcode` objects.

Everything that has to know an instruction (tokenizer, decoder, encoder, printer, stack
typing, effects, folding, symbolic execution) is driven by these objects.

Columns of a row
----------------
code        first byte in hexadecimal; `FC.8` is prefix FC and sub-opcode 8 (decimal)
mnemonic    as in the text format, except `select_t`, `ref.test_null` and `ref.cast_null`,
            whose text form shares its keyword with another instruction
immediates  kinds in binary order, see `IMMEDIATE_KINDS`
effects     letters, see `EFFECT_LETTERS`
stack type  operands -> results; `addr`, `addr2`, `len` stand for the address types of the
            memories named by the immediates, `taddr`, `taddr2` for those of tables; `*` when
            it depends on immediates or context (control, variables, references)
"""

from __future__ import annotations

from typing import Final

import leb128

from wasmopt.opcode_rows import ROWS

IMMEDIATE_KINDS: Final = {
    "-": "none",
    "block": "block type: empty, one value type, or a type index (s33)",
    "label": "relative label depth",
    "labels": "vector of labels and a default label (br_table)",
    "catches": "vector of catch clauses (try_table)",
    "func": "function index",
    "type": "type index",
    "table": "table index",
    "local": "local index",
    "global": "global index",
    "memory": "memory index",
    "tag": "tag index",
    "data": "data segment index",
    "elem": "element segment index",
    "field": "structure field index",
    "count": "number of operands (array.new_fixed)",
    "i32": "signed 32-bit constant",
    "i64": "signed 64-bit constant",
    "f32": "4 bytes, little endian",
    "f64": "8 bytes, little endian",
    "v128": "16 bytes",
    "memarg": "alignment exponent, offset, memory index",
    "lane": "lane number, one byte",
    "lanes": "16 lane numbers (shuffle)",
    "heaptype": "abstract heap type or type index (s33)",
    "valtypes": "vector of value types (select)",
    "castflags": "nullability bits of br_on_cast",
    "zero": "one reserved zero byte",
}


class Effect:
    """Bits of `Opcode.effects`: what an instruction may do besides popping and pushing."""

    TRAP: Final = 1 << 0
    READ_MEMORY: Final = 1 << 1
    WRITE_MEMORY: Final = 1 << 2
    READ_GLOBAL: Final = 1 << 3
    WRITE_GLOBAL: Final = 1 << 4
    READ_TABLE: Final = 1 << 5
    WRITE_TABLE: Final = 1 << 6
    READ_SEGMENT: Final = 1 << 7
    WRITE_SEGMENT: Final = 1 << 8
    READ_HEAP: Final = 1 << 9
    WRITE_HEAP: Final = 1 << 10
    ALLOCATE: Final = 1 << 11
    """Makes a reference that differs from all others (struct.new, array.new)."""
    CALL: Final = 1 << 12
    THROW: Final = 1 << 13
    """May leave to an enclosing exception handler or out of the function."""
    BRANCH: Final = 1 << 14
    UNREACHABLE_AFTER: Final = 1 << 15
    """Control never reaches the next instruction; the stack behind it is polymorphic."""
    ATOMIC: Final = 1 << 16


EFFECT_LETTERS: Final = {
    "t": Effect.TRAP,
    "m": Effect.READ_MEMORY,
    "M": Effect.WRITE_MEMORY,
    "g": Effect.READ_GLOBAL,
    "G": Effect.WRITE_GLOBAL,
    "b": Effect.READ_TABLE,
    "B": Effect.WRITE_TABLE,
    "s": Effect.READ_SEGMENT,
    "S": Effect.WRITE_SEGMENT,
    "h": Effect.READ_HEAP,
    "H": Effect.WRITE_HEAP,
    "n": Effect.ALLOCATE,
    "c": Effect.CALL,
    "x": Effect.THROW,
    "j": Effect.BRANCH,
    "u": Effect.UNREACHABLE_AFTER,
    "a": Effect.ATOMIC,
}


class Opcode:
    """One row of the table; compare with `is`.

    Attributes:
        mnemonic: name as in the text format (see the module docstring for three exceptions).
        prefix: first byte of a prefixed instruction, or None.
        code: the opcode byte, or the sub-opcode behind the prefix.
        data: encoded opcode, prefix included, in minimal form.
        immediates: kinds in binary order.
        effects: `Effect` bits.
        operands, results: stack type names, or None where it depends on immediates.
        natural_alignment: log2 of the access width in bytes for memory accesses, else None.
    """

    __slots__ = (
        "code",
        "data",
        "effects",
        "immediates",
        "mnemonic",
        "natural_alignment",
        "operands",
        "prefix",
        "results",
    )

    def __init__(self, row: str) -> None:
        code, mnemonic, immediates, effects, stack = row.split(maxsplit=4)
        prefix, _, sub_opcode = code.partition(".")
        self.mnemonic: Final = mnemonic
        self.prefix: Final = int(prefix, 16) if sub_opcode else None
        self.code: Final = int(sub_opcode) if sub_opcode else int(prefix, 16)
        self.data: Final = (
            bytes([self.code])
            if self.prefix is None
            else bytes([self.prefix]) + bytes(leb128.u.encode(self.code))
        )
        self.immediates: Final = () if immediates == "-" else tuple(immediates.split(","))
        self.effects: Final = sum(EFFECT_LETTERS[letter] for letter in effects if letter != "-")
        self.operands: tuple[str, ...] | None = None
        self.results: tuple[str, ...] | None = None
        if stack != "*":
            before, _, after = stack.partition("->")
            self.operands, self.results = tuple(before.split()), tuple(after.split())
        self.natural_alignment: Final = (
            _access_width(mnemonic).bit_length() - 4 if "memarg" in self.immediates else None
        )

    def __repr__(self) -> str:
        return f"<Opcode {self.mnemonic}>"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return opcode, (self.mnemonic,)


def _access_width(mnemonic: str) -> int:
    """Width in bits of the memory access that `mnemonic` makes."""
    kind, _, access = mnemonic.partition(".")
    if access in ("atomic.notify", "atomic.wait32"):
        return 32
    if access == "atomic.wait64":
        return 64
    if "x" in access.partition("_")[0] and access.startswith("load"):
        return 64  # load8x8_s and its kin widen eight bytes
    for word in access.replace(".", "_").split("_"):
        digits = word.removeprefix("load").removeprefix("store").removeprefix("rmw")
        if digits.isdecimal():
            return int(digits)
    return 128 if kind == "v128" else int(kind[1:])


OPCODES: Final[tuple[Opcode, ...]] = tuple(
    Opcode(row) for row in ROWS.splitlines() if row and not row.startswith("#")
)
BY_MNEMONIC: Final[dict[str, Opcode]] = {op.mnemonic: op for op in OPCODES}
BY_CODE: Final[dict[tuple[int | None, int], Opcode]] = {(op.prefix, op.code): op for op in OPCODES}


def opcode(mnemonic: str) -> Opcode:
    """Return the row named `mnemonic`.

    Raises:
        KeyError: there is no such row.
    """
    return BY_MNEMONIC[mnemonic]
