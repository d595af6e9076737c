"""`wasmopt report`: reports that were written with `--report json=FILE`, as Markdown."""

from __future__ import annotations

import argparse
from pathlib import PurePath

from wasmopt.commands import EXIT_CODES
from wasmopt.commands.limit_flags import add_limits, load_report, read_limits, tell_limits
from wasmopt.commands.parser import Parser
from wasmopt.errors import UsageError
from wasmopt.files import STANDARD_STREAM, write_output
from wasmopt.reporting.budgets import check_limits
from wasmopt.reporting.compare import comparison_markdown
from wasmopt.reporting.markdown import document_markdown
from wasmopt.reporting.schema import Baseline


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
    head = documents[-1]
    baseline = None
    if len(documents) == 2:
        name = PurePath(settings.reports[0]).name
        baseline = Baseline(file=name, output=documents[0].output)
    checked = check_limits(limits, head.output.raw, head.output.brotli, baseline)
    text = (
        document_markdown(head)
        if baseline is None
        else comparison_markdown(documents[0], head, checked)
    )
    settings.subject = settings.output
    write_output(settings.output, text.encode("utf-8", "backslashreplace"))
    return tell_limits(checked, settings.reports[-1], quiet=settings.quiet)
