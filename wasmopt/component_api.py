"""The Python interface for components: their core modules become smaller, the rest stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from wasmopt.api import (
    BUILT_IN,
    Binary,
    Result,
    errors_in_text,
    optimize_loaded,
    read_source,
    select_passes,
    to_binary,
)
from wasmopt.component import read_component, replace_modules
from wasmopt.decode import decode
from wasmopt.errors import InputError
from wasmopt.features import refuse_features
from wasmopt.goals import size_for
from wasmopt.manager import Observer
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.plugins import Plugins
from wasmopt.report import Report
from wasmopt.validate import validate


@dataclass(frozen=True, slots=True)
class CoreModule:
    """A core module of a component.

    Attributes:
        name: `core module` and its number, in the order of the file from 0 on.
        offset: byte of the component at which it stood.
        result: what became of it.
    """

    name: str
    offset: int
    result: Result


@dataclass(frozen=True, slots=True)
class ComponentResult:
    """What `optimize_component` returns.

    Attributes:
        data: the component; never longer than the input, and the same but for its core modules.
        report: what was done, all core modules together.
        source: the input as a binary.
        modules: the core modules in the order of the file, those of nested components included.
    """

    data: bytes
    report: Report
    source: bytes
    modules: tuple[CoreModule, ...]


def optimize_component(
    source: Binary | Path,
    options: Options | None = None,
    *,
    observer: Observer | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> ComponentResult:
    """Make the core modules of a component smaller, each as `optimize` does.

    A core module keeps its imports and exports, by which alone the component knows it.

    Args:
        source: a binary or text component, or a file that holds one.
        options: how; fuel is for all core modules together.
        observer: as for `optimize`.
        on_progress: the same; the functions of a core module are counted when it begins.
        executor: as for `optimize`.

    Raises:
        InputError: the input cannot be read, it is no component, or a core module in it cannot be
            decoded or validated.  Nothing else in the component is checked.
        UsageError: the options name a pass that does not exist.
    """
    start = time.process_time()
    options = Options() if options is None else options
    plugins = Plugins(BUILT_IN)
    passes = select_passes(options, plugins)
    given = read_source(source)
    data = to_binary(given)
    with errors_in_text(data is not given):
        component = read_component(data)
        loaded = [
            _load(component.bytes_of(part), part.content.start, name_of(place), options)
            for place, part in enumerate(component.core_modules())
        ]
    report = Report(len(data))
    report.notices += plugins.notices([each.name for each in passes])
    modules: list[CoreModule] = []
    progress = _Progress(on_progress)
    for place, (part, (inner, module)) in enumerate(
        zip(component.core_modules(), loaded, strict=True)
    ):
        result = optimize_loaded(
            *(inner, module, passes, options),
            observer=observer,
            on_progress=progress,
            executor=executor,
        )
        progress.next_module()
        if options.fuel is not None:
            used = sum([entry.kept for entry in result.report.passes])
            options = replace(options, fuel=max(0, options.fuel - used))
        modules.append(CoreModule(name_of(place), part.content.start, result))
        report.add(result.report, name_of(place))
    smaller = replace_modules(component, [each.result.data for each in modules])
    report.output_size = len(smaller)
    known = report.sections_saved + sum([entry.bytes_saved for entry in report.passes])
    report.encoding_saved = len(data) - len(smaller) - known
    weigh = size_for(options.goal)
    report.input_weight, report.output_weight = weigh(data), weigh(smaller)
    report.seconds = time.process_time() - start + report.seconds_elsewhere
    return ComponentResult(smaller, report, data, tuple(modules))


def name_of(place: int) -> str:
    """What the core module is called that stands there among all of them."""
    return f"core module {place}"


def _load(data: bytes, offset: int, name: str, options: Options) -> tuple[bytes, Module]:
    """A core module decoded and validated.

    Raises:
        InputError: with the name, and the offset in the component; that of the module itself
            where its error has no place.
    """
    try:
        module = decode(data)
        validate(module, data)
        refuse_features(module, options.disabled_features)
    except InputError as error:
        raise type(error)(f"{name}: {error.problem}", offset + (error.offset or 0)) from None
    return data, module


class _Progress:
    """Counts on from one core module to the next."""

    def __init__(self, on_progress: Callable[[int, int], None] | None) -> None:
        self._told = on_progress
        self._before = 0
        self._now = 0

    def __call__(self, done: int, total: int) -> None:
        self._now = total
        if self._told is not None:
            self._told(self._before + done, self._before + total)

    def next_module(self) -> None:
        self._before += self._now
        self._now = 0
