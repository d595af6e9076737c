"""Instructions with a fixed stack type, read from the opcode table, sorted by what they leave."""

from __future__ import annotations

from typing import Final

from wasmopt.opcodes import OPCODES, Opcode
from wasmopt.types import F32, F64, I32, I64, V128, ValType

NUMBERS: Final = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128}
_FREE: Final = {*NUMBERS, "memarg", "lane", "lanes", "memory", "data", "elem", "table"}
"""Immediates that can be made up for any instruction."""


def family(op: Opcode) -> str:
    """What a module has to have so that the instruction is worth writing."""
    if op.prefix == 0xFE:
        return "threads"
    if op.prefix == 0xFD or "v128" in (*(op.operands or ()), *(op.results or ())):
        return "vectors"
    if "table" in op.immediates:
        return "tables"
    if "memarg" in op.immediates or "memory" in op.immediates or "data" in op.immediates:
        return "memory"
    if {"f32", "f64"}.intersection((*(op.operands or ()), *(op.results or ()))):
        return "floats"
    return "integers"


def _usable(op: Opcode) -> bool:
    return op.operands is not None and _FREE.issuperset(op.immediates)


def _by_family(results: tuple[str, ...]) -> dict[str, tuple[Opcode, ...]]:
    families: dict[str, list[Opcode]] = {}
    for op in OPCODES:
        if _usable(op) and op.results == results and op.operands:
            families.setdefault(family(op), []).append(op)
    return {name: tuple(ops) for name, ops in families.items()}


PRODUCERS: Final[dict[ValType, dict[str, tuple[Opcode, ...]]]] = {
    value_type: _by_family((name,)) for name, value_type in NUMBERS.items()
}
"""Value type -> family -> instructions that pop something and leave one value of the type."""

CONSUMERS: Final[dict[str, tuple[Opcode, ...]]] = _by_family(())
"""Family -> instructions that leave nothing."""
