"""Files: what is read, and that writing is all or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from wasmopt.errors import InputError, OutputError
from wasmopt.files import read_file, read_input, write_file, write_output

OLD, NEW = b"old" * 100_000, b"new" * 100_000


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out.wasm"
    path.write_bytes(OLD)
    return path


def assert_alone(path: Path) -> None:
    """Nothing is left over beside the file."""
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_file(tmp_path / "new", NEW)
    finally:
        os.umask(mask)
    assert read_file(tmp_path / "new") == NEW
    assert mode(tmp_path / "new") == 0o640
    assert_alone(tmp_path / "new")


@pytest.mark.parametrize("permissions", [0o600, 0o755, 0o666, 0o4755])
def test_permissions_stay(out: Path, permissions: int) -> None:
    out.chmod(permissions)
    write_file(out, NEW)
    assert (out.read_bytes(), mode(out)) == (NEW, permissions)


def test_the_owner_stays(out: Path) -> None:
    with contextlib.suppress(PermissionError):
        os.chown(out, 12345, 54321)
    before = out.stat()
    write_file(out, NEW)
    after = out.stat()
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_an_owner_that_cannot_be_kept_is_no_error(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    made = list(out.stat())
    made[stat.ST_UID] += 1
    with monkeypatch.context() as patch:
        # What is made belongs to somebody else than what was there.
        patch.setattr(os, "fstat", lambda handle: os.stat_result(made))
        write_file(out, NEW)
    assert out.read_bytes() == NEW


def test_a_write_protected_file_is_not_replaced(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions do not bind a superuser, so the answer to the question is made up."""
    monkeypatch.setattr(os, "access", lambda path, kind: kind != os.W_OK)
    with pytest.raises(OutputError, match="cannot write: permission denied"):
        write_file(out, NEW)
    assert out.read_bytes() == OLD


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_keeps_pointing_where_it_did(out: Path, absolute: bool) -> None:
    link = out.parent / "link"
    link.symlink_to(out if absolute else out.name)
    write_file(link, NEW)
    assert link.is_symlink()
    assert not out.is_symlink()
    assert out.read_bytes() == NEW


def test_a_link_to_nothing_makes_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == NEW


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_file(path, NEW)
    assert_alone(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "no such file or directory"),
        (".", "is a directory"),
        ("folder", "is a directory"),
        ("nowhere/", "no such file or directory"),
        ("nowhere/.", "no such file or directory"),
        ("nowhere/out", "no such file or directory"),
        ("file/", "not a directory"),
        ("file/out", "not a directory"),
        ("loop", "too many levels of symbolic links"),
        ("n" * 256, "file name too long"),
        ("null\0character", "embedded null byte"),
    ],
)
def test_places_that_cannot_be(
    name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError) as caught:
        write_file(name, NEW)
    assert str(caught.value) == f"cannot write: {reason}"
    with pytest.raises(InputError) as read:
        read_file(name)
    assert str(read.value) == f"cannot read: {reason}"
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_bytes() == OLD


def test_a_full_device() -> None:
    with pytest.raises(OutputError, match="cannot write: no space left on device"):
        write_file("/dev/full", NEW)


def test_devices_and_pipes_are_written_to_as_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, NEW)
    reader.join()
    assert received == [NEW]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_file(os.devnull, NEW)
    assert_alone(pipe)


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_whatever_goes_wrong_the_old_file_stays_and_nothing_else(
    step: str, error: BaseException, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> NoReturn:
        raise error

    monkeypatch.setattr(os, step, fail)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_file(out, NEW)
    assert out.read_bytes() == OLD
    assert_alone(out)


def test_readers_see_the_old_file_or_the_new_one(out: Path) -> None:
    versions = [bytes([version]) * 100_000 for version in range(100)]
    write_file(out, versions[0])
    done = threading.Event()
    seen: list[bytes] = []

    def watch() -> None:
        while not done.is_set():
            seen.append(out.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for version in versions:
        write_file(out, version)
    done.set()
    watcher.join()
    assert len(set(seen)) > 1
    assert set(seen) <= set(versions)
    assert_alone(out)


def test_devices_without_an_end_are_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasmopt.files.LARGEST", 1 << 20)
    with pytest.raises(InputError, match="cannot read: more than 1048576 bytes, the most that"):
        read_file("/dev/zero")


def test_standard_streams_that_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(InputError, match="cannot read: standard input is closed"):
        read_input("-")
    with pytest.raises(OutputError, match="cannot write: standard output is closed"):
        write_output("-", NEW)
