"""The solver behind the normaliser: what it proves, what it tells apart, and what it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.verify.smt_cases import NO_SAMPLES, Terms, chain, equalities, hard, inequalities
from wasmopt.verify.evaluate import evaluate_term
from wasmopt.verify.smt import Answer, Budget, Counters, Equal, Model, Solver, Unknown
from wasmopt.verify.terms import REFERENCE, STATE, Term


@pytest.fixture
def t() -> Terms:
    return Terms()


@pytest.mark.parametrize("name", equalities(Terms()))
def test_proves_what_holds_for_all_values(t: Terms, name: str) -> None:
    assert isinstance(t.ask(*equalities(t)[name]), Equal)


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


# -- guards ---------------------------------------------------------------------------------------


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


def test_a_named_condition_is_that_condition(t: Terms) -> None:
    condition = t.ite(t.x, t.holds(t.y), t.false)
    named = t.arena.node("named", "i32", (condition,))
    assert isinstance(t.ask(t.holds(named), condition), Equal)
    assert isinstance(t.ask(named, t("i32.and", t("i32.ne", t.x, 0), t("i32.ne", t.y, 0))), Equal)
    assert isinstance(t.ask(named, t("i32.ne", t.x, 0)), Model)


def test_a_merge_is_the_value_whose_guard_holds(t: Terms) -> None:
    first, second = t.holds(t.x), t.ite(t.x, t.false, t.holds(t.y))
    merge = t.arena.node("merge", "i64", (first, t.a, second, t.b, t.true, t.c))
    nested = t.ite(t.x, t.a, t.ite(t.y, t.b, t.c))
    assert isinstance(t.ask(merge, nested), Equal)
    assert isinstance(t.ask(merge, t.ite(t.x, t.b, t.ite(t.y, t.a, t.c))), Model)


# -- what has no meaning --------------------------------------------------------------------------


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


# -- budgets --------------------------------------------------------------------------------------


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


# -- the answers themselves -----------------------------------------------------------------------


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
