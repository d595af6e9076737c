"""`wasmopt` with several inputs: which files these are, where each goes, and what is told of them.

    inputs ── folders are searched ──▶ jobs (source, target) ── checked ──▶ one file after the other

Whatever is wrong with the command line is told before anything is done; what is wrong with a file
is told in a line, and the others go on.  Each output appears all at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from wasmopt.api import Result
from wasmopt.commands.console import print_error, problem_of, progress, say
from wasmopt.commands.limit_flags import OVER_BUDGET, tell_limits
from wasmopt.commands.run_report import RunReport, read_baselines, read_reports, result_lines
from wasmopt.component_api import ComponentResult
from wasmopt.errors import InputError, OutputError, UsageError
from wasmopt.files import STANDARD_STREAM, write_file, write_output
from wasmopt.files_api import FileResult, optimize_files
from wasmopt.manager import Observer
from wasmopt.options import Options
from wasmopt.report import Report
from wasmopt.reporting.batch import (
    batch_html,
    batch_markdown,
    batch_text,
    build_batch,
    totals_line,
    totals_of,
)
from wasmopt.reporting.budgets import check_data
from wasmopt.reporting.codec import write_record
from wasmopt.reporting.schema import Baseline, Batch, FileRun
from wasmopt.reporting.terminal import metrics_text
from wasmopt.text import module_text

FORMATS: Final[dict[str, Callable[[Batch], str]]] = {
    "json": write_record,
    "md": batch_markdown,
    "html": batch_html,
}
_BINARY: Final = ".wasm"
_TEXT: Final = ".wat"
FAILED: Final = 1
"""Exit code when a file is at fault."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file to read, and where the result goes; None for nowhere."""

    source: str
    target: str | None


def is_batch(settings: argparse.Namespace) -> bool:
    """Whether the command line is about several files, if only by chance about one."""
    several = len(settings.inputs) > 1 or any(os.path.isdir(each) for each in settings.inputs)
    return several or settings.out_dir is not None or settings.in_place


def run_batch(
    settings: argparse.Namespace,
    options: Options,
    observer: Observer | None,
    cluster: AbstractContextManager[Executor | None],
) -> int:
    """Optimize all of them; the exit code.  The cluster is entered when all else is clear."""
    _refuse_flags(settings)
    reports = read_reports(settings, several=True)
    baselines = read_baselines(settings)
    settings.subject = None
    jobs = find_jobs(settings)
    check_targets(jobs, [name for _, name in reports.files], in_place=settings.in_place)
    if settings.out_dir is not None:
        _make_folder(settings.out_dir)
    elif not (settings.in_place or settings.quiet):
        say("no --out-dir given, nothing is written")
    run = _Run(settings, options, reports, baselines)
    paths = [Path(job.source) for job in jobs]
    try:
        with progress(quiet=settings.quiet) as on_progress, cluster as executor:
            found = optimize_files(
                paths, options, observer=observer, on_progress=on_progress, executor=executor
            )
            with contextlib.closing(found) as results:
                for job, result in zip(jobs, results, strict=True):
                    run.finish(job, result)
        return run.tell()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted, {run.written} of {len(jobs)} outputs were written, none in part"
        ) from None


def _refuse_flags(settings: argparse.Namespace) -> None:
    """Raise UsageError for what can be done with one input only."""
    if settings.output is not None:
        folders = [f"{each} is a folder: " for each in settings.inputs if os.path.isdir(each)]
        about = "".join(folders[:1])
        raise UsageError(f"{about}-o is for one input, several go to --out-dir DIR")
    if settings.out_dir is not None and settings.in_place:
        raise UsageError("--out-dir and --in-place both say where to write, use one of them")
    if settings.out_dir == "":
        raise UsageError("--out-dir is empty")
    if "" in settings.inputs:
        raise UsageError("an input is empty, it has to be the name of a file or folder")
    if STANDARD_STREAM in settings.inputs:
        raise UsageError("standard input is for one input and -o OUT, it has no name of its own")
    for flag, given in (("--print", settings.print), ("--symbols", settings.symbols is not None)):
        if given:
            raise UsageError(f"{flag} is for one input")


def find_jobs(settings: argparse.Namespace) -> list[Job]:
    """The files that are named, and those in folders that are, each with its place.

    In a folder these are all `*.wasm` and `*.wat` at any depth, in the order of their names; links
    to folders are not followed, and the folder of the outputs is left out.

    Raises:
        UsageError: a folder has none.
        InputError: a folder cannot be read.
    """
    jobs = []
    for given in settings.inputs:
        inside = [os.path.basename(given)]
        if os.path.isdir(given):
            inside = list(_modules_in(given, settings.out_dir))
            if not inside:
                raise UsageError(f"{given} has no *{_BINARY} or *{_TEXT} in it")
        for name in inside:
            source = os.path.join(given, name) if os.path.isdir(given) else given
            target = None
            if settings.in_place:
                target = _target_name(source, settings)
            elif settings.out_dir is not None:
                target = os.path.join(settings.out_dir, _target_name(name, settings))
            jobs.append(Job(source, target))
    return list(dict.fromkeys(jobs))


def _modules_in(folder: str, left_out: str | None) -> Iterator[str]:
    """Paths of modules below a folder, from there on."""
    skipped = None if left_out is None else os.path.realpath(left_out)

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot read: {(error.strerror or '').lower()}")

    names = []
    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [
            each for each in folders if os.path.realpath(os.path.join(place, each)) != skipped
        ]
        for name in files:
            path = os.path.join(place, name)
            is_special = os.path.exists(path) and not os.path.isfile(path)
            if name.lower().endswith((_BINARY, _TEXT)) and not is_special:
                names.append(os.path.relpath(path, folder))
    yield from sorted(names, key=lambda name: name.split(os.sep))


def _target_name(name: str, settings: argparse.Namespace) -> str:
    """The name that a file has when it is written, in the format that is written."""
    root, suffix = os.path.splitext(name)
    wanted = _TEXT if settings.emit_text else _BINARY
    return root + wanted if suffix.lower() in {_BINARY, _TEXT} - {wanted} else name


def check_targets(jobs: Sequence[Job], reports: Sequence[str], *, in_place: bool) -> None:
    """See that nothing is written over an input, and nothing twice.

    Raises:
        UsageError: something would be.
    """
    inputs = {_identity(job.source): job.source for job in jobs}
    writers: dict[object, str] = {}
    for job in jobs:
        if job.target is None:
            continue
        place = _identity(job.target)
        if place in writers:
            both = f"{writers[place]} and {job.source}"
            raise UsageError(f"{both} would both be written to {job.target}")
        writers[place] = job.source
        if in_place:
            if job.target != job.source:
                formats = "text is written with -S only, and only over text"
                raise UsageError(f"{job.source} cannot be written in place: {formats}")
        elif place in inputs:
            raise UsageError(f"{job.target} is an input, --in-place would write over it")
    for name in reports:
        if name != STANDARD_STREAM and _identity(name) in inputs.keys() | writers.keys():
            raise UsageError(f"--report would write over {name}")


def _identity(path: str) -> object:
    """What two names of one file have in common, whether or not it is there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise OutputError(f"{path}: cannot make this folder: {reason}") from None


@dataclass(slots=True)
class _Run:
    """What came of the files so far."""

    settings: argparse.Namespace
    options: Options
    reports: RunReport
    baselines: dict[str, Baseline]
    written: int = 0
    failed: int = 0
    over_budget: int = 0
    files: int = 0
    total: Report = field(default_factory=lambda: Report(0))
    runs: list[FileRun] = field(default_factory=list)

    def finish(self, job: Job, done: FileResult) -> None:
        """Write what came of one file, and tell it."""
        self.files += 1
        error = done.error
        subject = job.source
        report = None
        if done.result is not None:
            try:
                data = self._output(done.result)
                report = self._reports_for(job).document(done.result, self.options, job.source)
                if job.target is not None:
                    subject = job.target
                    _make_folder(os.path.dirname(job.target) or os.curdir)
                    write_file(job.target, data)
                    self.written += 1
            except Exception as problem:  # the other files are still to come
                error = problem
        if error is None and done.result is not None:
            self._tell_result(job, done.result)
        else:
            self.failed += 1
            report = None
            problem_line = problem_of(error or RuntimeError("no result"))
            say(f"error: {subject}: {problem_line}")
        if self.reports.wanted:
            target = None if error is not None else job.target
            text = None if error is None else problem_of(error)
            self.runs.append(FileRun(file=job.source, output=target, error=text, report=report))

    def _output(self, result: Result | ComponentResult) -> bytes:
        if not self.settings.emit_text:
            return result.data
        if isinstance(result, ComponentResult):
            raise UsageError("-S is for core modules, this is a component")
        return module_text(result.module).encode()

    def _reports_for(self, job: Job) -> RunReport:
        return replace(self.reports, baseline=self.baselines.get(job.source))

    def _tell_result(self, job: Job, result: Result | ComponentResult) -> None:
        self.total.add_whole(result.report, job.source)
        if not self.settings.quiet:
            for line in result_lines(job.source, result, self.options.goal):
                say(line)
        limits = check_data(self.reports.limits, result.data, self.baselines.get(job.source))
        name = job.target or job.source
        if tell_limits(limits, name, quiet=self.settings.quiet):
            self.over_budget += 1

    def tell(self) -> int:
        """Tell of all files together, and write the reports; the exit code."""
        quiet = self.settings.quiet
        totals = totals_of(self.total, self.files, self.failed, self.over_budget)
        if not quiet:
            say(totals_line(totals))
        if self.settings.metrics and not (quiet or self.settings.summary):
            print_error(metrics_text(self.total, self.options))
        if self.reports.wanted:
            batch = build_batch(self.runs, self.total, self.failed, self.over_budget)
            for form, name in self.reports.files:
                self.settings.subject = name
                text = FORMATS[form](batch)
                write_output(name, text.encode("utf-8", "backslashreplace"))
            if self.reports.summary and not quiet:
                print_error(batch_text(batch))
        if self.failed:
            return FAILED
        return OVER_BUDGET if self.over_budget else 0
