"""Globals in a form that two versions of a module share: a rewrite of both that changes nothing.

    (global (mut i32) (i32.const 7))   →   (global i32 (i32.const 7))      nobody writes it
    (global i32 (global.get k))        →   (global i32 (i32.const 7))      what k holds
    global.set g                       →   drop                            nobody reads it

Only of globals that the module defines and does not export, so that its own code is all that can
read or write them.  The second is for globals that have no counterpart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence
from wasmopt.verify.module_parts import expressions

_CONST = ".const"


def plain_globals(before: Module, after: Module, claim: Correspondence) -> tuple[Module, Module]:
    """Both modules in that form; indices stay as they are."""
    images = claim.maps.get(Kind.GLOBAL)
    gone = [] if images is None else [old for old, new in enumerate(images) if new is None]
    return _constants(_without_writes(before, gone)), _constants(after)


def _private(module: Module) -> set[int]:
    first = len(module.imported(Kind.GLOBAL))
    private = set(range(first, first + len(module.globals)))
    return private - {each.index for each in module.exports if each.kind is Kind.GLOBAL}


def _named(module: Module, name: str) -> set[int]:
    instrs: set[Instr] = set().union(*[function.body for function in module.functions])
    instrs.update(*expressions(module))
    return {instr.immediates[0] for instr in instrs if instr.name == name}


def _constants(module: Module) -> Module:
    """The module with globals that nobody writes as constants."""
    first = len(module.imported(Kind.GLOBAL))
    constant = _private(module) - _named(module, "global.set")
    entries = []
    known: dict[Instr, Instr] = {}
    for index, entry in enumerate(module.globals, first):
        mutable = entry.type.mutable and index not in constant
        init = tuple([known.get(instr, instr) for instr in entry.init])
        if not mutable and len(init) == 2 and init[0].name.endswith(_CONST):
            known[module.pool.make("global.get", index)] = init[0]
        entries.append(replace(entry, type=replace(entry.type, mutable=mutable), init=init))
    return replace(module, globals=tuple(entries))


def _without_writes(module: Module, candidates: Iterable[int]) -> Module:
    """The module without writes of those globals that nobody reads."""
    dead = _private(module) & set(candidates) - _named(module, "global.get")
    if not dead:
        return module
    drop = module.pool.make("drop")
    writes = {module.pool.make("global.set", index) for index in sorted(dead)}
    functions = [
        function
        if writes.isdisjoint(function.body)
        else function.with_body([drop if i in writes else i for i in function.body])
        for function in module.functions
    ]
    return replace(module, functions=tuple(functions))
