"""The normaliser: what is equal becomes one term, at a cost in proportion.

That no term changes its value is for `test_rules.py` and `test_normalise_values.py`.
"""

from __future__ import annotations

import random
import time
from itertools import product

import pytest

from tests.verify.expressions import INTEGER_ROWS, new, read
from wasmopt.opcodes import opcode
from wasmopt.verify import truth
from wasmopt.verify.evaluate import evaluate_term
from wasmopt.verify.linear import MAX_TERMS
from wasmopt.verify.normalise import MAX_NESTING
from wasmopt.verify.terms import REFERENCE, SortError

# -- what is equal becomes one term ------------------------------------------------------------

SAME = """
(i32.add x y) = (i32.add y x)
(i32.add (i32.add x 3) (i32.add y 4)) = (i32.add (i32.add y x) 7)
(i32.sub (i32.add x y) y) = (i32.add x 0)
(i32.sub 0 (i32.sub x y)) = (i32.sub y x)
(i32.mul x -1) = (i32.sub 0 x)
(i32.add x x) = (i32.shl x 1)
(i32.mul (i32.shl x 2) 3) = (i32.mul x 12)
(i32.mul (i32.shl x 2) (i32.shl y 3)) = (i32.shl (i32.mul y x) 5)
(i64.shl x 64) = (i64.add x 0)
(i32.xor x -1) = (i32.sub -1 x)
(i32.add (i32.xor x -1) 1) = (i32.sub 0 x)
(i32.xor x 0x80000000) = (i32.add x 0x80000000)
(i32.sub (i32.add (i32.or x 5) 3) 3) = (i32.or x 5)
(i32.shl (i32.and x 0xffffff) 8) = (i32.shl x 8)
(i32.or (i32.shl x 3) 5) = (i32.add (i32.mul x 8) 5)
(i32.xor (i32.shl x 8) xb) = (i32.or xb (i32.shl x 8))
(i32.and (i32.and x 0xff0) 0xff) = (i32.and x 0xf0)
(i32.and xb 0xff) = (i32.add xb 0)
(i32.and (i32.add (i32.and x 0xff) 255) 0xff) = (i32.and (i32.sub x 1) 0xff)
(i32.and (i32.add x 32) -16) = (i32.add (i32.and x -16) 32)
(i32.and (i32.or x 12) 10) = (i32.or (i32.and x 2) 8)
(i32.shl (i32.shr_u x 4) 4) = (i32.and x -16)
(i32.shl (i32.shr_u x 5) 2) = (i32.and (i32.shr_u x 3) 0x1ffffffc)
(i32.shr_u (i32.shl x 24) 24) = (i32.and x 0xff)
(i32.shr_u (i32.and x 0xff00) 8) = (i32.and (i32.shr_u x 8) 0xff)
(i32.shr_u (i32.shr_u x 3) 4) = (i32.shr_u x 7)
(i32.shr_u (i32.shr_u x 30) 4) = (i32.and x 0)
(i32.shr_s xb 3) = (i32.shr_u xb 3)
(i32.extend8_s x) = (i32.shr_s (i32.shl x 24) 24)
(i32.extend8_s (i32.and x 0xff)) = (i32.extend8_s x)
(i32.extend8_s (i32.shr_u x 8)) = (i32.shr_s (i32.shl x 16) 24)
(i32.eqz (i32.extend8_s (i32.shl x 4))) = (i32.eqz (i32.and x 15))
(i32.eqz (i32.extend8_s (i32.or (i32.shl x 4) 8)))
    = (i32.eqz (i32.and (i32.or (i32.shl x 4) 8) 0xff))
(i32.eq (i32.shl x 4) (i32.shl y 4)) = (i32.eqz (i32.and (i32.sub x y) 0xfffffff))
(i32.eq (i32.extend8_s x) -3) = (i32.eq (i32.and x 0xff) 0xfd)
(i32.lt_u (i32.extend8_s x) 2) = (i32.lt_u (i32.and x 0xff) 2)
(i32.lt_u (i32.extend8_s (i32.sub (i32.shr_u (i32.and x 0xff00) 8) 11)) 2)
    = (i32.lt_u (i32.and (i32.sub (i32.and (i32.shr_u x 8) 0xff) 11) 0xff) 2)
(i64.shr_u (i64.sub (i64.and z 0xff00) 0x1100) 8)
    = (i64.and (i64.sub (i64.shr_u (i64.and z 0xff00) 8) 17) 0xffffffffffffff)
(i32.and (i32.extend16_s x) 0xffff) = (i32.and x 0xffff)
(i64.extend8_s x) = (i64.shr_s (i64.shl x 56) 56)
(i64.extend32_s x) = (i64.extend_i32_s (i32.wrap_i64 x))
(i64.shr_s (i64.shl x 32) 32) = (i64.extend32_s x)
(i64.and x 0xffffffff) = (i64.extend_i32_u (i32.wrap_i64 x))
(i64.shr_u (i64.shl x 32) 32) = (i64.extend_i32_u (i32.wrap_i64 x))
(i64.and (i64.extend_i32_u x) 0xff) = (i64.extend_i32_u (i32.and x 0xff))
(i32.wrap_i64 (i64.add (i64.extend_i32_u x) (i64.extend_i32_s y))) = (i32.add x y)
(i32.wrap_i64 (i64.mul (i64.extend_i32_s x) (i64.extend_i32_u y))) = (i32.mul x y)
(i64.extend_i32_s (i32.shr_u x 1)) = (i64.extend_i32_u (i32.shr_u x 1))
(i64.extend_i32_u (i32.shl xb 3)) = (i64.shl (i64.extend_i32_u xb) 3)
(i64.shl (i64.extend_i32_u (i32.shr_u x 5)) 2) = (i64.extend_i32_u (i32.shl (i32.shr_u x 5) 2))
(i64.shr_u (i64.or (i64.shl (i64.extend_i32_u x) 32) (i64.extend_i32_u y)) 32)
    = (i64.extend_i32_u x)
(i32.wrap_i64 (i64.or (i64.shl (i64.extend_i32_u x) 32) (i64.extend_i32_u y))) = (i32.add y 0)
(i32.and (i32.or (i32.shl x 8) xb) 0xff) = (i32.add xb 0)
(i32.shl x (i32.and y 31)) = (i32.shl x (i32.add y 32))
(i32.shr_s x (i32.or y 31)) = (i32.shr_s x 31)
(i64.shr_s z (i64.or (i64.extend16_s z) 63)) = (i64.shr_s z 63)
(i32.rotr x 8) = (i32.rotl x 24)
(i32.rotl x (i32.sub 32 y)) = (i32.rotr x y)
(i32.rotl -2 x) = (i32.xor (i32.shl 1 x) -1)
(i32.div_u x 16) = (i32.shr_u x 4)
(i32.rem_u x 16) = (i32.and x 15)
(i32.rem_s xb 16) = (i32.and xb 15)
(i32.eqz (i32.rem_s x 8)) = (i32.eqz (i32.and x 7))
(i32.div_s x -1) = (i32.sub 0 x)
(i32.ne x y) = (i32.eqz (i32.eq y x))
(i32.eq x 0) = (i32.eqz x)
(i32.eqz (i32.sub x y)) = (i32.eq x y)
(i32.eqz (i32.xor x y)) = (i32.eq x y)
(i32.eq (i32.add x 3) (i32.add y 5)) = (i32.eq (i32.sub x y) 2)
(i32.eq (i32.sub 7 x) 3) = (i32.eq x 4)
(i32.eq x (i32.add x 1)) = (i32.and x 0)
(i32.le_s x y) = (i32.eqz (i32.lt_s y x))
(i32.le_s x 4) = (i32.lt_s x 5)
(i32.gt_u x 4) = (i32.eqz (i32.lt_u x 5))
(i32.ge_u x 1) = (i32.ne x 0)
(i32.lt_u x 1) = (i32.eqz x)
(i32.lt_s xb 16) = (i32.lt_u xb 16)
(i32.lt_u xb 256) = (i32.eq x x)
(i32.eqz (i32.shr_u x 4)) = (i32.lt_u x 16)
(i32.eqz (i32.and x -16)) = (i32.lt_u x 16)
(i32.shr_u x 31) = (i32.lt_s x 0)
(i32.ne (i32.and x 0x80000000) 0) = (i32.lt_s x 0)
(i32.lt_s (i32.shl x 24) 0) = (i32.ne (i32.and x 0x80) 0)
(i32.eq (i32.and x 8) 8) = (i32.ne (i32.and x 8) 0)
(i64.lt_u (i64.extend_i32_u x) (i64.extend_i32_u y)) = (i32.lt_u x y)
(i64.eqz (i64.extend_i32_s x)) = (i32.eqz x)
(i64.lt_s (i64.extend_i32_s x) -5) = (i32.lt_s x -5)
(i32.eqz (i32.eqz xt)) = (i32.add xt 0)
(i32.ne xt 0) = (i32.add xt 0)
(i32.eq xt 1) = (i32.add xt 0)
(i32.xor xt 1) = (i32.eqz xt)
(i32.sub 1 xt) = (i32.eqz xt)
(i32.mul xt yt) = (i32.and xt yt)
(i32.ne xt yt) = (i32.xor xt yt)
(i32.lt_u xt yt) = (i32.and (i32.eqz xt) yt)
(f32.neg (f32.neg x)) = (f32.reinterpret_i32 (i32.reinterpret_f32 x))
(f64.abs (f64.neg x)) = (f64.abs x)
(f64.copysign x -0.0) = (f64.neg (f64.abs x))
(f32.ge x y) = (f32.le y x)
(f32.ne x y) = (i32.eqz (f32.eq y x))
"""
PAIRS = [
    tuple(line.replace("-0.0", "0x8000000000000000").split(" = "))
    for line in SAME.replace("\n    =", " =").splitlines()
    if line
]


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=[left for left, _ in PAIRS])
def test_equal_things_are_one_term(left: str, right: str) -> None:
    for first, second in ((left, right), (right, left)):
        n = new()
        assert read(n, first) is read(n, second)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("(f32.add x y)", "(f32.add y x)"),  # the NaN of one operand or of the other
        ("(f64.mul x y)", "(f64.mul y x)"),
        ("(f64.sub x 0)", "(f64.add x 0)"),
        ("(f32.le x y)", "(i32.eqz (f32.lt y x))"),
        ("(i32.shr_u x 1)", "(i32.shr_s x 1)"),
        ("(i32.div_s x 2)", "(i32.shr_s x 1)"),
        ("(i64.extend_i32_u x)", "(i64.extend_i32_s x)"),
        ("(i64.extend_i32_u (i32.add x 1))", "(i64.add (i64.extend_i32_u x) 1)"),
        ("(i64.lt_u x 5)", "(i32.lt_u (i32.wrap_i64 x) 5)"),
    ],
)
def test_different_things_stay_apart(left: str, right: str) -> None:
    n = new()
    assert read(n, left) is not read(n, right)


def test_a_division_by_zero_is_not_folded() -> None:
    n = new()
    term = read(n, "(i32.div_u 7 0)")
    assert (term.op, [arg.payload for arg in term.args]) == ("i32.div_u", [7, 0])
    assert read(n, "(i32.rem_s 7 2)") is n.arena.constant("i32", 1)


def test_a_nan_is_not_folded() -> None:
    n = new()
    infinity = 0x7F80_0000
    assert read(n, f"(f32.sub {infinity} {infinity})").op == "f32.sub"
    assert read(n, f"(f32.add {infinity} 0)") is n.arena.constant("f32", infinity)


def test_other_instructions_are_kept_with_their_immediates() -> None:
    n = new()
    vector = n.arena.symbol("v128", "x")
    lanes = [n.apply(opcode("i32x4.extract_lane"), [vector], (lane,)) for lane in (0, 1, 0)]
    assert lanes[0] is lanes[2] and lanes[0] is not lanes[1]
    assert (lanes[1].op, lanes[1].sort, lanes[1].payload) == ("i32x4.extract_lane", "i32", (1,))
    assert n.apply(opcode("v128.any_true"), [vector]).ones == 1


@pytest.mark.parametrize(
    ("mnemonic", "sorts"),
    [
        ("i32.add", ["i32", "i64"]),
        ("i32.add", ["i32"]),
        ("i64.eqz", ["i32"]),
        ("f32.neg", ["i32"]),
        ("i32.load", ["i32"]),
        ("local.get", []),
        ("drop", ["i32"]),
    ],
)
def test_what_does_not_fit_is_refused(mnemonic: str, sorts: list[str]) -> None:
    n = new()
    operands = [n.arena.symbol(sort, index) for index, sort in enumerate(sorts)]
    with pytest.raises(SortError):
        n.apply(opcode(mnemonic), operands)


# -- decision diagrams -------------------------------------------------------------------------


def test_diagrams_of_constants_are_computed_leaf_by_leaf() -> None:
    n = new()
    x, y = (n.arena.symbol("i32", name) for name in "xy")
    one, two, three = (n.arena.constant("i32", number) for number in (1, 2, 3))
    diagram = truth.branch(n, x, three, truth.branch(n, y, one, two))
    computed = n.apply(opcode("i32.shl"), [diagram, two])
    assert computed.depth == 2 and computed.ones == 12 | 4 | 8
    for values in product((0, 5), (0, 9)):
        known = dict(zip((x, y), values, strict=True))
        assert evaluate_term(computed, known) == (12 if values[0] else 4 if values[1] else 8)


def test_a_choice_of_0_and_1_is_the_test() -> None:
    n = new()
    x = n.arena.symbol("i32", "x")
    one, zero, five = (n.arena.constant("i32", number) for number in (1, 0, 5))
    assert n.apply(opcode("i32.eq"), [truth.branch(n, x, five, one), five]) is read(
        n, "(i32.ne x 0)"
    )
    assert n.apply(opcode("i32.shr_u"), [truth.branch(n, x, zero, five), five]) is zero
    wide = n.apply(opcode("i64.extend_i32_u"), [truth.branch(n, x, zero, one)])
    assert wide is read(n, "(i64.extend_i32_u (i32.eqz x))")


def test_a_shifted_test_is_a_choice() -> None:
    n = new()
    lower = read(n, "(i32.lt_u x y)")
    eight, zero = n.arena.constant("i32", 8), n.arena.constant("i32", 0)
    assert read(n, "(i32.shl (i32.lt_u x y) 3)") is truth.branch(n, lower, eight, zero)
    both = n.apply(opcode("i32.add"), [truth.branch(n, lower, eight, zero), lower])
    assert both is n.apply(opcode("i32.mul"), [lower, n.arena.constant("i32", 9)])


def test_a_shifted_conjunction_is_no_choice() -> None:
    """A decision diagram takes `and` and `or` of tests apart, so they are no atoms of one."""
    n = new()
    for name in ("and", "or", "xor"):
        assert read(n, f"(i32.shl (i32.{name} xt yt) 3)").op == "i32.sum"
    assert read(n, "(i32.shl (i32.and x 1) 3)").op == "ite"


# -- possible ones -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ones"),
    [
        ("(i32.and x 0xf0)", 0xF0),
        ("(i32.or xb 0x100)", 0x1FF),
        ("(i32.shl xb 4)", 0xFF0),
        ("(i32.shl xb y)", 0xFFFF_FFFF),
        ("(i32.shl (i32.and x -4) y)", 0xFFFF_FFFC),
        ("(i32.shr_u x 20)", 0xFFF),
        ("(i32.shr_u xb y)", 0xFF),
        ("(i32.shr_s (i32.and x 0xf0000000) 4)", 0xFF00_0000),
        ("(i32.rotl xb 28)", 0xF000_000F),
        ("(i32.mul xb 3)", 0x3FF),
        ("(i32.mul xb (i32.shl y 2))", 0xFFFF_FFFC),
        ("(i32.add xb xb)", 0x1FE),
        ("(i32.add xb 1)", 0x1FF),
        ("(i32.add (i32.shl x 8) xb)", 0xFFFF_FFFF),
        ("(i32.add (i32.shl x 4) 8)", 0xFFFF_FFF8),
        ("(i32.sub 0 (i32.shl x 4))", 0xFFFF_FFF0),
        ("(i32.div_u xb 16)", 0xF),
        ("(i32.rem_u x 10)", 0xF),
        ("(i32.rem_u xb y)", 0xFF),
        ("(i64.extend_i32_u x)", 0xFFFF_FFFF),
        ("(i64.extend_i32_s (i32.shr_s x 31))", 0xFFFF_FFFF_FFFF_FFFF),
        ("(i32.wrap_i64 (i64.shr_u z 40))", 0xFF_FFFF),
        ("(i32.clz x)", 0x3F),
        ("(i64.popcnt z)", 0x7F),
        *[(f"(i32.{name} x y)", 1) for name in ("eq", "ne", "lt_s", "lt_u", "ge_s", "gt_u")],
        *[(f"(f64.{name} x y)", 1) for name in ("eq", "ne", "lt", "gt", "le", "ge")],
        *[(f"({sort}.eqz x)", 1) for sort in ("i32", "i64")],
    ],
)
def test_possible_ones_are_few(text: str, ones: int) -> None:
    """Too few would be wrong, which is proved below; too many make rules fail to apply."""
    assert read(new(), text).ones == ones


# -- costs -------------------------------------------------------------------------------------


def test_a_long_sum_costs_the_same_for_each_term() -> None:
    n = new()
    total = n.arena.constant("i32", 0)
    lengths = []
    for index in range(5000):
        total = n.apply(opcode("i32.add"), [total, n.arena.symbol("i32", index)])
        total = n.apply(opcode("i32.add"), [total, n.arena.constant("i32", 1)])
        lengths.append(len(total.args))
    assert max(lengths) <= 2 * MAX_TERMS
    payload = total.payload
    assert isinstance(payload, tuple) and payload[0] == 5000, "constants are still collected"


@pytest.mark.parametrize("mnemonic", ["i32.xor", "i32.mul", "i32.and", "i32.add", "i32.shr_s"])
def test_deep_terms_are_no_deep_recursion(mnemonic: str) -> None:
    """A chain of 3,000 instructions, wrapped and masked at the end, which looks into it."""
    n = new()
    wide = "i64" + mnemonic[3:]
    term = n.arena.symbol("i64", "z")
    for index in range(3000):
        term = n.apply(opcode(wide), [term, n.arena.symbol("i64", index)])
    narrow = n.apply(opcode("i32.wrap_i64"), [term])
    masked = n.apply(opcode("i32.and"), [narrow, n.arena.constant("i32", 0xFF)])
    known = {n.arena.symbol("i64", index): index * 0x0123_4567_89AB for index in range(3000)}
    known[n.arena.symbol("i64", "z")] = 0x7FFF_FFFF_FFFF_1235
    value = evaluate_term(term, known)
    assert value is not None
    assert evaluate_term(masked, known) == value & 0xFF
    assert n.left_alone <= 100 * MAX_NESTING


def test_time_grows_with_the_number_of_instructions() -> None:
    """Four times the instructions take nowhere near sixteen times as long."""

    def seconds(count: int) -> float:
        n = new()
        terms = [n.arena.symbol("i32", index) for index in range(8)]
        rng = random.Random(1)
        ops = [op for op in INTEGER_ROWS["i32"] if op.operands == ("i32", "i32")]
        start = time.process_time()
        for _ in range(count):
            terms.append(n.apply(rng.choice(ops), rng.sample(terms[-8:], 2)))
        return time.process_time() - start

    seconds(1000)
    assert seconds(8000) < 10 * seconds(2000)


# -- evaluation --------------------------------------------------------------------------------


def test_evaluation_knows_conditions_and_what_is_open() -> None:
    n = new()
    x = n.arena.symbol("i32", "x")
    condition = n.arena.node(
        "ite", "bool", (x, n.arena.node("false", "bool"), n.arena.node("true", "bool"))
    )
    assert evaluate_term(condition, {x: 7}) == 0
    assert evaluate_term(condition, {x: 0}) == 1
    assert evaluate_term(condition, {}) is None
    float_sum = read(n, "(f32.add x y)")
    one, two, nan = 0x3F80_0000, 0x4000_0000, 0x7FC0_0000
    assert evaluate_term(float_sum, dict.fromkeys(float_sum.args, one)) == two
    assert evaluate_term(float_sum, dict.fromkeys(float_sum.args, nan)) is None
    assert evaluate_term(n.arena.symbol(REFERENCE, "r"), {}) is None


def test_evaluation_of_a_deep_term_is_no_recursion() -> None:
    n = new()
    term = n.arena.symbol("i32", "x")
    for _ in range(20_000):
        term = n.arena.node("i32.clz", "i32", (term,))
    assert evaluate_term(term, {n.arena.symbol("i32", "x"): 1}) is not None
