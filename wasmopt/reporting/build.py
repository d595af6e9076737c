"""Makes the report of a run out of its result."""

from __future__ import annotations

import importlib.metadata
import platform
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final, Literal

from wasmopt.api import Result
from wasmopt.component_api import ComponentResult
from wasmopt.decode import decode
from wasmopt.goals import has_brotli
from wasmopt.module import Kind, Module
from wasmopt.options import Options
from wasmopt.report import PassReport, ProofReport, Report
from wasmopt.reporting.budgets import GivenLimit, check_limits
from wasmopt.reporting.measure import function_sizes, measure, section_sizes
from wasmopt.reporting.names import check_twin, function_labels
from wasmopt.reporting.schema import (
    ASSUMPTIONS,
    Baseline,
    Document,
    FunctionChange,
    Functions,
    ModuleChange,
    Proofs,
    RunOptions,
    SectionChange,
    Step,
)
from wasmopt.version import VERSION

TOP: Final = 20
"""How many functions the lists have, unless told otherwise."""

_PACKAGES: Final = ("wasmtime", "z3-solver", "leb128")


def build_document(
    result: Result | ComponentResult,
    options: Options,
    *,
    name: str,
    symbols: Module | None = None,
    top: int = TOP,
    limits: Sequence[GivenLimit] = (),
    baseline: Baseline | None = None,
) -> Document:
    """The report of a run.

    Args:
        result: what came out of it.
        options: what it was told.
        name: of the input; folders are left out.
        symbols: the input with names of functions; None for a component.
        top: length of the lists of functions.
        limits: on the output.
        baseline: the run to compare with.

    Raises:
        InputError: `symbols` is not the input with names.
    """
    changes = (
        _module_functions(result, symbols)
        if isinstance(result, Result)
        else _component_functions(result)
    )
    report = result.report
    output = measure(result.data)
    return Document(
        schema="wasmopt.report/1",
        tool=VERSION,
        libraries=library_versions(),
        module=PurePath(name).name or name,
        options=run_options(options, report),
        assumptions=ASSUMPTIONS,
        input=measure(result.source),
        output=output,
        modules=() if isinstance(result, Result) else _module_changes(result),
        sections=_section_changes(result),
        steps=steps_of(report),
        functions=_functions(changes, report, top),
        proofs=proofs_of(report.proofs),
        rounds=report.rounds,
        seconds=report.seconds,
        notices=tuple(report.notices),
        budget=check_limits(limits, output.raw, output.brotli, baseline),
        baseline=baseline,
    )


def run_options(options: Options, report: Report) -> RunOptions:
    """What a run was told, and where repeated code so could become functions."""
    outlining = any(each.name == "outlining" for each in report.passes)
    return RunOptions(
        level=options.level,
        goal=options.goal,
        outline=(options.outline or "cold") if outlining else "none",
        passes=options.passes,
        converge=options.converge,
        fuel=options.fuel,
        solver=options.solver,
    )


def library_versions() -> dict[str, str | None]:
    """Versions of what the results depend on; None for what is not installed."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    versions |= {package: importlib.metadata.version(package) for package in _PACKAGES}
    versions["zlib"] = zlib.ZLIB_RUNTIME_VERSION
    versions["brotli"] = importlib.metadata.version("brotli") if has_brotli() else None
    return versions


def steps_of(report: Report) -> tuple[Step, ...]:
    """The passes in order, then re-encoding and sections; the sizes go on from row to row."""
    steps = []
    size = report.input_size
    for entry in report.passes:
        steps.append(_step("pass", entry, entry.bytes_saved, size))
        size = steps[-1].after
    steps.append(_step("re-encoding", PassReport("re-encoding"), report.encoding_saved, size))
    size = steps[-1].after
    steps.append(_step("sections", PassReport("sections"), report.sections_saved, size))
    return tuple(steps)


def _step(
    kind: Literal["pass", "re-encoding", "sections"], entry: PassReport, saved: int, before: int
) -> Step:
    return Step(
        name=entry.name,
        kind=kind,
        before=before,
        after=before - saved,
        delta=-saved,
        instructions=entry.instructions,
        attempts=entry.attempts,
        kept=entry.kept,
        grown=entry.grown,
        proved=dict(sorted(entry.proved.items())),
        reverted=dict(sorted(entry.reverted.items())),
        failed=dict(sorted(entry.failed.items())),
        seconds=entry.seconds,
        proof_seconds=entry.proof_seconds,
    )


def proofs_of(report: ProofReport) -> Proofs:
    """What the validator did."""
    return Proofs(
        instructions=report.instructions,
        terms=report.terms,
        requests=report.requests,
        fallbacks=dict(report.fallbacks.most_common()),
        queries=report.queries,
        answers=dict(sorted(report.answers.items())),
        solver_units=report.solver_units,
        solver_seconds=report.solver_seconds,
        cache_hits=report.cache_hits,
        cache_misses=report.cache_misses,
    )


def _section_changes(result: Result | ComponentResult) -> tuple[SectionChange, ...]:
    before, after = section_sizes(result.source), section_sizes(result.data)
    sizes = [(name, before.get(name, 0), after.get(name, 0)) for name in {**before, **after}]
    return tuple(
        [
            SectionChange(name=name, before=old, after=new, delta=new - old)
            for name, old, new in sizes
        ]
    )


def _module_changes(result: ComponentResult) -> tuple[ModuleChange, ...]:
    rows = []
    for each in result.modules:
        report = each.result.report
        rows.append(
            ModuleChange(
                name=each.name,
                offset=each.offset,
                before=report.input_size,
                after=report.output_size,
                delta=report.output_size - report.input_size,
                defined=report.functions,
                changed=report.changed,
            )
        )
    return tuple(rows)


def _functions(changes: Sequence[FunctionChange], report: Report, top: int) -> Functions:
    changed = [change for change in changes if change.delta]
    return Functions(
        imported=report.imported,
        defined=report.functions,
        changed=report.changed,
        largest=tuple(sorted(changes, key=lambda change: -change.after)[:top]),
        most_changed=tuple(sorted(changed, key=lambda change: -abs(change.delta))[:top]),
    )


def _component_functions(result: ComponentResult) -> list[FunctionChange]:
    return [
        replace(change, name=f"{each.name}: {change.name}")
        for each in result.modules
        for change in _module_functions(each.result)
    ]


def _module_functions(result: Result, symbols: Module | None = None) -> list[FunctionChange]:
    """Every function of the input, then those that only the output has."""
    original = decode(result.source)
    if symbols is not None:
        check_twin(original, symbols)
    labels = function_labels(original, symbols)
    imported = len(original.imported(Kind.FUNCTION))
    left = dict(enumerate(function_sizes(result.data), imported))
    changes = []
    for index, old in enumerate(function_sizes(result.source), imported):
        image = result.function_map[index]
        # Of several functions that became one, the first one has what is left.
        new = 0 if image is None else left.pop(image, 0)
        changes.append(_function_change(index, labels[index], old, new))
    for place, (index, new) in enumerate(left.items(), imported + len(changes)):
        changes.append(_function_change(place, f"new function {index}", 0, new))
    return changes


def _function_change(index: int, name: str, before: int, after: int) -> FunctionChange:
    return FunctionChange(index=index, name=name, before=before, after=after, delta=after - before)
