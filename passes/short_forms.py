"""Short forms: segments and types written in the shortest of the forms that mean the same.

    (elem (table 0) (i32.const 8) func $f)                 →  (elem (i32.const 8) func $f)
    (elem (i32.const 8) funcref (ref.func $f))             →  (elem (i32.const 8) func $f)
    (elem funcref (ref.func $f) (ref.func $g))             →  (elem func $f $g)
    (data (memory 0) (i32.const 8) "a")                    →  (data (i32.const 8) "a")
    (rec (type $t (func)))  (type $t (sub final (func)))   →  (type $t (func))

Needs: table or memory 0 where the number is left out; references to functions and nothing else,
of type funcref or (ref func), where indices stand for them.  Keeps: all indices, and which segment
is passive or declarative.  Costs: one look at each segment and type.

Source: WebAssembly 3.0, Binary Format, Modules (element section, data section, recursive types).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wasmopt.module import DataSegment, ElementSegment, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.types import RecGroup, SubType

_PASSIVE: Final = 1
_EXPLICIT: Final = 2
"""Names its table, or is declarative where it is not active."""
_EXPRESSIONS: Final = 4
_FUNCREF: Final = b"\x70"
_FUNCTIONS: Final = b"\0"
_FUNCTION_REFERENCES: Final = (_FUNCREF, b"\x64\x70", b"\x63\x70")
"""funcref, (ref func), and funcref written out."""


def short_forms(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Write each segment and type the shortest way."""
    after = replace(
        module,
        types=tuple([_group(each) for each in module.types]),
        elements=tuple([_elements(each) for each in module.elements]),
        data=tuple([_data(each) for each in module.data]),
    )
    before = (module.types, module.elements, module.data)
    return (
        None if (after.types, after.elements, after.data) == before else (after, Correspondence())
    )


def _group(group: RecGroup) -> RecGroup:
    subs = tuple([_sub_type(each) for each in group.types])
    return RecGroup(subs, explicit=group.explicit and len(subs) != 1)


def _sub_type(sub: SubType) -> SubType:
    return replace(sub, explicit=False) if sub.final and not sub.supertypes else sub


def _data(segment: DataSegment) -> DataSegment:
    named_for_nothing = segment.flags == _EXPLICIT and segment.memory == 0
    return replace(segment, flags=0) if named_for_nothing else segment


def _elements(segment: ElementSegment) -> ElementSegment:
    flags, kind, items = segment.flags, segment.kind, segment.items
    if flags & _EXPRESSIONS and (kind is None or kind in _FUNCTION_REFERENCES):
        indices = [
            int(item[0].immediates[0])
            for item in items
            if not isinstance(item, int) and [instr.name for instr in item] == ["ref.func", "end"]
        ]
        if len(indices) == len(items):
            items, flags = tuple(indices), flags & ~_EXPRESSIONS
            kind = None if kind is None else _FUNCTIONS
    names_table_0 = flags & (_PASSIVE | _EXPLICIT) == _EXPLICIT and segment.table == 0
    if names_table_0 and kind == (_FUNCREF if flags & _EXPRESSIONS else _FUNCTIONS):
        flags, kind = flags & ~_EXPLICIT, None
    if flags == segment.flags:
        return segment
    return replace(segment, flags=flags, items=items, kind=kind)


SHORT_FORMS: Final = ModulePass(
    "short-forms", "write segments and types in their shortest form", short_forms
)
