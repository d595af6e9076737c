"""Types of the values on the operand stack, by their numbers in `stack`.

Validation finds the same; here only the answers are needed.  A value of a reference type that its
instruction does not spell out has no known type: what builds on types leaves such values alone.

Source: WebAssembly 3.0, Validation, Instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Limits, Signatures
from wasmopt.stack import stack
from wasmopt.structure import BODY, structure
from wasmopt.types import I32, I64, NUMBER_TYPES, FuncType, ValType

Types = tuple[ValType | None, ...]

_CONSTRUCTS: Final = frozenset(["block", "loop", "if", "else", "try", "try_table", "catch", "end"])
_PASS_ON: Final = frozenset(["select", "br_if"])
"""Instructions whose results have the types of their first operands."""


def value_types(function: Function, context: Context) -> list[ValType | None]:
    """The type of each value of `stack(function, context)`, None where it is not known."""
    facts = context.analysis(stack, function)
    shape = context.analysis(structure, function)
    fixed = context.table(ResultTypes)
    signatures = context.signatures
    local_types = [*context.param_types(function), *function.local_types()]
    types: list[ValType | None] = []
    done = -1
    for index in facts.producers:
        if index == done:
            continue
        done = index
        instr = function.body[index]
        name = instr.name
        results = facts.results(index)
        known = fixed[instr]
        if known is not None:
            types += known
        elif name in ("local.get", "local.tee"):
            types.append(local_types[instr.immediates[0]])
        elif name in _PASS_ON:
            operands = facts.operands(index)
            types += [types[value] for value in operands[: len(results)]]
        elif name in _CONSTRUCTS:
            types += _construct(index, function, shape.parents, signatures)
        else:
            types += [None] * len(results)
    return types


def _construct(index: int, function: Function, parents: list[int], signatures: Signatures) -> Types:
    """What an opener, divider or `end` pushes."""
    instr = function.body[index]
    if instr.name == "catch":
        return signatures.func_type(signatures.tags[instr.immediates[0]]).params
    if instr.name not in ("else", "end"):
        return signatures.block_type(instr.immediates[0]).params
    opener = parents[index]
    if opener == BODY:
        return ()
    block_type = signatures.block_type(function.body[opener].immediates[0])
    return block_type.params if instr.name == "else" else block_type.results


class ResultTypes(dict[Instr, Types | None]):
    """The result types of each instruction that has the same ones everywhere, else None."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._signatures: Final = context.signatures

    def __missing__(self, instr: Instr) -> Types | None:
        results = _types(instr, instr.op.results, _RESULTS, self._signatures)
        self[instr] = results
        return results


class OperandTypes(dict[Instr, Types | None]):
    """The operand types of each instruction that has the same ones everywhere, else None."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._signatures: Final = context.signatures

    def __missing__(self, instr: Instr) -> Types | None:
        operands = _types(instr, instr.op.operands, _OPERANDS, self._signatures)
        self[instr] = operands
        return operands


_Derive = Callable[[Instr, Signatures], Types]


def _types(
    instr: Instr,
    names: tuple[str, ...] | None,
    derived: dict[str, _Derive],
    signatures: Signatures,
) -> Types | None:
    """The types that a row of the opcode table names, or that `derived` finds."""
    if names is not None:
        return tuple([_named(name, instr, signatures) for name in names])
    derive = derived.get(instr.name)
    return None if derive is None else derive(instr, signatures)


def _named(name: str, instr: Instr, signatures: Signatures) -> ValType:
    """The type that one name in the opcode table stands for."""
    if name in NUMBER_TYPES:
        return NUMBER_TYPES[name]
    limits = [
        signatures.tables[value].limits
        if kind == "table"
        else signatures.memories[value.memory if kind == "memarg" else value]
        for kind, value in zip(instr.op.immediates, instr.immediates, strict=True)
        if kind in ("table", "memory", "memarg")
    ]
    if name == "len":
        return min([_address_type(each) for each in limits], key=_WIDTHS.index)
    return _address_type(limits[name.endswith("2")])


def _address_type(limits: Limits) -> ValType:
    return I64 if limits.address64 else I32


_WIDTHS: Final = (I32, I64)


def _callee(instr: Instr, signatures: Signatures) -> FuncType:
    """The type that an indirect call expects."""
    return signatures.func_type(instr.immediates[0])


_RESULTS: Final[dict[str, _Derive]] = {
    "global.get": lambda i, s: (s.globals[i.immediates[0]].value,),
    "global.set": lambda *_: (),
    "drop": lambda *_: (),
    "local.set": lambda *_: (),
    "call": lambda i, s: s.function_type(i.immediates[0]).results,
    "call_indirect": lambda i, s: _callee(i, s).results,
    "call_ref": lambda i, s: _callee(i, s).results,
    "select_t": lambda i, _: tuple(i.immediates[0]),
    "table.get": lambda i, s: (s.tables[i.immediates[0]].element,),
    "ref.is_null": lambda *_: (I32,),
    "ref.eq": lambda *_: (I32,),
    "ref.test": lambda *_: (I32,),
    "ref.test_null": lambda *_: (I32,),
    "i31.get_s": lambda *_: (I32,),
    "i31.get_u": lambda *_: (I32,),
    "array.len": lambda *_: (I32,),
}
_OPERANDS: Final[dict[str, _Derive]] = {
    "global.get": lambda *_: (),
    "global.set": lambda i, s: (s.globals[i.immediates[0]].value,),
    "local.get": lambda *_: (),
    "call": lambda i, s: s.function_type(i.immediates[0]).params,
    "call_indirect": lambda i, s: (
        *_callee(i, s).params,
        _address_type(s.tables[i.immediates[1]].limits),
    ),
    "ref.null": lambda *_: (),
    "ref.func": lambda *_: (),
}
