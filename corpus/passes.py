"""What each pass of `-O` does to the corpus: bytes saved, how it is proved, what is put back, time.

    python corpus/passes.py [--built] [--only NAME] [--passes NAMES] [FOLDER ...]

Sums over all modules of `built/` and `public/`, and of more folders. The share of a tier is that
of the changes that went to the proof gate; times are CPU seconds, without the cache of verdicts.
The exit code is 1 when a module cannot be optimized.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

from wasmopt import Options, Report, WasmOptError, optimize
from wasmopt.report import PassReport
from wasmopt.reporting.tables import Column, Table, make_table, share
from wasmopt.reporting.terminal import table_lines
from wasmopt.verify.correspondence import MAPPED
from wasmopt.verify.prover import LOCKSTEP, PRODUCT, SOLVER, STEPS, SUMMARY, TEXT, VALUES, WINDOW

CORPUS = Path(__file__).resolve().parent
BUILT = CORPUS / "built"
PUBLIC = CORPUS / "public"

TIERS = (TEXT, STEPS, VALUES, LOCKSTEP, PRODUCT, WINDOW, SUMMARY, SOLVER, MAPPED)


@dataclass
class Sums:
    """What was counted over several modules; `other` is what was saved by no pass."""

    modules: int = 0
    before: int = 0
    after: int = 0
    seconds: float = 0.0
    passes: dict[str, PassReport] = field(default_factory=dict)
    other: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Add what a run did."""
        self.modules += 1
        self.before += report.input_size
        self.after += report.output_size
        self.seconds += report.seconds
        self.other["re-encoding"] += report.encoding_saved
        self.other["sections"] += report.sections_saved
        for entry in report.passes:
            add(self.passes.setdefault(entry.name, PassReport(entry.name)), entry)


def add(total: PassReport, entry: PassReport) -> None:
    """Add the counts of one run of a pass to those of others."""
    for member in fields(PassReport):
        if member.name != "name":
            value = getattr(total, member.name) + getattr(entry, member.name)
            setattr(total, member.name, value)


def asked(entry: PassReport) -> int:
    """Changes that went to the proof gate."""
    return entry.kept + entry.reverted.total()


def tier_share(tier: str, entry: PassReport) -> str:
    """How much of that the tier proved."""
    return share(entry.proved[tier], asked(entry))


def pass_table(sums: Sums) -> Table:
    """A row for each pass, one for each thing that is none, and their sum."""
    spec: tuple[tuple[Column, Callable[[PassReport], str]], ...] = (
        (Column("pass", numeric=False), lambda entry: entry.name),
        (Column("saved"), lambda entry: str(entry.bytes_saved)),
        (Column("attempts"), lambda entry: str(entry.attempts)),
        (Column("grown"), lambda entry: str(entry.grown)),
        (Column("kept"), lambda entry: str(entry.kept)),
        *[(Column(tier), partial(tier_share, tier)) for tier in TIERS],
        (Column("reverted"), lambda entry: share(entry.reverted.total(), asked(entry))),
        (Column("failed"), lambda entry: str(entry.failed.total())),
        (Column("CPU s"), lambda entry: f"{entry.seconds:.1f}"),
        (Column("proof s"), lambda entry: f"{entry.proof_seconds:.1f}"),
    )
    everything = PassReport("all passes")
    for entry in sums.passes.values():
        add(everything, entry)
    return make_table("Passes", spec, [*sums.passes.values(), everything])


def lines(sums: Sums) -> Iterator[str]:
    """All that is to be said."""
    saved = sums.before - sums.after
    yield (
        f"{sums.modules} modules, {sums.before} -> {sums.after} bytes, {saved} saved: "
        + ", ".join([f"{count} by {what}" for what, count in sums.other.items()])
        + f", the rest by passes; {sums.seconds:.1f} s"
    )
    yield from table_lines(pass_table(sums))
    for entry in sums.passes.values():
        for what, counts in (("reverted", entry.reverted), ("failed", entry.failed)):
            for reason, count in counts.most_common():
                yield f"{entry.name}: {count} {what}, {reason}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description="What each pass does to the corpus.")
    parser.add_argument("folders", type=Path, nargs="*", help="more folders of modules")
    parser.add_argument("--built", action="store_true", help="without the public modules")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this module (repeatable)"
    )
    parser.add_argument(
        "--passes", metavar="NAMES", help="these passes, separated by commas, in place of -O's"
    )
    options = parser.parse_args(arguments)
    passes = tuple(options.passes.split(",")) if options.passes else None
    folders = [BUILT, *([] if options.built else [PUBLIC]), *options.folders]
    paths = [path for folder in folders for path in sorted(folder.glob("*.wasm"))]
    sums = Sums()
    code = 0
    for path in paths:
        if options.only and path.stem not in options.only:
            continue
        try:
            sums.add(optimize(path, Options(passes=passes)).report)
        except WasmOptError as error:
            print(f"passes.py: {path.name}: {error}", file=sys.stderr)
            code = 1
    if not sums.modules:
        print("passes.py: no modules", file=sys.stderr)
        return 1
    print("\n".join(lines(sums)))
    return code


if __name__ == "__main__":
    sys.exit(main())
