"""Limits on sizes: what they mean, where they come from, and what is wrong with some."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

from wasmopt import UsageError
from wasmopt.reporting.budgets import (
    LIMITS,
    GivenLimit,
    LimitName,
    check_limits,
    given_limits,
    limit_line,
    project_limits,
)
from wasmopt.reporting.schema import Baseline, Sizes

BASE = Baseline(
    file="base.json", output=Sizes(raw=1000, code=900, gzip=500, brotli=400, sha256="0" * 64)
)
FLAGS: dict[LimitName, str | None] = dict.fromkeys(LIMITS)


def limit(name: str, value: str) -> GivenLimit:
    return GivenLimit(cast(LimitName, name), value, f"--{name}")


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("0", 0),
        ("12000", 12_000),
        ("12000B", 12_000),
        ("10KB", 10_000),
        ("10 kB", 10_000),
        ("10kib", 10_240),
        ("1.5KB", 1_500),
        ("0.3KiB", 307),
        ("2MB", 2_000_000),
        ("2MiB", 2_097_152),
    ],
)
def test_sizes(value: str, size: int) -> None:
    assert limit("max-size", value).allowed(None) == size
    assert limit("max-growth", value).allowed(BASE.output) == 1000 + size


@pytest.mark.parametrize(
    ("value", "growth"), [("0%", 0), ("5%", 50), ("5 %", 50), ("0.19%", 1), ("150%", 1500)]
)
def test_growth_may_be_a_share_of_the_baseline(value: str, growth: int) -> None:
    assert limit("max-growth", value).allowed(BASE.output) == 1000 + growth


@pytest.mark.parametrize(
    "value",
    ["", "KB", "-1", "1.5", "1e3", "10 KB KB", "10GB", "10k", "1,000", "ten", "9" * 30, "1\n", "٣"],
)
@pytest.mark.parametrize("name", LIMITS)
def test_values_that_are_no_sizes(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        limit(name, value)
    assert str(caught.value).startswith(f"--{name}: {name} is {value!r}, not a size as ")


def test_only_growth_is_a_share() -> None:
    with pytest.raises(UsageError):
        limit("max-size", "5%")


@pytest.mark.parametrize(
    ("name", "value", "actual", "kept", "line"),
    [
        ("max-size", "1KB", 999, True, "999 bytes, 1 less than --max-size 1KB allows"),
        ("max-size", "1KB", 1000, True, "1000 bytes, just what --max-size 1KB allows"),
        ("max-size", "1KB", 1001, False, "1001 bytes, 1 more than --max-size 1KB allows"),
        ("max-growth", "5%", 1050, True, "1050 bytes, just what --max-growth 5% allows"),
        ("max-growth", "5%", 1051, False, "1051 bytes, 1 more than --max-growth 5% allows"),
        ("max-growth", "0", 1000, True, "1000 bytes, just what --max-growth 0 allows"),
        ("max-growth", "10", 500, True, "500 bytes, 510 less than --max-growth 10 allows"),
    ],
)
def test_a_limit_is_kept_up_to_its_last_byte(
    name: str, value: str, actual: int, kept: bool, line: str
) -> None:
    [checked] = check_limits([limit(name, value)], actual, None, BASE)
    assert (checked.kept, limit_line(checked)) == (kept, line)


def test_brotli_is_compared_with_what_brotli_makes() -> None:
    [checked] = check_limits([limit("max-brotli", "400")], 9999, 401, None)
    assert checked.kept is False
    assert limit_line(checked) == "401 bytes of brotli, 1 more than --max-brotli 400 allows"


def test_growth_over_nothing_is_not_checked() -> None:
    [checked] = check_limits([GivenLimit("max-growth", "5%", "pyproject.toml:3")], 9999, None, None)
    assert (checked.allowed, checked.actual, checked.kept) == (None, None, None)
    line = "max-growth 5% is not checked, there is no baseline (pyproject.toml:3)"
    assert limit_line(checked) == line


# --- pyproject.toml -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_limits_of_a_project_name_their_lines(folder: Path) -> None:
    write(
        folder,
        '[project]\nname = "x"\n[tool.other]\nmax-size = 3\n\n[tool.wasmopt]\n'
        'max-growth = "5%"\nmax-size = 12000\n"max-brotli" = "4KB"\n',
    )
    assert given_limits(FLAGS, folder) == [
        GivenLimit("max-size", "12000", "pyproject.toml:8"),
        GivenLimit("max-brotli", "4KB", "pyproject.toml:9"),
        GivenLimit("max-growth", "5%", "pyproject.toml:7"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tool.wasmopt.max-size = 7\n", 1),
        ("[tool]\nwasmopt.max-size = 7\n", 2),
        ("[tool]\n\nwasmopt = { max-size = 7 }\n", 3),
    ],
)
def test_limits_may_be_written_in_other_ways(text: str, line: int, folder: Path) -> None:
    write(folder, text)
    assert project_limits(folder) == [GivenLimit("max-size", "7", f"pyproject.toml:{line}")]


def test_flags_take_the_place_of_the_project(folder: Path) -> None:
    write(folder, "[tool.wasmopt]\nmax-size = 1\nmax-brotli = 2\n")
    assert given_limits({**FLAGS, "max-size": "3KB"}, folder) == [
        GivenLimit("max-size", "3KB", "--max-size"),
        GivenLimit("max-brotli", "2", "pyproject.toml:3"),
    ]


def test_limits_of_no_concern_are_left_out(folder: Path) -> None:
    write(folder, "[tool.wasmopt]\nmax-size = 1\nmax-growth = 2\n")
    assert [each.name for each in given_limits({"max-size": None}, folder)] == ["max-size"]


def test_the_nearest_project_that_knows_wasmopt_counts(folder: Path) -> None:
    write(folder, "[tool.wasmopt]\nmax-size = 1\n")
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    write(folder / "a", "[tool.other]\n")
    assert [each.value for each in project_limits(inner)] == ["1"]
    write(folder / "a", "[tool.wasmopt]\n")
    assert project_limits(inner) == []
    write(inner, "[tool.wasmopt]\nmax-size = 2\n")
    assert [each.value for each in project_limits(inner)] == ["2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tool.wasmopt]\nmax-sise = 3\n",
            "pyproject.toml:2: unknown key max-sise in [tool.wasmopt], did you mean max-size?",
        ),
        (
            "[tool.wasmopt]\nzzz = 3\n",
            "pyproject.toml:2: unknown key zzz in [tool.wasmopt], "
            "known: max-size max-brotli max-growth",
        ),
        (
            '[tool.wasmopt]\n\nmax-size = "5%"\n',
            "pyproject.toml:3: max-size is '5%', not a size as 10KB or 12000",
        ),
        (
            "[tool.wasmopt]\nmax-growth = true\n",
            "pyproject.toml:2: max-growth is 'True', not a size as 5% or 1KB",
        ),
        (
            "[tool.wasmopt]\nmax-size = [3]\n",
            "pyproject.toml:2: max-size is '[3]', not a size as 10KB or 12000",
        ),
        ("[tool]\nwasmopt = 3\n", "pyproject.toml: tool.wasmopt is not a table"),
        ("[tool.wasmopt\n", "pyproject.toml: "),
    ],
)
def test_projects_that_make_no_sense(text: str, message: str, folder: Path) -> None:
    write(folder, text)
    with pytest.raises(UsageError) as caught:
        project_limits(folder)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "tool = 3\n", "[tool]\n", "[project]\n"])
def test_projects_without_limits(text: str, folder: Path) -> None:
    write(folder, text)
    assert project_limits(folder) == []


@pytest.mark.parametrize("source", ["flag", "project"])
def test_a_limit_that_cannot_be_checked_is_no_limit_that_is_kept(
    source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    flags = {**FLAGS, "max-brotli": "4KB" if source == "flag" else None}
    place = "--max-brotli"
    if source == "project":
        write(folder, "[tool.wasmopt]\nmax-brotli = 3\n")
        place = "pyproject.toml:2"
    with pytest.raises(UsageError) as caught:
        given_limits(flags, folder)
    assert str(caught.value) == (
        f"{place}: max-brotli needs the brotli package, pip install 'wasmopt[brotli]'"
    )
