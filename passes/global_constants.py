"""Globals that hold one known constant for as long as the module lives: a fact about the module.

A global is constant if it is defined here, starts with a constant, and nothing writes it: it is
immutable; or no `global.set` names it and the host cannot, since it is not exported.
"""

from __future__ import annotations

from typing import Final

from wasmopt.context import Context
from wasmopt.instr import Instr
from wasmopt.module import Kind

ENTRY_SIZE: Final = 3
"""Bytes of a global besides its constant: type, mutability, `end`."""
_CONSTANTS: Final = frozenset(["i32.const", "i64.const", "f32.const", "f64.const", "v128.const"])


def constant_globals(context: Context) -> dict[int, Instr]:
    """Global -> what pushes its value: `context.table(constant_globals)`."""
    module = context.module
    instrs = {instr for function in module.functions for instr in function.body}
    written = {instr.immediates[0] for instr in instrs if instr.name == "global.set"}
    written |= {export.index for export in module.exports if export.kind is Kind.GLOBAL}
    return {
        index: entry.init[0]
        for index, entry in enumerate(module.globals, len(module.imported(Kind.GLOBAL)))
        if len(entry.init) == 2
        and entry.init[0].name in _CONSTANTS
        and not (entry.type.mutable and index in written)
    }
