"""The module that a correspondence describes: everything at its new place, what is gone left out.

Of several that become one the first one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from wasmopt.encode import is_needed
from wasmopt.module import Global, Kind, Module, Section, Table
from wasmopt.module_change import Correspondence, Map
from wasmopt.passes.module_uses import SPACES
from wasmopt.renumber import Renumbering
from wasmopt.types import FuncType, RecGroup, SubType

_T = TypeVar("_T")
_BORDERS = (1 << 7, 1 << 14, 1 << 21, 1 << 32)
"""Indices from which a number takes one more byte."""


def follow(module: Module, claim: Correspondence) -> Module:
    """The module under the maps of a claim.

    Raises:
        GoneError: something that is left names what is gone.
    """
    moved = Renumbering(claim, module.pool)

    def placed(entries: Sequence[_T], kind: Kind, move: Callable[[_T], _T]) -> tuple[_T, ...]:
        imported = len(module.imported(kind))
        indices = claim.maps.get(kind)
        defined = None if indices is None else indices[imported:]
        return _placed(entries, defined, move, imported)

    after = replace(
        module,
        types=_types(module, claim.types, moved),
        imports=tuple(map(moved.imported, module.imports)),
        functions=placed(module.functions, Kind.FUNCTION, moved.function),
        tables=placed(module.tables, Kind.TABLE, lambda each: _table(each, moved)),
        memories=placed(module.memories, Kind.MEMORY, lambda each: each),
        tags=placed(module.tags, Kind.TAG, lambda each: moved.index("type", each)),
        globals=placed(module.globals, Kind.GLOBAL, lambda each: _global(each, moved)),
        exports=tuple(
            [replace(e, index=moved.index(SPACES[e.kind], e.index)) for e in module.exports]
        ),
        start=None if module.start is None else moved.index("func", module.start),
        elements=_placed(module.elements, claim.elements, moved.element_segment),
        data=_placed(module.data, claim.data, moved.data_segment),
    )
    return trimmed(after, module)


def trimmed(after: Module, before: Module) -> Module:
    """The module without the sections that have lost all they had."""
    if after.data_count is not None:
        named = any(
            "data" in instr.op.immediates
            for instr in set().union(*[function.body for function in after.functions])
        )
        after = replace(after, data_count=len(after.data) if named else None)
    layout = [
        part
        for part in after.layout
        if not isinstance(part, Section) or is_needed(after, part) or not is_needed(before, part)
    ]
    return replace(after, layout=tuple(layout))


def plain_types(module: Module) -> dict[FuncType, int]:
    """The index of each function type that is no part of a hierarchy."""
    plain: dict[FuncType, int] = {}
    index = 0
    for group in module.types:
        for sub in group.types:
            if isinstance(sub.composite, FuncType) and not (sub.explicit or group.explicit):
                plain.setdefault(sub.composite, index)
            index += 1
    return plain


def with_types(
    module: Module, signatures: Iterable[FuncType]
) -> tuple[Module, dict[FuncType, int]]:
    """The module with these types, new ones behind its own; and the index of each."""
    known = plain_types(module)
    new = dict.fromkeys([each for each in signatures if each not in known])
    count = sum([len(group.types) for group in module.types])
    indices = known | {each: count + place for place, each in enumerate(new)}
    types = (*module.types, *[RecGroup((SubType(each),)) for each in new])
    return replace(module, types=types), indices


def _placed(
    entries: Sequence[_T], indices: Map | None, move: Callable[[_T], _T], first: int = 0
) -> tuple[_T, ...]:
    places: dict[int, _T] = {}
    for position, entry in enumerate(entries, first):
        new = position if indices is None else indices[position - first]
        if new is not None and new not in places:
            places[new] = move(entry)
    return tuple([places[index] for index in sorted(places)])


def _table(table: Table, moved: Renumbering) -> Table:
    init = None if table.init is None else moved.expression(table.init)
    return Table(moved.table_type(table.type), init)


def _global(entry: Global, moved: Renumbering) -> Global:
    return Global(moved.global_type(entry.type), moved.expression(entry.init))


def _types(module: Module, indices: Map | None, moved: Renumbering) -> tuple[RecGroup, ...]:
    """The recursion groups; one stays or goes as a whole."""
    places: dict[int, RecGroup] = {}
    start = 0
    for group in module.types:
        new = start if indices is None else indices[start]
        start += len(group.types)
        if new is not None and new not in places:
            places[new] = replace(group, types=tuple(map(moved.sub_type, group.types)))
    return tuple([places[index] for index in sorted(places)])


def compressed(kept: Sequence[bool]) -> Map:
    """The map under which what is kept closes up."""
    indices: list[int | None] = []
    count = 0
    for each in kept:
        indices.append(count if each else None)
        count += each
    return tuple(indices)


def by_use(counts: Sequence[int], first: int, borders: Sequence[int] = _BORDERS) -> Map:
    """The map under which the most used indices are the shortest, the order kept otherwise.

    A number below a border takes a byte less than one above, so it only matters who is below
    which border: those named most often.  That is the optimum.

    Args:
        counts: how often each index is named.
        first: how many indices, those of imports, stay where they are.
        borders: indices from which a number takes one more byte.
    """
    movable = range(first, len(counts))
    ranked = sorted(movable, key=lambda index: -counts[index])
    order: list[int] = []
    for border in borders:
        part = ranked[: max(0, border - first - len(order))]
        ranked = ranked[len(part) :]
        order += sorted(part)
    images = {old: new for new, old in enumerate(order, first)}
    return tuple([images.get(index, index) for index in range(len(counts))])
