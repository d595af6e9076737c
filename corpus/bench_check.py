"""Does the same work cost more than it did?  An alarm that does not depend on the machine.

    python corpus/bench_check.py [--update] [--public] [--only NAME] [--reference FILE]

Takes some modules through -O and counts: instructions that passes and proofs read, terms, questions
to the solver and its own units, proposals, proofs by tier, bytes that come out.  Each counter is
compared with that in `reference.json`.  The exit code is 1 when one is worse by more than
`TOLERANCES` allow.  With --update the reference becomes what was counted; see CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wasmopt import Options, Report, WasmOptError, optimize_files
from wasmopt.files import read_file, write_file
from wasmopt.reporting.tables import Column, Table, make_table, number
from wasmopt.reporting.terminal import table_lines
from wasmopt.verify.correspondence import MAPPED
from wasmopt.verify.prover import LOCKSTEP, PRODUCT, SOLVER, STEPS, SUMMARY, TEXT, VALUES, WINDOW

CORPUS: Final = Path(__file__).resolve().parent
REFERENCE: Final = CORPUS / "reference.json"

BUILT: Final = ("routes-O0", "matrix-simd", "expressions", "sorting", "bytecode", "codecs")
"""Rust as generics and iterators leave it, SIMD, optimized Rust, AssemblyScript with its allocator,
an interpreter with a large br_table, bit operations."""
PUBLIC: Final = (
    *("as-sha256", "httparse", "jco-wasi"),
    *("jsquash-resize", "json_lite", "state_machine"),
)

CHEAP: Final = (MAPPED, TEXT, STEPS, VALUES)
"""Tiers that cost little: more proofs of theirs are no harm."""
DEAR: Final = (LOCKSTEP, PRODUCT, WINDOW, SUMMARY, SOLVER)
SOLVER_UNITS: Final = "solver units"
SIZES: Final = ("output bytes", "code bytes")

TOLERANCES: Final = dict.fromkeys(SIZES, 0.01)
"""By how much a counter may be worse, as a share of what it was: sizes move less than the work."""
TOLERANCE: Final = 0.10
"""The same of all other counters."""
SLACK: Final = 2
"""What any counter may be worse by, since a few are no trend."""
JOBS: Final = 2
"""Modules at the same time; the counters do not depend on it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One counter; `module` is empty for the sum over all of them."""

    module: str
    name: str
    old: int
    new: int

    @property
    def _most_change(self) -> float:
        share = TOLERANCES.get(self.name, TOLERANCE)
        return max(share * self.old, 0 if self.name in SIZES else SLACK)

    @property
    def judged(self) -> bool:
        """Whether less of it is better."""
        return self.name not in [proved_by(tier) for tier in CHEAP]

    @property
    def worse(self) -> bool:
        """Whether that is an alarm."""
        return self.judged and self.new - self.old > self._most_change

    @property
    def better(self) -> bool:
        """Whether it is so much better that the reference hides how good it is."""
        return self.judged and self.old - self.new > self._most_change

    @property
    def remark(self) -> str:
        """What is to be said of it."""
        return "WORSE" if self.worse else "better" if self.better else ""


def proved_by(tier: str) -> str:
    """The name of the counter of a tier's proofs."""
    return f"proved by {tier}"


def counters(report: Report) -> dict[str, int]:
    """What is counted of a run, none of which depends on the machine."""
    proved: Counter[str] = sum([each.proved for each in report.passes], Counter())
    proofs = report.proofs
    return {
        "output bytes": report.output_size,
        "code bytes": report.output_code,
        "instructions read by passes": sum([each.instructions for each in report.passes]),
        "instructions read by proofs": proofs.instructions,
        "terms built": proofs.terms,
        "terms asked for": proofs.requests,
        "solver queries": proofs.queries,
        SOLVER_UNITS: proofs.solver_units,
        "proposals": sum([each.attempts for each in report.passes]),
        "dropped by the byte gate": sum([each.grown for each in report.passes]),
        "put back": sum([each.reverted.total() for each in report.passes]),
        "tiers that failed": proofs.fallbacks.total(),
        "rounds": report.rounds,
        **{proved_by(tier): proved[tier] for tier in (*CHEAP, *DEAR)},
    }


def measure(paths: Sequence[Path]) -> dict[str, dict[str, int]]:
    """The counters of each module.

    Raises:
        WasmOptError: a module cannot be optimized; the message names it.
    """
    found = {}
    for path, done in zip(paths, optimize_files(paths, Options(jobs=JOBS)), strict=True):
        if done.result is None:
            raise WasmOptError(f"{path.name}: {done.error}")
        found[path.stem] = counters(done.result.report)
    return found


def compare(
    old: Mapping[str, Mapping[str, int]], new: Mapping[str, Mapping[str, int]]
) -> list[Row]:
    """A row for each counter of all modules together, then one for each of each module."""
    rows = [
        Row(module, name, old[module].get(name, 0), value)
        for module, values in new.items()
        for name, value in values.items()
    ]
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        before, after = sums.get(row.name, (0, 0))
        sums[row.name] = (before + row.old, after + row.new)
    return [Row("", name, *both) for name, both in sums.items()] + rows


def row_table(rows: Sequence[Row]) -> Table:
    """Old, new and what became of it."""
    spec = (
        (Column("counter", numeric=False), lambda row: row.name),
        (Column("module", numeric=False), lambda row: row.module or "all"),
        (Column("old"), lambda row: number(row.old)),
        (Column("new"), lambda row: number(row.new)),
        (Column("ratio"), lambda row: f"{row.new / row.old:.3f}" if row.old else "-"),
        (Column("", numeric=False), lambda row: row.remark),
    )
    return make_table("Counters", spec, rows)


def read_reference(path: Path) -> dict[str, Any]:
    """The reference, empty if there is no such file.

    Raises:
        WasmOptError: it is damaged.
    """
    if not path.exists():
        return {"z3-solver": None, "modules": {}}
    try:
        reference = json.loads(read_file(path))
        for values in reference["modules"].values():
            if not all(type(value) is int for value in values.values()):
                raise ValueError("a counter is no number")
        return {"z3-solver": reference["z3-solver"], "modules": reference["modules"]}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WasmOptError(f"{path.name} is damaged: {type(error).__name__}: {error}") from None


def run(options: argparse.Namespace) -> int:
    """Count and compare; the exit code.

    Raises:
        WasmOptError: a file is missing or damaged.
    """
    folders = {"built": BUILT, **({"public": PUBLIC} if options.public else {})}
    paths = [
        CORPUS / folder / f"{name}.wasm"
        for folder, names in folders.items()
        for name in names
        if not options.only or name in options.only
    ]
    if not paths:
        raise WasmOptError("--only names no module that is measured")
    reference = read_reference(options.reference)
    known = reference["modules"]
    missing = [path.stem for path in paths if path.stem not in known]
    if missing and not options.update:
        raise WasmOptError(f"{options.reference.name} does not know {missing[0]}, --update adds it")
    new = measure(paths)
    solver = importlib.metadata.version("z3-solver")
    if solver != reference["z3-solver"] and not options.update:
        print(f"solver units are of z3 {reference['z3-solver']}, this is {solver}: not compared")
        for values in new.values():
            del values[SOLVER_UNITS]
    rows = compare(known, {name: values for name, values in new.items() if name in known})
    print("\n".join(table_lines(row_table([row for row in rows if not row.module or row.remark]))))
    if options.update:
        made = {"z3-solver": solver, "modules": {**known, **new}}
        write_file(options.reference, (json.dumps(made, indent=1) + "\n").encode())
        print(f"{options.reference.name} was moved{''.join([f', {m} is new' for m in missing])}")
        return 0
    if any(row.better for row in rows):
        print("better than the reference: move it with make bench-check ARGS=--update")
    if any(row.worse for row in rows):
        print("WORSE than the reference: find out why; if it is worth it, move the reference with")
        print("make bench-check ARGS=--update, and say in the commit what for")
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description="Does the same work cost more than it did?")
    parser.add_argument("--update", action="store_true", help="move the reference")
    parser.add_argument("--public", action="store_true", help="public modules as well")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this module (repeatable)"
    )
    parser.add_argument("--reference", type=Path, default=REFERENCE, metavar="FILE")
    try:
        return run(parser.parse_args(arguments))
    except WasmOptError as error:
        print(f"bench_check.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
