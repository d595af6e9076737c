"""data: memories start with the same bytes, in as few bytes of segments as there can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import check_module, module_of, run_module_pass, unchanged_module
from wasmopt import optimize
from wasmopt.decode import decode
from wasmopt.encode import encode, section_entries
from wasmopt.instr import InstrPool
from wasmopt.manager import Manager
from wasmopt.module import DataSegment, Module, Section
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES, data_segments
from wasmopt.validate import every_proposal
from wasmopt.verify import Prover, prove_module

HEAD = '(memory (export "m") 1)'
SHORTER = {
    "zeros on both sides go": (
        f'{HEAD} (data (i32.const 8) "\\00\\00ab\\00")',
        f'{HEAD} (data (i32.const 10) "ab")',
    ),
    "all zeros": (f'{HEAD} (data (i32.const 8) "\\00\\00")', HEAD),
    "nothing at all": (f'{HEAD} (data (i32.const 65536) "")', HEAD),
    "six zeros are more than a segment": (
        f'{HEAD} (data (i32.const 8) "ab\\00\\00\\00\\00\\00\\00cd")',
        f'{HEAD} (data (i32.const 8) "ab") (data (i32.const 16) "cd")',
    ),
    "segments that touch": (
        f'{HEAD} (data (i32.const 8) "ab") (data (i32.const 10) "cd")',
        f'{HEAD} (data (i32.const 8) "abcd")',
    ),
    "a small gap, and another order": (
        f'{HEAD} (data (i32.const 11) "cd") (data (i32.const 8) "ab")',
        f'{HEAD} (data (i32.const 8) "ab\\00cd")',
    ),
    "five zeros are as many bytes as a segment, and one segment is simpler": (
        f'{HEAD} (data (i32.const 7) "\\00ab") (data (i32.const 15) "cd")',
        f'{HEAD} (data (i32.const 8) "ab\\00\\00\\00\\00\\00cd")',
    ),
    "later segments write over earlier ones": (
        f'{HEAD} (data (i32.const 0) "abcd") (data (i32.const 1) "xy") (data (i32.const 2) "z")',
        f'{HEAD} (data (i32.const 0) "axzd")',
    ),
    "zeros write over other bytes too": (
        f'{HEAD} (data (i32.const 0) "abc") (data (i32.const 1) "\\00\\00\\00")',
        f'{HEAD} (data (i32.const 0) "a")',
    ),
    "a segment that is all written over": (
        f'{HEAD} (data (i32.const 2) "x") (data (i32.const 1) "abc")',
        f'{HEAD} (data (i32.const 1) "abc")',
    ),
    "a length that takes two bytes": (
        f'{HEAD} (data (i32.const 0) "{"a" * 125}\\00\\00\\00\\00\\00\\00b")',
        f'{HEAD} (data (i32.const 0) "{"a" * 125}") (data (i32.const 131) "b")',
    ),
    "the last bytes of 4 GiB, where offsets are negative and short": (
        '(memory (export "m") 65536) (data (i32.const -8) "\\00\\00ab\\00\\00cd")',
        '(memory (export "m") 65536) (data (i32.const -6) "ab\\00\\00cd")',
    ),
    "64-bit addresses": (
        '(memory (export "m") i64 65537) (data (i64.const 4294967296) "\\00\\00ab\\00")',
        '(memory (export "m") i64 65537) (data (i64.const 4294967298) "ab")',
    ),
    "an explicit memory 0": (
        f'{HEAD} (memory 1) (data (memory 1) (i32.const 8) "\\00a") (data (i32.const 3) "a\\00")',
        f'{HEAD} (memory 1) (data (i32.const 3) "a") (data (memory 1) (i32.const 9) "a")',
    ),
    "a start function that reads": (
        f'{HEAD} (data (i32.const 8) "\\00a") (start 0) (func i32.const 9 i32.load drop)',
        f'{HEAD} (data (i32.const 9) "a") (start 0) (func i32.const 9 i32.load drop)',
    ),
    "passive segments stay, and code follows": (
        f"""{HEAD} (data (i32.const 8) "\\00a") (data "\\00b\\00") (func (export "f") i32.const 0
        i32.const 0 i32.const 3 memory.init 1 data.drop 1)""",
        f"""{HEAD} (data "\\00b\\00") (data (i32.const 9) "a") (func (export "f") i32.const 0
        i32.const 0 i32.const 3 memory.init 0 data.drop 0)""",
    ),
    "other memories may be imported": (
        """(import "e" "m" (memory 1)) (memory (export "m") 1) (data (i32.const 8) "\\00a")
        (data (memory 1) (i32.const 8) "\\00a") (data (i32.const 7) "\\00\\00")""",
        """(import "e" "m" (memory 1)) (memory (export "m") 1) (data (i32.const 8) "\\00a")
        (data (i32.const 7) "\\00\\00") (data (memory 1) (i32.const 9) "a")""",
    ),
}


@pytest.mark.parametrize("name", SHORTER)
def test_memories_start_the_same_with_shorter_segments(name: str) -> None:
    before, after = SHORTER[name]
    check_module("data", before, after)
    result = optimize(f"(module {before})".encode(), Options(passes=("data",)))
    assert result.report.passes[0].kept == 1
    assert result.data == encode(module_of(after))


LEFT = {
    "there is nothing": HEAD,
    "nothing is shorter": f'{HEAD} (data (i32.const 8) "ab") (data (i32.const 16) "cd")',
    "five zeros are as short": f'{HEAD} (data (i32.const 8) "ab\\00\\00\\00\\00\\00cd")',
    "an imported memory may hold anything": (
        '(import "e" "m" (memory 1)) (data (i32.const 8) "\\00a\\00")'
    ),
    "others may look on at a shared memory": (
        '(memory (export "m") 1 1 shared) (data (i32.const 8) "\\00a\\00")'
    ),
    "a segment does not fit": (
        f'{HEAD} (data (i32.const 8) "\\00a\\00") (data (i32.const 65535) "ab")'
    ),
    "its zeros do not fit": f'{HEAD} (data (i32.const 65535) "a\\00")',
    "nothing is written out of bounds": (
        f'{HEAD} (data (i32.const 8) "\\00a\\00") (data (i32.const 65537) "")'
    ),
    "an unsigned offset is out of bounds": f'{HEAD} (data (i32.const -1) "\\00")',
    "only growing would make it fit": '(memory (export "m") 0 1) (data (i32.const 8) "\\00")',
    "an offset is not known": (
        f'(import "e" "g" (global i32)) {HEAD} (data (i32.const 8) "\\00a\\00") '
        '(data (global.get 0) "")'
    ),
    "an offset is computed": (
        f'{HEAD} (data (i32.add (i32.const 1) (i32.const 1)) "\\00\\00\\00")'
    ),
    "an element segment may trap": (
        f'{HEAD} (table 1 funcref) (elem (i32.const 1) func 0) (func) (data (i32.const 8) "\\00a")'
    ),
    "code names an active segment": (
        f"""{HEAD} (data (i32.const 8) "\\00a\\00") (data (i32.const 9) "\\00\\00")
        (func (export "f") data.drop 0)"""
    ),
    "code makes an array of an active segment": (
        f"""{HEAD} (data (i32.const 8) "\\00a\\00") (type (array i8)) (func (export "f")
        i32.const 0 i32.const 0 array.new_data 0 0 drop)"""
    ),
    "passive segments are read by code": (
        f"""{HEAD} (data "\\00\\00") (func (export "f") i32.const 0 i32.const 0 i32.const 1
        memory.init 0)"""
    ),
}


@pytest.mark.parametrize("why", LEFT)
def test_segments_stay_where(why: str) -> None:
    unchanged_module("data", LEFT[why])


@pytest.mark.parametrize(("count", "split"), [(4, True), (5, False)])
def test_there_are_never_more_segments_than_engines_accept(
    count: int, split: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_segments, "MAX_SEGMENTS", 4)
    apart = "a" + "\\00" * 12
    result = MODULE_PASSES["data"].run(
        module_of(f'{HEAD} (data (i32.const 0) "{apart * count}")'), Options()
    )
    assert (None if result is None else len(result[0].data)) == (count if split else None)


def test_a_page_may_be_a_byte() -> None:
    fits, too_long = (
        module_of(f'(memory {size} (pagesize 1)) (data (i32.const 2) "a\\00")') for size in (4, 3)
    )
    result = MODULE_PASSES["data"].run(fits, Options())
    assert result is not None
    assert result[0].data[0].data == b"a"
    assert MODULE_PASSES["data"].run(too_long, Options()) is None


def test_the_data_count_stays_right() -> None:
    use = '(func (export "f") i32.const 0 i32.const 0 i32.const 1 memory.init {0})'
    split = '(data (i32.const 8) "ab\\00\\00\\00\\00\\00\\00cd\\00\\00\\00\\00\\00\\00\\00\\00ef")'
    named = run_module_pass("data", module_of(f'{HEAD} {split} (data "p") {use.format(1)}'))
    assert named.data_count == len(named.data) == 4
    assert decode(encode(named)).data_count == 4


def test_names_of_passive_segments_follow() -> None:
    wat = f"""(module {HEAD} (data (i32.const 8) "\\00a") (data $p "p") (func (export "f")
        data.drop $p))"""
    result = optimize(wat.encode(), Options(passes=("data",), keep_names=True))
    assert result.module.data[0].offset is None
    assert any(b"\x01\x00\x01p" in section.data for section in result.module.custom_sections())


# --- random segments ------------------------------------------------------------------------------

_OFFSETS = st.one_of(
    st.integers(0, 80), st.integers(100, 150), st.integers(8180, 8200), st.integers(65500, 65536)
)
_BYTES = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 255]), st.sampled_from([1, 2, 4, 5, 6, 7, 12])), max_size=5
).map(lambda runs: b"".join([bytes([value]) * length for value, length in runs]))
_SEGMENTS = st.lists(st.tuples(_OFFSETS, _BYTES), min_size=1, max_size=7)


def written(memory: int, segments: Sequence[tuple[int, bytes]]) -> str:
    fields = []
    for offset, data in segments:
        text = "".join([f"\\{byte:02x}" for byte in data])
        fields.append(f'(data (memory {memory}) (i32.const {offset}) "{text}")')
    return " ".join(fields)


def contents(module: Module) -> list[bytes] | None:
    """What both memories hold in wasmtime; None if instantiation traps."""
    store = wasmtime.Store(wasmtime.Engine(every_proposal()))
    try:
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, encode(module)), [])
    except wasmtime.Trap:
        return None
    exports: Any = instance.exports(store)
    return [bytes(exports[name].read(store, 0, 1 << 16)) for name in ("m", "n")]


@settings(max_examples=60, deadline=None)
@given(_SEGMENTS, _SEGMENTS)
def test_memories_hold_the_same_in_wasmtime(
    first: list[tuple[int, bytes]], second: list[tuple[int, bytes]]
) -> None:
    module = module_of(
        f'(memory (export "m") 1) (memory (export "n") 1) {written(1, second)} {written(0, first)}'
    )
    after = run_module_pass("data", module)
    held = contents(module)
    assert contents(after) == held
    if held is None:
        assert after is module
    else:
        old, new = (
            [sum([size for at, size in entries(each) if at == memory]) for memory in (0, 1)]
            for each in (module, after)
        )
        least = [fewest_bytes(image, memory) for memory, image in enumerate(held)]
        # A byte less in one memory is none if it takes the number of segments one more.
        assert new == least or (new == old and sum(old) - sum(least) <= 1)


def entries(module: Module) -> list[tuple[int, int]]:
    """Memory and encoded size of each segment."""
    sizes = map(len, section_entries(module, Section.DATA))
    return [(each.memory, size) for each, size in zip(module.data, sizes, strict=True)]


def fewest_bytes(image: bytes, memory: int) -> int:
    """The bytes of the shortest segments for a memory, by looking at every way to cut it."""
    pool = InstrPool()
    places = [place for place, byte in enumerate(image) if byte]
    starts = [place for place in places if not place or not image[place - 1]]
    ends = [place + 1 for place in places if place + 1 == len(image) or not image[place + 1]]
    best = [0]
    for last, end in enumerate(ends):
        ways = []
        for first, start in enumerate(starts[: last + 1]):
            offset = (pool.make("i32.const", start), pool.make("end"))
            segment = DataSegment(2 if memory else 0, image[start:end], memory, offset)
            (entry,) = section_entries(Module(data=(segment,)), Section.DATA)
            ways.append(best[first] + len(entry))
        best.append(min(ways))
    return best[-1]


# --- broken twins ---------------------------------------------------------------------------------

_Segments = Sequence[DataSegment]
_Pattern = re.Pattern[bytes]
_CUT = data_segments.cut
_Piece = data_segments.Piece


def loses_a_byte(segments: _Segments, piece: _Pattern) -> list[_Piece]:
    *others, last = _CUT(segments, piece)
    return [*others, _Piece(last.start, b"")]


def shifts_a_segment(segments: _Segments, piece: _Pattern) -> list[_Piece]:
    return [_Piece(each.start + 1, each.data) for each in _CUT(segments, piece)]


def writes_in_another_order(segments: _Segments, piece: _Pattern) -> list[_Piece]:
    return _CUT(segments[::-1], piece)


def trims_what_is_no_zero(segments: _Segments, piece: _Pattern) -> list[_Piece]:
    return [_Piece(each.start, each.data[:-1]) for each in _CUT(segments, piece)]


def changes_a_byte(segments: _Segments, piece: _Pattern) -> list[_Piece]:
    return [_Piece(each.start, each.data[:-1] + b"?") for each in _CUT(segments, piece)]


OVER = f'{HEAD} (data (i32.const 8) "\\00abcd\\00") (data (i32.const 10) "x\\00")'
INSIDE = [
    *(loses_a_byte, shifts_a_segment, writes_in_another_order),
    *(trims_what_is_no_zero, changes_a_byte),
]


def assert_put_back(wrong: Callable[[Module], Any], wat: str) -> None:
    manager = Manager(
        [ModulePass("broken", "a wrong pass", lambda module, _: wrong(module))],
        Options(),
        Prover(),
        module_prover=partial(prove_module, prover=Prover(replay=False)),
    )
    module = module_of(wat)
    assert manager.run(module) is module
    report = manager.reports["broken"]
    assert (report.attempts, report.kept, report.grown) == (1, 0, 0)
    assert report.reverted.total() == 1
    assert not any("internal" in reason for reason in report.reverted)


@pytest.mark.parametrize("broken", INSIDE, ids=lambda each: each.__name__)
def test_other_bytes_are_put_back(
    broken: Callable[[_Segments, _Pattern], list[_Piece]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_module_pass("data", module_of(OVER))
    monkeypatch.setattr(data_segments, "cut", broken)
    assert_put_back(lambda module: data_segments.data_segments(module, Options()), OVER)


def trims_whatever_there_is(module: Module) -> tuple[Module, Correspondence]:
    """Takes the zeros at the ends of all segments, and says that they are others now."""
    trimmed = tuple(
        [
            DataSegment(each.flags, each.data.rstrip(b"\0"), each.memory, each.offset)
            for each in module.data
        ]
    )
    after = Module(**{name: getattr(module, name) for name in Module.__slots__} | {"data": trimmed})
    return after, Correspondence(data=(None,) * len(module.data))


def drops_what_is_out_of_bounds(module: Module) -> tuple[Module, Correspondence]:
    """Takes what is not in the memory for nothing, and says that it is gone."""
    fields = {name: getattr(module, name) for name in Module.__slots__}
    after = Module(**fields | {"data": module.data[:1]})
    return after, Correspondence(data=(0, None))


@pytest.mark.parametrize(
    "why",
    [
        "an imported memory may hold anything",
        "others may look on at a shared memory",
        "a segment does not fit",
        "its zeros do not fit",
        "nothing is written out of bounds",
        "an offset is not known",
        "an offset is computed",
        "code names an active segment",
        "passive segments are read by code",
    ],
)
def test_a_pass_that_forgets_why_segments_stay_is_put_back(why: str) -> None:
    assert_put_back(trims_whatever_there_is, LEFT[why])


@pytest.mark.parametrize(
    "why", ["a segment does not fit", "nothing is written out of bounds", "an offset is not known"]
)
def test_a_pass_that_forgets_traps_is_put_back(why: str) -> None:
    assert_put_back(drops_what_is_out_of_bounds, LEFT[why])
