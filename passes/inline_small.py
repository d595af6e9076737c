"""Inline small: puts small bodies in place of calls, where they are no longer than what they save.

    (func $f (param i32 i32) local.get 0  local.get 1  rest)    a  b  call $f      →  a  b  rest
    (func $g (param i32 i32) local.get 1  i32.eqz)
                        local.get x  local.get y  call $g      →  local.get y  i32.eqz

Needs: a body that hands its parameters on in their order, or a call whose arguments are reads of
locals and constants, which can be put wherever the body reads a parameter.  Keeps: bodies that have
locals, write parameters, return early, or call themselves, and calls of them.  Costs: one walk over
the code.  The function goes if nothing names it any more; only calls that get shorter are replaced
if something does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module, Signatures
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import compressed, follow
from wasmopt.passes.module_uses import count_uses
from wasmopt.reader import unsigned_leb_size
from wasmopt.structure import OPENERS, labels
from wasmopt.validate import LEGACY_EXCEPTIONS

_LONGEST: Final = 16
"""Instructions: no longer body is ever shorter than two calls of it and the function itself."""
_ARGUMENTS: Final = frozenset(["local.get", "i32.const", "i64.const", "f32.const", "f64.const"])
_LEAVES: Final = frozenset(["return", "return_call", "return_call_indirect", "return_call_ref"])


@dataclass(slots=True)
class _Small:
    """A body that may be put in place of calls.

    Attributes:
        params: how many parameters it has.
        body: without the `end`.
        passes_on: whether it starts with its parameters, in order, and reads them nowhere else.
        shorter_only: whether only calls are replaced that get shorter.
    """

    params: int
    body: tuple[Instr, ...]
    passes_on: bool = field(init=False)
    shorter_only: bool = False

    def __post_init__(self) -> None:
        reads = [i.immediates[0] for i in self.body if i.name == "local.get"]
        start = [i.immediates[0] for i in self.body[: self.params] if i.name == "local.get"]
        self.passes_on = reads == start == list(range(self.params))

    def instead(self, before: Sequence[Instr], call: Instr) -> tuple[int, list[Instr]] | None:
        """How many instructions before a call go with it, and what stands there then."""
        if self.passes_on:
            taken, new = 0, list(self.body[self.params :])
        else:
            taken = self.params
            arguments = before[len(before) - taken :]
            if len(arguments) < taken or any(each.name not in _ARGUMENTS for each in arguments):
                return None
            new = [
                arguments[instr.immediates[0]] if instr.name == "local.get" else instr
                for instr in self.body
            ]
        saved = call.size + _size(before[len(before) - taken :]) - _size(new)
        return None if self.shorter_only and saved <= 0 else (taken, new)


def inline_small(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Put small bodies in place of calls."""
    imported = len(module.imported(Kind.FUNCTION))
    functions = dict(enumerate(module.functions, imported))
    signatures = Signatures(module)
    small = {
        index: _Small(len(signatures.func_type(function.type_index).params), function.body[:-1])
        for index, function in functions.items()
        if _is_small(function)
    }
    calls = {module.pool.make("call", index): index for index in small}
    uses = count_uses(module, "func")
    sites = _sites(functions, calls)
    chosen: dict[Instr, _Small] = {}
    replaced: set[Instr] = set()
    for index in _callees_first(small, calls):
        each = small[index]
        each = _Small(each.params, tuple(_rewritten(each.body, chosen, replaced)))
        if len(each.body) > _LONGEST or not sites[index]:
            continue
        call = module.pool.make("call", index)
        entry = functions[index].entry_size() + unsigned_leb_size(functions[index].type_index)
        if _goes(each, call, sites[index], uses[index], entry):
            chosen[call] = each
        else:
            chosen[call] = replace(each, shorter_only=True)
    replaced.clear()
    bodies = [_rewritten(function.body, chosen, replaced) for function in module.functions]
    if not replaced:
        return None
    pairs = zip(module.functions, bodies, strict=True)
    after = replace(module, functions=tuple([each.with_body(body) for each, body in pairs]))
    return _without_uncalled(after, {calls[call] for call in replaced}, imported)


def _is_small(function: Function) -> bool:
    """Whether the body may be put in place of a call."""
    body = function.body
    if len(body) > _LONGEST or function.locals:
        return False
    depth = 0
    for instr in body[:-1]:
        name = instr.name
        if name in _LEAVES or name in LEGACY_EXCEPTIONS or name in ("local.set", "local.tee"):
            return False
        if depth in labels(instr):
            return False
        depth += (name in OPENERS) - (name == "end")
    return True


def _sites(
    functions: dict[int, Function], calls: dict[Instr, int]
) -> defaultdict[int, list[tuple[Instr, ...]]]:
    """For each small function what stands before its calls, as far as it matters."""
    found: defaultdict[int, list[tuple[Instr, ...]]] = defaultdict(list)
    for function in functions.values():
        body = function.body
        if calls.keys().isdisjoint(body):
            continue
        for place, instr in enumerate(body):
            if instr in calls:
                found[calls[instr]].append(body[max(0, place - _LONGEST) : place])
    return found


def _callees_first(small: dict[int, _Small], calls: dict[Instr, int]) -> list[int]:
    """The small functions, each behind those that it calls; none that calls itself in the end."""
    callees = {
        index: {calls[instr] for instr in each.body if instr in calls}
        for index, each in small.items()
    }
    waiting = {index: len(each) for index, each in callees.items()}
    callers: defaultdict[int, list[int]] = defaultdict(list)
    for index, each in callees.items():
        for callee in sorted(each):
            callers[callee].append(index)
    ready = [index for index in small if not waiting[index]]
    for index in ready:
        for caller in callers[index]:
            waiting[caller] -= 1
            if not waiting[caller]:
                ready.append(caller)
    return ready


def _goes(
    small: _Small, call: Instr, sites: Sequence[tuple[Instr, ...]], uses: int, entry: int
) -> bool:
    """Whether all that names the function are calls, and replacing them makes the module smaller.

    Args:
        small: the function's body.
        call: of the function.
        sites: what stands before each call.
        uses: how often the module names it.
        entry: bytes of the function.
    """
    if uses > len(sites):
        return False
    saved = entry
    for before in sites:
        instead = small.instead(before, call)
        if instead is None:
            return False
        taken, new = instead
        saved += call.size + _size(before[len(before) - taken :]) - _size(new)
    return saved > 0


def _rewritten(
    body: Sequence[Instr], chosen: dict[Instr, _Small], replaced: set[Instr]
) -> list[Instr]:
    """The body with the chosen calls replaced; which these were goes into `replaced`."""
    if chosen.keys().isdisjoint(body):
        return list(body)
    result: list[Instr] = []
    for instr in body:
        small = chosen.get(instr)
        instead = None if small is None else small.instead(result, instr)
        if instead is None:
            result.append(instr)
        else:
            taken, new = instead
            del result[len(result) - taken :]
            result += new
            replaced.add(instr)
    return result


def _without_uncalled(
    module: Module, inlined: set[int], imported: int
) -> tuple[Module, Correspondence]:
    """The module without those inlined functions that nothing names now, and what was done."""
    uses = count_uses(module, "func")
    total = imported + len(module.functions)
    kept = [index not in inlined or uses[index] > 0 for index in range(total)]
    claim = Correspondence({Kind.FUNCTION: compressed(kept)})
    return follow(module, claim), replace(claim, inlined=frozenset(inlined))


def _size(instrs: Sequence[Instr]) -> int:
    return sum([instr.size for instr in instrs])


INLINE_SMALL = ModulePass(
    "inline-small", "put small functions in the place of their calls", inline_small
)
