"""Tables that hold the same functions for ever, and which ones: a fact about the module.

A table is constant if the host cannot get at it (neither imported nor exported), no instruction
of any function writes it, and every segment that fills it goes to a constant place that is there
for sure.  Segments are taken in order, so that the later of two that overlap wins.

If any active segment of the module might go wrong, instantiation might stop half way, with
functions already within the host's reach through an imported table: then no table is constant.

Source: WebAssembly 3.0, Execution, Modules, Instantiation.
"""

from __future__ import annotations

from collections.abc import Iterator

from wasmopt.context import Context
from wasmopt.module import ElementSegment, Expr, Kind, Module
from wasmopt.opcodes import Effect
from wasmopt.types import FuncType

Entries = dict[int, int]
"""Place in a table -> index of the function there; other places are null or unknown."""


def constant_tables(context: Context) -> dict[int, Entries]:
    """The tables that are constant: `context.table(constant_tables)`."""
    module, types = context.module, context.signatures.tables
    imported = len(module.imported(Kind.TABLE))
    exposed = {each.index for each in module.exports if each.kind is Kind.TABLE}
    exposed |= set(range(imported)) | written_tables(module)
    tables: dict[int, Entries] = {table: {} for table in range(len(types)) if table not in exposed}
    for segment in module.elements:
        if segment.offset is None:
            continue
        start = _constant(segment.offset)
        if start is None or start + len(segment.items) > types[segment.table].limits.minimum:
            return {}
        entries = tables.get(segment.table, {})
        for place, function in enumerate(_functions(segment), start):
            if function is None:
                entries.pop(place, None)
            else:
                entries[place] = function
    return tables


def plain_types(context: Context) -> dict[int, FuncType]:
    """Function types without relations to other types: two of them are the same if they are equal.

    Source: WebAssembly 3.0, Validation, Types, Matching.
    """
    singles = [len(group.types) == 1 for group in context.module.types for _ in group.types]
    plain: dict[int, FuncType] = {}
    for index, sub in enumerate(context.signatures.types):
        composite = sub.composite
        alone = singles[index] and sub.final and not sub.supertypes
        if alone and isinstance(composite, FuncType):
            values = (*composite.params, *composite.results)
            if all(len(each) == 1 for each in values):
                plain[index] = composite
    return plain


def written_tables(module: Module) -> set[int]:
    """Tables that some instruction may change, or may be copied from."""
    instrs = {instr for function in module.functions for instr in function.body}
    return {
        index
        for instr in instrs
        if instr.effects & Effect.WRITE_TABLE
        for kind, index in zip(instr.op.immediates, instr.immediates, strict=True)
        if kind == "table"
    }


def _constant(offset: Expr) -> int | None:
    """The place that a constant expression names, without a sign; None if it is not known."""
    if len(offset) == 2 and offset[0].name in ("i32.const", "i64.const"):
        bits = 32 if offset[0].name == "i32.const" else 64
        place: int = offset[0].immediates[0] % (1 << bits)
        return place
    return None


def _functions(segment: ElementSegment) -> Iterator[int | None]:
    """The functions of a segment; None for what is null or not known."""
    for item in segment.items:
        if isinstance(item, int):
            yield item
        else:
            yield item[0].immediates[0] if item[0].name == "ref.func" and len(item) == 2 else None
