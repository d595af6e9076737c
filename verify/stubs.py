"""Which functions a harness needs besides the two versions: one stub for each that is named, and
one for each type that may be called without a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wasmopt.module import Expr, Kind, Module, Signatures
from wasmopt.types import FuncType, ValType
from wasmopt.verify.crossing import HarnessError, reference_of
from wasmopt.verify.mentions import Mentions

MAX_STUBS: Final = 2_000
_INDIRECT: Final = ("call_indirect", "return_call_indirect", "call_ref", "return_call_ref")
"""Instructions whose first immediate is the type of what they call."""


@dataclass(frozen=True, slots=True)
class Stub:
    """A function that stands for others.

    Attributes:
        name: to show.
        type_index, type: its type.
        function: the function of the module that it stands for; None for any of that type.
    """

    name: str
    type_index: int
    type: FuncType
    function: int | None


def choose_stubs(
    module: Module, mentions: Mentions, references: Iterable[ValType], plain_type: int
) -> list[Stub]:
    """The stubs; those of functions with a name come first.

    Args:
        module: around the versions.
        mentions: what the versions name.
        references: types of values that have to be made up.
        plain_type: index of a type without parameters and results, for those of them that may be
            any function.

    Raises:
        HarnessError: there are too many.
    """
    signatures = Signatures(module)
    functions = _named(module, mentions)
    types = {instr.immediates[0] for instr in mentions.instrs if instr.name in _INDIRECT}
    for value_type in references:
        reference = reference_of(value_type, signatures.types)
        if reference is not None and reference.kind == "func":
            types.add(reference.heap if isinstance(reference.heap, int) else plain_type)
    if len(functions) + len(types) > MAX_STUBS:
        raise HarnessError("too many functions are mentioned")
    imports = [f"{entry.module}.{entry.name}" for entry in module.imported(Kind.FUNCTION)]
    stubs: list[Stub] = []
    for index in sorted(functions):
        name = imports[index] if index < len(imports) else f"function {index}"
        stubs.append(
            Stub(name, signatures.functions[index], signatures.function_type(index), index)
        )
    for index in sorted(types):
        func_type = FuncType() if index == plain_type else signatures.func_type(index)
        stubs.append(Stub(f"a function of type {index}", index, func_type, None))
    return stubs


def _named(module: Module, mentions: Mentions) -> set[int]:
    """Functions that the versions name, or that what is kept of the module does."""
    named = set(mentions.of("func"))
    expressions: list[Expr] = [entry.init for entry in module.globals]
    expressions += [table.init for table in module.tables if table.init is not None]
    for segment in mentions.of("elem"):
        for item in module.elements[segment].items:
            if isinstance(item, int):
                named.add(item)
            else:
                expressions.append(item)
    for expression in expressions:
        named |= {instr.immediates[0] for instr in expression if instr.name == "ref.func"}
    return named
