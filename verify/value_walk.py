"""One walk over one version of a function: its events, with value numbers for all operands.

`same_values` has the argument; here is what is written down and how values are followed.  The
operand stack and the *slots*, which are the parts of the state and the locals, hold value numbers.
A construct that stays in the list of events keeps the values that slots had when it was entered,
so that the cost of a branch follows what was written since.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.domain import to_signed, to_unsigned
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.semantics import evaluate, make_constant
from wasmopt.types import ValType
from wasmopt.verify.constant_stores import append, stored
from wasmopt.verify.inlining import zero
from wasmopt.verify.live_code import (
    BRANCH,
    ELSE,
    END,
    FALL,
    LEAVE,
    OPEN,
    Construct,
    NotCoveredError,
    Step,
)
from wasmopt.verify.state import least_bytes
from wasmopt.verify.value_numbering import Learned, Numbers, Place
from wasmopt.verify.value_rows import (
    COMPARISON,
    DROP,
    EVENT,
    FOLDED,
    GET,
    MEMORIES,
    PURE,
    READING,
    SET,
    STATE,
    SYMMETRIC,
    TEE,
    Row,
    Rows,
    comparison,
    writes_of,
)
from wasmopt.verify.value_theory import KNOWN_STORES, has_theory

MAX_REMEMBERED: Final = 40
"""Slots remembered at branches and joins, for each instruction of the body, on average."""

Event = tuple[object, ...]
"""What happens, then the numbers of the values it takes."""


class Reading:
    """One version, ready to be walked."""

    def __init__(self, function: Function, steps: list[Step], context: Context) -> None:
        self.body: Final = function.body
        self.steps: Final = steps
        self.rows: Final = context.table(Rows)
        self.arities: Final = context.table(Arities)
        self.pool: Final = context.pool
        self.params: Final = len(context.param_types(function))
        self.locals: Final = function.local_types()
        memories = context.signatures.memories
        self.least_bytes: Final = [least_bytes(each) for each in memories]
        self.address_bits: Final = [64 if each.address64 else 32 for each in memories]
        self.written: Final = self._written_in_loops()

    def _written_in_loops(self) -> dict[Construct, tuple[int, ...]]:
        """The slots written in each loop that is branched to, in order."""
        if not any(instr.name == "loop" for instr in set(self.body)):
            return {}
        written_by = {instr: _slots_written(instr) for instr in set(self.body)}
        writes = [
            (index, slot) for index, instr in enumerate(self.body) for slot in written_by[instr]
        ]
        written: dict[Construct, tuple[int, ...]] = {}
        opened: dict[Construct, int] = {}
        budget = MAX_REMEMBERED * len(self.body)
        cursor = 0
        for step in self.steps:
            construct = step.construct
            if construct is None or construct.name != "loop" or not construct.used:
                continue
            while cursor < len(writes) and writes[cursor][0] < step.index:
                cursor += 1
            if step.kind == OPEN:
                opened[construct] = cursor
            elif step.kind == END:
                part = writes[opened[construct] : cursor]
                budget -= len(part)
                if budget < 0:
                    raise NotCoveredError("loops nest too deep")
                written[construct] = tuple(sorted({slot for _, slot in part}))
        return written

    def walk(self, numbers: Numbers, learned: Learned, *, by_rank: bool) -> Walk:
        """The events, with the numbers of this round."""
        walk = Walk(self, numbers, learned, by_rank=by_rank)
        for step in self.steps:
            if step.begin != step.index:
                walk.straight_line(self.body[step.begin : step.index])
            _STEPS[step.kind](walk, step)
        return walk


def _slots_written(instr: Instr) -> tuple[int, ...]:
    if instr.name in ("local.set", "local.tee"):
        return (instr.immediates[0] + STATE,)
    return writes_of(instr)


@dataclass(slots=True, eq=False)
class _Frame:
    """An open construct; it stays, unless it is nothing but a pair of brackets.

    Attributes:
        opened: how many were opened before it.
        depth: how many such constructs are open around it.
        below: for a dissolved one, how many values lie below its own.
        outer: for one that stays, the values around it.
        log: slot -> its value when the construct was entered, for slots written since.
        edges: for each way to its end, the slots that differ from the log, and the results.
        params: its parameters on entry, for an `else`.
        checks: checks passed in it, with what was known of them before.
    """

    construct: Construct
    opened: int = 0
    depth: int = 0
    below: int = 0
    dissolved: bool = False
    outer: list[int] = field(default_factory=list)
    log: dict[int, int] = field(default_factory=dict)
    edges: list[tuple[dict[int, int], list[int]]] = field(default_factory=list)
    params: list[int] = field(default_factory=list)
    checks: list[tuple[Hashable, int]] = field(default_factory=list)


class Walk:
    """One walk over one version.

    Attributes:
        events: what happens.
        headers: the number of each slot at the header of each loop, where it got a new one.
        backs: the numbers with which slots came back to headers.
    """

    def __init__(
        self, reading: Reading, numbers: Numbers, learned: Learned, *, by_rank: bool
    ) -> None:
        self.events: Final[list[Event]] = []
        self.headers: Final[dict[Place, int]] = {}
        self.backs: Final[dict[Place, list[int]]] = {}
        self._unmoved: Final[dict[Place, int]] = {}
        self._reading: Final = reading
        self._numbers: Final = numbers
        self._learned: Final = learned
        self._by_rank: Final = by_rank
        self._values: list[int] = []
        self._opened = 0
        self._pending: Final[dict[Hashable, int]] = {}
        self._passed: Final[dict[Hashable, int]] = {
            (_BYTES, memory, _NOWHERE): least for memory, least in enumerate(reading.least_bytes)
        }
        zeros = {each: self._zero(each) for each in set(reading.locals)}
        self._slots: Final = [
            *[numbers["state", each] for each in range(STATE)],
            *[numbers["parameter", each] for each in range(reading.params)],
            *[zeros[each] for each in reading.locals],
        ]
        whole = _the(reading.steps[-1])
        self._open: Final = [_Frame(whole)]
        self._frames: Final = {whole: self._open[0]}
        self._budget = MAX_REMEMBERED * len(reading.body)

    def moved(self) -> list[Place]:
        """What came back to a loop with another value than it was taken to keep."""
        return [
            place
            for place, number in self._unmoved.items()
            if self.backs[place].count(number) != len(self.backs[place])
        ]

    def _zero(self, value_type: ValType) -> int:
        """The value that a local of that type starts with."""
        instr = zero(value_type, self._reading.pool)
        return self._numbers["unset"] if instr is None else self._numbers.constant(instr)

    # -- straight-line code ------------------------------------------------------------------

    def straight_line(self, run: Sequence[Instr]) -> None:
        """Follow instructions that are no control."""
        rows, values, numbers, slots = (
            self._reading.rows,
            self._values,
            self._numbers,
            self._slots,
        )
        constants = numbers.constants
        log = self._open[-1].log
        theory = numbers.theory
        for instr in run:
            row = rows[instr]
            kind = row[0]
            if kind == GET:
                values.append(slots[row[4]])
            elif theory is not None and kind in _PURE and has_theory(instr.op):
                values.append(theory.apply(instr.op, self._take(row[1])))
            elif kind == PURE:
                pops = row[1]
                if pops == 0:
                    values.append(numbers.constant(row[3]))
                elif pops == 1:
                    operand = values[-1]
                    known = self._computed(instr, (operand,)) if operand in constants else None
                    values[-1] = numbers[row[3], operand] if known is None else known
                elif pops == 2:
                    upper = values.pop()
                    lower = values[-1]
                    known = self._computed(instr, (lower, upper)) if upper in constants else None
                    values[-1] = numbers[row[3], lower, upper] if known is None else known
                else:
                    taken = self._take(pops)
                    if theory is not None and instr.name == "select":
                        taken[-1] = theory.truth(taken[-1])
                    values.append(numbers[(row[3], *taken)])
            elif kind == SYMMETRIC:
                upper = values.pop()
                lower = values[-1]
                known = self._computed(instr, (lower, upper)) if upper in constants else None
                key = (instr, lower, upper) if lower < upper else (instr, upper, lower)
                values[-1] = numbers[key] if known is None else known
            elif kind == READING:
                self._read(row)
            elif kind in (SET, TEE):
                slot = row[4]
                log.setdefault(slot, slots[slot])
                slots[slot] = values[-1]
                if kind == SET:
                    values.pop()
            elif kind == COMPARISON:
                self._compare(instr)
            elif kind == DROP:
                values.pop()
            elif kind == EVENT:
                taken = self._take(row[1])
                if row.end and self._store(row, taken):
                    continue
                number = self._event(instr, taken, row[2])
                for slot in row.writes:
                    log.setdefault(slot, slots[slot])
                    slots[slot] = numbers["changed", number]

    def _read(self, row: Row) -> None:
        """What reads the state, or may trap."""
        slots = self._slots
        taken = self._take(row.pops)
        known = (*taken, *[slots[each] for each in row.reads])
        theory = self._numbers.theory
        if theory is not None and isinstance(row.key, tuple):
            op, *where = row.key
            self._values.append(theory.load(op.mnemonic, (*where, *known)))
        else:
            self._values.append(self._numbers[(row.key, *known)])
        if row.memory >= 0:
            self._check_bounds(row, taken[0])
        elif row.end:
            self._pending[row.key, *taken] = row.end

    def _check_bounds(self, row: Row, address: int) -> tuple[Hashable, int]:
        """Look whether a load or store is in bounds.

        Returns:
            What its place is counted from, and where its last byte ends from there.
        """
        memory, end = row.memory, row.end
        known = self._numbers.constants.get(address)
        if known is not None:
            # Address and offset are added without wrapping: it does not matter which is which.
            address, end = _NOWHERE, end + to_unsigned(self._reading.address_bits[memory], known)
        place = (_BYTES, memory, address)
        self._pending[place] = max(end, self._pending.get(place, 0))
        return place, end

    def _store(self, row: Row, taken: Sequence[int]) -> bool:
        """Look whether a store is in bounds; if it stores a constant, do it.

        What is written in a row by one address is one event.  The memory is named by the event
        and what it has written so far.
        """
        place, end = self._check_bounds(row, taken[0])
        constant = self._numbers.constants.get(taken[-1])
        if constant is None or row.pops != 2:
            return False
        if self._pending:
            self._check()
        width = 1 << (row.instr.op.natural_alignment or 0)
        events = self.events
        append(events, place, stored(end - width, width, constant))
        log, slots = self._open[-1].log, self._slots
        log.setdefault(MEMORIES, slots[MEMORIES])
        slots[MEMORIES] = self._numbers["changed", len(events), events[-1]]
        return True

    def _compare(self, instr: Instr) -> None:
        """A comparison, in its one form."""
        lower, upper = self._take(2)
        numbers = self._numbers
        known = self._computed(instr, (lower, upper))
        if known is not None:
            self._values.append(known)
            return
        name, lower, upper, less = comparison(instr.name, lower, upper, numbers.constants)
        if less:
            kind = name[:3]
            bits = 32 if kind == "i32" else 64
            value = to_signed(bits, to_unsigned(bits, numbers.constants[upper] - less))
            upper = numbers.constant(self._reading.pool.make(f"{kind}.const", value))
        self._values.append(numbers[name, lower, upper])

    def _computed(self, instr: Instr, operands: tuple[int, ...]) -> int | None:
        """What a pure instruction makes of constants; None if they are not all known."""
        constants = self._numbers.constants
        folded = FOLDED.get(instr.name)
        if folded is None or not constants.keys() >= set(operands):
            return None
        before, after = folded
        bits = evaluate(instr.op, [to_unsigned(before, constants[each]) for each in operands])
        if not isinstance(bits, int):
            return None
        return self._numbers.constant(make_constant(self._reading.pool, after, bits))

    def _condition(self) -> list[int]:
        """Pop what decides on a way."""
        (number,) = self._take(1)
        theory = self._numbers.theory
        return [number if theory is None else theory.truth(number)]

    def _take(self, count: int) -> list[int]:
        """Pop some values, the deepest first."""
        split = len(self._values) - count
        if split < 0:
            raise NotCoveredError("operands are missing")
        taken = self._values[split:]
        del self._values[split:]
        return taken

    def _event(self, what: object, taken: Sequence[int] = (), pushes: int = 0) -> int:
        """Something happens; its number."""
        if self._pending:
            self._check()
        theory = self._numbers.theory
        if theory is not None and isinstance(what, Instr) and what.name in KNOWN_STORES:
            address, value = taken
            name, value = theory.store(what.name, value)
            what, taken = (name, *what.immediates[0][1:]), (address, value)
        number = len(self.events)
        self.events.append((what, *taken))
        for place in range(pushes):
            self._values.append(self._numbers["result", number, place])
        return number

    def _check(self) -> None:
        """Something happens if none of the pending checks fails; those of use are an event."""
        passed, checks = self._passed, self._open[-1].checks
        new = {each: end for each, end in self._pending.items() if end > passed.get(each, 0)}
        self._pending.clear()
        if new:
            for each, end in new.items():
                checks.append((each, passed.get(each, 0)))
                passed[each] = end
            self.events.append(("checks", frozenset(new.items())))

    def _forget_checks(self, frame: _Frame) -> None:
        """What was checked within was not checked on every way that leads on."""
        for each, end in reversed(frame.checks):
            self._passed[each] = end
        frame.checks.clear()

    def _frame(self, construct: Construct) -> _Frame:
        frame = self._frames.get(construct)
        if frame is None:
            raise NotCoveredError("a branch to what is not open")
        return frame

    def open(self, step: Step) -> None:
        """Enter a construct."""
        construct = _the(step)
        if step.targets:
            raise NotCoveredError("exception handlers")
        params = len(construct.type.params)
        if construct.dissolves:
            below = len(self._values) - params
            self._frames[construct] = _Frame(construct, below=below, dissolved=True)
            return
        condition = self._condition() if construct.name == "if" else []
        carried = self._take(params)
        self._event((construct.name,), condition)
        self._opened += 1
        frame = _Frame(construct, self._opened, len(self._open), outer=self._values, params=carried)
        self._frames[construct] = frame
        self._open.append(frame)
        self._values = list(carried)
        if construct.name == "loop" and construct.used:
            self._values = self._header(frame, carried)

    def _header(self, frame: _Frame, carried: list[int]) -> list[int]:
        """Number the slots written in a loop, and its parameters, which it leaves."""
        learned = self._learned
        written = self._reading.written[frame.construct]
        slots = [(slot, self._slots[slot]) for slot in written]
        slots += [(-1 - place, value) for place, value in enumerate(carried)]
        numbered: list[int] = []
        ranks: dict[int, int] = {}
        for slot, entry in slots:
            place = (frame.opened, slot)
            self.backs[place] = []
            if learned.everything or place in learned.moving:
                rank = ranks[entry] = ranks.get(entry, 0) + self._by_rank
                came_back = tuple(learned.backs.get(place, ()))
                number = self._numbers["loop", frame.opened, entry, rank, came_back]
                self.headers[place] = number
            else:
                number = self._unmoved[place] = entry
            if slot >= 0:
                frame.log[slot] = entry
                self._slots[slot] = number
            else:
                numbered.append(number)
        self._spend(len(slots))
        return numbered

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise NotCoveredError("too many slots at branches")

    def _changed_since(self, frame: _Frame) -> dict[int, int]:
        """The slots written since a frame was entered, with their values now."""
        slots = self._slots
        changed: dict[int, int] = {}
        for each in self._open[frame.depth :]:
            for slot in each.log:
                changed[slot] = slots[slot]
        self._spend(len(changed) + 1)
        return changed

    def _arrive(self, frame: _Frame, carried: list[int]) -> None:
        """Control goes to the label of a construct, or to its end."""
        if frame.construct.name != "loop":
            self._arrive_at_end(frame, carried)
            return
        for slot in self._reading.written[frame.construct]:
            self.backs[frame.opened, slot].append(self._slots[slot])
        for place, value in enumerate(carried):
            self.backs[frame.opened, -1 - place].append(value)
        self._spend(len(self._reading.written[frame.construct]))

    def _arrive_at_end(self, frame: _Frame, carried: list[int]) -> None:
        """Control goes to the end of a construct; locals end with the function."""
        changed = self._changed_since(frame) if frame.construct.name else {}
        frame.edges.append((changed, carried))

    def divide(self, step: Step) -> None:
        """Go on with the other arm of an `if`."""
        frame = self._frame(_the(step))
        if step.reached:
            self._arrive_at_end(frame, self._values)
        self._event("else")
        self._forget_checks(frame)
        for slot, value in frame.log.items():
            self._slots[slot] = value
        self._values = list(frame.params)

    def end(self, step: Step) -> None:
        """Leave a construct."""
        construct = _the(step)
        frame = self._frame(construct)
        results = len(construct.type.results)
        if frame.dissolved:
            if construct.completes and len(self._values) != frame.below + results:
                raise NotCoveredError("values are missing or left over")
            return
        if step.reached:
            if len(self._values) != results:
                raise NotCoveredError("values are missing or left over")
            self._arrive_at_end(frame, self._values)
        if construct.name == "if" and not construct.divided:
            self._event("else")
            frame.edges.append(({}, frame.params))
        if not construct.name:
            for _, carried in frame.edges:
                self._event("return", carried)
            return
        number = self._event(("end", len(frame.edges)))
        self._forget_checks(frame)
        self._open.pop()
        self._values = frame.outer
        self._join(frame, number)

    def _join(self, frame: _Frame, number: int) -> None:
        """Number what comes together at the end of a construct."""
        edges = frame.edges
        log = self._open[-1].log
        slots, numbers = self._slots, self._numbers
        self._spend(len(frame.log) * (len(edges) + 1))
        for slot, entry in frame.log.items():
            log.setdefault(slot, entry)
            if edges:
                values = tuple([changed.get(slot, entry) for changed, _ in edges])
                same = values.count(values[0]) == len(values)
                slots[slot] = values[0] if same else numbers["join", number, values]
        if edges:
            for values in zip(*[carried for _, carried in edges], strict=True):
                same = values.count(values[0]) == len(values)
                self._values.append(values[0] if same else numbers["join", number, values])

    def fall(self, step: Step) -> None:
        """Branch to where control would fall anyway."""
        frame = self._frame(_the(step))
        carried = self._take(len(frame.construct.type.results))
        if frame.dissolved:
            self._values[frame.below :] = carried
        else:
            self._arrive_at_end(frame, carried)
            self._values = []

    def branch(self, step: Step) -> None:
        """Branch, or not."""
        instr = self._reading.body[step.index]
        if instr.name != "br_if":
            raise NotCoveredError(instr.name)
        (target,) = map(self._frame, step.targets)
        condition = self._condition()
        carried = self._take(self._labelled(target))
        self._event(("br_if", self._depth(target)), condition)
        self._values += carried
        self._arrive(target, carried)

    def leave(self, step: Step) -> None:
        """Leave for good."""
        instr = self._reading.body[step.index]
        targets = list(map(self._frame, step.targets))
        if not targets:
            self._event(instr, self._take(self._reading.arities[instr][0]))
        else:
            index = self._take(1) if instr.name == "br_table" else []
            carried = self._take(self._labelled(targets[-1]))
            self._event(("br", *map(self._depth, targets)), index)
            for target in targets:
                self._arrive(target, carried)
        self._values = []

    def _labelled(self, frame: _Frame) -> int:
        """How many values a branch to the label takes."""
        construct = frame.construct
        return len(construct.type.params if construct.name == "loop" else construct.type.results)

    def _depth(self, frame: _Frame) -> int:
        """How many constructs that stay are left by a branch."""
        if frame.dissolved:
            raise NotCoveredError("a branch to a construct that was dissolved")
        return len(self._open) - 1 - frame.depth


_BYTES: Final = "bytes"
_NOWHERE: Final = -1
"""Stands for address zero."""
_PURE: Final = frozenset([PURE, SYMMETRIC, COMPARISON])
_STEPS: Final = {
    OPEN: Walk.open,
    ELSE: Walk.divide,
    END: Walk.end,
    FALL: Walk.fall,
    BRANCH: Walk.branch,
    LEAVE: Walk.leave,
}


def _the(step: Step) -> Construct:
    if step.construct is None:
        raise NotCoveredError("a step without its construct")
    return step.construct
