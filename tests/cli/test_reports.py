"""Reports and budgets on the command line: `--report`, `wasmopt report`, `wasmopt size`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.commands import assert_one_error, contents
from tests.core.binaries import BUILT, HEADER, custom, module_of, sized, vector
from wasmopt.cli import main
from wasmopt.text import read_text

NAMES = custom(b"name", b"\1" + sized(vector(b"\0" + sized(b"mine"))))
BARE = module_of(b"\x01\x41\x00\x1a\x0b", b"\x01\x01\x7f", exported=True)
"""A nop, a dropped constant, a local that nobody uses."""
WASTE = BARE + NAMES
LEAN = module_of(b"\x0b", exported=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a module to work on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.wasm").write_bytes(WASTE)
    return tmp_path


def run(arguments: str) -> int:
    return main(["-O", "in.wasm", "-o", "out.wasm", *arguments.split()])


def read(path: Path) -> dict[str, object]:
    value = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value


# --- reports of a run ---------------------------------------------------------------------------


def test_every_form_of_report_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-q --report json=a --report md=b --report html=c --report json=d") == 0
    assert capsys.readouterr() == ("", "")
    assert set(contents(folder)) == {"in.wasm", "out.wasm", "a", "b", "c", "d"}
    assert (folder / "a").read_bytes() == (folder / "d").read_bytes()
    assert read(folder / "a")["module"] == "in.wasm"
    assert (folder / "b").read_text().startswith(f"### `in.wasm`: {len(WASTE)} → {len(LEAN)} bytes")
    assert (folder / "c").read_text().startswith("<!DOCTYPE html>")
    assert (folder / "out.wasm").read_bytes() == LEAN


def test_a_report_needs_no_output(folder: Path) -> None:
    assert main(["-O", "-q", "in.wasm", "--report", "json=a"]) == 0
    assert set(contents(folder)) == {"in.wasm", "a"}


def test_a_report_can_go_to_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--report json=-") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "wasmopt.report/1"


def test_text_and_standard_input_are_reported_as_what_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "(module (func nop))"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["-O", "-q", "-", "--report", "json=a"]) == 0
    value = json.loads((folder / "a").read_text())
    assert (value["module"], value["input"]["raw"]) == ("-", len(read_text(text)))


def test_folders_of_the_input_are_not_told(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "in.wasm").write_bytes(WASTE)
    assert main(["-O", "-q", str(folder / "deep" / "in.wasm"), "--report", "json=a"]) == 0
    assert str(folder) not in (folder / "a").read_text()
    assert "deep" not in (folder / "a").read_text()


def test_summary_is_shown_on_standard_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--summary --metrics --max-size 1MB") == 0
    out, err = capsys.readouterr()
    assert out == ""
    words = [line.split() for line in err.splitlines()]
    assert ["raw", str(len(WASTE)), str(len(LEAN)), str(len(LEAN) - len(WASTE))] in [
        line[:4] for line in words
    ]
    assert len([line for line in words if line[:1] == ["vacuum"]]) == 1
    assert ["0", "mine", "9", "3", "-6"] in words
    assert "--max-size 1MB allows" in err


def test_summary_is_quiet_when_quiet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-q --summary") == 0
    assert capsys.readouterr() == ("", "")


def test_the_top_is_as_long_as_told(folder: Path) -> None:
    [path] = [path for path in BUILT if path.stem == "routes-O0"]
    for top in (0, 3):
        assert main(["-O", "-q", str(path), "--report", "json=a", "--top", str(top)]) == 0
        functions = json.loads((folder / "a").read_text())["functions"]
        assert len(functions["largest"]) == len(functions["most_changed"]) == top


def test_names_come_from_the_symbols(folder: Path) -> None:
    (folder / "in.wasm").write_bytes(BARE)
    (folder / "full.wasm").write_bytes(WASTE)
    assert run("-q --report json=a") == run("-q --report json=b --symbols full.wasm") == 0
    names = [
        json.loads((folder / name).read_text())["functions"]["largest"][0]["name"] for name in "ab"
    ]
    assert names == ["f", "mine"]


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (HEADER + NAMES, "is no twin of the module: it imports 0 functions and defines 0"),
        (BARE, "has no names of functions"),
        (b"text", "at byte 0: not a WebAssembly binary"),
        (None, "cannot read: no such file or directory"),
    ],
)
def test_symbols_that_do_not_match_are_refused(
    twin: bytes | None, message: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    if twin is not None:
        (folder / "full.wasm").write_bytes(twin)
    before = contents(folder)
    assert run("--report json=a --symbols full.wasm") == 1
    assert_one_error(capsysbinary.readouterr().err, f"full.wasm: {message}")
    assert contents(folder) == before


def test_a_report_that_cannot_be_written_is_named(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("-q --report json=nowhere/a") == 1
    text = "nowhere/a: cannot write: no such file or directory"
    assert_one_error(capsysbinary.readouterr().err, text)
    assert (folder / "out.wasm").read_bytes() == LEAN


# --- budgets ------------------------------------------------------------------------------------


def test_a_budget_that_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"-q --max-size {len(LEAN)} --max-brotli 1KB") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("quiet", ["", "-q"])
def test_a_budget_that_is_exceeded(
    quiet: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"--max-size {len(LEAN) - 1} --report json=a --report html=b {quiet}") == 3
    said = capsys.readouterr().err.splitlines()
    more = f"{len(LEAN)} bytes, 1 more than --max-size {len(LEAN) - 1} allows"
    assert said[-1] == f"wasmopt: error: out.wasm: {more}"
    assert len(said) == (1 if quiet else 2)
    assert set(contents(folder)) == {"in.wasm", "out.wasm", "a", "b"}
    [limit] = json.loads((folder / "a").read_text())["budget"]
    assert (limit["actual"], limit["allowed"], limit["kept"]) == (len(LEAN), len(LEAN) - 1, False)
    assert f'<p class="bad">{more}</p>' in (folder / "b").read_text()


def test_every_limit_that_is_exceeded_has_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-q --max-size 1 --max-brotli 2") == 3
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "--max-size 1 allows" in lines[0] and "--max-brotli 2 allows" in lines[1]


def test_growth_is_measured_from_a_baseline(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-q --report json=base.json") == 0
    (folder / "in.wasm").write_bytes(read_text('(module (func (export "longer")))'))
    assert run("-q --baseline base.json --max-growth 1KB --report json=a") == 0
    value = json.loads((folder / "a").read_text())
    assert (value["baseline"]["file"], value["baseline"]["output"]["raw"]) == (
        "base.json",
        len(LEAN),
    )
    assert run("-q --baseline base.json --max-growth 5%") == 3
    assert "more than --max-growth 5% allows" in capsys.readouterr().err


def test_budgets_of_the_project_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[tool.wasmopt]\nmax-size = "1B"\nmax-growth = "5%"\n'
    (folder / "pyproject.toml").write_text(text)
    assert run("") == 3
    said = capsys.readouterr().err.splitlines()
    over = f"{len(LEAN)} bytes, {len(LEAN) - 1} more than max-size 1B allows (pyproject.toml:2)"
    assert said[-2] == f"wasmopt: error: out.wasm: {over}"
    unchecked = "max-growth 5% is not checked, there is no baseline (pyproject.toml:3)"
    assert said[-1] == f"wasmopt: out.wasm: {unchecked}"
    assert run("-q --max-size 1KB") == 0


# --- wasmopt report -----------------------------------------------------------------------------


@pytest.fixture
def two_runs(folder: Path) -> Path:
    assert main(["-O0", "-q", "in.wasm", "--report", "json=base.json"]) == 0
    assert run("-q --report json=head.json --report md=head.md") == 0
    return folder


def test_two_runs_are_compared(two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "base.json", "head.json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    sizes = f"{len(WASTE)} → {len(LEAN)} bytes"
    assert out.startswith(f"### `in.wasm` against the base: {sizes} (")
    assert main(["report", "base.json", "head.json", "-o", "out.md"]) == 0
    assert (two_runs / "out.md").read_text() == out
    assert capsys.readouterr() == ("", "")


def test_one_run_is_shown_as_it_was(two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "head.json"]) == 0
    assert capsys.readouterr().out == (two_runs / "head.md").read_text()


def test_a_report_may_come_from_standard_input(
    two_runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (two_runs / "head.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["report", "-"]) == 0
    assert capsys.readouterr().out == (two_runs / "head.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("base.json head.json --max-growth 0%", 0),
        ("head.json base.json --max-growth 0%", 3),
        ("head.json base.json --max-growth 1KB", 0),
        (f"base.json head.json --max-size {len(LEAN)}", 0),
        (f"base.json head.json --max-size {len(LEAN) - 1}", 3),
        ("head.json --max-size 1", 3),
        ("head.json --max-brotli 1", 3),
        ("head.json --max-brotli 1KB", 0),
    ],
)
def test_budgets_hold_for_the_head(
    arguments: str, code: int, two_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *arguments.split()]) == code
    out, err = capsys.readouterr()
    assert out.startswith("### ")
    assert err.count("\n") == (code == 3)
    assert ("error" in err) == ("over budget" in out and "base.json" in arguments) or code


def test_a_report_without_brotli_does_not_keep_a_limit_on_it(
    two_runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = json.loads((two_runs / "head.json").read_text())
    value["output"]["brotli"] = None
    (two_runs / "head.json").write_text(json.dumps(value))
    assert main(["report", "head.json", "--max-brotli", "1KB"]) == 3
    assert (
        "bytes of brotli are not known, --max-brotli 1KB cannot be checked"
        in capsys.readouterr().err
    )


# --- wasmopt size -------------------------------------------------------------------------------


def test_size_shows_where_the_bytes_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unexported = module_of(b"\x01\x41\x00\x1a\x0b", b"\x01\x01\x7f") + NAMES
    (folder / "in.wasm").write_bytes(unexported)
    assert main(["size", "in.wasm", "--compressed"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()]
    assert out.startswith(f"in.wasm: {len(unexported)} bytes, 4 sections, 1 functions, ")
    assert ["all", str(len(unexported)), "100.0", "%"] in lines
    assert ["code", "12", f"{100 * 12 / len(unexported):.1f}", "%"] in lines
    assert ["10", "function", "mine"] in lines  # what nothing refers to
    assert lines[1][:1] == ["gzip"] and lines[1][2] == "brotli"


def test_size_shows_several_modules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.wat").write_text("(module)")
    assert main(["size", "in.wasm", "b.wat"]) == 0
    out = capsys.readouterr().out
    assert f"in.wasm: {len(WASTE)} bytes" in out and "b.wat: 8 bytes" in out


def test_size_draws_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "-q", "in.wasm", "--html", "a.html"]) == 0
    assert (folder / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert main(["size", "in.wasm", "--html", "-"]) == 0
    out, err = capsys.readouterr()
    assert out == (folder / "a.html").read_text()
    assert err == ""


def test_size_takes_names_from_symbols(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bare.wasm").write_bytes(BARE)
    assert main(["size", "bare.wasm", "--symbols", "in.wasm"]) == 0
    assert "mine" in capsys.readouterr().out
    (folder / "bare.wasm").write_bytes(HEADER)
    assert main(["size", "bare.wasm", "--symbols", "in.wasm"]) == 1
    assert "in.wasm: is no twin of the module" in capsys.readouterr().err


def test_size_keeps_budgets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "small.wasm").write_bytes(HEADER)
    (folder / "pyproject.toml").write_text("[tool.wasmopt]\nmax-size = 9\nmax-growth = 1\n")
    assert main(["size", "-q", "small.wasm"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["size", "-q", "small.wasm", "in.wasm", "small.wasm"]) == 3
    more = f"in.wasm: {len(WASTE)} bytes, {len(WASTE) - 9} more than max-size 9 allows"
    assert capsys.readouterr() == ("", f"wasmopt: error: {more} (pyproject.toml:2)\n")
    assert main(["size", "-q", "in.wasm", "--max-size", "1KB"]) == 0


@pytest.mark.parametrize("command", ["size", "report"])
def test_a_file_called_like_a_command_can_be_named(command: str, folder: Path) -> None:
    (folder / command).write_bytes(WASTE)
    assert main([f"./{command}", "-q", "-O", "-o", "out.wasm"]) == 0
    assert main(["-q", "-O", command, "-o", "out.wasm"]) == 0
