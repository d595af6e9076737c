"""Versions walked in step: other control around the same instructions is proved, nothing else."""

from __future__ import annotations

import pytest
import z3

from tests.support import module_of
from tests.verify.expressions import Z3
from tests.verify.pairs import DIFFERENT, MODULE
from wasmopt.context import Context
from wasmopt.semantics import MEANINGS
from wasmopt.validate import validate
from wasmopt.verify.same_steps import OPPOSITE, same_steps

DEPTH = 3000


def same(before: str, after: str) -> bool:
    """Whether the two functions, given as their fields in `MODULE`, are proved to be the same."""
    first = module_of(MODULE.format(before))
    second = module_of(MODULE.format(after), first.pool)
    validate(first)
    validate(second)
    one, other, context = first.functions[0], second.functions[0], Context(first)
    assert same_steps(one, other, context) == same_steps(other, one, context)
    return same_steps(one, other, context)


F, G = "(call $f (i32.const 1))", "(call $f (i32.const 2))"
EQUAL = {
    "a loop without an end": ("(loop (br 0))", "(block (loop (br 0)))"),
    "arms that change places with their condition": (
        f"(param i32) (if (local.get 0) (then {F}) (else {G}))",
        f"(param i32) (if (i32.eqz (local.get 0)) (then {G}) (else {F}))",
    ),
    "an if for a branch": (
        f"(param i32) (block (br_if 0 (i32.lt_s (local.get 0) (i32.const 3))) {F})",
        f"(param i32) (if (i32.ge_s (local.get 0) (i32.const 3)) (then {F}))",
    ),
    "a tail of both arms behind them": (
        f"(param i32) (if (local.get 0) (then {F} {G}) (else {G}))",
        f"(param i32) (if (local.get 0) (then {F})) {G}",
    ),
    "an exit of a loop": (
        f"(block (loop (br_if 1 (call $g)) {F} (br 0))) {G}",
        f"(loop (if (i32.eqz (call $g)) (then {F} (br 1)))) {G}",
    ),
    "a branch to a return": (
        f"(param i32) (result i32) (block (br_if 0 (local.get 0)) {F} (return (i32.const 3))) {G}"
        "(return (i32.const 4))",
        f"(param i32) (result i32) (if (result i32) (local.get 0) (then {G} i32.const 4)"
        f"(else {F} i32.const 3))",
    ),
    "a branch that throws values away": (
        "(param i32) (result i32) (block (result i32) i32.const 5 local.get 0 br 0)",
        "(param i32) (result i32) (block (result i32) i32.const 5 local.get 0 return)",
    ),
    "a tail above a value that its end throws away": (
        f"(param i32) (result i32) call $g local.get 0 if {F} {G} i32.const 3 return end drop {F}"
        f"{F} {G} i32.const 3",
        f"(param i32) (result i32) block call $g local.get 0 br_if 0 drop {F} end {F} {G}"
        "i32.const 3",
    ),
    "a tail above a value of each version that its end throws away": (
        f"(param i32) call $g block call $g local.get 0 if {F} br 1 end drop {F} br 0 end drop",
        f"(param i32) call $g block block call $g local.get 0 br_if 0 drop end {F} end drop",
    ),
    "a fork above values that are thrown away": (
        f"(param i32) call $g local.get 0 if (call $g) (if (then {F})) return end drop"
        f" (call $g) (if (then {F}))",
        f"(param i32) block call $g local.get 0 br_if 0 drop end (call $g) (if (then {F}))",
    ),
    "a table with its default at the end": (
        f"(param i32) (block (block (block (br_table 0 1 2 2 2 (local.get 0))) {F} (br 1)) {G})",
        f"(param i32) (block (block (block (br_table 0 1 2 (local.get 0))) {F} (br 1)) {G})",
    ),
    "a fork whose ways are one": (
        f"(param i32) (block (br_if 0 (local.get 0))) {F}",
        f"(param i32) (drop (local.get 0)) {F}",
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_the_same_steps_are_proved(name: str) -> None:
    assert same(*EQUAL[name])


THREE = """(block (result i32 i32) call $g
    (block (result i32) call $g call $g local.get 0 br_if {} i32.add))"""
"""Of three values, a branch to label 0 keeps the first and last one, to label 1 the last two."""
NOT_THE_SAME = {
    "arms that change places": (
        f"(param i32) (if (local.get 0) (then {F}) (else {G}))",
        f"(param i32) (if (local.get 0) (then {G}) (else {F}))",
    ),
    "a comparison that is not the opposite": (
        f"(param i32) (block (br_if 0 (i32.lt_s (local.get 0) (i32.const 3))) {F})",
        f"(param i32) (if (i32.gt_s (local.get 0) (i32.const 3)) (then {F}))",
    ),
    "an order of floats, which has no opposite": (
        f"(param f32) (block (br_if 0 (f32.lt (local.get 0) (f32.const 3))) {F})",
        f"(param f32) (if (f32.ge (local.get 0) (f32.const 3)) (then {F}))",
    ),
    "a loop that goes on": (
        f"(block (loop (br_if 1 (call $g)) {F} (br 0))) {G}",
        f"(loop (if (i32.eqz (call $g)) (then {F} (br 0)))) {G}",
    ),
    "one more time round": (
        f"(loop {F} (br_if 0 (call $g)))",
        f"{F} (loop {F} (br_if 0 (call $g)))",
    ),
    "another entry of a table": (
        f"(param i32) (block (block (block (br_table 0 1 2 2 0 (local.get 0))) {F} (br 1)) {G})",
        f"(param i32) (block (block (block (br_table 0 1 2 (local.get 0))) {F} (br 1)) {G})",
    ),
    "a table one shorter": (
        f"(param i32) (block (block (br_table 0 0 1 (local.get 0))) {F})",
        f"(param i32) (block (block (br_table 0 1 (local.get 0))) {F})",
    ),
    "the other value thrown away": (
        """(result i32) (block (result i32) call $g call $g call $g br_if 0 drop)""",
        """(result i32) call $g (block (result i32) call $g call $g br_if 0) drop""",
    ),
    **{
        f"a value taken that only one version has, by {what}": (
            f"(param i32) {results} {THREE.format(0)} {taken}",
            f"(param i32) {results} {THREE.format(1)} {taken}",
        )
        for what, results, taken in (
            ("an instruction", "(result i32)", "i32.sub"),
            ("the second of a run", "", f"call $f {F} call $f"),
            ("the caller", "(result i32 i32)", ""),
            ("a comparison", "", f"i32.lt_s if {F} end"),
            ("a table behind a branch", "", f"drop block (param i32) br_table 0 1 end {F}"),
            ("a fork behind a branch", "", f"drop if {F} end"),
            ("a fork that the other version has no use for", "", f"drop if end {F}"),
            ("a call that leaves", "", "call $f return_call $f"),
        )
    },
    "a value that lies lower": (
        "(param i32) (result i32) i32.const 5 local.get 0 return",
        "(param i32) (result i32) i32.const 5 (block (result i32) local.get 0) drop",
    ),
    "a loop without an end on one way": (
        "(param i32) (if (local.get 0) (then (loop (br 0))))",
        "(param i32) (if (i32.eqz (local.get 0)) (then (loop (br 0))))",
    ),
    "a loop without an end for a trap": ("(loop (br 0))", "(unreachable)"),
    "a loop without an end for none": (f"(loop (br 0)) {F}", f"{F}"),
    "another local of another type": (
        "(local i32 i64) (local.set 0 (i32.const 1))",
        "(local i32 f64) (local.set 0 (i32.const 1))",
    ),
    "a handler": (
        "(block (try_table (catch_all 0) (call $f (i32.const 1))))",
        "(block (try_table (catch_all 1) (call $f (i32.const 1))))",
    ),
}


@pytest.mark.parametrize("name", NOT_THE_SAME)
def test_other_steps_are_not(name: str) -> None:
    assert not same(*NOT_THE_SAME[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_functions_are_not_proved(name: str) -> None:
    assert not same(*DIFFERENT[name])


@pytest.mark.parametrize("name", OPPOSITE)
def test_opposites_are_proved(name: str) -> None:
    bits = int(name[1:3])
    left, right = z3.BitVecs("left right", bits)
    one, other = [MEANINGS[each].value(Z3, left, right) for each in (name, OPPOSITE[name])]
    solver = z3.Solver()
    solver.add(one != 1 - other)
    assert solver.check() == z3.unsat


def test_deep_nesting_is_walked() -> None:
    chain = "(block " * DEPTH + F + "(br_if 0 (call $g))" + ")" * DEPTH
    assert same(f"{chain} {G}", f"(block {F} (br_if 0 (call $g))) {G}")


def test_many_branches_out_of_deep_nesting_are_walked_in_time() -> None:
    """Silent walks end where they ended before: step by step they would be 3,000 times 3,000."""
    branches = "(br_if 0 (call $g))" * DEPTH
    chain = "(block " * DEPTH + branches + ")" * DEPTH
    assert same(f"{chain} {G}", f"(block {branches}) {G}")
