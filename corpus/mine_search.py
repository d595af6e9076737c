"""The search for shorter code that does what a window does.

All code is tried, the shortest first, as long as a budget lasts: code that computes the same on
some samples as code that was there before is not followed further. What agrees with the window
on all samples is decided by Z3; an operand for which it does not becomes a sample. What Z3 does
not decide within its resource limit is no replacement.

The functions here are quick forms of `wasmopt.semantics`, for the samples only: what they get
wrong is not found, or not proved.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Literal

import z3
from mine_windows import ANY, BIT, PURE, TRUTH, VALUE, Window, token_size

from wasmopt.domain import to_signed, to_unsigned
from wasmopt.semantics import MEANINGS
from wasmopt.verify.z3_domain import Z3Domain

BUDGET: Final = 60_000
"""Pieces of code that are tried for a window."""
RESOURCES: Final = 2_000_000
"""Of Z3, for a proof."""
ATTEMPTS: Final = 4
"""Times that Z3 is asked about a window."""
MAX_DEPTH: Final = 3
"""Values on the stack."""

BITS: Final = {"i32": 32, "i64": 64}
_CORNERS: Final = (0, 1, -1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)
_RANDOM: Final = 5
"""Samples that are any number."""

Vector = tuple[int, ...]
Value = tuple[str, Vector]
"""The type of a value, and what it is for each sample."""


def _signed(bits: int) -> Callable[[int], int]:
    half, full = 1 << (bits - 1), 1 << bits
    return lambda number: number - full if number >= half else number


def _binary(bits: int) -> dict[str, Callable[[int, int], int]]:
    mask, last, s = (1 << bits) - 1, bits - 1, _signed(bits)
    return {
        "add": lambda a, b: (a + b) & mask,
        "sub": lambda a, b: (a - b) & mask,
        "mul": lambda a, b: (a * b) & mask,
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "shl": lambda a, b: (a << (b & last)) & mask,
        "shr_u": lambda a, b: a >> (b & last),
        "shr_s": lambda a, b: (s(a) >> (b & last)) & mask,
        "rotl": lambda a, b: (a << (b & last) | a >> bits - (b & last)) & mask,
        "rotr": lambda a, b: (a >> (b & last) | a << bits - (b & last)) & mask,
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "lt_u": lambda a, b: a < b,
        "gt_u": lambda a, b: a > b,
        "le_u": lambda a, b: a <= b,
        "ge_u": lambda a, b: a >= b,
        "lt_s": lambda a, b: s(a) < s(b),
        "gt_s": lambda a, b: s(a) > s(b),
        "le_s": lambda a, b: s(a) <= s(b),
        "ge_s": lambda a, b: s(a) >= s(b),
    }


def _unary(bits: int) -> dict[str, Callable[[int], int]]:
    def extend(low: int) -> Callable[[int], int]:
        return lambda a: to_unsigned(bits, to_signed(low, a & ((1 << low) - 1)))

    return {
        "eqz": lambda a: a == 0,
        "clz": lambda a: bits - a.bit_length(),
        "ctz": lambda a: (a & -a).bit_length() - 1 if a else bits,
        "popcnt": lambda a: a.bit_count(),
        "extend8_s": extend(8),
        "extend16_s": extend(16),
    }


_BINARY: Final = {f"{t}.{name}": f for t in BITS for name, f in _binary(BITS[t]).items()}
_UNARY: Final[dict[str, Callable[[int], int]]] = {
    **{f"{t}.{name}": f for t in BITS for name, f in _unary(BITS[t]).items()},
    "i64.extend32_s": lambda a: to_unsigned(64, to_signed(32, a & 0xFFFFFFFF)),
    "i32.wrap_i64": lambda a: a & 0xFFFFFFFF,
    "i64.extend_i32_u": lambda a: a,
    "i64.extend_i32_s": lambda a: to_unsigned(64, to_signed(32, a)),
}


def _result(name: str) -> str:
    return (PURE[name].results or ("",))[0]


def _operand(name: str) -> str:
    return (PURE[name].operands or ("",))[0]


_UNARY_OF: Final = {t: [name for name in _UNARY if _operand(name) == t] for t in BITS}
_BINARY_OF: Final = {
    t: [name for name in _BINARY if _operand(name) == t and not name.endswith("rotr")] for t in BITS
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """Types of what a window takes: from the stack, the deepest first, and from locals."""

    stack: tuple[str, ...]
    locals: tuple[str, ...]


def inputs(window: Window) -> Inputs | None:
    """What a window takes; None where its instructions do not go together."""
    stack: list[str | int] = []
    below: list[str] = []
    names: dict[int, str] = {}

    def pop(wanted: str) -> bool:
        if not stack:
            below.insert(0, wanted)
            return True
        found = stack.pop()
        if isinstance(found, int):
            return names.setdefault(found, wanted) == wanted
        return found == wanted

    for token in window.code:
        name, _, number = token.partition(" ")
        if name == "local.get":
            stack.append(int(number))
        elif number:
            stack.append(name[:3])
        else:
            operands = PURE[name].operands or ()
            if [pop(each) for each in reversed(operands)].count(False):
                return None
            stack.append(_result(name))
    return Inputs(tuple(below), tuple([names[each] for each in sorted(names)]))


def _sample_inputs(window: Window, types: Sequence[str]) -> list[tuple[int, ...]]:
    """Samples: a value for each input."""
    chance = random.Random(0)
    numbers = [int(each.partition(" ")[2]) for each in window.code if ".const" in each]
    near = [number + step for number in numbers for step in (0, 1, -1)]
    near += [-number for number in numbers] + [~number for number in numbers]
    columns = []
    for place, kind in enumerate(types):
        bits = BITS[kind]
        column = [*_CORNERS, -1 << (bits - 1), *near[:12]]
        column += [chance.getrandbits(bits) for _ in range(_RANDOM)]
        if place:
            chance.shuffle(column)
        columns.append([to_unsigned(bits, each) for each in column])
    if window.source != ANY:
        columns[0] = [_ranged(window.source, types[0], each) for each in columns[0]]
    samples = list(zip(*columns, strict=True))
    if len(columns) == 2:
        samples += [(a, a) for a in columns[0][:6]]
    return list(dict.fromkeys(samples))


def _ranged(source: str, kind: str, number: int) -> int:
    """The number as what stands before the window may give it."""
    if source == BIT:
        return number & 1
    low = number & ((1 << int(source[1:])) - 1)
    return to_unsigned(BITS[kind], to_signed(int(source[1:]), low)) if source[0] == "s" else low


def _run(code: Sequence[str], stack: Sequence[Value], values: Sequence[Value]) -> Value:
    done = list(stack)
    for token in code:
        name, _, number = token.partition(" ")
        if name == "local.get":
            done.append(values[int(number)])
        elif number:
            kind = name[:3]
            count = len((stack or values)[0][1])
            done.append((kind, (to_unsigned(BITS[kind], int(number)),) * count))
        elif name in _UNARY:
            done.append((_result(name), _map(name, done.pop()[1])))
        else:
            upper, lower = done.pop()[1], done.pop()[1]
            done.append((_result(name), _map2(name, lower, upper)))
    return done[-1]


def _map(name: str, vector: Vector) -> Vector:
    function = _UNARY[name]
    return tuple([function(each) for each in vector])


def _map2(name: str, lower: Vector, upper: Vector) -> Vector:
    return tuple(map(_BINARY[name], lower, upper))


def _seen_by(sink: str, value: Value) -> Value:
    """What is wanted of a value."""
    kind, vector = value
    if sink == VALUE:
        return value
    if sink == TRUTH:
        return kind, tuple([number != 0 for number in vector])
    mask = (1 << int(sink[3:])) - 1
    return kind, tuple([number & mask for number in vector])


def _constants(window: Window) -> dict[str, list[int]]:
    """Numbers that may be of use, by type, those of the window first and the short ones of them."""
    numbers = [int(each.partition(" ")[2]) for each in window.code if ".const" in each]
    pools = {}
    for kind, bits in BITS.items():
        own = [to_unsigned(bits, each) for each in numbers]
        more = [0, 1, to_unsigned(bits, -1), bits - 1]
        for c in own:
            more += [c, ~c, -c, c + 1, c - 1, bits - c, c * 2, c >> 1]
            more += [c.bit_length(), c.bit_length() - 1, bits - c.bit_length()]
            more += [c.bit_count(), (c & -c).bit_length() - 1]
            more += [to_signed(low, c & ((1 << low) - 1)) for low in (8, 16, 32)]
        for c, d in combinations(own, 2):
            more += [c + d, c - d, d - c, c & d, c | d, c ^ d, c * d]
            for value, count in ((c, d), (d, c)):
                k = count & (bits - 1)
                more += [value << k, value >> k, to_signed(bits, value) >> k]
                more += [value & -(1 << k), value & ((1 << bits) - 1) >> k]
        known = dict.fromkeys([to_signed(bits, to_unsigned(bits, each)) for each in more])
        pools[kind] = sorted(known, key=lambda c: (token_size(f"i32.const {c}"), abs(c), c))
    return pools


_State = tuple[tuple[Value, ...], tuple[str, ...]]
"""A stack, and the code that makes it."""


class Search:
    """The search for one window.

    Args:
        window: with inputs of known types.
        types: these.
        budget: pieces of code to try.
    """

    def __init__(self, window: Window, types: Inputs, budget: int = BUDGET) -> None:
        self._window: Final = window
        self._types: Final = types
        self._budget = budget
        self._constants: Final = _constants(window)
        self._samples: Final = _sample_inputs(window, (*types.stack, *types.locals))

    def run(self) -> tuple[str, ...] | None:
        """The shortest replacement that was found and proved; None if there is none."""
        for _ in range(ATTEMPTS):
            code = self._cheapest()
            if code is None:
                return None
            decided = self._decide(code)
            if decided is True:
                return code
            if decided is None:
                return None
            self._samples.append(decided)
        return None

    def _cheapest(self) -> tuple[str, ...] | None:
        """The shortest code that agrees with the window on the samples."""
        columns = list(zip(*self._samples, strict=True))
        count = len(self._types.stack)
        values: list[Value] = list(
            zip((*self._types.stack, *self._types.locals), columns, strict=True)
        )
        start, self._locals = tuple(values[:count]), values[count:]
        target = _run(self._window.code, start, self._locals)
        self._goal = _seen_by(self._window.sink, target)
        limit = self._window.size - 1
        if self._reached(start):
            return ()
        levels: list[list[_State]] = [[] for _ in range(limit + 1)]
        levels[0].append((start, ()))
        seen = {start}
        for size in range(limit):
            for stack, code in levels[size]:
                for cost, after, tokens in self._moves(stack, limit - size):
                    self._budget -= 1
                    if self._budget < 0:
                        return None
                    if size + cost > limit:
                        continue
                    if self._reached(after):
                        return (*code, *tokens)
                    if size + cost < limit and after not in seen:
                        seen.add(after)
                        levels[size + cost].append((after, (*code, *tokens)))
        return None

    def _reached(self, stack: tuple[Value, ...]) -> bool:
        return (
            len(stack) == 1
            and stack[0][0] == self._goal[0]
            and _seen_by(self._window.sink, stack[0]) == self._goal
        )

    def _moves(
        self, stack: tuple[Value, ...], left: int
    ) -> Iterator[tuple[int, tuple[Value, ...], tuple[str, ...]]]:
        """What code may go on with: bytes, the stack behind it, instructions."""
        last_move = left < 3
        if stack:
            *below, (kind, top) = stack
            rest = tuple(below)
            for name in _UNARY_OF[kind]:
                yield 1, (*rest, (_result(name), _map(name, top))), (name,)
            if below and below[-1][0] == kind:
                for name in _BINARY_OF[kind]:
                    made = (_result(name), _map2(name, below[-1][1], top))
                    yield 1, (*rest[:-1], made), (name,)
            if not last_move:
                yield from self._constant_moves(rest, kind, top, left)
        if len(stack) < MAX_DEPTH and left > 2:
            for place, value in enumerate(self._locals):
                yield 2, (*stack, value), (f"local.get {place}",)
            if self._locals:
                for constant in (0, 1, -1):
                    for kind, bits in BITS.items():
                        vector = (to_unsigned(bits, constant),) * len(self._samples)
                        token = f"{kind}.const {constant}"
                        yield 2, (*stack, (kind, vector)), (token,)

    def _constant_moves(
        self, rest: tuple[Value, ...], kind: str, top: Vector, left: int
    ) -> Iterator[tuple[int, tuple[Value, ...], tuple[str, ...]]]:
        bits = BITS[kind]
        for constant in self._constants[kind]:
            token = f"{kind}.const {constant}"
            cost = token_size(token) + 1
            if cost > left:
                break
            number = to_unsigned(bits, constant)
            last = cost == left and not rest and self._window.sink == VALUE
            for name in _BINARY_OF[kind]:
                function = _BINARY[name]
                if last and function(top[0], number) != self._goal[1][0]:
                    self._budget -= 1
                    continue
                vector = tuple([function(each, number) for each in top])
                yield cost, (*rest, (_result(name), vector)), (token, name)

    def _decide(self, code: tuple[str, ...]) -> Literal[True] | tuple[int, ...] | None:
        """Whether code and window agree for all inputs: True, inputs for which not, or None."""
        domain = Z3Domain(None)
        types = (*self._types.stack, *self._types.locals)
        names = [z3.BitVec(f"x{place}", BITS[kind]) for place, kind in enumerate(types)]
        count = len(self._types.stack)
        sides = []
        for each in (self._window.code, code):
            value = _symbolic(domain, each, names[:count], names[count:])
            sides.append(_symbolically_seen(self._window.sink, value))
        solver = z3.SolverFor("QF_BV")
        solver.set("rlimit", RESOURCES)
        if self._window.source != ANY:
            solver.add(_in_range(self._window.source, names[0]))
        solver.add(sides[0] != sides[1])
        answer = solver.check()
        if answer == z3.unsat:
            return True
        if answer != z3.sat:
            return None
        model = solver.model()
        return tuple([model.eval(each, model_completion=True).as_long() for each in names])


def _symbolic(domain: Any, code: Sequence[str], stack: list[Any], values: list[Any]) -> Any:
    done = list(stack)
    for token in code:
        name, _, number = token.partition(" ")
        if name == "local.get":
            done.append(values[int(number)])
        elif number:
            done.append(z3.BitVecVal(int(number), BITS[name[:3]]))
        else:
            operands = [done.pop() for _ in PURE[name].operands or ()][::-1]
            done.append(MEANINGS[name].value(domain, *operands))
    return done[-1]


def _symbolically_seen(sink: str, value: Any) -> Any:
    if sink == VALUE:
        return value
    if sink == TRUTH:
        return value != 0
    return z3.Extract(int(sink[3:]) - 1, 0, value)


def _in_range(source: str, name: Any) -> Any:
    if source == BIT:
        return z3.ULT(name, 2)
    low, bits = int(source[1:]), name.size()
    extend = z3.SignExt if source[0] == "s" else z3.ZeroExt
    return name == extend(bits - low, z3.Extract(low - 1, 0, name))
