"""How small do modules get, against Binaryen's `wasm-opt -Oz` and on top of it?

Every module is stripped of its custom sections, `dylink.0` apart; then `wasm-opt -Oz` and
`wasmopt` make it smaller, each alone, and wasmopt goes over what wasm-opt made. wasm-opt is given
the features that every engine has had for years and those that the module uses, never more. The
table has the bytes of code, of the file, and of the file by brotli 11, and once more the bytes by
brotli for what `wasmopt --for brotli` makes; CPU seconds with the start of the process in them
(wasm-opt runs in node, which takes about 2 s of it). The last lines are geometric means, which no
single module decides.

    python corpus/bench_size.py [--keep FOLDER] [--flags=FLAGS] [--raw] MODULE.wasm ...
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import brotli
from bench_verify import SkippedError, exponent, feature_flags, npm_wasm_opt

from wasmopt import WasmOptError, decode, encode
from wasmopt.decode import code_range
from wasmopt.module import CustomSection
from wasmopt.validate import validate

KEPT_SECTIONS: Final = ("dylink.0",)
KINDS: Final = ("code", "file", "brotli")
FOR_BROTLI: Final = "for brotli"
"""Stands for the bytes by brotli of what is made for that goal."""


@dataclass(frozen=True)
class Output:
    """What a tool wrote: bytes of code, of the file and by brotli, and CPU seconds."""

    code: int
    file: int
    brotli: int
    seconds: float


@dataclass(frozen=True)
class Row:
    """One module: as it was, by wasm-opt, by wasmopt, and by wasmopt on top of wasm-opt.

    The last two once more, made for brotli, unless that is left out.
    """

    name: str
    before: Output
    theirs: Output
    ours: Output
    top: Output
    packed: tuple[Output, Output] | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of bytes that are known."""
        return KINDS if self.packed is None else (*KINDS, FOR_BROTLI)

    def sizes(self, kind: str) -> tuple[int, int, int, int]:
        """Bytes of one of `KINDS` or `FOR_BROTLI`: before, by wasm-opt, by wasmopt, on top."""
        ours = (self.ours, self.top)
        if kind == FOR_BROTLI and self.packed is not None:
            ours, kind = self.packed, "brotli"
        each = (self.before, self.theirs, *ours)
        before, theirs, alone, top = [getattr(output, kind) for output in each]
        return before, theirs, alone, top


def stripped(data: bytes) -> bytes:
    """The module without custom sections that no loader needs."""
    module = decode(data)
    layout = tuple(
        [
            each
            for each in module.layout
            if not isinstance(each, CustomSection) or each.name in KEPT_SECTIONS
        ]
    )
    return encode(replace(module, layout=layout))


def measured(data: bytes, seconds: float) -> Output:
    """The sizes of a module.

    Raises:
        WasmOptError: it is not valid.
    """
    validate(decode(data), data)
    compressed = len(brotli.compress(data, quality=11, lgwin=24))
    return Output(len(code_range(data)), len(data), compressed, seconds)


def run(command: Sequence[str]) -> float:
    """Run a command; the CPU seconds it took.

    Raises:
        SkippedError: it fails.
    """
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        lines = (done.stderr or "no message").strip().splitlines()
        raise SkippedError(f"{command[0]} failed: {lines[0]}")
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def optimized(source: Path, target: Path, flags: Sequence[str]) -> Output:
    """What wasmopt makes of a module."""
    command = [sys.executable, "-m", "wasmopt", "-q", "--no-cache", *flags]
    seconds = run([*command, str(source), "-o", str(target)])
    return measured(stripped(target.read_bytes()), seconds)


def compare(
    path: Path, wasm_opt: Sequence[str], flags: Sequence[str], keep: Path, *, raw: bool
) -> Row:
    """All outputs of one module; that of wasm-opt is kept and used again.

    Raises:
        SkippedError: a tool fails.
        WasmOptError: an output is not valid.
    """
    data = stripped(path.read_bytes())
    digest = hashlib.sha256(data + " ".join(wasm_opt).encode()).hexdigest()
    folder = keep / f"{path.stem}-{digest[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    source, theirs, spent = folder / "in.wasm", folder / "oz.wasm", folder / "oz.seconds"
    source.write_bytes(data)
    if not spent.exists():
        features = feature_flags(decode(data))
        seconds = run([*wasm_opt, *features, "-Oz", str(source), "-o", str(theirs)])
        spent.write_text(str(seconds))
    smaller = [*flags, "--for", "brotli"]
    packed = None
    if not raw:
        packed = (
            optimized(source, folder / "packed.wasm", smaller),
            optimized(theirs, folder / "packed-top.wasm", smaller),
        )
    return Row(
        path.stem,
        measured(data, 0.0),
        measured(stripped(theirs.read_bytes()), float(spent.read_text())),
        optimized(source, folder / "ours.wasm", flags),
        optimized(theirs, folder / "top.wasm", flags),
        packed,
    )


def change(new: int, old: int) -> str:
    """The difference in per cent."""
    return f"{100 * (new / old - 1):+.1f}"


def print_row(row: Row) -> None:
    """Sizes in bytes; per cent against wasm-opt; CPU of wasm-opt and of the runs of wasmopt."""
    cells = [f"{row.name:16}"]
    for kind in row.kinds:
        before, theirs, ours, top = row.sizes(kind)
        cells.append(
            f"{before:8} {theirs:8} {ours:8} {change(ours, theirs):>6} {change(top, theirs):>6}"
        )
    runs = (row.theirs, row.ours, row.top, *(row.packed or ()))
    cells.append(" ".join([f"{each.seconds:6.1f}" for each in runs]))
    print("  ".join(cells), flush=True)


def print_means(rows: Sequence[Row]) -> None:
    """What all modules have in common."""
    for kind in rows[0].kinds:
        sizes = [row.sizes(kind)[1:] for row in rows]
        alone = [math.log(ours / theirs) for theirs, ours, _ in sizes]
        top = [math.log(over / theirs) for theirs, _, over in sizes]
        smaller = sum(each < 0 for each in alone)
        print(
            f"{kind}: alone {100 * math.expm1(statistics.mean(alone)):+.2f} % against wasm-opt -Oz "
            f"in the geometric mean, below it on {smaller} of {len(rows)} modules; on top of it "
            f"{100 * math.expm1(statistics.mean(top)):+.2f} %, {sum(each < 0 for each in top)} of "
            f"{len(rows)} modules smaller"
        )
    if FOR_BROTLI in rows[0].kinds:
        packed = [row.sizes(FOR_BROTLI) for row in rows]
        kept = sum(ours <= before and top <= theirs for before, theirs, ours, top in packed)
        print(f"{FOR_BROTLI}: not above what went in, by brotli, on {kept} of {len(rows)} modules")
    slope = exponent([(row.before.code, row.ours.seconds) for row in rows])
    if slope is not None:
        print(f"time of wasmopt grows with the bytes of code to the power of {slope:.2f}")


def main() -> int:
    """Compare the modules named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--wasm-opt", help="command, split at spaces; npm's if not given")
    parser.add_argument("--flags", default="-Oz", help="of wasmopt, split at spaces")
    parser.add_argument("--keep", type=Path, help="folder for the outputs; wasm-opt's are reused")
    parser.add_argument("--raw", action="store_true", help="leave out what is made for brotli")
    settings = parser.parse_args()
    try:
        wasm_opt = (settings.wasm_opt or npm_wasm_opt()).split()
    except SkippedError as error:
        parser.error(str(error))
    heading = f"{'in':>8} {'-Oz':>8} {'ours':>8} {'%':>6} {'top %':>6}"
    print(
        "  ".join(
            [
                f"{'module':16}",
                *[heading] * (len(KINDS) + (not settings.raw)),
                "  CPU s: -Oz, ours, top" + (", both for brotli" if not settings.raw else ""),
            ]
        )
    )
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        keep = settings.keep or Path(temporary)
        for path in sorted(settings.modules, key=os.path.getsize):
            try:
                rows.append(compare(path, wasm_opt, settings.flags.split(), keep, raw=settings.raw))
            except (SkippedError, WasmOptError) as error:
                print(f"{path.stem}: skipped, {error}")
                continue
            print_row(rows[-1])
    if rows:
        print_means(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
