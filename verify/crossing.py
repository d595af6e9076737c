"""Code that carries values across the border between a replayed function and its host.

Values cross as bytes of the memory `io`, one slot of 16 bytes each, so that all bits of floats and
vectors get through:

=======================  ========================================================================
numbers                  their bytes
functions                out: an entry of the table `slots` at the slot's number; in: an index into
                         the table `functions`, where null is 0
any, eq, i31, extern     0 for null, `n + 1` for the i31 reference `n`, -1 for anything else
other references         0 for null, -1 for anything else; only null can be handed in, and a callee
                         that has to return anything else traps
=======================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.domain import to_signed
from wasmopt.instr import Instr, MemArg
from wasmopt.reader import Reader
from wasmopt.types import (
    I32,
    I64,
    NUMBER_NAMES,
    REF_NULL_PREFIX,
    REF_PREFIX,
    V128,
    FuncType,
    SubType,
    ValType,
    is_reference,
    read_heap_type,
)

SLOT_LOG2: Final = 4
SLOT: Final = 1 << SLOT_LOG2
"""Bytes of a slot."""

_FUNC: Final = b"\x70"
_EXTERN: Final = b"\x6f"
_I31: Final = b"\x6c"
_HOLDS_I31: Final = frozenset([_EXTERN, b"\x6e", b"\x6d", _I31])


class HarnessError(Exception):
    """The surroundings of a function cannot be made up; the message says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference type, taken apart.

    Attributes:
        kind: "func", "i31" for what can hold an i31 reference, or "other".
        heap: heap type, as instructions have it.
    """

    kind: str
    heap: int | bytes
    nullable: bool


def reference_of(value_type: ValType, types: Sequence[SubType]) -> Reference | None:
    """The parts of a reference type; None for a number."""
    if not is_reference(value_type):
        return None
    heap: int | bytes = value_type
    if value_type[0] in (REF_PREFIX, REF_NULL_PREFIX):
        heap = read_heap_type(Reader(value_type, 1))
    kind = "other"
    if heap in _HOLDS_I31:
        kind = "i31"
    elif heap == _FUNC or (isinstance(heap, int) and isinstance(types[heap].composite, FuncType)):
        kind = "func"
    return Reference(kind, heap, value_type[0] != REF_PREFIX)


class Crossing:
    """Writes the code.

    Attributes:
        memory: index of `io`.
        functions, slots: indices of the two tables.
    """

    def __init__(
        self,
        make: Callable[..., Instr],
        types: Sequence[SubType],
        *,
        memory: int,
        functions: int,
        slots: int,
    ) -> None:
        self._make: Final = make
        self._types: Final = types
        self.memory: Final = memory
        self.functions: Final = functions
        self.slots: Final = slots

    def constant(self, value_type: ValType, number: int) -> list[Instr]:
        """A constant expression, without `end`, for what `number` stands for."""
        make, reference = self._make, reference_of(value_type, self._types)
        if reference is None:
            name = f"{NUMBER_NAMES[value_type]}.const"
            if value_type == V128:
                return [make(name, number.to_bytes(16, "little"))]
            if value_type in (I32, I64):
                number = to_signed(32 if value_type == I32 else 64, number)
            return [make(name, number)]
        if number == 0:
            if not reference.nullable:
                raise HarnessError("null for a reference that is never null")
            return [make("ref.null", reference.heap)]
        if reference.kind == "func":
            return [make("ref.func", number)]
        if reference.kind == "other":
            raise HarnessError("a reference that cannot be made up")
        code = [make("i32.const", number - 1), make("ref.i31")]
        return code + [make("extern.convert_any")] * (reference.heap == _EXTERN)

    def store(
        self, value: list[Instr], value_type: ValType, base: list[Instr], offset: int
    ) -> list[Instr]:
        """Code that hands out a value.

        Args:
            value: code that leaves it and may be run several times.
            value_type: its type.
            base: code that leaves an i32 address.
            offset: added to the address.
        """
        make, reference = self._make, reference_of(value_type, self._types)
        memarg = MemArg(0, offset, self.memory)
        if reference is None:
            return [*base, *value, make(f"{NUMBER_NAMES[value_type]}.store", memarg)]
        if reference.kind == "func":
            to_slot = [make("i32.const", SLOT_LOG2), make("i32.shr_u")]
            address = [*base, make("i32.const", offset), make("i32.add")]
            return [*address, *to_slot, *value, make("table.set", self.slots)]
        null = [*value, make("ref.is_null"), make("i32.const", 1), make("i32.sub")]
        number = null
        if reference.kind == "i31":
            internal = [*value, *[make("any.convert_extern")] * (reference.heap == _EXTERN)]
            number = [
                *[*internal, make("ref.test", _I31), make("if", I32)],
                *[*internal, make("ref.cast", _I31), make("i31.get_u")],
                *[make("i32.const", 1), make("i32.add"), make("else"), *null, make("end")],
            ]
        return [*base, *number, make("i32.store", memarg)]

    def load(self, value_type: ValType, offset: int) -> list[Instr]:
        """Code that takes in a value from the slot at `offset`."""
        make, reference = self._make, reference_of(value_type, self._types)
        memarg = MemArg(0, offset, self.memory)
        zero = make("i32.const", 0)
        if reference is None:
            return [zero, make(f"{NUMBER_NAMES[value_type]}.load", memarg)]
        number = [zero, make("i32.load", memarg)]
        if reference.kind == "func":
            code = [*number, make("table.get", self.functions)]
            if isinstance(reference.heap, int):
                cast = "ref.cast_null" if reference.nullable else "ref.cast"
                return [*code, make(cast, reference.heap)]
            return code + [make("ref.as_non_null")] * (not reference.nullable)
        if reference.kind == "other":
            return [make("ref.null", reference.heap) if reference.nullable else make("unreachable")]
        made = [*number, make("i32.const", 1), make("i32.sub"), make("ref.i31")]
        made += [make("extern.convert_any")] * (reference.heap == _EXTERN)
        if not reference.nullable:
            return made
        null = make("ref.null", reference.heap)
        return [*number, make("if", value_type), *made, make("else"), null, make("end")]
