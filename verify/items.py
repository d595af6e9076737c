"""The items of one body: reachable instructions with the values they take and leave.

WebAssembly fixes, by validation, which instruction pushed each value and which one takes it.  One
walk over the reachable code with a stack of value numbers writes that down, and with it where
each branch goes in terms of the constructs that stay (`live_code`).  What the items mean, and
what may be taken out of them, is the business of `normal_form`.

Source: WebAssembly 3.0, Validation Algorithm (appendix A.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool, MemArg
from wasmopt.types import ValType
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

GET, SET, TEE = 0, 1, 2
"""An access to local x is the number 4 * x + one of these."""

Operands = int | tuple[int, ...] | None

_LOCAL_ACCESSES: Final = {"local.get": GET, "local.set": SET, "local.tee": TEE}
_LABEL_KINDS: Final = frozenset(["label", "labels", "catches"])
_CONDITIONAL: Final = {
    "br_if": (1, 0),
    "br_on_null": (1, 1),
    "br_on_non_null": (0, -1),
    "br_on_cast": (0, 0),
    "br_on_cast_fail": (0, 0),
}
"""What conditional branches pop and push beyond the values that their label takes."""


def items(function: Function, context: Context, *, join_ends: bool) -> Items:
    """The items of a function's body; `join_ends` as for `live_code`.

    Raises:
        NotCoveredError: legacy exceptions, or the body is not valid.
    """
    found = Items(function, context)
    for step in live_code(function, context.signatures, join_ends=join_ends):
        found.step(step)
    return found


class _Rows(dict[Instr, tuple[int, int, object]]):
    """Instruction -> how many values it pops and pushes, and its token; None for drop and nop.

    Accesses that differ in the hint at alignment have one token.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._arities: Final = context.table(Arities)
        self._pool: Final = context.pool

    def __missing__(self, instr: Instr) -> tuple[int, int, object]:
        pops, pushes = self._arities[instr]
        if pops < 0 or pushes < 0:
            raise NotCoveredError(f"{instr.name} among straight-line code")
        token: object = instr
        if instr.name in _LOCAL_ACCESSES:
            token = 4 * instr.immediates[0] + _LOCAL_ACCESSES[instr.name]
        elif instr.name in ("drop", "nop"):
            token = None
        elif "memarg" in instr.op.immediates and ".atomic." not in instr.name:
            token = _without_hint(instr, self._pool)
        row = self[instr] = (pops, pushes, token)
        return row


def _without_hint(instr: Instr, pool: InstrPool) -> Instr:
    """The access with the lowest hint at alignment: the hint has no semantics (spec 3.0, Execution,
    Memory Instructions).
    """
    immediates = [
        each._replace(align=0) if isinstance(each, MemArg) else each for each in instr.immediates
    ]
    return pool.make(instr.name, *immediates)


@dataclass(slots=True, eq=False)
class Frame:
    """An open construct.

    Attributes:
        depth: how many constructs that stay are open, itself included but not the function
            body; -1 for one that is dissolved.
        height: for a dissolved one, how many of the values around it are not its parameters.
        outer: for one that stays, the values around it.
        kept: for each result whether it still is one.
        edges: the values that become results, for each way to the end.
        conditional: some way to the end keeps a copy of the values, or makes them.
    """

    construct: Construct
    depth: int
    height: int = 0
    outer: list[int] = field(default_factory=list)
    catches: tuple[tuple[int, int | None, int], ...] = ()
    kept: list[bool] = field(default_factory=list)
    edges: list[list[int]] = field(default_factory=list)
    conditional: bool = False

    def labelled(self) -> tuple[ValType, ...]:
        """Types of the values that a branch to its label takes."""
        construct = self.construct
        return construct.type.params if construct.name == "loop" else construct.type.results

    def description(self) -> object:
        """Its opener in the text."""
        construct = self.construct
        results = tuple(compress(construct.type.results, self.kept))
        return (construct.name, construct.type.params, results, self.catches)


class Items:
    """Items of one body, found by a walk over its reachable code.

    A value has the number of its item.  An item with several results, and a construct, is
    followed by one item for each result, with the token None.

    Attributes:
        tokens: for each item an instruction, a local access, a `Frame` (its opener), a
            description of control, or None.
        operands: for each item the values it takes, where they may have to be dropped.
        origins: for a result item: of which construct, if it ends one, and which result.
        dropped: values that nothing takes.
        values: the operand stack of the innermost construct that stays.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.rows: Final = context.table(_Rows)
        self.arities: Final = context.table(Arities)
        self.body: Final = function.body
        self.tokens: Final[list[object]] = []
        self.operands: Final[list[Operands]] = []
        self.origins: Final[dict[int, tuple[Frame | None, int]]] = {}
        self.dropped: Final[list[int]] = []
        self.values: list[int] = []
        self.frames: Final[dict[Construct, Frame]] = {}
        self.open = 0

    def step(self, step: Step) -> None:
        """Read one step."""
        if step.begin != step.index:
            self._straight_line(self.body[step.begin : step.index])
        _STEPS[step.kind](self, step)

    def _straight_line(self, run: Sequence[Instr]) -> None:
        rows, values, tokens, operands = self.rows, self.values, self.tokens, self.operands
        for instr in run:
            pops, pushes, token = rows[instr]
            if token is None:
                if pops:
                    self.dropped.append(values.pop())
                continue
            if not pops:
                operands.append(None)
            elif pops == 1:
                operands.append(values.pop())
            elif pops == 2:
                upper = values.pop()
                operands.append((values.pop(), upper))
            else:
                operands.append(tuple(self._take(pops)))
            tokens.append(token)
            if pushes == 1:
                values.append(len(tokens) - 1)
            elif pushes:
                self._push(pushes)

    def _take(self, count: int) -> list[int]:
        """Pop some values, the deepest first."""
        split = len(self.values) - count
        if split < 0:
            raise NotCoveredError("operands are missing")
        taken = self.values[split:]
        del self.values[split:]
        return taken

    def _item(self, token: object, operands: Operands = None) -> int:
        self.tokens.append(token)
        self.operands.append(operands)
        return len(self.tokens) - 1

    def _push(self, count: int, frame: Frame | None = None) -> list[int]:
        """Push results that are items of their own."""
        first = len(self.tokens)
        for place in range(count):
            self.origins[self._item(None)] = (frame, place)
        results = list(range(first, first + count))
        self.values += results
        return results

    def _frame(self, construct: Construct) -> Frame:
        """The frame of a construct; the function body has one without having been opened."""
        if construct not in self.frames:
            self.frames[construct] = Frame(construct, 0)
        return self.frames[construct]

    def _depth(self, frame: Frame) -> int:
        if frame.depth < 0:
            raise NotCoveredError("a branch to a construct that was dissolved")
        return self.open - frame.depth

    def _open(self, step: Step) -> None:
        construct = _the(step)
        params = len(construct.type.params)
        frame = self.frames[construct] = Frame(construct, -1)
        frame.kept = [True] * len(construct.type.results)
        if construct.dissolves:
            frame.height = len(self.values) - params
            _require(frame.height >= 0)
            return
        condition = self.values.pop() if construct.name == "if" else None
        self._take(params)
        if step.targets:
            written = self.body[step.index].immediates[1]
            clauses = zip(written, map(self._frame, step.targets), strict=True)
            frame.catches = tuple([(c.kind, c.tag, self._keep(target)) for c, target in clauses])
        self.open += 1
        frame.depth = self.open
        frame.outer = self.values
        self.values = []
        self._item(frame, condition)
        self._push(params)

    def _keep(self, target: Frame) -> int:
        """Note a way to a label that keeps its values; the depth of the label."""
        target.conditional |= target.construct.name != "loop"
        return self._depth(target)

    def _else(self, step: Step) -> None:
        frame = self.frames[_the(step)]
        self._arrive(frame, step.reached)
        self._item("else")
        self._push(len(frame.construct.type.params))

    def _end(self, step: Step) -> None:
        construct = _the(step)
        frame = self._frame(construct)
        results = len(construct.type.results)
        if frame.depth < 0:
            _require(not construct.completes or len(self.values) == frame.height + results)
            return
        self._arrive(frame, step.reached)
        if not construct.name:
            return
        if construct.name == "if" and not construct.divided:
            self._item("else")
            self._push(len(construct.type.params))
            self._arrive(frame, reached=True)
        self._item("end")
        self.open -= 1
        self.values = frame.outer
        if construct.completes:
            self._push(results, frame)
        else:
            frame.kept = [False] * results

    def _arrive(self, frame: Frame, reached: bool) -> None:
        """Close an arm of a construct that stays."""
        if reached:
            _require(len(self.values) == len(frame.construct.type.results))
            frame.edges.append(self.values)
        self.values = []

    def _fall(self, step: Step) -> None:
        frame = self._frame(_the(step))
        results = self._take(len(frame.construct.type.results))
        _require(len(self.values) >= frame.height)
        self.dropped.extend(self.values[frame.height :])
        if frame.depth < 0:
            self.values[frame.height :] = results
        else:
            frame.edges.append(results)
            self.values = []

    def _branch(self, step: Step) -> None:
        instr = self.body[step.index]
        (target,) = map(self._frame, step.targets)
        pops, pushes = _CONDITIONAL[instr.name]
        carried = len(target.labelled())
        self._take(carried + pops)
        item = self._item(_branch_token(instr, (self._keep(target),)))
        if carried + pushes == 1:
            self.values.append(item)
        else:
            self._push(carried + pushes)

    def _leave(self, step: Step) -> None:
        instr = self.body[step.index]
        targets = [self._frame(target) for target in step.targets]
        if instr.name in ("br", "return"):
            carried = self._take(len(targets[0].labelled()))
            if targets[0].construct.name != "loop":
                targets[0].edges.append(carried)
            self._item(("br", (self._depth(targets[0]),), ()))
        elif targets:
            self._take(1 + len(targets[-1].labelled()))
            depths = tuple(map(self._keep, targets))
            self._item(_branch_token(instr, depths))
        else:
            self._take(self.arities[instr][0])
            self._item(instr)
        self.dropped.extend(self.values)
        self.values = []


_STEPS: Final = {
    OPEN: Items._open,
    ELSE: Items._else,
    END: Items._end,
    FALL: Items._fall,
    BRANCH: Items._branch,
    LEAVE: Items._leave,
}


def _the(step: Step) -> Construct:
    if step.construct is None:
        raise NotCoveredError("a step without its construct")
    return step.construct


def _require(condition: bool) -> None:
    if not condition:
        raise NotCoveredError("values are missing or left over")


def _branch_token(instr: Instr, depths: tuple[int, ...]) -> object:
    """A branch in the text: where it goes, and what else its immediates say."""
    pairs = zip(instr.op.immediates, instr.immediates, strict=True)
    return (instr.name, depths, tuple([value for kind, value in pairs if kind not in _LABEL_KINDS]))
