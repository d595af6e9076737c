"""align-hints: all accesses say the same of their alignment, but those that have to say more."""

from __future__ import annotations

from tests.support import check_repacked, unchanged_module


def test_hints_become_the_lowest() -> None:
    check_repacked(
        "align-hints",
        "(memory 1) (func i32.const 8 i32.const 0 i32.load align=2 i32.store offset=4)"
        " (func i32.const 0 i64.load32_u drop i32.const 0 i64.load8_u drop)",
        "(memory 1)"
        " (func i32.const 8 i32.const 0 i32.load align=1 i32.store offset=4 align=1)"
        " (func i32.const 0 i64.load32_u align=1 drop i32.const 0 i64.load8_u drop)",
    )


def test_vectors_and_other_memories() -> None:
    check_repacked(
        "align-hints",
        "(memory 1) (memory i64 1) (func i64.const 0 v128.load 1 offset=5 drop"
        " i32.const 0 v128.const i32x4 0 0 0 0 v128.load16_lane align=2 3 drop)",
        "(memory 1) (memory i64 1) (func i64.const 0 v128.load 1 offset=5 align=1 drop"
        " i32.const 0 v128.const i32x4 0 0 0 0 v128.load16_lane align=1 3 drop)",
    )


def test_atomic_accesses_stay() -> None:
    unchanged_module(
        "align-hints",
        "(memory 1 1 shared) (func i32.const 0 i32.atomic.load drop"
        " i32.const 0 i32.const 1 memory.atomic.notify drop"
        " i32.const 0 i64.const 1 i64.atomic.rmw.add drop)",
    )
