"""The part of compare-operands that leaves a value on the stack until it is read.

    A  local.set 0  S  local.get 0  op         →  A  S  op
    A  local.set 0  S  B  local.get 0  lt_s    →  A  S  B  gt_s

The value of A waits on the stack, under whatever S and B do.  Nothing moves, so that effects do
not matter; S and B must take nothing from below that place.  The read must stand in the same
construct as the write, and find the stack as the write left it, or with B's value on it and an
instruction behind that can have its operands swapped.  Where the local is read elsewhere too, the
write stays as a `local.tee`.

Values wait in nested spans only: of two that would cross, the one that is read first does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.liveness import liveness
from wasmopt.passes.edits import Edits
from wasmopt.stack import stack
from wasmopt.structure import CLOSERS, DIVIDERS, structure
from wasmopt.types import is_defaultable

SWAPPED: Final = {
    f"{kind}.{one}": f"{kind}.{other}"
    for kinds, names in (
        (("i32", "i64"), "add add mul mul and and or or xor xor eq eq ne ne"),
        (("i32", "i64"), "lt_s gt_s gt_s lt_s le_s ge_s ge_s le_s"),
        (("i32", "i64"), "lt_u gt_u gt_u lt_u le_u ge_u ge_u le_u"),
        (("f32", "f64"), "eq eq ne ne lt gt gt lt le ge ge le"),
    )
    for kind in kinds
    for one, other in zip(names.split()[::2], names.split()[1::2], strict=True)
}
"""What an instruction is with its operands swapped.  Sums and products of floats are not here:
which operand a NaN comes from can be seen."""


def leave_on_stack(function: Function, context: Context) -> Function:
    """Leave values on the stack until they are read."""
    if not any(instr.name == "local.set" for instr in set(function.body)):
        return function
    waits = _Slots(function, context).waits()
    if not waits:
        return function
    edits = Edits(function)
    for write, read, swap in waits:
        edits.instead[write] = context.pool.make("local.tee", *function.body[write].immediates)
        edits.instead[read] = None
        if swap:
            edits.instead[read + 1] = context.pool.make(SWAPPED[function.body[read + 1].name])
    return _without_dead_tees(edits.apply(), context)


@dataclass(slots=True, eq=False)
class _Slot:
    """Where the value of a `local.set` would wait: in the construct `around`, at `height`."""

    write: int
    around: int
    height: int
    usable: bool = True


class _Slots:
    """The walk.

    Attributes:
        open: slots whose place on the stack nothing has touched, the lowest and oldest first.
        latest: local -> the slot of its last write.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.body: Final = function.body
        self.shape: Final = context.analysis(structure, function)
        self.stack: Final = context.analysis(stack, function)
        self.open: Final[list[_Slot]] = []
        self.latest: Final[dict[int, _Slot]] = {}

    def waits(self) -> list[tuple[int, int, bool]]:
        """Writes and reads that can go, and whether the instruction behind the read is swapped."""
        facts, parents = self.stack, self.shape.parents
        found: list[tuple[int, int, bool]] = []
        for index, instr in enumerate(self.body):
            name = instr.name
            if name in _BOUNDARIES:
                self.close(parents[index])
                continue
            if not facts.reachable[index]:
                continue
            height = facts.heights[index] - len(facts.operands(index))
            while self.open and self.open[-1].height > height:
                self.open.pop().usable = False
            if name == "local.get":
                slot = self.latest.get(instr.immediates[0])
                if slot is None or not slot.usable or slot.around != parents[index]:
                    continue
                swap = slot.height < height
                if not swap or (slot.height + 1 == height and self.can_swap(index)):
                    found.append((slot.write, index, swap))
                    self.close_from(slot)
            elif name == "local.set":
                slot = self.latest[instr.immediates[0]] = _Slot(index, parents[index], height)
                self.open.append(slot)
            elif name == "local.tee":
                self.latest.pop(instr.immediates[0], None)
        return found

    def close(self, construct: int) -> None:
        """The end of a construct or of one of its arms."""
        while self.open and self.open[-1].around == construct:
            self.open.pop().usable = False

    def close_from(self, slot: _Slot) -> None:
        """A slot is used: those that would cross it are not."""
        while slot.usable:
            self.open.pop().usable = False

    def can_swap(self, read: int) -> bool:
        """Whether the instruction behind a read takes it second, and can be swapped."""
        return self.body[read + 1].name in SWAPPED


def _without_dead_tees(function: Function, context: Context) -> Function:
    """The function without a `local.tee` whose local nothing reads."""
    types = (*context.param_types(function), *function.local_types())
    edits = Edits(function)
    for index in context.analysis(liveness, function).dead_sets():
        instr = function.body[index]
        if instr.name == "local.tee" and is_defaultable(types[instr.immediates[0]]):
            edits.instead[index] = None
    return edits.apply()


_BOUNDARIES: Final = DIVIDERS | CLOSERS
