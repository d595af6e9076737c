"""Broken twins of the passes: what they get wrong is put back, function by function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import module_of
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.function import Function, group_locals
from wasmopt.instr import Instr
from wasmopt.manager import Manager
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.passes import PIPELINES, REGISTRY
from wasmopt.report import PassReport
from wasmopt.validate import validate
from wasmopt.verify import Prover

BUILT = sorted(path for path in Path("corpus/built").glob("*.wasm") if path.stat().st_size < 1500)

Run = Callable[[Function, Context], Function]


def vacuum_that_drops_loads(function: Function, context: Context) -> Function:
    """Takes a load for an instruction without effect."""
    return _without(function, lambda first, second: first.name.endswith(".load"), context)


def vacuum_that_drops_calls(function: Function, context: Context) -> Function:
    """Forgets that a call does something: `call; drop` goes, its operands are dropped."""
    return _without(function, lambda first, second: first.name == "call", context)


def _without(
    function: Function, wrong: Callable[[Instr, Instr], bool], context: Context
) -> Function:
    body = list(function.body)
    for place in range(len(body) - 1):
        if body[place + 1].name == "drop" and wrong(body[place], body[place + 1]):
            kept = [context.pool.make("drop")] if body[place].name.endswith("load") else []
            return function.with_body([*body[:place], *kept, *body[place + 2 :]])
    return function


def vacuum_that_drops_stores(function: Function, context: Context) -> Function:
    """Turns the first store into two drops."""
    drop = context.pool.make("drop")
    for place, instr in enumerate(function.body):
        if instr.name.endswith(".store"):
            body = [*function.body[:place], drop, drop, *function.body[place + 1 :]]
            return function.with_body(body)
    return function


def vacuum_that_dissolves_loops(function: Function, context: Context) -> Function:
    """Takes a loop for a block."""
    for place, instr in enumerate(function.body):
        if instr.name == "loop":
            block = context.pool.make("block", *instr.immediates)
            body = [*function.body[:place], block, *function.body[place + 1 :]]
            return function.with_body(body)
    return function


def dead_locals_that_forgets_loops(function: Function, context: Context) -> Function:
    """Drops the last write to a local though a loop reads it again."""
    drop = context.pool.make("drop")
    for place in range(len(function.body) - 1, -1, -1):
        if function.body[place].name == "local.set":
            body = [*function.body[:place], drop, *function.body[place + 1 :]]
            return function.with_body(body)
    return function


def reorder_locals_that_merges(function: Function, context: Context) -> Function:
    """Gives two locals of one type the same index."""
    params = len(context.param_types(function))
    types = function.local_types()
    for place in range(1, len(types)):
        if types[place] == types[place - 1]:
            break
    else:
        return function
    gone, kept = params + place, params + place - 1

    def renumber(instr: Instr) -> Instr:
        if not instr.name.startswith("local."):
            return instr
        index = instr.immediates[0]
        index = kept if index == gone else index - (index > gone)
        return context.pool.make(instr.name, index)

    groups = group_locals(types[:place] + types[place + 1 :])
    return replace(function, locals=groups, body=tuple(map(renumber, function.body)))


BROKEN = (
    vacuum_that_drops_loads,
    vacuum_that_drops_calls,
    vacuum_that_drops_stores,
    vacuum_that_dissolves_loops,
    dead_locals_that_forgets_loops,
    reorder_locals_that_merges,
)


def run_broken(broken: Run, module: Module) -> PassReport:
    """Run one broken pass before the real ones; the module must come out right all the same."""
    wrong = Pass("broken", "a wrong pass", broken, enabling=True)
    passes = [wrong, *[REGISTRY[name] for name in PIPELINES["s"] if name in REGISTRY]]
    manager = Manager(passes, Options(), Prover())
    validate(manager.run(module))
    return manager.reports["broken"]


EXAMPLES: dict[Run, str] = {
    vacuum_that_drops_loads: "(memory 1) (func (param i32) local.get 0 i32.load drop)",
    vacuum_that_drops_calls: '(import "e" "f" (func (result i32))) (func call 0 drop)',
    vacuum_that_drops_stores: "(memory 1) (func (param i32) local.get 0 local.get 0 i32.store)",
    vacuum_that_dissolves_loops: "(func (param i32) loop local.get 0 br_if 0 end)",
    dead_locals_that_forgets_loops: """(func (param i32) (result i32) (local i32)
        loop local.get 1 i32.const 1 i32.add local.set 1 local.get 1 local.get 0 i32.lt_u br_if 0
        end local.get 1)""",
    reorder_locals_that_merges: """(func (param i32) (result i32) (local i32 i32)
        local.get 0 i32.const 1 i32.add local.set 1 local.get 0 i32.const 2 i32.mul local.set 2
        local.get 1 local.get 2 i32.sub)""",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_a_broken_pass_is_put_back(broken: Run) -> None:
    report = run_broken(broken, module_of(EXAMPLES[broken]))
    assert report.attempts >= 1
    assert report.kept == 0
    assert report.reverted.total() == report.attempts


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_the_real_passes_still_do_their_work_beside_broken_ones(path: Path) -> None:
    module = decode(path.read_bytes())
    passes = [
        *[Pass(each.__name__, "a wrong pass", each, enabling=True) for each in BROKEN],
        *[REGISTRY[name] for name in PIPELINES["s"] if name in REGISTRY],
    ]
    manager = Manager(passes, Options(), Prover())
    alone = Manager(passes[len(BROKEN) :], Options(), Prover())
    result, expected = manager.run(module), alone.run(module)
    validate(result)
    for mine, theirs in zip(result.functions, expected.functions, strict=True):
        assert mine.entry_size() <= theirs.entry_size() + 2
