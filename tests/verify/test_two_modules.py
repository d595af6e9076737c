"""Two modules of which nobody says what stands for what: proved, refuted, or neither."""

from __future__ import annotations

import pytest

from tests.support import module_of
from wasmopt.encode import encode
from wasmopt.instr import InstrPool
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence
from wasmopt.validate import validate
from wasmopt.verify import Prover, TwoModules, verify_modules
from wasmopt.verify.divergence import find_divergence, replay
from wasmopt.verify.module_comparison import compare_modules

PROGRAM = """
(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "ask" (func $ask (result i32)))
  (memory (export "memory") 1)
  (table $t 4 funcref)
  (global $count (mut i32) (i32.const 5))
  (global $unseen (mut i32) (i32.const 0))
  (func $square (param i32) (result i32) local.get 0 local.get 0 i32.mul)
  (func $load (param i32) (result i32) local.get 0 i32.const 2 i32.shl i32.load)
  (func $weigh (param i32 i32) (result i32)
    local.get 0 call $square
    local.get 0 i32.const 100 i32.lt_u
    if (result i32) i32.const 10 else local.get 0 i32.const 3 i32.div_u end
    i32.add)
  (func (export "weigh") (param i32) (result i32) local.get 0 i32.const 7 call $weigh)
  (func (export "sum") (param i32) (result i32) (local i32)
    loop
      local.get 1 local.get 0 call $load i32.add local.set 1
      local.get 0 i32.const 1 i32.sub local.tee 0 i32.const 0 i32.gt_s br_if 0
    end
    local.get 1 call $log
    local.get 1)
  (func (export "tick") (result i32)
    global.get $count i32.const 1 i32.add global.set $count
    i32.const 9 global.set $unseen
    call $ask if i32.const 1 call $log end
    global.get $count)
  (func (export "pick") (param i32) (result i32)
    i32.const 6 local.get 0 call_indirect (param i32) (result i32))
  (func $setup i32.const 16 i32.const 99 i32.store call $tell)
  (func $tell i32.const 42 call $log)
  (func $twice (param i32) (result i32) local.get 0 i32.const 1 i32.shl)
  (func (export "store") (param i32 i32)
    local.get 0 local.get 1 i32.store offset=8
    local.get 0 i32.const 4 i32.add i32.load8_u call $log)
  (start $setup)
  (elem (table $t) (i32.const 1) func $square $twice $load)
  (data (i32.const 0) "\\01\\02\\03\\04\\05\\06\\07\\08")
  (data (i32.const 40) "end"))
"""


def edited(*edits: tuple[str, str]) -> str:
    text = PROGRAM
    for old, new in edits:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


def verified(before: str, after: str) -> TwoModules:
    pool = InstrPool()
    modules = (module_of(before, pool), module_of(after, pool))
    for each in modules:
        validate(each)
    first, second = [(encode(each), each) for each in modules]
    return verify_modules(first, second)


INLINED = (
    ("local.get 0 i32.const 7 call $weigh", "local.get 0 call $weigh"),
    ("(func $weigh (param i32 i32) (result i32)", "(func $weigh (param i32) (result i32)"),
    (
        "local.get 1 local.get 0 call $load i32.add",
        "local.get 1 local.get 0 i32.const 2 i32.shl i32.load i32.add",
    ),
    ("i32.store call $tell)", "i32.store i32.const 42 call $log)"),
    ("  (func $tell i32.const 42 call $log)\n", ""),
    ("    i32.const 9 global.set $unseen\n", ""),
    ("  (global $unseen (mut i32) (i32.const 0))\n", ""),
)

RIGHT = {
    "nothing": (),
    "an argument, a function, a call and a global that are gone": INLINED,
    "other instructions": (
        ("local.get 0 i32.const 1 i32.shl)", "local.get 0 local.get 0 i32.add)"),
    ),
    "other arms": (
        (
            "i32.const 100 i32.lt_u\n    if (result i32) i32.const 10 else local.get 0 i32.const 3 "
            "i32.div_u end",
            "i32.const 100 i32.ge_u\n    if (result i32) local.get 0 i32.const 3 i32.div_u else "
            "i32.const 10 end",
        ),
    ),
    "another order of functions": (
        ("  (func $square (param i32) (result i32) local.get 0 local.get 0 i32.mul)\n", ""),
        (
            "  (start $setup)",
            "  (func $square (param i32) (result i32) local.get 0 local.get 0 i32.mul)\n"
            "  (start $setup)",
        ),
    ),
    "segments cut otherwise": (
        (
            '"\\01\\02\\03\\04\\05\\06\\07\\08")',
            '"\\01\\02\\03\\04")\n  (data (i32.const 4) "\\05\\06\\07\\08")',
        ),
    ),
    "an outlined function": (
        ("local.get 0 local.get 1 i32.store offset=8", "local.get 0 local.get 1 call $put"),
        (
            "  (start $setup)",
            "  (func $put (param i32 i32) local.get 0 local.get 1 i32.store offset=8)\n"
            "  (start $setup)",
        ),
    ),
}


@pytest.mark.parametrize("edits", RIGHT.values(), ids=RIGHT)
def test_right_pairs_are_proved(edits: tuple[tuple[str, str], ...]) -> None:
    assert verified(PROGRAM, edited(*edits)).verdict == "proved"
    if edits is not INLINED:  # parameters that are new are not looked for
        assert verified(edited(*edits), PROGRAM).verdict == "proved"


WRONG = {
    "another constant": (("i32.const 3 i32.div_u", "i32.const 4 i32.div_u"),),
    "another operator": (("i32.const 1 i32.add global.set", "i32.const 1 i32.sub global.set"),),
    "swapped operands": (
        (
            "local.get 0 i32.const 1 i32.sub local.tee 0",
            "i32.const 1 local.get 0 i32.sub local.tee 0",
        ),
    ),
    "another sign": (("i32.div_u", "i32.div_s"),),
    "another comparison": (("i32.lt_u", "i32.le_u"),),
    "another width": (("i32.load8_u", "i32.load16_u"),),
    "a sign extension": (("i32.load8_u", "i32.load8_s"),),
    "another offset": (("i32.store offset=8", "i32.store offset=12"),),
    "a lost store": (("local.get 0 local.get 1 i32.store offset=8", ""),),
    "a lost call": (("local.get 1 call $log\n", "\n"),),
    "a call twice": (("local.get 1 call $log\n", "local.get 1 call $log local.get 1 call $log\n"),),
    "another callee": (("local.get 0 call $square\n", "local.get 0 call $twice\n"),),
    "a lost trap": (
        (
            "i32.const 6 local.get 0 call_indirect",
            "i32.const 6 local.get 0 i32.const 3 i32.and i32.const 1 i32.or call_indirect",
        ),
    ),
    "a new trap": (("i32.const 42 call $log)", "i32.const 42 call $log unreachable)"),),
    "another loop bound": (("i32.const 0 i32.gt_s br_if 0", "i32.const 1 i32.gt_s br_if 0"),),
    "a write that is seen": (("global.set $count\n", "drop\n"),),
    "a dropped start": (("  (start $setup)\n", ""),),
    "another start": (("  (start $setup)\n", "  (start $tell)\n"),),
    "a shifted segment": (("(data (i32.const 0)", "(data (i32.const 1)"),),
    "another byte in a segment": (('"\\01\\02', '"\\01\\03'),),
    "a lost segment": (('  (data (i32.const 40) "end")', ""),),
    "swapped exports": (
        ('(export "tick")', '(export "old tick")'),
        ('(export "pick")', '(export "tick")'),
        ('(export "old tick")', '(export "pick")'),
    ),
    "a lost export": (('(export "tick")', ""),),
    "a wrong table entry": (("func $square $twice $load", "func $square $load $twice"),),
    "a lost table entry": (("func $square $twice $load", "func $square $twice"),),
    "shifted table entries": (
        ("(elem (table $t) (i32.const 1)", "(elem (table $t) (i32.const 0)"),
    ),
    "another initial global": (("(mut i32) (i32.const 5)", "(mut i32) (i32.const 6)"),),
    "another import": (('"env" "ask"', '"env" "answer"'),),
    "a larger memory": (('(memory (export "memory") 1)', '(memory (export "memory") 2)'),),
    "a smaller table": (("(table $t 4 funcref)", "(table $t 5 funcref)"),),
    "an argument that matters": (
        *INLINED[:2],
        ("i32.const 10 else", "i32.const 7 else"),
    ),
}

UNSEEN = frozenset(["a smaller table", "a lost segment"])
"""Wrong, or at least not shown to be right, but no experiment is sure to show it."""


@pytest.mark.parametrize("name", WRONG)
def test_wrong_pairs_are_never_proved(name: str) -> None:
    found = verified(PROGRAM, edited(*WRONG[name]))
    assert found.verdict != "proved"
    if name not in UNSEEN:
        assert found.divergence is not None, found.comparison


def test_a_trap_at_instantiation_that_is_lost_is_refuted() -> None:
    before = edited(("(data (i32.const 40)", "(data (i32.const 65534)"))
    after = edited(("(data (i32.const 40)", "(data (i32.const 65533)"))
    assert verified(before, after).verdict == "refuted"
    assert verified(after, before).verdict == "refuted"


def test_functions_that_became_one_must_not_be_told_apart() -> None:
    one = '(func (export "a") (result i32) i32.const 1)'
    before = f"(module {one} (func (export {chr(34)}b{chr(34)}) (result i32) i32.const 1))"
    after = '(module (func (export "a") (export "b") (result i32) i32.const 1))'
    found = verified(before, after)
    assert found.verdict == "unproved"
    assert found.comparison.problems == ("functions [0, 1] are one, and could be told apart",)


def test_a_function_that_is_never_called_may_become_anything() -> None:
    table = "(table 2 funcref) (elem (i32.const 0) func $never $often)"
    rest = f"""{table} (func $often (result i32) i32.const 3)
      (func (export "go") (param i32) (result i32) local.get 0 call_indirect (result i32))"""
    before = f"(module (func $never (param i64) (result i64) local.get 0) {rest})"
    after = f"(module (func $never (param i64) (result i64) unreachable) {rest})"
    assert verified(before, after).verdict == "proved"
    for more in (
        '(func (export "other") (param i64 i32) (result i64) local.get 0 local.get 1 '
        "call_indirect (param i64) (result i64))",
        '(func (export "get") (param i64) (result i64) local.get 0 call $never)',
        '(func (export "ref") (result funcref) i32.const 0 table.get 0)',
        '(func (export "ref") (result funcref) ref.func $never)',
        '(export "table" (table 0))',
    ):
        versions = [f"{each[:-1]} {more})" for each in (before, after)]
        assert verified(*versions).verdict != "proved", more


@pytest.mark.parametrize(
    "reader",
    ['(export "seen" (global 0))', '(func (export "look") (result i32) global.get 0)'],
)
def test_writes_of_a_global_that_somebody_sees_must_stay(reader: str) -> None:
    start = f"(module (global (mut i32) (i32.const 1)) {reader}"
    before = f'{start} (func (export "write") i32.const 9 global.set 0))'
    after = f'{start} (func (export "write")))'
    assert verified(before, after).verdict == "refuted"


def test_a_wrong_correspondence_proves_nothing() -> None:
    pool = InstrPool()
    before, after = [module_of(each, pool) for each in (PROGRAM, edited())]
    functions = list(range(len(before.functions) + len(before.imported(Kind.FUNCTION))))
    functions[2], functions[3] = functions[3], functions[2]
    prover = Prover(replay=False)
    found = compare_modules(
        before,
        after,
        prover,
        prover.several,
        claim=Correspondence({Kind.FUNCTION: tuple(functions)}),
    )
    assert not found.proved


def test_counterexamples_replay_and_are_small() -> None:
    pool = InstrPool()
    modules: list[Module] = [
        module_of(each, pool) for each in (PROGRAM, edited(*WRONG["another sign"]))
    ]
    binaries = [encode(each) for each in modules]
    found = find_divergence(binaries[0], binaries[1])
    assert found is not None
    assert [call.export for call in found.experiment.calls] == ["weigh"]
    assert found.experiment.memory == ()
    again = replay(found.experiment, binaries[0], binaries[1])
    assert again == found
    assert replay(found.experiment, binaries[0], binaries[0]) is None


def test_what_is_not_observed_refutes_nothing() -> None:
    endless = '(module (func (export "go") {} loop br 0 end))'
    found = find_divergence(
        encode(module_of(endless.format(""))), encode(module_of(endless.format("nop nop")))
    )
    assert found is None
    deep = '(module (func $f (export "f") (param i32) (result i32) {} i32.const 1 call $f))'
    found = find_divergence(
        encode(module_of(deep.format(""))), encode(module_of(deep.format("nop")))
    )
    assert found is None
