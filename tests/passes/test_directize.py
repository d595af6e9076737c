"""Directize calls what a table that never changes holds at a known place."""

from __future__ import annotations

import pytest

from tests.support import check, unchanged

IMPORT = '(import "e" "host" (func $host (param i32) (result i32)))'
TYPES = """
(type $unary (func (param i32) (result i32)))
(type $same (func (param i32) (result i32)))
(type $other (func (param i64) (result i32)))
"""
TABLE = "(table $t 8 funcref) (elem (table $t) (i32.const 2) func $twice $host)"
TWICE = "(func $twice (param i32) (result i32) local.get 0 i32.const 1 i32.shl)"
CALL = "(func (result i32) i32.const 5 i32.const 2 call_indirect $t (type $unary))"
DIRECT = "(func (result i32) i32.const 5 call $twice)"


def module(*fields: str) -> str:
    return f"(module {TYPES} {IMPORT} {' '.join(fields)})"


def becomes(before: str, after: str, *fields: str) -> None:
    check("directize", module(*fields, TWICE, before), module(*fields, TWICE, after))


def stays(call: str, *fields: str) -> None:
    unchanged("directize", module(*fields, TWICE, call))


def test_a_call_at_a_known_place() -> None:
    becomes(CALL, DIRECT, TABLE)


def test_a_host_function_in_the_table() -> None:
    becomes(CALL.replace("const 2", "const 3"), DIRECT.replace("$twice", "$host"), TABLE)


def test_a_type_that_is_spelled_twice() -> None:
    becomes(CALL.replace("$unary", "$same"), DIRECT, TABLE)


def test_a_tail_call() -> None:
    becomes(
        CALL.replace("call_indirect", "return_call_indirect"),
        DIRECT.replace("call", "return_call"),
        TABLE,
    )


def test_an_index_of_64_bits() -> None:
    table = "(table $t i64 8 funcref) (elem (table $t) (i64.const 2) func $twice)"
    becomes(CALL.replace("i32.const 2", "i64.const 2"), DIRECT, table)


def test_the_later_of_two_segments_counts() -> None:
    later = "(elem (table $t) (i32.const 1) funcref (ref.func $host) (ref.func $host))"
    becomes(CALL, DIRECT.replace("$twice", "$host"), TABLE, later)
    stays(CALL, TABLE, "(elem (table $t) (i32.const 2) funcref (ref.null func))")


def test_tables_are_told_apart() -> None:
    exported = '(table $u (export "u") 8 funcref) (elem (table $u) (i32.const 2) func $host)'
    becomes(CALL, DIRECT, TABLE, exported)
    stays(CALL.replace("$t", "$u"), TABLE, exported)


def test_reading_a_table_does_not_change_it() -> None:
    reads = "(func i32.const 0 table.get $t drop table.size $t drop)"
    becomes(CALL, DIRECT, reads, TABLE)


def test_a_call_that_traps_stays() -> None:
    stays(CALL.replace("$unary", "$other").replace("const 5", "const 5 i64.extend_i32_u"), TABLE)
    stays(CALL.replace("const 2", "const 1"), TABLE)
    stays(CALL.replace("const 2", "const 8"), TABLE)
    stays(CALL.replace("const 2", "const -1"), TABLE)


def test_a_call_at_a_computed_place_stays() -> None:
    stays("(func (param i32) (result i32) local.get 0 local.get 0 call_indirect $t (type $unary))",
          TABLE)  # fmt: skip


def test_a_select_of_two_places_stays() -> None:
    """An `if` with two calls takes as many bytes, or more."""
    call = "call_indirect $t (type $unary)"
    stays(
        f"(func (param i32) (result i32) local.get 0 i32.const 2 i32.const 3 local.get 0"
        f" select {call})",
        TABLE,
    )


@pytest.mark.parametrize(
    "write",
    [
        "i32.const 2 ref.func $twice table.set $t",
        "ref.null func i32.const 1 table.grow $t drop",
        "i32.const 0 ref.null func i32.const 1 table.fill $t",
        "i32.const 0 i32.const 0 i32.const 1 table.copy $t $u",
        "i32.const 0 i32.const 0 i32.const 1 table.init $t 0",
    ],
)
def test_a_table_that_some_function_writes(write: str) -> None:
    stays(CALL, f"(func {write})", TABLE, "(table $u 1 funcref)")


def test_a_table_that_the_host_can_reach() -> None:
    stays(CALL, TABLE, '(export "table" (table $t))')
    stays(CALL, '(import "e" "t" (table $t 8 funcref)) (elem (i32.const 2) func $twice)')


def test_segments_that_might_not_fit() -> None:
    """Instantiation stops there, and what an imported table got before can be called."""
    stays(CALL, TABLE, "(elem (table $t) (i32.const 7) func $twice $twice)")
    offset = '(import "e" "base" (global $base i32))'
    stays(CALL, offset, TABLE, "(elem (table $t) (global.get $base) func $host)")
    stays(CALL, '(import "e" "t" (table $u 0 funcref))', TABLE,
          "(elem (table $u) (i32.const 0) func $twice)")  # fmt: skip


def test_types_with_relations_are_only_the_same_under_one_index() -> None:
    open_type = "(type $open (sub (func (param i32) (result i32))))"
    in_table = "(table $t 8 funcref) (elem (table $t) (i32.const 2) func $f)"
    function = "(func $f (type $open) local.get 0)"
    stays(CALL.replace("$unary", "$open2"), open_type, open_type.replace("$open", "$open2"),
          in_table, function)  # fmt: skip
    becomes(
        CALL.replace("$unary", "$open"), DIRECT.replace("$twice", "$f"),
        open_type, in_table, function,
    )  # fmt: skip
