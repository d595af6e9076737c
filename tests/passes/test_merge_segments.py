"""merge-segments: fewer segments, the same bytes in memory."""

from __future__ import annotations

import pytest

from tests.support import check_repacked, unchanged_module
from wasmopt.passes.merge_segments import GAP


def test_zeros_are_written_between() -> None:
    check_repacked(
        "merge-segments",
        '(memory 1) (data (i32.const 8) "a") (data (i32.const 13) "b")',
        '(memory 1) (data (i32.const 8) "a\\00\\00\\00\\00b")',
    )


def test_what_is_written_last_stays() -> None:
    check_repacked(
        "merge-segments",
        '(memory 1) (data (i32.const 8) "abcd") (data (i32.const 9) "x\\00")',
        '(memory 1) (data (i32.const 8) "ax\\00d")',
    )


@pytest.mark.parametrize(("gap", "merged"), [(GAP, True), (GAP + 1, False)])
def test_the_gap_is_exact(gap: int, merged: bool) -> None:
    wat = f'(memory 1) (data (i32.const 8) "a") (data (i32.const {9 + gap}) "b")'
    if merged:
        zeros = "\\00" * gap
        check_repacked("merge-segments", wat, f'(memory 1) (data (i32.const 8) "a{zeros}b")')
    else:
        unchanged_module("merge-segments", wat)


@pytest.mark.parametrize(
    "wat",
    [
        pytest.param(
            '(import "e" "m" (memory 1)) (data (i32.const 8) "a") (data (i32.const 9) "b")',
            id="a memory that the host knows before",
        ),
        pytest.param(
            '(memory 1 1 shared) (data (i32.const 8) "a") (data (i32.const 9) "b")',
            id="a memory that others look at",
        ),
        pytest.param(
            '(memory 1) (data (i32.const 8) "a") (data (i32.const 65536) "b")',
            id="a segment that does not fit",
        ),
        pytest.param(
            '(memory 1) (data (i32.const 8) "a") (data (i32.const 9) "b") (func data.drop 1)',
            id="a segment that code names",
        ),
        pytest.param('(memory 1) (data "a") (data "b")', id="passive segments"),
    ],
)
def test_left_alone(wat: str) -> None:
    unchanged_module("merge-segments", wat)
