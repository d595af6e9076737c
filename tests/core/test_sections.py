"""Custom sections: what stays, what goes, and that nothing goes without a word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.binaries import EXPORT, HEADER, VOID, custom, section, sized, vector
from tests.core.binaries import module_of as binary_of
from wasmopt.api import Result, optimize
from wasmopt.decode import code_range, decode
from wasmopt.options import Options
from wasmopt.reader import unsigned_leb
from wasmopt.text import function_names

ONE_FUNCTION = VOID + section(3, vector(b"\0")) + EXPORT
CODE = section(10, vector(sized(b"\0\x01\x0b")))
"""A function with a nop, which any level takes out."""
TIGHT_CODE = section(10, vector(sized(b"\0\x0b")))
"""A function in which there is nothing to do."""
LOOSE_CODE = b"\x0a\x84\x00" + vector(sized(b"\0\x0b"))
"""The same with a size in more bytes than it takes; what is counted as code stays the same."""
PADDED_CODE = section(10, b"\x01\x82\x00\x00\x0b")
"""The same with the padding inside the code."""


def named(index: int, name: bytes) -> bytes:
    return unsigned_leb(index) + sized(name)


def subsection(number: int, *entries: bytes) -> bytes:
    return bytes([number]) + sized(vector(*entries))


def names(*subsections: bytes) -> bytes:
    return custom(b"name", b"".join(subsections))


FUNCTION_NAMES = subsection(1, named(0, b"main"))
NAMES = names(FUNCTION_NAMES)
DWARF = [b".debug_info", b".debug_line", b".debug_str", b"external_debug_info"]
BY_CODE = [*DWARF, b"metadata.code.branch_hint", b"sourceMappingURL"]


def run(*sections: bytes, **options: Any) -> Result:
    result = optimize(HEADER + b"".join(sections), Options(**options))
    report = result.report
    saved = sum(entry.bytes_saved for entry in report.passes)
    saved += report.encoding_saved + report.sections_saved
    assert saved == report.input_size - report.output_size
    return result


def left(result: Result) -> list[bytes]:
    """Names of the custom sections in the result."""
    return [each.name.encode() for each in decode(result.data).custom_sections()]


@pytest.mark.parametrize("name", [b"dylink.0", b"producers", b"target_features", b"build_id", b""])
@pytest.mark.parametrize("code", [CODE, TIGHT_CODE])
def test_sections_of_no_concern_stay_where_they_are(name: bytes, code: bytes) -> None:
    piece = custom(name, b"\0contents\xff")
    functions = section(3, vector(b"\0")) + EXPORT
    result = run(piece, VOID, piece, functions, piece, code, piece)
    assert result.report.notices == []
    tight = HEADER + piece + VOID + piece + functions + piece + TIGHT_CODE + piece
    assert result.data == tight


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, False),
        ({"keep_names": True}, True),
        ({"level": "0"}, True),
        ({"level": "0", "strip_debug": True}, False),
        ({"keep_names": True, "strip_debug": True}, False),
    ],
)
def test_names_stay_when_asked_for(options: Any, kept: bool) -> None:
    result = run(ONE_FUNCTION, CODE, NAMES, **options)
    assert left(result) == ([b"name"] if kept else [])
    assert result.report.notices == []
    assert result.report.sections_saved == (0 if kept else len(NAMES))


def test_names_of_locals_and_labels_go_with_the_function_they_were_for() -> None:
    two = VOID + section(3, vector(b"\0", b"\0")) + section(7, vector(b"\0\0\0", b"\1g\0\1"))
    code = section(10, vector(sized(b"\0\x01\x0b"), sized(b"\0\x0b")))
    functions = subsection(1, named(0, b"first"), named(1, b"second"))
    locals_ = [unsigned_leb(index) + vector(named(0, b"x")) for index in (0, 1)]
    other = subsection(7, named(0, b"global"))
    before = names(functions, subsection(2, *locals_), subsection(3, *locals_), other)
    result = run(two, code, before, keep_names=True)
    after = names(functions, subsection(2, locals_[1]), subsection(3, locals_[1]), other)
    assert result.data.endswith(after)
    assert result.report.sections_saved == len(before) - len(after)
    assert function_names(result.module) == {0: "first", 1: "second"}


@pytest.mark.parametrize(
    "contents",
    [
        b"\x02\x05\x01\x00\x01\x00\x05",  # the name is longer than the subsection
        b"\x02\x7f",  # the subsection is longer than the section
        b"\x03\x01\xff",
        b"\x02\x02\x00\x00",  # bytes behind the names
        b"\x02\x06\x01\x00\x01\x00\x01\xff",  # not UTF-8
    ],
)
def test_malformed_names_are_dropped_with_a_word_if_they_could_be_wrong(contents: bytes) -> None:
    bad = custom(b"name", contents)
    changed = run(ONE_FUNCTION, CODE, bad, keep_names=True)
    assert left(changed) == []
    assert changed.report.notices == ["loses the name section, which is malformed"]
    assert left(run(ONE_FUNCTION, TIGHT_CODE, bad, keep_names=True)) == [b"name"]


@pytest.mark.parametrize("name", BY_CODE)
@pytest.mark.parametrize("code", [CODE, PADDED_CODE])
def test_what_refers_to_moved_code_is_dropped_with_a_word(name: bytes, code: bytes) -> None:
    result = run(ONE_FUNCTION, code, custom(name, b"at 3"), custom(b"other"))
    assert left(result) == [b"other"]
    [notice] = result.report.notices
    assert notice == f"loses what refers to places in the code, which moved: {name.decode()}"


@pytest.mark.parametrize("name", BY_CODE)
def test_level_0_loses_nothing_for_shorter_numbers(name: bytes) -> None:
    pieces = [ONE_FUNCTION, PADDED_CODE, custom(name, b"at 3"), custom(b"producers")]
    for options in ({}, {"strip_producers": True}):
        result = run(*pieces, level="0", **options)
        assert result.data == HEADER + b"".join(pieces)
        [notice] = result.report.notices
        lost = f"loses what refers to places in the code, which moved: {name.decode()}"
        assert notice == f"left as it is: else it {lost}"
    with_a_pass = run(ONE_FUNCTION, CODE, custom(name, b"at 3"), level="0", passes=("vacuum",))
    assert with_a_pass.data == HEADER + ONE_FUNCTION + TIGHT_CODE


@pytest.mark.parametrize("name", BY_CODE)
def test_what_refers_to_code_that_did_not_move_stays(name: bytes) -> None:
    result = run(ONE_FUNCTION, TIGHT_CODE, custom(name, b"at 3"))
    assert left(result) == [name]
    assert result.report.notices == []


@pytest.mark.parametrize(
    ("front", "code"),
    [(b"\x01\x84\x80\x00\x01\x60\0\0" + section(3, vector(b"\0")) + EXPORT, TIGHT_CODE),
     (ONE_FUNCTION, LOOSE_CODE),
     (VOID + section(2, b"\0") + section(3, vector(b"\0")) + EXPORT, TIGHT_CODE),
     (custom(b"producers", b"\0") + ONE_FUNCTION, TIGHT_CODE)],
    ids=["overlong number in front", "overlong size", "empty section", "dropped section"],
)  # fmt: skip
def test_source_maps_count_from_the_start_of_the_file(front: bytes, code: bytes) -> None:
    """And the other kinds from the start of the code."""
    sections = [front, code, *(custom(name, b"at 3") for name in BY_CODE)]
    result = run(*sections, strip_producers=True)
    assert code_range(result.data).start < code_range(HEADER + b"".join(sections)).start
    assert left(result) == BY_CODE[:-1]
    [notice] = result.report.notices
    assert notice.endswith(": sourceMappingURL")


def test_one_notice_names_everything_dropped() -> None:
    result = run(ONE_FUNCTION, CODE, *(custom(name) for name in BY_CODE))
    [notice] = result.report.notices
    assert notice.endswith(": " + ", ".join(name.decode() for name in BY_CODE))


@pytest.mark.parametrize(
    ("option", "dropped"),
    [
        ("strip_debug", [b"name", *DWARF, b"sourceMappingURL"]),
        ("strip_dwarf", DWARF),
        ("strip_producers", [b"producers"]),
        ("strip_target_features", [b"target_features"]),
    ],
)
def test_strip_options_drop_just_what_they_say(option: str, dropped: list[bytes]) -> None:
    every = [b"name", *BY_CODE, b"producers", b"target_features", b"other", b"producer", b"names"]
    pieces = [custom(name) for name in every]
    result = run(ONE_FUNCTION, TIGHT_CODE, *pieces, level="0", **{option: True})
    assert left(result) == [name for name in every if name not in dropped]
    assert result.report.notices == []
    assert result.report.sections_saved == sum(len(custom(name)) for name in dropped)


@pytest.mark.parametrize("name", [b"linking", b"reloc.CODE", b"reloc..debug_info"])
def test_object_files_are_left_as_they_are(name: bytes) -> None:
    data = binary_of(b"\x01\x0b") + custom(name, b"\2") + NAMES
    result = optimize(data, Options(strip_debug=True))
    assert result.data == data
    assert result.report.output_size == len(data)
    [notice] = result.report.notices
    assert notice == "left as it is: an object file, which relocations point into"


def test_sections_without_entries_go_unless_nothing_may_change() -> None:
    empty = [section(number, b"\0") for number in (2, 4, 5, 6, 7, 9, 11)]
    pieces = [VOID, empty[0], section(3, vector(b"\0")), *empty[1:6], TIGHT_CODE, empty[6]]
    result = run(*pieces, passes=("vacuum",))
    assert result.data == HEADER + VOID + section(3, vector(b"\0")) + TIGHT_CODE
    assert result.report.sections_saved == 7 * 3
    assert run(*pieces, level="0").data == HEADER + b"".join(pieces)


def test_numbers_that_are_zero_are_not_nothing() -> None:
    start, data_count, data = section(8, b"\0"), section(12, b"\0"), section(11, b"\0")
    result = run(ONE_FUNCTION, start, data_count, TIGHT_CODE, data)
    assert result.data == HEADER + ONE_FUNCTION + start + data_count + TIGHT_CODE
