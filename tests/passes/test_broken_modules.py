"""Broken twins of the passes over the whole module: what they get wrong is put back as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.support import module_of
from wasmopt.decode import decode
from wasmopt.manager import Manager
from wasmopt.module import CustomSection, Kind, Module, Section
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.passes.module_edits import follow
from wasmopt.verify import Prover, prove_module

Change = tuple[Module, Correspondence]

MODULE = """(import "e" "f" (func)) (table (export "t") 2 funcref) (memory (export "m") 1)
    (global (mut i32) (i32.const 1)) (global (mut i32) (i32.const 2)) (elem (i32.const 0) func 1 2)
    (data (i32.const 0) "ab") (data (i32.const 1) "cd") (start 4)
    (func (export "a") (result i32) call 3 global.get 0 i32.const 7 global.set 0)
    (func (export "b") (result i32) call 3 global.get 1 i32.const 8 global.set 1)
    (func call 0) (func call 0)"""


def drops_what_a_table_holds(module: Module) -> Change:
    """Takes segments for nothing."""
    claim = Correspondence(elements=(None,))
    return follow(module, claim), claim


def drops_the_start(module: Module) -> Change:
    return replace(module, start=None, layout=_without(module, Section.START)), Correspondence()


def drops_an_export(module: Module) -> Change:
    return replace(module, exports=module.exports[1:]), Correspondence()


def swaps_functions_and_forgets_the_table(module: Module) -> Change:
    claim = Correspondence({Kind.FUNCTION: (0, 2, 1, 3, 4)})
    after = replace(follow(module, claim), elements=module.elements)
    return replace(after, data=after.data[:1], layout=module.layout), claim


def forgets_that_the_host_sees_functions(module: Module) -> Change:
    """Makes one of two exported functions that differ in what they do."""
    claim = Correspondence({Kind.FUNCTION: (0, 1, 1, 2, 3)})
    return follow(module, claim), claim


def forgets_that_a_table_is_called_through(module: Module) -> Change:
    """Takes the code of functions that calls through an exported table reach."""
    code = (module.pool.make("unreachable"), module.pool.make("end"))
    functions = (module.functions[0].with_body(code), *module.functions[1:])
    return replace(module, functions=functions), Correspondence()


def merges_globals(module: Module) -> Change:
    claim = Correspondence({Kind.GLOBAL: (0, 0)})
    return follow(module, claim), claim


def joins_segments_in_the_wrong_order(module: Module) -> Change:
    claim = Correspondence(data=(0, None))
    return follow(module, claim), claim


def claims_that_nothing_moved(module: Module) -> Change:
    """Removes a function and says that it did not."""
    claim = Correspondence({Kind.FUNCTION: (0, 1, 2, 3, 3)})
    return follow(module, claim), Correspondence()


def makes_calls_cheap(module: Module) -> Change:
    """Leaves out every call."""
    functions = [
        each.with_body([instr for instr in each.body if instr.name != "call"])
        for each in module.functions
    ]
    return replace(module, functions=tuple(functions)), Correspondence()


def _without(module: Module, section: Section) -> tuple[Section | CustomSection, ...]:
    return tuple([part for part in module.layout if part != section])


BROKEN = (
    drops_what_a_table_holds,
    drops_the_start,
    drops_an_export,
    forgets_that_a_table_is_called_through,
    swaps_functions_and_forgets_the_table,
    forgets_that_the_host_sees_functions,
    merges_globals,
    joins_segments_in_the_wrong_order,
    claims_that_nothing_moved,
    makes_calls_cheap,
)


def manager_of(*passes: ModulePass) -> Manager:
    prove = partial(prove_module, prover=Prover(replay=False))
    return Manager(passes, Options(), Prover(), module_prover=prove)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_a_broken_pass_over_the_module_is_put_back(broken: Callable[[Module], Change]) -> None:
    module = module_of(MODULE)
    wrong = ModulePass("broken", "a wrong pass", lambda given, _: broken(given))
    manager = manager_of(wrong)
    assert manager.run(module) is module
    report = manager.reports["broken"]
    assert (report.attempts, report.kept, report.grown) == (1, 0, 0)
    assert report.reverted.total() == 1


@pytest.mark.parametrize(
    "path", sorted(Path("corpus/built").glob("*.wasm")), ids=lambda path: path.stem
)
def test_every_pass_over_the_module_is_proved_on_real_modules(path: Path) -> None:
    module = decode(path.read_bytes())
    manager = manager_of(*MODULE_PASSES.values())
    manager.run(module)
    for report in manager.reports.values():
        assert report.kept + report.grown == report.attempts
        assert not report.failed
