"""Hard gate: is the changed function a valid function of its module, with the same signature?

wasmtime decides, on a small module made for one body.  What an instruction may do with a function,
global, table, memory, tag or segment depends only on that thing's type, so the small module
imports one thing of each type, and the indices in the body are renumbered to it.  Imports need no
bodies and no initial values, so a check costs the same in a module of 20 functions and in one of
20,000.  Types are numbered as in the module.

Nothing is taken from whoever made the function: the encoding of every distinct instruction is
decoded again and must say what the object says, for wasmtime sees the one and every proof the
other.

Source: WebAssembly 3.0, Validation, Modules (contexts; `refs` are the functions that `ref.func`
may name).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

import wasmtime

from wasmopt.context import Context
from wasmopt.encode import encode
from wasmopt.errors import InputError
from wasmopt.function import Function, LocalGroups, locals_bytes
from wasmopt.instr import Instr, encode_instruction, read_instruction
from wasmopt.module import (
    DataSegment,
    ElementSegment,
    Export,
    Import,
    Kind,
    Module,
    Section,
)
from wasmopt.reader import Reader, unsigned_leb
from wasmopt.types import FUNCREF, read_value_type
from wasmopt.validate import LEGACY_EXCEPTIONS, engine

LEGACY_REASON: Final = "legacy exceptions"
SIGNATURE_REASON: Final = "the signature changed"
MALFORMED_REASON: Final = "invalid: malformed function"


_HEADER_SIZE: Final = len(encode(Module()))
"""Bytes of the magic number and version."""
_IMPORTED: Final = {
    "func": Kind.FUNCTION,
    "table": Kind.TABLE,
    "memory": Kind.MEMORY,
    "global": Kind.GLOBAL,
    "tag": Kind.TAG,
}
"""Index spaces that imports fill; `elem` and `data` are filled by empty segments."""


class ValidityGate:
    """Checks bodies against one module; make it by `context.table(ValidityGate)`."""

    def __init__(self, context: Context) -> None:
        self._type_indices: Final = range(len(context.signatures.types))
        self._encodings: Final = _Encodings(context)
        self._head, self._middle, self._tail = self._encodings.surroundings(context.module)

    def refuse(self, before: Function, after: Function) -> str | None:
        """Why `after` cannot stand in the place of `before`, or None if it can.

        `before` is taken to be valid: it stands in a valid module.
        """
        if after.type_index != before.type_index:
            return SIGNATURE_REASON
        return self.problem(after)

    def problem(self, function: Function) -> str | None:
        """Why the function is not valid in this module, in a few words; None if it is."""
        try:
            data = self._module_of(function)
        except _RefusedError as refusal:
            return str(refusal)
        except (ArithmeticError, AttributeError, InputError, LookupError, TypeError, ValueError):
            return MALFORMED_REASON
        try:
            wasmtime.Module.validate(engine(), data)
        except wasmtime.WasmtimeError as error:
            return f"invalid: {_message(str(error))}"
        return None

    def _module_of(self, function: Function) -> bytes:
        """The small module around one function."""
        if function.type_index not in self._type_indices:
            raise _RefusedError(f"invalid: type {function.type_index} does not exist")
        check_locals(function.locals)
        encodings = self._encodings
        code = locals_bytes(function.locals) + b"".join([encodings[i] for i in function.body])
        return b"".join(
            [
                self._head,
                _section(Section.FUNCTION, [unsigned_leb(function.type_index)]),
                self._middle,
                _section(Section.CODE, [unsigned_leb(len(code)) + code]),
                self._tail,
            ]
        )


class _RefusedError(Exception):
    """The message is the reason shown."""


class _Space:
    """An index space reduced to one member of each type.

    Attributes:
        types: the distinct types, in order of first appearance.
        indices: for each old index the new one.
    """

    def __init__(self, types: Iterable[Hashable]) -> None:
        numbers: dict[Any, int] = {}
        self.indices: Final = [numbers.setdefault(each, len(numbers)) for each in types]
        self.types: Final[Sequence[Any]] = list(numbers)


class _Encodings(dict[Instr, bytes]):
    """Instruction -> its encoding in the small module, checked and renumbered at first sight."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        module, signatures = context.module, context.signatures
        segments = 0 if module.data_count is None else module.data_count
        self._spaces: Final[dict[str, _Space]] = {
            "func": _Space(signatures.functions),
            "table": _Space(signatures.tables),
            "memory": _Space(signatures.memories),
            "global": _Space(signatures.globals),
            "tag": _Space(signatures.tags),
            "elem": _Space([_passive(segment) for segment in module.elements]),
            "data": _Space([None] * segments),
        }
        self._declared: Final = declared_references(module)

    def surroundings(self, module: Module) -> tuple[bytes, bytes, bytes]:
        """The small module before its function section, from there to its code, and behind."""
        imports = [
            Import("", "", kind, each)
            for space, kind in _IMPORTED.items()
            for each in self._spaces[space].types
        ]
        functions = self._spaces["func"].indices
        declared = sorted({functions[index] for index in self._declared})
        segments = [DataSegment(1, b"") for _ in self._spaces["data"].types]
        middle = Module(
            # An export declares a function for `ref.func` without an index of its own.
            exports=tuple([Export(str(index), Kind.FUNCTION, index) for index in declared]),
            elements=tuple(self._spaces["elem"].types),
            data_count=None if module.data_count is None else len(segments),
        )
        parts = (
            Module(types=module.types, imports=tuple(imports)),
            middle,
            Module(data=tuple(segments)),
        )
        head, behind, tail = map(encode, parts)
        return head, behind[_HEADER_SIZE:], tail[_HEADER_SIZE:]

    def __missing__(self, instr: Instr) -> bytes:
        if instr.name in LEGACY_EXCEPTIONS:
            raise _RefusedError(LEGACY_REASON)
        reader = Reader(instr.data)
        op, immediates = read_instruction(reader)
        says = (op, op.mnemonic, op.effects, immediates)
        if not reader.at_end() or says != (instr.op, instr.name, instr.effects, instr.immediates):
            raise _RefusedError("invalid: an instruction that is not encoded as what it says")
        if op.mnemonic == "ref.func" and immediates[0] not in self._declared:
            raise _RefusedError("invalid: reference to a function that the module does not declare")
        renumbered = [
            self._renumber(kind, value)
            for kind, value in zip(op.immediates, immediates, strict=True)
        ]
        data = self[instr] = encode_instruction(op, tuple(renumbered))
        return data

    def _renumber(self, kind: str, value: Any) -> Any:
        if kind == "memarg":
            return value._replace(memory=self._index("memory", value.memory))
        if kind == "catches":
            return tuple(
                [
                    each if each.tag is None else each._replace(tag=self._index("tag", each.tag))
                    for each in value
                ]
            )
        return self._index(kind, value) if kind in self._spaces else value

    def _index(self, space: str, old: int) -> int:
        indices = self._spaces[space].indices
        if old >= len(indices):
            raise _RefusedError(f"invalid: {space} {old} does not exist")
        return indices[old]


def declared_references(module: Module) -> set[int]:
    """The functions that `ref.func` may name in a body: those that occur outside of bodies."""
    found = {export.index for export in module.exports if export.kind is Kind.FUNCTION}
    expressions = [entry.init for entry in module.globals]
    expressions += [table.init for table in module.tables if table.init is not None]
    for segment in module.elements:
        for item in segment.items:
            if isinstance(item, int):
                found.add(item)
            else:
                expressions.append(item)
    for expression in expressions:
        found.update([i.immediates[0] for i in expression if i.name == "ref.func"])
    return found


def _passive(segment: ElementSegment) -> ElementSegment:
    """A segment of the same element type that needs neither table nor items."""
    if segment.flags & 4:
        return ElementSegment(5, (), kind=segment.kind or FUNCREF)
    return ElementSegment(1, (), kind=b"\0")


def _section(section: Section, items: Sequence[bytes]) -> bytes:
    content = unsigned_leb(len(items)) + b"".join(items)
    return bytes([section]) + unsigned_leb(len(content)) + content


def check_locals(groups: LocalGroups) -> None:
    """Check that local declarations are read back as what they say.

    Raises:
        InputError, TypeError, ValueError: they are not.
    """
    reader = Reader(locals_bytes(groups))
    read = [
        (reader.u32("number of locals"), read_value_type(reader))
        for _ in range(reader.count("local declarations"))
    ]
    if not reader.at_end() or tuple(read) != groups:
        raise ValueError("local declarations are not encoded as what they say")


def _message(text: str) -> str:
    """One line out of wasmtime's message, without the offset, which is in the small module."""
    line = " ".join(text.split())
    return line.partition(" (at offset ")[0]
