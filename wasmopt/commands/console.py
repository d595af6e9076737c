"""What is said on standard error, whatever it is made of and whether or not anybody reads it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from wasmopt.errors import WasmOptError

PROGRESS_AFTER: Final = 2.0
"""Seconds before progress is shown on a terminal."""
LONGEST_LINE: Final = 400
"""Characters of a message: names in a module can be as long as the module."""


def say(message: str) -> None:
    """One line."""
    line = "".join([c if c.isprintable() else ascii(c)[1:-1] for c in message[: LONGEST_LINE + 1]])
    if len(line) > LONGEST_LINE:
        line = line[:LONGEST_LINE] + "…"
    print_error(f"wasmopt: {line}")


def problem_of(error: Exception) -> str:
    """What is to be said of an error, in one line."""
    if isinstance(error, WasmOptError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    return f"internal error, please report it: {type(error).__name__}: {error}"


def print_error(text: str) -> None:
    """Some lines."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A counter of functions on a terminal, shown only when the work takes long."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    start = time.monotonic()
    shown = start

    def show(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - start > PROGRESS_AFTER and now - shown > 0.1:
            shown = now
            _draw(f"wasmopt: {done} of {total} functions")

    try:
        yield show
    finally:
        if shown > start:
            _draw("")


def _draw(text: str) -> None:
    """Replace the last line of the terminal."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
