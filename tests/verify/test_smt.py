"""The solver behind the normaliser: what it proves, what it tells apart, and what it costs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Hashable, Mapping

import pytest

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.evaluate import evaluate_term
from wasmopt.verify.smt import Answer, Budget, Counters, Equal, Model, Solver, Unknown
from wasmopt.verify.smt_terms import Region
from wasmopt.verify.terms import BOOL, REFERENCE, STATE, Arena, SortError, Term

NO_SAMPLES = Budget(sampled=-1)


class Terms:
    """Makes terms as they stand: without a normaliser nothing is equal before Z3 says so."""

    def __init__(self) -> None:
        self.arena = Arena()
        self.true = self.arena.node("true", BOOL)
        self.false = self.arena.node("false", BOOL)
        self.x, self.y, self.z = [self.arena.symbol("i32", name) for name in "xyz"]
        self.a, self.b, self.c = [self.arena.symbol("i64", name) for name in "abc"]
        self.f, self.g = [self.arena.symbol("f64", name) for name in "fg"]
        self.v, self.w = [self.arena.symbol("v128", name) for name in "vw"]
        self.memory = self.arena.symbol(STATE, "memory")

    def __call__(self, mnemonic: str, *args: Term | int) -> Term:
        """An instruction; numbers become constants of the sort that it takes there."""
        row = BY_MNEMONIC[mnemonic]
        assert row.operands is not None
        assert row.results is not None
        operands = [
            self.number(arg, sort) if isinstance(arg, int) else arg
            for arg, sort in zip(args, row.operands, strict=True)
        ]
        return self.arena.node(mnemonic, row.results[0], tuple(operands))

    def number(self, value: int, sort: str = "i32") -> Term:
        return self.arena.constant(sort, value)

    def unknown(self, op: str, sort: str, *args: Term, ones: int | None = None) -> Term:
        term = self.arena.node(op, sort, args, "payload")
        if ones is not None:
            term.ones = ones
        return term

    def ite(self, atom: Term, high: Term, low: Term) -> Term:
        return self.arena.node("ite", high.sort, (atom, high, low))

    def holds(self, atom: Term) -> Term:
        return self.ite(atom, self.true, self.false)

    def ask(self, first: Term, second: Term, under: Term | None = None) -> Answer:
        """The answer of Z3, which samples only get ahead of."""
        answer = Solver(self.arena, NO_SAMPLES).equal(first, second, under)
        early = Solver(self.arena, Budget()).equal(first, second, under)
        if isinstance(answer, Equal | Model):
            assert type(early) is type(answer)
        return answer


@pytest.fixture
def t() -> Terms:
    return Terms()


def equalities(t: Terms) -> dict[str, tuple[Term, Term]]:
    """Pairs that no sum or mask shows to be equal."""
    x, y, z, a, b, c = t.x, t.y, t.z, t.a, t.b, t.c
    return {
        "or plus and": (t("i32.add", t("i32.or", x, y), t("i32.and", x, y)), t("i32.add", x, y)),
        "or plus and, 64": (
            t("i64.add", t("i64.or", a, b), t("i64.and", a, b)),
            t("i64.add", a, b),
        ),
        "xor as or minus and": (
            t("i64.sub", t("i64.or", a, b), t("i64.and", a, b)),
            t("i64.xor", a, b),
        ),
        "bit 1 of a square": (t("i32.and", t("i32.mul", x, x), 2), t.number(0)),
        "bit 1 of a square, 64": (t("i64.and", t("i64.mul", a, a), 2), t.number(0, "i64")),
        "distribution": (
            t("i64.mul", a, t("i64.add", b, c)),
            t("i64.add", t("i64.mul", a, b), t("i64.mul", a, c)),
        ),
        "rotation as two shifts": (
            t("i64.rotl", a, 13),
            t("i64.or", t("i64.shl", a, 13), t("i64.shr_u", a, 51)),
        ),
        "rotation left as right": (
            t("i32.rotl", x, y),
            t("i32.rotr", x, t("i32.sub", 0, y)),
        ),
        "shift counts are modulo 64": (
            t("i64.shl", a, t("i64.add", b, 64)),
            t("i64.shl", a, b),
        ),
        "signed division by 8": (
            t("i32.div_s", x, 8),
            t("i32.shr_s", t("i32.add", x, t("i32.shr_u", t("i32.shr_s", x, 31), 29)), 3),
        ),
        "trailing zeros counted": (
            t("i64.ctz", a),
            t("i64.popcnt", t("i64.and", t("i64.sub", a, 1), t("i64.xor", a, (1 << 64) - 1))),
        ),
        "half of a product of halves": (
            t("i32.wrap_i64", t("i64.mul", a, b)),
            t("i32.mul", t("i32.wrap_i64", a), t("i32.wrap_i64", b)),
        ),
        "min by arithmetic": (
            t.ite(t("i32.lt_s", x, y), x, y),
            t(
                "i32.xor",
                y,
                t("i32.and", t("i32.xor", x, y), t("i32.sub", 0, t("i32.lt_s", x, y))),
            ),
        ),
        "sum node": (
            t.arena.node("i32.sum", "i32", (x, y, z), (7, (4, 0xFFFF_FFFF, 1))),
            t("i32.add", t("i32.sub", t("i32.shl", x, 2), y), t("i32.add", z, 7)),
        ),
        "float comparison turned": (t("f64.lt", t.f, t.g), t("f64.gt", t.g, t.f)),
        "sign of a float": (
            t("i64.reinterpret_f64", t("f64.neg", t.f)),
            t("i64.xor", t("i64.reinterpret_f64", t.f), 1 << 63),
        ),
        "float arithmetic on equal operands": (
            t("f64.add", t.f, t("f64.neg", t("f64.neg", t.g))),
            t("f64.add", t.f, t.g),
        ),
        "vector arithmetic on equal operands": (
            t("i8x16.add", t("i8x16.splat", t("i32.or", x, x)), t.v),
            t("i8x16.add", t("i8x16.splat", x), t.v),
        ),
    }


@pytest.mark.parametrize("name", equalities(Terms()))
def test_proves_what_holds_for_all_values(t: Terms, name: str) -> None:
    assert isinstance(t.ask(*equalities(t)[name]), Equal)


def inequalities(t: Terms) -> dict[str, tuple[Term, Term]]:
    """Pairs with meanings throughout, so that any model of them is a counterexample."""
    x, y, a, b = t.x, t.y, t.a, t.b
    return {
        "swapped operands": (t("i32.sub", x, y), t("i32.sub", y, x)),
        "off by one": (t("i64.add", a, b), t("i64.add", t("i64.add", a, 1), b)),
        "only at the least number": (
            t("i32.lt_s", t("i32.sub", x, y), 0),
            t("i32.lt_s", x, y),
        ),
        "only above 2**32": (
            t("i64.extend_i32_u", t("i32.wrap_i64", a)),
            a,
        ),
        "sign of an extension": (t("i64.extend_i32_s", x), t("i64.extend_i32_u", x)),
        "shift count of 32": (
            t("i32.wrap_i64", t("i64.shl", t("i64.extend_i32_u", x), t("i64.extend_i32_u", y))),
            t("i32.shl", x, y),
        ),
        "one pattern of 2**64": (t("i64.eq", a, 0x1234_5678_9ABC_DEF0), t.number(0)),
        "NaN": (t("i32.eqz", t("f64.lt", t.f, t.g)), t("f64.ge", t.f, t.g)),
        "minus zero": (
            t("f64.eq", t.f, t.g),
            t("i64.eq", t("i64.reinterpret_f64", t.f), t("i64.reinterpret_f64", t.g)),
        ),
        "a constant for a symbol": (x, t.number(7)),
    }


@pytest.mark.parametrize("budget", [Budget(), NO_SAMPLES], ids=["samples", "Z3"])
@pytest.mark.parametrize("name", inequalities(Terms()))
def test_values_of_a_model_tell_the_two_apart(t: Terms, name: str, budget: Budget) -> None:
    first, second = inequalities(t)[name]
    answer = Solver(t.arena, budget).equal(first, second)
    assert isinstance(answer, Model)
    symbols = {term: bits for term, bits in answer.values.items() if term.op == "symbol"}
    assert evaluate_term(first, symbols) != evaluate_term(second, symbols)


@pytest.mark.parametrize("budget", [Budget(), NO_SAMPLES], ids=["samples", "Z3"])
def test_values_of_all_terms_in_a_model_fit_together(t: Terms, budget: Budget) -> None:
    address = t("i32.add", t.x, 4)
    loaded = t.unknown("i32.load8_u", "i32", t.memory, address, ones=0xFF)
    first = t("i32.shl", loaded, 1)
    answer = Solver(t.arena, budget).equal(first, t.y)
    assert isinstance(answer, Model)
    values = answer.values
    assert values[address] == (values[t.x] + 4) % (1 << 32)
    assert values[loaded] <= 0xFF
    assert values[first] == 2 * values[loaded] != values[t.y]


# -- guards ------------------------------------------------------------------------------------


def test_a_guard_is_taken_for_granted(t: Terms) -> None:
    first, second = t("i32.div_u", t.x, t.y), t.x
    guard = t.holds(t("i32.eq", t.y, t.number(1)))
    solver = Solver(t.arena, Budget())
    assert isinstance(solver.equal(first, second), Model)
    assert isinstance(solver.equal(first, second, guard), Equal)
    assert isinstance(solver.equal(first, second), Model)


def test_a_model_satisfies_the_guard(t: Terms) -> None:
    guard = t.holds(t("i64.lt_u", t.a, t.number(3, "i64")))
    answer = t.ask(t("i64.and", t.a, 1), t.a, guard)
    assert isinstance(answer, Model)
    assert answer.values[t.a] == 2


def test_nothing_has_to_hold_where_control_does_not_come(t: Terms) -> None:
    assert isinstance(t.ask(t.x, t.y, t.false), Equal)
    never = t.holds(t("i32.lt_u", t.x, t.number(0)))
    assert isinstance(t.ask(t.x, t.y, never), Equal)


def test_conditions_are_compared_as_conditions(t: Terms) -> None:
    less, greater = t("i32.lt_u", t.x, t.y), t("i32.gt_u", t.x, t.y)
    differ = t.ite(less, t.true, t.holds(greater))
    assert isinstance(t.ask(differ, t.holds(t("i32.sub", t.x, t.y))), Equal)
    assert isinstance(t.ask(differ, t.holds(less)), Model)


def test_any_value_but_zero_is_true(t: Terms) -> None:
    assert isinstance(t.ask(t.holds(t.x), t.holds(t("i32.ne", t.x, 0))), Equal)
    assert isinstance(t.ask(t.holds(t.x), t.holds(t("i32.eq", t.x, 1))), Model)


def test_a_choice_is_an_opaque_condition_that_the_solver_sees_through(t: Terms) -> None:
    conditions = (t.holds(t.x), t.holds(t.y), t.holds(t.z))
    choose = t.arena.node("choose", "i32", conditions)
    assert isinstance(t.ask(t.holds(choose), t.ite(t.x, conditions[1], conditions[2])), Equal)
    assert isinstance(t.ask(choose, t("i32.and", choose, 1)), Equal)


def test_a_merge_is_the_value_whose_guard_holds(t: Terms) -> None:
    first, second = t.holds(t.x), t.ite(t.x, t.false, t.holds(t.y))
    merge = t.arena.node("merge", "i64", (first, t.a, second, t.b, t.true, t.c))
    nested = t.ite(t.x, t.a, t.ite(t.y, t.b, t.c))
    assert isinstance(t.ask(merge, nested), Equal)
    assert isinstance(t.ask(merge, t.ite(t.x, t.b, t.ite(t.y, t.a, t.c))), Model)


# -- what has no meaning -----------------------------------------------------------------------


def test_an_instruction_without_a_theory_is_a_function_of_its_operands(t: Terms) -> None:
    """Operands in another order, another payload or another state are other values."""
    assert isinstance(t.ask(t("f64.add", t.f, t.g), t("f64.add", t.g, t.f)), Model)
    assert isinstance(t.ask(t("i8x16.add", t.v, t.w), t("i8x16.add", t.w, t.v)), Model)
    for op, sort in (("load", "i32"), ("result", "f32"), ("table.get", REFERENCE)):
        first = t.arena.node(op, sort, (t.memory, t("i32.or", t.x, t.x)), 4)
        same = t.arena.node(op, sort, (t.memory, t.x), 4)
        other = t.arena.node(op, sort, (t.memory, t.x), 8)
        assert isinstance(t.ask(first, same), Equal)
        assert isinstance(t.ask(first, other), Model)


def test_functions_of_two_operations_or_sorts_are_not_the_same(t: Terms) -> None:
    first = t.arena.node("result", "i32", (t.memory,), 0)
    assert isinstance(t.ask(first, t.arena.node("after", "i32", (t.memory,), 0)), Model)
    bits = t("i32.reinterpret_f32", t.arena.node("result", "f32", (t.memory,), 0))
    assert isinstance(t.ask(first, bits), Model)
    condition = t.arena.node("result", "i32", (t.true,), 0)
    vector = t.arena.node("result", "i32", (t.v,), 0)
    assert isinstance(t.ask(condition, vector), Model)


def test_states_are_equal_when_they_are_made_of_equal_values(t: Terms) -> None:
    def store(value: Term, address: Term = t.x) -> Term:
        return t.arena.node("i32.store", STATE, (t.memory, address, value), ("store", 0, 4))

    left, right = equalities(t)["or plus and"]
    assert isinstance(t.ask(store(left), store(right)), Equal)
    assert isinstance(t.ask(store(left), store(right, t.y)), Model)
    assert isinstance(t.ask(store(t.x), t.memory), Model)


@pytest.mark.parametrize("ones", [0, 1, 0xFF, 0xF0, 0x8000_0000])
def test_bits_that_cannot_be_one_are_zero(t: Terms, ones: int) -> None:
    value = t.unknown("something", "i32", t.x, ones=ones)
    assert isinstance(t.ask(t("i32.and", value, ones), value), Equal)
    for bit in (1 << position for position in range(32)):
        if ones & bit:
            assert isinstance(t.ask(t("i32.and", value, ones & ~bit), value), Model)


def test_a_question_about_references_is_zero_or_one(t: Terms) -> None:
    reference = t.arena.symbol(REFERENCE, "r")
    null = t.unknown("ref.is_null", "i32", reference, ones=1)
    assert isinstance(t.ask(t("i32.ne", null, 0), null), Equal)
    assert isinstance(t.ask(null, t.number(0)), Model)


# -- sorts -------------------------------------------------------------------------------------


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


# -- cuts --------------------------------------------------------------------------------------


def chain(t: Terms, length: int) -> Term:
    """A term that is costly to spell out."""
    term = t.x
    for number in range(length):
        term = t("i32.xor", t("i32.mul", term, 2 * number + 3), t.y)
    return term


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


# -- budgets -----------------------------------------------------------------------------------


def hard(t: Terms) -> tuple[Term, Term]:
    """Equal, but not shown to be by any means that is at hand: x / 10 by a multiplication."""
    wide = t("i64.mul", t("i64.extend_i32_u", t.x), 0xCCCC_CCCD)
    return t("i32.div_u", t.x, 10), t("i32.wrap_i64", t("i64.shr_u", wide, 35))


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (Budget(resources=10_000), "solver resource limit"),
        (Budget(queries=0), "solver query budget"),
        (Budget(gates=100), "too large for the solver"),
        (Budget(rewrites=2), "too large for the solver"),
    ],
)
def test_a_budget_that_is_used_up_leaves_the_question_open(
    t: Terms, budget: Budget, reason: str
) -> None:
    solver = Solver(t.arena, budget)
    first = solver.equal(*hard(t))
    assert first == Unknown(reason)
    assert solver.equal(*hard(t)) == first
    assert solver.counters.unknown == {reason: 1}


def test_what_differs_in_nearly_all_values_needs_no_query(t: Terms) -> None:
    solver = Solver(t.arena, Budget(queries=0))
    guard = t.holds(t("i32.ge_u", chain(t, 20), t("i32.lt_u", t.x, t.y)))
    different = t("i32.xor", chain(t, 300), 1)
    assert isinstance(solver.equal(different, chain(t, 300), guard), Model)
    assert isinstance(solver.equal(t("f64.add", t.f, t.g), t("f64.add", t.g, t.f)), Model)
    assert isinstance(solver.equal(t.unknown("load", "i32", t.memory), t.x), Model)
    assert solver.counters.sampled == 3


def test_queries_are_counted_over_the_whole_proof(t: Terms) -> None:
    solver = Solver(t.arena, Budget(queries=2))
    pairs = list(equalities(t).values())[:3]
    answers = [solver.equal(*pair) for pair in pairs]
    assert [isinstance(answer, Equal) for answer in answers] == [True, True, False]
    assert [solver.equal(*pair) for pair in pairs] == answers
    assert solver.counters.queries == 2


def test_terms_that_grow_when_they_are_simplified_do_not_use_up_memory(t: Terms) -> None:
    """Each step triples all that came before: thousands of products once sums are flattened."""
    first = second = t.a
    for _ in range(200):
        first = t("i64.add", t("i64.mul", first, 3), t("i64.xor", first, t.b))
        tripled = t("i64.add", t("i64.add", second, second), second)
        both = t("i64.sub", t("i64.or", second, t.b), t("i64.and", second, t.b))
        second = t("i64.add", tripled, both)
    assert t.ask(first, second) == Unknown("too large for the solver")


# -- the answers themselves --------------------------------------------------------------------


def test_answers_are_remembered_in_both_directions(t: Terms) -> None:
    solver = Solver(t.arena, Budget())
    first, second = equalities(t)["or plus and"]
    assert solver.equal(first, second) is solver.equal(second, first)
    assert solver.counters.queries == 1


def test_counters_add_up(t: Terms) -> None:
    total = Counters()
    for _ in range(2):
        solver = Solver(t.arena, Budget())
        solver.equal(*equalities(t)["or plus and"])
        solver.equal(t("i32.add", chain(t, 5), t.z), t("i32.add", t.z, chain(t, 5)))
        solver.equal(*inequalities(t)["off by one"])
        solver.equal(*hard(t))
        total.add(solver.counters)
    assert total.queries == 6
    assert (total.cut_proofs, total.uncut_proofs, total.models, total.sampled) == (2, 2, 2, 2)
    assert total.unknown == {"solver resource limit": 2}
    assert total.seconds > 0


def shown(answer: Answer) -> str:
    values: Mapping[Term, int] = answer.values if isinstance(answer, Model) else {}
    return f"{type(answer).__name__} {[f'{term} {bits}' for term, bits in values.items()]}"


def all_answers() -> list[str]:
    t = Terms()
    solver = Solver(t.arena, Budget(resources=100_000))
    pairs = [*list(equalities(t).values())[:8], *inequalities(t).values(), hard(t)]
    return [shown(solver.equal(*pair)) for pair in pairs]


def test_another_process_gives_the_same_answers(pytestconfig: pytest.Config) -> None:
    root = str(pytestconfig.rootpath)
    script = f"from {__name__} import all_answers\nprint(*all_answers(), sep='\\n')"
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == all_answers()


# -- the encoding against the other reading of terms -------------------------------------------


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
