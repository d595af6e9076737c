"""Writes a `Module` as a binary, every number minimal.

Source: WebAssembly 3.0, Binary Format, Modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from wasmopt.decode import MAGIC, VERSION
from wasmopt.function import Function, locals_bytes
from wasmopt.instr import Instr
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
    Kind,
    Limits,
    Module,
    Section,
    Table,
    TableType,
)
from wasmopt.reader import unsigned_leb
from wasmopt.types import (
    ArrayType,
    FieldType,
    FuncType,
    RecGroup,
    StructType,
    SubType,
    value_types_bytes,
)


def encode(module: Module) -> bytes:
    """The module as a binary."""
    parts = [MAGIC + VERSION]
    for part in complete_layout(module):
        if isinstance(part, CustomSection):
            parts.append(custom_section_bytes(part))
        else:
            content = section_content(module, part)
            parts.append(bytes([part]) + unsigned_leb(len(content)) + content)
    return b"".join(parts)


def complete_layout(module: Module) -> list[Section | CustomSection]:
    """The module's layout with the sections it has to have but does not name yet."""
    layout = list(module.layout)
    for rank, section in enumerate(ORDER):
        if section in layout or not is_needed(module, section):
            continue
        later = set(ORDER[rank + 1 :])
        place = next((i for i, part in enumerate(layout) if part in later), len(layout))
        layout.insert(place, section)
    return layout


def section_content(module: Module, section: Section) -> bytes:
    """What stands in `section`, without its number and size."""
    if section in _ENTRIES:
        return _vector(section_entries(module, section))
    if section is Section.START and module.start is not None:
        return unsigned_leb(module.start)
    if section is Section.DATA_COUNT and module.data_count is not None:
        return unsigned_leb(module.data_count)
    raise ValueError(f"nothing to write in section {section.name.lower()}")


def section_entries(module: Module, section: Section) -> Iterator[bytes]:
    """The entries of a section that lists things, one after the other."""
    attribute, encode_entry = _ENTRIES[section]
    return map(encode_entry, getattr(module, attribute))


def function_bytes(function: Function) -> bytes:
    """The function's entry in the code section, its length prefix included."""
    code = locals_bytes(function.locals) + expr_bytes(function.body)
    return unsigned_leb(len(code)) + code


def expr_bytes(instrs: Iterable[Instr]) -> bytes:
    """Instructions one after the other."""
    return b"".join([instr.data for instr in instrs])


def custom_section_bytes(section: CustomSection) -> bytes:
    """A whole custom section, its number and size included."""
    content = _name_bytes(section.name) + section.data
    return bytes([Section.CUSTOM]) + unsigned_leb(len(content)) + content


def is_needed(module: Module, section: Section) -> bool:
    """Whether the section has anything to say."""
    if section is Section.START:
        return module.start is not None
    if section is Section.DATA_COUNT:
        return module.data_count is not None
    return bool(getattr(module, _ENTRIES[section][0]))


def _vector(items: Iterable[bytes]) -> bytes:
    parts: Sequence[bytes] = list(items)
    return unsigned_leb(len(parts)) + b"".join(parts)


def _name_bytes(name: str) -> bytes:
    encoded = name.encode("utf-8")
    return unsigned_leb(len(encoded)) + encoded


def _field_bytes(field: FieldType) -> bytes:
    return field.storage + bytes([field.mutable])


def _composite_bytes(composite: FuncType | StructType | ArrayType) -> bytes:
    match composite:
        case FuncType(params, results):
            return b"\x60" + value_types_bytes(params) + value_types_bytes(results)
        case StructType(fields):
            return b"\x5f" + _vector(map(_field_bytes, fields))
        case ArrayType(element):
            return b"\x5e" + _field_bytes(element)


def _sub_type_bytes(sub: SubType) -> bytes:
    if not sub.explicit:
        return _composite_bytes(sub.composite)
    form = b"\x4f" if sub.final else b"\x50"
    return form + _vector(map(unsigned_leb, sub.supertypes)) + _composite_bytes(sub.composite)


def _rec_group_bytes(group: RecGroup) -> bytes:
    if not group.explicit:
        return _sub_type_bytes(group.types[0])
    return b"\x4e" + _vector(map(_sub_type_bytes, group.types))


def _limits_bytes(limits: Limits) -> bytes:
    maximum, page = limits.maximum, limits.page_size_log2
    flags = (
        (maximum is not None) | limits.shared << 1 | limits.address64 << 2 | (page is not None) << 3
    )
    parts = [bytes([flags]), unsigned_leb(limits.minimum)]
    parts += [unsigned_leb(number) for number in (maximum, page) if number is not None]
    return b"".join(parts)


def _table_type_bytes(table: TableType) -> bytes:
    return table.element + _limits_bytes(table.limits)


def _table_bytes(table: Table) -> bytes:
    if table.init is None:
        return _table_type_bytes(table.type)
    return b"\x40\x00" + _table_type_bytes(table.type) + expr_bytes(table.init)


def _global_type_bytes(global_type: GlobalType) -> bytes:
    return global_type.value + bytes([global_type.mutable])


def _global_bytes(entry: Global) -> bytes:
    return _global_type_bytes(entry.type) + expr_bytes(entry.init)


def _tag_bytes(type_index: int) -> bytes:
    return b"\0" + unsigned_leb(type_index)


def _import_bytes(entry: Import) -> bytes:
    head = _name_bytes(entry.module) + _name_bytes(entry.name) + bytes([entry.kind])
    match entry.type:
        case int(index):
            return head + (_tag_bytes(index) if entry.kind is Kind.TAG else unsigned_leb(index))
        case TableType() as table:
            return head + _table_type_bytes(table)
        case Limits() as limits:
            return head + _limits_bytes(limits)
        case GlobalType() as global_type:
            return head + _global_type_bytes(global_type)


def _export_bytes(entry: Export) -> bytes:
    return _name_bytes(entry.name) + bytes([entry.kind]) + unsigned_leb(entry.index)


def _element_item_bytes(item: int | Expr) -> bytes:
    return unsigned_leb(item) if isinstance(item, int) else expr_bytes(item)


def _element_bytes(segment: ElementSegment) -> bytes:
    parts = [unsigned_leb(segment.flags)]
    if segment.flags & 3 == 2:
        parts.append(unsigned_leb(segment.table))
    parts += [expr_bytes(segment.offset or ()), segment.kind or b""]
    return b"".join(parts) + _vector(map(_element_item_bytes, segment.items))


def _data_bytes(segment: DataSegment) -> bytes:
    parts = [unsigned_leb(segment.flags)]
    if segment.flags == 2:
        parts.append(unsigned_leb(segment.memory))
    parts += [expr_bytes(segment.offset or ()), unsigned_leb(len(segment.data)), segment.data]
    return b"".join(parts)


_ENTRIES: Final[dict[Section, tuple[str, Callable[[Any], bytes]]]] = {
    Section.TYPE: ("types", _rec_group_bytes),
    Section.IMPORT: ("imports", _import_bytes),
    Section.FUNCTION: ("functions", lambda function: unsigned_leb(function.type_index)),
    Section.TABLE: ("tables", _table_bytes),
    Section.MEMORY: ("memories", _limits_bytes),
    Section.TAG: ("tags", _tag_bytes),
    Section.GLOBAL: ("globals", _global_bytes),
    Section.EXPORT: ("exports", _export_bytes),
    Section.ELEMENT: ("elements", _element_bytes),
    Section.CODE: ("functions", function_bytes),
    Section.DATA: ("data", _data_bytes),
}
"""For each section that lists things: the module's attribute, and how an entry is written."""
