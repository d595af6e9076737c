"""Pages: one file, nothing from elsewhere, names stay names, areas are in proportion."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.binaries import BUILT
from tests.report.named import HOSTILE, named_document, named_module
from wasmopt import Options, decode, optimize
from wasmopt.reporting.build import build_document
from wasmopt.reporting.document_page import document_html, output_boxes
from wasmopt.reporting.readable import readable
from wasmopt.reporting.size import anatomy, retained_boxes, section_boxes, size_html
from wasmopt.reporting.tables import visible
from wasmopt.reporting.treemap import Box, Rect, grouped, squarify

VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a browser finds on a page: tags, attributes, texts; tags have to match."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.labels: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.labels += [value or "" for name, value in attrs if name == "aria-label"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def pages(path: Path) -> list[str]:
    """The page of a run and that of the sizes."""
    data = path.read_bytes()
    document = build_document(optimize(data), Options(), name=path.name)
    return [document_html(document), size_html(anatomy(path.name, decode(data), data), 20)]


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_pages_need_nothing_from_elsewhere(path: Path) -> None:
    for html in pages(path):
        assert not re.search(r"http|//\w|url\(|@import|src=|href=|<script|<link|<img|<iframe", html)
        page = Page(html)
        assert page.attributes <= {
            *("lang", "charset", "name", "content", "class", "style", "role", "aria-label"),
            "tabindex",
        }
        assert 'name="viewport" content="width=device-width' in html
        assert "prefers-color-scheme: dark" in html and "max-width" in html
        assert len(html) < 400_000


@pytest.mark.parametrize("names", [HOSTILE, [f"{name}'\"<>&" for name in HOSTILE]])
def test_names_stay_names(names: list[str]) -> None:
    document = named_document(names)
    data = named_module(names)
    whole = anatomy(names[0], decode(data), data)
    for html in (document_html(document), size_html(whole, 100)):
        page = Page(html)
        assert page.tags <= {
            *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "ul", "li", "div"),
            *("span", "b", "i", "code", "table", "tr", "th", "td", "footer"),
        }
        assert not {name for name in page.attributes if name.startswith("on")}
        assert page.comments == []
        assert "\x1b" not in html and "\u202e" not in html
        shown = page.texts["code"]
        assert all(visible(name) in shown for name in names)
        assert any(label.startswith(f"{names[0]}: ") for label in page.labels)


def test_a_page_shows_the_numbers_of_its_report() -> None:
    [path] = [path for path in BUILT if path.stem == "routes-O0"]
    document = build_document(optimize(path), Options(), name=path.name)
    page = Page(document_html(document))
    cells = page.texts["td"]
    for step in document.steps:
        assert str(-step.delta) in cells
    for section in document.sections:
        assert str(section.before) in cells and str(section.after) in cells
    shown = page.texts["code"]
    assert all(readable(row.name) in shown for row in document.functions.largest)
    for row in document.functions.largest[:5]:
        assert any(f"{readable(row.name)}: {row.after} bytes" in each for each in page.labels)


# --- areas --------------------------------------------------------------------------------------

SIZES = st.lists(st.integers(1, 10**7), min_size=1, max_size=40)


@given(SIZES, st.integers(1, 2000), st.integers(1, 2000))
def test_areas_are_in_proportion_and_fill_the_whole(
    sizes: list[int], width: int, height: int
) -> None:
    sizes.sort(reverse=True)
    rects = list(squarify(sizes, Rect(0, 0, width, height)))
    assert len(rects) == len(sizes)
    unit = width * height / sum(sizes)
    for size, rect in zip(sizes, rects, strict=True):
        assert rect.width * rect.height == pytest.approx(size * unit, rel=1e-6)
        assert rect.left >= -1e-6 and rect.left + rect.width <= width * (1 + 1e-9) + 1e-6
        assert rect.top >= -1e-6 and rect.top + rect.height <= height * (1 + 1e-9) + 1e-6


@given(SIZES)
def test_areas_do_not_overlap(sizes: list[int]) -> None:
    sizes.sort(reverse=True)
    rects = list(squarify(sizes, Rect(0, 0, 1000, 560)))
    for place, one in enumerate(rects):
        for other in rects[:place]:
            across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
            down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
            assert across < 1e-6 or down < 1e-6


def test_equal_sizes_give_areas_that_are_nearly_square() -> None:
    rects = list(squarify([1] * 100, Rect(0, 0, 1000, 1000)))
    assert max(max(r.width / r.height, r.height / r.width) for r in rects) < 1.6


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 10))
def test_grouping_loses_no_bytes(sizes: list[int], most: int) -> None:
    boxes = grouped([Box(str(size), size, "code") for size in sizes], most, "functions")
    assert sum(box.size for box in boxes) == sum(sizes)
    assert len(boxes) <= most + 1
    assert [box.size for box in boxes[:most]] == sorted(filter(None, sizes), reverse=True)[:most]


def assert_parts_fit(boxes: list[Box]) -> None:
    for box in boxes:
        assert sum(part.size for part in box.parts) <= box.size
        assert_parts_fit(box.parts)


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_boxes_are_the_whole_file(path: Path) -> None:
    data = path.read_bytes()
    whole = anatomy(path.name, decode(data), data)
    document = build_document(optimize(data), Options(), name=path.name)
    for boxes, size in (
        (section_boxes(whole), len(data)),
        (retained_boxes(whole), len(data)),
        (output_boxes(document), document.output.raw),
    ):
        assert sum(box.size for box in boxes) == size
        assert_parts_fit(boxes)
