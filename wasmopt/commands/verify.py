"""`wasmopt verify`: are two modules the same program?"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from wasmopt.api import load
from wasmopt.commands import EXIT_CODES
from wasmopt.commands.console import progress, say
from wasmopt.commands.parser import Parser
from wasmopt.errors import UsageError
from wasmopt.files import STANDARD_STREAM, read_input, write_output, write_standard_output
from wasmopt.options import SOLVERS
from wasmopt.reporting.build import TOP
from wasmopt.reporting.codec import write_record
from wasmopt.reporting.counterexample import counterexample_file, divergence_text
from wasmopt.reporting.verification import (
    Verification,
    build_verification,
    verification_markdown,
    verification_text,
)
from wasmopt.verify import EXPERIMENTS, default_path
from wasmopt.verify_api import verify_loaded

_CODES: Final = {"proved": 0, "refuted": 4, "unproved": 5}
FORMATS: Final[dict[str, Callable[[Verification, int], str]]] = {
    "json": lambda report, _: write_record(report),
    "md": verification_markdown,
}


def build_parser() -> Parser:
    """The parser."""
    parser = Parser(
        "wasmopt verify",
        "[options] BEFORE AFTER",
        "Proves or refutes that two modules are the same program, whoever made the second. Finds "
        "out by itself which function stands for which.",
        EXIT_CODES,
    )
    parser.add_argument("before", metavar="BEFORE", help="module, binary or text; - for stdin")
    parser.add_argument("after", metavar="AFTER", help="the other one")
    parser.add_argument(
        "--report",
        metavar="FORMAT=FILE",
        action="append",
        default=[],
        help=f"write a report, FORMAT being {', '.join(FORMATS)}; as often as you like",
    )
    parser.add_argument(
        "--counterexample", metavar="FILE", help="where to write one, for wasmopt replay"
    )
    parser.add_argument(
        "--experiments",
        type=int,
        default=EXPERIMENTS,
        metavar="N",
        help="runs of both modules in search of a difference, where the proofs leave a doubt; "
        f"{EXPERIMENTS} unless given",
    )
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in SOLVERS.items())
    parser.add_argument("--solver", choices=SOLVERS, default="z3", help=meanings)
    parser.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep verdicts of other runs"
    )
    parser.add_argument(
        "--top", type=int, default=TOP, metavar="N", help=f"functions to list, {TOP} unless given"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    return parser


def run(settings: argparse.Namespace) -> int:
    """Verify; the exit code."""
    if settings.top < 0 or settings.experiments < 0:
        raise UsageError("--top and --experiments count: they are numbers from 0 on")
    names = (settings.before, settings.after)
    if names == (STANDARD_STREAM, STANDARD_STREAM):
        raise UsageError("only one of the modules can come from standard input")
    reports = [_report_file(value) for value in settings.report]
    written = [name for _, name in reports] + [settings.counterexample]
    if written.count(STANDARD_STREAM) > 1:
        raise UsageError("only one file can be written to standard output")
    start = time.process_time()
    loaded = []
    for name in names:
        settings.subject = name
        loaded.append(load(read_input(name)))
    settings.subject = None
    with progress(quiet=settings.quiet) as on_progress:
        found = verify_loaded(
            *loaded,
            solver=settings.solver,
            experiments=settings.experiments,
            cache=None if settings.no_cache else default_path(),
            on_progress=on_progress,
        )
    for notice in [] if settings.quiet else found.notices:
        say(notice)
    found = replace(found, seconds=time.process_time() - start)
    report = build_verification(found, names)
    for form, name in reports:
        settings.subject = name
        write_output(name, FORMATS[form](report, settings.top).encode("utf-8", "backslashreplace"))
    if settings.counterexample is not None:
        settings.subject = settings.counterexample
        if found.counterexample is not None:
            file = counterexample_file(found.counterexample, report.before, report.after)
            write_output(settings.counterexample, write_record(file).encode())
        elif not settings.quiet:
            say(f"{settings.counterexample}: there is no counterexample, nothing is written")
    if not settings.quiet and STANDARD_STREAM not in written:
        settings.subject = STANDARD_STREAM
        text = verification_text(report, settings.top)
        if found.counterexample is not None:
            text += "\n" + divergence_text(found.counterexample)
        write_standard_output(text.encode("utf-8", "backslashreplace"))
    return _CODES[report.verdict]


def _report_file(value: str) -> tuple[str, str]:
    form, separator, name = value.partition("=")
    if not separator or not name or form not in FORMATS:
        raise UsageError(f"--report {value} is not FORMAT=FILE, FORMAT being {', '.join(FORMATS)}")
    return form, name
