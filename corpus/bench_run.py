"""How fast do optimized modules run?

Public modules do real work in node before and after optimization: SQL, source maps, parsing,
formatting, compressing, hashing, layout. Results must be the same byte for byte. All versions of a
module take turns in one process (see drivers/race.mjs), and CPU times are compared as ratios; the
module as it was takes part twice, which shows the noise.

    python corpus/bench_run.py [--only ID] [--levels O2,Os,Oz] [--seconds S] [--rounds N]

Packages come from npm by name, version and checksum (manifest.toml, drivers/packages.toml), and
stay below build/. The exit code is 1 if a result differs or a module cannot be run; a mean above
its target is printed as MISSED.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fetch import MANIFEST, FetchError, digest, npm_pack, read_manifest, write_atomically

ROOT: Final = Path(__file__).resolve().parents[1]
DRIVERS: Final = ROOT / "corpus" / "drivers"
BUILD: Final = ROOT / "build" / "bench-run"
TARGETS: Final = {"O": 1.02, "O2": 1.02, "Os": 1.05, "Oz": 1.15}
"""The most that the geometric mean of CPU times after over before may be, by level."""
NODE_FLAGS: Final = ("--no-warnings", "--no-liftoff")
LONGEST: Final = 600
"""Seconds that one driver may take."""


@dataclass(frozen=True)
class Package:
    """A package of npm; `tarball` is its SHA-256."""

    package: str
    version: str
    tarball: str

    def fetch(self, npm: str, into: Path) -> Path:
        """The tarball, downloaded unless it is there; the digest is checked either way."""
        target = into / f"{self.tarball}.tgz"
        if not target.is_file():
            with tempfile.TemporaryDirectory(prefix="bench-fetch-") as folder:
                made = npm_pack(npm, self.package, self.version, Path(folder))
                write_atomically(target, made.read_bytes())
        if (found := digest(target.read_bytes())) != self.tarball:
            target.unlink()
            raise FetchError(f"{self.package}@{self.version} has sha256 {found}")
        return target


@dataclass(frozen=True)
class Bench:
    """A module that a driver puts to work: where it is in its package, and what that needs."""

    id: str
    main: Package
    path: str
    sha256: str
    needs: tuple[Package, ...]


def read_benches() -> list[Bench]:
    """The drivers, in alphabetical order."""
    entries = {entry.id: entry for entry in read_manifest(MANIFEST)}
    tables = tomllib.loads((DRIVERS / "packages.toml").read_text(encoding="utf-8"))["driver"]
    benches = []
    for table in tables:
        entry = entries[table["id"]]
        main = Package(entry.package, entry.version, table["tarball"])
        needs = tuple([Package(**each) for each in table.get("needs", ())])
        benches.append(Bench(entry.id, main, entry.path, entry.sha256, needs))
    return benches


def unpack(tarball: Path, folder: Path) -> None:
    """The files of a package in a folder; npm puts all of them below one folder."""
    with tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            inside = member.name.partition("/")[2]
            if member.isfile() and inside:
                archive.extract(member.replace(name=inside), folder, filter="data")


def optimize(source: Path, level: str, target: Path) -> None:
    """Have wasmopt make a version; there may be flags behind the level.

    Raises:
        FetchError: it fails.
    """
    flags = f"-{level}".split()
    command = [sys.executable, "-m", "wasmopt", "-q", *flags, str(source), "-o", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FetchError(f"wasmopt -{level}: {done.stderr.strip()}")


def prepare(bench: Bench, versions: Sequence[str], npm: str) -> list[Path]:
    """A folder with the package for each version of the module.

    Raises:
        FetchError: a package cannot be had, or wasmopt fails.
    """
    tarball = bench.main.fetch(npm, BUILD / "packages")
    needs = [(need, need.fetch(npm, BUILD / "packages")) for need in bench.needs]
    folder = BUILD / bench.id
    shutil.rmtree(folder, ignore_errors=True)
    places = []
    for number, version in enumerate(versions):
        place = folder / f"{number}-{version.replace(' ', '_')}"
        unpack(tarball, place / "package")
        for need, archive in needs:
            unpack(archive, place / "node_modules" / need.package)
        module = place / "package" / bench.path
        if digest(module.read_bytes()) != bench.sha256:
            raise FetchError(f"{bench.path} is not what the manifest says")
        if version != "before":
            optimize(module, version, module)
        places.append(place / "package")
    return places


def race(
    node: str, bench: Bench, places: Sequence[Path], seconds: float, rounds: int
) -> list[float]:
    """CPU seconds of one piece of work by each version.

    Raises:
        FetchError: the driver fails, or results differ.
    """
    command = [node, *NODE_FLAGS, str(DRIVERS / "race.mjs"), str(DRIVERS / f"{bench.id}.mjs")]
    command += [str(seconds), str(rounds), *map(str, places)]
    try:
        done = subprocess.run(
            command, cwd=BUILD, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        raise FetchError(f"takes more than {LONGEST} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if re.match(r"\w*Error\b", line)]
        raise FetchError(f"the driver failed: {lines[0] if lines else repr(done.stderr[:200])}")
    answer = json.loads(done.stdout)
    names = [place.parent.name.partition("-")[2] for place in places]
    differing = [
        name
        for name, each in zip(names, answer["digests"], strict=True)
        if each != answer["digests"][0]
    ]
    if differing:
        raise FetchError(f"RESULTS DIFFER after {', '.join(differing)}")
    times: list[float] = answer["seconds"]
    return times


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="How fast do optimized modules run?")
    parser.add_argument("--only", metavar="ID", action="append", default=[], help="this module")
    parser.add_argument("--levels", default="O2,Os,Oz", help="comma-separated, flags behind spaces")
    parser.add_argument("--seconds", type=float, default=0.5, help="of work a turn")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each version")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches; the exit code."""
    options = parse(arguments)
    levels = options.levels.split(",")
    versions = ["before", "before", *levels]
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        print("bench_run.py: npm and node are needed and not on the PATH", file=sys.stderr)
        return 1
    heading = [f"{'module':16}", f"{'before, s':>10}", f"{'again':>7}"]
    print("  ".join([*heading, *[f"{'-' + level:>7}" for level in levels]]), flush=True)
    ratios: list[list[float]] = []
    failed = False
    for bench in read_benches():
        if options.only and bench.id not in options.only:
            continue
        try:
            times = race(
                node, bench, prepare(bench, versions, npm), options.seconds, options.rounds
            )
        except FetchError as error:
            print(f"{bench.id:16}  {error}", flush=True)
            failed = True
            continue
        ratios.append([each / times[0] for each in times[1:]])
        cells = [f"{ratio:7.3f}" for ratio in ratios[-1]]
        print("  ".join([f"{bench.id:16}", f"{times[0]:10.4f}", *cells]), flush=True)
    if ratios:
        means = list(map(statistics.geometric_mean, zip(*ratios, strict=True)))
        print("  ".join([f"{'geometric mean':28}", *[f"{mean:7.3f}" for mean in means]]))
        for level, mean in zip(levels, means[1:], strict=True):
            target = TARGETS.get(level)
            if target is not None:
                word = "MISSED" if mean > target else "ok"
                print(f"-{level}: {mean:.3f} x, at most {target}: {word}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
