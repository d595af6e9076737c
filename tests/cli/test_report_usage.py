"""Wrong usage of reports, budgets, `wasmopt report` and `wasmopt size`: one line, no files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import assert_one_error, contents
from tests.core.binaries import module_of
from wasmopt.cli import main
from wasmopt.commands import report, size
from wasmopt.commands.optimize import build_parser
from wasmopt.reporting.budgets import LIMITS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a module in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.wasm").write_bytes(module_of(b"\x01\x0b"))
    return tmp_path


WRONG_USAGE = {
    "in.wasm --report": "argument --report: expected one argument, see --help",
    "in.wasm --report json": "--report json is none of json=FILE, md=FILE, html=FILE",
    "in.wasm --report xml=a": "--report xml=a is none of json=FILE, md=FILE, html=FILE",
    "in.wasm --report md=- -o -": "--report writes to standard output, and so does something else",
    "in.wasm --report md=- --report json=-": (
        "--report writes to standard output, and so does something else"
    ),
    "in.wasm --report md=- --print": (
        "--report writes to standard output, and so does something else"
    ),
    "in.wasm --top -1": "--top is -1, it counts functions: a number from 0 on",
    "in.wasm --top many": "argument --top: invalid int value: 'many', see --help",
    "in.wasm --max-size 5%": "--max-size: max-size is '5%', not a size as 10KB or 12000",
    "in.wasm --max-growth much": "--max-growth: max-growth is 'much', not a size as 5% or 1KB",
    "in.wasm --max-growth 5%": "--max-growth needs a --baseline to grow from",
    "in.wasm --max-sise 5": "unknown option or pass --max-sise, did you mean --max-size?",
    "report": "the following arguments are required: JSON, see --help",
    "report a b c": "3 reports, there can be one or two: base and head",
    "report a --max-growth 5%": "--max-growth needs a base to grow from: two reports",
    "report a --vacuum": "unknown option --vacuum, see --help",
    "size": "the following arguments are required: IN, see --help",
    "size in.wasm in.wasm --html a": "--html and --symbols are for one module at a time",
    "size in.wasm --max-growth 5%": "unknown option --max-growth, did you mean --max-brotli?",
    "size in.wasm --top -3": "--top is -3, it counts parts: a number from 0 on",
}


@pytest.mark.parametrize("arguments", WRONG_USAGE)
def test_wrong_usage_is_told_in_one_line(
    arguments: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = contents(folder)
    assert main(arguments.split()) == 2
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert err.decode() == f"wasmopt: error: {WRONG_USAGE[arguments]}\n"
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("report a.json", "a.json: cannot read: no such file or directory"),
        ("report in.wasm", "in.wasm: is not a report: it is not JSON"),
        ("report ok.json in.wasm", "in.wasm: is not a report: it is not JSON"),
        ("report ok.json -o no/where", "no/where: cannot write: no such file or directory"),
        ("in.wasm --baseline in.wasm", "in.wasm: is not a report: it is not JSON"),
        ("size ok.json", "ok.json: at byte 0: not a WebAssembly binary"),
        ("size missing", "missing: cannot read: no such file or directory"),
        ("size in.wasm -q --html no/where", "no/where: cannot write: no such file or directory"),
    ],
)
def test_bad_files_are_told_in_one_line(
    arguments: str, message: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["-O", "-q", "in.wasm", "--report", "json=ok.json"]) == 0
    before = contents(folder)
    assert main(arguments.split()) == 1
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert_one_error(err, f"wasmopt: error: {message}")
    assert contents(folder) == before


@pytest.mark.parametrize("command", ["report", "size"])
def test_commands_have_their_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    parser = {"report": report, "size": size}[command].build_parser()
    assert text.startswith(f"usage: wasmopt {command} ")
    assert all(flag in text for flag in parser._option_string_actions)
    assert "3 over a size budget" in text


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "wasmopt report --help: " in text and "wasmopt size --help: " in text
    assert all(f"--{name}" in build_parser()._option_string_actions for name in LIMITS)
