"""The tier that compares values, not locals: what it proves, and what it must not prove."""

from __future__ import annotations

import pytest

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.instr import InstrPool
from wasmopt.validate import validate
from wasmopt.verify.same_values import same_values

HEAD = """(memory 1) (global (mut i32) (i32.const 9)) (global i32 (i32.const 70000))
    (global (mut i32) (i32.const 5)) (import "e" "f" (func (param i32) (result i32)))"""


def same(before: str, after: str) -> bool:
    """Whether the two bodies, with their types, are proved to be the same."""
    pool = InstrPool()
    head = HEAD.split("(import")
    modules = [
        module_of(
            f"(import {head[1]} {head[0]} (func {each}) (func i32.const 1 global.set 0)", pool
        )
        for each in (before, after)
    ]
    for module in modules:
        validate(module)
    first, second = [module.functions[0] for module in modules]
    context = Context(modules[0])
    assert same_values(first, second, context) == same_values(second, first, context)
    return same_values(first, second, context)


EQUAL = {
    "copies": (
        "(param i32) (result i32) local.get 0 local.get 0 i32.mul",
        "(param i32) (result i32) (local i32 i32) local.get 0 local.tee 2 local.set 1 local.get 1 "
        "local.get 2 i32.mul",
    ),
    "pure code in another order": (
        "(param i32) local.get 0 i32.const 0 i32.load i32.store",
        "(param i32) (local i32) i32.const 0 i32.load local.set 1 local.get 0 local.get 1 "
        "i32.store",
    ),
    "a local split in two across a loop": (
        """(param i32) (result i32) (local i32) i32.const 3 local.set 1 local.get 1 call 0 drop
           i32.const 0 local.set 1 loop local.get 1 i32.const 1 i32.add local.tee 1
           local.get 0 i32.lt_u br_if 0 end local.get 1""",
        """(param i32) (result i32) (local i32 i32) i32.const 3 local.set 1 local.get 1 call 0 drop
           loop local.get 2 i32.const 1 i32.add local.tee 2
           local.get 0 i32.lt_u br_if 0 end local.get 2""",
    ),
    "two locals that hold the same throughout a loop": (
        """(param i32) (local i32 i32) loop local.get 1 i32.const 1 i32.add local.set 1
           local.get 2 i32.const 1 i32.add local.set 2 local.get 1 local.get 2 i32.store
           local.get 1 local.get 0 i32.lt_u br_if 0 end""",
        """(param i32) (local i32) loop local.get 1 i32.const 1 i32.add local.set 1
           local.get 1 local.get 1 i32.store local.get 1 local.get 0 i32.lt_u br_if 0 end""",
    ),
    "a join of the same values": (
        """(param i32 i32) (result i32) local.get 0 if local.get 1 call 0 local.set 1 end
           local.get 1""",
        """(param i32 i32) (result i32) (local i32) local.get 1 local.set 2
           local.get 0 if local.get 1 call 0 local.set 2 end local.get 2""",
    ),
    "brackets and branches that fall": (
        "(param i32) (result i32) local.get 0 call 0",
        "(param i32) (result i32) block (result i32) local.get 0 call 0 br 0 end return",
    ),
    "an early return": (
        "(param i32) (result i32) local.get 0 if i32.const 1 return end i32.const 2",
        "(param i32) (result i32) (local i32) i32.const 1 local.set 1 i32.const 2 "
        "local.get 0 if local.get 1 return end",
    ),
    "an immutable global is its constant": (
        "(result i32) i32.const 70000 i32.load",
        "(result i32) global.get 1 i32.load",
    ),
    "a global that nobody writes is its constant": (
        "(result i32) i32.const 5 call 0",
        "(result i32) global.get 2 call 0",
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_values_are_proved(name: str) -> None:
    assert same(*EQUAL[name])


DIFFERENT = {
    "another local": (
        "(param i32 i32) (result i32) local.get 0",
        "(param i32 i32) (result i32) local.get 1",
    ),
    "a local read before and after a write": (
        "(param i32) (result i32) local.get 0 i32.const 1 local.set 0 local.get 0 i32.sub",
        "(param i32) (result i32) i32.const 1 local.set 0 local.get 0 local.get 0 i32.sub",
    ),
    "a value of the iteration before": (
        """(param i32) (local i32 i32) loop local.get 0 call 0 local.set 1 local.get 1 local.get 2
           i32.store local.get 1 local.set 2 local.get 1 br_if 0 end""",
        """(param i32) (local i32 i32) loop local.get 0 call 0 local.set 1 local.get 1 local.get 1
           i32.store local.get 1 local.set 2 local.get 1 br_if 0 end""",
    ),
    "a value that differs from the second iteration on": (
        """(param i32) (local i32) loop local.get 0 local.get 1 i32.store
           local.get 0 call 0 local.tee 1 br_if 0 end""",
        """(param i32) (local i32) loop local.get 0 i32.const 0 i32.store
           local.get 0 call 0 local.tee 1 br_if 0 end""",
    ),
    "two loop variables swapped from the third iteration on": (
        """(param i32) (local i32 i32 i32) loop local.get 1 local.get 3 i32.store
           local.get 2 local.set 1 local.get 3 local.set 2 i32.const 7 local.set 3
           local.get 0 call 0 br_if 0 end""",
        """(param i32) (local i32 i32 i32) loop local.get 2 local.get 3 i32.store
           local.get 2 local.set 1 local.get 3 local.set 2 i32.const 7 local.set 3
           local.get 0 call 0 br_if 0 end""",
    ),
    "the other arm": (
        "(param i32) (result i32) local.get 0 if (result i32) i32.const 1 else i32.const 2 end",
        "(param i32) (result i32) local.get 0 if (result i32) i32.const 2 else i32.const 1 end",
    ),
    "a write in one arm only": (
        "(param i32) (result i32) local.get 0 if i32.const 1 local.set 0 end local.get 0",
        "(param i32) (result i32) i32.const 1 local.set 0 local.get 0 if nop end local.get 0",
    ),
    "effects in another order": (
        "(param i32) local.get 0 i32.load drop local.get 0 local.get 0 i32.store",
        "(param i32) local.get 0 local.get 0 i32.store local.get 0 i32.load drop",
    ),
    "a trap that is gone": (
        "(param i32) local.get 0 i32.load drop",
        "(param i32)",
    ),
    "an endless loop that is gone": ("loop br 0 end", "nop"),
    "a branch to another label": (
        "(param i32) block block local.get 0 br_if 0 i32.const 1 global.set 0 end "
        "i32.const 2 global.set 0 end",
        "(param i32) block block local.get 0 br_if 1 i32.const 1 global.set 0 end "
        "i32.const 2 global.set 0 end",
    ),
    "another result of a branch": (
        "(param i32) (result i32) block (result i32) i32.const 1 local.get 0 br_if 0 drop "
        "i32.const 2 end",
        "(param i32) (result i32) block (result i32) i32.const 2 local.get 0 br_if 0 drop "
        "i32.const 2 end",
    ),
    "another early result": (
        "(param i32) (result i32) i32.const 1 local.get 0 br_if 0 drop i32.const 2",
        "(param i32) (result i32) i32.const 3 local.get 0 br_if 0 drop i32.const 2",
    ),
    "a global that is written": (
        "(result i32) i32.const 9 call 0",
        "(result i32) global.get 0 call 0",
    ),
    "a global read before and after a write": (
        "(result i32) global.get 0 i32.const 1 global.set 0",
        "(result i32) i32.const 1 global.set 0 global.get 0",
    ),
    "another case of a table": (
        "(param i32) block block local.get 0 br_table 0 1 0 end i32.const 1 global.set 0 end",
        "(param i32) block block local.get 0 br_table 1 0 0 end i32.const 1 global.set 0 end",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_are_not_proved(name: str) -> None:
    assert not same(*DIFFERENT[name])
