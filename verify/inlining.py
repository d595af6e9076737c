"""Calls replaced by the bodies of what they call, so that two versions can be compared without.

    args  call f   →   args  local.set b  local.set a          the parameters of f
                       i32.const 0  local.set c                its locals, at every call
                       block (result …)  body of f  end        `return` is a branch to the block

The block is left out where nothing in the body branches to it.  Locals of f are new locals of
the caller, the same ones for each call of f: each call gives all of them their first value.

Claim: a function does the same before and after; what differs is the depth of the call stack,
which is not observed.  A body that makes a tail call is not put in place: the tail call would
stand within the caller's exception handlers, which it must not see.

Source: WebAssembly 3.0, Execution, Instructions (function calls).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr, InstrPool
from wasmopt.reader import Reader
from wasmopt.structure import OPENERS, labels
from wasmopt.types import (
    F32,
    F64,
    I32,
    I64,
    REF_NULL_PREFIX,
    V128,
    FuncType,
    ValType,
    is_defaultable,
    read_heap_type,
)
from wasmopt.validate import LEGACY_EXCEPTIONS

MAX_EXPANSION: Final = 400_000
"""Instructions of one function with all calls in it replaced."""

_ZEROS: Final = {I32: "i32.const", I64: "i64.const", F32: "f32.const", F64: "f64.const"}
_LOCAL_ACCESSES: Final = frozenset(["local.get", "local.set", "local.tee"])


class ExpansionError(Exception):
    """Calls cannot be replaced; the message says why."""


def zero(value_type: ValType, pool: InstrPool) -> Instr | None:
    """What pushes the first value of a local; None for a type without one."""
    if value_type in _ZEROS:
        return pool.make(_ZEROS[value_type], 0)
    if value_type == V128:
        return pool.make("v128.const", bytes(16))
    if not is_defaultable(value_type):
        return None
    if value_type[0] == REF_NULL_PREFIX:
        return pool.make("ref.null", read_heap_type(Reader(value_type, 1)))
    return pool.make("ref.null", bytes(value_type[:1]))


@dataclass(frozen=True, slots=True)
class _Inlay:
    """A body ready to be put in place; its locals count from 0, parameters first."""

    types: tuple[ValType, ...]
    params: int
    opening: tuple[Instr, ...]
    body: tuple[Instr, ...]


class Inliner:
    """Replaces the calls of some functions.

    Args:
        callees: the functions whose calls are replaced, by index.
        context: the module around them.
    """

    def __init__(self, callees: Mapping[int, Function], context: Context) -> None:
        self._callees: Final = callees
        self._context: Final = context
        self._pool: Final = context.pool
        self._calls: Final = {self._pool.make("call", index): index for index in callees}
        self._inlays: Final[dict[int, _Inlay]] = {}

    def __call__(self, function: Function) -> Function:
        """The function without those calls; the very same object if it has none.

        Raises:
            ExpansionError: functions call each other in a circle, or the result is too long.
        """
        for index in self._order(function):
            if index not in self._inlays:
                self._inlays[index] = self._inlay(self._expand(self._callees[index]))
        return self._expand(function)

    def _called(self, function: Function) -> list[int]:
        return [self._calls[i] for i in self._calls.keys() & set(function.body)]

    def _order(self, function: Function) -> list[int]:
        """All functions to be put in place, each behind those that it calls itself."""
        order: list[int] = []
        state: dict[int, bool] = {}
        pending = [(index, False) for index in sorted(self._called(function))]
        while pending:
            index, done = pending.pop()
            if done:
                state[index] = True
                order.append(index)
            elif index not in state:
                state[index] = False
                pending.append((index, True))
                pending += [(each, False) for each in sorted(self._called(self._callees[index]))]
            elif not state[index]:
                raise ExpansionError("functions to be put in place call each other in a circle")
        return order

    def _expand(self, function: Function) -> Function:
        """The function with the inlays in place of calls."""
        called = self._called(function)
        if not called:
            return function
        types = [*self._context.param_types(function), *function.local_types()]
        params = len(types) - len(function.local_types())
        placed: dict[Instr, tuple[Instr, ...]] = {}
        length = len(function.body)
        for index in sorted(called):
            inlay = self._inlays[index]
            placed[self._pool.make("call", index)] = self._placed(inlay, len(types))
            types += inlay.types
        body: list[Instr] = []
        for instr in function.body:
            inlaid = placed.get(instr)
            if inlaid is None:
                body.append(instr)
                continue
            length += len(inlaid)
            if length > MAX_EXPANSION:
                raise ExpansionError("budget: too long with calls replaced")
            body += inlaid
        return Function(function.type_index, group_locals(types[params:]), tuple(body))

    def _placed(self, inlay: _Inlay, base: int) -> tuple[Instr, ...]:
        """The instructions of an inlay with its locals counted from `base`."""
        make = self._pool.make
        setting = [make("local.set", base + place) for place in reversed(range(inlay.params))]
        for place in range(inlay.params, len(inlay.types)):
            first = zero(inlay.types[place], self._pool)
            if first is not None:
                setting += [first, make("local.set", base + place)]
        moved = {
            instr: make(instr.name, base + instr.immediates[0])
            for instr in set(inlay.body)
            if instr.name in _LOCAL_ACCESSES
        }
        return (*setting, *inlay.opening, *[moved.get(instr, instr) for instr in inlay.body])

    def _inlay(self, function: Function) -> _Inlay:
        params = self._context.param_types(function)
        results = self._context.signatures.func_type(function.type_index).results
        body, is_target = self._without_returns(function.body)
        opening: tuple[Instr, ...] = ()
        if is_target:
            opening = (self._pool.make("block", self._block_type(results)),)
        else:
            body = body[:-1]
        return _Inlay((*params, *function.local_types()), len(params), opening, body)

    def _without_returns(self, body: tuple[Instr, ...]) -> tuple[tuple[Instr, ...], bool]:
        """The body with branches for `return`; whether anything branches to the whole body."""
        found: list[Instr] = []
        depth = 0
        is_target = False
        for instr in body:
            name = instr.name
            if name in LEGACY_EXCEPTIONS or name.startswith("return_call"):
                raise ExpansionError(f"a body with {name} cannot be put in place of a call")
            if name == "return":
                is_target = True
                found.append(self._pool.make("br", depth))
                continue
            is_target = is_target or depth in labels(instr)
            depth += (name in OPENERS) - (name == "end")
            found.append(instr)
        return tuple(found), is_target

    def _block_type(self, results: tuple[ValType, ...]) -> int | ValType | None:
        if len(results) < 2:
            return results[0] if results else None
        for index, sub in enumerate(self._context.signatures.types):
            if sub.composite == FuncType((), results):
                return index
        raise ExpansionError("no type for a block with several results")
