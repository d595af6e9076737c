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

from collections import Counter
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.module import ElementSegment, Kind, Module
from wasmopt.types import FuncType

_READS: Final = frozenset(["table.get", "table.size"])


class TableFacts:
    """The tables of a module that never change: `context.table(TableFacts)`."""

    def __init__(self, context: Context) -> None:
        self._signatures: Final = context.signatures
        groups = [group.types for group in context.module.types]
        self._alone: Final = [len(types) == 1 for types in groups for _ in types]
        self._contents: Final = self._find(context.module)

    def _find(self, module: Module) -> dict[int, dict[int, int]]:
        """Fixed tables -> place -> function."""
        changeable = set(range(len(module.imported(Kind.TABLE))))
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

    def entries(self, table: int) -> dict[int, int]:
        """Place -> function, as far as that is known and stays so."""
        return self._contents.get(table, {})

    def callee(self, table: int, place: int, type_index: int) -> int | None:
        """The function that a call through the table with that type calls; None if not known.

        Args:
            table: index of the table.
            place: in the table, without a sign.
            type_index: of the type that the call names.
        """
        function = self.entries(table).get(place)
        if function is None or not self._same(self._signatures.functions[function], type_index):
            return None
        return function

    def distinguish(self, before: Function, after: Function) -> bool:
        """Whether the versions may be the same only because of what is known of a table.

        So it is when one of them has a call through it that the other does not have.
        """
        calls = [
            Counter([instr for instr in each.body if instr.name.endswith("call_indirect")])
            for each in (before, after)
        ]
        return calls[0] != calls[1] and any(
            self.entries(instr.immediates[1]) for instr in calls[0] | calls[1]
        )

    def _same(self, first: int, second: int) -> bool:
        if first == second:
            return True
        types = [self._plain(index) for index in (first, second)]
        return types[0] is not None and types[0] == types[1]

    def _plain(self, index: int) -> FuncType | None:
        """A function type that is fully described by the names of its parameters and results."""
        sub = self._signatures.types[index]
        if not self._alone[index] or sub.supertypes or not sub.final:
            return None
        if not isinstance(sub.composite, FuncType):
            return None
        values = sub.composite.params + sub.composite.results
        return sub.composite if max(map(len, values), default=1) == 1 else None


def _offset(segment: ElementSegment) -> int:
    """Where an active segment goes; -1 if that is not a constant."""
    code = segment.offset or ()
    if [instr.name for instr in code[1:]] != ["end"]:
        return -1
    match code[0].name:
        case "i32.const":
            return int(code[0].immediates[0]) & 0xFFFF_FFFF
        case "i64.const":
            return int(code[0].immediates[0]) & 0xFFFF_FFFF_FFFF_FFFF
    return -1


def _function(segment: ElementSegment, number: int) -> int:
    """The function that an item of a segment is; -1 if it is null or not known."""
    item = segment.items[number]
    if isinstance(item, int):
        return item
    names = [instr.name for instr in item]
    return int(item[0].immediates[0]) if names == ["ref.func", "end"] else -1
