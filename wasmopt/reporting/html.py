"""Pages: one HTML file without anything from elsewhere, for wide and narrow, light and dark.

Areas are drawn as boxes placed in parts of a hundred, once for wide screens and once for narrow
ones.  What does not fit into a box is shown at the foot of the window when it is pointed at,
tapped or reached with the keyboard; no script is needed for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import Final

from wasmopt.reporting.readable import last_part
from wasmopt.reporting.tables import NOTHING, Table, share, visible
from wasmopt.reporting.treemap import Box, Rect, squarify
from wasmopt.version import VERSION

_LAYOUTS: Final = {"wide": Rect(0, 0, 1000, 560), "tall": Rect(0, 0, 360, 600)}
"""Sizes in pixels for which the areas are laid out; `page.css` has the same ratios."""
_LEAST: Final = (4, 4)
"""Least width and height in pixels of a box that is drawn."""
_LABEL: Final = (40, 16)
"""The same of a box that shows its name."""
_SIZE_LABEL: Final = (44, 34)
"""The same for its size."""
_INSIDE: Final = (56, 44)
"""The same for what it is made of."""
_MARGINS: Final = (6, 21)
"""Pixels that a box needs around what it is made of, across and down."""
_LEGEND: Final = {
    "code": "code",
    "data": "data",
    "custom": "custom sections",
    "other": "everything else",
    "gone": "could go: nothing refers to it",
}


def text(line: str) -> str:
    """A line that may hold names, as HTML."""
    return escape(visible(line))


def page(title: str, blocks: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: not escaped yet.
        blocks: what it shows, HTML.
    """
    style = resources.files("wasmopt.reporting").joinpath("page.css").read_text("utf-8")
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(title)}</title>",
        f"<style>\n{style}</style>",
        "</head>",
        "<body>",
        *blocks,
        f"<footer>made by wasmopt {text(VERSION)}</footer>",
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(lines)


def heading(line: str) -> str:
    """A heading within the page."""
    return f"<h2>{text(line)}</h2>"


def paragraph(line: str, style: str = "") -> str:
    """A paragraph."""
    return f"<p{_style(style)}>{text(line)}</p>"


def bullets(lines: Sequence[str]) -> list[str]:
    """A list; nothing for no lines."""
    items = "".join([f"<li>{text(line)}</li>" for line in lines])
    return [f"<ul>{items}</ul>"] if lines else []


def folded_html(line: str, blocks: Iterable[str]) -> str:
    """Blocks that are shown when their heading is asked for."""
    inside = "\n".join(blocks)
    return f"<details><summary><code>{text(line)}</code></summary>\n{inside}\n</details>"


def cards(rows: Sequence[tuple[str, str, str]]) -> str:
    """What matters most in large letters: caption, value, and a remark on it."""
    items = [
        f'<div class="card">{text(caption)}<b>{text(value)}</b>'
        f'<span class="quiet">{text(remark)}</span></div>'
        for caption, value, remark in rows
    ]
    return f'<div class="cards">{"".join(items)}</div>'


def table_html(table: Table) -> str:
    """The table; what a narrow screen can do without is not shown there."""
    styles = [
        " ".join(["n"] * column.numeric + ["minor"] * column.minor) for column in table.columns
    ]
    heads = [
        f"<th{_style(style)}>{text(column.heading)}</th>"
        for column, style in zip(table.columns, styles, strict=True)
    ]
    rows = [f"<tr>{''.join(heads)}</tr>"]
    for number, cells in enumerate(table.rows, 1):
        sums = table.total and number == len(table.rows)
        parts = [
            _cell(table, place, cell, style, sums=sums)
            for place, (cell, style) in enumerate(zip(cells, styles, strict=True))
        ]
        rows.append(f"<tr{_style('total' if sums else '')}>{''.join(parts)}</tr>")
    return '<div class="scroll"><table>\n' + "\n".join(rows) + "\n</table></div>"


def _style(style: str) -> str:
    return f' class="{style}"' if style else ""


def _cell(table: Table, place: int, cell: str, style: str, *, sums: bool) -> str:
    column = table.columns[place]
    content = f"<code>{text(cell)}</code>" if column.literal and not sums else text(cell)
    if not column.bar or sums or cell in ("", NOTHING):
        return f"<td{_style(style)}>{content}</td>"
    numbers = [row[place] for row in table.rows[: len(table.rows) - table.total]]
    most = max([abs(int(each)) for each in numbers if each not in ("", NOTHING)])
    length = 100 * abs(int(cell)) / most if most else 0
    return f'<td class="{style} bar" style="--share:{length:.0f}%">{content}</td>'


def areas(boxes: Sequence[Box]) -> list[str]:
    """The boxes as areas, and what their colours mean; nothing for no boxes."""
    total = sum([box.size for box in boxes])
    if not total:
        return []
    maps = []
    for layout, area in _LAYOUTS.items():
        cells: list[str] = []
        _draw(boxes, area, total, cells)
        maps.append(f'<div class="map {layout}">\n' + "\n".join(cells) + "\n</div>")
    kinds = {box.kind: 0 for box in sorted(boxes, key=lambda box: -box.size)}
    for box in boxes:
        kinds[box.kind] += box.size
    legend = [
        f'<span><i class="{kind}"></i>{text(_LEGEND[kind])} {share(size, total)}</span>'
        for kind, size in kinds.items()
    ]
    return [f'<div class="legend">{"".join(legend)}</div>', *maps]


def _draw(boxes: Sequence[Box], area: Rect, total: int, cells: list[str]) -> None:
    """Add the boxes to `cells`; they are nested no deeper than whoever made them chose."""
    order = sorted([box for box in boxes if box.size], key=lambda box: -box.size)
    rects = squarify([box.size for box in order], Rect(0, 0, area.width, area.height))
    for box, (left, top, width, height) in zip(order, rects, strict=True):
        if not _fits(width, height, _LEAST):
            continue
        size = f"{box.size} bytes, {share(box.size, total)}"
        words = f"{box.label}: {size}{box.detail and '; '}{box.detail}"
        place = (
            f"left:{100 * left / area.width:.3f}%;top:{100 * top / area.height:.3f}%;"
            f"width:{100 * width / area.width:.3f}%;height:{100 * height / area.height:.3f}%"
        )
        cells.append(
            f'<div class="cell {box.kind}" style="{place}" tabindex="0" '
            f'role="img" aria-label="{text(words)}">'
        )
        if _fits(width, height, _LABEL):
            cells.append(f"<span>{text(last_part(box.label))}</span>")
        if box.parts and _fits(width, height, _INSIDE):
            cells.append('<div class="inside">')
            inner = Rect(0, 0, width - _MARGINS[0], height - _MARGINS[1])
            _draw(box.parts, inner, total, cells)
            cells.append("</div>")
        elif _fits(width, height, _SIZE_LABEL):
            cells.append(f'<span class="size">{box.size}</span>')
        cells.append("</div>")


def _fits(width: float, height: float, least: tuple[int, int]) -> bool:
    return width >= least[0] and height >= least[1]


def section_kind(name: str) -> str:
    """The colour of a section: one of code, data, custom, other."""
    if name in ("code", "data"):
        return name
    if name.startswith("core module"):
        return "code"
    return "custom" if name.startswith("custom") else "other"
