"""Dead locals removes what is never read, and no parameter."""

from __future__ import annotations

from tests.support import check, unchanged

DEPTH = 5000


def becomes(before: str, after: str) -> None:
    check("dead-locals", before, after)


def stays(wat: str) -> None:
    unchanged("dead-locals", wat)


def test_a_write_to_a_local_that_is_never_read_drops_its_value() -> None:
    becomes(
        "(func (param i32) (local i32) local.get 0 i32.load local.set 1) (memory 1)",
        "(func (param i32) local.get 0 i32.load drop) (memory 1)",
    )


def test_a_tee_to_a_local_that_is_never_read_goes() -> None:
    becomes(
        "(func (param i32) (result i32) (local i32) local.get 0 local.tee 1)",
        "(func (param i32) (result i32) local.get 0)",
    )


def test_later_locals_move_up() -> None:
    becomes(
        "(func (result f64) (local i32 i64 f32 f64) i64.const 1 local.set 1 local.get 3)",
        "(func (result f64) (local f64) i64.const 1 drop local.get 0)",
    )


def test_declarations_of_one_type_become_one_when_what_was_between_them_goes() -> None:
    becomes(
        "(func (result f32) (local f32 f64 f32) local.get 0 local.get 2 f32.add)",
        "(func (result f32) (local f32 f32) local.get 0 local.get 1 f32.add)",
    )


def test_a_parameter_stays_though_nothing_reads_it() -> None:
    stays("(func (param i32 i64))")
    becomes(
        "(func (param i32 i64) i64.const 1 local.set 1)",
        "(func (param i32 i64) i64.const 1 drop)",
    )


def test_one_of_several_locals_of_a_type_stays_where_that_saves_no_byte() -> None:
    stays("(func (result f32) (local f32 f32) local.get 1)")


def test_one_of_several_locals_of_a_type_goes_where_an_index_gets_shorter() -> None:
    many = "f32 " * 129
    becomes(
        f"(func (result f32) (local {many}) local.get 128 {'local.tee 1 ' * 2})",
        "(func (result f32) (local f32) local.get 0)",
    )
    reads = " ".join(f"local.get {index} drop" for index in range(1, 129))
    moved = " ".join(f"local.get {index} drop" for index in range(128))
    becomes(f"(func (local {many}) {reads})", f"(func (local {'f32 ' * 128}) {moved})")


def test_a_read_anywhere_keeps_a_local() -> None:
    stays("(func (local i32) i32.const 1 local.set 0 loop local.get 0 br_if 0 end)")
    stays("(func (local i32) i32.const 1 local.set 0 unreachable local.get 0 drop)")


def test_a_non_nullable_reference_goes_like_any_other_local() -> None:
    becomes(
        "(func (param (ref func)) (result f32) (local (ref func) f32) local.get 0 local.set 1"
        " local.get 2)",
        "(func (param (ref func)) (result f32) (local f32) local.get 0 drop local.get 1)",
    )


def test_vectors_and_floats() -> None:
    becomes(
        "(func (param v128 f32) (local v128 f32) local.get 0 local.set 2 local.get 1 local.set 3)",
        "(func (param v128 f32) local.get 0 drop local.get 1 drop)",
    )


def test_nesting_thousands_deep() -> None:
    before = "i32.const 1 local.set 0 block " * DEPTH + "end " * DEPTH
    after = "i32.const 1 drop block " * DEPTH + "end " * DEPTH
    becomes(f"(func (local i32) {before})", f"(func {after})")


def test_a_local_that_nothing_writes_goes_for_its_zero() -> None:
    becomes(
        "(func (result i32) (local i32) local.get 0 local.get 0 i32.add)",
        "(func (result i32) i32.const 0 i32.const 0 i32.add)",
    )
    becomes(
        "(func (result externref) (local i32 externref) local.get 1 i32.const 1 local.tee 0 drop)",
        "(func (result externref) ref.null extern i32.const 1 drop)",
    )


def test_a_local_that_nothing_writes_stays_where_its_zero_is_longer_or_saves_no_byte() -> None:
    stays("(func (result f32) (local f32) local.get 0)")
    stays("(func (result v128) (local v128) local.get 0)")
    stays(
        """(func (param i32) (result i32) (local i32 i32) local.get 0 local.set 1
            i32.const 1 local.get 1 local.get 2 select)"""
    )
