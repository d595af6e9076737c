r"""Merge segments: zeros in between are written where that makes one segment of two.

    (data (i32.const 8) "a")                               →   (data (i32.const 8) "a\0\0\0\0b")
    (data (i32.const 13) "b")

Needs and keeps: what `data_segments` does.  Costs: a look at each byte.  Raw bytes become more, up
to `GAP` for each segment: this is for compressed sizes, since a run of zeros is a few bytes to a
compressor, whatever its length, and the head of a segment is more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from wasmopt.module import DataSegment, Limits, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.data_segments import cut, rewrite, segment

GAP: Final = 1000
"""Zeros, in bytes, that are written at most to merge two segments."""
_PIECE: Final = re.compile(rb"[^\0]++(?:\0{1,%d}+[^\0]++)*+" % GAP)


def merge_segments(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Write what memories start with in few segments."""

    def merged(indices: Sequence[int], memory: int, limits: Limits) -> list[DataSegment] | None:
        pieces = cut([module.data[index] for index in indices], _PIECE, GAP)
        if len(pieces) >= len(indices):
            return None
        return [segment([piece], memory, limits, module.pool) for piece in pieces]

    return rewrite(module, merged)


MERGE_SEGMENTS: Final = ModulePass(
    "merge-segments",
    "write zeros between segments to have fewer of them",
    merge_segments,
    compresses=True,
)
