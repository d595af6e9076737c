"""Stores of constants by one address: which bytes they write, so that neighbours make one write.

    address  i32.const 7  i32.store offset=4  address  i32.const 0  i32.store
    address  i64.const 0x700000000  i64.store                             write the same bytes

A write is a set of bytes with their values, counted from the address: address and offset are added
without wrapping (spec 3.0 §4.6.8), so that equal distances are equal places.  Two writes in a row
that have no byte in common are one write of all their bytes, in either order.  Whether a store
traps is no part of a write: it is checked before.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

MOST_BYTES: Final = 1024
"""From the first to the last byte of one write; bounds what one more store costs."""


class Write(NamedTuple):
    """Bytes written behind an address.

    Attributes:
        start: of the first one, from the address on.
        mask: 0xff for each byte that is written, the first one lowest.
        bits: the bytes; zero where nothing is written.
    """

    start: int
    mask: int
    bits: int


def stored(start: int, width: int, bits: int) -> Write:
    """What a store writes that keeps so many bytes of a value."""
    mask = (1 << 8 * width) - 1
    return Write(start, mask, bits & mask)


def joined(first: Write, second: Write) -> Write | None:
    """Two writes by one address as one; None if they overlap, or lie too far apart."""
    start = min(first.start, second.start)
    one, other = 8 * (first.start - start), 8 * (second.start - start)
    if max(one, other) >= 8 * MOST_BYTES or first.mask << one & second.mask << other:
        return None
    mask = first.mask << one | second.mask << other
    if mask.bit_length() > 8 * MOST_BYTES:
        return None
    return Write(start, mask, first.bits << one | second.bits << other)


def append(events: list[tuple[object, ...]], place: Hashable, write: Write) -> None:
    """Write down a write as the last event, or as a part of it."""
    last = events[-1] if events else ()
    together = None
    if last[:2] == (_WRITE, place) and isinstance(last[2], Write):
        together = joined(last[2], write)
    if together is None:
        events.append((_WRITE, place, write))
    else:
        events[-1] = (_WRITE, place, together)


_WRITE: Final = "write"
