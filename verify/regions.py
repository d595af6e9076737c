"""What an execution keeps and tells: open structures, regions with their traps, and events."""

from __future__ import annotations

from dataclasses import dataclass, field

from wasmopt.instr import Catch
from wasmopt.types import FuncType
from wasmopt.verify.conditions import Diagrams
from wasmopt.verify.state import State
from wasmopt.verify.terms import Term

Slot = tuple[str, int]
"""What a loop carries: ("local", index), ("state", component) or ("param", position)."""


@dataclass(slots=True)
class Edge:
    """A way into a join: guard, and everything that holds there."""

    guard: Term
    locals: list[Term]
    state: State
    values: list[Term]


class Traps:
    """What traps in one state: conditions, each with the guard under which it is looked at.

    A check is left out where a stronger one of the same kind is made in the same state: which of
    them fails is not observed.
    """

    __slots__ = ("_checks",)

    def __init__(self) -> None:
        self._checks: dict[tuple[object, ...], list[tuple[Term, int, Term]]] = {}

    def add(
        self,
        diagrams: Diagrams,
        guard: Term,
        condition: Term,
        key: tuple[object, ...] = (),
        strength: int = 0,
    ) -> None:
        """Look at `condition` where `guard` holds; key and strength as in `Execution.check`."""
        checks = self._checks.setdefault(key or (condition,), [])
        kept = []
        for entry in checks:
            known, power, same = entry
            if same is condition:
                guard = diagrams.disjunction(guard, known)
            elif power > strength and diagrams.implies(guard, known):
                return
            elif power > strength or not diagrams.implies(known, guard):
                kept.append(entry)
        checks[:] = [*kept, (guard, strength, condition)]

    def conditions(self) -> dict[Term, Term]:
        """Guard by condition."""
        return {
            condition: guard for checks in self._checks.values() for guard, _, condition in checks
        }

    def all(self, diagrams: Diagrams) -> Term:
        """The condition that anything traps here."""
        result = diagrams.false
        conditions = self.conditions()
        for condition in sorted(conditions, key=lambda term: term.number):
            trap = diagrams.conjunction(conditions[condition], condition)
            result = diagrams.disjunction(result, trap)
        return result


@dataclass(slots=True)
class Region:
    """The function body or one loop body.

    Attributes:
        parent: the region around it.
        entry_guard: under which it is entered, relative to the parent.
        traps: what traps in which state.
        trace: what was done to control, see `lockstep`.
        checked: checks passed, with the guard of each.
    """

    parent: Region | None
    entry_guard: Term
    traps: dict[State, Traps] = field(default_factory=dict)
    trace: list[tuple[object, ...]] = field(default_factory=list)
    checked: dict[tuple[object, ...], list[tuple[Term, int]]] = field(default_factory=dict)


@dataclass(slots=True)
class Frame:
    """An open block, loop, if or the function itself."""

    kind: str
    position: int
    type: FuncType
    height: int
    region: Region
    catches: tuple[Catch, ...] = ()
    edges: list[Edge] = field(default_factory=list)
    otherwise: Edge | None = None


@dataclass(slots=True)
class LoopEntry:
    """The run stands at a loop header: `values` of what the loop may change.

    Attributes:
        position: of the loop instruction in the body.
        length: of the loop in instructions.
        guard: under which the loop is entered, relative to the region around it.
    """

    position: int
    length: int
    guard: Term
    values: dict[Slot, Term]


@dataclass(slots=True)
class LoopEnd:
    """The run has gone through a loop body once.

    Attributes:
        guard: under which the body comes back to the header.
        values: what it comes back with; empty when it never does.
        region: the loop's region, with its traps.
    """

    guard: Term
    values: dict[Slot, Term]
    region: Region


@dataclass(slots=True)
class Finished:
    """The run is over.

    Attributes:
        exits: how control leaves to each enclosing structure, the function first.
        region: the outermost region, with its traps.
    """

    exits: list[Edge]
    region: Region


Event = LoopEntry | LoopEnd | Finished
Answer = dict[Slot, Term] | None
"""To a LoopEntry: a value for each slot; to a LoopEnd: the same to run again, None to go on."""
