"""The command line: which command it is, and what becomes of everything that goes wrong.

Exit codes: see `EXIT_CODES` in `wasmopt.commands`.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from wasmopt.collector import tune_collector
from wasmopt.commands import COMMANDS
from wasmopt.commands.console import problem_of, say
from wasmopt.errors import Ended, UsageError, WasmOptError

_log = logging.getLogger(__name__)

INTERRUPTED: Final = 130
"""Exit code after SIGINT, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    settings = argparse.Namespace(subject=None)
    try:
        command, rest = _command(arguments)
        return int(command.run(command.build_parser().read(rest, settings)))
    except WasmOptError as error:
        about = not isinstance(error, UsageError) and settings.subject is not None
        say("error: " + (f"{settings.subject or repr('')}: " if about else "") + str(error))
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        say(str(interrupt) or "interrupted, nothing was written")
        return INTERRUPTED
    except SystemExit as end:  # from argparse behind --help and --version, and from SIGTERM
        return end.code if isinstance(end.code, int) else 0
    except MemoryError as error:
        say(f"error: {problem_of(error)}, nothing was written")
        return 1
    except Exception as error:  # a fault of wasmopt itself is no reason for a traceback either
        _log.exception("internal error")
        say(f"error: {problem_of(error)}")
        return 1


def _command(arguments: list[str]) -> tuple[Any, list[str]]:
    """The module of the command, and what its parser is to read."""
    named = arguments[:1] and arguments[0] in COMMANDS
    name = arguments[0] if named else "optimize"
    # Each is imported when it is needed: they need different halves of the package.
    return importlib.import_module(f"wasmopt.commands.{name}"), arguments[bool(named) :]


def run_as_program() -> NoReturn:
    """Entry point of the `wasmopt` command: as `main`, and leaves nothing behind when ended."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, _end)
    tune_collector()
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
    raise Ended(128 + number)
