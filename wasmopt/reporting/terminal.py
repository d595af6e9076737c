"""Reports as plain text for a terminal."""

from __future__ import annotations

from wasmopt.goals import RAW
from wasmopt.options import Options
from wasmopt.report import Report
from wasmopt.reporting.budgets import limit_line
from wasmopt.reporting.build import proofs_of, run_options, steps_of
from wasmopt.reporting.schema import Document
from wasmopt.reporting.tables import (
    Table,
    document_trade,
    function_tables,
    module_tables,
    outcome_lines,
    proof_lines,
    section_table,
    shortened,
    size_table,
    step_table,
    trade_line,
)


def metrics_text(report: Report, options: Options) -> str:
    """What each pass did and how it was proved (`--metrics`), and for what goal if not for raw."""
    steps = steps_of(report)
    lines = []
    if options.goal != RAW:
        told = run_options(options, report)
        lines.append(f"made {trade_line(told, report.input_weight, report.output_weight)}")
    lines += [*table_lines(step_table(steps)), *outcome_lines(steps)]
    return "\n".join([*lines, *proof_lines(proofs_of(report.proofs))])


def summary_text(document: Document) -> str:
    """The whole report (`--summary`)."""
    tables = [size_table(document), step_table(document.steps)]
    blocks = [table_lines(table) for table in tables]
    blocks.insert(0, [f"made {document_trade(document)}"])
    blocks.append([*outcome_lines(document.steps), *proof_lines(document.proofs)])
    details = [*module_tables(document), section_table(document), *function_tables(document)]
    blocks += [[f"{table.name}:", *table_lines(table)] for table in details]
    blocks.append([limit_line(limit) for limit in document.budget])
    return "\n\n".join(["\n".join(block) for block in blocks if block])


def table_lines(table: Table) -> list[str]:
    """The table aligned, one row a line."""
    rows = [tuple([column.heading for column in table.columns]), *table.rows]
    cells = [
        [
            shortened(cell) if column.literal else cell
            for column, cell in zip(table.columns, row, strict=True)
        ]
        for row in rows
    ]
    widths = [max([len(row[place]) for row in cells]) for place in range(len(table.columns))]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if column.numeric else cell.ljust(width)
            for column, width, cell in zip(table.columns, widths, row, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return lines
