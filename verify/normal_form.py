"""The normal form of one body: what is left when everything that cannot matter is taken out.

The form of a version is made from that version alone, by steps each of which keeps its meaning.
So two versions with the same form, up to the names of locals, do the same (`same_text`).

A body is read as a list of *items*: reachable instructions with the values they take.  WebAssembly
fixes, by validation, which instruction pushed each value and which one takes it, so the operand
stack is only a notation for those edges, and so are `drop`, `nop`, the order in which values
are thrown away, and the brackets of constructs that nothing branches to.  The steps:

Unreachable code is not read (`live_code`): no execution gets there.  The results of a construct
    that never completes are forgotten: no value ever passes its end.
Constructs that nobody branches to are dissolved: brackets without a label do nothing.  Their
    parameters and results are the same values inside and outside.  A branch that falls, see
    `live_code`, is nothing: control and values arrive where they would without it.
Labels become the number of constructs, dissolved ones not counted, between the branch and the
    place it goes to (`live_code`); `return` is a branch to the function body.
A dropped value is marked where it is made.  `A drop` and `A B drop'`, where B is any code in
    between and the drop' takes the value of A, are the same: B cannot see a value below its
    operands.  If B branches out, the value is thrown away by unwinding instead.  Were it passed
    on by the branch, it would be an operand of that branch, and the branch, not A, would have
    pushed the value that is dropped.  What lies on the stack when control leaves for good
    (`br`, `return`, `unreachable`, ...) and is no operand of the leaving is dropped as well.
A dropped value whose instruction has no effect and cannot trap (`REMOVABLE`) is not computed,
    and its operands are dropped.  A dropped `local.get` is nothing; a dropped `local.tee` is a
    `local.set`.  A dropped result of a construct is not a result any more, and each value that
    would have become it is dropped, if all ways to the end are unconditional (a conditional
    branch keeps a copy of its operands).
A local that no reachable code reads: `local.set` drops its operand, `local.tee` is nothing.
Neighbours: `get x set x` is nothing, `get x tee x` is `get x`, `set x get x` is `tee x`,
    `tee x set x` is `set x`, `tee x tee x` is `tee x`: between them nothing can write x.
`if` without `else` has an empty one.  An `if` with two empty arms drops its condition.

Every step only takes items out, so a few rounds of all of them reach an end or are cut short; a
form that is not as short as it could be is still a form.

Sources: WebAssembly 3.0, Validation (appendix A.3, for the edges) and Execution, Instructions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import OPCODES, Effect
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
MAX_ROUNDS: Final = 8

_HARMLESS: Final = Effect.READ_MEMORY | Effect.READ_GLOBAL | Effect.READ_TABLE
"""Effects of an instruction that can be left out when nobody wants its value."""
REMOVABLE: Final = frozenset(
    [op.mnemonic for op in OPCODES if op.results and not op.effects & ~_HARMLESS]
    + "select select_t global.get ref.null ref.is_null ref.func ref.eq ref.i31".split()
    + "ref.test ref.test_null any.convert_extern extern.convert_any".split()
)
"""Instructions with one result, which cannot trap and change nothing.  Those whose stack type the
opcode table leaves open are named, so that a new row is not taken for one of them."""
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


@dataclass(frozen=True, slots=True, eq=False)
class NormalForm:
    """What is left of one body.

    Attributes:
        text: instructions, descriptions of control, and `GET`, `SET`, `TEE`.
        locals: for each local access in `text`, in order, which local.
    """

    text: list[object]
    locals: list[int]


def normal_form(function: Function, context: Context) -> NormalForm:
    """The normal form of a function's body.

    Raises:
        NotCoveredError: legacy exceptions, or the body is not valid.
    """
    reading = _Reading(function, context)
    for step in live_code(function, context.signatures):
        reading.step(step)
    return _Reduction(reading).form()


class _Rows(dict[Instr, tuple[int, int, object]]):
    """Instruction -> how many values it pops and pushes, and its token; None for drop and nop."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._arities: Final = context.table(Arities)

    def __missing__(self, instr: Instr) -> tuple[int, int, object]:
        pops, pushes = self._arities[instr]
        if pops < 0 or pushes < 0:
            raise NotCoveredError(f"{instr.name} among straight-line code")
        token: object = instr
        if instr.name in _LOCAL_ACCESSES:
            token = 4 * instr.immediates[0] + _LOCAL_ACCESSES[instr.name]
        elif instr.name in ("drop", "nop"):
            token = None
        row = self[instr] = (pops, pushes, token)
        return row


@dataclass(slots=True, eq=False)
class _Frame:
    """An open construct.

    Attributes:
        depth: how many constructs that stay are open around it; -1 for one that is dissolved.
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


Operands = int | tuple[int, ...] | None


class _Reading:
    """Items of one body, found by a walk over its reachable code.

    A value has the number of its item.  An item with several results, and a construct, is
    followed by one item for each result, with the token None.

    Attributes:
        tokens: for each item an instruction, a local access, a `_Frame` (its opener), a
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
        self.origins: Final[dict[int, tuple[_Frame | None, int]]] = {}
        self.dropped: Final[list[int]] = []
        self.values: list[int] = []
        self.frames: Final[dict[Construct, _Frame]] = {}
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

    def _push(self, count: int, frame: _Frame | None = None) -> list[int]:
        """Push results that are items of their own."""
        first = len(self.tokens)
        for place in range(count):
            self.origins[self._item(None)] = (frame, place)
        results = list(range(first, first + count))
        self.values += results
        return results

    def _frame(self, construct: Construct) -> _Frame:
        """The frame of a construct; the function body has one without having been opened."""
        if construct not in self.frames:
            self.frames[construct] = _Frame(construct, 0)
        return self.frames[construct]

    def _depth(self, frame: _Frame) -> int:
        if frame.depth < 0:
            raise NotCoveredError("a branch to a construct that was dissolved")
        return self.open - frame.depth

    def _open(self, step: Step) -> None:
        construct = _the(step)
        params = len(construct.type.params)
        frame = self.frames[construct] = _Frame(construct, -1)
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

    def _keep(self, target: _Frame) -> int:
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

    def _arrive(self, frame: _Frame, reached: bool) -> None:
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
    OPEN: _Reading._open,
    ELSE: _Reading._else,
    END: _Reading._end,
    FALL: _Reading._fall,
    BRANCH: _Reading._branch,
    LEAVE: _Reading._leave,
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


class _Reduction:
    """Takes out items until nothing more can go.

    Attributes:
        order: the items that may be left, in order.
        same: value -> the value that it is a copy of.
        reads: access -> how often it is left.
        writes: local -> the items that write it.
        dropped, unread: values and locals that nothing takes any more, not yet followed up.
    """

    def __init__(self, reading: _Reading) -> None:
        self.tokens: Final = reading.tokens
        self.operands: Final = reading.operands
        self.origins: Final = reading.origins
        self.dropped: Final = reading.dropped
        self.order = list(range(len(self.tokens)))
        self.same: Final[dict[int, int]] = {}
        accesses = [(item, token) for item, token in enumerate(self.tokens) if type(token) is int]
        self.reads: Final = Counter([token for _, token in accesses])
        self.writes: Final[dict[int, list[int]]] = {}
        for item, access in accesses:
            if access & 3 != GET:
                self.writes.setdefault(access >> 2, []).append(item)
        self.unread: Final = [local for local in self.writes if not self.reads[4 * local + GET]]

    def form(self) -> NormalForm:
        """What is left at the end."""
        for _ in range(MAX_ROUNDS):
            self._follow_up()
            self._sweep()
            if not self.dropped and not self.unread:
                break
        self._follow_up()
        text: list[object] = []
        accessed: list[int] = []
        for item in self.order:
            token = self.tokens[item]
            if type(token) is int:
                text.append(token & 3)
                accessed.append(token >> 2)
            elif type(token) is _Frame:
                text.append(token.description())
            elif token is not None:
                text.append(token)
        return NormalForm(text, accessed)

    def _follow_up(self) -> None:
        """Take out what makes dropped values, and what writes unread locals."""
        while self.dropped or self.unread:
            while self.dropped:
                self._drop(self._value(self.dropped.pop()))
            if self.unread:
                for item in self.writes.get(self.unread.pop(), ()):
                    self._remove_write(item)

    def _value(self, value: int) -> int:
        """The value that this one is a copy of in the end."""
        same = self.same
        while value in same:
            further = same[value]
            if further in same:
                same[value] = same[further]
            value = further
        return value

    def _drop(self, value: int) -> None:
        """Nothing takes this value."""
        tokens, token = self.tokens, self.tokens[value]
        if token is None:
            frame, place = self.origins[value]
            if frame is None or frame.conditional:
                tokens[value] = ("drop", place)
            else:
                frame.kept[place] = False
                self.dropped.extend([edge[place] for edge in frame.edges])
        elif type(token) is int:
            if token & 3 == TEE:
                tokens[value] = token - TEE + SET
            else:
                tokens[value] = None
                self._unread(token >> 2)
        elif isinstance(token, Instr) and token.name in REMOVABLE:
            tokens[value] = None
            operands = self.operands[value]
            if isinstance(operands, int):
                self.dropped.append(operands)
            elif operands is not None:
                self.dropped.extend(operands)
        else:
            tokens[value] = ("drop", token)

    def _unread(self, local: int) -> None:
        """One read of the local is gone."""
        access = 4 * local + GET
        self.reads[access] -= 1
        if not self.reads[access]:
            self.unread.append(local)

    def _remove_write(self, item: int) -> None:
        """Take out a write to a local that nothing reads, if it is still there."""
        token, operand = self.tokens[item], self.operands[item]
        if type(token) is not int or not isinstance(operand, int):
            return
        self.tokens[item] = None
        if token & 3 == SET:
            self.dropped.append(operand)
        else:
            self.same[item] = operand

    def _sweep(self) -> None:
        """Take out neighbours that cancel, and empty arms."""
        tokens = self.tokens
        left: list[int] = []
        for item in self.order:
            token = tokens[item]
            if token is None:
                continue
            if left:
                last = tokens[left[-1]]
                if type(token) is int:
                    if type(last) is int and last >> 2 == token >> 2:
                        self._meet(left, item, last & 3, token & 3)
                        continue
                elif token == "end" and last == "else" and self._is_empty(left):
                    tokens[left.pop()] = tokens[item] = None
                    opener = left.pop()
                    tokens[opener] = None
                    condition = self.operands[opener]
                    if isinstance(condition, int):
                        self.dropped.append(condition)
                    continue
            left.append(item)
        self.order = left

    def _is_empty(self, left: list[int]) -> bool:
        """Whether the `else` at the end of `left` stands right behind an `if` without values."""
        opener = self.tokens[left[-2]]
        return type(opener) is _Frame and not opener.type.params and not any(opener.kept)

    def _meet(self, left: list[int], item: int, first: int, second: int) -> None:
        """Two accesses to the same local, the first one at the end of `left`."""
        tokens, operands = self.tokens, self.operands
        previous = left[-1]
        access = tokens[previous]
        if first == SET and second == GET and isinstance(access, int):
            tokens[previous] = access - SET + TEE
            tokens[item] = None
            self.same[item] = previous
            self._unread(access >> 2)
        elif second == TEE and first != SET:
            tokens[item] = None
            self.same[item] = previous
        elif second == SET and first == GET and isinstance(access, int):
            left.pop()
            tokens[previous] = tokens[item] = None
            self._unread(access >> 2)
        elif second == SET and first == TEE:
            left.pop()
            tokens[previous] = None
            operands[item] = operands[previous]
            left.append(item)
        else:
            left.append(item)
