"""duplicate-functions: what becomes one, and what must not."""

from __future__ import annotations

import pytest

from tests.support import check_module, unchanged_module

MERGED = {
    "two of three": (
        """(func (export "a") call 1 call 2 call 3) (func i32.const 1 drop) (func i32.const 2 drop)
           (func i32.const 1 drop)""",
        """(func (export "a") call 1 call 2 call 1) (func i32.const 1 drop)
           (func i32.const 2 drop)""",
    ),
    "callers of duplicates": (
        """(func (export "a") call 1 call 2) (func call 3 nop) (func call 4 nop)
           (func i32.const 1 drop) (func i32.const 1 drop)""",
        '(func (export "a") call 1 call 1) (func call 2 nop) (func i32.const 1 drop)',
    ),
    "functions that call themselves": (
        '(func (export "a") call 1 call 2) (func nop call 1) (func nop call 2)',
        '(func (export "a") call 1 call 1) (func nop call 1)',
    ),
    "functions that call each other": (
        '(func (export "a") call 1 call 2) (func nop call 2) (func nop call 1)',
        '(func (export "a") call 1 call 1) (func nop call 1)',
    ),
    "one that is exported and one that is not": (
        '(func (export "a") nop) (func (export "b") call 2 call 0) (func nop)',
        '(func (export "a") nop) (func (export "b") call 0 call 0)',
    ),
    "two in a table that is only called through": (
        """(table 2 funcref) (elem (i32.const 0) func 1 2) (func (export "a") i32.const 1
           call_indirect) (func nop) (func nop)""",
        """(table 2 funcref) (elem (i32.const 0) func 1 1) (func (export "a") i32.const 1
           call_indirect) (func nop)""",
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_functions_that_do_the_same_become_one(name: str) -> None:
    check_module("duplicate-functions", *MERGED[name])


@pytest.mark.parametrize(
    "wat",
    [
        '(func (export "a") nop) (func (export "b") nop)',
        '(func (export "a") call 1) (func (export "b") call 0)',
        '(table (export "t") 2 funcref) (elem (i32.const 0) func 0 1) (func nop) (func nop)',
        "(table 2 funcref) (elem func 0 1) (func nop) (func nop)",
        "(elem declare func 0 1) (func nop) (func nop) (func ref.func 0 ref.func 1 drop drop)",
        "(func (param i32)) (func (param i64))",
        "(func (local i32)) (func (local i64))",
        "(func call 2) (func call 3) (func i32.const 0 drop) (func i32.const 1 drop)",
        '(import "e" "f" (func)) (import "e" "g" (func)) (func call 0) (func call 1)',
    ],
)
def test_functions_that_differ_or_are_seen_stay_two(wat: str) -> None:
    unchanged_module("duplicate-functions", wat)
