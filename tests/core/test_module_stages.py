"""The pass manager and passes over the whole module: barriers, gates, what is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.core.test_manager import NOPS, nops, trust
from tests.support import module_of
from wasmopt.api import optimize
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.manager import Manager
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, ModulePass, refuse_modules
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.passes.module_edits import follow
from wasmopt.reporting.build import build_document
from wasmopt.text import function_names, module_text, read_text
from wasmopt.validate import validate
from wasmopt.verdict import Proved, Refuted, Unproved, Verdict

Run = Callable[[Module, Options], tuple[Module, Correspondence] | None]


def trust_module(_before: Module, _after: Module, _claim: Correspondence) -> Verdict:
    return Proved("trusted by the test")


def manager(*passes: Pass | ModulePass, verdict: Verdict | None = None, **options: Any) -> Manager:
    prover = trust_module if verdict is None else lambda *_: verdict
    return Manager(passes, Options(**options), trust, module_prover=prover)


def drop_last(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Take out the last function but one that is left."""
    count = len(module.functions)
    if count == 1:
        return None
    claim = Correspondence({Kind.FUNCTION: (*range(count - 1), None)})
    return replace(module, functions=module.functions[:-1]), claim


DROP = ModulePass("drop", "", drop_last)


def test_a_pass_over_the_module_waits_for_those_before_it() -> None:
    seen: list[list[int]] = []

    def watch(module: Module, options: Options) -> tuple[Module, Correspondence] | None:
        seen.append([len(function.body) for function in module.functions])
        return drop_last(module, options)

    runs = manager(NOPS, ModulePass("watch", "", watch), NOPS)
    result = runs.run(nops(2, 3, 1))
    assert seen == [[1, 1, 1]]
    assert [len(function.body) for function in result.functions] == [1, 1]
    assert runs.reports["nops"].kept == 6


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(Unproved("over budget"), "over budget"), (Refuted("it is wrong"), "refuted")],
)
def test_what_is_not_proved_is_put_back_as_a_whole(verdict: Verdict, reason: str) -> None:
    module = nops(2, 3)
    runs = manager(DROP, verdict=verdict)
    assert runs.run(module) is module
    report = runs.reports["drop"]
    assert (report.attempts, report.kept, report.bytes_saved) == (1, 0, 0)
    assert report.reverted == {reason: 1}


def test_nobody_proves_modules_unless_told_how() -> None:
    module = nops(1, 1)
    assert Manager([DROP], Options(), trust).run(module) is module
    assert isinstance(refuse_modules(module, module, Correspondence()), Unproved)


def test_the_whole_module_has_to_shrink() -> None:
    for same in (
        lambda module, _: (replace(module), Correspondence()),
        lambda module, _: (
            replace(module, functions=module.functions * 2),
            Correspondence({Kind.FUNCTION: (0, 1)}),
        ),
    ):
        runs = manager(ModulePass("same", "", same))
        module = nops(1, 1)
        assert runs.run(module) is module
        assert runs.reports["same"].grown == 1


@pytest.mark.parametrize("wrong", [None, 1, "error", "pair", "invalid"])
def test_whatever_a_pass_over_the_module_does_the_module_stays_right(wrong: object) -> None:
    def run(module: Module, _options: Options) -> Any:
        if wrong == "error":
            raise KeyError(wrong)
        if wrong == "pair":
            return module, None
        if wrong == "invalid":
            return replace(module, exports=()), Correspondence()
        return wrong

    module = module_of('(func (export "a") nop call 1) (func nop)')

    def invalid(given: Module, _options: Options) -> Any:
        functions = (replace(given.functions[0], body=given.functions[0].body[1:]),)
        return replace(given, functions=functions), Correspondence({Kind.FUNCTION: (0, None)})

    runs = manager(ModulePass("wrong", "", invalid if wrong == "invalid" else run))
    assert runs.run(module) is module
    report = runs.reports["wrong"]
    assert report.kept == report.bytes_saved == 0
    assert bool(runs.notices()) == (wrong in (1, "error", "pair"))
    assert report.reverted == ({"made the module invalid": 1} if wrong == "invalid" else {})


def test_functions_that_are_invalid_are_put_back_before_the_barrier() -> None:
    def run(function: Function, _context: Context) -> Function:
        return function.with_body(function.body[1:]) if len(function.body) == 3 else function

    module = module_of("(func nop i32.const 0 drop) (func i32.const 0 drop) (func nop nop)")
    runs = manager(Pass("cut", "", run), DROP)
    result = runs.run(module)
    validate(result)
    assert len(result.functions) == 2
    assert result.functions[1] is module.functions[1]
    assert runs.reports["cut"].reverted == {"made the module invalid": 1}


def test_fuel_counts_a_pass_over_the_module_as_one_change() -> None:
    module = nops(1, 1)
    for fuel, functions in ((0, 2), (1, 2), (2, 2), (3, 1)):
        runs = manager(NOPS, DROP, fuel=fuel)
        assert len(runs.run(module).functions) == functions


def test_converging_goes_on_over_barriers() -> None:
    module = nops(1, 1, 1, 1)
    assert len(manager(NOPS, DROP).run(module).functions) == 3
    assert len(manager(NOPS, DROP, converge=True).run(module).functions) == 1


def test_progress_goes_on_behind_a_barrier() -> None:
    seen: list[tuple[int, int]] = []
    runs = manager(NOPS, DROP, NOPS)
    runs.on_progress = lambda *counts: seen.append(counts)
    runs.run(nops(0, 1, 0))
    assert seen == [(1, 6), (2, 6), (3, 6), (5, 5)]


def test_a_function_at_rest_is_not_visited_again_where_only_indices_changed() -> None:
    """The second function calls the third, which the barrier between the stages renumbers."""
    visited: list[str] = []

    def look(function: Function, _context: Context) -> Function:
        visited.append(" ".join(instr.name for instr in function.body))
        return function

    def change(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
        if len(module.functions) < 3:
            return None
        claim = Correspondence({Kind.FUNCTION: (None, 0, 1)})
        after = follow(module, claim)
        nop = module.pool.make("nop")
        last = after.functions[1].with_body(after.functions[1].body[1:])
        assert after.functions[1].body[0] is nop
        return replace(after, functions=(after.functions[0], last)), claim

    looking = Pass("look", "", look)
    module = module_of('(func nop) (func (export "a") call 2) (func nop nop nop)')
    manager(looking, ModulePass("change", "", change), looking).run(module)
    assert visited == ["nop end", "call end", "nop nop nop end", "nop nop end"]
    visited.clear()
    manager(looking, ModulePass("change", "", change), looking, NOPS).run(module)
    assert visited[3:] == ["call end", "nop nop end", "nop end", "end"]


def test_kept_changes_are_told_with_the_functions_that_differ() -> None:
    told: list[tuple[str, int]] = []
    module = module_of('(func) (func (export "a") call 2) (func nop)')
    runs = Manager(
        [MODULE_PASSES["remove-unused"]],
        Options(),
        trust,
        lambda name, index, function, around: told.append((name, index)),
        module_prover=trust_module,
    )
    runs.run(module)
    assert told == [("remove-unused", 0)]


# --- what users see -----------------------------------------------------------------------------

NAMED = """(module $m (type $t (func)) (import "e" "f" (func $imported)) (func $unused)
    (func $first (export "a") (local $x i32) call $second) (func $second (local $y i32) nop)
    (func $twin (local $z i32) nop) (func $last (export "b") (local $w i32) call $twin)
    (global $g (mut i32) (i32.const 0)) (global $h (export "h") (mut i32) (i32.const 0)))"""


def test_names_follow_what_they_name() -> None:
    options = Options(keep_names=True, passes=("remove-unused", "duplicate-functions"))
    result = optimize(decode(read_text(NAMED)), options)
    assert function_names(result.module) == {0: "imported", 1: "first", 2: "second", 3: "last"}
    text = module_text(result.module)
    assert "unused" not in text
    names = next(each for each in result.module.custom_sections() if each.name == "name")
    # Functions that are only renumbered keep the names of their locals.
    assert all(name in names.data for name in (b"\1x", b"\1y", b"\1w", b"\1h"))
    assert all(name not in names.data for name in (b"\1z", b"\1g"))
    assert result.function_map == (0, None, 1, 2, 2, 3)


def test_names_of_locals_go_with_the_parameters_that_they_count() -> None:
    """The text of the function stays as it is, and so its locals would get wrong names."""
    text = """(module (import "e" "f" (func $f)) (func $g (param $x i32) (param $y i32) call $f)
        (func $m (export "m") (param $z i32) local.get $z i32.const 1 call $g))"""
    options = Options(keep_names=True, passes=("dead-arguments",))
    result = optimize(decode(read_text(text)), options)
    assert function_names(result.module) == {0: "f", 1: "g", 2: "m"}
    names = next(each for each in result.module.custom_sections() if each.name == "name")
    assert all(name not in names.data for name in (b"\1x", b"\1y"))


def test_reports_add_up_and_know_where_functions_went() -> None:
    options = Options(passes=("remove-unused", "vacuum", "duplicate-functions"))
    result = optimize(decode(read_text(NAMED)), options)
    document = build_document(result, options, name="in.wasm")
    deltas = sum(step.delta for step in document.steps)
    assert document.input.raw + deltas == document.output.raw
    sizes = {row.name: (row.before, row.after) for row in document.functions.largest}
    assert sizes["unused"] == (3, 0)
    assert sum(after for _, after in sizes.values()) == sum(
        function.entry_size() for function in result.module.functions
    )
    assert document.functions.defined == 5


def test_the_same_bytes_come_out_whatever_is_counted() -> None:
    options = Options(passes=tuple(MODULE_PASSES))
    module = decode(read_text(NAMED))
    assert optimize(module, options).data == optimize(encode(module), options).data
