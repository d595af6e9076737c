"""`wasmopt report`: reports that were written with `--report json=FILE`, as Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import PurePath
from typing import TypeVar

from wasmopt.commands import EXIT_CODES
from wasmopt.commands.limit_flags import add_limits, load_report, read_limits, tell_limits
from wasmopt.commands.parser import Parser
from wasmopt.errors import UsageError
from wasmopt.files import STANDARD_STREAM, write_output
from wasmopt.reporting.batch import batch_markdown
from wasmopt.reporting.budgets import GivenLimit, check_limits
from wasmopt.reporting.compare import batch_comparison, comparison_markdown
from wasmopt.reporting.markdown import document_markdown
from wasmopt.reporting.schema import Baseline, Batch, Document, Limit

_Report = TypeVar("_Report", Document, Batch)


def build_parser() -> Parser:
    """The parser."""
    parser = Parser(
        "wasmopt report",
        "[options] [BASE.json] HEAD.json",
        "Shows the report of a run as Markdown, or what is other in a run than in one before it.",
        EXIT_CODES,
    )
    parser.add_argument(
        "reports", metavar="JSON", nargs="+", help="one report, or base and head; - for stdin"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", default=STANDARD_STREAM, help="where to write the Markdown"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    add_limits(parser)
    return parser


def run(settings: argparse.Namespace) -> int:
    """Show them; the exit code."""
    if len(settings.reports) > 2:
        raise UsageError(f"{len(settings.reports)} reports, there can be one or two: base and head")
    if len(settings.reports) == 1 and settings.max_growth is not None:
        raise UsageError("--max-growth needs a base to grow from: two reports")
    limits = read_limits(settings)
    documents = [load_report(name, settings) for name in settings.reports]
    name = PurePath(settings.reports[0]).name
    if isinstance(documents[-1], Batch):
        base_batch = _base(documents, Batch)
        text, checked = _several(base_batch, documents[-1], limits, name)
    else:
        base = _base(documents, Document)
        text, checked = _one(base, documents[-1], limits, name, settings.reports[-1])
    settings.subject = settings.output
    write_output(settings.output, text.encode("utf-8", "backslashreplace"))
    codes = [tell_limits(each, file, quiet=settings.quiet) for file, each in checked]
    return max(codes, default=0)


def _base(documents: Sequence[Document | Batch], kind: type[_Report]) -> _Report | None:
    """The first of two reports, which has to be of the same kind as the second."""
    if len(documents) == 1:
        return None
    if not isinstance(documents[0], kind):
        raise UsageError("one is a report of one input, the other is of several")
    return documents[0]


def _one(
    base: Document | None, head: Document, limits: Sequence[GivenLimit], name: str, file: str
) -> tuple[str, list[tuple[str, tuple[Limit, ...]]]]:
    """The Markdown on one input, and its limits."""
    baseline = None if base is None else Baseline(file=name, output=base.output)
    checked = check_limits(limits, head.output.raw, head.output.brotli, baseline)
    text = document_markdown(head) if base is None else comparison_markdown(base, head, checked)
    return text, [(file, checked)]


def _several(
    base: Batch | None, head: Batch, limits: Sequence[GivenLimit], name: str
) -> tuple[str, list[tuple[str, tuple[Limit, ...]]]]:
    """The Markdown on several inputs, and the limits of each."""
    known = {run.file: run.report for run in (base.files if base else ()) if run.report}
    checked = []
    for run in head.files:
        if run.report is not None:
            old = known.get(run.file)
            baseline = None if old is None else Baseline(file=name, output=old.output)
            sizes = run.report.output
            checked.append((run.file, check_limits(limits, sizes.raw, sizes.brotli, baseline)))
    text = batch_markdown(head) if base is None else batch_comparison(base, head, checked)
    return text, checked
