"""Dead stores: takes out writes to locals whose value is never used.

    A  local.set 0  …  B  local.set 0     →  A drop  …  B  local.set 0
    A  local.tee 0  …  B  local.set 0     →  A  …  B  local.set 0
    i32.const 0  local.set 1              →              where nothing reads it on any path
    i32.load     local.set 1              →  i32.load  drop      (a load may trap)
    loop … local.get 2 i32.const 1 i32.add local.set 2 … end     →  loop … end
                                                         where only this reads local 2

Needs: which locals are read again, on every path and around every loop (`liveness`), and which
ones feed nothing but locals that are useless themselves.  Keeps: whatever the code does besides
computing the value, and writes to locals without a default value, since a read of these is valid
only behind a write.  Costs: liveness and one more linear walk.
"""

from __future__ import annotations

from wasmopt.arity import Arities
from wasmopt.context import Context, Pass
from wasmopt.effects import is_removable
from wasmopt.function import Function
from wasmopt.liveness import liveness
from wasmopt.local_uses import LOCAL_INSTRUCTIONS
from wasmopt.passes.vacuum_drops import remove_dropped_values
from wasmopt.types import is_defaultable


def dead_stores(function: Function, context: Context) -> Function:
    """Take out writes to locals that are not read again, and what only they needed."""
    body = function.body
    writes = {i for i in set(body) if i.name in LOCAL_INSTRUCTIONS and i.name != "local.get"}
    if not writes:
        return function
    types = (*context.param_types(function), *function.local_types())
    useless = useless_locals(function, context)
    dead = set(context.analysis(liveness, function).dead_sets())
    if useless:
        of_useless = {instr for instr in writes if instr.immediates[0] in useless}
        dead.update([index for index, instr in enumerate(body) if instr in of_useless])
    dead = {index for index in dead if is_defaultable(types[body[index].immediates[0]])}
    if not dead:
        return function
    drop = context.pool.make("drop")
    kept = [
        drop if index in dead else instr
        for index, instr in enumerate(body)
        if index not in dead or instr.name == "local.set"
    ]
    return remove_dropped_values(function.with_body(kept), context)


def useless_locals(function: Function, context: Context) -> set[int]:
    """Locals that are read, but only in order to compute useless ones.

    A read is for another local if nothing stands between it and the `local.set` but instructions
    that only compute, all of them for that `local.set`.
    """
    arities = context.table(Arities)
    removable = {i for i in set(function.body) if is_removable(i) and arities[i][1] == 1}
    needs: dict[int, set[int]] = {}
    used: set[int] = set()
    reads: list[tuple[int, int]] = []
    values: list[int] = []
    """Where the code of each value begins that such instructions have left so far."""
    for index, instr in enumerate(function.body):
        if instr in removable:
            operands = arities[instr][0]
            if instr.name == "local.get":
                reads.append((index, instr.immediates[0]))
            start = index if not operands else values[-operands] if operands <= len(values) else -1
            values[len(values) - operands :] = [start]
        elif reads:
            start = values[-1] if instr.name == "local.set" else -1
            for read, local in reads:
                is_needed = 0 <= start <= read
                (needs.setdefault(instr.immediates[0], set()) if is_needed else used).add(local)
            reads, values = [], []
        else:
            values = []
    waiting = list(used)
    while waiting:
        fresh = needs.pop(waiting.pop(), set()) - used
        used |= fresh
        waiting += fresh
    return set().union(*needs.values()) - used


DEAD_STORES = Pass("dead-stores", "remove writes to locals that are not read again", dead_stores)
