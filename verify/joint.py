"""Runs two versions of a function side by side and compares all that can be observed.

Each version is executed alone between loops.  Loops are matched in the order in which they are
met.  At a header the values that either loop changes are put into classes; each class is one
symbol that both versions share.  When both bodies have been run, the classes must be *inductive*:

* both loops are entered under the same condition,
* slots of one class had the same value at the header, and come back with the same value,
* both come back under the same condition, and trap under the same condition in the same states.

Then, by induction over the iterations, slots of one class are equal whenever the headers are
reached, the headers are reached equally often, and what is behind the loops may use the symbols
of the last iteration.  How the classes were guessed does not matter for that.

Two guesses are made.  By index: local 3 of one version is local 3 of the other; one run of the
body is then enough.  By value: everything that had the same value at the header is one class, and
classes are split by what comes back until nothing changes (partition refinement, Hopcroft 1971).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.verify.conditions import Diagrams
from wasmopt.verify.execute import Execution
from wasmopt.verify.lockstep import Lockstep, same_control
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.regions import (
    Answer,
    Edge,
    Event,
    Finished,
    LoopEnd,
    LoopEntry,
    Region,
    Traps,
)
from wasmopt.verify.state import Layout, State
from wasmopt.verify.table_facts import TableFacts
from wasmopt.verify.terms import BITS, MAX_TERMS, Arena, Term
from wasmopt.verify.window import Code

Place = tuple[int, str, int]
"""A slot of one of the two versions: 0 before or 1 after, then the slot."""

MAX_REPEATS: Final = 5
"""Loop bodies may be run again for this many times the length of both versions together, plus
`FREE_REPEATS` instructions; then the attempt is given up."""
MAX_LOCKSTEP_REPEATS: Final = 40
"""The same for runs in lockstep, which cost a tenth of others."""
FREE_REPEATS: Final = 5_000


_Masks = dict[tuple[int, int], dict[Place, int]]
"""By loop and slot: bits that may be one at the header."""


class Oracle(Protocol):
    """Decides what the normaliser does not see; a solver."""

    def proves_equal(self, first: Term, second: Term, under: Term) -> bool:
        """Whether the two terms are surely equal where the condition `under` holds."""


class DifferentError(Exception):
    """The two versions could not be shown equal; the message says where."""


@dataclass(slots=True)
class _Loop:
    """A pair of matched loops being compared.

    Attributes:
        key: positions of the two loops.
        length: of both bodies, in instructions.
        entries: values at the header.
        classes: slots with the same number share a symbol.
        fixed: classes that are taken to keep their value at the header.
        moving: slots that were seen not to.
        ones: by class, bits that are taken to be the only ones that may be one at the header.
        failure: what differed within the loop in this run.
    """

    key: tuple[int, int]
    length: int
    entries: dict[Place, Term]
    classes: dict[Place, Hashable]
    fixed: set[Hashable] = field(default_factory=set)
    moving: set[Place] = field(default_factory=set)
    ones: dict[Hashable, int] = field(default_factory=dict)
    failure: str | None = None


class Comparison:
    """One attempt to prove two versions equal.

    Attributes:
        arena: all terms of the proof.
    """

    def __init__(
        self,
        before: Code,
        after: Code,
        context: Context,
        *,
        by_index: bool,
        sink: bool = False,
        lockstep: bool = False,
        make_oracle: Callable[[Arena], Oracle] | None = None,
        terms: int = MAX_TERMS,
    ) -> None:
        self.arena: Final = Arena(terms)
        repeats = MAX_LOCKSTEP_REPEATS if lockstep else MAX_REPEATS
        self._repeats_left = FREE_REPEATS + repeats * (len(before.body) + len(after.body))
        normaliser = Normaliser(self.arena)
        self._diagrams: Final = Diagrams(self.arena, normaliser)
        self._layout: Final = Layout(context.module, context.signatures, context.table(TableFacts))
        self._by_index: Final = by_index
        self._oracle: Final = None if make_oracle is None else make_oracle(self.arena)
        self._live: Final = before.live
        arities = context.table(Arities)
        self._lockstep: Final = lockstep
        execution = Lockstep if lockstep else Execution
        self._starts: Final = [
            partial(execution, each, arities, self._layout, self._diagrams, normaliser, sink=sink)
            for each in (before, after)
        ]
        self._once: Final = lockstep or sink or not by_index or make_oracle is not None
        self._known: dict[tuple[int, int], dict[Place, Hashable]] = {}
        self._loops: list[_Loop] = []
        self._seen_ones: _Masks = {}
        self._assumed_ones: _Masks = {}

    def check(self) -> None:
        """Compare; once more where loops were seen to carry values of few bits.

        Raises:
            DifferentError: they are not shown equal.
            UnsupportedError: something has no theory.
        """
        try:
            self._run()
        except DifferentError:
            if not self._seen_ones or self._once:
                raise
            self._assumed_ones = self._seen_ones
            self._loops.clear()
            self._known.clear()
            self._run()

    def _run(self) -> None:
        runs = [start().run() for start in self._starts]
        events: list[Event] = [next(run) for run in runs]
        while True:
            match events:
                case [LoopEntry() as first, LoopEntry() as second]:
                    answers = self._enter(first, second)
                case [LoopEnd() as first, LoopEnd() as second]:
                    answers = self._end(first, second)
                case [Finished() as first, Finished() as second]:
                    self._finish(first, second)
                    return
                case _:
                    raise DifferentError("loops do not match")
            events = [run.send(answer) for run, answer in zip(runs, answers, strict=True)]

    def _enter(self, first: LoopEntry, second: LoopEntry) -> list[Answer]:
        if not self._same(first.guard, second.guard):
            self._fail("a loop is entered under different conditions")
        key = (first.position, second.position)
        entries: dict[Place, Term] = {
            (version, *slot): value
            for version, entry in enumerate((first, second))
            for slot, value in entry.values.items()
        }
        known = self._known.get(key, {})
        classes: dict[Place, Hashable] = {
            place: (value, known.get(place), self._guess(place)) for place, value in entries.items()
        }
        length = first.length + second.length
        self._loops.append(_Loop(key, length, entries, _numbered(classes)))
        return self._name(self._loops[-1])

    def _guess(self, place: Place) -> Hashable:
        """What tells slots apart at first, besides their values at the header."""
        _, kind, index = place
        return (kind, index) if self._by_index or kind == "state" else None

    def _name(self, loop: _Loop) -> list[Answer]:
        """Give every class its symbol.

        A class of one version only is taken to keep its value at the header until it is seen to
        change: the other version may not assign it at all.
        """
        answers: list[dict[tuple[str, int], Term]] = [{}, {}]
        level = len(self._loops)
        sides: dict[Hashable, set[int]] = {}
        for place, number in loop.classes.items():
            sides.setdefault(number, set()).add(place[0])
        moving = {loop.classes[place] for place in loop.moving}
        loop.fixed = {n for n, side in sides.items() if len(side) == 1} - moving
        loop.ones = _masks(loop, self._assumed_ones.get(loop.key, {}), loop.entries)
        for place, value in loop.entries.items():
            number = loop.classes[place]
            symbol = value
            if number not in loop.fixed:
                ones = loop.ones.get(number)
                name = ("loop", *loop.key, level, number, ones)
                symbol = self.arena.symbol(value.sort, name)
                if ones is not None:
                    symbol.ones = ones
            version, kind, index = place
            answers[version][kind, index] = symbol
        return list(answers)

    def _end(self, first: LoopEnd, second: LoopEnd) -> list[Answer]:
        loop = self._loops[-1]
        returned: dict[Place, Term] = {
            (version, *slot): value
            for version, end in enumerate((first, second))
            for slot, value in end.values.items()
        }
        returned = self._unified(loop.classes, returned, first.guard)
        split = _numbered(
            {place: (number, returned.get(place)) for place, number in loop.classes.items()}
        )
        if split != loop.classes:
            loop.classes = split
            return self._again(loop)
        moved = {
            place
            for place, value in returned.items()
            if loop.classes[place] in loop.fixed and value is not loop.entries[place]
        }
        if moved:
            loop.moving |= moved
            return self._again(loop)
        wider = {
            place
            for place, value in returned.items()
            if value.ones & ~loop.ones.get(loop.classes[place], value.ones)
        }
        if wider:
            assumed = self._assumed_ones[loop.key]
            self._assumed_ones[loop.key] = {
                place: mask for place, mask in assumed.items() if place not in wider
            }
            return self._again(loop)
        self._seen_ones[loop.key] = _few_ones(loop, returned)
        if not self._same(first.guard, second.guard):
            self._fail("a loop goes on under different conditions")
        self._compare_traps(first.region, second.region)
        self._known[loop.key] = loop.classes
        self._loops.pop()
        if loop.failure is not None:
            self._fail(loop.failure)
        return [None, None]

    def _fail(self, reason: str) -> None:
        """The versions differ, unless the loop around this is run again under other symbols.

        The failure stays with the innermost loop that is being run: only a new run of all that
        it contains may forget it.

        Raises:
            DifferentError: there is no loop around it.
        """
        if not self._loops:
            raise DifferentError(reason)
        self._loops[-1].failure = reason

    def _again(self, loop: _Loop) -> list[Answer]:
        self._repeats_left -= loop.length
        if self._repeats_left < 0:
            raise DifferentError("budget: loops do not settle")
        loop.failure = None
        return self._name(loop)

    def _finish(self, first: Finished, second: Finished) -> None:
        self._compare_traps(first.region, second.region)
        for exit_before, exit_after in zip(first.exits, second.exits, strict=True):
            if not self._same(exit_before.guard, exit_after.guard):
                raise DifferentError("they leave under different conditions")
            if exit_before.guard is not self._diagrams.false:
                self._compare_exits(exit_before, exit_after, exit_before is first.exits[0])

    def _compare_exits(self, first: Edge, second: Edge, returns: bool) -> None:
        under = first.guard
        if len(first.values) != len(second.values):
            raise DifferentError("different operand stacks")
        for left, right in zip(first.values, second.values, strict=True):
            if not self._same(left, right, under):
                raise DifferentError("different results")
        for component in range(self._layout.observable):
            if not self._same(first.state[component], second.state[component], under):
                raise DifferentError(f"different {self._layout.names[component]} at the end")
        if returns:
            return
        for index in sorted(self._live):
            if not self._same(first.locals[index], second.locals[index], under):
                raise DifferentError(f"different local {index} at the end")

    def _same(self, first: Term, second: Term, under: Term | None = None) -> bool:
        """Whether two terms are one, or the oracle proves them equal where `under` holds."""
        if first is second:
            return True
        if self._oracle is None or first.sort != second.sort:
            return False
        under = self._diagrams.true if under is None else under
        return self._oracle.proves_equal(first, second, under)

    def _unified(
        self, classes: dict[Place, Hashable], values: dict[Place, Term], under: Term
    ) -> dict[Place, Term]:
        """The values, with one term for those of a class that the oracle proves equal."""
        if self._oracle is None or not self._by_index:
            return values
        chosen: dict[Hashable, Term] = {}
        unified = dict(values)
        for place, value in values.items():
            other = chosen.setdefault(classes[place], value)
            if self._same(other, value, under):
                unified[place] = other
        return unified

    def _compare_traps(self, first: Region, second: Region) -> None:
        if self._lockstep:
            if not same_control(first, second):
                self._fail("they branch differently")
            return
        none = Traps()
        unequal = []
        for state in {**first.traps, **second.traps}:
            traps = [region.traps.get(state, none) for region in (first, second)]
            if traps[0].conditions() != traps[1].conditions():
                totals = [each.all(self._diagrams) for each in traps]
                if not self._same(*totals):
                    unequal.append((state, totals))
        before, after = [
            self._by_leaf({state: totals[number] for state, totals in unequal})
            for number in range(2)
        ]
        if before != after:
            self._fail("they trap under different conditions")

    def _by_leaf(self, traps: dict[State, Term]) -> dict[State, Term]:
        """The same traps with joined states taken apart."""
        diagrams = self._diagrams
        apart: dict[State, Term] = {}
        for state, condition in traps.items():
            for leaf, reached in diagrams.leaves(state, condition).items():
                apart[leaf] = diagrams.disjunction(apart.get(leaf, diagrams.false), reached)
        return apart


def _few_ones(loop: _Loop, returned: dict[Place, Term]) -> dict[Place, int]:
    """Bits of each slot that may be one, for slots that never have all of them."""
    masks: dict[Place, int] = {}
    for place, value in returned.items():
        ones = value.ones | loop.entries[place].ones
        if 0 < ones < (1 << BITS.get(value.sort, 0)) - 1:
            masks[place] = ones
    return masks


def _masks(
    loop: _Loop, assumed: dict[Place, int], entries: dict[Place, Term]
) -> dict[Hashable, int]:
    """By class, the bits that may be one as `assumed` of all its slots."""
    masks: dict[Hashable, int] = {}
    for place, number in loop.classes.items():
        full = (1 << BITS.get(entries[place].sort, 0)) - 1
        mask = assumed.get(place, full) | entries[place].ones
        masks[number] = masks.get(number, 0) | mask
    return {
        loop.classes[place]: masks[loop.classes[place]]
        for place in assumed
        if place in loop.classes
    }


def _numbered(classes: dict[Place, Hashable]) -> dict[Place, Hashable]:
    """The same classes, named by the order in which they first occur."""
    numbers: dict[Hashable, int] = {}
    return {place: numbers.setdefault(name, len(numbers)) for place, name in classes.items()}
