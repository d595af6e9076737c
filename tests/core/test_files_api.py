"""Several files at once: what becomes of each is what would have become of it alone."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.core.components import SUMS
from wasmopt import (
    ComponentResult,
    DecodeError,
    FileResult,
    InputError,
    Options,
    Result,
    UsageError,
    files_api,
    optimize,
    optimize_component,
    optimize_files,
)

TEXT = '(module (func (export "f") (param i32) (result i32) local.get 0 nop i32.const {} i32.add))'


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Two modules, what is none, and nothing at all."""
    for number in range(2):
        (tmp_path / f"{number}.wat").write_text(TEXT.format(number + 5))
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0\xff")
    return [tmp_path / name for name in ("0.wat", "bad.wasm", "missing.wasm", "1.wat")]


def told(results: Iterable[FileResult]) -> list[tuple[Path, object]]:
    """What is to be the same however the work was shared out."""
    return [
        (each.path, each.result.data if each.result else (type(each.error), str(each.error)))
        for each in results
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_file_is_as_alone_in_the_order_given(paths: list[Path], jobs: int) -> None:
    options = Options(level="2", jobs=jobs)
    found = list(optimize_files(paths, options))
    assert [each.path for each in found] == paths
    for place in (0, 3):
        alone = optimize(paths[place], Options(level="2"))
        result = found[place].result
        assert isinstance(result, Result)
        assert (result.data, result.function_map) == (alone.data, alone.function_map)
        assert result.source == alone.source
        assert result.module.functions[0].body[-1].name == "end"
        assert result.report.output_size == alone.report.output_size
    assert isinstance(found[1].error, DecodeError)
    assert found[1].error.offset == 9
    assert "cannot read: no such file" in str(found[2].error)


def test_components_are_taken_too(tmp_path: Path, paths: list[Path]) -> None:
    (tmp_path / "component.wat").write_text(SUMS)
    alone = optimize_component(tmp_path / "component.wat")
    for jobs in (1, 2, 3):  # 3 work within files, two after the other
        found, _ = optimize_files([tmp_path / "component.wat", paths[0]], Options(jobs=jobs))
        assert isinstance(found.result, ComponentResult)
        assert found.result.data == alone.data
        parts = [(each.name, each.offset, each.result.data) for each in found.result.modules]
        assert parts == [(each.name, each.offset, each.result.data) for each in alone.modules]


def test_files_that_got_lost_are_done_here(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lossy(Executor):
        """Loses every other task, and then takes none any more."""

        def __init__(self) -> None:
            self.count = 0

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.count += 1
            if self.count > 2:
                raise RuntimeError("no worker is left")
            future: Future[Any] = Future()
            if self.count == 2:
                future.set_exception(RuntimeError("the worker is gone"))
            else:
                future.set_result(fn(*args, **kwargs))
            return future

    alone = told(optimize_files(paths))
    monkeypatch.setattr(files_api, "processes", lambda _: nullcontext(Lossy()))
    assert told(optimize_files(paths, Options(jobs=2))) == alone


def test_what_fails_for_all_files_is_told_before_any(paths: list[Path]) -> None:
    with pytest.raises(UsageError, match="unknown pass vacum, did you mean vacuum"):
        optimize_files(paths, Options(passes=("vacum",)))


def test_a_defect_is_told_with_its_file(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Result:
        raise KeyError("a defect")

    monkeypatch.setattr(files_api, "optimize", broken)
    found = list(optimize_files(paths))
    assert [type(each.error) for each in found] == [KeyError, KeyError, InputError, KeyError]


def test_nothing_is_nothing() -> None:
    assert list(optimize_files([], Options(jobs=4))) == []


def test_errors_can_be_sent() -> None:
    error = pickle.loads(pickle.dumps(DecodeError("wrong", 7)))
    assert isinstance(error, DecodeError)
    assert (str(error), error.problem, error.offset) == ("at byte 7: wrong", "wrong", 7)
