"""Dead locals: takes out locals that are never read.

    code  local.set 3   →  code  drop       where nothing reads local 3
    code  local.tee 3   →  code
    (local i32 i64)     →  (local i64)      where nothing names the i32 any more; one of three
                                            i32 stays, since `2 i32` is no shorter than `3 i32`

Needs: which locals are read anywhere in the body; what is overwritten before it is read is left
to passes that know liveness.  Keeps: parameters, which belong to the signature, and the code that
computed the value.  Costs: two walks over the body.
"""

from __future__ import annotations

from wasmopt.context import Context, Pass
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr
from wasmopt.local_uses import count_uses, renumber_locals


def dead_locals(function: Function, context: Context) -> Function:
    """Take out writes to locals that are never read, and locals that are never named."""
    body = _without_dead_writes(function.body, context)
    params = len(context.param_types(function))
    uses = count_uses(body)
    types = function.local_types()
    kept = [local for local in range(len(types)) if params + local in uses]
    if len(kept) < len(types):
        number_of = {params + local: params + place for place, local in enumerate(kept)}
        groups = group_locals([types[local] for local in kept])
        renumbered = tuple(renumber_locals(body, number_of, context.pool))
        shorter = Function(function.type_index, groups, renumbered)
        if shorter.entry_size() < function.entry_size():
            return shorter
    return function if body is function.body else function.with_body(body)


def _without_dead_writes(body: tuple[Instr, ...], context: Context) -> tuple[Instr, ...]:
    """The body with writes to locals that nothing in it reads reduced to their operand."""
    distinct = set(body)
    read = {instr.immediates[0] for instr in distinct if instr.name == "local.get"}
    writes = [instr for instr in distinct if instr.name in ("local.set", "local.tee")]
    dead = {instr for instr in writes if instr.immediates[0] not in read}
    if not dead:
        return body
    drop = context.pool.make("drop")
    return tuple(
        [
            drop if instr in dead else instr
            for instr in body
            if instr not in dead or instr.name == "local.set"
        ]
    )


DEAD_LOCALS = Pass("dead-locals", "remove locals that are never read", dead_locals)
