"""The proof cache: what it remembers and tells apart, and files that are not what they seem."""

from __future__ import annotations

import random
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import module_of
from wasmopt.context import Context
from wasmopt.instr import InstrPool
from wasmopt.verdict import Proved, Refuted, Unproved, Verdict
from wasmopt.verify import cache as cache_module
from wasmopt.verify.cache import BATCH, ProofCache, default_path
from wasmopt.verify.cache_key import context_digest, validator_version
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
    for path in (tmp_path, file / "proofs.sqlite", tmp_path / "a\0b", tmp_path / ("x" * 300)):
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


# -- keys --------------------------------------------------------------------------------------

FUNCTION = """
  (func $f (param i32) (result i32)
    (local i64)
    (global.set $counter (i32.add (global.get $counter) (global.get $step)))
    (i32.store offset=4 (local.get 0) (call $helper (local.get 0)))
    (drop (call_indirect $table (type $binary) (local.get 0) (local.get 0) (i32.const 0)))
    (block (result i32) (local.get 0)))
"""

MODULE = f"""
  (type $unary (func (param i32) (result i32)))
  (type $binary (func (param i32 i32) (result i32)))
  (memory 1 2)
  (table $table 4 8 funcref)
  (global $counter (mut i32) (i32.const 0))
  (global $step i32 (i32.const 1))
  {FUNCTION}
  (func $helper (param i32) (result i32) (local.get 0))
  (func $other (param f32))
"""


def digest(wat: str, after: str | None = None) -> bytes:
    """Of the change of a module's first function to that of another text, or to itself."""
    pool = InstrPool()
    module = module_of(wat, pool)
    before = module.functions[0]
    changed = before if after is None else module_of(after, pool).functions[0]
    return context_digest(before, changed, Context(module))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(func $other (param f32))", "(func $other (param f32) (nop))"),
        ("(func $other (param f32))", "(func $other (param f32)) (func (param f32))"),
        (
            "(func $helper (param i32) (result i32) (local.get 0))",
            "(func $helper (type 0) (i32.const 7))",
        ),
        ("(memory 1 2)", '(memory (export "memory") 1 2) (data (i32.const 0) "abc")'),
        ("(func $f", '(func $f (export "f")'),
    ],
)
def test_what_no_proof_looks_at_does_not_matter(old: str, new: str) -> None:
    assert digest(MODULE.replace(old, new)) == digest(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(memory 1 2)", "(memory 2 2)"),
        ("(memory 1 2)", "(memory 1 3)"),
        ("(memory 1 2)", "(memory 1)"),
        ("(memory 1 2)", "(memory 1 2 shared)"),
        ("(memory 1 2)", "(memory 1 2) (memory 1)"),
        ("4 8 funcref", "4 9 funcref"),
        ("(mut i32) (i32.const 0)", "(mut i32) (i32.const 0)) (global (mut i32) (i32.const 0)"),
        ("$step i32 (i32.const 1)", "$step i32 (i32.const 2)"),
        ("$step i32 (i32.const 1)", "$step (mut i32) (i32.const 1)"),
        ("(func $other (param f32))", '(func $other (param f32) (data.drop 0)) (data "x")'),
        ("(memory 1 2)", "(memory 1 2) (elem func 0)"),
        ("(local i64)", "(local i32)"),
        ("(local i64)", "(local i64 i64)"),
        ("offset=4", "offset=8"),
        ("(i32.const 0)))", "(i32.const 1)))"),
        ("(call $helper (local.get 0))", "(call $f (local.get 0))"),
        ("(block (result i32)", "(block (type 2)"),
    ],
)
def test_what_a_proof_may_look_at_does_matter(old: str, new: str) -> None:
    changed = MODULE.replace(old, new)
    if "type 2" in new:
        changed = changed.replace("(memory 1 2)", "(type (func (result i32))) (memory 1 2)")
    assert changed != MODULE
    assert digest(changed) != digest(MODULE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            "(func (call 1 (unreachable))) (func (param i32))",
            "(func (call 1 (unreachable))) (func (param i64))",
            id="type of a callee",
        ),
        pytest.param(
            "(type (func)) (type $t (func (param i32))) (tag $e (type $t))"
            " (func (type 0) (throw $e (unreachable)))",
            "(type (func)) (type $t (func (param i64))) (tag $e (type $t))"
            " (func (type 0) (throw $e (unreachable)))",
            id="type of a tag",
        ),
        pytest.param(
            "(type (func)) (type (struct (field i32)))"
            " (func (type 0) (drop (struct.get 1 0 (unreachable))))",
            "(type (func)) (type (struct (field (mut i32))))"
            " (func (type 0) (drop (struct.get 1 0 (unreachable))))",
            id="a field",
        ),
        pytest.param(
            "(type (func)) (type $s (struct)) (func (type 0) (local (ref null $s)))",
            "(type (func)) (type $s (array i8)) (func (type 0) (local (ref null $s)))",
            id="type of a local",
        ),
        pytest.param(
            "(type (func)) (type $s (struct)) (global (ref null $s) (ref.null $s))"
            " (func (type 0) (drop (global.get 0)))",
            "(type (func)) (type $s (array i8)) (global (ref null $s) (ref.null $s))"
            " (func (type 0) (drop (global.get 0)))",
            id="type of a global",
        ),
        pytest.param(
            "(type (func)) (type (func (param i32))) (rec (type (func)) (type (struct)))"
            " (func (type 0) (drop (ref.null 1)))",
            "(type (func)) (type (func (param i32))) (rec (type (func)) (type (array i8)))"
            " (func (type 0) (drop (ref.null 1)))",
            id="any type where types are grouped",
        ),
        pytest.param(
            "(elem declare func 1) (func (drop (ref.func 1))) (func)",
            "(elem declare func 0) (func (drop (ref.func 1))) (func)",
            id="functions that may be referred to",
        ),
        pytest.param(
            '(import "a" "b" (global i32)) (func (drop (global.get 0)))',
            "(global i32 (i32.const 0)) (func (drop (global.get 0)))",
            id="imported and defined",
        ),
    ],
)
def test_types_of_what_is_named_matter(first: str, second: str) -> None:
    assert digest(first) != digest(second)


def test_both_versions_matter_and_which_is_which() -> None:
    one, two = "(func (nop))", "(func)"
    digests = {digest(one, one), digest(one, two), digest(two, one), digest(two, two)}
    assert len(digests) == 4


def test_a_change_of_the_type_index_is_not_the_same_as_none() -> None:
    module = module_of("(type (func)) (type (func)) (func (type 0))")
    before = module.functions[0]
    context = Context(module)
    moved = replace(before, type_index=1)
    assert context_digest(before, before, context) != context_digest(before, moved, context)


def test_a_function_that_names_nothing_has_a_key_too() -> None:
    module = module_of("(func)")
    before = module.functions[0]
    make = module.pool.make
    wrong = [make("call", 9), make("global.get", 9), make("call_indirect", 9, 9), make("throw", 9)]
    context = Context(module)
    digests = {
        context_digest(before, replace(before.with_body([each]), type_index=index), context)
        for each in wrong
        for index in (0, 9)
    }
    assert len(digests) == 8


def test_keys_depend_on_settings_and_on_the_validator(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = module_of("(func)")
    function = module.functions[0]

    def key(settings: str) -> bytes:
        with ProofCache(path, settings=settings) as cache:
            return cache.key(function, function, Context(module))

    keys = {key("z3"), key("none")}
    monkeypatch.setattr(cache_module, "validator_version", lambda: "another")
    keys |= {key("z3"), key("none")}
    assert len(keys) == 4


def test_the_version_of_the_validator_names_its_libraries() -> None:
    words = validator_version().split()
    assert words[0] == VERSION
    assert any(word.startswith("wasmtime=") for word in words)
    assert any(word.startswith("z3-solver=") for word in words)
