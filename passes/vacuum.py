"""Vacuum: takes out code that does nothing.

    br $l  code  end                   →  br $l  end
    (block that never completes) code  →  (block that never completes) unreachable
    local.get 0  i32.const 8  i32.add  drop   →
    i32.load  drop                     →  the same: a load may trap
    block  code  end                   →  code      where nothing branches to the block
    if  else  end                      →  drop
    local.get 0  local.set 0           →
    nop                                →

Needs: the nesting (`structure`), who produces a dropped value and what control can reach
(`stack`).  Keeps: every effect and every trap, in order; exception handlers are left alone.
Costs: one linear walk for each of the three steps, each of which only makes code shorter.
"""

from __future__ import annotations

from bisect import bisect_right

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.passes.vacuum_blocks import remove_blocks
from wasmopt.passes.vacuum_drops import remove_dropped_values
from wasmopt.stack import stack
from wasmopt.structure import BODY, structure


def vacuum(function: Function, context: Context) -> Function:
    """Take out code that does nothing."""
    function = remove_unreachable(function, context)
    function = remove_dropped_values(function, context)
    return remove_blocks(function, context)


def remove_unreachable(function: Function, context: Context) -> Function:
    """Take out what control never arrives at, up to the next `else`, `catch` or `end`.

    Behind an unconditional branch the stack is polymorphic, and any code may go.  Behind a block
    that never completes it is typed: an `unreachable` has to stand for what the code would have
    left, unless there was nothing to leave.
    """
    body, facts = function.body, context.analysis(stack, function)
    kept: list[Instr] = []
    copied = 0
    dead = facts.reachable.find(0)
    while 0 <= dead < len(body) - 1:
        substitute: list[Instr] = []
        if facts.polymorphic[dead]:
            resume = facts.polymorphic.find(0, dead)
        else:
            dead += 1  # control does not arrive at this `end`, which itself stays
            resume = _next_boundary(dead, function, context)
            if not _leaves_nothing(dead, function, context):
                substitute = [context.pool.make("unreachable")]
        if sum(instr.size for instr in body[dead:resume]) > len(substitute):
            kept += body[copied:dead]
            kept += substitute
            copied = resume
        dead = facts.reachable.find(0, resume)
    return function if copied == 0 else function.with_body([*kept, *body[copied:]])


def _next_boundary(index: int, function: Function, context: Context) -> int:
    """The `else`, `catch` or `end` that follows in the construct around `body[index]`.

    `index` is right behind a block, whose `end` stands in that block.
    """
    shape = context.analysis(structure, function)
    opener = shape.parents[shape.parents[index - 1]]
    clauses = shape.dividers.get(opener, [])
    place = bisect_right(clauses, index - 1)
    return clauses[place] if place < len(clauses) else shape.ends[opener]


def _leaves_nothing(index: int, function: Function, context: Context) -> bool:
    """Whether the construct around `body[index]` has nothing on the stack there and at its end."""
    shape, facts = context.analysis(structure, function), context.analysis(stack, function)
    opener = shape.parents[shape.parents[index - 1]]
    if opener == BODY:
        results = context.signatures.func_type(function.type_index).results
        return not results and facts.heights[index] == 0
    block_type = context.signatures.block_type(function.body[opener].immediates[0])
    base = facts.heights[opener] - len(facts.operands(opener))
    return not block_type.results and facts.heights[index] == base


VACUUM = Pass("vacuum", "remove code that does nothing", vacuum)
