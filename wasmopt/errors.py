"""Every error that wasmopt raises on purpose, and the exit code that the CLI gives it.

Messages are one line a user can act on.  A byte offset, where there is one, counts from the
start of the file.
"""

from __future__ import annotations

from typing import ClassVar


class Ended(SystemExit):
    """A signal ended the program: what stops passes that call `sys.exit` lets this through."""


class WasmOptError(Exception):
    """Base of all errors of this package.

    Attributes:
        exit_code: what the command line returns for it.
    """

    exit_code: ClassVar[int] = 1


class UsageError(WasmOptError):
    """The command line or the options do not make sense."""

    exit_code: ClassVar[int] = 2


class InputError(WasmOptError):
    """The input cannot be read or is not a WebAssembly module.

    Attributes:
        offset: where, in bytes from the start of the file; None when it has no place.
        problem: what is wrong, without the offset.
    """

    def __init__(self, problem: str, offset: int | None = None) -> None:
        self.problem = problem
        self.offset = offset
        super().__init__(problem if offset is None else f"at byte {offset}: {problem}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, int | None]]:
        return type(self), (self.problem, self.offset)

    def shifted(self, distance: int) -> InputError:
        """The same error in a file where this piece starts at `distance` bytes."""
        if self.offset is None:
            return self
        return type(self)(self.problem, self.offset + distance)


class DecodeError(InputError):
    """The bytes break the binary format."""


class ValidationError(InputError):
    """The bytes decode but the module does not type-check."""


class OutputError(WasmOptError):
    """The result cannot be written; the old file, if any, is untouched."""
