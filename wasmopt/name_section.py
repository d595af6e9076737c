"""The name section when functions, types and the like have other numbers or are gone.

Source: WebAssembly 3.0, Custom Sections, Name Section; the extended name section proposal for
labels, types, tables, memories, globals, segments, fields and tags.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from wasmopt.module import CustomSection, Kind
from wasmopt.module_change import Correspondence, Map
from wasmopt.reader import Reader, unsigned_leb

_LOCALS: Final = 2
_LABELS: Final = 3
_FIELDS: Final = 10


def drop_local_names(section: CustomSection, changed: Collection[int]) -> CustomSection:
    """The section without names of locals and labels of the functions in `changed`.

    Raises:
        DecodeError: it is malformed.
    """
    parts: list[bytes] = []
    for number, content in _subsections(section):
        kept = content.data[content.position : content.end]
        if number in (_LOCALS, _LABELS):
            entries = [entry for entry in _entries(content, nested=True) if entry[0] not in changed]
            kept = _vector(entries)
        parts.append(_subsection(number, kept))
    return CustomSection(section.name, b"".join(parts))


def renumber_names(section: CustomSection, claim: Correspondence) -> CustomSection:
    """The section with indices as they are now; of several that became one the first names it.

    Raises:
        DecodeError: it is malformed.
    """
    functions = claim.maps.get(Kind.FUNCTION)
    maps: dict[int, Map | None] = {
        1: functions,
        _LOCALS: functions,
        _LABELS: functions,
        4: claim.types,
        5: claim.maps.get(Kind.TABLE),
        6: claim.maps.get(Kind.MEMORY),
        7: claim.maps.get(Kind.GLOBAL),
        8: claim.elements,
        9: claim.data,
        _FIELDS: claim.types,
        11: claim.maps.get(Kind.TAG),
    }
    parts: list[bytes] = []
    for number, content in _subsections(section):
        kept = content.data[content.position : content.end]
        indices = maps.get(number)
        if indices is not None:
            renumbered: dict[int, bytes] = {}
            nested = number in (_LOCALS, _LABELS, _FIELDS)
            for index, named in _entries(content, nested=nested):
                new = indices[index] if index < len(indices) else None
                if new is not None:
                    renumbered.setdefault(new, named)
            kept = _vector(sorted(renumbered.items()))
        parts.append(_subsection(number, kept))
    return CustomSection(section.name, b"".join(parts))


def _subsections(section: CustomSection) -> list[tuple[int, Reader]]:
    """Number and content of each."""
    reader = Reader(section.data)
    found: list[tuple[int, Reader]] = []
    while not reader.at_end():
        number = reader.byte("subsection number")
        found.append((number, reader.sub_reader(reader.u32("subsection size"), "subsection")))
    return found


def _subsection(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned_leb(len(content)) + content


def _entries(reader: Reader, *, nested: bool) -> list[tuple[int, bytes]]:
    """A name map, or one of name maps: each index with what is behind it as it is encoded."""
    found: list[tuple[int, bytes]] = []
    for _ in range(reader.count("names")):
        index = reader.u32("index")
        start = reader.position
        if nested:
            for _ in range(reader.count("names")):
                reader.u32("index")
                reader.name("name")
        else:
            reader.name("name")
        found.append((index, reader.data[start : reader.position]))
    reader.expect_end("names")
    return found


def _vector(entries: list[tuple[int, bytes]]) -> bytes:
    return unsigned_leb(len(entries)) + b"".join(
        [unsigned_leb(index) + named for index, named in entries]
    )
