"""Coalesce locals lets values share a local that are never needed at the same time."""

from __future__ import annotations

from unittest.mock import patch

from tests.support import check, module_of, run_once, unchanged
from wasmopt.passes import live_ranges

DEPTH = 3000


def _module(func: str) -> str:
    return f"""(module
        (import "e" "value" (func $value (result i32)))
        (import "e" "use" (func $use (param i32)))
        (import "e" "wide" (func $wide (param i64)))
        (func {func}))"""


def becomes(before: str, after: str) -> None:
    check("coalesce-locals", _module(before), _module(after))


def stays(func: str) -> None:
    unchanged("coalesce-locals", _module(func))


def test_a_copy_whose_source_is_not_read_again_goes() -> None:
    becomes(
        "(param i32) (result i32) (local i32) local.get 0 local.set 1 call $value local.get 1"
        " i32.sub",
        "(param i32) (result i32) call $value local.get 0 i32.sub",
    )


def test_a_copy_goes_where_both_are_read_but_neither_is_written() -> None:
    becomes(
        """(param i32) (local i32) local.get 0 local.set 1
        local.get 0 call $use local.get 1 call $use local.get 0 call $use""",
        "(param i32) local.get 0 call $use local.get 0 call $use local.get 0 call $use",
    )


def test_a_copy_stays_where_its_source_changes() -> None:
    stays(
        """(param i32) (local i32) local.get 0 local.set 1
        loop local.get 0 call $use call $value local.set 0 local.get 1 call $use br 0 end"""
    )


def test_a_copy_goes_where_its_source_begins_anew() -> None:
    """The later values of local 0 are another range."""
    becomes(
        """(param i32) (local i32) local.get 0 local.set 1 call $value local.set 0
        local.get 1 call $use local.get 0 call $use local.get 1 call $use""",
        """(param i32) (local i32) call $value local.set 1
        local.get 0 call $use local.get 1 call $use local.get 0 call $use""",
    )


def test_a_copy_that_leaves_its_value_on_the_stack() -> None:
    becomes(
        "(param i32) (local i32) local.get 0 local.tee 1 call $use local.get 1 call $use",
        "(param i32) local.get 0 call $use local.get 0 call $use",
    )
    becomes(
        """(local i32 i32) call $value local.tee 0 local.set 1
        local.get 0 call $use local.get 1 call $use""",
        "(local i32 i32) call $value local.set 0 local.get 0 call $use local.get 0 call $use",
    )


def test_a_chain_of_copies_goes() -> None:
    becomes(
        """(param i32) (local i32 i32) local.get 0 local.tee 1 local.tee 2 call $use
        local.get 1 call $use local.get 2 call $use""",
        "(param i32) local.get 0 call $use local.get 0 call $use local.get 0 call $use",
    )


def test_a_copy_around_a_loop_goes() -> None:
    becomes(
        """(param i32) (local i32) loop local.get 0 i32.const 1 i32.sub local.set 1
        local.get 1 call $use local.get 1 local.set 0 local.get 0 br_if 0 end""",
        """(param i32) loop local.get 0 i32.const 1 i32.sub local.set 0
        local.get 0 call $use local.get 0 br_if 0 end""",
    )


def test_two_values_that_change_places_in_a_loop_stay_apart() -> None:
    stays(
        """(param i32 i32) (local i32) loop local.get 0 local.set 2 local.get 1 local.set 0
        local.get 2 local.set 1 local.get 0 call $use local.get 1 br_if 0 end"""
    )


def test_the_only_local_of_a_type_moves_into_a_parameter_that_is_done() -> None:
    becomes(
        "(param i64) (local i64) local.get 0 call $wide i64.const 5 local.set 1"
        " local.get 1 call $wide local.get 1 call $wide",
        "(param i64) local.get 0 call $wide i64.const 5 local.set 0"
        " local.get 0 call $wide local.get 0 call $wide",
    )


def test_a_local_does_not_move_into_a_parameter_that_is_read_later() -> None:
    stays(
        "(param i64) (local i64) i64.const 5 local.set 1 local.get 1 call $wide"
        " local.get 0 call $wide local.get 1 call $wide"
    )


def test_a_local_does_not_move_into_another_type() -> None:
    stays(
        "(param i64 f32) (local i32) call $value local.set 2 local.get 2 call $use"
        " local.get 2 call $use"
    )


def test_the_zero_that_a_local_begins_with_is_not_in_a_parameter() -> None:
    becomes(
        "(param i32) (local i32) local.get 0 call $use local.get 1 call $use",
        "(param i32) local.get 0 call $use i32.const 0 call $use",
    )
    stays(
        """(param i32) (local i32) local.get 0 if i32.const 7 local.set 1 end
        local.get 1 call $use"""
    )


def test_a_copy_of_the_zero_that_a_local_begins_with_goes() -> None:
    becomes(
        "(param i64) (local i64) local.get 1 local.set 0 local.get 0 call $wide",
        "(param i64) i64.const 0 call $wide",
    )
    becomes(
        """(local i64 i64) local.get 0 local.get 1 local.set 0 call $wide
        local.get 0 call $wide""",
        "i64.const 0 call $wide i64.const 0 call $wide",
    )


def test_more_than_128_locals_get_short_numbers() -> None:
    each = "call $value local.set {0} local.get {0} call $use local.get {0} call $use"
    before = " ".join(each.format(number) for number in range(140))
    after = " ".join(each.format(0) for _ in range(140))
    becomes(f"(local {'i32 ' * 140})  {before}", f"(local i32) {after}")


def test_what_an_exception_handler_reads_keeps_its_local() -> None:
    code = """(param i32) (result i32) (local i32) local.get 0 local.set 1
        block try_table (catch_all 0) call $value local.set 0 call $value local.set 0
        end end local.get 0 local.get 1 i32.add"""
    stays(code)


def test_a_local_without_a_default_value_stays() -> None:
    stays(
        "(param (ref func)) (result (ref func)) (local (ref func)) local.get 0 local.set 1"
        " local.get 1"
    )


def test_values_of_locals_are_not_split_in_code_that_is_too_long() -> None:
    """One range for each local still finds plain copies, and keeps what conflicts."""
    anew = """(param i32) (local i32) local.get 0 local.set 1 call $value local.set 0
        local.get 1 call $use local.get 0 call $use local.get 1 call $use"""
    loop = "loop local.get 0 call $use call $value local.tee 0 br_if 0 end"
    with patch.object(live_ranges, "MAX_LIVE", 0):
        stays(anew + " " + loop)
        becomes(
            f"(param i32) (local i32) {loop} local.get 0 local.set 1 local.get 1 call $use",
            f"(param i32) {loop} local.get 0 call $use",
        )
    with patch.object(live_ranges, "MAX_RANGES", 1):
        stays("(param i32) (local i32) local.get 0 local.set 1 local.get 1 call $use")


def test_unreachable_code_does_not_matter() -> None:
    becomes(
        """(param i32) (local i32) local.get 0 local.set 1 local.get 1 call $use return
        local.get 1 local.get 0 local.set 1 i32.add call $use""",
        "(param i32) local.get 0 call $use return i32.const 0 i32.add call $use",
    )


def test_nesting_thousands_deep() -> None:
    inside = "block " * DEPTH + "local.get 1 br_if 0 " + "end " * DEPTH
    becomes(
        f"(param i32) (local i32) local.get 0 local.set 1 {inside}",
        f"(param i32) {inside.replace('get 1', 'get 0')}",
    )


def test_thousands_of_locals_that_are_all_live_at_once() -> None:
    """A graph of two million edges."""
    count = 2000
    values = " ".join(f"call $value local.set {number}" for number in range(count))
    uses = " ".join(f"local.get {number} call $use" for number in range(count))
    before = f"{values} local.get 7 local.set {count} {uses} local.get {count} call $use"
    module = module_of(_module(f"(local {'i32 ' * (count + 1)}) {before}"))
    (after,) = run_once("coalesce-locals", module).functions
    assert len(after.body) == len(module.functions[0].body) - 2
