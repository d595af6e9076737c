"""Fold tails keeps once what several ways end with, and each way runs what it ran."""

from __future__ import annotations

import time

import pytest

from tests.passes.environment import function
from tests.support import check, module_of, run_once, run_pass, unchanged
from tests.verify.execution import differs
from wasmopt.text import module_text
from wasmopt.validate import validate

DEPTH = 3000
A, B, C = "call $value local.set 2", "call $value local.set 3", "call $value"
T = "i32.const 4 call $use local.get 0 call $use"
LOCALS = "(param i32 i32) (local i32 i32)"


def becomes(before: str, after: str, signature: str = LOCALS) -> None:
    check("fold-tails", function(before, signature), function(after, signature))


def stays(code: str, signature: str = LOCALS) -> None:
    unchanged("fold-tails", function(code, signature))


# -- both arms ------------------------------------------------------------------------------------


def test_a_tail_of_both_arms_comes_behind_them() -> None:
    becomes(f"{C} if {A} {T} else {B} {T} end {A}", f"{C} if {A} else {B} end {T} {A}")


def test_a_tail_may_take_a_value_from_the_arms() -> None:
    becomes(
        f"{C} if (result i32) local.get 0 i32.load i32.const 3 i32.add else {C} i32.const 3 i32.add"
        " end call $use",
        f"{C} if (result i32) local.get 0 i32.load else {C} end i32.const 3 i32.add call $use",
    )


def test_the_type_of_the_arms_becomes_that_of_the_value() -> None:
    becomes(
        f"{C} if call $wide i64.eqz call $use {T} else local.get 0 i64.extend_i32_u i64.eqz"
        f" call $use {T} end",
        f"{C} if (result i64) call $wide else local.get 0 i64.extend_i32_u end i64.eqz"
        f" call $use {T}",
    )


def test_a_tail_may_hold_constructs_and_branches_inside_and_out() -> None:
    tail = f"{C} if {A} end loop {C} br_if 0 {C} br_if 2 end {T}"
    becomes(
        f"block {C} if {A} {tail} else {B} {tail} end {B} end {A}",
        f"block {C} if {A} else {B} end {C} if {A} end loop {C} br_if 0 {C} br_if 1 end {T} {B}"
        f" end {A}",
    )


def test_arms_that_go_away_together() -> None:
    becomes(
        f"{C} if {A} {T} unreachable else {B} {T} unreachable end",
        f"{C} if {A} else {B} end {T} unreachable",
    )


# -- branches -------------------------------------------------------------------------------------


def test_all_ways_to_the_end_of_a_block() -> None:
    becomes(
        f"block loop {C} if {A} {T} br 2 end {C} br_if 0 end {B} {T} end {A}",
        f"block loop {C} if {A} br 2 end {C} br_if 0 end {B} end {T} {A}",
    )


def test_some_ways_get_a_block_of_their_own() -> None:
    becomes(
        f"block {C} br_if 0 loop {C} if {A} {T} br 2 end {C} br_if 0 end {B} {T} end {A}",
        f"block block {C} br_if 1 loop {C} if {A} br 2 end {C} br_if 0 end {B} end {T} end {A}",
    )


def test_ways_out_of_a_block_share_its_end_with_the_code_behind() -> None:
    becomes(
        f"block loop {C} if {A} {T} return end {C} br_if 0 end end {T}",
        f"block loop {C} if {A} br 2 end {C} br_if 0 end end {T}",
    )


def test_returns_and_the_end_of_the_function() -> None:
    becomes(
        f"{C} if {A} {T} return end {B} {C} if {B} {T} return end {C} drop {T}",
        f"block {C} if {A} br 1 end {B} {C} if {B} br 1 end {C} drop end {T}",
    )


def test_control_goes_round_a_tail_that_it_did_not_run() -> None:
    becomes(
        f"{C} if {A} {T} {T} return end {B} {C} if {B} {T} {T} return end {A}",
        f"block {C} if {A} br 1 end {B} {C} if {B} br 1 end {A} return end {T} {T}",
    )


def test_a_tail_before_a_branch_back() -> None:
    becomes(
        f"loop {C} if {A} {T} br 1 end {C} if {B} {T} br 1 end {A} return end",
        f"loop block {C} if {A} br 1 end {C} if {B} br 1 end {A} return end {T} br 0 end",
    )


def test_what_traps_in_the_end() -> None:
    becomes(
        f"{C} if {A} {T} unreachable end {C} if {B} {T} unreachable end {A} return",
        f"block {C} if {A} br 1 end {C} if {B} br 1 end {A} return end {T} unreachable",
    )


def test_a_tail_that_makes_the_result() -> None:
    becomes(
        f"{C} if {A} {C} {T} return end {B} local.get 3 {T}",
        f"block (result i32) {C} if {A} {C} br 1 end {B} local.get 3 end {T}",
        "(param i32 i32) (result i32) (local i32 i32)",
    )


def test_values_that_the_branch_throws_away_do_not_matter() -> None:
    becomes(
        f"{C} {C} if {A} {T} {T} return end call $use {B} {T} {T}",
        f"block {C} {C} if {A} br 1 end call $use {B} end {T} {T}",
    )


def test_the_longest_tails_first_and_then_what_they_share() -> None:
    becomes(
        f"{C} if {A} {C} call $use {T} return end {C} if {B} {C} call $use {T} return end"
        f" {C} if {T} return end {A} return",
        f"block block {C} if {A} br 1 end {C} if {B} br 1 end {C} if br 2 end {A} return end"
        f" {C} call $use end {T}",
    )


# -- what has to stay -----------------------------------------------------------------------------


def test_a_tail_that_saves_nothing_stays() -> None:
    stays(f"{C} if {A} local.get 0 call $use return end {B} local.get 0 call $use")
    tail = "i32.const 1 call $use br 1"
    stays(f"loop {C} if {A} {tail} end {C} if {B} {tail} end end")


def test_other_tails_stay() -> None:
    stays(f"{C} if {T} {A} else {T} {B} end")


def test_a_tail_that_takes_two_values_stays() -> None:
    stays(f"{C} if (result i32) {C} {C} i32.add else {C} local.get 0 i32.add end call $use")


def test_a_tail_that_branches_to_what_it_would_leave_stays() -> None:
    tail = f"{T} {C} br_if 0"
    stays(f"{C} if {A} {tail} else {B} {tail} end {A}")


def test_tails_that_branch_to_different_places_stay() -> None:
    one, other = [f"{T} {C} br_if {label}" for label in (1, 2)]
    stays(f"block block {C} if {A} {one} else {B} {other} end {A} end {B} end {A}")


def test_tails_of_ways_to_different_places_stay() -> None:
    stays(f"block block {C} if {A} {T} br 1 end {C} if {B} {T} br 2 end {A} end {B} end {A}")


def test_a_way_without_the_tail_has_to_get_past_it() -> None:
    stays(f"{C} if {A} local.get 0 call $use else {C} if {A} local.get 0 call $use end end {B}")


def test_code_in_handlers_stays() -> None:
    stays(f"block try_table (catch_all 0) {C} if {A} {T} else {B} {T} end end end")
    stays(f"block ref.null func br_on_null 0 drop {C} if {A} {T} else {B} {T} end end")


def test_a_local_that_is_set_on_both_ways_only_stays() -> None:
    """Behind the arms it would count as not set."""
    tail = "local.get 1 call_ref 0 local.get 1 call_ref 0"
    unchanged(
        "fold-tails",
        "(type (func)) (func) (elem declare func 0) (func (param i32) (local (ref 0))"
        f" local.get 0 if ref.func 0 local.set 1 {tail}"
        f" else nop ref.func 0 local.set 1 {tail} end)",
    )


def test_loops_have_no_label_behind_them() -> None:
    """Control falls out of both loops to one place, and no branch can name it from inside."""
    code = (
        f"block loop {C} if {A} {T} br 2 end {C} if {B} {T} br 2 end"
        f" block {C} br_if 0 {A} end end {B} end {A}"
    )
    module = run_pass("fold-tails", module_of(function(code, LOCALS)))
    validate(module)


# -- running it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["return", "unreachable", "br 1"])
def test_tails_run_as_before(kind: str) -> None:
    tail = "global.get $g local.get 1 i32.add global.set $g global.get $g i32.const 3 i32.mul"
    tail += f" global.set $g {kind}"
    before = module_of(
        '(global $g (export "g") (mut i32) (i32.const 1))'
        f'(func (export "f") (param i32 i32) block local.get 0 if {tail} end'
        f" local.get 1 i32.const 2 i32.eq if i32.const 9 global.set $g {tail} end"
        f" local.get 1 i32.const 1 i32.eq br_if 0 i32.const 8 global.set $g end)"
    )
    after = run_pass("fold-tails", before)
    assert after is not before
    assert differs(before, before.functions[0], after.functions[0]) is None


# -- size ------------------------------------------------------------------------------------------


def test_deep_nesting() -> None:
    code = f"{C} if {A} {T} else " * DEPTH + f"{B} {T}" + " end" * DEPTH
    start = time.process_time()
    module = run_once("fold-tails", module_of(function(code, LOCALS)))
    assert time.process_time() - start < 20
    validate(module)
    assert module_text(module).count("i32.const 4") == 1


def test_many_equal_tails() -> None:
    code = f"{C} if {A} {T} return end " * DEPTH + A
    module = run_once("fold-tails", module_of(function(code, LOCALS)))
    validate(module)
    assert module_text(module).count("i32.const 4") == 1
