"""Runs a random module in wasmtime and writes down everything that its host can see."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import wasmtime

from tests.verify.execution import engine

FUEL: Final = 20_000
"""Instructions, about, for all calls of one module together."""
ROUNDS: Final = 3
"""Times that every exported function is called, with other arguments each time."""
_INTERESTING: Final = (0, 1, -1, 2, 7, 100, 255, 65535, 1 << 31, (1 << 31) - 1)
_FLOATS: Final = (0.0, -0.0, 1.0, -1.5, 3e9, float("inf"), float("nan"), 1e-310)


@dataclass
class Seen:
    """What a host saw, in order; `complete` unless fuel or stack ran out at the end of it."""

    events: list[Any] = field(default_factory=list)
    complete: bool = True


def observe(binary: bytes, seed: int = 0) -> Seen:
    """Instantiate a module and call everything it exports, with arguments made from the seed."""
    seen = Seen()
    store = wasmtime.Store(engine())
    store.set_fuel(FUEL)
    program = wasmtime.Module(engine(), binary)
    host = _Host(store, seen, Random(seed))
    try:
        instance = wasmtime.Instance(store, program, [host.item(each) for each in program.imports])
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        host.failed(error)
    else:
        host.exports = dict(instance.exports(store).items())
        _call_all(host, program)
    store.close()
    return seen


def difference(before: Seen, after: Seen) -> str | None:
    """The first event in which two runs differ, or None; behind the end of fuel nothing counts."""
    pairs = list(zip(before.events, after.events, strict=False))
    for number, (one, other) in enumerate(pairs):
        if one != other:
            return f"event {number}: {one} against {other}"
    if before.complete and after.complete and len(before.events) != len(after.events):
        longer = max(before.events, after.events, key=len)
        return f"only one goes on with {longer[len(pairs)]}"
    return None


def _call_all(host: _Host, program: wasmtime.Module) -> None:
    functions = [
        (each.name, each.type.params)
        for each in program.exports
        if isinstance(each.type, wasmtime.FuncType)
    ]
    for _ in range(ROUNDS):
        for name, params in functions:
            arguments = [host.argument(kind) for kind in params]
            try:
                results = host.exports[name](host.store, *arguments)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                if not host.failed(error):
                    return
            else:
                host.tell("returns", name, _bits(results))
            host.tell("state", host.state())


class _Host:
    """What the module imports, and how the host looks at it and changes it."""

    def __init__(self, store: wasmtime.Store, seen: Seen, random: Random) -> None:
        self.store, self.seen, self.random = store, seen, random
        self.exports: dict[str, Any] = {}
        self.memory: wasmtime.Memory | None = None

    def tell(self, *event: Any) -> None:
        self.seen.events.append(event)

    def failed(self, error: Exception) -> bool:
        """Write down that a call ended early; False if nothing behind it can be compared."""
        code = getattr(error, "trap_code", None)
        if code in (wasmtime.TrapCode.OUT_OF_FUEL, wasmtime.TrapCode.STACK_OVERFLOW):
            self.seen.complete = False
            return False
        self.tell("throws" if code is None else "traps")
        return True

    def item(self, wanted: Any) -> Any:
        """The import of that name."""
        if wanted.name == "memory":
            self.memory = wasmtime.Memory(self.store, wanted.type)
            return self.memory
        return wasmtime.Func(self.store, wanted.type, getattr(self, wanted.name))

    def log(self, value: int) -> None:
        self.tell("log", value, self.state())

    def log_long(self, value: int) -> None:
        self.tell("log_long", value)

    def log_float(self, value: float) -> None:
        self.tell("log_float", _bits(value))

    def make(self) -> int:
        value: int = self.argument(wasmtime.ValType.i32())
        self.tell("make", value)
        return value

    def disturb(self) -> None:
        """Change memory and globals, as far as they can be reached."""
        self.tell("disturb", self.state())
        memory = self.reached_memory()
        if memory is not None:
            memory.write(self.store, self.random.randbytes(8), self.random.randrange(128))
        for name, each in self.exports.items():
            if isinstance(each, wasmtime.Global) and each.type(self.store).mutable:
                kind = each.type(self.store).content
                each.set_value(self.store, _value(kind, self.argument(kind)))
                self.tell("set", name)

    def reached_memory(self) -> wasmtime.Memory | None:
        return self.memory or self.exports.get("memory")

    def state(self) -> list[Any]:
        """Contents of memory, values of globals, size of the table, as far as they are seen."""
        state: list[Any] = []
        memory = self.reached_memory()
        if memory is not None:
            size = memory.data_len(self.store)
            state += [size, zlib.crc32(memory.read(self.store, 0, size))]
        for name, each in self.exports.items():
            if isinstance(each, wasmtime.Global):
                state.append((name, _bits(each.value(self.store))))
            elif isinstance(each, wasmtime.Table):
                nulls = [each.get(self.store, i) is None for i in range(each.size(self.store))]
                state.append((name, nulls))
        return state

    def argument(self, kind: wasmtime.ValType) -> Any:
        name, random = str(kind), self.random
        if name.startswith("f"):
            return random.choice(_FLOATS)
        width = int(name[1:])
        value = random.choice(_INTERESTING) if random.random() < 0.7 else random.getrandbits(width)
        return (value + (1 << (width - 1))) % (1 << width) - (1 << (width - 1))


def _value(kind: wasmtime.ValType, value: Any) -> wasmtime.Val:
    made: wasmtime.Val = getattr(wasmtime.Val, str(kind))(value)
    return made


def _bits(value: Any) -> Any:
    """Something that is equal only for the same bits: floats are not equal to themselves."""
    if isinstance(value, float):
        return struct.pack("<d", value).hex()
    if isinstance(value, list | tuple):
        return [_bits(each) for each in value]
    return value
