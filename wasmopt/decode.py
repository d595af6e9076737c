"""Reads a binary module into `Module`.

Source: WebAssembly 3.0, Binary Format, Modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from wasmopt.component import is_component
from wasmopt.errors import DecodeError, InputError
from wasmopt.function import Function, LocalGroups
from wasmopt.instr import InstrPool
from wasmopt.module import (
    ORDER,
    CustomSection,
    DataSegment,
    ElementSegment,
    Export,
    Expr,
    Global,
    GlobalType,
    Import,
    ImportType,
    Kind,
    Limits,
    Module,
    Section,
    Table,
    TableType,
)
from wasmopt.reader import Reader
from wasmopt.tokenizer import tokenize
from wasmopt.types import (
    PACKED_NAMES,
    ArrayType,
    FieldType,
    FuncType,
    RecGroup,
    StructType,
    SubType,
    read_value_type,
    read_value_types,
)

MAGIC: Final = b"\0asm"
VERSION: Final = b"\1\0\0\0"

MAX_LOCALS: Final = 50_000
"""Locals of a function, parameters included: the limit that all engines share (JS API §limits)."""


def decode(data: bytes, pool: InstrPool | None = None) -> Module:
    """Decode a binary module.

    Args:
        data: the whole file.
        pool: interns the instructions; share one to compare modules by identity.

    Raises:
        DecodeError: with the byte offset of what is wrong.
    """
    reader = Reader(data)
    _read_header(reader)
    pool = InstrPool() if pool is None else pool
    fields: dict[str, Any] = {"pool": pool}
    layout: list[Section | CustomSection] = []
    type_indices: tuple[int, ...] = ()
    rank = -1
    while not reader.at_end():
        start = reader.position
        number = reader.byte("section number")
        body = reader.sub_reader(reader.u32("section size"), "section")
        if number == Section.CUSTOM:
            name = body.name("custom section name")
            layout.append(CustomSection(name, body.take(body.end - body.position, "custom")))
            continue
        if number > max(Section):
            raise DecodeError(f"unknown section {number}", start)
        section = Section(number)
        if ORDER.index(section) <= rank:
            raise DecodeError(f"section {section.name.lower()} is out of order", start)
        rank = ORDER.index(section)
        layout.append(section)
        if section is Section.FUNCTION:
            type_indices = _vector(body, "functions", lambda item: item.u32("type index"))
        elif section is Section.CODE:
            fields["functions"] = _read_code(body, type_indices, pool)
        else:
            attribute, read = _SECTIONS[section]
            fields[attribute] = read(body, pool)
        body.expect_end(f"section {section.name.lower()}")
    if type_indices and "functions" not in fields:
        raise DecodeError(f"{len(type_indices)} functions but no code section", reader.position)
    data_count, segments = fields.get("data_count"), len(fields.get("data", ()))
    if data_count is not None and data_count != segments:
        raise DecodeError(f"data count is {data_count}, there are {segments}", reader.position)
    return Module(layout=tuple(layout), **fields)


def code_range(data: bytes) -> range:
    """Where the content of the code section stands in a well-formed binary module."""
    reader = Reader(data, 8)
    while not reader.at_end():
        number = reader.byte("section number")
        content = reader.sub_reader(reader.u32("section size"), "section")
        if number == Section.CODE:
            return range(content.position, content.end)
    return range(0)


def _read_header(reader: Reader) -> None:
    if reader.at_end():
        raise InputError("the file is empty")
    start = reader.data[:8]
    if not start.startswith(MAGIC):
        raise DecodeError("not a WebAssembly binary (it does not start with 00 61 73 6d)", 0)
    if is_component(start):
        raise DecodeError("this is a component, not a core module", 4)
    if start[4:] != VERSION:
        raise DecodeError(f"unknown version {start[4:].hex(' ')}, expected 01 00 00 00", 4)
    reader.position = 8


def _vector(reader: Reader, what: str, read: Callable[[Reader], Any]) -> tuple[Any, ...]:
    return tuple([read(reader) for _ in range(reader.count(what))])


def _read_expr(reader: Reader, pool: InstrPool) -> Expr:
    """A constant expression; blocks cannot occur in one, so its first `end` closes it."""
    instrs = [pool.read(reader)]
    while instrs[-1].name != "end":
        instrs.append(pool.read(reader))
    return tuple(instrs)


def _read_field(reader: Reader) -> FieldType:
    if bytes([reader.peek("field type")]) in PACKED_NAMES:
        storage = reader.take(1, "field type")
    else:
        storage = read_value_type(reader)
    return FieldType(storage, _read_flag(reader, "mutability"))


def _read_flag(reader: Reader, what: str) -> bool:
    value = reader.byte(what)
    if value > 1:
        raise DecodeError(f"{what} is {value}, expected 0 or 1", reader.position - 1)
    return value == 1


def _read_composite(reader: Reader) -> FuncType | StructType | ArrayType:
    form = reader.byte("type form")
    if form == 0x60:
        params = read_value_types(reader, "parameters")
        return FuncType(params, read_value_types(reader, "results"))
    if form == 0x5F:
        return StructType(_vector(reader, "fields", _read_field))
    if form == 0x5E:
        return ArrayType(_read_field(reader))
    raise DecodeError(f"unknown type form 0x{form:02x}", reader.position - 1)


def _read_sub_type(reader: Reader) -> SubType:
    form = reader.peek("type form")
    if form not in (0x50, 0x4F):
        return SubType(_read_composite(reader))
    reader.byte("type form")
    supertypes = _vector(reader, "supertypes", lambda item: item.u32("type index"))
    return SubType(_read_composite(reader), supertypes, form == 0x4F, explicit=True)


def _read_rec_group(reader: Reader) -> RecGroup:
    if reader.peek("type form") != 0x4E:
        return RecGroup((_read_sub_type(reader),))
    reader.byte("type form")
    return RecGroup(_vector(reader, "types", _read_sub_type), explicit=True)


def _read_limits(reader: Reader, *, memory: bool) -> Limits:
    start = reader.position
    flags = reader.byte("limits")
    if flags & ~(0x0F if memory else 0x07):
        raise DecodeError(f"unknown limits 0x{flags:02x}", start)
    bits = 64 if flags & 4 else 32
    minimum = reader.unsigned(bits, "minimum")
    maximum = reader.unsigned(bits, "maximum") if flags & 1 else None
    page_start = reader.position
    page = reader.u32("page size") if flags & 8 else None
    if page is not None and page >= 32:
        raise DecodeError(f"page size exponent {page} is too large", page_start)
    return Limits(minimum, maximum, bool(flags & 2), bool(flags & 4), page)


def _read_table_type(reader: Reader) -> TableType:
    element = read_value_type(reader)
    return TableType(element, _read_limits(reader, memory=False))


def _read_table(reader: Reader, pool: InstrPool) -> Table:
    if reader.peek("table type") != 0x40:
        return Table(_read_table_type(reader))
    reader.byte("table type")
    if reader.byte("reserved byte") != 0:
        raise DecodeError("reserved byte is not zero", reader.position - 1)
    return Table(_read_table_type(reader), _read_expr(reader, pool))


def _read_global_type(reader: Reader) -> GlobalType:
    value = read_value_type(reader)
    return GlobalType(value, _read_flag(reader, "mutability"))


def _read_tag(reader: Reader) -> int:
    if reader.byte("tag attribute") != 0:
        raise DecodeError("unknown tag attribute", reader.position - 1)
    return reader.u32("type index")


_IMPORT_TYPES: Final[dict[Kind, Callable[[Reader], ImportType]]] = {
    Kind.FUNCTION: lambda reader: reader.u32("type index"),
    Kind.TABLE: _read_table_type,
    Kind.MEMORY: lambda reader: _read_limits(reader, memory=True),
    Kind.GLOBAL: _read_global_type,
    Kind.TAG: _read_tag,
}


def _read_kind(reader: Reader, what: str) -> Kind:
    value = reader.byte(what)
    if value > max(Kind):
        raise DecodeError(f"unknown {what} {value}", reader.position - 1)
    return Kind(value)


def _read_import(reader: Reader) -> Import:
    module, name = reader.name("import module"), reader.name("import name")
    kind = _read_kind(reader, "kind of import")
    return Import(module, name, kind, _IMPORT_TYPES[kind](reader))


def _read_export(reader: Reader) -> Export:
    name = reader.name("export name")
    return Export(name, _read_kind(reader, "kind of export"), reader.u32("index"))


def _read_element(reader: Reader, pool: InstrPool) -> ElementSegment:
    start = reader.position
    flags = reader.u32("element segment flags")
    if flags > 7:
        raise DecodeError(f"unknown element segment flags {flags}", start)
    passive, explicit, expressions = flags & 1, flags & 2, flags & 4
    table = reader.u32("table index") if explicit and not passive else 0
    offset = None if passive else _read_expr(reader, pool)
    kind = None
    if flags & 3:
        kind = read_value_type(reader) if expressions else reader.take(1, "element kind")
        if not expressions and kind != b"\0":
            raise DecodeError("unknown element kind", reader.position - 1)
    items = (
        _vector(reader, "elements", lambda item: _read_expr(item, pool))
        if expressions
        else _vector(reader, "elements", lambda item: item.u32("function index"))
    )
    return ElementSegment(flags, items, table, offset, kind)


def _read_data(reader: Reader, pool: InstrPool) -> DataSegment:
    start = reader.position
    flags = reader.u32("data segment flags")
    if flags > 2:
        raise DecodeError(f"unknown data segment flags {flags}", start)
    memory = reader.u32("memory index") if flags == 2 else 0
    offset = None if flags == 1 else _read_expr(reader, pool)
    data = reader.take(reader.u32("data size"), "data segment")
    return DataSegment(flags, data, memory, offset)


def _read_global(reader: Reader, pool: InstrPool) -> Global:
    return Global(_read_global_type(reader), _read_expr(reader, pool))


def _read_code(
    reader: Reader, type_indices: tuple[int, ...], pool: InstrPool
) -> tuple[Function, ...]:
    start = reader.position
    count = reader.count("function bodies")
    if count != len(type_indices):
        raise DecodeError(f"{count} function bodies, {len(type_indices)} declared", start)
    return tuple([_read_function(reader, index, pool) for index in type_indices])


def _read_function(reader: Reader, type_index: int, pool: InstrPool) -> Function:
    body = reader.sub_reader(reader.u32("function size"), "function body")
    groups = _read_locals(body)
    instrs = tokenize(body.data, body.position, body.end, pool)
    if not instrs or instrs[-1].name != "end":
        raise DecodeError("function body does not close with `end`", body.end)
    return Function(type_index, groups, tuple(instrs))


def _read_locals(reader: Reader) -> LocalGroups:
    groups = []
    total = 0
    for _ in range(reader.count("local declarations")):
        start = reader.position
        count = reader.u32("number of locals")
        total += count
        if total > MAX_LOCALS:
            raise DecodeError(f"{total} locals, engines allow {MAX_LOCALS}", start)
        groups.append((count, read_value_type(reader)))
    return tuple(groups)


def _each(
    what: str, read: Callable[[Reader, InstrPool], Any]
) -> Callable[[Reader, InstrPool], tuple[Any, ...]]:
    return lambda reader, pool: _vector(reader, what, lambda item: read(item, pool))


_SECTIONS: Final[dict[Section, tuple[str, Callable[[Reader, InstrPool], Any]]]] = {
    Section.TYPE: ("types", _each("types", lambda reader, _: _read_rec_group(reader))),
    Section.IMPORT: ("imports", _each("imports", lambda reader, _: _read_import(reader))),
    Section.TABLE: ("tables", _each("tables", _read_table)),
    Section.MEMORY: (
        "memories",
        _each("memories", lambda reader, _: _read_limits(reader, memory=True)),
    ),
    Section.TAG: ("tags", _each("tags", lambda reader, _: _read_tag(reader))),
    Section.GLOBAL: ("globals", _each("globals", _read_global)),
    Section.EXPORT: ("exports", _each("exports", lambda reader, _: _read_export(reader))),
    Section.START: ("start", lambda reader, _: reader.u32("function index")),
    Section.ELEMENT: ("elements", _each("element segments", _read_element)),
    Section.DATA_COUNT: ("data_count", lambda reader, _: reader.u32("data count")),
    Section.DATA: ("data", _each("data segments", _read_data)),
}
