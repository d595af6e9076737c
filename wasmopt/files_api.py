"""The Python interface for several files: one after the other, or some at a time.

    paths ── large ones first ──▶ processes ──▶ results ──▶ in the order of the paths

What goes wrong with one file is told in its result, and the others are none the wiser.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

from wasmopt.api import BUILT_IN, Result, optimize, select_passes, to_binary
from wasmopt.component import is_component
from wasmopt.component_api import ComponentResult, CoreModule, optimize_component
from wasmopt.decode import decode
from wasmopt.errors import WasmOptError
from wasmopt.files import read_file
from wasmopt.manager import Observer
from wasmopt.module_change import Map
from wasmopt.options import Options
from wasmopt.parallel import processes
from wasmopt.plugins import Plugins
from wasmopt.report import Report

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file; either `result` or `error` is None.

    Attributes:
        path: the file.
        result: of `optimize`, or of `optimize_component` if the file holds a component.
        error: what these raised; anything but a `WasmOptError` or a `MemoryError` is a defect of
            wasmopt.
    """

    path: Path
    result: Result | ComponentResult | None
    error: Exception | None


Results = Generator[FileResult, None, None]


def optimize_files(
    paths: Sequence[Path],
    options: Options | None = None,
    *,
    observer: Observer | None = None,
    on_progress: Progress | None = None,
    executor: Executor | None = None,
) -> Results:
    """Make the modules and components in some files smaller; nothing is written.

    With `jobs` of the options above 1, that many files are worked on at the same time; where there
    are fewer, the jobs work within files, one after the other.  The results are the same, and come
    in the order of the paths.

    Args:
        paths: of binaries or texts.
        options: how, for each file: fuel, too, is for each by itself.
        observer: as for `optimize`; with one, files are not worked on at the same time.
        on_progress: as for `optimize`, for each file anew; not called where files are worked on
            at the same time.
        executor: as for `optimize`: it works within files, one after the other.

    Raises:
        UsageError: the options name a pass that does not exist.
    """
    options = Options() if options is None else options
    select_passes(options, Plugins(BUILT_IN))
    if options.jobs == 1 or executor is not None or observer is not None:
        return _one_by_one(paths, options, observer, on_progress, executor)
    if len(paths) < options.jobs:
        return _within(paths, options, on_progress)
    return _at_once(paths, options)


def _one_by_one(
    paths: Sequence[Path],
    options: Options,
    observer: Observer | None,
    on_progress: Progress | None,
    executor: Executor | None,
) -> Results:
    for path in paths:
        try:
            data = read_file(path)
            work = optimize_component if is_component(to_binary(data)) else optimize
            result = work(
                data, options, observer=observer, on_progress=on_progress, executor=executor
            )
        except Exception as error:  # the other files are still to come
            if not isinstance(error, WasmOptError):
                _log.exception("%s failed", path)
            yield FileResult(path, None, error)
        else:
            yield FileResult(path, result, None)


def _within(paths: Sequence[Path], options: Options, on_progress: Progress | None) -> Results:
    with processes(options.jobs) as pool:
        yield from _one_by_one(paths, options, None, on_progress, pool)


def _at_once(paths: Sequence[Path], options: Options) -> Results:
    with processes(options.jobs) as pool:
        options = replace(options, jobs=1)
        # The largest decides when all is done, so it had better begin first.
        order = sorted(range(len(paths)), key=lambda place: -_size(paths[place]))
        futures = {place: _submit(pool, paths[place], options) for place in order}
        for place, path in enumerate(paths):
            yield _result(path, futures.pop(place), options)


def _submit(pool: Executor, path: Path, options: Options) -> Future[_Packed | Exception] | None:
    try:
        return pool.submit(_work, path, options)
    except Exception as error:  # no worker is left
        _log.warning("%s could not be handed out: %r", path, error)
        return None


def _result(path: Path, future: Future[_Packed | Exception] | None, options: Options) -> FileResult:
    """What came back; what got lost with its worker is done here."""
    try:
        if future is not None:
            done = future.result()
            if isinstance(done, Exception):
                return FileResult(path, None, done)
            return FileResult(path, done.unpacked(), None)
    except Exception as error:  # whatever happened there, the file can be done here
        _log.warning("%s was lost: %r", path, error)
    (result,) = _one_by_one([path], options, None, None, None)
    return result


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # that is told when it is read
        return 0


@dataclass(frozen=True, slots=True)
class _Packed:
    """A result in a form that can be sent: a module is decoded again where it arrives."""

    data: bytes
    report: Report
    source: bytes
    function_map: Map
    parts: tuple[tuple[str, int, _Packed], ...] | None

    @staticmethod
    def of(result: Result | ComponentResult) -> _Packed:
        if isinstance(result, Result):
            return _Packed(result.data, result.report, result.source, result.function_map, None)
        parts = [(each.name, each.offset, _Packed.of(each.result)) for each in result.modules]
        return _Packed(result.data, result.report, result.source, (), tuple(parts))

    def unpacked(self) -> Result | ComponentResult:
        if self.parts is None:
            return self._module()
        modules = [CoreModule(name, offset, part._module()) for name, offset, part in self.parts]
        return ComponentResult(self.data, self.report, self.source, tuple(modules))

    def _module(self) -> Result:
        return Result(decode(self.data), self.data, self.report, self.source, self.function_map)


def _work(path: Path, options: Options) -> _Packed | Exception:
    """Do one file, in another process."""
    (done,) = _one_by_one([path], options, None, None, None)
    if done.result is not None:
        return _Packed.of(done.result)
    return done.error or RuntimeError("no result")
