"""Two runs side by side, as Markdown for a CI job summary.

Functions are matched by name, among those that the lists of both reports have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from wasmopt.reporting.budgets import limit_line
from wasmopt.reporting.markdown import code, folded, limit_notes, notes, table_markdown
from wasmopt.reporting.readable import readable
from wasmopt.reporting.schema import Batch, Document, Limit
from wasmopt.reporting.tables import Column, Table, change, make_table, number, percentage

_Pair = tuple[str, int | None, int | None]
"""What is compared, and its sizes in base and head; None where it is not known."""


def comparison_markdown(base: Document, head: Document, limits: Sequence[Limit]) -> str:
    """What is other in `head` than in `base`, and whether that is within the limits."""
    old, new = base.output.raw, head.output.raw
    details = (_section_table(base, head), _function_table(base, head), _step_table(base, head))
    blocks = [
        f"### {code(head.module)} against the base: {old} → {new} bytes ({percentage(old, new)})",
        *limit_notes(limits),
        table_markdown(_size_table(base, head)),
        *notes(_other_circumstances(base, head)),
    ]
    for table in details:
        blocks += folded(table.name, table_markdown(table)) if table.rows else []
    return "\n\n".join(blocks) + "\n"


def batch_comparison(
    base: Batch, head: Batch, limits: Iterable[tuple[str, Sequence[Limit]]]
) -> str:
    """The same of two reports of several files, by the names of these."""
    old, new = base.totals.after, head.totals.after
    over = [
        f"over budget: {file}: {limit_line(limit)}"
        for file, each in limits
        for limit in each
        if limit.kept is False
    ]
    before, after = _outputs(base), _outputs(head)
    pairs = [(name, before.get(name), after.get(name)) for name in {**before, **after}]
    pairs.append(("all", old, new))
    files = _pair_table("Files", Column("file", numeric=False, literal=True), pairs)
    heading = f"{head.totals.files} files against the base: {old} → {new} bytes"
    blocks = [f"### {heading} ({percentage(old, new)})", *notes(over), table_markdown(files)]
    if base.tool != head.tool:
        blocks += notes([_tools_line(base.tool, head.tool)])
    return "\n\n".join(blocks) + "\n"


def _outputs(batch: Batch) -> dict[str, int | None]:
    """Bytes of each output by the name of its file; None for one that failed."""
    return {run.file: run.report.output.raw if run.report else None for run in batch.files}


def _tools_line(base: str, head: str) -> str:
    return f"base was made by wasmopt {base}, head by wasmopt {head}"


def _pair_table(name: str, what: Column, pairs: Iterable[_Pair]) -> Table:
    spec = (
        (what, lambda pair: pair[0]),
        (Column("base"), lambda pair: number(pair[1])),
        (Column("head"), lambda pair: number(pair[2])),
        (Column("change"), lambda pair: change(pair[1], pair[2])),
        (Column("%"), lambda pair: percentage(pair[1], pair[2])),
    )
    return make_table(name, spec, pairs)


def _size_table(base: Document, head: Document) -> Table:
    old, new = base.output, head.output
    pairs = [
        ("output, raw", old.raw, new.raw),
        ("output, code", old.code, new.code),
        ("output, gzip", old.gzip, new.gzip),
        ("output, brotli", old.brotli, new.brotli),
        ("input, raw", base.input.raw, head.input.raw),
    ]
    return _pair_table("Sizes", Column("bytes", numeric=False), pairs)


def _section_table(base: Document, head: Document) -> Table:
    old = {section.name: section.after for section in base.sections}
    new = {section.name: section.after for section in head.sections}
    pairs = [(name, old.get(name, 0), new.get(name, 0)) for name in {**old, **new}]
    column = Column("section", numeric=False, literal=True)
    return _pair_table("Sections that changed", column, _different(pairs))


def _function_table(base: Document, head: Document) -> Table:
    """Functions of unambiguous name that stand in the lists of both."""
    old, new = _functions(base), _functions(head)
    pairs = [(readable(name), old[name], new[name]) for name in old if name in new]
    pairs.sort(key=lambda pair: -abs(pair[2] - pair[1]))
    column = Column("function", numeric=False, literal=True)
    return _pair_table("Functions that changed", column, _different(pairs))


def _functions(document: Document) -> dict[str, int]:
    """Sizes in the output by name, without names that several functions have."""
    listed = [*document.functions.largest, *document.functions.most_changed]
    # Core modules of a component number their functions each for itself.
    rows = {(row.index, row.name): row for row in listed}
    names = Counter([row.name for row in rows.values()])
    return {row.name: row.after for row in rows.values() if names[row.name] == 1}


def _step_table(base: Document, head: Document) -> Table:
    old = {step.name: -step.delta for step in base.steps}
    new = {step.name: -step.delta for step in head.steps}
    pairs = [(name, old.get(name), new.get(name)) for name in {**old, **new}]
    return _pair_table("Bytes saved", Column("pass", numeric=False), pairs)


def _different(pairs: Sequence[_Pair]) -> list[_Pair]:
    return [pair for pair in pairs if pair[1] != pair[2]]


def _other_circumstances(base: Document, head: Document) -> list[str]:
    """Why the two may differ that is not in the modules."""
    lines = []
    if base.module != head.module:
        lines.append(f"base is {base.module}, head is {head.module}")
    if base.tool != head.tool:
        lines.append(_tools_line(base.tool, head.tool))
    if base.options != head.options:
        lines.append("base and head ran with different options")
    lines += [
        f"{name} was {base.libraries.get(name) or 'missing'} in base and "
        f"{head.libraries.get(name) or 'missing'} in head"
        for name in {**base.libraries, **head.libraries}
        if base.libraries.get(name) != head.libraries.get(name)
    ]
    return lines
