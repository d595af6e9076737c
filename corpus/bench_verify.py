"""How much of what another optimizer does can the validator prove?

Runs single function-local passes of Binaryen's wasm-opt, and the function-local part of its -Oz,
over modules; takes every function that changed; asks `wasmopt.verify` whether the change is
right; prints how many were proved by which tier and why the others were not, how the time grows
with the length of a function, and the peak of memory.  Exit code 1 says that a target was missed.
wasm-opt is npm's `BINARYEN`, put into corpus/.toolchain, unless another one is named.

    python corpus/bench_verify.py [--wasm-opt COMMAND] [--keep FOLDER] [--list] MODULE.wasm ...
"""

from __future__ import annotations

import argparse
import hashlib
import math
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.errors import WasmOptError
from wasmopt.features import used_features
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Module
from wasmopt.verdict import Proved, Refuted
from wasmopt.verify import Prover

SINGLE_PASSES: Final = (
    "vacuum",
    "dce",
    "precompute",
    "coalesce-locals",
    "simplify-locals",
    "reorder-locals",
    "optimize-instructions",
    "remove-unused-brs",
    "merge-blocks",
    "local-cse",
    "rse",
    "code-pushing",
    "code-folding",
    "licm",
    "pick-load-signs",
)
CHAIN: Final = "-Oz, functions only"
CHAIN_PASSES: Final = (
    "ssa-nomerge",
    "dce",
    "remove-unused-names",
    "remove-unused-brs",
    "remove-unused-names",
    "optimize-instructions",
    "pick-load-signs",
    "precompute-propagate",
    "code-pushing",
    "simplify-locals-nostructure",
    "vacuum",
    "reorder-locals",
    "remove-unused-brs",
    "coalesce-locals",
    "local-cse",
    "simplify-locals",
    "vacuum",
    "reorder-locals",
    "coalesce-locals",
    "reorder-locals",
    "vacuum",
    "code-folding",
    "merge-blocks",
    "remove-unused-brs",
    "remove-unused-names",
    "merge-blocks",
    "precompute-propagate",
    "optimize-instructions",
    "rse",
    "vacuum",
)
"""What Binaryen's `addDefaultFunctionOptimizationPasses` runs at -Oz (pass.cpp)."""

TARGETS: Final = (("single passes", 99.0), (CHAIN, 97.0), ("code-folding", 90.0))
"""Per cent of the changed functions that are to be proved."""
MOST_BUDGET_FAILURES: Final = 0.5
"""Per cent of the changed functions that may be too large for the validator."""
MOST_MEMORY: Final = 500
"""Megabytes that the run may take at its peak."""
BINARYEN: Final = "binaryen@132.0.0"
NODE_PACKAGES: Final = Path(__file__).parent / ".toolchain"
SHORTEST: Final = 50
"""Instructions below which the time for a function says nothing about growth."""

LONG_STANDING: Final = (
    "sign-ext",
    "mutable-globals",
    "nontrapping-float-to-int",
    "bulk-memory",
    "multivalue",
    "reference-types",
)


@dataclass(slots=True)
class Tally:
    """Results of one pass over some modules; times in CPU seconds."""

    changed: int = 0
    proved: Counter[str] = field(default_factory=Counter)
    unproved: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    costs: list[tuple[int, float]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Per cent proved."""
        return 100 * self.proved.total() / self.changed if self.changed else 100.0

    def add(self, other: Tally) -> None:
        """Count the other's results too."""
        self.changed += other.changed
        self.proved += other.proved
        self.unproved += other.unproved
        self.seconds += other.seconds
        self.costs += other.costs


class SkippedError(Exception):
    """A module or pass that cannot be compared; the message says why."""


def feature_flags(module: Module) -> list[str]:
    """Flags for the features that every engine has, and those that the module uses."""
    names = {*LONG_STANDING, *used_features(module)} - {"bulk-memory-opt"}
    return [f"--enable-{name}" for name in sorted(names)]


def run_wasm_opt(command: Sequence[str], source: Path, target: Path) -> None:
    """Run wasm-opt; the target is whole or not there.

    Raises:
        SkippedError: it fails.
    """
    partial = target.with_suffix(".partial")
    done = subprocess.run(
        [*command, str(source), "-o", str(partial)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = (done.stderr or "no message").strip().splitlines()
        raise SkippedError(f"wasm-opt failed: {lines[0]}")
    partial.replace(target)


def changed_functions(before: Module, after: Module) -> Iterator[tuple[Function, Function]]:
    """Pairs of functions of one index whose code differs."""
    if len(before.functions) != len(after.functions):
        raise SkippedError("the number of functions changed")
    for old, new in zip(before.functions, after.functions, strict=True):
        if old.body != new.body or old.locals != new.locals:
            yield old, new


def with_shared_types(before: Module, after: Module) -> tuple[Module, Module]:
    """Both modules with one list of types, which wasm-opt renumbers as it likes."""
    if before.types == after.types:
        return before, after
    if any(len(group.types) > 1 for module in (before, after) for group in module.types):
        raise SkippedError("recursion groups were renumbered")
    types = list(before.types)
    for group in after.types:
        if group not in types:
            types.append(group)
    numbers = [types.index(group) for group in after.types]
    renumbered: dict[Instr, Instr] = {}
    functions = [
        Function(
            numbers[function.type_index],
            function.locals,
            tuple([_renumber(instr, numbers, after, renumbered) for instr in function.body]),
        )
        for function in after.functions
    ]
    return replace(before, types=tuple(types)), replace(after, functions=tuple(functions))


def _renumber(
    instr: Instr, numbers: list[int], module: Module, renumbered: dict[Instr, Instr]
) -> Instr:
    known = renumbered.get(instr)
    if known is None:
        immediates = tuple(
            [
                numbers[value]
                if kind == "type" or (kind == "block" and isinstance(value, int))
                else value
                for kind, value in zip(instr.op.immediates, instr.immediates, strict=True)
            ]
        )
        known = renumbered[instr] = module.pool.intern(instr.op, immediates)
    return known


def judge(before: Module, after: Module, *, show: bool) -> Tally:
    """Ask the validator about every function that changed."""
    before, after = with_shared_types(before, after)
    context, prover, tally = Context(before), Prover(), Tally()
    positions = {function: index for index, function in enumerate(before.functions)}
    for old, new in changed_functions(before, after):
        start = time.process_time()
        verdict = prover(old, new, context)
        seconds = time.process_time() - start
        tally.seconds += seconds
        tally.costs.append((len(old.body), seconds))
        tally.changed += 1
        if isinstance(verdict, Proved):
            tally.proved[verdict.method] += 1
            continue
        reason = "REFUTED" if isinstance(verdict, Refuted) else verdict.reason
        tally.unproved[reason] += 1
        if show:
            print(f"    function {positions[old]} ({len(old.body)} instructions): {reason}")
    return tally


def bench_module(
    path: Path, wasm_opt: Sequence[str], passes: Sequence[str], keep: Path, *, show: bool
) -> dict[str, Tally]:
    """All passes over one module; what wasm-opt made of it is kept in a folder and used again."""
    results = {}
    source = path.read_bytes()
    digest = hashlib.sha256(source + " ".join(wasm_opt).encode()).hexdigest()
    folder = keep / f"{path.stem}-{digest[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / "base.wasm"
    flags = feature_flags(decode(source))
    if not base.exists():
        run_wasm_opt([*wasm_opt, *flags], path, base)
    for name in passes:
        names = CHAIN_PASSES if name == CHAIN else (name,)
        levels = ["--optimize-level=2", "--shrink-level=2"] if name == CHAIN else []
        target = folder / f"{'chain' if name == CHAIN else name}.wasm"
        try:
            if not target.exists():
                chosen = [f"--{each}" for each in names]
                run_wasm_opt([*wasm_opt, *flags, *levels, *chosen], base, target)
            before = decode(base.read_bytes())
            after = decode(target.read_bytes(), before.pool)
            results[name] = judge(before, after, show=show)
        except (SkippedError, WasmOptError) as error:
            print(f"  {name}: skipped, {error}")
    return results


def print_table(results: dict[str, Tally]) -> None:
    """One line a pass: how many functions changed, how many were proved and how."""
    print(
        f"{'pass':24}{'changed':>8}{'proved':>8}{'%':>7}{'CPU s':>8}  by tier; unproved by reason"
    )
    for name, tally in results.items():
        proved = tally.proved.total()
        tiers = ", ".join(f"{tier} {count}" for tier, count in tally.proved.most_common())
        reasons = ", ".join(f"{count} {why}" for why, count in tally.unproved.most_common(6))
        print(
            f"{name:24}{tally.changed:8}{proved:8}{tally.share:7.1f}{tally.seconds:8.1f}  "
            f"{tiers}{'; ' if reasons else ''}{reasons}"
        )


def exponent(costs: Sequence[tuple[int, float]]) -> float | None:
    """How time grows with length: the slope of their logarithms, by least squares."""
    points = [
        (math.log(length), math.log(seconds))
        for length, seconds in costs
        if length >= SHORTEST and seconds > 0
    ]
    if len({x for x, _ in points}) < 2:
        return None
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def npm_wasm_opt() -> str:
    """The command of npm's Binaryen, downloaded on first use.

    Raises:
        SkippedError: npm is missing or fails.
    """
    command = NODE_PACKAGES / "node_modules" / ".bin" / "wasm-opt"
    if not command.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SkippedError("npm is needed for Binaryen, or name a wasm-opt by --wasm-opt")
        flags = ["--no-audit", "--no-fund", "--no-save", "--silent"]
        done = subprocess.run(
            [npm, "install", "--prefix", NODE_PACKAGES, *flags, BINARYEN], check=False
        )
        if done.returncode != 0:
            raise SkippedError(f"npm install {BINARYEN} failed with exit code {done.returncode}")
    return str(command)


def print_verdict(totals: dict[str, Tally]) -> bool:
    """Targets with what was reached; whether all were met."""
    everything, singles = Tally(), Tally()
    for name, tally in totals.items():
        everything.add(tally)
        if name != CHAIN:
            singles.add(tally)
    met = True
    shown = {**totals, "single passes": singles}
    print("all modules")
    print_table(shown)
    for name, least in TARGETS:
        if name in shown and shown[name].changed:
            fine = shown[name].share >= least
            met &= fine
            verdict = "met" if fine else "MISSED"
            print(f"{name}: {shown[name].share:.2f} % proved, target {least} %: {verdict}")
    budget = sum(count for why, count in everything.unproved.items() if why.startswith("budget"))
    if everything.changed:
        share = 100 * budget / everything.changed
        fine = share <= MOST_BUDGET_FAILURES
        met &= fine
        verdict = "met" if fine else "MISSED"
        print(f"too large: {share:.2f} %, target {MOST_BUDGET_FAILURES} %: {verdict}")
    slope = exponent(everything.costs)
    if slope is not None:
        print(f"time grows with length to the power of {slope:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    fine = peak <= MOST_MEMORY
    met &= fine
    print(f"peak memory {peak} MB, target {MOST_MEMORY} MB: {'met' if fine else 'MISSED'}")
    return met


def main() -> int:
    """Run over the modules named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--wasm-opt", help="command, split at spaces; npm's if not given")
    parser.add_argument("--passes", default=",".join([*SINGLE_PASSES, CHAIN.replace(",", ";")]))
    parser.add_argument("--keep", type=Path, help="folder for what wasm-opt makes, used again")
    parser.add_argument("--list", action="store_true", help="name every unproved function")
    settings = parser.parse_args()
    passes = [name.replace(";", ",") for name in settings.passes.split(",")]
    try:
        wasm_opt = (settings.wasm_opt or npm_wasm_opt()).split()
    except SkippedError as error:
        parser.error(str(error))
    totals: dict[str, Tally] = {name: Tally() for name in passes}
    with tempfile.TemporaryDirectory() as temporary:
        keep = settings.keep or Path(temporary)
        for path in settings.modules:
            print(f"{path.name}", flush=True)
            try:
                results = bench_module(path, wasm_opt, passes, keep, show=settings.list)
            except (SkippedError, WasmOptError) as error:
                print(f"  skipped, {error}")
                continue
            for name, tally in results.items():
                totals[name].add(tally)
            print_table(results)
            sys.stdout.flush()
    return 0 if print_verdict(totals) else 1


if __name__ == "__main__":
    sys.exit(main())
