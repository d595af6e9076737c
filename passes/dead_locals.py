"""Dead locals: takes out locals that are never read.

    code  local.set 3   →  code  drop       where nothing reads local 3
    code  local.tee 3   →  code
    (local i32 i64)     →  (local i64)      where nothing names the i32 any more; one of three
                                            i32 stays, since `2 i32` is no shorter than `3 i32`
    local.get 3         →  i32.const 0      where nothing writes local 3, so that it can go

Needs: which locals are read and written anywhere in the body; what is overwritten before it is read
is left to passes that know liveness.  Keeps: parameters, which belong to the signature, the code
that computed the value, and locals whose zero is longer than a read.  Costs: three walks over the
body.
"""

from __future__ import annotations

from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr
from wasmopt.local_uses import count_uses, renumber_locals
from wasmopt.types import I32, I64, NUMBER_TYPES, ValType

_ZEROS: Final = {I32: "i32.const", I64: "i64.const"}
"""Types whose zero takes no more bytes than a read of a local."""


def dead_locals(function: Function, context: Context) -> Function:
    """Take out writes to locals that are never read, and locals that are never named."""
    body = _without_dead_writes(function.body, context)
    for code in dict.fromkeys([_with_zeros(function, body, context), body]):
        shorter = _without_unnamed(function, code, context)
        if shorter.entry_size() < function.entry_size():
            return shorter
    return function if body is function.body else function.with_body(body)


def _without_unnamed(function: Function, body: tuple[Instr, ...], context: Context) -> Function:
    """The function with another body, and only the locals that it names."""
    params = len(context.param_types(function))
    uses = count_uses(body)
    types = function.local_types()
    kept = [local for local in range(len(types)) if params + local in uses]
    if len(kept) == len(types):
        return function.with_body(body)
    number_of = {params + local: params + place for place, local in enumerate(kept)}
    groups = group_locals([types[local] for local in kept])
    return Function(
        function.type_index, groups, tuple(renumber_locals(body, number_of, context.pool))
    )


def _with_zeros(function: Function, body: tuple[Instr, ...], context: Context) -> tuple[Instr, ...]:
    """The body with constants for locals that are never written, where these are no longer."""
    make = context.pool.make
    distinct = set(body)
    named = {i.immediates[0] for i in distinct if i.name in ("local.set", "local.tee")}
    zeros: dict[Instr, Instr] = {}
    first = len(context.param_types(function))
    for local, value_type in enumerate(function.local_types(), first):
        get = make("local.get", local)
        if local not in named and get in distinct:
            zero = _zero(value_type, context)
            if zero is not None and zero.size <= get.size:
                zeros[get] = zero
    return tuple([zeros.get(instr, instr) for instr in body]) if zeros else body


def _zero(value_type: ValType, context: Context) -> Instr | None:
    """What a local of an integer or abstract reference type starts with."""
    if value_type in _ZEROS:
        return context.pool.make(_ZEROS[value_type], 0)
    is_short = len(value_type) == 1 and value_type not in NUMBER_TYPES.values()
    return context.pool.make("ref.null", bytes(value_type)) if is_short else None


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
