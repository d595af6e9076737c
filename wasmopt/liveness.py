"""Which locals are read again: liveness, backwards over the basic blocks to a fixpoint.

Sets of locals are bits of a Python integer, so that a step costs the same for one local and, very
nearly, for a thousand.  Only locals that some block reads before it writes them get a bit: the
others never are live between blocks.  Nodes wait in a heap, the last in the code first: for
structured code that is innermost loops first, and blocks that nothing changed for are not
visited again.

Parameters and defaults count as writes before the function.  A trap ends the life of all locals;
an exception ends it only where nothing in the function catches it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from wasmopt.context import Context
from wasmopt.flow import Flow, flow
from wasmopt.function import Function
from wasmopt.instr import Instr

_ACCESSES = frozenset(["local.get", "local.set", "local.tee"])


class Liveness:
    """Answers about one body.

    Attributes:
        flow: its blocks.
        live_in, live_out: for each node of `flow` the locals that are live before and behind it,
            as bits of `bit_of`.
        bit_of: local -> its bit; locals not named here are live behind no block.
    """

    __slots__ = ("_body", "bit_of", "flow", "live_in", "live_out")

    def __init__(
        self,
        body: tuple[Instr, ...],
        graph: Flow,
        live: tuple[list[int], list[int]],
        bit_of: dict[int, int],
    ) -> None:
        self._body = body
        self.flow = graph
        self.live_in, self.live_out = live
        self.bit_of = bit_of

    def live_after(self, index: int) -> set[int]:
        """The locals that are live behind the instruction `index`; costs the rest of its block."""
        node = bisect_right(self.flow.starts, index) - 1
        live = {local for local, bit in self.bit_of.items() if self.live_out[node] & bit}
        for instr in reversed(self._body[index + 1 : self.flow.starts[node + 1]]):
            if instr.name == "local.get":
                live.add(instr.immediates[0])
            elif instr.name in _ACCESSES:
                live.discard(instr.immediates[0])
        return live

    def dead_sets(self) -> list[int]:
        """Every `local.set` and `local.tee` whose local is not live behind it, in order."""
        dead: list[int] = []
        starts, body, bit_of = self.flow.starts, self._body, self.bit_of
        for node in range(self.flow.blocks()):
            unread: dict[int, int] = {}
            for index, local, is_read in _accesses(body, starts[node], starts[node + 1]):
                if is_read:
                    unread.pop(local, None)
                    continue
                if local in unread:
                    dead.append(unread[local])
                unread[local] = index
            live = self.live_out[node]
            dead += [index for local, index in unread.items() if not live & bit_of.get(local, 0)]
        return sorted(dead)


def liveness(function: Function, context: Context) -> Liveness:
    """The liveness of a function's locals.

    Raises:
        ValidationError: the body does not nest.
    """
    body = function.body
    graph = context.analysis(flow, function)
    exposed: list[set[int]] = []
    written: list[set[int]] = []
    for node in range(graph.blocks()):
        first: set[int] = set()
        known: set[int] = set()
        for _, local, is_read in _accesses(body, graph.starts[node], graph.starts[node + 1]):
            if not is_read:
                known.add(local)
            elif local not in known:
                first.add(local)
        exposed.append(first)
        written.append(known)
    crossing = sorted(set().union(*exposed))
    bit_of = {local: 1 << place for place, local in enumerate(crossing)}
    everything = (1 << len(crossing)) - 1
    dispatches = len(graph.successors) - graph.blocks()
    reads = [_bits(locals_, bit_of) for locals_ in exposed] + [0] * dispatches
    passes = [
        everything & ~_bits(locals_, bit_of) if locals_ else everything for locals_ in written
    ]
    passes += [everything] * dispatches
    return Liveness(body, graph, solve(graph, reads, passes), bit_of)


def _accesses(body: tuple[Instr, ...], start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Each access to a local in `body[start:end]`: where, which local, whether it is a read."""
    for index in range(start, end):
        instr = body[index]
        if instr.name in _ACCESSES:
            yield index, instr.immediates[0], instr.name == "local.get"


def _bits(locals_: set[int], bit_of: dict[int, int]) -> int:
    bits = 0
    for local in locals_:
        bits |= bit_of.get(local, 0)
    return bits


def solve(graph: Flow, reads: list[int], passes: list[int]) -> tuple[list[int], list[int]]:
    """The least live-in and live-out sets: in = reads | (out & passes), out = union of in over
    successors.
    """
    nodes = len(reads)
    predecessors = graph.predecessors()
    live_in = [0] * nodes
    live_out = [0] * nodes
    waiting = bytearray(b"\1" * nodes)
    direction = -1
    later = list(range(nodes))
    while later:
        heap = [direction * node for node in later]
        heapify(heap)
        later = []
        while heap:
            node = direction * heappop(heap)
            waiting[node] = 0
            live = reads[node] | (live_out[node] & passes[node])
            if live == live_in[node]:
                continue
            live_in[node] = live
            for predecessor in predecessors[node]:
                merged = live_out[predecessor] | live
                if merged == live_out[predecessor]:
                    continue
                live_out[predecessor] = merged
                if waiting[predecessor]:
                    continue
                waiting[predecessor] = 1
                if direction * predecessor > direction * node:
                    heappush(heap, direction * predecessor)
                else:
                    later.append(predecessor)
        direction = -direction
    return live_in, live_out
