"""Measure wasmopt on sql.js against what native wasm-opt takes to read and write it.

Times are CPU times, user and system, of all threads. Each is the least of several runs, since
noise only ever adds; the two -O, which have no gate, run once. wasmopt is measured inside this
process, so without the start of an interpreter; wasm-opt with its start, which takes some
milliseconds. The exit code is 1 if a gate is missed.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wasmopt import decode, encode
from wasmopt.cli import main as wasmopt
from wasmopt.decode import code_range

MODULE = Path(__file__).resolve().parent / "public" / "sql-js.wasm"
MEGABYTE = 1_000_000

DECODE_GATE = 0.2
ENCODE_GATE = 0.06
"""CPU seconds for each megabyte of code."""
ROUND_TRIP_GATE = 1.5
"""Times what wasm-opt takes to read and write the module."""


class BenchError(Exception):
    """There is nothing to measure, or it fails; the message is one line."""


@dataclass(frozen=True)
class Measure:
    """One line of the result; `gate` is what `value` may be at most, None if it may be anything."""

    name: str
    seconds: float
    value: float
    unit: str
    gate: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the value is above its gate."""
        return self.gate is not None and self.value > self.gate

    def __str__(self) -> str:
        text = f"{self.name:<28}{self.seconds:8.3f} s {self.value:8.3f} {self.unit:<12}"
        if self.gate is None:
            return text.rstrip()
        return f"{text} at most {self.gate:g}: {'MISSED' if self.missed else 'ok'}"


def least(repetitions: int, cost: Callable[[], float]) -> float:
    """The least of several runs, in seconds."""
    return min(cost() for _ in range(repetitions))


def own_time(action: Callable[[], object]) -> float:
    """CPU time that this process spends on an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def child_time(command: Sequence[object]) -> float:
    """CPU time of a command, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise BenchError(f"{command[0]} fails with exit code {done.returncode}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def optimize_file(level: str, module: Path, output: Path) -> None:
    """Run the command line in this process, from the file to the file."""
    code = wasmopt([level, "-q", "--no-cache", str(module), "-o", str(output)])
    if code:
        raise BenchError(f"wasmopt {level} fails with exit code {code}")


def measures(module: Path, wasm_opt: str, repetitions: int, folder: Path) -> list[Measure]:
    """Everything that is measured, in the order of the output."""
    data = module.read_bytes()
    megabytes = len(code_range(data)) / MEGABYTE
    output = folder / "out.wasm"

    def each_megabyte(name: str, action: Callable[[], object], gate: float) -> Measure:
        seconds = least(repetitions, lambda: own_time(action))
        return Measure(name, seconds, seconds / megabytes, "s/MB of code", gate)

    rows = [each_megabyte("decode", lambda: decode(data), DECODE_GATE)]
    decoded = decode(data)
    rows.append(each_megabyte("encode", lambda: encode(decoded), ENCODE_GATE))
    native_command = [wasm_opt, "--all-features", module, "-o", output]
    native = least(repetitions, lambda: child_time(native_command))
    rows.append(Measure("wasm-opt, read and write", native, 1.0, "x"))

    def round_trip(level: str, times: int, gate: float | None = None) -> Measure:
        seconds = least(times, lambda: own_time(lambda: optimize_file(level, module, output)))
        return Measure(f"wasmopt {level}", seconds, seconds / native, "x", gate)

    rows += [round_trip("-O0", repetitions, ROUND_TRIP_GATE), round_trip("-O", 1)]
    optimizing = child_time([*native_command, "-O"])
    rows.append(Measure("wasm-opt -O", optimizing, optimizing / native, "x"))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description="Measure wasmopt against wasm-opt.")
    parser.add_argument(
        "--repetitions", type=int, default=15, metavar="N", help="runs of each measure (default 15)"
    )
    repetitions = max(1, parser.parse_args(arguments).repetitions)
    try:
        if not MODULE.exists():
            raise BenchError("sql.js is missing, run: python corpus/fetch.py --only sql-js")
        wasm_opt = shutil.which("wasm-opt")
        if wasm_opt is None:
            raise BenchError("wasm-opt is not on the PATH; Debian's package is binaryen")
        version = subprocess.run(
            [wasm_opt, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip()
        code = len(code_range(MODULE.read_bytes()))
        print(f"{MODULE.name}, {code} bytes of code; {version}; least of {repetitions} runs, CPU")
        with tempfile.TemporaryDirectory(prefix="corpus-bench-") as folder:
            rows = measures(MODULE, wasm_opt, repetitions, Path(folder))
    except BenchError as error:
        print(f"bench.py: {error}", file=sys.stderr)
        return 1
    print(*rows, sep="\n")
    return 1 if any(row.missed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
