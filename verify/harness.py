"""Builds a module in which two versions of a function run from any state, with nothing around them.

    imports, other functions          stubs, which ask the host how to answer
    memories, tables, globals    →    the same, all defined here and exported
    data, active elements             gone: what they wrote is state, and state is the host's
    start                             gone
    the function                      both versions, behind `run0` and `run1`

A call may do anything that the host says: that is what a proof about one function means by a call.
Index spaces keep their numbers, but for functions: only those that a version mentions get a stub.
Values reach the functions as `crossing` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from wasmopt.context import Context
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
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
from wasmopt.verify.crossing import SLOT, Crossing, HarnessError, reference_of
from wasmopt.verify.global_facts import GlobalFacts
from wasmopt.verify.harness_code import (
    FIRST_STUB,
    WATCHED_ENTRIES,
    HarnessCode,
    Place,
    WatchedTable,
)
from wasmopt.verify.mentions import Mentions
from wasmopt.verify.scenarios import WIDTHS, Surface
from wasmopt.verify.stubs import choose_stubs

MAX_MEMORY_BYTES: Final = 1 << 30
MAX_INITIAL_INSTRUCTIONS: Final = 5_000
"""Of the globals' initial values together.  The engine compiles them as one function: 44,072, which
dart-fmt has, take it 53 s and 2.8 GB (wasmtime 50.0.1)."""
_LEAST_ENTRIES: Final = 16
"""Tables start with at least this many entries, if their maximum allows: tables do grow."""
_FILLED_ENTRIES: Final = 64
_PAGE_LOG2: Final = 16


class Harness:
    """The module around two versions of a function.

    Attributes:
        signature: of the function.
        mentions: what the versions name.
        tags: type of each tag.
        stubs: in the order in which the host sees them numbered.
        globals: the mentioned ones.
        memories, tables: indices of the mentioned ones.
        watched: tables that `dump` hands out.
        surface: what scenarios have to say.
        memory_bytes: the largest memory at the start, in bytes.
        entries: the longest table at the start.

    Raises:
        HarnessError: there is something that cannot be made up.
    """

    def __init__(self, module: Module, before: Function, after: Function) -> None:
        self._module: Final = module
        self._choices: Final[dict[ValType, Sequence[int]]] = {}
        self._signatures: Final = Signatures(module)
        self._imported_globals: Final = len(module.imported(Kind.GLOBAL))
        self.signature: Final = self._signatures.func_type(before.type_index)
        if self._signatures.func_type(after.type_index) != self.signature:
            raise HarnessError("the versions differ in their type")
        if sum([len(each.init) for each in module.globals]) > MAX_INITIAL_INSTRUCTIONS:
            raise HarnessError("the globals take too long to initialize")
        self._versions: Final = (before, after)
        self.mentions: Final = Mentions(before, after)
        self.tags: Final = [self._signatures.func_type(each) for each in self._signatures.tags]
        self._types: Final = list(module.types)
        self._type_count = len(self._signatures.types)
        self._plain_type: Final = self._add_type(FuncType())
        made_up = [each.value for each in self._signatures.globals[: self._imported_globals]]
        made_up += self.signature.params
        self.stubs: Final = choose_stubs(module, self.mentions, made_up, self._plain_type)
        if not all(each in NUMBER_NAMES or self.choices(each) for each in made_up):
            raise HarnessError("an argument or a global that cannot be made up")
        self._renamed: Final = {
            stub.function: number
            for number, stub in enumerate(self.stubs, FIRST_STUB)
            if stub.function is not None
        }
        tables = len(self._signatures.tables)
        self._pool: Final = InstrPool()
        self._crossing: Final = Crossing(
            self._pool.make,
            self._signatures.types,
            memory=len(self._signatures.memories),
            functions=tables,
            slots=tables + 1,
        )
        self._memories: Final = [_memory(each) for each in self._signatures.memories]
        self._tables: Final = [self._table(index) for index in range(tables)]
        self.memories: Final = self.mentions.of("memory")
        self.tables: Final = self.mentions.of("table")
        # -- slots of `io`
        called = [self.signature, *self.tags, *[stub.type for stub in self.stubs]]
        values = max(max(len(each.params), len(each.results)) for each in called)
        self.globals: Final = [
            Place(index, self._signatures.globals[index].value, (values + number) * SLOT)
            for number, index in enumerate(self.mentions.of("global"))
        ]
        self._slots: Final = values + len(self.globals)
        self.watched: Final = self._watch()
        self._io_bytes: Final = (self._slots + len(self.watched) * WATCHED_ENTRIES) * SLOT
        # -- sizes
        sizes = [self._io_bytes, *map(_bytes, self._memories)]
        if sum(sizes) > MAX_MEMORY_BYTES:
            raise HarnessError("memories are too large")
        self.memory_bytes: Final = max(sizes)
        lengths = [each.type.limits.minimum for each in self._tables]
        self.entries: Final = max([len(self.stubs) + 1, self._slots, *lengths])
        self.surface: Final = self._surface()

    def choices(self, value_type: ValType) -> Sequence[int]:
        """The numbers that references of that type can be handed in as, null first."""
        reference = reference_of(value_type, self._signatures.types)
        choices: list[int] = []
        if reference is not None and reference.nullable:
            choices.append(0)
        if reference is not None and reference.kind == "func":
            choices += [
                number
                for number, stub in enumerate(self.stubs, FIRST_STUB)
                if not isinstance(reference.heap, int) or stub.type_index == reference.heap
            ]
        elif reference is not None and reference.kind == "i31":
            choices += range(1, 9)
        return choices

    def fit(self, value_type: ValType, bits: int) -> int:
        """The bits of a number cut to its width, or the number of some reference."""
        width = WIDTHS.get(value_type)
        if width is not None:
            return bits & ((1 << width) - 1)
        choices = self._choices.get(value_type)
        if choices is None:
            choices = self._choices[value_type] = self.choices(value_type)
        return choices[bits % len(choices)] if choices else 0

    def is_function(self, value_type: ValType) -> bool:
        """Whether it is a type of references to functions."""
        if value_type in WIDTHS:
            return False
        reference = reference_of(value_type, self._signatures.types)
        return reference is not None and reference.kind == "func"

    def table_element(self, table: int) -> ValType:
        """What a table holds."""
        return self._signatures.tables[table].element

    # -- what is needed ----------------------------------------------------------------------

    def _add_type(self, func_type: FuncType) -> int:
        self._types.append(RecGroup((SubType(func_type),)))
        self._type_count += 1
        return self._type_count - 1

    def _watch(self) -> list[WatchedTable]:
        watched: list[WatchedTable] = []
        for index in self.tables:
            table_type = self._tables[index].type
            reference = reference_of(table_type.element, self._signatures.types)
            if reference is not None and reference.kind == "i31":
                first = self._slots + len(watched) * WATCHED_ENTRIES
                watched.append(WatchedTable(index, table_type, first * SLOT))
        return watched

    def _surface(self) -> Surface:
        results: list[list[ValType]] = []
        for stub in self.stubs:
            for position, value_type in enumerate(stub.type.results):
                if position == len(results):
                    results.append([])
                results[position].append(value_type)
        numeric = {each.index: each.type for each in self.globals if each.type in NUMBER_NAMES}
        constant = GlobalFacts(Context(self._module))
        changeable = [
            each
            for each in numeric
            if self._signatures.globals[each].mutable and each not in constant
        ]
        free = {*changeable, *range(self._imported_globals)}
        limits = {index: self._memories[index] for index in self.memories}
        return Surface(
            params=self.signature.params,
            globals={index: numeric[index] for index in numeric if index in free},
            changeable=tuple(changeable),
            memories={
                i: (_bytes(each), I64 if each.address64 else I32) for i, each in limits.items()
            },
            results=tuple(map(tuple, results)),
            calls=bool(self.stubs),
            tags=len(self.tags) if self._catches() else 0,
            constants={each: self.mentions.constants(each) for each in (I32, I64, F32, F64)},
            offsets=self.mentions.offsets(),
        )

    def _catches(self) -> bool:
        """Whether a version could tell that a callee threw."""
        return any(instr.name == "try_table" for instr in self.mentions.instrs)

    # -- the module --------------------------------------------------------------------------

    def build(self) -> bytes:
        """The module as a binary.

        Exports: the functions of `harness_code` but the stubs, `io`, `functions`, `slots`, and
        `memory N` and `table N` for the mentioned ones.
        """
        module, crossing = self._module, self._crossing
        first = FIRST_STUB + len(self.stubs)
        names = ["save", "load", "setup", "dump", "run0", "run1"]
        exports = [Export(each, Kind.FUNCTION, first + 2 + i) for i, each in enumerate(names)]
        exports += [
            Export("io", Kind.MEMORY, crossing.memory),
            Export("functions", Kind.TABLE, crossing.functions),
            Export("slots", Kind.TABLE, crossing.slots),
            *[Export(f"memory {i}", Kind.MEMORY, i) for i in self.memories],
            *[Export(f"table {i}", Kind.TABLE, i) for i in self.tables],
        ]
        functions = self._functions(first)
        host_type = self._add_type(FuncType((I32,), (I32,)))
        lengths = [len(self.stubs) + 1, self._slots]
        own_tables = [Table(TableType(FUNCREF, Limits(each))) for each in lengths]
        pages = (self._io_bytes >> _PAGE_LOG2) + 1
        kept = frozenset(self.mentions.of("data"))
        return encode(
            Module(
                types=tuple(self._types),
                imports=(Import("host", "call", Kind.FUNCTION, host_type),),
                functions=tuple(functions),
                tables=(*self._tables, *own_tables),
                memories=(*self._memories, Limits(pages, pages)),
                tags=tuple(self._signatures.tags),
                globals=tuple(self._globals()),
                exports=tuple(exports),
                elements=tuple(self._elements()),
                data_count=len(module.data) or None,
                data=tuple(
                    segment if index in kept and segment.flags == 1 else DataSegment(1, b"")
                    for index, segment in enumerate(module.data)
                ),
            )
        )

    def _functions(self, first: int) -> list[Function]:
        """Stubs, both versions from `first` on, and what is exported."""
        code = HarnessCode(self._pool, self._crossing, self.tags, save=first + 2, load=first + 3)
        throws = self.surface.tags > 0
        run_type = self._add_type(FuncType((), (I32,)))
        payloads = [self._add_type(FuncType((), each.params)) for each in self.tags]
        plain = self._plain_type
        settable = [each for each in self.globals if each.index in self.surface.globals]
        return [
            *[
                code.stub(stub.type_index, stub.type, number, throws=throws)
                for number, stub in enumerate(self.stubs)
            ],
            *[each.with_body(self._rename(each.body)) for each in self._versions],
            code.save_globals(plain, self.globals),
            code.load_globals(plain, settable),
            code.setup(plain, self._derived_globals()),
            code.dump(plain, self.watched),
            *[code.runner(run_type, self.signature, first + v, payloads) for v in (0, 1)],
        ]

    def _rename(self, code: Sequence[Instr]) -> tuple[Instr, ...]:
        """The same code with functions named by their stubs."""
        renamed = {
            instr: self._pool.make(instr.name, self._renamed[instr.immediates[0]])
            for instr in set(code)
            if instr.op.immediates == ("func",)
        }
        return tuple([renamed.get(instr, instr) for instr in code])

    def _table(self, index: int) -> Table:
        imported = len(self._signatures.tables) - len(self._module.tables)
        table = Table(self._signatures.tables[index])
        if index >= imported:
            table = self._module.tables[index - imported]
        least, limits = _LEAST_ENTRIES, table.type.limits
        if limits.maximum is not None:
            least = min(least, limits.maximum)
        limits = replace(limits, minimum=max(limits.minimum, least))
        init = None if table.init is None else self._rename(table.init)
        return Table(replace(table.type, limits=limits), init)

    def _globals(self) -> Iterable[Global]:
        """Numbers that `load` or `setup` will set are mutable here and start as zero."""
        end = self._pool.make("end")
        for index, declared in enumerate(self._signatures.globals):
            value_type = declared.value
            numeric = value_type in NUMBER_NAMES
            defined = index - self._imported_globals
            init = self._rename(self._module.globals[defined].init) if defined >= 0 else None
            if init is not None and not (numeric and _reads_globals(init)):
                yield Global(declared, init)
                continue
            number = self.fit(value_type, 0)
            start = (*self._crossing.constant(value_type, number), end)
            yield Global(GlobalType(value_type, declared.mutable or numeric), start)

    def _derived_globals(self) -> list[tuple[int, Expr]]:
        """Immutable numbers that are made of other globals, with how."""
        return [
            (self._imported_globals + index, self._rename(each.init))
            for index, each in enumerate(self._module.globals)
            if not each.type.mutable
            and each.type.value in NUMBER_NAMES
            and _reads_globals(each.init)
        ]

    def _elements(self) -> Iterable[ElementSegment]:
        make = self._pool.make
        mentioned = self.mentions.of("elem")
        for index, segment in enumerate(self._module.elements):
            items: tuple[int, ...] | tuple[Expr, ...] = ()
            if index in mentioned and segment.flags & 3 == 1:
                items = self._renamed_items(segment)
            if segment.flags & 4:
                yield ElementSegment(5, items, kind=segment.kind or FUNCREF)
            else:
                yield ElementSegment(1, items, kind=b"\0")
        stubs = tuple(range(FIRST_STUB, FIRST_STUB + len(self.stubs)))
        first = (make("i32.const", FIRST_STUB), make("end"))
        yield ElementSegment(2, stubs, self._crossing.functions, first, b"\0")
        for index in self.tables:
            table_type = self._tables[index].type
            count = min(table_type.limits.minimum, _FILLED_ENTRIES)
            zero = (
                make("i64.const" if table_type.limits.address64 else "i32.const", 0),
                make("end"),
            )
            entries = tuple(self._entries(table_type.element, count))
            yield ElementSegment(6, entries, index, zero, table_type.element)

    def _renamed_items(self, segment: ElementSegment) -> tuple[int, ...] | tuple[Expr, ...]:
        functions = tuple(self._renamed[item] for item in segment.items if isinstance(item, int))
        return functions or tuple(
            self._rename(item) for item in segment.items if not isinstance(item, int)
        )

    def _entries(self, element: ValType, count: int) -> Iterable[Expr]:
        """First entries of a table: every fourth is null, functions of called types come first."""
        reference = reference_of(element, self._signatures.types)
        if reference is None or not reference.nullable:
            return
        choices = [number for number in self.choices(element) if number]
        if reference.kind == "func":
            choices.sort(key=lambda number: self.stubs[number - FIRST_STUB].function is not None)
        for entry in range(count if choices else 0):
            number = 0 if entry % 4 == 3 else choices[(entry - entry // 4) % len(choices)]
            yield (*self._crossing.constant(element, number), self._pool.make("end"))


def _memory(limits: Limits) -> Limits:
    """The same, with at least 64 KiB if its maximum allows: memories do grow."""
    if limits.shared:
        raise HarnessError("shared memory")
    page_log2 = _PAGE_LOG2 if limits.page_size_log2 is None else limits.page_size_log2
    least = 1 << (_PAGE_LOG2 - page_log2)
    if limits.maximum is not None:
        least = min(least, limits.maximum)
    return replace(limits, minimum=max(limits.minimum, least))


def _bytes(limits: Limits) -> int:
    """Bytes that a memory starts with."""
    page_log2 = _PAGE_LOG2 if limits.page_size_log2 is None else limits.page_size_log2
    return limits.minimum << page_log2


def _reads_globals(expression: Expr) -> bool:
    return any(instr.name == "global.get" for instr in expression)
