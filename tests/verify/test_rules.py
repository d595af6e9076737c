"""The rewrite rules of the normaliser: each is true, and each is used.

A rule is proved by Z3 at its exact width, for all values of its variables, of its constants and
of the masks of possible ones at once; nothing here knows any rule in particular.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import pytest
import z3

from tests.verify.expressions import Z3, compute
from wasmopt.domain import INTEGERS
from wasmopt.semantics import MEANINGS
from wasmopt.verify.evaluate import evaluate_term
from wasmopt.verify.normalise import TABLE, Normaliser
from wasmopt.verify.notation import (
    Call,
    Constant,
    Expression,
    Literal,
    Ones,
    RuleText,
    Variable,
    parse_rules,
)
from wasmopt.verify.patterns import SHORTCUTS, Rule
from wasmopt.verify.rules import RULES
from wasmopt.verify.terms import BITS, Arena, Term

TEXTS = [rule.text for rule in TABLE]
EACH_TEXT = pytest.mark.parametrize("rule", TEXTS, ids=lambda rule: rule.name)

TWO_SHIFTS = ("shr_u-shr_u", "shr_s-shr_s", "shr_u-shl", "shr_u-shl-back", "shr_s-shl-and")
BIT_BY_BIT = frozenset([f"{name}/{bits}" for name in TWO_SHIFTS for bits in (32, 64)])
"""Two shifts by unknown counts: the solver is quicker on one bit of the result after another."""
POWERS = frozenset(["div_u-power/32", "div_u-power/64"])
"""Rules about division by a power of two: the solver is quicker on each power by itself."""


Values = dict[str, z3.BitVecRef]


# -- what a rule says --------------------------------------------------------------------------


def formula(expression: Expression, values: Values) -> z3.BitVecRef:
    """The expression over bit-vectors; names without a value get a variable."""
    if isinstance(expression, Call):
        operands = [formula(arg, values) for arg in expression.args]
        return MEANINGS[expression.op.mnemonic].value(Z3, *operands)
    if isinstance(expression, Literal):
        return Z3.constant(BITS[expression.sort], expression.bits)
    name = f"ones.{expression.variable}" if isinstance(expression, Ones) else expression.name
    return values.setdefault(name, z3.BitVec(name, BITS[expression.sort]))


def claim(rule: RuleText, values: Values) -> tuple[list[z3.BoolRef], z3.BitVecRef, z3.BitVecRef]:
    """(conditions, pattern, replacement)."""
    pattern = formula(rule.pattern, values)
    replacement = formula(rule.replacement, values)
    conditions = [formula(condition, values) != 0 for condition in rule.conditions]
    return conditions, pattern, replacement


def masks(values: Values) -> list[z3.BoolRef]:
    """No variable has a one where its mask has none."""
    names = [name.removeprefix("ones.") for name in values if name.startswith("ones.")]
    return [values[name] & ~values[f"ones.{name}"] == 0 for name in names]


def counterexample(rule: RuleText, values: Values | None = None) -> z3.ModelRef | None:
    """Values for which the rule is wrong; None when it is proved that there are none."""
    values = {} if values is None else values
    conditions, pattern, replacement = claim(rule, values)
    solver = z3.SolverFor("QF_BV")
    solver.add(*conditions, *masks(values))
    if rule.name not in BIT_BY_BIT:
        solver.add(pattern != replacement)
        return model(solver)
    for bit in range(pattern.size()):
        solver.push()
        solver.add(z3.Extract(bit, bit, pattern) != z3.Extract(bit, bit, replacement))
        found = model(solver)
        if found is not None:
            return found
        solver.pop()
    return None


def model(solver: z3.Solver) -> z3.ModelRef | None:
    answer = solver.check()
    assert answer != z3.unknown, solver.reason_unknown()
    return solver.model() if answer == z3.sat else None


# -- proofs ------------------------------------------------------------------------------------


@EACH_TEXT
def test_rule_is_proved(rule: RuleText) -> None:
    if rule.name not in POWERS:
        assert counterexample(rule) is None
        return
    values: Values = {}
    conditions, pattern, _ = claim(rule, values)
    width = pattern.size()
    powers = [z3.BitVecVal(1 << exponent, width) for exponent in range(width)]
    solver = z3.SolverFor("QF_BV")
    solver.add(*conditions, *[values["c"] != power for power in powers])
    assert solver.check() == z3.unsat, "the powers of two are not all cases"
    for power in powers:
        assert counterexample(rule, {"c": power}) is None


CHOICES = frozenset(["and-least/32", "eqz-xor/32", "eq-truths"])
"""Rules that are true without their conditions, which only choose between two forms."""
CONDITIONS = [
    (rule, number)
    for rule in TEXTS
    for number in range(len(rule.conditions))
    if not rule.name.endswith("/64") and rule.name not in CHOICES
]


@pytest.mark.parametrize(
    ("rule", "number"), CONDITIONS, ids=[f"{rule.name}-{number}" for rule, number in CONDITIONS]
)
def test_condition_is_needed(rule: RuleText, number: int) -> None:
    """Without it the rule is wrong, so the conditions are what the proof rests on."""
    values: Values = {}
    conditions, pattern, replacement = claim(rule, values)
    del conditions[number]
    solver = z3.SolverFor("QF_BV")
    solver.add(*conditions, *masks(values), pattern != replacement)
    assert model(solver) is not None


@pytest.mark.parametrize(
    "text",
    [
        "(iN.and x y) -> x",
        "(iN.and x c) -> x if (iN.eqz (iN.and ones.x c))",
        "(iN.or x y) -> (iN.add x y)",
        "(iN.shr_u (iN.shr_u x c1) c2) -> (iN.shr_u x (iN.add c1 c2))",
        "(iN.shr_s x y) -> (iN.shr_u x y)",
        "(iN.lt_s c x) -> (i32.eqz (iN.lt_s x (iN.add c 1)))",
        "(iN.rem_s x c) -> (iN.and x (iN.sub c 1)) if (iN.eq (iN.popcnt c) 1)",
        "(i32.eqz (i32.eqz x)) -> x",
        "(i64.extend_i32_s x) -> (i64.extend_i32_u x)",
        "(fN.le x y) -> (i32.eqz (fN.lt y x))",
    ],
)
def test_a_wrong_rule_is_refuted(text: str) -> None:
    for rule in parse_rules(f"wrong: {text}"):
        assert counterexample(rule) is not None


# -- use ---------------------------------------------------------------------------------------


def names_in(expression: Expression) -> Iterator[Variable | Constant]:
    if isinstance(expression, Call):
        for arg in expression.args:
            yield from names_in(arg)
    elif isinstance(expression, Variable | Constant):
        yield expression


def constants_to_try(sort: str) -> list[int]:
    bits = BITS[sort]
    full = (1 << bits) - 1
    numbers = [1, 8, 2, 3, 4, 5, 31, 16, 24, 32, 40, 56, 63, 0xF0, 0xFF, 0x80, 0xFF00, 0xFFFF]
    numbers += [0, full, full - 1, full - 7, full >> 1, (full >> 1) + 1, (full >> 1) + 2]
    return [number for number in numbers if number <= full] + [full ^ 0xFF]


def variables_to_try(n: Normaliser, name: str, sort: str) -> list[Term]:
    """Unknowns: any, a truth value, a byte, a byte beside it, a positive number."""
    full = (1 << BITS[sort]) - 1
    terms = []
    for ones in (full, 1, 0xFF, 0xFF00, full >> 1, 0x80) if sort[0] == "i" else (0,):
        term = n.arena.symbol(sort, (name, ones))
        term.ones = ones
        terms.append(term)
    if sort in ("i32", "i64"):
        terms.append(n.arena.constant(sort, full))
    return terms


def instances(rule: RuleText, n: Normaliser) -> Iterator[dict[str, Term]]:
    """Terms for the names of the rule, in an order that meets different ones early."""
    names = {each.name: each for each in names_in(rule.pattern)}
    choices = [
        [n.arena.constant(each.sort, number) for number in constants_to_try(each.sort)]
        if isinstance(each, Constant)
        else variables_to_try(n, each.name, each.sort)
        for each in names.values()
    ]
    order = list(product(*choices))
    random.Random(rule.name).shuffle(order)
    for chosen in order:
        yield dict(zip(names, chosen, strict=True))


def build(expression: Expression, terms: dict[str, Term], n: Normaliser) -> Term:
    if isinstance(expression, Call):
        return n.apply(expression.op, [build(arg, terms, n) for arg in expression.args])
    if isinstance(expression, Literal):
        return n.arena.constant(expression.sort, expression.bits)
    assert isinstance(expression, Variable | Constant)
    return terms[expression.name]


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.text.name)
def test_rule_fires_and_the_value_stays(rule: Rule) -> None:
    """Somewhere among small terms the rule is applied, and what comes out is worth the same."""
    n = Normaliser(Arena())
    pattern = rule.text.pattern
    for terms in instances(rule.text, n):
        result = build(pattern, terms, n)
        if n.firings[rule.number]:
            break
    assert n.firings[rule.number], "no other rule leaves anything to it: it is not needed"
    rng = random.Random(0)
    for _ in range(20):
        known = {
            term: rng.getrandbits(BITS[term.sort]) & (term.ones or -1)
            for term in terms.values()
            if term.op == "symbol"
        }
        values = {
            (name, term.sort): known[term] if term in known else int(str(term.payload))
            for name, term in terms.items()
        }
        assert evaluate_term(result, known) == compute(pattern, values)


# -- the notation ------------------------------------------------------------------------------


def test_rules_have_names_of_their_own() -> None:
    names = [rule.name for rule in TEXTS]
    assert len(set(names)) == len(names)
    assert [rule.number for rule in TABLE] == list(range(len(TABLE)))


def test_a_rule_for_both_widths_is_two_rules() -> None:
    rules = parse_rules("some: (iN.and x LAST) -> (iN.and x 31) if (iN.lt_u ones.x\n    MOST)")
    assert [rule.name for rule in rules] == ["some/32", "some/64"]
    assert [rule.pattern.args[1] for rule in rules] == [Literal(31, "i32"), Literal(63, "i64")]
    assert all(len(rule.conditions) == 1 for rule in rules)


@pytest.mark.parametrize("name", SHORTCUTS)
def test_shortcuts_mean_what_the_instruction_means(name: str) -> None:
    bits = int(name[1:3])
    numbers = [*constants_to_try(f"i{bits}"), 1 << (bits - 2)]
    for left, right in product(numbers, repeat=2):
        expected = MEANINGS[name].value(INTEGERS, left, right)
        assert SHORTCUTS[name](left, right) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x -> x",
        "(i32.and x) -> x",
        "(i32.and x y -> x",
        "(i32.and x y) z -> x",
        "(i32.and x (i64.extend_i32_u x)) -> x",
        "(i64.extend_i32_u x) -> x",
        "(i32.and x y) -> x if x",
        "(i32.and x y) -> z",
    ],
)
def test_a_rule_that_does_not_fit_together_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, IndexError)):
        for rule in parse_rules(f"broken: {text}"):
            Rule(rule, 0)


def test_the_table_is_what_is_written() -> None:
    written = [line for line in RULES.splitlines() if line[:1] not in ("", " ", "#")]
    assert len({rule.name.partition("/")[0] for rule in TEXTS}) == len(
        {line.partition(":")[0].partition("/")[0] for line in written}
    )
