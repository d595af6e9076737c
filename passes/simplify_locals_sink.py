"""The part of simplify-locals that moves the code of a `local.set` to where its value is read.

    A  local.set 0  Q  local.get 0               →  Q  A            where nothing reads 0 again
    A  local.set 0  Q  local.get 0  local.get 0  →  Q  A  local.tee 0  local.get 0
    A  local.set 0  C  if  local.get 0  …  end   →  C  if  A  …  end      if A only computes

Q may be anything that A commutes with: whole constructs, the opening of an `if`, the end of a
loop.  It must not name the local, write what A reads or read what A writes; traps keep their
order with whatever else can be observed.  A may go into an arm, or past a branch, only if on the
other way nothing reads what A writes and nobody can tell that A did not run.  It never goes into
a loop.

One walk carries the candidates along, each until it is read or something is in its way.  How
moved code nests does not matter, since of any two pieces the walk has seen either that their
order stays or that they commute.  It carries `MOST_CANDIDATES` at most, so that it is linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.liveness import liveness
from wasmopt.local_uses import LOCAL_INSTRUCTIONS
from wasmopt.opcodes import Effect
from wasmopt.passes.code_summary import EffectsOf, Piece, Spans, conflict
from wasmopt.passes.moves import Move, apply_moves
from wasmopt.stack import NO_SPAN, stack
from wasmopt.structure import BODY, BRANCHES, CLOSERS, DIVIDERS, OPENERS, structure
from wasmopt.types import is_defaultable

MOST_CANDIDATES: Final = 64
MOST_FORKED: Final = 1_000
"""Length of a function up to which code that may trap moves past forks of control: such a move
takes the slow tiers of the validator."""
_ANYWHERE: Final = 1 << 30
"""Depth that no construct has."""


def sink_sets(function: Function, context: Context) -> Function:
    """Move what `local.set` writes to where it is read."""
    if not any(instr.name == "local.set" for instr in set(function.body)):
        return function
    return apply_moves(function, _Sinking(function, context).moves(), context.pool)


@dataclass(slots=True, eq=False)
class _Candidate:
    """A `local.set` that may still move.

    Attributes:
        local: what it writes.
        start, write: where its code begins, where it stands.
        operand: what the code of its operand does.
        piece: the same with the write.
        live: the locals that it writes, as bits of the liveness.
        depth: constructs open around it.
        barrier: constructs open where it must not go.
    """

    local: int
    start: int
    write: int
    operand: Piece
    piece: Piece
    live: int
    depth: int
    barrier: int = _ANYWHERE

    def is_missed(self, live: int) -> bool:
        """Whether somebody can tell if it does not run where these locals are live then."""
        return bool(self.live & live) or not self.operand.silent


class _Sinking:
    """The walk.

    Attributes:
        candidates: by the local they write, the oldest first.
        fragile: locals without a default, as bits: they are read only behind a write in the same
            construct or one around it.
        open: the constructs around.
        depths: for each construct, how many are open inside it.
        arrives: whether control comes to the end of what was walked over.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.body: Final = function.body
        self.shape: Final = context.analysis(structure, function)
        self.stack: Final = context.analysis(stack, function)
        self.facts: Final = context.analysis(liveness, function)
        self.effects: Final = context.table(EffectsOf)
        self.spans: Final = Spans(function, context)
        types = (*context.param_types(function), *function.local_types())
        fragile = [local for local, each in enumerate(types) if not is_defaultable(each)]
        self.fragile: Final = sum([1 << local for local in fragile])
        self.node_at: Final = {start: node for node, start in enumerate(self.facts.flow.starts)}
        self.last_reads: Final = context.analysis(last_reads, function)
        self.candidates: Final[dict[int, _Candidate]] = {}
        self.found: Final[list[Move]] = []
        self.open: Final[list[int]] = []
        self.depths: Final = {BODY: 0}
        self.arrives = True
        self.tries = 0

    def moves(self) -> list[Move]:
        """What can move where."""
        body, effects_of, reachable = self.body, self.effects, self.stack.reachable
        handlers = {instr: _HANDLERS.get(instr.name) for instr in set(body)}
        for index, instr in enumerate(body):
            handler = handlers[instr]
            if handler is not None:
                if reachable[index] or instr.name in _NESTING:
                    handler(self, index, instr)
            elif effects_of[instr] and reachable[index]:
                self.effect(instr, effects_of[instr])
        return self.found

    def kill(self, hit: Callable[[_Candidate], object]) -> None:
        """Forget the candidates that something is in the way of."""
        for candidate in [each for each in self.candidates.values() if hit(each)]:
            del self.candidates[candidate.local]

    def read(self, index: int, instr: Instr) -> None:
        """A `local.get`, which a candidate may replace."""
        (local,) = instr.immediates
        found = self.candidates.pop(local, None)
        if self.candidates:
            bit = 1 << local
            self.kill(lambda each: each.piece.writes & bit)
        if found is not None and found.barrier > len(self.open):
            keep = self.move(found.start, found.write, index)
            self.spans.replace_read(index, found.piece if keep else found.operand)

    def move(self, start: int, write: int, read: int) -> bool:
        """Have the code of a `local.set` move to a read; whether that writes the local still."""
        keep = read not in self.last_reads
        self.found.append(Move(start, write, read, keep))
        return keep

    def write(self, index: int, instr: Instr) -> None:
        """A `local.tee` or `local.set`; the second is a new candidate."""
        (local,) = instr.immediates
        if self.candidates:
            bit = 1 << local
            self.kill(lambda each: (each.piece.reads | each.piece.writes) & bit)
        if instr.name == "local.tee":
            return
        start = self.stack.starts[index]
        operand = None
        if start != NO_SPAN:
            operand = self.spans.operand(start, index)
        if operand is None or operand.writing(local).writes & self.fragile:
            following = self.body[index + 1]
            if following.name == "local.get" and following.immediates == instr.immediates:
                self.move(index, index, index + 1)
                self.spans.bind_read(index + 1, index)
            return
        piece = operand.writing(local)
        self.candidates[local] = _Candidate(
            local, start, index, operand, piece, self.live_bits(piece.writes), len(self.open)
        )
        if len(self.candidates) > MOST_CANDIDATES:
            del self.candidates[next(iter(self.candidates))]

    def live_bits(self, writes: int) -> int:
        """These locals as bits of the liveness."""
        live = 0
        while writes:
            local = writes.bit_length() - 1
            live |= self.facts.bit_of.get(local, 0)
            writes ^= 1 << local
        return live

    def effect(self, instr: Instr, effects: int) -> None:
        """Any other instruction that does something."""
        if self.candidates:
            if self.tries and effects & (Effect.CALL | Effect.THROW):
                self.candidates.clear()
            self.kill(lambda each: conflict(each.piece.effects, effects))
        if effects & Effect.UNREACHABLE_AFTER:
            self.arrives = False

    def branch(self, index: int, instr: Instr) -> None:
        """A branch: who leaves by it does not come to what follows."""
        self.fork()
        for target in dict.fromkeys(self.shape.targets[index]):
            live = self.live_at_label(target)
            for each in list(self.candidates.values()):
                if each.is_missed(live):
                    self.bar(each, self.depths[target])
        if instr.effects & Effect.UNREACHABLE_AFTER:
            self.arrives = False

    def fork(self) -> None:
        """Control may go two ways, and perhaps both come to the read."""
        if len(self.body) > MOST_FORKED:
            self.kill(lambda each: not each.operand.silent)

    def bar(self, candidate: _Candidate, depth: int) -> None:
        """Keep a candidate from moving on within the construct of that depth."""
        if candidate.depth < depth:
            candidate.barrier = min(candidate.barrier, depth)
        else:
            del self.candidates[candidate.local]

    def live_at_label(self, target: int) -> int:
        """What is live where a branch to a construct goes."""
        if target == BODY:
            return 0
        is_loop = self.body[target].name == "loop"
        return self.facts.live_in[self.node_at[target if is_loop else self.shape.ends[target]]]

    def open_construct(self, index: int, instr: Instr) -> None:
        """The beginning of a construct."""
        self.open.append(index)
        depth = self.depths[index] = len(self.open)
        if instr.name == "if":
            self.fork()
            clauses = self.shape.dividers.get(index)
            self.enter_arm(self.live_from(clauses[0] + 1 if clauses else self.shape.ends[index]))
        elif instr.name == "loop" and index in self.shape.branches:
            # Code that can be observed must not wait for a loop that may not end.
            self.kill(lambda each: not each.operand.silent)
            for each in self.candidates.values():
                each.barrier = min(each.barrier, depth)
        elif instr.name.startswith("try"):
            self.tries += 1
            self.candidates.clear()

    def enter_arm(self, live_in_other: int) -> None:
        """The beginning of an arm of an `if`, where something is live in the other."""
        for each in list(self.candidates.values()):
            if each.is_missed(live_in_other):
                self.bar(each, len(self.open))

    def divide(self, index: int, instr: Instr) -> None:
        """From one arm to the next, or to a handler."""
        self.leave()
        if instr.name == "else":
            self.enter_arm(self.live_from(self.open[-1] + 1))
        else:
            self.candidates.clear()
        self.arrives = bool(self.stack.reachable[index])

    def live_from(self, index: int) -> int:
        """What is live before an instruction that begins a block of the flow."""
        node = self.node_at.get(index)
        return 0 if node is None else self.facts.live_in[node]

    def leave(self) -> None:
        """The end of an arm or a construct: what stands in it does not move out, unless control
        can come from nowhere else; what is barred from it may go on.
        """
        depth = len(self.open)
        opener = self.open[-1]
        merges = opener in self.shape.branches and self.body[opener].name != "loop"
        if merges or not self.arrives or self.body[opener].name == "if":
            self.kill(lambda each: each.depth >= depth)
        elif self.fragile:
            self.kill(lambda each: each.depth >= depth and each.piece.reads & self.fragile)
        for each in self.candidates.values():
            each.depth = min(each.depth, depth - 1)
            if each.barrier == depth:
                each.barrier = _ANYWHERE

    def close(self, index: int, _instr: Instr) -> None:
        """The end of a construct."""
        if not self.open:
            return
        self.leave()
        if self.body[self.open.pop()].name.startswith("try"):
            self.tries -= 1
            self.candidates.clear()
        self.arrives = bool(self.stack.reachable[index])


def last_reads(function: Function, context: Context) -> set[int]:
    """Every `local.get` whose local is not live behind it."""
    facts = context.analysis(liveness, function)
    starts, bit_of = facts.flow.starts, facts.bit_of
    accesses = [
        (index, instr.name == "local.get", instr.immediates[0])
        for index, instr in enumerate(function.body)
        if instr.name in LOCAL_INSTRUCTIONS
    ]
    found: set[int] = set()
    node = facts.flow.blocks()
    read_later: dict[int, bool] = {}
    for index, is_read, local in reversed(accesses):
        while index < starts[node]:
            node -= 1
            read_later = {}
        if is_read:
            live = read_later.get(local)
            if live is None:
                live = bool(facts.live_out[node] & bit_of.get(local, 0))
            if not live:
                found.add(index)
        read_later[local] = is_read
    return found


_WRITES: Final = frozenset(["local.set", "local.tee"])
_NESTING: Final = OPENERS | DIVIDERS | CLOSERS
_HANDLERS: Final[dict[str, Callable[[_Sinking, int, Instr], None]]] = {
    "local.get": _Sinking.read,
    **dict.fromkeys(_WRITES, _Sinking.write),
    **dict.fromkeys(BRANCHES, _Sinking.branch),
    **dict.fromkeys(OPENERS, _Sinking.open_construct),
    **dict.fromkeys(DIVIDERS, _Sinking.divide),
    **dict.fromkeys(CLOSERS, _Sinking.close),
}
