"""Function-local passes on several processors: tasks that any executor can run.

    functions ── by length, in tasks ──▶ executor ──▶ outcomes ──▶ merged in the order of tasks

A task is bytes and options, so that it can go to another process or machine.  What comes back is
as it would have been without: each function is taken through the passes by itself, and only the
order of work changes.  A task that gets lost, with its worker or otherwise, is done again here.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from wasmopt.collector import tune_collector
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import UsageError
from wasmopt.manager import Manager
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.outcome import Outcome
from wasmopt.passes import REGISTRY
from wasmopt.plugins import Plugins
from wasmopt.proof_log import new_log
from wasmopt.report import ProofReport
from wasmopt.verify import ProofCache, Prover
from wasmopt.version import VERSION

_log = logging.getLogger(__name__)

DASK_TIMEOUT: Final = "10s"
TASK_INSTRUCTIONS: Final = 8_000
"""Instructions in a task; a function that is longer is a task of its own.  Does not depend on the
number of workers, so that nothing else does."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some functions of a module, to be taken through some passes.

    Attributes:
        module: binary.
        passes: their names.
        options: of the run.
        positions: of the functions among those that the module defines.
        newest: see `ProofCache`.
        version: of the program; another one might come to other results.
    """

    module: bytes
    passes: tuple[str, ...]
    options: Options
    positions: tuple[int, ...]
    newest: int | None = None
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a task.

    Attributes:
        outcome: for the manager.
        proofs: what the validator did.
        notices: about the proof cache.
        seconds: CPU time.
    """

    outcome: Outcome
    proofs: ProofReport
    notices: tuple[str, ...]
    seconds: float


def run_task(task: Task) -> Done:
    """Do a task; called wherever the executor is.

    Raises:
        UsageError: it comes from another version, or a plug-in that it names is not here.
    """
    if task.version != VERSION:
        raise UsageError(f"a worker has version {VERSION}, the task is of {task.version}")
    start = time.process_time()
    with ProofCache(task.options.verdicts, settings=task.options.solver) as cache:
        cache.newest = task.newest
        prover = Prover(
            solver=task.options.solver,
            cache=cache if cache.is_on else None,
            record=task.options.obligations,
        )
        passes = [_pass_named(name) for name in task.passes]
        log = new_log(task.options)
        manager = Manager(passes, task.options, prover, prover_of_several=prover.several, log=log)
        outcome = manager.visit(_CONTEXTS[task.module], task.positions)
    seconds = time.process_time() - start
    return Done(outcome, prover.report, tuple(cache.notices), seconds)


def _pass_named(name: str) -> Pass:
    found = REGISTRY.get(name) or Plugins(REGISTRY).load(name)
    if not isinstance(found, Pass):
        raise UsageError(f"pass {name} is one of another kind here")
    return found


class _Contexts(threading.local):
    """The context of the last module that this thread worked on: decoded once for all tasks."""

    def __init__(self) -> None:
        self._module = b""
        self._context: Context | None = None

    def __getitem__(self, module: bytes) -> Context:
        if self._context is None or module != self._module:
            self._module, self._context = module, Context(decode(module))
        return self._context


_CONTEXTS: Final = _Contexts()


class Spread:
    """Has an executor take functions through passes.

    Attributes:
        newest: see `ProofCache`.
        proofs: what the validator did there.
        notices: about proof caches.
        seconds: CPU time that was not spent in this process.
    """

    def __init__(self, executor: Executor, options: Options) -> None:
        self._executor: Final = executor
        self._options: Final = replace(options, jobs=1)
        self.newest: int | None = None
        self.proofs: Final = ProofReport()
        self.notices: Final[dict[str, None]] = {}
        self.seconds = 0.0

    def __call__(
        self, passes: Sequence[Pass], module: Module, positions: Sequence[int]
    ) -> Iterator[Outcome]:
        """Outcomes of all tasks, in their order."""
        data = encode(module)
        names = tuple([each.name for each in passes])
        chunks = divide(module, positions)
        tasks = [Task(data, names, self._options, chunk, self.newest) for chunk in chunks]
        futures = [self._submit(task) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            done = _result(future)
            if done is None:
                done = run_task(task)
            else:
                self.seconds += done.seconds
            self.proofs.add(done.proofs)
            self.notices.update(dict.fromkeys(done.notices))
            yield done.outcome

    def _submit(self, task: Task) -> Future[Done] | None:
        try:
            return self._executor.submit(run_task, task)
        except Exception as error:  # no worker is left: what is lost is only time
            _log.warning("a task could not be handed out: %r", error)
            return None


def _result(future: Future[Done] | None) -> Done | None:
    """What came back; None if nothing did, or nothing that makes sense."""
    if future is None:
        return None
    try:
        done = future.result()
    except Exception as error:  # whatever happened there, the task can be done here
        _log.warning("a task was lost: %r", error)
        return None
    return done if isinstance(done, Done) else None


def divide(module: Module, positions: Sequence[int]) -> list[tuple[int, ...]]:
    """Tasks by the functions in them: long functions first, since they decide when all is done."""
    tasks: list[tuple[int, ...]] = []
    chunk: list[int] = []
    length = 0
    for position in sorted(positions, key=lambda each: -len(module.functions[each].body)):
        chunk.append(position)
        length += len(module.functions[position].body)
        if length >= TASK_INSTRUCTIONS:
            tasks.append(tuple(chunk))
            chunk, length = [], 0
    return [*tasks, tuple(chunk)] if chunk else tasks


@contextlib.contextmanager
def spread_over(executor: Executor | None, options: Options) -> Iterator[Spread | None]:
    """What takes functions through passes elsewhere; None if all is to be done here."""
    if executor is not None:
        yield Spread(executor, options)
    elif options.jobs > 1:
        with processes(options.jobs) as pool:
            yield Spread(pool, options)
    else:
        yield None


@contextlib.contextmanager
def processes(count: int) -> Iterator[Executor]:
    """That many worker processes, which end with the block, even if it is left by an exception."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@contextlib.contextmanager
def dask_cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask cluster, which need this version of wasmopt.

    Args:
        address: of its scheduler, like `tcp://10.0.0.7:8786`.

    Raises:
        UsageError: Dask is not installed, or no scheduler answers.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise UsageError("--dask needs an extra: pip install 'wasmopt[dask]'") from None
    try:
        client = distributed.Client(address, timeout=DASK_TIMEOUT)
    except (OSError, ValueError, ImportError) as error:
        problem = str(error).partition("\n")[0]
        raise UsageError(f"no Dask scheduler answers at {address}: {problem}") from None
    with client, client.get_executor(pure=False) as executor:
        yield executor


def _start_worker() -> None:
    """A worker is ended by whom it works for; interrupted, it would print a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tune_collector()


def _end_with_parent() -> None:
    """The queue of a pool stays open when its owner was killed: its workers would wait forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
