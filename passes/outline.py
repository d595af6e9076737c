"""Outlining: code that stands in several places becomes a function.

    local.get 3  i32.const 8  i32.add  i32.load  …  local.set 4
    local.get 7  i32.const 8  i32.add  i32.load  …  local.set 5
                    ↓
    local.get 3  call $f  local.set 4
    local.get 7  call $f  local.set 5

Needs: the same instructions in a row, whatever their locals are called and up to a few constants,
with whole constructs inside, no way out but the end, and at most one result.  Keeps: what leaves
the function or may throw within reach of a handler; code in loops, unless told otherwise, since a
call costs time.  Costs: the total length of all repeats, in each round.

A function costs its entry, and a signature if it is a new one; a place costs the call and what it
hands over.  All of that is counted in bytes before a run is chosen.  Texts, repeats, plans and the
choice among them each have a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wasmopt.context import Context
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import plain_types, with_types
from wasmopt.passes.outline_choice import Chosen, Limits, choose
from wasmopt.passes.outline_text import Text

WORTHWHILE: Final = 500
"""The code is searched again, since outlined functions have code in common and so have calls, until
a round saves less than one in so many bytes: three times for most modules, five for rollup's."""
_BY_NAME: Final = {
    "all": Limits(loops=True, least=0),
    "cold": Limits(loops=False, least=0),
    "none": None,
}
_BY_LEVEL: Final = {
    "z": Limits(loops=False, least=12),
    "s": Limits(loops=False, least=24),
}
_OTHERWISE: Final = Limits(loops=False, least=32)
"""Shorter runs save more bytes and cost more time, since what is called in a loop is hot, too: with
every run outside of loops, six modules took 1.6 times as long (`make bench-run`); from 12 bytes on,
jsquash-resize, yoga and gofmt took 1.0 to 1.2 times as long and were 1.5 to 5 % larger."""


def outline(module: Module, options: Options) -> tuple[Module, Correspondence] | None:
    """Make functions of repeated runs, as far as the options allow."""
    limits = (
        _BY_LEVEL.get(options.level, _OTHERWISE)
        if options.outline is None
        else _BY_NAME[options.outline]
    )
    if limits is None:
        return None
    changed, size = module, len(encode(module))
    text: Text | None = None
    saved = size
    while saved * WORTHWHILE >= size:
        text = Text(changed, Context(changed), text)
        following = outline_once(text, limits)
        saved = size - len(encode(following))
        if saved > 0:
            changed, size = following, size - saved
    if changed is module:
        return None
    imported = len(module.imported(Kind.FUNCTION))
    new = range(imported + len(module.functions), imported + len(changed.functions))
    return changed, Correspondence(outlined=frozenset(new))


def outline_once(text: Text, limits: Limits) -> Module:
    """One search and one choice; the same module if nothing pays."""
    module = text.module
    known = plain_types(module)
    chosen = choose(text, limits, known, sum([len(group.types) for group in module.types]))
    if not chosen:
        return module
    typed, type_of = with_types(module, [each.plan.type for each in chosen])
    made = [each.plan.function(text, type_of[each.plan.type]) for each in chosen]
    return replace(typed, functions=(*_with_calls(text, chosen), *made))


def _with_calls(text: Text, chosen: Sequence[Chosen]) -> list[Function]:
    """The functions of the module with calls in place of the chosen runs."""
    module = text.module
    first = len(module.imported(Kind.FUNCTION)) + len(module.functions)
    edits: dict[int, list[tuple[int, int, list[Instr]]]] = {}
    for number, each in enumerate(chosen):
        call = module.pool.make("call", first + number)
        for start in each.places:
            position = text.function_at(start)
            offset = start - text.starts[position]
            site = each.plan.site(text, start, call)
            edits.setdefault(position, []).append((offset, offset + each.plan.run.length, site))
    functions = list(module.functions)
    for position, changes in edits.items():
        body = functions[position].body
        result: list[Instr] = []
        copied = 0
        for start, end, site in sorted(changes, key=lambda change: change[0]):
            result += [*body[copied:start], *site]
            copied = end
        functions[position] = functions[position].with_body([*result, *body[copied:]])
    return functions


OUTLINE: Final = ModulePass("outlining", "make functions of repeated code", outline)
