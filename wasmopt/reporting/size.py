"""Where the bytes of a module are: as tables, and as a page with areas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.module import Module
from wasmopt.reporting.graph import CUSTOM, Part, analyse, custom_sections
from wasmopt.reporting.html import (
    areas,
    cards,
    heading,
    page,
    paragraph,
    section_kind,
    table_html,
    text,
)
from wasmopt.reporting.measure import function_sizes, section_sizes
from wasmopt.reporting.names import function_labels
from wasmopt.reporting.readable import readable
from wasmopt.reporting.tables import Column, Table, make_table, share
from wasmopt.reporting.treemap import Box, grouped

MOST_BOXES: Final = (400, 80, 30, 12)
"""How many parts of one whole are drawn, by how deep it is nested."""

_COLOURS: Final = {"function": "code", "data": "data", CUSTOM: "custom"}
"""The colours of parts; all others share one."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A module taken apart.

    Attributes:
        name: of the file.
        size: of the file in bytes.
        sections: their sizes by name.
        parts: from `graph.analyse`, the root first.
        labels: what the parts are called.
        entries: names and sizes of what is in the sections of code and data.
    """

    name: str
    size: int
    sections: dict[str, int]
    parts: list[Part]
    labels: list[str]
    entries: dict[str, list[tuple[str, int]]]


def anatomy(name: str, module: Module, data: bytes, symbols: Module | None = None) -> Anatomy:
    """Take a module apart.

    Args:
        name: of the file.
        module: the module.
        data: the file that it was decoded from.
        symbols: the module with names of functions.
    """
    parts = analyse(module, data)
    functions = function_labels(module, symbols)
    customs = [label for label, _ in custom_sections(data)]
    labels = []
    for part in parts:
        if part.kind == "function":
            labels.append(readable(functions[part.index]))
        elif part.kind == CUSTOM:
            labels.append(customs[part.index])
        else:
            labels.append(part.kind if part.kind == "headers" else f"{part.kind} {part.index}")
    sizes = function_sizes(data)
    entries = {
        "code": list(
            zip(map(readable, functions[len(functions) - len(sizes) :]), sizes, strict=True)
        ),
        "data": [
            (label, part.own)
            for part, label in zip(parts, labels, strict=True)
            if part.kind == "data"
        ],
    }
    return Anatomy(name, len(data), section_sizes(data), parts, labels, entries)


def summary(whole: Anatomy) -> str:
    """The file in a line."""
    functions = sum([part.kind == "function" for part in whole.parts])
    free = sum([part.own for part in _unreached(whole)])
    line = f"{whole.size} bytes, {len(whole.sections) - 1} sections, {functions} functions"
    return f"{line}, {free} bytes that nothing refers to" if free else line


def section_size_table(whole: Anatomy) -> Table:
    """The sections, largest first."""
    spec = (
        (Column("section", numeric=False, literal=True), lambda row: row[0]),
        (Column("bytes", bar=True), lambda row: str(row[1])),
        (Column("share"), lambda row: share(row[1], whole.size)),
    )
    rows = sorted(whole.sections.items(), key=lambda row: -row[1])
    return make_table("Sections", spec, rows, ("all", str(whole.size), share(1, 1)))


def part_table(whole: Anatomy, top: int) -> Table:
    """The parts that keep most, and what each has of its own."""
    spec = (
        (Column("retained", bar=True), lambda place: str(whole.parts[place].retained)),
        (Column("share"), lambda place: share(whole.parts[place].retained, whole.size)),
        (Column("own"), lambda place: str(whole.parts[place].own)),
        (Column("what", numeric=False, minor=True), lambda place: whole.parts[place].kind),
        (Column("name", numeric=False, literal=True), lambda place: whole.labels[place]),
    )
    order = sorted(range(1, len(whole.parts)), key=lambda place: -whole.parts[place].retained)
    kept = [place for place in order[:top] if whole.parts[place].retained]
    return make_table("What keeps how many bytes", spec, kept)


def unreached_table(whole: Anatomy, top: int) -> Table:
    """The parts that nothing refers to."""
    spec = (
        (Column("bytes", bar=True), lambda part: str(part[0].own)),
        (Column("what", numeric=False, minor=True), lambda part: part[0].kind),
        (Column("name", numeric=False, literal=True), lambda part: part[1]),
    )
    named = zip(whole.parts, whole.labels, strict=True)
    rows = [(part, label) for part, label in named if part.keeper is None and part.own]
    rows.sort(key=lambda row: -row[0].own)
    return make_table("What nothing refers to", spec, rows[:top])


def size_html(whole: Anatomy, top: int) -> str:
    """The page."""
    code = whole.sections.get("code", 0)
    data = whole.sections.get("data", 0)
    functions = sum([part.kind == "function" for part in whole.parts])
    blocks = [
        f"<h1><code>{text(whole.name)}</code></h1>",
        cards(
            [
                ("bytes", str(whole.size), f"{len(whole.sections) - 1} sections"),
                ("code", str(code), share(code, whole.size)),
                ("data", str(data), share(data, whole.size)),
                ("functions", str(functions), "imported ones included"),
            ]
        ),
        heading("By section"),
        *areas(section_boxes(whole)),
        heading("By what keeps it"),
        paragraph(
            "Within each part is what stays only because of it: what the program reaches in no "
            "other way. Exports, the start function and active segments start it all.",
            "quiet",
        ),
        *areas(retained_boxes(whole)),
    ]
    for table in (part_table(whole, top), unreached_table(whole, top), section_size_table(whole)):
        if table.rows:
            blocks += [heading(table.name), table_html(table)]
    return page(f"{whole.name}: {whole.size} bytes", blocks)


def section_boxes(whole: Anatomy) -> list[Box]:
    """The sections, code and data by what is in them."""
    boxes = []
    for name, size in whole.sections.items():
        kind = section_kind(name)
        parts = [Box(label, own, kind) for label, own in whole.entries.get(name, ())]
        what = "functions" if name == "code" else "segments"
        boxes.append(Box(name, size, kind, grouped(parts, MOST_BOXES[0], what)))
    return boxes


def retained_boxes(whole: Anatomy) -> list[Box]:
    """The parts within those that keep them, as deep as `MOST_BOXES` goes."""
    kept: defaultdict[int, list[int]] = defaultdict(list)
    for place, part in enumerate(whole.parts[1:], 1):
        if part.keeper is not None:
            kept[part.keeper].append(place)
    boxes = grouped(_boxes_in(whole, kept, 0, 0), MOST_BOXES[0], "parts")
    free = [
        Box(label, part.own, "gone")
        for part, label in zip(whole.parts, whole.labels, strict=True)
        if part.keeper is None and part.own
    ]
    if free:
        size = sum([box.size for box in free])
        boxes.append(
            Box("nothing refers to it", size, "gone", grouped(free, MOST_BOXES[1], "parts"))
        )
    return boxes


def _boxes_in(
    whole: Anatomy, kept: Mapping[int, Sequence[int]], keeper: int, depth: int
) -> list[Box]:
    """What a part keeps: the parts, and in each of them what that keeps in turn."""
    boxes = []
    for place in kept.get(keeper, ()):
        part, label = whole.parts[place], whole.labels[place]
        detail = f"{part.own} of its own" if part.own != part.retained else ""
        box = Box(label, part.retained, _COLOURS.get(part.kind, "other"), [], detail)
        if part.own != part.retained and depth + 1 < len(MOST_BOXES):
            inner = _boxes_in(whole, kept, place, depth + 1)
            inner.append(Box(f"{label} itself", part.own, box.kind))
            box.parts = grouped(inner, MOST_BOXES[depth + 1], "parts")
        boxes.append(box)
    return boxes


def _unreached(whole: Anatomy) -> list[Part]:
    return [part for part in whole.parts if part.keeper is None]
