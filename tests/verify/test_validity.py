"""The validity gate says of one body what wasmtime says of the whole module."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import wasmtime

from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import Instr, MemArg
from wasmopt.module import Module
from wasmopt.text import read_text
from wasmopt.types import I32, ValType
from wasmopt.validate import engine
from wasmopt.verify.validity import LEGACY_REASON, SIGNATURE_REASON, ValidityGate

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))


def module_of(fields: str) -> Module:
    return decode(read_text(f"(module {fields})"))


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
    assert {gate.problem(each) for each in module.functions} == {None}
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
    module = module_of(f"{INDEXED} (func {code})")
    assert (gate_of(module).problem(module.functions[-1]) is None) == valid


@pytest.mark.parametrize(
    ("mnemonic", "immediates", "space"),
    [
        ("call", (2,), "func"),
        ("global.get", (0,), "global"),
        ("table.size", (0,), "table"),
        ("memory.size", (0,), "memory"),
        ("i32.load8_u", (MemArg(0, 0),), "memory"),
        ("throw", (0,), "tag"),
        ("elem.drop", (0,), "elem"),
        ("data.drop", (0,), "data"),
    ],
)
def test_an_index_that_names_nothing_is_refused(
    mnemonic: str, immediates: tuple[object, ...], space: str
) -> None:
    module = module_of("(func) (func)")
    end = module.functions[0].body[-1]
    function = module.functions[0].with_body([module.pool.make(mnemonic, *immediates), end])
    problem = gate_of(module).problem(function)
    assert problem is not None and space in problem


def test_a_segment_index_needs_the_data_count_of_the_module() -> None:
    module = module_of('(memory 1) (data "a") (func (data.drop 0)) (func)')
    assert gate_of(module).problem(module.functions[0]) is None
    uncounted = replace(module, data_count=None)
    assert gate_of(uncounted).problem(module.functions[0]) is not None


def test_reasons_are_short_and_do_not_name_offsets() -> None:
    module = module_of("(func (result i32) i64.const 1 i32.wrap_i64)")
    function = module.functions[0]
    wrong = function.with_body([function.body[0], function.body[2]])
    assert gate_of(module).problem(wrong) == "invalid: type mismatch: expected i32, found i64"


def test_another_signature_is_refused_even_where_the_body_is_valid() -> None:
    module = module_of("(func (param i32)) (func (param i64))")
    before = module.functions[0]
    after = replace(before, type_index=1)
    gate = gate_of(module)
    assert gate.problem(after) is None
    assert gate.refuse(before, after) == SIGNATURE_REASON
    assert gate.refuse(before, before) is None


def test_legacy_exceptions_cannot_be_checked() -> None:
    module = module_of("(func)")
    make = module.pool.make
    function = module.functions[0].with_body([make("try", None), make("end"), make("end")])
    assert gate_of(module).problem(function) == LEGACY_REASON


def lying(module: Module, says: str, means: str) -> Instr:
    """An instruction whose object says one thing and whose bytes say another."""
    op = module.pool.make(says).op
    return Instr(op, (), module.pool.make(means).data)


def test_an_instruction_is_encoded_as_what_it_says() -> None:
    module = module_of("(func (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))")
    function, gate = module.functions[0], gate_of(module)
    assert gate.problem(function) is None
    add = lying(module, "i32.sub", "i32.add")
    body = [add if each.name == "i32.add" else each for each in function.body]
    assert "not encoded" in str(gate.problem(function.with_body(body)))
    long = Instr(function.body[0].op, (0,), function.body[0].data + b"\x01")
    assert gate.problem(function.with_body([long, *function.body[1:]])) is not None


@pytest.mark.parametrize(
    "groups",
    [
        ((-1, I32),),
        ((1, ValType(b"")),),
        ((1, ValType(b"\x7f\x01\x7e")),),
        ((1, ValType(b"\x00")),),
        ((1 << 40, I32),),
        ((60_000, I32),),
        ((1,),),
        None,
    ],
)
def test_local_declarations_are_encoded_as_what_they_say(groups: object) -> None:
    module = module_of("(func)")
    function = replace(module.functions[0], locals=groups)  # type: ignore[arg-type]
    assert gate_of(module).problem(function) is not None


@pytest.mark.parametrize("body", [None, (), (None,), ("end",), 7])
def test_malformed_bodies_are_refused(body: object) -> None:
    module = module_of("(func)")
    function = Function(0, (), body)  # type: ignore[arg-type]
    assert gate_of(module).problem(function) is not None


@pytest.mark.parametrize("type_index", [-1, 1, 1 << 32, 0.5, None])
def test_a_type_that_does_not_exist_is_refused(type_index: object) -> None:
    module = module_of("(func)")
    function = replace(module.functions[0], type_index=type_index)  # type: ignore[arg-type]
    assert gate_of(module).problem(function) is not None


def test_a_check_does_not_pay_for_the_rest_of_the_module() -> None:
    several = "(func (param i32)) (global (mut i32) (i32.const 0)) (func (result i64) i64.const 1)"
    small, large = module_of(several), module_of(several * 4000)
    slowest = {}
    for module in (small, large):
        gate = gate_of(module)
        start = time.perf_counter()
        for function in module.functions[:2] * 50:
            assert gate.problem(function) is None
        slowest[module] = time.perf_counter() - start
    assert slowest[large] < 5 * slowest[small] + 0.02
