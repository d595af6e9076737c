"""Run the commands whose output the pages show, and put in what they print now.

    python docs/update.py [--check]

An output stands between `<!-- wasmopt ARGUMENTS -->` and `<!-- end -->`, as Markdown that the
page renders, or in a code block if it was in one. There may be several commands, joined by `&&`;
the output is that of the last. They run in the folder of the project; `TEMPORARY` in their
arguments is a folder that is gone afterwards. The README has no marks: there it is the code block
that starts with `$ wasmopt`, and the one behind a block of Python. What differs by time and machine
is no reason for a change.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wasmopt.cli import main as wasmopt

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
EXAMPLE = re.compile(
    r"(?P<start><!-- wasmopt (?P<arguments>.*?) -->\n)(?P<shown>.*?)(?P<end>\n<!-- end -->)",
    re.DOTALL,
)

SESSION = re.compile(
    r"(?P<start>```\n\$ wasmopt (?P<arguments>[^\n]*)\n)(?P<shown>.*?)(?P<end>\n```)", re.DOTALL
)
SCRIPT = re.compile(
    r"(?P<start>```python\n(?P<script>.*?)```\n[^`]*```\n)(?P<shown>.*?)(?P<end>\n```)", re.DOTALL
)


class ExampleError(Exception):
    """A command fails; the message is one line."""


def output_of(commands: Sequence[Sequence[str]]) -> str:
    """What the last command prints on standard output and standard error."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(ROOT):
        for arguments in commands:
            said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                code = wasmopt([each.replace("TEMPORARY", folder) for each in arguments])
            said.seek(0)
            text = said.read().replace(folder + os.sep, "").strip()
            if code not in (0, 3):
                raise ExampleError(f"wasmopt {' '.join(arguments)}: exit code {code}: {text}")
    return text


def updated(page: str) -> str:
    """The page with the outputs of now, and the times that it had."""
    return EXAMPLE.sub(_updated_example, page)


def _updated_example(found: re.Match[str]) -> str:
    shown = found["shown"]
    fence = re.match(r"```\w*\n", shown)
    commands = re.split(r"\s+&&\s+wasmopt\s+", found["arguments"])
    output = output_of([command.split() for command in commands])
    return _with_output(found, f"{fence[0]}{output}\n```" if fence else f"\n{output}\n")


def updated_readme(page: str) -> str:
    """The README with the outputs of now, and the times that it had."""
    return SCRIPT.sub(_updated_script, SESSION.sub(_updated_session, page))


def _updated_session(found: re.Match[str]) -> str:
    (ROOT / "build" / "demo").mkdir(parents=True, exist_ok=True)
    arguments = found["arguments"].split()
    before = [["-O", "--no-cache", arguments[-2], "-o", arguments[-1]]]
    return _with_output(found, output_of([*before * (arguments[0] == "verify"), arguments]))


def _updated_script(found: re.Match[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "corpus").symlink_to(ROOT / "corpus")
        command = [sys.executable, "-c", found["script"]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExampleError(f"the Python example: exit code {done.returncode}: {done.stderr}")
    return _with_output(found, done.stdout.strip())


def _with_output(found: re.Match[str], new: str) -> str:
    shown = found["shown"]
    return found["start"] + (shown if _timeless(new) == _timeless(shown) else new) + found["end"]


def _timeless(text: str) -> str:
    """The text without times and versions, and without what gzip makes, which depends on zlib's."""
    text = re.sub(r"\b\d+\.\d\d\b|\b\d+\.\d s\b|\d+(\.\d+){2,}", "SOME", text)
    return re.sub(r"gzip .*", "gzip", re.sub(r" +", " ", text))


def main(arguments: Sequence[str] | None = None) -> int:
    """Update the pages, or with --check say which are out of date; the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if any(argument != "--check" for argument in arguments):
        print("usage: python docs/update.py [--check]", file=sys.stderr)
        return 2
    code = 0
    pages = [(path, updated) for path in sorted(DOCS.glob("*.md"))]
    for path, update in [*pages, (ROOT / "README.md", updated_readme)]:
        page = path.read_text(encoding="utf-8")
        try:
            new = update(page)
        except ExampleError as error:
            print(f"update.py: {path.name}: {error}", file=sys.stderr)
            return 1
        if new == page:
            continue
        if arguments:
            print(f"update.py: {path.name} is out of date, run make docs", file=sys.stderr)
            code = 1
        else:
            path.write_text(new, encoding="utf-8")
            print(f"{path.name}: updated")
    return code


if __name__ == "__main__":
    sys.exit(main())
