"""The corpus: its built modules, the runs on them, the manifest, and fetching offline."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import wasmtime

CORPUS = Path(__file__).resolve().parents[2] / "corpus"


def load(name: str) -> ModuleType:
    """A script of the corpus as a module; the corpus is not a package."""
    spec = importlib.util.spec_from_file_location(f"corpus_{name}", CORPUS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses looks its module up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build = load("build")
fetch = load("fetch")
runs = load("runs")

NAMES = [module.name for module in build.MODULES]
RUNS = [(name, run) for run in runs.read_runs() for name in run.modules]
ENTRIES = fetch.read_manifest(fetch.MANIFEST)

WASM = b"\0asm\1\0\0\0"
WASM_DIGEST = hashlib.sha256(WASM).hexdigest()

# Stands in for npm: packs one file as npm does, or fails, as the environment says.
FAKE_NPM = """\
#!{python}
import io, os, sys, tarfile
assert sys.argv[1:3] == ["pack", "@scope/package@1.2.3"], sys.argv
if os.environ["FAKE_NPM"] == "fails":
    sys.exit("npm error no such package")
folder = sys.argv[sys.argv.index("--pack-destination") + 1]
with open(os.path.join(folder, "scope-package-1.2.3.tgz"), "wb") as file:
    if os.environ["FAKE_NPM"] == "truncates":
        file.write(b"\\x1f\\x8b\\x08")
        sys.exit()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/dist/a.wasm")
        contents = b"\\0asm\\1\\0\\0\\0"
        member.size = len(contents)
        archive.addfile(member, io.BytesIO(contents))
"""


@pytest.fixture(scope="module")
def engine() -> wasmtime.Engine:
    made = runs.engine()
    assert isinstance(made, wasmtime.Engine)
    return made


def built(name: str) -> bytes:
    return (CORPUS / "built" / f"{name}.wasm").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_built_module_validates(name: str, engine: wasmtime.Engine) -> None:
    wasmtime.Module.validate(engine, built(name))


@pytest.mark.parametrize(
    ("name", "run"), RUNS, ids=[f"{name}-{index}" for index, (name, _) in enumerate(RUNS)]
)
def test_run_gives_what_is_expected(name: str, run: object, engine: wasmtime.Engine) -> None:
    module = wasmtime.Module(engine, built(name))
    assert runs.differences(run, runs.perform(module, run, engine)) == []


def test_every_module_has_runs() -> None:
    assert {name for name, _ in RUNS} == set(NAMES)


def test_a_wrong_result_is_told(engine: wasmtime.Engine) -> None:
    call = runs.Call("square_root", (16,), (5,))
    trap = runs.Call("divide", (1, 0), (0,))
    run = runs.Run(("packed",), (call, trap), (7,))
    found = runs.perform(wasmtime.Module(engine, built("packed")), run, engine)
    assert runs.differences(run, found) == [
        "square_root(16) -> 5, found square_root(16) -> 4",
        "divide(1, 0) -> 0, found divide(1, 0) -> trap",
        "emits [7], found []",
    ]


def test_an_endless_call_is_no_trap(
    engine: wasmtime.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "FUEL", 1000)
    run = runs.Run(("matrix",), (runs.Call("mandelbrot", (0.0, 0.0, 1000), None),), ())
    with pytest.raises(runs.RunError, match="mandelbrot does not come to an end"):
        runs.perform(wasmtime.Module(engine, built("matrix")), run, engine)


def test_runs_on_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.wasm").write_bytes(built(name))
    assert runs.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(" calls, 0 differences\n")
    (tmp_path / "lz.wasm").unlink()
    (tmp_path / "packed.wasm").write_bytes(WASM)
    assert runs.main([str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "lz: No such file or directory\n" in said
    assert "packed: not exported: divide, " in said


def test_floats_are_told_apart_by_their_bits() -> None:
    assert not runs.same([0.0], [-0.0])
    assert runs.same([float("nan")], [-float("nan")])
    assert not runs.same([1], [1.0])


def test_built_modules_are_those_of_the_table() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert {path.stem for path in (CORPUS / "built").glob("*.wasm")} == set(NAMES)


def test_built_modules_are_small() -> None:
    sizes = [len(built(name)) for name in NAMES]
    assert max(sizes) < 60_000
    assert sum(sizes) < 300_000


@pytest.mark.parametrize("name", NAMES)
def test_built_module_tells_nothing_of_the_machine(name: str) -> None:
    contents = built(name)
    assert build.without_tool_traces(contents) == contents
    assert not re.search(rb"/(home|root|tmp|usr|work)/|rustc", contents)


def test_text_modules_are_up_to_date() -> None:
    """The only ones that any machine with the test requirements can build."""
    for module in build.MODULES:
        if module.toolchain == "wat":
            assert build.build(module) == built(module.name), module.name


def test_every_source_is_built() -> None:
    used = {module.source for module in build.MODULES} | {"c/freestanding.c", "c/freestanding.h"}
    there = {path.relative_to(build.SOURCES).as_posix() for path in build.SOURCES.glob("*/*")}
    assert there == used


def test_readme_lists_every_module() -> None:
    readme = (CORPUS / "README.md").read_text(encoding="utf-8")
    for module in build.MODULES:
        assert f"| `{module.name}` | {module.features} |" in readme


def test_find_tool_refuses_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "sometool"
    tool.write_text("#!/bin/sh\necho sometool 9.9.9\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert build.find_tool("sometool", "9.9.9") == tool
    with pytest.raises(build.BuildError, match=r"sometool 1\.0 is needed; found: sometool 9\.9\.9"):
        build.find_tool("sometool", "1.0")


def test_manifest_is_well_formed() -> None:
    ids = [entry.id for entry in ENTRIES]
    assert len(ids) == len(set(ids))
    for entry in ENTRIES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
        assert re.fullmatch(r"(@[a-z0-9-]+/)?[a-z0-9._-]+", entry.package)
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry.version)
        assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.path.endswith(".wasm") and not entry.path.startswith("/")
        assert entry.toolchain and entry.features


def test_public_modules_are_ignored() -> None:
    assert "/public/" in (CORPUS / ".gitignore").read_text(encoding="utf-8").splitlines()


class Fetcher:
    """fetch.py run with a manifest of one entry and a stand-in for npm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public = folder / "public"
        npm = folder / "bin" / "npm"
        npm.parent.mkdir()
        npm.write_text(FAKE_NPM.format(python=sys.executable), encoding="utf-8")
        npm.chmod(0o755)

    def run(
        self,
        *arguments: str,
        digest: str = WASM_DIGEST,
        path: str = "dist/a.wasm",
        npm: str = "packs",
    ) -> subprocess.CompletedProcess[str]:
        manifest = self.folder / "manifest.toml"
        manifest.write_text(
            f'[[module]]\nid = "a"\npackage = "@scope/package"\nversion = "1.2.3"\n'
            f'path = "{path}"\nsha256 = "{digest}"\ntoolchain = "none"\nfeatures = "none"\n',
            encoding="utf-8",
        )
        options = ("--manifest", str(manifest), "--into", str(self.public))
        environment = {**os.environ, "FAKE_NPM": npm, "PATH": str(self.folder / "bin")}
        return subprocess.run(
            [sys.executable, str(CORPUS / "fetch.py"), *options, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self) -> list[str]:
        return sorted(path.name for path in self.public.glob("**/*"))


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(tmp_path)


def test_fetch_gets_a_module_and_skips_it_then(fetcher: Fetcher) -> None:
    first = fetcher.run()
    assert (first.returncode, first.stdout, first.stderr) == (0, "a: fetched\n", "")
    assert (fetcher.public / "a.wasm").read_bytes() == WASM
    second = fetcher.run(npm="fails")
    assert (second.returncode, second.stdout) == (0, "a: present\n")


def test_fetch_replaces_a_spoiled_module(fetcher: Fetcher) -> None:
    fetcher.public.mkdir()
    (fetcher.public / "a.wasm").write_bytes(b"spoiled")
    assert fetcher.run().stdout == "a: fetched\n"
    assert (fetcher.public / "a.wasm").read_bytes() == WASM


def test_fetch_refuses_a_wrong_digest(fetcher: Fetcher) -> None:
    wrong = "0" * 64
    done = fetcher.run(digest=wrong)
    assert done.returncode == 1
    assert done.stderr == f"fetch.py: a: dist/a.wasm has sha256 {WASM_DIGEST}, not {wrong}\n"
    assert fetcher.files() == []


@pytest.mark.parametrize(
    ("npm", "path", "message"),
    [
        ("packs", "dist/b.wasm", "the package has no dist/b.wasm"),
        ("fails", "dist/a.wasm", "npm pack @scope/package@1.2.3 failed with exit code 1"),
        ("truncates", "dist/a.wasm", "the package cannot be read: "),
    ],
)
def test_fetch_errors_are_one_line(fetcher: Fetcher, npm: str, path: str, message: str) -> None:
    done = fetcher.run(npm=npm, path=path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"fetch.py: a: {message}")
    assert done.stderr.count("\n") == 1
    assert fetcher.files() == []


def test_fetch_only_what_is_named(fetcher: Fetcher) -> None:
    assert fetcher.run("--only", "a").stdout == "a: fetched\n"
    done = fetcher.run("--only", "b")
    assert (done.returncode, done.stderr) == (1, "fetch.py: not in the manifest: b\n")


def test_fetch_adds_the_modules_of_a_folder(fetcher: Fetcher, tmp_path: Path) -> None:
    extra = tmp_path / "extra"
    extra.mkdir()
    assert fetcher.run(str(extra)).stderr == f"fetch.py: {extra}: no .wasm files there\n"
    (extra / "b.wasm").write_bytes(WASM)
    done = fetcher.run(str(extra))
    assert (done.returncode, done.stdout) == (0, "a: present\nb.wasm: added\n")
    assert fetcher.files() == ["a.wasm", "b.wasm"]
    (extra / "c.wasm").write_bytes(b"text")
    done = fetcher.run(str(extra))
    assert done.stderr == f"fetch.py: {extra / 'c.wasm'}: not a WebAssembly module\n"
    assert fetcher.files() == ["a.wasm", "b.wasm"]


def test_manifest_with_an_odd_entry_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text('[[module]]\nid = "a"\nsize = 3\n', encoding="utf-8")
    with pytest.raises(fetch.FetchError, match=r"manifest\.toml: a: missing or unknown: features"):
        fetch.read_manifest(manifest)
