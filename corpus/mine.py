"""Which short pieces of integer code are frequent, and could be shorter?

Cuts windows out of all functions (`mine_windows.py`), counts them, and searches for shorter code
for those that take most bytes (`mine_search.py`). A finding is printed with the bytes that it
saves at one place and at all, and what the peepholes of today make of it; findings that only differ
in their numbers are added up below. Which bytes overlap is not looked at, so sums are upper bounds.

    python corpus/mine.py [--top N] [--open] [--rules [--write]] [MODULE.wasm ...]

Without modules these are the public ones and what wasm-opt -Oz made of them, if `make bench-size`
was run. With --rules, how often each rule of today's table fires in either, and what it saves.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mine_search import Search, inputs
from mine_windows import ANY, BIT, TRUTH, VALUE, Window, inner_windows, windows

from wasmopt import WasmOptError, decode
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Module
from wasmopt.passes.peepholes import peepholes

CORPUS: Final = Path(__file__).resolve().parent
OUTPUTS: Final = CORPUS.parent / "build" / "bench-size"
TOP: Final = 300
"""Windows that are searched."""


@dataclass(frozen=True)
class Finding:
    """Shorter code for a window.

    Attributes:
        window: what it stands for.
        code: the shorter code.
        count: how often the window was met.
        today: bytes that the peepholes of today save there.
    """

    window: Window
    code: tuple[str, ...]
    count: int
    today: int

    @property
    def saved(self) -> int:
        """Bytes at one place."""
        return self.window.size - Window(ANY, self.code).size

    @property
    def total(self) -> int:
        """Bytes at all places that today's peepholes leave."""
        return self.count * (self.saved - self.today)


def mine(counts: Counter[Window], top: int) -> Iterator[Finding]:
    """Findings for the windows that take most bytes, the most bytes first.

    What is just the finding for a part of the window is not told again.
    """
    ranked = sorted(counts, key=lambda each: (-counts[each] * each.size, each))[:top]
    known: dict[Window, int] = {}
    pool = InstrPool()
    for window in sorted(ranked, key=lambda each: (len(each.code), each)):
        types = inputs(window)
        if types is None:
            continue
        code = Search(window, types).run()
        if code is None:
            continue
        finding = Finding(window, code, counts[window], saved_today(window, pool))
        known[window] = finding.saved
        if finding.saved > max([known.get(each, 0) for each in inner_windows(window)], default=0):
            yield finding


_BEFORE: Final = {BIT: "f32.lt"}
_BEHIND: Final = {TRUTH: ("br_if", 0)}


def saved_today(window: Window, pool: InstrPool) -> int:
    """Bytes that the peepholes save in a window."""
    body = tuple(
        [
            *_around(_LOADS.get(window.source, _BEFORE.get(window.source)), pool),
            *[_instr(token, pool) for token in window.code],
            *_around(_STORES.get(window.sink), pool),
        ]
    )
    if window.sink == TRUTH:
        body = (*body, pool.make("br_if", 0))
    return 0
