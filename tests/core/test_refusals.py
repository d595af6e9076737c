"""Bad input: refused at its place, in one line, in no time, and never by another exception."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.binaries import (
    BUILT,
    CHUNK,
    DENSE,
    HEADER,
    ONE_FUNCTION,
    module_of,
    section,
    section_at,
    sized,
    vector,
)
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import DecodeError, InputError
from wasmopt.instr import InstrPool
from wasmopt.module import ORDER

SMALL = {
    "dense": DENSE,
    **{path.stem: path.read_bytes() for path in BUILT if path.stat().st_size < 1000},
}


@pytest.mark.parametrize("name", SMALL)
def test_truncated_modules_are_refused(name: str) -> None:
    """At every byte but behind a section, where what is left may be a module of its own."""
    data = SMALL[name]
    boundaries = {8}
    while (last := max(boundaries)) < len(data):
        boundaries.add(section_at(data, last)[2])
    pool = InstrPool()
    for length in range(len(data)):
        try:
            decode(data[:length], pool)
        except InputError as error:
            assert error.offset is None or 0 <= error.offset <= length
            assert (error.offset is None) == (length == 0)
        else:
            assert length in boundaries


def module_or_input_error(data: bytes) -> None:
    try:
        module = decode(data)
    except InputError as error:
        assert "\n" not in str(error)
        assert error.offset is None or 0 <= error.offset <= len(data)
        return
    again = encode(module)
    assert len(again) <= len(data)
    assert encode(decode(again)) == again


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(list(SMALL.values())),
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_give_a_module_or_an_input_error(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(data)] = value
    module_or_input_error(bytes(changed))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(SMALL.values())), st.data())
def test_cut_and_pasted_bytes_give_a_module_or_an_input_error(
    data: bytes, draw: st.DataObject
) -> None:
    start = draw.draw(st.integers(8, len(data)))
    end = draw.draw(st.integers(start, min(len(data), start + 40)))
    module_or_input_error(data[:start] + draw.draw(st.binary(max_size=20)) + data[end:])


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60))
def test_any_code_gives_a_module_or_an_input_error(code: bytes) -> None:
    module_or_input_error(module_of(code + b"\x0b"))


@pytest.mark.parametrize("opener", [b"\x1c", b"\x1f\x40", b"\x0e", b"\x02", b"\x28", b"\xd0"])
@pytest.mark.parametrize("filler", [b"\x63", b"\x80", b"\xff", b"\x7f", b"\x01", b"\x03"])
def test_malformed_code_is_refused_in_linear_time(opener: bytes, filler: bytes) -> None:
    """Vectors that end early, of bytes that could be matched in several ways."""
    start = time.process_time()
    for length in (40, 100_000):
        with pytest.raises(DecodeError):
            decode(module_of(opener + b"\x7f" + filler * length + b"\xff"))
    assert time.process_time() - start < 5, "it takes milliseconds"


def number(value: int, length: int) -> bytes:
    """`value` as an unsigned LEB128 number of exactly that length."""
    parts = [(value >> 7 * place) & 0x7F | 0x80 for place in range(length)]
    return bytes([*parts[:-1], parts[-1] & 0x7F])


OUT_OF_RANGE = {
    "u32 too large": (b"\x20" + number(2**32, 5), 1),
    "u32 too long": (b"\x20" + number(0, 6), 1),
    "u32 unused bits": (b"\x10" + number(0x7F << 28, 5), 1),
    "i32 too large": (b"\x41" + number(2**31, 5), 1),
    "i32 too small": (b"\x41" + number(2**35 - 2**31 - 1, 5), 1),
    "i32 too long": (b"\x41" + number(0, 6), 1),
    "i64 too large": (b"\x42" + number(2**63, 10), 1),
    "i64 too small": (b"\x42" + number(2**70 - 2**63 - 1, 10), 1),
    "i64 too long": (b"\x42" + number(0, 11), 1),
    "block type too large": (b"\x02" + number(2**32, 5), 1),
    "block type too long": (b"\x02" + number(0, 6), 1),
    "block type negative": (b"\x02" + number(2**35 - 2, 5), 1),
    "heap type too large": (b"\xd0" + number(2**32, 5), 1),
    "heap type negative": (b"\xd0\xf0\x7f", 1),
    "heap type unknown": (b"\xd0\x40", 1),
    "offset too large": (b"\x28\2" + number(2**64, 10), 2),
    "offset too long": (b"\x28\2" + number(0, 11), 2),
    "alignment too large": (b"\x28\x20\0", 1),
    "alignment too long": (b"\x28" + number(0, 6) + b"\0", 1),
    "memory index too large": (b"\x28\x42" + number(2**32, 5) + b"\0", 2),
    "label too large": (b"\x0e\1" + number(2**32, 5) + b"\0", 2),
    "default label too large": (b"\x0e\1\0" + number(2**32, 5), 3),
    "number of labels too large": (b"\x0e" + number(2**32, 5), 1),
    "sub-opcode too large": (b"\xfc" + number(2**32, 5), 1),
    "sub-opcode unknown": (b"\xfc\x7f", 0),
    "instruction unknown": (b"\xff", 0),
    "catch clause unknown": (b"\x1f\x40\1\4\0", 3),
    "cast flags unknown": (b"\xfb\x18\4\0\0\0", 2),
    "reserved byte": (b"\xfe\3\1", 2),
    "value type unknown": (b"\x1c\1\x40", 2),
}


@pytest.mark.parametrize("before", [0, 3, CHUNK - 2])
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_numbers_out_of_range_are_refused_at_their_place(name: str, before: int) -> None:
    code, place = OUT_OF_RANGE[name]
    module = module_of(b"\x01" * before + code + b"\x01\x0b")
    with pytest.raises(DecodeError) as caught:
        decode(module)
    assert caught.value.offset == len(module) - len(code) - 2 + place


HUGE = b"\xff\xff\xff\xff\x0f"
HUGE_COUNTS: dict[str, bytes] = {
    **{
        f"section {one.name.lower()}": section(one, HUGE)
        for one in ORDER
        if one.value not in (8, 12)
    },
    "section size": b"\1" + HUGE,
    "parameters": section(1, b"\1\x60" + HUGE),
    "results": section(1, b"\1\x60\0" + HUGE),
    "fields": section(1, b"\1\x5f" + HUGE),
    "recursion group": section(1, b"\1\x4e" + HUGE),
    "supertypes": section(1, b"\1\x50" + HUGE),
    "import name": section(2, b"\1" + HUGE),
    "elements": section(9, b"\1\1\0" + HUGE),
    "element expressions": section(9, b"\1\5\x70" + HUGE),
    "data": section(11, b"\1\1" + HUGE),
    "custom name": section(0, HUGE),
    "function size": ONE_FUNCTION + section(10, b"\1" + HUGE),
    "local declarations": ONE_FUNCTION + section(10, vector(sized(HUGE))),
    "locals": ONE_FUNCTION + section(10, vector(sized(b"\1" + HUGE + b"\x7f\x0b"))),
    "labels": module_of(b"\x0e" + HUGE + b"\0\x0b")[8:],
    "catch clauses": module_of(b"\x1f\x40" + HUGE + b"\x0b")[8:],
    "select types": module_of(b"\x1c" + HUGE + b"\x0b")[8:],
    "page size": section(5, b"\1\x08\1" + HUGE),
}


@pytest.mark.parametrize("name", HUGE_COUNTS)
def test_huge_counts_take_no_memory(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode(HEADER + HUGE_COUNTS[name])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("groups", "offset"),
    [(b"\1\xd1\x86\3\x7f", 1), (b"\2\xd0\x86\3\x7f\1\x7e", 5), (b"\2\x01\x7f" + HUGE + b"\x7f", 3)],
)
def test_more_locals_than_engines_allow_are_refused(groups: bytes, offset: int) -> None:
    module = module_of(b"\x0b", groups)
    with pytest.raises(DecodeError, match="locals, engines allow 50000") as caught:
        decode(module)
    assert caught.value.offset == module.rindex(groups) + offset


REFUSED = [
    (b"", None, "the file is empty"),
    (b"\0as", 0, "not a WebAssembly binary (it does not start with 00 61 73 6d)"),
    (b"(module)", 0, "not a WebAssembly binary (it does not start with 00 61 73 6d)"),
    (b"\0asm\2\0\0\0", 4, "unknown version 02 00 00 00, expected 01 00 00 00"),
    (b"\0asm\1\0", 4, "unknown version 01 00, expected 01 00 00 00"),
    (b"\0asm\x0d\0\1\0", 4, "this is a component, not a core module"),
    (HEADER + b"\x0e\0", 8, "unknown section 14"),
    (HEADER + b"\1\2\0", 10, "section needs 2 bytes, 1 are left"),
    (HEADER + b"\1\2\0\0", 11, "1 bytes left over in section type"),
    (HEADER + b"\2\1\0\1\1\0", 11, "section type is out of order"),
    (HEADER + b"\1\1\0\1\1\0", 11, "section type is out of order"),
    (HEADER + b"\1\2\1\x61", 11, "unknown type form 0x61"),
    (HEADER + b"\1\4\1\x60\1\x40", 13, "unknown value type 0x40"),
    (HEADER + b"\1\4\1\x5e\x7f\2", 13, "mutability is 2, expected 0 or 1"),
    (HEADER + b"\2\6\1\1a\1\xff\0", 14, "import name is not UTF-8"),
    (HEADER + b"\2\5\1\0\0\5\0", 13, "unknown kind of import 5"),
    (HEADER + b"\3\2\1\0", 12, "1 functions but no code section"),
    (HEADER + b"\3\2\1\0\x0a\1\0", 14, "0 function bodies, 1 declared"),
    (HEADER + b"\4\4\1\x70\x08\0", 12, "unknown limits 0x08"),
    (HEADER + b"\4\5\1\x40\1\x70\0", 12, "reserved byte is not zero"),
    (HEADER + b"\5\3\1\x10\0", 11, "unknown limits 0x10"),
    (HEADER + b"\5\4\1\x08\1\x20", 13, "page size exponent 32 is too large"),
    (HEADER + b"\x0d\3\1\1\0", 11, "unknown tag attribute"),
    (HEADER + b"\6\4\1\x7f\0\x41", 14, "unexpected end in i32 constant"),
    (HEADER + b"\7\4\1\1a\5", 13, "unknown kind of export 5"),
    (HEADER + b"\x09\2\1\x08", 11, "unknown element segment flags 8"),
    (HEADER + b"\x09\4\1\1\1\0", 12, "unknown element kind"),
    (HEADER + b"\x0b\2\1\3", 11, "unknown data segment flags 3"),
    (HEADER + b"\x0b\4\1\1\2a", 13, "data segment needs 2 bytes, 1 are left"),
    (HEADER + b"\x0c\1\1", 11, "data count is 1, there are 0"),
    (HEADER + b"\0\0", 10, "unexpected end in length of custom section name"),
    (module_of(b""), len(module_of(b"")), "function body does not close with `end`"),
    (
        module_of(b"\x0b\x01"),
        len(module_of(b"\x0b\x01")),
        "function body does not close with `end`",
    ),
    (module_of(b"\x01\xff\x0b"), len(module_of(b"\x01")), "unknown instruction 0xff"),
    (module_of(b"\x01\xfc\x12\x0b"), len(module_of(b"\x01")), "unknown instruction 0xfc 18"),
    (module_of(b"\x44\0\0\x0b"), len(module_of(b"\x44")), "f64 constant needs 8 bytes, 3 are left"),
]


@pytest.mark.parametrize(("data", "offset", "problem"), REFUSED, ids=lambda case: str(case)[:40])
def test_errors_name_the_place_and_the_problem(
    data: bytes, offset: int | None, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        decode(data)
    assert (caught.value.problem, caught.value.offset) == (problem, offset)
