"""Similar functions: makes functions that differ in constants one, which gets these as parameters.

    (func $f (param i32) … i32.const 7 …)    →   (func $f local.get 0  i32.const 7  call $new)
    (func $g (param i32) … i32.const 9 …)        (func $g local.get 0  i32.const 9  call $new)
                                                 (func $new (param i32 i32) … local.get 1 …)

Needs: the same type, locals and instructions, but for the values of constants; constants that
differ alike share a parameter.  Keeps: functions that do not get smaller together, every call and
export.  What is left of the functions is short, so that `inline-small` makes calls of them calls of
the new one.  Costs: one walk over the code; a call more whenever one of them runs.

Source: Binaryen's MergeSimilarFunctions pass does this too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Kind, Module, Signatures
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import with_types
from wasmopt.types import F32, F64, I32, I64, FuncType

_CONSTANTS: Final = {"i32.const": I32, "i64.const": I64, "f32.const": F32, "f64.const": F64}
_ACCESSES: Final = frozenset(["local.get", "local.set", "local.tee"])
_FEWEST: Final = 6
"""Instructions of a function that is worth a look: what is left of each takes about as many."""
_NEW_FUNCTION: Final = 6
"""Bytes in the sections of types and functions for a new one, its parameters apart."""


@dataclass(frozen=True, slots=True)
class _Merged:
    """What becomes of functions that are alike.

    Attributes:
        params: how many parameters they have.
        places: the constants in the body that become parameters: place -> number of the column.
        columns: for each new parameter the constants that the functions pass.
        type: of the new function.
    """

    params: int
    places: dict[int, int]
    columns: list[tuple[Instr, ...]]
    type: FuncType

    def functions(self, first: Function, call: Instr, pool: InstrPool) -> list[Function]:
        """The new function, its type left open, and what is left of each of the old ones."""
        body = list(first.body)
        for place, instr in enumerate(body):
            if place in self.places:
                body[place] = pool.make("local.get", self.params + self.places[place])
            elif instr.name in _ACCESSES and instr.immediates[0] >= self.params:
                body[place] = pool.make(instr.name, instr.immediates[0] + len(self.columns))
        gets = [pool.make("local.get", local) for local in range(self.params)]
        return [
            first.with_body(body),
            *[
                Function(first.type_index, (), (*gets, *constants, call, pool.make("end")))
                for constants in zip(*self.columns, strict=True)
            ],
        ]


def similar_functions(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Make functions that differ in constants one."""
    functions = list(module.functions)
    total = len(module.imported(Kind.FUNCTION)) + len(functions)
    signatures = Signatures(module)
    new: list[tuple[FuncType, Function]] = []
    for members in _alike(functions):
        merged = _merged(members, functions, signatures)
        call = module.pool.make("call", total + len(new))
        made, *left = merged.functions(functions[members[0]], call, module.pool)
        before = sum([functions[position].entry_size() for position in members])
        after = sum([function.entry_size() for function in (made, *left)])
        if after + _NEW_FUNCTION + len(merged.type.params) < before:
            new.append((merged.type, made))
            for position, function in zip(members, left, strict=True):
                functions[position] = function
    if not new:
        return None
    typed, type_of = with_types(module, [each for each, _ in new])
    functions += [replace(function, type_index=type_of[each]) for each, function in new]
    claim = Correspondence(outlined=frozenset(range(total, total + len(new))))
    return replace(typed, functions=tuple(functions)), claim


def _alike(functions: Sequence[Function]) -> list[list[int]]:
    """Positions of functions that are the same but for constants, and not the same."""
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    erased: dict[Instr, Hashable] = {}
    for position, function in enumerate(functions):
        if len(function.body) < _FEWEST:
            continue
        for instr in set(function.body):
            erased[instr] = instr.op if instr.name in _CONSTANTS else instr
        shape = tuple([erased[instr] for instr in function.body])
        alike[function.type_index, function.locals, shape].append(position)
    return [
        each
        for each in alike.values()
        if any(functions[other].body != functions[each[0]].body for other in each[1:])
    ]


def _merged(members: list[int], functions: Sequence[Function], signatures: Signatures) -> _Merged:
    """What becomes of functions that are alike."""
    columns: dict[tuple[Instr, ...], int] = {}
    places: dict[int, int] = {}
    bodies = [functions[position].body for position in members]
    for place, column in enumerate(zip(*bodies, strict=True)):
        if any(instr is not column[0] for instr in column):
            places[place] = columns.setdefault(column, len(columns))
    old = signatures.func_type(functions[members[0]].type_index)
    more = [_CONSTANTS[column[0].name] for column in columns]
    signature = FuncType((*old.params, *more), old.results)
    return _Merged(len(old.params), places, list(columns), signature)


SIMILAR_FUNCTIONS: Final = ModulePass(
    "similar-functions", "make functions that differ in constants one", similar_functions
)
