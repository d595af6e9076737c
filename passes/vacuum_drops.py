"""The part of vacuum that follows a dropped value back to where it comes from.

    A  B  i32.add  drop           →  A drop  B drop, and so on for A and B
    A  B  C  select  drop         →  A drop  B drop  C drop
    A  local.tee 0  drop          →  A  local.set 0
    if (result t) A else B end  drop     →  if  A drop  else  B drop  end

What must stay (a load, a call) keeps a `drop` right behind it.  A tree of dropped values changes
only if that makes it shorter: three calls under a `select` stay as they are.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from wasmopt.context import Context
from wasmopt.effects import is_removable
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.stack import stack
from wasmopt.structure import Structure, structure

_DROP_SIZE: Final = 1


def remove_dropped_values(function: Function, context: Context) -> Function:
    """Take out computations whose value is dropped."""
    drops = [index for index, instr in enumerate(function.body) if instr.name == "drop"]
    if not drops:
        return function
    edits = _Edits(function, context)
    for index in drops:
        edits.pursue(index)
    return edits.apply()


class _Edits:
    """Changes to one body, all in terms of its old indices."""

    def __init__(self, function: Function, context: Context) -> None:
        self.function: Final = function
        self.body: Final = function.body
        self.pool: Final = context.pool
        self.shape: Final[Structure] = context.analysis(structure, function)
        self.stack: Final = context.analysis(stack, function)
        self.replaced: Final[dict[int, Instr | None]] = {}
        self.drops_before: Final[Counter[int]] = Counter()
        self.drops_behind: Final[Counter[int]] = Counter()

    def pursue(self, drop: int) -> None:
        """Take out the tree of values under one `drop` as far as that makes it shorter."""
        roots = self.stack.operands(drop)
        if not roots:
            return  # in polymorphic code
        order = list(roots)
        needless: dict[int, tuple[int, list[int]]] = {}
        for value in order:
            found = self.needless(self.stack.producers[value])
            if found is not None:
                needless[value] = found
                order += found[1]
        cost: dict[int, int] = {}
        for value in reversed(order):
            cost[value] = _DROP_SIZE
            if value in needless:
                saved, operands = needless[value]
                removed = sum(cost[operand] for operand in operands) - saved
                if removed < _DROP_SIZE:
                    cost[value] = removed
                else:
                    del needless[value]
        if roots[0] in needless:
            self.replaced[drop] = None
            self.remove(roots, needless)

    def needless(self, producer: int) -> tuple[int, list[int]] | None:
        """Bytes saved if the value that `producer` pushes is not wanted, and the values that are
        not wanted either then; None if it has to stay.
        """
        instr = self.body[producer]
        if is_removable(instr):
            return instr.size, self.stack.operands(producer)
        if instr.name == "local.tee":
            return 0, []
        if instr.name == "end":
            return self.needless_result(producer)
        return None

    def needless_result(self, end: int) -> tuple[int, list[int]] | None:
        """The same for the result of a block: what its arms and all branches to it bring."""
        opener = self.shape.parents[end]
        block = self.body[opener]
        block_type = block.immediates[0]
        branches = self.shape.branches.get(opener, [])
        if block.name == "loop":
            branches = []  # they bring parameters, of which there are none
        plain = all(self.body[branch].name == "br" for branch in branches)
        if block.name not in ("block", "loop", "if") or isinstance(block_type, int) or not plain:
            return None
        ends = [end, *self.shape.dividers.get(opener, [])]
        if any(self.stack.polymorphic[each - 1] for each in ends):
            return None  # code that is never reached leaves a value there
        sources = [*ends, *branches]
        values = [value for source in sources for value in self.stack.operands(source)]
        return len(block_type) - 1, values

    def remove(self, values: list[int], needless: dict[int, tuple[int, list[int]]]) -> None:
        """Note the removal of `values` and all that is needless with them."""
        for value in values:
            producer = self.stack.producers[value]
            instr = self.body[producer]
            if value not in needless:
                self.place_drop(value, producer)
                continue
            if instr.name == "local.tee":
                self.replaced[producer] = self.pool.make("local.set", *instr.immediates)
            elif instr.name == "end":
                opener = self.shape.parents[producer]
                self.replaced[opener] = self.pool.make(self.body[opener].name, None)
            else:
                self.replaced[producer] = None
            values += needless[value][1]

    def place_drop(self, value: int, producer: int) -> None:
        """Drop a value that has to be computed, at once if it is on top of the stack there."""
        if len(self.stack.results(producer)) == 1:
            self.drops_behind[producer] += 1
        else:
            self.drops_before[self.stack.consumers[value]] += 1

    def apply(self) -> Function:
        """The function with all changes made."""
        body, drop = self.body, self.pool.make("drop")
        edited = sorted({*self.replaced, *self.drops_before, *self.drops_behind})
        if not edited:
            return self.function
        result: list[Instr] = []
        copied = 0
        for index in edited:
            result += body[copied:index]
            result += [drop] * self.drops_before[index]
            instr = self.replaced.get(index, body[index])
            if instr is not None:
                result.append(instr)
            result += [drop] * self.drops_behind[index]
            copied = index + 1
        return self.function.with_body([*result, *body[copied:]])
