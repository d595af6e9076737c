"""inline-small: which bodies are put in place of calls, and which calls stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import check_module, module_of, unchanged_module
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.verdict import Unproved
from wasmopt.verify import Prover, prove_module

INLINED = {
    "a function that hands its parameters on": (
        """(import "e" "f" (func (param i32 i64)))
           (func (export "a") i32.const 1 i64.const 2 call 3)
           (func (param i32 i64) local.get 0 local.get 1 call 0)
           (func (param i32 i64) local.get 0 local.get 1 call 2)""",
        """(import "e" "f" (func (param i32 i64)))
           (func (export "a") i32.const 1 i64.const 2 call 0)""",
    ),
    "arguments that are computed, for a body that reads them in order": (
        """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 i32.load call 1
           local.get 0 call 1 i32.add)
           (func (param i32) (result i32) local.get 0 i32.load8_u)""",
        """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 i32.load i32.load8_u
           local.get 0 i32.load8_u i32.add)""",
    ),
    "arguments in another order, or not at all": (
        """(type (func (param i32))) (type (func (param i32 i32 i32) (result i32)))
           (global (mut i32) (i32.const 0))
           (func (export "a") (type 0) local.get 0 i32.const 9 i32.const 5 call 1 global.set 0)
           (func (type 1) local.get 1 local.get 0 i32.sub)""",
        """(type (func (param i32))) (type (func (param i32 i32 i32) (result i32)))
           (global (mut i32) (i32.const 0))
           (func (export "a") (type 0) i32.const 9 local.get 0 i32.sub global.set 0)""",
    ),
    "a function that does nothing": (
        '(type (func)) (func (export "a") (type 0) call 1 call 1) (func (type 0))',
        '(type (func)) (func (export "a") (type 0))',
    ),
    "a construct, with branches within it": (
        """(memory 1) (func (export "a") (param i32 i32) loop local.get 0 local.get 1 call 1
           local.get 0 br_if 0 end)
           (func (param i32 i32) local.get 0 if local.get 1 br_if 0 i32.const 0 i32.const 0
           i32.store end)""",
        """(memory 1) (func (export "a") (param i32 i32) loop local.get 0 if local.get 1 br_if 0
           i32.const 0 i32.const 0 i32.store end local.get 0 br_if 0 end)""",
    ),
    "only calls that get shorter, if something else names the function": (
        """(memory 1) (func (export "a") (param i32) (result i32) i32.const 1 i32.const 2 call 1
           local.get 0 i32.load local.get 0 call 1 i32.add)
           (func (export "b") (param i32 i32) (result i32) local.get 1 i32.eqz)""",
        """(memory 1) (func (export "a") (param i32) (result i32) i32.const 2 i32.eqz
           local.get 0 i32.load local.get 0 call 1 i32.add)
           (func (export "b") (param i32 i32) (result i32) local.get 1 i32.eqz)""",
    ),
}


@pytest.mark.parametrize("name", INLINED)
def test_small_bodies_are_put_in_place_of_calls(name: str) -> None:
    check_module("inline-small", *INLINED[name])


@pytest.mark.parametrize(
    "wat",
    [
        # Longer than the calls.
        '(memory 1) (func (export "a") call 1 call 1 call 1) '
        "(func i32.const 100 i32.const 5 i32.store i32.const 300 i32.const 5 i32.store)",
        # A call of its own, directly and in a circle.
        '(func (export "a") call 1 call 1) (func call 1)',
        '(func (export "a") call 1 call 1) (func call 2) (func call 1)',
        # An early return, and a branch to the function's own label.
        '(func (export "a") (param i32) local.get 0 call 1 local.get 0 call 1) '
        "(func (param i32) local.get 0 if return end)",
        '(func (export "a") (param i32) local.get 0 call 1 local.get 0 call 1) '
        "(func (param i32) local.get 0 br_if 0 nop)",
        # A tail call, which leaves the caller.
        '(import "e" "f" (func)) (func (export "a") call 2 call 2 nop) (func return_call 0)',
        # A parameter that is written, and an argument that is computed twice.
        '(func (export "a") (param i32) (result i32) local.get 0 call 1 local.get 0 call 1 '
        "i32.add) (func (param i32) (result i32) i32.const 3 local.tee 0)",
        '(memory 1) (func (export "a") (param i32) (result i32) local.get 0 i32.load call 1 '
        "local.get 0 call 1 i32.add) "
        "(func (param i32) (result i32) local.get 0 local.get 0 i32.mul)",
    ],
)
def test_other_calls_stay(wat: str) -> None:
    unchanged_module("inline-small", wat)


def test_arguments_in_the_wrong_order_are_not_proved() -> None:
    before = module_of(
        """(func (export "a") (param i32 i32) (result i32) local.get 0 local.get 1 call 1)
           (func (param i32 i32) (result i32) local.get 1 local.get 0 i32.sub)"""
    )
    result = MODULE_PASSES["inline-small"].run(before, Options())
    assert result is not None
    after, claim = result
    first, second, *rest = after.functions[0].body
    wrong = after.functions[0].with_body((second, first, *rest))
    assert isinstance(
        prove_module(before, replace(after, functions=(wrong,)), claim, Prover()), Unproved
    )
