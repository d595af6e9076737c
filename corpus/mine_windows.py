"""Windows of integer instructions: what the miner looks at, cut out of function bodies.

A window is code without a gap that leaves one value and takes at most two: from below it on the
stack, or from locals. In it are integer constants, integer instructions that cannot trap, and
`local.get`. Around it may be something that helps: a value that is a byte or a truth to start
with, or somebody behind it who only wants to know whether the result is zero.

    local.get 7, i32.load8_u, i32.const 24, i32.shl, i32.const 24, i32.shr_s, i32.const 0, i32.lt_s
    -> u8: i32.const 24, i32.shl, i32.const 24, i32.shr_s
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Module
from wasmopt.opcodes import OPCODES
from wasmopt.reader import signed_leb
from wasmopt.semantics import MEANINGS

MAX_LENGTH: Final = 8
"""Instructions of a window."""
MIN_SIZE: Final = 2
"""Bytes of a window: one byte does not get shorter."""
MAX_INPUTS: Final = 2

INTEGERS: Final = frozenset(["i32", "i64"])
PURE: Final = {
    op.mnemonic: op
    for op in OPCODES
    if op.mnemonic in MEANINGS
    and not op.effects
    and {*(op.operands or ()), *(op.results or ())} <= INTEGERS
}
"""Integer instructions that cannot trap."""

ANY, BIT = "any", "bit"
RANGES: Final = {
    **{f"{kind}.load8_{sign}": f"{sign}8" for kind in INTEGERS for sign in "su"},
    **{f"{kind}.load16_{sign}": f"{sign}16" for kind in INTEGERS for sign in "su"},
    **{op.mnemonic: BIT for op in OPCODES if op.operands and op.results == ("i32",)
       and op.mnemonic.partition(".")[2].split("_")[0] in
       ("eqz", "eq", "ne", "lt", "gt", "le", "ge") and op.mnemonic[:3] in ("f32", "f64")},
}  # fmt: skip
"""What stands before a window and gives less than any number."""
VALUE, TRUTH = "value", "truth"
SINKS: Final = {
    **dict.fromkeys(["br_if", "if", "select"], TRUTH),
    **{f"{kind}.store8": "low8" for kind in INTEGERS},
    **{f"{kind}.store16": "low16" for kind in INTEGERS},
    "i64.store32": "low32",
}
"""What stands behind a window and takes less than the whole number."""


class Window(NamedTuple):
    """Code, with the names of locals in the order in which they appear.

    Attributes:
        source: what is known of the value it takes from the stack: `ANY` or one of `RANGES`.
        code: instructions as text: `i32.const 255`, `i32.and`, `local.get 0`.
        sink: what is wanted of the value it leaves: `VALUE` or one of `SINKS`.
    """

    source: str
    code: tuple[str, ...]
    sink: str = VALUE

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(token_size, self.code))

    def shape(self) -> str:
        """The window without its numbers: windows of one rule mostly have the same."""
        return f"{self.source}: {', '.join([each.partition(' ')[0] for each in self.code])}"

    def __str__(self) -> str:
        before = "" if self.source == ANY else f"{self.source}: "
        behind = "" if self.sink == VALUE else f" => {self.sink}"
        return f"{before}{', '.join(self.code)}{behind}"


def token_size(token: str) -> int:
    """Bytes of an instruction; a local is taken to have a small index."""
    name, _, number = token.partition(" ")
    if not number:
        return 1
    return 1 + (1 if name == "local.get" else len(signed_leb(int(number))))


class _Token(NamedTuple):
    """What the cut has to know of an instruction: -1 operands for one that ends a window."""

    pops: int
    text: str
    local: int


_OUTSIDE: Final = _Token(-1, "", -1)


class _Tokens(dict[Instr, _Token]):
    def __missing__(self, instr: Instr) -> _Token:
        token = self[instr] = self._token(instr)
        return token

    def _token(self, instr: Instr) -> _Token:
        name = instr.name
        if name in PURE:
            return _Token(len(PURE[name].operands or ()), name, -1)
        if name in ("i32.const", "i64.const"):
            return _Token(0, f"{name} {instr.immediates[0]}", -1)
        if name == "local.get":
            return _Token(0, "", instr.immediates[0])
        return _OUTSIDE


def windows(module: Module) -> Counter[Window]:
    """How often each window appears in a module."""
    tokens = _Tokens()
    found: Counter[Window] = Counter()
    for function in module.functions:
        found.update(_windows_of(function, tokens))
    return found


def _windows_of(function: Function, tokens: _Tokens) -> Iterator[Window]:
    body = function.body
    run = [tokens[instr] for instr in body]
    for last, token in enumerate(run):
        if token.pops < 1:
            continue
        sink = SINKS.get(body[last + 1].name, VALUE)
        if sink == TRUTH and not token.text.startswith("i32") and not _gives_i32(token.text):
            sink = VALUE
        needed = 1
        for first in range(last, max(-1, last - MAX_LENGTH), -1):
            here = run[first]
            if here.pops < 0:
                break
            needed += here.pops - 1
            window = _window(run[first : last + 1], needed)
            if window is not None:
                source = RANGES.get(body[first - 1].name, ANY) if first and needed == 1 else ANY
                found = Window(source, window, sink)
                if found.size >= MIN_SIZE:
                    yield found
            if not needed:
                break


def _gives_i32(name: str) -> bool:
    return PURE[name].results == ("i32",)


def _window(part: list[_Token], needed: int) -> tuple[str, ...] | None:
    """The code of a window that takes `needed` values from the stack, if it is one."""
    names: dict[int, int] = {}
    uses: Counter[int] = Counter()
    for token in part:
        if token.local >= 0:
            names.setdefault(token.local, len(names))
            uses[token.local] += 1
    if needed + len(names) > MAX_INPUTS or not needed + len(names):
        return None
    if part[0].local >= 0 and uses[part[0].local] == 1:
        return None  # the value may as well lie on the stack
    return tuple(
        [each.text if each.local < 0 else f"local.get {names[each.local]}" for each in part]
    )


def inner_windows(window: Window) -> Iterable[Window]:
    """The windows within a window that are none of its ends alone, shorter than it is."""
    code = window.code
    for length in range(1, len(code)):
        for first in range(len(code) - length + 1):
            part = code[first : first + length]
            source = window.source if first == 0 else ANY
            sink = window.sink if first + length == len(code) else VALUE
            yield Window(source, part, sink)
