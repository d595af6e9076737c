"""What memories hold once a module is instantiated, whatever segments wrote it.

The claim: if no active segment of a module can trap, then a memory that the module defines and
does not share holds, when the start function is called, at each address the byte of the last
active segment that covers it, and zero where none does.  For it is made of zeros (spec 3.0
§4.7.1), segments are written in order (§4.7.2), and nothing else runs before they all are: no
code of the module, and no host, who is handed neither the memory nor a function until then.
What an imported or shared memory holds depends on others; nothing is claimed of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from wasmopt.module import DataSegment, Expr, Limits, Module, Signatures

_DEFAULT_PAGE_LOG2: Final = 16
_RUN: Final = re.compile(rb"[^\0]+")
_BITS: Final = {"i32.const": 32, "i64.const": 64}


def fits(offset: Expr | None, length: int, size: int) -> bool:
    """Whether an active segment surely is within `size`."""
    address = _constant(offset)
    return address is not None and address + length <= size


def memory_size(limits: Limits) -> int:
    """Bytes that a memory has at least."""
    page = _DEFAULT_PAGE_LOG2 if limits.page_size_log2 is None else limits.page_size_log2
    return limits.minimum << page


def may_trap(module: Module) -> Iterator[str]:
    """The active segments that may not fit."""
    types = Signatures(module)
    for index, element in enumerate(module.elements):
        if element.offset is not None:
            size = types.tables[element.table].limits.minimum
            if not fits(element.offset, len(element.items), size):
                yield f"element segment {index}"
    for index, segment in enumerate(module.data):
        if segment.offset is not None:
            size = memory_size(types.memories[segment.memory])
            if not fits(segment.offset, len(segment.data), size):
                yield f"data segment {index}"


def same_contents(
    before: Iterable[DataSegment], after: Iterable[DataSegment], old: int, new: int
) -> bool:
    """Whether segments leave the same bytes in memory `old` as others do in memory `new`.

    All of them must fit, at constant offsets.
    """
    written = [_writes(before, old), _writes(after, new)]
    runs = zip_longest(*map(_contents, written))
    return all(one == other for one, other in runs)  # one run at a time: there may be millions


def _constant(offset: Expr | None) -> int | None:
    """The address that an offset is, unless that takes more than a look."""
    if offset is None or [instr.name for instr in offset[1:]] != ["end"]:
        return None
    bits = _BITS.get(offset[0].name)
    return None if bits is None else int(offset[0].immediates[0]) & ((1 << bits) - 1)


def _writes(segments: Iterable[DataSegment], memory: int) -> list[tuple[int, bytes]]:
    """What is written where into a memory, in order."""
    found = []
    for segment in segments:
        if segment.offset is not None and segment.memory == memory:
            address = _constant(segment.offset)
            assert address is not None
            found.append((address, segment.data))
    return found


def _contents(writes: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The longest runs of bytes that are not zero, by address.

    Writes that overlap or touch are taken together, in a buffer no longer than they are in all.
    """
    order = sorted(range(len(writes)), key=lambda place: writes[place][0])
    first = 0
    while first < len(order):
        start = end = writes[order[first]][0]
        last = first
        while last < len(order) and writes[order[last]][0] <= end:
            address, data = writes[order[last]]
            end = max(end, address + len(data))
            last += 1
        buffer = bytearray(end - start)
        for place in sorted(order[first:last]):
            address, data = writes[place]
            buffer[address - start : address - start + len(data)] = data
        for run in _RUN.finditer(bytes(buffer)):
            yield start + run.start(), run.group()
        first = last
