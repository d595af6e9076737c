"""The functions of a harness besides the two versions.

========  =========================================================================
stub      hands its arguments and the globals to the host, takes its results back
save      hands out the mentioned globals
load      takes in those that may hold anything
setup     `load`, then the globals that are made of others
dump      hands out the first entries of tables of i31 references
run0/1    calls a version; the result is 0, or the number of the tag thrown plus 1,
          or -1 for an exception of which no more is known
========  =========================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.function import Function, group_locals
from wasmopt.instr import Catch, Instr, InstrPool
from wasmopt.module import Expr, TableType
from wasmopt.types import I32, FuncType, ValType
from wasmopt.verify.crossing import SLOT, SLOT_LOG2, Crossing

HOST: Final = 0
"""Index of the one imported function: takes a stub's number, returns 0 or a tag's number plus 1."""
FIRST_STUB: Final = 1
WATCHED_ENTRIES: Final = 256
"""First entries of a table that are compared."""


@dataclass(frozen=True, slots=True)
class Place:
    """A global that crosses the border at the slot with this address."""

    index: int
    type: ValType
    address: int


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A table whose entries `dump` hands out from `address` on."""

    index: int
    type: TableType
    address: int


class HarnessCode:
    """Writes the functions.

    Attributes:
        save, load: indices of these two functions.
    """

    def __init__(
        self, pool: InstrPool, crossing: Crossing, tags: Sequence[FuncType], *, save: int, load: int
    ) -> None:
        self._make: Final = pool.make
        self._crossing: Final = crossing
        self._tags: Final = tags
        self.save: Final = save
        self.load: Final = load

    def stub(self, type_index: int, signature: FuncType, number: int, *, throws: bool) -> Function:
        """The stub with that number."""
        make = self._make
        action = len(signature.params)
        body = []
        for local, value_type in enumerate(signature.params):
            body += self._store([make("local.get", local)], value_type, local * SLOT)
        body += [make("call", self.save), make("i32.const", number), make("call", HOST)]
        body += [make("local.set", action), make("call", self.load)]
        for tag, thrown in enumerate(self._tags if throws else ()):
            body += [make("local.get", action), make("i32.const", tag + 1), make("i32.eq")]
            body += [make("if", None), *self._load_all(thrown.params)]
            body += [make("throw", tag), make("end")]
        body += self._load_all(signature.results)
        return Function(type_index, ((1, I32),), (*body, make("end")))

    def save_globals(self, type_index: int, places: Sequence[Place]) -> Function:
        """`save`."""
        body = []
        for each in places:
            value = [self._make("global.get", each.index)]
            body += self._store(value, each.type, each.address)
        return Function(type_index, (), (*body, self._make("end")))

    def load_globals(self, type_index: int, places: Sequence[Place]) -> Function:
        """`load`."""
        body = []
        for each in places:
            body += self._crossing.load(each.type, each.address)
            body.append(self._make("global.set", each.index))
        return Function(type_index, (), (*body, self._make("end")))

    def setup(self, type_index: int, derived: Sequence[tuple[int, Expr]]) -> Function:
        """`setup`; `derived` are globals with what they are made of."""
        body = [self._make("call", self.load)]
        for index, init in derived:
            body += [*init[:-1], self._make("global.set", index)]
        return Function(type_index, (), (*body, self._make("end")))

    def dump(self, type_index: int, tables: Sequence[WatchedTable]) -> Function:
        """`dump`."""
        make = self._make
        entry = make("local.get", 0)
        address = [entry, make("i32.const", SLOT_LOG2), make("i32.shl")]
        body = []
        for table in tables:
            wide = table.type.limits.address64
            size = [make("table.size", table.index), *[make("i32.wrap_i64")] * wide]
            value = [entry, *[make("i64.extend_i32_u")] * wide, make("table.get", table.index)]
            body += [make("i32.const", 0), make("local.set", 0)]
            body += [make("block", None), make("loop", None)]
            for bound in (size, [make("i32.const", WATCHED_ENTRIES)]):
                body += [entry, *bound, make("i32.ge_u"), make("br_if", 1)]
            body += self._crossing.store(value, table.type.element, address, table.address)
            body += [entry, make("i32.const", 1), make("i32.add"), make("local.set", 0)]
            body += [make("br", 0), make("end"), make("end")]
        return Function(type_index, ((1, I32),), (*body, make("end")))

    def runner(
        self, type_index: int, signature: FuncType, version: int, payloads: Sequence[int]
    ) -> Function:
        """`run0` or `run1`.

        Args:
            type_index: its type.
            signature: of the versions.
            version: index of the function to call.
            payloads: for each tag the index of a type that returns what is thrown with it.
        """
        make = self._make
        local_types: list[ValType] = []
        returns = [
            *[*self._load_all(signature.params), make("call", version)],
            *[*self._store_all(signature.results, local_types), make("i32.const", 0)],
        ]
        body = returns
        if payloads:
            catches = [Catch(0, tag, tag) for tag in range(len(payloads))]
            body = [make("block", None), *[make("block", each) for each in reversed(payloads)]]
            body += [make("try_table", None, (*catches, Catch(2, None, len(payloads))))]
            body += [*returns, make("return"), make("end"), make("unreachable")]
            for tag, thrown in enumerate(self._tags):
                body += [make("end"), *self._store_all(thrown.params, local_types)]
                body += [make("i32.const", tag + 1), make("return")]
            body += [make("end"), make("i32.const", -1)]
        return Function(type_index, group_locals(local_types), (*body, make("end")))

    def _store(self, value: list[Instr], value_type: ValType, address: int) -> list[Instr]:
        return self._crossing.store(value, value_type, [self._make("i32.const", 0)], address)

    def _load_all(self, types: Sequence[ValType]) -> list[Instr]:
        """Code that leaves the values of the first slots."""
        return [
            each
            for slot, value_type in enumerate(types)
            for each in self._crossing.load(value_type, slot * SLOT)
        ]

    def _store_all(self, types: Sequence[ValType], local_types: list[ValType]) -> list[Instr]:
        """Code that moves the operands to the first slots, through new locals."""
        first = len(local_types)
        local_types += types
        body = [self._make("local.set", first + each) for each in reversed(range(len(types)))]
        for slot, value_type in enumerate(types):
            value = [self._make("local.get", first + slot)]
            body += self._store(value, value_type, slot * SLOT)
        return body
