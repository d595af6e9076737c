"""Ask `wasmopt verify` about another optimizer's work: in.wasm and oz.wasm in each folder.

`make bench-size` leaves such folders in build/bench-size. A row a module: functions of in.wasm
that have a counterpart, how many of them are proved, by which tier, and why not the others; what
is not shown to be the same besides functions; and the CPU time.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections import Counter
from pathlib import Path

from wasmopt.decode import decode
from wasmopt.verify import TwoModules, verify_modules


def verify_folder(folder: Path) -> TwoModules:
    """What `wasmopt verify` finds out about the two modules in a folder, without its cache."""
    data, other = [(folder / name).read_bytes() for name in ("in.wasm", "oz.wasm")]
    before = decode(data)
    return verify_modules((data, before), (other, decode(other, before.pool)))


def describe(name: str, found: TwoModules, seconds: float) -> list[str]:
    """The row, and what there is to say about it."""
    functions = found.comparison.functions
    fates: Counter[str] = Counter(each.fate for each in functions)
    proofs = Counter(each.method for each in functions if each.method is not None)
    reasons = Counter(each.reason for each in functions if each.reason is not None)
    proved, total = proofs.total(), proofs.total() + reasons.total()
    share = f"{100 * proved / total:.1f} %" if total else "-"
    lines = [
        f"{name}: {found.verdict}, {proved} of {total} proved ({share}), {seconds:.0f} s CPU",
        f"  fates: {listed(fates)}; new: {len(found.comparison.added)}",
        f"  tiers: {listed(proofs)}",
    ]
    if reasons:
        lines.append(f"  unproved: {listed(reasons)}")
    lines += [f"  besides: {problem}" for problem in found.comparison.problems]
    if found.divergence is not None:
        lines.append(f"  REFUTED: {found.divergence.difference}")
    return lines


def listed(counts: Counter[str]) -> str:
    """Names and numbers, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def main() -> int:
    """Print a row for each folder; 1 if any pair is refuted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    gc.set_threshold(100_000, 50, 100)
    refuted = False
    for folder in parser.parse_args().folders:
        start = time.process_time()
        found = verify_folder(folder)
        print(*describe(folder.name, found, time.process_time() - start), sep="\n", flush=True)
        refuted = refuted or found.divergence is not None
    return refuted


if __name__ == "__main__":
    raise SystemExit(main())
