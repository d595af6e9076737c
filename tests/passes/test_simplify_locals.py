"""Simplify locals uses values where they are computed, and changes nothing that can be observed."""

from __future__ import annotations

import pytest

from tests.passes.environment import function
from tests.support import check, module_of, run_once, unchanged
from wasmopt.validate import validate

DEPTH = 3000


def signature(result: str) -> str:
    return f"(param i32 i32) {result} (local i32 i32)"


def becomes(before: str, after: str, result: str = "(result i32)") -> None:
    check(
        "simplify-locals", function(before, signature(result)), function(after, signature(result))
    )


def stays(code: str, result: str = "(result i32)") -> None:
    unchanged("simplify-locals", function(code, signature(result)))


# -- code moves to the read -----------------------------------------------------------------------

TRIPLE = "local.get 0 i32.const 3 i32.mul"


def test_a_read_right_behind_the_write_is_the_value() -> None:
    becomes("call $value local.set 2 local.get 2", "call $value")


def test_a_local_that_is_read_again_is_written_on_the_way() -> None:
    becomes(
        "call $value local.set 2 local.get 2 local.get 2 i32.mul",
        "call $value local.tee 2 local.get 2 i32.mul",
    )


def test_constants_are_not_copied_large_or_small() -> None:
    for constant in (70000, 5):
        becomes(
            f"i32.const {constant} local.set 2 local.get 2 call $use local.get 2",
            f"i32.const {constant} local.tee 2 call $use local.get 2",
        )


def test_one_of_two_results_goes_no_further_than_the_next_instruction() -> None:
    becomes("call $pair local.set 2 local.get 2 i32.sub", "call $pair i32.sub")
    stays("call $pair local.set 2 local.set 3 local.get 2 local.get 3 i32.sub")


def test_a_value_moves_past_independent_code_and_whole_trees_build_up() -> None:
    becomes(
        f"""{TRIPLE} local.set 2 call $value local.set 3
        local.get 2 i32.const 1 i32.add local.set 2 local.get 2 local.get 3 i32.sub""",
        f"{TRIPLE} i32.const 1 i32.add call $value i32.sub",
    )


def test_the_order_of_operands_is_the_order_of_effects() -> None:
    """The second call cannot go behind the first, which would be its right operand."""
    becomes(
        "call $value local.set 2 call $value local.set 3 local.get 3 local.get 2 i32.sub",
        "call $value local.set 2 call $value local.get 2 i32.sub",
    )


LOAD = "local.get 0 i32.load"
STORE = "local.get 0 i32.const 9 i32.store"


@pytest.mark.parametrize(
    ("moved", "passed"),
    [
        (LOAD, "local.get 1 i32.load drop"),
        (LOAD, "local.get 1 local.get 0 i32.div_s drop"),
        (TRIPLE, "call $value drop"),
        (TRIPLE, STORE),
        ("global.get $g", "local.get 1 i32.load drop"),
        ("global.get $fixed", "call $value drop"),
        ("call $value", "i32.const 1 local.set 1"),
        (f"block (result i32) {STORE} i32.const 1 end", "i32.const 1 local.set 1"),
    ],
)
def test_what_commutes_moves(moved: str, passed: str) -> None:
    becomes(f"{moved} local.set 2 {passed} local.get 2", f"{passed} {moved}")


@pytest.mark.parametrize(
    ("moved", "passed"),
    [
        (LOAD, STORE),
        (LOAD, "call $value drop"),
        (LOAD, "i32.const 1 memory.grow drop"),
        (LOAD, "i32.const 1 global.set $g"),
        ("local.get 1 local.get 0 i32.div_s", STORE),
        ("global.get $g", "call $value drop"),
        ("global.get $g", "i32.const 1 global.set $g"),
        ("call $value", "call $value drop"),
        ("call $value", "local.get 1 i32.load drop"),
        ("call $value", "global.get $g drop"),
        (TRIPLE, "call $value local.set 0 local.get 0 call $use local.get 0 call $use"),
        (TRIPLE, "call $value local.set 2 local.get 2 call $use"),
        (LOAD, "loop call $value br_if 0 end"),
        (LOAD, "local.get 1 if i32.const 1 return end"),
    ],
    ids=[
        "a store may write what was read",
        "a call may write what was read, and does not happen if there is a trap",
        "memory grows before the trap, or does not",
        "a global is written before the trap, or is not",
        "a store happens before the trap, or does not",
        "a call may write the global",
        "the global is written",
        "the order of calls",
        "a call may write what is read",
        "a call may write the global that is read",
        "what is read is written",
        "the local itself is written",
        "the loop may not end",
        "the function may return without a trap",
    ],
)
def test_what_does_not_commute_stays(moved: str, passed: str) -> None:
    wat = function(f"{moved} local.set 2 {passed} local.get 2")
    module = module_of(wat)
    first = len(module_of(function(moved)).functions[0].body) - 1
    result = run_once("simplify-locals", module)
    old, new = module.functions[0].body[: first + 1], result.functions[0].body[: first + 1]
    assert [instr.name for instr in new] == [instr.name for instr in old]


def test_code_that_only_computes_goes_into_the_arm_that_needs_it() -> None:
    becomes(
        f"{TRIPLE} local.set 2 local.get 1 if local.get 2 call $use end",
        f"local.get 1 if {TRIPLE} call $use end",
        "",
    )
    becomes(
        f"{TRIPLE} local.set 2 local.get 1 if call $value call $use else local.get 2 call $use end",
        f"local.get 1 if call $value call $use else {TRIPLE} call $use end",
        "",
    )


def test_code_stays_before_arms_that_both_need_it_and_before_an_arm_that_may_not_run() -> None:
    stays(
        f"""{TRIPLE} local.set 2
        local.get 1 if local.get 2 call $use else local.get 2 i32.eqz call $use end""",
        "",
    )
    stays(f"{TRIPLE} local.set 2 local.get 1 if local.get 2 call $use end local.get 2")
    stays(f"{LOAD} local.set 2 local.get 1 if local.get 2 call $use end", "")


def test_a_read_behind_a_construct_may_be_far_away() -> None:
    inner = "local.get 1 if block local.get 0 br_if 0 call $value local.set 1 end end"
    becomes(f"{TRIPLE} local.set 2 {inner} local.get 2", f"{inner} {TRIPLE}")
    loop = "loop call $value br_if 0 end"
    becomes(f"{TRIPLE} local.set 2 {loop} local.get 2", f"{loop} {TRIPLE}")


def test_a_load_waits_for_the_end_of_a_block_that_something_may_leave() -> None:
    inner = "block local.get 1 br_if 0 i32.const 7 local.set 1 end"
    becomes(
        f"{LOAD} local.set 2 {inner} local.get 2 local.get 1 i32.sub",
        f"{inner} {LOAD} local.get 1 i32.sub",
    )
    stays(f"block {LOAD} local.set 2 local.get 1 br_if 0 local.get 2 call $use end", "")


def test_code_goes_past_a_branch_unless_its_value_is_needed_there() -> None:
    becomes(
        f"block {TRIPLE} local.set 2 local.get 1 br_if 0 local.get 2 call $use end",
        f"block local.get 1 br_if 0 {TRIPLE} call $use end",
        "",
    )
    stays(
        f"""block {TRIPLE} local.set 2 local.get 1 br_if 0 local.get 2 call $use end
        local.get 2"""
    )
    stays(
        f"""{TRIPLE} local.set 2 block block local.get 1 br_table 0 1 0 end
        local.get 2 call $use end local.get 2"""
    )


def test_nothing_goes_into_a_loop() -> None:
    stays(f"{TRIPLE} local.set 2 loop local.get 2 call $use call $value br_if 0 end", "")


def test_what_is_needed_only_behind_a_loop_leaves_it() -> None:
    becomes(
        f"""loop call $value local.set 0 call $value call $use
        {TRIPLE} local.set 2 local.get 0 br_if 0 end local.get 2""",
        f"loop call $value local.set 0 call $value call $use local.get 0 br_if 0 end {TRIPLE}",
    )
    stays(
        f"""loop call $value local.set 0 local.get 2 call $use
        {TRIPLE} local.set 2 local.get 0 br_if 0 end local.get 2"""
    )


def test_what_an_arm_computes_does_not_leave_it() -> None:
    stays(f"local.get 1 if {TRIPLE} local.set 2 end local.get 0 local.get 2 i32.sub")


def test_code_with_a_write_in_it_moves_with_it() -> None:
    becomes(
        "local.get 0 local.tee 3 i32.load local.set 2 local.get 1 i32.load drop local.get 2",
        "local.get 1 i32.load drop local.get 0 local.tee 3 i32.load",
    )
    stays(
        """local.get 0 local.tee 3 i32.load local.set 2 local.get 3 call $use
        local.get 2 local.get 3 i32.sub"""
    )


@pytest.mark.parametrize(
    "behind",
    ["i32.const 9 local.get 0 i32.sub", "block (result i32) local.get 0 end"],
    ids=["another operand", "a construct"],
)
def test_code_does_not_leave_the_operand_behind_that_waits_on_the_stack(behind: str) -> None:
    """A parameter of a construct has no code of its own that could move too."""
    signature = "(param i32 i32) (result i32)"
    rest = f"local.get 0 i32.add local.set 0 {behind} end"
    check(
        "simplify-locals",
        function(
            f"local.get 1 block (param i32) (result i32) local.set 0 local.get 0 {rest}", signature
        ),
        function(f"local.get 1 block (param i32) (result i32) local.tee 0 {rest}", signature),
    )


def test_a_block_moves_as_a_whole_unless_something_leaves_the_function_from_it() -> None:
    block = "block (result i32) i32.const 5 local.get 1 br_if 0 drop i32.const 6 end"
    becomes(f"{block} local.set 2 call $value local.get 2 i32.sub", f"call $value {block} i32.sub")
    leaving = "block (result i32) i32.const 5 local.get 1 br_if 1 end"
    stays(f"{leaving} local.set 2 call $value local.get 2 i32.sub")


def test_calls_keep_their_place_where_exceptions_are_caught() -> None:
    stays(
        """block try_table (catch_all 0) call $value local.set 2
        i32.const 1 local.set 3 local.get 2 call $use end end local.get 3"""
    )


def test_code_that_is_never_reached_stays_as_it_is() -> None:
    stays("unreachable i32.const 5 local.set 2 local.get 2")
    stays("block unreachable end i32.const 5 local.set 2 local.get 2")


@pytest.mark.parametrize(
    "code",
    [
        "ref.func $f local.set 1 local.get 0 if local.get 1 drop end local.get 1 drop",
        """ref.func $f local.tee 1 ref.is_null local.set 0 block local.get 0 drop end
        local.get 1 drop""",
        """block ref.func $f local.set 1 local.get 1 call $f local.get 1 ref.is_null local.set 0
        end local.get 0 drop""",
        """local.get 0 if ref.func $f local.set 1 else ref.func $g local.set 1 end
        ref.func $f local.set 1 local.get 1 drop local.get 1 drop""",
    ],
    ids=["a write", "a write on the way", "a read on the way", "arms"],
)
def test_reads_of_locals_without_a_default_stay_behind_their_writes(code: str) -> None:
    wat = f"""(module (elem declare func $f $g) (func $g)
        (func $f (param (ref func)))
        (func (param i32) (local (ref func)) {code}))"""
    result = run_once("simplify-locals", module_of(wat))
    validate(result)


def test_an_i64_that_packs_two_values() -> None:
    packed = "(result i64) (local i64 i64)"
    check(
        "simplify-locals",
        function(
            """call $value i64.extend_i32_u local.set 0 call $value i64.extend_i32_u local.set 1
            local.get 1 i64.const 32 i64.shl local.set 1 local.get 0 local.get 1 i64.or
            local.set 0 local.get 0""",
            packed,
        ),
        function(
            """call $value i64.extend_i32_u call $value i64.extend_i32_u i64.const 32 i64.shl
            i64.or""",
            packed,
        ),
    )


# -- writes become results ------------------------------------------------------------------------


def test_what_both_arms_write_is_the_result() -> None:
    becomes(
        f"local.get 0 if {TRIPLE} local.set 2 else call $value local.set 2 end local.get 2",
        f"local.get 0 if (result i32) {TRIPLE} else call $value end",
    )
    becomes(
        f"""local.get 0 if {TRIPLE} local.set 2 else call $value local.set 2 end
        call $value local.get 2 i32.sub call $use local.get 2""",
        f"""local.get 0 if (result i32) {TRIPLE} else call $value end local.set 2
        call $value local.get 2 i32.sub call $use local.get 2""",
    )


def test_a_chain_of_arms() -> None:
    becomes(
        """local.get 0 if i32.const 1 local.set 2 else
        local.get 1 if i32.const 2 local.set 2 else
        call $value if i32.const 3 local.set 2 else i32.const 4 local.set 2 end end end
        local.get 2""",
        """local.get 0 if (result i32) i32.const 1 else
        local.get 1 if (result i32) i32.const 2 else
        call $value if (result i32) i32.const 3 else i32.const 4 end end end""",
    )


def test_a_missing_arm_reads_the_local_where_that_pays() -> None:
    becomes(
        f"local.get 1 if {TRIPLE} local.set 0 end local.get 0",
        f"local.get 1 if (result i32) {TRIPLE} else local.get 0 end",
    )
    becomes(
        f"local.get 1 if {TRIPLE} local.set 0 end call $value call $use local.get 0",
        f"local.get 1 if (result i32) {TRIPLE} else local.get 0 end call $value call $use",
    )
    stays(f"local.get 1 if {TRIPLE} local.set 0 end local.get 0 local.get 0 i32.mul")


def test_an_arm_that_does_not_come_to_its_end_needs_no_value() -> None:
    becomes(
        f"local.get 0 if {TRIPLE} local.set 2 else unreachable end local.get 2",
        f"local.get 0 if (result i32) {TRIPLE} else unreachable end",
    )


def test_every_branch_to_the_end_of_a_block_carries_the_value() -> None:
    becomes(
        f"""block {TRIPLE} local.set 2 local.get 1 br_if 0
        local.get 0 if call $value local.set 2 br 1 end i32.const 9 local.set 2 end local.get 2""",
        f"""block (result i32) {TRIPLE} local.get 1 br_if 0 drop
        local.get 0 if call $value br 1 end i32.const 9 end""",
    )


def test_a_branch_that_is_not_taken_leaves_the_local_written_if_it_is_read() -> None:
    becomes(
        """block call $value local.set 2 call $value br_if 0
        call $value local.get 2 i32.sub call $use i32.const 9 local.set 2 end local.get 2""",
        """block (result i32) call $value call $value br_if 0 local.set 2
        call $value local.get 2 i32.sub call $use i32.const 9 end""",
    )


def test_a_value_waits_for_the_end_under_other_code() -> None:
    becomes(
        f"""local.get 0 if {LOAD} local.set 2 call $value call $use
        else call $value local.set 2 {STORE} end local.get 2""",
        f"""local.get 0 if (result i32) {LOAD} call $value call $use
        else call $value {STORE} end""",
    )


@pytest.mark.parametrize(
    "code",
    [
        """local.get 0 if call $value local.set 2 call $value local.get 2 i32.sub call $use
        else call $value local.set 2 end""",
        "block call $value local.set 2 call $value br_table 0 0 end",
        "loop call $value local.set 2 call $value br_if 0 end",
    ],
    ids=["it is read in between", "br_table carries one value for all", "a loop has one way out"],
)
def test_writes_that_do_not_become_results(code: str) -> None:
    stays(f"{code} call $value local.get 2 i32.sub call $use local.get 2")


def test_results_of_any_type_are_shorthands() -> None:
    for value_type in ("i64", "f32", "f64", "v128", "externref"):
        wat = f"""(import "e" "value" (func $value (result {value_type})))
            (func (param i32) (result {value_type}) (local {value_type})"""
        check(
            "simplify-locals",
            f"""{wat} local.get 0 if call $value local.set 1 else call $value local.set 1 end
            local.get 1)""",
            f"""{wat} local.get 0 if (result {value_type}) call $value else call $value end)""",
        )


def test_nesting_thousands_deep() -> None:
    opened = "local.get 1 if " * DEPTH
    closed = "end " * DEPTH
    becomes(
        f"{TRIPLE} local.set 2 {opened} local.get 2 call $use {closed}",
        f"{opened} {TRIPLE} call $use {closed}",
        "",
    )
    arms = "local.get 1 if i32.const 1 local.set 2 else " * DEPTH
    results = "local.get 1 if (result i32) i32.const 1 else " * DEPTH
    becomes(
        f"{arms} i32.const 2 local.set 2 {closed} local.get 2", f"{results} i32.const 2 {closed}"
    )
