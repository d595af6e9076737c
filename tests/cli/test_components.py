"""The command line on components, and the report of what was done to their core modules."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.commands import assert_one_error, command, contents
from tests.core.components import SUMS, calls
from wasmopt import Options, optimize, optimize_component
from wasmopt.cli import main
from wasmopt.component import is_component
from wasmopt.reporting.build import build_document
from wasmopt.reporting.codec import json_schema, read_document
from wasmopt.reporting.schema import SCHEMA, Document
from wasmopt.text import read_text

BEFORE = read_text(SUMS.encode())
AFTER = optimize_component(BEFORE).data


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where we are: with the component in it as in.wasm."""
    (tmp_path / "in.wasm").write_bytes(BEFORE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_component_is_optimized(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-O", "--no-cache", "in.wasm", "-o", "out.wasm"]) == 0
    result = (folder / "out.wasm").read_bytes()
    assert result == AFTER
    assert calls(result) == calls(BEFORE)
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" bytes")[0].partition(" -> ")[0] for line in lines] == [
        *[f"wasmopt: in.wasm: core module {place}: {size}" for place, size in sizes(BEFORE)],
        f"wasmopt: in.wasm: {len(BEFORE)}",
    ]
    assert lines[3].endswith("0 of 1 functions changed")


def sizes(data: bytes) -> list[tuple[int, int]]:
    modules = optimize_component(data, Options(level="0")).modules
    return [(place, len(each.result.source)) for place, each in enumerate(modules)]


def test_through_pipes_and_from_text() -> None:
    done = command("-O", "--no-cache", "-q", "-", "-o", "-", input=SUMS.encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, AFTER, b"")


def test_level_0_writes_what_it_read(folder: Path) -> None:
    assert main(["-O0", "in.wasm", "-o", "out.wasm"]) == 0
    assert (folder / "out.wasm").read_bytes() == BEFORE


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-S"], "-S is for core modules, in.wasm is a component"),
        (["--print"], "--print is for core modules"),
        (["--symbols", "in.wat"], "--symbols is for core modules"),
    ],
)
def test_what_is_for_modules_is_refused(
    flags: list[str], message: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "in.wat").write_bytes(b"\0asm\1\0\0\0")
    before = contents(folder)
    assert main(["-O", *flags, "in.wasm", "-o", "out.wasm"]) == 2
    assert_one_error(capsysbinary.readouterr().err, message)
    assert contents(folder) == before


def test_sizes_of_components_are_not_shown(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["size", "in.wasm"]) == 1
    assert_one_error(capsysbinary.readouterr().err, "this is a component, not a core module")


def test_the_report_has_a_row_for_each_core_module_and_adds_up(folder: Path) -> None:
    arguments = ["-O", "-q", "--no-cache", "in.wasm", "-o", "out.wasm"]
    assert main([*arguments, "--report", "json=r.json", "--report", "html=r.html"]) == 0
    text = (folder / "r.json").read_bytes()
    jsonschema.validate(json.loads(text), json_schema(Document, SCHEMA))
    document = read_document(text)
    result = optimize_component(BEFORE)
    assert [(row.name, row.offset, row.before, row.after) for row in document.modules] == [
        (each.name, each.offset, len(each.result.source), len(each.result.data))
        for each in result.modules
    ]
    assert [(row.changed, row.defined) for row in document.modules] == [
        (2, 3),
        (1, 1),
        (1, 1),
        (0, 1),
    ]
    change = len(AFTER) - len(BEFORE)
    assert (document.input.raw, document.output.raw) == (len(BEFORE), len(AFTER))
    assert sum(step.delta for step in document.steps) == change
    assert sum(section.delta for section in document.sections) == change
    assert sum(section.before for section in document.sections) == len(BEFORE)
    names = [row.name for row in document.functions.largest]
    assert "core module 0: add" in names and "core module 1: add" in names
    assert document.functions.defined == 6
    assert "core module 3" in (folder / "r.html").read_text()


def test_every_form_of_report_shows_the_core_modules(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-O", "--no-cache", "in.wasm", "-o", "out.wasm", "--summary"]
    assert main([*arguments, "--report", "md=r.md"]) == 0
    assert "| core module 1 |" in (folder / "r.md").read_text()
    shown = capsys.readouterr().err
    assert "Core modules:\ncore module    at byte" in shown


def test_reports_of_modules_have_no_rows_of_modules() -> None:
    module = read_text(b'(module (func (export "f")))')
    assert not is_component(module)
    document = build_document(optimize(module), Options(), name="in.wasm")
    assert document.modules == ()


def test_a_budget_is_about_the_whole_component(folder: Path) -> None:
    arguments = ["-O", "-q", "--no-cache", "in.wasm", "-o", "out.wasm", "--max-size"]
    assert main([*arguments, str(len(AFTER))]) == 0
    assert main([*arguments, str(len(AFTER) - 1)]) == 3
