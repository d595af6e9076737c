"""States to start a function from, and how what it calls answers: edge values and random ones.

A `Scenario` says everything that a run depends on, so the same scenario gives the same run.  Where
it says nothing, bits are zero.  Scenarios are drawn by number from a small generator of our own
(splitmix64), so that they are the same on every machine and with every version of Python.

What makes functions differ is rarely far away: the constants of the code and their neighbours,
addresses at the end of a memory, arguments that are equal to each other, calls that change what is
read afterwards.  Such values are drawn much more often than chance would have them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, TypeVar

from wasmopt.types import F32, F64, I32, I64, V128, ValType

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SetGlobal:
    """The callee leaves the global at `index` at these bits."""

    index: int
    bits: int


@dataclass(frozen=True, slots=True)
class Write:
    """The callee writes `data` to memory, as far as that goes."""

    memory: int
    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Grow:
    """The callee grows a memory by one page, if it may."""

    memory: int


@dataclass(frozen=True, slots=True)
class Trap:
    """The callee traps."""


@dataclass(frozen=True, slots=True)
class Throw:
    """The callee throws an exception with that tag; its values are the answer's results."""

    tag: int


Effect = SetGlobal | Write | Grow | Trap | Throw


@dataclass(frozen=True, slots=True)
class Answer:
    """How one call answers.

    Attributes:
        results: bits of each result; those beyond are zero.
        effect: what else it does.
    """

    results: tuple[int, ...] = ()
    effect: Effect | None = None


NO_ANSWER: Final = Answer()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A state to start from.  What is not mentioned is zero.

    Attributes:
        arguments: bits by parameter; references by number, see `crossing`.
        globals: bits by index.
        memory: what memories hold: (memory, address, bytes).
        answers: to the calls, in the order in which they are made.
    """

    arguments: Mapping[int, int] = field(default_factory=dict)
    globals: Mapping[int, int] = field(default_factory=dict)
    memory: tuple[tuple[int, int, bytes], ...] = ()
    answers: tuple[Answer, ...] = ()

    def answer(self, call: int) -> Answer:
        """The answer to a call, counted from 0."""
        return self.answers[call] if call < len(self.answers) else NO_ANSWER


@dataclass(frozen=True, slots=True)
class Surface:
    """All through which two versions of a function can depend on their surroundings.

    Attributes:
        params: types of the arguments.
        globals: types of the numeric globals that may hold anything, by index.
        changeable: those globals that a callee can change.
        memories: for each memory that is mentioned its size in bytes and its address type.
        results: by position, the types that results of callees have there.
        calls: whether anything can be.
        tags: number of tags that a callee can throw.
        constants: numbers in the code, by type.
        offsets: offsets of memory accesses.
    """

    params: tuple[ValType, ...]
    globals: Mapping[int, ValType]
    changeable: tuple[int, ...]
    memories: Mapping[int, tuple[int, ValType]]
    results: tuple[tuple[ValType, ...], ...]
    calls: bool
    tags: int
    constants: Mapping[ValType, tuple[int, ...]]
    offsets: tuple[int, ...]


WIDTHS: Final = {I32: 32, I64: 64, F32: 32, F64: 64, V128: 128}
"""Bits of a number; references are numbered with 32 bits."""

_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 63) - 1
_INTEGERS: Final = (
    *(0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256),
    *(0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32),
    *(-1, -2, -3, -4, -8, -128, -129, -0x8000, -0x8001, -0x80000000, -0x80000001),
    *(_LEAST, _MOST),
)
_OPENINGS: Final = ((0,), (1,), (-1,), (_LEAST,), (_MOST,), (_LEAST, -1), (-1, _LEAST))
"""Arguments of the first scenarios, in turns; the extremes stand for those of any type."""
_FLOAT_EXTREMES: Final = {_LEAST: -0.0, _MOST: float("nan")}
_INF: Final = float("inf")
_FLOATS: Final = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.0, 3.0, 0.1, -0.9, 7.25, 255.0, 65536.0),
    *(_INF, -_INF, float("nan"), 5e-324, 1e-40, 1e10, 3.4e38, 1.7e308, 2.0**24 + 1, 2.0**53),
    *(2.0**31, -(2.0**31) - 1, 2.0**32, 2.0**63, -(2.0**63), 2.0**64),
)
_CANONICAL_NANS: Final = {F32: 0x7FC00000, F64: 0x7FF8 << 48}
_INFINITIES: Final = {F32: 0x7F800000, F64: 0x7FF << 52}

REGION: Final = 1 << 16
"""Bytes at the start of a memory that are filled."""
_WORDS: Final = 64
"""Words that are drawn before they repeat."""
_PATCH: Final = 256
"""Bytes that are filled at offsets and constants beyond that."""
_PATCHES: Final = 8
ANSWERS: Final = 8
"""Calls that get an answer of their own; later ones get zero."""


def scenarios(surface: Surface, seeds: Sequence[Scenario], count: int) -> Iterator[Scenario]:
    """First each seed, with several values for what it leaves open; then `count` more."""
    for seed in seeds:
        for number in range(4):
            drawn = draw_scenario(surface, number)
            yield replace(
                drawn,
                arguments={**drawn.arguments, **seed.arguments},
                globals={**drawn.globals, **seed.globals},
                memory=seed.memory or drawn.memory,
                answers=seed.answers or drawn.answers,
            )
    for number in range(count):
        yield draw_scenario(surface, number)


def draw_scenario(surface: Surface, number: int) -> Scenario:
    """The scenario of that number; 0 is all zero."""
    if number == 0:
        return Scenario()
    draw = _Draw(surface, number)
    arguments = draw.arguments()
    return Scenario(
        dict(enumerate(arguments)),
        {index: draw.pointer_or(each) for index, each in surface.globals.items()},
        tuple([chunk for memory in surface.memories for chunk in draw.memory(memory)]),
        tuple([draw.answer(call, arguments) for call in range(ANSWERS)]) if surface.calls else (),
    )


def float_bits(value_type: ValType, value: float) -> int:
    """The pattern of a number, infinite where it is too large for the type."""
    if value_type == F64:
        return int(struct.unpack("<Q", struct.pack("<d", value))[0])
    try:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    except OverflowError:
        return _INFINITIES[F32] | (1 << 31 if value < 0 else 0)


def is_nan(value_type: ValType, bits: int) -> bool:
    """Whether the bits are a float that is no number."""
    infinity = _INFINITIES.get(value_type)
    return infinity is not None and bits & ((1 << WIDTHS[value_type] - 1) - 1) > infinity


def _extreme(value_type: ValType, number: int) -> int:
    """The bits of a small number or an extreme one."""
    if value_type in (F32, F64):
        return float_bits(value_type, _FLOAT_EXTREMES.get(number, float(number)))
    width = WIDTHS.get(value_type, 32)
    if number in (_LEAST, _MOST):
        number >>= 64 - width if width < 64 else 0
    return number & ((1 << width) - 1)


@lru_cache(maxsize=64)
def _noise(number: int, memory: int) -> bytes:
    return hashlib.shake_128(b"%d %d" % (number, memory)).digest(REGION)


class _Draw:
    """Draws one scenario."""

    def __init__(self, surface: Surface, number: int) -> None:
        self._surface: Final = surface
        self._number: Final = number
        self._state = number * 0x5851F42D4C957F2D

    # -- the generator -----------------------------------------------------------------------

    def _bits(self) -> int:
        """64 bits (splitmix64: Steele, Lea and Flood, OOPSLA 2014)."""
        mask = (1 << 64) - 1
        self._state = (self._state + 0x9E3779B97F4A7C15) & mask
        bits = self._state
        bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & mask
        return bits ^ bits >> 31

    def _below(self, bound: int) -> int:
        return self._bits() % bound

    def _pick(self, options: Sequence[_T]) -> _T:
        return options[self._below(len(options))]

    # -- values ------------------------------------------------------------------------------

    def value(self, value_type: ValType) -> int:
        """Bits of any value of the type."""
        if value_type in (I32, I64):
            return self._integer(value_type) & ((1 << WIDTHS[value_type]) - 1)
        if value_type in (F32, F64):
            return self._float(value_type)
        if value_type == V128:
            lane = self._pick((I32, I64, F32, F64))
            width = WIDTHS[lane]
            return sum(self.value(lane) << shift for shift in range(0, 128, width))
        return self._below(8)

    def _integer(self, value_type: ValType) -> int:
        constants = self._surface.constants.get(value_type) or (0,)
        match self._below(10):
            case 0 | 1:
                return self._below(9)
            case 2 | 3:
                return self._pick(_INTEGERS)
            case 4 | 5:
                return self._pick(constants) + self._below(3) - 1
            case 6:
                return self._below(REGION) & -4
            case 7:
                return self._boundary()
            case 8:
                return -self._below(9)
            case _:
                return self._bits()

    def _float(self, value_type: ValType) -> int:
        kind = self._below(8)
        constants = self._surface.constants.get(value_type)
        if kind < 2 and constants:
            bits = self._pick(constants)
        elif kind < 4:
            bits = float_bits(value_type, self._pick(_FLOATS))
        elif kind < 5:
            bits = float_bits(value_type, (self._below(1 << 12) - (1 << 11)) / 4.0)
        elif kind < 7:  # all digits, not far from one
            scale = 2.0 ** (48 + self._below(32))
            bits = float_bits(value_type, (self._bits() - (1 << 63)) / scale)
        else:
            bits = self._bits() >> (64 - WIDTHS[value_type])
        # Which bits an operation makes of other NaNs is left open (spec 3.0 §4.3.3).
        return _CANONICAL_NANS[value_type] if is_nan(value_type, bits) else bits

    def _boundary(self) -> int:
        """An address just inside or outside a memory, seen through some access."""
        sizes = [size for size, _ in self._surface.memories.values()] or [REGION]
        return self._pick(sizes) - self._below(17) - self._pick((0, *self._surface.offsets))

    def pointer_or(self, value_type: ValType) -> int:
        """An aligned address inside the filled region, or any value."""
        if value_type in (I32, I64) and self._below(3):
            return 1024 + self._below(REGION // 2) & -16
        return self.value(value_type)

    def arguments(self) -> tuple[int, ...]:
        """One for each parameter: extremes first, then what is drawn, often with some equal."""
        params = self._surface.params
        if self._number < len(_OPENINGS):
            opening = _OPENINGS[self._number]
            turns = [opening[position % len(opening)] for position in range(len(params))]
            return tuple([_extreme(*each) for each in zip(params, turns, strict=True)])
        kind = self._number % 4
        if kind == 3:
            return tuple([self.pointer_or(each) for each in params])
        drawn = [self.value(each) for each in params]
        if kind:  # one or two numbers for all integers
            few = [self.value(I32) if self._below(2) else self._below(REGION) for _ in (1, 2)]
            for position, value_type in enumerate(params):
                if value_type in (I32, I64):
                    drawn[position] = few[self._below(kind)]
        return tuple(drawn)

    # -- memory ------------------------------------------------------------------------------

    def memory(self, memory: int) -> Iterator[tuple[int, int, bytes]]:
        """Nothing, noise, or addresses and other interesting numbers, by scenario number."""
        size, address_type = self._surface.memories[memory]
        kind = self._number % 4
        if not kind:
            return
        noise = _noise(self._number, memory)
        if kind > 1:
            width = WIDTHS[address_type] // 8
            words = [self._word(address_type).to_bytes(width, "little") for _ in range(_WORDS)]
            noise = b"".join(words) * (REGION // (_WORDS * width))
        yield memory, 0, noise[:size]
        numbers = (*self._surface.offsets, *self._surface.constants.get(address_type, ()))
        far = [each for each in numbers if REGION <= each < size]
        for address in far[:_PATCHES]:
            yield memory, address, noise[: min(_PATCH, size - address)]

    def _word(self, value_type: ValType) -> int:
        """What structures are made of: addresses, small numbers, anything."""
        kind = self._below(4)
        if kind < 2:
            return self._below(1 << 12) & -8
        return self._below(4) if kind == 2 else self.value(value_type)

    # -- calls -------------------------------------------------------------------------------

    def answer(self, call: int, arguments: tuple[int, ...]) -> Answer:
        """The answer to a call; every fifth scenario has a callee that traps."""
        results = tuple([self.value(self._pick(types)) for types in self._surface.results])
        if self._number % 5 == 4 and call == self._number // 5 % 4:
            return Answer(results, Trap())
        quiet = self._number % 3 == 0 or self._below(2)
        return Answer(results, None if quiet else self._effect(arguments))

    def _effect(self, arguments: tuple[int, ...]) -> Effect | None:
        surface = self._surface
        kinds = [SetGlobal] * 2 * bool(surface.changeable) + [Write, Write, Grow] * bool(
            surface.memories
        )
        kind = self._pick([*kinds, *[Throw] * bool(surface.tags), None])
        if kind is SetGlobal:
            index = self._pick(surface.changeable)
            return SetGlobal(index, self.pointer_or(surface.globals[index]))
        if kind is Write:
            memory = self._pick(tuple(surface.memories))
            address = self._pick((0, *arguments)) + self._pick((0, *surface.offsets))
            data = b"".join([self._bits().to_bytes(8, "little") for _ in range(8)])
            return Write(memory, address % surface.memories[memory][0], data)
        if kind is Grow:
            return Grow(self._pick(tuple(surface.memories)))
        return Throw(self._below(surface.tags)) if kind is Throw else None
