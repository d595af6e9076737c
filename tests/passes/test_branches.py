"""Branches uses fewer constructs and branches, and keeps each way through the function."""

from __future__ import annotations

import pytest

from tests.passes.environment import function
from tests.support import check, module_of, run_once, run_pass, unchanged
from wasmopt.domain import INTEGERS
from wasmopt.passes.branches import MOST_LEVELS, NEGATED
from wasmopt.semantics import MEANINGS
from wasmopt.text import module_text
from wasmopt.validate import validate

DEPTH = 3000
A, B, C = "call $value local.set 2", "call $value local.set 3", "call $value"


def becomes(before: str, after: str, signature: str = "(param i32 i32) (local i32 i32)") -> None:
    check("branches", function(before, signature), function(after, signature))


def stays(code: str, signature: str = "(param i32 i32) (local i32 i32)") -> None:
    unchanged("branches", function(code, signature))


# -- branches over code --------------------------------------------------------------------------


def test_a_branch_over_code_becomes_an_if() -> None:
    becomes(f"{B} block {C} br_if 0 {A} end {B}", f"{B} {C} i32.eqz if {A} end {B}")


@pytest.mark.parametrize(
    ("test", "opposite"),
    [
        ("i32.eqz", ""),
        ("i32.const 9 i32.lt_s", "i32.const 9 i32.ge_s"),
        ("i64.eqz", "i64.eqz i32.eqz"),
    ],
)
def test_conditions_are_turned(test: str, opposite: str) -> None:
    value = "call $wide" if "i64" in test else C
    becomes(f"block {value} {test} br_if 0 {A} end {B}", f"{value} {opposite} if {A} end {B}")


@pytest.mark.parametrize(("name", "opposite"), NEGATED.items())
def test_opposites_hold_where_the_others_fail(name: str, opposite: str) -> None:
    bits = int(name[1:3])
    numbers = [0, 1, 2, 1 << (bits - 1), (1 << bits) - 1, 0x7FC00000, 0x7FF8 << 48, 0x3F800000]
    for left in numbers:
        for right in numbers:
            pair = [each & ((1 << bits) - 1) for each in (left, right)]
            one, other = [MEANINGS[each].value(INTEGERS, *pair) for each in (name, opposite)]
            assert one == 1 - other


def test_what_stands_before_the_branch_comes_out() -> None:
    becomes(
        f"block block {A} {C} br_if 1 {C} br_if 0 {B} end {A} end {B}",
        f"{A} {C} i32.eqz if {C} i32.eqz if {B} end {A} end {B}",
    )


def test_a_block_that_is_left_earlier_stays() -> None:
    stays(f"block {A} loop {C} br_if 1 {B} {C} br_if 0 end {C} br_if 0 {B} end {A}")


def test_a_branch_with_values_stays() -> None:
    stays(f"block (result i32) {C} {C} br_if 0 {A} end call $use")


def test_a_branch_below_values_stays() -> None:
    stays(f"{C} block {A} {C} {C} br_if 0 {B} drop end drop {B}")


def test_two_blocks_become_an_if_with_an_else() -> None:
    becomes(
        f"block block {C} br_if 0 {A} br 1 end {B} end {A}",
        f"{C} if {B} else {A} end {A}",
    )


def test_results_of_the_arms() -> None:
    becomes(
        f"block (result i32) block {C} br_if 0 i32.const 5 br 1 end {A} {B} {C} end call $use",
        f"{C} if (result i32) {A} {B} {C} else i32.const 5 end call $use",
    )


def test_a_loop_is_left_by_its_end() -> None:
    becomes(
        f"block loop {C} br_if 1 {A} br 0 end end {B}",
        f"loop {C} i32.eqz if {A} br 1 end end {B}",
    )


# -- ifs ------------------------------------------------------------------------------------------


def test_an_if_with_nothing_but_a_branch_is_a_branch() -> None:
    becomes(
        f"loop {A} block {B} {C} if br 1 end {C} br_if 1 {A} end {C} br_if 0 end",
        f"loop {A} {B} {C} i32.eqz if {C} br_if 1 {A} end {C} br_if 0 end",
    )
    becomes(f"loop {A} {C} if br 1 else {B} end end", f"loop {A} {C} br_if 0 {B} end")
    becomes(f"loop {A} {C} if {B} else br 1 end end", f"loop {A} {C} i32.eqz br_if 0 {B} end")


def test_arms_change_places_for_a_byte() -> None:
    becomes(f"{C} i32.eqz if {A} else {B} end", f"{C} if {B} else {A} end")


def test_empty_arms_go() -> None:
    becomes(f"{C} i32.eqz if else {A} end", f"{C} if {A} end")
    becomes(f"{C} if end {A}", f"{C} drop {A}")


def test_an_arm_that_leaves_needs_no_else() -> None:
    becomes(f"{C} if {A} unreachable else {B} end {A}", f"{C} if {A} unreachable end {B} {A}")


@pytest.mark.parametrize("tail", [A, f"{A} i32.const 4 call $use", f"{A} unreachable"])
def test_a_tail_of_both_arms_comes_behind_them(tail: str) -> None:
    becomes(
        f"{C} if {B} {tail} else i32.const 7 call $use {tail} end",
        f"{C} if {B} else i32.const 7 call $use end {tail}",
    )


def test_a_tail_that_takes_a_value_from_its_arm_stays() -> None:
    stays(f"{C} if i32.const 1 call $use else i32.const 2 call $use end")
    stays(
        f"{C} if (result i32) i32.const 1 i32.const 3 i32.add else {C} i32.const 3 i32.add end",
        "(param i32 i32) (result i32)",
    )


def test_a_tail_over_values_that_nobody_takes_stays() -> None:
    becomes(
        f"{C} if {A} unreachable else {C} {A} unreachable end {B}",
        f"{C} if {A} unreachable end {C} {A} unreachable",
    )


# -- branches -------------------------------------------------------------------------------------


def test_branches_to_the_end_go() -> None:
    becomes(f"{C} if {A} br 0 end {B} return", f"{C} if {A} end {B}")
    becomes("block (result i32) call $value br 0 end", C, "(result i32)")


def test_a_branch_to_a_branch_goes_where_that_goes() -> None:
    becomes(
        f"loop {A} block {B} {C} if {A} {C} br_if 1 {B} end {A} end br 0 end",
        f"loop {A} {B} {C} if {A} {C} br_if 1 {B} end {A} br 0 end",
    )


def test_a_branch_out_of_the_function_is_a_return() -> None:
    becomes(
        f"block {C} if {A} {C} if {B} br 2 end {A} end {C} call $use end",
        f"{C} if {A} {C} if {B} return end {A} end {C} call $use",
    )


def test_a_table_ends_before_its_default() -> None:
    becomes(
        f"block block block {C} br_table 0 1 2 2 2 end {A} br 1 end {B} end {A}",
        f"block block block {C} br_table 0 1 2 end {A} br 1 end {B} end {A}",
    )


def test_the_place_of_an_entry_matters() -> None:
    stays(f"block block block {C} br_table 2 2 0 1 2 1 end {A} br 1 end {B} end {A}")


# -- what has to stay -----------------------------------------------------------------------------


def test_straight_lines_stay() -> None:
    stays(f"{A} {B}")


def test_handlers_keep_their_place() -> None:
    stays(f"block try_table (catch_all 0) {C} call $use end {B} end {A}")


# -- size -----------------------------------------------------------------------------------------


def test_deep_nesting() -> None:
    code = "block " * DEPTH + f"{C} br_if 0 {A}" + " end" * DEPTH + f" {B}"
    becomes(code, f"{C} i32.eqz if {A} end {B}")


def test_chains_nest_only_so_deep() -> None:
    code = "block " + f"{C} if {A} br 1 end " * DEPTH + "end " + B
    module = run_pass("branches", module_of(function(code, "(local i32 i32 i32 i32)")))
    depth = deepest = 0
    for instr in module.functions[0].body:
        depth += (instr.name in ("block", "if")) - (instr.name == "end")
        deepest = max(deepest, depth)
    assert MOST_LEVELS <= deepest <= MOST_LEVELS + 2


def test_what_stands_before_unreachable_constructs_stays() -> None:
    before = module_of(
        "(func (param i32) (result i32) local.get 0 if nop end "
        "unreachable local.get 0 block (result i32) local.get 0 end i32.add)"
    )
    after = run_once("branches", before)
    validate(after)
    assert "unreachable" in module_text(after)
