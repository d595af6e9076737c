"""propagate-globals: which globals are not worth their entry."""

from __future__ import annotations

import pytest

from tests.support import check_module, module_of, unchanged_module
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES

OTHER = '(global (export "other") (mut i32) (i32.const 1))'

CHANGED = {
    "one use": (
        f'(global i32 (i32.const 64)) {OTHER} (func (export "a") global.get 0 global.set 1)',
        f'{OTHER} (func (export "a") i32.const 64 global.set 0)',
    ),
    "five uses of six bytes": (
        f"""(global i32 (i32.const 64)) {OTHER} (func (export "a") {"global.get 0 drop " * 5})""",
        f'{OTHER} (func (export "a") {"i32.const 64 drop " * 5})',
    ),
    "any number of uses of a constant of two bytes": (
        f"""{OTHER} (global (mut i32) (i32.const 9)) (func (export "a")
            {"global.get 1 drop " * 99})""",
        f'{OTHER} (func (export "a") {"i32.const 9 drop " * 99})',
    ),
    "nor with the constants that it could stand for": (
        f'(global f32 (f32.const 1.7)) {OTHER} (func (export "a") {"f32.const 1.7 drop " * 2})',
        f'{OTHER} (func (export "a") {"f32.const 1.7 drop " * 2})',
    ),
    "several": (
        f"""(global i32 (i32.const 1)) {OTHER} (global i64 (i64.const 2))
            (func (export "a") global.get 0 drop global.get 2 drop)""",
        f'{OTHER} (func (export "a") i32.const 1 drop i64.const 2 drop)',
    ),
}


@pytest.mark.parametrize("example", CHANGED)
def test_a_global_that_is_not_worth_its_entry_becomes_its_constant(example: str) -> None:
    check_module("propagate-globals", *CHANGED[example])


UNCHANGED = {
    "six uses of six bytes": f"""(global i32 (i32.const 64))
        (func (export "a") {"global.get 0 drop " * 6})""",
    "uses and the constant itself": f"""(global i32 (i32.const 64))
        (func (export "a") {"global.get 0 drop i32.const 64 drop " * 3})""",
    "exported": '(global (export "g") i32 (i32.const 9)) (func (export "a") global.get 0 drop)',
    "imported": '(import "e" "g" (global i32)) (func (export "a") global.get 0 drop)',
    "written": """(global (mut i32) (i32.const 9))
        (func (export "a") i32.const 9 global.set 0 global.get 0 drop)""",
    "what starts another one": """(global i32 (i32.const 9))
        (global (export "g") i32 (global.get 0)) (func (export "a") global.get 0 drop)""",
    "what a segment starts at": """(memory (export "m") 1) (global i32 (i32.const 9))
        (data (global.get 0) "x") (func (export "a") global.get 0 drop)""",
    "computed": """(global i32 (i32.const 4) (i32.const 5) (i32.add))
        (func (export "a") global.get 0 drop)""",
}


@pytest.mark.parametrize("example", UNCHANGED)
def test_what_pays_or_may_be_seen_or_change_stays(example: str) -> None:
    unchanged_module("propagate-globals", UNCHANGED[example])


def test_what_code_with_legacy_exceptions_names_stays() -> None:
    before = module_of(
        """(tag) (global i32 (i32.const 9))
            (func (export "a") try global.get 0 drop catch 0 end)
            (func (export "b") global.get 0 drop)"""
    )
    assert MODULE_PASSES["propagate-globals"].run(before, Options()) is None
