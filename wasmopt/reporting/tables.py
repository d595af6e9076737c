"""The tables of a report: one place for what they show, whoever draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from wasmopt.goals import RAW
from wasmopt.report import Report
from wasmopt.reporting.readable import readable
from wasmopt.reporting.schema import (
    Document,
    FunctionChange,
    ModuleChange,
    Proofs,
    RunOptions,
    SectionChange,
    Step,
)

_Row = TypeVar("_Row")

NOTHING: Final = "-"
"""In the place of a number that is not known."""
LONGEST_NAME: Final = 60
"""Characters of a name on a terminal; what is longer loses its middle."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        numeric: its cells stand to the right.
        minor: a narrow screen can do without it.
        literal: its cells are names out of a module.
        bar: its cells are integers that may be drawn as bars too.
    """

    heading: str
    numeric: bool = True
    minor: bool = False
    literal: bool = False
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose cells are written out already.

    Attributes:
        name: what it is about, with a capital letter.
        total: whether the last row is the sum of those above.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: bool = False


_Spec = Sequence[tuple[Column, Callable[[_Row], str]]]
"""Columns, each with how its cell is made of a row."""


def number(value: int | None) -> str:
    """A count or a size."""
    return NOTHING if value is None else str(value)


def change(before: int | None, after: int | None) -> str:
    """By how many bytes something grew."""
    if before is None or after is None:
        return NOTHING
    return f"{after - before:+d}" if after != before else "0"


def percentage(before: int | None, after: int | None) -> str:
    """By how much something grew."""
    if not before or after is None:
        return NOTHING
    if after == before:
        return "0.0 %"
    return f"{100 * (after - before) / before:+.1f} %"


def share(part: int, whole: int) -> str:
    """How much of the whole a part is."""
    return f"{100 * part / whole:.1f} %" if whole else NOTHING


def _of_pass(cell: Callable[[Step], str]) -> Callable[[Step], str]:
    """A cell that has nothing to say of what is no pass."""
    return lambda step: cell(step) if step.kind == "pass" else ""


_STEPS: Final[_Spec[Step]] = (
    (Column("pass", numeric=False), lambda step: step.name),
    (Column("attempts", minor=True), _of_pass(lambda step: str(step.attempts))),
    (Column("kept"), _of_pass(lambda step: str(step.kept))),
    (Column("saved", bar=True), lambda step: str(-step.delta)),
    (Column("grown", minor=True), _of_pass(lambda step: str(step.grown))),
    (Column("reverted"), _of_pass(lambda step: str(sum(step.reverted.values())))),
    (Column("failed", minor=True), _of_pass(lambda step: str(sum(step.failed.values())))),
    (Column("seconds", minor=True), _of_pass(lambda step: f"{step.seconds:.2f}")),
    (Column("proof", minor=True), _of_pass(lambda step: f"{step.proof_seconds:.2f}")),
)

_Measured = tuple[str, int | None, int | None]
"""What was measured, and its sizes before and after."""

_SIZES: Final[_Spec[_Measured]] = (
    (Column("bytes", numeric=False), lambda row: row[0]),
    (Column("before"), lambda row: number(row[1])),
    (Column("after"), lambda row: number(row[2])),
    (Column("change"), lambda row: change(row[1], row[2])),
    (Column("%"), lambda row: percentage(row[1], row[2])),
)

_SECTIONS: Final[_Spec[SectionChange]] = (
    (Column("section", numeric=False, literal=True), lambda row: row.name),
    (Column("before"), lambda row: str(row.before)),
    (Column("after", bar=True), lambda row: str(row.after)),
    (Column("change"), lambda row: change(row.before, row.after)),
    (Column("%", minor=True), lambda row: percentage(row.before, row.after)),
)

_MODULES: Final[_Spec[ModuleChange]] = (
    (Column("core module", numeric=False), lambda row: row.name),
    (Column("at byte", minor=True), lambda row: str(row.offset)),
    (Column("before"), lambda row: str(row.before)),
    (Column("after", bar=True), lambda row: str(row.after)),
    (Column("change"), lambda row: change(row.before, row.after)),
    (Column("%", minor=True), lambda row: percentage(row.before, row.after)),
    (Column("functions changed"), lambda row: f"{row.changed} of {row.defined}"),
)

_FUNCTIONS: Final[_Spec[FunctionChange]] = (
    (Column("index", minor=True), lambda row: str(row.index)),
    (Column("function", numeric=False, literal=True), lambda row: readable(row.name)),
    (Column("before"), lambda row: str(row.before)),
    (Column("after", bar=True), lambda row: str(row.after)),
    (Column("change"), lambda row: change(row.before, row.after)),
)


def make_table(
    name: str, spec: _Spec[_Row], rows: Iterable[_Row], total: tuple[str, ...] = ()
) -> Table:
    """A table of these rows; `total` are the cells of a last one."""
    cells = [tuple([cell(row) for _, cell in spec]) for row in rows]
    cells += [total] if total else []
    return Table(name, tuple([column for column, _ in spec]), tuple(cells), bool(total))


def step_table(steps: Sequence[Step]) -> Table:
    """What each pass did, and that it adds up."""
    saved = str(-sum([step.delta for step in steps]))
    headings = [column.heading for column, _ in _STEPS[1:]]
    total = ("all", *[saved if heading == "saved" else "" for heading in headings])
    return make_table("Passes", _STEPS, steps, total)


def size_table(document: Document) -> Table:
    """The file before and after."""
    return make_table("Sizes", _SIZES, _measured(document))


def _measured(document: Document) -> list[_Measured]:
    old, new = document.input, document.output
    return [
        ("raw", old.raw, new.raw),
        ("code", old.code, new.code),
        ("gzip", old.gzip, new.gzip),
        ("brotli", old.brotli, new.brotli),
    ]


def trade_line(options: RunOptions, old: int | None, new: int | None) -> str:
    """What a run was for, and what the size that counts was before and after."""
    return (
        f"for {options.goal} at level {options.level}, outlining {options.outline}: "
        f"{number(old)} to {number(new)} bytes ({percentage(old, new)})"
    )


def document_trade(document: Document) -> str:
    """The same of a report."""
    sizes = {name: (old, new) for name, old, new in _measured(document)}
    return trade_line(document.options, *sizes[document.options.goal])


def module_tables(document: Document) -> list[Table]:
    """The core modules of a component; no table for a module."""
    table = make_table("Core modules", _MODULES, document.modules)
    return [table] if document.modules else []


def section_table(document: Document) -> Table:
    """The sections before and after, and that they add up."""
    old, new = document.input.raw, document.output.raw
    total = ("all", str(old), str(new), change(old, new), percentage(old, new))
    return make_table("Sections", _SECTIONS, document.sections, total)


def function_tables(document: Document) -> list[Table]:
    """The functions that changed most and the largest ones; none that has no rows."""
    functions = document.functions
    tables = [
        make_table("Functions that changed most", _FUNCTIONS, functions.most_changed),
        make_table("Largest functions", _FUNCTIONS, functions.largest),
    ]
    return [table for table in tables if table.rows]


def outcome_lines(steps: Sequence[Step]) -> list[str]:
    """How many changes of each pass were proved by what, and why others were not kept."""
    lines = []
    for step in steps:
        for kind, counts in (
            ("proved by", step.proved),
            ("reverted", step.reverted),
            ("failed", step.failed),
        ):
            lines += [f"{step.name}: {n} {kind} {what}" for what, n in counts.items()]
    return lines


def proof_lines(proofs: Proofs) -> list[str]:
    """What the validator did, one fact a line; nothing when every proof was of texts."""
    lines = []
    if proofs.requests:
        known = 100 * (1 - proofs.terms / proofs.requests)
        lines.append(f"proofs: {proofs.terms} terms built, {known:.0f} % of requests found one")
    if proofs.queries:
        answers = ", ".join(f"{n} {what}" for what, n in proofs.answers.items())
        lines.append(
            f"proofs: {proofs.queries} solver queries in {proofs.solver_seconds:.2f} s: {answers}"
        )
    if proofs.cache_hits or proofs.cache_misses:
        lines.append(f"proofs: {proofs.cache_hits} known from the cache, {proofs.cache_misses} not")
    lines += [f"proofs: {n} fell through {what}" for what, n in proofs.fallbacks.items()]
    return lines


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """The name on one line, with nothing in it that a terminal would obey."""
    if len(name) > longest:
        half = (longest - 1) // 2
        name = f"{name[: longest - 1 - half]}…{name[-half:]}"
    return visible(name)


def visible(text: str) -> str:
    """The text with escapes for what is no character to be seen, line breaks included."""
    return "".join([c if c.isprintable() else ascii(c)[1:-1] for c in text])


def summary_line(report: Report, goal: str = RAW) -> str:
    """One line for people: sizes and what was saved, that of the goal first."""
    before, after = report.input_weight, report.output_weight
    weights = f"{goal} {before} -> {after} ({percentage(before, after)}), " if goal != RAW else ""
    return (
        f"{weights}{report.input_size} -> {report.output_size} bytes "
        f"({percentage(report.input_size, report.output_size)}), "
        f"code {report.input_code} -> {report.output_code}, "
        f"{changed_line(report.changed, report.functions)}"
    )


def changed_line(changed: int, defined: int) -> str:
    """How many functions changed."""
    return f"{changed} of {defined} functions changed"
