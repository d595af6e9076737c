"""The part of cse that finds locals for values: one that is free there, or a new one.

A value has to stay from its leader to the last repeat, or to the end of the outermost loop around
a repeat that the leader stands outside of.  All ways from the leader to a repeat stay within that
code or come by the leader again, since the leader dominates the repeat.  A local is free for the
value if that code does not name it and what it holds at the leader is not read again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from wasmopt.context import Context
from wasmopt.function import Function, group_locals
from wasmopt.liveness import liveness
from wasmopt.local_uses import LOCAL_INSTRUCTIONS, renumber_locals
from wasmopt.passes.cse_candidates import ENTRY, Repeat
from wasmopt.structure import BODY, OPENERS, structure
from wasmopt.types import ValType

MOST_TRIES: Final = 16
"""Locals of one type that are looked at."""
_LARGE: Final = 128
"""The first index that takes two bytes."""
_DECLARATION_SIZE: Final = 2
"""Bytes of a declaration of few locals of a number type."""


class Home(NamedTuple):
    """A local for a value from `first` to `last`; `cost` bytes are needed to declare it."""

    local: int
    type: ValType
    first: int
    last: int
    cost: int


class Locals:
    """The locals of a function whose body is about to change.

    Attributes:
        types: of all of them, parameters and new ones included.
    """

    def __init__(self, function: Function, context: Context) -> None:
        body = function.body
        self._function: Final = function
        self._params: Final = len(context.param_types(function))
        self.types: Final = [*context.param_types(function), *function.local_types()]
        self._old: Final = len(self.types)
        self._facts: Final = context.analysis(liveness, function)
        self._reads: Final = {i for i, instr in enumerate(body) if instr.name == "local.get"}
        self._accesses: Final[dict[int, list[int]]] = {}
        for index, instr in enumerate(body):
            if instr.name in LOCAL_INSTRUCTIONS:
                self._accesses.setdefault(instr.immediates[0], []).append(index)
        self._ends: Final = context.analysis(structure, function).ends
        self._loops: Final = _enclosing_loops(function, context)
        self._holding: Final[set[int]] = set()
        self._taken: Final[dict[int, list[tuple[int, int]]]] = {}
        self._of_type: Final[dict[ValType, list[int]]] = {}
        for local, each in enumerate(self.types):
            self._of_type.setdefault(each, []).append(local)

    def extent(self, leader: int, repeats: Sequence[Repeat]) -> int:
        """Up to where a value has to stay that repeats read."""
        last = repeats[-1].index
        seen: set[int] = set()
        for repeat in repeats:
            loop = self._loops[repeat.index]
            while loop > leader and loop not in seen:
                seen.add(loop)
                last = max(last, self._ends[loop])
                loop = self._loops[loop]
        return last

    def find(self, value_type: ValType, first: int, last: int) -> Home:
        """A local for a value from `first` to `last`.

        A new one if that costs nothing, since the code is then easier to reason about; else one
        that is free, if there is any.
        """
        known = self._of_type.get(value_type, [])
        new = len(self.types)
        declared = bool(known) and known[-1] >= self._params
        if (not declared or new >= _LARGE) and first != ENTRY:
            for local in known[:MOST_TRIES]:
                if self._is_free(local, first, last):
                    return Home(local, value_type, first, last, 0)
        return Home(new, value_type, first, last, 0 if declared else _DECLARATION_SIZE)

    def take(self, home: Home) -> None:
        """Use a local."""
        if home.local == len(self.types):
            self.types.append(home.type)
            self._of_type.setdefault(home.type, []).append(home.local)
        self._taken.setdefault(home.local, []).append((home.first, home.last))

    def holding(self, local: int) -> Home | None:
        """A local for a value that it holds already, unless that has been overwritten."""
        if local in self._taken and local not in self._holding:
            return None
        return Home(local, self.types[local], ENTRY, len(self._function.body), 0)

    def hold(self, home: Home) -> None:
        """Have a local keep what it holds."""
        self._holding.add(home.local)
        self.take(home)

    def _is_free(self, local: int, first: int, last: int) -> bool:
        if any(start <= last and first <= stop for start, stop in self._taken.get(local, ())):
            return False
        accesses = self._accesses.get(local, [])
        following = bisect_left(accesses, first)
        if following < len(accesses) and accesses[following] <= last:
            return False
        starts = self._facts.flow.starts
        node = bisect_right(starts, first) - 1
        if following < len(accesses) and accesses[following] < starts[node + 1]:
            return accesses[following] not in self._reads
        return not self._facts.live_out[node] & self._facts.bit_of.get(local, 0)

    def apply(self, function: Function, context: Context) -> Function:
        """`function`, whose body names these locals, with its new ones declared."""
        new = range(self._old, len(self.types))
        if not new:
            return function
        order = list(range(self._params, self._old))
        for local in new:
            place = self._place(order, self.types[local])
            order.insert(place, local)
        number_of = {local: self._params + place for place, local in enumerate(order)}
        body = renumber_locals(function.body, number_of, context.pool)
        groups = group_locals([self.types[local] for local in order])
        return Function(function.type_index, groups, tuple(body))

    def _place(self, order: Sequence[int], value_type: ValType) -> int:
        """Where a new local needs no declaration of its own, else the end."""
        for place in range(len(order), 0, -1):
            if self.types[order[place - 1]] == value_type:
                return place
        return len(order)


def _enclosing_loops(function: Function, context: Context) -> list[int]:
    """For each instruction the innermost loop around it, or `BODY`."""
    found: list[int] = []
    loop_of = {BODY: BODY}
    for index, parent in enumerate(context.analysis(structure, function).parents):
        around = loop_of[parent]
        found.append(around)
        name = function.body[index].name
        if name in OPENERS:
            loop_of[index] = index if name == "loop" else around
    return found
