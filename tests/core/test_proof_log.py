"""The proof log: every change that came to the proof gate, once, whoever did the work."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.test_goals import NOISE, REPEATED, manager_of
from tests.passes.test_broken import BROKEN, EXAMPLES, Run
from tests.support import module_of
from wasmopt import optimize, parallel
from wasmopt.api import Result
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.manager import INVALID, NOT_LIGHTER, Manager
from wasmopt.module import Kind
from wasmopt.options import Options
from wasmopt.proof_log import ProofEntry, body_digest
from wasmopt.report import PassReport
from wasmopt.verdict import Proved
from wasmopt.verify import Prover

BUILT = Path(__file__).resolve().parents[2] / "corpus" / "built"
LOGGED = Options(proofs=True)


def check_complete(entries: tuple[ProofEntry, ...], reports: list[PassReport]) -> None:
    """As many entries as the reports count, by pass, by tier and by reason."""
    for report in reports:
        own = [each for each in entries if each.change == report.name]
        kept = [each for each in own if each.reason is None]
        assert len(kept) == report.kept
        assert Counter([each.tier for each in kept]) == report.proved
        assert Counter([each.reason for each in own if each.reason is not None]) == report.reverted
    assert {each.change for each in entries} <= {report.name for report in reports}


@pytest.mark.parametrize("name", ["sorting", "routes-Os", "collected"])
def test_the_log_has_what_the_report_counts(name: str) -> None:
    result = optimize(BUILT / f"{name}.wasm", replace(LOGGED, level="z"))
    assert result.proofs
    check_complete(result.proofs, result.report.passes)


def test_what_is_put_back_in_the_end_is_logged_as_that() -> None:
    """All changes are proved, and the compressor puts them back."""
    manager = manager_of("gzip", NOISE)
    log: list[ProofEntry] = []
    manager.log = log
    manager.run(REPEATED)
    assert {(each.verdict, each.reason) for each in log} == {("proved", NOT_LIGHTER)}
    check_complete(tuple(log), list(manager.reports.values()))


def test_a_log_is_made_only_on_demand() -> None:
    assert optimize(BUILT / "lz.wasm").proofs == ()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_what_a_broken_pass_proposes_is_logged_with_the_reason(broken: Run) -> None:
    wrong = Pass("broken", "a wrong pass", broken, enabling=True)
    log: list[ProofEntry] = []
    manager = Manager([wrong], Options(), Prover(), log=log)
    manager.run(module_of(EXAMPLES[broken]))
    check_complete(tuple(log), [manager.reports["broken"]])
    assert log and all(each.reason and each.tier is None for each in log)


def test_a_change_that_makes_the_module_invalid_is_logged_as_put_back() -> None:
    def unbalance(function: Function, context: Context) -> Function:
        drop = context.pool.make("drop")
        return function.with_body([each for each in function.body if each is not drop])

    def trust(_before: Function, _after: Function, _context: Context) -> Proved:
        return Proved("values")

    log: list[ProofEntry] = []
    manager = Manager([Pass("bad", "for the test", unbalance)], Options(), trust, log=log)
    module = module_of("(func i32.const 1 drop)")
    manager.put_back_invalid(module, manager.run(module))
    [entry] = log
    assert (entry.verdict, entry.reason) == ("proved", INVALID)
    check_complete(tuple(log), list(manager.reports.values()))


def test_entries_of_a_function_lead_from_one_body_to_the_next() -> None:
    options = replace(LOGGED, passes=("vacuum", "branches", "simplify-locals", "dead-locals"))
    result = optimize(BUILT / "routes-Os.wasm", options)
    first = len(result.module.imported(Kind.FUNCTION))
    bodies: dict[int, str] = {}
    for each in result.proofs:
        assert each.reason is None and each.function is not None and each.after is not None
        assert each.before == bodies.get(each.function, each.before)
        bodies[each.function] = each.after
    assert bodies
    for index, digest in bodies.items():
        assert body_digest(result.module.functions[index - first]) == digest


def test_what_is_compared_spans_the_changes_that_share_a_proof() -> None:
    shared = 0
    entries = optimize(BUILT / "routes-Os.wasm", LOGGED).proofs
    for each in entries:
        part = [other for other in entries if other.compared == each.compared]
        part = [other for other in part if other.function == each.function]
        assert (part[0].before, part[-1].after) == each.compared
        shared += len(part) > 1
    assert shared


def facts(result: Result) -> list[str]:
    return [repr(each) for each in result.proofs]


@pytest.mark.parametrize("warm", [False, True])
def test_the_log_does_not_depend_on_who_does_the_work(
    warm: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in what it says of the cache, which other workers write to in the meantime."""
    monkeypatch.setattr(parallel, "TASK_INSTRUCTIONS", 100)
    logs = []
    for jobs in ("here", "threads", "processes"):
        options = replace(LOGGED, cache=tmp_path / f"{jobs}.sqlite")
        if warm:
            optimize(BUILT / "matrix.wasm", replace(options, passes=("vacuum", "simplify-locals")))
        if jobs == "threads":
            with ThreadPoolExecutor(3) as pool:
                logs.append(facts(optimize(BUILT / "matrix.wasm", options, executor=pool)))
        else:
            count = 2 if jobs == "processes" else 1
            logs.append(facts(optimize(BUILT / "matrix.wasm", replace(options, jobs=count))))
    assert logs[0] == logs[1] == logs[2]


def test_only_verdicts_of_earlier_runs_are_cached_ones(tmp_path: Path) -> None:
    options = replace(LOGGED, cache=tmp_path / "cache.sqlite")
    cold = optimize(BUILT / "sorting.wasm", options).proofs
    warm = optimize(BUILT / "sorting.wasm", options).proofs
    assert not any(each.cached for each in cold)
    assert any(each.cached for each in warm)
    assert [replace(each, cached=False) for each in warm] == list(cold)


def test_functions_are_named_by_their_index_in_the_input() -> None:
    """The first function goes, and what was the second is the first then."""
    text = """(module (func $gone) (func $f (export "f") (param i32) (result i32)
        local.get 0 nop nop))"""
    options = replace(LOGGED, passes=("remove-unused", "vacuum"))
    entries = optimize(text.encode(), options).proofs
    assert [(each.change, each.function, each.source) for each in entries] == [
        ("remove-unused", None, None),
        ("vacuum", 0, 1),
    ]
