"""`wasmopt replay`: a counterexample of `wasmopt verify`, run again."""

from __future__ import annotations

import argparse
import hashlib

import wasmtime

from wasmopt.api import load
from wasmopt.commands import EXIT_CODES
from wasmopt.commands.console import say
from wasmopt.commands.parser import Parser
from wasmopt.errors import InputError, UsageError
from wasmopt.files import STANDARD_STREAM, read_input, write_standard_output
from wasmopt.reporting.counterexample import divergence_text, read_counterexample
from wasmopt.verify import replay


def build_parser() -> Parser:
    """The parser."""
    parser = Parser(
        "wasmopt replay",
        "[options] COUNTEREXAMPLE.json [BEFORE AFTER]",
        "Runs a counterexample that `wasmopt verify --counterexample` wrote, on the two modules "
        "that it names or on others.",
        f"{EXIT_CODES}; here 4 says that they still differ",
    )
    parser.add_argument("counterexample", metavar="JSON", help="the file; - for standard input")
    parser.add_argument(
        "modules", metavar="MODULE", nargs="*", help="two modules instead of those in the file"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    return parser


def run(settings: argparse.Namespace) -> int:
    """Run it; the exit code."""
    if len(settings.modules) not in (0, 2):
        raise UsageError("give both modules, or none")
    settings.subject = settings.counterexample
    file, experiment = read_counterexample(read_input(settings.counterexample))
    names = settings.modules or [file.before.file, file.after.file]
    binaries = []
    for name, known in zip(names, (file.before, file.after), strict=True):
        settings.subject = name
        data, _ = load(read_input(name))
        if hashlib.sha256(data).hexdigest() != known.sha256 and not settings.quiet:
            say(f"{name} is another module than the counterexample was found with")
        binaries.append(data)
    settings.subject = None
    try:
        found = replay(experiment, binaries[0], binaries[1])
    except wasmtime.WasmtimeError:
        raise InputError("wasmtime cannot run these modules") from None
    if not settings.quiet:
        text = "no difference\n" if found is None else divergence_text(found)
        settings.subject = STANDARD_STREAM
        write_standard_output(text.encode("utf-8", "backslashreplace"))
    return 0 if found is None else 4
