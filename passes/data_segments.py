r"""Data: memories start with the same bytes, written by segments that take less room.

    (data (i32.const 8) "\0\0ab\0")                       →  (data (i32.const 10) "ab")
    (data (i32.const 0) "ab\0\0\0\0\0\0cd")               →  (data (i32.const 0) "ab")
                                                             (data (i32.const 8) "cd")
    (data (i32.const 0) "ab") (data (i32.const 3) "cd")   →  (data (i32.const 0) "ab\0cd")
    (data (i32.const 0) "abcd") (data (i32.const 1) "x")  →  (data (i32.const 0) "axcd")

Needs: memories of this module's own, unshared, so that they start as zeros and nobody looks on
while they are filled; every active segment at a constant offset where it surely fits.  Keeps:
segments of other memories, passive ones, and all of a memory if code names one of them.  Costs:
one sort of the segments, one look at each byte.

What a memory holds is cut into pieces at runs of zeros, and these are joined again into the
segments that are the fewest bytes in all; of several such ways it takes one with the fewest
segments.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from wasmopt.encode import is_needed, section_content, section_entries
from wasmopt.instr import InstrPool
from wasmopt.module import DataSegment, Kind, Limits, Module, Section, Signatures
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import compressed, follow, trimmed
from wasmopt.passes.module_uses import Uses
from wasmopt.passes.remove_unused import fits, memory_size
from wasmopt.reader import signed_leb, unsigned_leb_size

MAX_SEGMENTS: Final = 100_000
"""Data segments that engines accept (WebAssembly JavaScript Interface, Limits)."""
_PIECE: Final = re.compile(rb"[^\0]++(?:\0{1,4}+[^\0]++)*+")
"""Bytes that are one segment for sure: a segment of its own costs four bytes besides its length,
and two lengths take no less than one.
"""
_LENGTHS: Final = tuple([(size, 1 << 7 * size) for size in range(1, 6)])
"""How many bytes a length takes that is below a limit."""


class Piece(NamedTuple):
    """Bytes at an address."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.start + len(self.data)


def data_segments(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Write what memories start with the shortest way."""
    if not module.data:
        return None
    sizes = list(map(len, section_entries(module, Section.DATA)))

    def shortest(indices: Sequence[int], memory: int, limits: Limits) -> list[DataSegment] | None:
        pieces = cut([module.data[index] for index in indices], _PIECE)
        size, cuts = _cheapest(pieces, memory, limits)
        if size >= sum([sizes[index] for index in indices]):
            return None
        return [segment(pieces[each], memory, limits, module.pool) for each in cuts]

    proposal = rewrite(module, shortest)
    return None if proposal is None or _size(proposal[0]) >= _size(module) else proposal


def rewrite(
    module: Module,
    choose: Callable[[Sequence[int], int, Limits], Sequence[DataSegment] | None],
) -> tuple[Module, Correspondence] | None:
    """The module with other segments for the memories where that may be; None if nowhere.

    Args:
        module: whose segments to replace.
        choose: called with a memory's segments, its index and its limits; returns the segments
            that are to stand for them, or None to leave it.
    """
    if not _all_fit(module):
        return None
    limits = Signatures(module).memories
    active: dict[int, list[int]] = {}
    for index, each in enumerate(module.data):
        if each.offset is not None:
            active.setdefault(each.memory, []).append(index)
    named = _named(module)
    gone: set[int] = set()
    new: list[DataSegment] = []
    for memory in range(len(module.imported(Kind.MEMORY)), len(limits)):
        indices = active.get(memory, [])
        if not indices or limits[memory].shared or not named.isdisjoint(indices):
            continue
        chosen = choose(indices, memory, limits[memory])
        if chosen is not None:
            gone.update(indices)
            new += chosen
    if not gone:
        return None
    # What stays comes first: no index that code may name gets larger.
    claim = Correspondence(
        data=compressed([index not in gone for index in range(len(module.data))])
    )
    kept = follow(module, claim)
    after = replace(
        kept, data=(*kept.data, *new), data_count=module.data_count, layout=module.layout
    )
    after = trimmed(after, module)
    return (after, claim) if len(after.data) <= MAX_SEGMENTS else None


def _size(module: Module) -> int:
    """Bytes of the sections that may get larger, by the number of segments if by nothing else."""
    sections = [Section.DATA, Section.DATA_COUNT]
    return sum([len(section_content(module, each)) for each in sections if is_needed(module, each)])


def _all_fit(module: Module) -> bool:
    """Whether no active segment can trap, so that the order of all writes is of no account."""
    signatures = Signatures(module)
    written = [
        (each.offset, len(each.data), memory_size(signatures.memories[each.memory]))
        for each in module.data
        if each.offset is not None
    ]
    written += [
        (each.offset, len(each.items), signatures.tables[each.table].limits.minimum)
        for each in module.elements
        if each.offset is not None
    ]
    return all(fits(*each) for each in written)


def _named(module: Module) -> set[int]:
    """Segments that code names."""
    if module.data_count is None:
        return set()  # code could not
    instrs = set().union(*[function.body for function in module.functions])
    return {index for space, index in Uses(module).code(instrs) if space == "data"}


def _address(segment: DataSegment) -> int:
    """Where an active segment goes, its offset being a constant."""
    assert segment.offset is not None
    constant = segment.offset[0]
    return int(constant.immediates[0]) % (1 << (32 if constant.name == "i32.const" else 64))


def cut(segments: Sequence[DataSegment], piece: re.Pattern[bytes], gap: int = 0) -> list[Piece]:
    """What segments leave in a memory, by address, without zeros around it.

    Args:
        segments: in the order in which they are written.
        piece: matches bytes that are not to be parted.
        gap: bytes that nothing is written to, at most, within a piece.
    """
    starts: list[int] = []
    ends: list[int] = []
    for start, length in sorted([(_address(each), len(each.data)) for each in segments]):
        if ends and start <= ends[-1] + gap:
            ends[-1] = max(ends[-1], start + length)
        else:
            starts.append(start)
            ends.append(start + length)
    spans = [bytearray(end - start) for start, end in zip(starts, ends, strict=True)]
    for each in segments:
        place = bisect_right(starts, _address(each)) - 1
        at = _address(each) - starts[place]
        spans[place][at : at + len(each.data)] = each.data
    return [
        Piece(start + found.start(), found.group())
        for start, span in zip(starts, spans, strict=True)
        for found in piece.finditer(bytes(span))
    ]


def _cheapest(pieces: Sequence[Piece], memory: int, limits: Limits) -> tuple[int, list[slice]]:
    """The bytes that segments for the pieces take at least, and which pieces each of them holds.

    A segment from piece i to piece j takes its head, its length, and all from the start of i to
    the end of j.  Of this only the length depends on both; so for each size of a length, the best
    start is the least in a window of the starts that are near enough.
    """
    best = [(0, 0, 0)]
    """Before each piece: bytes and segments so far, and the first piece of the last segment."""
    windows: list[deque[tuple[int, int, int]]] = [deque() for _ in _LENGTHS]
    for place, piece in enumerate(pieces):
        size, count, _ = best[-1]
        end = piece.end
        start = (size + _head_size(piece.start, memory, limits) - piece.start, count + 1, place)
        found = []
        for (length_size, limit), window in zip(_LENGTHS, windows, strict=True):
            while window and window[-1] >= start:
                window.pop()
            window.append(start)
            while window and end - pieces[window[0][2]].start >= limit:
                window.popleft()
            if window:
                size, count, first = window[0]
                found.append((size + length_size + end, count, first))
        best.append(min(found))
    cuts: list[slice] = []
    end = len(pieces)
    while end:
        cuts.append(slice(best[end][2], end))
        end = best[end][2]
    return best[-1][0], cuts[::-1]


def _head_size(address: int, memory: int, limits: Limits) -> int:
    """Bytes of a segment before its length: flags, memory, and the offset with its `end`."""
    named = unsigned_leb_size(memory) if memory else 0
    return 1 + named + 1 + len(signed_leb(_signed(address, limits))) + 1


def _signed(address: int, limits: Limits) -> int:
    """An address as the number that a constant is written as."""
    bits = 64 if limits.address64 else 32
    return address - (1 << bits) if address >> (bits - 1) else address


def segment(pieces: Iterable[Piece], memory: int, limits: Limits, pool: InstrPool) -> DataSegment:
    """The segment that writes these pieces."""
    first, *others = pieces
    data = bytearray(first.data)
    for piece in others:
        data += bytes(piece.start - first.start - len(data)) + piece.data
    constant = pool.make(
        "i64.const" if limits.address64 else "i32.const", _signed(first.start, limits)
    )
    offset = (constant, pool.make("end"))
    return DataSegment(2 if memory else 0, bytes(data), memory, offset)


DATA_SEGMENTS: Final = ModulePass(
    "data", "write what memories start with in fewer bytes", data_segments
)
