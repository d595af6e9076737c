"""What the keys of the proof cache depend on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.instr import InstrPool
from wasmopt.verify import cache as cache_module
from wasmopt.verify.cache import ProofCache
from wasmopt.verify.cache_key import context_digest, validator_version
from wasmopt.version import VERSION

FUNCTION = """
  (func $f (param i32) (result i32)
    (local i64)
    (global.set $counter (i32.add (global.get $counter) (global.get $step)))
    (i32.store offset=4 (local.get 0) (call $helper (local.get 0)))
    (drop (call_indirect $table (type $binary) (local.get 0) (local.get 0) (i32.const 0)))
    (block (result i32) (local.get 0)))
"""

MODULE = f"""
  (type $unary (func (param i32) (result i32)))
  (type $binary (func (param i32 i32) (result i32)))
  (memory 1 2)
  (table $table 4 8 funcref)
  (global $counter (mut i32) (i32.const 0))
  (global $step i32 (i32.const 1))
  {FUNCTION}
  (func $helper (param i32) (result i32) (local.get 0))
  (func $other (param f32))
"""


def digest(wat: str, after: str | None = None) -> bytes:
    """Of the change of a module's first function to that of another text, or to itself."""
    pool = InstrPool()
    module = module_of(wat, pool)
    before = module.functions[0]
    changed = before if after is None else module_of(after, pool).functions[0]
    return context_digest(before, changed, Context(module))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(func $other (param f32))", "(func $other (param f32) (nop))"),
        ("(func $other (param f32))", "(func $other (param f32)) (func (param f32))"),
        (
            "(func $helper (param i32) (result i32) (local.get 0))",
            "(func $helper (type 0) (i32.const 7))",
        ),
        ("(memory 1 2)", '(memory (export "memory") 1 2) (data (i32.const 0) "abc")'),
        ("(func $f", '(func $f (export "f")'),
    ],
)
def test_what_no_proof_looks_at_does_not_matter(old: str, new: str) -> None:
    assert digest(MODULE.replace(old, new)) == digest(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(memory 1 2)", "(memory 2 2)"),
        ("(memory 1 2)", "(memory 1 3)"),
        ("(memory 1 2)", "(memory 1)"),
        ("(memory 1 2)", "(memory 1 2 shared)"),
        ("(memory 1 2)", "(memory 1 2) (memory 1)"),
        ("4 8 funcref", "4 9 funcref"),
        ("(mut i32) (i32.const 0)", "(mut i32) (i32.const 0)) (global (mut i32) (i32.const 0)"),
        ("$step i32 (i32.const 1)", "$step i32 (i32.const 2)"),
        ("$step i32 (i32.const 1)", "$step (mut i32) (i32.const 1)"),
        ("(func $other (param f32))", '(func $other (param f32) (data.drop 0)) (data "x")'),
        ("(memory 1 2)", "(memory 1 2) (elem func 0)"),
        ("(local i64)", "(local i32)"),
        ("(local i64)", "(local i64 i64)"),
        ("offset=4", "offset=8"),
        ("(i32.const 0)))", "(i32.const 1)))"),
        ("(call $helper (local.get 0))", "(call $f (local.get 0))"),
        ("(block (result i32)", "(block (type 2)"),
    ],
)
def test_what_a_proof_may_look_at_does_matter(old: str, new: str) -> None:
    changed = MODULE.replace(old, new)
    if "type 2" in new:
        changed = changed.replace("(memory 1 2)", "(type (func (result i32))) (memory 1 2)")
    assert changed != MODULE
    assert digest(changed) != digest(MODULE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            "(func (param i32) (unreachable))",
            "(func (param i64) (unreachable))",
            id="its own type",
        ),
        pytest.param(
            "(type (sub (func))) (func (type 0) (unreachable))",
            "(type (func)) (func (type 0) (unreachable))",
            id="whether its type may have subtypes",
        ),
        pytest.param(
            "(type $s (struct)) (type (func (param (ref $s)))) (func (type 1) (unreachable))",
            "(type $s (array i8)) (type (func (param (ref $s)))) (func (type 1) (unreachable))",
            id="type of a parameter",
        ),
        pytest.param(
            "(func (call 1 (unreachable))) (func (param i32))",
            "(func (call 1 (unreachable))) (func (param i64))",
            id="type of a callee",
        ),
        pytest.param(
            "(type (func)) (type $t (func (param i32))) (tag $e (type $t))"
            " (func (type 0) (throw $e (unreachable)))",
            "(type (func)) (type $t (func (param i64))) (tag $e (type $t))"
            " (func (type 0) (throw $e (unreachable)))",
            id="type of a tag",
        ),
        pytest.param(
            "(type (func)) (type (struct (field i32)))"
            " (func (type 0) (drop (struct.get 1 0 (unreachable))))",
            "(type (func)) (type (struct (field (mut i32))))"
            " (func (type 0) (drop (struct.get 1 0 (unreachable))))",
            id="a field",
        ),
        pytest.param(
            "(type (func)) (type $s (struct)) (func (type 0) (local (ref null $s)))",
            "(type (func)) (type $s (array i8)) (func (type 0) (local (ref null $s)))",
            id="type of a local",
        ),
        pytest.param(
            "(type (func)) (type $s (struct)) (global (ref null $s) (ref.null $s))"
            " (func (type 0) (drop (global.get 0)))",
            "(type (func)) (type $s (array i8)) (global (ref null $s) (ref.null $s))"
            " (func (type 0) (drop (global.get 0)))",
            id="type of a global",
        ),
        pytest.param(
            "(type (func)) (type (func (param i32))) (rec (type (func)) (type (struct)))"
            " (func (type 0) (drop (ref.null 1)))",
            "(type (func)) (type (func (param i32))) (rec (type (func)) (type (array i8)))"
            " (func (type 0) (drop (ref.null 1)))",
            id="any type where types are grouped",
        ),
        pytest.param(
            "(elem declare func 1) (func (drop (ref.func 1))) (func)",
            "(elem declare func 0) (func (drop (ref.func 1))) (func)",
            id="functions that may be referred to",
        ),
        pytest.param(
            '(import "a" "b" (global i32)) (func (drop (global.get 0)))',
            "(global i32 (i32.const 0)) (func (drop (global.get 0)))",
            id="imported and defined",
        ),
    ],
)
def test_types_of_what_is_named_matter(first: str, second: str) -> None:
    assert digest(first) != digest(second)


def test_both_versions_matter_and_which_is_which() -> None:
    one, two = "(func (nop))", "(func)"
    digests = {digest(one, one), digest(one, two), digest(two, one), digest(two, two)}
    assert len(digests) == 4


def test_a_change_of_the_type_index_is_not_the_same_as_none() -> None:
    module = module_of("(type (func)) (type (func)) (func (type 0))")
    before = module.functions[0]
    context = Context(module)
    moved = replace(before, type_index=1)
    assert context_digest(before, before, context) != context_digest(before, moved, context)


def test_a_function_that_names_nothing_has_a_key_too() -> None:
    module = module_of("(func)")
    before = module.functions[0]
    make = module.pool.make
    wrong = [make("call", 9), make("global.get", 9), make("call_indirect", 9, 9), make("throw", 9)]
    context = Context(module)
    digests = {
        context_digest(before, replace(before.with_body([each]), type_index=index), context)
        for each in wrong
        for index in (0, 9)
    }
    assert len(digests) == 8


def test_keys_depend_on_settings_and_on_the_validator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of("(func)")
    function = module.functions[0]

    def key(settings: str) -> bytes:
        with ProofCache(tmp_path / "proofs.sqlite", settings=settings) as cache:
            return cache.key(function, function, Context(module))

    keys = {key("z3"), key("none")}
    monkeypatch.setattr(cache_module, "validator_version", lambda: "another")
    keys |= {key("z3"), key("none")}
    assert len(keys) == 4


def test_the_version_of_the_validator_names_its_libraries() -> None:
    words = validator_version().split()
    assert words[0] == VERSION
    assert any(word.startswith("wasmtime=") for word in words)
    assert any(word.startswith("z3-solver=") for word in words)
