"""What everything in a module names by index: functions, types, globals, segments and the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Expr, Kind, Module
from wasmopt.module_change import Correspondence
from wasmopt.renumber import Renumbering

Use = tuple[str, int]
"""An index space as `Renumbering.index` has it, and an index in it."""

SPACES: Final = {
    Kind.FUNCTION: "func",
    Kind.TABLE: "table",
    Kind.MEMORY: "memory",
    Kind.GLOBAL: "global",
    Kind.TAG: "tag",
}


class Uses(Renumbering):
    """Finds uses by renumbering everything to what it is, and listening."""

    def __init__(self, module: Module) -> None:
        super().__init__(Correspondence(), module.pool)
        self._heard: list[Use] = []
        self._known: Final[dict[Instr, tuple[Use, ...]]] = {}

    def index(self, space: str, old: int) -> int:
        """Note that this was asked for; nothing moves."""
        self._heard.append((space, old))
        return old

    def heard(self) -> list[Use]:
        """What was named since the last time this was asked."""
        heard, self._heard = self._heard, []
        return heard

    def instruction(self, instr: Instr) -> tuple[Use, ...]:
        """What an instruction names."""
        known = self._known.get(instr)
        if known is None:
            before = self.heard()
            self[instr]
            known = self._known[instr] = tuple(self.heard())
            self._heard = before
        return known

    def code(self, instrs: Iterable[Instr]) -> list[Use]:
        """What code names, each instruction looked at once."""
        return [use for instr in set(instrs) for use in self.instruction(instr)]

    def function(self, function: Function) -> Function:
        """Listen to the function's type and locals; its body is asked for by `code`."""
        self.index("type", function.type_index)
        for _, value_type in function.locals:
            self.value_type(value_type)
        return function


def count_uses(module: Module, space: str) -> Counter[int]:
    """How often each index of a space is written in the module, but for names."""
    uses = Uses(module)
    counts: Counter[int] = Counter()

    def count(found: Iterable[Use], times: int = 1) -> None:
        for kind, index in found:
            if kind == space:
                counts[index] += times

    instrs: Counter[Instr] = Counter()
    for function in module.functions:
        instrs.update(function.body)
    for expression in expressions(module):
        instrs.update(expression)
    for instr, times in instrs.items():
        count(uses.instruction(instr), times)
    for function in module.functions:
        uses.function(function)
    for entry in module.imports:
        uses.imported(entry)
    for tag in module.tags:
        uses.index("type", tag)
    for segment in module.elements:
        for item in segment.items:
            if isinstance(item, int):
                uses.index("func", item)
    for export in module.exports:
        uses.index(SPACES[export.kind], export.index)
    if module.start is not None:
        uses.index("func", module.start)
    count(uses.heard())
    return counts


def expressions(module: Module) -> list[Expr]:
    """All constant expressions."""
    found = [entry.init for entry in module.globals]
    found += [table.init for table in module.tables if table.init is not None]
    found += [each.offset for each in module.elements if each.offset is not None]
    found += [each.offset for each in module.data if each.offset is not None]
    found += [item for each in module.elements for item in each.items if not isinstance(item, int)]
    return found


def private_tables(module: Module) -> set[int]:
    """The tables that nothing but calls reads, and nothing writes after instantiation."""
    imported = len(module.imported(Kind.TABLE))
    private = set(range(imported, imported + len(module.tables)))
    private -= {each.index for each in module.exports if each.kind is Kind.TABLE}
    uses = Uses(module)
    for instr in set().union(*[function.body for function in module.functions]):
        if instr.name.startswith("table."):
            private -= {index for space, index in uses.instruction(instr) if space == "table"}
    return private
