"""Runs a version whose control is compared step by step: no conditions to carry, so it is quick.

Most passes leave the control structure alone: they rename, share, sink or drop values.  Then both
versions branch at the same points on the same conditions, and nothing need be known about *when*
control comes somewhere.  The run writes down what it does to control: each branch with its
condition and target, each arm, join and loop, and what traps between two of them.  If both
versions write down the same, they take the same way, and:

* a join has the same ways into it, in the same order, in both; a value at a join is named by the
  join and its values on these ways, so equal names mean equal values, whichever way was taken;
* traps are compared where control forks or meets, so none moves from one arm to another;
* loops are compared as always (`joint`), by classes that have to be inductive.

A block or loop that nobody branches to is no part of the control structure.

Source: value numbering over joins as in Alpern, Wegman and Zadeck 1988.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from wasmopt.instr import Instr
from wasmopt.verify.execute import Execution
from wasmopt.verify.regions import Edge, Frame, LoopEntry, Region
from wasmopt.verify.state import State
from wasmopt.verify.terms import Term
from wasmopt.verify.unsupported import UnsupportedError

Trapping = dict[State, frozenset[Term]]
"""What traps in each state."""


def traps_of(region: Region) -> Trapping:
    """What traps in a region since control last forked or met."""
    return {state: frozenset(each.conditions()) for state, each in region.traps.items()}


def same_control(first: Region, second: Region) -> bool:
    """Whether two regions do the same to control and trap at the same points in the same states."""
    return first.trace == second.trace and traps_of(first) == traps_of(second)


class Lockstep(Execution):
    """One version of a function, being run; `guard` only tells whether control is here at all."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._numbers: Final[dict[int, int]] = {}
        self._opened = 0
        self._joins = 0
        self._passed: list[list[tuple[Term, int]]] = []
        self._marks: list[int] = []

    # -- what is written down ----------------------------------------------------------------

    def _record(self, kind: str, *what: object) -> None:
        """Control forks or meets here: write down how, and what trapped since the last time."""
        self.region.trace.append((kind, *what, traps_of(self.region)))
        self.region.traps.clear()

    def _number(self, frame: Frame) -> int:
        """What both versions call a structure: how many were opened before it."""
        if frame.position >= 0:
            return self._numbers[frame.position]
        return -1 - next(index for index, each in enumerate(self.frames) if each is frame)

    def _begin(self, position: int) -> None:
        """A structure that counts is opened."""
        self._opened += 1
        self._numbers[position] = self._opened
        self._marks.append(len(self._passed))

    def _forget_checks(self) -> None:
        """What was checked in this arm was not checked on every way that leads on."""
        mark = self._marks[-1]
        for known in reversed(self._passed[mark:]):
            known.pop()
        del self._passed[mark:]

    def note_check(self, passed: list[tuple[Term, int]], guard: Term, strength: int) -> None:
        """Remember a check for as long as it is on every way."""
        super().note_check(passed, guard, strength)
        self._passed.append(passed)

    # -- control -----------------------------------------------------------------------------

    def _control(self, position: int, instr: Instr) -> None:
        name = instr.name
        if name in ("block", "loop"):
            if self.nesting.is_branched_to(position):
                self._begin(position)
            super()._control(position, instr)
        elif name == "if":
            condition = self.diagrams.condition(self.pop())
            frame = self._open("if", position, instr)
            self._begin(position)
            self._record("if", condition)
            values = self.stack[frame.height :]
            frame.otherwise = Edge(self.guard, self.locals.copy(), self.state, values)
        elif name == "br":
            self._record("br", self._number(self.target(instr.immediates[0])))
            super()._control(position, instr)
        elif name == "br_table":
            self._branch_by_index(instr.immediates[0])
        elif name == "unreachable":
            super()._control(position, instr)
            self._record("unreachable")
        elif name == "try_table":
            raise UnsupportedError("handlers in lockstep")
        else:
            super()._control(position, instr)

    def _branch_where(self, condition: Term, label: int) -> None:
        target = self.target(label)
        self._record("br_if", condition, self._number(target))
        self.branch(target)

    def _branch_by_index(self, labels: Sequence[int]) -> None:
        index = self.pop()
        targets = [self.target(label) for label in labels]
        self._record("br_table", index, *map(self._number, targets))
        for target in {id(each): each for each in targets}.values():
            self.branch(target)
        self.guard = self.diagrams.false

    def leave(self) -> None:
        """Return from the function with the results on the stack."""
        self._record("return")
        super().leave()

    def leave_by(self, event: Term) -> None:
        """Leave the function by an exception that `event` stands for."""
        super().leave_by(event)
        self._record("throw")

    def _start_else(self) -> None:
        self._record("else")
        self._forget_checks()
        super()._start_else()

    def _close(self, frame: Frame) -> None:
        counts = frame.kind != "block" or self.nesting.is_branched_to(frame.position)
        if counts:
            if frame.otherwise is not None:
                self._record("else")
            self._record("end")
        super()._close(frame)
        if counts:
            self._forget_checks()
            self._marks.pop()

    def _enter_loop(self, position: int, instr: Instr) -> tuple[Frame, LoopEntry]:
        self._record("loop")
        self._opened += 1
        self._numbers[position] = self._opened
        return super()._enter_loop(position, instr)

    def _join(self, edges: list[Edge]) -> Edge:
        if not edges:
            return Edge(self.diagrams.false, self.locals, self.state, [])
        if len(edges) == 1:
            return edges[0]
        self._joins += 1
        return Edge(
            self.diagrams.true,
            self._named([edge.locals for edge in edges]),
            tuple(self._named([list(edge.state) for edge in edges])),
            self._named([edge.values for edge in edges]),
        )

    def _named(self, rows: list[list[Term]]) -> list[Term]:
        """The values at this join, one row for each way into it."""
        first = rows[0]
        if any(len(row) != len(first) for row in rows):
            raise UnsupportedError("a join of different stack heights")
        differing: set[int] = set()
        for row in rows[1:]:
            if row != first:
                differing.update(
                    [i for i, (a, b) in enumerate(zip(first, row, strict=True)) if a is not b]
                )
        result = first.copy()
        for column in differing:
            values = tuple([row[column] for row in rows])
            result[column] = self._phi(values)
        return result

    def _phi(self, values: tuple[Term, ...]) -> Term:
        term = self.arena.node("phi", values[0].sort, values, self._joins)
        ones = 0
        for value in values:
            ones |= value.ones
        term.ones = ones
        return term
