"""Vacuum removes what does nothing, and nothing else."""

from __future__ import annotations

import pytest

from tests.support import check, module_of, run_once, unchanged

DEPTH = 5000

ENVIRONMENT = """
    (type $pair (func (result i32 i64)))
    (type $s (struct (field i32)))
    (type $a (array (mut i32)))
    (tag $t (param i32))
    (import "host" "effect" (func $effect))
    (import "host" "value" (func $value (result i32)))
    (import "host" "two" (func $two (type $pair)))
    (import "host" "object" (func $object (result (ref null $s))))
    (memory 1)
    (table 4 funcref)
    (elem declare func $effect)
    (global $m (mut i32) (i32.const 0))
    (global $c i32 (i32.const 0))
"""


def function(code: str, signature: str = "") -> str:
    """A module whose one function has an i32, i64, f32, f64, v128 parameter and an i32 local."""
    return (
        f"{ENVIRONMENT} (func (param i32 i64 f32 f64 v128 anyref) {signature} (local i32) {code})"
    )


def becomes(before: str, after: str, signature: str = "", *, proved: bool = True) -> None:
    check("vacuum", function(before, signature), function(after, signature), proved=proved)


def stays(code: str, signature: str = "") -> None:
    unchanged("vacuum", function(code, signature))


@pytest.mark.parametrize(
    "code",
    [
        "i32.const 1 drop",
        "local.get 1 drop",
        "global.get $m drop",
        "global.get $c drop",
        "memory.size drop",
        "ref.func 0 drop",
        "ref.null func drop",
        "local.get 0 i32.const 8 i32.add i32.const 3 i32.shl drop",
        "local.get 1 i64.popcnt local.get 1 i64.mul drop",
        "local.get 2 f32.sqrt local.get 3 f32.demote_f64 f32.add drop",
        "local.get 3 i32.trunc_sat_f64_s drop",
        "local.get 4 local.get 4 i8x16.add i32.const 2 i8x16.shl drop",
        "local.get 5 ref.is_null drop",
        "local.get 1 local.get 1 local.get 0 select drop",
        "nop",
        "block end",
        "loop end",
        "local.get 0 if end",
        "local.get 0 if else end",
        "local.get 0 local.set 0",
        "local.get 1 block (param i64) (result i64) end drop",
        "block loop block nop end end end",
        "local.get 0 if local.get 1 local.set 1 else block end end",
        "local.get 0 if (result i64) i64.const 1 else local.get 1 end drop",
        "loop (result i32) i32.const 1 end drop",
    ],
)
def test_code_without_effect_goes_altogether(code: str) -> None:
    becomes(f"call $effect {code} call $effect", "call $effect call $effect")


@pytest.mark.parametrize(
    "code",
    [
        "local.get 0 i32.load drop",
        "local.get 0 i64.load8_s drop",
        "local.get 0 v128.load drop",
        "i32.const 1 local.get 0 i32.div_s drop",
        "local.get 1 local.get 1 i64.rem_u drop",
        "local.get 3 i32.trunc_f64_s drop",
        "call $value drop",
        "i32.const 0 table.get 0 drop",
        "local.get 5 ref.cast (ref i31) drop",
        "local.get 5 ref.as_non_null drop",
        "i32.const 1 memory.grow drop",
        "call $two drop drop",
        "local.get 0 if call $effect end",
        "block local.get 0 br_if 0 call $effect end",
        "loop local.get 0 br_if 0 end",
        "i32.const 6 local.set 6",
        "unreachable",
        "block try_table (catch_all 0) call $effect end end",
    ],
)
def test_what_may_trap_or_has_an_effect_stays(code: str) -> None:
    stays(code)


def test_what_must_stay_in_a_dropped_tree_is_dropped_where_it_is_computed() -> None:
    becomes(
        "local.get 0 i32.load i32.const 4 i32.add call $value i32.eqz i32.mul drop",
        "local.get 0 i32.load drop call $value drop",
    )


def test_a_drop_comes_before_the_statements_behind_its_value() -> None:
    becomes(
        "local.get 0 i32.load call $effect i32.const 4 i32.add drop",
        "local.get 0 i32.load drop call $effect",
    )


def test_the_order_of_effects_stays() -> None:
    becomes(
        "call $value i32.eqz local.get 0 i32.load i32.sub drop",
        "call $value drop local.get 0 i32.load drop",
    )


def test_a_tree_that_would_not_get_shorter_stays() -> None:
    stays("call $value call $value i32.add drop")
    stays("call $value call $value call $value select drop")


def test_tee_becomes_set() -> None:
    becomes("i32.const 7 local.tee 6 drop", "i32.const 7 local.set 6")
    becomes("i32.const 7 local.tee 6 i32.eqz drop", "i32.const 7 local.set 6")


def test_a_result_among_several_is_dropped_where_it_is_on_top() -> None:
    becomes(
        "call $two i32.wrap_i64 i32.const 5 i32.mul drop drop",
        "call $two drop drop",
    )
    becomes(
        "call $two i64.eqz i32.eqz i32.add i32.eqz drop",
        "call $two drop drop",
    )


def test_a_result_below_another_is_dropped_once_that_one_is_gone() -> None:
    becomes("call $two local.set 1 i32.eqz i32.eqz drop", "call $two local.set 1 drop")


def test_a_dropped_block_parameter() -> None:
    becomes(
        "call $value block (param i32) i32.eqz drop local.get 0 br_if 0 call $effect end",
        "call $value block (param i32) drop local.get 0 br_if 0 call $effect end",
    )


def test_a_dropped_if_drops_in_its_arms() -> None:
    becomes(
        "local.get 0 if (result i32) call $effect i32.const 1 else call $value end drop",
        "local.get 0 if call $effect else call $value drop end",
    )
    becomes(
        "local.get 0 if (result i32) i32.const 7 local.tee 6 else unreachable end drop",
        "local.get 0 if i32.const 7 local.set 6 else unreachable end",
    )


def test_a_dropped_if_stays_when_two_drops_are_longer_than_one() -> None:
    stays("local.get 0 if (result i32) call $value else call $value end drop")


def test_a_dropped_block_drops_before_the_branches_to_it() -> None:
    becomes(
        "block (result i32) local.get 0 if i32.const 1 br 1 end call $effect i32.const 2 end drop",
        "block local.get 0 if br 1 end call $effect end",
    )


def test_a_dropped_loop_may_be_branched_to_by_anything() -> None:
    becomes(
        "loop (result i32) local.get 0 br_if 0 call $effect i32.const 1 end drop",
        "loop local.get 0 br_if 0 call $effect end",
    )


def test_a_longer_result_type_pays_for_a_drop() -> None:
    becomes(
        "local.get 0 if (result (ref null $s)) call $object else unreachable end drop",
        "local.get 0 if call $object drop else unreachable end",
        proved=False,
    )


def test_the_result_of_an_exception_handler_stays() -> None:
    stays("block try_table (result i32) (catch_all 0) call $effect i32.const 1 end drop end")


def test_a_dropped_block_stays_when_a_branch_hands_its_value_on() -> None:
    stays("block (result i32) i32.const 1 local.get 0 br_if 0 call $effect end drop")


@pytest.mark.parametrize("leave", ["br 0", "return", "unreachable", "i32.const 0 br_table 0 0"])
def test_code_behind_an_unconditional_branch_goes(leave: str) -> None:
    becomes(
        f"block local.get 0 br_if 0 {leave} call $effect block br 0 end drop i32.add drop end",
        f"block local.get 0 br_if 0 {leave} end",
    )


def test_unreachable_code_goes_up_to_the_else() -> None:
    becomes(
        "local.get 0 if return i32.add drop else call $effect end",
        "local.get 0 if return else call $effect end",
    )


def test_code_behind_a_block_that_never_completes() -> None:
    becomes(
        "loop call $effect br 0 end call $effect i32.const 2",
        "loop call $effect br 0 end unreachable",
        "(result i32)",
    )
    becomes(
        "local.get 0 if i32.const 1 return else i32.const 2 return end local.get 0 i32.load",
        "local.get 0 if i32.const 1 return else i32.const 2 return end unreachable",
        "(result i32)",
    )


def test_nothing_stands_for_code_that_would_leave_nothing() -> None:
    becomes("loop call $effect br 0 end call $effect", "loop call $effect br 0 end")
    becomes("loop call $effect br 0 end unreachable", "loop call $effect br 0 end")


def test_the_same_inside_of_a_block() -> None:
    forever = "loop call $effect br 0 end"
    becomes(
        f"block local.get 0 br_if 0 {forever} call $effect end",
        f"block local.get 0 br_if 0 {forever} end",
    )
    becomes(
        f"call $value block (param i32) drop local.get 0 br_if 0 {forever} call $effect end",
        f"call $value block (param i32) drop local.get 0 br_if 0 {forever} end",
    )
    becomes(
        f"block (result i32) i32.const 1 local.get 0 br_if 0 drop {forever} call $value end",
        f"block (result i32) i32.const 1 local.get 0 br_if 0 drop {forever} unreachable end",
        "(result i32)",
    )
    becomes(
        f"local.get 0 if {forever} call $effect else call $effect end",
        f"local.get 0 if {forever} else call $effect end",
    )


def test_an_unreachable_stands_for_code_that_would_use_up_what_is_there() -> None:
    forever = "loop call $effect br 0 end"
    becomes(f"call $value {forever} i32.eqz drop", f"call $value {forever} unreachable")
    becomes(
        f"block local.get 0 br_if 0 call $value {forever} i32.eqz drop end",
        f"block local.get 0 br_if 0 call $value {forever} unreachable end",
    )


def test_one_byte_behind_a_block_that_never_completes_stays() -> None:
    stays("loop call $effect br 0 end unreachable", "(result i32)")


def test_the_code_behind_a_block_that_a_branch_leaves_stays() -> None:
    stays("block loop local.get 0 br_if 1 br 0 end end call $effect")


def test_blocks_that_nothing_branches_to_dissolve_and_labels_count_on() -> None:
    becomes(
        "block loop block local.get 0 br_if 1 local.get 0 br_table 2 1 3 end end end",
        "block loop local.get 0 br_if 0 local.get 0 br_table 1 0 2 end end",
    )


def test_a_block_with_operands_and_results_dissolves() -> None:
    becomes(
        "local.get 0 loop (param i32) (result i32 i32) call $value end i32.add",
        "local.get 0 call $value i32.add",
        "(result i32)",
    )


def test_labels_of_exception_handlers_count_on() -> None:
    becomes(
        "block block try_table (catch_all 1) block call $effect br 0 end end end end",
        "block try_table (catch_all 0) block call $effect br 0 end end end",
    )


def test_a_block_named_by_a_handler_only_stays() -> None:
    stays("block try_table (catch_all 0) call $effect end unreachable end")


def test_an_exception_handler_without_code_or_clauses_goes() -> None:
    code = "block try_table (catch_all 0) end call $effect end"
    becomes(code, "call $effect", proved=False)
    becomes("try_table call $effect end", "call $effect", proved=False)


def test_a_new_object_that_is_dropped_goes() -> None:
    becomes("i32.const 1 struct.new $s drop call $effect", "call $effect", proved=False)
    stays("i32.const 1 i32.const 2 array.new $a drop")


def test_legacy_exception_handlers_stay() -> None:
    unchanged("vacuum", "(func $f) (func try catch_all end try call $f delegate 0)")


def test_an_empty_else_goes() -> None:
    becomes(
        "local.get 0 if call $effect else nop end",
        "local.get 0 if call $effect end",
    )


def test_a_then_arm_alone_may_be_empty() -> None:
    stays("local.get 0 if else call $effect end")


def test_an_if_without_code_leaves_the_effects_of_its_condition() -> None:
    becomes("call $value if else end", "call $value drop")


def test_an_if_without_code_takes_its_condition_along_as_far_as_that_is_shorter() -> None:
    becomes("local.get 0 i32.const 3 i32.lt_u if end call $effect", "call $effect")
    becomes("call $value call $value i32.add if end", "call $value call $value i32.add drop")


def test_get_and_set_of_the_same_local() -> None:
    becomes("local.get 6 local.tee 6 global.set $m", "local.get 6 global.set $m")
    becomes("local.get 6 local.tee 6 call $effect drop", "call $effect")
    becomes("local.get 6 block (param i32) local.set 6 end call $effect", "call $effect")
    stays("local.get 0 local.set 6")


def test_a_non_nullable_local_stays_initialised() -> None:
    check(
        "vacuum",
        "(func (param (ref func)) (local (ref func)) local.get 0 local.tee 1 drop"
        " block local.get 1 local.set 1 end)",
        "(func (param (ref func)) (local (ref func)) local.get 0 local.set 1)",
    )


def test_nesting_thousands_deep() -> None:
    code = "block " * DEPTH + "local.get 0 br_if 0 " + "end " * DEPTH
    becomes(code, "block local.get 0 br_if 0 end")
    becomes("block " * DEPTH + "end " * DEPTH + "call $effect", "call $effect")
    chain = "local.get 0 " + "i32.eqz " * DEPTH + "drop call $effect"
    becomes(chain, "call $effect")
    arms = "local.get 0 if (result i32) " * DEPTH + "i32.const 1 " + "else i32.const 2 end " * DEPTH
    becomes(arms + "drop call $effect", "call $effect")


def test_one_run_goes_through_all_levels() -> None:
    """A run for every level of nesting would be quadratic."""
    code = "local.get 0 if (result i32) " * 30 + "i32.const 1 " + "else i32.const 2 end " * 30
    module = run_once("vacuum", module_of(function(code + "drop call $effect")))
    assert [instr.name for instr in module.functions[0].body] == ["call", "end"]
