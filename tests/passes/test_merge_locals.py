"""Merge locals uses one of several locals that hold the same value."""

from __future__ import annotations

from unittest.mock import patch

from tests.support import check, module_of, run_once, unchanged
from wasmopt.passes import local_values

DEPTH = 3000


def _module(func: str) -> str:
    return f"""(module
        (import "e" "value" (func $value (result i32)))
        (import "e" "use" (func $use (param i32)))
        (import "e" "wide" (func $wide (param i64)))
        (func {func}))"""


def becomes(before: str, after: str) -> None:
    check("merge-locals", _module(before), _module(after))


def stays(func: str) -> None:
    unchanged("merge-locals", _module(func))


def test_the_zero_that_a_local_begins_with_is_not_written_again() -> None:
    becomes(
        "(local i32 i64) i32.const 0 local.set 0 i64.const 0 local.set 1"
        " local.get 0 call $use local.get 1 call $wide",
        "(local i32 i64) local.get 0 call $use local.get 1 call $wide",
    )
    becomes(
        "(result f64) (local f64) f64.const 0 local.tee 0 local.get 0 f64.add",
        "(result f64) (local f64) local.get 0 local.get 0 f64.add",
    )


def test_a_parameter_begins_with_anything() -> None:
    stays("(param i32) i32.const 0 local.set 0 local.get 0 call $use local.get 0 call $use")


def test_a_minus_zero_is_no_zero() -> None:
    stays("(result f64) (local f64) f64.const -0 local.set 0 local.get 0")


def test_zero_is_written_again_where_a_loop_comes_back_with_something_else() -> None:
    stays(
        """(local i32) loop i32.const 0 local.set 0 local.get 0 call $use
        local.get 0 call $use call $value local.tee 0 br_if 0 local.get 0 call $use end"""
    )


def test_a_constant_that_every_path_has_written_is_not_written_again() -> None:
    becomes(
        """(param i32) (local i32)
        local.get 0 if i32.const 7 local.set 1 call $value drop else i32.const 7 local.set 1 end
        i32.const 7 local.set 1 local.get 1 call $use local.get 1 call $use""",
        """(param i32) (local i32)
        local.get 0 if i32.const 7 local.set 1 call $value drop else i32.const 7 local.set 1 end
        local.get 1 call $use local.get 1 call $use""",
    )


def test_a_constant_that_one_path_has_not_written_is() -> None:
    stays(
        """(param i32) (local i32) local.get 0 if i32.const 7 local.set 1 end
        local.get 1 call $use i32.const 7 local.set 1 local.get 1 call $use
        local.get 1 call $use"""
    )


def test_a_constant_that_a_loop_keeps_is_not_written_again() -> None:
    becomes(
        """(param i32) (local i32) i32.const 7 local.set 1
        loop local.get 1 call $use i32.const 7 local.set 1 call $value br_if 0 end""",
        """(param i32) (local i32) i32.const 7 local.set 1
        loop local.get 1 call $use call $value br_if 0 end""",
    )


def test_a_copy_that_is_made_twice() -> None:
    becomes(
        """(param i32 i32) loop local.get 0 local.set 1 local.get 1 call $use
        local.get 0 local.set 1 local.get 1 call $use call $value br_if 0
        call $value local.set 0 local.get 1 local.get 0 i32.add br_if 0 end""",
        """(param i32 i32) loop local.get 0 local.set 1 local.get 1 call $use
        local.get 1 call $use call $value br_if 0
        call $value local.set 0 local.get 1 local.get 0 i32.add br_if 0 end""",
    )


def test_a_copy_back_is_none() -> None:
    becomes(
        """(param i32) (local i32) loop call $value local.tee 1 local.set 0
        local.get 0 local.set 1 local.get 1 call $use local.get 0 br_if 0 end""",
        """(param i32) (local i32) loop call $value local.set 0
        local.get 0 call $use local.get 0 br_if 0 end""",
    )


def test_all_reads_of_a_copy_go_to_what_it_is_a_copy_of() -> None:
    becomes(
        """(param i32) (local i32) local.get 0 local.set 1
        loop local.get 1 call $use local.get 0 call $use call $value br_if 0 end""",
        """(param i32) (local i32)
        loop local.get 0 call $use local.get 0 call $use call $value br_if 0 end""",
    )


def test_a_copy_stays_where_a_read_of_it_finds_the_other_local_changed() -> None:
    stays(
        """(param i32) (local i32) local.get 0 local.set 1
        loop local.get 1 call $use call $value local.set 0 local.get 0 br_if 0 end"""
    )


def test_a_long_constant_is_read_from_a_local_that_holds_it() -> None:
    becomes(
        """(param i64) (result i64) (local i64) i64.const 0x123456789abc local.set 1
        local.get 0 i64.const 0x123456789abc i64.and local.get 1 i64.xor local.get 1 i64.mul""",
        """(param i64) (result i64) (local i64) i64.const 0x123456789abc local.set 1
        local.get 0 local.get 1 i64.and local.get 1 i64.xor local.get 1 i64.mul""",
    )
    stays(
        """(param i32) (result i32) (local i32) i32.const 5 local.set 1
        local.get 0 i32.const 5 i32.and local.get 1 i32.xor local.get 1 i32.mul"""
    )


def test_a_constant_is_not_read_from_a_local_of_another_type() -> None:
    stays(
        """(param i64 i32) i32.const 70000 local.set 1
        local.get 1 call $use local.get 1 call $use i64.const 70000 call $wide"""
    )


def test_a_local_without_a_default_value_is_written_again() -> None:
    stays(
        """(param (ref func)) (result (ref func)) (local (ref func)) local.get 0 local.set 1
        block local.get 0 local.set 1 end local.get 1 ref.is_null drop local.get 1"""
    )


def test_a_write_that_an_exception_may_come_before_stays() -> None:
    stays(
        """(param i32) (local i32)
        loop block try_table (catch_all 0) i32.const 7 local.set 1 call $value local.set 1
        call $value drop i32.const 7 local.set 1 call $value drop end end
        local.get 1 call $use i32.const 7 local.set 1
        local.get 1 call $use local.get 0 br_if 0 end"""
    )


def test_unreachable_code_does_not_matter() -> None:
    becomes(
        """(param i32) (local i32) i32.const 0 local.set 1 local.get 1 call $use return
        i32.const 0 local.set 1 local.get 1 call $use local.get 1 call $use""",
        """(param i32) (local i32) local.get 1 call $use return
        local.get 1 call $use local.get 1 call $use""",
    )


def test_not_every_equation_is_followed_in_code_that_has_too_many() -> None:
    code = """(param i32) (local i32 i32) loop i32.const 0 local.set 1 i32.const 0 local.set 2
        local.get 1 local.get 2 i32.add call $use local.get 0 br_if 0 end"""
    becomes(code, "(param i32) (local i32 i32)"
            " loop local.get 1 local.get 2 i32.add call $use local.get 0 br_if 0 end")  # fmt: skip
    with patch.object(local_values, "MAX_EQUATIONS", 1):
        (after,) = run_once("merge-locals", module_of(_module(code))).functions
    assert sum(instr.name == "local.set" for instr in after.body) == 1


def test_nesting_thousands_deep() -> None:
    inside = "block " * DEPTH + "{} local.get 0 br_if 0 local.get 1 call $use" + " end" * DEPTH
    becomes(
        f"(param i32) (local i32) {inside.format('i32.const 0 local.set 1')}",
        f"(param i32) (local i32) {inside.format('')}",
    )


def test_one_run_over_a_long_chain_of_loops() -> None:
    """Facts travel with the code, not one loop a sweep."""
    loop = "loop i32.const 7 local.set 1 local.get 1 call $use call $value br_if 0 end "
    module = module_of(_module(f"(local i32 i32) {loop * DEPTH}"))
    (after,) = run_once("merge-locals", module).functions
    assert sum(instr.name == "local.set" for instr in after.body) == 1
