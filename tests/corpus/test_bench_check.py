"""`make bench-check`: the reference holds, a creep is noticed, counters are the same always."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.test_table import CORPUS, load

check = load("bench_check")
SMALL = ("--only", "sorting", "--only", "bytecode")
"""Modules that need the solver and the dear tiers, and little time."""


def doctored(folder: Path, module: str, counter: str, factor: float) -> Path:
    """The reference as if a counter had once been so many times what it was."""
    reference: dict[str, Any] = json.loads((CORPUS / "reference.json").read_text())
    values = reference["modules"][module]
    values[counter] = int(values[counter] * factor)
    (folder / "reference.json").write_text(json.dumps(reference))
    return folder / "reference.json"


def test_nothing_is_worse_than_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "instructions read by proofs  all" in said


@pytest.mark.parametrize(
    ("counter", "factor", "code", "remark"),
    [
        ("terms built", 0.9, 1, "WORSE"),
        ("terms built", 0.92, 0, ""),
        ("terms built", 1.12, 0, "better"),
        ("solver units", 0.5, 1, "WORSE"),
        ("instructions read by passes", 0.9, 1, "WORSE"),
        ("code bytes", 0.98, 1, "WORSE"),
        ("output bytes", 1.02, 0, "better"),
        ("proved by values", 0.5, 0, ""),
        ("proposals", 0.97, 0, ""),
    ],
)
def test_a_doctored_reference_is_noticed(
    *,
    counter: str,
    factor: float,
    code: int,
    remark: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = json.loads((CORPUS / "reference.json").read_text())["modules"]
    monkeypatch.setattr(check, "measure", lambda paths: {p.stem: known[p.stem] for p in paths})
    reference = doctored(tmp_path, "sorting", counter, factor)
    assert check.main(["--reference", str(reference), *SMALL]) == code
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines() if line.startswith(counter)]
    of_module = [row for row in rows if "sorting" in row]
    assert bool(of_module) == bool(remark)
    assert all(row[-1] == remark for row in of_module)
    assert ("--update" in said) == bool(remark)


def test_counters_depend_on_nothing_else(tmp_path: Path) -> None:
    """Neither on the order of sets nor on what the process did before."""
    found = []
    for seed, modules in (("1", SMALL), ("2", (*SMALL[2:], *SMALL[:2]))):
        reference = tmp_path / f"{seed}.json"
        arguments = ("--update", "--reference", str(reference), *modules)
        subprocess.run(
            [sys.executable, str(CORPUS / "bench_check.py"), *arguments],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CORPUS.parent)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found.append(json.loads(reference.read_text()))
    assert found[0] == found[1]
    assert set(found[0]["modules"]) == {"sorting", "bytecode"}
    values = found[0]["modules"]["sorting"]
    work = ("instructions read by passes", "instructions read by proofs", "terms built")
    assert all(values[name] > 1000 for name in (*work, "terms asked for", "solver units"))
    assert values["proposals"] > values["put back"]


def test_update_moves_what_was_measured_and_keeps_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = json.loads((CORPUS / "reference.json").read_text())
    monkeypatch.setattr(
        check, "measure", lambda paths: {p.stem: known["modules"][p.stem] for p in paths}
    )
    reference = doctored(tmp_path, "sorting", "terms built", 0.5)
    assert check.main(["--reference", str(reference), "--update", *SMALL]) == 0
    assert json.loads(reference.read_text()) == known
    assert check.main(["--reference", str(reference), *SMALL]) == 0
    assert "was moved" in capsys.readouterr().out


def test_units_of_another_solver_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = doctored(tmp_path, "sorting", "solver units", 0.5)
    value = json.loads(reference.read_text())
    known = json.loads((CORPUS / "reference.json").read_text())["modules"]
    reference.write_text(json.dumps({**value, "z3-solver": "0.0"}))
    monkeypatch.setattr(check, "measure", lambda paths: {p.stem: known[p.stem] for p in paths})
    assert check.main(["--reference", str(reference), *SMALL]) == 0
    said = capsys.readouterr().out
    assert said.startswith("solver units are of z3 0.0, this is ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "reference.json is damaged"),
        ("[]", "reference.json is damaged"),
        ('{"z3-solver": "1", "modules": {"sorting": {"terms built": "x"}}}', "is damaged"),
        ('{"z3-solver": "1", "modules": {}}', "does not know sorting, --update adds it"),
    ],
)
def test_a_reference_that_is_none_is_one_line(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reference.json").write_text(text)
    assert check.main(["--reference", str(tmp_path / "reference.json"), *SMALL]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_missing_module_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "built").mkdir()
    shutil.copy(CORPUS / "reference.json", tmp_path)
    monkeypatch.setattr(check, "CORPUS", tmp_path)
    assert check.main(["--only", "sorting"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bench_check.py: sorting.wasm: cannot read: no such file")
    assert check.main(["--only", "sortin"]) == 1
    assert "--only names no module" in capsys.readouterr().err
