"""Other data segments are accepted where memories start the same, and nowhere else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import module_of
from tests.verify.modules import assert_proved, assert_refused, claim
from wasmopt.instr import InstrPool
from wasmopt.module import DataSegment
from wasmopt.verify.memory_image import same_contents

OWN = '(memory (export "m") 1)'
AB = '(data (i32.const 8) "ab")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AB, '(data (i32.const 8) "a") (data (i32.const 9) "b")'),
        (AB, '(data (i32.const 9) "b") (data (i32.const 8) "a")'),
        (AB, '(data (i32.const 0) "xxxxxxxxxxxx") (data (i32.const 0) "\\00\\00\\00\\00\\00\\00'
         '\\00\\00ab\\00\\00")'),
        ('(data (i32.const 8) "xb") (data (i32.const 8) "a\\62\\00")', AB),
        ('(data (i32.const 65535) "\\00")', ""),
        (f'(data (i32.const 65536) "") {AB}', AB),
    ],
)  # fmt: skip
def test_the_same_bytes_are_proved(before: str, after: str) -> None:
    gone = (None,) * before.count("(data")
    assert_proved(f"{OWN} {before}", f"{OWN} {after}", claim(data=gone))


@pytest.mark.parametrize(
    "after",
    [
        "",
        '(data (i32.const 8) "a")',
        '(data (i32.const 8) "b")',
        '(data (i32.const 9) "ab")',
        '(data (i32.const 8) "abc")',
        '(data (i32.const 8) "ab") (data (i32.const 9) "\\00")',
        '(data (i32.const 8) "ab") (data (i32.const 65535) "x")',
        '(data (i32.const 8) "a") (data (i32.const 10) "b")',
    ],
)
def test_other_bytes_are_refused(after: str) -> None:
    assert_refused(f"{OWN} {AB}", f"{OWN} {after}", claim(data=(None,)), "memory 0 starts")


def test_the_later_segment_counts() -> None:
    one, other = '(data (i32.const 8) "abc")', '(data (i32.const 9) "x")'
    assert_proved(
        f"{OWN} {one} {other}", f'{OWN} (data (i32.const 8) "axc")', claim(data=(None, None))
    )
    both = claim(data=(None, None))
    assert_refused(f"{OWN} {one} {other}", f"{OWN} {other} {one}", both, "memory 0 starts")
    assert_refused(f"{OWN} {one} {other}", f"{OWN} {other} {one}", claim(data=(1, 0)), "order")


def test_segments_that_are_kept_count_too() -> None:
    before = f'{OWN} {AB} (data (i32.const 10) "\\00\\00c")'
    said = claim(data=(0, None))
    assert_proved(before, f'{OWN} {AB} (data (i32.const 12) "c")', said)
    assert_refused(before, f"{OWN} {AB}", said, "memory 0 starts")
    assert_refused(before, f'{OWN} {AB} (data (i32.const 9) "\\00\\00\\00c")', said, "memory 0")
    assert_refused(before, f'{OWN} (data (i32.const 8) "ac")', said, "data segment 0 differs")


@pytest.mark.parametrize(
    ("common", "why"),
    [
        ('(import "e" "m" (memory 1))', "others may write to"),
        ('(memory (export "m") 1 1 shared)', "others may write to"),
        (f'{OWN} (data (i32.const 65535) "xy")', "data segment 0 may trap"),
        (f'{OWN} (data (i32.const 65537) "")', "data segment 0 may trap"),
        (f'{OWN} (memory 0) (data (memory 1) (i32.const 0) "x")', "data segment 0 may trap"),
        (f'(import "e" "n" (memory 0)) {OWN} (data (i32.const 0) "x")', "data segment 0 may trap"),
        (f'(import "e" "g" (global i32)) {OWN} (data (global.get 0) "")', "data segment 0 may"),
        (f"{OWN} (data (i32.add (i32.const 1) (i32.const 1)) \"\")", "data segment 0 may trap"),
        (
            f'(import "e" "t" (table 1 funcref)) {OWN} (elem (i32.const 1) func 0) (func)',
            "element segment 0 may trap",
        ),
    ],
)  # fmt: skip
def test_memories_are_not_compared_where(common: str, why: str) -> None:
    memory = 1 if '"n"' in common else 0
    before, after = (
        f'{common} (data (memory {memory}) (i32.const {at}) "{text}")'
        for at, text in ((8, "\\00x"), (9, "x"))
    )
    kept = common.count("(data")
    assert_refused(before, after, claim(data=(*range(kept), None)), why)


@pytest.mark.parametrize("after", ['(data (i32.const 65535) "xy")', '(data (i32.const 65537) "")'])
def test_a_new_segment_must_fit(after: str) -> None:
    assert_refused(f"{OWN} {AB}", f"{OWN} {AB} {after}", claim(data=(0,)), "segment 1 may trap")


def test_a_new_segment_is_active() -> None:
    why = "a data segment that was not there"
    assert_refused(OWN, f'{OWN} (data "p")', claim(data=()), why)
    assert_refused(f"{OWN} {AB}", f'{OWN} (data "ab")', claim(data=(None,)), why)


def test_a_segment_that_code_names_stays_what_it_is() -> None:
    use = '(func (export "f") i32.const 0 i32.const 0 i32.const {} memory.init {} data.drop {})'
    before = f'{OWN} (data (i32.const 8) "\\00a") (data "\\00p") {use.format(2, 1, 1)}'
    moved = f'{OWN} (data "\\00p") (data (i32.const 9) "a") {use.format(2, 0, 0)}'
    assert_proved(before, moved, claim(data=(None, 0)))
    assert_refused(before, moved.replace('"\\00p"', '"p"'), claim(data=(None, 0)), "segment 1")
    assert_refused(before, moved, claim(data=(None, None)), "a data segment that was not there")
    assert_refused(before, moved.replace("init 0", "init 1"), claim(data=(None, 0)), "function 0")
    active = before.replace(use.format(2, 1, 1), use.format(0, 0, 0))
    gone = f'{OWN} (data "\\00p") (data (i32.const 9) "a") {use.format(0, 1, 1)}'
    assert_refused(active, gone, claim(data=(None, 0)), "still named")


def test_two_segments_have_not_one_image() -> None:
    before = f"{OWN} {AB} {AB}"
    assert_refused(before, f"{OWN} {AB}", claim(data=(0, 0)), "two data segments are one")
    assert_refused(before, f"{OWN} {AB}", claim(data=(0, 1)), "stands for none")


def test_memories_are_compared_under_their_map() -> None:
    first = '(data (memory 0) (i32.const 8) "\\00a") (data (memory 1) (i32.const 8) "b")'
    before = f"(memory 1) {OWN} {first} (func (result i32) memory.size 0)"
    after = f"""{OWN} (memory 1) (data (memory {{}}) (i32.const 8) "b")
        (data (memory {{}}) (i32.const 9) "a") (func (result i32) memory.size 1)"""
    swapped = claim(memories=(1, 0), data=(None, None))
    assert_proved(before, after.format(0, 1), swapped)
    assert_refused(before, after.format(1, 0), swapped, "memory 0 starts with other contents")
    unused = before.replace("memory.size 0", "i32.const 0")
    gone = f'{OWN} (data (i32.const 8) "b") (func (result i32) i32.const 0)'
    assert_proved(unused, gone, claim(memories=(None, 0), data=(None, None)))
    assert_refused(
        unused, gone.replace("const 8", "const 9"), claim(memories=(None, 0), data=(None, None)),
        "memory 1 starts",
    )  # fmt: skip


def test_memories_of_any_size_are_compared_at_once() -> None:
    far = """(memory (export "m") i64 281474976710656) (data (i64.const {}) "{}")
        (data (i64.const 0) "x")"""
    before, after = far.format(-2, "\\00a"), far.format(-1, "a")
    start = time.process_time()
    assert_proved(before, after, claim(data=(None, None)))
    assert time.process_time() - start < 5


# --- against the definition, byte by byte --------------------------------------------------------

_WRITES = st.lists(
    st.tuples(st.integers(0, 24), st.binary(max_size=8).map(lambda data: data.replace(b"\7", b""))),
    max_size=6,
)


@given(_WRITES, _WRITES, st.booleans())
def test_contents_are_what_the_last_write_of_each_byte_left(
    first: list[tuple[int, bytes]], second: list[tuple[int, bytes]], same: bool
) -> None:
    if same:
        image = plain(first)
        second = [(at, bytes([byte])) for at, byte in enumerate(image) if byte or at % 3]
    before, after = [list(map(segment, each)) for each in (first, second)]
    assert same_contents(before, after, 0, 0) == (plain(first) == plain(second))


def segment(write: tuple[int, bytes]) -> DataSegment:
    pool = InstrPool()
    return DataSegment(0, write[1], 0, (pool.make("i32.const", write[0]), pool.make("end")))


def plain(writes: list[tuple[int, bytes]]) -> bytes:
    memory = bytearray(40)
    for at, data in writes:
        memory[at : at + len(data)] = data
    return bytes(memory)


def test_many_segments_take_no_longer_than_they_are() -> None:
    count = 20_000
    module = module_of(f"{OWN} {AB}")
    (ab,) = module.data
    assert ab.offset is not None
    make, end = module.pool.make, ab.offset[1]
    forward = [DataSegment(0, b"ab", 0, (make("i32.const", 2 * at), end)) for at in range(count)]
    apart = [DataSegment(0, b"ab", 0, (make("i32.const", 9 * at), end)) for at in range(count)]
    start = time.process_time()
    assert same_contents(forward, forward[::-1], 0, 0)
    assert same_contents(apart, apart[::-1], 0, 0)
    assert not same_contents(apart, apart[:-1], 0, 0)
    assert time.process_time() - start < 5
