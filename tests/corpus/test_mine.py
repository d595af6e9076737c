"""The miner: it finds shorter code that is right, and no other, the same every time."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import module_of
from wasmopt.passes.peephole_table import DENSE, TABLE

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
PAGE = CORPUS.parent / "docs" / "peepholes.md"


@pytest.fixture(name="tool")
def load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CORPUS))
    for name in ("mine", "mine_search", "mine_windows"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("mine")


def found(tool: ModuleType, code: str) -> Counter[str]:
    wat = f"""(memory 1) (func (param i32 i64) (result i32) {code} i32.const 0)
        (func (param i32) (result i32) local.get 0 i32.extend8_s)"""
    counts: Counter[str] = Counter()
    for window, count in tool.windows(module_of(wat)).items():
        counts[str(window)] += count
    return counts


def test_windows_have_one_or_two_inputs_and_no_gap(tool: ModuleType) -> None:
    code = "local.get 0 i32.const 3 i32.and i32.const 1 i32.shl local.get 0 call 1 i32.add drop"
    assert found(tool, code) == Counter(
        {
            "i32.const 3, i32.and": 1,
            "i32.const 1, i32.shl": 1,
            "i32.and, i32.const 1, i32.shl": 1,
            "i32.const 3, i32.and, i32.const 1, i32.shl": 1,
        }
    )


def test_a_local_is_an_input_and_its_number_does_not_matter(tool: ModuleType) -> None:
    windows = found(tool, "i32.const 7 i32.const 1 i32.add local.get 0 i32.xor drop")
    assert windows["i32.const 1, i32.add, local.get 0, i32.xor"] == 1
    windows = found(tool, "local.get 0 local.get 0 i32.const 1 i32.add i32.xor drop")
    assert windows["local.get 0, local.get 0, i32.const 1, i32.add, i32.xor"] == 1
    assert windows["i32.const 1, i32.add, i32.xor"] == 1


def test_what_stands_around_is_known(tool: ModuleType) -> None:
    windows = found(tool, "local.get 0 i32.load8_u i32.const 1 i32.and if nop end")
    assert windows["u8: i32.const 1, i32.and => truth"] == 1
    windows = found(tool, "i32.const 0 local.get 0 i32.const 224 i32.or i32.store8")
    assert windows["i32.const 224, i32.or => low8"] == 1


SHORTER = {
    ("any", "i32.const 255, i32.and, i32.const 255, i32.ne", "value"): (
        "i32.extend8_s, i32.const -1, i32.ne"
    ),
    ("any", "i64.const 4294967295, i64.and", "value"): "i32.wrap_i64, i64.extend_i32_u",
    ("any", "i32.const 65535, i32.and", "truth"): "i32.extend16_s",
    ("any", "i32.const 224, i32.or", "low8"): "i32.const -32, i32.or",
    ("u8", "i32.const 255, i32.and", "value"): "",
    ("any", "i32.xor, i32.eqz", "value"): "i32.eq",
    ("any", "i32.const 3, i32.add, i32.const 4, i32.add", "value"): "i32.const 7, i32.add",
    ("any", "i32.const 1, i32.add", "value"): None,
    ("any", "i32.const 255, i32.and", "value"): None,
}


@pytest.mark.parametrize("window", SHORTER, ids=lambda each: each[1])
def test_the_shortest_code_is_found(tool: ModuleType, window: tuple[str, str, str]) -> None:
    source, text, sink = window
    wanted = SHORTER[window]
    here = tool.Window(source, tuple(text.split(", ")), sink)
    for _ in range(2):
        code = tool.Search(here, tool.inputs(here)).run()
        assert (None if code is None else ", ".join(code)) == wanted


def test_what_only_agrees_on_samples_is_refused(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sample, for which nearly everything agrees: the solver's counterexamples correct it."""
    search = sys.modules["mine_search"]
    monkeypatch.setattr(search, "_sample_inputs", lambda _window, types: [(0,) * len(types)])
    window = tool.Window("any", ("i32.const 255", "i32.and", "i32.const 255", "i32.ne"))
    code = tool.Search(window, tool.inputs(window)).run()
    assert code in (None, ("i32.extend8_s", "i32.const -1", "i32.ne"))


def test_quick_functions_mean_what_the_instructions_mean(tool: ModuleType) -> None:
    from wasmopt.opcodes import opcode
    from wasmopt.semantics import evaluate

    search = sys.modules["mine_search"]
    numbers = [0, 1, 2, 31, 32, 33, 0x7F, 0x80, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
    for name, function in {**search._UNARY, **search._BINARY}.items():
        op = opcode(name)
        assert op.operands is not None
        more = [1 << 63, (1 << 64) - 1, 0x123456789ABCDEF0] if op.operands[0] == "i64" else []
        for left in numbers + more:
            for right in numbers + more if len(op.operands) == 2 else [0]:
                operands = [left, right][: len(op.operands)]
                assert function(*operands) == evaluate(op, operands), (name, operands)


def test_findings_say_what_is_done_today(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from wasmopt.encode import encode

    code = "local.get 0 i32.const 65535 i32.and if nop end " * 3
    path = tmp_path / "a.wasm"
    path.write_bytes(encode(module_of(f"(func (param i32) {code})")))
    assert tool.main([str(path), "--top", "5"]) == 0
    line = "3      4      4        0  i32.const 65535, i32.and => truth -> i32.extend16_s"
    assert line in capsys.readouterr().out


def test_the_page_has_every_rule_once() -> None:
    rows = [line.split(" | ")[0][2:] for line in PAGE.read_text().splitlines() if " | " in line]
    names = [each.name.partition("/")[0] for each in [*TABLE, *DENSE]]
    shown = [each for each in rows if each not in ("rule", "(constants)")]
    assert sorted(shown) == sorted(set(names))
