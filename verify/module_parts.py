"""Everything of a module that is no code: is it the same in the new version, under the maps?

Nothing that the host can see may differ: imports, exports, which segments are written where and
in which order, the values that globals and tables start with, whether instantiation traps.  What
is gone must leave no trace.  What is new must be invisible: functions, types and globals that no
export names.

Source: WebAssembly 3.0, Execution, Modules (instantiation).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import pairwise
from typing import Final, TypeVar

from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import InputError
from wasmopt.instr import Instr, InstrPool, read_instruction
from wasmopt.module import (
    DataSegment,
    ElementSegment,
    Expr,
    Global,
    Kind,
    Module,
    Signatures,
    Table,
)
from wasmopt.module_change import Correspondence, Map
from wasmopt.reader import Reader
from wasmopt.renumber import Renumbering
from wasmopt.types import RecGroup, SubType
from wasmopt.verify.memory_image import fits, may_trap, memory_size, same_contents
from wasmopt.verify.validity import check_locals

_SPACES: Final = {
    Kind.FUNCTION: "func",
    Kind.TABLE: "table",
    Kind.MEMORY: "memory",
    Kind.GLOBAL: "global",
    Kind.TAG: "tag",
}
_MAY_BE_NEW: Final = (Kind.FUNCTION, Kind.GLOBAL)
_LARGEST_GROUP: Final = 1 << 32
"""More than a recursion group has types."""
_CODE_FIELDS: Final = frozenset(["pool", "functions", "layout"])
_FUNCTION_REFERENCES: Final = (b"\x70", b"\x64\x70", b"\x63\x70")
"""The types funcref, (ref func), and (ref null func), which is funcref written out."""
_Entry = TypeVar("_Entry", ElementSegment, DataSegment)


class RefusedError(Exception):
    """The modules are not shown to correspond; the message says why."""


def require(condition: bool, problem: str) -> None:
    """Refuse the modules unless `condition` holds."""
    if not condition:
        raise RefusedError(problem)


def check_honest(before: Module, after: Module) -> None:
    """Check that the objects of `after` say what their encoding says, which is what runs.

    Raises:
        RefusedError: they do not.
    """
    pool = before.pool
    require(after.pool is pool, "invalid: instructions of another pool")
    instrs = {instr for function in after.functions for instr in function.body}
    for expression in expressions(after):
        instrs.update(expression)
    for instr in instrs:
        reader = Reader(instr.data)
        op, immediates = read_instruction(reader)
        says = (op, op.mnemonic, op.effects, immediates)
        honest = says == (instr.op, instr.name, instr.effects, instr.immediates)
        require(
            reader.at_end() and honest and pool.get(instr.data) is instr,
            "invalid: an instruction that is not encoded as what it says",
        )
    try:
        for groups in {function.locals for function in after.functions}:
            check_locals(groups)
        bare = replace(after, functions=())
        read = decode(encode(bare), pool)
    except (InputError, TypeError, ValueError):
        raise RefusedError("invalid: malformed module") from None
    same = [
        getattr(read, each.name) == getattr(bare, each.name)
        for each in fields(Module)
        if each.name not in _CODE_FIELDS
    ]
    require(all(same), "invalid: a module that is not encoded as what it says")


def expressions(module: Module) -> Iterable[Expr]:
    """All constant expressions."""
    yield from [entry.init for entry in module.globals]
    yield from [table.init for table in module.tables if table.init is not None]
    offsets = [each.offset for each in module.elements] + [each.offset for each in module.data]
    yield from [offset for offset in offsets if offset is not None]
    for element in module.elements:
        yield from [item for item in element.items if not isinstance(item, int)]


def type_identities(*modules: Module) -> list[list[Hashable]]:
    """For each module, something for each of its types: equal where the types are the same.

    Recursion groups are the same if they are written alike, references within the group being
    counted from its start, those to earlier types standing for what these are (spec 3.0 §3.3).
    """
    groups: dict[tuple[SubType, ...], int] = {}
    return [_identities(module.types, groups) for module in modules]


class _Written(Renumbering):
    """Types with every index replaced by what it stands for."""

    def __init__(self) -> None:
        super().__init__(Correspondence(), InstrPool())
        self.names: Final[list[int]] = []

    def index(self, space: str, old: int) -> int:
        return self.names[old]


def _identities(
    types: Sequence[RecGroup], groups: dict[tuple[SubType, ...], int]
) -> list[Hashable]:
    written = _Written()
    names = written.names
    for group in types:
        # Types of the group itself have the numbers from 0 on, all others those behind.
        start = len(names)
        names += range(len(group.types))
        subs = [written.sub_type(sub) for sub in group.types]
        key = tuple([replace(sub, explicit=True) for sub in subs])
        number = groups.setdefault(key, len(groups)) + 1
        names[start:] = range(number * _LARGEST_GROUP, number * _LARGEST_GROUP + len(subs))
    return list(names)


def check_parts(before: Module, after: Module, claim: Correspondence, moved: Renumbering) -> None:
    """Check everything but code.

    Args:
        before: the old module.
        after: the new one.
        claim: the maps.
        moved: the same, ready for use.

    Raises:
        RefusedError: something differs.
        GoneError: something that is gone is named by what is left.
    """
    for check in part_checks(before, after, claim, moved):
        check()


def part_checks(
    before: Module, after: Module, claim: Correspondence, moved: Renumbering
) -> list[Callable[[], None]]:
    """The same, one check for each part."""
    old, new = Signatures(before), Signatures(after)
    counts: dict[Kind, tuple[Sequence[object], Sequence[object]]] = {
        Kind.FUNCTION: (old.functions, new.functions),
        Kind.TABLE: (old.tables, new.tables),
        Kind.MEMORY: (old.memories, new.memories),
        Kind.GLOBAL: (old.globals, new.globals),
        Kind.TAG: (old.tags, new.tags),
    }
    return [
        partial(_check_types, before, after, claim),
        partial(_check_imports, before, after, moved),
        *[
            partial(
                _check_map,
                claim.maps.get(kind),
                len(old_space),
                len(new_space),
                len(before.imported(kind)),
                kind,
            )
            for kind, (old_space, new_space) in counts.items()
        ],
        partial(_check_definitions, before, after, moved, claim),
        partial(_check_exports, before, after, moved),
        partial(_check_start, before, after, moved),
        partial(_check_sections, before, after),
        partial(_check_elements, before, after, claim, moved),
        partial(_check_data, before, after, claim, moved),
    ]


def _check_imports(before: Module, after: Module, moved: Renumbering) -> None:
    imports = tuple([moved.imported(entry) for entry in before.imports])
    require(imports == after.imports, "the imports differ")


def _check_exports(before: Module, after: Module, moved: Renumbering) -> None:
    exports = [
        replace(each, index=moved.index(_SPACES[each.kind], each.index)) for each in before.exports
    ]
    require(tuple(exports) == after.exports, "the exports differ")


def _check_start(before: Module, after: Module, moved: Renumbering) -> None:
    start = None if before.start is None else moved.index("func", before.start)
    require(start == after.start, "the start function differs")


def _check_sections(before: Module, after: Module) -> None:
    sections = [list(each.custom_sections()) for each in (before, after)]
    require(sections[0] == sections[1], "the custom sections differ")


def _check_types(before: Module, after: Module, claim: Correspondence) -> None:
    old, new = type_identities(before, after)
    indices = claim.types
    require(indices is None or len(indices) == len(old), "a map of another length")
    for index in range(len(old)):
        image = index if indices is None else indices[index]
        if image is not None:
            same = 0 <= image < len(new) and old[index] == new[image]
            require(same, f"type {index} stands for another type")


def _check_map(indices: Map | None, old: int, new: int, imported: int, kind: Kind) -> None:
    """Check that a map keeps imports in place and nothing is invented or, but for functions,
    made one.
    """
    space = kind.name.lower()
    if indices is None:
        require(old == new or (old < new and kind in _MAY_BE_NEW), f"a {space} too many or few")
        return
    require(len(indices) == old, "a map of another length")
    require(indices[:imported] == tuple(range(imported)), f"an import is not the same {space}")
    images = [image for image in indices if image is not None]
    require(all(0 <= image < new for image in images), f"a {space} stands for none")
    defined = [image for image in indices[imported:] if image is not None]
    require(all(image >= imported for image in defined), f"a {space} became an import")
    if kind is not Kind.FUNCTION:
        require(len(set(images)) == len(images), f"two of kind {space} became one")
    if kind not in _MAY_BE_NEW:
        require(len(set(images)) == new, f"a {space} that was not there")


def _check_definitions(
    before: Module, after: Module, moved: Renumbering, claim: Correspondence
) -> None:
    """Compare tables, memories, tags and globals that are left."""
    for old, new in _kept(claim.maps.get(Kind.TABLE), before, Kind.TABLE, len(before.tables)):
        table = before.tables[old]
        init = None if table.init is None else moved.expression(table.init)
        expected = Table(moved.table_type(table.type), init)
        require(after.tables[new] == expected, f"table {old} differs")
    for old, new in _kept(claim.maps.get(Kind.MEMORY), before, Kind.MEMORY, len(before.memories)):
        require(after.memories[new] == before.memories[old], f"memory {old} differs")
    for old, new in _kept(claim.maps.get(Kind.TAG), before, Kind.TAG, len(before.tags)):
        require(after.tags[new] == moved.index("type", before.tags[old]), f"tag {old} differs")
    for old, new in _kept(claim.maps.get(Kind.GLOBAL), before, Kind.GLOBAL, len(before.globals)):
        entry = before.globals[old]
        value = Global(moved.global_type(entry.type), moved.expression(entry.init))
        require(after.globals[new] == value, f"global {old} differs")


def _kept(indices: Map | None, before: Module, kind: Kind, count: int) -> Iterable[tuple[int, int]]:
    """Positions among the definitions, old and new, of what is left."""
    imported = len(before.imported(kind))
    for position in range(count):
        image = position + imported if indices is None else indices[position + imported]
        if image is not None:
            yield position, image - imported


def _check_elements(
    before: Module, after: Module, claim: Correspondence, moved: Renumbering
) -> None:
    tables = claim.maps.get(Kind.TABLE)
    gone = _check_order(before.elements, after.elements, claim.elements, "element segment")
    for old, new in _pairs(before.elements, claim.elements):
        mine, theirs = moved.element_segment(before.elements[old]), after.elements[new]
        require(_element_shape(mine) == _element_shape(theirs), f"element segment {old} differs")
    limits = [table.limits for table in Signatures(before).tables]
    for index in gone:
        segment = before.elements[index]
        unseen = not segment.items or (tables is not None and tables[segment.table] is None)
        size = limits[segment.table].minimum
        fit = fits(segment.offset, len(segment.items), size)
        require(unseen and fit, f"element segment {index} is gone, but not what it did")


def _check_data(before: Module, after: Module, claim: Correspondence, moved: Renumbering) -> None:
    """Check data segments: each is the same, or the memory it wrote into starts the same."""
    memories = claim.maps.get(Kind.MEMORY)
    gone = _check_order(before.data, after.data, claim.data, "data segment", may_be_new=True)
    kept = dict(_pairs(before.data, claim.data))
    for old, new in kept.items():
        mine, theirs = moved.data_segment(before.data[old]), after.data[new]
        require(_data_shape(mine) == _data_shape(theirs), f"data segment {old} differs")
    limits = Signatures(before).memories
    rewritten: set[int] = set()
    for index in gone:
        segment = before.data[index]
        if segment.data and (memories is None or memories[segment.memory] is not None):
            rewritten.add(segment.memory)
        else:
            fit = fits(segment.offset, len(segment.data), memory_size(limits[segment.memory]))
            require(fit, f"data segment {index} is gone, but not what it did")
    new_ones = [after.data[new] for new in set(range(len(after.data))) - set(kept.values())]
    require(all(each.offset is not None for each in new_ones), "a data segment that was not there")
    written = {each.memory for each in new_ones}
    rewritten.update([old for old in range(len(limits)) if _image(memories, old) in written])
    if rewritten:
        _check_images(before, after, moved, rewritten)


def _image(indices: Map | None, old: int) -> int | None:
    return old if indices is None else indices[old]


def _check_images(
    before: Module, after: Module, moved: Renumbering, memories: Iterable[int]
) -> None:
    """Check that memories hold the same before the start function runs.

    A function may be called of an instance that never came to be, if an element segment put it
    into an imported table and a later segment trapped.  It would see what had been written until
    then, so this must not be possible in either version.
    """
    for version in (before, after):
        for doubtful in may_trap(version):
            raise RefusedError(f"{doubtful} may trap, and other data segments are not the same")
    limits = Signatures(before).memories
    imported = len(before.imported(Kind.MEMORY))
    for memory in sorted(memories):
        own = memory >= imported and not limits[memory].shared
        require(own, f"data segments of memory {memory} differ, which others may write to")
        same = same_contents(before.data, after.data, memory, moved.index("memory", memory))
        require(same, f"memory {memory} starts with other contents")


def _check_order(
    old: Sequence[_Entry],
    new: Sequence[_Entry],
    indices: Map | None,
    what: str,
    *,
    may_be_new: bool = False,
) -> list[int]:
    """Check the map of segments: active ones keep their order, since later ones write over
    earlier ones, and one that does not fit stops all behind it.

    Returns:
        The active segments that are gone.
    """
    if indices is None:
        require(len(old) == len(new), f"a {what} too many or few")
        return []
    require(len(indices) == len(old), "a map of another length")
    images = [image for image in indices if image is not None]
    require(len(set(images)) == len(images), f"two {what}s are one")
    require(all(0 <= image < len(new) for image in images), f"a {what} stands for none")
    require(may_be_new or len(images) == len(new), f"a {what} that was not there")
    active = [place for place, segment in enumerate(old) if segment.offset is not None]
    order = [image for image in [indices[place] for place in active] if image is not None]
    require(all(one < other for one, other in pairwise(order)), f"another order of {what}s")
    return [place for place in active if indices[place] is None]


def _pairs(old: Sequence[_Entry], indices: Map | None) -> Iterable[tuple[int, int]]:
    for place in range(len(old)):
        image = place if indices is None else indices[place]
        if image is not None:
            yield place, image


def _element_shape(segment: ElementSegment) -> Hashable:
    """What a segment is, in whichever form it is written.

    References to functions are the same whether written as expressions or as indices.  The type
    is then another one, funcref or (ref func): it decides on nothing but validity.
    """
    expressions = segment.flags & 4
    kind = segment.kind if segment.kind is not None else (b"\x70" if expressions else b"\0")
    mode = segment.flags & 3 if segment.flags & 1 else 0
    items: Sequence[Hashable] = segment.items
    if expressions and kind in _FUNCTION_REFERENCES:
        indices = [_referenced(item) for item in segment.items if not isinstance(item, int)]
        if None not in indices:
            expressions, kind, items = 0, b"\0", tuple(indices)
    return (mode, expressions, kind, segment.table, segment.offset, items)


def _referenced(item: Expr) -> int | None:
    """The function that an item is a reference to, if that takes no more than a look."""
    is_reference = [instr.name for instr in item] == ["ref.func", "end"]
    return int(item[0].immediates[0]) if is_reference else None


def _data_shape(segment: DataSegment) -> Hashable:
    return (segment.memory, segment.offset, segment.data)


def check_merged(before: Module, images: Map) -> None:
    """Check that functions that became one cannot be told apart by anybody.

    Raises:
        RefusedError: they can.
    """
    members: dict[int, list[int]] = {}
    for old, new in enumerate(images):
        if new is not None:
            members.setdefault(new, []).append(old)
    classes = [each for each in members.values() if len(each) > 1]
    if classes:
        seen = distinguishable(before)
        for each in classes:
            known = [index for index in each if index in seen]
            require(len(known) < 2, f"functions {known[:2]} are one, and could be told apart")


def distinguishable(module: Module) -> set[int]:
    """The functions that somebody could tell from others that do the same.

    References to functions can be compared by the host alone.  It gets at those that are
    exported, that any `ref.func` makes a reference to, and at those in segments, but for segments
    of tables that are only ever called through.
    """
    private = private_tables(module)
    found = {export.index for export in module.exports if export.kind is Kind.FUNCTION}
    instrs: set[Instr] = set().union(*[function.body for function in module.functions])
    expressions = [entry.init for entry in module.globals]
    expressions += [table.init for table in module.tables if table.init is not None]
    for segment in module.elements:
        if segment.offset is not None and segment.table in private:
            continue
        found.update([item for item in segment.items if isinstance(item, int)])
        expressions += [item for item in segment.items if not isinstance(item, int)]
    instrs.update(*expressions)
    found.update([instr.immediates[0] for instr in instrs if instr.name == "ref.func"])
    return found


def private_tables(module: Module) -> set[int]:
    """Tables that nothing but calls reads."""
    imported = len(module.imported(Kind.TABLE))
    private = set(range(imported, imported + len(module.tables)))
    private -= {each.index for each in module.exports if each.kind is Kind.TABLE}
    for instr in set().union(*[function.body for function in module.functions]):
        if instr.name.startswith("table."):
            named = zip(instr.op.immediates, instr.immediates, strict=True)
            private -= {index for kind, index in named if kind == "table"}
    return private
