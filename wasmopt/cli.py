"""The command line: wasm-opt's flags and habits.

Exit codes: 0 fine, 1 the input or output is at fault, 2 the command line is.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NoReturn

from wasmopt.api import Result, optimize
from wasmopt.errors import UsageError, WasmOptError
from wasmopt.features import FEATURES
from wasmopt.files import STANDARD_STREAM, read_input, write_output, write_standard_output
from wasmopt.function import Function
from wasmopt.module import Module
from wasmopt.options import LEVELS, SOLVERS, Options
from wasmopt.passes import PIPELINES, REGISTRY
from wasmopt.report import metrics_table, summary_line
from wasmopt.text import function_text, module_text
from wasmopt.verify import default_path
from wasmopt.version import VERSION

_log = logging.getLogger(__name__)

INTERRUPTED: Final = 130
"""Exit code after SIGINT, as shells have it."""
PROGRESS_AFTER: Final = 2.0
"""Seconds before progress is shown on a terminal."""
LONGEST_LINE: Final = 400
"""Characters of an error message: names in a module can be as long as the module."""

_TRAPS: Final = "traps are part of what a module does, and are kept"
_FLOATS: Final = "floating point is kept to the bit"
_MEMORY: Final = "nothing is assumed about how memory is used"
_VALIDATION: Final = "what is read and written is always validated"
REFUSED: Final = {
    "-tnh": _TRAPS,
    "--traps-never-happen": _TRAPS,
    "-iit": _TRAPS,
    "--ignore-implicit-traps": _TRAPS,
    "--trap-mode-clamp": _TRAPS,
    "--trap-mode-js": _TRAPS,
    "-ffm": _FLOATS,
    "--fast-math": _FLOATS,
    "-lmu": _MEMORY,
    "--low-memory-unused": _MEMORY,
    "-uim": _MEMORY,
    "--zero-filled-memory": _MEMORY,
    "-cw": "nothing is assumed about the host",
    "--closed-world": "nothing is assumed about the host",
    "-n": _VALIDATION,
    "--no-validation": _VALIDATION,
}
"""wasm-opt's flags that weaken what can be proved of the result, with the reason against each."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}, see --help")


class _StepAction(argparse.Action):
    """Collects levels and passes in the order they are given, as wasm-opt does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        level, names = self.const
        namespace.steps = [*namespace.steps, *names]
        if level is None:
            namespace.only_level = False
        else:
            namespace.only_level = namespace.only_level and namespace.level is None
            namespace.level = level


class _FeatureAction(argparse.Action):
    """--disable-X adds X to the disabled features, --enable-X and --all-features take it out."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        disable, names = self.const
        namespace.disabled = namespace.disabled | names if disable else namespace.disabled - names


class _ShowAction(argparse.Action):
    """--help and --version; argparse's own do not mind whether anybody can read them."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        text = parser.format_help() if self.const is None else f"{self.const}\n"
        namespace.subject = STANDARD_STREAM
        write_standard_output(text.encode())
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser, made from the registry of passes and the table of features."""
    parser = _Parser(
        prog="wasmopt",
        usage="%(prog)s [options] [passes] IN [-o OUT]",
        description="Makes a WebAssembly module smaller and proves every change.",
        epilog="exit codes: 0 fine, 1 the input or output is at fault, 2 the command line is",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("input", metavar="IN", help="module, binary or text; - for standard input")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="where to write; - for standard output"
    )
    parser.add_argument("-S", "--emit-text", action="store_true", help="write the text format")
    parser.add_argument("-h", "--help", action=_ShowAction, nargs=0, help="show this")
    parser.add_argument(
        "--version",
        action=_ShowAction,
        nargs=0,
        const=f"wasmopt {VERSION}",
        help="show the version",
    )
    _add_levels(parser.add_argument_group("how much"))
    _add_sections(parser.add_argument_group("custom sections"))
    _add_proofs(parser.add_argument_group("proofs"))
    _add_shown(parser.add_argument_group("what is shown"))
    _add_features(parser.add_argument_group("features, which are found out without being told"))
    passes = parser.add_argument_group("passes, run in the order given, levels in between")
    for name, each in REGISTRY.items():
        _add_step(passes, f"--{name}", None, (name,), each.summary)
    parser.set_defaults(level=None, only_level=True, steps=(), disabled=frozenset())
    return parser


def _add_step(
    group: argparse._ArgumentGroup, flag: str, level: str | None, names: Sequence[str], text: str
) -> None:
    group.add_argument(
        flag, action=_StepAction, nargs=0, const=(level, names), dest="steps", help=text
    )


def _add_levels(group: argparse._ArgumentGroup) -> None:
    _add_step(group, "-O", "s", PIPELINES["s"], "the same as -Os")
    for level, meaning in LEVELS.items():
        _add_step(group, f"-O{level}", level, PIPELINES[level], meaning)
    group.add_argument(
        "-c", "--converge", action="store_true", help="go on until nothing gets smaller any more"
    )
    group.add_argument(
        "--fuel", type=int, metavar="N", help="stop after N changes, to bisect a problem"
    )


def _add_sections(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-g", "--debuginfo", action="store_true", help="keep the name section")
    group.add_argument(
        "--strip-debug", "--strip", action="store_true", help="drop names, DWARF, source maps"
    )
    group.add_argument("--strip-dwarf", action="store_true", help="drop DWARF")
    group.add_argument("--strip-producers", action="store_true", help="drop producers")
    group.add_argument("--strip-target-features", action="store_true", help="drop target_features")


def _add_proofs(group: argparse._ArgumentGroup) -> None:
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in SOLVERS.items())
    group.add_argument("--solver", choices=SOLVERS, default="z3", help=meanings)
    group.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep verdicts of other runs"
    )


def _add_shown(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    group.add_argument("--debug", action="store_true", help="log what passes and gates do")
    group.add_argument("--metrics", action="store_true", help="a table of what each pass did")
    group.add_argument("--print", action="store_true", help="print the result as text")
    group.add_argument(
        "--print-after",
        metavar="PASS",
        action="append",
        default=[],
        help="print each function that PASS changed, as text, on standard error",
    )


def _add_features(group: argparse._ArgumentGroup) -> None:
    def add(flags: Sequence[str], disable: bool, names: Sequence[str], text: str) -> None:
        const = (disable, frozenset(names))
        group.add_argument(
            *flags, action=_FeatureAction, nargs=0, const=const, dest="disabled", help=text
        )

    add(["--all-features", "-all"], False, FEATURES, "undo every --disable-X before it")
    add(["--mvp-features", "-mvp"], True, FEATURES, "the same as every --disable-X")
    add(["--detect-features"], False, (), argparse.SUPPRESS)
    for name in FEATURES:
        add([f"--enable-{name}"], False, [name], argparse.SUPPRESS)
        add([f"--disable-{name}"], True, [name], f"fail if the input uses {name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    settings = argparse.Namespace(subject=None)
    try:
        parser = build_parser()
        _check_flags(arguments, parser)
        _run(parser.parse_args(arguments, settings))
    except WasmOptError as error:
        about = not isinstance(error, UsageError) and settings.subject is not None
        _say("error: " + (f"{settings.subject or repr('')}: " if about else "") + str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted, nothing was written")
        return INTERRUPTED
    except SystemExit as end:  # from argparse behind --help and --version, and from SIGTERM
        return end.code if isinstance(end.code, int) else 0
    except MemoryError:
        _say("error: out of memory, nothing was written")
        return 1
    except Exception as error:  # a fault of wasmopt itself is no reason for a traceback either
        _log.exception("internal error")
        _say(f"error: internal error, please report it: {type(error).__name__}: {error}")
        return 1
    return 0


def _say(message: str) -> None:
    """One line on standard error, whatever it is made of and whether or not anybody reads it."""
    line = "".join([c if c.isprintable() else ascii(c)[1:-1] for c in message[: LONGEST_LINE + 1]])
    if len(line) > LONGEST_LINE:
        line = line[:LONGEST_LINE] + "…"
    _print_error(f"wasmopt: {line}")


def _print_error(text: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)


def _check_flags(arguments: Sequence[str], parser: argparse.ArgumentParser) -> None:
    """Explain refused flags and give the closest known one for unknown flags."""
    known = parser._option_string_actions
    for argument in arguments:
        name = argument.partition("=")[0]
        if argument == "--":
            return
        if name in REFUSED:
            raise UsageError(f"{name} is refused: {REFUSED[name]}")
        if name in known or not re.match(r"-[^\d]", name) or re.match(r"-[gqSc]+$", name):
            continue
        close = get_close_matches(name, known, n=1)
        hint = f", did you mean {close[0]}?" if close else ", see --help"
        raise UsageError(f"unknown option or pass {name}{hint}")


def _run(settings: argparse.Namespace) -> None:
    if settings.debug:
        logging.basicConfig(level=logging.INFO, format="wasmopt: %(message)s")
    if settings.print and settings.output == STANDARD_STREAM:
        raise UsageError("--print and -o - both write to standard output, use one of them")
    options = _options(settings)
    settings.subject = settings.input
    with _progress(settings) as progress:
        result = optimize(
            read_input(settings.input),
            options,
            observer=_printer(options) if options.print_after else None,
            on_progress=progress,
        )
    text = b""
    if settings.print or (settings.emit_text and settings.output is not None):
        text = module_text(result.module).encode()
    if settings.output is not None:
        settings.subject = settings.output
        write_output(settings.output, text if settings.emit_text else result.data)
    if not settings.quiet:
        _show(settings, result)
    if settings.print:
        settings.subject = STANDARD_STREAM
        write_standard_output(text)


def _options(settings: argparse.Namespace) -> Options:
    default = "s" if settings.steps else "0"
    return Options(
        level=settings.level or default,
        passes=None if settings.only_level else tuple(settings.steps),
        converge=settings.converge,
        fuel=settings.fuel,
        keep_names=settings.debuginfo,
        strip_debug=settings.strip_debug,
        strip_dwarf=settings.strip_dwarf,
        strip_producers=settings.strip_producers,
        strip_target_features=settings.strip_target_features,
        disabled_features=frozenset(settings.disabled),
        print_after=frozenset(settings.print_after),
        solver=settings.solver,
        cache=None if settings.no_cache else default_path(),
    )


def _printer(options: Options) -> Callable[[str, int, Function, Module], None]:
    def show(name: str, index: int, function: Function, module: Module) -> None:
        if name in options.print_after:
            text = function_text(module, index, function)
            _print_error(f";; function {index} after {name}\n{text}")

    return show


def _show(settings: argparse.Namespace, result: Result) -> None:
    report = result.report
    if settings.output is None and not settings.print:
        _say("no -o given, nothing is written")
    for notice in report.notices:
        _say(f"{settings.input}: {notice}")
    _say(f"{settings.input}: {summary_line(report)}")
    if settings.metrics:
        _print_error(metrics_table(report))


@contextlib.contextmanager
def _progress(settings: argparse.Namespace) -> Iterator[Callable[[int, int], None] | None]:
    """A counter on a terminal's standard error, shown only when the work takes long."""
    if settings.quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    start = time.monotonic()
    shown = start

    def show(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - start > PROGRESS_AFTER and now - shown > 0.1:
            shown = now
            _draw(f"wasmopt: {done} of {total} functions")

    try:
        yield show
    finally:
        if shown > start:
            _draw("")


def _draw(text: str) -> None:
    """Replace the last line of the terminal."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def run_as_program() -> NoReturn:
    """Entry point of the `wasmopt` command: as `main`, and leaves nothing behind when ended."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, _end)
    code = main()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        # That was told already; what is still buffered goes nowhere, or Python would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _end(number: int, _frame: object) -> NoReturn:
    """Let temporary files be removed on the way out."""
    sys.exit(128 + number)
