"""The benchmark of running times: what it needs is there, and it believes nothing that differs."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from wasmopt.text import read_text

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
MODULE = read_text(b'(module (func (export "f") (result i32) i32.const 1 nop))')
SMALLER = read_text(b'(module (func (export "f") (result i32) i32.const 1))')

FAKE_NPM = """\
#!{python}
import os, shutil, sys
folder = sys.argv[sys.argv.index("--pack-destination") + 1]
shutil.copy("{tarball}", os.path.join(folder, "package-1.2.3.tgz"))
"""
FAKE_NODE = """\
#!{python}
import json, sys
from pathlib import Path
assert sys.argv[1:3] == ["--no-warnings", "--no-liftoff"], sys.argv
driver, seconds, rounds, *folders = sys.argv[4:]
assert driver.endswith("fake.mjs") and (seconds, rounds) == ("0.1", "2")
sizes = [len((Path(folder) / "dist/a.wasm").read_bytes()) for folder in folders]
needs = [(Path(folder) / "../node_modules/@scope/need/dist/a.wasm").is_file() for folder in folders]
assert all(needs)
print(json.dumps({answer}))
"""


def load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bench_run.py as a module; it imports its neighbours as scripts do."""
    monkeypatch.syspath_prepend(CORPUS)
    spec = importlib.util.spec_from_file_location("corpus_bench_run", CORPUS / "bench_run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with one module to run, out of a package that a fake npm has."""
    found = load(monkeypatch)
    tarball = tmp_path / "package.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        member = tarfile.TarInfo("package/dist/a.wasm")
        member.size = len(MODULE)
        archive.addfile(member, io.BytesIO(MODULE))
    packed = hashlib.sha256(tarball.read_bytes()).hexdigest()
    main = found.Package("package", "1.2.3", packed)
    needs = (found.Package("@scope/need", "1.2.3", packed),)
    digest = hashlib.sha256(MODULE).hexdigest()
    entry = found.Bench("fake", main, "dist/a.wasm", digest, needs)
    monkeypatch.setattr(found, "read_benches", lambda: [entry])
    monkeypatch.setattr(found, "BUILD", tmp_path / "build")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "npm", FAKE_NPM.replace("{tarball}", str(tarball)))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return found


def script(path: Path, text: str) -> None:
    path.write_text(text.replace("{python}", sys.executable))
    path.chmod(0o755)


def run(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str
) -> tuple[int, str]:
    """Exit code and output with a node that answers so."""
    script(tmp_path / "bin" / "node", FAKE_NODE.replace("{answer}", answer))
    code = bench.main(["--seconds", "0.1", "--rounds", "2", "--levels", "O2,Oz"])
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def test_versions_are_made_and_compared(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = '{"digests": ["d"] * 4, "seconds": sizes}'
    code, out = run(bench, tmp_path, capsys, answer)
    ratio = f"{len(SMALLER) / len(MODULE):.3f}"
    assert code == 0
    assert [line.split() for line in out.splitlines()[1:3]] == [
        ["fake", f"{len(MODULE)}.0000", "1.000", ratio, ratio],
        ["geometric", "mean", "1.000", ratio, ratio],
    ]
    assert f"-Oz: {ratio} x, at most 1.15: ok" in out


def test_a_missed_target_is_said_and_no_failure(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = '{"digests": ["d"] * 4, "seconds": [1.0, 1.0, 1.021, 1.149]}'
    code, out = run(bench, tmp_path, capsys, answer)
    assert code == 0
    assert out.splitlines()[3:] == [
        "-O2: 1.021 x, at most 1.02: MISSED",
        "-Oz: 1.149 x, at most 1.15: ok",
    ]


def test_results_that_differ_are_a_failure(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = '{"digests": ["d", "d", "d", "e"], "seconds": [1.0] * 4}'
    code, out = run(bench, tmp_path, capsys, answer)
    assert code == 1
    assert out.splitlines()[1].split(maxsplit=1) == ["fake", "RESULTS DIFFER after Oz"]


def test_a_driver_that_fails_is_a_failure(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = run(bench, tmp_path, capsys, '{}["Error: no such thing"]')
    assert code == 1
    assert "the driver failed: KeyError: 'Error: no such thing'" in out


def test_another_package_is_refused(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(tmp_path / "package.tgz", "w:gz"):
        pass
    code, out = run(bench, tmp_path, capsys, "{}")
    assert code == 1
    assert "package@1.2.3 has sha256 " in out
    assert list((tmp_path / "build" / "packages").iterdir()) == []


def test_every_bench_has_a_driver_and_every_driver_a_bench(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = load(monkeypatch)
    benches = found.read_benches()
    drivers = {path.stem for path in (CORPUS / "drivers").glob("*.mjs")}
    assert drivers - {"inputs", "race"} == {bench.id for bench in benches}
    assert len(benches) >= 8
    for bench in benches:
        for package in (bench.main, *bench.needs):
            assert len(package.tarball) == 64
    assert json.dumps(sorted(found.TARGETS)) == '["O", "O2", "Os", "Oz"]'
