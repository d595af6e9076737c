"""`--dask`: a real cluster on this machine, one of whose workers dies while it works."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmopt import optimize
from wasmopt.errors import UsageError
from wasmopt.options import Options
from wasmopt.parallel import Task, run_task

SOURCE = Path("corpus/built/routes-O0.wasm")
WORKER = """
import sys
from distributed.cli.dask_worker import main
main(sys.argv[1:])
"""
SCHEDULER = WORKER.replace("worker", "scheduler")
QUIET = ("--no-dashboard",)


def run(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and two worker processes without a nanny that revives them."""
    note = tmp_path / "scheduler.json"
    place = ("--scheduler-file", str(note))
    running = [run(SCHEDULER, *place, "--host", "127.0.0.1", "--port", "0", *QUIET)]
    try:
        deadline = time.monotonic() + 30
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path), *QUIET)
        workers = [run(WORKER, *place, *options) for _ in range(2)]
        running += workers
        from distributed import Client

        with Client(scheduler_file=str(note), timeout="30s") as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address, workers
    finally:
        for each in reversed(running):
            each.kill()
            each.wait()


@pytest.mark.filterwarnings("default")  # of Dask's own making
def test_a_worker_dies_and_the_bytes_are_the_same(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    output = tmp_path / "out.wasm"
    killer = threading.Timer(4.0, workers[0].kill)
    killer.start()
    command = (sys.executable, "-m", "wasmopt", "-O", "--no-cache", "--dask", address)
    done = subprocess.run(
        [*command, str(SOURCE), "-o", str(output)], capture_output=True, check=False
    )
    killer.join()
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == optimize(SOURCE, Options()).data


def test_no_scheduler_is_one_line() -> None:
    command = (sys.executable, "-m", "wasmopt", "-O", "--dask", "tcp://127.0.0.1:1")
    done = subprocess.run([*command, str(SOURCE)], capture_output=True, check=False)
    assert done.returncode == 2
    [line] = done.stderr.decode().splitlines()
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in line


def test_a_worker_of_another_version_refuses() -> None:
    task = Task(SOURCE.read_bytes(), ("vacuum",), Options(), (0,), version="0.0.0")
    with pytest.raises(UsageError, match=r"the task is of 0\.0\.0"):
        run_task(task)
