"""Reports as Markdown for a CI job summary: GitHub's dialect, and nothing that others lack.

Names stand in code spans.  Those with a character that could end a span or a cell are written as
HTML with every special character as a number, which no Markdown parser looks into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from wasmopt.reporting.budgets import limit_line
from wasmopt.reporting.schema import Document, Limit
from wasmopt.reporting.tables import (
    Table,
    changed_line,
    document_trade,
    function_tables,
    module_tables,
    outcome_lines,
    percentage,
    proof_lines,
    section_table,
    shortened,
    size_table,
    step_table,
)

LONGEST_NAME: Final = 120
"""Characters of a name; what is longer loses its middle."""


def document_markdown(document: Document) -> str:
    """The report of one run."""
    old, new = document.input.raw, document.output.raw
    heading = f"### {code(document.module)}: {old} → {new} bytes ({percentage(old, new)})"
    return "\n\n".join([heading, *document_blocks(document)]) + "\n"


def document_blocks(document: Document) -> list[str]:
    """What stands below the heading."""
    functions = document.functions
    libraries = [f"{name} {version}" for name, version in document.libraries.items() if version]
    facts = [*outcome_lines(document.steps), *proof_lines(document.proofs)]
    assumptions = [_text(assumption) for assumption in document.assumptions]
    return [
        *limit_notes(document.budget),
        table_markdown(size_table(document)),
        f"Made {_text(document_trade(document))}.",
        f"{changed_line(functions.changed, functions.defined)}, every change is proved.",
        *notes(document.notices),
        *map(table_markdown, module_tables(document)),
        table_markdown(step_table(document.steps)),
        *folded("Proofs", bullets([_text(fact) for fact in facts])),
        *folded("Sections", table_markdown(section_table(document))),
        *[
            block
            for table in function_tables(document)
            for block in folded(table.name, table_markdown(table))
        ],
        *folded("What the proofs assume, and nothing else", bullets(assumptions)),
        f"<sub>wasmopt {_text(document.tool)} with {_text(', '.join(libraries))}; "
        f"{document.seconds:.1f} s of CPU time</sub>",
    ]


def limit_notes(limits: Iterable[Limit]) -> list[str]:
    """The limits, in one block; none for no limits."""
    lines = [
        f"{'**over budget:** ' if limit.kept is False else ''}{_text(limit_line(limit))}"
        for limit in limits
    ]
    return [bullets(lines)] if lines else []


def notes(lines: Sequence[str]) -> list[str]:
    """Lines that may hold names, in one block; none for no lines."""
    return [bullets([_text(line) for line in lines])] if lines else []


def bullets(lines: Sequence[str]) -> str:
    """A list of lines that are Markdown already."""
    return "\n".join([f"- {line}" for line in lines])


def folded(heading: str, content: str) -> list[str]:
    """Blocks that show the heading, and the content when it is asked for."""
    if not content:
        return []
    return [f"<details><summary>{heading}</summary>", content, "</details>"]


def table_markdown(table: Table) -> str:
    """The table; a row of sums in bold."""
    rows = [[column.heading for column in table.columns]]
    rows.append(["--:" if column.numeric else ":--" for column in table.columns])
    for number, cells in enumerate(table.rows, 1):
        sums = table.total and number == len(table.rows)
        rows.append(
            [
                f"**{cell}**" if sums and cell else code(cell) if column.literal else _text(cell)
                for column, cell in zip(table.columns, cells, strict=True)
            ]
        )
    return "\n".join(["| " + " | ".join(row) + " |" for row in rows])


_UNSAFE: Final = re.compile(r"[|`\\]|^ | $|^$")
_SPECIAL: Final = re.compile(r"[^\w .,;()=+/%:-]|_|:(?! )", re.ASCII)


def code(name: str) -> str:
    """A name that may hold anything, as code."""
    name = shortened(name, LONGEST_NAME)
    return f"<code>{_numbered(name)}</code>" if _UNSAFE.search(name) else f"`{name}`"


def code_html(name: str) -> str:
    """The same where Markdown is not looked for: in the heading of what is folded."""
    return f"<code>{_numbered(shortened(name, LONGEST_NAME))}</code>"


def _text(line: str) -> str:
    """A line that may hold names, as text on one line."""
    return _numbered(shortened(line, 10 * LONGEST_NAME))


def _numbered(text: str) -> str:
    """The text with every character that means something to Markdown as a number."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)
