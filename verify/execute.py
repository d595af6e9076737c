"""Runs one version of a function symbolically: structured control in, terms out.

Acyclic code is executed once, with joins as decision diagrams.  A loop stops the run twice: at
its header, where the driver (`joint`) names the values that the loop changes, and at its end,
where the driver looks at what came back and either has the body run again under finer names or
lets the run go on behind it.

A *region* is the function body or the body of a loop.  Guards are relative to the entry of their
region.  Traps are kept as a map from the state they happen in to the condition under which one
happens in that state; which check fails first within one state is not observable.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from typing import Final

from wasmopt.arity import Arities
from wasmopt.instr import Instr
from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.conditions import Diagrams
from wasmopt.verify.nesting import Nesting
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.regions import (
    Answer,
    Edge,
    Event,
    Finished,
    Frame,
    LoopEnd,
    LoopEntry,
    Region,
    Slot,
    Traps,
)
from wasmopt.verify.shared import SharedLoads
from wasmopt.verify.state import Layout, State, changed_components, sort_of
from wasmopt.verify.steps import step
from wasmopt.verify.terms import BITS, REFERENCE, STATE, Arena, Term
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.window import Code


class Execution:
    """One version of a function, being run.

    Attributes:
        arena, normaliser, diagrams: shared by both versions.
        layout: components of the state.
        sink: whether what is done behind a join is done in each of its cases.
        stack, locals, state: at the current position.
        guard: under which control is here, relative to `region`.
        shared_loads: numbers the loads of shared memory.
    """

    def __init__(
        self,
        code: Code,
        arities: Arities,
        layout: Layout,
        diagrams: Diagrams,
        normaliser: Normaliser,
        *,
        sink: bool,
    ) -> None:
        self.body: Final = code.body
        self.arities: Final = arities
        self.signatures: Final = layout.signatures
        self.layout: Final = layout
        self.diagrams: Final = diagrams
        self.normaliser: Final = normaliser
        self.arena: Final = normaliser.arena
        self.sink: Final = sink
        self.nesting: Final = Nesting(code.body, len(code.enclosing) - 1)
        self._window: Final = len(code.enclosing) - 1 if code.is_window else -1
        self.locals: list[Term] = _initial_locals(code, self.arena)
        self.state: State = layout.initial(self.arena)
        self.stack: list[Term] = []
        self.shared_loads = SharedLoads()
        self.guard: Term = diagrams.true
        self.region = Region(None, diagrams.true)
        self.frames: list[Frame] = [
            Frame(kind, -1, func_type, 0, self.region) for kind, func_type in code.enclosing
        ]

    # -- state -------------------------------------------------------------------------------

    def set_state(self, component: int, value: Term) -> None:
        """Change one component; nothing happens when it already has that value."""
        state = self.state
        if state[component] is value:
            return
        order = self.make("then", STATE, (state[-1], value), component)
        self.state = (*state[:component], value, *state[component + 1 : -1], order)

    def make(self, op: str, sort: str, args: tuple[Term, ...], payload: Hashable = None) -> Term:
        """A term that reads the state; see `split`."""
        if not self.sink:
            return self.arena.node(op, sort, args, payload)
        return self.split(args, lambda parts: self.arena.node(op, sort, parts, payload))

    def split(self, args: Sequence[Term], make: Callable[[tuple[Term, ...]], Term]) -> Term:
        """`make(args)`; with `sink`, case by case where the arguments are joined values.

        That makes code behind a join equal to copies of it before the join.
        """
        return self.diagrams.split(tuple(args), make) if self.sink else make(tuple(args))

    def apply(self, mnemonic: str, *operands: Term) -> Term:
        """The value of a numeric instruction."""
        return self.normaliser.apply(BY_MNEMONIC[mnemonic], operands)

    def predicate(self, name: str, args: tuple[Term, ...], payload: Hashable) -> Term:
        """An uninterpreted 0/1 value."""

        def leaf(parts: tuple[Term, ...]) -> Term:
            term = self.arena.node(name, "i32", parts, payload)
            term.ones = 1
            return term

        return self.split(args, leaf)

    def event(self, name: str, operands: Sequence[Term], payload: Hashable) -> Term:
        """Something that the outside takes part in, named by all that it can depend on."""
        seen = self.state[: self.layout.observable]
        return self.make(name, STATE, (*seen, *operands), ("event", payload))

    def leave(self) -> None:
        """Return from the function with the results on the stack."""
        self.branch(self.frames[0])
        self.guard = self.diagrams.false

    def leave_by(self, event: Term) -> None:
        """Leave the function by an exception that `event` stands for."""
        traps = self.region.traps.setdefault((event,), Traps())
        traps.add(self.diagrams, self.guard, self.diagrams.true)
        self.guard = self.diagrams.false

    def havoc(self, token: Term) -> None:
        """After `token` every component may be anything that `token` determines."""
        layout, node = self.layout, self.make
        self.state = tuple(
            [
                node("after", sort, (token,), component)
                for component, sort in enumerate(layout.sorts)
            ]
        )

    def trap_if(self, condition: Term) -> None:
        """Trap in this state where `condition` holds."""
        self._add_trap(self.guard, condition, (), 0)

    def check(
        self,
        kind: tuple[object, ...],
        args: Sequence[Term],
        condition: Callable[[tuple[Term, ...]], Term],
        *,
        strength: int = 0,
    ) -> None:
        """Trap where `condition` of `args` holds, unless that was looked at on the way here.

        Args:
            kind: what is checked, without its bound.
            args: what it is checked of.
            condition: the trap; of the same kind and args, a stronger check fails wherever a
                weaker does.
            strength: grows with what is refused.
        """
        if self.sink:
            for parts, guard in self.diagrams.leaves(tuple(args), self.guard).items():
                self._check(guard, (*kind, *parts), strength, condition(parts))
        else:
            self._check(self.guard, (*kind, *args), strength, condition(tuple(args)))

    def _check(self, guard: Term, key: tuple[object, ...], strength: int, condition: Term) -> None:
        if condition is self.diagrams.false:
            return
        diagrams, rest = self.diagrams, guard
        passed = self.region.checked.setdefault(key, [])
        guards = [known for known, power in passed if power >= strength]
        if diagrams.covers(guards, rest):
            return
        if self.sink:
            # What trapped before one of the ways here met does not trap again behind it.
            for known in guards:
                rest = diagrams.conjunction(rest, diagrams.negation(known))
        self.note_check(passed, guard, strength)
        self._add_trap(rest, condition, key, strength)

    def note_check(self, passed: list[tuple[Term, int]], guard: Term, strength: int) -> None:
        """Remember that a check of that strength was passed under `guard`."""
        passed.append((guard, strength))

    def _add_trap(
        self, guard: Term, condition: Term, key: tuple[object, ...], strength: int
    ) -> None:
        if self.diagrams.conjunction(guard, condition) is not self.diagrams.false:
            traps = self.region.traps.setdefault(self.state, Traps())
            traps.add(self.diagrams, guard, condition, key, strength)

    # -- control -----------------------------------------------------------------------------

    def run(self) -> Generator[Event, Answer, None]:
        """Execute; yields at loops and once at the end.

        Raises:
            UnsupportedError: something has no theory.
        """
        body, nesting = self.body, self.nesting
        position = 0
        loops: list[_LoopStart] = []
        while position < len(body):
            instr = body[position]
            name = instr.name
            if name == "loop" and nesting.is_branched_to(position):
                frame, entry = self._enter_loop(position, instr)
                answer = yield entry
                start = _LoopStart(self, frame)
                loops.append(start)
                start.restore(self, answer)
                self.frames.append(frame)
            elif name == "end":
                frame = self.frames[-1]
                if frame.kind == "loop":
                    answer = yield self._loop_end(frame)
                    if answer is not None:
                        loops[-1].restore(self, answer)
                        frame.edges.clear()
                        self.frames.append(frame)
                        position = frame.position + 1
                        continue
                    loops.pop()
                    self._leave_loop(frame)
                elif frame.position < 0:
                    self.branch(frame)
                    yield Finished([self._join(each.edges) for each in self.frames], frame.region)
                    return
                else:
                    self._close(frame)
            elif name == "else":
                self._start_else()
            elif name in _CONTROL:
                self._control(position, instr)
            else:
                step(self, instr)
            if self.guard is self.diagrams.false:
                position = self._skip_dead(position)
            else:
                position += 1

    def _skip_dead(self, position: int) -> int:
        """Control is not here: go on at the next `else` or `end` of the innermost frame."""
        frame = self.frames[-1]
        del self.stack[frame.height :]
        return self.nesting.next_part(frame.position, position)

    def _control(self, position: int, instr: Instr) -> None:
        name = instr.name
        if name in ("block", "loop"):
            # a loop that nobody branches to is a block
            self._open("block", position, instr)
        elif name == "try_table":
            self._open(name, position, instr).catches = instr.immediates[1]
        elif name == "if":
            condition = self.diagrams.condition(self.pop())
            frame = self._open("if", position, instr)
            values = self.stack[frame.height :]
            refused = self.diagrams.within(self.guard, self.diagrams.negation(condition))
            frame.otherwise = Edge(refused, self.locals.copy(), self.state, values)
            self.guard = self.diagrams.within(self.guard, condition)
        elif name == "br":
            self.branch(self.target(instr.immediates[0]))
            self.guard = self.diagrams.false
        elif name == "br_if":
            condition = self.diagrams.condition(self.pop())
            self._branch_where(condition, instr.immediates[0])
        elif name == "br_table":
            self._branch_table(instr.immediates[0])
        elif name == "return":
            self.leave()
        elif name in ("br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail"):
            self._branch_on_reference(instr)
        elif name == "unreachable":
            self.trap_if(self.diagrams.true)
            self.guard = self.diagrams.false
        else:
            raise UnsupportedError(f"no theory of {name}")

    def _open(self, kind: str, position: int, instr: Instr) -> Frame:
        block_type = self.signatures.block_type(instr.immediates[0])
        height = len(self.stack) - len(block_type.params)
        frame = Frame(kind, position, block_type, height, self.region)
        self.frames.append(frame)
        return frame

    def target(self, label: int, inside: int | None = None) -> Frame:
        """The structure that a label names, counted from within the innermost structure.

        Args:
            label: relative.
            inside: count from within the first so many structures instead.

        Raises:
            UnsupportedError: there is none.
        """
        index = (len(self.frames) if inside is None else inside) - 1 - label
        if index <= self._window:
            index -= 1  # the window is no structure of the program
        if index < 0:
            raise UnsupportedError("branch out of the function")
        return self.frames[index]

    def _branch_where(self, condition: Term, label: int) -> None:
        diagrams, here = self.diagrams, self.guard
        self.guard = diagrams.within(here, condition)
        self.branch(self.target(label))
        self.guard = diagrams.within(here, diagrams.negation(condition))

    def _branch_table(self, labels: tuple[int, ...]) -> None:
        """One test for each distinct target: does the index select it?"""
        index = self.pop()
        chosen: dict[int, list[int]] = {}
        for number, label in enumerate(labels[:-1]):
            chosen.setdefault(label, []).append(number)
        # The default takes every other index, so its own numbers need no test.
        chosen.pop(labels[-1], None)
        for label, numbers in chosen.items():
            self._branch_where(self._member(index, tuple(numbers)), label)
            if self.guard is self.diagrams.false:
                return
        self.branch(self.target(labels[-1]))
        self.guard = self.diagrams.false

    def _branch_on_reference(self, instr: Instr) -> None:
        value = self.pop()
        negation = self.diagrams.negation
        if instr.name in ("br_on_null", "br_on_non_null"):
            null = self.diagrams.condition(self.predicate("ref.is_null", (value,), ()))
            if instr.name == "br_on_null":
                self._branch_where(null, instr.immediates[0])
                self.stack.append(value)
            else:
                self.stack.append(value)
                self._branch_where(negation(null), instr.immediates[0])
                self.stack.pop()
            return
        flags, label, _, target = instr.immediates
        test = "ref.test_null" if flags & 2 else "ref.test"
        fits = self.diagrams.condition(self.predicate(test, (value,), (target,)))
        self.stack.append(value)
        self._branch_where(fits if instr.name == "br_on_cast" else negation(fits), label)

    def _member(self, index: Term, numbers: tuple[int, ...]) -> Term:
        if index.op == "const":
            return self.diagrams.true if index.payload in numbers else self.diagrams.false
        if index.op == "i32.sum" and isinstance(index.payload, tuple) and index.payload[1] == (1,):
            # The index is another term plus a constant.
            shift = index.payload[0]
            numbers = tuple(sorted([(number - shift) % (1 << 32) for number in numbers]))
            index = index.args[0]
        if len(numbers) == 1:
            number = self.arena.constant("i32", numbers[0])
            return self.diagrams.condition(self.apply("i32.eq", index, number))
        return self.diagrams.condition(self.predicate("member", (index,), numbers))

    def branch(self, frame: Frame) -> None:
        """Control goes from here to the label of `frame` with the values it takes."""
        guard = self._guard_in(frame.region)
        if guard is self.diagrams.false:
            return
        if frame.kind == "window":
            values = self.stack.copy()  # what follows takes what it finds
        else:
            types = frame.type.params if frame.kind == "loop" else frame.type.results
            values = self.stack[len(self.stack) - len(types) :]
        frame.edges.append(Edge(guard, self.locals.copy(), self.state, values))

    def _guard_in(self, region: Region) -> Term:
        """The current guard, relative to an enclosing region."""
        guard, here = self.guard, self.region
        while here is not region:
            guard = self.diagrams.within(here.entry_guard, guard)
            if here.parent is None:
                raise UnsupportedError("branch out of the function")
            here = here.parent
        return guard

    def _start_else(self) -> None:
        frame = self.frames[-1]
        otherwise = frame.otherwise
        if otherwise is None:
            raise UnsupportedError("else without if")
        self.branch(frame)
        frame.otherwise = None
        self._resume(frame, otherwise)

    def _resume(self, frame: Frame, edge: Edge) -> None:
        self.guard, self.locals, self.state = edge.guard, edge.locals, edge.state
        self.stack[frame.height :] = edge.values

    def _close(self, frame: Frame) -> None:
        """The `end` of a block or if: join all ways that lead here."""
        self.branch(frame)
        if frame.otherwise is not None and frame.otherwise.guard is not self.diagrams.false:
            frame.edges.append(frame.otherwise)
        self.frames.pop()
        self._resume(frame, self._join(frame.edges))

    def _join(self, edges: list[Edge]) -> Edge:
        if not edges:
            return Edge(self.diagrams.false, self.locals, self.state, [])
        if len(edges) == 1:
            return edges[0]
        guard = edges[0].guard
        for edge in edges[1:]:
            guard = self.diagrams.disjunction(guard, edge.guard)
        guard = self.diagrams.unfolded(guard)
        guards = [edge.guard for edge in edges]
        state = self._join_columns(guards, [list(edge.state) for edge in edges])
        return Edge(
            guard,
            self._join_columns(guards, [edge.locals for edge in edges]),
            tuple(state),
            self._join_columns(guards, [edge.values for edge in edges]),
        )

    def _join_columns(self, guards: list[Term], rows: list[list[Term]]) -> list[Term]:
        """Merge rows of values column by column."""
        first, merge = rows[0], self.diagrams.merge
        if any(len(row) != len(first) for row in rows):
            raise UnsupportedError("a join of different stack heights")
        result = first.copy()
        differing: set[int] = set()
        for row in rows[1:]:
            if row != first:
                differing.update(
                    [i for i, (a, b) in enumerate(zip(first, row, strict=True)) if a is not b]
                )
        for column in sorted(differing):
            values = [row[column] for row in rows]
            result[column] = merge(list(zip(guards, values, strict=True)))
        return result

    # -- loops -------------------------------------------------------------------------------

    def _enter_loop(self, position: int, instr: Instr) -> tuple[Frame, LoopEntry]:
        block_type = self.signatures.block_type(instr.immediates[0])
        height = len(self.stack) - len(block_type.params)
        order = self.make("loop", STATE, (self.state[-1],))
        self.state = (*self.state[:-1], order)
        values = self._carried(position, height)
        length = self.nesting.end(position) - position
        entry = LoopEntry(position, length, self.guard, values)
        region = Region(self.region, self.guard)
        for key, passed in self.region.checked.items():
            for strength in sorted({strength for _, strength in passed}, reverse=True):
                guards = [guard for guard, known in passed if known >= strength]
                if self.diagrams.covers(guards, self.guard):
                    region.checked[key] = [(self.diagrams.true, strength)]
                    break
        return Frame("loop", position, block_type, height, region), entry

    def _carried(self, position: int, height: int) -> dict[Slot, Term]:
        """What the loop at `position` may change, with its values now."""
        assigned, instrs = self.nesting.loop_contents(position)
        values: dict[Slot, Term] = {("local", index): self.locals[index] for index in assigned}
        for component in changed_components(self.layout, instrs):
            values["state", component] = self.state[component]
        for number, value in enumerate(self.stack[height:]):
            values["param", number] = value
        return values

    def _loop_end(self, frame: Frame) -> LoopEnd:
        """Control falls out of the loop at its `end`; what went back to the header is joined."""
        back = self._join(frame.edges)
        if not frame.edges:
            return LoopEnd(self.diagrams.false, {}, frame.region)
        assigned, instrs = self.nesting.loop_contents(frame.position)
        values: dict[Slot, Term] = {("local", index): back.locals[index] for index in assigned}
        for component in changed_components(self.layout, instrs):
            values["state", component] = back.state[component]
        for number, value in enumerate(back.values):
            values["param", number] = value
        return LoopEnd(back.guard, values, frame.region)

    def _leave_loop(self, frame: Frame) -> None:
        self.frames.pop()
        region = frame.region
        if region.parent is None:
            raise UnsupportedError("a loop outside the function")
        self.guard = self.diagrams.within(region.entry_guard, self.guard)
        self.region = region.parent

    # -- the operand stack -------------------------------------------------------------------

    def pop(self) -> Term:
        """Take the top operand."""
        if len(self.stack) <= self.frames[-1].height:
            raise UnsupportedError("operand stack underflow")
        return self.stack.pop()

    def pop_many(self, count: int) -> list[Term]:
        """Take the `count` top operands, in the order they were pushed."""
        start = len(self.stack) - count
        if start < self.frames[-1].height:
            raise UnsupportedError("operand stack underflow")
        values = self.stack[start:]
        del self.stack[start:]
        return values


class _LoopStart:
    """What was there when a loop was entered, to run its body from the top again."""

    def __init__(self, execution: Execution, frame: Frame) -> None:
        self._locals: Final = execution.locals.copy()
        self._state: Final = execution.state
        self._stack: Final = execution.stack.copy()
        self._frames: Final = execution.frames.copy()
        self._edges: Final = [len(each.edges) for each in execution.frames]
        self._frame: Final = frame
        self._checked: Final = {key: list(known) for key, known in frame.region.checked.items()}

    def restore(self, execution: Execution, values: Answer) -> None:
        """Stand at the top of the body with these values for the slots it may change."""
        execution.locals = self._locals.copy()
        execution.stack = self._stack.copy()
        execution.frames = self._frames.copy()
        for frame, count in zip(self._frames, self._edges, strict=True):
            del frame.edges[count:]
        region = self._frame.region
        region.traps.clear()
        region.trace.clear()
        region.checked = {key: list(known) for key, known in self._checked.items()}
        state = list(self._state)
        for (kind, index), value in (values or {}).items():
            if kind == "local":
                execution.locals[index] = value
            elif kind == "state":
                state[index] = value
            else:
                execution.stack[self._frame.height + index] = value
        execution.state = tuple(state)
        execution.guard = execution.diagrams.true
        execution.region = region


def _initial_locals(code: Code, arena: Arena) -> list[Term]:
    """In a function, parameters are unknown and other locals have defaults; in a window, all
    are unknown.
    """
    known_from = len(code.local_types) if code.is_window else len(code.enclosing[0][1].params)
    return [
        arena.symbol(sort_of(value_type), ("local", index))
        if index < known_from
        else default_value(arena, sort_of(value_type), value_type)
        for index, value_type in enumerate(code.local_types)
    ]


def default_value(arena: Arena, sort: str, value_type: bytes) -> Term:
    """What a declared local holds at first."""
    if sort in BITS:
        return arena.constant(sort, 0)
    return arena.node("ref.null", REFERENCE, (), value_type)


_CONTROL: Final = frozenset(
    [
        *("block", "loop", "if", "br", "br_if", "br_table", "return", "unreachable"),
        *("br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail"),
        *("try_table", "try", "catch", "catch_all", "delegate", "rethrow"),
    ]
)
"""What `Execution.run` handles, or refuses, itself."""
