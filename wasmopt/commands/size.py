"""`wasmopt size`: where the bytes of modules are."""

from __future__ import annotations

import argparse
from pathlib import PurePath
from typing import Final

from wasmopt.api import load
from wasmopt.commands import EXIT_CODES
from wasmopt.commands.limit_flags import add_limits, read_limits, tell_limits
from wasmopt.commands.parser import Parser
from wasmopt.decode import decode
from wasmopt.errors import UsageError
from wasmopt.files import (
    STANDARD_STREAM,
    read_input,
    write_output,
    write_standard_output,
)
from wasmopt.goals import brotli_size, gzip_size
from wasmopt.reporting.budgets import LimitName, check_data
from wasmopt.reporting.build import TOP
from wasmopt.reporting.names import check_twin
from wasmopt.reporting.size import (
    anatomy,
    part_table,
    section_size_table,
    size_html,
    summary,
    unreached_table,
)
from wasmopt.reporting.tables import number
from wasmopt.reporting.terminal import table_lines

_LIMITS: Final[tuple[LimitName, ...]] = ("max-size", "max-brotli")


def build_parser() -> Parser:
    """The parser."""
    parser = Parser(
        "wasmopt size",
        "[options] IN...",
        "Shows where the bytes of modules are: sections, and what each function, segment or other "
        "part keeps, itself and everything that is there only because of it.",
        EXIT_CODES,
    )
    parser.add_argument(
        "inputs", metavar="IN", nargs="+", help="module, binary or text; - for standard input"
    )
    parser.add_argument(
        "--html", metavar="FILE", help="draw it as areas, on a page that needs no network"
    )
    parser.add_argument(
        "--compressed", action="store_true", help="the sizes by gzip and brotli too"
    )
    parser.add_argument(
        "--symbols", metavar="FILE", help="take names of functions from the module before stripping"
    )
    parser.add_argument(
        "--top", type=int, default=TOP, metavar="N", help=f"parts to list, {TOP} unless given"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    add_limits(parser, _LIMITS)
    return parser


def run(settings: argparse.Namespace) -> int:
    """Show it; the exit code."""
    if len(settings.inputs) > 1 and (settings.html is not None or settings.symbols is not None):
        raise UsageError("--html and --symbols are for one module at a time")
    if settings.top < 0:
        raise UsageError(f"--top is {settings.top}, it counts parts: a number from 0 on")
    limits = read_limits(settings, _LIMITS)
    symbols = None
    if settings.symbols is not None:
        settings.subject = settings.symbols
        symbols = decode(read_input(settings.symbols))
    code = 0
    for name in settings.inputs:
        settings.subject = name
        data, module = load(read_input(name))
        if symbols is not None:
            settings.subject = settings.symbols
            check_twin(module, symbols)
        whole = anatomy(PurePath(name).name or name, module, data, symbols)
        if settings.html is not None:
            settings.subject = settings.html
            page = size_html(whole, settings.top)
            write_output(settings.html, page.encode("utf-8", "backslashreplace"))
        if not settings.quiet and settings.html != STANDARD_STREAM:
            lines = [f"{name}: {summary(whole)}"]
            if settings.compressed:
                lines.append(f"gzip {gzip_size(data)}, brotli {number(brotli_size(data))}")
            tables = [section_size_table(whole), part_table(whole, settings.top)]
            tables.append(unreached_table(whole, settings.top))
            for table in tables:
                if table.rows:
                    lines += ["", f"{table.name}:", *table_lines(table)]
            settings.subject = STANDARD_STREAM
            text = "\n".join([*lines, "", ""])
            write_standard_output(text.encode("utf-8", "backslashreplace"))
        code = max(code, tell_limits(check_data(limits, data, None), name, quiet=settings.quiet))
    return code
