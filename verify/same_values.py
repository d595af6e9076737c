"""Two versions that compute the same values in the same order of effects, whatever their locals.

Each version is read alone, as a list of *events* (`value_walk`): control, instructions that have
an effect, and between two of them the set of what may trap.  Everything else only says which value
goes where, and is followed with *value numbers*: a number for each parameter and zero, for each
pure instruction by its operands, for each read of the state by its operands and by the last event
that changed that part of the state, for each result of an event by the event's place in the list,
for each join by what comes together there.  Equal lists of events, operands included, mean equal
functions; in which locals values lay in between does not matter.  So copies, other locals, shared
values, arguments of a body that was put in the place of its call, and pure code and loads in
another order all cost nothing.

Traps: nothing can be observed between two events, so which of several checks fails does not matter,
nor their order; it only matters whether any does.  A check that was passed on every way that
leads here is passed again, since no memory and no table shrinks.

Loops: a local, or part of the state, that is written in a loop gets one number at the header.  At
first it is the number it came in with, as if it always came back unchanged.  Where it does not, the
number is made of the loop, the value on entry and the values with which it came back in the round
before.  The numbers are right if all slots (of both versions) that share one came in with one
value and come back with one; that is checked of the last round, and rounds go on until it holds.
By induction over the steps of an execution, both versions then are at the same event with equal
values under equal numbers.

A value number made in one iteration cannot be taken for one of the next: whatever is written in
the loop and does not come back unchanged is numbered anew at the header.

Where the versions compute with other instructions, what these numbers cannot tell is tried
once more with numbers that know the theory of the normaliser (`value_theory`).

Near-linear: one walk for each round; the number of rounds is bounded, and so is the sum of the
locals that are remembered at branches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from wasmopt.context import Context
from wasmopt.errors import InputError
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.verify.live_code import NotCoveredError, live_code
from wasmopt.verify.terms import BudgetError, SortError
from wasmopt.verify.value_walk import Numbers, Reading, Walk

MAX_ROUNDS: Final = 8

_MALFORMED: Final = (
    BudgetError,
    InputError,
    LookupError,
    NotCoveredError,
    SortError,
    TypeError,
    ValueError,
)


def same_values(before: Function, after: Function, context: Context) -> bool:
    """Whether the two are proved to do the same; False when this tier cannot tell.

    Both have to be valid.
    """
    return Versions().same(before, after, context)


class Versions:
    """Compares versions of functions; what was read of the last two is used again."""

    def __init__(self) -> None:
        self._numbers = Numbers()
        self._known: dict[Function, _Rounds] = {}
        self._context: Context | None = None

    def same(self, before: Function, after: Function, context: Context) -> bool:
        """See `same_values`."""
        if before.type_index != after.type_index:
            return False
        try:
            return self._compare(before, after, context)
        except _MALFORMED:
            return False

    def _compare(self, before: Function, after: Function, context: Context) -> bool:
        pair = (before, after)
        if context is not self._context or before not in self._known:
            self._context, self._numbers, self._known = context, Numbers(), {}
        self._known = {
            each: self._known.get(each) or _Rounds(each, context, self._numbers) for each in pair
        }
        if _equal([self._known[each] for each in pair]):
            return True
        if _formulas(before) != _formulas(after):
            numbers = Numbers(context.pool)
            if _equal([_Rounds(each, context, numbers) for each in pair]):
                return True
        for join_ends, by_index in ((False, False), (True, True), (True, False)):
            numbers = Numbers()
            rounds = [
                _Rounds(each, context, numbers, join_ends=join_ends, by_index=by_index)
                for each in pair
            ]
            if _equal(rounds):
                return True
        return False


def _formulas(function: Function) -> dict[Instr, int]:
    """The instructions that a theory may know something of, and how often there are."""
    counts = Counter(function.body)
    return {each: count for each, count in counts.items() if each.op.operands is not None}


class _Rounds:
    """The walks over one version, one for each round, made when they are asked for."""

    def __init__(
        self,
        function: Function,
        context: Context,
        numbers: Numbers,
        *,
        join_ends: bool = False,
        by_index: bool = True,
    ) -> None:
        steps = live_code(function, context.signatures, join_ends=join_ends)
        self._reading: Final = Reading(function, steps, context)
        self._numbers: Final = numbers
        self._by_index: Final = by_index
        self._walks: Final[list[Walk]] = []

    def walk(self, number: int) -> Walk:
        """That of one round; rounds have to be asked for in order."""
        walks = self._walks
        if number == len(walks):
            if walks:
                self._reading.learn(walks[-1])
            walks.append(self._reading.walk(self._numbers, by_index=self._by_index))
        return walks[number]


def _equal(versions: Sequence[_Rounds]) -> bool:
    """Whether the events are equal, with numbers at loops that are inductive."""
    for number in range(MAX_ROUNDS):
        walks = [each.walk(number) for each in versions]
        if walks[0].events != walks[1].events:
            return False  # and so it would be with more numbers
        if _is_inductive(walks):
            return True
    return False


def _is_inductive(walks: Sequence[Walk]) -> bool:
    """Whether everything that shares a number at a loop's header comes back with one, and what
    has the number that it came in with comes back with that.
    """
    known: dict[int, tuple[int, ...]] = {}
    return not any(walk.moved() for walk in walks) and all(
        known.setdefault(number, tuple(walk.backs[place])) == tuple(walk.backs[place])
        for walk in walks
        for place, number in walk.headers.items()
    )
