"""remove-unused: what goes, and what has to stay."""

from __future__ import annotations

import pytest

from tests.support import check_module, unchanged_module

REMOVED = {
    "a function and what only it names": (
        """(type (func)) (type (func (param i64)))
           (func (export "a")) (func (type 1) global.get 1 drop call 2) (func i64.const 0 call 1)
           (global (mut i32) (i32.const 1)) (global f64 (f64.const 2)) (export "g" (global 0))""",
        """(type (func)) (func (export "a"))
           (global (mut i32) (i32.const 1)) (export "g" (global 0))""",
    ),
    "indices close up everywhere": (
        """(import "e" "f" (func)) (func) (func (export "a") call 0 call 3) (func) (func call 2)
           (table 2 funcref) (elem (i32.const 0) func 2 4) (func (param i32) local.get 0
           call_indirect) (export "b" (func 5)) (start 4)""",
        """(import "e" "f" (func)) (func (export "a") call 0 call 2) (func) (func call 1)
           (table 2 funcref) (elem (i32.const 0) func 1 3) (func (param i32) local.get 0
           call_indirect) (export "b" (func 4)) (start 3)""",
    ),
    "a table that nothing names": (
        '(table 1 funcref) (elem (i32.const 0) func 1) (func (export "a")) (func)',
        '(func (export "a"))',
    ),
    "a memory that nothing names": (
        '(memory 1) (data (i32.const 8) "x") (func (export "a"))',
        '(func (export "a"))',
    ),
    "passive segments": (
        """(memory 1) (func (export "a") i32.const 0 i32.const 0 i32.const 1 memory.init 1)
           (data "x") (data "y") (elem func 0)""",
        """(memory 1) (func (export "a") i32.const 0 i32.const 0 i32.const 1 memory.init 0)
           (data "y")""",
    ),
    "the count of segments that nothing names": (
        """(memory (export "m") 1) (func i32.const 0 i32.const 0 i32.const 1 memory.init 1)
           (data (i32.const 0) "x") (data "y")""",
        '(memory (export "m") 1) (data (i32.const 0) "x")',
    ),
    "an empty segment that fits": (
        '(memory (export "m") 1) (data (i32.const 65536) "") (data (i32.const 65535) "x")',
        '(memory (export "m") 1) (data (i32.const 65535) "x")',
    ),
    "tags": (
        '(tag) (tag (param i32)) (func (export "a") i32.const 1 throw 1)',
        """(type (func)) (type (func (param i32))) (tag (type 1))
           (func (export "a") i32.const 1 throw 0)""",
    ),
    "types that are the same": (
        """(type (func (param i32))) (type (func)) (type (func (param i32)))
           (func (export "a") (type 2) block (type 1) end i32.const 0 loop (type 0) drop end)""",
        """(type (func (param i32))) (type (func))
           (func (export "a") (type 0) block (type 1) end i32.const 0 loop (type 0) drop end)""",
    ),
    "the code of functions that no call through the table asks for": (
        """(type (func)) (type (func (param i32))) (table 2 funcref)
           (elem (i32.const 0) func 1 2) (func (export "a") i32.const 1 call_indirect)
           (func (param i32) (local i64) call 3) (func) (func i32.const 7 call 1)""",
        """(type (func)) (type (func (param i32))) (table 2 funcref)
           (elem (i32.const 0) func 1 2) (func (export "a") i32.const 1 call_indirect)
           (func (param i32) unreachable) (func)""",
    ),
    "calls through the table that never come": (
        """(type (func (param i32))) (type (func)) (table 1 funcref) (elem (i32.const 0) func 1)
           (func (export "a") (type 1) i32.const 1 call_indirect (type 1))
           (func (param i32) i32.const 1 i32.const 0 call_indirect (type 0))""",
        """(type (func (param i32))) (type (func)) (table 1 funcref) (elem (i32.const 0) func 1)
           (func (export "a") (type 1) i32.const 1 call_indirect (type 1))
           (func (param i32) unreachable)""",
    ),
    "a recursion group": (
        """(rec (type (struct)) (type (func))) (rec (type (struct (field (ref null 3))))
           (type (struct))) (func (export "a") (local (ref null 3)))""",
        """(rec (type (struct (field (ref null 1)))) (type (struct)))
           (type (func)) (func (export "a") (type 2) (local (ref null 1)))""",
    ),
}


@pytest.mark.parametrize("name", REMOVED)
def test_what_nothing_names_goes(name: str) -> None:
    check_module("remove-unused", *REMOVED[name])


@pytest.mark.parametrize(
    "wat",
    [
        '(import "e" "f" (func)) (import "e" "g" (global i32)) (import "e" "m" (memory 1))',
        '(import "e" "t" (table 1 funcref)) (elem (i32.const 0) func 0) (func)',
        '(import "e" "m" (memory 1)) (data (i32.const 0) "x")',
        '(import "e" "tag" (tag (param i64)))',
        '(global funcref (ref.func 0)) (export "g" (global 0)) (func)',
        '(global i32 (i32.const 1)) (memory (export "m") 1) (data (global.get 0) "x")',
        '(memory 1) (data (i32.const 65536) "x")',  # traps
        '(import "e" "g" (global i32)) (memory 1) (data (global.get 0) "")',  # may trap
        "(table 1 funcref) (elem (i32.const 1) func 0) (func)",  # traps
        "(start 0) (func)",
        '(table (export "t") 1 funcref) (elem (i32.const 0) func 0) (func)',
        '(elem declare func 0) (func) (func (export "a") ref.func 0 drop)',
        '(elem func 0) (func) (func (export "a") ref.func 0 drop)',
        '(elem funcref (ref.func 0)) (func) (func (export "a") ref.func 0 drop)',
        '(table 1 funcref (ref.func 0)) (func) (func (export "a") table.size 0 drop)',
        '(table 1 funcref) (elem funcref (ref.func 0)) (func) (func (export "a") '
        "i32.const 0 i32.const 0 i32.const 0 table.init 0 0)",
        '(memory 1) (func (export "a") memory.size drop)',
        '(type (func)) (func (export "a") unreachable call 1) (func)',
        # Called through the table: by the type, by a supertype, by the host, after a copy.
        "(table 1 funcref) (elem (i32.const 0) func 1) "
        '(func (export "a") i32.const 0 call_indirect) (func nop)',
        "(type (sub (func))) (type (sub 0 (func))) (table 1 funcref) (elem (i32.const 0) func 1) "
        '(func (export "a") (type 0) i32.const 0 call_indirect (type 0)) (func (type 1) nop)',
        '(type (func)) (table 1 funcref) (elem (i32.const 0) func 1) (export "t" (table 0)) '
        '(func (export "a")) (func nop)',
        "(type (func (param i32))) (type (func)) (table 2 funcref) (elem (i32.const 0) func 1) "
        '(func (export "a") (param i32) i32.const 1 i32.const 0 i32.const 1 table.copy '
        "local.get 0 call_indirect (type 1)) (func (param i32) nop)",
    ],
)
def test_what_is_named_or_seen_stays(wat: str) -> None:
    unchanged_module("remove-unused", wat)
