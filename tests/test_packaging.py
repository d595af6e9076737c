"""What gets installed: `passes` and `verify` as parts of wasmopt, each file once, links or not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import wasmopt
from wasmopt.reporting.published import PUBLISHED
from wasmopt.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"wasmopt": "wasmopt", "passes": "wasmopt/passes", "verify": "wasmopt/verify"}
"""Folders of the source tree, and where they are installed."""
LINKS = ("wasmopt/passes", "wasmopt/verify")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def source_modules() -> dict[str, Path]:
    """Every module of the source tree by its path in an installation."""
    return {
        f"{installed}/{path.relative_to(ROOT / folder)}": path
        for folder, installed in FOLDERS.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not any(parent.is_symlink() for parent in path.parents)
    }


def dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


IMPORTABLE = [dotted(path) for path in source_modules() if not path.endswith("__main__.py")]


def copy_tree(target: Path, *, links: bool) -> Path:
    """The sources as a clone has them; without links git leaves files that name their targets."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, target / folder, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, target)
    for name in LINKS:
        link = target / name
        goal = os.readlink(link)
        if not links:
            link.unlink()
            link.write_text(goal)
    return target


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with nothing of this process's surroundings."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def built(kind: str, tree: Path, target: Path) -> zipfile.ZipFile:
    """What pip makes of the tree: kind is "wheel" or "editable" (PEP 517 and PEP 660)."""
    call = f"import sys, setuptools.build_meta as b; b.build_{kind}(sys.argv[1])"
    target.mkdir()
    done = python("-W", "ignore", "-c", call, str(target), folder=tree)
    assert done.returncode == 0, done.stderr
    (wheel,) = target.glob("*.whl")
    return zipfile.ZipFile(wheel)


def installed_files(site: Path, names: Sequence[str], folder: Path) -> list[str]:
    """Import the modules with the packages of `site` before all others; their files.

    The interpreter starts without its own site-packages, where wasmopt may be installed too.
    """
    dependencies = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    script = f"""
import importlib, site
for folder in {[str(site), *dependencies]!r}:
    site.addsitedir(folder)
for name in {list(names)!r}:
    print(importlib.import_module(name).__file__)
for name in ("passes", "verify"):
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    raise SystemExit(name + " can be imported by itself")
"""
    done = python("-I", "-S", "-c", script, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_wheel_has_every_module_once_and_all_import(tmp_path: Path, links: bool) -> None:
    tree = copy_tree(tmp_path / "tree", links=links)
    with built("wheel", tree, tmp_path / "wheel") as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path / "site")
    modules = [name for name in names if name.endswith(".py")]
    assert sorted(modules) == sorted(source_modules())
    assert "wasmopt/py.typed" in names
    data = {f"wasmopt/reporting/{name}" for name in ("page.css", *PUBLISHED)}
    assert data <= set(names)
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"wasmopt", f"wasmopt-{VERSION}.dist-info"}
    files = installed_files(tmp_path / "site", IMPORTABLE, tmp_path)
    assert len(files) == len(IMPORTABLE)
    assert all(Path(file).is_relative_to(tmp_path / "site" / "wasmopt") for file in files)


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_editable_install_uses_the_tree(tmp_path: Path, links: bool) -> None:
    tree = copy_tree(tmp_path / "tree", links=links)
    with built("editable", tree, tmp_path / "wheel") as wheel:
        wheel.extractall(tmp_path / "site")
    files = installed_files(tmp_path / "site", IMPORTABLE, tmp_path)
    assert len(files) == len(IMPORTABLE)
    assert {Path(file).resolve().relative_to(tree.resolve()).parts[0] for file in files} == set(
        FOLDERS
    )


@pytest.mark.parametrize("name", ["passes", "verify"])
def test_parts_cannot_be_imported_as_packages_of_their_own(name: str) -> None:
    done = python("-c", f"import {name}", folder=ROOT)
    assert done.returncode == 1
    assert f"ImportError: import this package as wasmopt.{name}" in done.stderr


def test_committed_links_lead_to_the_parts() -> None:
    for name in LINKS:
        assert (ROOT / name).resolve() == ROOT / Path(name).name


def test_version_stands_in_one_place() -> None:
    assert wasmopt.__version__ == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project and "version" in project["dynamic"]
    literal = f'"{VERSION}"'
    naming = [path for path, file in source_modules().items() if literal in file.read_text()]
    assert naming == ["wasmopt/version.py"]
    assert f"## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text()


def test_licence_is_named_and_shipped(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree", links=True)
    with built("wheel", tree, tmp_path / "wheel") as wheel:
        text = wheel.read(f"wasmopt-{VERSION}.dist-info/METADATA").decode()
        licence = wheel.read(f"wasmopt-{VERSION}.dist-info/licenses/LICENSE")
    assert "\nLicense-Expression: Apache-2.0\n" in text
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_constraints_name_one_version_of_everything_required() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    pinned = {re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins}
    assert len(pinned) == len(pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {requirement.partition(">=")[0] for requirement in required} <= pinned


FORBIDDEN = [
    ("passes", "import wasmopt.verify"),
    ("verify", "from wasmopt.passes import REGISTRY"),
    ("wasmopt", "import wasmopt.passes"),
    ("wasmopt", "import wasmopt.verify"),
]


@pytest.mark.parametrize(("folder", "statement"), FORBIDDEN)
def test_layers_are_kept_apart(tmp_path: Path, folder: str, statement: str) -> None:
    tree = copy_tree(tmp_path / "tree", links=True)
    command = ("-c", "from importlinter.cli import lint_imports_command as c; c()")
    arguments = ("--no-cache", "--no-logo")
    (tree / folder / "intruder.py").write_text("")
    kept = python(*command, *arguments, folder=tree)
    assert kept.returncode == 0, kept.stdout
    (tree / folder / "intruder.py").write_text(f"{statement}\n")
    broken = python(*command, *arguments, folder=tree)
    assert broken.returncode == 1 and "BROKEN" in broken.stdout
