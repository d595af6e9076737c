"""Join stores makes one store of constants side by side, where nobody can see which came first."""

from __future__ import annotations

import pytest

from tests.support import check, module_of, run_pass, unchanged

MEMORY = """(import "e" "f" (func $f)) (memory $m 1) (memory $n 0) (global $g (mut i32)
    (i32.const 0))"""
SIGNATURE = "(param i32 i32) (local i32)"


def code(body: str) -> str:
    return f"{MEMORY} (func {SIGNATURE} {body})"


def becomes(before: str, after: str) -> None:
    check("join-stores", code(before), code(after))


def stays(body: str) -> None:
    unchanged("join-stores", code(body))


def zero(offset: int, base: str = "local.get 0") -> str:
    return f"{base} i32.const 0 i32.store offset={offset}"


def test_the_upper_one_runs_first() -> None:
    becomes(f"{zero(12)} {zero(8)}", "local.get 0 i64.const 0 i64.store offset=8 align=4")


def test_the_lower_one_runs_first_and_the_bounds_are_known() -> None:
    becomes(
        f"local.get 0 i32.load offset=12 drop {zero(8)} {zero(12)}",
        "local.get 0 i32.load offset=12 drop local.get 0 i64.const 0 i64.store offset=8 align=4",
    )
    becomes(
        f"local.get 0 local.get 1 i64.extend_i32_u i64.store offset=8 {zero(8)} {zero(12)}",
        """local.get 0 local.get 1 i64.extend_i32_u i64.store offset=8
           local.get 0 i64.const 0 i64.store offset=8 align=4""",
    )


def test_a_memory_that_grew_has_what_it_had() -> None:
    grow = "i32.const 1 memory.grow drop call $f"
    becomes(
        f"local.get 0 i64.load drop {grow} {zero(0)} {zero(4)}",
        f"local.get 0 i64.load drop {grow} local.get 0 i64.const 0 i64.store align=4",
    )


def test_constants_are_put_together_byte_by_byte() -> None:
    becomes(
        """local.get 0 i32.const -1 i32.store8 offset=3 local.get 0 i32.const 0x123 i32.store8
           local.get 0 i32.const 0 i32.store8 offset=1
           local.get 0 i32.const -1 i32.store8 offset=2""",
        "local.get 0 i32.const 0xffff0023 i32.store align=1",
    )
    becomes(
        "local.get 0 f32.const 1 f32.store offset=4 local.get 0 i64.const -1 i64.store32",
        "local.get 0 i64.const 0x3f800000ffffffff i64.store align=4",
    )


def test_of_two_forms_of_a_halfword_the_shorter_one_is_taken() -> None:
    two = "local.get 0 i32.const {} i32.store8 offset=1 local.get 0 i32.const {} i32.store8"
    becomes(two.format(255, 254), "local.get 0 i32.const -2 i32.store16 align=1")
    becomes(two.format(0, 200), "local.get 0 i32.const 200 i32.store16 align=1")


def test_what_computes_the_address_stays_first() -> None:
    becomes(
        f"local.get 1 local.tee 0 i32.const 0 i32.store offset=4 {zero(0)}",
        "local.get 1 local.tee 0 i64.const 0 i64.store align=4",
    )


def test_constant_addresses_and_offsets_are_one_sum() -> None:
    """The memory has these bytes at any time, so the order does not matter."""
    becomes(
        "i32.const 16 i32.const 0 i32.store i32.const 4 i32.const 0 i32.store offset=16",
        "i32.const 16 i64.const 0 i64.store align=4",
    )


def test_stores_of_a_run_need_not_be_neighbours() -> None:
    becomes(
        f"{zero(28)} {zero(0)} local.get 1 i32.const 1 i32.add local.set 2 {zero(24)} {zero(4)}",
        """local.get 0 i64.const 0 i64.store offset=24 align=4
           local.get 0 i64.const 0 i64.store align=4
           local.get 1 i32.const 1 i32.add local.set 2""",
    )


def test_the_choice_takes_the_fewest_bytes() -> None:
    """Of three in a row the two whose constants are short together."""
    stores = [
        f"local.get 0 i32.const {value} i32.store offset={at}"
        for at, value in ((8, 0), (4, 0), (0, 0x12345678))
    ]
    becomes(" ".join(stores), f"local.get 0 i64.const 0 i64.store offset=4 align=4 {stores[2]}")


@pytest.mark.parametrize(
    "body",
    [
        # The lower one is written even if the upper one traps:
        f"{zero(8)} {zero(12)}",
        f"local.get 0 i32.load offset=11 drop {zero(8)} {zero(12)}",
        "i32.const -8 i32.const 0 i32.store i32.const -8 i32.const 0 i32.store offset=4",
        "i32.const 0 i32.const 0 i32.store $n i32.const 0 i32.const 0 i32.store $n offset=4",
        # What was in bounds was behind another address, or perhaps not looked at:
        f"local.get 0 i64.load offset=8 drop local.get 1 local.set 0 {zero(8)} {zero(12)}",
        f"local.get 0 i64.load $n offset=8 drop {zero(8)} {zero(12)}",
        f"local.get 1 if local.get 0 i64.load offset=8 drop end {zero(8)} {zero(12)}",
        f"local.get 0 i64.load offset=8 drop loop {zero(8)} {zero(12)} call $f local.get 1 "
        "local.tee 0 br_if 0 end",
        # They have bytes in common, or a gap between them:
        f"{zero(12)} {zero(9)}",
        f"{zero(12)} {zero(7)}",
        # Something happens between them:
        f"{zero(12)} call $f {zero(8)}",
        f"{zero(12)} local.get 1 i32.load drop {zero(8)}",
        f"{zero(12)} local.get 1 local.get 1 i32.store {zero(8)}",
        f"{zero(12)} local.get 1 global.set $g {zero(8)}",
        f"{zero(12)} block local.get 1 br_if 0 {zero(8)} end",
        f"{zero(12)} i32.const 1 memory.grow drop {zero(8)}",
        f"{zero(12)} local.get 1 i32.eqz local.tee 0 drop {zero(8)}",
        # They are by other addresses, or an address that may wrap around:
        f"{zero(12)} {zero(8, 'local.get 1')}",
        f"local.get 0 i32.const 4 i32.add i32.const 0 i32.store {zero(0)}",
        "i32.const 0 i32.const 0 i32.store i32.const -4 i32.const 0 i32.store",
        f"local.get 0 i32.const 0 i32.store $n offset=4 {zero(0)}",
    ],
)
def test_what_must_stay_apart(body: str) -> None:
    stays(body)


def test_shared_memories_are_left_alone() -> None:
    unchanged("join-stores", f"(memory 1 1 shared) (func (param i32) {zero(4)} {zero(0)})")


def test_long_runs_take_linear_time() -> None:
    stores = " ".join([zero(4 * each) for each in reversed(range(2_000))])
    result = run_pass("join-stores", module_of(f"(memory 1) (func (param i32) {stores})"))
    assert len(result.functions[0].body) == 1_000 * 3 + 1
