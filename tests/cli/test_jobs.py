"""`--jobs`: however the program ends, its workers end with it and nothing is half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path("corpus/built/routes-O0.wasm")
PATIENCE = 20.0
"""Seconds that workers have to end."""


def start(output: Path) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "wasmopt", "-Oz", "-j", "2", "--no-cache")
    running = subprocess.Popen(
        [*command, str(SOURCE), "-o", str(output)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A parent that ignores it, as a shell does for its background jobs, would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    time.sleep(3)  # workers are starting or at work
    return running


def wait_for_the_end_of_all(group: int) -> bool:
    """Whether no process of the group is left before patience is at an end."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_workers_end_with_the_program(ending: signal.Signals, code: int, tmp_path: Path) -> None:
    output = tmp_path / "out.wasm"
    running = start(output)
    assert running.stderr is not None
    running.send_signal(ending)
    assert running.wait(PATIENCE) == code
    assert b"Traceback" not in running.stderr.read()
    running.stderr.close()
    assert wait_for_the_end_of_all(running.pid)
    assert not output.exists()


@pytest.mark.parametrize("jobs", ["0", "-2", "62", "two"])
def test_jobs_that_make_no_sense(jobs: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wasmopt", "-O", "-j", jobs, str(SOURCE)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"job" in done.stderr
    assert len(done.stderr.splitlines()) == 1
