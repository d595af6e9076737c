"""Stores of constants by one address are what they write, whichever of them comes first."""

from __future__ import annotations

from itertools import product

import pytest
import z3

from tests.support import last_function, module_of
from tests.verify.test_same_values import same
from wasmopt.context import Context
from wasmopt.instr import InstrPool
from wasmopt.validate import validate
from wasmopt.verify.constant_stores import MOST_BYTES, Write, joined, stored
from wasmopt.verify.same_values import same_values

WIDTHS = (1, 2, 4, 8)
SHAPES = [
    (start, width, other)
    for width, other in product(WIDTHS, WIDTHS)
    for start in range(-other - 2, width + 3)
]
"""Where a store begins behind the beginning of another, and the widths of the two."""


def bytes_of(write: Write) -> dict[int, int]:
    """What a write does to each byte."""
    places = range((write.mask.bit_length() + 7) // 8)
    return {
        write.start + place: write.bits >> 8 * place & 0xFF
        for place in places
        if write.mask >> 8 * place & 0xFF == 0xFF
    }


@pytest.mark.parametrize(("start", "first", "second"), SHAPES)
def test_joined_writes_write_the_same_bytes(start: int, first: int, second: int) -> None:
    """For every way in which two stores lie to each other; each byte is told from the others."""
    one = stored(16, first, int.from_bytes(bytes(range(0x11, 0x11 + first)), "little"))
    other = stored(16 + start, second, int.from_bytes(bytes(range(0x81, 0x81 + second)), "little"))
    together = joined(one, other)
    if bytes_of(one).keys() & bytes_of(other).keys():
        assert together is None
    else:
        assert together is not None
        assert bytes_of(together) == {**bytes_of(one), **bytes_of(other)}
        assert joined(other, one) == together


def test_a_store_keeps_the_low_bytes() -> None:
    assert bytes_of(stored(3, 2, 0x12345678)) == {3: 0x78, 4: 0x56}
    assert bytes_of(stored(0, 8, -1)) == dict.fromkeys(range(8), 0xFF)


def test_writes_far_apart_stay_two() -> None:
    one = stored(0, 4, 1)
    assert joined(one, stored(MOST_BYTES - 4, 4, 1)) is not None
    assert joined(one, stored(MOST_BYTES - 3, 4, 1)) is None
    assert joined(stored(1 << 40, 4, 1), one) is None


def test_z3_proves_that_stores_of_which_only_the_first_may_trap_are_one() -> None:
    """For every memory, size and address, two i32.store and the i64.store of both end alike."""
    address, size = z3.BitVec("address", 40), z3.BitVec("size", 40)
    low, high = z3.BitVec("low", 32), z3.BitVec("high", 32)
    memory = z3.Array("memory", z3.BitVecSort(40), z3.BitVecSort(8))

    def store(content: z3.ArrayRef, offset: int, value: z3.BitVecRef) -> z3.ArrayRef:
        for place in range(value.size() // 8):
            byte = z3.Extract(8 * place + 7, 8 * place, value)
            content = z3.Store(content, address + offset + place, byte)
        return content

    def outside(end: int) -> z3.BoolRef:
        return z3.UGT(address + end, size)

    halves = store(store(memory, 4, high), 0, low)
    upper_first = z3.If(outside(8), memory, z3.If(outside(4), store(memory, 4, high), halves))
    whole = z3.If(outside(8), memory, store(memory, 0, z3.Concat(high, low)))
    lower = store(memory, 0, low)
    lower_first = z3.If(outside(4), memory, z3.If(outside(8), lower, store(lower, 4, high)))
    solver = z3.Solver()
    solver.add(z3.ULT(address, 1 << 32), z3.ULE(size, 1 << 32))
    assert solver.check(upper_first != whole) == z3.unsat
    assert solver.check(lower_first != whole) == z3.sat
    assert solver.check(lower_first != whole, z3.Not(outside(8))) == z3.unsat


SIGNATURE = "(param i32 i32) "


def by(base: str, *stores: str) -> str:
    """Stores, each given as a constant, an instruction and an offset."""
    return SIGNATURE + " ".join(
        [
            f"{base} {kind}.const {value} {kind}.{op} offset={offset}"
            for kind, value, op, offset in (each.split() for each in stores)
        ]
    )


LOCAL = "local.get 0"
ONE = by(LOCAL, "i64 0x200000001 store 0")
EQUAL = {
    "the upper one first": (by(LOCAL, "i32 2 store 4", "i32 1 store 0"), ONE),
    "bytes": (
        by(LOCAL, "i32 4 store8 3", "i32 1 store8 0", "i32 2 store8 1", "i32 3 store8 2"),
        by(LOCAL, "i32 0x04030201 store 0"),
    ),
    "more than one run of bytes": (
        by(LOCAL, "i32 0 store 28", "i32 0 store 8", "i32 0 store 24", "i32 0 store 12"),
        by(LOCAL, "i64 0 store 24", "i64 0 store 8"),
    ),
    "floats": (by(LOCAL, "f32 1 store 4", "i32 0 store 0"), by(LOCAL, "f64 0.0078125 store 0")),
    "the bounds were looked at by a load": (
        f"{SIGNATURE} local.get 0 i64.load drop "
        + by(LOCAL, "i32 1 store 0", "i32 2 store 4").removeprefix(SIGNATURE),
        ONE,
    ),
    "the bounds were looked at by a store, and memory grew": (
        f"{SIGNATURE} local.get 0 local.get 1 i32.store offset=8 i32.const 1 memory.grow drop "
        + by(LOCAL, "i32 1 store 0", "i32 2 store 4").removeprefix(SIGNATURE),
        f"{SIGNATURE} local.get 0 local.get 1 i32.store offset=8 i32.const 1 memory.grow drop "
        + ONE.removeprefix(SIGNATURE),
    ),
    "a memory has as many bytes at any time": (
        by("i32.const 8", "i32 1 store 0", "i32 2 store 4"),
        by("i32.const 4", "i64 0x200000001 store 4"),
    ),
}
DIFFERENT = {
    "the lower one first": (by(LOCAL, "i32 1 store 0", "i32 2 store 4"), ONE),
    "the other value first": (by(LOCAL, "i32 1 store 4", "i32 2 store 0"), ONE),
    "one byte twice": (by(LOCAL, "i32 2 store 4", "i32 1 store 3"), ONE),
    "a byte is missing": (by(LOCAL, "i32 2 store 4", "i32 1 store16 0"), ONE),
    "further than what was looked at": (
        f"{SIGNATURE} local.get 0 i32.load offset=3 drop "
        + by(LOCAL, "i32 1 store 0", "i32 2 store 4").removeprefix(SIGNATURE),
        ONE,
    ),
    "another address": (
        f"{by('local.get 1', 'i32 2 store 4')} local.get 0 i32.const 1 i32.store",
        ONE,
    ),
    "another address that was looked at": (
        f"""{SIGNATURE} local.get 0 i64.load drop local.get 1 i64.load drop
            local.get 1 i32.const 2 i32.store offset=4 local.get 0 i32.const 1 i32.store""",
        f"{SIGNATURE} local.get 0 i64.load drop local.get 1 i64.load drop "
        + ONE.removeprefix(SIGNATURE),
    ),
    "a load finds what is between": (
        f"""{by(LOCAL, "i32 2 store 4")} local.get 0 i32.load local.set 1
            local.get 0 i32.const 1 i32.store local.get 1 global.set 0""",
        f"{ONE} local.get 0 i32.load global.set 0",
    ),
    "an address that wraps": (
        f"""{SIGNATURE} local.get 0 i32.const 4 i32.add i32.const 2 i32.store
            local.get 0 i32.const 1 i32.store""",
        ONE,
    ),
    "behind the end of the memory": (
        by("i32.const -8", "i32 1 store 0", "i32 2 store 4"),
        by("i32.const -8", "i64 0x200000001 store 0"),
    ),
    "an address below zero": (
        by("i32.const -4", "i32 2 store 4", "i32 1 store 0"),
        f"{SIGNATURE} i32.const -4 i32.const 1 i32.store i32.const 0 i32.const 2 i32.store",
    ),
    "a load sees what is between": (
        f"""{by(LOCAL, "i32 2 store 4")} local.get 0 i32.load global.set 0
            local.get 0 i32.const 1 i32.store""",
        f"{ONE} local.get 0 i32.load global.set 0",
    ),
    "a load may trap between": (
        f"""{by(LOCAL, "i32 2 store 4")} local.get 1 i32.load drop
            local.get 0 i32.const 1 i32.store""",
        f"{ONE} local.get 1 i32.load drop",
    ),
    "a call sees what is between": (
        f"""{by(LOCAL, "i32 2 store 4")} i32.const 1 call 0 drop
            local.get 0 i32.const 1 i32.store""",
        f"{ONE} i32.const 1 call 0 drop",
    ),
    "on one way only": (
        f"""{by(LOCAL, "i32 2 store 4")} local.get 1 if local.get 0 i32.const 1 i32.store end""",
        f"{ONE} local.get 1 if end",
    ),
    "the bounds are looked at on one way only": (
        f"{SIGNATURE} local.get 1 if local.get 0 i64.load drop end "
        + by(LOCAL, "i32 1 store 0", "i32 2 store 4").removeprefix(SIGNATURE),
        f"{SIGNATURE} local.get 1 if local.get 0 i64.load drop end " + ONE.removeprefix(SIGNATURE),
    ),
    "the address changes between": (
        f"""{by(LOCAL, "i32 2 store 4")} local.get 1 local.set 0
            local.get 0 i32.const 1 i32.store""",
        f"{ONE} local.get 1 local.set 0",
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_stores_side_by_side_are_one(name: str) -> None:
    assert same(*EQUAL[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_other_stores_are_not(name: str) -> None:
    assert not same(*DIFFERENT[name])


def versions_are_the_same(memories: str, before: str, after: str) -> bool:
    pool = InstrPool()
    modules = [module_of(f"{memories} (func (param i32) {each})", pool) for each in (before, after)]
    for module in modules:
        validate(module)
    return same_values(modules[0].functions[0], modules[1].functions[0], Context(modules[0]))


TWO = "local.get 0 i32.const 2 i32.store {}offset=4 local.get 0 i32.const 1 i32.store offset=0"
WHOLE = "local.get 0 i64.const 0x200000001 i64.store"


def test_other_threads_see_the_stores_of_a_shared_memory_apart() -> None:
    assert versions_are_the_same("(memory 1 1)", TWO.format(""), WHOLE)
    assert not versions_are_the_same("(memory 1 1 shared)", TWO.format(""), WHOLE)


def test_two_memories_are_two_places() -> None:
    assert not versions_are_the_same("(memory 1) (memory 1)", TWO.format("1 "), WHOLE)


def test_a_memory_that_may_be_empty_has_no_known_bytes() -> None:
    low = "i32.const 0 i32.const 1 i32.store i32.const 0 i32.const 2 i32.store offset=4"
    whole = "i32.const 0 i64.const 0x200000001 i64.store"
    assert versions_are_the_same("(memory 1)", low, whole)
    assert not versions_are_the_same("(memory 0)", low, whole)


def test_many_stores_take_linear_time() -> None:
    stores = [f"local.get 0 i32.const 1 i32.store offset={4 * each}" for each in range(5_000)]
    function, context = last_function(f"(memory 1) (func (param i32) {' '.join(stores[::-1])})")
    assert same_values(function, function.with_body(function.body), context)
