"""`wasmopt verify` and `wasmopt replay`: exit codes, reports, and a counterexample that replays."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.commands import assert_one_error, command
from wasmopt.reporting import published
from wasmopt.reporting.codec import read_record
from wasmopt.reporting.counterexample import read_counterexample
from wasmopt.reporting.verification import SCHEMA, Verification

VALIDATOR = jsonschema.Draft202012Validator(
    json.loads(Path(published.__file__).with_name("verification.schema.json").read_text())
)
TRIPLE = '(module (func (export "f") (param i32) (result i32) local.get 0 i32.const 3 i32.mul))'
SUM = TRIPLE.replace("i32.const 3 i32.mul", "i32.const 1 i32.shl local.get 0 i32.add")
OTHER = TRIPLE.replace("i32.const 3", "i32.const 5")
OPEN = """(module (import "env" "e" (global externref)) (func (export "f") (param i32) (result i32)
  local.get 0 i32.const 3 {}))"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    texts = {"triple": TRIPLE, "sum": SUM, "other": OTHER}
    texts |= {"open": OPEN.format("i32.mul"), "shut": OPEN.format("i32.add")}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts}


@pytest.mark.parametrize(
    ("before", "after", "code", "verdict"),
    [
        ("triple", "sum", 0, "proved"),
        ("triple", "other", 4, "refuted"),
        ("open", "shut", 5, "unproved"),  # no experiment has such an import
    ],
)
def test_the_exit_code_says_the_verdict(
    files: dict[str, Path], before: str, after: str, code: int, verdict: str
) -> None:
    done = command("verify", "--no-cache", files[before], files[after])
    assert done.returncode == code, done.stderr
    assert f": {verdict}: ".encode() in done.stdout
    quiet = command("verify", "--no-cache", "-q", files[before], files[after])
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (code, b"", b"")


def test_reports_say_what_became_of_each_function(files: dict[str, Path], tmp_path: Path) -> None:
    data, page = tmp_path / "report.json", tmp_path / "report.md"
    command(
        *("verify", "--no-cache", files["triple"], files["other"]),
        *("--report", f"json={data}", "--report", f"md={page}"),
    )
    VALIDATOR.validate(json.loads(data.read_text()))
    report = read_record(Verification, data.read_bytes(), SCHEMA, "a verification")
    assert report.verdict == "refuted"
    (row,) = report.functions
    assert (row.name, row.fate, row.counterpart, row.proof) == ("f", "matched", 0, None)
    assert row.reason
    assert report.counterexample is not None
    assert report.counterexample in page.read_text()


@pytest.mark.parametrize("after", ["sum", "other", "shut"])
def test_reports_conform_to_the_published_schema(
    files: dict[str, Path], tmp_path: Path, after: str
) -> None:
    data = tmp_path / "report.json"
    before = "open" if after == "shut" else "triple"
    command("verify", "-q", "--no-cache", files[before], files[after], "--report", f"json={data}")
    value = json.loads(data.read_text())
    VALIDATOR.validate(value)
    for name in value:
        less = {key: each for key, each in value.items() if key != name}
        assert not VALIDATOR.is_valid(less), name
    assert not VALIDATOR.is_valid({**value, "verdict": "equal"})


def test_a_counterexample_replays(files: dict[str, Path], tmp_path: Path) -> None:
    written = tmp_path / "found.json"
    pair = (files["triple"], files["other"])
    command("verify", "--no-cache", "-q", *pair, "--counterexample", written)
    file, experiment = read_counterexample(written.read_bytes())
    assert [each.export for each in experiment.calls] == ["f"]
    again = command("replay", written)
    assert again.returncode == 4
    assert file.difference in again.stdout.decode()
    fixed = command("replay", written, files["triple"], files["sum"])
    assert fixed.returncode == 0
    assert fixed.stdout == b"no difference\n"
    assert b"is another module" in fixed.stderr


def test_without_a_counterexample_none_is_written(files: dict[str, Path], tmp_path: Path) -> None:
    written = tmp_path / "found.json"
    pair = (files["triple"], files["sum"])
    done = command("verify", "--no-cache", *pair, "--counterexample", written)
    assert done.returncode == 0
    assert not written.exists()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("verify", "one"), ("AFTER",)),
        (("verify", "-", "-"), ("standard input",)),
        (("verify", "--report", "pdf=x", "a", "b"), ("FORMAT=FILE",)),
        (("verify", "--top", "-1", "a", "b"), ("--top",)),
        (("replay", "a", "b"), ("both modules",)),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert_one_error(done.stderr, *parts)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "wasmopt.report/1"},
        {"calls": [{"export": "f", "arguments": [{"type": "i33", "bits": 1}]}]},
        {"answers": [-1]},
        {"memory": [{"export": "m", "address": 0, "data": "zz"}]},
        {"calls": None},
    ],
)
def test_a_damaged_counterexample_is_told(
    files: dict[str, Path], tmp_path: Path, change: dict[str, object]
) -> None:
    written = tmp_path / "found.json"
    pair = (files["triple"], files["other"])
    command("verify", "--no-cache", "-q", *pair, "--counterexample", written)
    written.write_text(json.dumps({**json.loads(written.read_text()), **change}))
    done = command("replay", written)
    assert done.returncode == 1
    assert_one_error(done.stderr, "is not a counterexample")
