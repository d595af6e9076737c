"""Functions with other parameters and results: which are proved, and which are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import module_of
from tests.verify.modules import claim, shape
from wasmopt.instr import InstrPool
from wasmopt.module_change import Correspondence
from wasmopt.validate import validate
from wasmopt.verdict import Proved, Unproved
from wasmopt.verify import Prover, prove_module

IMPORT = """
    (type (func)) (type (func (param i32))) (type (func (param i32 i32)))
    (type (func (param i32 i32 i32))) (type (func (param i64 f64 i32))) (type (func (param i64)))
    (type (func (result i32))) (type (func (param i32) (result i32)))
    (type (func (param i32 i32) (result i32))) (type (func (param i32) (result i32 i64)))
    (import "e" "f" (func $f (param i32)))"""
"""What all modules have; types have to be the same in both versions."""


def decide(
    before: str,
    after: str,
    fates: tuple[str, str],
    said: Correspondence | None = None,
    reshaped: int = 1,
) -> Proved | Unproved:
    """The verdict on two modules in which one function, the first by default, has another type."""
    pool = InstrPool()
    old, new = module_of(IMPORT + before, pool), module_of(IMPORT + after, pool)
    validate(old)
    validate(new)
    shapes = {reshaped: shape(pool, *fates)}
    return prove_module(old, new, replace(said or claim(), reshaped=shapes), Prover(replay=False))


PROVED = {
    "unused": (
        '(func $g (param i32 i32) local.get 0 call $f) (func (export "m") (param i32)'
        " local.get 0 i32.const 5 call $g local.get 0 local.get 0 call $g)",
        '(func $g (param i32) local.get 0 call $f) (func (export "m") (param i32)'
        " local.get 0 call $g local.get 0 call $g)",
        "kept, unused",
        "",
    ),
    "of a type of 64 bits": (
        '(func $g (param i64 f64 i32) local.get 2 call $f) (func (export "m")'
        " i64.const 1 f64.const 2 i32.const 3 call $g)",
        '(func $g (param i32) local.get 0 call $f) (func (export "m") i32.const 3 call $g)',
        "unused, unused, kept",
        "",
    ),
    "always the same": (
        '(func $g (param i32 i32) local.get 0 local.get 1 i32.add call $f) (func (export "m")'
        " (param i32) local.get 0 i32.const 7 call $g i32.const 1 i32.const 7 call $g)",
        '(func $g (param i32) local.get 0 i32.const 7 i32.add call $f) (func (export "m")'
        " (param i32) local.get 0 call $g i32.const 1 call $g)",
        "kept, i32.const 7",
        "",
    ),
    "passed on by recursion": (
        "(func $g (param i32 i32 i32) local.get 0 if local.get 0 local.get 1 i32.sub local.get 1"
        " i32.const 3 call $g end local.get 1 call $f)"
        ' (func (export "m") (param i32) local.get 0 i32.const 1 i32.const 2 call $g)',
        "(func $g (param i32) local.get 0 if local.get 0 i32.const 1 i32.sub"
        " call $g end i32.const 1 call $f)"
        ' (func (export "m") (param i32) local.get 0 call $g)',
        "kept, i32.const 1, unused",
        "",
    ),
    "result that nobody reads": (
        '(func $g (param i32) (result i32) local.get 0 call $f i32.const 1) (func (export "m")'
        " (param i32) local.get 0 call $g drop)",
        '(func $g (param i32) local.get 0 call $f) (func (export "m")'
        " (param i32) local.get 0 call $g)",
        "kept",
        "unused",
    ),
    "parameter that only makes the result": (
        '(func $g (param i32 i32) (result i32) local.get 0 call $f local.get 1) (func (export "m")'
        " (param i32) local.get 0 local.get 0 call $g drop)",
        '(func $g (param i32) local.get 0 call $f) (func (export "m")'
        " (param i32) local.get 0 call $g)",
        "kept, unused",
        "unused",
    ),
    "result that is always the same": (
        "(func $g (param i32) (result i32) local.get 0 if local.get 0 call $f i32.const 3 return"
        ' end i32.const 3) (func (export "m") (param i32) (result i32) local.get 0 call $g'
        " local.get 0 call $g i32.add)",
        "(func $g (param i32) local.get 0 if local.get 0 call $f"
        ' end) (func (export "m") (param i32) (result i32) local.get 0 call $g'
        " local.get 0 call $g i32.const 6)",
        "kept",
        "i32.const 3",
    ),
    "one of two results": (
        "(func $g (param i32) (result i32 i64) local.get 0 call $f local.get 0 i64.const 1)"
        ' (func (export "m") (param i32) (result i32) local.get 0 call $g drop)',
        "(func $g (param i32) (result i32) local.get 0 call $f local.get 0)"
        ' (func (export "m") (param i32) (result i32) local.get 0 call $g)',
        "kept",
        "kept, unused",
    ),
    "argument that traps": (
        "(memory 1) (func $g (param i32)) "
        '(func (export "m") (param i32) local.get 0 i32.load call $g)',
        '(memory 1) (func $g) (func (export "m") (param i32) local.get 0 i32.load drop call $g)',
        "unused",
        "",
    ),
}


@pytest.mark.parametrize("case", PROVED)
def test_what_is_not_needed_may_go(case: str) -> None:
    before, after, params, results = PROVED[case]
    assert isinstance(decide(before, after, (params, results)), Proved)


REFUSED = {
    "the parameter is used": (
        '(func $g (param i32 i32) local.get 1 call $f) (func (export "m") i32.const 0 i32.const 0'
        " call $g)",
        '(func $g (param i32) (local i32) local.get 1 call $f) (func (export "m") i32.const 0'
        " call $g)",
        "kept, unused",
        "",
        "function 1",
    ),
    "the other parameter went": (
        '(func $g (param i32 i32) local.get 0 call $f) (func (export "m") i32.const 1 i32.const 2'
        " call $g)",
        '(func $g (param i32) local.get 0 call $f) (func (export "m") i32.const 2 call $g)',
        "kept, unused",
        "",
        "function 2",
    ),
    "a call passes another constant": (
        '(func $g (param i32) local.get 0 call $f) (func (export "m") i32.const 1 call $g'
        " i32.const 2 call $g)",
        '(func $g i32.const 1 call $f) (func (export "m") call $g call $g)',
        "i32.const 1",
        "",
        "function 2",
    ),
    "the call that would show it is gone": (
        '(func $g (param i32) local.get 0 call $f) (func (export "m") i32.const 2 call $g)',
        '(func $g i32.const 1 call $f) (func (export "m") unreachable)',
        "i32.const 1",
        "",
        "function 2",
    ),
    "another constant within": (
        '(func $g (param i32) local.get 0 call $f) (func (export "m") i32.const 1 call $g)',
        '(func $g i32.const 2 call $f) (func (export "m") call $g)',
        "i32.const 1",
        "",
        "function 1",
    ),
    "recursion with another value": (
        "(func $g (param i32 i32) local.get 0 if local.get 0 i32.const 1 i32.sub local.get 1"
        " i32.const 1 i32.add call $g end local.get 1 call $f)"
        ' (func (export "m") (param i32) local.get 0 i32.const 1 call $g)',
        "(func $g (param i32) local.get 0 if local.get 0 i32.const 1 i32.sub"
        " call $g end i32.const 1 call $f)"
        ' (func (export "m") (param i32) local.get 0 call $g)',
        "kept, i32.const 1",
        "",
        "function 1",
    ),
    "the result is read": (
        '(func $g (result i32) i32.const 1) (func (export "m") (result i32) call $g)',
        '(func $g) (func (export "m") (result i32) call $g i32.const 0)',
        "",
        "unused",
        "function 2",
    ),
    "the result is read though it is the same": (
        '(func $g (result i32) i32.const 1) (func (export "m") (result i32) call $g)',
        '(func $g) (func (export "m") (result i32) call $g i32.const 1)',
        "",
        "unused",
        "function 2",
    ),
    "the result is not always the same": (
        '(func $g (param i32) (result i32) local.get 0) (func (export "m") (result i32)'
        " i32.const 1 call $g)",
        '(func $g (param i32)) (func (export "m") (result i32) i32.const 1 call $g i32.const 1)',
        "kept",
        "i32.const 1",
        "function 1",
    ),
    "another result": (
        '(func $g (result i32) i32.const 1) (func (export "m") (result i32) call $g)',
        '(func $g) (func (export "m") (result i32) call $g i32.const 2)',
        "",
        "i32.const 1",
        "function 2",
    ),
    "a call too few": (
        '(func $g (result i32) i32.const 0 call $f i32.const 1) (func (export "m") call $g drop)',
        '(func $g i32.const 0 call $f) (func (export "m"))',
        "",
        "unused",
        "function 2",
    ),
    "the argument traps": (
        "(memory 1) (func $g (param i32)) "
        '(func (export "m") (param i32) local.get 0 i32.load call $g)',
        '(memory 1) (func $g) (func (export "m") (param i32) call $g)',
        "unused",
        "",
        "function 2",
    ),
    "one of the values under the results goes instead": (
        '(func $g (param i32 i32) (result i32) local.get 0) (func (export "m") (result i32)'
        " i32.const 1 i32.const 2 call $g)",
        '(func $g (param i32)) (func (export "m") (result i32) i32.const 1 i32.const 2 call $g)',
        "kept, unused",
        "unused",
        "function 2",
    ),
    "of another type": (
        '(func $g (param i32)) (func (export "m") i32.const 1 call $g)',
        '(func $g (param i64)) (func (export "m") i64.const 1 call $g)',
        "kept",
        "",
        "another type",
    ),
    "a constant of another type": (
        '(func $g (param i32)) (func (export "m") i32.const 1 call $g)',
        '(func $g) (func (export "m") call $g)',
        "i64.const 1",
        "",
        "another type",
    ),
    "a result too many": (
        '(func $g (param i32)) (func (export "m") i32.const 1 call $g)',
        '(func $g) (func (export "m") call $g)',
        "unused",
        "unused",
        "another type",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_needed_may_not(case: str) -> None:
    before, after, params, results, why = REFUSED[case]
    verdict = decide(before, after, (params, results))
    assert isinstance(verdict, Unproved)
    assert why in verdict.reason


@pytest.mark.parametrize(
    "user",
    [
        '(export "g" (func $g))',
        "(start $g)",
        "(table 1 funcref) (elem (i32.const 0) $g)",
        "(table 1 funcref) (elem (i32.const 0) funcref (ref.func $g))",
        "(elem declare func $g) (func ref.func $g drop)",
        "(global funcref (ref.func $g))",
        "(func return_call $g)",
    ],
)
def test_nothing_but_calls_may_name_a_function_of_another_type(user: str) -> None:
    """The versions are valid both: the old one has an unused local more."""
    before = f'(func $g (local i32)) {user} (func (export "m") call $g)'
    verdict = decide(before, before, ("", ""))
    assert isinstance(verdict, Unproved)
    assert "not only called" in verdict.reason


def test_a_reshaped_function_is_one_function_that_calls_are_left_of() -> None:
    text = '(func $g) (func $h) (func (export "m") call $g call $h)'
    merged = '(func $g) (func (export "m") call $g call $g)'
    for after, said, why in (
        (merged, claim(functions=(0, 1, 1, 2)), "not one function"),
        ('(func $h) (func (export "m") call $h)', claim(functions=(0, None, 1, 2)), "not one"),
        (text, claim(inlined=(1,)), "put in place"),
        (text, claim(outlined=(1,)), "put in place"),
    ):
        verdict = decide(text, after, ("", ""), said)
        assert isinstance(verdict, Unproved)
        assert why in verdict.reason
    for index in (-1, 0, 4):
        verdict = decide(text, text, ("", ""), reshaped=index)
        assert isinstance(verdict, Unproved)
        assert "a wrong index" in verdict.reason


def test_dead_parameters_and_bodies_in_place_of_calls_at_once() -> None:
    before = (
        "(func (param i32 i32) local.get 0 call 0) (func (param i32) local.get 0 i32.const 2"
        ' call 1) (func (export "m") (param i32) local.get 0 call 2)'
    )
    after = (
        '(func (param i32) local.get 0 call 0) (func (export "m") (param i32) local.get 0 call 1)'
    )
    said = claim(functions=(0, 1, None, 2), inlined=(2,))
    assert isinstance(decide(before, after, ("kept, unused", ""), said), Proved)
    wrong = after.replace("call 1)", "drop i32.const 0 call 1)")
    assert isinstance(decide(before, wrong, ("kept, unused", ""), said), Unproved)
