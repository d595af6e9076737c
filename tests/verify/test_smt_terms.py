"""Terms in the solver's language: sorts, cuts, and the same meaning as everywhere."""

from __future__ import annotations

import random
from collections.abc import Hashable

import pytest

from tests.verify.smt_cases import Terms, chain
from wasmopt.verify.evaluate import evaluate_term
from wasmopt.verify.smt import Budget, Equal, Solver, Unknown
from wasmopt.verify.smt_terms import Region
from wasmopt.verify.terms import SortError, Term


@pytest.fixture
def t() -> Terms:
    return Terms()


# -- sorts ----------------------------------------------------------------------------------------


def test_two_sorts_are_not_compared(t: Terms) -> None:
    for first, second in ((t.x, t.a), (t.a, t.f), (t.x, t.true), (t.memory, t.v)):
        with pytest.raises(SortError):
            t.ask(first, second)
    with pytest.raises(SortError):
        t.ask(t.x, t.y, t.z)


@pytest.mark.parametrize(
    ("op", "sort", "names", "payload"),
    [
        ("i32.add", "i32", "xa", None),
        ("i32.add", "i64", "xy", None),
        ("i32.add", "i32", "xyz", None),
        ("i64.shl", "i64", "ax", None),
        ("f64.abs", "f64", "a", None),
        ("i32.add", "i32", "xy", 1),
        ("i32.sum", "i32", "xa", (0, (1, 1))),
        ("i32.sum", "i32", "xy", (0, (1,))),
        ("i32.sum", "i32", "x", (0, (1 << 32,))),
        ("i64.sum", "i32", "x", (0, (1,))),
        ("ite", "i32", "axy", None),
        ("ite", "i32", "xya", None),
        ("ite", "i64", "xyz", None),
        ("choose", "i32", "xyz", None),
        ("named", "i32", "x", None),
        ("merge", "i32", "xyxy", None),
        ("const", "i32", "", 1 << 32),
        ("const", "ref", "", 0),
        ("true", "i32", "", None),
        ("load", "i16", "x", None),
    ],
)
def test_an_ill_sorted_term_never_gets_to_the_solver(
    t: Terms, op: str, sort: str, names: str, payload: Hashable
) -> None:
    operands = tuple([getattr(t, name) for name in names])
    wrong = t.arena.node("load", "i32", (t.arena.node(op, sort, operands, payload),))
    solver = Solver(t.arena, Budget())
    with pytest.raises(SortError):
        solver.equal(wrong, t.x)
    assert solver.counters.queries == 0


def test_terms_of_two_arenas_are_not_mixed(t: Terms) -> None:
    other = Terms()
    with pytest.raises(ValueError, match="arena"):
        t.ask(t.x, other("i32.add", other.x, other.y))


# -- cuts -----------------------------------------------------------------------------------------


def test_what_both_sides_share_costs_nothing(t: Terms) -> None:
    shared = chain(t, 10_000)
    first = t("i32.add", t("i32.or", shared, t.z), t("i32.and", shared, t.z))
    second = t("i32.add", shared, t.z)
    region = Region()
    region.extend((first, second), 1000, to_shared=True)
    assert list(region.cut) == [shared]
    assert len(region.inside) < 10
    assert t.ask(first, second) == Equal("cut")


def test_the_meaning_of_what_is_shared_is_looked_up_when_it_is_needed(t: Terms) -> None:
    shared = t("i32.and", t.x, t.y)
    solver = Solver(t.arena, Budget())
    assert solver.equal(t("i32.and", shared, t.y), shared) == Equal("uncut")
    assert solver.counters.queries == 2


def test_of_what_is_cut_the_possible_ones_are_kept(t: Terms) -> None:
    shared = t("i32.and", chain(t, 10), 0xFF)
    shared.ones = 0xFF
    solver = Solver(t.arena, Budget())
    assert solver.equal(t("i32.and", shared, 0xFF), shared) == Equal("cut")
    assert solver.counters.queries == 1


def test_a_guard_over_what_is_cut_still_holds(t: Terms) -> None:
    shared = chain(t, 2000)
    guard = t.holds(t("i32.lt_u", shared, t.number(16)))
    assert t.ask(t("i32.and", shared, 15), shared, guard) == Equal("cut")


def test_there_is_no_model_of_terms_that_are_too_large_to_spell_out(t: Terms) -> None:
    """Values of what was cut need not be values that it has: here it has four."""
    value = t.x
    for _ in range(20):
        value = t("i32.and", t("i32.xor", value, t.y), 3)
    pair = t("i32.lt_u", value, t.number(4)), t.number(1)
    few = Solver(t.arena, Budget(terms=1))
    assert few.equal(*pair) == Unknown("too large for the solver")
    assert t.ask(*pair) == Equal("uncut")


def test_a_region_keeps_to_its_limit(t: Terms) -> None:
    region = Region()
    region.extend((chain(t, 100), chain(t, 90)), 20, to_shared=False)
    assert len([term for term in region.inside if term.args]) == 20
    assert region.cut


# -- the encoding against the other reading of terms ----------------------------------------------


def random_term(t: Terms, rng: random.Random, depth: int) -> Term:
    """An i32 term over x, y and the low half of a."""
    if depth == 0:
        leaves = [t.x, t.y, t("i32.wrap_i64", t.a), t.number(rng.choice([0, 1, 31, 0xFFFF_FFFF]))]
        return rng.choice(leaves)
    first, second, third = [random_term(t, rng, depth - 1) for _ in range(3)]
    match rng.randrange(6):
        case 0:
            return t.ite(first, second, third)
        case 1:
            factors = (rng.getrandbits(32), 0xFFFF_FFFF)
            return t.arena.node("i32.sum", "i32", (first, second), (rng.getrandbits(32), factors))
        case 2:
            wide = t(
                rng.choice(["i64.shr_s", "i64.rotl", "i64.rem_s"]),
                t("i64.extend_i32_s", first),
                t("i64.extend_i32_u", second),
            )
            return t("i32.wrap_i64", wide)
        case 3:
            return t(rng.choice(["i32.clz", "i32.ctz", "i32.popcnt", "i32.extend8_s"]), first)
    binary = ["add", "sub", "mul", "div_s", "div_u", "rem_u", "and", "xor", "shl", "shr_s", "le_s"]
    return t(f"i32.{rng.choice(binary)}", first, second)


@pytest.mark.parametrize("seed", range(25))
def test_the_solver_computes_what_evaluation_computes(t: Terms, seed: int) -> None:
    rng = random.Random(seed)
    term = random_term(t, rng, 3)
    values = {symbol: rng.getrandbits(32) >> rng.randrange(32) for symbol in (t.x, t.y, t.a)}
    result = evaluate_term(term, values)
    assert result is not None
    guard = t.true
    for symbol, bits in values.items():
        guard = t.ite(t(f"{symbol.sort}.eq", symbol, bits), guard, t.false)
    assert isinstance(t.ask(term, t.number(result), guard), Equal)
    assert not isinstance(t.ask(term, t.number(result ^ 1), guard), Equal)
