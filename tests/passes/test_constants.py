"""constants: when a constant is worth a global, and when it is not."""

from __future__ import annotations

import pytest

from tests.support import check_module, module_of, unchanged_module
from wasmopt.encode import encode
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES

CHANGED = {
    "the most used constant gets the lowest index": (
        f"""(func (export "a") {"i32.const 100000 drop " * 6} {"i64.const 1000000 drop " * 7}
            {"f64.const 0.1 drop " * 3})""",
        f"""(global i64 (i64.const 1000000)) (global i32 (i32.const 100000))
            (global f64 (f64.const 0.1))
            (func (export "a") {"global.get 1 drop " * 6} {"global.get 0 drop " * 7}
            {"global.get 2 drop " * 3})""",
    ),
    "uses in several functions count together": (
        f"""(func (export "a") {"i32.const 1000000 drop " * 4})
            (func (export "b") {"i32.const 1000000 drop " * 3})""",
        f"""(global i32 (i32.const 1000000))
            (func (export "a") {"global.get 0 drop " * 4})
            (func (export "b") {"global.get 0 drop " * 3})""",
    ),
    "a new global stands behind those that are there": (
        f"""(import "e" "g" (global i32)) (global (mut i32) (i32.const 0))
            (func (export "a") i32.const 5 global.set 1 {"i32.const 1000000 drop " * 5})""",
        f"""(import "e" "g" (global i32)) (global (mut i32) (i32.const 0))
            (global i32 (i32.const 1000000))
            (func (export "a") i32.const 5 global.set 1 {"global.get 2 drop " * 5})""",
    ),
    "a global that is there is free": (
        '(global (export "g") i32 (i32.const 70000)) (func (export "a") i32.const 70000 drop)',
        '(global (export "g") i32 (i32.const 70000)) (func (export "a") global.get 0 drop)',
    ),
    "a global that nobody writes": (
        '(global (mut f32) (f32.const 1.5)) (func (export "a") f32.const 1.5 drop)',
        '(global (mut f32) (f32.const 1.5)) (func (export "a") global.get 0 drop)',
    ),
    "a constant shorter than the index of its global": (
        f"""{"(global i32 (i32.const 9)) " * 127} (global i64 (i64.const 1))
            (global (mut i32) (i32.const 5))
            (func (export "a") global.get 128 drop global.get 127 drop)""",
        f"""{"(global i32 (i32.const 9)) " * 127} (global i64 (i64.const 1))
            (global (mut i32) (i32.const 5))
            (func (export "a") i32.const 5 drop global.get 127 drop)""",
    ),
    "a NaN keeps its bits": (
        f'(func (export "a") {"f64.const nan:0x4000000000001 drop " * 3})',
        f"""(global f64 (f64.const nan:0x4000000000001))
            (func (export "a") {"global.get 0 drop " * 3})""",
    ),
    "vectors": (
        f'(func (export "a") {"v128.const i64x2 1 2 drop " * 2})',
        f"""(global v128 (v128.const i64x2 1 2))
            (func (export "a") {"global.get 0 drop " * 2})""",
    ),
}


@pytest.mark.parametrize("example", CHANGED)
def test_a_constant_is_named_the_shortest_way(example: str) -> None:
    check_module("constants", *CHANGED[example])


UNCHANGED = {
    "two bytes": f'(func (export "a") {"i32.const 63 drop " * 99})',
    "three bytes, six uses": f'(func (export "a") {"i32.const 64 drop " * 6})',
    "a section for one global": f'(func (export "a") {"i32.const 1000000 drop " * 5})',
    "a global that the host writes": (
        '(global (export "g") (mut i32) (i32.const 70000)) (func (export "a") i32.const 70000 drop)'
    ),
    "a global of the host": (
        '(import "e" "g" (global i32)) (func (export "a") i32.const 70000 drop global.get 0 drop)'
    ),
    "a global that the module writes": (
        """(global (mut i32) (i32.const 70000))
           (func (export "a") i32.const 70000 drop i32.const 1 global.set 0)"""
    ),
    "a global that starts as another one": (
        """(import "e" "g" (global i32)) (global i32 (global.get 0))
           (func (export "a") i32.const 70000 drop)"""
    ),
    "a global that is computed": (
        """(global i32 (i32.const 70000) (i32.const 1) (i32.add))
           (func (export "a") i32.const 70000 drop)"""
    ),
    "another type with the same bits": (
        '(global (export "g") f32 (f32.const 1)) (func (export "a") i32.const 1065353216 drop)'
    ),
    "another zero": (
        '(global (export "g") f32 (f32.const 0)) (func (export "a") f32.const -0 drop)'
    ),
}


@pytest.mark.parametrize("example", UNCHANGED)
def test_what_saves_nothing_or_may_change_stays(example: str) -> None:
    unchanged_module("constants", UNCHANGED[example])


@pytest.mark.parametrize(("constant", "size"), [("i32.const 64", 3), ("i64.const 1000000", 4)])
def test_the_gate_is_exact(constant: str, size: int) -> None:
    """A use saves `size - 2` bytes, the global costs `size + 3`: n uses pay from there on."""
    enough = (size + 3) // (size - 2) + 1
    filler = "(global $filler (mut i32) (i32.const 0))"  # else a section of its own is counted, too
    for uses in (enough - 1, enough):
        module = module_of(f'{filler} (func (export "a") {f"{constant} drop " * uses})')
        result = MODULE_PASSES["constants"].run(module, Options())
        assert (result is not None) == (uses == enough)
        if result is not None:
            saved = uses * (size - 2) - (size + 3)
            assert len(encode(module)) - len(encode(result[0])) == saved


def test_legacy_exception_code_stays() -> None:
    uses = "i32.const 1000000 drop " * 9
    before = module_of(f'(tag) (func try {uses} catch 0 end) (func (export "a") {uses})')
    result = MODULE_PASSES["constants"].run(before, Options())
    assert result is not None
    after, _ = result
    assert after.functions[0] is before.functions[0]
    assert after.functions[1] is not before.functions[1]
