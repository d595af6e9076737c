"""Runs a whole module: an instance of its own, imports that answer as they are told, some calls.

What is noted is all that a host sees: how instantiation and each call end, what they return, each
call of an import with its arguments, and afterwards the memories, globals and tables that the host
has a hand on.  Two notes of one experiment on two modules can be compared.

A run that meets what is not observed (fuel, the stack, memory that the system does not give) or
what cannot be made up (an import of a kind that Python cannot make) is *open* from there on:
nothing behind that point says anything.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import wasmtime

from wasmopt.verify.host import View, first_difference, fuelled_engine

FUEL: Final = 5_000_000
"""Instructions of one call, about."""
MAX_HOST_CALLS: Final = 500
MAX_MEMORY_BYTES: Final = 1 << 28
MAX_ENTRIES: Final = 1 << 16
_WIDTHS: Final = {"i32": 32, "i64": 64, "f32": 32, "f64": 64}
_FLOATS: Final = {"f32": ("<f", "<I"), "f64": ("<d", "<Q")}
_UNOBSERVED: Final = (wasmtime.TrapCode.OUT_OF_FUEL, wasmtime.TrapCode.STACK_OVERFLOW)
NAN: Final = "nan"


@dataclass(frozen=True, slots=True)
class Argument:
    """A number, as its type and bits."""

    type: str
    bits: int


@dataclass(frozen=True, slots=True)
class ExportCall:
    """A call of an export."""

    export: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class MemoryBytes:
    """What the host writes into an exported memory before the first call."""

    export: str
    address: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is done with an instance.

    Attributes:
        memory: what is written before the first call.
        calls: the calls, in order.
        answers: bits of the results of imported functions, one number for each call of any;
            further calls get 0.
    """

    memory: tuple[MemoryBytes, ...] = ()
    calls: tuple[ExportCall, ...] = ()
    answers: tuple[int, ...] = ()


class _OpenError(Exception):
    """From here on nothing can be said."""


@dataclass(slots=True)
class Note:
    """What was seen of one run.

    Attributes:
        events: in order, each as a line.
        open: whether more may have happened.
        state: what the host can look at afterwards, by name; none in an open run.
        memories: the same for memories.
    """

    events: list[str] = field(default_factory=list)
    open: bool = False
    state: dict[str, str] = field(default_factory=dict)
    memories: dict[str, View] = field(default_factory=dict)


class Subject:
    """A module that experiments can be made with.

    Attributes:
        exports: the functions that take numbers alone, each with the types of its parameters.
        memories: names of the exported memories.
        imports_functions: whether it has any answers to ask for.

    Raises:
        wasmtime.WasmtimeError: it cannot be compiled.
    """

    def __init__(self, binary: bytes, *, canonical_nans: bool = True) -> None:
        self._engine: Final = fuelled_engine(canonical_nans=canonical_nans)
        self._module: Final = wasmtime.Module(self._engine, binary)
        self.exports: Final[dict[str, tuple[str, ...]]] = {}
        self.memories: Final[list[str]] = []
        for each in self._module.exports:
            if isinstance(each.type, wasmtime.FuncType):
                params = tuple(map(str, each.type.params))
                if all(param in _WIDTHS for param in params):
                    self.exports[each.name] = params
            elif isinstance(each.type, wasmtime.MemoryType):
                self.memories.append(each.name)
        self.imports_functions: Final = any(
            isinstance(each.type, wasmtime.FuncType) for each in self._module.imports
        )

    def run(self, experiment: Experiment) -> Run:
        """Make the experiment; close the result after use."""
        run = Run(self._engine, self._module, experiment)
        try:
            run.execute()
        except BaseException:
            run.close()
            raise
        return run


class Run:
    """One experiment with one module.

    Attributes:
        note: what was seen.
    """

    def __init__(
        self, engine: wasmtime.Engine, module: wasmtime.Module, experiment: Experiment
    ) -> None:
        self.note = Note()
        self._module: Final = module
        self._experiment: Final = experiment
        self._answered = 0
        self._store: Final = wasmtime.Store(engine)
        self._store.set_limits(memory_size=MAX_MEMORY_BYTES, table_elements=MAX_ENTRIES)
        self._seen: Final[dict[str, Any]] = {}

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the instance."""
        self._store.close()

    def execute(self) -> None:
        """Instantiate and call."""
        try:
            self._execute()
            self._look()
        except _OpenError:
            self.note.open = True

    def _execute(self) -> None:
        events = self.note.events
        self._store.set_fuel(FUEL)
        imports = [self._import(each) for each in self._module.imports]
        try:
            instance = wasmtime.Instance(self._store, self._module, imports)
        except wasmtime.Trap as trap:
            events.append(_trapped("instantiation", trap))
            return
        except wasmtime.WasmtimeError:
            raise _OpenError from None
        events.append("instantiation succeeds")
        exports: dict[str, Any] = dict(instance.exports(self._store).items())
        self._seen.update({f"export {name}": each for name, each in exports.items()})
        for patch in self._experiment.memory:
            memory = exports.get(patch.export)
            if isinstance(memory, wasmtime.Memory):
                View(self._store, memory).write(patch.address, patch.data)
        for call in self._experiment.calls:
            events.append(self._call(call, exports.get(call.export)))

    def _call(self, call: ExportCall, function: Any) -> str:
        if not isinstance(function, wasmtime.Func):
            return f"{call.export} is no function"
        types = tuple(map(str, function.type(self._store).params))
        if types != tuple([each.type for each in call.arguments]):
            return f"{call.export} takes ({' '.join(types)})"
        self._store.set_fuel(FUEL)
        values = [_value(each.type, each.bits) for each in call.arguments]
        try:
            result = function(self._store, *values)
        except wasmtime.Trap as trap:
            return _trapped(call.export, trap)
        except wasmtime.WasmtimeError:
            raise _OpenError from None
        results = result if isinstance(result, list) else [] if result is None else [result]
        types = tuple(map(str, function.type(self._store).results))
        if len(results) != len(types):  # one result that is a null reference
            results = [None] * len(types)
        shown = [_shown(name, value) for name, value in zip(types, results, strict=True)]
        return f"{call.export} returns ({', '.join(shown)})"

    def _look(self) -> None:
        """Note what the host can look at."""
        for name, each in self._seen.items():
            if isinstance(each, wasmtime.Memory):
                self.note.memories[name] = View(self._store, each)
            elif isinstance(each, wasmtime.Global):
                kind = str(each.type(self._store).content)
                self.note.state[name] = _shown(kind, each.value(self._store))
            elif isinstance(each, wasmtime.Table):
                self.note.state[name] = f"{each.size(self._store)} entries"

    # -- imports -----------------------------------------------------------------------------

    def _import(self, entry: Any) -> Any:
        """Something to import."""
        kind, name = entry.type, f"{entry.module}.{entry.name}"
        try:
            if isinstance(kind, wasmtime.FuncType):
                return wasmtime.Func(self._store, kind, self._host_function(name, kind))
            if isinstance(kind, wasmtime.MemoryType):
                made: Any = wasmtime.Memory(self._store, kind)
            elif isinstance(kind, wasmtime.TableType):
                made = wasmtime.Table(self._store, kind, None)
            elif isinstance(kind, wasmtime.GlobalType):
                made = wasmtime.Global(self._store, kind, self._first_value(str(kind.content)))
            else:
                raise _OpenError
        except (wasmtime.WasmtimeError, TypeError, ValueError):
            raise _OpenError from None
        self._seen[f"import {name}"] = made
        return made

    def _first_value(self, kind: str) -> Any:
        makers: dict[str, Any] = {
            "i32": wasmtime.Val.i32,
            "i64": wasmtime.Val.i64,
            "f32": wasmtime.Val.f32,
            "f64": wasmtime.Val.f64,
        }
        if kind not in makers:
            raise _OpenError
        # Imported globals mostly are addresses: above the first data, below the end of a page.
        return makers[kind](1024)

    def _host_function(self, name: str, kind: wasmtime.FuncType) -> Any:
        params, results = [tuple(map(str, each)) for each in (kind.params, kind.results)]

        def called(*arguments: Any) -> Any:
            events = self.note.events
            if self._answered >= MAX_HOST_CALLS:
                raise _OpenError
            pairs = zip(params, arguments, strict=True)
            events.append(f"calls {name}({', '.join([_shown(*pair) for pair in pairs])})")
            answers = self._experiment.answers
            bits = answers[self._answered] if self._answered < len(answers) else 0
            self._answered += 1
            values = [_value(each, bits) for each in results]
            return values if len(values) > 1 else values[0] if values else None

        return called


def _trapped(what: str, trap: wasmtime.Trap) -> str:
    if trap.trap_code in _UNOBSERVED:
        raise _OpenError
    return f"{what} traps"


def _value(kind: str, bits: int) -> Any:
    """A value as wasmtime takes it; null for a reference."""
    width = _WIDTHS.get(kind)
    if width is None:
        return None
    bits &= (1 << width) - 1
    if kind in _FLOATS:
        number, integer = _FLOATS[kind]
        return struct.unpack(number, struct.pack(integer, bits))[0]
    return bits - (1 << width) if bits >> (width - 1) else bits


def _shown(kind: str, value: Any) -> str:
    """A value as text that is equal for equal bits, all NaNs being one."""
    if kind in _FLOATS:
        return NAN if math.isnan(value) else repr(value)
    if kind in _WIDTHS:
        return str(value)
    return "null" if value is None else "reference"


def difference(first: Note, second: Note) -> str | None:
    """What two runs of one experiment show to be different, None for nothing."""
    for one, other in zip(first.events, second.events, strict=False):
        if one != other:
            return f"{one} before, {other} after"
    if first.open or second.open:
        return None
    if len(first.events) != len(second.events):
        longer = max(first.events, second.events, key=len)
        event = longer[min(len(first.events), len(second.events))]
        return f"{event} {'before' if longer is first.events else 'after'} only"
    return next(_state_differences(first, second), None)


def _state_differences(first: Note, second: Note) -> Iterator[str]:
    for name, value in first.state.items():
        if second.state.get(name, value) != value:
            yield f"{name}: {value} before, {second.state[name]} after"
    for name, view in first.memories.items():
        other = second.memories.get(name)
        if other is None:
            continue
        if view.pages != other.pages:
            yield f"{name}: {view.pages} pages before, {other.pages} after"
            continue
        address = first_difference(view, other)
        if address is not None:
            bytes_ = [each.read(address, 1).hex() for each in (view, other)]
            yield f"{name} at {address:#x}: {bytes_[0]} before, {bytes_[1]} after"
