"""dead-arguments: which parameters and results go, and which have to stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.passes.test_broken_modules import manager_of
from tests.support import check_module, module_of, unchanged_module
from wasmopt.function import Function
from wasmopt.module import Module
from wasmopt.module_change import Correspondence, Fate, ModulePass, Shape
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES

TYPES = """(type (func)) (type (func (param i32))) (type (func (param i32 i32)))
    (type (func (result i32))) (type (func (param i32) (result i32)))
    (type (func (param i64 f64 i32))) (import "e" "f" (func (param i32)))"""

SMALLER = {
    "a parameter that is not read": (
        """(func (param i32 i32) local.get 1 call 0)
           (func (export "m") (param i32) local.get 0 i32.const 1 i32.add i32.const 5 call 1
           i32.const 3 local.get 0 call 1)""",
        """(func (param i32) local.get 0 call 0)
           (func (export "m") (param i32) i32.const 5 call 1 local.get 0 call 1)""",
    ),
    "of other types": (
        """(func (param i64 f64 i32) local.get 2 call 0)
           (func (export "m") (param i32) i64.const 9 f64.const 1 local.get 0 call 1
           i64.const 9 f64.const 2 i32.const 0 call 1)""",
        """(func (param i32) local.get 0 call 0)
           (func (export "m") (param i32) local.get 0 call 1 i32.const 0 call 1)""",
    ),
    "an argument that may trap": (
        """(memory 1) (func (param i32 i32) local.get 1 call 0)
           (func (export "m") (param i32) local.get 0 i32.load local.get 0 call 1
           i32.const 300 local.get 0 call 1 i32.const 300 local.get 0 call 1)""",
        """(memory 1) (func (param i32) local.get 0 call 0)
           (func (export "m") (param i32) local.get 0 i32.load drop local.get 0 call 1
           local.get 0 call 1 local.get 0 call 1)""",
    ),
    "an argument that is kept in a local": (
        """(func (param i32 i32) local.get 1 call 0)
           (func (export "m") (param i32) i32.const 7 local.tee 0 local.get 0 call 1
           i32.const 1 local.get 0 call 1)""",
        """(func (param i32) local.get 0 call 0)
           (func (export "m") (param i32) i32.const 7 local.set 0 local.get 0 call 1
           local.get 0 call 1)""",
    ),
    "a parameter that only is a local": (
        """(memory 1) (func (param i32 i32) local.get 0 i32.load local.tee 1 call 0
           local.get 1 call 0)
           (func (export "m") (param i32) local.get 0 i32.const 300 call 1 local.get 0 i32.const 1
           call 1)""",
        """(memory 1) (func (param i32) (local i32) local.get 0 i32.load local.tee 1 call 0
           local.get 1 call 0)
           (func (export "m") (param i32) local.get 0 call 1 local.get 0 call 1)""",
    ),
    "passed on to where it is not read": (
        """(func (param i32 i32) local.get 0 if local.get 0 i32.const 1 i32.sub local.get 1 call 1
           end local.get 0 local.get 1 call 2)
           (func (param i32 i32) local.get 0 call 0)
           (func (export "m") (param i32) local.get 0 i32.const 8 call 1)""",
        """(func (param i32) local.get 0 if local.get 0 i32.const 1 i32.sub call 1
           end local.get 0 call 2)
           (func (param i32) local.get 0 call 0)
           (func (export "m") (param i32) local.get 0 call 1)""",
    ),
    "always the same": (
        """(func (param i32 i32) local.get 0 local.get 1 i32.add call 0)
           (func (export "m") (param i32) local.get 0 i32.const 8 call 1 i32.const 3 i32.const 8
           call 1)""",
        """(func (param i32) local.get 0 i32.const 8 i32.add call 0)
           (func (export "m") (param i32) local.get 0 call 1 i32.const 3 call 1)""",
    ),
    "a long constant that is read often": (
        """(func (param i32) local.get 0 call 0 local.get 0 call 0 local.get 0 call 0
           local.get 0 call 0 local.get 0 call 0)
           (func (export "m") i32.const 100000 call 1 i32.const 100000 call 1 i32.const 100000
           call 1)""",
        """(func (local i32) i32.const 100000 local.set 0 local.get 0 call 0 local.get 0 call 0
           local.get 0 call 0 local.get 0 call 0 local.get 0 call 0)
           (func (export "m") call 1 call 1 call 1)""",
    ),
    "passed on through recursion": (
        """(func (param i32 i32) local.get 0 if local.get 0 i32.const 1 i32.sub local.get 1 call 1
           end local.get 1 call 0)
           (func (export "m") (param i32) local.get 0 i32.const 8 call 1)""",
        """(func (param i32) local.get 0 if local.get 0 i32.const 1 i32.sub call 1
           end i32.const 8 call 0)
           (func (export "m") (param i32) local.get 0 call 1)""",
    ),
    "a result that nobody takes": (
        """(func (param i32) (result i32) local.get 0 call 0 local.get 0 if i32.const 1 return end
           i32.const 2)
           (func (export "m") i32.const 1 call 1 drop i32.const 2 call 1 drop)""",
        """(func (param i32) local.get 0 call 0 local.get 0 if return end)
           (func (export "m") i32.const 1 call 1 i32.const 2 call 1)""",
    ),
    "a result that is a parameter": (
        """(func (param i32) (result i32) i32.const 3 call 0 local.get 0)
           (func (export "m") i32.const 1 call 1 drop i32.const 2 call 1 drop)""",
        """(func i32.const 3 call 0)
           (func (export "m") call 1 call 1)""",
    ),
    "a result that is handed on to nobody": (
        """(func (result i32) i32.const 1 call 0 i32.const 1) (func (result i32) call 1)
           (func (export "m") call 2 drop call 2 drop)""",
        """(func i32.const 1 call 0) (func call 1) (func (export "m") call 2 call 2)""",
    ),
    "a result that is always the same": (
        """(func (param i32) (result i32) local.get 0 if local.get 0 call 0 i32.const 1000 return
           end i32.const 2 call 0 i32.const 1000)
           (func (export "m") (param i32) (result i32) local.get 0 call 1)""",
        """(func (param i32) local.get 0 if local.get 0 call 0 return end i32.const 2 call 0)
           (func (export "m") (param i32) (result i32) local.get 0 call 1 i32.const 1000)""",
    ),
}


@pytest.mark.parametrize("case", SMALLER)
def test_what_nobody_needs_goes(case: str) -> None:
    before, after = SMALLER[case]
    check_module("dead-arguments", TYPES + before, TYPES + after)


KEPT = {
    "exported": """(func (export "g") (param i32 i32) local.get 0 call 0)
        (func (export "m") (param i32) local.get 0 i32.const 1 call 1)""",
    "in a table": """(table 1 funcref) (elem (i32.const 0) func 1)
        (func (param i32 i32) local.get 0 call 0)
        (func (export "m") (param i32) local.get 0 i32.const 1 call 1
        i32.const 1 i32.const 2 i32.const 0 call_indirect (type 2))""",
    "referred to": """(elem declare func 1) (func (param i32 i32) local.get 0 call 0)
        (func (export "m") (result funcref) i32.const 3 i32.const 1 call 1 ref.func 1)""",
    "in a global": """(global (export "g") funcref (ref.func 1))
        (func (param i32 i32) local.get 0 call 0)
        (func (export "m") i32.const 3 i32.const 1 call 1)""",
    "called in the end": """(func (param i32) i32.const 1 call 0)
        (func (export "m") i32.const 3 return_call 1) (func (export "n") i32.const 3 call 1)""",
    "read in a loop behind a write": """(func (param i32 i32) loop local.get 1 call 0
        local.get 0 local.set 1 local.get 0 br_if 0 end)
        (func (export "m") (param i32) local.get 0 local.get 0 call 1)""",
    "other constants": """(func (param i32 i32) local.get 0 local.get 1 i32.add call 0)
        (func (export "m") (param i32) local.get 0 i32.const 1 call 1 local.get 0 i32.const 2
        call 1)""",
    "recursion with another constant": """(func (param i32 i32) local.get 0 if local.get 0
        local.get 1 i32.const 1 i32.add call 1 end local.get 1 call 0)
        (func (export "m") (param i32) local.get 0 i32.const 8 call 1)""",
    "results that a branch brings": """(func (param i32) (result i32) local.get 0 call 0
        i32.const 1 local.get 0 br_if 0)
        (func (export "m") i32.const 1 call 1 drop i32.const 2 call 1 drop)""",
    "results of a tail call": """(func (param i32) (result i32) local.get 0 return_call 2)
        (func (param i32) (result i32) local.get 0 call 0 local.get 0)
        (func (export "m") i32.const 1 call 1 drop i32.const 2 call 1 drop)""",
    "several values of one instruction": """(func (param i32 i32) local.get 0 call 0)
        (func (export "two") (result i32 i32) i32.const 1 i32.const 2)
        (func (export "m") call 2 call 1)""",
    "a reference that is never null": """(func (param (ref func) i32) local.get 1 call 0)
        (elem declare func 2)
        (func (export "m") ref.func 2 i32.const 1 call 1 ref.func 2 i32.const 2 call 1)""",
    "where a new type costs more": """(func (param i32 f32 f64) (result f32) local.get 1
        local.get 2 f32.demote_f64 f32.add) (func (export "m") (param f32 f64 f64) (result f32)
        i32.const 1 local.get 0 local.get 1 call 1)""",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_needed_stays(case: str) -> None:
    unchanged_module("dead-arguments", TYPES + KEPT[case])


MODULE = (
    TYPES
    + """(func (param i32 i32) local.get 0 call 0)
    (func (export "m") (param i32) local.get 0 i32.const 8 call 1 i32.const 5 i32.const 9 call 1)"""
)


def _reshaped(module: Module, fates: tuple[Fate, Fate], bodies: list[str]) -> Module:
    """The module with one parameter less in function 1 and other bodies."""
    after = module_of(TYPES + " ".join(bodies), module.pool)
    functions = [Function(each.type_index, each.locals, each.body) for each in after.functions]
    assert fates.count(Fate.KEPT) == 1
    return replace(module, functions=tuple(functions))


def takes_the_wrong_one(module: Module) -> tuple[Module, Correspondence]:
    fates = (Fate.UNUSED, Fate.KEPT)
    bodies = [
        "(func (param i32) local.get 0 call 0)",
        '(func (export "m") (param i32) i32.const 8 call 1 i32.const 9 call 1)',
    ]
    return _reshaped(module, fates, bodies), Correspondence(reshaped={1: Shape(fates, ())})


def forgets_a_caller(module: Module) -> tuple[Module, Correspondence]:
    fates = (Fate.KEPT, Fate.UNUSED)
    bodies = [
        "(func (param i32) local.get 0 call 0)",
        '(func (export "m") (param i32) local.get 0 call 1 i32.const 9 call 1)',
    ]
    return _reshaped(module, fates, bodies), Correspondence(reshaped={1: Shape(fates, ())})


def says_nothing(module: Module) -> tuple[Module, Correspondence]:
    result = MODULE_PASSES["dead-arguments"].run(module, Options())
    assert result is not None
    return result[0], Correspondence()


@pytest.mark.parametrize("broken", [takes_the_wrong_one, forgets_a_caller, says_nothing])
def test_a_broken_pass_is_put_back(
    broken: Callable[[Module], tuple[Module, Correspondence]],
) -> None:
    module = module_of(MODULE)
    manager = manager_of(ModulePass("broken", "a wrong pass", lambda given, _: broken(given)))
    assert manager.run(module) is module
    report = manager.reports["broken"]
    assert (report.attempts, report.kept, report.reverted.total()) == (1, 0, 1)
