"""inlining: what is put in the place of its call, and what stays a function."""

from __future__ import annotations

import pytest

import wasmopt.passes.inlining
from tests.support import check_module, module_of, unchanged_module
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.verdict import Unproved
from wasmopt.verify import Prover, prove_module

INLINED = {
    "a parameter": (
        """(type (func)) (type (func (param i32)))
           (memory 1) (func (export "a") (type 0) i32.const 7 call 1)
           (func (type 1) local.get 0 local.get 0 i32.store)""",
        """(type (func)) (type (func (param i32)))
           (memory 1) (func (export "a") (type 0) (local i32) i32.const 7 local.set 0
           local.get 0 local.get 0 i32.store)""",
    ),
    "locals of the caller": (
        """(memory 1) (func (export "a") (param i32 i32) i32.const 1 local.get 1 local.get 0 call 1)
           (func (param i32 i32 i32) local.get 1 local.get 2 i32.store local.get 0 i32.load
           local.set 0 local.get 0 local.get 0 i32.store)""",
        """(type (func (param i32 i32))) (type (func (param i32 i32 i32)))
           (memory 1) (func (export "a") (type 0) (local i32) i32.const 1 local.set 2
           local.get 1 local.get 0 i32.store local.get 2 i32.load
           local.set 2 local.get 2 local.get 2 i32.store)""",
    ),
    "a parameter that is written": (
        """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 call 1 local.get 0
           i32.add)
           (func (param i32) (result i32) i32.const 8 local.set 0 local.get 0 i32.load)""",
        """(memory 1) (func (export "a") (param i32) (result i32) (local i32) local.get 0
           local.set 1 i32.const 8 local.set 1 local.get 1 i32.load local.get 0 i32.add)""",
    ),
    "an early return": (
        """(memory 1) (func (export "a") (result i32) call 1 i32.load)
           (func (result i32) block i32.const 1 i32.load br_if 0 i32.const 2 return end
           i32.const 8 i32.load)""",
        """(memory 1) (func (export "a") (result i32)
           block (result i32) block i32.const 1 i32.load br_if 0 i32.const 2 br 1 end
           i32.const 8 i32.load end i32.load)""",
    ),
    "in a loop": (
        """(memory 1) (func (export "a") (param i32) loop call 1 local.get 0 br_if 0 end)
           (func (local i32) i32.const 8 i32.load if i32.const 7 local.set 0 end
           i32.const 4 local.get 0 i32.store)""",
        """(type (func (param i32))) (type (func))
           (memory 1) (func (export "a") (type 0) (local i32) loop
           i32.const 0 local.set 1 i32.const 8 i32.load if i32.const 7 local.set 1 end
           i32.const 4 local.get 1 i32.store local.get 0 br_if 0 end)""",
    ),
    "one within another": (
        """(memory 1) (func call 2 nop) (func (export "a") call 0)
           (func i32.const 1 i32.load drop)""",
        """(memory 1) (func (export "a") i32.const 1 i32.load drop nop)""",
    ),
}


@pytest.mark.parametrize("name", INLINED)
def test_a_function_that_is_called_once_is_put_in_place(name: str) -> None:
    check_module("inlining", *INLINED[name])


@pytest.mark.parametrize(
    "wat",
    [
        '(func (export "a") call 1) (func (export "b"))',
        '(func (export "a") call 1 call 1) (func nop)',
        '(func (export "a") call 1) (func nop) (start 1)',
        '(func (export "a") call 1) (func nop) (table 1 funcref) (elem (i32.const 0) func 1)',
        '(func (export "a") call 1) (func nop) (global funcref (ref.func 1))',
        '(func (export "a") return_call 1) (func nop)',
        '(func (export "a") call 1) (func return_call 0)',
        '(func (export "a")) (func call 1)',  # calls itself
        "(func call 1) (func call 0)",  # nobody else calls them
        '(import "e" "f" (func)) (func (export "a") call 0)',
        # Setting the parameters takes more than the function.
        '(func (export "a") i32.const 1 i32.const 2 i32.const 3 i32.const 4 call 1)'
        "(func (param i32 i32 i32 i32))",
    ],
)
def test_what_is_named_elsewhere_or_does_not_pay_stays(wat: str) -> None:
    unchanged_module("inlining", wat)


@pytest.mark.parametrize(
    ("name", "mistake", "replacement"),
    [
        ("in a loop", "_in_loop", lambda prefix: False),
        ("an early return", "_without_returns", lambda body, pool: list(body)),
        ("a parameter that is written", "_passed_on", lambda *_: {0: 0}),
    ],
)
def test_a_broken_twin_is_not_proved(
    name: str, mistake: str, replacement: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wasmopt.passes.inlining, mistake, replacement)
    module = module_of(INLINED[name][0])
    result = MODULE_PASSES["inlining"].run(module, Options())
    assert result is not None
    assert isinstance(prove_module(module, *result, Prover(replay=False)), Unproved)
