"""short-forms: segments and types are written in fewer bytes and mean the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import wasmtime

from tests.core.binaries import EXPORT, HEADER, VOID, section, sized, vector
from tests.support import module_of, run_module_pass, unchanged_module
from tests.verify.modules import claim
from wasmopt import decode, encode, optimize
from wasmopt.manager import Manager
from wasmopt.module import Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.validate import every_proposal, validate
from wasmopt.verdict import Proved, Unproved
from wasmopt.verify import Prover, prove_module

TWO = section(3, vector(b"\0", b"\0"))
TABLE = section(4, vector(b"\x70\0\x08"))
CODE = section(10, vector(sized(b"\0\x0b"), sized(b"\0\x0b")))
AT_1 = b"\x41\1\x0b"
REFERENCES = vector(b"\xd2\0\x0b", b"\xd2\1\x0b")
INDICES = vector(b"\0", b"\1")
WITH_NULL = vector(b"\xd2\0\x0b", b"\xd0\x70\x0b")

ELEMENTS = {
    "table 0 and its kind named": (b"\2\0" + AT_1 + b"\0" + INDICES, b"\0" + AT_1 + INDICES),
    "expressions": (b"\4" + AT_1 + REFERENCES, b"\0" + AT_1 + INDICES),
    "expressions, table 0 named": (
        b"\6\0" + AT_1 + b"\x70" + REFERENCES,
        b"\0" + AT_1 + INDICES,
    ),
    "expressions with null, table 0 named": (
        b"\6\0" + AT_1 + b"\x70" + WITH_NULL,
        b"\4" + AT_1 + WITH_NULL,
    ),
    "passive expressions": (b"\5\x70" + REFERENCES, b"\1\0" + INDICES),
    "declarative expressions": (b"\7\x70" + REFERENCES, b"\3\0" + INDICES),
    "references that are not null": (b"\5\x64\x70" + REFERENCES, b"\1\0" + INDICES),
    "funcref written out": (b"\5\x63\x70" + REFERENCES, b"\1\0" + INDICES),
}
"""The same segment in a long form and in the shortest."""
SHORTEST = {
    "with null": b"\4" + AT_1 + WITH_NULL,
    "passive with null": b"\5\x70" + WITH_NULL,
    "active": b"\0" + AT_1 + INDICES,
    "passive": b"\1\0" + INDICES,
    "another type": b"\5\x6f" + vector(b"\xd0\x6f\x0b"),
    "nothing of another type": b"\5\x6f\0",
    "references of a defined type": b"\5\x64\0" + vector(b"\xd2\0\x0b"),
}


def with_segment(segment: bytes) -> Module:
    data = HEADER + VOID + TWO + TABLE + EXPORT + section(9, vector(segment)) + CODE
    return decode(data)


@pytest.mark.parametrize("name", ELEMENTS)
def test_elements_take_their_shortest_form(name: str) -> None:
    long, short = ELEMENTS[name]
    before = with_segment(long)
    validate(before)
    result = run_module_pass("short-forms", before)
    assert encode(result) == encode(with_segment(short))
    assert len(encode(result)) < len(encode(before))


@pytest.mark.parametrize("name", SHORTEST)
def test_other_elements_stay(name: str) -> None:
    module = with_segment(SHORTEST[name])
    validate(module)
    assert run_module_pass("short-forms", module) is module


@pytest.mark.parametrize(
    "fields",
    [
        "(table 1 funcref) (table 1 funcref) (elem (table 1) (i32.const 0) func 0) (func)",
        "(memory 1) (memory 1) (data (memory 1) (i32.const 0) \"a\") (data \"b\")",
        "(type (sub (func))) (type (sub final 0 (func))) (rec (type (func)) (type (func)))",
    ],
)  # fmt: skip
def test_numbers_that_are_needed_stay(fields: str) -> None:
    unchanged_module("short-forms", fields)


def test_data_of_memory_0_need_not_name_it() -> None:
    head = HEADER + section(5, vector(b"\0\1"))
    before = decode(head + section(11, vector(b"\2\0" + AT_1 + sized(b"a"))))
    result = run_module_pass("short-forms", before)
    assert encode(result) == head + section(11, vector(b"\0" + AT_1 + sized(b"a")))


@pytest.mark.parametrize(
    ("long", "short"),
    [
        (b"\x4e\1\x60\0\0", b"\x60\0\0"),
        (b"\x4f\0\x60\0\0", b"\x60\0\0"),
        (b"\x4e\1\x4f\0\x60\0\0", b"\x60\0\0"),
        (b"\x4e\2\x4f\0\x60\0\0\x5f\0", b"\x4e\2\x60\0\0\x5f\0"),
    ],
)
def test_types_take_their_shortest_form(long: bytes, short: bytes) -> None:
    def module(group: bytes) -> Module:
        return decode(HEADER + section(1, vector(group)) + TWO + EXPORT + CODE)

    result = run_module_pass("short-forms", module(long))
    assert encode(result) == encode(module(short))


def test_tables_hold_the_same_and_calls_find_it() -> None:
    wat = """(module (type $f (func (result i32))) (table (export "t") 4 funcref)
      (elem (table 0) (i32.const 1) funcref (ref.func 0) (ref.func 1))
      (elem $p funcref (ref.func 1) (ref.func 0))
      (func (result i32) i32.const 3) (func (result i32) i32.const 4)
      (func (export "fill") (table.init $p (i32.const 2) (i32.const 0) (i32.const 2)))
      (func (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))"""
    before = encode(module_of(wat))
    after = optimize(before, Options(passes=("short-forms",), level="0")).data
    assert len(after) < len(before)
    assert outcomes(after) == outcomes(before) == [3, 4, 3, 4, 3]


def outcomes(data: bytes) -> list[int]:
    store = wasmtime.Store(wasmtime.Engine(every_proposal()))
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, data), []).exports(store)
    call, fill = exports["call"], exports["fill"]
    assert isinstance(call, wasmtime.Func) and isinstance(fill, wasmtime.Func)
    found = [call(store, 1), call(store, 2)]
    # Only now the last entry is there, and the one before it is another.
    fill(store)
    found += [call(store, 1), call(store, 2), call(store, 3)]
    return found


WRONG = {
    "other functions": (b"\4" + AT_1 + REFERENCES, b"\0" + AT_1 + vector(b"\1", b"\0")),
    "one function less": (b"\4" + AT_1 + REFERENCES, b"\0" + AT_1 + vector(b"\0")),
    "null became a function": (b"\4" + AT_1 + WITH_NULL, b"\0" + AT_1 + INDICES),
    "passive became declarative": (b"\5\x70" + REFERENCES, b"\3\0" + INDICES),
    "active became passive": (b"\4" + AT_1 + REFERENCES, b"\1\0" + INDICES),
    "another place": (b"\4" + AT_1 + REFERENCES, b"\0\x41\2\x0b" + INDICES),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_the_same_segment_is_not_proved(name: str) -> None:
    old, new = map(with_segment, WRONG[name])
    new = decode(encode(new), old.pool)
    verdict = prove_module(old, new, claim(), Prover(replay=False))
    assert isinstance(verdict, Unproved)
    assert verdict.reason == "element segment 0 differs"


def test_the_right_segments_are_proved() -> None:
    for long, short in ELEMENTS.values():
        old = with_segment(long)
        new = decode(encode(with_segment(short)), old.pool)
        assert isinstance(prove_module(old, new, claim(), Prover(replay=False)), Proved)


def test_a_broken_pass_is_put_back() -> None:
    def broken(module: Module, _options: Options) -> tuple[Module, Correspondence]:
        """Takes all expressions for references to function 0."""
        [segment] = module.elements
        short = replace(segment, flags=0, items=(0,) * len(segment.items))
        return replace(module, elements=(short,)), Correspondence()

    before = with_segment(b"\4" + AT_1 + WITH_NULL)
    manager = Manager(
        [ModulePass("broken", "", broken)],
        Options(),
        Prover(),
        module_prover=lambda old, new, said: prove_module(old, new, said, Prover(replay=False)),
    )
    assert manager.run(before) is before
    assert manager.reports["broken"].reverted == {"element segment 0 differs": 1}
