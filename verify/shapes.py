"""Guesses which parameters and results a function lost.

A parameter may have gone because nobody reads it, because all calls pass one constant, or because
it is only passed on to one that has gone.  Of the choices that leave the types of the new function,
that one is taken whose parameters are used most alike.  A wrong guess makes the proof fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations, islice
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Fate, Map, Shape
from wasmopt.types import ValType
from wasmopt.verify.likeness import token
from wasmopt.verify.reshaping import named_otherwise

_CHOICES: Final = 200
"""Choices that are looked at for one function."""
_Args = tuple[Instr | None, ...]

_LIKELY: Final = 0.25
"""What counts for a choice for each parameter in it that is unused or constant."""
_NEAR: Final = 8
"""Instructions behind a read that say what it is for."""
_CONSTANTS: Final = frozenset(["i32.const", "i64.const", "f32.const", "f64.const", "v128.const"])


def guess_shapes(
    before: Module,
    after: Module,
    images: Map,
    types: tuple[Sequence[Hashable], Sequence[Hashable]],
) -> dict[int, Shape]:
    """The shapes of old functions whose counterpart has another type.

    Args:
        before: the old module.
        after: the new one.
        images: new index of each old function.
        types: for each side and type something that is equal for equal types.
    """
    firsts = [len(module.imported(Kind.FUNCTION)) for module in (before, after)]
    pairs = []
    for old, new in enumerate(images):
        if new is not None and old >= firsts[0] and images.count(new) == 1:
            versions = (before.functions[old - firsts[0]], after.functions[new - firsts[1]])
            if types[0][versions[0].type_index] != types[1][versions[1].type_index]:
                pairs.append((old, new, versions))
    if not pairs:
        return {}
    refused = (named_otherwise(before), named_otherwise(after))
    contexts = (Context(before), Context(after))
    passed = (
        _passed(before, contexts[0], {old for old, _, _ in pairs}),
        _passed(after, contexts[1], {new for _, new, _ in pairs}),
    )
    shapes = {}
    for old, new, versions in pairs:
        if old in refused[0] or new in refused[1]:
            continue
        signatures = [
            context.signatures.func_type(each.type_index)
            for context, each in zip(contexts, versions, strict=True)
        ]
        params = _params(
            signatures[0].params,
            signatures[1].params,
            versions,
            (passed[0].get(old, []), passed[1].get(new, [])),
        )
        results = _subsequence(signatures[0].results, signatures[1].results)
        if params is not None and results is not None:
            shapes[old] = Shape(params, results)
    return shapes


def _params(
    old: Sequence[ValType],
    new: Sequence[ValType],
    versions: tuple[Function, Function],
    passed: tuple[Sequence[_Args], Sequence[_Args]],
) -> tuple[Fate | Instr, ...] | None:
    """What became of each parameter; None if that is not how the new types came to be."""
    lost = len(old) - len(new)
    if lost < 0:
        return None
    uses = (_uses(versions[0], len(old)), _uses(versions[1], len(new)))
    unused = [place for place, use in enumerate(uses[0]) if not use]
    constants = {}
    for place in range(len(old)):
        values = {args[place] for args in passed[0]}
        if len(values) == 1:
            constants[place] = values.pop()
    for side in (0, 1):
        for args in passed[side]:
            for use, value in zip(uses[side], args, strict=True):
                use.update([] if value is None else [value])
    likely = [each for each in range(len(old)) if each in unused or constants.get(each)]
    others = [each for each in range(len(old)) if each not in likely]
    best: tuple[float, set[int]] | None = None
    for gone in islice(_choices(likely, others, lost), _CHOICES):
        kept = [each for each in range(len(old)) if each not in gone]
        if tuple([old[each] for each in kept]) == tuple(new):
            score = _LIKELY * len(gone.intersection(likely)) + sum(
                [_alike(uses[0][each], use) for each, use in zip(kept, uses[1], strict=True)]
            )
            if best is None or score > best[0]:
                best = (score, gone)
    if best is None:
        return None
    return tuple(
        [
            Fate.KEPT
            if place not in best[1]
            else (None if place in unused else constants.get(place)) or Fate.UNUSED
            for place in range(len(old))
        ]
    )


def _uses(function: Function, params: int) -> list[Counter[Hashable]]:
    """For each parameter what follows where it is read."""
    found: list[Counter[Hashable]] = [Counter() for _ in range(params)]
    tokens = [token(instr) for instr in function.body]
    for place, instr in enumerate(function.body):
        if instr.name == "local.get" and instr.immediates[0] < params:
            behind = [each for each in tokens[place + 1 : place + _NEAR] if each is not None]
            found[instr.immediates[0]].update([tuple(behind[:1]), tuple(behind[:2])])
    return found


def _alike(first: Counter[Hashable], second: Counter[Hashable]) -> float:
    """From 0 to 1."""
    most = max(first.total(), second.total())
    return (first & second).total() / most if most else 0.5


def _choices(likely: Sequence[int], others: Sequence[int], count: int) -> Iterable[set[int]]:
    """Sets of that many, the likely ones first."""
    for unlikely in range(min(count, len(others)) + 1):
        if count - unlikely <= len(likely):
            for rest in combinations(others, unlikely):
                for some in combinations(likely, count - unlikely):
                    yield {*some, *rest}


def _subsequence(old: Sequence[ValType], new: Sequence[ValType]) -> tuple[Fate, ...] | None:
    """Which results are left, taken from the left; None if the new ones are no part of the old."""
    fates = []
    place = 0
    for each in old:
        kept = place < len(new) and new[place] == each
        place += kept
        fates.append(Fate.KEPT if kept else Fate.UNUSED)
    return tuple(fates) if place == len(new) else None


def _passed(module: Module, context: Context, functions: set[int]) -> dict[int, list[_Args]]:
    """What each call of some functions passes: constants, None for what is none."""
    calls = {context.pool.make("call", index): index for index in sorted(functions)}
    arities = Arities(context)
    found: dict[int, list[_Args]] = {}
    for function in module.functions:
        if calls.keys().isdisjoint(function.body):
            continue
        stack: list[Instr | None] = []
        for instr in function.body:
            if instr in calls:
                count = len(context.signatures.function_type(calls[instr]).params)
                missing = [None] * (count - len(stack))
                found.setdefault(calls[instr], []).append(
                    (*missing, *stack[max(len(stack) - count, 0) :])
                )
            if instr.name in _CONSTANTS:
                stack.append(instr)
                continue
            pops, pushes = arities[instr]
            if pops < 0 or pushes < 0:
                stack.clear()
                continue
            del stack[max(len(stack) - pops, 0) :]
            stack += [None] * pushes
    return found
