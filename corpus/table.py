"""Optimize every module of the corpus and print one table of what came out.

Each module goes through `wasmopt -O` and `wasmopt -O0`, each run in a process of its own. Whatever
is wrong with the result is shown in the module's row, and the exit code is 1 then:

- the output of -O must be valid, not larger, and have the same exports and imports;
- the output of -O0 must be the input, or the same instructions with shorter numbers;
- a run must stay below the limits of time and memory.

Sizes are in bytes, time is CPU time with the start of the process in it, memory is the peak of
the resident set.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from threading import Timer

from wasmopt import Module, ValidationError, WasmOptError, decode, encode
from wasmopt.decode import code_range
from wasmopt.module import CustomSection, Kind, Signatures
from wasmopt.validate import legacy_exceptions, validate

CORPUS = Path(__file__).resolve().parent
BUILT = CORPUS / "built"
PUBLIC = CORPUS / "public"

MOST_SECONDS = 600
MOST_MEGABYTES = 1500
MEGABYTE = 1_000_000
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""What a unit of ru_maxrss is."""

BY_CODE_OFFSET = (".debug_", "external_debug_info", "sourceMappingURL", "metadata.code.")
"""Custom sections that must go when code has moved, since they point into it."""

HEADINGS = ("module", "in", "out", "%", "code in", "code out", "-O0", "CPU s", "MB", "checks")


@dataclass(frozen=True)
class Run:
    """One run of the optimizer: what it wrote (None if it failed) and what it took."""

    output: Path | None
    message: str
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Facts:
    """What is to be said of a module and its two outputs; `code` is the code section's content."""

    size: int
    optimized_size: int
    reencoded_size: int
    code: int
    optimized_code: int
    unseen: int
    """Functions that wasmtime cannot check: they use the legacy exception instructions."""
    faults: tuple[str, ...]


def run(level: str, module: Path, output: Path) -> Run:
    """Run the optimizer in a process of its own."""
    # Without the cache of proofs, so that a second table tells the same times.
    options = [level, "-q", "--no-cache"]
    command = [sys.executable, "-m", "wasmopt", *options, str(module), "-o", str(output)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    timer = Timer(MOST_SECONDS, process.kill)
    timer.start()
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read().decode(errors="replace").strip()
    # wait4 tells of this one child; getrusage would give the peak of all children so far.
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    message = said.splitlines()[-1] if said else f"exit code {process.returncode}"
    message = message.removeprefix("wasmopt: error: ").removeprefix(f"{module}: ")
    return Run(
        output if process.returncode == 0 else None,
        message,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * MAXRSS_BYTES / MEGABYTE,
    )


def over_limits(done: Run) -> Iterator[str]:
    """Which limits a run has broken."""
    if done.seconds > MOST_SECONDS:
        yield f"more than {MOST_SECONDS} s"
    if done.megabytes > MOST_MEGABYTES:
        yield f"more than {MOST_MEGABYTES} MB"


def interface(module: Module) -> tuple[list[object], list[object]]:
    """Imports and exports in order, with what their indices stand for."""
    signatures = Signatures(module)
    spaces: dict[Kind, Sequence[object]] = {
        Kind.FUNCTION: [signatures.types[index] for index in signatures.functions],
        Kind.TABLE: signatures.tables,
        Kind.MEMORY: signatures.memories,
        Kind.GLOBAL: signatures.globals,
        Kind.TAG: [signatures.types[index] for index in signatures.tags],
    }
    imports: list[object] = []
    for kind in Kind:
        names = [(entry.module, entry.name) for entry in module.imported(kind)]
        imports += [(kind, *name, spaces[kind][index]) for index, name in enumerate(names)]
    exports = [
        (entry.name, entry.kind, spaces[entry.kind][entry.index]) for entry in module.exports
    ]
    return imports, list(exports)


def instructions(module: Module) -> list[object]:
    """All functions: type, local types, and names and immediates of the instructions."""
    return [
        (
            function.type_index,
            function.locals,
            [(instr.name, instr.immediates) for instr in function.body],
        )
        for function in module.functions
    ]


def optimized_faults(original: Module, size: int, optimized: bytes) -> Iterator[str]:
    """What is wrong with the output of -O."""
    module = decode(optimized)
    try:
        validate(module, optimized)
    except ValidationError as error:
        yield f"-O: {error}"
    if len(optimized) > size:
        yield f"-O: larger by {len(optimized) - size}"
    for what, before, after in zip(
        ("imports", "exports"), interface(original), interface(module), strict=True
    ):
        if before != after:
            yield f"-O: other {what}"


def reencoded_faults(original: Module, data: bytes, reencoded: bytes) -> Iterator[str]:
    """What is wrong with the output of -O0."""
    if reencoded == data:
        return
    module = decode(reencoded)
    if len(reencoded) > len(data):
        yield f"-O0: larger by {len(reencoded) - len(data)}"
    if instructions(original) != instructions(module):
        yield "-O0: other instructions"
    kept = set(module.custom_sections())
    layout = tuple(
        part
        for part in original.layout
        if not isinstance(part, CustomSection)
        or part in kept
        or not part.name.startswith(BY_CODE_OFFSET)
    )
    if encode(replace(original, layout=layout)) != reencoded:
        yield "-O0: more has changed than the length of numbers"


def examine(before: Path, optimized: Path, reencoded: Path) -> Facts:
    """Compare a module with what -O and -O0 made of it."""
    data, smaller, same = before.read_bytes(), optimized.read_bytes(), reencoded.read_bytes()
    original = decode(data)
    faults: list[str] = []
    try:
        faults += optimized_faults(original, len(data), smaller)
        faults += reencoded_faults(original, data, same)
    except WasmOptError as error:
        faults.append(f"an output cannot be read: {error}")
    legacy = legacy_exceptions(original)
    return Facts(
        len(data),
        len(smaller),
        len(same),
        len(code_range(data)),
        len(code_range(smaller)),
        sum(not legacy.isdisjoint(function.body) for function in original.functions),
        tuple(faults),
    )


def examined_apart(before: Path, optimized: Path, reencoded: Path) -> Facts:
    """`examine` in a new process: a run's peak of memory starts from that of its parent."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(examine, before, optimized, reencoded).result()


def row(module: Path, folder: Path) -> tuple[list[str], Facts | None]:
    """The table's row for a module, and its facts if both runs came through."""
    runs = {level: run(level, module, folder / f"out{level}.wasm") for level in ("-O", "-O0")}
    faults = [f"{level}: {limit}" for level, done in runs.items() for limit in over_limits(done)]
    faults += [f"{level}: {done.message}" for level, done in runs.items() if done.output is None]
    cost = [f"{runs['-O'].seconds:.1f}", f"{max(done.megabytes for done in runs.values()):.0f}"]
    optimized, reencoded = runs["-O"].output, runs["-O0"].output
    if optimized is None or reencoded is None:
        return [module.stem, str(module.stat().st_size), *[""] * 5, *cost, "; ".join(faults)], None
    facts = examined_apart(module, optimized, reencoded)
    faults += facts.faults
    shorter = facts.size - facts.reencoded_size
    verdict = "; ".join(faults) or "ok"
    if facts.unseen:
        verdict += f" ({facts.unseen} functions with legacy exceptions not seen by wasmtime)"
    cells = [
        module.stem,
        str(facts.size),
        str(facts.optimized_size),
        f"{100 * facts.optimized_size / facts.size - 100:.1f}",
        str(facts.code),
        str(facts.optimized_code),
        "same" if shorter == 0 else f"{-shorter:+}",
        *cost,
        verdict,
    ]
    return cells, None if faults else facts


def line(cells: Sequence[str]) -> str:
    """One line of the table: the name to the left, numbers to the right, checks at the end."""
    widths = (15, 9, 9, 6, 8, 8, 7, 6, 5)
    name, *numbers, checks = cells
    padded = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
    return "  ".join([f"{name:<{widths[0]}}", *padded, checks]).rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description="Optimize the corpus and print a table.")
    parser.add_argument("folders", type=Path, nargs="*", help="more folders of modules")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this module (repeatable)"
    )
    options = parser.parse_args(arguments)
    paths = [path for folder in (BUILT, PUBLIC, *options.folders) for path in folder.glob("*.wasm")]
    paths = [path for path in paths if not options.only or path.stem in options.only]
    paths.sort(key=lambda path: (path.stat().st_size, path.name))
    if not paths:
        print("table.py: no modules", file=sys.stderr)
        return 1
    print(line(HEADINGS))
    good: list[Facts] = []
    with tempfile.TemporaryDirectory(prefix="corpus-table-") as folder:
        for path in paths:
            cells, facts = row(path, Path(folder))
            print(line(cells), flush=True)
            good += [facts] if facts else []
    sums = [sum(fact.size for fact in good), sum(fact.optimized_size for fact in good)]
    print(f"{len(good)} of {len(paths)} modules passed, {sums[0]} -> {sums[1]} bytes")
    if not any(PUBLIC.glob("*.wasm")):
        print("the public modules are missing, corpus/fetch.py downloads them")
    return 0 if len(good) == len(paths) else 1


if __name__ == "__main__":
    sys.exit(main())
