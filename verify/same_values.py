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

Loops: a local, or part of the state, that is written in a loop gets one number at the header.  A
first guess is a new number for each, made of the loop, the value on entry and the place among
those that came in with that value; it mostly holds, and then one walk was enough.  Otherwise it is
the number it came in with, as if it always came back unchanged; and where it does not, the number
is made of the loop, the value on entry and the values with which it came back in the round
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.errors import InputError
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.verify.live_code import NotCoveredError, live_code
from wasmopt.verify.terms import BudgetError, SortError
from wasmopt.verify.value_numbering import Learned, Numbers
from wasmopt.verify.value_walk import Reading, Walk

MAX_ROUNDS: Final = 8

_GUESS: Final[Mapping[str, bool]] = {"moving": True}
_LATER: Final[tuple[tuple[bool, Mapping[str, bool]], ...]] = (
    (False, {"by_rank": False}),
    (True, _GUESS),
    (True, {"by_rank": False}),
    (False, {}),
    (False, {"join_ends": True}),
    (False, {"join_ends": True, "by_rank": False}),
)
"""What is tried after the first guess: whether numbers know the theory of the normaliser, and how
the walks are made, see `_Version.rounds`."""
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


@dataclass(slots=True)
class Effort:
    """What it took.

    Attributes:
        instructions: of the versions that were walked over, as often as they were.
    """

    instructions: int = 0


class Versions:
    """Compares versions of functions; what was read of the last two is used again.

    Attributes:
        effort: of all comparisons so far.
    """

    def __init__(self) -> None:
        self.effort: Final = Effort()
        self._numbers = Numbers()
        self._known: dict[Function, _Version] = {}
        self._context: Context | None = None

    def same(
        self, before: Function, after: Function, context: Context, *, tries: int | None = None
    ) -> bool:
        """See `same_values`; `tries` limits how many ways to number values are tried."""
        if before.type_index != after.type_index:
            return False
        try:
            return self._compare(before, after, context, tries)
        except _MALFORMED:
            return False

    def _compare(
        self, before: Function, after: Function, context: Context, tries: int | None
    ) -> bool:
        pair = (before, after)
        if context is not self._context or before not in self._known:
            self._context, self._numbers, self._known = context, Numbers(), {}
        self._known = {
            each: self._known.get(each) or _Version(each, context, self.effort) for each in pair
        }
        versions = list(self._known.values()) * (2 if before == after else 1)
        if _equal([each.guess(self._numbers) for each in versions]):
            return True
        other_formulas = _formulas(before) != _formulas(after)
        later = [each for each in _LATER if other_formulas or not each[0]]
        for theory, how in later[:tries]:
            numbers = Numbers(context.pool if theory else None)
            if _equal([each.rounds(numbers, **how) for each in versions]):
                return True
        return False


def _formulas(function: Function) -> dict[Instr, int]:
    """The instructions that a theory may know something of, and how often there are."""
    counts = Counter(function.body)
    return {each: count for each, count in counts.items() if each.op.operands is not None}


class _Version:
    """One version of a function, and what was read of it."""

    def __init__(self, function: Function, context: Context, effort: Effort) -> None:
        self._function: Final = function
        self._context: Final = context
        self._effort: Final = effort
        self._readings: Final[dict[bool, Reading]] = {}
        self._guess: _Rounds | None = None

    def guess(self, numbers: Numbers) -> _Rounds:
        """The walk that takes everything written in a loop to move; kept for the next pair."""
        if self._guess is None:
            self._guess = self.rounds(numbers, **_GUESS)
        return self._guess

    def rounds(
        self,
        numbers: Numbers,
        *,
        join_ends: bool = False,
        by_rank: bool = True,
        moving: bool = False,
    ) -> _Rounds:
        """Walks over the version.

        Args:
            numbers: of values, shared by what is compared.
            join_ends: whether ends that follow on each other count as one.
            by_rank: whether slots that come into a loop with one value are told apart by their
                order, or only by what comes back.
            moving: whether all that a loop writes is taken to move, or only what was seen to.
        """
        reading = self._reading(join_ends)
        return _Rounds(reading, numbers, self._effort, by_rank=by_rank, moving=moving)

    def _reading(self, join_ends: bool) -> Reading:
        reading = self._readings.get(join_ends)
        if reading is None:
            function, context = self._function, self._context
            steps = live_code(function, context.signatures, join_ends=join_ends)
            reading = self._readings[join_ends] = Reading(function, steps, context)
        return reading


class _Rounds:
    """The walks over one version, one for each round, made when they are asked for."""

    def __init__(
        self,
        reading: Reading,
        numbers: Numbers,
        effort: Effort,
        *,
        by_rank: bool = True,
        moving: bool = False,
    ) -> None:
        self._reading: Final = reading
        self._numbers: Final = numbers
        self._effort: Final = effort
        self._by_rank: Final = by_rank
        self._learned: Final = Learned(everything=moving)
        self._walks: Final[list[Walk]] = []

    def walk(self, number: int) -> Walk:
        """That of one round; rounds have to be asked for in order."""
        walks = self._walks
        if number == len(walks):
            if walks:
                self._learned.take(walks[-1].backs, walks[-1].moved())
            self._effort.instructions += len(self._reading.body)
            walks.append(self._reading.walk(self._numbers, self._learned, by_rank=self._by_rank))
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
