"""Which code of a body control can reach, and which constructs anything reachable branches to.

One pass over the control instructions turns a body into *steps*: stretches of reachable code, each
closed by a control instruction.  Code behind an unconditional branch, and behind a construct that
never completes, is in no step.

A branch is a *fall* when it does what falling out of the end of its construct would do: it is
unconditional, goes to the end of that construct (or of the function, as `return` does), and the
constructs it leaves on the way are blocks and loops that nothing reachable branches to.  Behind
it nothing of those can be reached, so that they end right there.  Falls do not count as uses.

Source: WebAssembly 3.0, Execution, Control Instructions (labels and unwinding).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import OPCODES, Effect
from wasmopt.structure import labels
from wasmopt.validate import LEGACY_EXCEPTIONS

OPEN: Final = "open"
ELSE: Final = "else"
END: Final = "end"
FALL: Final = "fall"
BRANCH: Final = "branch"
"""Conditional: the next instruction is reached too."""
LEAVE: Final = "leave"
"""Unconditional: branches that are no falls, `unreachable`, throws and tail calls."""

_OPENERS: Final = frozenset(["block", "loop", "if", "try_table"])
_CONTROL: Final = (
    _OPENERS
    | LEGACY_EXCEPTIONS
    | {"else", "end"}
    | {op.mnemonic for op in OPCODES if op.effects & (Effect.BRANCH | Effect.UNREACHABLE_AFTER)}
)


class NotCoveredError(Exception):
    """The body is malformed, or uses instructions that have no theory here."""


@dataclass(slots=True, eq=False)
class Construct:
    """A construct that control enters; the function body is one too, with no opener.

    Attributes:
        name: "block", "loop", "if" or "try_table"; "" for the function body.
        used: something reachable, not a fall, branches to it.
        completes: control can arrive behind its end.
        divided: it has an `else`.
    """

    name: str
    used: bool = False
    completes: bool = False
    divided: bool = False

    @property
    def dissolves(self) -> bool:
        """Whether it is nothing but a pair of brackets."""
        return not self.used and self.name in ("block", "loop")


@dataclass(slots=True, eq=False)
class Step:
    """The reachable code `body[begin:index]` and the control instruction `body[index]`.

    Attributes:
        construct: what OPEN, ELSE and END open, divide and close, what FALL ends.
        targets: constructs that the labels of the instruction name, in their order; the function
            body for `return`.
        reached: for ELSE and END, whether control falls into them.
    """

    begin: int
    index: int
    kind: str
    construct: Construct | None
    targets: tuple[Construct, ...]
    reached: bool


def live_code(function: Function) -> list[Step]:
    """The reachable code of a body, in order; the last step closes the function body.

    Raises:
        NotCoveredError: constructs do not nest, or there are legacy exceptions.
    """
    walk = _Walk()
    body = function.body
    for index in [i for i, instr in enumerate(body) if instr.name in _CONTROL]:
        walk.control(index, body[index])
    if walk.open or walk.begin != len(body):
        raise NotCoveredError("constructs are not closed")
    return walk.steps


class _Walk:
    """The pass.

    Attributes:
        open: constructs that control has entered, outermost first.
        skipped: 0 where control can be; else 1 + the number of unreachable constructs open
            within the innermost of `open`.
        begin: where the next step begins.
    """

    def __init__(self) -> None:
        self.steps: Final[list[Step]] = []
        self.open: Final = [Construct("")]
        self.skipped = 0
        self.begin = 0

    def control(self, index: int, instr: Instr) -> None:
        """Walk over one control instruction."""
        name = instr.name
        if not self.open:
            raise NotCoveredError("code behind the end of the function")
        if name in LEGACY_EXCEPTIONS:
            raise NotCoveredError("legacy exceptions")
        if name == "end":
            if self.skipped > 1:
                self.skipped -= 1
            else:
                self._end(index)
        elif name == "else":
            if self.skipped <= 1:
                self._else(index)
        elif self.skipped:
            self.skipped += name in _OPENERS
        elif name in _OPENERS:
            self._open(index, instr)
        else:
            self._branch(index, instr)

    def _step(
        self,
        index: int,
        kind: str,
        construct: Construct | None,
        targets: tuple[Construct, ...] = (),
    ) -> None:
        """End a step at `index`; the next one begins behind it."""
        begin = index if self.skipped else self.begin
        self.steps.append(Step(begin, index, kind, construct, targets, not self.skipped))
        self.begin = index + 1

    def _open(self, index: int, instr: Instr) -> None:
        targets = self._targets(labels(instr))
        _use(targets)
        # Without clauses it handles nothing.
        construct = Construct("block" if instr.name == "try_table" and not targets else instr.name)
        self._step(index, OPEN, construct, targets)
        self.open.append(construct)

    def _else(self, index: int) -> None:
        construct = self.open[-1]
        if construct.name != "if" or construct.divided:
            raise NotCoveredError("else without if")
        construct.divided = True
        construct.completes |= not self.skipped
        self._step(index, ELSE, construct)
        self.skipped = 0

    def _end(self, index: int) -> None:
        construct = self.open.pop()
        one_armed = construct.name == "if" and not construct.divided
        construct.completes |= one_armed or not self.skipped
        self._step(index, END, construct)
        self.skipped = 0 if construct.completes else 1

    def _branch(self, index: int, instr: Instr) -> None:
        named = (len(self.open) - 1,) if instr.name == "return" else labels(instr)
        targets = self._targets(named)
        if instr.name in ("br", "return") and self._falls(named[0]):
            targets[0].completes = True
            self._step(index, FALL, targets[0])
            self.skipped = 1
            return
        _use(targets)
        leaves = bool(instr.effects & Effect.UNREACHABLE_AFTER)
        self._step(index, LEAVE if leaves else BRANCH, None, targets)
        self.skipped = int(leaves)

    def _targets(self, named: Sequence[int]) -> tuple[Construct, ...]:
        if named and not 0 <= min(named) <= max(named) < len(self.open):
            raise NotCoveredError("a label that names nothing")
        return tuple([self.open[-1 - label] for label in named])

    def _falls(self, label: int) -> bool:
        """Whether an unconditional branch here to that label is a fall.

        Walks over constructs that end here, so that all walks together are linear.
        """
        for depth in range(1, label + 1):
            if not self.open[-depth].dissolves:
                return False
        return self.open[-1 - label].name != "loop"


def _use(targets: tuple[Construct, ...]) -> None:
    for target in targets:
        target.used = True
        if target.name != "loop":
            target.completes = True
