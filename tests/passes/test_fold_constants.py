"""fold-constants: what is known is computed, and the way that is known is taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import check, module_of, unchanged
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.manager import Manager
from wasmopt.options import Options
from wasmopt.passes import REGISTRY
from wasmopt.verify import Prover

AROUND = """
    (import "e" "f" (func $f (param i32))) (import "e" "g" (global $given i32)) (memory 1)
    (global $four i32 (i32.const 4)) (global $still (mut i32) (i32.const 5))
    (global $moving (mut i32) (i32.const 6)) (global $seen (export "s") (mut i32) (i32.const 7))
    (global $long i64 (i64.const 8)) (global $bits i32 (i32.const 1000000))
    (func i32.const 0 global.set $moving)"""

FOLDED = {
    "arithmetic": (
        "(result i32) i32.const 2 i32.const 3 i32.add i32.const 4 i32.mul i32.eqz i32.eqz",
        "(result i32) i32.const 1",
    ),
    "of 64 bits": (
        "(result i64) i64.const -1 i64.const 60 i64.shr_u i32.const -1 i64.extend_i32_u i64.add",
        "(result i64) i64.const 4294967310",
    ),
    "a global that never changes": (
        "(result i32) i32.const 8 global.get $four i32.add global.get $still i32.add",
        "(result i32) i32.const 17",
    ),
    "through locals": (
        """(param i32) (result i32) (local i32 i32) i32.const 8 local.set 1 local.get 0 if
           local.get 1 i32.const 2 i32.add local.set 2 local.get 2 call $f end
           local.get 1 i32.const 1 i32.or""",
        """(param i32) (result i32) (local i32 i32) i32.const 8 local.set 1 local.get 0 if
           i32.const 10 local.set 2 local.get 2 call $f end i32.const 9""",
    ),
    "the first value of a local": (
        "(result i32) (local i32) local.get 0 i32.eqz",
        "(result i32) (local i32) i32.const 1",
    ),
    "a branch that is taken": (
        "block i32.const 1 br_if 0 i32.const 8 call $f end",
        "block br 0 i32.const 8 call $f end",
    ),
    "a branch that is not": (
        "(result i32) block (result i32) i32.const 5 global.get $long i64.eqz br_if 0 end",
        "(result i32) block (result i32) i32.const 5 end",
    ),
    "an arm": (
        "i32.const 0 if i32.const 1 call $f else i32.const 2 call $f end",
        "block i32.const 2 call $f end",
    ),
    "the other arm": (
        "i32.const 3 if i32.const 1 call $f br 0 else i32.const 2 call $f end",
        "block i32.const 1 call $f br 0 end",
    ),
    "an arm that is not there": (
        "i32.const 0 if i32.const 1 if i32.const 1 call $f end end",
        "block end",
    ),
    "a branch of many": (
        "block block block i32.const 1 br_table 0 1 2 2 end i32.const 1 call $f end end",
        "block block block br 1 end i32.const 1 call $f end end",
    ),
    "the default of many": (
        "block block block i32.const -1 br_table 0 1 2 end i32.const 1 call $f end end",
        "block block block br 2 end i32.const 1 call $f end end",
    ),
    "a choice": (
        "(param i32 i32) (result i32) local.get 0 local.get 1 i32.const 0 select",
        "(param i32 i32) (result i32) local.get 1",
    ),
    "a choice of what may trap": (
        "(param i32 i32) (result i32) local.get 0 i32.load local.get 1 i32.const 0 select",
        "(param i32 i32) (result i32) local.get 0 i32.load drop local.get 1",
    ),
    "a condition that is kept in a local": (
        """(param i32) (result i32) local.get 0 if i32.const 5 local.tee 0 i32.const 5 i32.eq
           if i32.const 8 call $f end end local.get 0""",
        """(param i32) (result i32) local.get 0 if i32.const 5 local.set 0
           block i32.const 8 call $f end end local.get 0""",
    ),
    "the result of a block": (
        """(result i32) (local i32) block (result i32) i32.const 6 call $f i32.const 1000 br 0 end
           local.tee 0 i32.const 1 i32.and if i32.const 9 call $f end local.get 0""",
        """(result i32) (local i32) block (result i32) i32.const 6 call $f i32.const 1000 br 0 end
           local.set 0 block end local.get 0""",
    ),
    "a longer constant where other code gets shorter": (
        """(result i32) (local i32) i32.const 63 local.set 0 local.get 0 local.get 0 i32.mul
           i32.const 8 i32.shl local.get 0 local.get 0 i32.add i32.add""",
        """(result i32) (local i32) i32.const 63 local.set 0 i32.const 1016190""",
    ),
}


@pytest.mark.parametrize("case", FOLDED)
def test_what_is_known_is_folded(case: str) -> None:
    before, after = (f"{AROUND} (func {each})" for each in FOLDED[case])
    check("fold-constants", before, after)


KEPT = {
    "a division that traps": "(result i32) i32.const 1 i32.const 0 i32.div_u",
    "an overflow that traps": "(result i32) i32.const 0x80000000 i32.const -1 i32.div_s",
    "a global that the host has": "(result i32) global.get $given i32.eqz",
    "a global that the host sees": "(result i32) global.get $seen i32.eqz",
    "a global that is written": "(result i32) global.get $moving i32.eqz",
    "a global whose value is longer": "(result i32) global.get $bits",
    "a local that a loop changes": """(param i32) (local i32) loop local.get 1 i32.const 1 i32.add
        local.tee 1 call $f local.get 0 br_if 0 end""",
    "a local written on one of two ways": """(param i32) (result i32) (local i32) local.get 0 if
        i32.const 1 local.set 1 end local.get 1 i32.eqz""",
    "a parameter": "(param i32) (result i32) local.get 0 i32.eqz",
    "results of a block that differ": """(param i32) (result i32) block (result i32) i32.const 1
        local.get 0 br_if 0 drop i32.const 2 end i32.eqz""",
    "what a loop comes back with": """(param i32) (result i32) i32.const 0 loop (param i32)
        (result i32) call $f i32.const 1 local.get 0 br_if 0 end i32.eqz""",
    "floats": "(result f32) f32.const 1 f32.const 2 f32.add",
    "a select of what one instruction gives": """(func $two (result i32 i32) i32.const 1
        i32.const 2) (func (result i32) call $two i32.const 0 select)""",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_not_known_stays(case: str) -> None:
    text = KEPT[case]
    unchanged("fold-constants", f"{AROUND} {text if text[:5] == '(func' else f'(func {text})'}")


def takes_what_is_written_for_known(function: Function, context: Context) -> Function:
    """Takes the first value of a global for all that it ever has."""
    body = [
        context.pool.make("i32.const", 6) if i.name == "global.get" else i for i in function.body
    ]
    return function.with_body(body)


def goes_the_other_way(function: Function, context: Context) -> Function:
    drop = context.pool.make("drop")
    return function.with_body([drop if i.name == "br_if" else i for i in function.body])


@pytest.mark.parametrize("broken", [takes_what_is_written_for_known, goes_the_other_way])
def test_a_broken_pass_is_put_back(broken: Callable[[Function, Context], Function]) -> None:
    text = f"""{AROUND} (func (export "m") (result i32) block i32.const 1 br_if 0 i32.const 9
        call $f end global.get $moving)"""
    module = module_of(text)
    wrong = Pass("broken", "a wrong pass", broken, enabling=True)
    manager = Manager([wrong], Options(), Prover())
    changed = manager.run(module)
    assert changed.functions[-1] is module.functions[-1]
    assert manager.reports["broken"].reverted.total() >= 1


def test_the_pass_is_near_linear_in_nested_constants() -> None:
    depth = 3000
    text = "(func (result i32) i32.const 1 " + "i32.const 1 i32.add " * depth + ")"
    module = module_of(text)
    folded = REGISTRY["fold-constants"].run(module.functions[0], Context(module))
    assert [i.name for i in folded.body] == ["i32.const", "end"]
    assert folded.body[0].immediates[0] == depth + 1
