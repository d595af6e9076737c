"""The corpus's table and benchmark: each check must notice what it is there for."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from wasmtime import wat2wasm

from wasmopt import decode

CORPUS = Path(__file__).resolve().parents[2] / "corpus"


def load(name: str) -> ModuleType:
    """A script of the corpus as a module; the corpus is not a package."""
    spec = importlib.util.spec_from_file_location(f"corpus_{name}", CORPUS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses looks its module up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


table = load("table")
bench = load("bench")

TEXT = """(module
  (import "host" "log" (func (param i32)))
  (memory 1)
  (global (export "seen") (mut i32) (i32.const 0))
  (func (export "run") (param i32) (result i32)
    local.get 0
    call 0
    local.get 0
    i32.const 5
    i32.add))"""
ORIGINAL = bytes(wat2wasm(TEXT))


def changed(before: str, after: str) -> bytes:
    assert before in TEXT
    return bytes(wat2wasm(TEXT.replace(before, after)))


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (ORIGINAL, None),
        (changed("i32.const 5\n", "i32.const 6\n"), None),
        (changed("i32.const 5\n", "i32.const 5 nop\n"), "-O: larger by 1"),
        (changed('"log"', '"out"'), "-O: other imports"),
        (changed('"log" (func (param i32))', '"log" (func (param f32))'), "-O: other imports"),
        (changed('"seen"', '"been"'), "-O: other exports"),
        (changed("(mut i32)", "i32"), "-O: other exports"),
        (changed('(export "run")', ""), "-O: other exports"),
    ],
)
def test_output_of_optimization_is_compared(output: bytes, fault: str | None) -> None:
    # An import that takes an f32 makes the call invalid as well.
    found = [
        fault
        for fault in table.optimized_faults(decode(ORIGINAL), len(ORIGINAL), output)
        if "invalid" not in fault
    ]
    assert found == ([] if fault is None else [fault])


def test_invalid_output_is_noticed() -> None:
    invalid = ORIGINAL.replace(b"\x6a\x0b", b"\x7c\x0b")
    assert invalid != ORIGINAL
    (fault,) = table.optimized_faults(decode(ORIGINAL), len(ORIGINAL), invalid)
    assert "-O: " in fault and "invalid" in fault and "\n" not in fault


LONG = ORIGINAL.replace(b"\x41\x05\x6a\x0b", b"\x41\x85\x00\x6a\x0b")
"""With a number one byte too long, once the sizes around it are right."""
LONG = LONG.replace(b"\x0a\x0d\x01\x0b\x00", b"\x0a\x0e\x01\x0c\x00")


@pytest.mark.parametrize(
    ("before", "output", "faults"),
    [
        (ORIGINAL, ORIGINAL, []),
        (LONG, LONG, []),
        (LONG, ORIGINAL, []),
        (ORIGINAL, LONG, ["-O0: larger by 1", "-O0: more has changed than the length of numbers"]),
        (
            ORIGINAL,
            changed("i32.const 5", "i32.const 6"),
            ["-O0: other instructions", "-O0: more has changed than the length of numbers"],
        ),
        (
            ORIGINAL,
            changed("(memory 1)", "(memory 2)"),
            ["-O0: more has changed than the length of numbers"],
        ),
    ],
)
def test_output_of_reencoding_is_compared(before: bytes, output: bytes, faults: list[str]) -> None:
    assert list(table.reencoded_faults(decode(before), before, output)) == faults


def test_only_code_offsets_may_go_in_reencoding() -> None:
    for name, may_go in (
        ("sourceMappingURL", True),
        ("metadata.code.branch_hint", True),
        ("note", False),
    ):
        content = bytes([len(name)]) + name.encode() + b"\0"
        before = LONG + bytes([0, len(content)]) + content
        assert (not list(table.reencoded_faults(decode(before), before, ORIGINAL))) is may_go


def test_table_shows_what_the_optimizer_makes_of_a_module(tmp_path: Path) -> None:
    (tmp_path / "broken.wasm").write_bytes(ORIGINAL[:-1])
    script = str(CORPUS / "table.py")
    command = [sys.executable, script, str(tmp_path), "--only", "broken", "--only", "atomics"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = {row.split()[0]: row for row in done.stdout.splitlines()}
    assert rows["atomics"].split()[1] == str((CORPUS / "built" / "atomics.wasm").stat().st_size)
    assert rows["atomics"].endswith("ok")
    assert str(len(ORIGINAL) - 1) in rows["broken"] and "-O: at byte " in rows["broken"]
    assert "1 of 2 modules passed" in done.stdout
    assert (done.returncode, done.stderr) == (1, "")


def test_benchmark_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "MODULE", tmp_path / "sql-js.wasm")
    assert bench.main([]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_benchmark_gate_is_missed_above_it_only() -> None:
    assert bench.Measure("decode", 0.1, 0.21, "s/MB", 0.2).missed
    assert not bench.Measure("decode", 0.1, 0.2, "s/MB", 0.2).missed
    assert not bench.Measure("wasmopt -O", 9.0, 99.0, "x").missed
