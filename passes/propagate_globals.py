"""Propagate globals: a global that only ever holds one small constant is not worth its entry.

    (global $g i32 (i32.const 70)) … global.get $g …    →    … i32.const 70 …

Needs: which globals hold one constant for good, which nothing but code names, and how often code
names them or has the constant itself.  Keeps: globals that are exported, or start another one or a
segment; those with so many uses that they pay; code with legacy exceptions, and what it names.
Costs: one count over all bodies, and one walk over those that change.

It comes early, so that what computes with the constants is folded, and again before `constants`,
which weighs in the same way whether a constant is worth a new global.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from wasmopt.context import Context
from wasmopt.encode import encode
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.global_constants import ENTRY_SIZE, constant_globals
from wasmopt.passes.module_edits import compressed, follow
from wasmopt.passes.module_uses import count_uses
from wasmopt.validate import legacy_exceptions


def propagate_globals(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Have constants where globals are not worth their entry."""
    known = constant_globals(Context(module))
    if not known:
        return None
    instead, gone = _not_worth_it(module, known)
    if not gone:
        return None
    functions = [
        function
        if instead.keys().isdisjoint(function.body)
        else function.with_body([instead.get(instr, instr) for instr in function.body])
        for function in module.functions
    ]
    total = len(module.imported(Kind.GLOBAL)) + len(module.globals)
    claim = Correspondence({Kind.GLOBAL: compressed([each not in gone for each in range(total)])})
    after = follow(replace(module, functions=tuple(functions)), claim)
    return (after, claim) if len(encode(after)) < len(encode(module)) else None


def _not_worth_it(
    module: Module, known: dict[int, Instr]
) -> tuple[dict[Instr, Instr], dict[int, None]]:
    """The reads that become something else, and the globals that are gone with them."""
    legacy = legacy_exceptions(module)
    uses: Counter[Instr] = Counter()
    for function in module.functions:
        if not legacy or legacy.isdisjoint(function.body):
            uses.update(function.body)
    named = count_uses(module, "global")
    instead: dict[Instr, Instr] = {}
    gone: dict[int, None] = {}
    for index, constant in known.items():
        get = module.pool.make("global.get", index)
        saved = (uses[get] + uses[constant]) * (constant.size - get.size)
        if named[index] == uses[get] and saved < constant.size + ENTRY_SIZE:
            instead[get] = constant
            gone[index] = None
    return instead, gone


PROPAGATE_GLOBALS: Final = ModulePass(
    "propagate-globals", "put constants where globals are not worth their entry", propagate_globals
)
