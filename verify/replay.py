"""Looks for a state from which two versions of a function visibly do different things.

    both versions, in one harness   →   runs from drawn states   →   a difference   →   made small

What is found was seen in wasmtime, so it refutes that the versions are the same: for some
arguments, state of memory, globals and tables, and answers of whatever is called.  That nothing is
found means nothing.  In doubt nothing is reported:

* a run that does not end within its fuel, stack and number of calls is compared with nothing;
* two NaNs are equal as results, arguments and globals.  Elsewhere their bits count, but the bits
  of a computed NaN are the engine's choice; so with float instructions a difference must show both
  with NaNs made canonical and with those that the processor gives;
* what has no harness (shared memory, or thousands of instructions that make the globals) is never
  refuted, nor is a call through a table that never changes: here tables hold anything.

A call may do anything and answer anything, as in the proofs: a change that is right only because
of what a callee happens to do is refuted as a change of this function.

The number of runs and their fuel are bounded, the clock plays no part: the same versions have the
same counterexample everywhere, but for floats, where the processor has a say in the bits of NaNs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.module import Kind
from wasmopt.verdict import Refuted
from wasmopt.verify.counterexample import Counterexample, Difference, Patch
from wasmopt.verify.differences import Observer
from wasmopt.verify.harness import Harness
from wasmopt.verify.host import Machine
from wasmopt.verify.scenarios import Scenario, scenarios
from wasmopt.verify.simplify import Simplifier
from wasmopt.verify.table_facts import TableFacts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayBudget:
    """How much may be spent on one pair of versions.

    Attributes:
        scenarios: states to start from, seeds not counted.
        fuel: of one run, about one an instruction.
        simplifications: attempts to make what was found smaller.
        instructions: of both versions together; longer ones are not tried.
    """

    scenarios: int = 40
    fuel: int = 100_000
    simplifications: int = 200
    instructions: int = 40_000


_BUDGET: Final = ReplayBudget()


def refute(
    before: Function,
    after: Function,
    context: Context,
    position: int | None = None,
    seeds: Sequence[Scenario] = (),
) -> Refuted | None:
    """The verdict on a change that could not be proved, if it is wrong and that can be shown."""
    found = find_counterexample(before, after, position, context, seeds=seeds)
    return None if found is None else Refuted(found.render())


def find_counterexample(
    before: Function,
    after: Function,
    function_position: int | None,
    context: Context,
    *,
    seeds: Sequence[Scenario] = (),
    budget: ReplayBudget = _BUDGET,
) -> Counterexample | None:
    """A state from which the two versions do different things, None if none is found.

    Args:
        before: a version that belongs into the module of `context`.
        after: another one.
        function_position: of the function among those defined in the module, to name it.
        context: the module.
        seeds: states to start from first, perhaps a solver's model; what they do not mention is
            drawn.
        budget: how much to try.
    """
    if len(before.body) + len(after.body) > budget.instructions:
        return None
    if context.table(TableFacts).distinguish(before, after):
        return None
    try:
        return _Search(before, after, function_position, context, budget).run(seeds)
    except Exception:  # whatever cannot be run is not refuted
        _log.debug("no replay", exc_info=True)
        return None


class _Search:
    """One search.

    Raises:
        Exception: the versions cannot be run.
    """

    def __init__(
        self,
        before: Function,
        after: Function,
        position: int | None,
        context: Context,
        budget: ReplayBudget,
    ) -> None:
        harness = Harness(context.module, before, after)
        self._harness: Final = harness
        self._observer: Final = Observer(harness)
        binary = harness.build()
        self._machines: Final = [
            Machine(harness, binary, fuel=budget.fuel, canonical_nans=canonical)
            for canonical in ((True, False) if harness.mentions.has_floats() else (True,))
        ]
        self._budget: Final = budget
        self._index: Final = (
            None if position is None else len(context.module.imported(Kind.FUNCTION)) + position
        )

    def run(self, seeds: Sequence[Scenario]) -> Counterexample | None:
        """Search, and make what was found smaller."""
        for scenario in scenarios(self._harness.surface, seeds, self._budget.scenarios):
            found = self._difference(scenario)
            if found is not None:
                return self._describe(self._simplify(scenario, found.kind))
        return None

    def _difference(self, scenario: Scenario) -> Difference | None:
        """What differs on all machines, as the last one shows it."""
        difference = None
        for machine in self._machines:
            with machine.run(0, scenario) as first, machine.run(1, scenario) as second:
                difference = self._observer.difference(first, second)
            if difference is None:
                return None
        return difference

    def _simplify(self, scenario: Scenario, kind: str) -> Scenario:
        def still_differs(candidate: Scenario) -> bool:
            difference = self._difference(candidate)
            return difference is not None and difference.kind == kind

        return Simplifier(still_differs, self._budget.simplifications).simplify(scenario)

    def _describe(self, scenario: Scenario) -> Counterexample | None:
        harness, observer = self._harness, self._observer
        machine = self._machines[-1]
        with machine.run(0, scenario) as first, machine.run(1, scenario) as second:
            difference = observer.difference(first, second)
            before, after = observer.outcome(first), observer.outcome(second)
        if difference is None:
            return None
        surface = harness.surface
        return Counterexample(
            self._index,
            tuple(
                [
                    observer.value(each, harness.fit(each, scenario.arguments.get(position, 0)))
                    for position, each in enumerate(surface.params)
                ]
            ),
            tuple(
                [
                    (index, observer.value(each, harness.fit(each, scenario.globals[index])))
                    for index, each in surface.globals.items()
                    if scenario.globals.get(index)
                ]
            ),
            tuple([patch for chunk in scenario.memory for patch in _patches(*chunk)]),
            before,
            after,
            difference,
        )


def _patches(memory: int, address: int, data: bytes) -> Iterator[Patch]:
    """The bytes that are not zero, neighbours together."""
    position = 0
    while True:
        position += len(data[position:]) - len(data[position:].lstrip(b"\0"))
        if position == len(data):
            return
        stop = data.find(bytes(_GAP), position)
        stop = len(data) if stop < 0 else stop
        yield Patch(memory, address + position, data[position:stop].rstrip(b"\0"))
        position = stop


_GAP: Final = 8
"""Zero bytes that part one patch from the next."""
