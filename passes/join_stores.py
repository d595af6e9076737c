"""Join stores: constants stored side by side become one constant.

    A  i32.const 0  i32.store offset=4   A  i32.const 0  i32.store   →  A  i64.const 0  i64.store
    A  i32.const 0  i32.store8 offset=1  A  i32.const 1  i32.store8  →  A  i32.const 1  i32.store16

A is a local or a constant.  Of a *run*, stores of constants by one address with nothing but pure
code between them, all but the first are known not to trap: what the first one, or an access before
it, had to find in bounds reaches as far.  So nobody can see which of them comes first, as long as
no byte is written twice.  A store that reaches further begins another run.

Needs: the operand stack; memories that are not shared.  Keeps: whether and in which state the code
traps.  Costs: a linear walk; which stores of a run are joined is the choice that takes the fewest
bytes, found from the last store to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from wasmopt.context import Context, Pass
from wasmopt.effects import is_removable
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.passes.edits import Edits
from wasmopt.semantics import constant_bits
from wasmopt.stack import Stack, stack
from wasmopt.structure import CLOSERS, DIVIDERS

MOST_STORES: Final = 64
"""Stores of one run."""

Base = tuple[int, int]
"""What an address is counted from: a local or `_ZERO`, and the memory."""


class Store(NamedTuple):
    """A store of a constant.

    Attributes:
        place: where its address stands, the constant and the store behind it.
        start, end: its bytes, counted from the base.
        bits: what they become.
    """

    place: int
    start: int
    end: int
    bits: int


@dataclass(slots=True)
class Run:
    """Stores by one address that end at `bound` at most."""

    base: Base
    bound: int
    stores: list[Store]

    def takes(self, base: Base, store: Store) -> bool:
        """Whether a store can be one more."""
        return (
            base == self.base
            and store.end <= self.bound
            and len(self.stores) < MOST_STORES
            and all(each.end <= store.start or store.end <= each.start for each in self.stores)
        )


def join_stores(function: Function, context: Context) -> Function:
    """Make one store of several."""
    body, pool = function.body, context.pool
    memories = context.signatures.memories
    if not any(instr.name in _KEPT for instr in set(body)) or any(each.shared for each in memories):
        return function
    edits = Edits(function)
    for run in _Walk(function, context).runs():
        for group in fewest_bytes(run.stores, body, pool):
            address = min(group).place
            for store in group:
                edits.instead.update(dict.fromkeys(range(store.place, store.place + 3)))
            edits.before[address] += _one_store(group, body, pool)
    return edits.apply()


class _Walk:
    """The walk that finds the runs.

    Attributes:
        known: bytes behind a base that this straight line has found in bounds.
        written: where each local was written last.
        run: the one that the next store may belong to.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.body: Final = function.body
        self.memories: Final = context.signatures.memories
        self.stack: Final[Stack] = context.analysis(stack, function)
        self.known: Final[dict[Base, int]] = {}
        self.written: Final[dict[int, int]] = {}
        self.run: Run | None = None

    def runs(self) -> list[Run]:
        """All runs of two stores and more."""
        found: list[Run] = []
        for index, instr in enumerate(self.body):
            if instr.name in _WRITES:
                self.write(index, instr.immediates[0])
            elif instr.op.natural_alignment is not None:
                run = self.access(index, instr)
                if run is not None and run is not self.run:
                    found.append(run)
                self.run = run
            elif instr.name in _FORGETS:
                self.known.clear()
                self.run = None
            elif not is_removable(instr) and instr.name not in ("drop", "nop"):
                self.run = None
        return [each for each in found if len(each.stores) > 1]

    def write(self, index: int, local: int) -> None:
        """A local changes: nothing is known of addresses counted from it."""
        self.written[local] = index
        for memory in range(len(self.memories)):
            self.known.pop((local, memory), None)
            if self.run is not None and self.run.base == (local, memory):
                self.run = None

    def access(self, index: int, instr: Instr) -> Run | None:
        """A load or store; the run that it is the last of."""
        memarg = instr.immediates[0]
        operands = self.stack.operands(index)
        if not operands:
            return None
        producer = self.stack.producers[operands[0]]
        address = self.body[producer]
        start = memarg.offset
        if address.name in ("local.get", "local.tee"):
            local = address.immediates[0]
            if self.written.get(local, -1) > producer:
                return None
            base = (local, memarg.memory)
            in_bounds = self.known.get(base, 0)
        elif address.name in ("i32.const", "i64.const"):
            start += constant_bits(address)
            base = (_ZERO, memarg.memory)
            in_bounds = self.known.get(base, self.least_bytes(memarg.memory))
        else:
            return None
        end = start + (1 << (instr.op.natural_alignment or 0))
        self.known[base] = max(in_bounds, end)
        if producer != index - 2 or not self.body[index - 1].name.endswith(".const"):
            return None
        if instr.name not in _KEPT:
            return None
        bits = constant_bits(self.body[index - 1]) % (1 << 8 * (end - start))
        store = Store(producer, start, end, bits)
        if self.run is not None and self.run.takes(base, store):
            self.run.stores.append(store)
            return self.run
        return Run(base, max(in_bounds, end), [store])

    def least_bytes(self, memory: int) -> int:
        """Bytes that a memory has at any time."""
        limits = self.memories[memory]
        return limits.minimum << (16 if limits.page_size_log2 is None else limits.page_size_log2)


def fewest_bytes(
    stores: Sequence[Store], body: Sequence[Instr], pool: InstrPool
) -> list[list[Store]]:
    """The groups of stores to be joined, so that all together take the fewest bytes."""
    ordered = sorted(stores, key=lambda store: store.start)
    count = len(ordered)
    least = [0] * (count + 1)
    chosen = list(range(1, count + 2))
    for first in reversed(range(count)):
        least[first] = least[first + 1] + _size(body[ordered[first].place :][:3])
        stop = first + 1
        while stop < count and ordered[stop].start == ordered[stop - 1].end:
            width = ordered[stop].end - ordered[first].start
            stop += 1
            if width > _WIDEST:
                break
            if width in _JOINED:
                joined = _size(_one_store(ordered[first:stop], body, pool)) + least[stop]
                if joined < least[first]:
                    least[first], chosen[first] = joined, stop
    groups = []
    first = 0
    while first < count:
        if chosen[first] > first + 1:
            groups.append(ordered[first : chosen[first]])
        first = chosen[first]
    return groups


def _one_store(group: Sequence[Store], body: Sequence[Instr], pool: InstrPool) -> list[Instr]:
    """Address, constant and store of what several neighbours, in order, write together."""
    lowest = group[0]
    start = lowest.start
    address = body[min(group).place]
    if address.name not in ("local.get", "local.tee"):
        address = body[lowest.place]
    width = group[-1].end - start
    bits = sum([store.bits << 8 * (store.start - start) for store in group])
    constant, name = _JOINED[width]
    whole = 1 << 8 * width
    values = [bits - whole if bits >= whole >> 1 else bits]
    if width < 4:
        values.append(bits)
    shortest = min([pool.make(constant, value) for value in values], key=lambda each: each.size)
    return [address, shortest, pool.make(name, *body[lowest.place + 2].immediates)]


def _size(instrs: Sequence[Instr]) -> int:
    return sum([instr.size for instr in instrs])


_ZERO: Final = -1
_WRITES: Final = frozenset(["local.set", "local.tee"])
_FORGETS: Final = DIVIDERS | CLOSERS | {"loop"}
_KEPT: Final = frozenset(
    [
        *("i32.store", "i64.store", "f32.store", "f64.store"),
        *("i32.store8", "i32.store16", "i64.store8", "i64.store16", "i64.store32"),
    ]
)
_JOINED: Final = {
    2: ("i32.const", "i32.store16"),
    4: ("i32.const", "i32.store"),
    8: ("i64.const", "i64.store"),
}
_WIDEST: Final = max(_JOINED)

JOIN_STORES = Pass("join-stores", "make one store of constants side by side", join_stores)
