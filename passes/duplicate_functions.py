"""Duplicate functions: makes functions that do the same one.

    (func $a call $x)  (func $b call $y)   →   (func $a call $x)
    (func $x drop)     (func $y drop)          (func $x drop)

Needs: bodies that are the same but for calls of functions that are the same in turn; all classes
are found at once, by splitting until nothing splits, so that functions which call themselves or
each other are found as well.  Keeps: functions that the host could tell apart (exported, named by
`ref.func`, in a table that anything but calls reads); of those a class has one at most.  Costs: one
walk over the code, then work on the candidates alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import compressed, follow
from wasmopt.passes.module_uses import Uses, expressions, private_tables


def duplicate_functions(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Make functions that do the same one."""
    imported = len(module.imported(Kind.FUNCTION))
    classes = _classes(module, imported)
    first: dict[int, int] = {}
    for index, each in enumerate(classes):
        first.setdefault(each, index)
    representative = [first[each] for each in classes]
    if len(first) == len(classes):
        return None
    places = compressed([index == same for index, same in enumerate(representative)])
    claim = Correspondence({Kind.FUNCTION: tuple([places[same] for same in representative])})
    return follow(module, claim), claim


def _classes(module: Module, imported: int) -> list[int]:
    """For each function the number of its class; imported ones are alone."""
    uses = Uses(module)
    called: dict[Instr, int] = {}
    for instr in set().union(*[function.body for function in module.functions]):
        named = [index for space, index in uses.instruction(instr) if space == "func"]
        if named:
            called[instr] = named[0]
    shapes: list[Hashable] = list(range(imported))
    callees: list[tuple[int, ...]] = [()] * imported
    for function in module.functions:
        calls = [(place, called[i]) for place, i in enumerate(function.body) if i in called]
        shape: list[object] = list(function.body)
        for place, _ in calls:
            shape[place] = function.body[place].op
        shapes.append((function.type_index, function.locals, tuple(shape)))
        callees.append(tuple([index for _, index in calls]))
    shapes = _separated(shapes, _seen(module, called))
    classes = _numbered(shapes)
    while True:
        split = _numbered(
            [
                (each, tuple([classes[callee] for callee in callees[index]]))
                for index, each in enumerate(classes)
            ]
        )
        if max(split, default=0) == max(classes, default=0):
            return split
        classes = split


def _numbered(keys: list[Hashable] | list[tuple[int, tuple[int, ...]]]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _separated(shapes: list[Hashable], seen: set[int]) -> list[Hashable]:
    """The shapes, with all but the first function of a shape that can be seen alone."""
    found: set[Hashable] = set()
    result: list[Hashable] = []
    for index, shape in enumerate(shapes):
        alone = index in seen and shape in found
        if index in seen:
            found.add(shape)
        result.append(("alone", index) if alone else shape)
    return result


def _seen(module: Module, called: dict[Instr, int]) -> set[int]:
    """The functions whose identity somebody could see."""
    private = private_tables(module)
    seen = {each.index for each in module.exports if each.kind is Kind.FUNCTION}
    seen.update([index for instr, index in called.items() if instr.name == "ref.func"])
    visible = [each for each in module.elements if each.offset is None or each.table not in private]
    for segment in visible:
        seen.update([item for item in segment.items if isinstance(item, int)])
    for expression in expressions(replace(module, elements=tuple(visible))):
        seen.update([instr.immediates[0] for instr in expression if instr.name == "ref.func"])
    return seen


DUPLICATE_FUNCTIONS = ModulePass(
    "duplicate-functions", "make functions that do the same one", duplicate_functions
)
