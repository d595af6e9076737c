"""Limits on the size of what comes out: `--max-size 10KB`, `--max-brotli 4KiB`, `--max-growth 5%`.

They are given as flags or in the nearest `pyproject.toml` at or above the working directory that
has a table `[tool.wasmopt]`; a flag takes the place of what the file says.  KB and MB are 10^3 and
10^6 bytes, KiB and MiB 2^10 and 2^20.  Growth is that of the raw size over a baseline.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

from wasmopt.errors import InputError, UsageError
from wasmopt.files import read_file
from wasmopt.goals import brotli_size, has_brotli
from wasmopt.reporting.schema import Baseline, Limit, Sizes

LimitName = Literal["max-size", "max-brotli", "max-growth"]

LIMITS: Final[Mapping[LimitName, str]] = {
    "max-size": "the most bytes that the output may have, for instance 10KB or 12000",
    "max-brotli": "the most bytes that brotli may make of it",
    "max-growth": "by how much it may be larger than that of the baseline, for instance 5%% or 1KB",
}
"""The limits, with help texts for argparse."""

_UNITS: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "kib": 2**10, "mib": 2**20}
_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([kmi]*b?)", re.IGNORECASE | re.ASCII)
_SHARE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) ?%", re.ASCII)
_TABLE: Final = "tool.wasmopt"


@dataclass(frozen=True, slots=True)
class GivenLimit:
    """A limit as somebody gave it.

    Attributes:
        value: for instance 10KB or 5%.
        place: the flag, or the file and line.
    """

    name: LimitName
    value: str
    place: str

    def __post_init__(self) -> None:
        share = self.name == "max-growth" and _SHARE.fullmatch(self.value)
        if not share and _bytes(self.value) is None:
            examples = "5% or 1KB" if self.name == "max-growth" else "10KB or 12000"
            raise UsageError(
                f"{self.place}: {self.name} is {self.value!r}, not a size as {examples}"
            )

    def allowed(self, baseline: Sizes | None) -> int | None:
        """The most bytes that it allows; None for growth over nothing."""
        share = _SHARE.fullmatch(self.value)
        if self.name != "max-growth":
            return _bytes(self.value)
        if baseline is None:
            return None
        if share is not None:
            return baseline.raw + int(baseline.raw * Fraction(share[1]) / 100)
        return baseline.raw + (_bytes(self.value) or 0)


def given_limits(flags: Mapping[LimitName, str | None], folder: Path) -> list[GivenLimit]:
    """The limits that hold in a folder.

    Args:
        flags: values of the flags, None where one was not given; limits that are not named here
            are of no concern.
        folder: where to look for a `pyproject.toml`.

    Raises:
        UsageError: a limit makes no sense, or cannot be checked since brotli is missing.
    """
    given = {limit.name: limit for limit in project_limits(folder) if limit.name in flags}
    for name, value in flags.items():
        if value is not None:
            given[name] = GivenLimit(name, value, f"--{name}")
    if "max-brotli" in given and not has_brotli():
        place = given["max-brotli"].place
        raise UsageError(
            f"{place}: max-brotli needs the brotli package, pip install 'wasmopt[brotli]'"
        )
    return [given[name] for name in LIMITS if name in given]


def project_limits(folder: Path) -> list[GivenLimit]:
    """The limits of the nearest `pyproject.toml` with a table for wasmopt, at or above `folder`.

    Raises:
        UsageError: the file cannot be understood.
    """
    for parent in (folder, *folder.parents):
        path = parent / "pyproject.toml"
        if path.is_file():
            limits = _limits_of(path, os.path.relpath(path))
            if limits is not None:
                return limits
    return []


def _limits_of(path: Path, shown: str) -> list[GivenLimit] | None:
    """The limits of a file, None if it says nothing of wasmopt."""
    try:
        text = read_file(path).decode("utf-8")
        tools = tomllib.loads(text).get("tool")
    except (InputError, ValueError) as error:
        raise UsageError(f"{shown}: {error}") from None
    table = tools.get("wasmopt") if isinstance(tools, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise UsageError(f"{shown}: {_TABLE} is not a table")
    limits = []
    for key, value in table.items():
        place = f"{shown}:{_line_of(key, text)}"
        name = next((name for name in LIMITS if name == key), None)
        if name is None:
            close = get_close_matches(key, LIMITS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {' '.join(LIMITS)}"
            raise UsageError(f"{place}: unknown key {key} in [{_TABLE}], {hint}")
        limits.append(GivenLimit(name, str(value), place))
    return limits


def _line_of(key: str, text: str) -> int:
    """Number of the line that gives the key its value, or else of the first that names wasmopt."""
    lines = text.splitlines()
    tables = [number for number, line in enumerate(lines) if "wasmopt" in line]
    start = tables[0] if tables else 0
    for number in range(start, len(lines)):
        if re.match(rf"""\s*(?:[\w.]+\.)?["']?{re.escape(key)}["']?\s*=""", lines[number]):
            return number + 1
    return start + 1


def check_limits(
    given: Sequence[GivenLimit], raw: int, brotli: int | None, baseline: Baseline | None
) -> tuple[Limit, ...]:
    """Each limit with what there is.

    Args:
        given: the limits.
        raw: size of the output.
        brotli: the same compressed, None if it is not known.
        baseline: what it may have grown from.
    """
    limits = []
    for limit in given:
        allowed = limit.allowed(baseline.output if baseline else None)
        actual = brotli if limit.name == "max-brotli" else raw
        if allowed is None:
            actual = None
        limits.append(
            Limit(
                name=limit.name,
                value=limit.value,
                place=limit.place,
                allowed=allowed,
                actual=actual,
                kept=None if allowed is None else actual is not None and actual <= allowed,
            )
        )
    return tuple(limits)


def check_data(
    given: Sequence[GivenLimit], data: bytes, baseline: Baseline | None
) -> tuple[Limit, ...]:
    """Each limit with what there is in a file; measures no more than it has to."""
    brotli = brotli_size(data) if any(limit.name == "max-brotli" for limit in given) else None
    return check_limits(given, len(data), brotli, baseline)


def limit_line(limit: Limit) -> str:
    """What is to be said of a limit, in one line."""
    flag = limit.place.startswith("--")
    name = f"--{limit.name} {limit.value}" if flag else f"{limit.name} {limit.value}"
    where = "" if flag else f" ({limit.place})"
    if limit.allowed is None:
        return f"{name} is not checked, there is no baseline{where}"
    if limit.actual is None:
        return f"bytes of brotli are not known, {name} cannot be checked{where}"
    kind = " of brotli" if limit.name == "max-brotli" else ""
    spare = limit.allowed - limit.actual
    more = f"{-spare} more than" if spare < 0 else f"{spare} less than"
    relation = more if spare else "just what"
    return f"{limit.actual} bytes{kind}, {relation} {name} allows{where}"


def _bytes(value: str) -> int | None:
    """The bytes that the value stands for, None if it stands for none."""
    found = _SIZE.fullmatch(value)
    unit = found and _UNITS.get(found[2].lower())
    if not found or unit is None:
        return None
    size = Fraction(found[1]) * unit
    return int(size) if unit > 1 or size.denominator == 1 else None
