"""Output: where it goes, and that failing leaves everything as it was."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import assert_one_error, command, contents, environment
from tests.core.binaries import BUILT
from wasmopt.api import optimize
from wasmopt.cli import main

[LARGE] = [path for path in BUILT if path.stem == "routes-O0"]
INPUT = LARGE.read_bytes()
OUTPUT = optimize(INPUT).data
OLD = b"what was there before"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an input and an older output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.wasm").write_bytes(INPUT)
    (tmp_path / "out.wasm").write_bytes(OLD)
    return tmp_path


# --- where it goes ------------------------------------------------------------------------------


def test_in_place(folder: Path) -> None:
    before = (folder / "in.wasm").stat()
    (folder / "in.wasm").chmod(0o640)
    assert main(["-O", "-q", "in.wasm", "-o", "in.wasm"]) == 0
    assert contents(folder) == {"in.wasm": OUTPUT, "out.wasm": OLD}
    after = (folder / "in.wasm").stat()
    assert after.st_ino != before.st_ino, "the file was written over, not replaced"
    assert stat.S_IMODE(after.st_mode) == 0o640


def test_through_a_link(folder: Path) -> None:
    (folder / "link.wasm").symlink_to("out.wasm")
    assert main(["-O", "-q", "in.wasm", "-o", "link.wasm"]) == 0
    assert (folder / "link.wasm").is_symlink()
    assert (folder / "out.wasm").read_bytes() == OUTPUT


def test_through_pipes() -> None:
    done = command("-O", "-", "-o", "-", input=INPUT)
    assert (done.returncode, done.stdout) == (0, OUTPUT)
    assert b"error" not in done.stderr


def test_to_the_name_of_standard_output() -> None:
    done = command("-O", "-q", "-", "-o", "/dev/stdout", input=INPUT)
    assert (done.returncode, done.stdout, done.stderr) == (0, OUTPUT, b"")


def test_what_is_printed_does_not_keep_the_file_from_being_written(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = command("-O", "-q", "--print", "in.wasm", "-o", "out.wasm", stdout=full)
    assert done.returncode == 1
    assert_one_error(done.stderr, "-: cannot write: no space left on device")
    assert (folder / "out.wasm").read_bytes() == OUTPUT


# --- when it cannot be written ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("nowhere/out.wasm", "no such file or directory"),
        ("folder", "is a directory"),
        ("in.wasm/out.wasm", "not a directory"),
        ("loop", "too many levels of symbolic links"),
        ("/dev/full", "no space left on device"),
        ("/proc/out.wasm", "no such file or directory"),
        ("", "no such file or directory"),
    ],
)
def test_places_that_cannot_be_written(
    output: str, reason: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    assert main(["-O", "in.wasm", "-o", output]) == 1
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert_one_error(err, f"wasmopt: error: {output or repr('')}: cannot write: {reason}\n")
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OLD}


def small_files() -> None:
    """A limit on how large a file may get stands in for a disk that runs full halfway."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(OUTPUT) // 2,) * 2)


@pytest.mark.parametrize("output", ["out.wasm", "in.wasm", "new.wasm"])
def test_a_file_that_cannot_grow(output: str, folder: Path) -> None:
    done = command("-O", "in.wasm", "-o", output, preexec_fn=small_files)
    assert done.returncode == 1
    assert_one_error(done.stderr, f"{output}: cannot write: file too large")
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OLD}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 8 KiB, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    arguments = ["-t", "tmpfs", "-o", "size=8k", "tmpfs", str(place)]
    if (
        mount is None
        or subprocess.run([mount, *arguments], capture_output=True, check=False).returncode
    ):
        yield None
        return
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(
    small_disk: Path | None, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """On a disk that is too small, or where none can be had on the device that is always full."""
    output = Path("/dev/full") if small_disk is None else small_disk / "out.wasm"
    if small_disk is not None:
        output.write_bytes(OLD)
    assert main(["-O", "in.wasm", "-o", str(output)]) == 1
    assert_one_error(
        capsysbinary.readouterr().err, f"{output}: cannot write: no space left on device"
    )
    if small_disk is not None:
        assert contents(small_disk) == {"out.wasm": OLD}


# --- when it is ended ---------------------------------------------------------------------------


def killing(step: str, signal_name: str = "SIGKILL") -> str:
    """A script that runs `main` and is killed when it comes to `os.step`."""
    return (
        "import signal\n"
        "def kill(*arguments):\n"
        f"    os.kill(os.getpid(), signal.{signal_name})\n"
        f"os.{step} = kill\n"
        "main(sys.argv[1:])\n"
    )


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("output", ["out.wasm", "in.wasm"])
def test_killed_while_writing(step: str, output: str, folder: Path) -> None:
    """Nobody can clean up behind SIGKILL, but the old files are whole."""
    done = command("-O", "in.wasm", "-o", output, script=killing(step))
    assert done.returncode == -signal.SIGKILL
    files = contents(folder)
    assert (files.pop("in.wasm"), files.pop("out.wasm")) == (INPUT, OLD)
    assert all(name.startswith(".wasmopt-") for name in files)


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.35, 0.5])
def test_killed_in_the_middle_of_a_run(delay: float, folder: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "wasmopt", "-O", "-q", "in.wasm", "-o", "in.wasm"], env=environment()
    )
    time.sleep(delay)
    running.kill()
    running.wait()
    assert (folder / "in.wasm").read_bytes() in (INPUT, OUTPUT)
    assert (folder / "out.wasm").read_bytes() == OLD


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(("ending", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_polite_end_leaves_nothing_behind(
    step: str, ending: str, code: int, folder: Path
) -> None:
    script = killing(step, ending).replace("main(sys.argv[1:])", "run_as_program()")
    done = command(
        "-O",
        "in.wasm",
        "-o",
        "out.wasm",
        script=f"from wasmopt.cli import run_as_program\n{script}",
        # What starts the tests may ignore the signal.
        preexec_fn=lambda: signal.signal(getattr(signal, ending), signal.SIG_DFL),
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OLD}


INTERRUPTING = """
import signal
from wasmopt.cli import run_as_program
signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), signal.SIGINT))
signal.setitimer(signal.ITIMER_PROF, {})
run_as_program()
"""


@pytest.mark.parametrize("delay", [0.01, 0.2, 0.5, 0.9, 1.4, 2.2])
def test_interrupted_anywhere(delay: float, folder: Path) -> None:
    """Behind so many seconds of processor time: in imports, passes, proofs, solver or replay."""
    script = INTERRUPTING.format(delay)
    done = command(
        *("-O", "-q", "--no-cache", "in.wasm", "-o", "in.wasm"), script=script, timeout=100
    )
    if done.returncode == 0:
        assert contents(folder) == {"in.wasm": OUTPUT, "out.wasm": OLD}
        return
    assert done.returncode == 130
    assert done.stderr == b"wasmopt: interrupted, nothing was written\n"
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OLD}


def test_a_signal_that_was_ignored_before_still_is(folder: Path) -> None:
    """As nohup has it."""
    script = killing("fsync", "SIGHUP").replace("main(sys.argv[1:])", "run_as_program()")
    done = command(
        *("-O", "in.wasm", "-o", "out.wasm"),
        script=f"from wasmopt.cli import run_as_program\n{script}",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert done.returncode == 0
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OUTPUT}


# --- standard streams that are closed or broken -------------------------------------------------


def closing(*streams: int) -> object:
    def close() -> None:
        for stream in streams:
            os.close(stream)

    return close


def test_closed_standard_output(folder: Path) -> None:
    done = command("-O", "in.wasm", "-o", "-", preexec_fn=closing(1))
    assert done.returncode == 1
    assert_one_error(done.stderr, "-: cannot write: standard output is closed")


def test_closed_standard_input(folder: Path) -> None:
    done = command("-O", "-", "-o", "new.wasm", preexec_fn=closing(0))
    assert done.returncode == 1
    assert_one_error(done.stderr, "-: cannot read: standard input is closed")
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OLD}


def test_closed_standard_error_spoils_nothing(folder: Path) -> None:
    done = command("-O", "in.wasm", "-o", "-", preexec_fn=closing(2))
    assert (done.returncode, done.stdout) == (0, OUTPUT)
    done = command("-O", "missing", "-o", "-", preexec_fn=closing(2))
    assert (done.returncode, done.stdout) == (1, b"")
    done = command("-O", "--metrics", "in.wasm", "-o", "out.wasm", preexec_fn=closing(0, 1, 2))
    assert done.returncode == 0
    assert (folder / "out.wasm").read_bytes() == OUTPUT


def test_full_standard_error_spoils_nothing(folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = command("-O", "--metrics", "in.wasm", "-o", "-", stderr=full)
    assert (done.returncode, done.stdout) == (0, OUTPUT)


@pytest.mark.parametrize("arguments", ["-O in.wasm -o -", "-O -q in.wasm --print", "--help"])
def test_a_reader_that_has_gone(arguments: str, folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as pipe:
        done = command(*arguments.split(), stdout=pipe)
    assert done.returncode == 1
    said = done.stderr.decode().splitlines()
    assert said[-1] == "wasmopt: error: -: cannot write: broken pipe"
    assert [line for line in said if "error" in line or "Error" in line] == said[-1:]


@pytest.mark.parametrize("arguments", ["-O -q in.wasm -o -", "-O -q in.wasm --print", "--version"])
def test_full_standard_output(arguments: str, folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = command(*arguments.split(), stdout=full)
    assert done.returncode == 1
    assert_one_error(done.stderr, "-: cannot write: no space left on device")


def test_standard_input_that_cannot_be_read(folder: Path) -> None:
    with open("out.wasm", "ab") as not_for_reading:
        done = command("-O", "-", "-o", "new.wasm", stdin=not_for_reading)
    assert done.returncode == 1
    assert_one_error(done.stderr, "-: cannot read: bad file descriptor")
    assert contents(folder) == {"in.wasm": INPUT, "out.wasm": OLD}
