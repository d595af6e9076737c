"""Finds the core modules in a component and puts others in their place; the rest is not touched.

A component is sections like a module, and a section may hold a core module or another component:

    component          00 61 73 6d 0d 00 01 00
      core module        01 size  00 61 73 6d 01 00 00 00 …    ← what is exchanged
      component          04 size  00 61 73 6d 0d 00 01 00
        core module        01 size  …                          ← and here
      alias, canon, …    kept byte for byte

Nothing else in a component says where in the file anything is, so that only the sizes of the
sections around a module change with it.

Source: Component Model, Binary Format Explainer (design/mvp/Binary.md), Component Definitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from wasmopt.errors import DecodeError
from wasmopt.reader import Reader, unsigned_leb

PREAMBLE: Final = b"\0asm\x0d\0\1\0"
"""Magic number, version 0d 00 and layer 01 00."""


class ComponentSection(IntEnum):
    """Section numbers; sections may come in any order and as often as they like."""

    CUSTOM = 0
    CORE_MODULE = 1
    CORE_INSTANCE = 2
    CORE_TYPE = 3
    COMPONENT = 4
    INSTANCE = 5
    ALIAS = 6
    TYPE = 7
    CANON = 8
    START = 9
    IMPORT = 10
    EXPORT = 11
    VALUE = 12


@dataclass(frozen=True, slots=True)
class Part:
    """A section; those of a nested component stand behind the section that holds it.

    Attributes:
        section: which one.
        start: byte at which its number stands.
        content: the bytes behind its size.
        parent: place of the section with the component that this one is in, -1 at the top.
    """

    section: ComponentSection
    start: int
    content: range
    parent: int


@dataclass(frozen=True, slots=True)
class Component:
    """A component as a list of sections, nested ones included, in the order of the file."""

    source: bytes
    parts: tuple[Part, ...]

    def core_modules(self) -> list[Part]:
        """The sections with core modules."""
        return [part for part in self.parts if part.section is ComponentSection.CORE_MODULE]

    def bytes_of(self, part: Part) -> bytes:
        """The content of a section."""
        return self.source[part.content.start : part.content.stop]


def is_component(data: bytes) -> bool:
    """Whether the bytes start as a component does."""
    return data.startswith(PREAMBLE)


def read_component(data: bytes) -> Component:
    """Find the sections, also those of nested components, however deep.

    Raises:
        DecodeError: with the byte offset of what is wrong; core modules are not looked into.
    """
    parts: list[Part] = []
    reader = Reader(data)
    _read_preamble(reader)
    enclosing: list[tuple[Reader, int]] = [(reader, -1)]
    while enclosing:
        reader, parent = enclosing[-1]
        if reader.at_end():
            enclosing.pop()
            continue
        start = reader.position
        number = reader.byte("section number")
        content = reader.sub_reader(reader.u32("section size"), "section")
        if number > max(ComponentSection):
            raise DecodeError(f"unknown section {number} of a component", start)
        section = ComponentSection(number)
        parts.append(Part(section, start, range(content.position, content.end), parent))
        if section is ComponentSection.COMPONENT:
            _read_preamble(content)
            enclosing.append((content, len(parts) - 1))
        elif section is ComponentSection.CUSTOM:
            content.name("custom section name")
    return Component(data, tuple(parts))


def _read_preamble(reader: Reader) -> None:
    start = reader.position
    found = reader.take(min(len(PREAMBLE), reader.end - start), "component")
    if found != PREAMBLE:
        problem = f"a component starts with {PREAMBLE.hex(' ')}, not {found.hex(' ') or 'nothing'}"
        raise DecodeError(problem, start)


def replace_modules(component: Component, modules: Sequence[bytes]) -> bytes:
    """The component with these in the place of its core modules, in order.

    The size of a section is written anew, and then in its shortest form, only if it is another.
    """
    parts = component.parts
    places = [
        place for place, part in enumerate(parts) if part.section is ComponentSection.CORE_MODULE
    ]
    new = dict(zip(places, modules, strict=True))
    sizes = [
        len(PREAMBLE) if part.section is ComponentSection.COMPONENT else len(part.content)
        for part in parts
    ]
    headers = [b""] * len(parts)
    for place in reversed(range(len(parts))):  # what is inside stands behind
        part = parts[place]
        if place in new:
            sizes[place] = len(new[place])
        headers[place] = component.source[part.start : part.content.start]
        if sizes[place] != len(part.content):
            headers[place] = bytes([part.section]) + unsigned_leb(sizes[place])
        if part.parent >= 0:
            sizes[part.parent] += len(headers[place]) + sizes[place]
    pieces = [PREAMBLE]
    for place, part in enumerate(parts):
        pieces.append(headers[place])
        if part.section is ComponentSection.COMPONENT:
            pieces.append(PREAMBLE)
        else:
            pieces.append(new[place] if place in new else component.bytes_of(part))
    return b"".join(pieces)
