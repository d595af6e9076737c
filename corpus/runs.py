"""Perform the runs that runs.toml lists and compare what comes out with what is written there.

A run is a fresh instance, some calls of its exports in order, and the numbers it hands to its
imports. Modules that were optimized can stand in for the built ones: name their folder.
"""

from __future__ import annotations

import argparse
import math
import struct
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import wasmtime

CORPUS = Path(__file__).resolve().parent
RUNS = CORPUS / "runs.toml"
BUILT = CORPUS / "built"

# More than any run needs: a miscompiled loop must not hang the caller.
FUEL = 1_000_000_000

# Floats for f32 and f64, signed integers for i32 and i64.
Number = int | float


class RunError(Exception):
    """A run cannot be performed; the message is one line."""


@dataclass(frozen=True)
class Call:
    """One call of an export; no results stand for a trap or an exception that gets out."""

    export: str
    arguments: tuple[Number, ...]
    results: tuple[Number, ...] | None

    def __str__(self) -> str:
        outcome = "trap" if self.results is None else ", ".join(map(str, self.results))
        return f"{self.export}({', '.join(map(str, self.arguments))}) -> {outcome}"


@dataclass(frozen=True)
class Run:
    """Calls in order on one instance of each module, and the numbers it hands to its imports."""

    modules: tuple[str, ...]
    calls: tuple[Call, ...]
    emitted: tuple[Number, ...]


def read_runs(path: Path = RUNS) -> list[Run]:
    """The runs of a file."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["run"]
    return [
        Run(
            tuple(table["modules"]),
            tuple(read_call(call) for call in table["calls"]),
            tuple(table.get("emitted", ())),
        )
        for table in tables
    ]


def read_call(table: dict[str, Any]) -> Call:
    """A call as it is written: ``trap = true`` stands in the place of results."""
    results = None if table.get("trap") else tuple(table["results"])
    return Call(table["call"], tuple(table["args"]), results)


def engine() -> wasmtime.Engine:
    """An engine that takes every feature the corpus uses."""
    config = wasmtime.Config()
    config.wasm_gc = True
    config.wasm_function_references = True
    config.wasm_exceptions = True
    config.wasm_tail_call = True
    config.wasm_memory64 = True
    config.wasm_multi_memory = True
    config.wasm_relaxed_simd = True
    config.wasm_threads = True
    config.shared_memory = True
    config.consume_fuel = True
    return wasmtime.Engine(config)


def host_function(store: wasmtime.Store, item: wasmtime.ImportType, emitted: list[Number]) -> Any:
    """A function for an import that only notes what it is given."""
    if not isinstance(item.type, wasmtime.FuncType) or item.type.results:
        raise RunError(f"import {item.name}: only functions without results are provided")
    return wasmtime.Func(store, item.type, lambda *arguments: emitted.extend(arguments))


def outcome(store: wasmtime.Store, call: Call, function: Any) -> Call:
    """The call with the results it really has."""
    try:
        result = function(store, *call.arguments)
    except wasmtime.Trap as trap:
        if trap.trap_code == wasmtime.TrapCode.OUT_OF_FUEL:
            raise RunError(f"{call.export} does not come to an end") from None
        return replace(call, results=None)
    if result is None:
        return replace(call, results=())
    return replace(call, results=tuple(result) if isinstance(result, list) else (result,))


def perform(module: wasmtime.Module, run: Run, on: wasmtime.Engine) -> Run:
    """The run as it really goes on a module."""
    missing = {call.export for call in run.calls} - {item.name for item in module.exports}
    if missing:
        raise RunError(f"not exported: {', '.join(sorted(missing))}")
    store = wasmtime.Store(on)
    store.set_fuel(FUEL)
    emitted: list[Number] = []
    imports = [host_function(store, item, emitted) for item in module.imports]
    exports = wasmtime.Instance(store, module, imports).exports(store)
    calls = tuple(outcome(store, call, exports[call.export]) for call in run.calls)
    return replace(run, calls=calls, emitted=tuple(emitted))


def exact(number: Number) -> bytes | int:
    """What tells two numbers apart: the bits of a float, so that -0.0 is not 0.0.

    NaNs count as one: their sign and payload are the machine's choice.
    """
    if not isinstance(number, float):
        return number
    return b"NaN" if math.isnan(number) else struct.pack("<d", number)


def same(expected: Sequence[Number] | None, found: Sequence[Number] | None) -> bool:
    """Whether two outcomes are the same to the bit."""
    if expected is None or found is None:
        return expected is found
    return list(map(exact, expected)) == list(map(exact, found))


def differences(expected: Run, found: Run) -> list[str]:
    """What went otherwise than expected, a line each."""
    lines = [
        f"{before}, found {after}"
        for before, after in zip(expected.calls, found.calls, strict=True)
        if not same(before.results, after.results)
    ]
    if not same(expected.emitted, found.emitted):
        lines.append(f"emits {list(expected.emitted)}, found {list(found.emitted)}")
    return lines


def faults(path: Path, run: Run, on: wasmtime.Engine) -> list[str]:
    """What goes otherwise than expected with the module in a file, a line each."""
    try:
        module = wasmtime.Module(on, path.read_bytes())
        found = perform(module, run, on)
    except OSError as error:
        return [f"{path.stem}: {error.strerror}"]
    except (RunError, wasmtime.WasmtimeError) as error:
        return [f"{path.stem}: {' '.join(str(error).split())}"]
    return [f"{path.stem}: {line}" for line in differences(run, found)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform every run on the modules of a folder; the exit code."""
    parser = argparse.ArgumentParser(description="Perform the corpus's runs.")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=BUILT, help="modules in place of corpus/built"
    )
    folder = parser.parse_args(arguments).folder
    on = engine()
    pairs = [(run, name) for run in read_runs() for name in run.modules]
    lines = [line for run, name in pairs for line in faults(folder / f"{name}.wasm", run, on)]
    calls = sum(len(run.calls) for run, _ in pairs)
    print(*lines, f"{calls} calls, {len(lines)} differences", sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
