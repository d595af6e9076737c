"""Two versions that compute the same values in the same order of effects, whatever their locals.

Each version is read alone, as a list of *events*: control, and instructions that have an effect,
may trap or read what can change.  Everything else only says which value goes where, and is
followed with *value numbers*: a number for each parameter and zero, for each pure instruction by
its operands, for each result of an event by the event's place in the list, for each join by what
comes together there.  Equal lists of events, operands included, mean equal functions; in which
locals values lay in between does not matter.  So copies, other locals, arguments of a body that
was put in the place of its call, and pure code in another order all cost nothing.

Loops: a local that is written in a loop gets one number at the header, made of the loop, its
value on entry and the values with which it came back in the round before.  The numbers are right
if all locals (of both versions) that share one came in with one value and come back with one;
that is checked of the last round, and rounds go on until it holds.  By induction over the steps
of an execution, both versions then are at the same event with equal values under equal numbers.

A value number made in one iteration cannot be taken for one of the next: whatever is written in
the loop is numbered anew at the header.

Near-linear: one walk for each round; the number of rounds is bounded, and so is the sum of the
locals that are remembered at branches.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.errors import InputError
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.types import ValType
from wasmopt.verify.global_facts import GlobalFacts
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
    live_code,
)
from wasmopt.verify.normal_form import REMOVABLE

MAX_ROUNDS: Final = 6
MAX_REMEMBERED: Final = 40
"""Locals remembered at branches and joins, for each instruction of the body, on average."""

Event = tuple[object, ...]
"""What happens, then the numbers of the values it takes."""

_MALFORMED: Final = (InputError, LookupError, NotCoveredError, TypeError, ValueError)


class Numbers(dict[Hashable, int]):
    """Description of a value -> its number; shared by the two versions and all rounds."""

    def __missing__(self, description: Hashable) -> int:
        number = self[description] = len(self)
        return number


def same_values(before: Function, after: Function, context: Context) -> bool:
    """Whether the two are proved to do the same; False when this tier cannot tell.

    Both have to be valid.
    """
    if before.type_index != after.type_index:
        return False
    try:
        for join_ends in (False, True):
            readings = [
                Reading(each, live_code(each, context.signatures, join_ends=join_ends), context)
                for each in (before, after)
            ]
            for by_index in (True, False):
                if _equal(*readings, by_index=by_index):
                    return True
    except _MALFORMED:
        return False
    return False


def _equal(first: Reading, second: Reading, *, by_index: bool) -> bool:
    """Whether the events are equal, with numbers at loops that are inductive."""
    numbers = Numbers()
    for reading in (first, second):
        reading.backs = {}
    for _ in range(MAX_ROUNDS):
        walks = [each.walk(numbers, by_index=by_index) for each in (first, second)]
        if walks[0].events != walks[1].events:
            return False  # and so it would be with more numbers
        if _is_inductive(walks):
            return True
        for reading, walk in zip((first, second), walks, strict=True):
            reading.backs = walk.backs
    return False


def _is_inductive(walks: Sequence[_Walk]) -> bool:
    """Whether everything that shares a number at a loop's header comes back with one."""
    known: dict[int, tuple[int, ...]] = {}
    return all(
        known.setdefault(number, tuple(walk.backs[place])) == tuple(walk.backs[place])
        for walk in walks
        for place, number in walk.headers.items()
    )


class _Rows(dict[Instr, tuple[int, int, int, Instr]]):
    """Instruction -> what it is to a walk, how many values it pops and pushes, and its meaning."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._arities: Final = context.table(Arities)
        self._constants: Final = context.table(GlobalFacts)
        self._globals: Final = context.signatures.globals

    def __missing__(self, instr: Instr) -> tuple[int, int, int, Instr]:
        pops, pushes = self._arities[instr]
        if pops < 0 or pushes < 0:
            raise NotCoveredError(f"{instr.name} among straight-line code")
        what = _SILENT.get(instr.name)
        if what is None:
            pure = instr.name in REMOVABLE and not instr.effects and pushes == 1
            what = _PURE if pure else _EVENT
        meaning = instr
        if instr.name == "global.get":
            meaning = self._constants.get(instr.immediates[0], instr)
            if meaning is not instr or not self._globals[instr.immediates[0]].mutable:
                what = _PURE
        row = self[instr] = (what, pops, pushes, meaning)
        return row


_EVENT, _PURE, _GET, _SET, _TEE, _DROP, _NOP = range(7)
_SILENT: Final = {
    "local.get": _GET,
    "local.set": _SET,
    "local.tee": _TEE,
    "drop": _DROP,
    "nop": _NOP,
}


class Reading:
    """One version, ready to be walked.

    Attributes:
        backs: what came back to loops in the round before: (loop, slot) -> a value for each
            branch.
    """

    def __init__(self, function: Function, steps: list[Step], context: Context) -> None:
        self.body: Final = function.body
        self.steps: Final = steps
        self.rows: Final = context.table(_Rows)
        self.arities: Final = context.table(Arities)
        self.pool: Final = context.pool
        params = context.param_types(function)
        self.params: Final = len(params)
        self.locals: Final = function.local_types()
        self.backs: dict[tuple[int, int], list[int]] = {}
        self.written: Final = self._written_in_loops()

    def _written_in_loops(self) -> dict[Construct, tuple[int, ...]]:
        """The locals written in each loop that is branched to, in order."""
        writes = [
            (index, instr.immediates[0])
            for index, instr in enumerate(self.body)
            if instr.name in ("local.set", "local.tee")
        ]
        places = [index for index, _ in writes]
        written: dict[Construct, tuple[int, ...]] = {}
        opened: dict[Construct, int] = {}
        budget = MAX_REMEMBERED * len(self.body)
        cursor = 0
        for step in self.steps:
            construct = step.construct
            if construct is None or construct.name != "loop" or not construct.used:
                continue
            while cursor < len(places) and places[cursor] < step.index:
                cursor += 1
            if step.kind == OPEN:
                opened[construct] = cursor
            elif step.kind == END:
                part = writes[opened[construct] : cursor]
                budget -= len(part)
                if budget < 0:
                    raise NotCoveredError("loops nest too deep")
                written[construct] = tuple(sorted({local for _, local in part}))
        return written

    def walk(self, numbers: Numbers, *, by_index: bool) -> _Walk:
        """The events, with the numbers of this round."""
        walk = _Walk(self, numbers, by_index=by_index)
        for step in self.steps:
            if step.begin != step.index:
                walk.straight_line(self.body[step.begin : step.index])
            _STEPS[step.kind](walk, step)
        return walk


@dataclass(slots=True, eq=False)
class _Frame:
    """An open construct; it stays, unless it is nothing but a pair of brackets.

    Attributes:
        opened: the number of its opening event.
        depth: how many such constructs are open around it.
        below: for a dissolved one, how many values lie below its own.
        outer: for one that stays, the values around it.
        log: local -> its value when the construct was entered, for locals written since.
        edges: for each way to its end, the locals that differ from the log, and the results.
        params: its parameters on entry, for an `else`.
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


class _Walk:
    """One walk over one version.

    Attributes:
        events: what happens.
        headers: (loop, slot) -> the number it has at the header.
        backs: (loop, slot) -> the numbers it came back with.
    """

    def __init__(self, reading: Reading, numbers: Numbers, *, by_index: bool) -> None:
        self.events: Final[list[Event]] = []
        self.headers: Final[dict[tuple[int, int], int]] = {}
        self.backs: Final[dict[tuple[int, int], list[int]]] = {}
        self._reading: Final = reading
        self._numbers: Final = numbers
        self._by_index: Final = by_index
        self._values: list[int] = []
        zeros = {each: self._zero(each) for each in set(reading.locals)}
        params = [numbers["parameter", each] for each in range(reading.params)]
        self._locals: Final = params + [zeros[each] for each in reading.locals]
        whole = _the(reading.steps[-1])
        self._open: Final = [_Frame(whole)]
        self._frames: Final = {whole: self._open[0]}
        self._budget = MAX_REMEMBERED * len(reading.body)

    def _zero(self, value_type: ValType) -> int:
        """The value that a local of that type starts with."""
        instr = zero(value_type, self._reading.pool)
        return self._numbers["unset" if instr is None else (instr,)]

    def straight_line(self, run: Sequence[Instr]) -> None:
        """Follow instructions that are no control."""
        rows, values, numbers, variables = (
            self._reading.rows,
            self._values,
            self._numbers,
            self._locals,
        )
        log = self._open[-1].log
        for instr in run:
            what, pops, pushes, meaning = rows[instr]
            if what == _GET:
                values.append(variables[instr.immediates[0]])
            elif what == _PURE:
                if pops == 0:
                    values.append(numbers[(meaning,)])
                elif pops == 1:
                    values[-1] = numbers[instr, values[-1]]
                elif pops == 2:
                    upper = values.pop()
                    values[-1] = numbers[instr, values[-1], upper]
                else:
                    key = (instr, *self._take(pops))
                    values.append(numbers[key])
            elif what in (_SET, _TEE):
                local = instr.immediates[0]
                log.setdefault(local, variables[local])
                variables[local] = values[-1]
                if what == _SET:
                    values.pop()
            elif what == _DROP:
                values.pop()
            elif what == _EVENT:
                self._event(instr, self._take(pops), pushes)

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
        number = len(self.events)
        self.events.append((what, *taken))
        for place in range(pushes):
            self._values.append(self._numbers["result", number, place])
        return number

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
        condition = self._take(1) if construct.name == "if" else []
        carried = self._take(params)
        opened = self._event((construct.name, construct.type), condition)
        frame = _Frame(construct, opened, len(self._open), outer=self._values, params=carried)
        self._frames[construct] = frame
        self._open.append(frame)
        self._values = list(carried)
        if construct.name == "loop" and construct.used:
            self._values = self._header(frame, carried)

    def _header(self, frame: _Frame, carried: list[int]) -> list[int]:
        """Number the locals written in a loop, and its parameters, which it leaves."""
        backs = self._reading.backs
        written = self._reading.written[frame.construct]
        slots = [(local, self._locals[local]) for local in written]
        slots += [(-1 - place, value) for place, value in enumerate(carried)]
        numbered: list[int] = []
        for slot, entry in slots:
            place = (frame.opened, slot)
            before = backs.get(place)
            came_back = None if before is None else tuple(before)
            index = slot if self._by_index else None
            number = self._numbers["loop", frame.opened, entry, index, came_back]
            self.headers[place] = number
            self.backs[place] = []
            if slot >= 0:
                frame.log[slot] = entry
                self._locals[slot] = number
            else:
                numbered.append(number)
        self._spend(len(slots))
        return numbered

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise NotCoveredError("too many locals at branches")

    def _changed_since(self, frame: _Frame) -> dict[int, int]:
        """The locals written since a frame was entered, with their values now."""
        variables = self._locals
        changed: dict[int, int] = {}
        for each in self._open[frame.depth :]:
            for local in each.log:
                changed[local] = variables[local]
        self._spend(len(changed) + 1)
        return changed

    def _arrive(self, frame: _Frame, carried: list[int]) -> None:
        """Control goes to the label of a construct, or to its end."""
        if frame.construct.name != "loop":
            self._arrive_at_end(frame, carried)
            return
        for local in self._reading.written[frame.construct]:
            self.backs[frame.opened, local].append(self._locals[local])
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
        for local, value in frame.log.items():
            self._locals[local] = value
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
        self._open.pop()
        self._values = frame.outer
        self._join(frame, number)

    def _join(self, frame: _Frame, number: int) -> None:
        """Number what comes together at the end of a construct."""
        edges = frame.edges
        log = self._open[-1].log
        variables, numbers = self._locals, self._numbers
        self._spend(len(frame.log) * (len(edges) + 1))
        for local, entry in frame.log.items():
            log.setdefault(local, entry)
            if edges:
                values = tuple([changed.get(local, entry) for changed, _ in edges])
                same = values.count(values[0]) == len(values)
                variables[local] = values[0] if same else numbers["join", number, values]
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
        condition = self._take(1)
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


_STEPS: Final = {
    OPEN: _Walk.open,
    ELSE: _Walk.divide,
    END: _Walk.end,
    FALL: _Walk.fall,
    BRANCH: _Walk.branch,
    LEAVE: _Walk.leave,
}


def _the(step: Step) -> Construct:
    if step.construct is None:
        raise NotCoveredError("a step without its construct")
    return step.construct
