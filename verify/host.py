"""Runs a harness in wasmtime, and compares what two runs left behind.

Each run has an instance of its own, so it depends on nothing but its scenario.  Memories may be
large while runs touch little of them: the operating system says which pages were touched, and only
these are compared.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import wasmtime

from wasmopt.types import ValType
from wasmopt.validate import every_proposal
from wasmopt.verify.crossing import SLOT, SLOT_LOG2
from wasmopt.verify.harness import Harness
from wasmopt.verify.harness_code import WATCHED_ENTRIES
from wasmopt.verify.scenarios import (
    WIDTHS,
    Answer,
    Grow,
    Scenario,
    SetGlobal,
    Throw,
    Trap,
    Write,
)
from wasmopt.verify.stubs import Stub

RETURNS: Final = "returns"
TRAPS: Final = "traps"
THROWS: Final = "throws"
UNFINISHED: Final = "runs on"

MAX_CALLS: Final = 64
"""Calls that a run may make."""
_GROWTH_BYTES: Final = 1 << 20
_GROWTH_ENTRIES: Final = 1 << 10
"""How far memories and tables may grow beyond the largest of them."""
_PLENTY: Final = 1 << 30
"""Fuel for the harness's own functions."""
_INCONCLUSIVE: Final = (wasmtime.TrapCode.OUT_OF_FUEL, wasmtime.TrapCode.STACK_OVERFLOW)


class _CallLimitError(Exception):
    """The run makes too many calls."""


class _CalleeTrap(Exception):  # noqa: N818 - no error
    """A stub traps as the scenario wants it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a run made.

    Attributes:
        stub: what was called.
        arguments: bits of each.
        globals: what the mentioned globals held, by index.
        answer: the scenario's.
    """

    stub: Stub
    arguments: tuple[int, ...]
    globals: dict[int, int]
    answer: Answer


@cache
def fuelled_engine(*, canonical_nans: bool) -> wasmtime.Engine:
    """The engine in which versions are run, with every proposal and with fuel."""
    config = every_proposal()
    config.consume_fuel = True
    config.cranelift_opt_level = "none"
    config.cranelift_nan_canonicalization = canonical_nans
    # Threads of the compiler would not survive a fork into worker processes.
    config.parallel_compilation = False
    return wasmtime.Engine(config)


class Machine:
    """A compiled harness.

    Attributes:
        harness: what was compiled.

    Raises:
        wasmtime.WasmtimeError: it is not valid.
    """

    def __init__(self, harness: Harness, binary: bytes, *, fuel: int, canonical_nans: bool) -> None:
        self.harness: Final = harness
        self.fuel: Final = fuel
        self.engine: Final = fuelled_engine(canonical_nans=canonical_nans)
        self.module: Final = wasmtime.Module(self.engine, binary)
        # A type belongs to the engine it is first used with.
        i32 = wasmtime.ValType.i32()
        self.host_type: Final = wasmtime.FuncType([i32], [i32])

    def run(self, version: int, scenario: Scenario) -> Run:
        """Run version 0 or 1; close the result after use."""
        run = Run(self, scenario)
        try:
            run.execute(version)
        except BaseException:
            run.close()
            raise
        return run


@dataclass(slots=True)
class View:
    """A memory of a running instance."""

    store: wasmtime.Store
    memory: wasmtime.Memory

    def __len__(self) -> int:
        return self.memory.data_len(self.store)

    @property
    def pages(self) -> int:
        """Its size in pages."""
        return self.memory.size(self.store)

    def address(self) -> int:
        """Where it lies in this process; it may move when it grows."""
        return ctypes.addressof(self.memory.data_ptr(self.store).contents)

    def read(self, start: int, length: int) -> bytes:
        """As much as there is."""
        length = min(length, len(self) - start)
        return ctypes.string_at(self.address() + start, length) if length > 0 else b""

    def write(self, start: int, data: bytes) -> None:
        """Write as much as fits."""
        length = min(len(data), len(self) - start)
        if length > 0:
            ctypes.memmove(self.address() + start, data, length)


class Run:
    """A run and what it left behind.

    Attributes:
        end: `RETURNS`, `TRAPS`, `THROWS` or `UNFINISHED`.
        tag: what it throws; -1 when that is not known.
        results: bits of each result, or of the values thrown.
        calls: what it called.
        globals: bits of the mentioned globals at the end, by index.
    """

    def __init__(self, machine: Machine, scenario: Scenario) -> None:
        self.end = UNFINISHED
        self.tag = -1
        self.results: tuple[int, ...] = ()
        self.calls: list[Call] = []
        self.globals: dict[int, int] = {}
        harness = machine.harness
        store = wasmtime.Store(machine.engine)
        store.set_limits(
            memory_size=harness.memory_bytes + _GROWTH_BYTES,
            table_elements=harness.entries + _GROWTH_ENTRIES,
        )
        store.set_fuel(_PLENTY)
        host = wasmtime.Func(store, machine.host_type, self._called)
        instance = wasmtime.Instance(store, machine.module, [host])
        self._machine: Final = machine
        self._scenario: Final = scenario
        self._harness: Final = harness
        self._store: Final = store
        self._exports: Final[dict[str, Any]] = dict(instance.exports(store).items())
        self._io: Final = View(store, self._exports["io"])
        self._numbers: dict[bytes, int] = {}

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the instance: the callback in it keeps this object alive and is kept alive by it."""
        self._store.close()

    # -- running -----------------------------------------------------------------------------

    def execute(self, version: int) -> None:
        """Run a version from the scenario's state."""
        harness, scenario = self._harness, self._scenario
        for memory, address, data in scenario.memory:
            self.memory(memory).write(address, data)
        for place in harness.globals:
            if place.index in harness.surface.globals:
                bits = scenario.globals.get(place.index, 0)
                self._hand_in(place.type, place.address, bits)
        self._exports["setup"](self._store)
        for position, value_type in enumerate(harness.signature.params):
            bits = scenario.arguments.get(position, 0)
            self._hand_in(value_type, position * SLOT, bits)
        self._store.set_fuel(self._machine.fuel)
        try:
            status = self._exports[f"run{version}"](self._store)
        except wasmtime.Trap as trap:
            if trap.trap_code in _INCONCLUSIVE:
                return
            self.end = TRAPS
        except _CalleeTrap:
            self.end = TRAPS
        except (_CallLimitError, wasmtime.WasmtimeError):
            return
        else:
            self._returned(status)
        self._store.set_fuel(_PLENTY)
        self._exports["save"](self._store)
        self.globals = self._read_globals()

    def _returned(self, status: int) -> None:
        types = self._harness.signature.results
        self.end = RETURNS
        if status:
            self.end = THROWS
            self.tag = status - 1 if status > 0 else -1
            types = self._harness.tags[self.tag].params if status > 0 else ()
        self.results = self._hand_out_all(types)

    def _called(self, number: int) -> int:
        """A stub was called: log that and do as the scenario says."""
        if len(self.calls) == MAX_CALLS:
            raise _CallLimitError
        stub = self._harness.stubs[number]
        answer = self._scenario.answer(len(self.calls))
        arguments = self._hand_out_all(stub.type.params)
        self.calls.append(Call(stub, arguments, self._read_globals(), answer))
        types, status = stub.type.results, 0
        match answer.effect:
            case Trap():
                raise _CalleeTrap
            case SetGlobal(index, bits):
                for place in self._harness.globals:
                    if place.index == index:
                        self._hand_in(place.type, place.address, bits)
            case Write(memory, address, data):
                self.memory(memory).write(address, data)
            case Grow(memory):
                self._grow(memory)
            case Throw(tag):
                types, status = self._harness.tags[tag].params, tag + 1
        for position, value_type in enumerate(types):
            bits = answer.results[position] if position < len(answer.results) else 0
            self._hand_in(value_type, position * SLOT, bits)
        return status

    def _grow(self, memory: int) -> None:
        try:
            self.memory(memory).memory.grow(self._store, 1)
        except wasmtime.WasmtimeError:
            return  # it is as large as it may be

    # -- values ------------------------------------------------------------------------------

    def _hand_in(self, value_type: ValType, address: int, bits: int) -> None:
        self._io.write(address, self._harness.fit(value_type, bits).to_bytes(SLOT, "little"))

    def _hand_out(self, value_type: ValType, address: int) -> int:
        if self._harness.is_function(value_type):
            return self._function(self._exports["slots"].get(self._store, address >> SLOT_LOG2))
        width = WIDTHS.get(value_type, 32)
        return int.from_bytes(self._io.read(address, width // 8), "little")

    def _hand_out_all(self, types: tuple[ValType, ...]) -> tuple[int, ...]:
        return tuple([self._hand_out(each, slot * SLOT) for slot, each in enumerate(types)])

    def _read_globals(self) -> dict[int, int]:
        places = self._harness.globals
        return {place.index: self._hand_out(place.type, place.address) for place in places}

    def _function(self, reference: Any) -> int:
        """The number of a function of the harness; 0 for null."""
        if not isinstance(reference, wasmtime.Func):
            return 0
        if not self._numbers:
            table = self._exports["functions"]
            for number in range(1, len(self._harness.stubs) + 1):
                # The address of a function is its identity within one instance.
                self._numbers[bytes(table.get(self._store, number)._func)] = number
        return self._numbers.get(bytes(reference._func), -1)

    # -- what is left behind -----------------------------------------------------------------

    def memory(self, index: int) -> View:
        """A mentioned memory."""
        return View(self._store, self._exports[f"memory {index}"])

    def table(self, index: int) -> list[int]:
        """The size of a mentioned table, then its first entries as numbers."""
        table = self._exports[f"table {index}"]
        size = table.size(self._store)
        watched = min(size, WATCHED_ENTRIES)
        for each in self._harness.watched:
            if each.index == index:
                self._exports["dump"](self._store)
                slots = range(each.address, each.address + watched * SLOT, SLOT)
                return [size, *[self._hand_out(each.type.element, slot) for slot in slots]]
        if self._harness.is_function(self._harness.table_element(index)):
            entries = [table.get(self._store, entry) for entry in range(watched)]
            return [size, *map(self._function, entries)]
        return [size]


def first_difference(first: View, second: View) -> int | None:
    """The lowest address at which two memories of the same size differ."""
    length = len(first)
    if not length:
        return None
    addresses = [each.address() for each in (first, second)]
    some, others = [_touched_pages(address, length) for address in addresses]
    either = int.from_bytes(some) | int.from_bytes(others)
    for first_page, last_page in _runs(either.to_bytes(len(some))):
        start, stop = first_page * mmap.PAGESIZE, min(last_page * mmap.PAGESIZE, length)
        one, other = [ctypes.string_at(address + start, stop - start) for address in addresses]
        if one != other:
            pairs = enumerate(zip(one, other, strict=True), start)
            return next(address for address, (left, right) in pairs if left != right)
    return None


def _runs(flags: bytes) -> Iterator[tuple[int, int]]:
    """Where runs of bytes that are 1 start and stop, in pieces of at most 256."""
    start = flags.find(1)
    while start >= 0:
        stop = flags.find(0, start, start + 256)
        if stop < 0:
            stop = min(start + 256, len(flags))
        yield start, stop
        start = flags.find(1, stop)


@cache
def _mincore() -> Any:
    """The system's `mincore`, None where there is none."""
    try:
        function = ctypes.CDLL(None).mincore
    except (TypeError, OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    return function


def _touched_pages(address: int, length: int) -> bytes:
    """One byte a page, 1 where it may have been read or written."""
    pages = -(-length // mmap.PAGESIZE)
    flags = ctypes.create_string_buffer(pages)
    ask = _mincore()
    if ask is None or address % mmap.PAGESIZE or ask(address, length, flags) != 0:
        return b"\1" * pages
    return flags.raw.translate(_LOWEST_BIT)


_LOWEST_BIT: Final = bytes([value & 1 for value in range(256)])
