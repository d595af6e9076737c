"""An i32 is 32 bits wide and an i64 is 64, in locals, globals, addresses and for the solver."""

from __future__ import annotations

import pytest

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.verdict import Proved, Verdict
from wasmopt.verify import Prover

FIELDS = """
  (memory {address} 1)
  (global $narrow (mut i32) (i32.const 0))
  (global $wide (mut i64) (i64.const 0))
  (global $half f32 (f32.const 0)) (global $full f64 (f64.const 0))
  (func (export "f") {code})
"""

PROVED = {
    "an inlined callee brings i64 locals": (
        """(param i32) (result i32)
           (i32.wrap_i64 (i64.shr_u (i64.mul (i64.extend_i32_u (local.get 0))
             (i64.extend_i32_u (local.get 0))) (i64.const 32)))""",
        """(param i32) (result i32) (local i64 i64)
           (local.set 1 (i64.extend_i32_u (local.get 0)))
           (local.set 2 (i64.mul (local.get 1) (local.get 1)))
           (i32.wrap_i64 (i64.shr_u (local.get 2) (i64.const 32)))""",
    ),
    "locals of both widths take turns": (
        """(param i64 i32) (result i64) (local i64 i32)
           (local.set 2 (i64.add (local.get 0) (i64.extend_i32_s (local.get 1))))
           (local.set 3 (i32.wrap_i64 (local.get 2)))
           (i64.add (local.get 2) (i64.extend_i32_u (local.get 3)))""",
        """(param i64 i32) (result i64) (local i32 i64)
           (local.set 3 (i64.add (i64.extend_i32_s (local.get 1)) (local.get 0)))
           (local.set 2 (i32.wrap_i64 (local.get 3)))
           (i64.add (i64.extend_i32_u (local.get 2)) (local.get 3))""",
    ),
    "a sum wraps at 32 bits before it is widened": (
        "(param i32) (result i64) (i64.extend_i32_u (i32.add (local.get 0) (local.get 0)))",
        """(param i32) (result i64)
           (i64.and (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 1))
             (i64.const 0xffffffff))""",
    ),
    "64 bits of a global": (
        """(global.set $wide (i64.or (global.get $wide) (i64.const 0x100000000)))""",
        """(global.set $wide (i64.or (i64.const 0x100000000) (global.get $wide)))""",
    ),
    "a high word from a global of 64 bits": (
        """(result i32)
           (i32.wrap_i64 (i64.shr_u (global.get $wide) (i64.const 32)))""",
        """(result i32)
           (i32.wrap_i64 (i64.shr_s (global.get $wide) (i64.const 32)))""",
    ),
}

DIFFERENT = {
    "a sum that wraps at 32 bits only in one version": (
        "(param i32) (result i64) (i64.extend_i32_u (i32.add (local.get 0) (local.get 0)))",
        "(param i32) (result i64) (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 1))",
    ),
    "a product of halves": (
        """(param i64) (result i64) (i64.mul (local.get 0) (local.get 0))""",
        """(param i64) (result i64)
           (i64.extend_i32_u
             (i32.mul (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (local.get 0))))""",
    ),
    "a shift by 32": (
        "(param i64) (result i64) (i64.shl (local.get 0) (i64.const 32))",
        "(param i64) (result i64) (i64.shl (local.get 0) (i64.const 0))",
    ),
    "only the low half of a global": (
        "(param i64) (global.set $wide (local.get 0))",
        "(param i64) (global.set $wide (i64.extend_i32_s (i32.wrap_i64 (local.get 0))))",
    ),
    "a test of the low half": (
        "(param i64) (result i32) (i64.eqz (local.get 0))",
        "(param i64) (result i32) (i32.eqz (i32.wrap_i64 (local.get 0)))",
    ),
    "a constant read from a float of the other width": (
        "(result i64) (i64.reinterpret_f64 (global.get $full))",
        "(result i64) (i64.extend_i32_u (i32.reinterpret_f32 (f32.const 1)))",
    ),
}

WIDE_ADDRESSES = {
    "proved: a sum in either order": (
        "(param i64 i64) (result i32) (i32.load (i64.add (local.get 0) (local.get 1)))",
        "(param i64 i64) (result i32) (i32.load (i64.add (local.get 1) (local.get 0)))",
    ),
    "proved: the size has 64 bits": (
        "(result i64) (i64.mul (memory.size) (i64.const 65536))",
        "(result i64) (i64.shl (memory.size) (i64.const 16))",
    ),
    "different: an address cut to 32 bits": (
        "(param i64) (result i32) (i32.load (local.get 0))",
        """(param i64) (result i32)
           (i32.load (i64.extend_i32_u (i32.wrap_i64 (local.get 0))))""",
    ),
    "different: an offset beyond 32 bits": (
        "(param i64) (result i32) (i32.load offset=0x100000000 (local.get 0))",
        "(param i64) (result i32) (i32.load (local.get 0))",
    ),
}


def judge(before: str, after: str, address: str = "") -> Verdict:
    module = module_of(FIELDS.format(address=address, code=before))
    changed = module_of(FIELDS.format(address=address, code=after), module.pool)
    return Prover()(module.functions[0], changed.functions[0], Context(module))


@pytest.mark.parametrize("name", PROVED)
def test_equal_functions_of_mixed_widths_are_proved(name: str) -> None:
    assert isinstance(judge(*PROVED[name]), Proved)


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_width_too_small_is_never_proved(name: str) -> None:
    verdict = judge(*DIFFERENT[name])
    assert not isinstance(verdict, Proved)
    assert "internal" not in str(verdict), "the solver must not be asked about two sorts"


@pytest.mark.parametrize("name", WIDE_ADDRESSES)
def test_addresses_of_64_bits(name: str) -> None:
    verdict = judge(*WIDE_ADDRESSES[name], address="i64")
    assert isinstance(verdict, Proved) == name.startswith("proved")
    assert "internal" not in str(verdict)


@pytest.mark.parametrize("wrong", ["(i64.const 0)", "(f32.const 0)", "(f64.const 0)"])
def test_a_result_of_another_type_is_refused_before_any_proof(wrong: str) -> None:
    module = module_of(FIELDS.format(address="", code="(result i32) (i32.const 0)"))
    other = module_of(f"(func {wrong} (drop) (unreachable)) (func {wrong} (drop))", module.pool)
    body = tuple(instr for instr in other.functions[1].body if instr.name != "drop")
    function = module.functions[0]
    verdict = Prover()(function, function.with_body(body), Context(module))
    assert not isinstance(verdict, Proved)
    assert "internal" not in str(verdict)
