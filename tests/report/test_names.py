"""What functions are called, and whose names those may be."""

from __future__ import annotations

import pytest

from tests.core.binaries import custom, sized, vector
from tests.support import module_of
from wasmopt import InputError, Module, decode, encode
from wasmopt.reader import unsigned_leb
from wasmopt.reporting.names import check_twin, function_labels
from wasmopt.reporting.readable import last_part, readable

WAT = """
(import "env" "log" (func (param i32)))
(func) (func (export "first") (export "second")) (func (param i32))
"""


def with_names(wat: str, names: dict[int, str]) -> Module:
    entries = [unsigned_leb(index) + sized(name.encode()) for index, name in names.items()]
    section = custom(b"name", b"\1" + sized(vector(*entries)))
    return decode(encode(module_of(wat)) + section)


def test_exports_and_imports_name_what_has_no_name() -> None:
    assert function_labels(module_of(WAT)) == ["env.log", "function 1", "first", "function 3"]


def test_names_come_from_the_name_section_first() -> None:
    module = with_names(WAT, {0: "log", 2: "of the section", 3: ""})
    assert function_labels(module) == ["log", "function 1", "of the section", "function 3"]


def test_names_of_a_twin_come_before_all_others() -> None:
    twin = with_names(WAT, {1: "one", 2: "two"})
    check_twin(module_of(WAT), twin)
    assert function_labels(module_of(WAT), twin) == ["env.log", "one", "two", "function 3"]
    named = with_names(WAT, {1: "old", 3: "three"})
    assert function_labels(named, twin) == ["env.log", "one", "two", "three"]


@pytest.mark.parametrize(
    ("wat", "message"),
    [
        (f"{WAT} (func)", "it imports 1 functions and defines 4, the module 1 and 3"),
        ("(func) (func) (func) (func)", "it imports 0 functions and defines 4, the module 1 and 3"),
        (WAT.replace("(func (param i32))\n", "(func)\n"), "function 3 has another type"),
    ],
)
def test_other_modules_are_no_twins(wat: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_twin(module_of(WAT), with_names(wat, {0: "log"}))
    assert str(caught.value) == f"is no twin of the module: {message}"


def test_a_twin_without_names_is_of_no_use() -> None:
    with pytest.raises(InputError, match="has no names of functions"):
        check_twin(module_of(WAT), module_of(WAT))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("_ZN6routes5Graph6random17h2686e070226106c4E", "routes::Graph::random"),
        (
            "_ZN6routes17Heap$LT$T$C$_$GT$3pop17hc233d1ee7dcfdb10E",
            "routes::Heap<T,_>::pop",
        ),
        (
            "_ZN4core3fmt3num3imp7fmt_u6417h000cdb48f9d4baccE.llvm.6387201050041093844",
            "core::fmt::num::imp::fmt_u64",
        ),
        (
            "_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
            "<&T as core::fmt::Debug>::fmt",
        ),
    ],
)
def test_names_of_rust_are_shown_as_they_were_written(name: str, shown: str) -> None:
    assert readable(name) == shown
    assert readable(f"core module 12: {name}") == f"core module 12: {shown}"


@pytest.mark.parametrize(
    "name",
    [
        "main",
        "",
        "_ZN4llvm5errsEv",
        "_ZN3foo3barE",
        "_ZN99foo17h0123456789abcdefE",
        "_ZNfoo17h0123456789abcdefE",
        "_ZN0000017h0123456789abcdefE",
        "_ZN3foo17h0123456789abcdeE",
    ],
)
def test_other_names_are_shown_as_they_are(name: str) -> None:
    assert readable(name) == name


def test_escapes_cannot_smuggle_control_characters() -> None:
    assert readable("_ZN6a$u1b$17h0123456789abcdefE") == "a$u1b$"
    assert readable("_ZN9$u110000$17h0123456789abcdefE") == "$u110000$"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("main", "main"),
        ("core::fmt::write", "write"),
        ("core::fmt::num::<impl core::fmt::Display for u32>::fmt", "fmt"),
        ("<core::ops::Range as core::iter::Step>", "<core::ops::Range as core::iter::Step>"),
        ("a::<b::c>", "<b::c>"),
        ("a::", "a::"),
        ("::a", "a"),
        ("->::<", "->::<"),
    ],
)
def test_the_last_part_of_a_path(name: str, part: str) -> None:
    assert last_part(name) == part
