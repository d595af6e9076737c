"""Which custom sections stay, by rules that do not depend on who made them.

=====================================  ====================================================
section                                what happens to it
=====================================  ====================================================
``name``                               kept with ``-g`` (without the local and label names of
                                       functions that changed, and with the new numbers of what
                                       has others now; what passes made has none), else
                                       dropped; kept at ``-O0``
``.debug_*``, ``external_debug_info``  dropped when the code changed: the offsets in it are
                                       not rewritten
``metadata.code.*``                    the same (branch hints and the like, by code offset)
``sourceMappingURL``                   the same, and when the code starts elsewhere in the
                                       file: source maps count from the start of the file
``producers``, ``target_features``     kept unless stripped by option
``linking``, ``reloc.*``               the module is left as it is: relocations point into it
anything else                          kept
=====================================  ====================================================

Sections without entries are dropped but for ``-O0``.  Where nothing but numbers would get shorter,
at ``-O0`` without passes, the module rather stays as it is than lose a section by these rules.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from wasmopt.decode import code_range
from wasmopt.encode import custom_section_bytes, is_needed, section_content
from wasmopt.errors import DecodeError
from wasmopt.module import CustomSection, Module, Section
from wasmopt.module_change import Correspondence
from wasmopt.name_section import drop_local_names, renumber_names
from wasmopt.options import Options
from wasmopt.reader import unsigned_leb_size

_DWARF: Final = (".debug_", "external_debug_info")
_SOURCE_MAP: Final = "sourceMappingURL"
_BY_OFFSET: Final = (*_DWARF, _SOURCE_MAP, "metadata.code.")
_RELOCATABLE: Final = ("linking", "reloc.")
_HEADER: Final = 8
"""Bytes before the first section."""

_Layout = Sequence[Section | CustomSection]


def is_relocatable(module: Module) -> bool:
    """Whether the module is an object file, which a linker still has to patch."""
    return any(section.name.startswith(_RELOCATABLE) for section in module.custom_sections())


def finish_sections(
    module: Module,
    options: Options,
    changed: Collection[int],
    data: bytes,
    claim: Correspondence | None = None,
) -> tuple[Module, list[str]]:
    """Drop what must not or need not stay.

    Args:
        module: optimized but for its sections.
        options: the run's options.
        changed: indices of functions that changed, imported functions counted.
        data: the input.
        claim: where indices of the input went, if any has changed.

    Returns:
        The module, and a notice for each loss that was not asked for.
    """
    layout: _Layout = [part for part in module.layout if _stays(part, module, options)]
    notices: list[str] = []
    if changed or claim is not None:
        layout = _without_stale_names(layout, changed, claim, notices)
    if any(_named(part, _BY_OFFSET) for part in layout):
        layout = _without_stale_offsets(layout, module, data, notices)
    return replace(module, layout=tuple(layout)), notices


def sections_saved(before: Module, after: Module) -> int:
    """Bytes by which the custom sections and those without entries got smaller."""
    old, new = {id(part) for part in before.layout}, {id(part) for part in after.layout}
    gone = [_size(part, before) for part in before.layout if id(part) not in new]
    come = [_size(part, after) for part in after.layout if id(part) not in old]
    return sum(gone) - sum(come)


def _named(part: Section | CustomSection, prefixes: tuple[str, ...]) -> bool:
    return isinstance(part, CustomSection) and part.name.startswith(prefixes)


def _stays(part: Section | CustomSection, module: Module, options: Options) -> bool:
    """Whether the part is of use and no option asks to drop it."""
    if isinstance(part, Section):
        return options.level == "0" or is_needed(module, part)
    if part.name == "name":
        return not options.strip_debug and (options.level == "0" or options.keep_names)
    if part.name.startswith(_DWARF):
        return not (options.strip_debug or options.strip_dwarf)
    stripped = {
        _SOURCE_MAP: options.strip_debug,
        "producers": options.strip_producers,
        "target_features": options.strip_target_features,
    }
    return not stripped.get(part.name, False)


def _without_stale_offsets(
    layout: _Layout, module: Module, data: bytes, notices: list[str]
) -> _Layout:
    """Drop the sections that name places in the code, if these are not what they were."""
    old = code_range(data)
    new = section_content(module, Section.CODE)
    before = takewhile(lambda part: part is not Section.CODE, layout)
    start = sum([_size(part, module) for part in before]) + _HEADER
    start += 1 + unsigned_leb_size(len(new))
    if not old:
        stale: tuple[str, ...] = ()
    elif new != data[old.start : old.stop]:
        stale = _BY_OFFSET
    elif start != old.start:
        stale = (_SOURCE_MAP,)
    else:
        stale = ()
    dropped = [p.name for p in layout if isinstance(p, CustomSection) and p.name.startswith(stale)]
    if dropped:
        names = ", ".join(dropped)
        notices.append(f"loses what refers to places in the code, which moved: {names}")
    return [part for part in layout if not _named(part, stale)]


def _size(part: Section | CustomSection, module: Module) -> int:
    """Bytes of a whole section."""
    if isinstance(part, CustomSection):
        return len(custom_section_bytes(part))
    size = len(section_content(module, part))
    return 1 + unsigned_leb_size(size) + size


def _without_stale_names(
    layout: _Layout, changed: Collection[int], claim: Correspondence | None, notices: list[str]
) -> _Layout:
    """Give names their new numbers, and drop those of locals and labels of `changed`, which may
    stand for others now.
    """
    kept: list[Section | CustomSection] = []
    for part in layout:
        if isinstance(part, CustomSection) and part.name == "name":
            try:
                renumbered = part if claim is None else renumber_names(part, claim)
                kept.append(drop_local_names(renumbered, changed))
            except DecodeError:
                notices.append("loses the name section, which is malformed")
        else:
            kept.append(part)
    return kept
