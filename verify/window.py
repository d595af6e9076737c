"""The smallest part of a function that a change is in, to be proved by itself.

What two versions have in common at both ends is trimmed.  The rest grows until it is whole
statements and whole structures of one level, with an empty operand stack at its start:

    prefix  [ window before ]  suffix
    prefix  [ window after  ]  suffix

If both windows, run from one arbitrary state, trap alike, run through the same calls, and leave
by the same exits with the same operands, the same state, and the same values in every local that
is read behind them, then either can stand for the other in this context, and both functions
behave alike.  The cost of a proof then follows the size of the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wasmopt.arity import NEVER, POSITIONAL, Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.structure import OPENERS
from wasmopt.types import FuncType, ValType
from wasmopt.verify.nesting import MalformedError

_END: Final = "end"


@dataclass(frozen=True, slots=True)
class Code:
    """Instructions to run and what is around them.

    Attributes:
        body: closes with an `end`.
        enclosing: kind and type of each structure that a branch can leave to, the function first;
            the last one is what the final `end` closes.
        local_types: of all locals, parameters first.
        live: locals that are compared where control leaves to anything but the function's end.
    """

    body: tuple[Instr, ...]
    enclosing: tuple[tuple[str, FuncType], ...]
    local_types: tuple[ValType, ...]
    live: frozenset[int] = frozenset()

    @property
    def is_window(self) -> bool:
        """Whether this is a part of a function, which starts in an unknown state."""
        return len(self.enclosing) > 1


def whole_function(function: Function, context: Context) -> Code:
    """The function as code to run."""
    func_type = context.signatures.func_type(function.type_index)
    local_types = (*func_type.params, *function.local_types())
    return Code(function.body, (("function", func_type),), local_types)


def find_window(before: Function, after: Function, context: Context) -> tuple[Code, Code] | None:
    """The parts that differ, or None where no part smaller than the function stands alone.

    Raises:
        MalformedError: the structure of a body is broken.
    """
    func_type = context.signatures.func_type(before.type_index)
    types = [(*func_type.params, *each.local_types()) for each in (before, after)]
    shared = min(map(len, types))
    if types[0][:shared] != types[1][:shared]:
        return None
    old, new = before.body, after.body
    start = _common_prefix(old, new)
    tail = _common_suffix(old, new, min(len(old), len(new)) - start)
    if tail == 0:
        return None
    survey = context.analysis(Survey, before)
    bounds = survey.grow(start, len(old) - tail, new[start : len(new) - tail])
    if bounds is None:
        return None
    start, stop = bounds
    parts = [old[start:stop], new[start : len(new) - (len(old) - stop)]]
    enclosing = survey.enclosing(start)
    if any(kind.startswith("try") for kind, _ in enclosing) and any(
        instr.effects & Effect.THROW for part in parts for instr in part
    ):
        return None
    in_loop = any(kind == "loop" for kind, _ in enclosing)
    outside = {*old[:start], *old[stop:]}
    if in_loop:
        outside.update(*parts)
    live = frozenset(
        [instr.immediates[0] for instr in outside if instr.name == "local.get"]
    ).intersection(range(shared))
    window = (*enclosing, ("window", FuncType()))
    close = (context.pool.make(_END),)
    first, second = [
        Code(part + close, window, local_types, live)
        for part, local_types in zip(parts, types, strict=True)
    ]
    return first, second


def _common_prefix(old: tuple[Instr, ...], new: tuple[Instr, ...]) -> int:
    """Instructions that both begin with; compared in halves, so most of it runs in C."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(old: tuple[Instr, ...], new: tuple[Instr, ...], most: int) -> int:
    return _common_prefix(old[len(old) - most :][::-1], new[len(new) - most :][::-1])


class Survey:
    """Where statements begin in a body, and what is around each of them."""

    def __init__(self, function: Function, context: Context) -> None:
        self._body: Final = function.body
        self._signatures: Final = context.signatures
        self._arities: Final = context.table(Arities)
        self._func_type: Final = context.signatures.func_type(function.type_index)
        self._depth: list[int] = []
        """Open structures at each position, the function counted."""
        self._starts: list[bool] = []
        """Whether a statement may begin here: the operand stack of the structure is empty."""
        self._scan()

    def _scan(self) -> None:
        outer: list[tuple[int, bool]] = []
        results: list[FuncType] = []
        height, typed = 0, True
        for instr in self._body:
            name = instr.name
            self._depth.append(len(outer) + 1)
            self._starts.append(typed and height == 0)
            if name in OPENERS:
                block_type = self._signatures.block_type(instr.immediates[0])
                outer.append((height - len(block_type.params) - (name == "if"), typed))
                results.append(block_type)
                height, typed = len(block_type.params), True
            elif name == "else":
                height, typed = len(_last(results).params), True
                self._starts[-1] = False
            elif name == _END:
                self._starts[-1] = False
                if outer:
                    height, typed = outer.pop()
                    height += len(results.pop().results)
            elif name in ("catch", "catch_all", "delegate"):
                raise MalformedError(f"no windows around {name}")
            elif instr.effects & Effect.UNREACHABLE_AFTER:
                typed = False
            elif name in ("br_if", "br_on_non_null"):
                height -= 1
            else:
                height += self._change(instr)
        if outer:
            raise MalformedError("a structure is not closed")

    def _change(self, instr: Instr) -> int:
        if instr.name.startswith("br_on_"):
            return 0
        arity = self._arities[instr]
        if arity == POSITIONAL or arity[1] == NEVER:
            raise MalformedError(f"unknown arity of {instr.name}")
        return arity[1] - arity[0]

    def enclosing(self, position: int) -> tuple[tuple[str, FuncType], ...]:
        """Kind and type of the structures around a position, the function first."""
        around: list[tuple[str, FuncType]] = []
        depth = self._depth[position]
        for at in range(position - 1, -1, -1):
            if self._depth[at] < depth:
                instr = self._body[at]
                around.append((instr.name, self._signatures.block_type(instr.immediates[0])))
                depth = self._depth[at]
        return (("function", self._func_type), *reversed(around))

    def grow(self, start: int, stop: int, other: tuple[Instr, ...]) -> tuple[int, int] | None:
        """Extend `start:stop`, which `other` replaces, to whole statements and structures.

        Returns:
            Where the window begins and ends in the body, or None when it is the whole body.
        """
        depth = self._depth[start] + min(
            _lowest_level(self._body[start:stop]), _lowest_level(other)
        )
        begin = start
        while True:
            while begin >= 0 and not (self._depth[begin] == depth and self._starts[begin]):
                if self._depth[begin] < depth:
                    depth = self._depth[begin]
                    continue
                if self._depth[begin] == depth and self._body[begin].name == "else":
                    depth -= 1
                begin -= 1
            if begin < 0:
                return None
            end = max(stop, begin)
            while end < len(self._body) and self._depth[end] != depth:
                end += 1
            lowest = min(self._depth[begin:end], default=depth)
            if lowest >= depth:
                break
            depth = lowest
        if depth == 1 and begin == 0 and end >= len(self._body) - 1:
            return None
        return begin, end


def _lowest_level(part: tuple[Instr, ...]) -> int:
    """How far the part leaves the structure it begins in: 0 or below."""
    level = lowest = 0
    for instr in part:
        name = instr.name
        if name in OPENERS:
            level += 1
        elif name == _END:
            level -= 1
            lowest = min(lowest, level)
        elif name == "else":
            lowest = min(lowest, level - 1)
    return lowest


def _last(types: list[FuncType]) -> FuncType:
    if not types:
        raise MalformedError("else without if")
    return types[-1]
