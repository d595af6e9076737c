"""The Python interface: bytes, a path or a module in; a smaller module and a report out."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from wasmopt.context import Pass
from wasmopt.decode import MAGIC, code_range, decode
from wasmopt.encode import encode
from wasmopt.errors import InputError, UsageError, ValidationError
from wasmopt.features import refuse_features
from wasmopt.files import read_file
from wasmopt.goals import RAW, size_for
from wasmopt.manager import Manager, Observer, changed_functions
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, Map, ModulePass
from wasmopt.options import Options
from wasmopt.parallel import spread_over
from wasmopt.passes import MODULE_PASSES, REGISTRY, pipeline
from wasmopt.plugins import Plugins
from wasmopt.proof_log import ProofEntry, new_log
from wasmopt.report import Report
from wasmopt.sections import finish_sections, is_relocatable, sections_saved
from wasmopt.text import read_text
from wasmopt.validate import validate
from wasmopt.verdict import Verdict
from wasmopt.verify import ProofCache, Prover, prove_module

_log = logging.getLogger(__name__)

BUILT_IN: Final = (*REGISTRY, *MODULE_PASSES)


Binary: TypeAlias = bytes | bytearray | memoryview
"""A module, or the text of one, in memory."""


@dataclass(frozen=True, slots=True)
class Result:
    """What `optimize` returns.

    Attributes:
        module: the optimized module.
        data: the same as bytes; never larger than the input in the size that the goal names,
            always valid.
        report: what was done.
        source: the input as a binary.
        function_map: for each function of the input, imported ones counted, its index in the
            output; None for one that is gone.  Several may have become one.
        proofs: what became of each change at the proof gate, in an order that does not depend on
            `jobs`; none unless the options ask for it.
    """

    module: Module
    data: bytes
    report: Report
    source: bytes
    function_map: Map
    proofs: tuple[ProofEntry, ...] = ()


def optimize(
    source: Binary | Path | Module,
    options: Options | None = None,
    *,
    observer: Observer | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> Result:
    """Make a module smaller.

    The same source and options give the same bytes, always.

    Args:
        source: a binary or text module, a file that holds one, or a decoded module.
        options: how; the defaults of `Options` when None.
        observer: called with (pass name, function index, function, module) behind every kept
            change.
        on_progress: called with (functions done, functions in all).
        executor: what is to do the work inside functions, on this machine or others; `jobs` of
            the options is for when there is none.  It is trusted as this process is: proofs are
            made where the work is done.

    Raises:
        InputError: the input cannot be read, decoded or validated.
        UsageError: the options name a pass that does not exist.
    """
    start = time.process_time()
    options = Options() if options is None else options
    plugins = Plugins(BUILT_IN)
    passes = select_passes(options, plugins)
    data, original = load(source)
    refuse_features(original, options.disabled_features)
    result = optimize_loaded(
        *(data, original, passes, options),
        observer=observer,
        on_progress=on_progress,
        executor=executor,
    )
    result.report.notices[:0] = plugins.notices([each.name for each in passes])
    result.report.seconds = time.process_time() - start + result.report.seconds_elsewhere
    return result


def optimize_loaded(
    data: bytes,
    original: Module,
    passes: Sequence[Pass | ModulePass],
    options: Options,
    *,
    observer: Observer | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    executor: Executor | None = None,
) -> Result:
    """As `optimize`, of a module that is decoded and validated already.

    Args:
        data: the module as a binary.
        original: the same decoded.
        passes: what to run; the other options are as for `optimize`.
        options: all but the passes.
        observer: as for `optimize`.
        on_progress: the same.
        executor: the same.
    """
    report = Report(len(data), functions=len(original.functions), input_code=len(code_range(data)))
    report.input_weight = size_for(options.goal)(data)
    report.imported = len(original.imported(Kind.FUNCTION))
    if is_relocatable(original):
        report.notices.append("left as it is: an object file, which relocations point into")
        return _unchanged(original, data, report)
    with (
        ProofCache(options.verdicts, settings=options.solver) as cache,
        spread_over(executor, options) as spread,
    ):
        log = new_log(options)
        newest = None if log is None else cache.pin()
        if spread is not None:
            spread.newest = newest
        make = partial(
            Prover,
            solver=options.solver,
            cache=cache if cache.is_on else None,
            record=options.obligations,
        )
        prover = make()
        # A function may only be wrong in this module, not in itself: nothing is replayed.
        inner = make(replay=False)
        inner.report = prover.report

        def module_prover(before: Module, after: Module, claim: Correspondence) -> Verdict:
            return prove_module(before, after, claim, inner, prover.report)

        manager = Manager(
            passes,
            options,
            prover,
            observer,
            on_progress,
            module_prover,
            prover.several,
            spread,
            log,
        )
        report.passes = list(manager.reports.values())
        report.proofs = prover.report
        optimized = manager.run(original)
    report.notices += cache.notices
    if spread is not None:
        report.proofs.add(spread.proofs)
        report.notices += [each for each in spread.notices if each not in cache.notices]
    report.rounds = manager.rounds
    try:
        try:
            result = _assemble(original, optimized, data, manager, report)
        except ValidationError:
            optimized = manager.put_back_invalid(manager.settled, optimized)
            result = _assemble(original, optimized, data, manager, report)
    except Exception as error:  # rather the input again than anything doubtful
        _log.exception("everything was put back")
        manager.put_back_all("everything was put back")
        report.notices.append(f"everything was put back, the result was not usable: {error}")
        result = _unchanged(original, data, report)
    report.notices += manager.notices()
    report.seconds_elsewhere = 0.0 if spread is None else spread.seconds
    return replace(result, proofs=tuple(log or ()))


def select_passes(options: Options, plugins: Plugins) -> tuple[Pass | ModulePass, ...]:
    """The passes that the options name, in order.

    Raises:
        UsageError: a name is unknown, the message has the closest known one; or a plug-in cannot
            be loaded.
    """
    names = pipeline(options) if options.passes is None else options.passes
    known: dict[str, Pass | ModulePass] = {**REGISTRY, **MODULE_PASSES}
    all_names = (*known, *plugins.summaries)
    for name in [*names, *sorted(options.print_after)]:
        if name not in all_names:
            raise UsageError(f"unknown pass {name}{closest_pass(name, all_names)}")
    known |= {name: plugins.load(name) for name in dict.fromkeys(names) if name not in known}
    return tuple([known[name] for name in names])


def closest_pass(name: str, names: Iterable[str]) -> str:
    """A hint at the known pass whose name is closest to `name`."""
    known = sorted(names)
    close = get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else f", known: {' '.join(known)}"


def load(source: Binary | Path | Module) -> tuple[bytes, Module]:
    """The source as a binary, and that decoded and validated."""
    # A module is decoded again, so that its instructions are interned whoever made it.
    data = encode(source) if isinstance(source, Module) else read_source(source)
    binary = to_binary(data)
    with errors_in_text(binary is not data):
        module = decode(binary)
        validate(module, binary)
    return binary, module


def read_source(source: Binary | Path) -> bytes:
    """The bytes of a source."""
    if isinstance(source, Path):
        return read_file(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    raise TypeError(f"a module is bytes, a pathlib.Path or a Module, not {type(source).__name__}")


def to_binary(data: bytes) -> bytes:
    """The same object, or the binary of what is text."""
    is_text = not data.startswith(MAGIC) and data.lstrip().startswith((b"(", b";;"))
    return read_text(data) if is_text else data


@contextlib.contextmanager
def errors_in_text(is_text: bool) -> Iterator[None]:
    """Where the source is text, say so of the places in errors."""
    try:
        yield
    except InputError as error:
        if not is_text or error.offset is None:
            raise
        where = f"byte {error.offset} of the binary that the text gives"
        raise type(error)(f"{error.problem} ({where})") from None


def _assemble(
    original: Module, optimized: Module, data: bytes, manager: Manager, report: Report
) -> Result:
    """Finish the sections and check the whole.

    At level 0, where only numbers get shorter, nothing is worth a loss: the input stays as it is.

    Raises:
        ValidationError: the result is not valid.
        ValueError: the result is larger than the input, in the size that counts.
    """
    imported = len(original.imported(Kind.FUNCTION))
    origins = manager.origins
    last = changed_functions(manager.settled.functions, optimized.functions)
    changed = {*origins.changed, *[imported + position for position in last]}
    finished, notices = finish_sections(
        optimized, manager.options, changed, data, origins.claim if origins.moved else None
    )
    if notices and manager.options.level == "0" and not (changed or origins.moved):
        report.notices += [f"left as it is: else it {notice}" for notice in notices]
        return _unchanged(original, data, report)
    result = encode(finished)
    if result != data:
        validate(finished, result)
    goal = manager.options.goal
    weight = size_for(goal)(result)
    if weight > report.input_weight:
        by_goal = "" if goal == RAW else f" by {goal}"
        raise ValueError(f"{weight} bytes{by_goal} are more than {report.input_weight}")
    report.sections_saved = sections_saved(optimized, finished)
    function_map = origins.function_map(imported + len(original.functions))
    report.changed = sum([new is None or new in changed for new in function_map])
    report.notices += notices
    report.output_weight = weight
    return _finish(finished, result, data, report, function_map)


def _unchanged(module: Module, data: bytes, report: Report) -> Result:
    report.output_weight = report.input_weight
    functions = len(module.imported(Kind.FUNCTION)) + len(module.functions)
    return _finish(module, data, data, report, tuple(range(functions)))


def _finish(
    module: Module, data: bytes, source: bytes, report: Report, function_map: Map
) -> Result:
    report.output_size = len(data)
    report.output_code = len(code_range(data))
    saved = sum(entry.bytes_saved for entry in report.passes) + report.sections_saved
    report.encoding_saved = report.input_size - report.output_size - saved
    return Result(module, data, report, source, function_map)
