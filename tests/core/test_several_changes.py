"""Several changes of one function under one proof, and what happens when that proof fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support import module_of
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.manager import Manager
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.verdict import Proved, Unproved, Verdict

Run = Callable[[Function, Context], Function]
COUNT = 8


def remove(number: int) -> Pass:
    """A pass that removes `i32.const NUMBER drop`."""

    def run(function: Function, context: Context) -> Function:
        instr = context.pool.make("i32.const", number)
        if instr not in function.body:
            return function
        place = function.body.index(instr)
        return function.with_body(function.body[:place] + function.body[place + 2 :])

    return Pass(f"remove-{number}", "for the test", run)


PASSES = [remove(number) for number in range(COUNT)]


def module() -> Module:
    return module_of(f"(func {' '.join(f'i32.const {n} drop' for n in range(COUNT))})")


def numbers(function: Function) -> list[int]:
    return [instr.immediates[0] for instr in function.body if instr.name == "i32.const"]


class Gate:
    """A prover that puts back whatever removes one of the numbers in `wrong`."""

    def __init__(self, *wrong: int) -> None:
        self.wrong = wrong
        self.asked: list[int] = []

    def __call__(self, before: Function, after: Function, _context: Context) -> Verdict:
        removed = set(numbers(before)) - set(numbers(after))
        self.asked.append(len(removed))
        return Unproved("wrong") if removed & set(self.wrong) else Proved("trusted")


def run(gate: Gate, several: Gate | None, *passes: Pass, fuel: int | None = None) -> Manager:
    manager = Manager(passes or PASSES, Options(fuel=fuel), gate, prover_of_several=several)
    manager.settled = manager.run(module())
    return manager


def test_one_proof_for_all_changes() -> None:
    gate, several = Gate(), Gate()
    manager = run(gate, several)
    assert (gate.asked, several.asked) == ([], [COUNT])
    assert numbers(manager.settled.functions[0]) == []
    for report in manager.reports.values():
        assert (report.attempts, report.kept, report.proved) == (1, 1, {"trusted": 1})


def test_changes_of_a_pass_that_says_so_are_proved_alone() -> None:
    gate, several = Gate(), Gate()
    passes = [replace(each, alone=number == 3) for number, each in enumerate(PASSES)]
    manager = run(gate, several, *passes)
    assert (gate.asked, several.asked) == ([1], [3, COUNT - 4])
    assert numbers(manager.settled.functions[0]) == []


@pytest.mark.parametrize("wrong", [(0,), (3,), (COUNT - 1,), (0, 1), (2, 6), tuple(range(COUNT))])
def test_a_wrong_change_is_found_and_the_others_stay(wrong: tuple[int, ...]) -> None:
    together = run(Gate(*wrong), Gate(*wrong))
    alone = run(Gate(*wrong), None)
    assert numbers(together.settled.functions[0]) == list(wrong)
    assert numbers(alone.settled.functions[0]) == list(wrong)
    for name, report in together.reports.items():
        expected = alone.reports[name]
        assert (report.kept, report.bytes_saved) == (expected.kept, expected.bytes_saved)
        assert set(report.reverted) == set(expected.reverted)
        assert report.attempts == report.kept + report.reverted.total()


def test_where_nothing_is_proved_together_each_change_is_proved() -> None:
    gate, several = Gate(), Gate(*range(COUNT))
    manager = run(gate, several)
    assert gate.asked == [1] * COUNT
    assert numbers(manager.settled.functions[0]) == []


def test_the_cost_of_finding_a_wrong_change_is_logarithmic() -> None:
    gate, several = Gate(COUNT - 1), Gate(COUNT - 1)
    run(gate, several)
    assert several.asked == [COUNT, COUNT // 2, COUNT // 2, COUNT // 4, COUNT // 4]


def test_a_pass_that_a_wrong_one_misled_gets_another_chance() -> None:
    """It fails on a version that is put back; that is not its fault."""

    def run_misled(function: Function, context: Context) -> Function:
        if 0 not in numbers(function):
            raise ValueError("what happened to 0?")
        return PASSES[1].run(function, context)

    misled = Pass("misled", "for the test", run_misled)
    manager = run(Gate(0), Gate(0), PASSES[0], misled)
    assert numbers(manager.settled.functions[0]) == [0, *range(2, COUNT)]
    assert manager.reports["misled"].failed == {}
    assert manager.reports["misled"].kept == 1
    assert manager.notices() == []


def test_a_pass_that_fails_by_itself_is_named() -> None:
    def fail(_function: Function, _context: Context) -> Function:
        raise ValueError("always")

    manager = run(Gate(), Gate(), PASSES[0], Pass("failing", "for the test", fail), PASSES[1])
    assert numbers(manager.settled.functions[0]) == list(range(2, COUNT))
    assert set(manager.reports["failing"].failed) == {"ValueError"}
    [notice] = manager.notices()
    assert notice == "pass failing was put back in function 0: ValueError"


@pytest.mark.parametrize("fuel", range(4))
def test_fuel_counts_changes_not_proofs(fuel: int) -> None:
    manager = run(Gate(), Gate(), fuel=fuel)
    assert numbers(manager.settled.functions[0]) == list(range(fuel, COUNT))


def test_kept_changes_are_told_in_order() -> None:
    told: list[str] = []
    manager = Manager(
        PASSES,
        Options(),
        Gate(2),
        lambda name, *_: told.append(name),
        prover_of_several=Gate(2),
    )
    manager.run(module())
    assert told == [each.name for number, each in enumerate(PASSES) if number != 2]
