"""Compare operands puts operands where they are cheapest; comparisons say the same as before."""

from __future__ import annotations

from itertools import product

import pytest

from tests.passes.environment import function
from tests.support import check, unchanged
from wasmopt.domain import to_unsigned
from wasmopt.instr import InstrPool
from wasmopt.opcodes import opcode
from wasmopt.passes.compare_operands import shortest_comparison
from wasmopt.passes.compare_operands_slots import SWAPPED
from wasmopt.semantics import evaluate

DEPTH = 3000


def signature(result: str, types: str) -> str:
    return f"(param i32 i32) {result} (local {types})"


def becomes(before: str, after: str, result: str = "(result i32)", types: str = "i32 i32") -> None:
    around = signature(result, types)
    check("compare-operands", function(before, around), function(after, around))


def stays(code: str, result: str = "(result i32)", types: str = "i32 i32") -> None:
    unchanged("compare-operands", function(code, signature(result, types)))


# -- values wait on the stack ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("i32.lt_s", "i32.gt_s"),
        ("i32.lt_u", "i32.gt_u"),
        ("i32.ge_s", "i32.le_s"),
        ("i32.ge_u", "i32.le_u"),
        ("i32.eq", "i32.eq"),
        ("i32.add", "i32.add"),
        ("i32.xor", "i32.xor"),
    ],
)
def test_the_second_operand_was_computed_first(before: str, after: str) -> None:
    becomes(
        f"call $value local.set 2 call $value local.get 2 {before}",
        f"call $value call $value {after}",
    )


def test_floats_compare_the_other_way_round() -> None:
    becomes(
        "call $float local.set 2 call $float local.get 2 f64.le",
        "call $float call $float f64.ge",
        types="f64 f64",
    )


@pytest.mark.parametrize("op", ["i32.sub", "i32.div_s", "i32.shl", "i32.store", "i32.rotl"])
def test_what_cannot_be_swapped_stays(op: str) -> None:
    result = "i32.const 1" if op == "i32.store" else ""
    stays(f"call $value local.set 2 call $value local.get 2 {op} {result}")


@pytest.mark.parametrize("op", ["f64.add", "f64.mul", "f64.min"])
def test_a_nan_may_come_from_either_operand(op: str) -> None:
    stays(f"call $float local.set 2 call $float local.get 2 {op}", "(result f64)", types="f64 f64")


def test_the_first_operand_waits_under_statements() -> None:
    becomes(
        """call $value local.set 2 i32.const 8 call $value i32.store
        block call $value br_if 0 i32.const 1 local.set 1 end local.get 2 local.get 1 i32.sub""",
        """call $value i32.const 8 call $value i32.store
        block call $value br_if 0 i32.const 1 local.set 1 end local.get 1 i32.sub""",
    )


def test_a_local_that_is_read_elsewhere_is_written_all_the_same() -> None:
    becomes(
        """call $value local.set 2 call $value local.get 2 i32.sub local.get 2 i32.lt_s
        local.get 2 i32.mul""",
        """call $value local.tee 2 call $value local.get 2 i32.sub i32.gt_s
        local.get 2 i32.mul""",
    )


def test_one_of_two_results_waits_as_well() -> None:
    becomes(
        "call $pair local.set 2 local.set 3 call $value local.get 3 i32.lt_u local.get 2 i32.mul",
        """call $pair local.set 2 call $value i32.gt_u local.get 2 i32.mul""",
    )


@pytest.mark.parametrize(
    "code",
    [
        "call $value local.set 2 call $value local.tee 2 local.get 2 i32.sub",
        "call $value call $value local.set 2 call $use call $value local.get 2 i32.sub",
        """call $value local.set 2 local.get 0 if local.get 2 call $use end
        local.get 0 local.get 1 local.get 2 i32.sub i32.sub""",
        """call $value local.set 2 local.get 0 if call $value local.set 2 end
        call $value local.get 2 i32.lt_s""",
        """loop call $value local.set 2 call $value br_if 0 end local.get 2""",
        "unreachable call $value local.set 2 local.get 2",
    ],
    ids=[
        "written again",
        "the stack goes below its place",
        "read within an arm, and two values above its place",
        "written within an arm",
        "read behind the loop that it is written in",
        "never reached",
    ],
)
def test_values_that_cannot_wait(code: str) -> None:
    stays(code)


def test_of_two_values_that_would_cross_one_waits() -> None:
    becomes(
        """call $value local.set 2 call $value local.set 3
        local.get 2 call $use local.get 3 call $use""",
        "call $value call $value local.set 3 call $use local.get 3 call $use",
        "",
    )


def test_values_wait_one_in_another() -> None:
    becomes(
        """call $value local.set 2 call $value local.set 3 call $value call $use
        local.get 3 call $use local.get 2 call $use""",
        "call $value call $value call $value call $use call $use call $use",
        "",
    )


def test_locals_without_a_default_are_written_where_they_were() -> None:
    wat = """(import "e" "f" (func $f (result (ref func))))
        (func (param i32) (local (ref func)) call $f local.set 1 {code})"""
    check(
        "compare-operands",
        wat.format(code="i32.const 1 local.set 0 local.get 1 drop local.get 1 drop"),
        wat.format(code="i32.const 1 local.set 0 drop local.get 1 drop").replace("set 1", "tee 1"),
    )


def test_an_i64_that_packs_two_values() -> None:
    high, low = "i64.const 32 i64.shl", "i64.const 4294967295 i64.and"
    becomes(
        f"call $wide {high} local.set 2 call $wide {low} local.get 2 i64.or",
        f"call $wide {high} call $wide {low} i64.or",
        "(result i64)",
        "i64 i64",
    )


def test_nesting_thousands_deep() -> None:
    inner = "local.get 0 if " * DEPTH + "call $value local.set 2 call $value local.get 2 i32.lt_s"
    after = "local.get 0 if " * DEPTH + "call $value call $value i32.gt_s"
    becomes(f"{inner} call $use {'end ' * DEPTH}", f"{after} call $use {'end ' * DEPTH}", "")


# -- constants ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), SWAPPED.items())
def test_swapped_instructions_are_the_same_function(one: str, other: str) -> None:
    kind = one.partition(".")[0]
    if kind.startswith("f"):
        special = (0, 1 << 31, 0x3F800000, 0xBF800000, 0x7F800000, 0x7FC00000, 0xFFC00001, 1)
        values = [bits << 32 if kind == "f64" else bits for bits in special]
    else:
        values = [to_unsigned(int(kind[1:]), each) for each in (0, 1, 2, 7, -1, -2, 1 << 31, -9)]
    for left, right in product(values, repeat=2):
        swapped = evaluate(opcode(other), (right, left))
        assert evaluate(opcode(one), (left, right)) == swapped is not None


@pytest.mark.parametrize("relation", ["lt", "le", "gt", "ge"])
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("sign", ["s", "u"])
def test_the_neighbour_of_a_constant_says_the_same(relation: str, bits: int, sign: str) -> None:
    pool = InstrPool()
    kind = f"i{bits}"
    highest = (1 << (bits - 1)) - 1
    borders = (0, 63, -65, 8191, -8193, highest, -highest - 1, -1)
    near = {each + step for each in borders for step in (-1, 0, 1)}
    edges = [each for each in near if -highest - 1 <= each <= highest]
    shorter = 0
    for value in edges:
        constant = pool.make(f"{kind}.const", value)
        op = f"{kind}.{relation}_{sign}"
        other, neighbour = shortest_comparison(op, constant, pool)
        assert neighbour.size <= constant.size
        shorter += neighbour.size < constant.size
        for left in edges:
            expected = [to_unsigned(bits, left), to_unsigned(bits, value)]
            found = [to_unsigned(bits, left), to_unsigned(bits, *neighbour.immediates)]
            assert evaluate(opcode(op), expected) == evaluate(opcode(other), found)
    assert shorter


def test_a_comparison_gets_the_shorter_constant() -> None:
    becomes("local.get 0 i32.const 64 i32.lt_s", "local.get 0 i32.const 63 i32.le_s")
    becomes("local.get 0 i32.const -65 i32.gt_s", "local.get 0 i32.const -64 i32.ge_s")
    stays("local.get 0 i32.const 64 i32.gt_s")
    stays("local.get 0 i32.const 64 i32.eq")
    stays("local.get 0 i32.const 70000 i32.lt_s")


def test_a_constant_goes_to_the_right() -> None:
    becomes("i32.const 5 call $value i32.lt_s", "call $value i32.const 5 i32.gt_s")
    becomes(
        "i32.const 70000 local.get 0 i32.load i32.add",
        "local.get 0 i32.load i32.const 70000 i32.add",
    )
    becomes("i32.const 64 local.get 0 i32.gt_u", "local.get 0 i32.const 63 i32.le_u")
    stays("i32.const 5 call $value i32.sub")
    stays("i32.const 5 i32.const 6 i32.lt_s")


def test_a_constant_goes_behind_the_statements_of_the_other_operand() -> None:
    becomes(
        "i32.const 5 call $value call $value local.set 2 i32.lt_s",
        "call $value call $value local.set 2 i32.const 5 i32.gt_s",
    )
