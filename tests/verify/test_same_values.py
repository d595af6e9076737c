"""The tier that compares values, not locals: what it proves, and what it must not prove."""

from __future__ import annotations

from typing import Any

import pytest
import z3

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.instr import InstrPool
from wasmopt.validate import validate
from wasmopt.verify.same_values import Versions, same_values
from wasmopt.verify.value_rows import MIRRORED, comparison

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
    "loads in another order": (
        "(param i32 i32) (result i32) (local i32) local.get 0 i32.load local.set 2 "
        "local.get 1 i32.load8_u offset=9 local.get 2 i32.div_u",
        "(param i32 i32) (result i32) (local i32) local.get 1 i32.load8_u offset=9 local.set 2 "
        "local.get 0 i32.load align=1 local.set 1 local.get 2 local.get 1 i32.div_u",
    ),
    "one load for two": (
        "(param i32) (result i32) local.get 0 i32.load local.get 0 i32.load i32.add",
        "(param i32) (result i32) local.get 0 i32.load local.tee 0 local.get 0 i32.add",
    ),
    "a check that a larger one covers": (
        "(param i32) local.get 0 i32.load offset=4 drop local.get 0 i32.load8_u drop",
        "(param i32) local.get 0 i32.load offset=4 drop",
    ),
    "a check passed before a construct": (
        "(param i32 i32) local.get 0 i32.load drop local.get 1 if local.get 0 i32.load drop end",
        "(param i32 i32) local.get 0 i32.load drop local.get 1 if end",
    ),
    "results instead of writes": (
        """(param i32) (result i32) (local i32) local.get 0 if i32.const 1 local.set 1 else
           i32.const 0 call 0 local.set 1 end local.get 1""",
        """(param i32) (result i32) local.get 0 if (result i32) i32.const 1 else
           i32.const 0 call 0 end""",
    ),
    "a local that a loop leaves alone after all": (
        """(param i32) (result i32) (local i32) local.get 0 call 0 local.tee 1 drop
           loop local.get 1 local.get 0 i32.store local.get 0 if local.get 1 call 0 local.set 1
           local.get 1 return end local.get 0 br_if 0 end local.get 1""",
        """(param i32) (result i32) (local i32 i32) local.get 0 call 0 local.tee 1 drop
           loop local.get 1 local.get 0 i32.store local.get 0 if local.get 1 call 0 local.set 2
           local.get 2 return end local.get 0 br_if 0 end local.get 1""",
    ),
    "memory that a loop leaves alone": (
        """(param i32) (result i32) (local i32) loop local.get 0 i32.load local.get 1 i32.add
           local.set 1 local.get 0 i32.load br_if 0 end local.get 1""",
        """(param i32) (result i32) (local i32) loop local.get 1 local.get 0 i32.load i32.add
           local.set 1 local.get 0 i32.load br_if 0 end local.get 1""",
    ),
    "operands the other way round": (
        "(param i32 i32) (result i32) local.get 0 local.get 1 i32.gt_s local.get 0 i32.add",
        "(param i32 i32) (result i32) local.get 0 local.get 1 local.get 0 i32.lt_s i32.add",
    ),
    "the constant next to it": (
        "(param i32) (result i32) i32.const 64 local.get 0 i32.gt_u",
        "(param i32) (result i32) local.get 0 i32.const 63 i32.le_u",
    ),
    "what constants make": (
        """(param i32) (result i32 i64) (local i32 i64) local.get 1 i32.const -1 i32.xor
           i32.const 1 i32.shr_u i32.const 7 i32.lt_s local.get 0 i32.add
           i64.const 3 i64.const 5 i64.mul local.get 2 i64.sub i32.const -2 i64.extend_i32_u
           i64.add""",
        "(param i32) (result i32 i64) i32.const 0 local.get 0 i32.add i64.const 4294967309",
    ),
    "what constants make of floats": (
        """(result f64 f64 f32 f64 i64) i32.const -1 f64.convert_i32_u f32.const 0.5 f64.promote_f32
           i64.const 0x1000000000000001 f32.convert_i64_s i64.const -1 i64.const 63 i64.shl
           f64.reinterpret_i64 f64.const 0.1 f64.const 0.2 f64.add i64.reinterpret_f64""",
        """(result f64 f64 f32 f64 i64) f64.const 4294967295 f64.const 0.5 f32.const 0x1p+60
           f64.const -0 f64.const 0.30000000000000004 i64.reinterpret_f64""",
    ),
    "a comparison with a constant float": (
        "(param f64) (result i32) local.get 0 i32.const 3 f64.convert_i32_s f64.gt",
        "(param f64) (result i32) f64.const 3 local.get 0 f64.lt",
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
        "(param i32 i32) local.get 1 i32.load drop local.get 0 local.get 0 i32.store",
        "(param i32 i32) local.get 0 local.get 0 i32.store local.get 1 i32.load drop",
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
    "a load before and after a store": (
        "(param i32 i32) (result i32) local.get 0 i32.load local.get 1 i32.const 1 i32.store",
        "(param i32 i32) (result i32) (local i32) local.get 0 i32.load drop local.get 1 "
        "i32.const 1 i32.store local.get 0 i32.load",
    ),
    "a load before and after a call": (
        "(param i32) (result i32) local.get 0 i32.load local.get 0 call 0 drop",
        "(param i32) (result i32) local.get 0 i32.load drop local.get 0 call 0 drop "
        "local.get 0 i32.load",
    ),
    "a load before and after one store of two": (
        """(param i32 i32) (result i32) (local i32) local.get 0 i32.load local.set 2 local.get 1
           if local.get 0 i32.const 1 i32.store end local.get 2""",
        """(param i32 i32) (result i32) (local i32) local.get 0 i32.load drop local.get 1
           if local.get 0 i32.const 1 i32.store end local.get 0 i32.load""",
    ),
    "a load of the iteration before": (
        """(param i32) (local i32) local.get 0 i32.load local.set 1 loop local.get 1 local.get 0
           i32.store offset=8 local.get 0 i32.const 1 i32.store local.get 0 call 0 br_if 0 end""",
        """(param i32) (local i32) local.get 0 i32.load local.set 1 loop local.get 0 i32.load
           local.get 0 i32.store offset=8 local.get 0 i32.const 1 i32.store
           local.get 0 call 0 br_if 0 end""",
    ),
    "the size before and after growing": (
        "(result i32) memory.size i32.const 1 memory.grow drop",
        "(result i32) i32.const 1 memory.grow drop memory.size",
    ),
    "another width": (
        "(param i32) (result i32) local.get 0 i32.load offset=1",
        "(param i32) (result i32) local.get 0 i32.load8_u offset=1",
    ),
    "another offset": (
        "(param i32) (result i32) local.get 0 i32.load offset=1",
        "(param i32) (result i32) local.get 0 i32.load offset=2",
    ),
    "a check that a smaller one does not cover": (
        "(param i32) local.get 0 i32.load8_u drop local.get 0 i32.load drop",
        "(param i32) local.get 0 i32.load8_u drop",
    ),
    "a check that was made in one arm": (
        "(param i32 i32) local.get 1 if local.get 0 i32.load drop end local.get 0 i32.load drop",
        "(param i32 i32) local.get 1 if local.get 0 i32.load drop end",
    ),
    "a check that was made in the other arm": (
        """(param i32 i32) local.get 1 if local.get 0 i32.load drop else
           local.get 0 i32.load drop end""",
        "(param i32 i32) local.get 1 if local.get 0 i32.load drop else end",
    ),
    "a check that a branch goes around": (
        """(param i32 i32) block local.get 1 br_if 0 local.get 0 i32.load drop end
           local.get 0 i32.load drop""",
        "(param i32 i32) block local.get 1 br_if 0 local.get 0 i32.load drop end",
    ),
    "a check of what the loop changes": (
        """(param i32) loop local.get 0 i32.load local.set 0 local.get 0 i32.load drop
           local.get 0 br_if 0 end""",
        "(param i32) loop local.get 0 i32.load local.set 0 local.get 0 br_if 0 end",
    ),
    "a trap across an effect": (
        "(param i32) local.get 0 i32.load drop i32.const 1 global.set 0",
        "(param i32) i32.const 1 global.set 0 local.get 0 i32.load drop",
    ),
    "a trap across a fork": (
        "(param i32) i32.const 1 local.get 0 i32.div_u drop local.get 0 if end",
        "(param i32) local.get 0 if i32.const 1 local.get 0 i32.div_u drop end",
    ),
    "a division that is gone": (
        "(param i32) i32.const 1 local.get 0 i32.div_u drop",
        "(param i32)",
    ),
    "operands that are not alike": (
        "(param i32 i32) (result i32) local.get 0 local.get 1 i32.sub",
        "(param i32 i32) (result i32) local.get 1 local.get 0 i32.sub",
    ),
    "a float sum the other way round": (
        "(param f32 f32) (result f32) local.get 0 local.get 1 f32.add",
        "(param f32 f32) (result f32) local.get 1 local.get 0 f32.add",
    ),
    "a comparison that is not the opposite": (
        "(param i32 i32) (result i32) local.get 0 local.get 1 i32.gt_s",
        "(param i32 i32) (result i32) local.get 1 local.get 0 i32.le_s",
    ),
    "less than the least number": (
        "(param i32) (result i32) local.get 0 i32.const 0x80000000 i32.lt_s",
        "(param i32) (result i32) local.get 0 i32.const 0x7fffffff i32.le_s",
    ),
    "less than zero without a sign": (
        "(param i32) (result i32) local.get 0 i32.const 0 i32.lt_u",
        "(param i32) (result i32) local.get 0 i32.const -1 i32.le_u",
    ),
    "another sum of constants": (
        "(result i32) i32.const 2147483647 i32.const 1 i32.add",
        "(result i32) i32.const 2147483647",
    ),
    "constants of another width": (
        "(result i64) i64.const 2147483647 i64.const 1 i64.add",
        "(result i64) i64.const -2147483648",
    ),
    "constants that are compared without a sign": (
        "(result i32) i32.const -1 i32.const 1 i32.lt_s",
        "(result i32) i32.const -1 i32.const 1 i32.lt_u",
    ),
    "the other zero": (
        "(result f64) i32.const 0 f64.convert_i32_s",
        "(result f64) f64.const -0",
    ),
    "an integer that a float does not hold": (
        "(result f32) i32.const 16777217 f32.convert_i32_s f64.promote_f32 f32.demote_f64",
        "(result f32) i32.const 16777218 f32.convert_i32_s",
    ),
    "a NaN out of arithmetic": (
        "(result f64) f64.const 0 f64.const 0 f64.div",
        "(result f64) f64.const nan",
    ),
    "a comparison with the next float": (
        "(param f64) (result i32) local.get 0 f64.const 3 f64.ge",
        "(param f64) (result i32) local.get 0 f64.const 2 f64.gt",
    ),
    "a division by a constant that traps": (
        "(result i32) i32.const 1 i32.const 0 i32.div_u",
        "(result i32) i32.const 0",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_are_not_proved(name: str) -> None:
    assert not same(*DIFFERENT[name])


def test_loads_of_a_shared_memory_stay_in_order() -> None:
    pool = InstrPool()
    head = "(module (memory 1 1 shared) (func (param i32 i32) (result i32) (local i32) {}))"
    bodies = (
        "local.get 0 i32.load local.set 2 local.get 1 i32.load local.get 2 i32.sub",
        "local.get 1 i32.load local.set 2 local.get 2 local.get 0 i32.load i32.sub",
    )
    first, second = [module_of(head.format(each), pool) for each in bodies]
    context = Context(first)
    assert same_values(first.functions[0], first.functions[0], context)
    assert not same_values(first.functions[0], second.functions[0], context)


def test_what_was_read_of_a_function_is_not_used_in_another_module() -> None:
    pool = InstrPool()
    head = "(module (global (mut i32) (i32.const 5)) (func (result i32) {}) {})"
    reads, constant = [
        module_of(head.format(each, ""), pool) for each in ("global.get 0", "i32.const 5")
    ]
    written = module_of(head.format("global.get 0", "(func i32.const 7 global.set 0)"), pool)
    versions = Versions()
    pair = reads.functions[0], constant.functions[0]
    assert versions.same(*pair, Context(reads))
    assert not versions.same(*pair, Context(written))


# --- the one form of a comparison ---------------------------------------------------------------

_RELATIONS = {
    "lt_s": lambda a, b: a < b,
    "le_s": lambda a, b: a <= b,
    "gt_s": lambda a, b: a > b,
    "ge_s": lambda a, b: a >= b,
    "lt_u": z3.ULT,
    "le_u": z3.ULE,
    "gt_u": z3.UGT,
    "ge_u": z3.UGE,
}


@pytest.mark.parametrize("name", sorted(MIRRORED))
def test_a_mirrored_comparison_says_the_same(name: str) -> None:
    kind, relation = name.split(".")
    mirrored = MIRRORED[name].split(".")[1]
    if kind in ("i32", "i64"):
        a, b = z3.BitVecs("a b", int(kind[1:]))
        meanings: dict[str, Any] = _RELATIONS
    else:
        sort = z3.Float32() if kind == "f32" else z3.Float64()
        a, b = z3.Consts("a b", sort)
        meanings = {"lt": z3.fpLT, "le": z3.fpLEQ, "gt": z3.fpGT, "ge": z3.fpGEQ}
    solver = z3.Solver()
    solver.add(meanings[relation](a, b) != meanings[mirrored](b, a))
    assert solver.check() == z3.unsat


@pytest.mark.parametrize("name", [each for each in sorted(MIRRORED) if each[0] == "i"])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_form_with_a_constant_says_the_same(name: str, swapped: bool) -> None:
    """For all constants but the one that `comparison` leaves alone, and for all operands."""
    kind, relation = name.split(".")
    bits = int(kind[1:])
    least = 0 if relation.endswith("u") else 1 << (bits - 1)
    number, constant = 1, 2
    operands = (constant, number) if swapped else (number, constant)
    for value in (least, least + 1):
        form, lower, upper, less = comparison(name, *operands, {constant: value})
        assert (lower, upper) == (number, constant)
        assert not (less and value == least)
        x, c = z3.BitVecs("x c", bits)
        before = _RELATIONS[relation](*((c, x) if swapped else (x, c)))
        after = _RELATIONS[form.split(".")[1]](x, c - less)
        solver = z3.Solver()
        solver.add(c == value if value == least else c != least, before != after)
        assert solver.check() == z3.unsat
