"""The proof cache: what it remembers, and files that are not what they seem."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
from pathlib import Path

import pytest

from wasmopt.verdict import Proved, Refuted, Unproved, Verdict
from wasmopt.verify import cache as cache_module
from wasmopt.verify.cache import BATCH, ProofCache, default_path
from wasmopt.version import VERSION


def key_of(number: int) -> bytes:
    return number.to_bytes(32, "little")


def verdict_of(number: int) -> Verdict:
    return Proved(f"tier {number}") if number % 2 else Unproved(f"reason {number}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "proofs.sqlite"


def fill(path: Path, count: int) -> None:
    with ProofCache(path) as cache:
        for number in range(count):
            cache.put(key_of(number), verdict_of(number))


# -- remembering -------------------------------------------------------------------------------


def test_verdicts_are_remembered_from_run_to_run(path: Path) -> None:
    fill(path, 10)
    with ProofCache(path) as cache:
        assert [cache.get(key_of(number)) for number in range(10)] == [
            verdict_of(number) for number in range(10)
        ]
        assert cache.get(key_of(10)) is None
        assert (cache.hits, cache.misses, cache.notices) == (10, 1, [])


def test_a_verdict_is_known_at_once(path: Path) -> None:
    with ProofCache(path) as cache:
        cache.put(key_of(1), Proved("text"))
        assert cache.get(key_of(1)) == Proved("text")


def test_a_later_verdict_replaces_the_earlier_one(path: Path) -> None:
    for verdict in (Unproved("budget"), Proved("smt")):
        with ProofCache(path) as cache:
            cache.put(key_of(1), verdict)
    with ProofCache(path) as cache:
        assert cache.get(key_of(1)) == Proved("smt")


def test_refutations_are_not_kept(path: Path) -> None:
    with ProofCache(path) as cache:
        cache.put(key_of(1), Refuted("f(0) is 1, was 2"))
        assert cache.get(key_of(1)) is None


def test_reasons_may_hold_any_text(path: Path) -> None:
    for number, reason in enumerate(["", "a\0b", "größer", "\ud800"]):
        with ProofCache(path) as cache:
            cache.put(key_of(number), Unproved(reason))
        with ProofCache(path) as cache:
            assert isinstance(cache.get(key_of(number)), Unproved)


def test_without_a_path_nothing_is_kept() -> None:
    with ProofCache(None) as cache:
        cache.put(key_of(1), Proved("text"))
        assert cache.get(key_of(1)) is None
        assert not cache.is_on
        assert (cache.hits, cache.misses, cache.notices) == (0, 0, [])


def test_full_batches_are_written_before_the_end(path: Path) -> None:
    with ProofCache(path) as cache:
        for number in range(BATCH):
            cache.put(key_of(number), verdict_of(number))
        with ProofCache(path) as other:
            assert other.get(key_of(BATCH - 1)) == verdict_of(BATCH - 1)


def test_the_oldest_verdicts_go_when_the_file_is_full(path: Path) -> None:
    for start in range(0, 60, 20):
        with ProofCache(path, max_rows=30) as cache:
            for number in range(start, start + 20):
                cache.put(key_of(number), verdict_of(number))
    with ProofCache(path) as cache:
        known = [cache.get(key_of(number)) is not None for number in range(60)]
    assert known == [False] * 30 + [True] * 30


def test_threads_share_a_cache(path: Path) -> None:
    with ProofCache(path) as cache:

        def work(first: int) -> None:
            for number in range(first, first + 400):
                cache.put(key_of(number), verdict_of(number))
                assert cache.get(key_of(number)) == verdict_of(number)

        threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 1600, 400)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.hits == 1600
    with ProofCache(path) as cache:
        assert all(cache.get(key_of(number)) == verdict_of(number) for number in range(1600))


def test_runs_at_the_same_time_share_a_file(path: Path) -> None:
    with ProofCache(path) as first, ProofCache(path) as second:
        first.put(key_of(1), Proved("text"))
        second.put(key_of(2), Proved("window"))
    with ProofCache(path) as cache:
        assert cache.get(key_of(1)) == Proved("text")
        assert cache.get(key_of(2)) == Proved("window")


def test_the_file_is_in_the_cache_folder_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "wasmopt" / f"proofs-{VERSION}.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".cache" / "wasmopt" / f"proofs-{VERSION}.sqlite"
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert default_path() is None


# -- files that are not what they seem ---------------------------------------------------------


def test_what_is_no_database_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else altogether\n" * 1000)
    with ProofCache(path) as cache:
        assert cache.is_on
        cache.put(key_of(1), Proved("text"))
    aside = path.with_name("proofs.sqlite.damaged")
    assert aside.read_bytes().startswith(b"something else")
    assert cache.notices == [f"proof cache {path} was damaged and is now {aside.name}"]
    with ProofCache(path) as cache:
        assert cache.get(key_of(1)) == Proved("text")
        assert cache.notices == []


@pytest.mark.parametrize("kept", [0, 1, 15, 16, 99, 100, 1000, 4096, 5000, 8192, 12288])
def test_a_truncated_file_is_never_fatal_and_never_believed(path: Path, kept: int) -> None:
    fill(path, 400)
    path.write_bytes(path.read_bytes()[:kept])
    with ProofCache(path) as cache:
        for number in range(400):
            assert cache.get(key_of(number)) in (None, verdict_of(number))
            cache.put(key_of(number), verdict_of(number))
    with ProofCache(path) as cache:
        assert cache.get(key_of(399)) == verdict_of(399)


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_never_fatal_and_never_believed(path: Path, seed: int) -> None:
    fill(path, 100)
    rng = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 3, 30, 300])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    with ProofCache(path) as cache:
        for number in range(120):
            assert cache.get(key_of(number)) in (None, verdict_of(number))
            cache.put(key_of(number), verdict_of(number))
    with ProofCache(path) as cache:
        for number in range(120):
            assert cache.get(key_of(number)) in (None, verdict_of(number))


@pytest.mark.parametrize(
    "change",
    [
        "proved = 1 - proved",
        "proved = 7",
        "proved = 'yes'",
        "proved = 0.5",
        "text = x'00'",
        "text = 'reason 0' || x'ff'",
        "text = CAST(x'ff' AS TEXT)",
        "checksum = x''",
    ],
)
def test_a_row_that_does_not_fit_its_checksum_is_ignored(path: Path, change: str) -> None:
    fill(path, 1)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"UPDATE proofs SET {change}")
    connection.close()
    with ProofCache(path) as cache:
        assert cache.get(key_of(0)) is None
        cache.put(key_of(0), Proved("text"))
    with ProofCache(path) as cache:
        assert cache.get(key_of(0)) == Proved("text")


def test_a_verdict_under_the_wrong_key_is_ignored(path: Path) -> None:
    fill(path, 1)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE proofs SET key = ?", (key_of(5),))
    connection.close()
    with ProofCache(path) as cache:
        assert cache.get(key_of(5)) is None


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE proofs (key, proved, text, checksum)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 7",
    ],
)
def test_a_database_of_something_else_is_left_alone(path: Path, script: str) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    before = path.read_bytes()
    with ProofCache(path) as cache:
        assert not cache.is_on
        cache.put(key_of(1), Proved("text"))
        assert cache.get(key_of(1)) is None
    assert cache.notices == [f"proof cache {path} is not used: it is a file of something else"]
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_another_process_keeps_locked_is_not_waited_for_forever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "WAIT", 0.01)
    fill(path, 1)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with ProofCache(path) as cache:
        assert cache.get(key_of(0)) == verdict_of(0), "a writer does not keep readers out"
        cache.put(key_of(1), Proved("text"))
    blocker.execute("ROLLBACK")
    blocker.close()
    assert cache.notices == [f"proof cache {path} is not used: database is locked"]
    with ProofCache(path) as cache:
        assert cache.get(key_of(0)) == verdict_of(0)
        assert cache.get(key_of(1)) is None


def test_a_place_where_no_file_can_be_turns_the_cache_off(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    names = (tmp_path, pipe, file / "proofs.sqlite", tmp_path / "a\0b", tmp_path / ("x" * 300))
    for path in names:
        with ProofCache(path) as cache:
            assert not cache.is_on
            cache.put(key_of(1), Proved("text"))
            assert cache.get(key_of(1)) is None
        assert len(cache.notices) == 1
        assert cache.notices[0].startswith(f"proof cache {path} is not used: ")
    assert file.read_bytes() == b""


def test_a_file_that_goes_away_is_no_problem(path: Path) -> None:
    with ProofCache(path) as cache:
        for name in path.parent.iterdir():
            name.unlink()
        path.parent.rmdir()
        cache.put(key_of(1), Proved("text"))
        assert cache.get(key_of(1)) == Proved("text")
