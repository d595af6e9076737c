"""Fold constants: what is known before the code runs is neither computed nor asked for.

    i32.const 1048576  global.get $base  i32.add   →  i32.const 1048580    where $base stays 4
    i32.const 8  local.set 1  …  local.get 1  i32.const 3  i32.and   →  i32.const 0
    i32.const 1  br_if $l       →  br $l
    i32.const 0  br_if $l       →
    i32.const 0  if A else B end        →  block B end
    i32.const 2  br_table $a $b $c $d   →  br $c
    a  b  i32.const 1  select   →  a  b drop

Needs: what constants locals hold, on all paths (`local_values`), which globals are constant
(`global_constants`), and the meaning of integer instructions (`semantics`).  Keeps: traps, floats,
and a local or global that is read where the constant is longer.  Costs: the fixpoint of
`local_values`, and a walk over the body.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.effects import is_removable
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.passes.edits import Edits
from wasmopt.passes.global_constants import constant_globals
from wasmopt.passes.local_values import WRITES, LocalValues
from wasmopt.passes.vacuum_drops import remove_dropped_values
from wasmopt.semantics import constant_bits, evaluate, make_constant
from wasmopt.stack import NO_SPAN, Stack, stack
from wasmopt.structure import Structure, structure
from wasmopt.types import I32, I64

_INTEGERS: Final = {"i32": I32, "i64": I64}
_CONSTANTS: Final = frozenset(["i32.const", "i64.const"])
_SLACK: Final = 1
"""Bytes that a constant may be longer than the code that computes it, if the function as a whole
gets no longer: other code may be known by it."""
_FORKS: Final = frozenset(["br_if", "br_table", "if", "select"])


def fold_constants(function: Function, context: Context) -> Function:
    """Compute what is known, and take the way that is known."""
    known = _Known(function, context)
    if not known.values:
        return function
    for slack in (_SLACK, 0):
        changed = _Rewrite(function, context, known).run(slack)
        if changed is function:
            break
        changed = remove_dropped_values(changed, context)
        if changed.entry_size() <= function.entry_size():
            return changed
    return function


class _Known:
    """Which values are known constants.

    Attributes:
        values: for values of the operand stack the constant.
        stack: the operand stack.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.values: Final[dict[int, Instr]] = {}
        self.stack: Final[Stack] = context.analysis(stack, function)
        self._context: Final = context
        self._globals: Final = context.table(constant_globals)
        self._body: Final = function.body
        self._shape: Final[Structure] = context.analysis(structure, function)
        self._zeros: Final = _unwritten(function, context)
        at_places = context.analysis(LocalValues, function)
        starts = at_places.flow.starts
        for node in range(at_places.flow.blocks()):
            here = at_places.at_start(node)
            for index in range(starts[node], starts[node + 1]):
                instr = self._body[index]
                if instr.name == "local.get":
                    local = instr.immediates[0]
                    found = self._zeros.get(local) or here[local]
                elif instr.name in WRITES:
                    found = self._operand(index) or here.written(index, self._body)
                    here.write(instr.immediates[0], found)
                else:
                    found = self._result(index)
                if isinstance(found, Instr) and found.name in _CONSTANTS:
                    for value in self.stack.results(index):
                        self.values[value] = found

    def _operand(self, index: int) -> Instr | None:
        """The constant that a write writes."""
        operands = self.stack.operands(index)
        return self.values.get(operands[0]) if operands else None

    def _result(self, index: int) -> Instr | int:
        """The constant that an instruction pushes, or any number."""
        instr = self._body[index]
        if instr.name in _CONSTANTS:
            return instr
        if instr.name == "end":
            return self._block_result(index) or index
        if instr.name == "global.get":
            return self._globals.get(instr.immediates[0], index)
        results = instr.op.results or ()
        value_type = _INTEGERS.get(results[0]) if len(results) == 1 else None
        if value_type is None:
            return index
        operands = self.stack.operands(index)
        constants = [self.values[each] for each in operands if each in self.values]
        if not operands or len(constants) < len(operands):
            return index
        bits = evaluate(instr.op, [constant_bits(each) for each in constants])
        if not isinstance(bits, int):
            return index
        return make_constant(self._context.pool, value_type, bits)

    def _block_result(self, end: int) -> Instr | None:
        """The one constant that everything brings to the end of a construct."""
        if len(self.stack.results(end)) != 1:
            return None
        opener = self._shape.parents[end]
        sources = [end, *self._shape.dividers.get(opener, [])]
        if self._body[opener].name in ("block", "if"):
            sources += self._shape.branches.get(opener, [])
        elif self._body[opener].name != "loop":
            return None
        found: dict[Instr | None, None] = {}
        for source in sources:
            if self._body[source].name not in ("br", "end", "else"):
                return None
            operands = self.stack.operands(source)
            if operands:  # there are none where control does not come
                found[self.values.get(operands[-1])] = None
        return next(iter(found)) if len(found) == 1 else None


def _unwritten(function: Function, context: Context) -> dict[int, Instr]:
    """Declared locals that keep the zero they start with."""
    written = {i.immediates[0] for i in function.body if i.name in WRITES}
    names = {I32: "i32.const", I64: "i64.const"}
    first = len(context.param_types(function))
    return {
        local: context.pool.make(names[value_type], 0)
        for local, value_type in enumerate(function.local_types(), first)
        if value_type in names and local not in written
    }


class _Rewrite:
    """Puts constants and branches in place of what is known."""

    def __init__(self, function: Function, context: Context, known: _Known) -> None:
        self.body: Final = function.body
        self.known: Final = known.values
        self.stack: Final = known.stack
        self.pool: Final = context.pool
        self.shape: Final[Structure] = context.analysis(structure, function)
        self.edits: Final = Edits(function)
        self.drop: Final = context.pool.make("drop")
        self.function: Final = function

    def run(self, slack: int) -> Function:
        """The function with all of it; the same object if there is nothing to do.

        Args:
            slack: bytes that constants may be longer than what they stand for.
        """
        self._fold(slack)
        gone: list[range] = []
        for index, instr in enumerate(self.body):
            if instr.name in _FORKS:
                operands = self.stack.operands(index)
                condition = self.known.get(operands[-1]) if operands else None
                if condition is not None:
                    self._decide(index, constant_bits(condition), operands, gone)
        for part in gone:
            for index in part:
                self.edits.instead[index] = None
                self.edits.before.pop(index, None)
                self.edits.behind.pop(index, None)
        return self.edits.apply()

    def _fold(self, slack: int) -> None:
        """Constants for the longest spans that compute nothing else."""
        body, starts = self.body, self.stack.starts
        sizes = list(accumulate([instr.size for instr in body], initial=0))
        stays = list(accumulate([not is_removable(instr) for instr in body], initial=0))
        index = len(body)
        while index:
            index -= 1
            results = self.stack.results(index)
            constant = self.known.get(results[0]) if len(results) == 1 else None
            start = starts[index]
            if constant is None or start == NO_SPAN or body[index].name in _CONSTANTS:
                continue
            size = sizes[index + 1] - sizes[start]
            longest = size + slack if start < index else size - 1
            if stays[index + 1] == stays[start] and constant.size <= longest:
                for place in range(start, index):
                    self.edits.instead[place] = None
                self.edits.instead[index] = constant
                index = start

    def _decide(self, index: int, bits: int, operands: list[int], gone: list[range]) -> None:
        """Go the way that is known."""
        instr = self.body[index]
        dropped = [operands[-1]]
        if instr.name == "select":
            dropped.append(operands[1] if bits else operands[0])
        producers = [self.stack.producers[value] for value in dropped]
        if any(len(self.stack.results(producer)) != 1 for producer in producers):
            return
        for producer in producers:
            self.edits.behind[producer].append(self.drop)
        self.edits.instead[index] = None
        if instr.name == "br_table":
            labels = instr.immediates[0]
            self.edits.instead[index] = self.pool.make("br", labels[min(bits, len(labels) - 1)])
        elif instr.name == "br_if" and bits:
            self.edits.instead[index] = self.pool.make("br", *instr.immediates)
        elif instr.name == "if":
            self.edits.instead[index] = self.pool.make("block", *instr.immediates)
            end = self.shape.ends[index]
            middle = self.shape.dividers.get(index, [end])[0]
            gone.append(range(middle, end) if bits else range(index + 1, min(middle + 1, end)))


FOLD_CONSTANTS: Final = Pass(
    "fold-constants",
    "compute what is known, and take the way that is known",
    fold_constants,
    enabling=True,
)
