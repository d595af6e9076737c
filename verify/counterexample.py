"""A state from which two versions of a function were seen to do different things, as data and text.

function 12(i32 5, i32 0)
global 0: i32 16
memory 0 at 0x10: 01 00 00 00
before: calls env.f(i32 5) -> i32 7, sets global 0 to 0x9; traps
after: traps
differs: call 1: env.f(i32 5) before, none after
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from wasmopt.types import F32, F64, I32, I64, V128, ValType, value_type_text
from wasmopt.verify.scenarios import Effect, Grow, SetGlobal, Throw, Trap, Write, is_nan

_SHOWN_CALLS: Final = 4
_SHOWN_VALUES: Final = 12
_SHOWN_PATCHES: Final = 3
_SHOWN_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Value:
    """A value.

    Attributes:
        bits: of a number; of a reference its number, where 0 is null.
        name: of a function that it refers to.
    """

    type: ValType
    bits: int
    name: str = ""

    def __str__(self) -> str:
        return f"{value_type_text(self.type)} {_bits_text(self.type, self.bits, self.name)}"


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes of a memory from an address on."""

    memory: int
    address: int
    data: bytes

    def __str__(self) -> str:
        return f"memory {self.memory} at {self.address:#x}: {bytes_text(self.data)}"


@dataclass(frozen=True, slots=True)
class CallMade:
    """A call that a version made, and how it was answered."""

    name: str
    arguments: tuple[Value, ...]
    results: tuple[Value, ...]
    effect: Effect | None

    def __str__(self) -> str:
        text = f"{self.name}({', '.join(map(str, self.arguments))})"
        if self.results:
            text += f" -> {', '.join(map(str, self.results))}"
        return text + _effect_text(self.effect)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a version did.

    Attributes:
        end: "returns", "traps" or "throws tag 3".
        results: what it returns or throws.
        calls: what it called, in order.
    """

    end: str
    results: tuple[Value, ...]
    calls: tuple[CallMade, ...]

    def __str__(self) -> str:
        end = " ".join([self.end, ", ".join(map(str, self.results))]).strip()
        if not self.calls:
            return end
        return f"calls {_listed(self.calls, _SHOWN_CALLS, '; ')}; {end}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two outcomes part.

    Attributes:
        kind: "end", "result", "call", "global", "memory", "size" or "table".
        what: the place, to show.
        before, after: what was there, to show.
    """

    kind: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} before, {self.after} after"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A run of both versions from one state, which they left in different ways.

    What is not mentioned is zero or null, and does not matter.

    Attributes:
        function: its index, None when that is not known.
        arguments: bit patterns with their types.
        globals: what numeric globals hold, by index.
        memory: the bytes that matter.
        before, after: what the versions did; the results of their calls are the host's choice.
        difference: where that differs first.
    """

    function: int | None
    arguments: tuple[Value, ...]
    globals: tuple[tuple[int, Value], ...]
    memory: tuple[Patch, ...]
    before: Outcome
    after: Outcome
    difference: Difference

    def render(self) -> str:
        """The counterexample as a few lines of text."""
        name = "the function" if self.function is None else f"function {self.function}"
        lines = [f"{name}({_listed(self.arguments, _SHOWN_VALUES, ', ')})"]
        if self.globals:
            values = [f"global {index}: {value}" for index, value in self.globals]
            lines.append(_listed(values, _SHOWN_VALUES, ", "))
        lines += map(str, self.memory[:_SHOWN_PATCHES])
        hidden = sum(len(patch.data) for patch in self.memory[_SHOWN_PATCHES:])
        if hidden:
            lines.append(f"and {hidden} more bytes of memory")
        lines += [f"before: {self.before}", f"after: {self.after}", f"differs: {self.difference}"]
        return "\n".join(lines)


def bytes_text(data: bytes) -> str:
    """The first bytes in hexadecimal."""
    text = data[:_SHOWN_BYTES].hex(" ")
    return text if len(data) <= _SHOWN_BYTES else f"{text} … ({len(data)} bytes)"


def _listed(items: Sequence[object], most: int, separator: str) -> str:
    texts = [str(item) for item in islice(items, most)]
    if len(items) > most:
        texts.append(f"… {len(items) - most} more")
    return separator.join(texts)


def _bits_text(value_type: ValType, bits: int, name: str) -> str:
    if value_type in (I32, I64):
        width = 32 if value_type == I32 else 64
        signed = bits - (1 << width) if bits >> (width - 1) else bits
        return str(signed) if abs(signed) < 1 << 16 else f"{bits:#x}"
    if value_type in (F32, F64):
        if is_nan(value_type, bits):
            return f"nan:{bits:#x}"
        width, integer, number = (4, "<I", "<f") if value_type == F32 else (8, "<Q", "<d")
        return repr(struct.unpack(number, struct.pack(integer, bits))[0])
    if value_type == V128:
        return f"0x{bits:032x}"
    return name or ("null" if bits == 0 else f"reference {bits}")


def _effect_text(effect: Effect | None) -> str:
    match effect:
        case SetGlobal(index, bits):
            return f", sets global {index} to {bits:#x}"
        case Write(memory, address, data):
            return f", writes {bytes_text(data)} to memory {memory} at {address:#x}"
        case Grow(memory):
            return f", grows memory {memory}"
        case Trap():
            return ", traps"
        case Throw(tag):
            return f", throws tag {tag}"
        case None:
            return ""
