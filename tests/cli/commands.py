"""Running the command line, in this process or in one of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEMORY_LIMIT = 2 << 30
"""Bytes of address space that any run may take."""
TIME_LIMIT = 20
"""Seconds that any run may take."""


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def command(
    *arguments: str | Path, script: str | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run `wasmopt` in a process of its own, within the limits.

    Args:
        arguments: of the command line.
        script: Python to run in place of the command; `main` is imported already.
        options: for `subprocess.run`; standard output and error are captured unless given.
    """
    start = ["-m", "wasmopt"]
    if script is not None:
        start = ["-c", f"import sys, os; from wasmopt.cli import main\n{script}"]
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        check=False,
        **{
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "timeout": TIME_LIMIT,
            "preexec_fn": _limit_memory,
            "env": environment(),
            **options,
        },
    )


def environment() -> dict[str, str]:
    """The environment in which this tree's `wasmopt` is found."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def assert_one_error(stderr: bytes, *parts: str) -> str:
    """Standard error is one line, an error that says all of `parts`."""
    text = stderr.decode()
    assert text.count("\n") == 1 and text.endswith("\n"), text
    assert text.startswith("wasmopt: error: "), text
    assert len(text) < 600
    for part in parts:
        assert part in text
    return text


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; what leaves this as it was left nothing behind."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
