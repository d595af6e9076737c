"""cluster-functions: what is alike stands together, and everything that names it follows."""

from __future__ import annotations

import pytest

from tests.support import check_repacked, module_of, repacked, unchanged_module
from wasmopt.module import Kind
from wasmopt.module_change import Correspondence
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.passes.module_edits import follow
from wasmopt.verdict import Unproved
from wasmopt.verify import Prover, prove_module

LOADS = "local.get 0 i32.load offset={0} i32.const 1 i32.add drop local.get 0 i32.load drop"
STORES = "local.get 0 i32.const {0} i32.store local.get 0 i64.const 7 i64.store offset=4"


def alternating(imported: int = 0) -> str:
    imports = '(import "e" "f" (func (param i32))) ' * imported
    functions = [(LOADS if n % 2 else STORES).format(n) for n in range(8)]
    return f"{imports} (memory 1) " + " ".join(
        [f'(func (export "{n}") (param i32) {each})' for n, each in enumerate(functions)]
    )


@pytest.mark.parametrize("imported", [0, 3])
def test_like_functions_become_neighbours(imported: int) -> None:
    after = repacked("cluster-functions", alternating(imported))
    loading = ["i32.load" in {instr.name for instr in each.body} for each in after.functions]
    assert loading == [False] * 4 + [True] * 4
    for export in after.exports:
        function = after.functions[export.index - imported]
        assert ("i32.load" in {instr.name for instr in function.body}) == (int(export.name) % 2)


def test_calls_tables_and_start_follow() -> None:
    one, other = "i32.const 1 i32.const 2 i32.add drop", "f64.const 1 f64.const 2 f64.add drop"
    check_repacked(
        "cluster-functions",
        f"(table funcref (elem 2)) (start 1)"
        f" (func {one}) (func {other} call 2) (func {one} call 1) (func {other})",
        f"(table funcref (elem 1)) (start 2)"
        f" (func {one}) (func {one} call 2) (func {other} call 1) (func {other})",
    )


def test_nothing_alike_stays_in_order() -> None:
    unchanged_module(
        "cluster-functions", "(func nop) (func i32.const 1 drop) (func i64.const 1 drop)"
    )
    unchanged_module("cluster-functions", "")


def test_a_wrong_claim_is_not_proved() -> None:
    module = module_of(alternating())
    result = MODULE_PASSES["cluster-functions"].run(module, Options())
    assert result is not None
    after, claim = result
    indices = claim.maps[Kind.FUNCTION]
    wrong = Correspondence({Kind.FUNCTION: (indices[1], indices[0], *indices[2:])})
    inner = Prover(replay=False)
    assert isinstance(prove_module(module, after, wrong, inner), Unproved)
    assert isinstance(prove_module(module, follow(module, wrong), claim, inner), Unproved)
