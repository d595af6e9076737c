"""`wasmopt recheck`: another solver's answers, and folders that are not what they were."""

from __future__ import annotations

import importlib.util
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import assert_one_error, command, contents, environment
from tests.cli.test_proof_files import AFTER, BEFORE
from wasmopt.cli import main
from wasmopt.solvers import SOLVERS

INSTALLED = [name for name in SOLVERS if importlib.util.find_spec(name)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with `asked`: what Z3 was asked of two modules."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before.wat").write_text(BEFORE.format("f"))
    (tmp_path / "after.wat").write_text(AFTER)
    flags = ["--no-cache", "--dump-smt2", "asked"]
    assert main(["verify", "-q", "before.wat", "after.wat", *flags]) == 0
    return tmp_path


@pytest.mark.parametrize("solver", INSTALLED)
def test_another_solver_agrees(
    solver: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["recheck", "asked", "--solver", solver]) == 0
    out, err = capsysbinary.readouterr()
    count = len(contents(folder / "asked")) - 1
    assert f": {count} agree, 0 disagree, 0 unknown\n".encode() in out
    assert err == b""
    assert main(["recheck", "-q", "asked", "--solver", solver]) == 0
    assert capsysbinary.readouterr().out == b""


def asked_program(folder: Path, script: str) -> Any:
    """What `recheck` says with a program on the PATH and without the package of that name."""
    for place in ("bin", "packages"):
        (folder / place).mkdir(exist_ok=True)
    program = folder / "bin" / "bitwuzla"
    program.write_text(f"#!/bin/sh\n[ $# = 1 ] && echo 1.0 && exit\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "packages" / "bitwuzla.py").write_text("raise ImportError\n")
    paths = environment()
    paths["PYTHONPATH"] = f"{folder / 'packages'}:{paths['PYTHONPATH']}"
    paths["PATH"] = f"{folder / 'bin'}:{paths['PATH']}"
    return command("recheck", "asked", "--solver", "bitwuzla", env=paths)


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("grep -q 'status sat' && echo sat || echo unsat", 0, b"0 disagree, 0 unknown"),
        ("echo sat", 4, b"disagree: sat, expected unsat: function 0, f, question "),
        ("echo unknown", 5, b"unknown: unknown, expected unsat"),
        ("echo '(error \"no such sort\")'", 1, b"cannot read"),
        ("exit 3", 1, b"cannot read"),
    ],
)
def test_the_exit_code_says_what_the_other_solver_says(
    script: str, code: int, said: bytes, folder: Path
) -> None:
    done = asked_program(folder, script)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


def test_a_missing_solver_is_told_with_what_to_install(folder: Path) -> None:
    asked_program(folder, "exit 0")
    (folder / "bin" / "bitwuzla").unlink()
    paths = {**environment(), "PATH": ""}
    paths["PYTHONPATH"] = f"{folder / 'packages'}:{paths['PYTHONPATH']}"
    done = command("recheck", "asked", "--solver", "bitwuzla", env=paths)
    assert done.returncode == 2
    assert_one_error(done.stderr, "bitwuzla is not installed", "pip install 'wasmopt[recheck]'")


def change_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        change(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return damage


def first_file(folder: Path) -> Path:
    return min(folder.glob("*.smt2"))


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda folder: first_file(folder).write_text("(check-sat)\n"), "was changed"),
        (lambda folder: first_file(folder).unlink(), "no such file"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: cannot read"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "not JSON"),
        (change_manifest(lambda m: m.update(schema="wasmopt.report/1")), "schema"),
        (change_manifest(lambda m: m.update(schema="wasmopt.obligations/2")), "obligations/2"),
        (change_manifest(lambda m: m.pop("obligations")), "obligations"),
        (change_manifest(lambda m: m["obligations"][0].pop("file")), "file"),
        (change_manifest(lambda m: m["obligations"][0].update(file="../x.smt2")), "no name"),
        (change_manifest(lambda m: m["obligations"][0].update(file="0\n")), "no name"),
        (change_manifest(lambda m: m["obligations"][-1].update(expected="unknown")), "expects"),
        (change_manifest(lambda m: m["obligations"][0].update(resources=-1)), "resources"),
    ],
)
def test_a_damaged_folder_is_refused(
    damage: Callable[[Path], object],
    part: str,
    folder: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    damage(folder / "asked")
    assert main(["recheck", "asked", "--solver", "z3"]) == 1
    assert_one_error(capsysbinary.readouterr().err, "asked: ", part)


def test_the_budget_of_another_solver_is_one_of_steps(folder: Path) -> None:
    """With a budget of next to nothing, nothing is known: not in less time either."""
    manifest = json.loads((folder / "asked" / "manifest.json").read_text())
    for row in manifest["obligations"]:
        row["resources"] = 1
    (folder / "asked" / "manifest.json").write_text(json.dumps(manifest))
    assert main(["recheck", "-q", "asked", "--solver", "z3", "--effort", "1"]) == 5


@pytest.mark.parametrize(
    "arguments", [["asked", "--solver", "yices"], ["asked", "--effort", "0"], []]
)
def test_wrong_usage_is_told(
    arguments: list[str], folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["recheck", *arguments]) == 2
    assert_one_error(capsysbinary.readouterr().err)
