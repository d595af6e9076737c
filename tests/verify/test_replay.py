"""Replay finds what differs in a run that ends, names it, and never finds what is not there."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import module_of
from tests.verify.pairs import DIFFERENT, EQUAL, MODULE, verdict
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.instr import Immediate
from wasmopt.module import Module
from wasmopt.passes import REGISTRY
from wasmopt.types import F64, I32
from wasmopt.verdict import Proved, Refuted
from wasmopt.verify.counterexample import Counterexample, Patch, Value
from wasmopt.verify.prover import Prover
from wasmopt.verify.replay import ReplayBudget, find_counterexample, refute
from wasmopt.verify.scenarios import Scenario

MOST_LINES = 12

ENDLESS = {
    "an endless loop removed": "the loop never ends",
    "a loop that may be endless removed": "they differ only where the loop never ends",
    "a trap moved behind an endless loop": "it traps where the loop ends, at no other time",
}
"""Pairs that no run that ends tells apart, with the reason."""

NAMED = {
    "traps in another state, though the global comes back": "differs: global 0: i32 0 before",
    "a trap moved out of a loop": "differs: call 1: e.f(i32 1) before, none after",
    "a trap moved across a store": "differs: memory 0 at 0x0: 01 00 00 00",
    "a dropped load": "differs: end: traps before, returns after",
    "a weaker bounds check": "differs: end: traps before, returns after",
    "two calls in the other order": "differs: call 1: e.f(i32 1) before, e.f(i32 2) after",
    "a load moved across a store that overlaps": "differs: result 0: i32 0 before",
    "a global read after a call": "sets global 0 to",
    "memory.size after a call": "grows memory 0; returns i32 1",
    "overflow of a signed division": "function 2(i32 0x80000000)",
    "a float sum in the other order": "differs: result 0: f64",
    "results swapped": "returns i32 0, i32 1\nafter: returns i32 1, i32 0",
    "unreachable removed": "function 2(i32 1)\nbefore: traps\nafter: returns",
}
"""What a counterexample has to say."""


def modules(before: str, after: str) -> tuple[Module, Module]:
    module = module_of(before)
    return module, module_of(after, module.pool)


def replayed(before: str, after: str, *seeds: Scenario) -> Counterexample | None:
    """The counterexample for the last functions of two modules."""
    module, changed = modules(before, after)
    assert module.types == changed.types, "both versions must have the same types"
    position = len(module.functions) - 1
    versions = module.functions[-1], changed.functions[-1]
    found = find_counterexample(*versions, position, Context(module), seeds=seeds)
    assert found is None or len(found.render().splitlines()) <= MOST_LINES
    return found


def rendered(before: str, after: str) -> str:
    found = replayed(before, after)
    assert found is not None
    return found.render()


def of_pair(pair: tuple[str, str]) -> Counterexample | None:
    before, after = [MODULE.replace("{}", each) for each in pair]
    return replayed(before, after)


@pytest.mark.parametrize("name", [name for name in DIFFERENT if name not in ENDLESS])
def test_different_pairs_are_refuted(name: str) -> None:
    found = of_pair(DIFFERENT[name])
    assert found is not None
    assert NAMED.get(name, "differs: ") in found.render()


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_compared_with_nothing(name: str) -> None:
    assert of_pair(DIFFERENT[name]) is None


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pairs_are_never_refuted(name: str) -> None:
    before, after = EQUAL[name]
    assert of_pair((before, after)) is None
    assert of_pair((after, before)) is None


ONE_FUNCTION = {
    "i64": (
        "(func (param i64) (result i64) (i64.shr_s (local.get 0) (i64.const 1)))",
        "(func (param i64) (result i64) (i64.shr_u (local.get 0) (i64.const 1)))",
        "i64",
    ),
    "f32": (
        "(func (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))",
        "(func (param f32) (result i32) (i32.reinterpret_f32 (f32.abs (local.get 0))))",
        "(f32 -",
    ),
    "f64": (
        "(func (param f64) (result f64) (f64.add (local.get 0) (f64.const 0)))",
        "(func (param f64) (result f64) (local.get 0))",
        "(f64 -0.0)",
    ),
    "v128": (
        "(func (param v128) (result v128) (i8x16.abs (local.get 0)))",
        "(func (param v128) (result v128) (local.get 0))",
        "(v128 0x",
    ),
    "externref is null": (
        "(func (param externref) (result i32) (ref.is_null (local.get 0)))",
        "(func (param externref) (result i32) (i32.const 1))",
        "(externref reference 1)",
    ),
    "externref identity": (
        "(func (param externref externref) (result externref) (local.get 0))",
        "(func (param externref externref) (result externref) (local.get 1))",
        "differs: result 0: externref",
    ),
    "funcref identity": (
        "(func $a) (func (param funcref) (result funcref) (drop (ref.func $a)) (local.get 0))"
        "(elem declare func $a)",
        "(func $a) (func (param funcref) (result funcref) (ref.func $a)) (elem declare func $a)",
        "differs: result 0: funcref null before, funcref function 0 after",
    ),
    "typed function reference": (
        """(type $t (func (result i32)))
           (func (param (ref $t)) (result i32) (call_ref $t (local.get 0)))""",
        """(type $t (func (result i32)))
           (func (param (ref $t)) (result i32) (i32.const 0))""",
        "before: calls a function of type 0()",
    ),
    "i31 references": (
        "(func (param i31ref) (result i32) (i31.get_u (local.get 0)))",
        "(func (param i31ref) (result i32) (i31.get_u (ref.as_non_null (ref.i31 (i32.const 0)))))",
        "before: traps",
    ),
    "structures": (
        "(type $s (struct (field i32))) (func (param i32) (result i32) (struct.get $s 0"
        " (struct.new $s (local.get 0))))",
        "(type $s (struct (field i32))) (func (param i32) (result i32) (struct.get $s 0"
        " (struct.new $s (i32.const 0))))",
        "differs: result 0",
    ),
    "two results": (
        "(func (param i32 f64) (result f64 i32) (local.get 1) (local.get 0))",
        "(func (param i32 f64) (result f64 i32) (local.get 1) (i32.const 0))",
        "differs: result 1: i32",
    ),
}


@pytest.mark.parametrize("name", ONE_FUNCTION)
def test_values_of_all_types_cross(name: str) -> None:
    before, after, said = ONE_FUNCTION[name]
    assert said in rendered(before, after)
    assert replayed(before, before) is None


SURROUNDED = {
    "an imported memory": (
        """(import "m" "m" (memory 0)) (func (param i32)
             (i32.store (i32.const 8) (local.get 0)))""",
        """(import "m" "m" (memory 0)) (func (param i32)
             (i32.store (i32.const 8) (i32.const 0)))""",
        "differs: memory 0 at 0x8: 01 00",
    ),
    "an imported table": (
        """(import "m" "t" (table 0 funcref)) (import "m" "a" (func $a)) (elem declare func $a)
           (func (param i32) (table.set (local.get 0) (ref.func $a)))""",
        """(import "m" "t" (table 0 funcref)) (import "m" "a" (func $a)) (elem declare func $a)
           (func (param i32) (table.set (local.get 0) (ref.null func)))""",
        "differs: table 0 entry 0: funcref m.a before, funcref null after",
    ),
    "a table of external references": (
        "(table 4 externref) (func (table.set (i32.const 3) (table.get (i32.const 1))))",
        "(table 4 externref) (func (table.set (i32.const 3) (table.get (i32.const 2))))",
        "differs: table 0 entry 3: externref reference",
    ),
    "the size of a table": (
        "(table 4 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))",
        "(table 4 funcref) (func (drop (table.grow (ref.null func) (i32.const 2))))",
        "differs: size of table 0: 17 before, 18 after",
    ),
    "an imported mutable global": (
        """(import "m" "g" (global (mut i64))) (func (result i64) (global.get 0))""",
        """(import "m" "g" (global (mut i64))) (func (result i64) (i64.const 0))""",
        "global 0: i64 ",
    ),
    "an imported constant and what is made of it": (
        """(import "m" "g" (global i32)) (global i32 (i32.add (global.get 0) (i32.const 5)))
           (func (result i32) (i32.sub (global.get 1) (global.get 0)))""",
        """(import "m" "g" (global i32)) (global i32 (i32.add (global.get 0) (i32.const 5)))
           (func (result i32) (i32.const 6))""",
        "before: returns i32 5\nafter: returns i32 6",
    ),
    "a vector global": (
        """(global (mut v128) (v128.const i64x2 0 0))
           (func (param v128) (global.set 0 (local.get 0)))""",
        """(global (mut v128) (v128.const i64x2 0 0))
           (func (param v128) (global.set 0 (i64x2.splat (i64.const 9))))""",
        "differs: global 0: v128 0x0000",
    ),
    "an imported function with all kinds of values": (
        """(import "m" "f" (func (param v128 externref f32) (result f64 funcref)))
           (func (param v128 externref f32) (result f64)
             (call 0 (local.get 0) (local.get 1) (local.get 2)) (drop))""",
        """(import "m" "f" (func (param v128 externref f32) (result f64 funcref)))
           (func (param v128 externref f32) (result f64)
             (call 0 (local.get 0) (ref.null extern) (local.get 2)) (drop))""",
        "externref reference ",
    ),
    "a call of another function": (
        "(func $g (param i32) (result i32) (local.get 0))"
        "(func (param i32) (result i32) (i32.add (call $g (local.get 0)) (i32.const 1)))",
        "(func $g (param i32) (result i32) (local.get 0))"
        "(func (param i32) (result i32) (i32.add (call $g (local.get 0)) (i32.const 2)))",
        "calls function 0(i32 0) -> i32 0; returns i32 1",
    ),
    "a call of itself": (
        "(func $f (param i32) (result i32) (call $f (i32.sub (local.get 0) (i32.const 1))))",
        "(func $f (param i32) (result i32) (call $f (i32.sub (local.get 0) (i32.const 2))))",
        "differs: call 1: function 0(i32 -1) before, function 0(i32 -2) after",
    ),
    "an indirect call": (
        """(type $t (func (param i32))) (table 4 funcref)
           (func (param i32) (call_indirect (type $t) (i32.const 7) (local.get 0)))""",
        """(type $t (func (param i32))) (table 4 funcref)
           (func (param i32) (call_indirect (type $t) (i32.const 8) (local.get 0)))""",
        "differs: call 1: a function of type 0(i32 7) before, a function of type 0(i32 8) after",
    ),
    "an indirect call of another entry": (
        """(type $t (func)) (type $u (func (param i32))) (table 4 funcref)
           (func (param i32) (if (local.get 0) (then (call_indirect (type $t) (i32.const 3)))
             (else (call_indirect (type $t) (i32.const 0)))))""",
        """(type $t (func)) (type $u (func (param i32))) (table 4 funcref)
           (func (param i32) (call_indirect (type $t) (i32.const 0)))""",
        "before: traps\nafter: calls a function of type 0()",
    ),
    "a tail call": (
        """(import "m" "a" (func $a (result i32))) (import "m" "b" (func $b (result i32)))
           (func (result i32) (return_call $a))""",
        """(import "m" "a" (func $a (result i32))) (import "m" "b" (func $b (result i32)))
           (func (result i32) (return_call $b))""",
        "differs: call 1: m.a() before, m.b() after",
    ),
    "a store moved across a call": (
        """(import "m" "a" (func $a)) (memory 1)
           (func (i32.store (i32.const 4) (i32.const 9)) (call $a))""",
        """(import "m" "a" (func $a)) (memory 1)
           (func (call $a) (i32.store (i32.const 4) (i32.const 9)))""",
        "differs: memory 0 at 0x",
    ),
    "a load moved across a call": (
        """(import "m" "a" (func $a)) (memory 1) (func (param i32) (result i32)
             (call $a) (i32.load (local.get 0)))""",
        """(import "m" "a" (func $a)) (memory 1) (func (param i32) (result i32)
             (i32.load (local.get 0)) (call $a))""",
        "differs: ",
    ),
    "a global set across a call": (
        """(import "m" "a" (func $a)) (global (mut i32) (i32.const 0))
           (func (global.set 0 (i32.const 9)) (call $a))""",
        """(import "m" "a" (func $a)) (global (mut i32) (i32.const 0))
           (func (call $a) (global.set 0 (i32.const 9)))""",
        "differs: global 0 at call 1: i32 9 before, i32 0 after",
    ),
    "a memory with i64 addresses": (
        "(memory i64 1) (func (param i64) (result i32) (i32.load16_s (local.get 0)))",
        "(memory i64 1) (func (param i64) (result i32) (i32.load16_u (local.get 0)))",
        "memory 0 at 0x",
    ),
    "the second of two memories": (
        "(memory 1) (memory 2) (func (param i32 i32) (i32.store8 1 (local.get 0) (local.get 1)))",
        "(memory 1) (memory 2) (func (param i32 i32) (i32.store8 0 (local.get 0) (local.get 1)))",
        "differs: memory 0 at 0x",
    ),
    "a large memory": (
        "(memory 1000) (func (param i32) (i32.store offset=60000000 (local.get 0) (i32.const 1)))",
        "(memory 1000) (func (param i32) (i32.store8 offset=60000000 (local.get 0) (i32.const 1)))",
        "differs: memory 0 at 0x39387",
    ),
    "a passive segment": (
        """(memory 1) (data $d "abcd") (data "xy")
           (func (memory.init $d (i32.const 0) (i32.const 1) (i32.const 2)))""",
        """(memory 1) (data $d "abcd") (data "xy")
           (func (memory.init $d (i32.const 0) (i32.const 2) (i32.const 2)))""",
        "differs: memory 0 at 0x0: 62 63 00",
    ),
    "a passive element segment": (
        """(table 4 funcref) (func $a) (func $b) (elem $e func $a $b)
           (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 1)))""",
        """(table 4 funcref) (func $a) (func $b) (elem $e func $a $b)
           (func (table.init $e (i32.const 0) (i32.const 1) (i32.const 1)))""",
        "differs: table 0 entry 0: funcref function 0 before, funcref function 1 after",
    ),
    "another tag": (
        "(tag $a (param i32)) (tag $b (param i32)) (func (param i32) (throw $a (local.get 0)))",
        "(tag $a (param i32)) (tag $b (param i32)) (func (param i32) (throw $b (local.get 0)))",
        "differs: end: throws tag 0 before, throws tag 1 after",
    ),
    "another value thrown": (
        "(tag $a (param i32 f64)) (func (param i32) (throw $a (local.get 0) (f64.const 1)))",
        "(tag $a (param i32 f64)) (func (param i32) (throw $a (i32.const 1) (f64.const 1)))",
        "before: throws tag 0 i32 0, f64 1.0\nafter: throws tag 0 i32 1, f64 1.0",
    ),
    "a handler around a call": (
        """(import "m" "t" (tag $t)) (import "m" "f" (func $f))
           (func (result i32) (block $h (try_table (catch $t $h) (call $f)) (return (i32.const 1)))
             (i32.const 2))""",
        """(import "m" "t" (tag $t)) (import "m" "f" (func $f))
           (func (result i32) (call $f) (i32.const 1))""",
        "before: calls m.f(), throws tag 0; returns i32 2\n",
    ),
}


@pytest.mark.parametrize("name", SURROUNDED)
def test_surroundings_of_all_kinds_are_made_up(name: str) -> None:
    before, after, said = SURROUNDED[name]
    assert said in rendered(before, after)
    assert replayed(before, before) is None


SAME_BUT_FOR_NANS = {
    "an f64 sum": (
        "(func (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))",
        "(func (param f64 f64) (result f64) (f64.add (local.get 1) (local.get 0)))",
    ),
    "times one, stored": (
        "(memory 1) (func (param f32) (f32.store (i32.const 0) (local.get 0)))",
        "(memory 1) (func (param f32) (f32.store (i32.const 0)"
        " (f32.mul (local.get 0) (f32.const 1))))",
    ),
    "the bits of a sum": (
        "(func (param f64 f64) (result i64)"
        " (i64.reinterpret_f64 (f64.add (local.get 0) (local.get 1))))",
        "(func (param f64 f64) (result i64)"
        " (i64.reinterpret_f64 (f64.add (local.get 1) (local.get 0))))",
    ),
}


@pytest.mark.parametrize("name", SAME_BUT_FOR_NANS)
def test_the_bits_of_computed_nans_refute_nothing(name: str) -> None:
    assert replayed(*SAME_BUT_FOR_NANS[name]) is None


NEEDLE = """(func (param i64) (result i32)
              (i64.eq (i64.mul (local.get 0) (i64.const 0x9E3779B97F4A7C15)) (i64.const 12345)))"""
NEVER = """(func (param i64) (result i32) (i32.const 0)
             (drop (i64.const 0x9E3779B97F4A7C15)))"""


def test_a_model_is_tried_first() -> None:
    assert replayed(NEEDLE, NEVER) is None
    solution = 12345 * pow(0x9E3779B97F4A7C15, -1, 1 << 64) % (1 << 64)
    found = replayed(NEEDLE, NEVER, Scenario(arguments={0: solution}))
    assert found is not None
    assert found.arguments[0].bits == solution


HARD = "(i32.eq (i32.mul {} (i32.const 0x9E3779B1)) (i32.const 12345))"
"""True for one value in four thousand million, which no constant of the code gives away."""


@pytest.mark.parametrize(
    "value",
    [
        "(local.get 0)",
        "(global.get $sp)",
        "(i32.load offset=8 (i32.const 64))",
        "(i32.load offset=8 (i32.and (local.get 0) (i32.const 255)))",
        "(call $g)",
    ],
)
def test_the_model_of_the_solver_shows_what_no_draw_would(value: str) -> None:
    before = f"(param i32) (result i32) {HARD.format(value)}"
    after = (
        "(param i32) (result i32) (drop (call $g)) (i32.const 0)"
        if "call" in value
        else (f"(param i32) (result i32) (i32.and (i32.const 0) {HARD.format(value)})")
    )
    assert of_pair((before, after)) is None, "a draw finds it: not what this is about"
    assert isinstance(verdict(before, after), Refuted)


def test_a_model_of_globals_is_completed() -> None:
    fields = """(global (export "g") (mut i64) (i64.const 0))
        (func (param i32) (result i32) {})"""
    before = fields.format(
        "(i32.and (i64.eq (global.get 0) (i64.const 0x123456789AB)) (local.get 0))"
    )
    after = fields.format("(drop (global.get 0)) (i32.const 0)")
    found = replayed(before, after, Scenario(globals={0: 0x123456789AB}))
    assert found is not None
    assert found.globals[0][1].bits == 0x123456789AB


def test_a_global_that_nobody_writes_holds_what_it_starts_with() -> None:
    before, after = [
        f"""(import "m" "f" (func)) (global (mut i32) (i32.const 7))
            (func (result i32) (call 0) {value})"""
        for value in ("(global.get 0)", "(i32.const 7)")
    ]
    assert replayed(before, after) is None
    assert replayed(before, after.replace("(call 0) (i32.const 7)", "(call 0) (i32.const 8)"))


def test_only_the_memory_that_matters_is_shown() -> None:
    fields = "(memory 4) (func (result i32) {})"
    before = fields.format("(i32.ne (i32.load16_u (i32.const 70)) (i32.const 0))")
    after = fields.format("(drop (i32.load16_u (i32.const 70))) (i32.const 0)")
    found = replayed(before, after)
    assert found is not None
    (patch,) = found.memory
    assert patch.address in (70, 71)
    assert len(patch.data) == 1


def test_a_long_counterexample_has_few_lines() -> None:
    value = Value(I32, 5)
    found = of_pair(DIFFERENT["a call dropped"])
    assert found is not None
    large = replace(
        found,
        arguments=(value,) * 100,
        globals=tuple([(index, Value(F64, 1 << 62)) for index in range(100)]),
        memory=tuple([Patch(0, 64 * each, bytes(range(64))) for each in range(100)]),
        before=replace(found.before, calls=found.before.calls * 100),
    )
    lines = large.render().splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) < 300


def test_the_same_versions_have_the_same_counterexample_in_another_process() -> None:
    name = "a value that changes in the third iteration"
    program = (
        "from tests.verify.pairs import DIFFERENT; from tests.verify.test_replay import of_pair;"
        f"print(of_pair(DIFFERENT[{name!r}]).render())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    found = of_pair(DIFFERENT[name])
    assert found is not None
    assert printed.stdout.strip() == found.render()


def test_refute_gives_the_text() -> None:
    module, changed = modules(*[MODULE.replace("{}", each) for each in DIFFERENT["a dropped load"]])
    verdict = refute(module.functions[0], changed.functions[0], Context(module), 0)
    assert verdict is not None
    assert verdict.counterexample.startswith("function 2(i32 ")
    assert refute(module.functions[0], module.functions[0], Context(module)) is None


CANNOT_RUN = {
    "shared memory": "(memory 1 1 shared) (func (result i32) (i32.load (i32.const 0)))",
    "an argument that only the module can make": """
        (type $s (struct (field i32)))
        (func (param (ref $s)) (result i32) (struct.get $s 0 (local.get 0)))""",
    "globals that take long to make": "(global i32 (i32.const 0))" * 2_501
    + "(func (result i32) (i32.const 0))",
    "an immense memory": "(memory 65536) (func (result i32) (i32.load (i32.const 0)))",
}


@pytest.mark.parametrize("name", CANNOT_RUN)
def test_what_cannot_be_run_is_not_refuted(name: str) -> None:
    module = module_of(CANNOT_RUN[name])
    function, context = module.functions[0], Context(module)
    other = function.with_body([context.pool.make("unreachable"), context.pool.make("end")])
    assert find_counterexample(function, other, 0, context) is None


@pytest.mark.parametrize(
    "code",
    [
        [],
        [("i32.add",)],
        [("i64.const", 1)],
        [("call", 99)],
        [("local.get", 99)],
        [("global.get", 99)],
        [("table.get", 99)],
        [("memory.init", 7, 0)],
        [("table.init", 7, 0)],
        [("call_indirect", 99, 0)],
        [("br", 5)],
        [("block", 77), ("end",)],
        [("try", None), ("catch_all",), ("end",)],
        [("end",), ("end",)],
    ],
)
def test_broken_code_is_not_refuted_and_raises_nothing(
    code: list[tuple[str, *tuple[Immediate, ...]]],
) -> None:
    module = module_of("(func (param i32) (result i32) (local.get 0))")
    function, make = module.functions[0], module.pool.make
    broken = [*[make(*each) for each in code], make("end")] if code else []
    other = function.with_body(broken)
    for pair in ((function, other), (other, function)):
        assert find_counterexample(*pair, 0, Context(module)) is None
    retyped = replace(function, type_index=9)
    assert find_counterexample(function, retyped, 0, Context(module)) is None


def test_what_is_too_long_is_not_tried() -> None:
    module, changed = modules(*[MODULE.replace("{}", each) for each in DIFFERENT["a dropped load"]])
    versions = (module.functions[0], changed.functions[0])
    budget = ReplayBudget(instructions=3)
    assert find_counterexample(*versions, 0, Context(module), budget=budget) is None


OWN_MODULES = sorted((Path(__file__).parents[2] / "corpus" / "built").glob("*.wasm"))


@pytest.mark.parametrize("path", OWN_MODULES, ids=lambda path: path.stem)
def test_what_is_proved_is_not_refuted(path: Path) -> None:
    module = decode(path.read_bytes())
    context, prover = Context(module), Prover()
    changes = [
        (function, changed, position)
        for position, function in enumerate(module.functions)
        for each in REGISTRY.values()
        if (changed := each.run(function, context)) is not function
    ]
    proved = [each for each in changes if isinstance(prover(*each[:2], context), Proved)]
    for function, changed, position in proved[:: len(proved) // 3 + 1]:
        assert find_counterexample(function, changed, position, context) is None


def test_a_memory_of_many_pages_costs_no_more_than_what_is_touched() -> None:
    fields = "(memory {}) (func (param i32) (i32.store (local.get 0) (local.get 0)))"
    seconds = []
    for pages in (1, 4096):
        module = module_of(fields.format(pages))
        function, context = module.functions[0], Context(module)
        start = time.process_time()
        assert find_counterexample(function, function, 0, context) is None
        seconds.append(time.process_time() - start)
    assert seconds[1] < 10 * seconds[0] + 1
