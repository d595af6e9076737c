"""The Python interface: bytes, a path or a module in; a smaller module and a report out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from wasmopt.context import Pass
from wasmopt.decode import MAGIC, code_range, decode
from wasmopt.encode import encode
from wasmopt.errors import InputError, UsageError, ValidationError
from wasmopt.features import refuse_features
from wasmopt.files import read_file
from wasmopt.manager import Manager, Observer, changed_functions
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, Map, ModulePass
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES, PIPELINES, REGISTRY
from wasmopt.plugins import Plugins
from wasmopt.report import Report
from wasmopt.sections import finish_sections, is_relocatable, sections_saved
from wasmopt.text import read_text
from wasmopt.validate import validate
from wasmopt.verdict import Verdict
from wasmopt.verify import ProofCache, Prover, prove_module

_log = logging.getLogger(__name__)

_BUILT_IN: Final = (*REGISTRY, *MODULE_PASSES)


@dataclass(frozen=True, slots=True)
class Result:
    """What `optimize` returns.

    Attributes:
        module: the optimized module.
        data: the same as bytes; never longer than the input, always valid.
        report: what was done.
        source: the input as a binary.
        function_map: for each function of the input, imported ones counted, its index in the
            output; None for one that is gone.  Several may have become one.
    """

    module: Module
    data: bytes
    report: Report
    source: bytes
    function_map: Map


def optimize(
    source: bytes | Path | Module,
    options: Options | None = None,
    *,
    observer: Observer | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Make a module smaller.

    The same source and options give the same bytes, always.

    Args:
        source: a binary or text module, a file that holds one, or a decoded module.
        options: how; the defaults of `Options` when None.
        observer: called with (pass name, function index, function, module) behind every kept
            change.
        on_progress: called with (functions done, functions in all).

    Raises:
        InputError: the input cannot be read, decoded or validated.
        UsageError: the options name a pass that does not exist.
    """
    start = time.process_time()
    options = Options() if options is None else options
    plugins = Plugins(_BUILT_IN)
    passes = select_passes(options, plugins)
    data, original = load(source)
    refuse_features(original, options.disabled_features)
    report = Report(len(data), functions=len(original.functions), input_code=len(code_range(data)))
    report.notices += plugins.notices([each.name for each in passes])
    if is_relocatable(original):
        report.notices.append("left as it is: an object file, which relocations point into")
        report.seconds = time.process_time() - start
        return _unchanged(original, data, report)
    with ProofCache(options.cache, settings=options.solver) as cache:
        prover = Prover(solver=options.solver, cache=cache if cache.is_on else None)
        # A function may only be wrong in this module, not in itself: nothing is replayed.
        inner = Prover(solver=options.solver, cache=cache if cache.is_on else None, replay=False)
        inner.report = prover.report

        def module_prover(before: Module, after: Module, claim: Correspondence) -> Verdict:
            return prove_module(before, after, claim, inner)

        manager = Manager(
            passes, options, prover, observer, on_progress, module_prover, prover.several
        )
        report.passes = list(manager.reports.values())
        report.proofs = prover.report
        optimized = manager.run(original)
    report.notices += cache.notices
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
    report.seconds = time.process_time() - start
    return result


def select_passes(options: Options, plugins: Plugins) -> tuple[Pass | ModulePass, ...]:
    """The passes that the options name, in order.

    Raises:
        UsageError: a name is unknown, the message has the closest known one; or a plug-in cannot
            be loaded.
    """
    names = PIPELINES[options.level] if options.passes is None else options.passes
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


def load(source: bytes | Path | Module) -> tuple[bytes, Module]:
    """The source as a binary, and that decoded and validated."""
    if isinstance(source, Module):
        # Decoded again, so that its instructions are interned whoever made it.
        data = encode(source)
    elif isinstance(source, Path):
        data = read_file(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    else:
        raise TypeError(
            f"a module is bytes, a pathlib.Path or a Module, not {type(source).__name__}"
        )
    binary = read_text(data) if _is_text(data) else data
    try:
        module = decode(binary)
        validate(module, binary)
    except InputError as error:
        if binary is data or error.offset is None:
            raise
        where = f"byte {error.offset} of the binary that the text gives"
        raise type(error)(f"{error.problem} ({where})") from None
    return binary, module


def _is_text(data: bytes) -> bool:
    return not data.startswith(MAGIC) and data.lstrip().startswith((b"(", b";;"))


def _assemble(
    original: Module, optimized: Module, data: bytes, manager: Manager, report: Report
) -> Result:
    """Finish the sections and check the whole.

    At level 0, where only numbers get shorter, nothing is worth a loss: the input stays as it is.

    Raises:
        ValidationError: the result is not valid.
        ValueError: the result is larger than the input.
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
    if len(result) > len(data):
        raise ValueError(f"{len(result)} bytes are more than {len(data)}")
    report.sections_saved = sections_saved(optimized, finished)
    function_map = origins.function_map(imported + len(original.functions))
    report.changed = sum([new is None or new in changed for new in function_map])
    report.notices += notices
    return _finish(finished, result, data, report, function_map)


def _unchanged(module: Module, data: bytes, report: Report) -> Result:
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
