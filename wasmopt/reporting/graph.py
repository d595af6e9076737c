"""Who refers to whom in a module, with every byte of the file at one of its parts.

======================  ========================================================================
part                    its bytes
======================  ========================================================================
function, global, …     its entries: code, signature, import, and the exports that name it
data, element segment   its entry
type                    the entry of its recursion group
custom section          the whole section
headers                 the header of the file, numbers and lengths of sections, and what numbers
                        that are longer than necessary cost outside of the code
======================  ========================================================================

The root is what makes things stay whoever refers to them: exports, the start function, active
and declarative segments, custom sections, headers.  Everything else stays for what refers to it;
what no path from the root leads to could go.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from wasmopt.encode import section_entries
from wasmopt.instr import Instr
from wasmopt.module import GlobalType, Kind, Module, Section, TableType
from wasmopt.reader import Reader
from wasmopt.reporting.dominators import UNREACHED, immediate_dominators, retained_sizes
from wasmopt.reporting.measure import function_sizes, section_sizes
from wasmopt.types import (
    REF_NULL_PREFIX,
    REF_PREFIX,
    ArrayType,
    FuncType,
    StructType,
    SubType,
    read_heap_type,
)

Key = tuple[str, int]
"""What sort of thing a part is, and its index among these."""

ROOT: Final[Key] = ("root", 0)
HEADERS: Final[Key] = ("headers", 0)
CUSTOM: Final = "custom section"

_SPACES: Final = {
    Kind.FUNCTION: "function",
    Kind.TABLE: "table",
    Kind.MEMORY: "memory",
    Kind.GLOBAL: "global",
    Kind.TAG: "tag",
}
_DEFINITIONS: Final = {
    Section.TABLE: Kind.TABLE,
    Section.MEMORY: Kind.MEMORY,
    Section.TAG: Kind.TAG,
    Section.GLOBAL: Kind.GLOBAL,
    Section.FUNCTION: Kind.FUNCTION,
}
_LISTED: Final = {Section.TYPE: "type", Section.ELEMENT: "element", Section.DATA: "data"}
_OPERANDS: Final = {
    "func": "function",
    "table": "table",
    "global": "global",
    "memory": "memory",
    "tag": "tag",
    "data": "data",
    "elem": "element",
}
"""Kinds of immediates that name a part by its index."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a module.

    Attributes:
        kind, index: what it is.
        own: bytes of the part itself.
        retained: with those of everything that stays only because of it; 0 if it could go.
        keeper: place of the part because of which it stays, 0 for the root; None if it could go.
    """

    kind: str
    index: int
    own: int
    retained: int
    keeper: int | None


def analyse(module: Module, data: bytes) -> list[Part]:
    """The parts of a module, the root first; `own` adds up to the size of the file.

    Args:
        module: the module.
        data: the file that it was decoded from.
    """
    sizes = _own_sizes(module, data)
    edges = _References(module).edges
    places = {key: place for place, key in enumerate([ROOT, *sizes])}
    successors = [[places[target] for target in edges[key] if target in places] for key in places]
    own = [0, *sizes.values()]
    dominators = immediate_dominators(successors)
    retained = retained_sizes(own, successors, dominators)
    return [
        Part(*key, own[place], retained[place], None if keeper == UNREACHED else keeper)
        for (key, place), keeper in zip(places.items(), dominators, strict=True)
    ]


def _own_sizes(module: Module, data: bytes) -> dict[Key, int]:
    sizes: Counter[Key] = Counter()
    numbers: Counter[Kind] = Counter()
    for entry, encoded in zip(module.imports, section_entries(module, Section.IMPORT), strict=True):
        sizes[_SPACES[entry.kind], numbers[entry.kind]] += len(encoded)
        numbers[entry.kind] += 1
    imported = numbers[Kind.FUNCTION]
    for section, kind in _DEFINITIONS.items():
        for index, encoded in enumerate(section_entries(module, section), numbers[kind]):
            sizes[_SPACES[kind], index] += len(encoded)
    for index, size in enumerate(function_sizes(data), imported):
        sizes["function", index] += size
    for export, encoded in zip(
        module.exports, section_entries(module, Section.EXPORT), strict=True
    ):
        sizes[_SPACES[export.kind], export.index] += len(encoded)
    for section, name in _LISTED.items():
        for index, encoded in enumerate(section_entries(module, section)):
            sizes[name, index] += len(encoded)
    for index, (_, size) in enumerate(custom_sections(data)):
        sizes[CUSTOM, index] += size
    sizes[HEADERS] = len(data) - sizes.total()
    return dict(sizes)


def custom_sections(data: bytes) -> list[tuple[str, int]]:
    """Names and sizes of the custom sections, those of one name together."""
    return [(name, size) for name, size in section_sizes(data).items() if name.startswith("custom")]


class _References:
    """Which part refers to which."""

    def __init__(self, module: Module) -> None:
        self.edges: Final[defaultdict[Key, set[Key]]] = defaultdict(set)
        self._groups: Final = [
            number for number, group in enumerate(module.types) for _ in group.types
        ]
        self._of_instr: Final[dict[Instr, tuple[Key, ...]]] = {}
        self._add_definitions(module)
        self._add_root(module)

    def _add_root(self, module: Module) -> None:
        root = self.edges[ROOT]
        root.add(HEADERS)
        root.update((_SPACES[export.kind], export.index) for export in module.exports)
        root.update((CUSTOM, index) for index, _ in enumerate(module.custom_sections()))
        root.update(("data", index) for index, each in enumerate(module.data) if each.flags != 1)
        root.update(
            ("element", index) for index, each in enumerate(module.elements) if each.flags & 3 != 1
        )
        if module.start is not None:
            root.add(("function", module.start))

    def _add_definitions(self, module: Module) -> None:
        numbers: Counter[Kind] = Counter()
        for entry in module.imports:
            key = (_SPACES[entry.kind], numbers[entry.kind])
            numbers[entry.kind] += 1
            match entry.type:
                case int(index):
                    self.edges[key].add(self._type(index))
                case TableType() as table_type:
                    self.edges[key].update(self._of_values([table_type.element]))
                case GlobalType() as global_type:
                    self.edges[key].update(self._of_values([global_type.value]))
        for index, function in enumerate(module.functions, numbers[Kind.FUNCTION]):
            used = self.edges["function", index]
            used.add(self._type(function.type_index))
            used.update(self._of_values(value_type for _, value_type in function.locals))
            used.update(self._of_code(function.body))
        for index, table in enumerate(module.tables, numbers[Kind.TABLE]):
            self.edges["table", index].update(
                self._of_values([table.type.element]), self._of_code(table.init or ())
            )
        for index, each in enumerate(module.globals, numbers[Kind.GLOBAL]):
            self.edges["global", index].update(
                self._of_values([each.type.value]), self._of_code(each.init)
            )
        for index, tag in enumerate(module.tags, numbers[Kind.TAG]):
            self.edges["tag", index].add(self._type(tag))
        for number, group in enumerate(module.types):
            for sub in group.types:
                self.edges["type", number].update(self._of_type(sub))
        self._add_segments(module)

    def _add_segments(self, module: Module) -> None:
        for index, segment in enumerate(module.data):
            used = self.edges["data", index]
            if segment.offset is not None:
                used.add(("memory", segment.memory))
                used.update(self._of_code(segment.offset))
        for index, elements in enumerate(module.elements):
            used = self.edges["element", index]
            if elements.flags & 3 == 3:  # declarative: keeps nothing, it just says what is named
                continue
            if elements.offset is not None:
                used.add(("table", elements.table))
                used.update(self._of_code(elements.offset))
            for item in elements.items:
                used.update([("function", item)] if isinstance(item, int) else self._of_code(item))

    def _type(self, index: int) -> Key:
        return ("type", self._groups[index])

    def _of_type(self, sub: SubType) -> Iterator[Key]:
        yield from map(self._type, sub.supertypes)
        match sub.composite:
            case FuncType(params, results):
                yield from self._of_values([*params, *results])
            case StructType(fields):
                yield from self._of_values([field.storage for field in fields])
            case ArrayType(element):
                yield from self._of_values([element.storage])

    def _of_values(self, value_types: Iterable[bytes]) -> Iterator[Key]:
        for value_type in value_types:
            if value_type[0] in (REF_PREFIX, REF_NULL_PREFIX):
                heap_type = read_heap_type(Reader(value_type, 1))
                if isinstance(heap_type, int):
                    yield self._type(heap_type)

    def _of_code(self, instrs: Iterable[Instr]) -> Iterator[Key]:
        for instr in set(instrs):
            known = self._of_instr.get(instr)
            if known is None:
                known = self._of_instr[instr] = tuple(self._of_instruction(instr))
            yield from known

    def _of_instruction(self, instr: Instr) -> Iterator[Key]:
        for kind, value in zip(instr.op.immediates, instr.immediates, strict=True):
            if kind in _OPERANDS:
                yield (_OPERANDS[kind], value)
            elif kind == "memarg":
                yield ("memory", value.memory)
            elif kind == "type" or (kind in ("block", "heaptype") and isinstance(value, int)):
                yield self._type(value)
            elif kind == "block" and value is not None:
                yield from self._of_values([value])
            elif kind == "valtypes":
                yield from self._of_values(value)
            elif kind == "catches":
                yield from [("tag", catch.tag) for catch in value if catch.tag is not None]
