"""How many operands each instruction takes and how many results it leaves.

Rows of the opcode table that state a stack type are counted; the `*` rows take their numbers
from the table below or from the types that their immediates name.  What depends on where an
instruction stands (blocks, `end`, branches, `return`) is left to `stack.py`.

Source: WebAssembly 3.0, Validation, Instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wasmopt.context import Context
from wasmopt.errors import ValidationError
from wasmopt.instr import Instr
from wasmopt.module import Signatures
from wasmopt.types import FuncType, StructType

Arity = tuple[int, int]
"""Operands and results; results are `NEVER` where control does not reach the next instruction."""

NEVER: Final = -1
POSITIONAL: Final[Arity] = (-1, -1)
"""Stands for "depends on where the instruction stands"."""

_FIXED: Final[dict[str, Arity]] = {
    "unreachable": (0, NEVER),
    "drop": (1, 0),
    "select": (3, 1),
    "select_t": (3, 1),
    "local.get": (0, 1),
    "local.set": (1, 0),
    "local.tee": (1, 1),
    "global.get": (0, 1),
    "global.set": (1, 0),
    "table.get": (1, 1),
    "table.set": (2, 0),
    "table.grow": (2, 1),
    "table.fill": (3, 0),
    "throw_ref": (1, NEVER),
    "rethrow": (0, NEVER),
    "ref.null": (0, 1),
    "ref.is_null": (1, 1),
    "ref.func": (0, 1),
    "ref.eq": (2, 1),
    "ref.as_non_null": (1, 1),
    "ref.test": (1, 1),
    "ref.test_null": (1, 1),
    "ref.cast": (1, 1),
    "ref.cast_null": (1, 1),
    "ref.i31": (1, 1),
    "i31.get_s": (1, 1),
    "i31.get_u": (1, 1),
    "any.convert_extern": (1, 1),
    "extern.convert_any": (1, 1),
    "struct.new_default": (0, 1),
    "struct.get": (1, 1),
    "struct.get_s": (1, 1),
    "struct.get_u": (1, 1),
    "struct.set": (2, 0),
    "array.new": (2, 1),
    "array.new_default": (1, 1),
    "array.new_data": (2, 1),
    "array.new_elem": (2, 1),
    "array.get": (2, 1),
    "array.get_s": (2, 1),
    "array.get_u": (2, 1),
    "array.set": (3, 0),
    "array.len": (1, 1),
    "array.fill": (4, 0),
    "array.copy": (5, 0),
    "array.init_data": (4, 0),
    "array.init_elem": (4, 0),
}


def _call(callee: FuncType, *, operands: int = 0) -> Arity:
    return len(callee.params) + operands, len(callee.results)


def _tail_call(callee: FuncType, *, operands: int = 0) -> Arity:
    return len(callee.params) + operands, NEVER


def _struct_new(instr: Instr, signatures: Signatures) -> Arity:
    composite = signatures.types[instr.immediates[0]].composite
    if not isinstance(composite, StructType):
        raise TypeError(f"type {instr.immediates[0]} is not a structure type")
    return len(composite.fields), 1


_FROM_SIGNATURES: Final[dict[str, Callable[[Instr, Signatures], Arity]]] = {
    "call": lambda i, s: _call(s.function_type(i.immediates[0])),
    "call_indirect": lambda i, s: _call(s.func_type(i.immediates[0]), operands=1),
    "call_ref": lambda i, s: _call(s.func_type(i.immediates[0]), operands=1),
    "return_call": lambda i, s: _tail_call(s.function_type(i.immediates[0])),
    "return_call_indirect": lambda i, s: _tail_call(s.func_type(i.immediates[0]), operands=1),
    "return_call_ref": lambda i, s: _tail_call(s.func_type(i.immediates[0]), operands=1),
    "throw": lambda i, s: _tail_call(s.func_type(s.tags[i.immediates[0]])),
    "struct.new": _struct_new,
    "array.new_fixed": lambda i, _: (i.immediates[1], 1),
}


class Arities(dict[Instr, Arity]):
    """The arity of each distinct instruction of a module: `context.table(Arities)[instr]`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._signatures: Final = context.signatures

    def __missing__(self, instr: Instr) -> Arity:
        arity = self[instr] = self._arity(instr)
        return arity

    def _arity(self, instr: Instr) -> Arity:
        op = instr.op
        if op.operands is not None and op.results is not None:
            return len(op.operands), len(op.results)
        if instr.name in _FIXED:
            return _FIXED[instr.name]
        derive = _FROM_SIGNATURES.get(instr.name)
        if derive is None:
            return POSITIONAL
        try:
            return derive(instr, self._signatures)
        except (IndexError, TypeError):
            named = " ".join(map(str, instr.immediates))
            raise ValidationError(f"`{instr.name} {named}` names nothing that fits") from None
