"""The size that counts decides what is kept: raw bytes, or what a compressor makes of them."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import brotli
import pytest

from wasmopt import Options, UsageError, optimize
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.goals import GOALS, size_for
from wasmopt.manager import NOT_LIGHTER, Manager
from wasmopt.module import Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import LEVELS
from wasmopt.passes import MODULE_PASSES, PIPELINES, REGISTRY, pipeline
from wasmopt.text import read_text
from wasmopt.verdict import Proved

BUILT = Path(__file__).resolve().parents[2] / "corpus" / "built"
SMALL = sorted(BUILT.glob("*.wasm"), key=lambda path: path.stat().st_size)[:8]
LONG = "i32.const 100000 drop i32.const 200000 drop i32.const 300000 drop"
REPEATED = decode(read_text(f"(module {f'(func {LONG}) ' * 40})"))
"""Long, and yet nothing to a compressor."""


def noise(function: Function, context: Context) -> Function:
    """Shorter code that no compressor can make anything of."""
    chance = Random(context.module.functions.index(function))
    constants = [context.pool.make("i32.const", chance.randrange(-64, 64)) for _ in range(3)]
    drop = context.pool.make("drop")
    body = [instr for each in constants for instr in (each, drop)]
    noisy = function.with_body([*body, function.body[-1]])
    return noisy if noisy.entry_size() < function.entry_size() else function


def noises(module: Module, _options: Options) -> tuple[Module, Correspondence]:
    context = Context(module)
    functions = tuple([noise(function, context) for function in module.functions])
    return replace(module, functions=functions), Correspondence()


def padded(module: Module, _options: Options) -> tuple[Module, Correspondence]:
    """Longer code, the same in every function."""
    longest = max(module.functions, key=Function.entry_size)
    nop = module.pool.make("nop")
    body = (nop, nop, *longest.body)
    functions = tuple([function.with_body(body) for function in module.functions])
    return replace(module, functions=functions), Correspondence()


def tidied(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """What makes noise disappear: every function as the first one."""
    first = module.functions[0]
    if all(function.body == first.body for function in module.functions):
        return None
    functions = tuple([function.with_body(first.body) for function in module.functions])
    return replace(module, functions=functions), Correspondence()


NOISE = Pass("noise", "shorter, but not to a compressor", noise)
MODULE_NOISE = ModulePass("noise", "the same over the module", noises)
PADDED = ModulePass("padded", "longer, but not to a compressor", padded)
TIDIED = ModulePass("tidied", "like PADDED, but only at the end", tidied, compresses=True)


def manager_of(goal: str, *passes: Pass | ModulePass) -> Manager:
    """A manager that takes everything for proved."""
    return Manager(
        passes, Options(goal=goal), lambda *_: Proved("x"), module_prover=lambda *_: Proved("x")
    )


@pytest.mark.parametrize("goal", GOALS)
def test_sizes_are_those_of_the_compressor(goal: str) -> None:
    data = SMALL[0].read_bytes()
    expected = {
        "raw": len(data),
        "gzip": len(gzip.compress(data, 9, mtime=0)),
        "brotli": len(brotli.compress(data, quality=11, lgwin=24)),
    }
    assert size_for(goal)(data) == expected[goal]


def test_unknown_goals_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown goal 'zip', known: raw gzip brotli"):
        Options(goal="zip")


def test_only_the_goal_brotli_needs_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    assert Options(goal="gzip").goal == "gzip"
    with pytest.raises(UsageError, match="needs the brotli package, pip install"):
        Options(goal="brotli")


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("each", [NOISE, MODULE_NOISE])
def test_what_is_shorter_but_compresses_worse(goal: str, each: Pass | ModulePass) -> None:
    manager = manager_of(goal, each)
    result = manager.run(REPEATED)
    report = manager.reports["noise"]
    assert (result is not REPEATED) == (goal == "raw")
    assert bool(report.kept) == bool(report.bytes_saved) == (goal == "raw")
    if goal != "raw" and each is NOISE:
        assert report.reverted == {NOT_LIGHTER: 40} and not report.proved.total()


@pytest.mark.parametrize("goal", GOALS)
def test_what_is_longer_but_compresses_better(goal: str) -> None:
    noisy = noises(REPEATED, Options())[0]
    manager = manager_of(goal, PADDED)
    result = manager.run(noisy)
    kept = goal != "raw"
    assert (result is not noisy) == kept
    saved = len(encode(noisy)) - len(encode(result))
    assert manager.reports["padded"].bytes_saved == saved
    assert (saved < 0) == kept


def test_changes_are_judged_by_what_comes_of_them_in_the_end() -> None:
    # The noise of 40 functions is gone behind the last pass, which leaves one short body.
    assert manager_of("gzip", NOISE).run(REPEATED) is REPEATED
    result = manager_of("gzip", NOISE, TIDIED).run(REPEATED)
    assert len({function.body for function in result.functions}) == 1
    assert len(encode(result)) < len(encode(REPEATED))


def test_a_pass_that_fails_in_a_preview_fails_in_its_turn_only() -> None:
    def fails(_module: Module, _options: Options) -> None:
        raise ValueError

    failing = ModulePass("failing", "it fails", fails, compresses=True)
    manager = manager_of("gzip", PADDED, failing)
    noisy = noises(REPEATED, Options())[0]
    assert manager.run(noisy) is not noisy
    assert manager.reports["padded"].kept == 1
    assert manager.reports["failing"].failed == {"ValueError": 1}


@pytest.mark.parametrize("goal", ["gzip", "brotli"])
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_never_above_the_input_and_always_the_same(goal: str, path: Path) -> None:
    data = path.read_bytes()
    options = Options(level="z", goal=goal)
    result = optimize(data, options)
    size = size_for(goal)
    assert size(result.data) <= size(data)
    assert result.report.input_weight == size(data)
    assert result.report.output_weight == size(result.data)
    saved = sum(entry.bytes_saved for entry in result.report.passes)
    saved += result.report.sections_saved + result.report.encoding_saved
    assert saved == len(data) - len(result.data)
    assert optimize(data, options).data == result.data


@pytest.mark.parametrize("level", LEVELS)
def test_pipelines_by_goal(level: str) -> None:
    raw, compressed = [pipeline(Options(level=level, goal=goal)) for goal in ("raw", "gzip")]
    assert raw == PIPELINES[level]
    assert {*raw, *compressed} <= {*REGISTRY, *MODULE_PASSES}
    assert not {"outlining", "constants", "cse"}.intersection(compressed)
    assert bool(raw) == bool(compressed)
    if compressed:
        last = {name for name, each in MODULE_PASSES.items() if each.compresses}
        assert set(compressed[-len(last) :]) == last and not last.intersection(raw)
    asked = pipeline(Options(level=level, goal="gzip", outline="cold"))
    assert ("outlining" in asked) == ("outlining" in raw)
