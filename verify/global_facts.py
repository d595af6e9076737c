"""The globals that hold one known constant for as long as the module lives.

Claim: if `GlobalFacts` has an instruction for a global, then whenever code of the module reads
the global, it reads what the instruction pushes.

* The global is defined here, and its initial value is that one instruction, a constant.
* It is immutable; or nobody outside can write it, because it is not exported, and nobody inside
  does: no function of the module names it in a `global.set`.  Proved changes add none that is ever
  executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wasmopt.context import Context
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Kind, Module

_CONSTANTS = frozenset(["i32.const", "i64.const", "f32.const", "f64.const", "v128.const"])


class GlobalFacts(dict[int, Instr]):
    """Global -> the constant it holds; make it by `context.table(GlobalFacts)`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        module = context.module
        imported = len(module.imported(Kind.GLOBAL))
        written = {each.index for each in module.exports if each.kind is Kind.GLOBAL}
        for instr in set().union(*[function.body for function in module.functions]):
            if instr.name == "global.set":
                written.add(instr.immediates[0])
        for index, entry in enumerate(module.globals, imported):
            constant = entry.init[0]
            if len(entry.init) != 2 or constant.name not in _CONSTANTS:
                continue
            if not entry.type.mutable or index not in written:
                self[index] = constant

    def reads(self, pool: InstrPool) -> dict[Instr, Instr]:
        """The instructions that read such a global, each with what pushes the same."""
        return {pool.make("global.get", index): constant for index, constant in self.items()}


def without_reads(module: Module, gone: Iterable[int]) -> Module:
    """The module with constants in place of what reads those globals, as far as they are known."""
    context = Context(module)
    facts = context.table(GlobalFacts)
    reads = {
        context.pool.make("global.get", index): facts[index] for index in gone if index in facts
    }
    functions = [
        function
        if reads.keys().isdisjoint(function.body)
        else function.with_body([reads.get(instr, instr) for instr in function.body])
        for function in module.functions
    ]
    return replace(module, functions=tuple(functions)) if reads else module
