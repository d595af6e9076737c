"""Runs two versions of one function in wasmtime and compares everything a caller could see.

The function is taken out of its module: memories, tables, globals and segments stay, every other
function becomes a stub that logs its arguments and a digest of the state, changes memories
and globals at random, and returns random values, all by the order of calls.  Values cross the
border to Python as i64 bits, so that NaN payloads and vectors are compared too.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from random import Random
from typing import Any

import wasmtime

from tests.verify.surroundings import CALLED, LOG, NEXT, CannotRunError, Surroundings
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.module import Kind, Module, Signatures
from wasmopt.types import F32, F64, I32, I64, V128, ValType
from wasmopt.validate import every_proposal

FUEL = 100_000
"""Instructions, about, that one run may take."""
MAX_CALLS = 20
GROWTH = 1 << 18
"""Bytes that memories, and heaps of collected objects, may grow."""
DIGESTED = 1 << 16
"""Bytes of each memory that are digested at every call; all of it is, at the end."""

INTERESTING = [0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 1000, 65535, 65536]
FLOATS = {
    F32: [0, 1 << 31, 0x3F800000, 0xBF800000, 0x3F000000, 0x7F800000, 0x7FC00000, 0x4F000000],
    F64: [
        0,
        1 << 63,
        0x3FF << 52,
        0xBFF << 52,
        0x3FE << 52,
        0x7FF << 52,
        0x7FF8 << 48,
        0x43E << 52,
    ],
}


__all__ = ["CannotRunError", "Outcome", "differs"]


class _CallLimitError(Exception):
    pass


@dataclass
class Outcome:
    """What one run showed.

    Attributes:
        end: "returns", "traps", or "runs on" when fuel ran out.
        log: calls with their arguments and the state they saw; the results last.
        state: digests of memories, values of globals, sizes of tables.
    """

    end: str
    log: list[Any] = field(default_factory=list)
    state: list[Any] = field(default_factory=list)


def differs(
    module: Module, before: Function, after: Function, seed: int = 0, tries: int = 24
) -> str | None:
    """The first difference that `tries` runs of both versions show, or None.

    Raises:
        CannotRunError: the module needs something that cannot be made up.
    """
    index = len(module.imported(Kind.FUNCTION)) + module.functions.index(before)
    program = compiled(module, after, index)
    for attempt in range(tries):
        expected = _known_outcome(module, before, index, seed * 1000 + attempt)
        found = run(module, program, after, seed * 1000 + attempt)
        difference = _difference(expected, found)
        if difference is not None and "runs on" in (expected.end, found.end):
            # Perhaps one was only a little slower.
            both = [
                run(module, compiled(module, each, index), each, seed * 1000 + attempt, 10 * FUEL)
                for each in (before, after)
            ]
            difference = _difference(*both)
        if difference is not None:
            return f"run {attempt}: {difference}"
    return None


def _difference(expected: Outcome, found: Outcome) -> str | None:
    if "runs on" in (expected.end, found.end):
        common = min(len(expected.log), len(found.log))
        if expected.end == found.end and expected.log[:common] == found.log[:common]:
            return None
    for what in ("end", "log", "state"):
        one, other = getattr(expected, what), getattr(found, what)
        if one != other:
            return f"{what}: {one} against {other}"
    return None


@lru_cache(maxsize=4096)
def _known_outcome(module: Module, function: Function, index: int, seed: int) -> Outcome:
    return run(module, compiled(module, function, index), function, seed)


@cache
def engine() -> wasmtime.Engine:
    """One with fuel."""
    config = every_proposal()
    config.consume_fuel = True
    config.cranelift_opt_level = "none"
    # Many instances live until they are collected; by default each reserves gigabytes.
    config.memory_reservation = 1 << 20
    config.memory_guard_size = 1 << 16
    return wasmtime.Engine(config)


def run(
    module: Module, program: wasmtime.Module, function: Function, seed: int, fuel: int = FUEL
) -> Outcome:
    """One run with arguments, memories and globals made from `seed`."""
    random = Random(seed)
    outcome = Outcome("")
    store = wasmtime.Store(engine())
    store.set_fuel(1 << 40)
    initial = max([limits.minimum for limits in Signatures(module).memories], default=0) << 16
    store.set_limits(memory_size=initial + GROWTH, table_elements=1 << 12)
    exports = wasmtime.Instance(store, program, []).exports(store)
    state = _State(module, store, exports, outcome, random)
    _set_hooks(store, exports["hooks"], state)
    if random.random() < 0.7:
        state.disturb()
    params = Signatures(module).func_type(function.type_index).params
    arguments = [bits for each in params for bits in _argument(each, random)]
    store.set_fuel(fuel)
    entry = exports["run"]
    assert isinstance(entry, wasmtime.Func)
    try:
        entry(store, *arguments)
        outcome.end = "returns"
    except _CallLimitError:
        outcome.end = "call limit"
    except (wasmtime.Trap, wasmtime.WasmtimeError):
        outcome.end = "traps" if store.get_fuel() else "runs on"
    outcome.state = state.digest(whole=True)
    store.close()
    return outcome


class _State:
    """What the function can read and write besides its locals."""

    def __init__(
        self, module: Module, store: wasmtime.Store, exports: Any, outcome: Outcome, random: Random
    ) -> None:
        signatures = Signatures(module)
        self.store, self.outcome, self.random = store, outcome, random
        self.memories = [exports[f"memory {i}"] for i, _ in enumerate(signatures.memories)]
        self.tables = [exports[f"table {i}"] for i, _ in enumerate(signatures.tables)]
        self.globals = [
            (each.value, exports[f"global {i}"])
            for i, each in enumerate(signatures.globals)
            if each.mutable and each.value in (I32, I64, F32, F64)
        ]
        self.calls = 0

    def digest(self, whole: bool = False) -> list[Any]:
        """Everything that can be compared."""
        contents = [
            zlib.crc32(memory.read(self.store, 0, None if whole else DIGESTED))
            for memory in self.memories
        ]
        sizes = [memory.size(self.store) for memory in self.memories]
        values = [repr(each.value(self.store)) for _, each in self.globals]
        return [contents, sizes, values, [table.size(self.store) for table in self.tables]]

    def disturb(self) -> None:
        """Change memories and globals as a host might."""
        random = self.random
        for memory in self.memories:
            size = memory.data_len(self.store)
            for _ in range(4 if size else 0):
                patch = random.randbytes(random.choice([1, 4, 8, 64]))
                start = random.randrange(min(size, random.choice([64, 2048, 1 << 16])))
                memory.write(self.store, patch[: size - start], start)
        for value_type, variable in self.globals:
            if random.random() < 0.3 and value_type in (I32, I64):
                (bits,) = _argument(value_type, random)
                variable.set_value(self.store, _signed(bits, 32) if value_type == I32 else bits)

    def called(self, index: int) -> None:
        """A stub was called; its arguments are in the log already."""
        self.outcome.log.append(("call", index, self.digest()))
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise _CallLimitError
        self.disturb()


def _set_hooks(store: wasmtime.Store, table: Any, state: _State) -> None:
    i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
    log, made = state.outcome.log.append, lambda: _argument(I64, state.random)[0]
    table.set(store, LOG, wasmtime.Func(store, wasmtime.FuncType([i64], []), log))
    table.set(store, CALLED, wasmtime.Func(store, wasmtime.FuncType([i32], []), state.called))
    table.set(store, NEXT, wasmtime.Func(store, wasmtime.FuncType([], [i64]), made))


def _signed(bits: int, width: int) -> int:
    bits &= (1 << width) - 1
    return bits - (1 << width) if bits >> (width - 1) else bits


def _argument(value_type: ValType, random: Random) -> list[int]:
    """The bits of a value, in one or two i64."""
    if value_type == V128:
        return _argument(I64, random) + _argument(I64, random)
    if value_type in FLOATS and random.random() < 0.7:
        return [_signed(random.choice(FLOATS[value_type]), 64)]
    kind = random.random()
    if kind < 0.4:
        bits = random.choice(INTERESTING) * random.choice([1, 1, 1, 1, 1, -1])
    elif kind < 0.8:
        bits = random.randrange(1 << 16)
    elif kind < 0.9:
        bits = random.choice([0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32, 1 << 63])
    else:
        bits = random.getrandbits(64)
    return [_signed(bits, 64)]


@lru_cache(maxsize=64)
def compiled(module: Module, function: Function, index: int) -> wasmtime.Module:
    """The function with stubs around it, as a program of its own."""
    return wasmtime.Module(engine(), encode(Surroundings(module).around(function)))
