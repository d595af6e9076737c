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

from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Export, Global, Kind, Limits, Module, Signatures, Table, TableType
from wasmopt.reader import Reader
from wasmopt.types import (
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    FuncType,
    RecGroup,
    SubType,
    ValType,
    is_defaultable,
    read_heap_type,
)
from wasmopt.validate import every_proposal
from wasmopt.verify.validity import declared_references

FUEL = 100_000
"""Instructions, about, that one run may take."""
MAX_CALLS = 20
GROWTH = 1 << 18
"""Bytes that memories, and heaps of collected objects, may grow."""
DIGESTED = 1 << 16
"""Bytes of each memory that are digested at every call; all of it is, at the end."""

LOG, CALLED, NEXT = 0, 1, 2
"""Entries of the table through which stubs reach Python."""

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


class CannotRunError(Exception):
    """The module has something that cannot be made up."""


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
    try:
        exports["run"](store, *arguments)
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
    hooks = [
        (wasmtime.FuncType([i64], []), state.outcome.log.append),
        (wasmtime.FuncType([i32], []), state.called),
        (wasmtime.FuncType([], [i64]), lambda: _argument(I64, state.random)[0]),
    ]
    for place, (signature, call) in enumerate(hooks):
        table.set(store, place, wasmtime.Func(store, signature, call))


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
    return wasmtime.Module(engine(), encode(_Surroundings(module).around(function)))


class _Surroundings:
    """Makes the module around one version; nothing of the old index spaces moves."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.make = module.pool.make
        self.signatures = Signatures(module)
        self.first_type = len(self.signatures.types)
        self.hooks_table = len(self.signatures.tables)

    def around(self, function: Function) -> Module:
        """The whole program; its `run` calls the function."""
        signatures = self.signatures
        if any(limits.shared for limits in signatures.memories):
            raise CannotRunError("shared memory")
        last = len(signatures.functions)
        signature = signatures.func_type(function.type_index)
        bits = [I64 for each in signature.params for _ in range(2 if each == V128 else 1)]
        types = [
            FuncType((I64,)),
            FuncType((I32,)),
            FuncType((), (I64,)),
            FuncType(tuple(bits)),
        ]
        called = {each.immediates[0] for each in function.body if "func" in each.op.immediates}
        called |= declared_references(self.module)
        missing = (self.make("unreachable"), self.make("end"))
        stubs = [
            self._stub(i, type_index) if i in called else Function(type_index, (), missing)
            for i, type_index in enumerate(signatures.functions)
        ]
        runner = self._runner(signature, last)
        hooks = Table(TableType(FUNCREF, Limits(3)))
        return Module(
            types=self.module.types + tuple([RecGroup((SubType(each),)) for each in types]),
            functions=(*stubs, function, runner),
            tables=(*self._imported_tables(), *self.module.tables, hooks),
            memories=tuple(signatures.memories),
            tags=tuple(signatures.tags),
            globals=(*self._imported_globals(), *self.module.globals),
            exports=tuple(self._exports(last + 1)),
            elements=self.module.elements,
            data_count=self.module.data_count,
            data=self.module.data,
        )

    def _exports(self, runner: int) -> list[Export]:
        signatures = self.signatures
        spaces = [
            ("memory", Kind.MEMORY, signatures.memories),
            ("table", Kind.TABLE, signatures.tables),
            ("global", Kind.GLOBAL, signatures.globals),
        ]
        declared = [
            # A function that `ref.func` names must be named outside of bodies.
            Export(f"function {index}", Kind.FUNCTION, index)
            for index in range(len(signatures.functions))
        ]
        return [
            Export("run", Kind.FUNCTION, runner),
            Export("hooks", Kind.TABLE, self.hooks_table),
            *declared,
            *[
                Export(f"{name} {i}", kind, i)
                for name, kind, some in spaces
                for i in range(len(some))
            ],
        ]

    def _imported_tables(self) -> list[Table]:
        tables = [entry.type for entry in self.module.imported(Kind.TABLE)]
        if not all(isinstance(each, TableType) and is_defaultable(each.element) for each in tables):
            raise CannotRunError("imported table of references that are not null")
        return [Table(each) for each in tables if isinstance(each, TableType)]

    def _imported_globals(self) -> list[Global]:
        count = len(self.module.imported(Kind.GLOBAL))
        return [
            Global(each, (*self._constant(each.value), self.make("end")))
            for each in self.signatures.globals[:count]
        ]

    def _constant(self, value_type: ValType) -> list[Instr]:
        constants = {I32: "i32.const", I64: "i64.const", F32: "f32.const", F64: "f64.const"}
        if value_type in constants:
            return [self.make(constants[value_type], 1024)]
        if value_type == V128:
            return [self.make("v128.const", bytes(range(16)))]
        if not is_defaultable(value_type):
            raise CannotRunError("imported global that is never null")
        return [self._null(value_type)]

    def _null(self, value_type: ValType) -> Instr:
        heap_type = value_type if len(value_type) == 1 else read_heap_type(Reader(value_type, 1))
        return self.make("ref.null", heap_type)

    def _hook(self, place: int) -> list[Instr]:
        call = self.make("call_indirect", self.first_type + place, self.hooks_table)
        return [self.make("i32.const", place), call]

    def _stub(self, index: int, type_index: int) -> Function:
        signature = self.signatures.func_type(type_index)
        body: list[Instr] = []
        for local, value_type in enumerate(signature.params):
            body += self._logged([self.make("local.get", local)], value_type)
        body += [self.make("i32.const", index), *self._hook(CALLED)]
        for value_type in signature.results:
            body += self._made(value_type, self._hook(NEXT))
        return Function(type_index, (), (*body, self.make("end")))

    def _logged(self, value: list[Instr], value_type: ValType) -> list[Instr]:
        """Code that logs the bits of a value."""
        make = self.make
        if value_type == V128:
            lanes = [make("i64x2.extract_lane", lane) for lane in range(2)]
            return [each for lane in lanes for each in (*value, lane, *self._hook(LOG))]
        conversions = {
            I32: ["i64.extend_i32_u"],
            I64: [],
            F32: ["i32.reinterpret_f32", "i64.extend_i32_u"],
            F64: ["i64.reinterpret_f64"],
        }
        names = conversions.get(value_type, ["ref.is_null", "i64.extend_i32_u"])
        return [*value, *map(make, names), *self._hook(LOG)]

    def _made(self, value_type: ValType, bits: list[Instr]) -> list[Instr]:
        """Code that makes a value of one i64 or, for a vector, the same i64 twice."""
        make = self.make
        conversions = {
            I32: ["i32.wrap_i64"],
            I64: [],
            F32: ["i32.wrap_i64", "f32.reinterpret_i32"],
            F64: ["f64.reinterpret_i64"],
            V128: ["i64x2.splat"],
        }
        if value_type in conversions:
            return [*bits, *map(make, conversions[value_type])]
        if is_defaultable(value_type):
            return [self._null(value_type)]
        return [make("unreachable")]

    def _runner(self, signature: FuncType, function: int) -> Function:
        make = self.make
        body: list[Instr] = []
        bits = 0
        for value_type in signature.params:
            low = [make("local.get", bits)]
            bits += 1
            body += self._made(value_type, low)
            if value_type == V128:
                body += [make("local.get", bits), make("i64x2.replace_lane", 1)]
                bits += 1
        body.append(make("call", function))
        results = list(enumerate(signature.results, bits))
        for local, value_type in reversed(results):
            if not is_defaultable(value_type):
                raise CannotRunError("result that is never null")
            body.append(make("local.set", local))
        for local, value_type in results:
            body += self._logged([make("local.get", local)], value_type)
        groups = tuple([(1, each) for each in signature.results])
        return Function(self.first_type + 3, groups, (*body, make("end")))
