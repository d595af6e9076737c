"""Remove unused: takes out what nothing that is left names.

    (func $dead …)                              →
    (global $g …)  (type $t …)  (tag …)         →
    (data "passive, never named")               →
    (memory 1) (data (i32.const 0) "x")         →         where no code and no export names it
    (data (i32.const 0) "")                     →         where it fits
    (type $a (func)) (type $b (func))           →  (type $a (func))
    (func $f (type $t) …)                       →  (func $f (type $t) unreachable)
                                                          where only a table that is only called
                                                          through holds it, and no call asks for $t

Roots: exports, the start function, imports (which stay, since linking sees them), and segments
that are written into what the host sees or may not fit, which would trap.  Keeps: everything
reachable from there.  Costs: one look at each distinct instruction of each function that stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import ElementSegment, Expr, Kind, Limits, Module, Signatures
from wasmopt.module_change import Correspondence, Map, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import compressed, follow
from wasmopt.passes.module_uses import SPACES, Use, Uses, private_tables
from wasmopt.types import FuncType

_PAGE_LOG2 = 16
_INDIRECT = frozenset(["call_indirect", "return_call_indirect"])
_Call = tuple[int, object]
"""A table, and the type that a call through it asks for: None for one that is not plain."""


def remove_unused(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Take out what nothing names."""
    reach = _Reach(module)
    used = reach.used
    spaces = {kind: _size(module, kind) for kind in Kind}
    maps = {
        kind: compressed([(SPACES[kind], index) in used for index in range(size)])
        for kind, size in spaces.items()
    }
    functions = range(spaces[Kind.FUNCTION])
    maps[Kind.FUNCTION] = compressed([not used.isdisjoint(_named(i)) for i in functions])
    claim = Correspondence(
        maps,
        _type_map(module, used),
        compressed([("data", index) in used for index in range(len(module.data))]),
        compressed([("elem", index) in used for index in range(len(module.elements))]),
    )
    every = [*maps.values(), claim.types, claim.data, claim.elements]
    emptied = _emptied(module, reach)
    same = emptied.functions == module.functions
    if same and all(indices == tuple(range(len(indices or ()))) for indices in every):
        return None
    return follow(emptied, claim), claim


def _emptied(module: Module, reach: _Reach) -> Module:
    """The module in which functions that are kept, but never called, have no code."""
    first = len(module.imported(Kind.FUNCTION))
    code = (module.pool.make("unreachable"), module.pool.make("end"))
    functions = [
        Function(function.type_index, (), code)
        if ("func", index) not in reach.used and len(function.body) > 1 and function.body != code
        else function
        for index, function in enumerate(module.functions, first)
    ]
    return replace(module, functions=tuple(functions))


def _named(function: int) -> tuple[Use, Use]:
    """The uses because of which a function has to be there."""
    return ("func", function), ("slot", function)


def _size(module: Module, kind: Kind) -> int:
    defined = {
        Kind.FUNCTION: module.functions,
        Kind.TABLE: module.tables,
        Kind.MEMORY: module.memories,
        Kind.GLOBAL: module.globals,
        Kind.TAG: module.tags,
    }
    return len(module.imported(kind)) + len(defined[kind])


class _Reach:
    """Everything that is reached from the roots: `used`.

    Functions have a second space: "slot" is for those that are in a table which is only called
    through.  They have to be there, but have no code unless they are reached as "func" as well,
    which comes of any other name and of calls through the table that ask for their type.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._uses = Uses(module)
        self._imported = {kind: len(module.imported(kind)) for kind in Kind}
        self._groups = [group for group in module.types for _ in group.types]
        self._signatures = Signatures(module)
        self._plain = [
            sub.composite if _is_plain(sub.composite) and not sub.supertypes else None
            for group in module.types
            for sub in group.types
        ]
        self._private = private_tables(module)
        self._asked: set[_Call] = set()
        self._waiting: dict[_Call, list[Use]] = {}
        self.used: set[Use] = set()
        self._pending: list[Use] = []
        self._active = self._active_segments()
        self._add(self._roots())
        while self._pending:
            self._add(self._named_by(*self._pending.pop()))

    def _add(self, uses: Iterable[Use]) -> None:
        for use in uses:
            if use not in self.used:
                self.used.add(use)
                self._pending.append(use)

    def _roots(self) -> list[Use]:
        module, uses = self._module, self._uses
        for entry in module.imports:
            uses.imported(entry)
        found = uses.heard()
        for kind, count in self._imported.items():
            found += [(SPACES[kind], index) for index in range(count)]
        found += [(SPACES[export.kind], export.index) for export in module.exports]
        if module.start is not None:
            found.append(("func", module.start))
        return found + self._may_trap

    def _active_segments(self) -> dict[Use, list[Use]]:
        """Table or memory -> the segments written into it; and those that may not fit."""
        signatures = self._signatures
        self._may_trap: list[Use] = []
        found: dict[Use, list[Use]] = {}
        sizes = [table.limits.minimum for table in signatures.tables]
        for index, element in enumerate(self._module.elements):
            if element.offset is not None:
                length = len(element.items)
                if not fits(element.offset, length, sizes[element.table]):
                    self._may_trap.append(("elem", index))
                elif length:
                    found.setdefault(("table", element.table), []).append(("elem", index))
        for index, segment in enumerate(self._module.data):
            if segment.offset is not None:
                size = memory_size(signatures.memories[segment.memory])
                if not fits(segment.offset, len(segment.data), size):
                    self._may_trap.append(("data", index))
                elif segment.data:
                    found.setdefault(("memory", segment.memory), []).append(("data", index))
        return found

    def _declarations(self, body: Iterable[Instr]) -> list[Use]:
        """Segments without which `ref.func` in a body would name an undeclared function."""
        named = {instr.immediates[0] for instr in set(body) if instr.name == "ref.func"}
        named -= {each.index for each in self._module.exports if each.kind is Kind.FUNCTION}
        found: list[Use] = []
        if named:
            for index, segment in enumerate(self._module.elements):
                declared = named.intersection(
                    [item if isinstance(item, int) else _function(item) for item in segment.items]
                )
                if declared:
                    found.append(("elem", index))
                    named -= declared
        return found

    def _named_by(self, space: str, index: int) -> list[Use]:
        """What something names, and the segments that are written into it."""
        module, uses = self._module, self._uses
        found = list(self._active.get((space, index), ()))
        match space:
            case "func" if index >= self._imported[Kind.FUNCTION]:
                function = module.functions[index - self._imported[Kind.FUNCTION]]
                uses.function(function)
                found += uses.code(function.body)
                found += self._declarations(function.body)
                found += self._called_through_tables(function.body)
            case "slot":
                uses.index("type", self._signatures.functions[index])
            case "table" if index >= self._imported[Kind.TABLE]:
                table = module.tables[index - self._imported[Kind.TABLE]]
                uses.table_type(table.type)
                found += uses.code(table.init or ())
            case "global" if index >= self._imported[Kind.GLOBAL]:
                entry = module.globals[index - self._imported[Kind.GLOBAL]]
                uses.global_type(entry.type)
                found += uses.code(entry.init)
            case "tag" if index >= self._imported[Kind.TAG]:
                uses.index("type", module.tags[index - self._imported[Kind.TAG]])
            case "type":
                group = self._groups[index]
                start = next(i for i, each in enumerate(self._groups) if each is group)
                found += [("type", start + place) for place in range(len(group.types))]
                for sub in group.types:
                    uses.sub_type(sub)
            case "elem":
                element = module.elements[index]
                for item in element.items:
                    if isinstance(item, int):
                        found += self._held(element, item)
                    else:
                        found += uses.code(item)
                found += uses.code(element.offset or ())
                uses.element_segment(replace(element, items=()))
            case "data":
                segment = module.data[index]
                found += uses.code(segment.offset or ())
                uses.data_segment(segment)
        return found + uses.heard()

    def _held(self, element: ElementSegment, function: int) -> list[Use]:
        """What it takes that a segment puts the function into a table."""
        own_type = self._plain[self._signatures.functions[function]]
        private = element.offset is not None and element.table in self._private
        if own_type is None or not private or (element.table, own_type) in self._asked:
            return [("func", function)]
        self._waiting.setdefault((element.table, own_type), []).append(("func", function))
        return [("slot", function)]

    def _called_through_tables(self, body: Iterable[Instr]) -> list[Use]:
        """The functions that the body's calls through tables are the first to ask for."""
        found: list[Use] = []
        for instr in set(body):
            if instr.name in _INDIRECT:
                named = dict(zip(instr.op.immediates, instr.immediates, strict=True))
                call = (named["table"], self._plain[named["type"]])
                self._asked.add(call)
                found += self._waiting.pop(call, [])
        return found


def _function(expression: Expr) -> int:
    """The function that an item of a segment refers to, -1 for none."""
    return int(expression[0].immediates[0]) if expression[0].name == "ref.func" else -1


def fits(offset: Expr, length: int, size: int) -> bool:
    """Whether an active segment surely fits into a table or memory of that size."""
    bits = {"i32.const": 32, "i64.const": 64}.get(offset[0].name)
    if bits is None or len(offset) != 2:
        return False
    return int(offset[0].immediates[0]) % (1 << bits) + length <= size


def memory_size(limits: Limits) -> int:
    """Bytes that a memory has from the start."""
    page = _PAGE_LOG2 if limits.page_size_log2 is None else limits.page_size_log2
    return limits.minimum << page


def _type_map(module: Module, used: set[Use]) -> Map:
    """Types that are used; plain function types that are the same become one."""
    first: dict[FuncType, int] = {}
    kept: list[bool] = []
    stands_for: list[int] = []
    for group in module.types:
        for sub in group.types:
            index = len(kept)
            same = index
            if _is_plain(sub.composite) and not (sub.explicit or group.explicit):
                assert isinstance(sub.composite, FuncType)
                if ("type", index) in used:
                    same = first.setdefault(sub.composite, index)
            stands_for.append(same)
            kept.append(("type", index) in used and same == index)
    places = compressed(kept)
    return tuple([places[same] for same in stands_for])


def _is_plain(composite: object) -> bool:
    """Whether this is a function type that names no other type."""
    if not isinstance(composite, FuncType):
        return False
    return all(len(each) == 1 for each in composite.params + composite.results)


REMOVE_UNUSED = ModulePass("remove-unused", "remove what nothing names", remove_unused)
