"""Broken twins of the passes that move values between locals or calls: they change nothing."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from tests.support import module_of
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.liveness import Liveness
from wasmopt.manager import Manager
from wasmopt.options import Options
from wasmopt.passes import REGISTRY, dead_stores, directize
from wasmopt.passes.coalesce_locals import _Arrangement
from wasmopt.passes.local_values import LocalValues, Values
from wasmopt.verify import Prover


def dead_sets_of_code_that_never_goes_back(liveness: Liveness) -> list[int]:
    body = liveness._body
    reads = [instr.immediates[0] if instr.name == "local.get" else -1 for instr in body]
    return [
        index
        for index, instr in enumerate(body)
        if instr.name == "local.set" and instr.immediates[0] not in reads[index:]
    ]


def dead_sets_that_one_path_does_not_read(liveness: Liveness) -> list[int]:
    body = liveness._body
    sets = [index for index, instr in enumerate(body) if instr.name == "local.set"]
    return [
        index
        for index in sets
        if any(body[later].immediates == body[index].immediates for later in sets if later > index)
    ]


def drop_with_operand(function: Function, context: Context) -> Function:
    """Takes loads out with their address, and so forgets that they trap."""
    body = list(function.body)
    for place in range(len(body) - 2):
        names = [instr.name for instr in body[place : place + 3]]
        if names == ["local.get", "i32.load", "drop"]:
            return function.with_body([*body[:place], *body[place + 3 :]])
    return function


def fits_whatever_is_live(_: _Arrangement, one: Any, other: Any) -> bool:
    local = max(one.local, other.local)
    return one.type == other.type and min(one.local, other.local) in (-1, local)


def fits_where_zero_is_expected(self: _Arrangement, one: Any, other: Any) -> bool:
    apart = one.conflicts & other.members or other.conflicts & one.members
    return fits_whatever_is_live(self, one, other) and not apart


def nothing_is_ever_false(self: LocalValues, _: int) -> list[int]:
    return [0] * len(self.flow.successors)


def parameters_begin_with_zero(self: LocalValues, _: int) -> list[int]:
    return SOLVE(self, -1)


SOLVE = LocalValues._solve


def write_that_leaves_old_values(self: Values, local: int, value: Any) -> None:
    self.holders.setdefault(value, {})[local] = None


def entries_of_any_table(context: Context) -> dict[int, dict[int, int]]:
    return {table: {0: 0, 1: 1} for table in range(len(context.signatures.tables))}


TABLE = """(type $t (func (param i32)))
    (import "e" "f" (func (param i32))) (import "e" "g" (func (param i64)))"""

TWINS = {
    "dead-stores forgets loops": (
        ("dead-stores", Liveness, "dead_sets", dead_sets_of_code_that_never_goes_back),
        """(func (result i32) (local i32)
        loop local.get 0 i32.const 9 i32.eq if i32.const 1 return end
        i32.const 9 local.set 0 br 0 end unreachable)""",
    ),
    "dead-stores forgets a path": (
        ("dead-stores", Liveness, "dead_sets", dead_sets_that_one_path_does_not_read),
        """(func (param i32) (result i32) (local i32) i32.const 5 local.set 1
        local.get 0 if i32.const 6 local.set 1 end local.get 1)""",
    ),
    "dead-stores forgets that a load traps": (
        ("dead-stores", dead_stores, "remove_dropped_values", drop_with_operand),
        "(memory 1) (func (param i32) (local i32) local.get 0 i32.load local.set 1)",
    ),
    "coalesce-locals forgets what is live": (
        ("coalesce-locals", _Arrangement, "fit", fits_whatever_is_live),
        """(func (param i32) (result i32) (local i32) local.get 0 local.set 1
        loop local.get 1 i32.const 3 i32.mul local.tee 1 br_if 0 end
        local.get 0 local.get 1 i32.sub)""",
    ),
    "coalesce-locals forgets that parameters are no zeros": (
        ("coalesce-locals", _Arrangement, "fit", fits_where_zero_is_expected),
        """(func (param i64) (result i64) (local i64)
        loop (result i64) local.get 1 i64.const 1 i64.add local.tee 1 i64.const 9 i64.lt_u br_if 0
        local.get 1 local.get 1 i64.mul end)""",
    ),
    "merge-locals forgets a path": (
        ("merge-locals", LocalValues, "_solve", nothing_is_ever_false),
        """(func (param i32) (result i32) (local i32) i32.const 3 local.set 1
        local.get 0 if i32.const 7 local.set 1 end
        local.get 1 global.set $g i32.const 7 local.set 1 local.get 1 local.get 1 i32.mul)
        (global $g (mut i32) (i32.const 0))""",
    ),
    "merge-locals forgets that parameters are no zeros": (
        ("merge-locals", LocalValues, "_solve", parameters_begin_with_zero),
        "(func (param i32) (result i32) i32.const 0 local.set 0 local.get 0 local.get 0 i32.add)",
    ),
    "merge-locals forgets what was overwritten": (
        ("merge-locals", Values, "write", write_that_leaves_old_values),
        """(func (param i32 i32) (result i32) i32.const 70000 local.set 0
        local.get 1 local.set 0 i32.const 70000 local.get 0 i32.sub)""",
    ),
    "directize forgets that a table may change": (
        ("directize", directize, "constant_tables", entries_of_any_table),
        f"""{TABLE} (table (export "table") 2 funcref) (elem (i32.const 0) func 0 1)
        (func (param i32) local.get 0 i32.const 0 call_indirect (type $t))""",
    ),
    "directize forgets that a place may be empty": (
        ("directize", directize, "constant_tables", entries_of_any_table),
        f"""{TABLE} (table 2 funcref)
        (func (param i32) local.get 0 i32.const 0 call_indirect (type $t))""",
    ),
    "directize forgets that a type may be wrong": (
        ("directize", directize, "_same_type", lambda *_: True),
        f"""{TABLE} (table 2 funcref) (elem (i32.const 0) func 0 1)
        (func (param i32) local.get 0 i32.const 1 call_indirect (type $t))""",
    ),
}


@pytest.mark.parametrize(("mistake", "wat"), TWINS.values(), ids=TWINS)
def test_a_broken_pass_is_put_back(mistake: tuple[str, Any, str, object], wat: str) -> None:
    pass_name, owner, attribute, wrong = mistake

    def broken(function: Function, context: Context) -> Function:
        with patch.object(owner, attribute, wrong):
            return REGISTRY[pass_name].run(function, context)

    manager = Manager([Pass("broken", "a wrong pass", broken)], Options(), Prover())
    module = module_of(wat)
    assert manager.run(module) is module
    report = manager.reports["broken"]
    assert report.attempts - report.grown == report.reverted.total() == 1
