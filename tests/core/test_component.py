"""Components: their core modules become smaller, and nothing else in them changes."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.binaries import HEADER, custom, module_of, section
from tests.core.components import SUMS, calls
from wasmopt import (
    ComponentResult,
    DecodeError,
    InputError,
    Options,
    ValidationError,
    decode,
    optimize,
    optimize_component,
)
from wasmopt.component import PREAMBLE, ComponentSection, is_component, read_component
from wasmopt.component import replace_modules as put
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.passes import REGISTRY
from wasmopt.reader import unsigned_leb
from wasmopt.text import read_text


def rest_of(data: bytes) -> list[tuple[ComponentSection, bytes]]:
    """Everything but core modules and the sizes of what they are in."""
    component = read_component(data)
    whole = (ComponentSection.CORE_MODULE, ComponentSection.COMPONENT)
    return [
        (part.section, b"" if part.section in whole else data[part.start : part.content.stop])
        for part in component.parts
    ]


def interface(data: bytes) -> tuple[list[object], ...]:
    """What a component knows a core module by, indices apart."""
    module = decode(data)
    return (
        [(entry.module, entry.name, entry.kind) for entry in module.imports],
        [(entry.name, entry.kind) for entry in module.exports],
    )


def test_core_modules_get_smaller_and_nothing_else_changes() -> None:
    before = read_text(SUMS.encode())
    result = optimize_component(before)
    assert calls(result.data) == calls(before) == [1, 42, 0, 20, 102, 18]
    assert rest_of(result.data) == rest_of(before)
    assert [each.result.report.changed for each in result.modules] == [2, 1, 1, 0]
    assert len(result.data) < len(before)
    report = result.report
    known = report.sections_saved + report.encoding_saved
    known += sum(entry.bytes_saved for entry in report.passes)
    assert report.input_size - report.output_size == known == len(before) - len(result.data)
    assert sum(entry.kept for entry in report.passes) >= 3
    assert all(sum(entry.proved.values()) == entry.kept for entry in report.passes)


def test_each_core_module_is_what_optimize_makes_of_it() -> None:
    before = read_text(SUMS.encode())
    result = optimize_component(before)
    old, new = read_component(before), read_component(result.data)
    for part, image, each in zip(
        old.core_modules(), new.core_modules(), result.modules, strict=True
    ):
        assert each.offset == part.content.start
        assert new.bytes_of(image) == each.result.data == optimize(old.bytes_of(part)).data
        assert interface(each.result.data) == interface(old.bytes_of(part))


def test_a_second_run_changes_nothing() -> None:
    once = optimize_component(read_text(SUMS.encode())).data
    assert optimize_component(once).data == once


def test_text_and_files_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "in.wat").write_text(SUMS)
    expected = optimize_component(read_text(SUMS.encode())).data
    assert optimize_component(SUMS.encode()).data == expected
    assert optimize_component(tmp_path / "in.wat").data == expected


def test_fuel_is_for_all_core_modules_together() -> None:
    changes = []
    for fuel in range(6):
        result = optimize_component(SUMS.encode(), Options(fuel=fuel))
        changes.append(sum(entry.kept for entry in result.report.passes))
    assert changes == list(range(6))


def test_progress_counts_the_functions_of_all_core_modules() -> None:
    seen: list[tuple[int, int]] = []
    optimize_component(
        SUMS.encode(),
        Options(passes=("vacuum",)),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert [done for done, _ in seen] == list(range(1, 7))
    assert seen[-1] == (6, 6)


def test_a_wrong_pass_is_put_back_in_a_component(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_constant(function: Function, context: Context) -> Function:
        new = {context.pool.make("i32.const", 10): context.pool.make("i32.const", 11)}
        body = tuple([new.get(instr, instr) for instr in function.body])
        return function if body == function.body else replace(function, body=body)

    wrong = Pass("wrong", "counts wrongly", other_constant, enabling=True)
    monkeypatch.setitem(REGISTRY, "wrong", wrong)
    before = read_text(SUMS.encode())
    result = optimize_component(before, Options(passes=("wrong",), level="0"))
    assert [sum(entry.reverted.values()) for entry in result.report.passes] == [1]
    assert result.data == before


def nested(depth: int, innermost: bytes) -> bytes:
    """A component in a component in …, whose innermost section is given; in linear time."""
    heads = [PREAMBLE]
    size = len(PREAMBLE) + len(innermost)
    for _ in range(depth):
        head = b"\4" + unsigned_leb(size)
        heads.append(head + PREAMBLE)
        size += len(PREAMBLE) + len(head)
    # The outermost preamble has no section around it.
    return heads[0] + b"".join(reversed(heads[1:])) + innermost


def test_components_nested_as_deep_as_you_like() -> None:
    wasteful = module_of(b"\x41\0\x1a\x0b", exported=True)  # i32.const 0, drop
    before = nested(50_000, section(1, wasteful))
    start = time.process_time()
    result = optimize_component(before)
    assert time.process_time() - start < 20
    assert len(result.modules) == 1
    assert result.modules[0].result.data == optimize(wasteful).data
    assert rest_of(result.data) == rest_of(before)
    assert result.data == nested(50_000, section(1, optimize(wasteful).data))


contents = st.recursive(
    st.just(b"") | st.binary(max_size=200).map(lambda data: section(3, data)),
    lambda inner: st.lists(
        inner
        | inner.map(lambda data: section(4, PREAMBLE + data))
        | st.binary(max_size=200).map(lambda data: section(1, data))
        | st.just(custom(b"name", b"\1\2")),
        max_size=4,
    ).map(b"".join),
)


@given(contents, st.binary(max_size=300))
def test_what_is_put_in_place_is_found_there(content: bytes, module: bytes) -> None:
    data = PREAMBLE + content
    component = read_component(data)
    old = [component.bytes_of(part) for part in component.core_modules()]
    assert put(component, old) == data
    changed = put(component, [module] * len(old))
    again = read_component(changed)
    assert [again.bytes_of(part) for part in again.core_modules()] == [module] * len(old)
    assert rest_of(changed) == rest_of(data)
    assert put(again, old) == data


def test_sizes_keep_their_form_unless_they_change() -> None:
    wide = b"\x01\x88\x80\x00" + HEADER
    data = PREAMBLE + wide + b"\x04\x94\x80\x00" + PREAMBLE + wide
    assert optimize_component(data).data == data
    component = read_component(data)
    longer = HEADER + custom(b"x")
    assert put(component, [longer, HEADER]) == PREAMBLE + section(1, longer) + data[20:]
    inner = section(4, PREAMBLE + section(1, longer))
    assert put(component, [HEADER, longer]) == PREAMBLE + wide + inner


REFUSED = [
    (b"", 0, "a component starts with 00 61 73 6d 0d 00 01 00, not nothing"),
    (HEADER, 0, "a component starts with 00 61 73 6d 0d 00 01 00, not 00 61 73 6d 01 00 00 00"),
    (PREAMBLE[:6], 0, "not 00 61 73 6d 0d 00"),
    (PREAMBLE + b"\x0d\0", 8, "unknown section 13 of a component"),
    (PREAMBLE + b"\x07", 9, "unexpected end in section size"),
    (PREAMBLE + b"\x07\2\0", 10, "section needs 2 bytes, 1 are left"),
    (PREAMBLE + section(4, PREAMBLE + b"\x07\1"), 20, "section needs 1 bytes, 0 are left"),
    (PREAMBLE + section(4, b"\0asm") + b"\x07\0", 10, "a component starts with"),
    (PREAMBLE + section(0, b"\5abcd"), 11, "custom section name needs 5 bytes, 4 are left"),
    (PREAMBLE + section(1, b""), 10, "core module 0: the file is empty"),
    (PREAMBLE + section(1, PREAMBLE), 14, "core module 0: this is a component"),
    (
        PREAMBLE + section(7, b"") + section(1, HEADER) + section(1, HEADER + b"\1\5\1"),
        32,
        "core module 1: section needs 5 bytes, 1 are left",
    ),
]


@pytest.mark.parametrize(("data", "offset", "message"), REFUSED)
def test_bad_components_are_refused_with_the_place(
    data: bytes, offset: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        optimize_component(data)
    assert caught.value.offset == offset


def test_invalid_core_modules_are_refused_with_the_place() -> None:
    wrong = module_of(b"\x1a\x0b")
    with pytest.raises(ValidationError, match="core module 1: invalid module: type mis") as caught:
        optimize_component(PREAMBLE + section(1, HEADER) + section(1, wrong))
    assert caught.value.offset == len(PREAMBLE) + 10 + 2 + 23


def test_forbidden_features_are_found_in_core_modules() -> None:
    with pytest.raises(ValidationError, match="core module 0: the module uses sign-ext"):
        optimize_component(
            b"(component (core module (func (param i32) local.get 0 i32.extend8_s drop)))",
            Options(disabled_features=frozenset(["sign-ext"])),
        )


def test_modules_and_components_are_told_apart() -> None:
    component = read_text(b"(component)")
    assert is_component(component) and not is_component(HEADER)
    with pytest.raises(DecodeError, match="this is a component, not a core module"):
        optimize(component)
    empty = optimize_component(component)
    assert (empty.data, empty.modules) == (component, ())


def test_object_files_in_a_component_stay() -> None:
    data = PREAMBLE + section(1, module_of(b"\x41\0\x1a\x0b") + custom(b"linking", b"\2"))
    result = optimize_component(data)
    assert result.data == data
    assert result.report.notices == [
        "core module 0: left as it is: an object file, which relocations point into"
    ]


def test_names_are_kept_if_asked_for() -> None:
    def names(result: ComponentResult) -> list[list[str]]:
        modules = [decode(each.result.data) for each in result.modules]
        return [[section.name for section in each.custom_sections()] for each in modules]

    assert names(optimize_component(SUMS.encode())) == [[], [], [], []]
    kept = names(optimize_component(SUMS.encode(), Options(keep_names=True)))
    assert kept == [["name"]] * 4
