"""What a call through a table surely calls, where nothing can ever change the table.

Claim: if `TableFacts.callee` names a function, then whenever code of the module runs, the table
holds this function at that place, and its type is the one that the call asks for.

* Nobody outside can change the table: it is defined here and not exported.
* Nobody inside can: no function of the module has an instruction with `table.` in its name, but
  for reads, that names it.  Proved changes add no such instruction that is ever executed.
* Segments are applied before any code runs, in order (spec 3.0 §4.7.2).  All of them are known to
  fit; if one did not, instantiation would stop between two segments, and what had got out
  through an imported table before could be called while later segments are missing.

Two types are the same if their index is; or if both are function types of their own, final,
without supertypes and recursion group, over types that name no others (spec 3.0 §3.3).
"""

from __future__ import annotations

import hashlib
from typing import Final

from wasmopt.context import Context
from wasmopt.module import ElementSegment, Kind, Module
from wasmopt.types import FuncType

_READS: Final = frozenset(["table.get", "table.size"])


class TableFacts:
    """The tables of a module that never change: `context.table(TableFacts)`."""

    def __init__(self, context: Context) -> None:
        self._signatures: Final = context.signatures
        self._groups: Final = [len(group.types) for group in context.module.types for _ in group.types]
        self._contents: Final = self._find(context.module)

    def _find(self, module: Module) -> dict[int, dict[int, int]]:
        """Fixed tables -> place -> function."""
        changeable = {index for index in range(len(module.imported(Kind.TABLE)))}
        changeable.update(each.index for each in module.exports if each.kind == Kind.TABLE)
        for instr in set().union(*[function.body for function in module.functions]):
            if instr.name.startswith("table.") and instr.name not in _READS:
                named = zip(instr.op.immediates, instr.immediates, strict=True)
                changeable.update(index for kind, index in named if kind == "table")
        contents: dict[int, dict[int, int]] = {}
        for segment in module.elements:
            if segment.offset is None:
                continue
            begin = _offset(segment)
            end = begin + len(segment.items)
            if begin < 0 or end > self._signatures.tables[segment.table].limits.minimum:
                return {}
            content = contents.setdefault(segment.table, {})
            for place in range(begin, end):
                content.pop(place, None)
                callee = _function(segment, place - begin)
                if callee >= 0:
                    content[place] = callee
        return {table: each for table, each in contents.items() if table not in changeable}

    ...
