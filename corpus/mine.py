"""Which short pieces of integer code are frequent, and could be shorter?

Cuts windows out of all functions (`mine_windows.py`), counts them, and searches for shorter code
for those that take most bytes (`mine_search.py`). A finding is printed with how often it is met,
the bytes that it saves at one place, those that the peepholes of today save there, and the bytes
that are left, at all places. Places overlap, so that sums are upper bounds.

    python corpus/mine.py [--top N] [MODULE.wasm ...]
    python corpus/mine.py --rules [--write]

Without modules these are the public ones, and what wasm-opt -Oz made of them if `make bench-size`
was run. With --rules it prints how often each rule of today's table is applied in either, and the
bytes that it saves; --write puts that into docs/peepholes.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mine_search import Search, inputs
from mine_windows import ANY, RANGES, SINKS, TRUTH, VALUE, Window, inner_windows, windows

from wasmopt import WasmOptError, decode
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool, MemArg
from wasmopt.module import Module
from wasmopt.passes.peephole_table import DENSE, TABLE, Rule
from wasmopt.passes.peepholes import FOLDED, all_rules, quick_rules, replace_windows
from wasmopt.text import read_text

CORPUS: Final = Path(__file__).resolve().parent
OUTPUTS: Final = CORPUS.parent / "build" / "bench-size"
PAGE: Final = CORPUS.parent / "docs" / "peepholes.md"
TOO_LARGE: Final = 10_000_000
"""Bytes of a module that is left out where none is named."""
TOP: Final = 300
"""Windows that are searched."""


@dataclass(frozen=True)
class Finding:
    """Shorter code for a window.

    Attributes:
        window: what it stands for.
        code: the shorter code.
        count: how often the window was met.
        today: bytes that the peepholes of today save there.
    """

    window: Window
    code: tuple[str, ...]
    count: int
    today: int

    @property
    def saved(self) -> int:
        """Bytes at one place."""
        return self.window.size - Window(ANY, self.code).size

    @property
    def total(self) -> int:
        """Bytes at all places that today's peepholes leave."""
        return self.count * max(0, self.saved - self.today)


def mine(counts: Counter[Window], top: int) -> Iterator[Finding]:
    """Findings for the windows that take most bytes, short windows first.

    What is just the finding for a part of the window is not told again.
    """
    ranked = sorted(counts, key=lambda each: (-counts[each] * each.size, each))[:top]
    known: dict[Window, int] = {}
    today = Today()
    for window in sorted(ranked, key=lambda each: (len(each.code), each)):
        types = inputs(window)
        code = None if types is None else Search(window, types).run()
        if code is None:
            continue
        finding = Finding(window, code, counts[window], today.saves(window))
        known[window] = finding.saved
        if finding.saved > max([known.get(each, 0) for each in inner_windows(window)], default=0):
            yield finding


_BEFORE: Final = {ANY: "nop", **{known: name for name, known in sorted(RANGES.items())}}
_BEHIND: Final = {VALUE: "nop", **{known: name for name, known in sorted(SINKS.items())}}
_BEHIND[TRUTH] = "br_if"
"""An instruction that stands for all of its kind."""


class Today:
    """The peepholes of today, in a module that has sign extension."""

    def __init__(self) -> None:
        wat = b"(module (func (param i32) (result i32) local.get 0 i32.extend8_s))"
        context = Context(decode(read_text(wat)))
        self._pool: Final[InstrPool] = context.pool
        self._rules: Final = all_rules(context)

    def saves(self, window: Window) -> int:
        """Bytes that they save in a window."""
        code = [_BEFORE[window.source], *window.code, _BEHIND[window.sink]]
        before = Function(0, (), tuple([self._instr(each) for each in code]))
        after = replace_windows(before, self._rules)
        return sum([each.size for each in before.body]) - sum([each.size for each in after.body])

    def _instr(self, token: str) -> Instr:
        name, _, number = token.partition(" ")
        if number:
            return self._pool.make(name, int(number))
        if name == "br_if":
            return self._pool.make(name, 0)
        if ".load" in name or ".store" in name:
            return self._pool.make(name, MemArg(0, 0))
        return self._pool.make(name)


@dataclass
class Figures:
    """What the rules do to some modules.

    Attributes:
        code: bytes of the functions.
        sites: name of a rule, without its width -> how often it is applied.
        saved: the same -> bytes.
    """

    code: int = 0
    sites: Counter[str] = field(default_factory=Counter)
    saved: Counter[str] = field(default_factory=Counter)

    def add(self, module: Module) -> None:
        """Apply the rules to a module, those that make code slower behind the others."""
        context = Context(module)
        for function in module.functions:
            self.code += function.entry_size()
            quicker = replace_windows(function, context.table(quick_rules), self._note)
            replace_windows(quicker, context.table(all_rules), self._note)

    def _note(self, name: str, saved: int) -> None:
        name = name.partition("/")[0]
        self.sites[name] += 1
        self.saved[name] += saved


def page(raw: Figures, theirs: Figures) -> str:
    """The page with the figures of all rules."""
    text = [
        "# What each peephole saves",
        "",
        "`make mine ARGS='--rules --write'` made this page. It counts how often each rule of",
        "`passes/peephole_rules.py` is applied in the public modules, by itself and not as a part",
        "of a pipeline, and the bytes of code that this saves: in the modules as they are, and in",
        "what `wasm-opt -Oz` makes of them.",
        "",
        f"The modules have {raw.code:,} bytes of code, of which the rules save "
        f"{share(raw)}; {theirs.code:,} and {share(theirs)} after `wasm-opt -Oz`.",
    ]
    for title, rules in (
        ("Rules at all levels that have peepholes", [FOLDED, *names(TABLE)]),
        ("Rules at `-Oz` alone: shorter, and a little slower", names(DENSE)),
    ):
        text += ["", f"## {title}", "", "| rule | places | bytes | after -Oz | bytes |"]
        text.append("|---|---:|---:|---:|---:|")
        for name in sorted(rules, key=lambda each: -raw.saved[each] - theirs.saved[each]):
            cells = [raw.sites[name], raw.saved[name], theirs.sites[name], theirs.saved[name]]
            text.append(" | ".join([f"| {name}", *map(str, cells)]) + " |")
    return "\n".join(text) + "\n"


def share(figures: Figures) -> str:
    """How much of the code is saved."""
    return f"{100 * figures.saved.total() / figures.code:.2f} %" if figures.code else "nothing"


def names(rules: Iterable[Rule]) -> list[str]:
    """The names of rules without their widths, each once."""
    return list(dict.fromkeys([each.name.partition("/")[0] for each in rules]))


def modules(paths: Iterable[Path]) -> Iterator[Module]:
    """The modules that can be read."""
    for path in paths:
        try:
            yield decode(path.read_bytes())
        except (OSError, WasmOptError) as error:
            print(f"mine.py: {path}: {error}", file=sys.stderr)


def print_findings(paths: Sequence[Path], top: int) -> None:
    """Search, and print what is found."""
    counts: Counter[Window] = Counter()
    for module in modules(paths):
        counts += windows(module)
    print(f"{len(counts)} windows at {counts.total()} places; the {top} of most bytes are searched")
    print(f"{'places':>8} {'saved':>6} {'today':>6} {'left':>8}")
    shapes: Counter[str] = Counter()
    for each in sorted(mine(counts, top), key=lambda each: (-each.total, each.window)):
        code = ", ".join(each.code) or "nothing"
        print(
            f"{each.count:8} {each.saved:6} {each.today:6} {each.total:8}  {each.window} -> {code}"
        )
        shapes[f"{each.window.shape()} -> {Window(ANY, each.code).shape()}"] += each.total
    print("\nbytes left, by shape:")
    for shape, total in sorted(shapes.items(), key=lambda each: (-each[1], each[0])):
        print(f"{total:8}  {shape}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", type=Path)
    parser.add_argument("--top", type=int, default=TOP, help="windows to search, %(default)s")
    parser.add_argument("--rules", action="store_true", help="what the rules of today save")
    parser.add_argument("--write", action="store_true", help="put that into docs/peepholes.md")
    parser.add_argument("--outputs", type=Path, default=OUTPUTS, help="folder of `make bench-size`")
    options = parser.parse_args(arguments)
    public = [
        path
        for path in sorted((CORPUS / "public").glob("*.wasm"))
        if path.stat().st_size < TOO_LARGE
    ]
    theirs = sorted(options.outputs.glob("*/oz.wasm"))
    if options.rules:
        raw, after = Figures(), Figures()
        for figures, paths in ((raw, options.modules or public), (after, theirs)):
            for module in modules(paths):
                figures.add(module)
        if options.write:
            PAGE.write_text(page(raw, after), encoding="utf-8")
        else:
            print(page(raw, after), end="")
        return 0
    paths = options.modules or [*public, *theirs]
    if not paths:
        print("mine.py: no modules, `make corpus` downloads some", file=sys.stderr)
        return 1
    print_findings(paths, options.top)
    return 0


if __name__ == "__main__":
    sys.exit(main())
