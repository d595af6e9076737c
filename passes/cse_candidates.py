"""The part of cse that finds values computed again, and where they could be read instead.

A candidate is a number of *repeats*: spans that compute a value which is known there already,

* from a local that holds it, which costs nothing;
* from one computation that dominates them, the *leader*, which would leave it in a local;
* for a constant, from the start of the function, where it could be put into a local.

A span repeats a value only if it does nothing but compute: no `local.tee`, no call, no block.
References are not shared, since a local that holds one may promise less about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.passes.dominance import Dominance
from wasmopt.passes.value_numbers import ValueNumbers
from wasmopt.types import NUMBER_NAMES

READ_SIZE: Final = 2
"""Bytes of a `local.get`, `local.set` or `local.tee` with a small index."""
MOST_HOLDERS: Final = 8
"""Locals that are looked at for one value."""
ENTRY: Final = -1
"""Stands for the leader of a constant that is put into a local at the start of the function."""


@dataclass(slots=True)
class Repeat:
    """The span `body[start : index + 1]`, which leaves a value."""

    start: int
    index: int


@dataclass(slots=True, eq=False)
class Candidate:
    """Spans that could read a local.

    Attributes:
        repeats: in order.
        leader: index of what computes the value first, or `ENTRY`.
        held: the local that holds the value already; then there is no leader.
    """

    repeats: list[Repeat]
    leader: int = ENTRY
    held: int | None = None


class Expressions(ValueNumbers):
    """Collects what is computed.

    Attributes:
        sizes: bytes of the body before each instruction.
    """

    def __init__(self, function: Function, context: Context) -> None:
        super().__init__(function, context)
        self.sizes: Final = [0, *accumulate([instr.size for instr in self.body])]
        self._dominance: Final = context.analysis(Dominance, function)
        self._starts: Final[dict[int, int]] = {}
        """Instruction -> where its span starts, if that does nothing but compute its value."""
        self._computed: Final[dict[int, list[int]]] = {}
        self._held: Final[list[Candidate]] = []

    def read(self, index: int) -> None:
        """A `local.get` computes; that is all there is to know."""
        self._starts[index] = index

    def computed(self, index: int, number: int) -> None:
        """Note the value of an instruction."""
        start = index
        for value in reversed(self.stack.operands(index)):
            origin = self.stack.producers[value]
            if start >= 0 and origin == start - 1 and origin in self._starts:
                start = self._starts[origin]
            else:
                start = -1
        if start >= 0:
            self._starts[index] = start
            if self.sizes[index + 1] - self.sizes[start] <= READ_SIZE:
                return
            for local in self.holders.get(number, ())[-MOST_HOLDERS:]:
                if self.held[local] == number and self.types[local] in NUMBER_NAMES:
                    self._held.append(Candidate([Repeat(start, index)], held=local))
                    return
        self._computed.setdefault(number, []).append(index)

    def candidates(self) -> list[Candidate]:
        """All of them."""
        self.walk()
        found = self._held
        for indices in self._computed.values():
            groups = self._groups(indices)
            if self.body[indices[0]].name.endswith(".const"):
                everywhere = Candidate([Repeat(index, index) for index in indices])
                if self._gain(everywhere) > sum([max(0, self._gain(group)) for group in groups]):
                    groups = [everywhere]
            found += groups
        return found

    def _groups(self, indices: list[int]) -> list[Candidate]:
        """What the same value, computed at these places, can be read from a leader."""
        groups: list[Candidate] = []
        until = ENTRY
        for index in indices:
            if index >= until:
                groups.append(Candidate([], leader=index))
                until = self._dominance.until(index)
            elif index in self._starts:
                groups[-1].repeats.append(Repeat(self._starts[index], index))
        return [group for group in groups if group.repeats]

    def _gain(self, constant: Candidate) -> int:
        """Bytes that a candidate for a constant saves, about."""
        instr = self.body[constant.repeats[0].index]
        saved = len(constant.repeats) * (instr.size - READ_SIZE)
        if constant.leader != ENTRY:
            return saved - READ_SIZE
        return saved if is_zero(instr) else saved - instr.size - READ_SIZE


def is_zero(constant: Instr) -> bool:
    """Whether a constant is what a declared local of its type holds at first."""
    return constant.immediates[0] in (0, bytes(16))
