"""The README says what is so: its examples run and print what it shows, its flags exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from wasmopt.commands.optimize import build_parser
from wasmopt.options import LEVELS
from wasmopt.passes import MODULE_PASSES, REGISTRY

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder where the paths of the README hold."""
    if not (folder / "corpus").exists():
        (folder / "corpus").symlink_to(ROOT / "corpus")
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def without_times(text: str) -> list[list[str]]:
    """The words of each line, but for times: they have two places behind the point."""
    return [re.sub(r"\b\d+\.\d\d\b", "TIME", line).split() for line in text.splitlines()]


def test_first_look_shows_what_is_printed(tmp_path: Path) -> None:
    (shown,) = [text for _, text in BLOCKS if text.startswith("$ wasmopt -O")]
    command, _, output = shown.partition("\n")
    (tmp_path / "build" / "demo").mkdir(parents=True)
    done = run(tmp_path, "-m", *command.removeprefix("$ ").split())
    assert done.returncode == 0
    assert without_times(done.stderr) == without_times(output)


def test_two_modules_are_verified_as_shown(tmp_path: Path) -> None:
    (shown,) = [text for _, text in BLOCKS if text.startswith("$ wasmopt verify")]
    command, _, output = shown.partition("\n")
    words = command.removeprefix("$ ").split()
    (tmp_path / "build" / "demo").mkdir(parents=True)
    optimized = run(tmp_path, "-m", "wasmopt", "-O", "--no-cache", words[-2], "-o", words[-1])
    assert optimized.returncode == 0
    done = run(tmp_path, "-m", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


def test_python_example_prints_what_is_shown(tmp_path: Path) -> None:
    place = next(index for index, (language, _) in enumerate(BLOCKS) if language == "python")
    done = run(tmp_path, "-c", BLOCKS[place][1])
    assert (done.stdout, done.stderr) == (BLOCKS[place + 1][1], "")
    source = ROOT / "corpus" / "built" / "routes-O0.wasm"
    assert (tmp_path / "smaller.wasm").stat().st_size < source.stat().st_size


def test_flags_of_the_readme_exist() -> None:
    known = set(build_parser()._option_string_actions)
    table = README.partition("## The command")[2].partition("Exit codes")[0]
    named = set(re.findall(r"(?<=[` ])--?[A-Za-z][\w-]*", table.partition("The input is")[0]))
    named -= {"--disable-X", "--enable-X"}
    assert len(named) > 20
    assert named <= known
    assert {f"--{name}" for name in [*REGISTRY, *MODULE_PASSES]} <= named
    assert {f"-O{level}" for level in LEVELS} - named <= {"-O2", "-O3"}


def test_targets_of_the_readme_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?<=`make )[a-z-]+|(?<=\nmake )[a-z-]+", README)
    assert set(named) >= {"demo", "test"}
    assert set(named) <= set(targets)
