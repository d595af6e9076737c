"""Coalesce locals: values that are never needed at the same time share a local.

    local.get 0  local.set 1  …  local.get 1      →  …  local.get 0     and local 1 is free
    A  local.tee 1  local.set 2                   →  A  local.set 1
    (local i32 i64) where the i32 is only needed while parameter 0, an i32, is not
                                                  →  (local i64)

Needs: which ranges of locals conflict (`live_ranges`).  Keeps: types; parameters where they
come in; the zero that a local holds at first, which no parameter does; locals without a default
value.  Costs: for each range as many steps as there are locals, but `MAX_TRIES` at most.

Two arrangements are tried.  In the first, ranges that are copies of each other share a local,
the copy that saves most first, and every other range stays in its local if it can.  In the second
the ranges also move to the first local that is free.  The shorter one wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr, InstrPool
from wasmopt.passes.dead_locals import dead_locals
from wasmopt.passes.live_ranges import LiveRanges, live_ranges
from wasmopt.passes.reorder_locals import reorder_locals
from wasmopt.types import ValType, is_defaultable

MAX_TRIES: Final = 128
"""Locals that a range tries before it gets one of its own."""


def coalesce_locals(function: Function, context: Context) -> Function:
    """Let values share locals as far as that makes the function shorter."""
    params = context.param_types(function)
    if len(params) + len(function.local_types()) < 2:
        return function
    ranges = live_ranges(function, context)
    if ranges is None:
        return function
    shortest = function
    for packed in (False, True):
        local_of, types = _Arrangement(ranges, params, function.local_types()).run(packed=packed)
        body = _renamed(function.body, ranges, local_of, context.pool)
        renamed = Function(function.type_index, group_locals(types), body)
        shorter = reorder_locals(dead_locals(renamed, context), context)
        if shorter.entry_size() < shortest.entry_size():
            shortest = shorter
    return shortest


@dataclass(slots=True, eq=False)
class _Group:
    """Ranges that share a local.

    Attributes:
        ranges: their numbers.
        members: the same as bits.
        conflicts: what they conflict with; of two that do, one says so.
        type: of all of them.
        local: where it has to be, or -1.
        from_zero: one of them begins with the zero that a local holds at first.
    """

    ranges: list[int]
    members: int
    conflicts: int
    type: ValType
    local: int = -1
    from_zero: bool = False

    def add(self, other: _Group) -> None:
        """Take in another group."""
        self.ranges += other.ranges
        self.members |= other.members
        self.conflicts |= other.conflicts
        self.local = max(self.local, other.local)
        self.from_zero |= other.from_zero


class _Arrangement:
    """Gives each range a local.

    Attributes:
        types: of all locals, parameters first; grows where a range fits in none.
        locals: what is in each local so far.
        of_type: the locals of each type.
        group_of: for each range its group.
    """

    def __init__(
        self, ranges: LiveRanges, params: Sequence[ValType], declared: Sequence[ValType]
    ) -> None:
        self.ranges: Final = ranges
        self.params: Final = len(params)
        self.types: Final = [*params, *declared]
        self.locals: Final = [
            _Group([], 0, 0, each, local) for local, each in enumerate(self.types)
        ]
        self.of_type: Final[dict[ValType, list[int]]] = {}
        for local, each in enumerate(self.types):
            self.of_type.setdefault(each, []).append(local)
        self.group_of: Final = [self.group(number) for number in range(len(ranges.local_of))]

    def group(self, number: int) -> _Group:
        """A range by itself."""
        local = self.ranges.local_of[number]
        value_type = self.types[local]
        starts = number in self.ranges.initial
        group = _Group([number], 1 << number, self.ranges.conflicts[number], value_type)
        if not is_defaultable(value_type) or (starts and local < self.params):
            group.local = local
        group.from_zero = starts and local >= self.params
        return group

    def run(self, *, packed: bool) -> tuple[list[int], list[ValType]]:
        """The local of each range, and the types of the declared locals."""
        for (one, other), _ in self.ranges.copies.most_common():
            self.join(self.group_of[one], self.group_of[other])
        groups = list(dict.fromkeys(self.group_of))
        groups.sort(key=lambda group: (group.local < 0, not packed and len(group.ranges)))
        for group in groups:
            self.place(group, packed=packed)
        result = [0] * len(self.group_of)
        for local, content in enumerate(self.locals):
            for number in content.ranges:
                result[number] = local
        return result, self.types[self.params :]

    def join(self, one: _Group, other: _Group) -> None:
        """Make one group of two, if they may share a local."""
        if one is other or not self.fit(one, other):
            return
        if len(one.ranges) < len(other.ranges):
            one, other = other, one
        for number in other.ranges:
            self.group_of[number] = one
        one.add(other)

    def fit(self, one: _Group, other: _Group) -> bool:
        """Whether all ranges of both may share a local."""
        local = max(one.local, other.local)
        return (
            one.type == other.type
            and min(one.local, other.local) in (-1, local)
            and not (0 <= local < self.params and (one.from_zero or other.from_zero))
            and not one.conflicts & other.members
            and not other.conflicts & one.members
        )

    def place(self, group: _Group, *, packed: bool) -> None:
        """Put a group into the first local that it fits in."""
        homes = dict.fromkeys([self.ranges.local_of[number] for number in group.ranges])
        candidates = self.of_type[group.type][:MAX_TRIES]
        for local in (*candidates, *homes) if packed else (*homes, *candidates):
            if self.fit(self.locals[local], group):
                break
        else:
            local = len(self.types)
            self.types.append(group.type)
            self.of_type[group.type].append(local)
            self.locals.append(_Group([], 0, 0, group.type, local))
        self.locals[local].add(group)


def _renamed(
    body: Sequence[Instr], ranges: LiveRanges, local_of: Sequence[int], pool: InstrPool
) -> tuple[Instr, ...]:
    """The body with the new locals, and without copies from a local to itself."""
    result: list[Instr] = []
    for index, old in enumerate(body):
        if index not in ranges.range_at:
            result.append(old)
            continue
        local = local_of[ranges.range_at[index]]
        instr = old if old.immediates[0] == local else pool.make(old.name, local)
        last = result[-1] if result else None
        if instr.name == "local.get" or last is None or last.immediates != instr.immediates:
            result.append(instr)
        elif last.name == "local.tee" and instr.name == "local.set":
            result[-1] = instr
        elif last.name == "local.get" and instr.name == "local.set":
            result.pop()
        elif last.name not in ("local.get", "local.tee"):
            result.append(instr)
    return tuple(result)


COALESCE_LOCALS = Pass(
    "coalesce-locals", "let values that are never needed at once share a local", coalesce_locals
)
