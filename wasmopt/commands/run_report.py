"""`--report`, `--summary` and budgets of a run: flags, and what they need before and behind it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from wasmopt.api import Result
from wasmopt.commands.console import print_error
from wasmopt.commands.limit_flags import add_limits, load_report, read_limits, tell_limits
from wasmopt.component_api import ComponentResult
from wasmopt.decode import decode
from wasmopt.errors import InputError, UsageError
from wasmopt.files import STANDARD_STREAM, read_input, write_output
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.reporting.budgets import GivenLimit, check_data
from wasmopt.reporting.build import TOP, build_document
from wasmopt.reporting.codec import write_document
from wasmopt.reporting.document_page import document_html
from wasmopt.reporting.markdown import document_markdown
from wasmopt.reporting.schema import Baseline, Batch, Document
from wasmopt.reporting.tables import summary_line
from wasmopt.reporting.terminal import summary_text

FORMATS: Final[dict[str, Callable[[Document], str]]] = {
    "json": write_document,
    "md": document_markdown,
    "html": document_html,
}


@dataclass(frozen=True, slots=True)
class RunReport:
    """What is to be told of a run.

    Attributes:
        files: formats and names of the reports to write.
        summary: whether to show one.
        symbols: the input with names.
        top: how many functions to list.
        limits: on the output.
        baseline: the run to compare with.
    """

    files: tuple[tuple[str, str], ...]
    summary: bool
    symbols: tuple[str, Module] | None
    top: int
    limits: tuple[GivenLimit, ...]
    baseline: Baseline | None

    @property
    def wanted(self) -> bool:
        """Whether anybody wants a report."""
        return bool(self.files or self.summary)

    def document(
        self, result: Result | ComponentResult, options: Options, name: str
    ) -> Document | None:
        """The report on the input of that name, None if nobody wants one.

        Raises:
            InputError: the symbols are not those of the input.
        """
        if not self.wanted:
            return None
        return build_document(
            result,
            options,
            name=name,
            symbols=self.symbols[1] if self.symbols else None,
            top=self.top,
            limits=self.limits,
            baseline=self.baseline,
        )

    def tell(
        self,
        result: Result | ComponentResult,
        document: Document | None,
        settings: argparse.Namespace,
    ) -> int:
        """Write and show the report, and check the limits; the exit code."""
        if document is None:
            limits = check_data(self.limits, result.data, self.baseline)
        else:
            limits = document.budget
            for form, name in self.files:
                settings.subject = name
                text = FORMATS[form](document)
                write_output(name, text.encode("utf-8", "backslashreplace"))
            if self.summary and not settings.quiet:
                print_error(summary_text(document))
        name = settings.input if settings.output is None else settings.output
        return tell_limits(limits, name, quiet=settings.quiet)


def result_lines(name: str, result: Result | ComponentResult, goal: str) -> list[str]:
    """What is said of a run, without the table of passes."""
    lines = list(result.report.notices)
    if isinstance(result, ComponentResult):
        parts = [(each.name, each.result.report) for each in result.modules]
        lines += [f"{part}: {summary_line(report, goal)}" for part, report in parts]
    return [f"{name}: {line}" for line in [*lines, summary_line(result.report, goal)]]


def add_reports(group: argparse._ArgumentGroup) -> None:
    """Add the flags."""
    group.add_argument(
        "--report",
        metavar="FORMAT=FILE",
        action="append",
        default=[],
        help=f"write a report, FORMAT being {', '.join(FORMATS)}; as often as you like",
    )
    group.add_argument("--summary", action="store_true", help="show the report on standard error")
    group.add_argument(
        "--symbols", metavar="FILE", help="take names of functions from the module before stripping"
    )
    group.add_argument(
        "--top", type=int, default=TOP, metavar="N", help=f"functions to list, {TOP} unless given"
    )
    group.add_argument("--baseline", metavar="FILE", help="a json report, for --max-growth")
    add_limits(group)


def read_reports(settings: argparse.Namespace, *, several: bool = False) -> RunReport:
    """What the flags ask for; whatever can be wrong with them is told before the work begins.

    With several inputs each has a baseline of its own, `read_baselines`.

    Raises:
        UsageError: they make no sense.
        InputError: a file that they name cannot be read.
    """
    files = tuple([_report_file(value) for value in settings.report])
    written = [settings.output, *[name for _, name in files]]
    if written.count(STANDARD_STREAM) + settings.print > 1:
        raise UsageError("--report writes to standard output, and so does something else")
    if settings.top < 0:
        raise UsageError(f"--top is {settings.top}, it counts functions: a number from 0 on")
    limits = read_limits(settings)
    baseline = None
    if settings.baseline is None and settings.max_growth is not None:
        raise UsageError("--max-growth needs a --baseline to grow from")
    if settings.baseline is not None and not several:
        report = load_report(settings.baseline, settings)
        if isinstance(report, Batch):
            raise InputError("is a report of several inputs, there is one here")
        baseline = Baseline(file=PurePath(settings.baseline).name, output=report.output)
    symbols = None
    if settings.symbols is not None:
        settings.subject = settings.symbols
        symbols = (settings.symbols, decode(read_input(settings.symbols)))
    return RunReport(files, settings.summary, symbols, settings.top, tuple(limits), baseline)


def read_baselines(settings: argparse.Namespace) -> dict[str, Baseline]:
    """The baseline of each file that the report of another run over several files knows.

    Raises:
        InputError: it is none.
    """
    if settings.baseline is None:
        return {}
    report = load_report(settings.baseline, settings)
    if isinstance(report, Document):
        raise InputError("is a report of one input, there are several here")
    name = PurePath(settings.baseline).name
    return {
        run.file: Baseline(file=name, output=run.report.output)
        for run in report.files
        if run.report is not None
    }


def _report_file(value: str) -> tuple[str, str]:
    """Format and name of a report."""
    form, separator, name = value.partition("=")
    if form not in FORMATS or not separator:
        forms = ", ".join([f"{each}=FILE" for each in FORMATS])
        raise UsageError(f"--report {value} is none of {forms}")
    return form, name
