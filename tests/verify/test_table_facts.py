"""What the validator knows of tables, and that it takes nothing for known that may change."""

from __future__ import annotations

import pytest

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import InstrPool
from wasmopt.verdict import Proved, Refuted
from wasmopt.verify import Prover
from wasmopt.verify.cache_key import context_digest
from wasmopt.verify.replay import refute
from wasmopt.verify.table_facts import TableFacts

MODULE = """(module
  (type $unary (func (param i32) (result i32)))
  (type $other (func (param i64) (result i32)))
  (import "e" "host" (func $host (param i32) (result i32)))
  {imports}
  (table $t 8 9 funcref)
  (elem (table $t) (i32.const 2) func $twice $host)
  {fields}
  (func $twice (type $unary) (i32.shl (local.get 0) (i32.const 1)))
  (func (param i32) (result i32) {body}))"""
INDIRECT = "(call_indirect $t (type $unary) (local.get 0) (i32.const 2))"
DIRECT = "(call $twice (local.get 0))"


def facts(fields: str = "", imports: str = "") -> TableFacts:
    module = module_of(MODULE.format(fields=fields, imports=imports, body="local.get 0"))
    return TableFacts(Context(module))


def versions(
    before: str, after: str, fields: str = "", imports: str = ""
) -> tuple[Function, Function, Context]:
    """Two versions of the last function, and the module around the first."""
    pool = InstrPool()
    modules = [
        module_of(MODULE.format(fields=fields, imports=imports, body=body), pool)
        for body in (before, after)
    ]
    return modules[0].functions[-1], modules[1].functions[-1], Context(modules[0])


def is_proved(before: str, after: str, fields: str = "", imports: str = "") -> bool:
    return isinstance(Prover()(*versions(before, after, fields, imports)), Proved)


CHANGEABLE = {
    "exported": '(export "t" (table $t))',
    "set": "(func (table.set $t (i32.const 2) (ref.func $twice)))",
    "grown": "(func (drop (table.grow $t (ref.null func) (i32.const 1))))",
    "filled": "(func (table.fill $t (i32.const 0) (ref.null func) (i32.const 1)))",
    "copied to": "(table $u 1 funcref)"
    " (func (table.copy $t $u (i32.const 0) (i32.const 0) (i32.const 1)))",
    "filled from a segment": "(elem $e func $host)"
    " (func (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)))",
    "filled elsewhere by a segment that does not fit": "(table $u 1 funcref)"
    " (elem (table $u) (i32.const 1) func $host)",
}


def test_what_segments_put_into_a_table_is_known() -> None:
    assert facts().entries(0) == {2: 1, 3: 0}
    assert facts().callee(0, 2, 0) == 1
    assert facts().callee(0, 4, 0) is None
    assert facts().callee(0, 2, 1) is None


def test_a_later_segment_replaces_what_an_earlier_one_put_there() -> None:
    assert facts("(elem (table $t) (i32.const 3) func $twice)").entries(0) == {2: 1, 3: 1}
    later = "(elem (table $t) (i32.const 1) funcref (ref.func $host) (ref.null func))"
    assert facts(later).entries(0) == {1: 0, 3: 0}


@pytest.mark.parametrize("fields", CHANGEABLE.values(), ids=CHANGEABLE)
def test_nothing_is_known_of_a_table_that_may_change(fields: str) -> None:
    assert facts(fields).entries(0) == {}
    assert not is_proved(INDIRECT, DIRECT, fields)


def test_nothing_is_known_where_a_segment_goes_to_an_unknown_place() -> None:
    imports = '(import "e" "base" (global $base i32))'
    assert facts("(elem (table $t) (global.get $base) func $host)", imports).entries(0) == {}


def test_nothing_is_known_of_an_imported_table() -> None:
    imports = '(import "e" "t" (table $i 8 funcref))'
    with_segment = facts("(elem (table $i) (i32.const 0) func $host)", imports)
    assert with_segment.entries(0) == {}
    assert with_segment.entries(1) == {2: 1, 3: 0}


def test_a_call_of_what_the_table_holds_is_proved() -> None:
    assert is_proved(INDIRECT, DIRECT)
    assert is_proved(DIRECT, INDIRECT)
    assert is_proved(f"(return_{INDIRECT[1:]}", f"(return_{DIRECT[1:]}")


def test_a_place_that_is_computed_from_constants_is_known() -> None:
    place = "(i32.sub (i32.const 7) (i32.const 5))"
    assert is_proved(INDIRECT.replace("(i32.const 2)", place), DIRECT)


@pytest.mark.parametrize(
    "after",
    ["(call $host (local.get 0))", "(call $twice (i32.const 0))", "(unreachable)"],
)
def test_a_call_of_anything_else_is_not_proved(after: str) -> None:
    assert not is_proved(INDIRECT, after)


def test_replay_does_not_refute_by_a_table_that_holds_something_else() -> None:
    def counterexample(fields: str) -> Refuted | None:
        before, after, context = versions(INDIRECT, DIRECT, fields)
        return refute(before, after, context)

    assert counterexample("") is None
    assert counterexample(CHANGEABLE["exported"]) is not None


@pytest.mark.parametrize("place", [0, 1, 4, 8, -1])
def test_a_call_that_traps_is_not_proved_to_call_anything(place: int) -> None:
    assert not is_proved(INDIRECT.replace("const 2", f"const {place}"), DIRECT)


def test_the_key_of_a_proof_covers_what_the_table_holds() -> None:
    def digest(fields: str) -> bytes:
        module = module_of(MODULE.format(fields=fields, imports="", body=INDIRECT))
        return context_digest(module.functions[-1], module.functions[-1], Context(module))

    other = "(elem (table $t) (i32.const 3) func $twice)"
    assert len({digest(""), digest(other), digest(CHANGEABLE["set"])}) == 3
    assert digest(CHANGEABLE["set"]) == digest(CHANGEABLE["exported"])
