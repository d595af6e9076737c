"""Run the commands whose output the pages show, and put in what they print now.

    python docs/update.py [--check]

An output stands between `<!-- wasmopt ARGUMENTS -->` and `<!-- end -->`, as Markdown that the
page renders, or in a code block if it was in one. There may be several commands, joined by `&&`;
the output is that of the last. They run in the folder of the project; `TEMPORARY` in their
arguments is a folder that is gone afterwards. What differs by time
and machine is no reason for a change.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
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
    new = f"{fence[0]}{output}\n```" if fence else f"\n{output}\n"
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
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        try:
            new = updated(page)
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
