"""Value numbers with a theory: other formulas for the same values are proved, others are not."""

from __future__ import annotations

import pytest

from tests.verify.test_same_values import same

EQUAL = {
    "constants together": (
        "(param i32) (result i32) local.get 0 i32.const 3 i32.add i32.const 4 i32.add",
        "(param i32) (result i32) local.get 0 i32.const 7 i32.add",
    ),
    "a condition that is not zero": (
        "(param i32) local.get 0 i32.const 0 i32.ne if i32.const 5 call 0 drop end",
        "(param i32) local.get 0 if i32.const 5 call 0 drop end",
    ),
    "a byte that was extended": (
        "(param i32) (result i32) local.get 0 i32.load8_u i32.const 24 i32.shl i32.const 24 "
        "i32.shr_s",
        "(param i32) (result i32) local.get 0 i32.load8_s",
    ),
    "the low bits are zero": (
        "(param i32) (result i32) local.get 0 i32.const 255 i32.and i32.eqz",
        "(param i32) (result i32) local.get 0 i32.extend8_s i32.eqz",
    ),
    "a narrow store": (
        "(param i32 i64) local.get 0 local.get 1 i32.wrap_i64 i32.const 255 i32.and i32.store8",
        "(param i32 i64) local.get 0 local.get 1 i64.store8",
    ),
    "a wide load": (
        "(param i32) (result i64) local.get 0 i32.load offset=8 i64.extend_i32_u",
        "(param i32) (result i64) local.get 0 i64.load32_u offset=8",
    ),
    "in a loop": (
        """(param i32) (result i32) (local i32) loop local.get 1 i32.const 1 i32.add i32.const 1
           i32.add local.tee 1 local.get 0 i32.lt_u br_if 0 end local.get 1""",
        """(param i32) (result i32) (local i32) loop local.get 1 i32.const 2 i32.add
           local.tee 1 local.get 0 i32.lt_u br_if 0 end local.get 1""",
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_formulas_are_proved(name: str) -> None:
    assert same(*EQUAL[name])


DIFFERENT = {
    "another sum": (
        "(param i32) (result i32) local.get 0 i32.const 3 i32.add i32.const 4 i32.add",
        "(param i32) (result i32) local.get 0 i32.const 8 i32.add",
    ),
    "a condition that is more than not zero": (
        "(param i32) local.get 0 i32.const 0 i32.gt_s if i32.const 5 call 0 drop end",
        "(param i32) local.get 0 if i32.const 5 call 0 drop end",
    ),
    "a truth for a value": (
        "(param i32) (result i32) local.get 0 i32.const 0 i32.ne",
        "(param i32) (result i32) local.get 0",
    ),
    "a byte with another sign": (
        "(param i32) (result i32) local.get 0 i32.load8_u",
        "(param i32) (result i32) local.get 0 i32.load8_s",
    ),
    "a load from another place": (
        "(param i32) (result i64) local.get 0 i32.load offset=8 i64.extend_i32_u",
        "(param i32) (result i64) local.get 0 i64.load32_u offset=4",
    ),
    "an address that wraps": (
        "(param i32) (result i32) local.get 0 i32.const 4 i32.add i32.load",
        "(param i32) (result i32) local.get 0 i32.load offset=4",
    ),
    "a load that reads more": (
        "(param i32) (result i32) local.get 0 i32.load8_u",
        "(param i32) (result i32) local.get 0 i32.load i32.const 255 i32.and",
    ),
    "a store of fewer bytes": (
        "(param i32 i32) local.get 0 local.get 1 i32.store16",
        "(param i32 i32) local.get 0 local.get 1 i32.store8",
    ),
    "a store at another place": (
        "(param i32 i64) local.get 0 local.get 1 i32.wrap_i64 i32.store offset=1",
        "(param i32 i64) local.get 0 local.get 1 i64.store32",
    ),
    "a load before a store": (
        """(param i32) (result i32) local.get 0 i32.load local.get 0 i32.const 1 i32.store
           i32.const 0 i32.add""",
        """(param i32) (result i32) local.get 0 i32.const 1 i32.store local.get 0 i32.load""",
    ),
    "a sum of floats": (
        "(param f64) (result f64) local.get 0 f64.const 0 f64.add",
        "(param f64) (result f64) local.get 0",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_formulas_are_not(name: str) -> None:
    assert not same(*DIFFERENT[name])
