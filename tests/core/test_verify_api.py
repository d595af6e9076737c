"""`wasmopt.verify_modules`: a verdict with its reasons, on whatever holds a module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import wasmopt
from wasmopt import InputError, UsageError, decode, optimize, verify_modules
from wasmopt.api import to_binary
from wasmopt.reporting.verification import build_verification
from wasmopt.verify import replay

TRIPLE = b"""(module (func $g) (func (export "f") (param i32) (result i32)
  local.get 0 i32.const 3 i32.mul))"""
SUM = TRIPLE.replace(b"i32.const 3 i32.mul", b"i32.const 1 i32.shl local.get 0 i32.add")
OTHER = TRIPLE.replace(b"i32.const 3", b"i32.const 5")
OPEN = b"""(module (import "env" "e" (global externref)) (func (export "f") (param i32) (result i32)
  local.get 0 i32.const 3 i32.mul))"""
SHUT = OPEN.replace(b"i32.mul", b"i32.add")


def test_the_same_program_is_proved_whatever_holds_it(tmp_path: Path) -> None:
    (tmp_path / "sum.wat").write_bytes(SUM)
    binary = to_binary(TRIPLE)
    for before in (TRIPLE, binary, decode(binary)):
        result = verify_modules(before, tmp_path / "sum.wat")
        assert (result.verdict, result.proved) == ("proved", True)
        assert result.before == binary and result.after == to_binary(SUM)
        assert [each.image for each in result.functions] == [0, 1]
        assert (result.unproved, result.problems, result.counterexample) == ([], (), None)


def test_what_was_optimized_is_proved() -> None:
    source = Path("corpus/built/lz.wasm")
    result = verify_modules(source, optimize(source).module)
    assert result.proved
    assert {each.fate for each in result.functions} == {"matched", "inlined"}
    assert result.added == ()


def test_another_program_is_refuted_by_what_can_be_done_again() -> None:
    result = verify_modules(TRIPLE, OTHER)
    assert (result.verdict, result.proved) == ("refuted", False)
    assert [each.index for each in result.unproved] == [1]
    assert result.unproved[0].reason
    assert result.counterexample is not None
    again = replay(result.counterexample.experiment, result.before, result.after)
    assert again is not None and again.difference == result.counterexample.difference
    assert replay(result.counterexample.experiment, result.before, result.before) is None


def test_without_experiments_nothing_is_refuted() -> None:
    assert verify_modules(TRIPLE, OTHER, experiments=0).verdict == "unproved"
    assert verify_modules(OPEN, SHUT).verdict == "unproved"


def test_verdicts_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    cache = tmp_path / "verdicts"
    first = verify_modules(TRIPLE, OTHER, cache=cache)
    assert cache.exists()
    second = verify_modules(TRIPLE, OTHER, cache=cache)
    assert any(each.cached for each in second.functions)
    assert first.functions == tuple([replace(each, cached=False) for each in second.functions])
    (tmp_path / "folder").mkdir()
    assert verify_modules(TRIPLE, SUM, cache=tmp_path / "folder").proved


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    verify_modules(TRIPLE, SUM, on_progress=lambda *each: seen.append(each))
    assert seen[-1] == (2, 2)


def test_a_report_can_be_made_of_it() -> None:
    report = build_verification(verify_modules(TRIPLE, OTHER), ("a.wasm", "b.wasm"))
    assert (report.verdict, report.before.file, report.after.file) == (
        "refuted",
        "a.wasm",
        "b.wasm",
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b"", TRIPLE, "before: the file is empty"),
        (TRIPLE, b"\0asm\1\0\0\0\xff", "at byte 9: after: "),
        (TRIPLE, b"(module (func drop))", "after: "),
        (Path("missing.wasm"), TRIPLE, "before: cannot read: no such file or directory"),
    ],
)
def test_errors_say_which_module(before: bytes | Path, after: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        verify_modules(before, after)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("wrong", [{"solver": "yices"}, {"experiments": -1}, {"experiments": 1.5}])
def test_arguments_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        verify_modules(TRIPLE, SUM, **wrong)  # type: ignore[arg-type]


def test_it_is_public() -> None:
    assert {"verify_modules", "VerifyResult", "optimize_files", "FileResult"} <= set(
        wasmopt.__all__
    )
