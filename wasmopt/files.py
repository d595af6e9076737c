"""Reading input and writing output so that nothing is ever half done."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from wasmopt.errors import InputError, OutputError

STANDARD_STREAM: Final = "-"
"""As a file name on the command line: standard input or standard output."""
LARGEST: Final = 1 << 30
"""Bytes of the largest module that engines take (JavaScript API, Implementation Limits)."""
_CHUNK: Final = 1 << 24


def read_input(name: str) -> bytes:
    """The contents of a file, or of standard input for `-`.

    Raises:
        InputError: it cannot be read.
    """
    if name != STANDARD_STREAM:
        return read_file(name)
    if sys.stdin is None:
        raise InputError("cannot read: standard input is closed")
    try:
        return _read_all(sys.stdin.buffer)
    except OSError as error:
        raise InputError(f"cannot read: {_reason(error)}") from None


def read_file(path: str | Path) -> bytes:
    """The contents of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return _read_all(file)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise InputError(f"cannot read: {_reason(error)}") from None


def _read_all(file: BinaryIO) -> bytes:
    """What is left in the file, which may be a device without an end."""
    chunks: list[bytes] = []
    size = 0
    while chunk := file.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST:
            raise InputError(f"cannot read: more than {LARGEST} bytes, the most that engines take")
    return b"".join(chunks)


def write_output(name: str, data: bytes) -> None:
    """Write `data` to a file, or to standard output for `-`.

    Raises:
        OutputError: it cannot be written; the old file, if any, is untouched.
    """
    if name == STANDARD_STREAM:
        write_standard_output(data)
    else:
        write_file(name, data)


def write_standard_output(data: bytes) -> None:
    """Write `data` to standard output.

    Raises:
        OutputError: it cannot be written, for instance because the reader has gone.
    """
    if sys.stdout is None:
        raise OutputError("cannot write: standard output is closed")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(f"cannot write: {_reason(error)}") from None


def write_file(path: str | Path, data: bytes) -> None:
    """Write `data` to a file all at once.

    A regular file is written beside its place, synced and renamed over it: whoever looks sees
    the old file or the new one.  Its permissions and owner are kept, and a link keeps pointing
    where it did.  Devices and pipes are written to as they are.

    Raises:
        OutputError: it cannot be written; the old file, if any, is untouched.
    """
    try:
        old = _status(path)
        if old is not None and not stat.S_ISREG(old.st_mode):
            with open(path, "wb") as file:
                file.write(data)
        elif old is not None and not os.access(path, os.W_OK):
            raise OutputError("cannot write: permission denied")
        else:
            _replace_file(Path(os.path.realpath(path)), data, old)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise OutputError(f"cannot write: {_reason(error)}") from None


def write_folder(path: str | Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files all at once, in the place of an old one, which goes.

    It is written beside its place and renamed: whoever looks sees the old folder or the new one,
    or for a moment none.

    Raises:
        OutputError: it cannot be written; the old folder, if any, is untouched.
    """
    try:
        place = Path(os.path.realpath(path))
        with tempfile.TemporaryDirectory(prefix=".wasmopt-", dir=place.parent) as folder:
            new, old = Path(folder) / "new", Path(folder) / "old"
            new.mkdir()
            for name, data in files.items():
                with open(new / name, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            try:
                with contextlib.suppress(FileNotFoundError):
                    place.rename(old)
                new.rename(place)
            except BaseException:  # an interrupt comes at any time
                if old.exists() and not place.exists():
                    old.rename(place)
                raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise OutputError(f"cannot write: {_reason(error)}") from None


def _status(path: str | Path) -> os.stat_result | None:
    """What there is at `path`, links followed; None for nothing."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        if os.path.basename(path) in ("", ".", ".."):
            raise  # no name, or a folder that does not exist
        return None


def _replace_file(path: Path, data: bytes, old: os.stat_result | None) -> None:
    # The prefix is short and not the file's name, which may be as long as names can be.
    handle, temporary = tempfile.mkstemp(prefix=".wasmopt-", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
            made = os.fstat(handle)
        if old is not None and (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
            with contextlib.suppress(OSError):
                os.chown(temporary, old.st_uid, old.st_gid)
        os.chmod(temporary, _new_file_mode() if old is None else stat.S_IMODE(old.st_mode))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _new_file_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _reason(error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error)).lower()
