"""`--max-size`, `--max-brotli` and `--max-growth`, and what becomes of them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from wasmopt.commands.console import say
from wasmopt.files import read_input
from wasmopt.reporting.budgets import LIMITS, GivenLimit, LimitName, given_limits, limit_line
from wasmopt.reporting.codec import read_report
from wasmopt.reporting.schema import Batch, Document, Limit

OVER_BUDGET: Final = 3
"""Exit code when a limit is not kept."""


def add_limits(
    group: argparse._ActionsContainer, names: Collection[LimitName] = tuple(LIMITS)
) -> None:
    """Add the flags."""
    for name in names:
        group.add_argument(f"--{name}", metavar="SIZE", help=LIMITS[name])


def read_limits(
    settings: argparse.Namespace, names: Collection[LimitName] = tuple(LIMITS)
) -> list[GivenLimit]:
    """The limits of these names that the flags and the project's file give.

    Raises:
        UsageError: one of them makes no sense.
    """
    flags = {name: getattr(settings, name.replace("-", "_")) for name in names}
    return given_limits(flags, Path.cwd())


def load_report(name: str, settings: argparse.Namespace) -> Document | Batch:
    """The report of one or several runs in a file; `-` is standard input.

    Raises:
        InputError: it is none.
    """
    settings.subject = name
    return read_report(read_input(name))


def tell_limits(limits: Sequence[Limit], output: str, *, quiet: bool) -> int:
    """Say which limits are not kept, and which could not be checked; the exit code."""
    code = 0
    for limit in limits:
        if limit.kept is False:
            say(f"error: {output}: {limit_line(limit)}")
            code = OVER_BUDGET
        elif limit.kept is None and not quiet:
            say(f"{output}: {limit_line(limit)}")
    return code
