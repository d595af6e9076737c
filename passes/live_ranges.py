"""Live ranges: which values of a local have to stay together, and which of them may share.

    local.get 0  local.set 1    one range of local 1: this write and its read
    local.get 1  drop
    i32.const 5  local.set 1    another one, which might as well live in another local
    local.get 1  drop

A range is a set of writes and reads such that every write that may reach one of the reads is in
it (a web, in Chaitin's terms).  What a parameter or a default holds at first counts as written
before the function.  Two ranges *conflict* if one is written while the other is live, unless
what is written is, by the code of this block, the very value that the other one holds.

Sets of ranges are bits of Python integers.  Costs: as many steps as there are accesses, and
locals live at the start of a block, over all blocks.  Where that is too much (`MAX_LIVE`,
`MAX_RANGES`), a local is one range.

Source: Chaitin, "Register allocation and spilling via graph coloring" (1982).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.liveness import Liveness, liveness
from wasmopt.local_uses import LOCAL_INSTRUCTIONS

MAX_LIVE: Final = 300_000
"""Locals live at the start of a block, over all blocks, up to which locals are split."""
MAX_RANGES: Final = 16_000
"""The conflicts of n ranges take up to n * n bits: 32 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveRanges:
    """The ranges of one body, as numbers from 0 on.

    Attributes:
        range_at: access, an index into the body -> its range.
        local_of: for each range the local that it is a range of.
        initial: ranges that begin before the function.
        conflicts: for each range those that are live where it is written; of two that conflict,
            one names the other.
        copies: pairs of ranges -> bytes saved if the two share a local, because one is only a
            copy of the other.
    """

    range_at: dict[int, int]
    local_of: list[int]
    initial: set[int]
    conflicts: list[int]
    copies: Counter[tuple[int, int]]


def live_ranges(function: Function, context: Context) -> LiveRanges | None:
    """The ranges of a function's locals; None if there are too many."""
    code = _Code(function, context.analysis(liveness, function))
    if sum([live.bit_count() for live in code.live_in]) <= MAX_LIVE:
        ranges = _Splitter(code).split()
        if len(ranges.local_of) <= MAX_RANGES:
            return _with_conflicts(code, ranges)
    ranges = _unsplit(code)
    return _with_conflicts(code, ranges) if len(ranges.local_of) <= MAX_RANGES else None


class _Code:
    """A body as the analyses here see it.

    Attributes:
        accesses: for each block the indices of its accesses.
        locals: the locals that are live at the start of some block; a set of them is bits of
            places in this list.
        live_in, live_out: for each node of the flow the locals live at its start and behind it.
    """

    def __init__(self, function: Function, facts: Liveness) -> None:
        body = self.body = function.body
        starts, self.live_out = facts.flow.starts, facts.live_out
        self.flow: Final = facts.flow
        self.locals: Final = list(facts.bit_of)
        self.live_in: Final = facts.live_in
        self.accesses: Final[list[list[int]]] = []
        for node in range(facts.flow.blocks()):
            block = range(starts[node], starts[node + 1])
            self.accesses.append([i for i in block if body[i].name in LOCAL_INSTRUCTIONS])


@dataclass(frozen=True, slots=True, eq=False)
class _Ranges:
    """Ranges as in `LiveRanges`; `live_out` are those that are live behind each block."""

    range_at: dict[int, int]
    local_of: list[int]
    initial: set[int]
    live_out: list[int]


def _unsplit(code: _Code) -> _Ranges:
    """One range for each local; those that are live between blocks come first, in their order."""
    number = {local: place for place, local in enumerate(code.locals)}
    range_at = {
        index: number.setdefault(code.body[index].immediates[0], len(number))
        for block in code.accesses
        for index in block
    }
    initial = set(bits_of(code.live_in[0]))
    return _Ranges(range_at, list(number), initial, code.live_out[: len(code.accesses)])


class _Splitter:
    """Finds the ranges of a body: values that may be the same one are united.

    A value is what one `local.set` or `local.tee` writes, or what a local holds where several
    paths meet.

    Attributes:
        locals: for each value, of which local it is.
        united: for each value another one of its range, or itself.
    """

    def __init__(self, code: _Code) -> None:
        self.code: Final = code
        self.locals: Final[list[int]] = []
        self.united: Final[list[int]] = []

    def split(self) -> _Ranges:
        """The ranges."""
        code = self.code
        predecessors = code.flow.predecessors()
        value_at: dict[int, int] = {}
        entering: list[dict[int, int]] = []
        leaving: list[dict[int, int]] = []
        for node, live in enumerate(code.live_in):
            sources = predecessors[node]
            names = [code.locals[place] for place in bits_of(live)]
            if len(sources) == 1 and sources[0] < node and node:
                current = {local: leaving[sources[0]][local] for local in names}
            else:
                current = {local: self.value(local) for local in names}
            entering.append(current)
            current = dict(current)
            for index in code.accesses[node] if node < len(code.accesses) else ():
                instr = code.body[index]
                local = instr.immediates[0]
                if instr.name != "local.get":
                    current[local] = self.value(local)
                value_at[index] = current[local]
            names = [code.locals[place] for place in bits_of(code.live_out[node])]
            leaving.append({local: current[local] for local in names})
        for node, values in enumerate(entering):
            for source in predecessors[node]:
                for local, value in values.items():
                    self.unite(value, leaving[source][local])
        return self.numbered(value_at, entering[0], leaving)

    def value(self, local: int) -> int:
        """A new value."""
        self.locals.append(local)
        self.united.append(len(self.united))
        return len(self.united) - 1

    def range_of(self, value: int) -> int:
        """The value that stands for the range of `value`."""
        united = self.united
        while united[value] != value:
            united[value] = value = united[united[value]]
        return value

    def unite(self, one: int, other: int) -> None:
        """Both values have to stay together."""
        self.united[self.range_of(one)] = self.range_of(other)

    def numbered(
        self, value_at: dict[int, int], first: dict[int, int], leaving: list[dict[int, int]]
    ) -> _Ranges:
        """The ranges under consecutive numbers."""
        number: dict[int, int] = {}
        place = [
            number.setdefault(self.range_of(value), len(number))
            for value in range(len(self.united))
        ]
        local_of = [self.locals[value] for value in number]
        range_at = {index: place[value] for index, value in value_at.items()}
        live_out = [
            sum([1 << place[value] for value in values.values()])
            for values in leaving[: len(self.code.accesses)]
        ]
        return _Ranges(range_at, local_of, {place[value] for value in first.values()}, live_out)


def _with_conflicts(code: _Code, ranges: _Ranges) -> LiveRanges:
    """The ranges with their conflicts and copies."""
    body, range_at = code.body, ranges.range_at
    conflicts = [0] * len(ranges.local_of)
    copies: Counter[tuple[int, int]] = Counter()
    for block, live_out in zip(code.accesses, ranges.live_out, strict=True):
        live = live_out
        equal = _equal_values(body, block, range_at, copies)
        for index in reversed(block):
            this = range_at[index]
            if body[index].name == "local.get":
                live |= 1 << this
            else:
                live &= ~(1 << this)
                conflicts[this] |= live & ~equal.get(index, 0)
    return LiveRanges(range_at, ranges.local_of, ranges.initial, conflicts, copies)


def _equal_values(
    body: tuple[Instr, ...],
    block: list[int],
    range_at: dict[int, int],
    copies: Counter[tuple[int, int]],
) -> dict[int, int]:
    """For each write of a copy in a block, the ranges that hold that value already.

    Counts in `copies` what these copies cost.
    """
    value_of: dict[int, int] = {}
    holders: dict[int, int] = {}
    equal: dict[int, int] = {}
    on_top = -1
    for index in block:
        this, instr = range_at[index], body[index]
        if instr.name != "local.get":
            value = index
            if on_top == index - 1:
                source, origin = range_at[on_top], body[on_top]
                value = value_of.setdefault(source, ~source)
                equal[index] = holders.setdefault(value, 1 << source)
                both = instr.name == "local.set" and origin.name == "local.get"
                copies[source, this] += instr.size + (origin.size if both else 0)
            if this in value_of:
                holders[value_of[this]] &= ~(1 << this)
            value_of[this] = value
            holders[value] = holders.get(value, 0) | 1 << this
        if instr.name != "local.set":
            on_top = index
    return equal


def bits_of(bits: int) -> Iterator[int]:
    """The places of the bits that are set, the lowest first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low
