"""Sizes of files, of their sections and of their functions, in bytes, as they stand in the file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from wasmopt.component import PREAMBLE, ComponentSection, is_component, read_component
from wasmopt.decode import MAGIC, VERSION, code_range
from wasmopt.goals import brotli_size, gzip_size
from wasmopt.module import Section
from wasmopt.reader import Reader
from wasmopt.reporting.schema import Sizes

HEADER: Final = "header"
"""What the bytes before the first section are called among the sections."""


def measure(data: bytes) -> Sizes:
    """The sizes of a well-formed binary module or component."""
    modules = [data]
    if is_component(data):
        component = read_component(data)
        modules = [component.bytes_of(part) for part in component.core_modules()]
    return Sizes(
        raw=len(data),
        code=sum([len(code_range(module)) for module in modules]),
        gzip=gzip_size(data),
        brotli=brotli_size(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def section_sizes(data: bytes) -> dict[str, int]:
    """Bytes of each section of a well-formed binary, its number and length included.

    In the order of the file; custom sections of one name are one.  Together with the header that
    stands first, they are the whole file.
    """
    sizes: Counter[str] = Counter({HEADER: len(MAGIC + VERSION)})
    for name, size in _component_sections(data) if is_component(data) else _module_sections(data):
        sizes[name] += size
    return dict(sizes)


def _module_sections(data: bytes) -> Iterator[tuple[str, int]]:
    for name, span, _ in _sections(data):
        yield name, len(span)


def _component_sections(data: bytes) -> Iterator[tuple[str, int]]:
    """Name and size of each section; of a nested component, without the sections in it."""
    modules = 0
    for part in read_component(data).parts:
        name = part.section.name.lower().replace("_", " ")
        size = part.content.stop - part.start
        if part.section is ComponentSection.CORE_MODULE:
            name = f"{name} {modules}"
            modules += 1
        elif part.section is ComponentSection.COMPONENT:
            size = part.content.start - part.start + len(PREAMBLE)
        elif part.section is ComponentSection.CUSTOM:
            content = Reader(data, part.content.start, part.content.stop)
            name = _custom_name(content)
        yield name, size


def _custom_name(content: Reader) -> str:
    return f'custom "{content.name("custom section name")}"'


def function_sizes(data: bytes) -> list[int]:
    """Bytes of each function's entry in the code section, its length prefix included."""
    for name, _, content in _sections(data):
        if name == _CODE:
            return [_skip_entry(content) for _ in range(content.count("function bodies"))]
    return []


_CODE: Final = Section.CODE.name.lower()


def _sections(data: bytes) -> Iterator[tuple[str, range, Reader]]:
    """Name, span in the file, and content of each section."""
    reader = Reader(data, len(MAGIC + VERSION))
    while not reader.at_end():
        start = reader.position
        section = Section(reader.byte("section number"))
        content = reader.sub_reader(reader.u32("section size"), "section")
        name = section.name.lower().replace("_", " ")
        if section is Section.CUSTOM:
            name = _custom_name(content)
        yield name, range(start, reader.position), content


def _skip_entry(reader: Reader) -> int:
    """Bytes of the entry at the reader, which moves behind it."""
    start = reader.position
    reader.take(reader.u32("function size"), "function body")
    return reader.position - start
