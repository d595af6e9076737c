"""`--proofs`, `--dump-smt2` and `--attestation`: what is in the files, and when there are none."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import assert_one_error, command, contents, environment
from wasmopt.cli import main
from wasmopt.reporting.obligations import SCHEMA, Manifest, read_folder
from wasmopt.reporting.proof_lines import METHODS, ProofLine
from wasmopt.verify.correspondence import _METHODS

ROOT = Path(__file__).resolve().parents[2]
SORTING = ROOT / "corpus" / "built" / "sorting.wasm"
"""One of its changes gets as far as the solver, and is put back."""

# 2 * min(x, y) is min over doubled values only where nothing overflows: masks see to that.
BEFORE = """(module (func ${} (export "f") (param i32 i32) (result i32)
  local.get 0 local.get 1 i32.xor local.get 0 local.get 1 i32.and i32.const 1 i32.shl i32.add))"""
AFTER = """(module (func (export "f") (param i32 i32) (result i32)
  local.get 0 local.get 1 i32.add))"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before.wat").write_text(BEFORE.format("f"))
    (tmp_path / "after.wat").write_text(AFTER)
    return tmp_path


def optimized(*flags: str, code: int = 0) -> None:
    assert main(["-O", "-q", "--no-cache", str(SORTING), *flags]) == code


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


# --- the log ------------------------------------------------------------------------------------


def test_the_log_has_as_many_proofs_as_the_report(folder: Path) -> None:
    optimized("-o", "out.wasm", "--proofs", "log", "--report", "json=report")
    report = json.loads((folder / "report").read_text())
    log = lines(folder / "log")
    kept = [each for each in log if each["reason"] is None]
    for step in report["steps"]:
        own = [each["tier"] for each in kept if each["pass_name"] == step["name"]]
        assert Counter(own) == step["proved"]
        reasons = [each["reason"] for each in log if each["pass_name"] == step["name"]]
        assert Counter([each for each in reasons if each is not None]) == step["reverted"]
    assert len(kept) < len(log)
    assert all(each["verdict"] == "proved" and each["validator"] for each in kept)


def test_files_are_the_same_for_any_number_of_processes(folder: Path) -> None:
    for jobs in ("1", "2"):
        flags = ["-j", jobs, "-o", "out.wasm", "--proofs", f"{jobs}/log"]
        (folder / jobs).mkdir()
        optimized(*flags, "--dump-smt2", f"{jobs}/asked", "--attestation", f"{jobs}/statement")
    assert contents(folder / "1") == contents(folder / "2")
    assert len(contents(folder / "1")) > 3


def test_the_log_goes_to_standard_output(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    optimized("--proofs", "-", "-o", "out.wasm")
    optimized("--proofs", "log")
    assert capsysbinary.readouterr().out == (folder / "log").read_bytes()


def test_every_tier_has_a_method() -> None:
    assert set(METHODS) >= {*_METHODS, "steps", "never called"}


def test_verify_logs_each_function_and_the_whole(folder: Path) -> None:
    flags = ["--proofs", "log", "--report", "json=report"]
    assert main(["verify", "-q", "--no-cache", "before.wat", "after.wat", *flags]) == 0
    report = json.loads((folder / "report").read_text())
    function, whole = lines(folder / "log")
    assert function["tier"] == "solver" and function["solver"].startswith("z3 ")
    assert report["proofs"] == {"solver": 1}
    assert (function["verdict"], function["name"], function["pass_name"]) == ("proved", "f", None)
    assert (whole["function"], whole["verdict"], whole["reason"]) == (None, "proved", None)
    assert whole["before"] == report["before"]["sha256"]
    assert whole["after"] == report["after"]["sha256"]


def test_verify_logs_why_modules_are_not_the_same(folder: Path) -> None:
    (folder / "other.wat").write_text(AFTER.replace("i32.add", "i32.sub"))
    assert main(["verify", "-q", "--no-cache", "before.wat", "other.wat", "--proofs", "log"]) == 4
    function, whole = lines(folder / "log")
    assert function["verdict"] == "unproved" and function["reason"] and function["tier"] is None
    assert whole["verdict"] == "refuted" and whole["reason"]


def test_each_core_module_of_a_component_is_named(folder: Path) -> None:
    text = '(module (func (export "{}") (param i32) (result i32) local.get 0 nop))'
    parts = [f"(core module {text.format(name)[7:]}" for name in "ab"]
    (folder / "in.wat").write_text(f"(component {' '.join(parts)})")
    assert main(["-O", "-q", "in.wat", "-o", "out.wasm", "--proofs", "log"]) == 0
    assert {(each["module"], each["name"]) for each in lines(folder / "log")} >= {
        ("core module 0", "a"),
        ("core module 1", "b"),
    }


# --- what the solver was asked --------------------------------------------------------------------


def dumped(folder: Path, *flags: str) -> tuple[Manifest, dict[str, str]]:
    main(["verify", "-q", "before.wat", "after.wat", "--dump-smt2", "asked", *flags])
    return read_folder(str(folder / "asked"))


def test_what_the_solver_was_asked_stands_by_itself(folder: Path) -> None:
    manifest, texts = dumped(folder)
    assert manifest.schema == SCHEMA
    rows = [row for row in manifest.obligations if row.expected == "unsat"]
    assert rows and all((row.function, row.name) == (0, "f") for row in rows)
    for name, text in texts.items():
        assert hashlib.sha256(text.encode()).hexdigest() == name.removesuffix(".smt2")
        commands = [line for line in text.splitlines() if not line.startswith(";")]
        assert any(line.startswith("(set-logic QF_") for line in commands)
        assert commands[-1] == "(check-sat)"
        assert "ext_rotate" not in text and "declare-sort" not in text


def test_obligations_are_dumped_though_the_cache_knows_the_verdict(folder: Path) -> None:
    assert main(["verify", "-q", "before.wat", "after.wat"]) == 0
    assert dumped(folder)[0].obligations
    assert dumped(folder)[0].obligations  # and an older dump is replaced


def test_names_cannot_get_out_of_their_comment(folder: Path) -> None:
    evil = "f\\0a(assert false)\\0a\\e2\\80\\a8"
    (folder / "before.wat").write_text(BEFORE.format(f'"{evil}"'))
    manifest, texts = dumped(folder)
    (name,) = {row.name for row in manifest.obligations}
    assert name == "f\n(assert false)\n\u2028"
    assert texts and not any("\n(assert false)" in text for text in texts.values())
    assert main(["verify", "-q", "before.wat", "after.wat", "--proofs", "log"]) == 0
    assert [each["name"] for each in lines(folder / "log")] == [name, None]


def test_a_change_whose_questions_are_dumped_is_in_the_log(folder: Path) -> None:
    optimized("--dump-smt2", "asked", "--proofs", "log")
    log = lines(folder / "log")
    manifest, _ = read_folder("asked")
    assert manifest.obligations
    for row in manifest.obligations:
        assert [row.before, row.after] in [each["compared"] for each in log]
        assert row.pass_name in [each["pass_name"] for each in log]


@pytest.mark.parametrize("foreign", ["notes.txt", "manifest.json.smt2", ".hidden"])
def test_a_folder_of_something_else_is_left_alone(
    foreign: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "asked").mkdir()
    (folder / "asked" / foreign).write_text("mine")
    before = contents(folder)
    optimized("--dump-smt2", "asked", "-o", "out.wasm", code=1)
    assert_one_error(capsysbinary.readouterr().err, "asked: cannot write", foreign)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere/asked", "no such file or directory"),
        ("before.wat", "not a directory"),
        ("/proc/asked", "no such file or directory"),
    ],
)
def test_folders_that_cannot_be_written(
    place: str, reason: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = contents(folder)
    optimized("--dump-smt2", place, code=1)
    assert_one_error(capsysbinary.readouterr().err, f"{place}: cannot write: {reason}")
    assert contents(folder) == before


def test_a_dump_that_fails_leaves_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    dumped(folder)
    before = contents(folder)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    optimized("--dump-smt2", "asked", code=1)
    assert_one_error(capsysbinary.readouterr().err, "asked: cannot write: no space left on device")
    assert contents(folder) == before


def test_two_runs_at_once_leave_one_whole_dump(folder: Path) -> None:
    flags = ["verify", "-q", "before.wat", "after.wat", "--dump-smt2", "asked"]
    runs = [
        subprocess.Popen([sys.executable, "-m", "wasmopt", *flags], env=environment())
        for _ in range(2)
    ]
    codes = [run.wait(60) for run in runs]
    assert set(codes) <= {0, 1} and 0 in codes
    assert read_folder("asked")[0].obligations
    assert {path.name for path in folder.iterdir()} == {"before.wat", "after.wat", "asked"}


# --- the attestation ------------------------------------------------------------------------------


def digest(path: Path) -> dict[str, str]:
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_the_attestation_is_about_the_files(folder: Path) -> None:
    (folder / "to").mkdir()
    optimized("-o", "to/out.wasm", "--proofs", "to/log", "--attestation", "to/out.json")
    statement = json.loads((folder / "to" / "out.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {"name": "out.wasm", "digest": digest(folder / "to" / "out.wasm")}
    ]
    predicate = statement["predicate"]
    assert predicate["input"] == {"name": "sorting.wasm", "digest": digest(SORTING)}
    assert predicate["proofs"] == {"name": "log", "digest": digest(folder / "to" / "log")}
    log = lines(folder / "to" / "log")
    kept = Counter([each["tier"] for each in log if each["reason"] is None])
    assert predicate["changes"]["proved"] == kept
    assert predicate["changes"]["kept"] == kept.total()
    assert sum(predicate["changes"]["putBack"].values()) == len(log) - kept.total()
    assert str(folder) not in (folder / "to" / "out.json").read_text()


def test_the_attestation_of_text_is_about_the_text(folder: Path) -> None:
    optimized("-S", "-o", "out.wat", "--attestation", "out.json")
    statement = json.loads((folder / "out.json").read_text())
    assert statement["subject"][0]["digest"] == digest(folder / "out.wat")
    assert "proofs" not in statement["predicate"]


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--solver", "none", "--dump-smt2", "asked"], ["--solver none"]),
        (["--attestation", "out.json"], ["-o"]),
        (["-o", "-", "--proofs", "-"], ["standard output"]),
        (["-o", "-", "--attestation", "-"], ["standard output"]),
        (["--print", "--proofs", "-"], ["standard output"]),
        (["--report", "json=-", "--proofs", "-"], ["standard output"]),
    ],
)
def test_wrong_usage_is_told(
    flags: list[str],
    parts: list[str],
    folder: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    before = contents(folder)
    optimized(*flags, code=2)
    assert_one_error(capsysbinary.readouterr().err, *parts)
    assert contents(folder) == before


@pytest.mark.parametrize("flag", ["--proofs", "--attestation"])
def test_files_that_cannot_be_written(
    flag: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    optimized("-o", "out.wasm", flag, "nowhere/file", code=1)
    reason = "nowhere/file: cannot write: no such file or directory"
    assert_one_error(capsysbinary.readouterr().err, reason)


def test_a_full_disk_is_told(folder: Path) -> None:
    done = command("-O", "-q", SORTING, "-o", "out.wasm", "--proofs", "/dev/full")
    assert done.returncode == 1
    assert_one_error(done.stderr, "/dev/full: cannot write: no space left on device")


def test_docs_name_every_member() -> None:
    page = (ROOT / "docs" / "proofs.md").read_text()
    members = [*ProofLine.__dataclass_fields__, *Manifest.__dataclass_fields__]
    assert all(f"| `{member}` |" in page for member in members)
