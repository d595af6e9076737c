"""Which code of a body control can reach, and where branches really go.

Two passes over the control instructions turn a body into *steps*: stretches of reachable code,
each closed by a control instruction.  Code behind an unconditional branch, and behind a construct
that never completes, is in no step.

The *exit* of a construct is the construct itself or, if ends are joined, the outermost one that
ends where it ends: ends that stand next to each other, with the same number of results, are
one place.  A branch to a label at such an end goes to the exit.  (With the same number of results
nothing can lie on the stack between the two constructs, so that unwinding to either is the same.)

A branch is a *fall* when it does what falling out of the end of a construct around it would do:
it is unconditional, that construct has the exit that the branch goes to, and the constructs in
between are blocks and loops that nothing reachable branches to.  Behind it nothing of
those can be reached, so that they end right there.  Falls do not count as uses of a label.

Source: WebAssembly 3.0, Execution, Control Instructions (labels and unwinding).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Signatures
from wasmopt.opcodes import OPCODES, Effect
from wasmopt.structure import labels
from wasmopt.types import FuncType
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
_BODY: Final = -1
"""Stands for the place of an opener that the function body does not have."""


class NotCoveredError(Exception):
    """The body is malformed, or uses instructions that have no theory here."""


class Construct:
    """A construct; the function body is one too.

    Attributes:
        name: "block", "loop", "if" or "try_table"; "" for the function body.
        type: its parameters and results.
        exit: see above.
        used: something reachable, not a fall, branches to its label.
        completes: control can arrive behind its end.
        divided: it has an `else` that control can arrive at.
    """

    __slots__ = ("completes", "divided", "exit", "name", "type", "used")

    def __init__(self, name: str, block_type: FuncType) -> None:
        self.name: Final = name
        self.type: Final = block_type
        self.exit: Construct = self
        self.used = False
        self.completes = False
        self.divided = False

    @property
    def dissolves(self) -> bool:
        """Whether it is nothing but a pair of brackets."""
        return not self.used and self.name in ("block", "loop")

    @property
    def target(self) -> Construct:
        """Where a branch to its label goes: the start of a loop, the end of anything else."""
        return self if self.name == "loop" else self.exit


@dataclass(slots=True, eq=False)
class Step:
    """The reachable code `body[begin:index]` and the control instruction `body[index]`.

    Attributes:
        construct: what OPEN, ELSE and END open, divide and close, what FALL falls out of.
        targets: where the labels of the instruction go, in their order; the function body for
            `return`.
        reached: for ELSE and END, whether control falls into them.
    """

    begin: int
    index: int
    kind: str
    construct: Construct | None
    targets: tuple[Construct, ...]
    reached: bool


def live_code(function: Function, signatures: Signatures, *, join_ends: bool) -> list[Step]:
    """The reachable code of a body, in order; the last step closes the function body.

    Args:
        function: whose body it is.
        signatures: of the module.
        join_ends: whether ends next to each other are one place.

    Raises:
        NotCoveredError: constructs do not nest, or there are legacy exceptions.
        LookupError, TypeError: a block names a type that does not exist or is none of a block.
    """
    body = function.body
    control = [index for index, instr in enumerate(body) if instr.name in _CONTROL]
    constructs, around = _constructs(function, control, signatures)
    if join_ends:
        _join(constructs, around)
    walk = _Walk(constructs)
    for index in control:
        walk.control(index, body[index])
    if walk.open or walk.begin != len(body):
        raise NotCoveredError("constructs are not closed")
    return walk.steps


def _constructs(
    function: Function, control: Sequence[int], signatures: Signatures
) -> tuple[dict[int, Construct], dict[Construct, Construct]]:
    """All constructs by the index of their opener; for those that end together with the one
    around them, that one.
    """
    body = function.body
    whole = Construct("", FuncType((), signatures.func_type(function.type_index).results))
    found = {_BODY: whole}
    around: dict[Construct, Construct] = {}
    nested = [whole]
    for index in control:
        instr = body[index]
        name = instr.name
        if name in _OPENERS:
            if name == "try_table" and not instr.immediates[1]:
                name = "block"  # without clauses it handles nothing
            construct = Construct(name, signatures.block_type(instr.immediates[0]))
            found[index] = construct
            nested.append(construct)
        elif name in LEGACY_EXCEPTIONS:
            raise NotCoveredError("legacy exceptions")
        elif name == "end":
            if index + 1 == len(body):
                break
            closed = nested.pop()
            ends_together = body[index + 1].name in ("end", "else")
            if ends_together and len(closed.type.results) == len(nested[-1].type.results):
                around[closed] = nested[-1]
    return found, around


def _join(constructs: dict[int, Construct], around: dict[Construct, Construct]) -> None:
    """Find the exits; a loop is one only for itself, since its label is at its start."""
    for construct in constructs.values():  # the outer ones come first
        outer = around.get(construct, construct)
        if outer.exit.name != "loop":
            construct.exit = outer.exit


class _Walk:
    """The second pass.

    Attributes:
        open: constructs that control has entered, outermost first.
        skipped: 0 where control can be; else 1 + the number of unreachable constructs open
            within the innermost of `open`.
        begin: where the next step begins.
    """

    def __init__(self, constructs: dict[int, Construct]) -> None:
        self.steps: Final[list[Step]] = []
        self.constructs: Final = constructs
        self.open: Final = [constructs[_BODY]]
        self.skipped = 0
        self.begin = 0

    def control(self, index: int, instr: Instr) -> None:
        """Walk over one control instruction."""
        name = instr.name
        if not self.open:
            raise NotCoveredError("code behind the end of the function")
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
        # The catch clauses of `try_table` name labels from outside of it.
        targets = self._targets(labels(instr))
        _use(targets)
        construct = self.constructs[index]
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
        if instr.name in ("br", "return"):
            construct = self._falls_out_of(targets[0])
            if construct is not None:
                construct.completes = True
                self._step(index, FALL, construct)
                self.skipped = 1
                return
        _use(targets)
        leaves = bool(instr.effects & Effect.UNREACHABLE_AFTER)
        self._step(index, LEAVE if leaves else BRANCH, None, targets)
        self.skipped = int(leaves)

    def _targets(self, named: Sequence[int]) -> tuple[Construct, ...]:
        if named and not 0 <= min(named) <= max(named) < len(self.open):
            raise NotCoveredError("a label that names nothing")
        return tuple([self.open[-1 - label].target for label in named])

    def _falls_out_of(self, target: Construct) -> Construct | None:
        """The construct that an unconditional branch here falls out of, if it is a fall.

        Walks over constructs that end here, so that all walks together are linear.
        """
        if target.name == "loop":
            return None
        for construct in reversed(self.open):
            if construct.exit is target:
                return construct
            if not construct.dissolves:
                return None
        return None


def _use(targets: tuple[Construct, ...]) -> None:
    for target in targets:
        target.used = True
        if target.name != "loop":
            target.completes = True
