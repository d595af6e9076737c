"""Compare operands: operands where they are cheapest, comparisons turned to fit.

    A  local.set 0  B  local.get 0  i32.lt_s       →  A  B  i32.gt_s
    A  local.set 0  S  local.get 0  B  i32.sub     →  A  S  B  i32.sub
    i32.const 5  A  i32.lt_s                       →  A  i32.const 5  i32.gt_s
    A  i32.const 64  i32.lt_s                      →  A  i32.const 63  i32.le_s   a byte less

Needs: heights of the operand stack, liveness.  Keeps: the order of everything that has an effect;
the operands of float sums and products, since a NaN shows which came first.  Costs: two linear
walks.  A constant goes to the right for nothing, where comparisons, folding and `cse` find it.

`compare_operands_slots` holds the first two rewrites.
"""

from __future__ import annotations

from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.passes.compare_operands_slots import SWAPPED, leave_on_stack
from wasmopt.passes.edits import Edits
from wasmopt.stack import stack

_NEIGHBOURS: Final = {"lt": ("le", -1), "le": ("lt", 1), "gt": ("ge", 1), "ge": ("gt", -1)}
"""`x < c` is `x <= c - 1` unless c is the least number, and so on."""


def compare_operands(function: Function, context: Context) -> Function:
    """Put operands where they are cheapest."""
    return order_constants(leave_on_stack(function, context), context)


def order_constants(function: Function, context: Context) -> Function:
    """Put constants to the right of what can be swapped, and give comparisons the shorter one."""
    body = function.body
    if not any(instr.name in SWAPPED for instr in set(body)):
        return function
    facts, pool = context.analysis(stack, function), context.pool
    edits = Edits(function)
    for index, instr in enumerate(body):
        if instr.name not in SWAPPED:
            continue
        operands = [facts.producers[value] for value in facts.operands(index)]
        constants = [body[place] for place in operands if body[place].name.endswith(".const")]
        if len(constants) != 1:
            continue
        (constant,) = constants
        moves = constant is body[operands[0]] and operands[0] != operands[1]
        op = SWAPPED[instr.name] if moves else instr.name
        op, shorter = shortest_comparison(op, constant, pool)
        if moves:
            edits.instead[operands[0]] = None
            edits.before[index].append(shorter)
        elif shorter is not constant:
            edits.instead[operands[1]] = shorter
        if op != instr.name:
            edits.instead[index] = pool.make(op)
    return edits.apply()


def shortest_comparison(op: str, constant: Instr, pool: InstrPool) -> tuple[str, Instr]:
    """The same comparison with a constant, or with the one next to it if that is shorter."""
    kind, _, name = op.partition(".")
    relation, _, signed = name.partition("_")
    if relation not in _NEIGHBOURS or not signed:
        return op, constant
    other, step = _NEIGHBOURS[relation]
    (value,) = constant.immediates
    bits = int(kind[1:])
    limits = {"u": (0, -1), "s": (-1 << (bits - 1), (1 << (bits - 1)) - 1)}[signed]
    if value == limits[step > 0]:
        return op, constant
    neighbour = (value + step + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
    shorter = pool.make(constant.name, neighbour)
    return (f"{kind}.{other}_{signed}", shorter) if shorter.size < constant.size else (op, constant)


COMPARE_OPERANDS = Pass(
    "compare-operands",
    "put operands where they are cheapest and turn comparisons to fit",
    compare_operands,
    enabling=True,
)
