"""What the parsers of all commands have in common."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from wasmopt.errors import UsageError
from wasmopt.files import STANDARD_STREAM, write_standard_output


class Parser(argparse.ArgumentParser):
    """A parser with `--help`, whose errors are `UsageError`s of one line.

    Args:
        program: the command, for instance `wasmopt size`.
        usage: what stands behind it.
        description: what it does, in a sentence.
        epilog: what is to be said at the end of the help, its exit codes for instance.
        flags: what its flags are called in errors.
        refused: flags that are known and not taken, with the reason against each.
        bundled: letters of flags that may be written together.
    """

    def __init__(
        self,
        program: str,
        usage: str,
        description: str,
        epilog: str,
        *,
        flags: str = "option",
        refused: Mapping[str, str] | None = None,
        bundled: str = "",
    ) -> None:
        super().__init__(
            prog=program,
            usage=f"%(prog)s {usage}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            add_help=False,
        )
        self._flags = flags
        self._refused = refused or {}
        self._bundle = re.compile(f"-[{bundled}]+$" if bundled else "$")
        self.add_argument("-h", "--help", action=ShowAction, nargs=0, help="show this")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say."""
        raise UsageError(f"{message}, see --help")

    def knows(self, flag: str) -> bool:
        """Whether a flag has a meaning already, if only that it is refused."""
        return flag in self._option_string_actions or flag in self._refused

    def read(self, arguments: Sequence[str], settings: argparse.Namespace) -> argparse.Namespace:
        """Read the arguments into `settings`.

        Raises:
            UsageError: also for refused flags, with the reason, and for unknown ones, with the
                closest known one.
        """
        known = self._option_string_actions
        for argument in arguments:
            name = argument.partition("=")[0]
            if argument == "--":
                break
            if name in self._refused:
                raise UsageError(f"{name} is refused: {self._refused[name]}")
            if name in known or not re.match(r"-[^\d]", name) or self._bundle.match(name):
                continue
            close = get_close_matches(name, known, n=1)
            hint = f", did you mean {close[0]}?" if close else ", see --help"
            raise UsageError(f"unknown {self._flags} {name}{hint}")
        if "--" in arguments:
            return self.parse_args(arguments, settings)
        return self.parse_intermixed_args(arguments, settings)  # files may stand between flags


class ShowAction(argparse.Action):
    """--help and --version; argparse's own do not mind whether anybody can read them."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Show the constant, without one the help, and end the program."""
        text = parser.format_help() if self.const is None else f"{self.const}\n"
        namespace.subject = STANDARD_STREAM
        write_standard_output(text.encode())
        parser.exit()
