"""A decoded module: immutable records, one for each kind of thing a section holds.

Nothing is resolved or normalised beyond minimal numbers: what was written in one of several
equivalent forms (segment flags, `rec` around one type, an empty section) is remembered, so that
an undisturbed module goes out as it came in.

Source: WebAssembly 3.0, Binary Format, Modules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.types import FuncType, RecGroup, SubType, ValType

Expr = tuple[Instr, ...]
"""A constant expression, the closing `end` included."""


class Section(IntEnum):
    """Section numbers; `ORDER` is the order they must appear in."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12
    TAG = 13


ORDER = (
    Section.TYPE,
    Section.IMPORT,
    Section.FUNCTION,
    Section.TABLE,
    Section.MEMORY,
    Section.TAG,
    Section.GLOBAL,
    Section.EXPORT,
    Section.START,
    Section.ELEMENT,
    Section.DATA_COUNT,
    Section.CODE,
    Section.DATA,
)


class Kind(IntEnum):
    """Kinds of imports and exports, as encoded."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """Size limits of a table (entries) or memory (pages of `2**page_size_log2` bytes).

    Attributes:
        address64: indices are i64.
        page_size_log2: a custom page size's exponent, or None for 64 KiB pages.
    """

    minimum: int
    maximum: int | None = None
    shared: bool = False
    address64: bool = False
    page_size_log2: int | None = None


@dataclass(frozen=True, slots=True)
class TableType:
    """Element type and limits of a table."""

    element: ValType
    limits: Limits


@dataclass(frozen=True, slots=True)
class GlobalType:
    """Type and mutability of a global."""

    value: ValType
    mutable: bool


ImportType = int | TableType | Limits | GlobalType
"""What an import promises: a type index for functions and tags, limits for memories."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import."""

    module: str
    name: str
    kind: Kind
    type: ImportType


@dataclass(frozen=True, slots=True)
class Export:
    """One export."""

    name: str
    kind: Kind
    index: int


@dataclass(frozen=True, slots=True)
class Table:
    """A defined table; `init` when it was given an initial value of its own."""

    type: TableType
    init: Expr | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """A defined global."""

    type: GlobalType
    init: Expr


@dataclass(frozen=True, slots=True)
class ElementSegment:
    """An element segment.

    Attributes:
        flags: the form it was written in, 0 to 7: bit 0 passive or declarative, bit 1 explicit
            table index (or declarative), bit 2 expressions instead of function indices.
        table, offset: where an active segment goes.
        kind: element kind byte or reference type as written; None when the form has none.
        items: function indices (forms 0 to 3) or constant expressions (forms 4 to 7).
    """

    flags: int
    items: tuple[int, ...] | tuple[Expr, ...]
    table: int = 0
    offset: Expr | None = None
    kind: bytes | None = None


@dataclass(frozen=True, slots=True)
class DataSegment:
    """A data segment.

    Attributes:
        flags: 0 active in memory 0, 1 passive, 2 active with an explicit memory index.
    """

    flags: int
    data: bytes
    memory: int = 0
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class CustomSection:
    """A custom section, kept as it is."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A module.

    Attributes:
        pool: interns the instructions of all bodies and expressions.
        functions: the defined functions; imported ones come before them in the index space.
        start: index of the start function.
        data_count: what the data count section says, None without one.
        layout: sections in the order they were found, custom sections at their place; sections
            not named here are written in the standard order if they are not empty.
    """

    pool: InstrPool = field(default_factory=InstrPool, repr=False)
    types: tuple[RecGroup, ...] = ()
    imports: tuple[Import, ...] = ()
    functions: tuple[Function, ...] = ()
    tables: tuple[Table, ...] = ()
    memories: tuple[Limits, ...] = ()
    tags: tuple[int, ...] = ()
    globals: tuple[Global, ...] = ()
    exports: tuple[Export, ...] = ()
    start: int | None = None
    elements: tuple[ElementSegment, ...] = ()
    data_count: int | None = None
    data: tuple[DataSegment, ...] = ()
    layout: tuple[Section | CustomSection, ...] = ()

    def custom_sections(self) -> Iterator[CustomSection]:
        """The custom sections in file order."""
        for part in self.layout:
            if isinstance(part, CustomSection):
                yield part

    def imported(self, kind: Kind) -> list[Import]:
        """The imports of one kind, in index order."""
        return [entry for entry in self.imports if entry.kind is kind]


class Signatures:
    """Types of everything that instructions name by index: imports first, then definitions.

    Attributes:
        types: defined types, recursion groups flattened.
        functions, tags: type index of each.
        tables, memories, globals: type of each.
    """

    __slots__ = ("functions", "globals", "memories", "tables", "tags", "types")

    def __init__(self, module: Module) -> None:
        self.types: list[SubType] = [sub for group in module.types for sub in group.types]
        self.functions: list[int] = []
        self.tables: list[TableType] = []
        self.memories: list[Limits] = []
        self.globals: list[GlobalType] = []
        self.tags: list[int] = []
        spaces = {
            Kind.FUNCTION: self.functions,
            Kind.TABLE: self.tables,
            Kind.MEMORY: self.memories,
            Kind.GLOBAL: self.globals,
            Kind.TAG: self.tags,
        }
        for entry in module.imports:
            spaces[entry.kind].append(entry.type)  # type: ignore[attr-defined]
        self.functions += [function.type_index for function in module.functions]
        self.tables += [table.type for table in module.tables]
        self.memories += module.memories
        self.globals += [entry.type for entry in module.globals]
        self.tags += module.tags

    def func_type(self, type_index: int) -> FuncType:
        """The function type at `type_index`.

        Raises:
            TypeError: that type is not a function type.
        """
        composite = self.types[type_index].composite
        if not isinstance(composite, FuncType):
            raise TypeError(f"type {type_index} is not a function type")
        return composite

    def function_type(self, function: int) -> FuncType:
        """The type of the function with that index."""
        return self.func_type(self.functions[function])

    def block_type(self, block_type: int | ValType | None) -> FuncType:
        """The parameters and results that a block type stands for."""
        if block_type is None:
            return _EMPTY
        if isinstance(block_type, int):
            return self.func_type(block_type)
        return FuncType((), (block_type,))


_EMPTY = FuncType()
