"""Prints modules and functions in the text format, and reads text into binaries.

Instructions are flat, one a line, indented by nesting; everything is named by its index, which
definitions repeat in a comment: `(func (;3;) (type 1) (param i32)`.  Names of functions, where
the module has them, are comments too.

Reading the text back gives the same binary but for what text cannot say: custom sections, the
data count section of a module that does not need one, sections without entries, and longer
spellings of the same thing (`sub final` without a supertype, a nullable abstract reference type
in two bytes, memory 0 named by a data segment or a memory access, locals of one type declared in
several groups or in groups of none).

Source: WebAssembly 3.0, Text Format, Modules; the custom page sizes and threads proposals for
`pagesize` and `shared`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import wasmtime

from wasmopt.errors import DecodeError, InputError
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr
from wasmopt.module import (
    DataSegment,
    ElementSegment,
    Expr,
    GlobalType,
    Import,
    Kind,
    Limits,
    Module,
    Table,
    TableType,
)
from wasmopt.reader import Reader
from wasmopt.text_instr import (
    comment_text,
    instruction_text,
    signature_text,
    string_text,
)
from wasmopt.types import (
    FUNCREF,
    ArrayType,
    FieldType,
    FuncType,
    StructType,
    SubType,
    value_type_text,
)

_INDENT: Final = "  "
_DEEPEST: Final = 24
"""Levels of nesting that are shown by indentation: real modules nest thousands deep."""
_DATA_LINE: Final = 64
"""Bytes of a data segment on one line."""


def module_text(module: Module) -> str:
    """The whole module in the text format, a line feed at its end."""
    return "\n".join(["(module", *_Printer(module).module_lines(), ")", ""])


def function_text(module: Module, function_index: int, function: Function | None = None) -> str:
    """One function in the text format, for dumps.

    Args:
        module: the module that has it.
        function_index: its index, imported functions counted.
        function: a version of it to print in place of the module's own.

    Raises:
        IndexError: there is no such function.
    """
    imports = module.imported(Kind.FUNCTION)
    printer = _Printer(module)
    if function is None:
        if 0 <= function_index < len(imports):
            return printer.import_line(imports[function_index], function_index) + "\n"
        if function_index < 0:
            raise IndexError(f"no function {function_index}")
        function = module.functions[function_index - len(imports)]
    return "\n".join([*printer.function_lines(function_index, function, 0), ""])


def read_text(text: str | bytes) -> bytes:
    """The binary of a module in the text format.

    Raises:
        InputError: with line and column, both from 1, of what is wrong.
    """
    source = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        return bytes(wasmtime.wat2wasm(source))
    except wasmtime.WasmtimeError as error:
        raise InputError(_one_line(str(error))) from None


_PLACE: Final = re.compile(r"\s*--> [^\n]*?:(\d+):(\d+)\n.*", re.DOTALL)


def _one_line(message: str) -> str:
    """The parser's message without the excerpt of the source below it."""
    found = _PLACE.search(message)
    problem = " ".join(message[: found.start() if found else None].split())
    return f"line {found[1]}, column {found[2]}: {problem}" if found else problem


_FUNCTION_NAMES: Final = 1
"""Number of the name section's subsection of function names (spec 3.0 §7.4.1)."""


def function_names(module: Module) -> dict[int, str]:
    """Names of functions by index; a malformed name section counts up to its fault."""
    names: dict[int, str] = {}
    for section in module.custom_sections():
        if section.name == "name":
            try:
                names.update(_read_function_names(Reader(section.data)))
            except DecodeError:
                continue
    return names


def _read_function_names(reader: Reader) -> Iterator[tuple[int, str]]:
    while not reader.at_end():
        number = reader.byte("subsection number")
        subsection = reader.sub_reader(reader.u32("subsection size"), "subsection")
        if number == _FUNCTION_NAMES:
            for _ in range(subsection.count("function names")):
                yield subsection.u32("function index"), subsection.name("function name")


_NESTING: Final[Mapping[str, tuple[int, int]]] = {
    **dict.fromkeys(("block", "loop", "if", "try", "try_table"), (0, 1)),
    **dict.fromkeys(("else", "catch", "catch_all"), (-1, 1)),
    **dict.fromkeys(("end", "delegate"), (-1, 0)),
}
"""By how much an instruction changes the nesting of itself and then of what follows it."""


class _Printer:
    """Lines of text for the parts of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._names = function_names(module)
        self._types = [sub.composite for group in module.types for sub in group.types]
        self._lines: dict[Instr, tuple[str, int, int]] = {}

    def module_lines(self) -> Iterator[str]:
        """Everything between `(module` and `)`."""
        module = self._module
        yield from self._type_lines()
        counts = dict.fromkeys(Kind, 0)
        for entry in module.imports:
            yield _INDENT + self.import_line(entry, counts[entry.kind])
            counts[entry.kind] += 1
        for index, table in enumerate(module.tables, counts[Kind.TABLE]):
            yield _INDENT + self._table_line(index, table)
        for index, limits in enumerate(module.memories, counts[Kind.MEMORY]):
            yield f"{_INDENT}(memory {comment_text(index)} {_limits_text(limits)})"
        for index, tag in enumerate(module.tags, counts[Kind.TAG]):
            yield f"{_INDENT}(tag {comment_text(index)} {self._type_use(tag)})"
        for index, variable in enumerate(module.globals, counts[Kind.GLOBAL]):
            global_type, init = _global_type_text(variable.type), self._expr_text(variable.init)
            yield f"{_INDENT}(global {comment_text(index)} {global_type} {init})"
        for export in module.exports:
            target = f"({_KEYWORDS[export.kind]} {export.index})"
            yield f"{_INDENT}(export {string_text(export.name.encode())} {target})"
        if module.start is not None:
            yield f"{_INDENT}(start {module.start}){self._name_comment(module.start)}"
        for index, element in enumerate(module.elements):
            yield _INDENT + self._element_line(index, element)
        for index, function in enumerate(module.functions, counts[Kind.FUNCTION]):
            yield from self.function_lines(index, function, 1)
        for index, data in enumerate(module.data):
            yield from self._data_lines(index, data)

    def import_line(self, entry: Import, index: int) -> str:
        """The import, which has that index in its index space."""
        match entry.type:
            case int(type_index):
                described = self._type_use(type_index)
            case TableType() as table:
                described = _table_type_text(table)
            case Limits() as limits:
                described = _limits_text(limits)
            case GlobalType() as global_type:
                described = _global_type_text(global_type)
        name = self._names.get(index) if entry.kind is Kind.FUNCTION else None
        target = f"({_KEYWORDS[entry.kind]} {_index_comment(index, name)} {described})"
        module, field = string_text(entry.module.encode()), string_text(entry.name.encode())
        return f"(import {module} {field} {target})"

    def function_lines(self, index: int, function: Function, depth: int) -> Iterator[str]:
        """The function, `depth` levels inside something else."""
        outer, inner = _INDENT * depth, _INDENT * (depth + 1)
        comment = _index_comment(index, self._names.get(index))
        yield f"{outer}(func {comment} {self._type_use(function.type_index)}"
        local = len(self._signature(function.type_index).params)
        for count, value_type in group_locals(function.local_types()):
            names = " ".join([value_type_text(value_type)] * count)
            yield f"{inner}(local {comment_text(local)} {names})"
            local += count
        yield from self._code_lines(function.body[:-1], depth + 1)
        yield f"{outer})"

    def _code_lines(self, body: Iterable[Instr], depth: int) -> Iterator[str]:
        margins = [_INDENT * (depth + level) for level in range(_DEEPEST + 1)]
        lines = self._lines
        level = 0
        for instr in body:
            line = lines.get(instr)
            if line is None:
                line = lines[instr] = self._line(instr)
            text, before, after = line
            # Code that does not validate may close more than it opened.
            level = max(0, level + before)
            yield margins[min(level, _DEEPEST)] + text
            level += after

    def _line(self, instr: Instr) -> tuple[str, int, int]:
        text = instruction_text(instr)
        if "func" in instr.op.immediates:
            text += self._name_comment(instr.immediates[0])
        return text, *_NESTING.get(instr.name, (0, 0))

    def _name_comment(self, function_index: int) -> str:
        name = self._names.get(function_index)
        return "" if name is None else " " + comment_text(name)

    def _type_lines(self) -> Iterator[str]:
        index = 0
        for group in self._module.types:
            if group.explicit:
                yield f"{_INDENT}(rec"
            for sub in group.types:
                margin = _INDENT * 2 if group.explicit else _INDENT
                yield f"{margin}(type {comment_text(index)} {_sub_type_text(sub)})"
                index += 1
            if group.explicit:
                yield f"{_INDENT})"

    def _signature(self, type_index: int) -> FuncType:
        """The function type at that index; an empty one where there is none to show."""
        known = self._types[type_index] if type_index < len(self._types) else None
        return known if isinstance(known, FuncType) else FuncType()

    def _type_use(self, type_index: int) -> str:
        return f"(type {type_index}) {signature_text(self._signature(type_index))}".rstrip()

    def _expr_text(self, expr: Expr) -> str:
        return " ".join([self._line(instr)[0] for instr in expr[:-1]])

    def _table_line(self, index: int, table: Table) -> str:
        init = "" if table.init is None else f" {self._expr_text(table.init)}"
        return f"(table {comment_text(index)} {_table_type_text(table.type)}{init})"

    def _element_line(self, index: int, segment: ElementSegment) -> str:
        words = ["elem", comment_text(index)]
        if segment.flags & 3 == 3:
            words.append("declare")
        elif segment.flags & 3 == 2:
            words.append(f"(table {segment.table})")
        if segment.offset is not None:
            words.append(f"(offset {self._expr_text(segment.offset)})")
        if segment.flags & 4:
            words.append(value_type_text(segment.kind or FUNCREF))
        else:
            words.append("func")
        words += [
            str(item) if isinstance(item, int) else f"(item {self._expr_text(item)})"
            for item in segment.items
        ]
        return f"({' '.join(words)})"

    def _data_lines(self, index: int, segment: DataSegment) -> Iterator[str]:
        words = ["data", comment_text(index)]
        if segment.memory:
            words.append(f"(memory {segment.memory})")
        if segment.offset is not None:
            words.append(f"(offset {self._expr_text(segment.offset)})")
        data = segment.data
        pieces = [data[at : at + _DATA_LINE] for at in range(0, len(data), _DATA_LINE)]
        strings = [string_text(piece) for piece in pieces] or [string_text(b"")]
        if len(strings) == 1:
            yield f"{_INDENT}({' '.join(words)} {strings[0]})"
            return
        yield f"{_INDENT}({' '.join(words)}"
        yield from [_INDENT * 2 + string for string in strings]
        yield f"{_INDENT})"


_KEYWORDS: Final = {
    Kind.FUNCTION: "func",
    Kind.TABLE: "table",
    Kind.MEMORY: "memory",
    Kind.GLOBAL: "global",
    Kind.TAG: "tag",
}


def _index_comment(index: int, name: str | None) -> str:
    return comment_text(index) if name is None else comment_text(index, name)


def _field_text(field: FieldType) -> str:
    storage = value_type_text(field.storage)
    return f"(mut {storage})" if field.mutable else storage


def _sub_type_text(sub: SubType) -> str:
    match sub.composite:
        case FuncType() as signature:
            composite = f"(func {signature_text(signature)}".rstrip() + ")"
        case StructType(fields):
            composite = " ".join(
                ["(struct", *[f"(field {_field_text(field)})" for field in fields]]
            )
            composite += ")"
        case ArrayType(element):
            composite = f"(array {_field_text(element)})"
    if sub.final and not sub.supertypes:
        return composite
    words = ["(sub", *(["final"] if sub.final else []), *map(str, sub.supertypes), composite]
    return " ".join(words) + ")"


def _limits_text(limits: Limits, element: str = "") -> str:
    """Limits of a memory, or of a table whose entries are of type `element`."""
    words = ["shared"] if limits.shared and element else []
    words += ["i64"] if limits.address64 else []
    words += [str(size) for size in (limits.minimum, limits.maximum) if size is not None]
    words += ["shared"] if limits.shared and not element else []
    if limits.page_size_log2 is not None:
        words.append(f"(pagesize {1 << limits.page_size_log2})")
    return " ".join([*words, element]).rstrip()


def _table_type_text(table: TableType) -> str:
    return _limits_text(table.limits, value_type_text(table.element))


def _global_type_text(global_type: GlobalType) -> str:
    value = value_type_text(global_type.value)
    return f"(mut {value})" if global_type.mutable else value
