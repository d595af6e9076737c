"""Builds a module in which two versions of a function run from any state, with nothing around them.

    imports, other functions          stubs, which ask the host how to answer
    memories, tables, globals    →    the same, all defined here and exported
    data, active elements             gone: what they wrote is state, and state is the host's
    start                             gone
    the function                      both versions, behind `run0` and `run1`

A call may do anything that the host says: that is what a proof about one function means by a call.
Index spaces keep their numbers, but for functions: only those that a version mentions get a stub.

Values cross the border as bytes of a memory that is added behind the others, one 16-byte slot
each, so that all bits of floats and vectors get through:

=======================  ========================================================================
numbers                  their bytes
functions                out: an entry of the table `slots` at the slot's number; in: an index into
                         the table `functions`, where null is 0
any, eq, i31, extern     0 for null, `n + 1` for the i31 reference `n`, -1 for anything else
other references         0 for null, -1 for anything else; only null can be handed in
=======================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool, MemArg
from wasmopt.module import (
    DataSegment,
    ElementSegment,
    Export,
    Expr,
    Global,
    GlobalType,
    Import,
    Kind,
    Limits,
    Module,
    Signatures,
    Table,
    TableType,
)
from wasmopt.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    NUMBER_NAMES,
    FuncType,
    RecGroup,
    SubType,
    ValType,
)
from wasmopt.verify.crossing import SLOT, Crossing, HarnessError, Reference, reference_of
from wasmopt.verify.scenarios import Surface

MAX_STUBS: Final = 2_000
MAX_MEMORY_BYTES: Final = 1 << 30
MIN_ENTRIES: Final = 16
"""Tables start with at least this many entries, if their maximum allows."""
WATCHED_ENTRIES: Final = 256
"""First entries of a table that are compared."""
_PAGE_LOG2: Final = 16
_CALLS: Final = ("call_indirect", "return_call_indirect", "call_ref", "return_call_ref")
"""Instructions whose first immediate is the type of what they call."""


@dataclass(frozen=True, slots=True)
class Stub:
    """A function that stands for others.

    Attributes:
        name: to show.
        type_index: its type.
        function: the function of the module that it stands for; None for any of that type.
    """

    name: str
    type_index: int
    function: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Something that crosses the border at a fixed slot."""

    index: int
    type: ValType
    address: int


class Mentions:
    """What two versions of a function name by index.

    Attributes:
        instrs: the distinct instructions.
    """

    def __init__(self, *versions: Function) -> None:
        self.instrs: Final[set[Instr]] = {instr for each in versions for instr in each.body}

    def of(self, kind: str) -> list[int]:
        """Indices of that immediate kind, ascending."""
        found: set[int] = set()
        for instr in self.instrs:
            for each, value in zip(instr.op.immediates, instr.immediates, strict=True):
                if each == kind:
                    found.add(value)
                elif each == "memarg" and kind == "memory":
                    found.add(value.memory)
        return sorted(found)

    def constants(self, value_type: ValType) -> tuple[int, ...]:
        """Constants of that type, ascending."""
        name = f"{NUMBER_NAMES[value_type]}.const"
        return tuple(sorted(instr.immediates[0] for instr in self.instrs if instr.name == name))

    def offsets(self) -> tuple[int, ...]:
        """Offsets of memory accesses, ascending."""
        memargs = [value for each in self.instrs for value in each.immediates]
        return tuple(sorted({each.offset for each in memargs if isinstance(each, MemArg)}))

    def effects(self) -> int:
        """All that any instruction may do, as `Effect` bits."""
        effects = 0
        for instr in self.instrs:
            effects |= instr.effects
        return effects


class Harness:
    """The module around two versions of a function.

    Attributes:
        signature: of the function.
        stubs: in the order in which the host sees them numbered.
        globals: the mentioned ones.
        memories, tables: indices of the mentioned ones.
        surface: what scenarios have to say.
        mentions: what the versions name.
        memory_bytes: the largest memory at the start, in bytes.
        entries: the longest table at the start.

    Raises:
        HarnessError: there is something that cannot be made up.
    """

    def __init__(self, module: Module, before: Function, after: Function) -> None:
        self._module: Final = module
        self._signatures: Final = Signatures(module)
        self._make: Final = InstrPool().make
        self.signature: Final = self._signatures.func_type(before.type_index)
        if self._signatures.func_type(after.type_index) != self.signature:
            raise HarnessError("the versions differ in their type")
        self._versions: Final = (before, after)
        self.mentions: Final = Mentions(before, after)
        self.memories: Final = self.mentions.of("memory")
        self.tables: Final = self.mentions.of("table")
        self._types: Final = list(module.types)
        self._next_type = len(self._signatures.types)
        self._host_type: Final = self._add_type(FuncType((I32,), (I32,)))
        self._plain_type: Final = self._add_type(FuncType())
        self._run_type: Final = self._add_type(FuncType((), (I32,)))
        self._kept_elements: Final = frozenset(self.mentions.of("elem"))
        self.stubs: Final = self._choose_stubs()
        self._renamed: Final = {
            stub.function: number
            for number, stub in enumerate(self.stubs, 1)  # 0 is the host
            if stub.function is not None
        }
        self._crossing: Final = Crossing(
            self._make,
            self._signatures.types,
            memory=len(self._signatures.memories),
            functions=len(self._signatures.tables),
            slots=len(self._signatures.tables) + 1,
        )
        slots = max([len(self.signature.params), len(self.signature.results), *self._arities()])
        self.globals: Final = [
            Place(index, self._signatures.globals[index].value, (slots + number) * SLOT)
            for number, index in enumerate(self.mentions.of("global"))
        ]
        self._slots: Final = slots + len(self.globals)
        self._memories: Final = [self._memory(each) for each in self._signatures.memories]
        self._tables: Final = [self._table(index) for index in range(len(self._signatures.tables))]
        sizes = [0, *[_bytes(limits) for limits in self._memories]]
        self.memory_bytes: Final = max(sizes)
        if sum(sizes) > MAX_MEMORY_BYTES:
            raise HarnessError("memories are too large")
        self.entries: Final = max(
            [len(self.stubs) + 1, self._slots, *[t.type.limits.minimum for t in self._tables]]
        )
        self.surface: Final = self._surface()

    # -- what is needed ----------------------------------------------------------------------

    def _add_type(self, func_type: FuncType) -> int:
        self._types.append(RecGroup((SubType(func_type),)))
        self._next_type += 1
        return self._next_type - 1

    def _choose_stubs(self) -> list[Stub]:
        """One for each function that is mentioned, and one for each type that is called."""
        module, signatures = self._module, self._signatures
        needed = {*self.mentions.of("func")}
        expressions = [entry.init for entry in module.globals]
        expressions += [table.init for table in module.tables if table.init is not None]
        for index in self._kept_elements:
            for item in module.elements[index].items:
                if isinstance(item, int):
                    needed.add(item)
                else:
                    expressions.append(item)
        for expression in expressions:
            needed |= {i.immediates[0] for i in expression if i.name == "ref.func"}
        types = {instr.immediates[0] for instr in self.mentions.instrs if instr.name in _CALLS}
        for value_type in (*self.signature.params, *[each.value for each in signatures.globals]):
            reference = reference_of(value_type, signatures.types)
            if reference is not None and reference.kind == "func":
                heap = reference.heap
                types.add(heap if isinstance(heap, int) else self._plain_type)
        if len(needed) + len(types) > MAX_STUBS:
            raise HarnessError("too many functions are mentioned")
        names = [f"{entry.module}.{entry.name}" for entry in module.imported(Kind.FUNCTION)]
        return [
            Stub(
                names[index] if index < len(names) else f"function {index}",
                signatures.functions[index],
                index,
            )
            for index in sorted(needed)
        ] + [Stub(f"some function of type {each}", each) for each in sorted(types)]

    def type_of(self, stub: Stub) -> FuncType:
        """The type of a stub."""
        if stub.type_index == self._plain_type:
            return FuncType()
        return self._signatures.func_type(stub.type_index)

    def _arities(self) -> Iterable[int]:
        for func_type in [self.type_of(stub) for stub in self.stubs] + self.tags:
            yield from (len(func_type.params), len(func_type.results))

    @cached_property
    def tags(self) -> list[FuncType]:
        """The type of each tag."""
        return [self._signatures.func_type(index) for index in self._signatures.tags]

    def _surface(self) -> Surface:
        result_types: list[list[ValType]] = []
        for stub in self.stubs:
            for position, value_type in enumerate(self.type_of(stub).results):
                if position == len(result_types):
                    result_types.append([])
                result_types[position].append(value_type)
        numeric = {each.index: each.type for each in self.globals if each.type in NUMBER_NAMES}
        imported = len(self._module.imported(Kind.GLOBAL))
        signatures = self._signatures
        changeable = [index for index in numeric if signatures.globals[index].mutable]
        return Surface(
            self.signature.params,
            {i: t for i, t in numeric.items() if i < imported or i in changeable},
            tuple(changeable),
            {
                index: (_bytes(self._memories[index]), _address_type(self._memories[index]))
                for index in self.memories
            },
            tuple(map(tuple, result_types)),
            bool(self.stubs),
            len(self.tags) if self._can_throw else 0,
            {each: self.mentions.constants(each) for each in (I32, I64, F32, F64)},
            self.mentions.offsets(),
        )

    @cached_property
    def _can_throw(self) -> bool:
        """Whether a version could tell that a callee threw."""
        return any(instr.name == "try_table" for instr in self.mentions.instrs)

    def choices(self, value_type: ValType) -> Sequence[int]:
        """The numbers that references of that type can be handed in as."""
        reference = reference_of(value_type, self._signatures.types)
        if reference is None:
            raise ValueError("a number has no choices")
        if reference.kind == "func":
            fitting = [
                number
                for number, stub in enumerate(self.stubs, 1)
                if not isinstance(reference.heap, int) or stub.type_index == reference.heap
            ]
        else:
            fitting = [*range(1, 9)] if reference.kind == "i31" else []
        choices = [0] * reference.nullable + fitting
        if not choices:
            raise HarnessError("a reference that cannot be made up")
        return choices

    # -- the module --------------------------------------------------------------------------

    def build(self) -> bytes:
        """The module as a binary.

        Exports: `run0`, `run1`, `setup`, `save`, `dump`, `io`, `functions`, `slots`, and
        `memory N` and `table N` for the mentioned ones.
        """
        module, crossing = self._module, self._crossing
        functions = [self._stub(number) for number in range(len(self.stubs))]
        first = 1 + len(functions)
        functions += [self._version(each) for each in self._versions]
        functions += [self._save(), self._load(), self._setup(), self._dump()]
        functions += [self._runner(first), self._runner(first + 1)]
        names = ["save", "load", "setup", "dump", "run0", "run1"]
        exports = [Export(n, Kind.FUNCTION, first + 2 + i) for i, n in enumerate(names)]
        exports += [
            Export("io", Kind.MEMORY, crossing.memory),
            Export("functions", Kind.TABLE, crossing.functions),
            Export("slots", Kind.TABLE, crossing.slots),
            *[Export(f"memory {i}", Kind.MEMORY, i) for i in self.memories],
            *[Export(f"table {i}", Kind.TABLE, i) for i in self.tables],
        ]
        own = [Limits(len(self.stubs) + 1), Limits(self._slots)]
        kept = frozenset(self.mentions.of("data"))
        return encode(
            Module(
                types=tuple(self._types),
                imports=(Import("host", "call", Kind.FUNCTION, self._host_type),),
                functions=tuple(functions),
                tables=(*self._tables, *[Table(TableType(FUNCREF, each)) for each in own]),
                memories=(*self._memories, self._io_limits()),
                tags=tuple(self._signatures.tags),
                globals=tuple(self._globals()),
                exports=tuple(exports),
                elements=tuple(self._elements()),
                data_count=len(module.data) if module.data else None,
                data=tuple(
                    segment if index in kept and segment.flags == 1 else DataSegment(1, b"")
                    for index, segment in enumerate(module.data)
                ),
            )
        )

    def dump_address(self, table: int) -> int:
        """Where `dump` writes the first entries of a table, in the `io` memory."""
        return (self._slots + self.tables.index(table) * WATCHED_ENTRIES) * SLOT

    def _io_limits(self) -> Limits:
        size = (self._slots + len(self.tables) * WATCHED_ENTRIES) * SLOT
        pages = (size >> _PAGE_LOG2) + 1
        return Limits(pages, pages)

    def _memory(self, limits: Limits) -> Limits:
        """The same, with at least 64 KiB where it may grow so far: memories do grow."""
        if limits.shared:
            raise HarnessError("shared memory")
        page_log2 = _PAGE_LOG2 if limits.page_size_log2 is None else limits.page_size_log2
        least = 1 << (_PAGE_LOG2 - page_log2)
        if limits.maximum is not None:
            least = min(least, limits.maximum)
        return replace(limits, minimum=max(limits.minimum, least))

    def _table(self, index: int) -> Table:
        imported = len(self._module.imported(Kind.TABLE))
        table = Table(self._signatures.tables[index])
        if index >= imported:
            table = self._module.tables[index - imported]
        limits = table.type.limits
        least = MIN_ENTRIES if limits.maximum is None else min(MIN_ENTRIES, limits.maximum)
        limits = replace(limits, minimum=max(limits.minimum, least))
        init = None if table.init is None else self._rename(table.init)
        return Table(replace(table.type, limits=limits), init)

    def _globals(self) -> Iterable[Global]:
        imported = len(self._module.imported(Kind.GLOBAL))
        end = self._make("end")
        for index, declared in enumerate(self._signatures.globals):
            value_type = declared.value
            init: Expr | None = None
            if index >= imported:
                init = self._rename(self._module.globals[index - imported].init)
            if value_type not in NUMBER_NAMES:
                if init is None:
                    first = self.choices(value_type)[0]
                    init = (*self._crossing.constant(value_type, first), end)
                yield Global(declared, init)
            elif init is None or _reads_globals(init):
                # `setup` gives it its value.
                zero = (*self._crossing.constant(value_type, 0), end)
                yield Global(GlobalType(value_type, True), zero)
            else:
                yield Global(declared, init)

    def _elements(self) -> Iterable[ElementSegment]:
        module, make = self._module, self._make
        for index, segment in enumerate(module.elements):
            passive = segment.flags & 3 == 1
            kept: tuple[int, ...] | tuple[Expr, ...] = ()
            if passive and index in self._kept_elements:
                kept = self._items(segment)
            if segment.flags & 4:
                yield ElementSegment(5, kept, kind=segment.kind or FUNCREF)
            else:
                yield ElementSegment(1, kept, kind=b"\0")
        functions = tuple(range(1, len(self.stubs) + 1))
        offset = (make("i32.const", 1), make("end"))
        yield ElementSegment(2, functions, self._crossing.functions, offset, b"\0")
        for index in self.tables:
            table = self._tables[index].type
            count = min(table.limits.minimum, 4 * MIN_ENTRIES)
            items = [(*each, make("end")) for each in self._entries(table.element, count)]
            zero = make("i64.const" if table.limits.address64 else "i32.const", 0)
            if items:
                yield ElementSegment(6, tuple(items), index, (zero, make("end")), table.element)

    def _items(self, segment: ElementSegment) -> tuple[int, ...] | tuple[Expr, ...]:
        functions: list[int] = []
        expressions: list[Expr] = []
        for item in segment.items:
            if isinstance(item, int):
                functions.append(self._renamed[item])
            else:
                expressions.append(self._rename(item))
        return tuple(functions) or tuple(expressions)

    def _entries(self, element: ValType, count: int) -> Iterable[Expr]:
        """First entries of a table: every fourth is null, functions of called types are first."""
        reference = reference_of(element, self._signatures.types)
        if reference is None or not reference.nullable or reference.kind == "other":
            return
        choices = [number for number in self.choices(element) if number]
        if reference.kind == "func":
            choices.sort(key=lambda number: self.stubs[number - 1].function is not None)
        for entry in range(count if choices else 0):
            number = 0 if entry % 4 == 3 else choices[(entry - entry // 4) % len(choices)]
            yield tuple(self._crossing.constant(element, number))

    # -- code --------------------------------------------------------------------------------

    def _rename(self, code: Sequence[Instr]) -> tuple[Instr, ...]:
        """The same code with functions named by their stubs."""
        renamed = {
            instr: self._make(instr.name, self._renamed[instr.immediates[0]])
            for instr in set(code)
            if instr.op.immediates == ("func",)
        }
        return tuple([renamed.get(instr, instr) for instr in code])

    def _version(self, function: Function) -> Function:
        return function.with_body(self._rename(function.body))

    def _index(self, name: str) -> int:
        """The number of one of the helper functions."""
        order = ("before", "after", "save", "load", "setup", "dump")
        return 1 + len(self.stubs) + order.index(name)
