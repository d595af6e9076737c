"""Dead arguments: takes out parameters and results that nobody needs or that never vary.

    a  b  call $f  drop                      →   a  call $f
    (func $f (param $x i32) (param $y i32)   →   (func $f (param $x i32)
      (result i32) … i32.const 1)                  …)              where $y is not read

    a  i32.const 8  call $f  …  b  i32.const 8  call $f   →   a  call $f  …  b  call $f
    local.get $y                                          →   i32.const 8            within $f

    call $f                   →   call $f  i32.const 3     where $f returns nothing else

Needs: functions that nothing names but calls: they are not exported, in no segment, no `ref.func`,
not the start function, in no tail call.  Keeps: what an argument does besides being one; values of
several from one instruction; results that a branch brings to the end of the body.  Costs: one walk
over the operand stack of every function (`argument_facts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from wasmopt.context import Context
from wasmopt.encode import encode
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, Fate, ModulePass, Shape
from wasmopt.options import Options
from wasmopt.passes.argument_facts import PARAM, RESULT, Facts, Place, argument_facts
from wasmopt.passes.edits import Edits
from wasmopt.passes.module_edits import with_types
from wasmopt.passes.vacuum_drops import remove_dropped_values
from wasmopt.stack import stack
from wasmopt.types import FuncType

_ACCESSES: Final = frozenset(["local.get", "local.set", "local.tee"])
_GET_SIZE: Final = 2


def dead_arguments(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Take out parameters and results that are not needed, or constant."""
    context = Context(module)
    facts = argument_facts(context)
    if not facts.unused and not facts.constants:
        return None
    shapes = _shapes(facts, context)
    imported = len(module.imported(Kind.FUNCTION))
    signatures = {
        index: _signature(shape, context.signatures.func_type(function.type_index))
        for index, function in enumerate(module.functions, imported)
        if (shape := shapes.get(index)) is not None
    }
    typed, indices = with_types(module, signatures.values())
    functions = list(module.functions)
    changed: list[int] = []
    for position, function in enumerate(module.functions):
        index = position + imported
        rewritten = _Rewriter(index, function, facts, context).run()
        if index in shapes:
            rewritten = _with_other_params(rewritten, shapes[index], context)
            rewritten = replace(rewritten, type_index=indices[signatures[index]])
        if rewritten is not function:
            functions[position] = rewritten
            changed.append(position)
    around = Context(replace(typed, functions=tuple(functions)))
    for position in changed:
        functions[position] = remove_dropped_values(functions[position], around)
    after = replace(typed, functions=tuple(functions))
    if len(encode(after)) >= len(encode(module)):
        return None
    return after, Correspondence(reshaped=shapes)


def _shapes(facts: Facts, context: Context) -> dict[int, Shape]:
    """The shapes of the functions that change."""
    shapes: dict[int, Shape] = {}
    for index in sorted({place[1] for place in [*facts.unused, *facts.constants]}):
        sides = context.signatures.func_type(context.signatures.functions[index])
        shapes[index] = Shape(
            _fates(facts, PARAM, index, len(sides.params)),
            _fates(facts, RESULT, index, len(sides.results)),
        )
    return shapes


def _fates(facts: Facts, side: str, index: int, count: int) -> tuple[Fate | Instr, ...]:
    fates: list[Fate | Instr] = []
    for number in range(count):
        place = (side, index, number)
        unused = Fate.UNUSED if place in facts.unused else Fate.KEPT
        fates.append(facts.constants.get(place, unused))
    return tuple(fates)


def _signature(shape: Shape, old: FuncType) -> FuncType:
    """What is left of a signature."""
    params = [t for t, fate in zip(old.params, shape.params, strict=True) if fate is Fate.KEPT]
    results = [t for t, fate in zip(old.results, shape.results, strict=True) if fate is Fate.KEPT]
    return FuncType(tuple(params), tuple(results))


def _with_other_params(function: Function, shape: Shape, context: Context) -> Function:
    """The function with the parameters that are kept; those that code writes become locals, and
    constants stand where they are read.
    """
    pool = context.pool
    types = context.param_types(function)
    mentioned = {i.immediates[0]: i for i in function.body if i.name in _ACCESSES}
    kept = [place for place, fate in enumerate(shape.params) if fate is Fate.KEPT]
    opening: list[Instr] = []
    values: dict[Instr, Instr] = {}
    slots: list[int] = []
    for place, fate in enumerate(shape.params):
        if fate is Fate.KEPT or place not in mentioned:
            continue
        get = pool.make("local.get", place)
        if not isinstance(fate, Instr):
            slots.append(place)
        elif function.body.count(get) * (fate.size - _GET_SIZE) <= fate.size + _GET_SIZE:
            values[get] = fate
        else:
            slots.append(place)
            opening += [fate, pool.make("local.set", place)]
    declared = range(len(types), len(types) + len(function.local_types()))
    images = {old: new for new, old in enumerate([*kept, *slots, *declared])}
    moved = {
        instr: values.get(instr) or pool.make(instr.name, images[instr.immediates[0]])
        for instr in {*function.body, *opening}
        if instr.name in _ACCESSES
    }
    groups = group_locals([*[types[place] for place in slots], *function.local_types()])
    body = [moved.get(instr, instr) for instr in (*opening, *function.body)]
    return Function(function.type_index, groups, tuple(body))


class _Rewriter:
    """Takes values that are not wanted out of one body."""

    def __init__(self, index: int, function: Function, facts: Facts, context: Context) -> None:
        self.index: Final = index
        self.function: Final = function
        self.body: Final = function.body
        self.facts: Final = facts
        self.context: Final = context
        self.edits: Final = Edits(function)

    def run(self) -> Function:
        """The function with other arguments and results; its parameters are not renumbered."""
        facts = self.facts
        calls = [at for at in self.facts.calls[self.index] if self._is_reshaped(at)]
        written = {i.immediates[0] for i in self.body if i.name in ("local.set", "local.tee")}
        params = range(len(self.context.param_types(self.function)))
        unread = {
            self.context.pool.make("local.get", number)
            for number in params
            if (PARAM, self.index, number) in facts.unused and number not in written
        }
        results = range(len(self.context.signatures.func_type(self.function.type_index).results))
        leaving = any(self.facts.has((RESULT, self.index, number)) for number in results)
        if not calls and not leaving and unread.isdisjoint(self.body):
            return self.function
        self.values = self.context.analysis(stack, self.function)
        for at, instr in enumerate(self.body):
            if instr in unread:
                self.edits.instead[at] = None
            elif leaving and (instr.name == "return" or at == len(self.body) - 1):
                self._unwanted(at, [(RESULT, self.index, number) for number in results])
        for at in calls:
            callee = self.body[at].immediates[0]
            operands = self.values.operands(at)
            self._unwanted(at, [(PARAM, callee, number) for number in range(len(operands))])
            self._results(at, callee)
        return self.edits.apply()

    def _is_reshaped(self, at: int) -> bool:
        callee = self.body[at].immediates[0]
        signature = self.context.signatures.func_type(self.context.signatures.functions[callee])
        return any(
            self.facts.has((side, callee, number))
            for side, types in ((PARAM, signature.params), (RESULT, signature.results))
            for number in range(len(types))
        )

    def _unwanted(self, consumer: int, places: Iterable[Place]) -> None:
        """Drop what an instruction does not take any more, right where it comes from."""
        operands = self.values.operands(consumer)
        for place, value in zip(places, operands, strict=False):
            if self.facts.has(place) and not self._has_no_value(value):
                self.edits.behind[self.values.producers[value]].append(
                    self.context.pool.make("drop")
                )

    def _has_no_value(self, value: int) -> bool:
        """Whether nothing is left that pushes a value, or it will not be pushed if not wanted."""
        producer = self.values.producers[value]
        instr = self.body[producer]
        if instr.name == "local.get":
            return self.edits.instead.get(producer, instr) is None
        if instr.name != "call":
            return False
        number = value - self.values.results(producer).start
        return self.facts.has((RESULT, instr.immediates[0], number))

    def _results(self, at: int, callee: int) -> None:
        """What stands for the results of a call that are gone."""
        for number, value in enumerate(self.values.results(at)):
            place = (RESULT, callee, number)
            if self.facts.has(place):
                consumer = self.values.consumers[value]
                if consumer >= 0 and self.body[consumer].name == "drop":
                    self.edits.instead[consumer] = None
                elif place in self.facts.constants and self._is_wanted(value):
                    self.edits.behind[at].insert(0, self.facts.constants[place])

    def _is_wanted(self, value: int) -> bool:
        """Whether the instruction that takes a value still does."""
        consumer = self.values.consumers[value]
        if consumer < 0:
            return True
        number = self.values.operands(consumer).index(value)
        instr = self.body[consumer]
        if instr.name == "call":
            return not self.facts.has((PARAM, instr.immediates[0], number))
        if instr.name == "return" or consumer == len(self.body) - 1:
            return not self.facts.has((RESULT, self.index, number))
        return True


DEAD_ARGUMENTS: Final = ModulePass(
    "dead-arguments", "take out parameters and results that are unused or constant", dead_arguments
)
