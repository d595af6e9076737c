"""Random modules do the same before and after, and those who look would see it if they did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wasmopt.api
from tests.fuzz import campaign, trial
from tests.fuzz.choices import Choices, reduced
from tests.fuzz.code import FAMILIES
from tests.fuzz.generate import random_module
from tests.fuzz.observe import difference, observe
from tests.fuzz.operations import family
from tests.support import module_of
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.module import Module
from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.passes import REGISTRY
from wasmopt.report import ProofReport
from wasmopt.text import module_text
from wasmopt.validate import validate
from wasmopt.verdict import Proved, Verdict

SEEDS = range(1_000_000, 1_000_200)


@given(st.data())
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_an_optimized_module_does_what_it_did(data: st.DataObject) -> None:
    found = trial.tried(Choices(lambda bound: data.draw(st.integers(0, bound - 1))))
    assert found.problem is None, module_text(found.module)


def test_every_function_that_was_changed_does_what_it_did_anywhere() -> None:
    total = campaign.tally(range(2_000_000, 2_000_025), each_change=True)
    assert not total.findings
    assert total.counts["functions run alone"] > 20


def test_modules_are_valid_and_come_back_from_their_bytes() -> None:
    for seed in SEEDS:
        module = random_module(Choices.of_seed(seed))
        data = encode(module)
        validate(module, data)
        again = decode(data)
        assert encode(again) == data
        assert module_text(again) == module_text(module)


def test_modules_say_much_and_come_to_an_end() -> None:
    runs = [observe(encode(random_module(Choices.of_seed(seed)))) for seed in SEEDS[:100]]
    assert sum([run.complete for run in runs]) > 0.95 * len(runs)
    events = {event[0] for run in runs for event in run.events}
    assert events >= {"returns", "traps", "throws", "state", "log", "log_float", "make", "disturb"}


def test_modules_have_a_bit_of_everything() -> None:
    instructions: set[str] = set()
    for seed in SEEDS:
        for function in random_module(Choices.of_seed(seed)).functions:
            instructions |= {instr.name for instr in function.body}
    wanted = """
        loop br_if br_table return unreachable call call_indirect call_ref return_call select
        select_t try_table throw local.tee global.set table.get table.set table.grow table.copy
        memory.grow memory.copy memory.fill memory.init ref.func ref.is_null struct.new ref.eq
    """
    assert set(wanted.split()) <= instructions
    families = Counter([family(BY_MNEMONIC[name]) for name in instructions])
    assert families.keys() == FAMILIES.keys()
    assert min(families[name] for name in ("integers", "memory", "floats", "vectors")) > 20


def test_a_seed_always_gives_the_same_module() -> None:
    one, other = [encode(random_module(Choices.of_seed(7))) for _ in range(2)]
    assert one == other
    choices = Choices.of_seed(7)
    random_module(choices)
    assert encode(random_module(Choices.of_list(choices.taken))) == one


# What a host can see, and a difference in it.

WATCHED = """
    (import "host" "log" (func $log (param i32)))
    (memory (export "memory") 1)
    (global (export "g0") (mut f32) (f32.const 0))
    (func (export "f0") (param i32 f32) (result f64) {})"""
PLAIN = "(global.set 0 (local.get 1)) (f64.promote_f32 (f32.demote_f64 (f64.const nan)))"


@pytest.mark.parametrize(
    "other",
    [
        "(global.set 0 (local.get 1)) (f64.const -nan)",
        "(global.set 0 (f32.neg (local.get 1))) (f64.const nan)",
        "(global.set 0 (local.get 1)) (i32.store8 (i32.const 9) (i32.const 1)) (f64.const nan)",
        "(global.set 0 (local.get 1)) (call $log (i32.const 1)) (f64.const nan)",
        "(global.set 0 (local.get 1)) unreachable",
        "(drop (memory.grow (i32.const 1))) (global.set 0 (local.get 1)) (f64.const nan)",
    ],
)
def test_differences_are_seen(other: str) -> None:
    same = WATCHED.format("(global.set 0 (local.get 1)) (f64.const nan)")
    before, after, wrong = [
        observe(encode(module_of(text)))
        for text in (WATCHED.format(PLAIN), same, WATCHED.format(other))
    ]
    assert difference(before, after) is None
    assert difference(before, wrong) is not None


def test_what_runs_out_of_fuel_is_not_held_against_anybody() -> None:
    slow = WATCHED.format("(loop (br 0)) unreachable")
    quick = WATCHED.format("unreachable")
    assert difference(*[observe(encode(module_of(text))) for text in (slow, quick)]) is None


# Faults that nobody stops are found.


class _Believer:
    """A validator that proves whatever it is asked."""

    def __init__(self, **_settings: Any) -> None:
        self.report = ProofReport()

    def __call__(self, *_question: Any) -> Verdict:
        return Proved("believed")

    several = __call__


def _without_stores(function: Function, context: Context) -> Function:
    """Takes out the first write to memory or a global, and drops what it would have written."""
    make = context.pool.make
    for place, instr in enumerate(function.body):
        if instr.name in ("i32.store", "i32.store8", "i64.store", "global.set"):
            drops = (make("drop"),) * (1 if instr.name == "global.set" else 2)
            return function.with_body((*function.body[:place], *drops, *function.body[place + 1 :]))
    return function


def _counting_on(function: Function, context: Context) -> Function:
    """Goes through every loop once more."""
    limits = {context.pool.make("i32.lt_s"): context.pool.make("i32.le_s")}
    body = tuple([limits.get(instr, instr) for instr in function.body])
    return function if body == function.body else function.with_body(body)


@pytest.mark.parametrize("wrong", [_without_stores, _counting_on])
def test_a_wrong_pass_that_is_believed_is_found_and_made_small(
    wrong: Callable[[Function, Context], Function], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Pass("vacuum", "is wrong", wrong, enabling=True)
    monkeypatch.setitem(REGISTRY, "vacuum", broken)
    monkeypatch.setattr(wasmopt.api, "Prover", _Believer)
    seeds = iter(range(3_000_000, 3_000_200))
    seed = next(each for each in seeds if campaign.tally(range(each, each + 1), False).findings)
    text = campaign.small_text(seed, False, 60)
    assert "behaves differently" in text
    assert len(text) < len(module_text(_module_of_trial(seed)))


def _module_of_trial(seed: int) -> Module:
    return trial.tried(Choices.of_seed(seed)).module


def test_decisions_are_reduced_to_those_that_matter() -> None:
    def fails(choices: Choices) -> bool:
        return [choices.below(100) for _ in range(50)].count(42) > 1

    start = [n % 100 for n in range(150)]
    start[3] = start[40] = 42
    assert fails(Choices.of_list(start))
    found = reduced(start, fails, 1000)
    assert [each for each in found if each] == [42, 42]
    assert len(found) <= 3
