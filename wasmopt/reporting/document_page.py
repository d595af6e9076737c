"""The report of a run as a page."""

from __future__ import annotations

from wasmopt.reporting.budgets import limit_line
from wasmopt.reporting.html import (
    areas,
    bullets,
    cards,
    heading,
    page,
    paragraph,
    section_kind,
    table_html,
    text,
)
from wasmopt.reporting.readable import readable
from wasmopt.reporting.schema import Document
from wasmopt.reporting.tables import (
    changed_line,
    document_trade,
    function_tables,
    module_tables,
    number,
    outcome_lines,
    percentage,
    proof_lines,
    section_table,
    step_table,
)
from wasmopt.reporting.treemap import Box


def document_html(document: Document) -> str:
    """The report of one run."""
    title = f"{document.module}: {document.input.raw} → {document.output.raw} bytes"
    heading_line = f"<h1><code>{text(document.module)}</code></h1>"
    return page(title, [heading_line, *document_blocks(document)])


def document_blocks(document: Document) -> list[str]:
    """What stands below the heading."""
    old, new = document.input, document.output
    functions = document.functions
    libraries = [f"{name} {version}" for name, version in document.libraries.items() if version]
    changed = changed_line(functions.changed, functions.defined)
    blocks = [
        cards(
            [
                (name, f"{number(before)} → {number(after)}", percentage(before, after))
                for name, before, after in (
                    ("bytes", old.raw, new.raw),
                    ("bytes of code", old.code, new.code),
                    ("gzip", old.gzip, new.gzip),
                    ("brotli", old.brotli, new.brotli),
                )
            ]
        ),
        paragraph(f"Made {document_trade(document)}."),
        paragraph(f"{changed}, every change is proved."),
        *[
            paragraph(limit_line(limit), {True: "good", False: "bad", None: "quiet"}[limit.kept])
            for limit in document.budget
        ],
        *bullets(document.notices),
        heading("Where the bytes of the output are"),
        *areas(output_boxes(document)),
    ]
    for table in module_tables(document):
        blocks += [heading(table.name), table_html(table)]
    blocks += [
        heading("Passes"),
        table_html(step_table(document.steps)),
        *bullets([*outcome_lines(document.steps), *proof_lines(document.proofs)]),
        heading("Sections"),
        table_html(section_table(document)),
    ]
    for table in function_tables(document):
        blocks += [heading(table.name), table_html(table)]
    blocks += [heading("What the proofs assume, and nothing else"), *bullets(document.assumptions)]
    blocks.append(
        paragraph(f"{', '.join(libraries)}; {document.seconds:.1f} s of CPU time", "quiet")
    )
    return blocks


def output_boxes(document: Document) -> list[Box]:
    """The output by sections, the code by its largest functions."""
    boxes = [
        Box(section.name, section.after, section_kind(section.name))
        for section in document.sections
        if section.after
    ]
    functions = document.functions
    for box in boxes:
        if box.label == "code":
            box.parts = [Box(readable(row.name), row.after, "code") for row in functions.largest]
            rest = box.size - sum([part.size for part in box.parts])
            others = functions.defined - len(functions.largest)
            label = f"{others} other functions" if others else "numbers of functions and bytes"
            box.parts.append(Box(label, rest, "code"))
    return boxes
