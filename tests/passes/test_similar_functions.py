"""similar-functions: what becomes one function, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import check_module, module_of, unchanged_module
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.verdict import Unproved
from wasmopt.verify import Prover, prove_module

BODY = """local.get 0 i32.const {0} i32.store local.get 0 i64.const {1} i64.store offset=8
    local.get 0 i32.load offset=4 local.tee 2 local.get 2 i32.mul local.get 1 i32.add
    i32.const {0} i32.xor"""
PARAMS = "(param i32 i32) (result i32) (local i32)"

MERGED = {
    "constants that differ alike share a parameter": (
        f"""(memory 1) (func (export "a") {PARAMS} {BODY.format(1, 3)})
           (func (export "b") {PARAMS} {BODY.format(2, 3)})
           (func (export "c") {PARAMS} {BODY.format(2, 300)})""",
        """(memory 1)
           (func (export "a") (param i32 i32) (result i32)
             local.get 0 local.get 1 i32.const 1 i64.const 3 call 3)
           (func (export "b") (param i32 i32) (result i32)
             local.get 0 local.get 1 i32.const 2 i64.const 3 call 3)
           (func (export "c") (param i32 i32) (result i32)
             local.get 0 local.get 1 i32.const 2 i64.const 300 call 3)
           (func (param i32 i32 i32 i64) (result i32) (local i32)
             local.get 0 local.get 2 i32.store local.get 0 local.get 3 i64.store offset=8
             local.get 0 i32.load offset=4 local.tee 4 local.get 4 i32.mul local.get 1 i32.add
             local.get 2 i32.xor)""",
    ),
    "floats, by their bits, and calls of themselves": (
        """(func (export "a") (param f32 i32) (result f32) local.get 0 f32.const 0 f32.copysign
             f32.sqrt f32.neg f32.ceil local.get 1 call 0 f32.const 1 f32.copysign f32.floor)
           (func (export "b") (param f32 i32) (result f32) local.get 0 f32.const -0 f32.copysign
             f32.sqrt f32.neg f32.ceil local.get 1 call 0 f32.const 1 f32.copysign f32.floor)
           (func (export "c") (param f32 i32) (result f32) local.get 0 f32.const nan f32.copysign
             f32.sqrt f32.neg f32.ceil local.get 1 call 0 f32.const 1 f32.copysign f32.floor)""",
        """(func (export "a") (param f32 i32) (result f32)
             local.get 0 local.get 1 f32.const 0 call 3)
           (func (export "b") (param f32 i32) (result f32)
             local.get 0 local.get 1 f32.const -0 call 3)
           (func (export "c") (param f32 i32) (result f32)
             local.get 0 local.get 1 f32.const nan call 3)
           (func (param f32 i32 f32) (result f32) local.get 0 local.get 2 f32.copysign
             f32.sqrt f32.neg f32.ceil local.get 1 call 0 f32.const 1 f32.copysign f32.floor)""",
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_functions_that_differ_in_constants_become_one(name: str) -> None:
    check_module("similar-functions", *MERGED[name])


@pytest.mark.parametrize(
    "wat",
    [
        # Nothing to gain: what is left of them is as long.
        '(func (export "a") (result i32) i32.const 1) (func (export "b") (result i32) i32.const 2)',
        # The same: that is for duplicate-functions.
        f'(memory 1) (func (export "a") {PARAMS} {BODY.format(1, 3)}) '
        f'(func (export "b") {PARAMS} {BODY.format(1, 3)})',
        # Another instruction, another offset, another local.
        f'(memory 1) (func (export "a") {PARAMS} {BODY.format(1, 3)}) '
        f'(func (export "b") {PARAMS} {BODY.format(2, 3).replace("xor", "and")})',
        f'(memory 1) (func (export "a") {PARAMS} {BODY.format(1, 3)}) '
        f'(func (export "b") {PARAMS} {BODY.format(2, 3).replace("offset=8", "offset=9")})',
        f'(memory 1) (func (export "a") {PARAMS} {BODY.format(1, 3)}) '
        f'(func (export "b") {PARAMS} (local i64) {BODY.format(2, 3)})',
    ],
)
def test_other_functions_stay(wat: str) -> None:
    unchanged_module("similar-functions", wat)


def test_constants_in_the_wrong_order_are_not_proved() -> None:
    before = module_of(MERGED["constants that differ alike share a parameter"][0])
    result = MODULE_PASSES["similar-functions"].run(before, Options())
    assert result is not None
    after, claim = result
    first, second, *rest = after.functions
    swapped = replace(after, functions=(second, first, *rest))
    assert isinstance(prove_module(before, swapped, claim, Prover()), Unproved)
