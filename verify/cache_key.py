"""What a verdict about two functions depends on, as a few bytes to remember it by.

Two questions with the same key have the same answer, whatever modules they come from.  The key
covers the bytes of both versions, everything they name by index, all that is declared about
memories, tables and globals, and the validator itself.  Bodies of other functions, names, exports
and data are not in it: no proof looks at them, save for tables that `table_facts` says are fixed,
whose entries are in it.  When in doubt more is taken in; that costs hits, never a wrong verdict.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from wasmopt import version
from wasmopt.context import Context
from wasmopt.encode import expr_bytes, section_content
from wasmopt.function import Function, locals_bytes
from wasmopt.instr import Instr
from wasmopt.module import Kind, Section
from wasmopt.types import FuncType
from wasmopt.verify.table_facts import TableFacts
from wasmopt.verify.validity import declared_references


def context_digest(before: Function, after: Function, context: Context) -> bytes:
    """A digest of two versions of a function and of all in their module that they depend on.

    Returns:
        32 bytes.
    """
    surroundings = context.table(_Surroundings)
    digest = hashlib.sha256(surroundings.declared)
    # Two type indices may stand for one type, and yet a change of the index is refused.
    _add(digest, bytes([before.type_index == after.type_index]))
    for each in (before, after):
        local_types = [value_type for _, value_type in each.locals]
        _add(digest, surroundings.type_of(each.type_index))
        _add(digest, b"".join([surroundings.named_by(local) for local in local_types]))
        _add(digest, locals_bytes(each.locals))
        _add(digest, expr_bytes(each.body))
    for instr in sorted({*before.body, *after.body}, key=_encoding):
        named = surroundings[instr]
        if named:
            _add(digest, instr.data)
            _add(digest, named)
    return digest.digest()


def _encoding(instr: Instr) -> bytes:
    return instr.data


def _add(digest: Any, part: bytes) -> None:
    """Parts carry their length: no two lists of parts run together to the same bytes."""
    digest.update(len(part).to_bytes(8, "little"))
    digest.update(part)


class _Surroundings(dict[Instr, bytes]):
    """Instruction -> all that is declared about what it names; `context.table(_Surroundings)`.

    Attributes:
        declared: digest of memories, tables, globals and segments, whether named or not.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        module = context.module
        signatures = self._signatures = context.signatures
        self._all_types: Final = hashlib.sha256(section_content(module, Section.TYPE)).digest()
        self._has_groups: Final = any(group.explicit for group in module.types)
        self._references: Final = declared_references(module)
        self._tables: Final = context.table(TableFacts)
        imported = [entry.type for entry in module.imported(Kind.GLOBAL)]
        defined = [(entry.type, expr_bytes(entry.init)) for entry in module.globals]
        self._globals: Final = [repr(each).encode() for each in [*imported, *defined]]
        forms = [(each.flags, each.kind) for each in module.elements]
        spaces = (signatures.memories, signatures.tables, signatures.globals, forms)
        values = [*[each.element for each in signatures.tables]]
        values += [each.value for each in signatures.globals]
        named = b"".join([self.named_by(each) for each in values])
        declared = repr((*spaces, module.data_count)).encode() + named
        self.declared: Final = hashlib.sha256(declared).digest()

    def __missing__(self, instr: Instr) -> bytes:
        named = zip(instr.op.immediates, instr.immediates, strict=True)
        description = self[instr] = b"".join([self._describe(*each) for each in named])
        return description

    def _describe(self, kind: str, value: Any) -> bytes:
        try:
            match kind:
                case "func":
                    declared = b"declared" if value in self._references else b""
                    return declared + self.type_of(self._signatures.functions[value])
                case "type":
                    return self.type_of(value)
                case "table":
                    return self._known_entries(value)
                case "tag":
                    return self.type_of(self._signatures.tags[value])
                case "global":
                    described: bytes = self._globals[value]
                    return described
                case "catches":
                    tags = [each.tag for each in value if each.tag is not None]
                    return b"".join([self._describe("tag", tag) for tag in tags])
                case "block" | "heaptype" if isinstance(value, int):
                    return self.type_of(value)
                case "block" | "heaptype" if value is not None:
                    return self.named_by(value)
                case "valtypes":
                    return b"".join([self.named_by(each) for each in value])
        except IndexError:
            return _NOTHING
        return b""

    def _known_entries(self, table: int) -> bytes:
        """What calls through the table are known to call."""
        functions = self._signatures.functions
        entries = sorted(self._tables.entries(table).items())
        described = [(*each, self.type_of(functions[each[1]])) for each in entries]
        return hashlib.sha256(repr(described).encode()).digest() if described else b""

    def type_of(self, type_index: int) -> bytes:
        """All that matters about a type: its parameters and results.

        The whole type section where there is more to it, because type indices occur in it.
        """
        if type_index >= len(self._signatures.types):
            return _NOTHING
        sub = self._signatures.types[type_index]
        composite = sub.composite
        if isinstance(composite, FuncType) and not sub.explicit and not self._has_groups:
            values = (*composite.params, *composite.results)
            if not any(self.named_by(each) for each in values):
                return repr(composite).encode()
        return repr(type_index).encode() + self._all_types

    def named_by(self, value_type: bytes) -> bytes:
        """What a value type refers to: the type section if it has a type index, else nothing."""
        return self._all_types if len(value_type) > 1 else b""


_NOTHING: Final = b"no such thing"
"""Stands for what an invalid function names."""


@cache
def validator_version() -> str:
    """Names everything that a verdict may depend on besides the question.

    The version, the versions of Z3 and wasmtime, and the source text of this package: during
    development it changes without a new version, and what an older validator proved counts no
    more.
    """
    digest = hashlib.sha256()
    folders = [Path(each).parent for each in (version.__file__, __file__)]
    for path in [path for folder in folders for path in sorted(folder.glob("*.py"))]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    libraries = [f"{name}={_library_version(name)}" for name in ("wasmtime", "z3-solver")]
    return " ".join([version.VERSION, *libraries, digest.hexdigest()[:16]])


def solver_version() -> str:
    """Name and version of the solver."""
    return f"z3 {_library_version('z3-solver')}"


def _library_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
