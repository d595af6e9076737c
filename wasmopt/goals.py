"""Which size a run makes smaller, and how it is measured.

Compressors are taken at their highest levels, as servers and package registries use them.  Brotli
takes about 2 s of CPU time for a megabyte, and comes with the extra `wasmopt[brotli]`.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Final

from wasmopt.errors import UsageError

RAW: Final = "raw"
GOALS: Final[Mapping[str, str]] = {
    RAW: "the file as it is",
    "gzip": "the file compressed by gzip at level 9",
    "brotli": "the file compressed by brotli at quality 11",
}
GZIP_LEVEL: Final = 9
BROTLI_QUALITY: Final = 11
BROTLI_WINDOW: Final = 24
"""log2 of the window in bytes."""


def check_goal(goal: str) -> None:
    """Check that this is a goal whose size can be measured here.

    Raises:
        UsageError: it is not.
    """
    if goal not in GOALS:
        raise UsageError(f"unknown goal {goal!r}, known: {' '.join(GOALS)}")
    if goal == "brotli" and not has_brotli():
        raise UsageError("the goal brotli needs the brotli package, pip install 'wasmopt[brotli]'")


def size_for(goal: str) -> Callable[[bytes], int]:
    """What measures files for a goal that `check_goal` lets pass, in bytes."""
    return {RAW: len, "gzip": gzip_size, "brotli": _brotli_size}[goal]


def gzip_size(data: bytes) -> int:
    """Bytes that gzip makes of the data, the same at any time."""
    return len(gzip.compress(data, GZIP_LEVEL, mtime=0))


def has_brotli() -> bool:
    """Whether the brotli package is installed."""
    return importlib.util.find_spec("brotli") is not None


def brotli_size(data: bytes) -> int | None:
    """Bytes that brotli makes of the data, None without the brotli package."""
    return _brotli_size(data) if has_brotli() else None


def _brotli_size(data: bytes) -> int:
    compressor = importlib.import_module("brotli")
    return len(compressor.compress(data, quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW))
