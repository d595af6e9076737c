"""The validity gate says of one body what wasmtime says of the whole module."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import wasmtime

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Module
from wasmopt.types import I32, ValType
from wasmopt.validate import engine, has_legacy_exceptions
from wasmopt.verify.validity import LEGACY_REASON, MALFORMED_REASON, SIGNATURE_REASON, ValidityGate

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))


def gate_of(module: Module) -> ValidityGate:
    return Context(module).table(ValidityGate)


def whole_is_valid(module: Module, position: int, function: Function) -> bool:
    functions = list(module.functions)
    functions[position] = function
    try:
        wasmtime.Module.validate(engine(), encode(replace(module, functions=tuple(functions))))
    except wasmtime.WasmtimeError:
        return False
    return True


def disturbed(function: Function, random: Random, alphabet: list[Instr]) -> Function:
    """The function with one or two instructions removed, added or exchanged."""
    body = list(function.body)
    for _ in range(random.choice([1, 1, 2])):
        place = random.randrange(len(body))
        other = random.choice(alphabet)
        match random.randrange(3):
            case 0 if len(body) > 1:
                del body[place]
            case 1:
                body.insert(place, other)
            case _:
                body[place] = other
    return function.with_body(body)


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_agrees_with_wasmtime_on_the_whole_module(path: Path) -> None:
    module = decode(path.read_bytes())
    gate = gate_of(module)
    alphabet = list(module.pool.values())
    random = Random(path.stem)
    assert all(
        gate.problem(each) is None or has_legacy_exceptions(each) for each in module.functions
    )
    verdicts = set()
    for _ in range(60):
        position = random.randrange(len(module.functions))
        changed = disturbed(module.functions[position], random, alphabet)
        verdict = gate.problem(changed) is None
        assert verdict == whole_is_valid(module, position, changed), changed.body
        verdicts.add(verdict)
    assert verdicts == {True, False}


INDEXED = """
(import "m" "f" (func $f (param i32)))
(import "m" "g" (global $g (mut i64)))
(type $t (func (param i32)))
(table $one 1 funcref) (table $two 1 externref)
(memory $m 1) (memory $n i64 1)
(tag $tag (param i32))
(func $declared) (func $undeclared)
(elem $e func $declared)
(elem $x externref (ref.null extern))
(data $d "abc")
(func $bulk (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))
"""


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        ("(call $f (i32.const 1))", True),
        ("(global.set $g (i64.const 1))", True),
        ("(global.set $g (i32.const 1))", False),
        ("(drop (i32.load $m (i32.const 1)))", True),
        ("(drop (i32.load $n (i32.const 1)))", False),
        ("(drop (i32.load $n (i64.const 1)))", True),
        ("(drop (table.get $two (i32.const 0)))", True),
        ("(call_indirect $one (type $t) (i32.const 0) (i32.const 0))", True),
        ("(call_indirect $two (type $t) (i32.const 0) (i32.const 0))", False),
        ("(table.init $one $e (i32.const 0) (i32.const 0) (i32.const 0))", True),
        ("(table.init $one $x (i32.const 0) (i32.const 0) (i32.const 0))", False),
        ("(table.init $two $x (i32.const 0) (i32.const 0) (i32.const 0))", True),
        ("(elem.drop $x) (data.drop $d)", True),
        ("(throw $tag (i32.const 0))", True),
        ("(throw $tag (i64.const 0))", False),
        ("(drop (ref.func $declared))", True),
        ("(drop (ref.func $undeclared))", False),
        ("(block (result i32) (try_table (catch $tag 0)) (i32.const 0)) (drop)", True),
        ("(local (ref $t)) (drop (local.get 0))", False),
    ],
)
def test_every_index_space_keeps_its_types(code: str, valid: bool) -> None:
    module = decode(bytes(wasmtime.wat2wasm(f"(module {INDEXED} (func {code}))", )))  # fmt: skip
    assert (gate_of(module).problem(module.functions[-1]) is None) == valid
