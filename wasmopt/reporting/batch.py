"""The report of several runs: `wasmopt.batch/1`, made and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wasmopt.report import Report
from wasmopt.reporting.budgets import limit_line
from wasmopt.reporting.build import proofs_of, steps_of
from wasmopt.reporting.document_page import document_blocks as page_blocks
from wasmopt.reporting.html import (
    bullets,
    cards,
    folded_html,
    heading,
    page,
    paragraph,
    table_html,
    text,
)
from wasmopt.reporting.markdown import (
    code_html,
    document_blocks,
    folded,
    notes,
    table_markdown,
)
from wasmopt.reporting.schema import Batch, FileRun, Totals
from wasmopt.reporting.tables import (
    NOTHING,
    Column,
    Table,
    change,
    changed_line,
    make_table,
    outcome_lines,
    percentage,
    proof_lines,
    step_table,
)
from wasmopt.reporting.terminal import table_lines
from wasmopt.version import VERSION

_FAILED: Final = "failed"


def build_batch(runs: Sequence[FileRun], total: Report, failed: int, over_budget: int) -> Batch:
    """The report of several runs.

    Args:
        runs: what became of each file.
        total: what was done to all of them.
        failed: how many failed.
        over_budget: how many have a limit that is not kept.
    """
    totals = totals_of(total, len(runs), failed, over_budget)
    return Batch(
        schema="wasmopt.batch/1",
        tool=VERSION,
        files=tuple(runs),
        totals=totals,
        steps=steps_of(total),
        proofs=proofs_of(total.proofs),
        seconds=total.seconds,
    )


def totals_of(total: Report, files: int, failed: int, over_budget: int) -> Totals:
    """What is to be said of so many files together."""
    return Totals(
        files=files,
        failed=failed,
        over_budget=over_budget,
        before=total.input_size,
        after=total.output_size,
        delta=total.output_size - total.input_size,
        defined=total.functions,
        changed=total.changed,
    )


def totals_line(totals: Totals) -> str:
    """All files in a line."""
    parts = [
        f"{totals.files} files: {totals.before} -> {totals.after} bytes "
        f"({percentage(totals.before, totals.after)})",
        changed_line(totals.changed, totals.defined),
    ]
    for number, what in ((totals.failed, _FAILED), (totals.over_budget, "over budget")):
        parts += [f"{number} {what}"] if number else []
    return ", ".join(parts)


def file_table(batch: Batch) -> Table:
    """The files, and all together."""
    totals = batch.totals
    spec = (
        (Column("file", numeric=False, literal=True), lambda run: run.file),
        (Column("before"), lambda run: _size(run, before=True)),
        (Column("after", bar=True), lambda run: _size(run, before=False)),
        (Column("change"), _change),
        (Column("%", minor=True), _percentage),
        (Column("functions changed", minor=True), _functions),
    )
    total = (
        *("all", str(totals.before), str(totals.after)),
        *(change(totals.before, totals.after), percentage(totals.before, totals.after)),
        f"{totals.changed} of {totals.defined}",
    )
    return make_table("Files", spec, batch.files, total)


def _size(run: FileRun, *, before: bool) -> str:
    if run.report is None:
        return NOTHING
    return str(run.report.input.raw if before else run.report.output.raw)


def _change(run: FileRun) -> str:
    return _FAILED if run.report is None else change(run.report.input.raw, run.report.output.raw)


def _percentage(run: FileRun) -> str:
    if run.report is None:
        return NOTHING
    return percentage(run.report.input.raw, run.report.output.raw)


def _functions(run: FileRun) -> str:
    if run.report is None:
        return NOTHING
    return f"{run.report.functions.changed} of {run.report.functions.defined}"


def error_lines(batch: Batch) -> list[str]:
    """What went wrong, a line for each file."""
    return [f"{run.file}: {run.error}" for run in batch.files if run.error is not None]


def budget_lines(batch: Batch, *, broken: bool = False) -> list[str]:
    """The limits, or only those that are not kept."""
    return [
        f"{run.file}: {limit_line(limit)}"
        for run in batch.files
        if run.report is not None
        for limit in run.report.budget
        if not broken or limit.kept is False
    ]


def batch_text(batch: Batch) -> str:
    """The report for a terminal (`--summary`), without what the files have of their own."""
    blocks = [
        table_lines(file_table(batch)),
        error_lines(batch),
        table_lines(step_table(batch.steps)),
        [*outcome_lines(batch.steps), *proof_lines(batch.proofs)],
        budget_lines(batch),
    ]
    return "\n\n".join(["\n".join(block) for block in blocks if block])


def batch_markdown(batch: Batch) -> str:
    """The report for a CI job summary: all together, and each file when it is asked for."""
    totals = batch.totals
    over = [f"over budget: {line}" for line in budget_lines(batch, broken=True)]
    facts = [*outcome_lines(batch.steps), *proof_lines(batch.proofs)]
    blocks = [
        f"### {totals.files} files: {totals.before} → {totals.after} bytes "
        f"({percentage(totals.before, totals.after)})",
        *notes([*[f"failed: {line}" for line in error_lines(batch)], *over]),
        table_markdown(file_table(batch)),
        f"{changed_line(totals.changed, totals.defined)}, every change is proved.",
        table_markdown(step_table(batch.steps)),
        *folded("Proofs", "\n".join(notes(facts))),
    ]
    for run in batch.files:
        if run.report is not None:
            content = "\n\n".join(document_blocks(run.report))
            blocks += folded(code_html(run.file), content)
    blocks.append(f"<sub>wasmopt {batch.tool}; {batch.seconds:.1f} s of CPU time</sub>")
    return "\n\n".join(blocks) + "\n"


def batch_html(batch: Batch) -> str:
    """The report as a page."""
    totals = batch.totals
    sizes = f"{totals.before} → {totals.after}"
    title = f"{totals.files} files: {sizes} bytes"
    blocks = [
        f"<h1>{text(title)}</h1>",
        cards(
            [
                ("bytes", sizes, percentage(totals.before, totals.after)),
                ("functions changed", str(totals.changed), f"of {totals.defined}"),
                ("failed", str(totals.failed), f"of {totals.files} files"),
                ("over budget", str(totals.over_budget), f"of {totals.files} files"),
            ]
        ),
        *[paragraph(line, "bad") for line in error_lines(batch)],
        *[paragraph(line, "bad") for line in budget_lines(batch, broken=True)],
        heading("Files"),
        table_html(file_table(batch)),
        heading("Passes"),
        table_html(step_table(batch.steps)),
        *bullets([*outcome_lines(batch.steps), *proof_lines(batch.proofs)]),
        heading("File by file"),
        *[folded_html(run.file, page_blocks(run.report)) for run in batch.files if run.report],
        paragraph(f"{batch.seconds:.1f} s of CPU time", "quiet"),
    ]
    return page(title, blocks)
