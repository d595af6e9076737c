"""reorder-functions, -globals, -types: the most used below the borders, nothing else moves."""

from __future__ import annotations

import pytest

from tests.support import check_module, module_of, run_module_pass, unchanged_module
from wasmopt.encode import encode
from wasmopt.module import Kind
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES


def functions(count: int, calls: dict[int, int], imported: int = 0) -> str:
    """Functions of which the last one calls others so many times."""
    body = " ".join(f"call {index} " * times for index, times in calls.items())
    imports = '(import "e" "f" (func)) ' * imported
    return f'{imports}{"(func) " * (count - imported - 1)} (func (export "a") {body})'


def test_the_most_called_function_changes_places_with_the_least_called() -> None:
    # All that is called once stays, and of those that are never called the last one goes.
    calls = dict.fromkeys(range(127), 1)
    before = functions(130, {**calls, 128: 3})
    after = functions(130, {**calls, 127: 3})
    check_module("reorder-functions", before, after)


@pytest.mark.parametrize("imported", [0, 1, 5])
@pytest.mark.parametrize("border", [128])
def test_the_border_is_exact(border: int, imported: int) -> None:
    used = dict.fromkeys(range(imported, border), 2)
    unchanged_module("reorder-functions", functions(border + 1, {**used}, imported))
    one_more = {**used, border: 2}
    unchanged_module("reorder-functions", functions(border + 2, one_more, imported))
    once = {**one_more, imported: 1}
    module = module_of(functions(border + 2, once, imported))
    result = run_module_pass("reorder-functions", module)
    assert len(encode(module)) - len(encode(result)) == 1


def test_the_border_of_two_bytes_is_exact() -> None:
    border = 1 << 14
    module = module_of(functions(border + 2, {border: 2, 127: 1}))
    run = MODULE_PASSES["reorder-functions"].run(module, Options())
    assert run is not None
    after, claim = run
    [indices] = [claim.maps[Kind.FUNCTION]]
    moved = indices[border]
    assert moved is not None
    assert moved < 128
    assert len(encode(module)) - len(encode(after)) >= 2 * 2


def test_uses_in_segments_and_exports_count() -> None:
    filler = "(func) " * 128
    before = f'{filler} (func) (export "x" (func 128)) (start 128)'
    after = f'(func) {filler} (export "x" (func 127)) (start 127)'
    check_module("reorder-functions", before, after)


def test_globals() -> None:
    def text(place: int) -> str:
        entries = ["(global (mut i32) (i32.const 0))"] * 130
        entries[place] = "(global (mut i64) (i64.const 0))"
        return f'{" ".join(entries)} (func (export "a") {f"global.get {place} drop " * 3})'

    check_module("reorder-globals", text(129), text(127))
    named = text(129).replace(
        "(global (mut i32) (i32.const 0))", "(global $x i32 (i32.const 0))", 1
    )
    unchanged_module("reorder-globals", f"{named} (global i32 (global.get $x))")
    few = (
        "(global (mut i32) (i32.const 0)) (global (mut i32) (i32.const 0)) (func global.get 1 drop)"
    )
    unchanged_module("reorder-globals", few)


def test_types() -> None:
    def text(place: int) -> str:
        entries = [f"(type (func (param{' i32' * number})))" for number in range(70)]
        entries.insert(place, "(type (func (result i64)))")
        block = f"block (type {place}) i64.const 0 end drop "
        return f'{" ".join(entries)} (func (export "a") (type {0 if place else 1}) {block * 3})'

    check_module("reorder-types", text(69), text(63))
    unchanged_module("reorder-types", text(63))
    unchanged_module("reorder-types", f"(rec (type (struct)) (type (func))) {text(69)[:0]}")
