"""Other threads may write a shared memory at any moment: its accesses stay what they are."""

from __future__ import annotations

import pytest

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.verdict import Proved
from wasmopt.verify import Prover

FIELDS = """
  (memory 1 4 shared)
  (global $g (mut i32) (i32.const 0))
  (func (export "f") {})
"""
LOAD = "(i32.load (local.get 0))"

EQUAL = {
    "work around an access": (
        f"(param i32) (result i32) (i32.add {LOAD} {LOAD})",
        f"""(param i32) (result i32) (local i32)
            (local.set 1 {LOAD}) (i32.sub {LOAD} (i32.sub (i32.const 0) (local.get 1)))""",
    ),
    "one load for two, which might have found the same": (
        f"(param i32) (result i32) (i32.add {LOAD} {LOAD})",
        f"(param i32) (result i32) (i32.shl {LOAD} (i32.const 1))",
    ),
    "bits that a narrow store does not write": (
        "(param i32 i32) (i32.store8 (local.get 0) (i32.and (local.get 1) (i32.const 255)))",
        "(param i32 i32) (i32.store8 (local.get 0) (local.get 1))",
    ),
    "a constant address and an offset": (
        "(result i32) (i32.atomic.load offset=8 (i32.const 16))",
        "(result i32) (i32.atomic.load offset=20 (i32.const 4))",
    ),
    "an alignment that is a hint": (
        "(param i32) (result i32) (i32.load align=1 (local.get 0))",
        "(param i32) (result i32) (i32.load (local.get 0))",
    ),
    "loads that change places": (
        f"(param i32 i32) (result i32) (i32.sub {LOAD} (i32.load (local.get 1)))",
        f"""(param i32 i32) (result i32) (local i32)
            (local.set 2 (i32.load (local.get 1))) (i32.sub {LOAD} (local.get 2))""",
    ),
    "a byte, extended": (
        "(param i32) (result i64) (i64.load8_s (local.get 0))",
        "(param i32) (result i64) (i64.extend_i32_s (i32.load8_s (local.get 0)))",
    ),
    "a loop that waits for another thread": (
        f"(param i32) (loop (br_if 0 (i32.eqz {LOAD})))",
        f"(param i32) (local i32) (loop (br_if 0 (i32.eqz (local.tee 1 {LOAD}))))",
    ),
}

DIFFERENT = {
    "two loads for one": (
        f"(param i32) (result i32) (i32.shl {LOAD} (i32.const 1))",
        f"(param i32) (result i32) (i32.add {LOAD} {LOAD})",
    ),
    "one load for two with a store between them": (
        f"""(param i32) (result i32) (local i32)
            (local.set 1 {LOAD}) (i32.store offset=8 (local.get 0) (i32.const 1))
            (i32.add (local.get 1) {LOAD})""",
        f"""(param i32) (result i32) (local i32)
            (local.set 1 {LOAD}) (i32.store offset=8 (local.get 0) (i32.const 1))
            (i32.add (local.get 1) (local.get 1))""",
    ),
    "one load for two of different places": (
        f"(param i32 i32) (result i32) (i32.add {LOAD} (i32.load (local.get 1)))",
        f"(param i32 i32) (result i32) (i32.shl {LOAD} (i32.const 1))",
    ),
    "one load for two, and the value of neither": (
        f"(param i32) (result i32) (i32.add {LOAD} {LOAD})",
        f"(param i32) (result i32) {LOAD}",
    ),
    "a load that may trap": (f"(param i32) (drop {LOAD})", "(param i32)"),
    "loads of one place that change places": (
        f"(param i32) (result i32) (i32.sub {LOAD} {LOAD})",
        f"""(param i32) (result i32) (local i32)
            (local.set 1 {LOAD}) (i32.sub {LOAD} (local.get 1))""",
    ),
    "a load moved across a store": (
        f"(param i32) (result i32) {LOAD} (i32.store offset=64 (local.get 0) (i32.const 1))",
        f"(param i32) (result i32) (i32.store offset=64 (local.get 0) (i32.const 1)) {LOAD}",
    ),
    "the value of the iteration before": (
        f"""(param i32) (result i32) (local i32)
            (loop (local.set 1 {LOAD}) (br_if 0 (i32.eqz {LOAD}))) (local.get 1)""",
        f"""(param i32) (result i32) (local i32 i32)
            (loop (local.set 1 (local.get 2)) (local.set 2 {LOAD}) (br_if 0 (i32.eqz {LOAD})))
            (local.get 1)""",
    ),
    "a value that was just stored": (
        f"(param i32 i32) (result i32) (i32.store (local.get 0) (local.get 1)) {LOAD}",
        "(param i32 i32) (result i32) (i32.store (local.get 0) (local.get 1)) (local.get 1)",
    ),
    "a store that is overwritten": (
        """(param i32) (i32.store (local.get 0) (i32.const 1))
           (i32.store (local.get 0) (i32.const 2))""",
        "(param i32) (i32.store (local.get 0) (i32.const 2))",
    ),
    "stores beside each other swapped": (
        """(param i32) (i32.store (local.get 0) (i32.const 1))
           (i32.store offset=4 (local.get 0) (i32.const 2))""",
        """(param i32) (i32.store offset=4 (local.get 0) (i32.const 2))
           (i32.store (local.get 0) (i32.const 1))""",
    ),
    "a load taken out of a loop": (
        f"(param i32) (loop (br_if 0 (i32.eqz {LOAD})))",
        f"(param i32) (local i32) (local.set 1 {LOAD}) (loop (br_if 0 (i32.eqz (local.get 1))))",
    ),
    "a load moved across a global": (
        f"(param i32) (local i32) (local.set 1 {LOAD}) (global.set $g (i32.const 1))",
        f"(param i32) (local i32) (global.set $g (i32.const 1)) (local.set 1 {LOAD})",
    ),
    "an atomic load that is none": (
        "(param i32) (result i32) (i32.atomic.load (local.get 0))",
        "(param i32) (result i32) (i32.load (local.get 0))",
    ),
    "a fence taken away": (
        f"(param i32) (drop {LOAD}) (atomic.fence)",
        f"(param i32) (drop {LOAD})",
    ),
    "a size that another thread may have changed": (
        "(result i32) (i32.add (memory.size) (memory.size))",
        "(result i32) (i32.shl (memory.size) (i32.const 1))",
    ),
    "a weaker check behind a stronger one": (
        "(param i32) (drop (i32.load offset=8 (local.get 0))) (drop (i32.load8_u (local.get 0)))",
        "(param i32) (drop (i32.load offset=8 (local.get 0)))",
    ),
    "a fill of another length": (
        "(param i32) (memory.fill (local.get 0) (i32.const 0) (i32.const 8))",
        "(param i32) (memory.fill (local.get 0) (i32.const 0) (i32.const 4))",
    ),
}


def proved(before: str, after: str) -> bool:
    module = module_of(FIELDS.format(before))
    changed = module_of(FIELDS.format(after), module.pool)
    verdict = Prover()(module.functions[0], changed.functions[0], Context(module))
    assert "internal" not in str(verdict)
    return isinstance(verdict, Proved)


@pytest.mark.parametrize("name", EQUAL)
def test_the_same_accesses_are_proved(name: str) -> None:
    assert proved(*EQUAL[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_accesses_are_not(name: str) -> None:
    assert not proved(*DIFFERENT[name])
