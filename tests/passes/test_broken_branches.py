"""Broken twins of the passes on control: they change nothing."""

from __future__ import annotations

import pytest

from tests.passes.twins import Mistake, assert_put_back
from wasmopt.arity import Arity
from wasmopt.instr import InstrPool
from wasmopt.passes import branches, control_tree, fold_tails
from wasmopt.passes.branches import NEGATED, _Rewrite
from wasmopt.passes.control_tree import Branch, Construct, Item
from wasmopt.passes.equal_tails import Arm, EqualTails, Tails
from wasmopt.passes.fold_tails import _Folding

HEAD = '(import "e" "f" (func $f (result i32))) (import "e" "g" (func $g (param i32)))'
BLOCK = """(func block call $f {test} br_if 0 i32.const 1 call $g end
    i32.const 2 call $g)"""


def forgets_to_turn(_code: list[Item], _pool: InstrPool) -> None:
    pass


def takes_any_tail(self: _Rewrite, it: Construct) -> int:
    return min(map(len, it.arms))


def looks_at_names_alone(self: EqualTails, item: Item) -> tuple[object, int, Arity]:
    _, size, arity = FACTS(self, item)
    if isinstance(item, Construct):
        return item.name, size, arity
    return (item.instr if isinstance(item, Branch) else item).name, size, arity


def believes_that_control_gets_there(_self: _Folding, _tails: Tails, _arm: Arm) -> bool:
    return True


FACTS = EqualTails._facts
TAIL = "i32.const 4 call $g i32.const 5 call $g"
TWINS: dict[str, tuple[Mistake, str]] = {
    "branches forgets to turn the condition": (
        Mistake("branches", branches, "negate", forgets_to_turn),
        f"{HEAD} {BLOCK.format(test='')}",
    ),
    "branches turns a comparison wrongly": (
        Mistake("branches", branches, "NEGATED", {**NEGATED, "i32.lt_s": "i32.gt_s"}),
        f"{HEAD} {BLOCK.format(test='i32.const 5 i32.lt_s')}",
    ),
    "branches takes the order of floats for one with an opposite": (
        Mistake("branches", branches, "NEGATED", {**NEGATED, "f64.lt": "f64.ge"}),
        f"{HEAD} {BLOCK.format(test='f64.convert_i32_s f64.const 5 f64.lt')}",
    ),
    "branches takes tails for the same": (
        Mistake("branches", _Rewrite, "common_tail", takes_any_tail),
        f"""{HEAD} (func call $f if i32.const 1 call $g else i32.const 2 call $g end
        i32.const 3 call $g)""",
    ),
    "fold-tails takes calls for the same": (
        Mistake("fold-tails", EqualTails, "_facts", looks_at_names_alone),
        f"""{HEAD} (func call $f if {TAIL} else {TAIL.replace("4", "6")} end)""",
    ),
    "fold-tails takes branches for the same": (
        Mistake("fold-tails", EqualTails, "_facts", looks_at_names_alone),
        f"""{HEAD} (func block block call $f if {TAIL} call $f br_if 1 i32.const 7 call $g
        else call $f drop {TAIL} call $f br_if 2 i32.const 7 call $g end {TAIL} end {TAIL} end)""",
    ),
    "fold-tails forgets that control falls through": (
        Mistake("fold-tails", fold_tails, "leaves", lambda _items: True),
        f"""{HEAD} (func call $f if {TAIL} return end call $f if i32.const 8 call $g {TAIL} return
        end i32.const 9 call $g)""",
    ),
    "fold-tails forgets where a tail goes on": (
        Mistake("fold-tails", _Folding, "gets_there", believes_that_control_gets_there),
        f"""{HEAD} (func loop call $f if {TAIL} br 1 end call $f if i32.const 8 call $g {TAIL}
        br 1 end i32.const 9 call $g return end)""",
    ),
    "branches takes the header of a loop for its end": (
        Mistake("branches", control_tree.Construct, "place", property(lambda it: it.exit)),
        f"""{HEAD} (func block loop call $f br_if 0 i32.const 1 call $g end end
        i32.const 2 call $g)""",
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_what_a_broken_twin_does_is_put_back(name: str) -> None:
    mistake, fields = TWINS[name]
    assert_put_back(mistake, f"(module {fields})")
