"""Which code has surely run when other code runs: dominance as intervals of the body.

    block
      A               A runs before all that follows, also behind the block
      C  br_if 0
      B               B runs before what follows in the block, not before what is behind it
    end

In structured code the instructions that i dominates and that come after it are those up to some
place, where a way around i joins in: the end of the innermost construct that something branched
out of before i, or the end of the arm that i stands in.  One walk over the control instructions
finds these places.  Only reachable code is asked about.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.stack import stack
from wasmopt.structure import BODY, BRANCHES, CLOSERS, DIVIDERS, OPENERS, structure

_CONTROL: Final = OPENERS | DIVIDERS | CLOSERS | BRANCHES


class Dominance:
    """Answers about one body; to be had from `context.analysis(Dominance, function)`."""

    def __init__(self, function: Function, context: Context) -> None:
        body, shape = function.body, context.analysis(structure, function)
        reachable = context.analysis(stack, function).reachable
        self._starts: Final = [0]
        self._until: Final = [len(body)]
        opened = [BODY]
        depth_of = {BODY: 0}
        boundary = [len(body)]
        cut: list[int] = []
        """Depths of the open constructs whose end can be reached around what comes now."""
        for index in [i for i, instr in enumerate(body) if instr.name in _CONTROL]:
            name = body[index].name
            if name in CLOSERS:
                opened.pop()
                if cut and cut[-1] == len(opened):
                    cut.pop()
                boundary.pop()
            elif name in DIVIDERS:
                clauses = shape.dividers[opened[-1]]
                place = bisect_right(clauses, index)
                last = shape.ends[opened[-1]]
                boundary[-1] = clauses[place] if place < len(clauses) else last
            for target in set(shape.targets.get(index, ())) - {BODY} if reachable[index] else ():
                depth = depth_of[target]
                place = bisect_left(cut, depth)
                if body[target].name != "loop" and cut[place : place + 1] != [depth]:
                    cut.insert(place, depth)
            if name in OPENERS:
                depth_of[index] = len(opened)
                if name in ("if", "try"):
                    cut.append(len(opened))
                opened.append(index)
                boundary.append(shape.dividers.get(index, [shape.ends[index]])[0])
            self._starts.append(index + 1)
            self._until.append(boundary[cut[-1]] if cut else len(body))

    def until(self, index: int) -> int:
        """What comes after a reachable instruction and before this place, it dominates."""
        return self._until[bisect_right(self._starts, index) - 1]
