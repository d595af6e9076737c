"""Which locals hold the same value, or a known constant, and where: forwards to a fixpoint.

    local.get 0  local.set 1    from here on locals 0 and 1 are equal, until one is written
    i32.const 5  local.set 2    from here on local 2 is 5
    (local i32)                 a declared local is 0 until it is written

What is followed from block to block are the *equations* that some write in the code makes true,
`local = local` and `local = constant`; where paths meet, those hold that hold on all of them.
Within a block any two locals that got the same value are known to be equal.

Sets of equations are bits of Python integers.  Costs: two walks over the code, and the fixpoint.
More than `MAX_EQUATIONS` are not followed, those of the locals that come first are.

Source: available expressions and copies (Kildall 1973); constants join the copies here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from wasmopt.context import Context
from wasmopt.flow import Flow, flow
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.liveness import solve
from wasmopt.local_uses import LOCAL_INSTRUCTIONS
from wasmopt.types import F32, F64, I32, I64, V128, ValType, is_defaultable

MAX_EQUATIONS: Final = 4000

WRITES: Final = frozenset(["local.set", "local.tee"])

Value = int | Instr
"""A constant; what a local, as its number, held where the block began; a write, as `~index`."""

_ZEROS: Final = {
    I32: ("i32.const", 0),
    I64: ("i64.const", 0),
    F32: ("f32.const", 0),
    F64: ("f64.const", 0),
    V128: ("v128.const", bytes(16)),
}


class Values:
    """What the locals hold at one point of a block.

    Attributes:
        holders: for each value the locals that hold it, those that got it first come first.
    """

    def __init__(self, classes: Iterable[tuple[Value, list[int]]] = ()) -> None:
        self.holders: Final[dict[Value, dict[int, None]]] = {}
        self._values: Final[dict[int, Value]] = {}
        for value, members in classes:
            self.holders[value] = dict.fromkeys(members)
            self._values.update(dict.fromkeys(members, value))

    def __getitem__(self, local: int) -> Value:
        value = self._values.get(local)
        if value is None:
            value = self._values[local] = local
            self.holders[value] = {local: None}
        return value

    def written(self, index: int, body: tuple[Instr, ...]) -> Value:
        """The value that the write at `index` writes."""
        origin = body[index - 1] if index else body[index]
        if origin.name in ("local.get", "local.tee"):
            return self[origin.immediates[0]]
        return origin if origin.name.endswith(".const") else ~index

    def write(self, local: int, value: Value) -> None:
        """`local` holds `value` from now on."""
        del self.holders[self[local]][local]
        self._values[local] = value
        self.holders.setdefault(value, {})[local] = None


class LocalValues:
    """Which equations hold where each block begins.

    Attributes:
        flow: the blocks.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.flow: Final = context.analysis(flow, function)
        self._body: Final = function.body
        self._bit: Final[dict[tuple[int, Value], int]] = {}
        self._naming: Final[dict[int, int]] = {}
        """For each local the equations that it is in, as bits."""
        params = context.param_types(function)
        types = (*params, *function.local_types())
        for origin, instr in dict.fromkeys(pairwise(function.body)):
            source = _origin(origin)
            if instr.name in WRITES and source is not None:
                self._add(instr.immediates[0], source, types)
        zeros = {each: context.pool.make(*zero) for each, zero in _ZEROS.items()}
        initial = 0
        for (local, other), bit in self._bit.items():
            is_zero = zeros.get(types[local]) is other or isinstance(other, int)
            if local >= len(params) and is_zero:
                initial |= bit
        self._equations: Final = list(self._bit)
        self._false: Final = self._solve(initial)

    def _add(self, local: int, other: Value, types: Sequence[ValType]) -> None:
        """Follow an equation, if it says something and there are not too many."""
        if other == local or not is_defaultable(types[local]):
            return
        sides = {local}
        if isinstance(other, int):
            if types[other] != types[local]:
                return
            sides = {local, other}
            local, other = min(sides), max(sides)
        if (local, other) in self._bit or len(self._bit) < MAX_EQUATIONS:
            bit = self._bit.setdefault((local, other), 1 << len(self._bit))
            for side in sides:
                self._naming[side] = self._naming.get(side, 0) | bit

    def _solve(self, initial: int) -> list[int]:
        """For each node the equations that may be false where it begins.

        What may be false spreads over the edges just as what is live does against them, so this
        is the same problem with the graph turned around.  One more node stands for the entry.
        """
        everything = (1 << len(self._bit)) - 1
        predecessors = self.flow.predecessors()
        entry = len(predecessors)
        predecessors[0].append(entry)
        made, broken = [0] * entry, [0] * entry
        for node in range(self.flow.blocks()):
            made[node], broken[node] = self._effect(node)
        spoiled = [bad & ~good for good, bad in zip(made, broken, strict=True)]
        passed = [everything & ~good for good in made]
        reverse = Flow(self.flow.starts, [*predecessors, []])
        _, false = solve(reverse, [*spoiled, everything & ~initial], [*passed, 0])
        return false

    def _effect(self, node: int) -> tuple[int, int]:
        """The equations that a block makes true, and those whose locals it writes."""
        values, written = Values(), set[int]()
        for index in range(self.flow.starts[node], self.flow.starts[node + 1]):
            if self._body[index].name in WRITES:
                local = self._body[index].immediates[0]
                written.add(local)
                values.write(local, values.written(index, self._body))
        made = broken = 0
        for local in written:
            broken |= self._naming.get(local, 0)
            value = values[local]
            others = values.holders[value]
            true: list[tuple[int, Value]]
            true = [(min(local, other), max(local, other)) for other in others]
            if isinstance(value, Instr):
                true.append((local, value))
            for bit in filter(None, map(self._bit.get, true)):
                made |= bit
        return made, broken

    def at_start(self, node: int) -> Values:
        """What is known where a block begins of the locals that it names."""
        if not self._bit:
            return Values()
        relevant = 0
        for index in range(self.flow.starts[node], self.flow.starts[node + 1]):
            instr = self._body[index]
            if instr.name in LOCAL_INSTRUCTIONS:
                relevant |= self._naming.get(instr.immediates[0], 0)
        true = relevant & ~self._false[node]
        groups: dict[Value, list[Value]] = {}
        while true:
            low = true & -true
            true ^= low
            local, other = self._equations[low.bit_length() - 1]
            pair = [groups.setdefault(side, [side]) for side in (local, other)]
            two, one = sorted(pair, key=len)
            if one is not two:
                one += two
                groups.update(dict.fromkeys(two, one))
        classes = {id(group): group for group in groups.values()}.values()
        return Values(
            [(_name(group), [each for each in group if isinstance(each, int)]) for group in classes]
        )


def _origin(instr: Instr) -> Value | None:
    """What the instruction leaves on the stack, as one side of an equation."""
    if instr.name in ("local.get", "local.tee"):
        local: int = instr.immediates[0]
        return local
    return instr if instr.name.endswith(".const") else None


def _name(group: list[Value]) -> Value:
    """The value that is the same for all sides in `group`."""
    return next((each for each in group if isinstance(each, Instr)), group[0])
