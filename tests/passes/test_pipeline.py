"""The passes together: what one leaves, another takes."""

from __future__ import annotations

import pytest

from tests.support import module_of
from wasmopt.function import Function
from wasmopt.manager import Manager
from wasmopt.options import Options
from wasmopt.passes import PIPELINES, REGISTRY
from wasmopt.verify import Prover

FIELDS = """
    (import "e" "value" (func $value (result i32)))
    (import "e" "use" (func $use (param i32)))
    (table $t 2 funcref) (elem (table $t) (i32.const 0) func $value $value)
"""


def optimized(level: str, func: str) -> Function:
    """The one function of a module behind the function passes of a level."""
    passes = [REGISTRY[name] for name in PIPELINES[level] if name in REGISTRY]
    manager = Manager(passes, Options(), Prover())
    (result,) = manager.run(module_of(f"{FIELDS} (func {func})")).functions
    assert not any(report.reverted for report in manager.reports.values())
    return result


@pytest.mark.parametrize("level", ["1", "s"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "(local i32) call $value local.set 0",
            "call $value drop",
            id="a local that is only written goes with its declaration",
        ),
        pytest.param(
            "(param i32) (local i32 i32) i32.const 5 local.set 1 local.get 0 local.set 1"
            " local.get 1 local.set 2 local.get 2 call $use",
            "(param i32) local.get 0 call $use",
            id="copies, and a default that is overridden",
        ),
        pytest.param(
            "(param i32) (local i64 i64) loop local.get 1 i64.const 1 i64.add local.tee 2"
            " local.set 1 local.get 0 call $use call $value br_if 0 end",
            "(param i32) loop local.get 0 call $use call $value br_if 0 end",
            id="a counter that only counts, in two locals",
        ),
        pytest.param(
            "(local i32 f32) i32.const 0 local.set 0 i32.const 1 call_indirect (result i32)"
            " local.get 0 call $use call $use",
            "call $value i32.const 0 call $use call $use",
            id="a zero that needs no local, a call at a known place",
        ),
    ],
)
def test_what_one_pass_leaves_another_takes(level: str, before: str, after: str) -> None:
    (expected,) = module_of(f"{FIELDS} (func {after})").functions
    result = optimized(level, before)
    assert [instr.data for instr in result.body] == [instr.data for instr in expected.body]
    assert result.locals == expected.locals


def test_slower_code_comes_at_the_smallest_level_alone() -> None:
    levels = [level for level, names in PIPELINES.items() if "dense-peepholes" in names]
    assert levels == ["z"]
    assert all("constants" not in names for level, names in PIPELINES.items() if level in "01234")
