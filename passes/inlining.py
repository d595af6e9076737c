"""Inlining: puts the body of a function that is called once in the place of its call.

    args  call $f     →   args  local.set b  local.set a       parameters and locals of $f are
                          i32.const 0  local.set c             new locals; zero in loops only
    (func $f …)           block (result …)  body  end          no block where nothing returns early
    local.get x call $f   body with x                          where $f does not write its parameter

Needs: that the one call is all that names the function: it is not exported, in no segment, no
`ref.func`, not the start function.  Keeps: bodies with tail calls, legacy exceptions, or several
results and an early return.  Costs: one walk over the callers; the function goes if its caller
grows by less than the function took.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Kind, Module, Signatures
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import compressed, follow
from wasmopt.passes.module_uses import count_uses
from wasmopt.reader import unsigned_leb_size
from wasmopt.structure import OPENERS, labels
from wasmopt.types import F32, F64, I32, I64
from wasmopt.validate import LEGACY_EXCEPTIONS

_ZEROS = {I32: "i32.const", I64: "i64.const", F32: "f32.const", F64: "f64.const"}
_ACCESSES = frozenset(["local.get", "local.set", "local.tee"])
MOST_LOCALS = 1000
"""Locals that a caller has afterwards at most: engines have to keep them all."""


def inline(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Put functions that are called once in the place of their calls."""
    imported = len(module.imported(Kind.FUNCTION))
    callers = _only_callers(module, imported)
    functions = dict(enumerate(module.functions, imported))
    gone: set[int] = set()
    signatures = Signatures(module)
    for index in _callees_first(callers):
        caller = callers[index]
        inlined = _put_in_place(functions[caller], index, functions[index], signatures, module.pool)
        if inlined is not None:
            functions[caller] = inlined
            gone.add(index)
    if not gone:
        return None
    changed = replace(module, functions=tuple(functions.values()))
    claim = Correspondence(
        {
            Kind.FUNCTION: compressed(
                [index not in gone for index in range(imported + len(functions))]
            )
        }
    )
    return follow(changed, claim), replace(claim, inlined=frozenset(gone))


def _only_callers(module: Module, imported: int) -> dict[int, int]:
    """Functions that one call names and nothing else, and where that call is."""
    counts = count_uses(module, "func")
    callers: dict[int, int] = {}
    for caller, function in enumerate(module.functions, imported):
        for instr in set(function.body):
            if instr.name == "call":
                callee = instr.immediates[0]
                if callee >= imported and counts[callee] == 1 and callee != caller:
                    callers[callee] = caller
    return dict(sorted(callers.items()))


def _callees_first(callers: dict[int, int]) -> list[int]:
    """The functions in an order that takes what is put into a function before it itself goes."""
    waiting = Counter(caller for caller in callers.values() if caller in callers)
    ready = [index for index in callers if not waiting[index]]
    order: list[int] = []
    while ready:
        index = ready.pop()
        order.append(index)
        caller = callers[index]
        waiting[caller] -= 1
        if caller in callers and not waiting[caller]:
            ready.append(caller)
    return order


def _put_in_place(
    caller: Function, index: int, callee: Function, signatures: Signatures, pool: InstrPool
) -> Function | None:
    """The caller with the callee's body in the place of its call; None if that does not pay."""
    call_type = signatures.func_type(callee.type_index)
    params = signatures.func_type(caller.type_index).params
    body = _without_returns(callee.body, pool)
    if body is None:
        return None
    returns = _is_target(body)
    if returns and len(call_type.results) > 1:
        return None
    call = pool.make("call", index)
    place = caller.body.index(call)
    passed = _passed_on(caller.body[:place], callee, len(call_type.params))
    types = [*params, *caller.local_types()]
    own_types = [*call_type.params, *callee.local_types()]
    own = [local for local in range(len(own_types)) if local not in passed]
    if len(types) + len(own) > MOST_LOCALS:
        return None
    images = passed | {local: position for position, local in enumerate(own, len(types))}
    sets = [
        pool.make("local.set", images[local])
        for local in reversed(own)
        if local < len(call_type.params)
    ]
    if _in_loop(caller.body[:place]):
        for local in range(len(call_type.params), len(own_types)):
            if own_types[local] not in _ZEROS:
                return None
            sets += [pool.make(_ZEROS[own_types[local]], 0), pool.make("local.set", images[local])]
    moved = [pool.make(i.name, images[i.immediates[0]]) if i.name in _ACCESSES else i for i in body]
    if returns:
        moved.insert(0, pool.make("block", call_type.results[0] if call_type.results else None))
    else:
        moved.pop()
    groups = group_locals([*types, *[own_types[local] for local in own]][len(params) :])
    kept = caller.body[: place - len(passed)]
    new_body = (*kept, *sets, *moved, *caller.body[place + 1 :])
    inlined = Function(caller.type_index, groups, new_body)
    before = caller.entry_size() + callee.entry_size() + unsigned_leb_size(callee.type_index)
    return inlined if inlined.entry_size() < before else None


def _passed_on(prefix: tuple[Instr, ...], callee: Function, params: int) -> dict[int, int]:
    """The last parameters that are given locals of the caller, and not written; which locals."""
    written = {i.immediates[0] for i in callee.body if i.name in ("local.set", "local.tee")}
    passed: dict[int, int] = {}
    for param, instr in zip(reversed(range(params)), reversed(prefix), strict=False):
        if instr.name != "local.get" or param in written:
            break
        passed[param] = instr.immediates[0]
    return passed


def _in_loop(prefix: tuple[Instr, ...]) -> bool:
    """Whether what follows stands in a loop."""
    nested: list[bool] = []
    for instr in prefix:
        if instr.name in OPENERS:
            nested.append(instr.name == "loop")
        elif instr.name in ("end", "delegate"):
            nested.pop()
    return any(nested)


def _without_returns(body: tuple[Instr, ...], pool: InstrPool) -> list[Instr] | None:
    """The body with branches for `return`; None if it cannot be put in place of a call."""
    found: list[Instr] = []
    depth = 0
    for instr in body:
        name = instr.name
        if name in LEGACY_EXCEPTIONS or name.startswith("return_call"):
            return None
        found.append(pool.make("br", depth) if name == "return" else instr)
        depth += (name in OPENERS) - (name == "end")
    return found


def _is_target(body: list[Instr]) -> bool:
    """Whether anything branches to the body as a whole."""
    depth = 0
    for instr in body:
        if depth in labels(instr):
            return True
        depth += (instr.name in OPENERS) - (instr.name == "end")
    return False


INLINING = ModulePass("inlining", "put functions called once in the place of their calls", inline)
