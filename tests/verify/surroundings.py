"""The module around one function: what it can reach stays, every other function is a stub."""

from __future__ import annotations

from collections.abc import Sequence

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
from wasmopt.verify.validity import declared_references

LOG, CALLED, NEXT = 0, 1, 2
"""Entries of the table through which stubs reach Python: take the bits of an argument, note a
call, give the bits of a result."""


class CannotRunError(Exception):
    """The module has something that cannot be made up."""


class Surroundings:
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
        spaces: list[tuple[str, Kind, Sequence[object]]] = [
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
