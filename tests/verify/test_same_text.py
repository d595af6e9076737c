"""The structural tier accepts what is the same text, and nothing that behaves otherwise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import wasmtime

from tests.verify.bodies import LOCALS, Writer, host
from tests.verify.execution import CannotRunError, differs
from tests.verify.mutants import KINDS, mutants
from tests.verify.same_text_pairs import DIFFERENT, EQUAL, HOST, UNTOLD
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.function import Function
from wasmopt.instr import Immediate, Instr
from wasmopt.module import Module
from wasmopt.opcodes import OPCODES
from wasmopt.text import read_text
from wasmopt.types import I32
from wasmopt.validate import engine
from wasmopt.verify.normal_form import REMOVABLE, normal_form
from wasmopt.verify.same_text import same_text
from wasmopt.verify.validity import ValidityGate

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))


def module_of(*functions: str) -> Module:
    """A module whose defined functions have these fields."""
    return decode(read_text(f"(module {HOST} {' '.join(f'(func {each})' for each in functions)})"))


def accepted(before: str, after: str) -> bool:
    module = module_of(before, after)
    first, second = module.functions
    assert first.type_index == second.type_index
    gate = Context(module).table(ValidityGate)
    assert gate.problem(first) is None and gate.problem(second) is None
    context = Context(module)
    verdict = same_text(first, second, context)
    assert verdict == same_text(second, first, Context(module)), "not symmetric"
    return verdict


@pytest.mark.parametrize("name", EQUAL)
def test_accepts(name: str) -> None:
    assert accepted(*EQUAL[name])


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_accepted_runs_alike(name: str) -> None:
    module = module_of(*EQUAL[name])
    before, after = module.functions
    assert differs(module, before, after) is None


@pytest.mark.parametrize("name", DIFFERENT)
def test_refuses(name: str) -> None:
    assert not accepted(*DIFFERENT[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_refused_differs(name: str) -> None:
    module = module_of(*DIFFERENT[name])
    before, after = module.functions
    assert differs(module, before, after) is not None


@pytest.mark.parametrize("name", UNTOLD)
def test_leaves_to_others(name: str) -> None:
    assert not accepted(*UNTOLD[name])


def test_removable_instructions_never_trap_and_change_nothing() -> None:
    """Numeric ones are run on the operands that make their trapping relatives trap."""
    kinds = {"i32": "i32.const -2147483648", "i64": "i64.const -9223372036854775808"}
    kinds |= {"f32": "f32.const nan", "f64": "f64.const inf", "v128": "v128.const i64x2 -1 0"}
    zeros = {"i32": "i32.const 0", "i64": "i64.const 0", "f32": "f32.const -inf"}
    immediates = {"lane": "0", "lanes": " ".join(["1"] * 16), "f32": "nan", "f64": "nan"}
    immediates |= {"i32": "1", "i64": "1", "v128": "i64x2 1 1", "memory": "0", "table": "0"}
    bodies = []
    for op in OPCODES:
        if op.mnemonic in REMOVABLE and op.operands is not None:
            operands = [kinds[each] for each in op.operands]
            operands[1:] = [zeros.get(each, kinds[each]) for each in op.operands[1:]]
            written = [immediates[each] for each in op.immediates]
            bodies.append(" ".join([*operands, op.mnemonic, *written, "drop"]))
    exported = [f'(func (export "{i}") {body})' for i, body in enumerate(bodies)]
    program = wasmtime.Module(
        engine(), read_text(f"(module (memory 1) (table 1 funcref) {' '.join(exported)})")
    )
    store = wasmtime.Store(engine())
    exports = wasmtime.Instance(store, program, []).exports(store)
    for number in range(len(bodies)):
        function = exports[str(number)]
        assert isinstance(function, wasmtime.Func)
        function(store)


@pytest.mark.parametrize(
    "name",
    [
        *["i32.load", "i64.div_s", "i32.rem_u", "i32.trunc_f64_s", "call", "table.get", "ref.cast"],
        *["memory.grow", "struct.new", "array.len", "i31.get_s", "v128.load", "i32.atomic.load"],
        *["table.grow", "local.set", "local.tee", "global.set", "memory.atomic.notify", "drop"],
    ],
)
def test_what_may_trap_or_act_is_not_removable(name: str) -> None:
    assert name in {op.mnemonic for op in OPCODES}
    assert name not in REMOVABLE


VARIED = """(module
  (type $none (func)) (type $one (func (result i32)))
  (import "m" "a" (func $a (param i32) (result i32)))
  (import "m" "b" (func $b (param i32) (result i32)))
  (import "m" "p" (func $p (result i32 i32)))
  (memory $m 1) (memory $n 1)
  (table $t 4 funcref) (table $u 3 funcref)
  (tag $x (param i32)) (tag $y (param i32))
  (global $g (mut i32) (i32.const 1)) (global $h (mut i32) (i32.const 2))
  (elem (table $t) (i32.const 0) func $one) (elem (table $u) (i32.const 0) func $none)
  (func $one (type $one) (i32.const 1)) (func $none)
  (data $d "abcdefgh") (data $e "12345678")
  (func (param i32 i64 f64) (result i32 i32) (local i32 i32 i64)
    (local.set 3 (call $a (local.get 0)))
    (i32.store $n (local.get 3) (i32.load $m (local.get 0)))
    (i32.store (i32.const 8) (call $b (i32.const 9)))
    (i32.store8 (local.get 0) (i32.const 7))
    (memory.init $d (local.get 3) (i32.const 0) (i32.const 3))
    (memory.fill (local.get 3) (i32.const 3) (i32.const 4))
    (local.set 5 (i64.shl (i64.extend_i32_s (local.get 3)) (i64.const 32)))
    (global.set $g (i32.div_s (local.get 3) (global.get $h)))
    (block $out (result i32)
      (try_table (catch $x $out) (throw_if (local.get 3))) (i32.const 4))
    (local.set 4)
    (loop $again
      (global.set $h (i32.sub (global.get $h) (local.tee 3 (i32.add (local.get 3) (i32.const 1)))))
      (if (i32.lt_s (local.get 3) (i32.const 5)) (then (br $again)) (else (call $none))))
    (block (block (block (br_table 0 1 2 (local.get 4))) (call $none)) (call $none))
    (if (local.get 4) (then (call_indirect $t (type $none) (i32.const 0))))
    (global.set $h (call_indirect $t (type $one) (i32.const 0)))
    (drop (f64.add (local.get 2) (f64.const -0)))
    (global.set $g (i32x4.extract_lane 1 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
      (i64x2.splat (local.get 1)) (i64x2.splat (local.get 5)))))
    (global.set $h (select (local.get 0) (local.get 3) (local.get 4)))
    (global.set $h (i32.trunc_f64_s (local.get 2)))
    (br_if 0 (call $p) (i32.eqz (local.get 0)))
    drop (i32.sub (local.get 3))
    (block
      (i32.store (i32.const 4) (i32.const 5)) (local.set 3 (i32.load (i32.const 5)))
      (local.set 4 (i32.const 3)) (br_if 0 (local.get 4))
      (call $none) (br_if 0 (local.get 3))
      (call $none) (drop (call $a (i32.const 1))) (call $none))
    (call $p) (i32.add))
)""".replace("(throw_if (local.get 3))", "(if (local.get 3) (then (throw $x (i32.const 1))))")


def test_every_kind_of_mutant_is_made() -> None:
    module = decode(read_text(VARIED))
    found = {kind for seed in range(20) for kind, _ in mutants(module, 2, None, seed)}
    assert found == set(KINDS)


def test_mutants_are_the_same_for_the_same_seed() -> None:
    module = decode(read_text(VARIED))
    first, second, other = [
        [(kind, each.body) for kind, each in mutants(module, 2, None, seed)] for seed in (1, 1, 2)
    ]
    assert first == second != other


def judged(module: Module, before: Function, after: Function, context: Context) -> str:
    """ "refused", or why the accepted pair is equal; fails if an accepted pair differs."""
    if not same_text(before, after, context):
        return "refused"
    try:
        difference = differs(module, before, after, tries=8)
    except CannotRunError as reason:
        return f"same text, not run: {reason}"
    assert difference is None, (difference, before.body, after.body)
    return "same text, runs alike"


def test_no_mutant_that_differs_is_accepted() -> None:
    verdicts: Counter[str] = Counter()
    for path in BUILT:
        module = decode(path.read_bytes())
        context = Context(module)
        random = Random(path.stem)
        for _ in range(2):
            position = random.randrange(len(module.functions))
            original = module.functions[position]
            for kind, mutant in mutants(module, position, None, random.randrange(100)):
                verdicts[judged(module, original, mutant, context)] += 1
                verdicts[kind] += 1
    assert verdicts["refused"] > 500
    assert verdicts["same text, runs alike"] > 5


def random_bodies(
    count: int, sizes: list[int], seed: int
) -> Iterator[tuple[int, Random, Function]]:
    for number in range(count):
        random = Random(seed * 100_000 + number)
        position = random.randrange(3)
        yield position, random, Writer(BODIES, position, random, random.choice(sizes)).write()


BODIES = host()
GATE = Context(BODIES).table(ValidityGate)
NOISE: list[tuple[str, *tuple[Immediate, ...]]] = [("drop",), ("nop",), ("br", 0), ("br", 1)]
NOISE += [("end",), ("return",), ("i32.const", 0), ("block", None), ("local.get", 0)]
NOISE += [("unreachable",), ("else",), ("local.set", 2)]


def edited(function: Function, random: Random) -> Function:
    """The function with one or two random edits, valid or not."""
    body = list(function.body)
    for _ in range(random.choice([1, 2])):
        here, there = random.randrange(len(body)), random.randrange(len(body))
        match random.randrange(5):
            case 0 if len(body) > 1:
                del body[here]
            case 1:
                body[here] = body[there]
            case 2:
                body.insert(here, body[there])
            case 3:
                body[here], body[there] = body[there], body[here]
            case _:
                body.insert(here, BODIES.pool.make(*random.choice(NOISE)))
    return function.with_body(body)


def around(position: int, function: Function) -> Module:
    functions = list(BODIES.functions)
    functions[position] = function
    return replace(BODIES, functions=tuple(functions))


def test_edits_of_dense_random_code_that_are_accepted_run_alike() -> None:
    context = Context(BODIES)
    accepted_, valid = 0, 0
    for position, random, function in random_bodies(200, [4, 8, 16, 30], seed=1):
        assert GATE.problem(function) is None
        for changed in [edited(function, random) for _ in range(8)]:
            if GATE.problem(changed) is None and changed.body != function.body:
                valid += 1
                if same_text(function, changed, context):
                    accepted_ += 1
                    assert differs(around(position, function), function, changed, tries=6) is None
    assert valid > 200
    assert accepted_ > 50


def test_random_functions_with_the_same_form_run_alike() -> None:
    """Functions written independently of each other; the small ones often coincide."""
    context = Context(BODIES)
    seen: dict[tuple[int, str], list[Function]] = {}
    pairs = 0
    for position, _, function in random_bodies(350, [1, 2, 3, 4], seed=2):
        form = normal_form(function, context, join_ends=True)
        for other in seen.setdefault((position, str(form.text)), []):
            if other.body != function.body and same_text(other, function, context):
                pairs += 1
                assert differs(around(position, other), other, function, tries=6) is None
                break
        else:
            seen[position, str(form.text)].append(function)
    assert pairs > 20


def decorated(function: Function, random: Random) -> Function:
    """The function with things put in that do not matter, wherever they may stand."""
    make = BODIES.pool.make
    body = [*function.body]
    unread = 2 + LOCALS + 1
    for _ in range(6):
        place = random.randrange(len(body))
        code = random.choice(
            [
                [make("nop")],
                [make("i32.const", 3), make("drop")],
                [make("local.get", 0), make("i32.eqz"), make("drop")],
                [make("block", None), make("end")],
                [make("loop", None), make("nop"), make("end")],
                [make("i32.const", 3), make("local.set", unread)],
                [make("i32.const", 3), make("if", None), make("else"), make("end")],
                [make("block", None), make("br", 0), make("call", 0), make("drop"), make("end")],
                [make("memory.size", 0), make("local.tee", unread), make("drop")],
            ]
        )
        body[place:place] = code
    return replace(function, locals=((LOCALS + 3, I32),), body=tuple(body))


def test_decorations_that_do_not_matter_are_seen_through() -> None:
    context = Context(BODIES)
    for _, random, function in random_bodies(200, [4, 8, 16, 30], seed=3):
        changed = decorated(function, random)
        assert GATE.problem(changed) is None
        assert same_text(function, changed, context), (function.body, changed.body)


def test_locals_are_renamed_one_to_one() -> None:
    module = BODIES
    context, make = Context(module), module.pool.make
    for position, random, function in random_bodies(60, [16], seed=4):
        params = (2, 2, 1)[position]
        names = list(range(params, params + LOCALS))
        random.shuffle(names)
        renamed = [
            make(each.name, names[each.immediates[0] - params])
            if each.name.startswith("local.") and each.immediates[0] >= params
            else each
            for each in function.body
        ]
        assert same_text(function, function.with_body(renamed), context)


def nest(depth: int) -> list[Instr]:
    make = BODIES.pool.make
    opening = [make("block", None), make("loop", None), make("i32.const", 1), make("if", None)]
    inside = [make("br_if", 5), make("i32.const", 1), make("call", 1), make("br", depth // 2)]
    closing = [make("end")] * (3 * (depth // 3))
    return [*opening * (depth // 3), make("call", 0), *inside, *closing, make("end")]


def test_deep_nesting_and_long_bodies_are_quick() -> None:
    make = BODIES.pool.make
    context = Context(BODIES)
    function = Function(BODIES.functions[1].type_index, (), tuple(nest(6000)))
    padded = function.with_body([make("nop"), *function.body])
    assert GATE.problem(function) is None or "nesting" in str(GATE.problem(function))
    assert same_text(function, padded, context)
    line = [make("call", 0), make("local.tee", 0), make("drop"), make("local.get", 0), make("drop")]
    long = function.with_body([*line * 20_000, make("end")])
    start = time.perf_counter()
    assert same_text(long, long.with_body([make("nop"), *long.body]), context)
    assert time.perf_counter() - start < 10


def test_malformed_versions_are_refused_without_an_error() -> None:
    context, make = Context(BODIES), BODIES.pool.make
    before = BODIES.functions[0]
    end = make("end")
    bodies: list[object] = [
        None, (), (None,), (end, end), (make("else"), end), (make("br", 7), end),
        (make("i32.add"), end), (make("drop"), end), (make("call", 99), end),
        (make("block", 77), end, end), (make("local.get", 99), make("return"), end),
        (make("try", None), end, end), (make("catch_all"), end),
        (make("i32.const", 1), make("i32.const", 1), end), (make("block", None), end),
        (end, make("nop")), (make("if", None), end, end), (make("br_table", (0, 9)), end),
    ]  # fmt: skip
    for body in bodies:
        after = Function(before.type_index, (), body)  # type: ignore[arg-type]
        assert not same_text(before, after, context), body
        assert not same_text(after, before, context), body
    odd = replace(before, locals=((1 << 60, I32), (-(1 << 60), I32)))
    assert same_text(before, odd, context) is False
    assert not same_text(before, replace(before, type_index=1), context)
