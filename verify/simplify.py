"""Makes a scenario smaller as long as it still shows a difference.

Whole parts go first: memory, answers to calls and what callees do, then numbers, then the bytes
of memory that do not matter, by halves (as in delta debugging, Zeller and Hildebrandt 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from wasmopt.verify.scenarios import Answer, Scenario


class Simplifier:
    """Tries smaller scenarios.

    Args:
        still_differs: whether a scenario shows the difference.
        attempts: how often that may be asked.
    """

    def __init__(self, still_differs: Callable[[Scenario], bool], attempts: int) -> None:
        self._still_differs: Final = still_differs
        self._attempts_left = attempts

    def simplify(self, scenario: Scenario) -> Scenario:
        """The smallest scenario that was found."""
        scenario = self._first(scenario, [replace(scenario, memory=())])
        scenario = self._calm_answers(scenario)
        for index in scenario.arguments:
            scenario = self._lower_argument(scenario, index)
        for index in scenario.globals:
            scenario = self._lower_global(scenario, index)
        return self._thin_out(scenario)

    def _shows(self, candidate: Scenario) -> bool:
        if self._attempts_left == 0:
            return False
        self._attempts_left -= 1
        return self._still_differs(candidate)

    def _first(self, scenario: Scenario, candidates: Iterable[Scenario]) -> Scenario:
        """The first candidate that is another and shows it, else the scenario itself."""
        for candidate in candidates:
            if candidate != scenario and self._shows(candidate):
                return candidate
        return scenario

    def _calm_answers(self, scenario: Scenario) -> Scenario:
        """Fewer answers, without effects, of zero."""
        answers = scenario.answers
        shorter = [replace(scenario, answers=answers[:count]) for count in range(len(answers))]
        scenario = self._first(scenario, shorter)
        for number, answer in enumerate(scenario.answers):
            calmer = [Answer(), Answer(answer.results), Answer((), answer.effect)]
            candidates = [
                replace(scenario, answers=_replaced(scenario.answers, number, each))
                for each in calmer
            ]
            scenario = self._first(scenario, candidates)
        return scenario

    def _lower_argument(self, scenario: Scenario, index: int) -> Scenario:
        values = scenario.arguments
        lower = [{**values, index: bits} for bits in _lower(values[index])]
        return self._first(scenario, [replace(scenario, arguments=each) for each in lower])

    def _lower_global(self, scenario: Scenario, index: int) -> Scenario:
        values = scenario.globals
        lower = [{**values, index: bits} for bits in _lower(values[index])]
        return self._first(scenario, [replace(scenario, globals=each) for each in lower])

    def _thin_out(self, scenario: Scenario) -> Scenario:
        """Zero for bytes of memory that do not matter."""
        for number, (memory, address, filled) in enumerate(scenario.memory):
            data = filled
            pending = [(0, len(data))]
            while pending and self._attempts_left:
                start, stop = pending.pop()
                thinner = data[:start] + bytes(stop - start) + data[stop:]
                chunks = _replaced(scenario.memory, number, (memory, address, thinner))
                simpler = self._first(scenario, [replace(scenario, memory=chunks)])
                if simpler is not scenario:
                    scenario, data = simpler, thinner
                elif thinner != data and stop - start > 1:
                    middle = (start + stop) // 2
                    pending += [(middle, stop), (start, middle)]
        return scenario


def _replaced(items: tuple[Any, ...], number: int, item: object) -> tuple[Any, ...]:
    return (*items[:number], item, *items[number + 1 :])


def _lower(bits: int) -> list[int]:
    """Numbers that read more easily."""
    return [each for each in (0, 1, bits & 0xFF, bits & 0xFFFF) if each < bits]
