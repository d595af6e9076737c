"""What two versions of a function name by index, and the constants in them."""

from __future__ import annotations

from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr, MemArg
from wasmopt.types import NUMBER_NAMES, ValType


class Mentions:
    """What two versions of a function name by index.

    Attributes:
        instrs: the distinct instructions.
    """

    def __init__(self, *versions: Function) -> None:
        self.instrs: Final[set[Instr]] = {instr for each in versions for instr in each.body}

    def of(self, kind: str) -> list[int]:
        """Indices of that immediate kind, ascending."""
        found: set[int] = set()
        for instr in self.instrs:
            for each, value in zip(instr.op.immediates, instr.immediates, strict=True):
                if each == kind:
                    found.add(value)
                elif each == "memarg" and kind == "memory":
                    found.add(value.memory)
        return sorted(found)

    def constants(self, value_type: ValType) -> tuple[int, ...]:
        """Constants of that type, ascending."""
        name = f"{NUMBER_NAMES[value_type]}.const"
        return tuple(sorted(instr.immediates[0] for instr in self.instrs if instr.name == name))

    def offsets(self) -> tuple[int, ...]:
        """Offsets of memory accesses, ascending."""
        memargs = [value for each in self.instrs for value in each.immediates]
        return tuple(sorted({each.offset for each in memargs if isinstance(each, MemArg)}))

    def effects(self) -> int:
        """All that any instruction may do, as `Effect` bits."""
        effects = 0
        for instr in self.instrs:
            effects |= instr.effects
        return effects

    def has_floats(self) -> bool:
        """Whether the bits of a NaN may be computed."""
        return any(instr.name[0] == "f" for instr in self.instrs)
