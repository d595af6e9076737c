"""Runs of instructions that occur more than once, whatever their locals are called.

The places where runs may start are sorted into classes by their first instruction, each class by
the second one, and so on; a class of one place is dropped.  That is a walk through the suffix
tree of the code without building it.  Its cost is the total length of all repeats, which is about
ten times the code at most for what compilers write.  Code that repeats itself without end is cut
short: by `LONGEST`, and beyond `WORK` by leaving out runs that only ever occur behind the same
instruction, since the longer run is found from there.

A local counts as equal where it was named equally long before within the run; see `outline_text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from wasmopt.opcodes import Effect
from wasmopt.passes.outline_text import BARRIER, CONSTANTS, KINDS, NOWHERE, Text
from wasmopt.structure import CLOSERS, DIVIDERS, OPENERS, labels

LONGEST: Final = 128
"""Instructions of a run at most."""
WORK: Final = 12
"""Instructions looked at, for each one there is, before only the most promising are."""
MOST_OPERANDS: Final = 4
"""Values from the operand stack that a run may take."""
MOST_RESULTS: Final = 1
"""Values that a function returns; more take multi-value, which the module may not use."""
MOST_ARGUMENTS: Final = 3
"""Constants that may differ from place to place."""

_PLAIN, _OPENS, _DIVIDES, _CLOSES, _JUMPS = range(5)
_LEAST_LEFT: Final = 8
"""Instructions from which on a run counts as part of the one that starts earlier."""


class Repeat(NamedTuple):
    """A run that occurs more than once.

    Attributes:
        gain: bytes that a function for it saves at most, about.
        site: how many of them each occurrence saves.
        places: where it starts, in order; occurrences may overlap.
        length: instructions.
    """

    gain: int
    site: int
    places: list[int]
    length: int


class Estimate(Protocol):
    """What each occurrence saves at most and what the function costs at least, both in bytes."""

    def __call__(self, size: int, operands: int, params: int, others: int) -> tuple[int, int]:
        """See `repeats`."""
        ...


class _Shapes(NamedTuple):
    """For each token what it does to nesting, the outermost label it names, its kind of access."""

    nesting: list[int]
    reach: list[int]
    access: list[int]


def repeats(
    text: Text, starts: Sequence[int], estimate: Estimate, *, similar: bool
) -> list[Repeat]:
    """All runs from `starts` that are worth a function.

    Args:
        text: the code.
        starts: where runs may start, in order.
        estimate: of (bytes of the first occurrence, values taken from the stack, locals read and
            constants that differ, locals first written).
        similar: those in which a few constants differ, else those in which none does.
    """
    exact = text.tokens
    tokens = text.kinds if similar else exact
    previous, heights, pops, sizes = text.previous, text.heights, text.pops, text.sizes
    nesting, reach, access = _shapes(text)
    constants = {number for number, (what, _) in enumerate(text.keys) if what in CONSTANTS}
    linked = [
        NOWHERE if before == NOWHERE else -2 - access[token] - 3 * (place - before)
        for place, (token, before) in enumerate(zip(tokens, previous, strict=True))
    ]
    found: list[Repeat] = []
    budget = WORK * len(tokens)
    may_start = bytearray(len(tokens) + 1)
    for start in starts:
        may_start[start] = tokens[start] != BARRIER and nesting[tokens[start]] <= _OPENS
    waiting: list[tuple[list[int], int, int, int, int, int, int]]
    waiting = [(list(starts), 0, 0, 0, 0, 0, 0)]
    while waiting:
        places, length, depth, low, params, others, varied = waiting.pop()
        budget -= len(places)
        classes: dict[int, list[int]] = {}
        if len(places) == 2:  # every other time, so spelled out
            start, other = places
            place = start + length
            key = linked[place] if previous[place] >= start else tokens[place]
            place = other + length
            if key == (linked[place] if previous[place] >= other else tokens[place]):
                classes[key] = places
        else:
            for start in places:
                place = start + length
                key = linked[place] if previous[place] >= start else tokens[place]
                if key in classes:
                    classes[key].append(start)
                else:
                    classes[key] = [start]
        for key, members in classes.items():
            if len(members) < 2 or key == BARRIER:
                continue
            start = members[0]
            place = start + length
            token = tokens[place]
            inside, lowest, read, written, differing = depth, low, params, others, varied
            if nesting[token] != _PLAIN:
                if reach[token] >= depth or (depth == 0 and nesting[token] > _OPENS):
                    continue
                inside += (nesting[token] == _OPENS) - (nesting[token] == _CLOSES)
            elif key in constants:
                differing += len({exact[each + length] for each in members}) > 1
                if differing > MOST_ARGUMENTS:
                    continue
            elif key >= 0 and access[key] >= 0:
                if access[key]:
                    written += 1
                else:
                    read += 1
            if not inside or not depth:
                lowest = min(lowest, heights[place] - heights[start] - pops[place])
                if lowest < -MOST_OPERANDS:
                    continue
            left = heights[place + 1] - heights[start] - lowest
            if not inside and left <= MOST_RESULTS and similar == bool(differing):
                size = sizes[place + 1] - sizes[start]
                site, cost = estimate(size, -lowest, read + differing, written)
                if len(members) * site > cost:
                    found.append(Repeat(len(members) * site - cost, site, members, length + 1))
            if length + 1 == LONGEST:
                continue
            if budget < 0 and length >= _LEAST_LEFT:
                before = tokens[start - 1]
                if all(may_start[each - 1] and tokens[each - 1] == before for each in members):
                    continue
            waiting.append((members, length + 1, inside, lowest, read, written, differing))
    return found


def _shapes(text: Text) -> _Shapes:
    shapes = _Shapes([], [], [])
    for what, _ in text.keys:
        nesting, reach, access = _PLAIN, -1, -1
        if isinstance(what, str):
            access = KINDS.get(what, -1)
        elif what.name in OPENERS:
            nesting, reach = _OPENS, max(labels(what), default=-1)
        elif what.name in DIVIDERS:
            nesting = _DIVIDES
        elif what.name in CLOSERS:
            nesting = _CLOSES
        elif what.effects & (Effect.BRANCH | Effect.UNREACHABLE_AFTER):
            nesting, reach = _JUMPS, max(labels(what), default=-1)
        shapes.nesting.append(nesting)
        shapes.reach.append(reach)
        shapes.access.append(access)
    return shapes
