"""Directize: a call through a table at a known place calls what is there.

    i32.const 3  call_indirect (type $t)     →  call $f      where the table holds $f at 3
    i32.const 3  return_call_indirect        →  return_call $f

Needs: a table that nothing can change (`constant_tables`).  Keeps: calls that trap, because the
place is empty, outside of the table, or holds a function of another type; calls whose index is
computed, a `select` of two constants included, since an `if` with two calls is not shorter.
Costs: one walk over all functions of the module, once, and one over the body.
"""

from __future__ import annotations

from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.passes.constant_tables import constant_tables, plain_types

_DIRECT: Final = {"call_indirect": "call", "return_call_indirect": "return_call"}


def directize(function: Function, context: Context) -> Function:
    """Call functions directly whose place in a table is known."""
    body: list[Instr] = []
    for instr in function.body:
        if instr.name in _DIRECT and body:
            direct = _direct_call(body[-1], instr, context)
            if direct is not None and direct.size < body[-1].size + instr.size:
                body[-1] = direct
                continue
        body.append(instr)
    return function if len(body) == len(function.body) else function.with_body(body)


def _direct_call(place: Instr, call: Instr, context: Context) -> Instr | None:
    """The call of the function that `call` finds at `place`; None if that is not known."""
    if place.name not in ("i32.const", "i64.const"):
        return None
    type_index, table = call.immediates
    bits = 32 if place.name == "i32.const" else 64
    entries = context.table(constant_tables).get(table, {})
    callee = entries.get(place.immediates[0] % (1 << bits))
    if callee is None or not _same_type(context.signatures.functions[callee], type_index, context):
        return None
    return context.pool.make(_DIRECT[call.name], callee)


def _same_type(one: int, other: int, context: Context) -> bool:
    """Whether two type indices surely stand for the same type."""
    plain = context.table(plain_types)
    return one == other or (one in plain and plain[one] == plain.get(other))


DIRECTIZE = Pass("directize", "call functions at known places of tables directly", directize)
