"""The operand stack made explicit: who produces each value, who consumes it, what is reachable.

WebAssembly is postfix, so the operands of an instruction are the code right before it: the span
`[starts[i], i]` leaves the results of instruction i and touches nothing below.  One forward pass
with a stack of value numbers finds all that; types are left to the validator.

Two kinds of unreachable code are told apart.  Behind an unconditional branch the stack is
*polymorphic* up to the next `else`, `catch` or `end`: values there have no producers and are not
tracked.  Behind a block that never completes the stack is still typed and tracked, but
`reachable` is 0 as well.

Source: WebAssembly 3.0, Validation Algorithm (appendix A.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from wasmopt.arity import NEVER, Arities, Arity
from wasmopt.context import Context
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.structure import BODY, CLOSERS, DIVIDERS, OPENERS, structure
from wasmopt.types import FuncType

NO_SPAN: Final = -1
"""Start of a span that does not exist, see `Stack.starts`."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Values of one body, numbered in the order in which they are pushed.

    Attributes:
        starts: for each instruction, where the code of its operands begins; its own index when
            it takes none; for the `end` of a block, the start of the block's opener.  `NO_SPAN`
            where operands are block parameters or some of the results of an instruction that
            leaves more, for `else` and `catch`, and in polymorphic code.
        heights: number of values below each instruction, -1 in polymorphic code.  For `else`,
            `catch` and `end` behind polymorphic code: what its construct was entered with.
        reachable: 1 where control can arrive.  An `end` is reached by falling into it or by a
            branch to it, an `else` or `catch` when its opener is.
        polymorphic: 1 where the stack is polymorphic; calls, branches and blocks there have
            neither operands nor results.
        producers: for each value the instruction that pushed it: for a block parameter the
            opener or `else`, for a block result the `end`.
        consumers: for each value the instruction that popped it, -1 if a branch threw it away.
    """

    starts: list[int]
    heights: list[int]
    reachable: bytearray
    polymorphic: bytearray
    producers: list[int]
    consumers: list[int]
    _operands: list[int]
    _operand_ends: list[int]
    _result_ends: list[int]

    def operands(self, index: int) -> list[int]:
        """The values that an instruction pops, the deepest first."""
        return self._operands[self._operand_ends[index] : self._operand_ends[index + 1]]

    def counts(self) -> list[int]:
        """How many values each instruction pops."""
        return [end - start for start, end in pairwise(self._operand_ends)]

    def results(self, index: int) -> range:
        """The values that an instruction pushes, the deepest first."""
        return range(self._result_ends[index], self._result_ends[index + 1])


@dataclass(slots=True)
class _Frame:
    """An open construct.

    Attributes:
        base: height of the stack that its code cannot reach below.
        entered: whether control can arrive at its opener.
        boundaries: its clauses still ahead and its `end`, the next one last.
        completes: whether control can arrive at its `end`, as far as is known.
    """

    opener: int
    name: str
    type: FuncType
    base: int
    entered: bool
    boundaries: list[int]
    completes: bool = False


_BRANCH_ARITIES: Final[dict[str, Arity]] = {
    "br": (0, NEVER),
    "br_table": (1, NEVER),
    "br_if": (1, 0),
    "br_on_null": (1, 1),
    "br_on_non_null": (0, -1),
    "br_on_cast": (0, 0),
    "br_on_cast_fail": (0, 0),
}
"""What branches pop and push beyond the values that their (last) label takes."""
_GOES_ON: Final = frozenset(_BRANCH_ARITIES) - {"br", "br_table"}


def stack(function: Function, context: Context) -> Stack:
    """The operand stack of a function's body.

    Raises:
        ValidationError: operands are missing or left over, or an index names nothing.
    """
    walk = _Walk(function, context)
    walk.run(context.table(Arities))
    return walk.stack


class _Walk:
    """The forward pass.

    Attributes:
        values: what is on the stack.
        spans: for each value ever pushed, where its code starts.
        live: whether control arrives here.
        typed: whether the stack is known here.
    """

    def __init__(self, function: Function, context: Context) -> None:
        size = len(function.body)
        self.body: Final = function.body
        self.shape: Final = context.analysis(structure, function)
        self.signatures: Final = context.signatures
        starts, heights = list(range(size)), [0] * size
        ends = [0] * (size + 1)
        self.stack: Final = Stack(
            starts, heights, bytearray(size), bytearray(size), [], [], [], ends, ends.copy()
        )
        self.values: Final[list[int]] = []
        self.spans: Final[list[int]] = []
        results = self.signatures.func_type(function.type_index).results
        self.frames = [_Frame(BODY, "", FuncType((), results), 0, True, [size - 1])]
        self.frame_of = {BODY: self.frames[0]}
        self.live = True
        self.typed = True

    def run(self, arities: Arities) -> None:
        """Walk the body; what `pop` and `push` do is spelled out here for the common case."""
        values, spans, stack = self.values, self.spans, self.stack
        producers, consumers, operands = stack.producers, stack.consumers, stack._operands
        starts, heights, reachable = stack.starts, stack.heights, stack.reachable
        operand_ends, result_ends = stack._operand_ends, stack._result_ends
        base = resume = 0
        live = True
        for index, instr in enumerate(self.body):
            if index < resume:
                continue
            heights[index] = height = len(values)
            pops, pushes = arities[instr]
            if pushes == NEVER:
                starts[index] = self.control(index, instr, pops)
                base, live = self.frames[-1].base, self.live
                if not self.typed:
                    resume = self.frames[-1].boundaries[-1]
            else:
                if live:
                    reachable[index] = 1
                start = index
                if not pops:
                    pass
                elif pops <= 2 and height - base >= pops:
                    value = values.pop()
                    consumers[value] = index
                    if pops == 2:
                        upper, value = value, values.pop()
                        consumers[value] = index
                        operands += value, upper
                    else:
                        operands.append(value)
                    starts[index] = start = spans[value]
                else:
                    starts[index] = start = self.pop(index, pops)
                if pushes == 1:
                    values.append(len(spans))
                    spans.append(start)
                    producers.append(index)
                    consumers.append(-1)
                elif pushes:
                    self.push(index, pushes, start)
            operand_ends[index + 1] = len(operands)
            result_ends[index + 1] = len(producers)
            if resume > index:
                self.skip(index, resume)

    def pop(self, index: int, count: int) -> int:
        """Pop the operands of an instruction; the start of their span."""
        if not count:
            return index
        values, consumers = self.values, self.stack.consumers
        if len(values) - self.frames[-1].base < count:
            raise _error(index, self.body[index], f"takes {count} operands, too few are there")
        taken = values[-count:]
        del values[-count:]
        for value in taken:
            consumers[value] = index
        self.stack._operands.extend(taken)
        return self.spans[taken[0]]

    def push(self, index: int, count: int, start: int) -> None:
        """Push the results of an instruction, whose span starts at `start`."""
        for _ in range(count):
            self.values.append(len(self.spans))
            self.spans.append(start)
            self.stack.producers.append(index)
            self.stack.consumers.append(-1)
            start = NO_SPAN

    def control(self, index: int, instr: Instr, pops: int) -> int:
        """Walk over an instruction whose arity depends on its place; the start of its span."""
        name = instr.name
        if name in OPENERS:
            return self.open(index, instr)
        if name in DIVIDERS:
            return self.divide(index, instr)
        if name in CLOSERS:
            return self.close(index)
        self.stack.reachable[index] = self.live
        pushes = NEVER
        if name in _BRANCH_ARITIES:
            label = self.branch(index)
            more, kept = _BRANCH_ARITIES[name]
            pops = label + more
            pushes = label + kept if name in _GOES_ON else NEVER
        elif name == "return":
            pops = len(self.frames[0].type.results)
        start = self.pop(index, pops)
        if pushes == NEVER:
            self.live = self.typed = False
        else:
            self.push(index, pushes, start)
        return start

    def branch(self, index: int) -> int:
        """Note where a branch may go; how many values its last label takes."""
        frame = self.frames[0]
        for target in self.shape.targets[index]:
            frame = self.frame_of[target]
            if self.live and frame.name != "loop":
                frame.completes = True
        return len(frame.type.params if frame.name == "loop" else frame.type.results)

    def open(self, index: int, instr: Instr) -> int:
        """Enter a block."""
        self.stack.reachable[index] = self.live
        block_type = self.named_type(index, instr)
        if instr.name == "try_table":
            self.branch(index)
        start = self.pop(index, len(block_type.params) + (instr.name == "if"))
        boundaries = [self.shape.ends[index], *reversed(self.shape.dividers.get(index, ()))]
        frame = _Frame(index, instr.name, block_type, len(self.values), self.live, boundaries)
        self.frames.append(frame)
        self.frame_of[index] = frame
        self.push(index, len(block_type.params), NO_SPAN)
        return start

    def divide(self, index: int, instr: Instr) -> int:
        """From one arm or handler to the next."""
        frame = self.frames[-1]
        self.leave(index, frame)
        self.live = frame.entered
        self.stack.reachable[index] = self.live
        params = 0
        if instr.name == "else":
            params = len(frame.type.params)
        elif instr.name == "catch":
            params = len(self.named_type(index, instr).params)
        self.push(index, params, NO_SPAN)
        return NO_SPAN

    def close(self, index: int) -> int:
        """Leave a block."""
        frame = self.frames[-1]
        self.leave(index, frame)
        one_armed = frame.name == "if" and frame.opener not in self.shape.dividers
        self.live = frame.completes or (one_armed and frame.entered)
        self.stack.reachable[index] = self.live
        if frame.opener == BODY:
            return 0
        self.frames.pop()
        start = self.stack.starts[frame.opener]
        self.push(index, len(frame.type.results), start)
        return start

    def leave(self, index: int, frame: _Frame) -> None:
        """Fall into the end of an arm, a handler or a block."""
        frame.boundaries.pop()
        if self.typed:
            results = len(frame.type.results)
            extra = len(self.values) - frame.base - results
            if extra > 0:
                raise _error(index, self.body[index], f"finds {extra} values too many")
            self.pop(index, results)
            frame.completes |= self.live
        self.typed = True

    def skip(self, index: int, resume: int) -> None:
        """Pass over the polymorphic code between an unconditional branch and `resume`."""
        stack, length = self.stack, resume - index - 1
        stack.polymorphic[index + 1 : resume] = b"\1" * length
        stack.starts[index + 1 : resume] = [NO_SPAN] * length
        stack.heights[index + 1 : resume] = [-1] * length
        stack._operand_ends[index + 2 : resume + 1] = [len(stack._operands)] * length
        stack._result_ends[index + 2 : resume + 1] = [len(stack.producers)] * length
        del self.values[self.frames[-1].base :]

    def named_type(self, index: int, instr: Instr) -> FuncType:
        """The type of a block or a tag."""
        (name,) = instr.immediates[:1]
        try:
            if instr.name == "catch":
                return self.signatures.func_type(self.signatures.tags[name])
            return self.signatures.block_type(name)
        except (IndexError, TypeError):
            raise _error(index, instr, "names nothing that fits") from None


def _error(index: int, instr: Instr, problem: str) -> ValidationError:
    return ValidationError(f"instruction {index}, `{instr.name}`, {problem}")
