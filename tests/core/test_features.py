"""Features: which a module uses, and that `--disable-X` refuses just these."""

from __future__ import annotations

import re

import pytest

from tests.core.binaries import BUILT, custom
from tests.core.binaries import module_of as binary_of
from tests.support import module_of
from wasmopt.decode import decode
from wasmopt.errors import UsageError, ValidationError
from wasmopt.features import (
    FEATURE_INSTRUCTIONS,
    FEATURES,
    check_feature_name,
    refuse_features,
    used_features,
)
from wasmopt.opcodes import OPCODES

MVP = """
  (type (func (param i32 i64 f32 f64) (result i32)))
  (import "a" "b" (func (param i32))) (import "a" "g" (global i32))
  (table 1 10 funcref) (memory 1 2) (global (mut i32) i32.const 1) (global i32 global.get 0)
  (export "f" (func 1)) (export "i" (global 2)) (start 2)
  (elem (i32.const 0) 1 2) (data (i32.const 8) "data") (data (global.get 0) "more")
  (func (type 0) (local i64 f64)
    block (result i32) loop i32.const 1 if br 1 else nop end end i32.const 1 end
    drop i32.const 0 call_indirect i32.const 0 i32.load memory.grow global.set 1 local.get 0
    i32.const 1 i32.const 2 select i32.add)
  (func)
"""
"""Everything that WebAssembly had in 2017."""

USES = {
    "bulk-memory": [
        '(memory 1) (data "x") (func i32.const 0 i32.const 0 i32.const 0 memory.init 0)',
        '(memory 1) (data "x")',
        "(func) (table 1 funcref) (elem func 0)",
        "(memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.fill)",
    ],
    "bulk-memory-opt": ["(memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.copy)"],
    "exception-handling": [
        "(tag)",
        '(import "a" "b" (tag))',
        "(func (local exnref))",
        "(func try_table end)",
    ],
    "extended-const": [
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
        "(memory i64 1) (data (offset (i64.mul (i64.const 1) (i64.const 2))))",
        "(table 1 funcref) (elem (offset (i32.sub (i32.const 1) (i32.const 1))) func)",
    ],
    "gc": [
        "(type (struct))",
        "(type (array i8))",
        "(type (sub (func)))",
        "(rec (type (func)) (type (func)))",
        "(func (param anyref))",
        "(func (result i31ref) i32.const 1 ref.i31)",
        "(table 1 eqref)",
        "(func (local nullref))",
        "(global (ref i31) (ref.i31 (i32.const 1)))",
    ],
    "memory64": ["(memory i64 1)", "(table i64 1 funcref)", '(import "a" "b" (memory i64 1))'],
    "multimemory": ["(memory 1) (memory 1)", '(import "a" "b" (memory 1)) (memory 1)'],
    "multivalue": [
        "(type (func (result i32 i32)))",
        "(func (param i32) local.get 0 block (param i32) drop end)",
    ],
    "mutable-globals": [
        '(import "a" "b" (global (mut i32)))',
        '(global (export "g") (mut i32) i32.const 0)',
    ],
    "nontrapping-float-to-int": ["(func (drop (i32.trunc_sat_f32_s (f32.const 1))))"],
    "reference-types": [
        "(func (param externref))",
        "(func (result funcref) ref.null func)",
        "(func (local funcref))",
        "(global externref ref.null extern)",
        "(table 1 externref)",
        "(table 1 funcref) (table 1 funcref)",
        "(table 1 funcref) (func (drop (table.size 0)))",
        "(func) (elem declare func 0)",
        "(func (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 3))))",
        "(func block (result funcref) unreachable end drop)",
    ],
    "relaxed-simd": [
        "(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 1 2) (v128.const i64x2 1 2))))"
    ],
    "sign-ext": ["(func (drop (i32.extend8_s (i32.const 1))))"],
    "simd": [
        "(func (drop (i32x4.splat (i32.const 1))))",
        "(func (param v128))",
        "(func (local v128))",
        "(type (struct (field v128)))",
    ],
    "tail-call": ["(func return_call 0)"],
    "threads": ["(memory 1 1 shared)", "(func atomic.fence)"],
    "typed-function-references": [
        "(func (param (ref func)))",
        "(type (func)) (func (local (ref null 0)))",
        "(type (func)) (func (param (ref 0)) local.get 0 call_ref 0)",
    ],
}


def test_the_first_version_of_webassembly_uses_none() -> None:
    assert used_features(module_of(MVP)) == set()


@pytest.mark.parametrize(
    ("feature", "wat"), [(feature, wat) for feature, wats in USES.items() for wat in wats]
)
def test_a_use_is_found_and_refused(feature: str, wat: str) -> None:
    module = module_of(wat)
    assert feature in used_features(module)
    message = f"the module uses {feature}, which --disable-{feature} forbids"
    with pytest.raises(ValidationError, match=message):
        refuse_features(module, {feature})
    refuse_features(module, set(FEATURES) - used_features(module))


@pytest.mark.parametrize("body", [b"\x06\x40\x0b\x0b", b"\x06\x40\x18\x00\x0b"])
def test_legacy_exceptions_are_exceptions(body: bytes) -> None:
    assert used_features(decode(binary_of(body))) == {"exception-handling"}


def test_a_custom_section_uses_nothing() -> None:
    data = binary_of(b"\x0b") + custom(b"target_features", b"\1+\7simd128")
    assert used_features(decode(data)) == set()


def test_every_feature_that_instructions_show_has_instructions() -> None:
    names = [op.mnemonic for op in OPCODES]
    for feature, pattern in FEATURE_INSTRUCTIONS.items():
        assert any(re.fullmatch(pattern, name) for name in names), feature


PROPOSALS = {
    "packed": {"sign-ext", "nontrapping-float-to-int"},
    "lz": {"bulk-memory", "bulk-memory-opt"},
    "matrix-simd": {"simd"},
    "vector": {"simd", "relaxed-simd"},
    "atomics": {"threads"},
    "memories": {"multimemory", "memory64", "bulk-memory"},
    "exceptions": {"exception-handling"},
    "collected": {"gc", "typed-function-references"},
    "control": {"multivalue", "tail-call", "typed-function-references"},
    "elements": {"reference-types"},
    "segments": {"bulk-memory", "extended-const"},
    "codecs": set(),
    "json-tokens": set(),
    "matrix": set(),
}


@pytest.mark.parametrize("name", PROPOSALS)
def test_built_modules_use_what_they_were_built_with(name: str) -> None:
    [path] = [path for path in BUILT if path.stem == name]
    found = used_features(decode(path.read_bytes()))
    assert found >= PROPOSALS[name]
    if not PROPOSALS[name]:
        assert not found - {"mutable-globals"}


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    assert check_feature_name("simd") == "simd"
    with pytest.raises(UsageError, match=r"unknown feature smid, known: bulk-memory .* threads"):
        check_feature_name("smid")
