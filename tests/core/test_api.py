"""`optimize`: what goes in, what comes out, and that the numbers add up."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.core.binaries import BUILT, HEADER, custom
from tests.core.binaries import module_of as binary_of
from tests.support import module_of
from wasmopt import DecodeError, InputError, Options, UsageError, ValidationError, optimize
from wasmopt.api import Binary, Result
from wasmopt.context import Context, Pass
from wasmopt.decode import code_range, decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.module import Kind, Module, Signatures
from wasmopt.passes import MODULE_PASSES, REGISTRY
from wasmopt.report import ProofReport
from wasmopt.types import FuncType
from wasmopt.validate import validate
from wasmopt.verdict import Proved

ROOT = Path(__file__).resolve().parents[2]
WAT = '(module (func (export "f") (result i32) nop i32.const 7))'
WASTE = binary_of(b"\x01\x41\x80\x00\x1a\x0b")
"""A nop, and a constant of two bytes that is dropped."""


def interface(module: Module) -> list[object]:
    """Imports and exports with the types of everything that crosses the border."""
    signatures = Signatures(module)
    spaces: dict[str, list[Any]] = {
        "FUNCTION": [signatures.types[index] for index in signatures.functions],
        "TABLE": signatures.tables,
        "MEMORY": signatures.memories,
        "GLOBAL": signatures.globals,
        "TAG": [signatures.types[index] for index in signatures.tags],
    }
    exported = [(each.name, spaces[each.kind.name][each.index]) for each in module.exports]
    places: Counter[Kind] = Counter()
    imported = []
    for each in module.imports:
        imported.append((each.module, each.name, spaces[each.kind.name][places[each.kind]]))
        places[each.kind] += 1
    return [imported, exported, module.start is None]


def assert_adds_up(result: Result, data: bytes) -> None:
    report = result.report
    assert report.input_size == len(data)
    assert report.output_size == len(result.data) <= len(data)
    saved = sum(entry.bytes_saved for entry in report.passes)
    assert report.encoding_saved >= 0
    assert saved + report.encoding_saved + report.sections_saved == len(data) - len(result.data)
    assert report.output_code == len(code_range(result.data))
    assert (report.changed > 0) == any(entry.kept for entry in report.passes)


# --- what comes out -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
@pytest.mark.parametrize("options", [{}, {"keep_names": True}, {"level": "1", "fuel": 3}], ids=str)
def test_built_modules_get_smaller_and_stay_what_they_are(
    path: Path, options: dict[str, Any]
) -> None:
    data = path.read_bytes()
    result = optimize(data, Options(**options))
    again = decode(result.data)
    validate(again, result.data)
    assert interface(again) == interface(decode(data))
    assert result.report.notices == []
    assert_adds_up(result, data)
    left = {index for index in result.function_map if index is not None}
    imported = len(result.module.imported(Kind.FUNCTION))
    new = set(range(imported + len(result.module.functions))) - left
    assert left <= set(range(imported + len(result.module.functions)))
    assert not new or any(each.name == "outlining" and each.kept for each in result.report.passes)
    assert result.report.functions == len(decode(data).functions)
    assert encode(result.module) == result.data


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_level_0_only_shortens_numbers(path: Path) -> None:
    data = path.read_bytes()
    result = optimize(data, Options(level="0"))
    assert len(result.data) <= len(data)
    assert result.report.changed == result.report.sections_saved == 0
    assert result.report.passes == []
    again = optimize(result.data, Options(level="0"))
    assert again.data == result.data == encode(decode(data))
    assert list(result.module.custom_sections()) == list(decode(data).custom_sections())
    assert_adds_up(result, data)


def test_minimal_modules_come_out_of_level_0_byte_for_byte() -> None:
    minimal = [data for data in map(Path.read_bytes, BUILT) if encode(decode(data)) == data]
    assert len(minimal) >= 5
    for data in minimal:
        assert optimize(data, Options(level="0")).data == data


def test_optimized_modules_do_what_they_did(tmp_path: Path) -> None:
    """Every run of the corpus, on the optimized modules."""
    spec = importlib.util.spec_from_file_location("corpus_runs", ROOT / "corpus" / "runs.py")
    assert spec is not None and spec.loader is not None
    runs: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = runs  # dataclasses looks its module up there
    spec.loader.exec_module(runs)
    for path in BUILT:
        (tmp_path / path.name).write_bytes(optimize(path).data)
    assert runs.main([str(tmp_path)]) == 0


def test_the_same_input_gives_the_same_bytes_in_any_process() -> None:
    """Sets are iterated in another order under another hash seed."""
    names = ["routes-Os", "collections", "bytecode"]
    script = (
        "import sys, pathlib, hashlib, wasmopt\n"
        "for name in sys.argv[1:]:\n"
        "    data = wasmopt.optimize(pathlib.Path(name)).data\n"
        "    print(hashlib.sha256(data).hexdigest())\n"
    )
    paths = [str(path) for path in BUILT if path.stem in names]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, *paths],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert optimize(BUILT[0]).data == optimize(BUILT[0]).data


def test_the_output_is_a_fixpoint() -> None:
    for path in BUILT[:8]:
        once = optimize(path, Options(converge=True)).data
        assert optimize(once, Options(converge=True)).data == once


# --- what goes in -------------------------------------------------------------------------------


def test_every_kind_of_source_gives_the_same(tmp_path: Path) -> None:
    (tmp_path / "in.wasm").write_bytes(WASTE)
    (tmp_path / "in.wat").write_text("(module (func nop i32.const 0 drop))")
    expected = optimize(WASTE).data
    assert len(expected) < len(WASTE)
    sources: list[Binary | Path | Module] = [
        bytearray(WASTE),
        memoryview(WASTE),
        tmp_path / "in.wasm",
        tmp_path / "in.wat",
        (tmp_path / "in.wat").read_bytes(),
        b"\n;; a comment\n(module (func nop))",
        decode(WASTE),
    ]
    for source in sources:
        assert optimize(source).data == expected


def test_a_module_put_together_by_hand_is_taken() -> None:
    """Its instructions come from another pool, and its layout names no section."""
    part, whole = module_of("(func nop nop)"), module_of("")
    module = replace(whole, types=part.types, functions=part.functions)
    assert optimize(module).data == optimize(encode(part)).data


@pytest.mark.parametrize("source", ["in.wasm", 5, None, [0, 97, 115, 109]])
def test_other_kinds_of_source_are_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match=r"bytes, a pathlib.Path or a Module, not "):
        optimize(source)


def test_a_path_is_never_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot read: no such file or directory"):
        optimize(Path("-"))


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", InputError, "the file is empty"),
        (b"\0as", DecodeError, "at byte 0: not a WebAssembly binary"),
        (HEADER + b"\x01\x05\x01", DecodeError, "at byte 10: section needs 5 bytes, 1 are left"),
        (binary_of(b"\x1a\x0b"), ValidationError, "at byte 23: invalid module: type mismatch"),
        (b"(module (func drop))", ValidationError, "byte 23 of the binary that the text gives"),
        (b"(module (func dorp))", InputError, "line 1, column 15: unknown operator"),
        (b"(component)", DecodeError, "byte 4 of the binary that the text gives"),
    ],
)
def test_bad_input_is_told_apart(data: bytes, kind: type[InputError], message: str) -> None:
    with pytest.raises(kind) as caught:
        optimize(data)
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "5"}, "unknown level '5', known: 0 1 2 3 4 s z"),
        ({"level": 2}, "unknown level 2, known: 0 1 2 3 4 s z"),
        ({"passes": "vacuum"}, "passes is the text 'vacuum', it has to be a list of names"),
        ({"print_after": "vacuum"}, "print_after is the text 'vacuum', it has to be a list"),
        ({"fuel": -1}, "fuel is -1, it counts changes"),
        ({"fuel": 1.5}, "fuel is 1.5, it counts changes"),
        ({"fuel": True}, "fuel is True, it counts changes"),
        ({"disabled_features": {"simdd"}}, "unknown feature simdd, known: "),
        ({"passes": ("vacum",)}, "unknown pass vacum, did you mean vacuum?"),
        (
            {"passes": ("x",)},
            f"unknown pass x, known: {' '.join(sorted([*REGISTRY, *MODULE_PASSES]))}",
        ),
        ({"print_after": {"dead-local"}}, "unknown pass dead-local, did you mean dead-locals?"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        optimize(WASTE, Options(**options))
    assert str(caught.value).startswith(message)


def test_passes_run_in_the_order_given() -> None:
    result = optimize(WASTE, Options(passes=["reorder-locals", "vacuum"]))  # type: ignore[arg-type]
    assert [entry.name for entry in result.report.passes] == ["reorder-locals", "vacuum"]


def test_features_that_are_not_to_be_used() -> None:
    with pytest.raises(ValidationError, match="the module uses sign-ext, which --disable-sign-ext"):
        optimize(
            b"(module (func (drop (i32.extend8_s (i32.const 0)))))",
            Options(disabled_features=frozenset(["sign-ext"])),
        )


# --- when a pass is wrong -----------------------------------------------------------------------


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a pass that turns the first of two functions into invalid code."""

    def run(function: Function, context: Context) -> Function:
        if function is not context.module.functions[0]:
            return function
        return function.with_body([context.pool.make("drop"), context.pool.make("end")])

    monkeypatch.setitem(REGISTRY, "wrong", Pass("wrong", "", run))
    return "wrong"


TWO = b'(module (func (export "a") nop nop i32.const 1 drop) (func (export "b") nop))'


def test_an_invalid_function_does_not_pass_the_proof_gate(wrong: str) -> None:
    result = optimize(TWO, Options(passes=(wrong, "vacuum")))
    reverted = result.report.passes[0].reverted
    assert reverted.total() >= 1
    assert all(reason.startswith("invalid") for reason in reverted)
    assert [len(function.body) for function in result.module.functions] == [1, 1]


class TrustingProver:
    """Proves everything, to see what stands behind the proof gate."""

    def __init__(self, **_settings: object) -> None:
        self.report = ProofReport()

    def __call__(self, _before: Function, _after: Function, _context: Context) -> Proved:
        return Proved("trusted by the test")

    several = __call__


def test_an_invalid_function_is_put_back_and_the_rest_is_kept(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wasmopt.api

    monkeypatch.setattr(wasmopt.api, "Prover", TrustingProver)
    result = optimize(TWO, Options(passes=(wrong, "vacuum")))
    validate(result.module, result.data)
    assert [len(function.body) for function in result.module.functions] == [5, 1]
    assert result.report.changed == 1
    assert "pass wrong was put back in function 0: made the module invalid" in result.report.notices
    assert_adds_up(result, encode(module_of(TWO.decode())))


@pytest.mark.parametrize(
    "step", ["finish_sections", "encode", "changed_functions", "sections_saved"]
)
def test_if_anything_else_is_off_the_input_comes_back(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wasmopt.api

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("off")

    monkeypatch.setattr(wasmopt.api, step, fail)
    data = WASTE + custom(b"name")
    result = optimize(data)
    assert result.data == data
    assert result.report.changed == 0
    assert result.report.notices == ["everything was put back, the result was not usable: off"]
    assert_adds_up(result, data)
    assert {entry.kept for entry in result.report.passes} == {0}
    assert sum(entry.reverted.total() for entry in result.report.passes) > 0


def test_a_result_that_is_larger_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import wasmopt.api

    monkeypatch.setattr(wasmopt.api, "encode", lambda module: encode(module) + custom(b"x" * 100))
    result = optimize(WASTE)
    assert result.data == WASTE
    [notice] = result.report.notices
    assert notice.startswith("everything was put back, the result was not usable: ")


# --- numbers ------------------------------------------------------------------------------------


def test_savings_are_told_apart() -> None:
    """A nop, a dropped constant, two bytes of padding, and a name section."""
    loose = binary_of(b"\x01\x41\x80\x80\x00\x1a\x10\x80\x00\x0b", exported=True)
    loose += custom(b"name", b"\1\1\0")
    report = optimize(loose).report
    [vacuum] = [entry for entry in report.passes if entry.name == "vacuum"]
    assert vacuum.bytes_saved == len(b"\x01\x41\x00\x1a")
    assert report.sections_saved == len(custom(b"name", b"\1\1\0"))
    assert report.encoding_saved == 2 + 1
    assert report.rounds == 2


def test_signatures_are_compared_by_what_they_are() -> None:
    """The interface that these tests compare shows a changed signature."""
    one, two = module_of('(func (export "f"))'), module_of('(func (export "f") (param i32))')
    assert interface(one) != interface(two)
    assert isinstance(Signatures(one).types[0].composite, FuncType)
