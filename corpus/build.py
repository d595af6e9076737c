"""Build the corpus's own modules from corpus/sources into corpus/built.

The outputs are committed, so a build must give the same bytes everywhere: each tool is asked for
by its exact version, sources are named relative to their folder, and custom sections other than
``name`` (they carry tool versions and debug paths) are dropped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wasmtime import WasmtimeError, wat2wasm

CORPUS = Path(__file__).resolve().parent
SOURCES = CORPUS / "sources"
BUILT = CORPUS / "built"
NODE_PACKAGES = CORPUS / ".toolchain"

CLANG_VERSION = "14.0.6"
RUSTC_VERSION = "1.63.0"
# asc's only unpinned dependency is named as well.
NODE_PACKAGE_SPECS = ("assemblyscript@0.27.31", "long@5.2.3")


class BuildError(Exception):
    """A module cannot be built; the message is one line."""


@dataclass(frozen=True)
class Module:
    """One built module: its source (whose folder names the toolchain) and the exact flags."""

    name: str
    source: str
    flags: tuple[str, ...]
    features: str

    @property
    def toolchain(self) -> str:
        """The first folder of the source: c, rust, assemblyscript or wat."""
        return self.source.partition("/")[0]


MODULES = (
    Module("arena-map-O0", "c/arena_map.c", ("-O0",), "MVP; locals live in a memory frame"),
    Module("arena-map-Os", "c/arena_map.c", ("-Os",), "MVP; memory.grow"),
    Module("json-tokens", "c/json_tokens.c", ("-O2",), "MVP; br_table, f64"),
    Module("codecs", "c/codecs.c", ("-O1",), "MVP; bit operations"),
    Module("matrix", "c/matrix.c", ("-O2",), "MVP; f64 and f32 loops, call_indirect"),
    Module(
        "matrix-simd",
        "c/matrix.c",
        ("-O3", "-msimd128", "-ffast-math"),
        "SIMD by the auto-vectorizer",
    ),
    Module("lz", "c/lz.c", ("-Oz", "-mbulk-memory"), "bulk memory; i32.load16_u tables"),
    Module(
        "packed",
        "c/packed.c",
        ("-O2", "-msign-ext", "-mnontrapping-fptoint"),
        "sign extension, saturating truncation; i64 throughout",
    ),
    Module(
        "bytecode",
        "c/bytecode.c",
        ("-Os",),
        "MVP; a large br_table, call_indirect, one import",
    ),
    Module("routes-Os", "rust/routes.rs", ("-Copt-level=s",), "MVP; bounds checks that panic"),
    # Without debug assertions: the panics of libcore's generic code would name its folder.
    Module(
        "routes-O0",
        "rust/routes.rs",
        ("-Copt-level=0", "-Cdebug-assertions=off"),
        "MVP; unoptimized generics and iterators",
    ),
    Module(
        "expressions",
        "rust/expressions.rs",
        ("-Copt-level=3", "-Ctarget-feature=+nontrapping-fptoint"),
        "saturating truncation; recursion, trait objects",
    ),
    Module(
        "collections",
        "assemblyscript/collections.ts",
        ("-O", "--runtime", "minimal"),
        "bulk memory; allocator, maps and strings, one import",
    ),
    Module(
        "sorting",
        "assemblyscript/sorting.ts",
        ("--runtime", "stub"),
        "bulk memory; unoptimized",
    ),
    Module("elements", "wat/elements.wat", (), "reference types; all eight element segment forms"),
    Module("segments", "wat/segments.wat", (), "bulk memory, extended constant expressions"),
    Module(
        "control",
        "wat/control.wat",
        (),
        "multi-value blocks, tail calls, typed function references, nesting, one import",
    ),
    Module("vector", "wat/vector.wat", (), "SIMD, relaxed SIMD"),
    Module("memories", "wat/memories.wat", (), "multi-memory, memory64, bulk memory"),
    Module("collected", "wat/collected.wat", (), "GC, typed function references"),
    Module("exceptions", "wat/exceptions.wat", (), "exceptions with exnref, one import"),
    Module("atomics", "wat/atomics.wat", (), "threads; a shared memory"),
)


def run_tool(command: Sequence[object], folder: Path) -> str:
    """Run a command in a folder and return what it prints; BuildError with its complaint else."""
    words = [str(word) for word in command]
    name = Path(words[0]).name
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{name}: {error.strerror}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        said = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise BuildError(f"{name}: {said.strip()}")
    return done.stdout


@cache
def find_tool(name: str, version: str) -> Path:
    """The first tool of that name on the PATH that is of that version.

    A machine may have several, such as a newer rustc before the distribution's.
    """
    found = []
    for folder in os.get_exec_path():
        candidate = shutil.which(name, path=folder)
        if candidate is None:
            continue
        said = run_tool([candidate, "--version"], CORPUS).splitlines()
        if said and version in said[0].split():
            return Path(candidate)
        found.extend(said[:1])
    raise BuildError(f"{name} {version} is needed; found: {', '.join(found) or 'none'}")


@cache
def asc_script() -> Path:
    """The AssemblyScript compiler, installed once into an ignored folder."""
    script = NODE_PACKAGES / "node_modules" / "assemblyscript" / "bin" / "asc.js"
    if not script.exists():
        NODE_PACKAGES.mkdir(exist_ok=True)
        npm = shutil.which("npm")
        if npm is None:
            raise BuildError("npm is needed for the AssemblyScript compiler")
        options = ("--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit")
        command = [npm, "install", "--prefix", NODE_PACKAGES, *options, *NODE_PACKAGE_SPECS]
        run_tool(command, NODE_PACKAGES)
    return script


def build_c(source: Path, flags: tuple[str, ...], output: Path) -> None:
    """Compile and link a C program with its few library functions.

    The linker is called directly: clang's driver would run wasm-opt where it finds one.
    """
    clang = find_tool("clang", CLANG_VERSION)
    linker = find_tool("wasm-ld", CLANG_VERSION)
    common = ("--target=wasm32-unknown-unknown", "-std=c11", "-ffreestanding", "-Wall", "-Werror")
    objects: list[Path] = []
    for unit in (source, source.with_name("freestanding.c")):
        target = output.with_name(f"{unit.stem}.o")
        own = flags if unit == source else (*flags, "-fno-builtin")
        run_tool([clang, *common, *own, "-c", unit.name, "-o", target], source.parent)
        objects.append(target)
    link = ("--no-entry", "--gc-sections", "--stack-first", "-z", "stack-size=16384")
    run_tool([linker, *link, *objects, "-o", output], source.parent)


def build_rust(source: Path, flags: tuple[str, ...], output: Path) -> None:
    """Compile a no_std Rust library to a module."""
    rustc = find_tool("rustc", RUSTC_VERSION)
    options = ("--edition=2021", "--crate-type=cdylib", "--target=wasm32-unknown-unknown")
    codegen = ("-Cpanic=abort", "-Ccodegen-units=1", "-Clink-arg=-zstack-size=32768")
    run_tool([rustc, *options, *codegen, *flags, source.name, "-o", output], source.parent)


def build_assemblyscript(source: Path, flags: tuple[str, ...], output: Path) -> None:
    """Compile an AssemblyScript module."""
    node = shutil.which("node")
    if node is None:
        raise BuildError("node is needed for the AssemblyScript compiler")
    run_tool([node, asc_script(), source.name, *flags, "--outFile", output], source.parent)


def build_wat(source: Path, flags: tuple[str, ...], output: Path) -> None:
    """Turn WebAssembly text into binary."""
    if flags:
        raise BuildError("text modules take no flags")
    try:
        output.write_bytes(wat2wasm(source.read_text(encoding="utf-8")))
    except WasmtimeError as error:
        raise BuildError(" ".join(str(error).split())) from None


BUILDERS = {
    "c": build_c,
    "rust": build_rust,
    "assemblyscript": build_assemblyscript,
    "wat": build_wat,
}


def read_leb(binary: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the place after it."""
    value = shift = 0
    while True:
        byte = binary[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def sections(binary: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Each section of a module: its number, start, start of its contents, and end."""
    at = 8
    while at < len(binary):
        size, contents = read_leb(binary, at + 1)
        yield binary[at], at, contents, contents + size
        at = contents + size


def without_tool_traces(binary: bytes) -> bytes:
    """The module without its custom sections, names excepted."""
    kept = [binary[:8]]
    for number, start, contents, end in sections(binary):
        if number == 0:
            length, name = read_leb(binary, contents)
            if binary[name : name + length] != b"name":
                continue
        kept.append(binary[start:end])
    return b"".join(kept)


def build(module: Module) -> bytes:
    """The bytes of a module, built afresh."""
    with tempfile.TemporaryDirectory(prefix="corpus-build-") as folder:
        output = Path(folder) / "out.wasm"
        try:
            BUILDERS[module.toolchain](SOURCES / module.source, module.flags, output)
        except BuildError as error:
            raise BuildError(f"{module.name}: {error}") from None
        return without_tool_traces(output.read_bytes())


def write_atomically(path: Path, contents: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".write-", dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        temporary.write_bytes(contents)
        temporary.replace(path)


def chosen(names: Sequence[str]) -> list[Module]:
    """The modules of those names, or all for no names."""
    unknown = set(names) - {module.name for module in MODULES}
    if unknown:
        raise BuildError(f"no such module: {', '.join(sorted(unknown))}")
    return [module for module in MODULES if not names or module.name in names]


def check(modules: Sequence[Module]) -> list[str]:
    """What is wrong with the built modules, a line each."""
    wrong = []
    for module in modules:
        path = BUILT / f"{module.name}.wasm"
        if not path.exists():
            wrong.append(f"{module.name}: not built")
        elif (fresh := build(module)) != (there := path.read_bytes()):
            wrong.append(f"{module.name}: differs ({len(there)} bytes there, {len(fresh)} built)")
    known = {module.name for module in MODULES}
    wrong += [f"{path.stem}: no source" for path in BUILT.glob("*.wasm") if path.stem not in known]
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Build or check the modules; the exit code."""
    parser = argparse.ArgumentParser(description="Build the corpus's own modules.")
    parser.add_argument(
        "--check", action="store_true", help="build elsewhere and say which modules differ"
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this module (repeatable)"
    )
    options = parser.parse_args(arguments)
    try:
        modules = chosen(options.only)
        if options.check:
            wrong = check(modules)
            print(*(wrong or [f"as built: {len(modules)}"]), sep="\n")
            return 1 if wrong else 0
        for module in modules:
            contents = build(module)
            write_atomically(BUILT / f"{module.name}.wasm", contents)
            print(f"{module.name}: {len(contents)} bytes")
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
