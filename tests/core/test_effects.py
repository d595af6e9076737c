"""What may go and what may move."""

from __future__ import annotations

import pytest

from tests.support import last_function
from wasmopt.effects import Summary, is_pure, is_removable, summarize
from wasmopt.instr import Instr, InstrPool, MemArg
from wasmopt.module import GlobalType, Module, Signatures
from wasmopt.opcodes import OPCODES, Effect
from wasmopt.types import I32

POOL = InstrPool()
ACCESS = MemArg(2, 0)


def signatures() -> Signatures:
    found = Signatures(Module())
    found.globals += [GlobalType(I32, mutable=True), GlobalType(I32, mutable=False)]
    return found


REMOVABLE = [
    POOL.make("i32.const", 1),
    POOL.make("i64.mul"),
    POOL.make("f64.sqrt"),
    POOL.make("i32.trunc_sat_f64_u"),
    POOL.make("i8x16.shuffle", bytes(16)),
    POOL.make("local.get", 0),
    POOL.make("global.get", 0),
    POOL.make("global.get", 1),
    POOL.make("memory.size", 0),
    POOL.make("table.size", 0),
    POOL.make("select"),
    POOL.make("ref.func", 0),
    POOL.make("ref.test", b"\x6c"),
    POOL.make("struct.new", 0),
    POOL.make("array.new_fixed", 0, 3),
]
NEEDED = [
    POOL.make("i32.load", ACCESS),
    POOL.make("v128.load64_lane", ACCESS, 1),
    POOL.make("i32.div_u"),
    POOL.make("i64.rem_s"),
    POOL.make("i32.trunc_f64_s"),
    POOL.make("call", 0),
    POOL.make("table.get", 0),
    POOL.make("ref.cast", b"\x6c"),
    POOL.make("ref.as_non_null"),
    POOL.make("memory.grow", 0),
    POOL.make("array.new", 0),
    POOL.make("i32.atomic.load", ACCESS),
    POOL.make("local.tee", 0),
    POOL.make("local.set", 0),
    POOL.make("br_if", 0),
    POOL.make("drop"),
    POOL.make("block", None),
    POOL.make("end"),
]


@pytest.mark.parametrize("instr", REMOVABLE, ids=str)
def test_what_only_computes_may_go(instr: Instr) -> None:
    assert is_removable(instr)


@pytest.mark.parametrize("instr", NEEDED, ids=str)
def test_what_traps_writes_or_jumps_must_stay(instr: Instr) -> None:
    assert not is_removable(instr)


def test_nothing_whose_row_names_a_trap_a_write_or_a_jump_may_go() -> None:
    kept = Effect.TRAP | Effect.CALL | Effect.THROW | Effect.BRANCH | Effect.ATOMIC
    kept |= Effect.WRITE_MEMORY | Effect.WRITE_GLOBAL | Effect.WRITE_TABLE
    kept |= Effect.WRITE_SEGMENT | Effect.WRITE_HEAP | Effect.UNREACHABLE_AFTER
    for op in OPCODES:
        if op.effects & kept:
            assert not is_removable(Instr(op, (), b"")), op.mnemonic


def test_pure_means_the_same_results_wherever_it_stands() -> None:
    pure = {
        instr.name + str(instr.immediates) for instr in REMOVABLE if is_pure(instr, signatures())
    }
    assert "global.get(1,)" in pure, "an immutable global"
    assert "global.get(0,)" not in pure, "a mutable global"
    assert "i64.mul()" in pure
    assert not {"local.get(0,)", "memory.size(0,)", "struct.new(0,)"} & pure
    assert not any(is_pure(instr, signatures()) for instr in NEEDED)


def summary_of(code: str) -> Summary:
    """Of code in a function of five i32 locals, with a memory, two globals and a callee."""
    function, context = last_function(f"""
        (tag $t)
        (memory 1)
        (global $m (mut i32) (i32.const 0))
        (global $c i32 (i32.const 0))
        (func $f)
        (func (local i32 i32 i32 i32 i32) {code})
    """)
    return summarize(function.body[:-1], context.signatures)


def test_a_summary_names_effects_and_locals() -> None:
    summary = summary_of("local.get 0 local.tee 1 i32.load local.set 2 global.get $c drop")
    assert summary.effects == Effect.TRAP | Effect.READ_MEMORY
    assert summary.reads == {0}
    assert summary.writes == {1, 2}


LOAD = "i32.const 0 i32.load drop"
STORE = "i32.const 0 i32.const 1 i32.store"
DIVIDE = "i32.const 1 local.get 0 i32.div_s drop"
SET = "i32.const 1 local.set 0"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (LOAD, LOAD),
        (LOAD, DIVIDE),
        (STORE, "global.get $m drop"),
        (SET, "local.get 1 drop"),
        (DIVIDE, "i32.const 1 local.set 2"),
        ("global.get $c drop", "call $f"),
        ("memory.size drop", "i32.const 1 global.set $m"),
        ("block br 0 end", "global.get $m drop"),
    ],
)
def test_pieces_that_may_change_places(first: str, second: str) -> None:
    assert summary_of(first).commutes_with(summary_of(second))
    assert summary_of(second).commutes_with(summary_of(first))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (LOAD, STORE),
        (STORE, STORE),
        (DIVIDE, STORE),
        (DIVIDE, "i32.const 1 global.set $m"),
        ("global.get $m drop", "call $f"),
        ("i32.const 0 i32.atomic.load drop", LOAD),
        ("i32.const 0 i32.atomic.load drop", "i32.const 0 i32.atomic.load drop"),
        ("memory.size drop", "i32.const 1 memory.grow drop"),
        ("call $f", "call $f"),
        (LOAD, "call $f"),
        (SET, "local.get 0 drop"),
        (SET, SET),
        ("throw $t", "i32.const 1 local.set 2"),
        ("block br 0 end", "i32.const 1 local.set 2"),
        ("block br 0 end", LOAD),
    ],
)
def test_pieces_that_must_keep_their_order(first: str, second: str) -> None:
    assert not summary_of(first).commutes_with(summary_of(second))
    assert not summary_of(second).commutes_with(summary_of(first))
