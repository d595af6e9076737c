"""`wasmopt`: wasm-opt's flags and habits."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

from wasmopt.api import Result, optimize, to_binary
from wasmopt.commands import COMMANDS, EXIT_CODES
from wasmopt.commands.batch import is_batch, run_batch
from wasmopt.commands.console import print_error, progress, say
from wasmopt.commands.parser import Parser, ShowAction
from wasmopt.commands.run_report import add_reports, read_reports, result_lines
from wasmopt.component import is_component
from wasmopt.component_api import ComponentResult, optimize_component
from wasmopt.errors import UsageError
from wasmopt.features import FEATURES
from wasmopt.files import STANDARD_STREAM, read_input, write_output, write_standard_output
from wasmopt.function import Function
from wasmopt.goals import GOALS, RAW
from wasmopt.module import Module
from wasmopt.options import LEVELS, OUTLINE, SOLVERS, Options
from wasmopt.parallel import dask_cluster
from wasmopt.passes import MODULE_PASSES, REGISTRY, pipeline
from wasmopt.plugins import Plugins
from wasmopt.reporting.terminal import metrics_text
from wasmopt.text import function_text, module_text
from wasmopt.verify import default_path
from wasmopt.version import VERSION

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


class _StepAction(argparse.Action):
    """Collects levels and passes in the order they are given, as wasm-opt does."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        level, _ = self.const
        namespace.steps = [*namespace.steps, self.const]
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


def build_parser() -> Parser:
    """The parser, made from the registry of passes and the table of features."""
    others = "; ".join([f"wasmopt {name} --help: {what}" for name, what in COMMANDS.items()])
    parser = Parser(
        "wasmopt",
        "[options] [passes] IN [-o OUT]\n       %(prog)s [options] [passes] IN ... --out-dir DIR",
        "Makes WebAssembly modules smaller and proves every change.",
        f"{others}; {EXIT_CODES}",
        flags="option or pass",
        refused=REFUSED,
        bundled="gqSc",
    )
    parser.add_argument(
        "inputs",
        metavar="IN",
        nargs="+",
        help="module, binary or text; - for standard input; several, or folders of *.wasm and "
        "*.wat, with --out-dir or --in-place",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="where to write; - for standard output"
    )
    parser.add_argument(
        "--out-dir", metavar="DIR", help="where to write all of them, by the same names"
    )
    parser.add_argument("--in-place", action="store_true", help="write over the inputs")
    parser.add_argument("-S", "--emit-text", action="store_true", help="write the text format")
    version = f"wasmopt {VERSION}"
    parser.add_argument(
        "--version", action=ShowAction, nargs=0, const=version, help="show the version"
    )
    _add_levels(parser.add_argument_group("how much"))
    _add_sections(parser.add_argument_group("custom sections"))
    _add_proofs(parser.add_argument_group("proofs"))
    _add_shown(parser.add_argument_group("what is shown"))
    add_reports(parser.add_argument_group("reports and budgets"))
    _add_features(parser.add_argument_group("features, which are found out without being told"))
    passes = parser.add_argument_group("passes, run in the order given, levels in between")
    summaries = {name: each.summary for name, each in REGISTRY.items()}
    summaries |= {name: each.summary for name, each in MODULE_PASSES.items()}
    for name, summary in summaries.items():
        _add_step(passes, f"--{name}", None, (name,), summary)
    for name, origin in Plugins(summaries).flags.items():
        if not parser.knows(f"--{name}"):  # else it can be named from Python
            _add_step(passes, f"--{name}", None, (name,), origin.replace("%", "%%"))
    parser.set_defaults(level=None, only_level=True, steps=(), disabled=frozenset())
    return parser


def _add_step(
    group: argparse._ArgumentGroup, flag: str, level: str | None, names: Sequence[str], text: str
) -> None:
    group.add_argument(
        flag, action=_StepAction, nargs=0, const=(level, names), dest="steps", help=text
    )


def _add_levels(group: argparse._ArgumentGroup) -> None:
    _add_step(group, "-O", "s", (), "the same as -Os")
    for level, meaning in LEVELS.items():
        _add_step(group, f"-O{level}", level, (), meaning)
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in GOALS.items())
    group.add_argument(
        "--for",
        dest="goal",
        choices=GOALS,
        default=RAW,
        help=f"the size that counts, {RAW} unless given; {meanings}",
    )
    group.add_argument(
        "-c", "--converge", action="store_true", help="go on until nothing gets smaller any more"
    )
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in OUTLINE.items())
    group.add_argument(
        "--outline", choices=OUTLINE, help=f"where repeated code becomes a function; {meanings}"
    )
    group.add_argument(
        "--fuel", type=int, metavar="N", help="stop after N changes, to bisect a problem"
    )
    group.add_argument(
        *("-j", "--jobs"),
        type=int,
        default=1,
        metavar="N",
        help="processes that work on functions; the result does not depend on it",
    )
    group.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="have the workers of a Dask cluster do that, by the address of its scheduler",
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


def run(settings: argparse.Namespace) -> int:
    """Optimize; the exit code."""
    if settings.debug:
        logging.basicConfig(level=logging.INFO, format="wasmopt: %(message)s")
    if settings.print and settings.output == STANDARD_STREAM:
        raise UsageError("--print and -o - both write to standard output, use one of them")
    options = _options(settings)
    if is_batch(settings):
        observer = _printer(options) if options.print_after else None
        return run_batch(settings, options, observer, _cluster(settings))
    (settings.input,) = settings.inputs
    reports = read_reports(settings)
    settings.subject = settings.input
    source = read_input(settings.input)
    component = is_component(to_binary(source))
    if component:
        _refuse_flags(settings)
    with progress(quiet=settings.quiet) as on_progress, _cluster(settings) as executor:
        result = (optimize_component if component else optimize)(
            source,
            options,
            observer=_printer(options) if options.print_after else None,
            on_progress=on_progress,
            executor=executor,
        )
    settings.subject = reports.symbols[0] if reports.symbols else settings.input
    document = reports.document(result, options, settings.input)
    text = b""
    if isinstance(result, Result) and (
        settings.print or (settings.emit_text and settings.output is not None)
    ):
        text = module_text(result.module).encode()
    if settings.output is not None:
        settings.subject = settings.output
        write_output(settings.output, text if settings.emit_text else result.data)
    if not settings.quiet:
        _show(settings, options, result)
    if settings.print:
        settings.subject = STANDARD_STREAM
        write_standard_output(text)
    return reports.tell(result, document, settings)


def _cluster(settings: argparse.Namespace) -> AbstractContextManager[Executor | None]:
    return nullcontext() if settings.dask is None else dask_cluster(settings.dask)


def _refuse_flags(settings: argparse.Namespace) -> None:
    """Raise UsageError for what can be done with modules only."""
    for flag, given in (
        ("-S", settings.emit_text),
        ("--print", settings.print),
        ("--symbols", settings.symbols is not None),
    ):
        if given:
            raise UsageError(f"{flag} is for core modules, {settings.input} is a component")


def _options(settings: argparse.Namespace) -> Options:
    default = "s" if settings.steps else "0"
    options = Options(
        level=settings.level or default,
        goal=settings.goal,
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
        outline=settings.outline,
        cache=None if settings.no_cache else default_path(),
        jobs=settings.jobs,
    )
    if settings.only_level:
        return options
    passes: list[str] = []
    for level, names in settings.steps:
        passes += names if level is None else pipeline(replace(options, level=level))
    return replace(options, passes=tuple(passes))


def _printer(options: Options) -> Callable[[str, int, Function, Module], None]:
    def show(name: str, index: int, function: Function, module: Module) -> None:
        if name in options.print_after:
            text = function_text(module, index, function)
            print_error(f";; function {index} after {name}\n{text}")

    return show


def _show(settings: argparse.Namespace, options: Options, result: Result | ComponentResult) -> None:
    report = result.report
    if settings.output is None and not settings.print:
        say("no -o given, nothing is written")
    for line in result_lines(settings.input, result, options.goal):
        say(line)
    if settings.metrics and not settings.summary:
        print_error(metrics_text(report, options))
