"""The part of simplify-locals that turns writes at the ends of a construct into its result.

    C  if  A  local.set 0  else  B  local.set 0  end
        →  C  if (result t)  A  else  B  end  local.set 0
    block  A  local.set 0  C  br_if 0  B  local.set 0  end
        →  block (result t)  A  C  br_if 0  drop  B  end  local.set 0
    C  if  A  local.set 0  end  …  local.get 0
        →  C  if (result t)  A  else  local.get 0  end  …      where nothing reads local 0 again

The value of A waits on the stack, under whatever comes between the write and the end or branch:
nothing moves, so that effects do not matter.  What comes between must not name the local nor
leave the construct.  The same goes for the value of the construct and the read behind it.  Block
types are shorthands for one value, never new types.

A construct changes where that saves bytes, counted exactly.  Inner constructs come first, so that
the writes left behind them can go on outwards: a chain of `else if` takes one walk.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.liveness import liveness
from wasmopt.local_uses import LOCAL_INSTRUCTIONS
from wasmopt.opcodes import Effect
from wasmopt.passes.edits import Edits
from wasmopt.passes.simplify_locals_sink import last_reads
from wasmopt.stack import NO_SPAN, stack
from wasmopt.structure import BODY, structure
from wasmopt.types import is_defaultable

REACH: Final = 32
"""Instructions that a value may wait for on the stack."""
_ELSE_SIZE: Final = 1
_DROP_SIZE: Final = 1


def make_results(function: Function, context: Context) -> Function:
    """Turn writes at the ends of constructs into results."""
    if not any(instr.name in ("if", "block") for instr in set(function.body)):
        return function
    return _Results(function, context).run()


@dataclass(slots=True)
class _Edge:
    """A way to the end of a construct.

    Attributes:
        index: the branch, `else` or `end` there.
        conditional: whether it is a `br_if`.
        implicit: whether it is the missing `else` of an `if`.
        writes: local -> the `local.set`, or the `end` before one, that could leave its value.
    """

    index: int
    conditional: bool = False
    implicit: bool = False
    writes: dict[int, int] = field(default_factory=dict)


class _Results:
    """One walk over the constructs, the inner ones first.

    Attributes:
        left: `end` of a construct with a result now -> the local that is written behind it.
        busy: 1 where a value waits on the stack that did not before.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.function: Final = function
        self.body: Final = function.body
        self.pool: Final = context.pool
        self.shape: Final = context.analysis(structure, function)
        self.stack: Final = context.analysis(stack, function)
        self.facts: Final = context.analysis(liveness, function)
        self.types: Final = (*context.param_types(function), *function.local_types())
        self.last_reads: Final = context.analysis(last_reads, function)
        self.catches: Final = any(i.name in ("try", "try_table") for i in set(self.body))
        self.edits: Final = Edits(function)
        self.left: Final[dict[int, int]] = {}
        self.busy: Final = bytearray(len(self.body))

    def run(self) -> Function:
        """The function with results."""
        for opener, end in sorted(self.shape.ends.items(), key=lambda pair: pair[1]):
            if opener != BODY and self.body[opener].immediates == (None,):
                self.construct(opener, end)
        return self.edits.apply()

    def construct(self, opener: int, end: int) -> None:
        """Give one construct a result if that pays."""
        edges = self.edges(opener, end)
        if not edges:
            return
        best: tuple[int, int, int] | None = None
        for local in dict.fromkeys([local for edge in edges for local in edge.writes]):
            if not is_defaultable(self.types[local]):
                continue  # reads of it are valid only behind writes
            read = self.read_behind(local, opener, end)
            cost = self.cost(local, edges, read)
            if cost < 0 and (best is None or cost < best[0]):
                best = (cost, local, read)
        if best is not None:
            self.rewrite(opener, end, edges, *best[1:])

    def edges(self, opener: int, end: int) -> list[_Edge]:
        """All ways to the end of a construct; none if some cannot carry a value."""
        name = self.body[opener].name
        if name not in ("block", "if") or not self.stack.reachable[end]:
            return []
        edges = []
        for branch in self.shape.branches.get(opener, ()):
            if self.body[branch].name not in ("br", "br_if") or not self.stack.reachable[branch]:
                return []
            edges.append(_Edge(branch, conditional=self.body[branch].name == "br_if"))
        clauses = self.shape.dividers.get(opener, [])
        for boundary in (*clauses, end):
            if self.falls_into(boundary):
                edges.append(_Edge(boundary))
            elif not self.accepts_anything(boundary):
                return []
        if name == "if" and not clauses:
            edges.append(_Edge(end, implicit=True))
        for edge in edges:
            if not edge.implicit:
                edge.writes = self.writes_before(edge)
        return edges

    def falls_into(self, boundary: int) -> bool:
        """Whether control comes to an `else` or `end` from the code before it."""
        last = self.body[boundary - 1]
        leaves = last.effects & Effect.UNREACHABLE_AFTER and last.name != "else"
        return bool(self.stack.reachable[boundary - 1]) and not leaves

    def accepts_anything(self, boundary: int) -> bool:
        """Whether code that control does not come out of passes for any result there."""
        return bool(self.stack.polymorphic[boundary - 1] or self.stack.reachable[boundary - 1])

    def base(self, opener: int) -> int:
        """Height of the stack around a construct without parameters."""
        return self.stack.heights[opener] - (self.body[opener].name == "if")

    def is_in_the_way(self, index: int, height: int) -> bool:
        """Whether an instruction does not let a value wait at that height of the stack."""
        instr = self.body[index]
        if instr.name != "else" and instr.effects & _LEAVES:
            return True
        if self.catches and instr.effects & _THROWS:
            return True
        below = self.stack.heights[index] - len(self.stack.operands(index))
        return bool(self.busy[index]) or below < height

    def named_by(self, index: int) -> tuple[int, tuple[int, int]] | None:
        """The local that is named at `index`, and where its value is, were it on the stack: in
        which construct, at what height.
        """
        instr, heights, parents = self.body[index], self.stack.heights, self.shape.parents
        if index in self.left:
            opener = parents[index]
            return self.left[index], (parents[opener], self.base(opener))
        if instr.name in LOCAL_INSTRUCTIONS:
            place = parents[index], heights[index] - (instr.name != "local.get")
            return instr.immediates[0], place
        return None

    def writes_before(self, edge: _Edge) -> dict[int, int]:
        """The writes whose values might as well wait for the end of the construct."""
        around = self.shape.parents[edge.index]
        height = self.stack.heights[edge.index] - edge.conditional
        found: dict[int, int] = {}
        named: set[int] = set()
        for index in range(edge.index - 1, max(around, edge.index - 1 - REACH), -1):
            name = self.body[index].name
            begins_arm = name == "else" and self.shape.parents[index] == around
            if begins_arm or self.is_in_the_way(index, height):
                break
            known = self.named_by(index)
            if known is not None:
                local, place = known
                if place == (around, height) and local not in named and name in _WRITES:
                    found[local] = index
                named.add(local)
        return found

    def read_behind(self, local: int, opener: int, end: int) -> int:
        """The `local.get` that the value of a construct might wait for, or -1."""
        around, height = self.shape.parents[opener], self.base(opener)
        for index in range(end + 1, min(self.shape.ends[around], end + 1 + REACH)):
            name = self.body[index].name
            ends_arm = name == "else" and self.shape.parents[index] == around
            if ends_arm or self.is_in_the_way(index, height):
                break
            if name in LOCAL_INSTRUCTIONS and self.body[index].immediates[0] == local:
                place = (self.shape.parents[index], self.stack.heights[index])
                return index if name == "local.get" and place == (around, height) else -1
        return -1

    def cost(self, local: int, edges: list[_Edge], read: int) -> int:
        """Bytes more if the construct leaves the value of `local`; 0 if it cannot."""
        named = self.pool.make("local.get", local).size
        cost = 0
        for edge in edges:
            if edge.implicit:
                cost += _ELSE_SIZE + named
            elif local not in edge.writes:
                if not self.can_read_before(edge, local):
                    return 0
                cost += named + (_DROP_SIZE if edge.conditional else 0)
            elif not edge.conditional:
                cost -= named
            elif not self.is_live_behind(local, edge.index):
                cost -= named - _DROP_SIZE
        if read < 0 or read not in self.last_reads:
            cost += named
        return cost if read < 0 else cost - named

    def can_read_before(self, edge: _Edge, local: int) -> bool:
        """Whether the value of `local` may be put on the stack before a branch or end, and the
        condition of the branch.
        """
        start = self.start(edge)
        if not edge.conditional:
            return True
        if start == NO_SPAN or edge.index - start > REACH or any(self.busy[start : edge.index]):
            return False
        write = self.pool.make("local.set", local), self.pool.make("local.tee", local)
        return not any(instr in write for instr in self.body[start : edge.index])

    def start(self, edge: _Edge) -> int:
        """Where the code of a branch begins, its condition included."""
        return self.stack.starts[edge.index] if edge.conditional else edge.index

    def is_live_behind(self, local: int, branch: int) -> bool:
        """Whether a local is live where a `br_if` is not taken."""
        node = bisect_right(self.facts.flow.starts, branch)
        return bool(self.facts.live_in[node] & self.facts.bit_of.get(local, 0))

    def rewrite(self, opener: int, end: int, edges: list[_Edge], local: int, read: int) -> None:
        """Give a construct the value of a local as its result."""
        edits, make = self.edits, self.pool.make
        get, write = make("local.get", local), make("local.set", local)
        edits.instead[opener] = make(self.body[opener].name, self.types[local])
        for edge in edges:
            origin = edge.writes.get(local)
            if edge.implicit:
                edits.before[end] += [make("else"), get]
            elif origin is None:
                edits.before[self.start(edge)].append(get)
                self.busy[self.start(edge) : edge.index] = b"\1" * (edge.index - self.start(edge))
            else:
                self.keep_on_stack(origin, edge.index)
            if edge.conditional:
                keeps = origin is not None and self.is_live_behind(local, edge.index)
                edits.behind[edge.index].append(write if keeps else make("drop"))
        if read < 0:
            edits.behind[end].append(write)
            self.left[end] = local
            return
        edits.instead[read] = None
        self.busy[end : read + 1] = b"\1" * (read + 1 - end)
        if read not in self.last_reads:
            edits.behind[end].append(make("local.tee", local))

    def keep_on_stack(self, origin: int, index: int) -> None:
        """Take out a write, so that its value waits for the branch or end at `index`."""
        if self.left.pop(origin, None) is None:
            self.edits.instead[origin] = None
        else:
            self.edits.behind[origin].pop()
        self.busy[origin:index] = b"\1" * (index - origin)


_LEAVES: Final = Effect.BRANCH | Effect.UNREACHABLE_AFTER
_THROWS: Final = Effect.CALL | Effect.THROW
_WRITES: Final = ("local.set", "end")
