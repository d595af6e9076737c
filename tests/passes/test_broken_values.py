"""Broken twins of the passes that move, swap and share values: they change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.passes.twins import Mistake, assert_put_back
from wasmopt.passes import (
    compare_operands,
    compare_operands_slots,
    join_stores,
    simplify_locals_sink,
    stack_order,
)
from wasmopt.passes.code_summary import Piece, Spans
from wasmopt.passes.compare_operands_slots import SWAPPED, _Slots
from wasmopt.passes.cse_locals import Locals
from wasmopt.passes.dominance import Dominance
from wasmopt.passes.join_stores import Run
from wasmopt.passes.simplify_locals_results import _Results
from wasmopt.passes.simplify_locals_sink import _HANDLERS, _Candidate, _Sinking
from wasmopt.passes.value_numbers import ValueNumbers


def opens_a_loop_like_a_block(self: _Sinking, index: int, _: Any) -> None:
    self.open.append(index)
    self.depths[index] = len(self.open)


def is_in_the_way_unless_it_branches(self: _Results, index: int, height: int) -> bool:
    return self.body[index].name != "br_if" and IS_IN_THE_WAY(self, index, height)


IS_IN_THE_WAY = _Results.is_in_the_way


def neighbour_on_the_wrong_side(op: str, constant: Any, pool: Any) -> Any:
    return op.replace("gt", "ge"), pool.make(constant.name, constant.immediates[0] - 1)


def takes_what_has_the_same_base(self: Run, base: Any, _: Any) -> bool:
    return bool(base == self.base)


def takes_any_base(self: Run, _: Any, store: Any) -> bool:
    return TAKES(self, self.base, store)


TAKES = Run.takes


TWINS = {
    "simplify-locals forgets effects": (
        Mistake("simplify-locals", simplify_locals_sink, "conflict", lambda *_: False),
        """(memory 1) (func (param i32) (result i32) (local i32) local.get 0 i32.load local.set 1
        local.get 0 i32.const 7 i32.store local.get 1)""",
    ),
    "simplify-locals forgets that a trap comes first": (
        Mistake("simplify-locals", simplify_locals_sink, "conflict", lambda *_: False),
        """(import "e" "f" (func $f)) (func (param i32 i32) (result i32) (local i32)
        local.get 0 local.get 1 i32.div_s local.set 2 call $f local.get 2)""",
    ),
    "simplify-locals forgets the other way": (
        Mistake("simplify-locals", _Candidate, "is_missed", lambda *_: False),
        """(import "e" "f" (func $f (param i32))) (func (param i32 i32) (result i32) (local i32)
        local.get 0 i32.const 3 i32.mul local.set 2
        block local.get 1 br_if 0 local.get 2 call $f end local.get 2)""",
    ),
    "simplify-locals forgets that a trap may be on the other way": (
        Mistake("simplify-locals", _Candidate, "is_missed", lambda *_: False),
        """(import "e" "f" (func $f (param i32))) (memory 1) (func (param i32 i32) (local i32)
        local.get 0 i32.load local.set 2 local.get 1 if local.get 2 call $f end)""",
    ),
    "simplify-locals goes into a loop": (
        Mistake(
            "simplify-locals",
            simplify_locals_sink,
            "_HANDLERS",
            {**_HANDLERS, "loop": opens_a_loop_like_a_block},
        ),
        """(import "e" "f" (func $f (param i32) (result i32))) (func (param i32) (local i32)
        local.get 0 i32.const 3 i32.mul local.set 1
        loop local.get 1 call $f local.tee 0 br_if 0 end)""",
    ),
    "simplify-locals forgets who leaves before the end": (
        Mistake("simplify-locals", _Results, "is_in_the_way", is_in_the_way_unless_it_branches),
        """(import "e" "f" (func $f (result i32))) (func (result i32) (local i32)
        block call $f if call $f local.set 0 call $f br_if 1 else call $f local.set 0 end
        local.get 0 return end local.get 0)""",
    ),
    "compare-operands swaps what cannot be swapped": (
        Mistake(
            "compare-operands",
            compare_operands_slots,
            "SWAPPED",
            {**SWAPPED, "i32.sub": "i32.sub"},
        ),
        """(import "e" "f" (func $f (result i32))) (func (result i32) (local i32)
        call $f local.set 0 call $f local.get 0 i32.sub)""",
    ),
    "compare-operands turns a comparison the wrong way": (
        Mistake(
            "compare-operands",
            compare_operands_slots,
            "SWAPPED",
            {**SWAPPED, "i32.lt_s": "i32.ge_s"},
        ),
        """(import "e" "f" (func $f (result i32))) (func (result i32) (local i32)
        call $f local.set 0 call $f local.get 0 i32.lt_s)""",
    ),
    "compare-operands forgets that values cross": (
        Mistake("compare-operands", _Slots, "close_from", lambda *_: None),
        """(import "e" "f" (func $f (result i32))) (import "e" "u" (func $u (param i32)))
        (func (local i32 i32) call $f local.set 0 call $f local.set 1
        local.get 0 call $u local.get 1 call $u)""",
    ),
    "compare-operands takes the neighbour on the wrong side": (
        Mistake(
            "compare-operands", compare_operands, "shortest_comparison", neighbour_on_the_wrong_side
        ),
        "(func (param i64) (result i32) local.get 0 i64.const 64 i64.gt_s)",
    ),
    "stack-order forgets effects": (
        Mistake("stack-order", stack_order, "conflict", lambda *_: False),
        """(import "e" "f" (func $f (result i32))) (memory 1) (func (param i32) (local i32)
        call $f local.set 1 local.get 0 i32.load local.get 1 i32.store)""",
    ),
    "stack-order forgets that a trap comes behind a branch": (
        Mistake("stack-order", stack_order, "conflict", lambda *_: False),
        """(import "e" "f" (func $f (param i32 i32))) (memory 1) (func (param i32) (local i32)
        i32.const 5 local.set 1 local.get 0 br_if 0
        local.get 0 i32.load local.get 1 call $f)""",
    ),
    "stack-order forgets which locals operands read": (
        Mistake("stack-order", Spans, "summary", lambda *_: Piece()),
        """(import "e" "f" (func $f (result i32))) (memory 1) (func (param i32) (local i32)
        call $f local.set 1 call $f local.set 0 local.get 0 local.get 1 i32.store)""",
    ),
    "stack-order forgets values below": (
        Mistake("stack-order", stack_order, "_stays_above", lambda *_: True),
        """(import "e" "f" (func $f (result i32))) (import "e" "u" (func $u (param i32)))
        (memory 1) (func (param i32) (local i32)
        i32.const 5 call $f local.set 1 call $u call $f local.get 0 local.get 1 i32.store
        call $u)""",
    ),
    "join-stores forgets that the lower one is written before the upper one traps": (
        Mistake("join-stores", Run, "takes", takes_what_has_the_same_base),
        """(memory 1) (func (param i32) local.get 0 i32.const 0 i32.store
        local.get 0 i32.const 0 i32.store offset=4)""",
    ),
    "join-stores forgets by what address": (
        Mistake("join-stores", Run, "takes", takes_any_base),
        """(memory 1) (func (param i32 i32) local.get 0 i32.const 0 i32.store offset=4
        local.get 1 i32.const 0 i32.store)""",
    ),
    "join-stores forgets what is between": (
        Mistake("join-stores", join_stores, "is_removable", lambda *_: True),
        """(import "e" "f" (func $f)) (memory 1) (func (param i32)
        local.get 0 i32.const 0 i32.store offset=4 call $f local.get 0 i32.const 0 i32.store)""",
    ),
    "join-stores forgets that the address changes": (
        Mistake("join-stores", join_stores._Walk, "write", lambda *_: None),
        """(memory 1) (func (param i32 i32) local.get 0 i32.const 0 i32.store offset=4
        local.get 1 local.set 0 local.get 0 i32.const 0 i32.store)""",
    ),
    "join-stores forgets that ways meet": (
        Mistake("join-stores", join_stores, "_FORGETS", frozenset()),
        """(memory 1) (func (param i32 i32) local.get 1 if local.get 0 i64.load drop end
        local.get 0 i32.const 0 i32.store local.get 0 i32.const 0 i32.store offset=4)""",
    ),
    "cse forgets where code may not run": (
        Mistake("cse", Dominance, "until", lambda *_: 1 << 30),
        """(import "e" "f" (func $f (param i32))) (func (param i32) (local i32)
        local.get 0 if local.get 0 i32.const 70000 i32.add call $f end
        local.get 0 i32.const 70000 i32.add call $f local.get 0 call $f local.get 1 call $f)""",
    ),
    "cse forgets writes": (
        Mistake("cse", ValueNumbers, "_changes", lambda *_: ()),
        """(import "e" "f" (func $f (param i32))) (memory 1) (func (param i32) (local i32)
        local.get 0 i32.load offset=8 call $f local.get 0 i32.const 5 i32.store offset=8
        local.get 0 i32.load offset=8 call $f local.get 0 call $f local.get 1 call $f)""",
    ),
    "cse forgets that ways meet": (
        Mistake("cse", ValueNumbers, "_meet", ValueNumbers._take_back),
        """(import "e" "f" (func $f (param i32))) (func (param i32 i32) (local i32)
        local.get 0 i32.const 70000 i32.add call $f
        local.get 1 if i32.const 5 local.set 0 end
        local.get 0 i32.const 70000 i32.add call $f local.get 0 call $f local.get 2 call $f
        local.get 1 call $f)""",
    ),
    "cse takes a local that is not free": (
        Mistake("cse", Locals, "_is_free", lambda *_: True),
        """(import "e" "f" (func $f (param i32))) (func (param i32)
        local.get 0 i32.const 70000 i32.add call $f local.get 0 i32.const 70000 i32.add call $f
        local.get 0 call $f)""",
    ),
}


@pytest.mark.parametrize(("mistake", "wat"), TWINS.values(), ids=TWINS)
def test_a_broken_pass_is_put_back(mistake: Mistake, wat: str) -> None:
    assert_put_back(mistake, wat)
