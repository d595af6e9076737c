"""Align hints: every access says that it is aligned to a byte, which is always true.

    i32.load align=4  i32.load align=2   →   i32.load align=1  i32.load align=1

Needs: nothing.  Keeps: atomic accesses, whose alignment is no hint.  Costs: a look at each
distinct instruction.  Raw bytes stay as many: this is for compressed sizes.

Engines on common machines do not look at the hint (WebAssembly 3.0, Execution, Memory
Instructions: it has no semantics).  One that does may take the slow way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wasmopt.instr import Instr, InstrPool, MemArg
from wasmopt.module import Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options


def align_hints(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Make all hints the same."""
    instrs = {instr: None for function in module.functions for instr in function.body}
    changed = {instr: new for instr in instrs if (new := _lowest(instr, module.pool)) is not instr}
    if not changed:
        return None
    functions = tuple(
        [
            function
            if changed.keys().isdisjoint(function.body)
            else function.with_body([changed.get(instr, instr) for instr in function.body])
            for function in module.functions
        ]
    )
    return replace(module, functions=functions), Correspondence()


def _lowest(instr: Instr, pool: InstrPool) -> Instr:
    """The instruction with the lowest hint."""
    if "memarg" not in instr.op.immediates or ".atomic." in instr.name:
        return instr
    immediates = [
        each._replace(align=0) if isinstance(each, MemArg) else each for each in instr.immediates
    ]
    return pool.make(instr.name, *immediates)


ALIGN_HINTS: Final = ModulePass(
    "align-hints",
    "make all hints at alignment the same",
    align_hints,
    compresses=True,
)
