"""Control flow: basic blocks and the edges between them, exceptional ones included.

A block is a stretch of the body that control enters only at its first instruction and leaves only
behind its last one.  Inside a `try` or `try_table` every call ends a block, since what it throws
goes to a handler.  One *dispatch* node for each of these constructs stands between its calls and
its handlers, so that there are as many edges as there is code, however deep it nests.

Source: WebAssembly 3.0, Execution, Control and Exception Instructions; the legacy exception
proposal for `delegate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.structure import BODY, DIVIDERS, OPENERS, Structure, structure

_TRIES: Final = frozenset(["try", "try_table"])
_NODES: Final = OPENERS | DIVIDERS
_LEAVES: Final = Effect.BRANCH | Effect.UNREACHABLE_AFTER
_THROWS: Final = Effect.CALL | Effect.THROW
_CATCH_ALL: Final = (2, 3)
"""Clauses of try_table that let nothing through: catch_all and catch_all_ref."""
_OUT: Final = 0
"""Where exceptions go that nothing in the function catches: not a node."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """The control flow graph of one body.

    Nodes are numbered: first the blocks in the order of the code, then the dispatch nodes.

    Attributes:
        starts: the first instruction of each block; the length of the body behind the last one.
        successors: for each node the nodes control can go to next, each once.
    """

    starts: list[int]
    successors: list[list[int]]

    def blocks(self) -> int:
        """How many nodes are blocks."""
        return len(self.starts) - 1

    def predecessors(self) -> list[list[int]]:
        """For each node the nodes that control can come from."""
        found: list[list[int]] = [[] for _ in self.successors]
        for node, following in enumerate(self.successors):
            for successor in following:
                found[successor].append(node)
        return found


def flow(function: Function, context: Context) -> Flow:
    """The control flow graph of a function's body.

    Raises:
        ValidationError: the body does not nest.
    """
    return _Graph(function, context.analysis(structure, function)).build()


class _Graph:
    """Collects jumps, each from the last instruction of a block to the first one of another.

    Dispatch nodes are called -1, -2 and so on until the blocks are counted.
    """

    def __init__(self, function: Function, shape: Structure) -> None:
        self.body: Final = function.body
        self.shape: Final = shape
        self.jumps: Final[list[tuple[int, int]]] = []
        self.leaders: Final = {0}
        self.dispatches: Final[list[list[int]]] = []
        self.handlers: Final = {BODY: _OUT}
        """For each construct so far, where an exception thrown in it goes to now."""

    def build(self) -> Flow:
        """The graph."""
        body, openers = self.body, self.shape.parents
        catching = any(body[i].name in _TRIES for i in self.shape.ends if i != BODY)
        mask = _LEAVES | (_THROWS if catching else 0)
        for index, instr in enumerate(body):
            if instr.effects & mask or instr.name in _NODES:
                self.note(index, instr, openers[index])
        return self.number()

    def note(self, index: int, instr: Instr, opener: int) -> None:
        """Record where control may go from `instr`, which stands in the construct at `opener`."""
        shape, name = self.shape, instr.name
        if name in OPENERS:
            self.handlers[index] = self.handlers[opener]
            if name == "loop":
                self.leaders.add(index)
            elif name == "if":
                arms = shape.dividers.get(index)
                self.jump(index, arms[0] + 1 if arms else shape.ends[index])
            elif name in _TRIES:
                self.enter_try(index, self.handlers[opener])
        elif name in DIVIDERS:
            self.jump(index, shape.ends[opener])
            self.handlers[opener] = self.handlers[shape.parents[opener]]
        elif name != "delegate":
            self.leaders.add(index + 1)
            if name != "rethrow":
                for target in dict.fromkeys(shape.targets.get(index, ())):
                    self.jump(index, self.label(target))
            tail_call = instr.effects & Effect.CALL and instr.effects & Effect.UNREACHABLE_AFTER
            if instr.effects & _THROWS and not tail_call and self.handlers[opener] != _OUT:
                self.jump(index, self.handlers[opener])

    def label(self, opener: int) -> int:
        """Where a branch that names `opener` goes to."""
        if opener != BODY and self.body[opener].name == "loop":
            return opener
        return self.shape.ends[opener]

    def enter_try(self, index: int, outer: int) -> None:
        """Make the dispatch node of a `try` or `try_table`."""
        shape = self.shape
        if self.body[index].name == "try_table":
            clauses = self.body[index].immediates[1]
            caught = [self.label(target) for target in shape.targets[index]]
            everything = any(clause.kind in _CATCH_ALL for clause in clauses)
        elif self.body[shape.ends[index]].name == "delegate":
            (target,) = shape.targets[shape.ends[index]]
            self.handlers[index] = self.handlers[target]
            return
        else:
            clauses = shape.dividers.get(index, [])
            caught = [clause + 1 for clause in clauses]
            everything = bool(clauses) and self.body[clauses[-1]].name == "catch_all"
        if not caught:
            return
        self.leaders.update(caught)
        self.dispatches.append(caught if everything or outer == _OUT else [*caught, outer])
        self.handlers[index] = -len(self.dispatches)

    def jump(self, index: int, target: int) -> None:
        """Record that control may go from the instruction `index` to `target`."""
        self.jumps.append((index, target))
        self.leaders.add(index + 1)
        if target >= 0:
            self.leaders.add(target)

    def number(self) -> Flow:
        """Number the nodes."""
        body = self.body
        starts = sorted(self.leaders)
        node_at = {leader: node for node, leader in enumerate(starts)}
        if starts[-1] != len(body):
            starts.append(len(body))
        blocks = len(starts) - 1
        node_at |= {-1 - number: blocks + number for number in range(len(self.dispatches))}
        successors: list[dict[int, None]] = [{} for _ in range(blocks)]
        for node in range(blocks - 1):
            last = body[starts[node + 1] - 1]
            if not last.effects & Effect.UNREACHABLE_AFTER or last.name == "delegate":
                successors[node][node + 1] = None
        for index, target in self.jumps:
            successors[node_at[index + 1] - 1][node_at[target]] = None
        successors += [{node_at[target]: None for target in caught} for caught in self.dispatches]
        return Flow(starts, [list(following) for following in successors])
