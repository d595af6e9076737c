"""A function: signature, local declarations, body.  Immutable; a change makes a new one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wasmopt.instr import Instr
from wasmopt.reader import unsigned_leb, unsigned_leb_size
from wasmopt.types import ValType

LocalGroups = tuple[tuple[int, ValType], ...]
"""Local declarations as they are encoded: (how many, type), parameters not included."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function defined in the module; two are the same only if they are the same object.

    Attributes:
        type_index: its signature, an index into the module's types.
        locals: declarations behind the parameters, as written.
        body: flat instructions, the closing `end` included.
    """

    type_index: int
    locals: LocalGroups
    body: tuple[Instr, ...]

    def with_body(self, body: Iterable[Instr]) -> Function:
        """The same function with another body."""
        return replace(self, body=tuple(body))

    def local_types(self) -> list[ValType]:
        """The types of the declared locals, parameters not included, one entry each."""
        return [value_type for count, value_type in self.locals for _ in range(count)]

    def entry_size(self) -> int:
        """Bytes of the function's entry in the code section, its length prefix included."""
        size = locals_size(self.locals) + sum([instr.size for instr in self.body])
        return unsigned_leb_size(size) + size


def group_locals(types: Iterable[ValType]) -> LocalGroups:
    """The fewest declarations that declare locals of these types in this order."""
    groups: list[tuple[int, ValType]] = []
    for value_type in types:
        if groups and groups[-1][1] == value_type:
            groups[-1] = (groups[-1][0] + 1, value_type)
        else:
            groups.append((1, value_type))
    return tuple(groups)


def locals_bytes(groups: LocalGroups) -> bytes:
    """The encoding of local declarations."""
    parts = [unsigned_leb(count) + value_type for count, value_type in groups]
    return unsigned_leb(len(groups)) + b"".join(parts)


def locals_size(groups: LocalGroups) -> int:
    """Length of `locals_bytes(groups)` in bytes."""
    return unsigned_leb_size(len(groups)) + sum(
        unsigned_leb_size(count) + len(value_type) for count, value_type in groups
    )
