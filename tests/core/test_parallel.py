"""Work on functions in other processes: the same bytes, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from wasmopt import optimize, parallel
from wasmopt.api import Result
from wasmopt.errors import UsageError
from wasmopt.options import Options
from wasmopt.parallel import divide, processes
from wasmopt.report import PassReport, ProofReport

MODULE = Path("corpus/built/arena-map-O0.wasm")


@pytest.fixture(autouse=True)
def short_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small module has several tasks, too."""
    monkeypatch.setattr(parallel, "TASK_INSTRUCTIONS", 100)


class Here(Executor):
    """Runs tasks at once, in this thread, unless told otherwise."""

    def __init__(self, *, fail: Callable[[int], bool] = lambda _: False) -> None:
        self.count = 0
        self.fail = fail

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        future: Future[Any] = Future()
        if self.fail(self.count):
            future.set_exception(RuntimeError("the worker is gone"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


@cache
def alone() -> Result:
    return optimize(MODULE, Options(level="z"))


def counts(result: Result) -> list[list[object]]:
    """All that is counted of passes and proofs, times excepted."""
    reports: list[PassReport | ProofReport] = [*result.report.passes, result.report.proofs]
    return [
        [getattr(each, member.name) for member in fields(each) if "seconds" not in member.name]
        for each in reports
    ]


def check_same(result: Result) -> None:
    assert result.data == alone().data
    assert counts(result) == counts(alone())
    assert result.report.changed == alone().report.changed
    assert result.report.rounds == alone().report.rounds
    assert result.report.notices == alone().report.notices


def test_an_executor_changes_nothing_but_the_place() -> None:
    executor = Here()
    result = optimize(MODULE, Options(level="z"), executor=executor)
    check_same(result)
    assert executor.count > 1


def test_threads() -> None:
    with ThreadPoolExecutor(3) as pool:
        check_same(optimize(MODULE, Options(level="z"), executor=pool))


@pytest.mark.parametrize("jobs", [2, 4])
def test_processes(jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    result = optimize(
        MODULE, Options(level="z", jobs=jobs), on_progress=lambda *each: seen.append(each)
    )
    check_same(result)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1][0] == seen[-1][1]


def test_a_killed_worker_costs_time_only() -> None:
    with processes(2) as pool:
        killed = pool.submit(os.getpid).result()
        os.kill(killed, signal.SIGKILL)
        check_same(optimize(MODULE, Options(level="z"), executor=pool))


@pytest.mark.parametrize(
    "fail", [lambda _: True, lambda count: count == 1, lambda count: count % 2 == 0]
)
def test_lost_tasks_are_done_here(fail: Callable[[int], bool]) -> None:
    check_same(optimize(MODULE, Options(level="z"), executor=Here(fail=fail)))


class Refusing(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("no worker is left")


class Nonsense(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result("done")
        return future


@pytest.mark.parametrize("executor", [Refusing(), Nonsense()])
def test_executors_that_do_not_work(executor: Executor) -> None:
    check_same(optimize(MODULE, Options(level="z"), executor=executor))


def test_fuel_counts_over_the_whole_module() -> None:
    """What is changed first decides what is changed at all, so nothing is handed out."""
    executor = Here()
    result = optimize(MODULE, Options(level="z", fuel=5), executor=executor)
    assert executor.count == 0
    assert result.data == optimize(MODULE, Options(level="z", fuel=5)).data


def test_tasks_do_not_depend_on_the_number_of_workers() -> None:
    module = alone().module
    tasks = divide(module, range(len(module.functions)))
    lengths = [sum(len(module.functions[each].body) for each in task) for task in tasks]
    assert sorted(each for task in tasks for each in task) == list(range(len(module.functions)))
    assert all(length >= parallel.TASK_INSTRUCTIONS for length in lengths[:-1])
    assert divide(module, []) == []


@pytest.mark.parametrize("jobs", [0, -1, 62, True, "2"])
def test_numbers_of_jobs_that_make_no_sense(jobs: Any) -> None:
    with pytest.raises(UsageError, match="a number of processes from 1 to 61"):
        Options(jobs=jobs)
