"""Modules whose functions have given names, and reports of runs on them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.core.binaries import custom, sized, vector
from wasmopt import Options, optimize
from wasmopt.reader import unsigned_leb
from wasmopt.reporting.build import build_document
from wasmopt.reporting.schema import Document
from wasmopt.text import read_text

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "a\\|b",
    "`tick`",
    "``|``",
    '" onfocus="alert(1)',
    "</code></table>",
    "<!-- x -->",
    "line\nbreak\r\n\n# heading",
    "\x1b[31mred",
    "[link](http://example.org)",
    "@everyone **bold** _it_ &amp; #1 :x:",
    " ",
    "\u202ertl",
    "$(date) ${x}",
    "x" * 500,
)
"""Names that would do harm where they were not taken as names."""


def named_module(names: Sequence[str]) -> bytes:
    """A module with a function of each name, in the name section; a nop less for each."""
    wat = "".join(
        [f"(func {'nop ' * (len(names) - n)} i32.const 0 drop)" for n in range(len(names))]
    )
    entries = [unsigned_leb(n) + sized(name.encode()) for n, name in enumerate(names)]
    section = custom(b"name", b"\1" + sized(vector(*entries)))
    return read_text(f"(module {wat})") + section


def named_document(names: Sequence[str]) -> Document:
    """The report of a run that changes each of these functions; the module is called like one."""
    options = Options(keep_names=True, passes=("vacuum",))
    result = optimize(named_module(names), options)
    return build_document(result, options, name=names[0].replace("/", "∕"))
