"""Changes of a whole module: which are proved, and which are refused whatever the claim says."""

from __future__ import annotations

import pytest

from tests.support import module_of
from tests.verify.modules import assert_proved, assert_refused, claim, verdict
from wasmopt.decode import decode
from wasmopt.instr import InstrPool
from wasmopt.module_change import Map
from wasmopt.text import read_text
from wasmopt.verdict import Unproved
from wasmopt.verify import Prover, prove_module

# --- reordering ---------------------------------------------------------------------------------

TWO = """
    (type (func (param i32) (result i32))) (type (func))
    (import "e" "f" (func (type 1))) (import "e" "g" (global i32))
    (table 2 funcref) (memory 1) (global (mut i32) (i32.const 1)) (global i64 (i64.const 2))
    (export "a" (func 1)) (export "g" (global 2)) (start 2) (elem (i32.const 0) func 2 1)
    (func (type 0) local.get 0 call 1) (func (type 1) global.get 1 drop call 0)"""
TWO_SWAPPED = """
    (type (func)) (type (func (param i32) (result i32)))
    (import "e" "f" (func (type 0))) (import "e" "g" (global i32))
    (table 2 funcref) (memory 1) (global i64 (i64.const 2)) (global (mut i32) (i32.const 1))
    (export "a" (func 2)) (export "g" (global 1)) (start 1) (elem (i32.const 0) func 1 2)
    (func (type 0) global.get 2 drop call 0) (func (type 1) local.get 0 call 2)"""
SWAP = {"functions": (0, 2, 1), "globals": (0, 2, 1), "types": (1, 0)}


def test_reordering_under_the_right_maps_is_proved() -> None:
    assert_proved(TWO, TWO_SWAPPED, claim(**SWAP))
    assert_proved(TWO, TWO, claim())


@pytest.mark.parametrize(
    ("first", "code", "why"),
    [
        ("(global i32 (i32.const 7))", "", None),
        ("(global (mut i32) (i32.const 7))", "", None),
        ("(global i32 (i32.const 8))", "", "function 0"),
        ("(global i32 (i32.const 3) (i32.const 4) (i32.add))", "", "gone but still named"),
        ("(global (mut i32) (i32.const 7))", "i32.const 7 global.set 0", "gone but still named"),
        ('(global (export "g") i32 (i32.const 7))', "", "gone but still named"),
    ],
)
def test_a_global_that_is_gone_was_one_constant(first: str, code: str, why: str | None) -> None:
    rest = '(global (mut i32) (i32.const 1)) (func (export "a") (result i32)'
    before = f"{first} {rest} {code} global.get 0 global.get 1 global.set 1)"
    after = f"{rest} {code.replace('global.set 0', 'drop')} i32.const 7 global.get 0 global.set 0)"
    if why is None:
        assert_proved(before, after, claim(globals=(None, 0)))
    else:
        assert_refused(before, after, claim(globals=(None, 0)), why)


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("(start 1)", "", "start function"),
        ("(start 1)", "(func) (start 3)", "start function"),
        ('(export "a" (func 2))', '(export "a" (func 1))', "exports"),
        ('(export "a" (func 2))', '(export "b" (func 2))', "exports"),
        ('(export "g" (global 1))', '(export "g" (global 2))', "exports"),
        ('(export "g"', '(export "h" (func 1)) (export "g"', "exports"),
        ("func 1 2)", "func 2 1)", "element segment 0"),
        ("func 1 2)", "func 1)", "element segment 0"),
        ("(elem (i32.const 0)", "(elem (i32.const 1)", "element segment 0"),
        ("(elem (i32.const 0) func 1 2)", "", "element segment"),
        ("(table 2 funcref)", "(table 3 funcref)", "table 0"),
        ("(memory 1)", "(memory 2)", "memory 0"),
        ("(memory 1)", "(memory 1) (memory 1)", "memory"),
        ("(i64.const 2)", "(i64.const 3)", "global 1"),
        ("(global i64", "(global (mut i64)", "global 1"),
        ('"e" "f"', '"e" "h"', "imports"),
        ('(import "e" "g" (global i32))', '(import "e" "g" (global i64))', "imports"),
        ("local.get 0 call 2", "local.get 0", "function 1"),
        ("global.get 2 drop call 0", "call 0 call 0", "function 2"),
        ("call 0)", "call 1)", "function 2"),
    ],
)
def test_what_is_not_the_same_under_the_maps_is_refused(right: str, wrong: str, why: str) -> None:
    assert right in TWO_SWAPPED
    assert_refused(TWO, TWO_SWAPPED.replace(right, wrong), claim(**SWAP), why)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"functions": (0, 1, 2)},
        {"functions": (0, 2)},
        {"functions": (0, 2, 3)},
        {"functions": (0, 2, -1)},
        {"functions": (2, 1, 0)},
        {"functions": (0, 0, 1)},
        {"functions": (0, 2, 2)},
        {"functions": (0, 2, None)},
        {"types": (0, 1)},
        {"types": (0, 0)},
        {"types": (1,)},
        {"types": (1, None)},
        {"types": (1, 5)},
        {"globals": (0, 1, 2)},
        {"globals": (1, 2, 0)},
        {"globals": (0, 1, 1)},
        {"globals": (0, 1, None)},
        {"memories": (None,)},
        {"tables": (None,)},
        {"elements": (None,)},
        {"elements": ()},
        {"inlined": (0,)},
        {"outlined": (7,)},
    ],
)
def test_a_wrong_claim_is_refused(wrong: dict[str, Map]) -> None:
    said = {**SWAP, **wrong} if wrong else {}
    result = verdict(TWO, TWO_SWAPPED, claim(**said))  # type: ignore[arg-type]
    assert isinstance(result, Unproved)
    assert "internal" not in result.reason


def test_types_may_be_reordered_only_into_the_same_types() -> None:
    before = """(rec (type (func)) (type (struct (field (ref null 0)))))
        (rec (type (struct)) (type (func))) (func (type 0)) (func (type 3))"""
    after = """(rec (type (struct)) (type (func)))
        (rec (type (func)) (type (struct (field (ref null 2))))) (func (type 2)) (func (type 1))"""
    assert_proved(before, after, claim(types=(2, 3, 0, 1)))
    other = after.replace("(ref null 2)", "(ref null 1)")
    assert_refused(before, other, claim(types=(2, 3, 0, 1)), "type 0")
    swapped = after.replace("(func (type 2)) (func (type 1))", "(func (type 1)) (func (type 2))")
    assert_refused(before, swapped, claim(types=(2, 3, 0, 1)), "function 0 has another type")


def test_equal_types_may_become_one() -> None:
    before = "(type (func)) (type (func)) (func (type 1) block (type 1) end) (func (type 0))"
    after = "(type (func)) (func (type 0) block (type 0) end) (func (type 0))"
    assert_proved(before, after, claim(types=(0, 0)))


# --- removal ------------------------------------------------------------------------------------

USED = """(func (export "a") call 2) (func) (func)"""


def test_what_nothing_names_may_go() -> None:
    assert_proved(USED, '(func (export "a") call 1) (func)', claim(functions=(0, None, 1)))
    before = """(type (func)) (type (func (param i64)))
        (global i32 (i32.const 1)) (global (mut i32) (i32.const 2)) (tag (type 1))
        (table 1 funcref) (elem func 0) (elem (i32.const 0) func 0) (memory 1) (data "x")
        (data (i32.const 65535) "y") (func (export "a") (result i32) global.get 1)"""
    after = """(type (func (result i32))) (global (mut i32) (i32.const 2))
        (func (export "a") (result i32) global.get 0)"""
    said = claim(
        globals=(None, 0), types=(None, None, 0), tags=(None,), tables=(None,), memories=(None,),
        data=(None, None), elements=(None, None),
    )  # fmt: skip
    assert_proved(before, after, said)


@pytest.mark.parametrize(
    ("use", "functions"),
    [
        ("(start {0})", 0),
        ('(export "x" (func {0}))', 0),
        ("(table 1 funcref) (elem (i32.const 0) func {0})", 0),
        ("(table 1 funcref) (elem (i32.const 0) funcref (ref.func {0}))", 0),
        ("(global funcref (ref.func {0}))", 0),
        ("(table 1 funcref (ref.func {0}))", 0),
        ('(func (export "x") call {0})', 1),
        ('(func (export "x") return_call {0})', 1),
        ("(elem declare func {0}) (func ref.func {0} drop)", 1),
    ],
)
def test_a_function_that_is_named_must_stay(use: str, functions: int) -> None:
    before = f"(func) (func) {use.format(1)}"
    kept = (0, None, *range(1, 1 + functions))
    gone = (0, None, *[None] * functions)
    said = claim(functions=kept, globals=() if "global" not in use else (0,))
    assert isinstance(verdict(before, f"(func) {use.format(0)}", said), Unproved)
    if not functions:
        assert isinstance(verdict(before, "(func)", claim(functions=gone)), Unproved)


@pytest.mark.parametrize(
    ("gone", "why"),
    [
        ('(data (i32.const 65536) "y")', "data segment 0"),  # traps
        ('(data (i32.const 65535) "y")', "memory 0"),  # writes
        ('(data (global.get 0) "")', "data segment 0"),  # may trap
        ('(data (i32.const 65537) "")', "data segment 0"),  # traps
    ],
)
def test_a_segment_that_does_something_must_stay(gone: str, why: str) -> None:
    common = '(import "e" "g" (global i32)) (memory (export "m") 1)'
    assert_refused(f"{common} {gone}", common, claim(data=(None,)), why)


def test_a_segment_that_does_nothing_may_go() -> None:
    common = '(memory (export "m") 1) (table (export "t") 1 funcref)'
    before = f'{common} (data (i32.const 65536) "") (elem (i32.const 1) func)'
    assert_proved(before, common, claim(data=(None,), elements=(None,)))
    too_far = f"{common} (elem (i32.const 2) func)"
    assert_refused(too_far, common, claim(elements=(None,)), "element segment 0")


def test_a_memory_that_segments_do_not_fit_into_must_stay() -> None:
    before = '(memory 1) (data (i32.const 65535) "xy")'
    assert_refused(before, "", claim(memories=(None,), data=(None,)), "data segment 0")
    imported = '(import "e" "m" (memory 1))'
    assert_refused(imported, "", claim(memories=(None,)), "imports")


def test_active_segments_keep_their_order_and_passive_ones_need_not() -> None:
    head = "(memory 1)"
    first, second = '(data (i32.const 0) "ab")', '(data (i32.const 1) "xy")'
    passive, use = '(data "p")', "(func i32.const 0 i32.const 0 i32.const 1 memory.init {})"
    before = f"{head} {first} {second} {passive} {use.format(2)}"
    moved = f"{head} {passive} {first} {second} {use.format(0)}"
    assert_proved(before, moved, claim(data=(1, 2, 0)))
    swapped = f"{head} {second} {first} {passive} {use.format(2)}"
    assert_refused(before, swapped, claim(data=(1, 0, 2)), "another order")
    assert_refused(before, moved.replace('"p"', '"q"'), claim(data=(1, 2, 0)), "data segment 2")
    assert_refused(before, moved.replace('"ab"', '"ac"'), claim(data=(1, 2, 0)), "data segment 0")
    assert_refused(
        before, moved.replace("(data (i32.const 0)", "(data (i32.const 2)"), claim(data=(1, 2, 0)),
        "data segment 0",
    )  # fmt: skip
    elements = "(table 2 funcref) (func) (func) {} {}"
    one, other = "(elem (i32.const 0) func 0)", "(elem (i32.const 0) func 1)"
    assert_refused(
        elements.format(one, other), elements.format(other, one), claim(elements=(1, 0)),
        "another order",
    )  # fmt: skip


def test_memories_and_tables_may_change_places_with_all_that_names_them() -> None:
    before = """(memory 1) (memory 2) (data (memory 1) (i32.const 0) "x")
        (table 1 funcref) (table 2 externref) (elem (table 0) (i32.const 0) func 0)
        (func (export "x") (result i32) i32.const 0 i32.load 1 i32.const 0 memory.grow 0 i32.add
        i32.const 0 call_indirect 0 (result i32) table.size 1 i32.add i32.add)"""
    after = """(memory 2) (memory 1) (data (memory 0) (i32.const 0) "x")
        (table 2 externref) (table 1 funcref) (elem (table 1) (i32.const 0) func 0)
        (func (export "x") (result i32) i32.const 0 i32.load i32.const 0 memory.grow 1 i32.add
        i32.const 0 call_indirect 1 (result i32) table.size 0 i32.add i32.add)"""
    said = claim(memories=(1, 0), tables=(1, 0))
    assert_proved(before, after, said)
    assert_refused(before, after.replace("grow 1", "grow 0"), said, "function 0")
    assert_refused(before, after.replace("i32.load", "i32.load 1"), said, "function 0")


# --- functions that never run ---------------------------------------------------------------------

HELD = """(type (func)) (type (func (param i32)))
    (import "e" "take" (func (param funcref))) (global (mut i32) (i32.const 0))
    (table {table} 2 funcref) (elem (i32.const 0) func 1)
    (func (type 1) local.get 0 global.set 0 call 2)
    (func global.get 0 drop)
    (func (export "x") (param i32) local.get 0 call_indirect (type 0) {use})
    (func i32.const 1 i32.const 0 call_indirect (type 1))"""
EMPTIED = """(type (func)) (type (func (param i32)))
    (import "e" "take" (func (param funcref))) (global (mut i32) (i32.const 0))
    (table {table} 2 funcref) (elem (i32.const 0) func 1)
    (func (type 1) unreachable)
    (func (export "x") (param i32) local.get 0 call_indirect (type 0) {use})
    (func i32.const 1 i32.const 0 call_indirect (type 1))"""
WITHOUT_HELPER = claim(functions=(0, 1, None, 2, 3))


def test_a_function_that_no_call_asks_for_may_do_anything() -> None:
    assert_proved(HELD.format(table="", use=""), EMPTIED.format(table="", use=""), WITHOUT_HELPER)
    # Nor one that only such functions ask for, in a circle.
    circle = """(type (func (param i32))) (table 2 funcref) (elem (i32.const 0) func 1)
        (func (export "x")) (func (type 0) {0})"""
    asks = "i32.const 1 i32.const 0 call_indirect (type 0)"
    assert_proved(circle.format(asks), circle.format("unreachable"), claim())


@pytest.mark.parametrize(
    ("table", "use"),
    [
        ('(export "t")', ""),
        ("", "i32.const 0 table.get 0 call 0"),
        ("", "i32.const 1 i32.const 0 i32.const 1 table.copy"),
        ("", "i32.const 1 i32.const 0 call_indirect (type 1)"),
        ("", "i32.const 1 i32.const 0 return_call_indirect (type 1)"),
        ("", "call {asks}"),
        ("", "i32.const 1 call 1"),
        ("", "ref.func 1 call 0"),
    ],
)
def test_a_function_that_somebody_may_call_must_stay_what_it_is(table: str, use: str) -> None:
    before = HELD.format(table=table, use=use.format(asks=4))
    after = EMPTIED.format(table=table, use=use.format(asks=3))
    assert_refused(before, after, WITHOUT_HELPER, "function")


def test_a_function_of_a_subtype_is_one_that_calls_ask_for() -> None:
    text = """(type (sub (func))) (type (sub 0 (func))) (global (mut i32)
        (i32.const 0)) (table 1 funcref) (elem (i32.const 0) func 0)
        (func (type 1) {0}) (func (export "x") i32.const 0 call_indirect (type 0))"""
    said = claim()
    wrong = text.format("i32.const 2 global.set 0")
    assert_refused(text.format("i32.const 1 global.set 0"), wrong, said, "function 0")


def test_a_function_that_never_runs_must_keep_its_type() -> None:
    text = """(type (func)) (type (func (param i32))) (table 1 funcref)
        (elem (i32.const 0) func 0) (func (type {0}) unreachable)
        (func (export "x") i32.const 0 call_indirect (type 0))"""
    assert_refused(text.format(1), text.format(0), claim(), "another type")


# --- merging ------------------------------------------------------------------------------------

MERGED = claim(functions=(0, 1, 1))


def test_functions_that_do_the_same_may_become_one() -> None:
    before = """(func (export "a") call 1 call 2) (func call 1) (func call 2)"""
    assert_proved(before, '(func (export "a") call 1 call 1) (func call 1)', MERGED)
    mutual = """(func (export "a") call 1 call 2) (func call 2) (func call 1)"""
    assert_proved(mutual, '(func (export "a") call 1 call 1) (func call 1)', MERGED)


def test_functions_that_do_not_the_same_must_not_become_one() -> None:
    before = """(global (mut i32) (i32.const 0)) (func (export "a") call 1 call 2)
        (func i32.const 1 global.set 0) (func i32.const 2 global.set 0)"""
    after = """(global (mut i32) (i32.const 0)) (func (export "a") call 1 call 1)
        (func i32.const 1 global.set 0)"""
    assert_refused(before, after, MERGED, "function 2")
    other_type = """(func (export "a") call 1 call 2 drop) (func) (func (result i32) call 2)"""
    after = '(func (export "a") call 1 call 1 drop) (func (result i32) call 1)'
    result = verdict(other_type, after, MERGED)
    assert isinstance(result, Unproved)


@pytest.mark.parametrize(
    ("seen", "proved"),
    [
        ("", True),
        ('(export "x" (func 1))', True),
        ('(export "x" (func 1)) (export "y" (func {0}))', False),
        ("(global funcref (ref.func 1)) (global funcref (ref.func {0}))", False),
        ("(elem declare func 1 {0})", False),
        ("(table 2 funcref) (elem (i32.const 0) func 1 {0})", True),
        ("(table 2 funcref) (elem (i32.const 0) funcref (ref.func 1) (ref.func {0}))", True),
        ('(table (export "t") 2 funcref) (elem (i32.const 0) func 1 {0})', False),
        ("(table 2 funcref) (elem func 1 {0})", False),
    ],
)
def test_the_host_must_not_tell_functions_apart_that_became_one(seen: str, proved: bool) -> None:
    before = f'(func (export "a")) (func) (func) {seen.format(2)}'
    after = f'(func (export "a")) (func) {seen.format(1)}'
    if proved:
        assert_proved(before, after, MERGED)
    else:
        assert_refused(before, after, MERGED, "could be told apart")


def test_code_may_tell_functions_apart_by_references_to_them() -> None:
    table = "(table 2 funcref) (elem (i32.const 0) func 0 {})"
    reads = "(func) {} (func (result funcref) i32.const 0 table.get 0)"
    before = f"{table.format(1)} {reads.format('(func)')}"
    after = f"{table.format(0)} {reads.format('')}"
    assert_refused(before, after, claim(functions=(0, 0, 1)), "could be told apart")
    imported = '(import "e" "t" (table 2 funcref)) (elem (i32.const 0) func 0 {}) {}'
    before, after = imported.format(1, "(func) (func)"), imported.format(0, "(func)")
    assert_refused(before, after, claim(functions=(0, 0)), "could be told apart")


# --- what a dishonest pass could try ------------------------------------------------------------


def test_an_invalid_module_is_refused() -> None:
    pool = InstrPool()
    old = module_of("(func (result i32) i32.const 0)", pool)
    new = decode(
        bytes(read_text("(module (func (result i32) i32.const 0))")).replace(b"\x41\0", b"\1\1"),
        pool,
    )
    result = prove_module(old, new, claim(), Prover(replay=False))
    assert isinstance(result, Unproved)
    assert result.reason.startswith("invalid")


def test_a_module_of_another_pool_is_refused() -> None:
    old, new = module_of("(func)"), module_of("(func)")
    result = prove_module(old, new, claim(), Prover(replay=False))
    assert result == Unproved("invalid: instructions of another pool")


def test_custom_sections_are_left_alone() -> None:
    before = '(func) (@custom "a" "x")'
    assert_proved(before, before, claim())
    assert_refused(before, '(func) (@custom "a" "y")', claim(), "custom sections")
