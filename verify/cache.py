"""Verdicts remembered from run to run, in an SQLite file.

    with ProofCache(default_path(), settings="z3") as cache:
        key = cache.key(before, after, context)
        verdict = cache.get(key)
        if verdict is None:
            verdict = prove(before, after, context)
            cache.put(key, verdict)

A cache only saves time.  A file that is locked, cannot be written or belongs to something else
turns the cache off for the run; one that is damaged is renamed to `NAME.damaged` and begun anew.
Each row carries a checksum over all of it, and a row that does not fit its checksum is ignored.
That is against damage, not against attack: whoever can write the file can make it say that a
change was proved, and nobody but its user should be able to.

Refutations are not kept, since they show a counterexample that has to be replayed to be believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.verdict import Proved, Unproved, Verdict
from wasmopt.verify.cache_key import context_digest, validator_version
from wasmopt.version import VERSION

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

MAX_ROWS: Final = 200_000
"""Verdicts kept in a file, about 40 MB; the oldest ones go."""
BATCH: Final = 500
"""Verdicts that are written at a time."""
WAIT: Final = 2.0
"""Seconds to wait for another process that is writing."""

_APPLICATION: Final = 0x7761_6F70
"""Says in the file's header whose it is ("waop")."""
_LAYOUT: Final = 1
"""Number of the table's layout, raised when that changes."""
_DAMAGED: Final = frozenset([sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])


def default_path() -> Path | None:
    """Where the cache of this version is, in the user's cache folder; None for want of a home.

    Source: XDG Base Directory Specification, which has relative paths ignored.
    """
    for folder in (os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~/.cache")):
        if os.path.isabs(folder):
            return Path(folder) / "wasmopt" / f"proofs-{VERSION}.sqlite"
    return None


class ProofCache:
    """Verdicts in a file; may be used by several threads, and the file by several processes.

    A forked process has to open the file for itself.

    Args:
        path: of the file, made with its folder when it is not there; None for no cache.
        settings: all options that a verdict may depend on, in any form.
        max_rows: how many verdicts the file may hold.

    Attributes:
        newest: number of the latest verdict that may be read from the file, see `pin`; None for
            any.
        hits, misses: how often `get` knew the verdict, or did not.
        notices: what was wrong with the file, one line each.
    """

    def __init__(self, path: Path | None, *, settings: str = "", max_rows: int = MAX_ROWS) -> None:
        self.newest: int | None = None
        self.hits = 0
        self.misses = 0
        self.notices: Final[list[str]] = []
        self._path: Final = path
        self._max_rows: Final = max_rows
        self._prefix: Final = hashlib.sha256(
            "\0".join([validator_version(), settings]).encode()
        ).digest()
        self._lock: Final = threading.Lock()
        self._new: Final[dict[bytes, Proved | Unproved]] = {}
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            self._open(path)

    def __enter__(self) -> ProofCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_on(self) -> bool:
        """Whether verdicts are kept."""
        return self._connection is not None

    def pin(self) -> int | None:
        """Read no verdict from the file that is not there by now.

        What a run finds in the file then is of earlier runs, and does not depend on which of its
        processes writes first.

        Returns:
            The number of the latest verdict, for `newest` of other caches on this file.
        """
        with self._lock:
            self.newest = self._guarded(_newest)
            return self.newest

    def key(self, before: Function, after: Function, context: Context) -> bytes:
        """What the verdict about a change is remembered by."""
        digest = context_digest(before, after, context)
        return hashlib.sha256(self._prefix + digest).digest()

    def get(self, key: bytes) -> Verdict | None:
        """The verdict, or None if it is not known."""
        with self._lock:
            verdict = self._new.get(key)
            if verdict is None:
                verdict = self._guarded(lambda connection: self._read(connection, key))
            if self._path is not None:
                self.hits += verdict is not None
                self.misses += verdict is None
            return verdict

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Remember a verdict; refutations are not kept.

        A verdict that depends on the machine (memory ran out) must not be put here.
        """
        if isinstance(verdict, Proved | Unproved):
            with self._lock:
                if self._connection is not None:
                    self._new[key] = verdict
                    if len(self._new) >= BATCH:
                        self._guarded(self._write)

    def close(self) -> None:
        """Write what is new and close the file."""
        with self._lock:
            if self._new:
                self._guarded(self._write)
            self._disconnect()

    # -- the file ----------------------------------------------------------------------------

    def _guarded(self, action: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Do something with the file; if that goes wrong, go on without it."""
        if self._connection is None:
            return None
        try:
            return action(self._connection)
        except sqlite3.Error as error:
            self._recover(error)
        return None

    def _recover(self, error: sqlite3.Error) -> None:
        self._disconnect()
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in _DAMAGED and self._path is not None and self._set_aside(self._path):
            self._open(self._path, renew=False)
        else:
            self._notice(f"is not used: {error}")

    def _open(self, path: Path, *, renew: bool = True) -> None:
        """Connect to the file, made anew if it is not there, or damaged and `renew`."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists() and not path.is_file():
                self._notice("is not used: no regular file")
                return
            self._connection = sqlite3.connect(
                path, timeout=WAIT, isolation_level=None, check_same_thread=False
            )
            self._connection.text_factory = bytes  # damaged text need not be text
            if not _is_ours(self._connection):
                self._disconnect()
                self._notice("is not used: it is a file of something else")
        except sqlite3.Error as error:
            if renew:
                self._recover(error)
            else:
                self._disconnect()
                self._notice(f"is not used: {error}")
        except (OSError, ValueError) as error:  # ValueError: a null character in the name
            self._disconnect()
            self._notice(f"is not used: {getattr(error, 'strerror', None) or error}")

    def _set_aside(self, path: Path) -> bool:
        """Rename the file and what SQLite keeps beside it; whether that worked."""
        aside = path.with_name(f"{path.name}.damaged")
        try:
            os.replace(path, aside)
            for suffix in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(f"{path}{suffix}", f"{aside}{suffix}")
        except OSError:
            return False
        self._notice(f"was damaged and is now {aside.name}")
        if self.newest is not None:
            self.newest = 0  # the numbers of the new file begin anew
        return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _notice(self, problem: str) -> None:
        notice = f"proof cache {self._path} {problem}"
        self.notices.append(notice)
        _log.warning("%s", notice)

    # -- rows --------------------------------------------------------------------------------

    def _read(self, connection: sqlite3.Connection, key: bytes) -> Proved | Unproved | None:
        row = connection.execute(
            "SELECT proved, text, checksum, number FROM proofs WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        proved, text, checksum, number = row
        if self.newest is not None and number > self.newest:
            return None
        if type(proved) is not int or proved not in (0, 1) or not isinstance(text, bytes):
            return None
        if checksum != _checksum(key, proved, text):
            return None
        words = text.decode()
        return Proved(words, cached=True) if proved else Unproved(words, cached=True)

    def _write(self, connection: sqlite3.Connection) -> None:
        rows = []
        for key, verdict in self._new.items():
            proved = isinstance(verdict, Proved)
            words = verdict.method if isinstance(verdict, Proved) else verdict.reason
            text = words.encode(errors="backslashreplace")
            rows.append((key, proved, text, _checksum(key, proved, text)))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "REPLACE INTO proofs (key, proved, text, checksum) VALUES (?, ?, ?, ?)", rows
        )
        connection.execute(
            "DELETE FROM proofs WHERE number <= (SELECT max(number) FROM proofs) - ?",
            (self._max_rows,),
        )
        connection.execute("COMMIT")
        self._new.clear()


def _newest(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM proofs").fetchone()
    return int(number)


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the file is a cache of this layout, after making an empty one into it."""
    # A crash of the machine may damage the file then, which costs the cache and nothing else.
    connection.execute("PRAGMA synchronous = OFF")
    marks = _marks(connection)
    if marks == (0, 0, 0):
        # Readers need not wait for a writer then; where it cannot be had, they do.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_LAYOUT}")
        connection.execute("COMMIT")
        marks = _marks(connection)
    return marks[:2] == (_APPLICATION, _LAYOUT)


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Whose file it is, its layout, and how many tables and indices it has."""
    queries = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    whose, layout, tables = [connection.execute(query).fetchone()[0] for query in queries]
    return whose, layout, tables


def _checksum(key: bytes, proved: int, text: bytes) -> bytes:
    return hashlib.sha256(key + bytes([proved]) + text).digest()[:16]


_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS proofs (
        number INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        proved INTEGER NOT NULL,
        text BLOB NOT NULL,
        checksum BLOB NOT NULL
    )
"""
"""Rows are numbered as they are written, so the oldest ones have the lowest numbers."""
