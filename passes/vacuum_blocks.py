"""The part of vacuum that takes out blocks, and what is only neighbours once they are gone.

    block  code  end          →  code     where nothing branches to the block; loops likewise
    if  code  else  end       →  if  code  end
    i32.const 1  if  else  end   →
    if  else  end             →  drop
    try_table ...  end        →           if there is no code in it
    local.get 0  local.set 0  →
    local.get 0  local.tee 0  →  local.get 0
    nop                       →

Labels of branches count blocks: those that cross a block that went away are made smaller.
"""

from __future__ import annotations

from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.effects import is_removable
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.structure import BODY, BRANCHES, CLOSERS, OPENERS, labels, structure, with_labels

_HANDLED: Final = OPENERS | CLOSERS | BRANCHES | {"else", "nop", "local.set", "local.tee"}


def remove_blocks(function: Function, context: Context) -> Function:
    """Take out blocks that make no difference."""
    return _Rewrite(function, context).run()


class _Rewrite:
    """One walk over the body, which writes the new one.

    Attributes:
        gone: openers of the blocks that go away.
        depth: how many blocks that stay are open.
        depths: for each block that stays, `depth` inside it.
        openers, elses: places in `result` of the openers of open blocks, and of an `else` (or -1).
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.function: Final = function
        self.pool: Final = context.pool
        self.arities: Final = context.table(Arities)
        self.shape: Final = context.analysis(structure, function)
        self.gone: Final = {
            opener
            for opener in self.shape.ends.keys() - self.shape.branches.keys() - {BODY}
            if _is_transparent(function.body[opener])
        }
        self.depth = 0
        self.depths: Final = {BODY: 0}
        self.openers: Final[list[int]] = []
        self.elses: Final[list[int]] = []
        self.result: Final[list[Instr]] = []

    def run(self) -> Function:
        """The function without such blocks."""
        result = self.result
        for index, instr in enumerate(self.function.body):
            name = instr.name
            if name not in _HANDLED:
                result.append(instr)
            elif name in OPENERS:
                self.open(index, instr)
            elif name in CLOSERS:
                self.close(index, instr)
            elif name in BRANCHES:
                result.append(self.relabelled(index, instr))
            elif name == "else":
                self.elses[-1] = len(result)
                result.append(instr)
            elif name != "nop":
                self.write_local(instr)
        if len(result) == len(self.function.body):
            return self.function
        return self.function.with_body(result)

    def open(self, index: int, instr: Instr) -> None:
        """Open a block, if it stays."""
        if index in self.gone:
            return
        self.openers.append(len(self.result))
        self.elses.append(-1)
        self.result.append(self.relabelled(index, instr))
        self.depth += 1
        self.depths[index] = self.depth

    def close(self, index: int, instr: Instr) -> None:
        """Close a block, if it stays now that its content is known."""
        result, opener = self.result, self.shape.parents[index]
        if opener in self.gone:
            return
        if opener == BODY:
            result.append(instr)
            return
        self.depth -= 1
        place = self.openers.pop()
        if self.elses.pop() == len(result) - 1:
            result.pop()
        if place == len(result) - 1 and result[place].name == "if":
            result.pop()
            self.drop()
        elif place == len(result) - 1 and result[place].name == "try_table":
            result.pop()
        else:
            result.append(self.relabelled(index, instr))

    def drop(self) -> None:
        """Drop the value on top, or take out the code right here that does nothing but make it."""
        result = self.result
        place = best_place = len(result)
        drops = best_drops = 1
        saved = best = 0
        while drops and place and is_removable(result[place - 1]):
            place -= 1
            operands, _ = self.arities[result[place]]
            drops += operands - 1
            saved += result[place].size - (operands - 1)
            if saved > best:
                best, best_place, best_drops = saved, place, drops
        del result[best_place:]
        result += [self.pool.make("drop")] * best_drops

    def relabelled(self, index: int, instr: Instr) -> Instr:
        """`instr` with labels that do not count the blocks that are gone."""
        targets = self.shape.targets.get(index, ())
        renamed = tuple([self.depth - self.depths[target] for target in targets])
        return instr if renamed == labels(instr) else with_labels(instr, renamed, self.pool)

    def write_local(self, instr: Instr) -> None:
        """Write a local, unless what it gets is what it has."""
        last = self.result[-1] if self.result else instr
        if last.name != "local.get" or last.immediates != instr.immediates:
            self.result.append(instr)
        elif instr.name == "local.set":
            self.result.pop()


def _is_transparent(opener: Instr) -> bool:
    """Whether the block is nothing but a label."""
    if opener.name == "try_table":
        return not opener.immediates[1]
    return opener.name in ("block", "loop")
