"""Constants: a large constant is kept in a global, or computed from a smaller one.

    i32.const 1048576 … i32.const 1048576 …       →  (global $c i32 (i32.const 1048576))
                                                     global.get $c … global.get $c …
    f64.const 1000                                →  i32.const 1000  f64.convert_i32_s
    (global $g i32 (i32.const 1048576))  …        →  global.get $g, likewise
    (global $h (mut i32) (i32.const 5)), never written
    global.get $h, two bytes being the index      →  i32.const 5

Needs: how often each constant is used, which globals hold one for good, and the forms of a constant
(`constant_forms`).  Keeps: all globals, since what nobody names any more is for remove-unused; code
with legacy exceptions.  Costs: one count over all bodies, and one walk over those that change; at
run time a read or an instruction or two, which optimizing engines compute when they compile.

A new global costs its entry, a use of it two bytes below index 128 and three above; the most used
constants get the lowest indices.  It is weighed against the shortest form that needs none.
Constants of two bytes stay: nothing is shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from wasmopt.encode import encode
from wasmopt.instr import Instr
from wasmopt.module import Global, GlobalType, Kind, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.constant_forms import Code, shortest_form, size
from wasmopt.passes.global_constants import ENTRY_SIZE
from wasmopt.reader import unsigned_leb_size
from wasmopt.types import F32, F64, I32, I64, V128, ValType
from wasmopt.validate import legacy_exceptions

TYPES: Final[dict[str, ValType]] = {
    "i32.const": I32,
    "i64.const": I64,
    "f32.const": F32,
    "f64.const": F64,
    "v128.const": V128,
}


def constants(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Name each constant the shortest way."""
    legacy = legacy_exceptions(module)
    uses: Counter[Instr] = Counter()
    for function in module.functions:
        if not legacy or legacy.isdisjoint(function.body):
            uses.update(function.body)
    instead = _known(module)
    new: list[Instr] = []
    index = len(module.imported(Kind.GLOBAL)) + len(module.globals)
    loose = [each for each in uses if each.name in TYPES]
    for constant in sorted(loose, key=lambda each: (-uses[each], each.data)):
        form = shortest_form(constant, module.pool)
        if constant in instead:
            if size(form) < size(instead[constant]):
                instead[constant] = form
            continue
        saved = size(form) - 1 - unsigned_leb_size(index)
        if uses[constant] * saved > constant.size + ENTRY_SIZE:
            instead[constant] = (module.pool.make("global.get", index),)
            new.append(constant)
            index += 1
        elif len(form) > 1:
            instead[constant] = form
    if instead.keys().isdisjoint(uses):
        return None
    changed = _changed(module, instead, new)
    if len(encode(changed)) >= len(encode(module)):
        return None  # the first global costs a section
    return changed, Correspondence()


def _known(module: Module) -> dict[Instr, Code]:
    """What globals that are there already make shorter: a constant, or a read of one of them."""
    imported = len(module.imported(Kind.GLOBAL))
    written = {each.index for each in module.exports if each.kind is Kind.GLOBAL}
    for instr in set().union(*[function.body for function in module.functions]):
        if instr.name == "global.set":
            written.add(instr.immediates[0])
    shorter: dict[Instr, Code] = {}
    for index, entry in enumerate(module.globals, imported):
        constant = entry.init[0]
        if constant.name not in TYPES or len(entry.init) != 2:
            continue
        if entry.type.mutable and index in written:
            continue
        get = module.pool.make("global.get", index)
        if constant.size < get.size:
            shorter[get] = (constant,)
        elif get.size < constant.size:
            shorter.setdefault(constant, (get,))
    return shorter


def _changed(module: Module, instead: dict[Instr, Code], new: Iterable[Instr]) -> Module:
    """The module with some instructions in the place of others, and new globals."""
    end = module.pool.make("end")
    legacy = legacy_exceptions(module)
    entries = [Global(GlobalType(TYPES[each.name], False), (each, end)) for each in new]
    functions = [
        function
        if instead.keys().isdisjoint(function.body)
        or (legacy and not legacy.isdisjoint(function.body))
        else function.with_body(
            [each for instr in function.body for each in instead.get(instr, (instr,))]
        )
        for function in module.functions
    ]
    return replace(module, globals=(*module.globals, *entries), functions=tuple(functions))


CONSTANTS: Final = ModulePass(
    "constants", "keep large constants in globals, or compute them", constants
)
