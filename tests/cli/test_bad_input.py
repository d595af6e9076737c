"""Bad input: one line, exit code 1, nothing written, nothing harmed, in bounded time and memory."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.cli.commands import TIME_LIMIT, assert_one_error, command, contents
from tests.core.binaries import BUILT, HEADER, ONE_FUNCTION, VOID, custom, section, sized, vector
from tests.core.binaries import module_of as binary_of
from wasmopt.cli import main
from wasmopt.decode import decode
from wasmopt.reader import unsigned_leb
from wasmopt.validate import validate

BILLIONS = b"\xff\xff\xff\xff\x0f"
"""2**32 - 1."""
DEEP = 100_000


def in_process(folder: Path, data: bytes, capsysbinary: pytest.CaptureFixture[bytes]) -> bytes:
    """Optimize `data` and check that it was refused properly; what standard error was told."""
    (folder / "in.wasm").write_bytes(data)
    start = time.process_time()
    code = main(["-O", str(folder / "in.wasm"), "-o", str(folder / "out.wasm")])
    assert time.process_time() - start < TIME_LIMIT
    out, err = capsysbinary.readouterr()
    assert (code, out) == (1, b"")
    assert contents(folder) == {"in.wasm": data}
    assert_one_error(err, f"{folder / 'in.wasm'}: ")
    return err


REFUSED = {
    "empty": (b"", "the file is empty"),
    "one byte": (b"\0", "at byte 0: not a WebAssembly binary"),
    "text": (b"hello, world\n", "at byte 0: not a WebAssembly binary"),
    "zeros": (b"\0" * 5_000_000, "at byte 0: not a WebAssembly binary"),
    "an archive": (b"!<arch>\n", "at byte 0: not a WebAssembly binary"),
    "a component that is cut": (
        b"\0asm\x0d\0\1\0" + section(4, HEADER)[:-1],
        "at byte 10: section needs 8 bytes, 7 are left",
    ),
    "a component of another version": (
        b"\0asm\x0d\0\1\0" + section(4, HEADER),
        "at byte 10: a component starts with 00 61 73 6d 0d 00 01 00, not 00 61 73 6d 01 00 00 00",
    ),
    "a component with a wrong module": (
        b"\0asm\x0d\0\1\0" + section(1, HEADER + b"\x0e\0"),
        "at byte 18: core module 0: unknown section 14",
    ),
    "another version": (b"\0asm\2\0\0\0", "at byte 4: unknown version 02 00 00 00"),
    "a cut header": (b"\0asm\1\0", "at byte 4: unknown version 01 00"),
    "text that is no module": (b"(modul)", "line 1, column 2: "),
    "text that is not closed": (b"(module (func", "line 1, column 14: expected `)`"),
    "text that is not UTF-8": (b'(module (func (export "\xff\xfe")))', "utf-8"),
    "text with a null": (b"(module \0)", "line 1, column 9: "),
    "text that does not type-check": (b"(module (func drop))", "invalid module: type mismatch"),
    "an overlong size": (
        HEADER + b"\x01\x80\x80\x80\x80\x80\x00",
        "at byte 9: section size is longer",
    ),
    "an overlong constant": (
        binary_of(b"\x41\xff\xff\xff\xff\xff\x00\x1a\x0b"),
        "at byte 24: i32 constant is longer",
    ),
    "a constant out of range": (
        binary_of(b"\x41\xff\xff\xff\xff\x4f\x1a\x0b"),
        "at byte 24: i32 constant does not fit",
    ),
    "billions of types": (HEADER + section(1, BILLIONS), "at byte 10: 4294967295 types do not fit"),
    "billions of functions": (
        HEADER + VOID + section(3, BILLIONS),
        "4294967295 functions do not fit",
    ),
    "billions of labels": (
        binary_of(b"\x0e" + BILLIONS + b"\x0b"),
        "at byte 24: 4294967295 labels do not fit",
    ),
    "billions of bytes": (
        HEADER + b"\x0b" + BILLIONS,
        "at byte 14: section needs 4294967295 bytes",
    ),
    "billions of pages": (
        HEADER + section(5, vector(b"\0" + BILLIONS)),
        "invalid module: memory size",
    ),
    "a long name in a long name": (
        HEADER + section(0, BILLIONS),
        "custom section name needs 4294967295",
    ),
    "billions of locals": (
        binary_of(b"\x0b", vector(BILLIONS + b"\x7f")),
        "at byte 23: 4294967295 locals, engines allow 50000",
    ),
    "billions of locals in two parts": (
        binary_of(b"\x0b", vector(BILLIONS + b"\x7f", BILLIONS + b"\x7e")),
        "at byte 23: 4294967295 locals",
    ),
    "an unknown instruction": (binary_of(b"\xff\x0b"), "at byte 23: unknown instruction 0xff"),
    "an unknown prefixed instruction": (
        binary_of(b"\xfd\xff\x7f\x0b"),
        "at byte 23: unknown instruction 0xfd 16383",
    ),
    "an unknown section": (HEADER + section(14, b""), "at byte 8: unknown section 14"),
    "sections out of order": (
        HEADER + section(3, b"\0") + VOID,
        "at byte 11: section type is out of order",
    ),
    "a function without code": (HEADER + ONE_FUNCTION, "1 functions but no code section"),
    "code that does not end": (binary_of(b"\x01" * 1000), "does not close with `end`"),
    "blocks that do not end": (
        binary_of(b"\x02\x40" * DEEP + b"\x0b"),
        "invalid module: control frames remain",
    ),
    "ends of no blocks": (
        binary_of(b"\x0b" * DEEP),
        "at byte 28: invalid module: operators remaining",
    ),
    "a run of continued bytes": (
        binary_of(b"\x41" + b"\x80" * 1_000_000),
        "at byte 28: i32 constant is longer",
    ),
    "a long name twice": (
        HEADER
        + ONE_FUNCTION
        + section(7, vector(*[sized(b"\x1b[31m" * 5000) + b"\0\0"] * 2))
        + section(10, vector(sized(b"\0\x0b"))),
        "duplicate export name `\\x1b[31m",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    data, message = REFUSED[name]
    assert message in in_process(tmp_path, data, capsysbinary).decode()


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_truncated_anywhere(
    path: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A cut between sections can leave a module, a cut anywhere else does not."""
    data = path.read_bytes()
    choose = random.Random(path.stem)
    for length in {0, 4, 8, 9, len(data) - 1, *choose.sample(range(len(data)), 12)}:
        if not is_valid(data[:length]):
            in_process(tmp_path, data[:length], capsysbinary)


def is_valid(data: bytes) -> bool:
    """What is right by chance is no bad input."""
    try:
        validate(decode(data), data)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_damaged(seed: int, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Flipped bits and odd bytes: refused, or still a module, which is then made smaller."""
    choose = random.Random(seed)
    data = bytearray(choose.choice(BUILT).read_bytes())
    for _ in range(choose.randint(1, 3)):
        place = choose.randrange(8, len(data))
        odd = [data[place] ^ 1 << choose.randrange(8), 0xFF, 0x80, 0x7F, choose.randrange(256)]
        data[place] = choose.choice(odd)
    if is_valid(bytes(data)):
        (tmp_path / "in.wasm").write_bytes(data)
        assert main(["-O", "-q", str(tmp_path / "in.wasm"), "-o", str(tmp_path / "out.wasm")]) == 0
        result = (tmp_path / "out.wasm").read_bytes()
        assert len(result) <= len(data)
        assert is_valid(result)
    else:
        in_process(tmp_path, bytes(data), capsysbinary)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("start", [b"", HEADER, HEADER + VOID], ids=["nothing", "header", "type"])
def test_random_bytes(
    seed: int, start: bytes, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    data = start + random.Random(seed).randbytes(300)
    assert not is_valid(data)
    in_process(tmp_path, data, capsysbinary)


BIG = {
    "nested blocks": binary_of(b"\x02\x40" * DEEP + b"\x0b" * (DEEP + 1)),
    "nested loops": binary_of(b"\x03\x40" * DEEP + b"\x0b" * (DEEP + 1)),
    "nested text": b"(module (func " + b"(block " * DEEP + b")" * DEEP + b"))",
    "nested operands": b"(module (func (drop "
    + b"(i32.eqz " * DEEP
    + b"(i32.const 1)"
    + b")" * DEEP
    + b")))",
    "open parentheses": b"(" * 1_000_000,
    "open comments": b"(;" * 1_000_000,
    "many locals": binary_of(b"\x0b", vector(unsigned_leb(50_000) + b"\x7f")),
    "many declarations of no locals": binary_of(b"\x0b", vector(*[b"\0\x7f"] * 200_000)),
    "billions of locals": REFUSED["billions of locals"][0],
    "billions of types": REFUSED["billions of types"][0],
    "billions of table entries": HEADER + section(4, vector(b"\x70\0" + BILLIONS)),
    "a large branch table": binary_of(
        b"\x41\0\x0e" + unsigned_leb(500_000) + b"\0" * 500_001 + b"\x0b"
    ),
    "a deep stack": binary_of(b"\x41\0" * DEEP + b"\x1a" * DEEP + b"\x0b"),
    "a tall expression": HEADER
    + section(6, vector(b"\x7f\0\x41\0" + b"\x41\0\x6a" * DEEP + b"\x0b")),
    "many custom sections": HEADER + custom(b"") * 20_000,
}


@pytest.mark.parametrize("name", BIG)
def test_big_input_is_fine_or_refused_within_bounds(name: str, tmp_path: Path) -> None:
    """In a process of its own, which has 2 GiB and 20 seconds, and a stack that can overflow."""
    (tmp_path / "in").write_bytes(BIG[name])
    done = command("-O", "-q", tmp_path / "in", "-o", tmp_path / "out")
    if done.returncode == 0:
        assert (done.stdout, done.stderr) == (b"", b"")
        assert is_valid((tmp_path / "out").read_bytes())
        assert set(contents(tmp_path)) == {"in", "out"}
    else:
        assert (done.returncode, done.stdout) == (1, b"")
        assert_one_error(done.stderr, f"{tmp_path / 'in'}: ")
        assert set(contents(tmp_path)) == {"in"}
    assert (tmp_path / "in").read_bytes() == BIG[name]


def test_deep_nesting_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(BIG["nested blocks"])
    done = command("-q", "-S", tmp_path / "in", "-o", "-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"block") == DEEP


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "no such file or directory"),
        ("file/in", "not a directory"),
        ("loop", "too many levels of symbolic links"),
        ("line\nfeed\x1b[31m", "no such file or directory"),
        ("", "no such file or directory"),
    ],
)
def test_files_that_cannot_be_read(
    name: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(HEADER)
    (tmp_path / "loop").symlink_to("loop")
    assert main(["-O", name, "-o", "out"]) == 1
    shown = name.replace("\n", r"\n").replace("\x1b", r"\x1b") or "''"
    said = assert_one_error(capsysbinary.readouterr().err)
    assert said == f"wasmopt: error: {shown}: cannot read: {reason}\n"
    assert contents(tmp_path) == {"file": HEADER}


def test_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Permissions do not bind a superuser, so reading this file fails for another reason."""
    monkeypatch.chdir(tmp_path)
    assert main(["-O", "/proc/self/mem", "-o", "out"]) == 1
    assert_one_error(capsysbinary.readouterr().err, "/proc/self/mem: cannot read: input/output")
    assert contents(tmp_path) == {}
