"""The normaliser never changes a value.

The rules are proved in `test_rules.py`.  What is code, sums, masks, folding, is proved here on
families of small terms by Z3, and evaluated on random terms and values.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from itertools import product

import pytest
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.verify.expressions import (
    INTEGER_ROWS,
    ROWS,
    Z3,
    build,
    compute,
    formula,
    new,
    ones_of,
    unknown,
)
from wasmopt.domain import INTEGERS
from wasmopt.opcodes import Opcode, opcode
from wasmopt.semantics import MEANINGS
from wasmopt.verify import truth
from wasmopt.verify.evaluate import evaluate_term, interpret
from wasmopt.verify.notation import Call, Expression, Literal, Variable, parse_expression
from wasmopt.verify.terms import BITS, Term

# -- proofs of small terms ---------------------------------------------------------------------

SHAPES = {
    "i32": """x; xt; xb; (i32.add x 3); (i32.sub y x); (i32.mul x 12); (i32.and x 0xff0);
        (i32.or x 0x81); (i32.xor x -1); (i32.shl xb 8); (i32.shr_u x 9); (i32.shr_s x 4);
        (i32.extend8_s x); (i32.or (i32.shl x 8) xb); (i32.add (i32.shl x 4) (i32.and y 7));
        (i32.eqz x); (i32.lt_s x y); (i32.wrap_i64 z); (i32.rotl x 7); (i32.mul xb 3);
        (i32.sub 1 xt); (i32.add (i32.and x 0xff) 255); (i32.add x (i32.shl (i32.eq x y) 2));
        5; 0; -1; 0x80000000; 0xff; 31; 8""",
    "i64": """z; (i64.add z 3); (i64.mul z -8); (i64.and z 0xff0); (i64.or z 0x100000000);
        (i64.xor z 0x80); (i64.shl z 40); (i64.shr_u z 36); (i64.shr_s z 33);
        (i64.extend_i32_u x); (i64.extend_i32_s x); (i64.extend_i32_u xb); (i64.extend16_s z);
        (i64.or (i64.shl (i64.extend_i32_u x) 32) (i64.extend_i32_u y));
        (i64.extend_i32_u (i32.lt_u x y)); (i64.sub 7 (i64.extend_i32_u xt));
        5; 0; -1; 0xffffffff; 0x8000000000000000; 32; 56""",
    "f32": "x; (f32.neg x); (f32.abs y); (f32.copysign x y); 0; 0x80000000; 0x7fc00001",
    "f64": "x; (f64.neg x); (f64.abs y); (f64.copysign y x); 0; 0xfff0000000000000",
}
HARD = ("mul", "div_s", "div_u", "rem_s", "rem_u")
"""Of unknowns the solver cannot decide these in bounded time; only shapes with constants here."""


def family(op: Opcode) -> Iterator[Expression]:
    """The instruction on operands of many shapes, a sample of all combinations."""
    assert op.operands is not None
    shapes = [
        [parse_expression(text, sort) for text in SHAPES[sort].split(";")] for sort in op.operands
    ]
    combinations = list(product(*shapes))
    if op.mnemonic[4:] in HARD:
        combinations = [args for args in combinations if isinstance(args[1], Literal)]
    random.Random(op.mnemonic).shuffle(combinations)
    for args in combinations[:24]:
        yield Call(op, args)


def as_formula(term: Term, values: dict[Term, z3.BitVecRef]) -> z3.BitVecRef:
    """What the term means."""

    def leaf(term: Term, _operands: list[z3.BitVecRef]) -> z3.BitVecRef:
        assert term.op == "symbol"
        return unknown(str(term.payload), term.sort)

    return interpret(Z3, z3.If, leaf, term, values)


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.mnemonic)
def test_small_terms_keep_their_value(op: Opcode) -> None:
    """Value, possible ones and low bits of each are proved for all operands."""
    n = new()
    for expression in family(op):
        term = build(n, expression)
        values: dict[Term, z3.BitVecRef] = {}
        value = as_formula(term, values)
        wrong = [value != formula(expression)]
        if term.sort in ("i32", "i64"):
            wrong.append(value & ~z3.BitVecVal(term.ones, BITS[term.sort]) != 0)
            for count in (5, 8, 20, 40):
                low = as_formula(n.low_bits(term, count), values)
                wrong.append((low ^ value) & ((1 << min(count, BITS[term.sort])) - 1) != 0)
        solver = z3.SolverFor("QF_BV")
        solver.add(z3.Or(wrong))
        assert solver.check() == z3.unsat, (expression, term)


# -- random terms ------------------------------------------------------------------------------

LEAVES = {"i32": ("x", "y", "xt", "yt", "xb"), "i64": ("z", "xb")}
EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 33, 48, 63, 64, 127, 128, 255, 256]
EDGES += [0xFF00, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 63, (1 << 64) - 1]
NUMBERS = st.one_of(
    st.sampled_from(EDGES), st.sampled_from(EDGES).map(lambda e: -e), st.integers(0, 1 << 64)
)


def pattern_of(sort: str, number: int) -> int:
    return number & ((1 << BITS[sort]) - 1)


@functools.cache
def trees(sort: str, depth: int) -> st.SearchStrategy[Expression]:
    """Expressions over all integer instructions, of at most that depth."""
    leaves = st.one_of(
        st.sampled_from([Variable(name, sort) for name in LEAVES[sort]]),
        NUMBERS.map(lambda number: Literal(pattern_of(sort, number), sort)),
    )
    if depth == 0:
        return leaves
    calls = st.sampled_from(INTEGER_ROWS[sort]).flatmap(
        lambda op: st.tuples(*[trees(each, depth - 1) for each in op.operands or ()]).map(
            lambda args: Call(op, args)
        )
    )
    return st.one_of(leaves, calls, calls, calls)


def known_values(numbers: list[int]) -> dict[tuple[str, str], int]:
    names = [(name, sort) for sort, each in LEAVES.items() for name in each]
    return {
        (name, sort): pattern_of(sort, number) & ones_of(name, sort)
        for (name, sort), number in zip(names, numbers, strict=True)
    }


VALUES = st.lists(NUMBERS, min_size=7, max_size=7).map(known_values)
EITHER = st.one_of(trees("i32", 5), trees("i64", 5))
RANDOM = settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RANDOM
@given(EITHER, st.lists(VALUES, min_size=2, max_size=2), st.integers(1, 63))
def test_random_terms_keep_their_value(
    expression: Expression, values: list[dict[tuple[str, str], int]], count: int
) -> None:
    n = new()
    term = build(n, expression)
    low = n.low_bits(term, count)
    for known in values:
        symbols = {n.arena.symbol(sort, name): number for (name, sort), number in known.items()}
        expected = compute(expression, known)
        assert evaluate_term(term, symbols) == expected
        assert expected & ~term.ones == 0
        lowest = evaluate_term(low, symbols)
        assert lowest is not None
        assert (lowest ^ expected) & ((1 << count) - 1) & ((1 << BITS[term.sort]) - 1) == 0
    assert n.left_alone == 0, "rules that undo each other"


@settings(RANDOM, max_examples=300)
@given(EITHER)
def test_what_is_normal_stays(expression: Expression) -> None:
    """Applying the instructions of a normalised term again gives that term."""
    n = new()
    done: dict[Term, Term] = {}
    stack = [build(n, expression)]
    while stack:
        term = stack[-1]
        missing = [arg for arg in term.args if arg not in done]
        if term in done:
            stack.pop()
        elif missing:
            stack += missing
        else:
            again = term
            if term.op not in ("const", "symbol", "ite") and not term.op.endswith(".sum"):
                again = n.apply(opcode(term.op), [done[arg] for arg in term.args])
            assert again is term
            done[stack.pop()] = again


class Growth:
    """A DAG that grows at random, with the values that all its terms should have."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.n = new()
        names = [(name, sort) for sort, each in LEAVES.items() for name in each]
        self.environments = [known_values([self.number() for _ in names]) for _ in range(3)]
        self.computed: list[dict[Term, int]] = [{} for _ in self.environments]
        self.terms: dict[str, list[tuple[Term, list[int]]]] = {"i32": [], "i64": []}
        for name, sort in names:
            term = build(self.n, Variable(name, sort))
            self.add(term, [known[name, sort] for known in self.environments])

    def number(self) -> int:
        kind = self.rng.random()
        edge = self.rng.choice(EDGES)
        return edge if kind < 0.6 else -edge if kind < 0.8 else self.rng.getrandbits(64)

    def add(self, term: Term, expected: list[int]) -> None:
        self.terms[term.sort].append((term, expected))
        if term.op == "symbol":
            for computed, number in zip(self.computed, expected, strict=True):
                computed[term] = number

    def pick(self, sort: str) -> tuple[Term, list[int]]:
        """A constant or a term, late ones more often."""
        if self.rng.random() < 0.3:
            number = pattern_of(sort, self.number())
            return self.n.arena.constant(sort, number), [number] * len(self.environments)
        return self.rng.choice(self.terms[sort][-12:])

    def grow(self) -> tuple[Term, list[int]]:
        """One more term and what it should be worth."""
        sort = self.rng.choice(["i32", "i64"])
        if self.rng.random() < 0.1:
            atom, tests = self.pick("i32")
            high, low = (self.n.arena.constant(sort, pattern_of(sort, 5 * k)) for k in (7, -1))
            if atom.op not in ("const", "ite"):
                chosen = [(high if test else low).payload for test in tests]
                return truth.branch(self.n, atom, high, low), [int(str(each)) for each in chosen]
        op = self.rng.choice(INTEGER_ROWS[sort])
        operands = [self.pick(each) for each in op.operands or ()]
        term = self.n.apply(op, [term for term, _ in operands])
        columns = zip(*[expected for _, expected in operands], strict=True)
        meaning = MEANINGS[op.mnemonic]
        return term, [meaning.value(INTEGERS, *column) for column in columns]

    def check(self, term: Term, expected: list[int], mask: int) -> None:
        """The term has the expected values within the mask."""
        for computed, number in zip(self.computed, expected, strict=True):
            value = interpret(INTEGERS, lambda c, a, b: a if c else b, no_value, term, computed)
            assert (value ^ number) & mask == 0


def no_value(term: Term, _operands: list[int]) -> int:
    raise AssertionError(f"{term} has no value")


@pytest.mark.parametrize("seed", range(12))
def test_growing_terms_keep_their_value(seed: int) -> None:
    """12,000 applications to the results of earlier ones, diagrams of constants among them."""
    for part in range(20):
        growth = Growth(1000 * seed + part)
        for _ in range(50):
            term, expected = growth.grow()
            full = (1 << BITS[term.sort]) - 1
            growth.check(term, expected, full)
            assert all(number & ~term.ones == 0 for number in expected)
            count = growth.rng.randint(1, BITS[term.sort])
            growth.check(growth.n.low_bits(term, count), expected, (1 << count) - 1)
            growth.add(term, expected)
        assert growth.n.left_alone == 0, "rules that undo each other"
