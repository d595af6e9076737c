"""Areas in proportion to sizes: a rectangle cut into nearly square ones, nested.

Source: Bruls, Huizing, van Wijk, Squarified Treemaps, 2000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Box:
    """A part of a whole.

    Attributes:
        label: its name.
        size: in bytes, everything in it included.
        kind: what sort of thing it is; decides its colour.
        parts: what it is made of; what they leave of `size` is the box's own.
        detail: what is to be said besides name and size.
    """

    label: str
    size: int
    kind: str
    parts: list[Box] = field(default_factory=list)
    detail: str = ""


class Rect(NamedTuple):
    """A rectangle, in any unit."""

    left: float
    top: float
    width: float
    height: float


def grouped(boxes: Sequence[Box], most: int, rest: str) -> list[Box]:
    """The largest `most` boxes, largest first, and one for all others together.

    Args:
        boxes: in any order; those without bytes are left out.
        most: how many to show.
        rest: what the others are called, for instance `functions`.
    """
    order = sorted([box for box in boxes if box.size], key=lambda box: -box.size)
    if len(order) <= most + 1:
        return order
    others = order[most:]
    size = sum([box.size for box in others])
    return [*order[:most], Box(f"{len(others)} other {rest}", size, others[0].kind)]


def squarify(sizes: Sequence[int], area: Rect) -> Iterator[Rect]:
    """Cut the area into rectangles in proportion to the sizes.

    Args:
        sizes: positive, in descending order.
        area: what to cut.

    Yields:
        A rectangle for each size, in their order.
    """
    left, top, width, height = area
    total = sum(sizes)
    start = 0
    while start < len(sizes):
        scale = width * height / total if total else 0.0
        side = min(width, height)
        end, row = _row(sizes, start, scale, side)
        thickness = row * scale / side if side else 0.0
        offset = 0.0
        for size in sizes[start:end]:
            length = side * size / row
            if width >= height:
                yield Rect(left, top + offset, thickness, length)
            else:
                yield Rect(left + offset, top, length, thickness)
            offset += length
        if width >= height:
            left, width = left + thickness, width - thickness
        else:
            top, height = top + thickness, height - thickness
        total -= row
        start = end


def _row(sizes: Sequence[int], start: int, scale: float, side: float) -> tuple[int, int]:
    """Where the row ends that starts at `start` along a side, and the sum of its sizes."""
    row = sizes[start]
    end = start + 1
    while end < len(sizes):
        longer = row + sizes[end]
        if _worst(sizes[start], sizes[end], longer, scale, side) > _worst(
            sizes[start], sizes[end - 1], row, scale, side
        ):
            break
        row, end = longer, end + 1
    return end, row


def _worst(largest: int, smallest: int, row: int, scale: float, side: float) -> float:
    """The largest ratio of two sides among the rectangles of a row."""
    area = row * scale
    if not area or not side:
        return float("inf")
    return max(side**2 * largest * scale / area**2, area**2 / (side**2 * smallest * scale))
