"""What stands ready for CI: the action, the hooks, the pages of docs/, and the corpus's table."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.commands import environment
from tests.core.binaries import BUILT
from wasmopt import Options, optimize
from wasmopt.commands import COMMANDS
from wasmopt.commands.optimize import build_parser
from wasmopt.reporting.budgets import LIMITS
from wasmopt.reporting.codec import read_document

ROOT = Path(__file__).resolve().parents[2]
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
[LARGE] = [path for path in BUILT if path.stem == "routes-O0"]
[SMALL] = [path for path in BUILT if path.stem == "bytecode"]


def load(path: Path) -> ModuleType:
    """A script as a module; its folder is not a package."""
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses looks its module up there
    spec.loader.exec_module(module)
    return module


# --- the action ---------------------------------------------------------------------------------


def scripts() -> list[str]:
    """The scripts of the action's steps."""
    found = re.findall(r"^      run: \|\n((?:        .*\n|\n)+)", ACTION, re.MULTILINE)
    return [textwrap.dedent(each) for each in found]


class Runner:
    """A stand-in for the machine that runs the action's second step, wasmopt being installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder / "summary.md"
        self.outputs = folder / "outputs"
        (folder / "bin").mkdir()
        (folder / "temporary").mkdir()
        command = folder / "bin" / "wasmopt"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wasmopt "$@"\n')
        command.chmod(0o755)

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        names = re.findall(r"^        ([A-Z_]+): \$\{\{ inputs", ACTION, re.MULTILINE)
        assert set(inputs) <= set(names)
        settings = {"FLAGS": "-O", "REPORT": "report.json", "OUTPUT": inputs["INPUT"], **inputs}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts()[1]],
            cwd=self.folder,
            env={
                **environment(),
                **dict.fromkeys(names, ""),
                **settings,
                "PATH": path,
                "RUNNER_TEMP": str(self.folder / "temporary"),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_OUTPUT": str(self.outputs),
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    (tmp_path / "a b.wasm").write_bytes(LARGE.read_bytes())
    return Runner(tmp_path)


def test_action_optimizes_and_reports(runner: Runner) -> None:
    done = runner.run(INPUT="a b.wasm", FLAGS="-O -g", HTML="page.html", MAX_SIZE="1MB")
    assert done.returncode == 0, done.stderr
    expected = optimize(LARGE, Options(keep_names=True)).data
    assert (runner.folder / "a b.wasm").read_bytes() == expected
    assert runner.outputs.read_text() == f"size={len(expected)}\n"
    assert runner.summary.read_text().startswith("### `a b.wasm`: ")
    assert json.loads((runner.folder / "report.json").read_text())["output"]["raw"] == len(expected)
    assert (runner.folder / "page.html").exists()


def test_action_fails_over_budget_and_shows_by_how_much(runner: Runner) -> None:
    done = runner.run(INPUT="a b.wasm", OUTPUT="out.wasm", MAX_SIZE="1KB")
    assert done.returncode == 3
    assert "**over budget:** " in runner.summary.read_text()
    assert (runner.folder / "out.wasm").exists()
    assert (runner.folder / "a b.wasm").read_bytes() == LARGE.read_bytes()


def test_action_compares_with_a_baseline(runner: Runner) -> None:
    first = runner.run(
        INPUT="a b.wasm", OUTPUT="1.wasm", BASELINE="report.json", MAX_GROWTH="1%", FLAGS="--vacuum"
    )
    assert first.returncode == 0, first.stderr
    assert "::notice::there is no baseline to compare with" in first.stdout
    runner.summary.unlink()
    second = runner.run(INPUT="a b.wasm", OUTPUT="2.wasm", BASELINE="report.json", MAX_GROWTH="1%")
    assert second.returncode == 0, second.stderr
    headings = [line for line in runner.summary.read_text().splitlines() if line.startswith("#")]
    sizes = [(runner.folder / f"{n}.wasm").stat().st_size for n in (1, 2)]
    assert headings[0].startswith(f"### `a b.wasm` against the base: {sizes[0]} → {sizes[1]} bytes")
    assert len(headings) == 2
    worse = runner.run(
        INPUT="a b.wasm", OUTPUT="3.wasm", BASELINE="report.json", MAX_GROWTH="1%", FLAGS="-O0"
    )
    assert worse.returncode == 3


def test_action_that_fails_says_why_and_reports_nothing(runner: Runner) -> None:
    done = runner.run(INPUT="missing.wasm")
    assert done.returncode == 1
    assert "missing.wasm: cannot read: no such file or directory" in done.stderr
    assert not runner.summary.exists()


def test_action_takes_nothing_out_of_this_repository() -> None:
    install, optimize_step = scripts()
    assert "pip install" in install and '"wasmopt[brotli]' in install
    for script in (install, optimize_step):
        # Inputs come by the environment: in a script they would be run.
        assert "${{" not in script
        assert "github.action_path" not in script and "GITHUB_ACTION_PATH" not in script
    flags = set(re.findall(r"(?<![\w-])--[a-z-]+", optimize_step)) - {"--quiet"}
    assert flags <= set(build_parser()._option_string_actions)
    assert {f"--{name}" for name in LIMITS} <= flags


# --- the hooks ----------------------------------------------------------------------------------


def entries() -> list[list[str]]:
    return [shlex.split(entry) for entry in re.findall(r"^  entry: (.*)$", HOOKS, re.MULTILINE)]


def test_hooks_do_what_they_say(runner: Runner) -> None:
    files = ["a b.wasm", "b.wasm"]
    for name in files:
        (runner.folder / name).write_bytes(SMALL.read_bytes())
    expected = optimize(SMALL, Options(converge=True)).data
    limit = f"[tool.wasmopt]\nmax-size = {len(expected)}\n"
    (runner.folder / "pyproject.toml").write_text(limit)
    path = f"{runner.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    smaller, budget = entries()

    def run(entry: list[str]) -> int:
        return subprocess.run(
            [*entry, *files],
            cwd=runner.folder,
            env={**environment(), "PATH": path},
            capture_output=True,
            check=False,
        ).returncode

    assert run(budget) == 3
    assert run(smaller) == 0
    assert [(runner.folder / name).read_bytes() for name in files] == [expected] * 2
    assert run(budget) == 0
    files = ["missing.wasm", *files]
    assert run(smaller) == 1


# --- documentation ------------------------------------------------------------------------------


FIGURES = "peepholes.md"
"""The page that `make mine` writes."""


def test_pages_show_what_is_printed() -> None:
    update = load(ROOT / "docs" / "update.py")
    for path in sorted((ROOT / "docs").glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if path.name != FIGURES:
            assert update.EXAMPLE.search(page), path.name
        assert update.updated(page) == page, f"{path.name} is out of date, run make docs"


def test_pages_name_flags_and_commands_that_exist() -> None:
    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    known = set(build_parser()._option_string_actions) | {"--html", "--compressed"}
    assert set(re.findall(r"(?<![\w-])--[a-z]+[a-z-]*", page)) <= known
    inputs = re.findall(r"^  ([a-z-]+):\n    description", ACTION, re.MULTILINE)
    example = page.partition("uses: OWNER/wasmopt")[2].partition("```")[0]
    used = re.findall(r"^    ([a-z-]+):", example.partition("- uses")[0], re.MULTILINE)
    assert used and set(used) <= set(inputs)
    assert all(f"wasmopt {name}" in page for name in COMMANDS)


def test_pages_have_python_that_runs(tmp_path: Path) -> None:
    (tmp_path / "in.wasm").write_bytes(SMALL.read_bytes())
    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    [script] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = read_document((tmp_path / "report.json").read_bytes())
    assert str(document.output.brotli) in done.stdout


# --- the table of the corpus --------------------------------------------------------------------


def test_table_of_passes_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    passes = load(ROOT / "corpus" / "passes.py")
    assert passes.main(["--built", "--only", "routes-O0", "--only", "codecs"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    reports = [optimize(path).report for path in BUILT if path.stem in ("routes-O0", "codecs")]
    assert lines[0][:2] == ["2", "modules,"]
    saved = {words[0]: int(words[1]) for words in lines[2:] if len(words) > 8 and words[0] != "all"}
    for place, entry in enumerate(reports[0].passes):
        both = [report.passes[place].bytes_saved for report in reports]
        assert saved[entry.name] == sum(both)
    other = sum(report.encoding_saved + report.sections_saved for report in reports)
    total = sum(report.input_size - report.output_size for report in reports)
    [everything] = [words for words in lines if words[:2] == ["all", "passes"]]
    assert int(everything[2]) == total - other


def test_table_of_passes_goes_on_behind_a_bad_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passes = load(ROOT / "corpus" / "passes.py")
    (tmp_path / "bad.wasm").write_bytes(b"bad")
    assert passes.main(["--built", "--only", "bad", "--only", "codecs", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("1 modules, ")
    assert (
        err == "passes.py: bad.wasm: at byte 0: not a WebAssembly binary (it does not start "
        "with 00 61 73 6d)\n"
    )
