"""The same instructions and types with other indices.

What an index names is written in the opcode table, so one table of immediate kinds says how every
instruction follows when functions, types, globals and the like get other numbers.  A kind that is
not in it is an error, not "no index".

Source: WebAssembly 3.0, Binary Format, Instructions and Types (where indices occur).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from wasmopt.function import Function
from wasmopt.instr import Catch, Instr, InstrPool, MemArg
from wasmopt.module import (
    DataSegment,
    ElementSegment,
    Expr,
    GlobalType,
    Import,
    ImportType,
    Kind,
    Limits,
    TableType,
)
from wasmopt.module_change import Correspondence, Map
from wasmopt.reader import Reader
from wasmopt.types import (
    REF_NULL_PREFIX,
    REF_PREFIX,
    ArrayType,
    FieldType,
    FuncType,
    StructType,
    SubType,
    ValType,
    heap_type_bytes,
    read_heap_type,
)


class GoneError(Exception):
    """Something names what is not there any more."""


class Renumbering(dict[Instr, Instr]):
    """Instruction -> the same one with new indices; and the same for types and segments.

    Everything raises `GoneError` where an index has no new one.

    Args:
        claim: the maps; what has none keeps its number.
        pool: interns the new instructions.
    """

    def __init__(self, claim: Correspondence, pool: InstrPool) -> None:
        super().__init__()
        self._pool: Final = pool
        self._maps: Final[dict[str, Map | None]] = {
            "type": claim.types,
            "data": claim.data,
            "elem": claim.elements,
        } | {space: claim.maps.get(kind) for space, kind in _SPACES.items()}

    def __missing__(self, instr: Instr) -> Instr:
        kinds, old = instr.op.immediates, instr.immediates
        new = tuple([_MOVED[kind](self, each) for kind, each in zip(kinds, old, strict=True)])
        moved = self[instr] = instr if new == old else self._pool.intern(instr.op, new)
        return moved

    def index(self, space: str, old: int) -> int:
        """The new index of what had the index `old` in a space: "func", "type", "elem", …"""
        indices = self._maps[space]
        if indices is None:
            return old
        new = indices[old] if 0 <= old < len(indices) else None
        if new is None:
            raise GoneError(f"{_FULL_NAMES.get(space, space)} {old} is gone but still named")
        return new

    def expression(self, instrs: Iterable[Instr]) -> Expr:
        """A body or constant expression."""
        return tuple([self[instr] for instr in instrs])

    def function(self, function: Function) -> Function:
        """A function; the very same object if nothing in it has another number."""
        body = self.expression(function.body)
        type_index = self.index("type", function.type_index)
        groups = tuple([(count, self.value_type(each)) for count, each in function.locals])
        if body == function.body and (type_index, groups) == (function.type_index, function.locals):
            return function
        return Function(type_index, groups, body)

    def heap_type(self, heap_type: int | bytes) -> int | bytes:
        """A heap type."""
        return self.index("type", heap_type) if isinstance(heap_type, int) else heap_type

    def value_type(self, value_type: ValType) -> ValType:
        """A value type."""
        return ValType(self._storage(value_type))

    def _storage(self, storage: bytes) -> bytes:
        if storage[0] not in (REF_PREFIX, REF_NULL_PREFIX):
            return storage
        heap_type = self.heap_type(read_heap_type(Reader(storage, 1)))
        return storage[:1] + heap_type_bytes(heap_type)

    def sub_type(self, sub: SubType) -> SubType:
        """A defined type."""
        supertypes = tuple([self.index("type", each) for each in sub.supertypes])
        return SubType(self._composite(sub.composite), supertypes, sub.final, sub.explicit)

    def _composite(
        self, composite: FuncType | StructType | ArrayType
    ) -> FuncType | StructType | ArrayType:
        match composite:
            case FuncType(params, results):
                return FuncType(self._value_types(params), self._value_types(results))
            case StructType(fields):
                return StructType(tuple(map(self._field, fields)))
            case ArrayType(element):
                return ArrayType(self._field(element))

    def _value_types(self, types: tuple[ValType, ...]) -> tuple[ValType, ...]:
        return tuple(map(self.value_type, types))

    def _field(self, field: FieldType) -> FieldType:
        return FieldType(self._storage(field.storage), field.mutable)

    def table_type(self, table: TableType) -> TableType:
        """A table type."""
        return TableType(self.value_type(table.element), table.limits)

    def global_type(self, entry: GlobalType) -> GlobalType:
        """A global type."""
        return GlobalType(self.value_type(entry.value), entry.mutable)

    def imported(self, entry: Import) -> Import:
        """An import."""
        return Import(entry.module, entry.name, entry.kind, self._import_type(entry.type))

    def _import_type(self, promised: ImportType) -> ImportType:
        match promised:
            case int(index):
                return self.index("type", index)
            case TableType() as table:
                return self.table_type(table)
            case GlobalType() as global_type:
                return self.global_type(global_type)
            case Limits() as limits:
                return limits

    def element_segment(self, segment: ElementSegment) -> ElementSegment:
        """An element segment, in the form that its table's new number asks for."""
        table = self.index("table", segment.table) if segment.offset is not None else 0
        flags, kind = segment.flags, segment.kind
        if segment.offset is not None and table and not flags & 2:
            flags, kind = flags | 2, _DEFAULT_KINDS[flags & 4]
        elif table != segment.table and not table and kind == _DEFAULT_KINDS[flags & 4]:
            flags, kind = flags & 4, None
        if kind is not None and flags & 4:
            kind = self._storage(kind)
        offset = None if segment.offset is None else self.expression(segment.offset)
        items: Any = [
            self.index("func", item) if isinstance(item, int) else self.expression(item)
            for item in segment.items
        ]
        return ElementSegment(flags, tuple(items), table, offset, kind)

    def data_segment(self, segment: DataSegment) -> DataSegment:
        """A data segment, in the form that its memory's new number asks for."""
        if segment.offset is None:
            return segment
        memory = self.index("memory", segment.memory)
        flags = 2 if memory else 0
        if memory == segment.memory:
            flags = segment.flags
        return DataSegment(flags, segment.data, memory, self.expression(segment.offset))

    def _block_type(self, block_type: int | ValType | None) -> int | ValType | None:
        if block_type is None:
            return None
        if isinstance(block_type, int):
            return self.index("type", block_type)
        return self.value_type(block_type)

    def _memarg(self, memarg: MemArg) -> MemArg:
        memory = self.index("memory", memarg.memory)
        return memarg if memory == memarg.memory else MemArg(memarg.align, memarg.offset, memory)

    def _catches(self, catches: tuple[Catch, ...]) -> tuple[Catch, ...]:
        return tuple(
            [
                each if each.tag is None else each._replace(tag=self.index("tag", each.tag))
                for each in catches
            ]
        )


_SPACES: Final = {
    "func": Kind.FUNCTION,
    "table": Kind.TABLE,
    "memory": Kind.MEMORY,
    "global": Kind.GLOBAL,
    "tag": Kind.TAG,
}
_FULL_NAMES: Final = {"func": "function", "elem": "element segment", "data": "data segment"}
_DEFAULT_KINDS: Final[dict[int, bytes]] = {0: b"\0", 4: b"\x70"}
"""What a segment holds whose form does not say so, by bit 2 of its flags."""

_INDICES: Final = ("func", "type", "table", "global", "memory", "tag", "data", "elem")
_UNMOVED: Final = (
    *("label", "labels", "local", "field", "count", "i32", "i64", "f32", "f64", "v128"),
    *("lane", "lanes", "castflags", "zero"),
)


def _mover(space: str) -> Callable[[Renumbering, Any], Any]:
    return lambda renumbering, old: renumbering.index(space, old)


_MOVED: Final[dict[str, Callable[[Renumbering, Any], Any]]] = {
    **{space: _mover(space) for space in _INDICES},
    **{kind: lambda _, value: value for kind in _UNMOVED},
    "block": Renumbering._block_type,
    "catches": Renumbering._catches,
    "memarg": Renumbering._memarg,
    "heaptype": Renumbering.heap_type,
    "valtypes": Renumbering._value_types,
}
"""For each kind of immediate how it follows."""
