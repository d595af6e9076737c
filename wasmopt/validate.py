"""Asks wasmtime whether a module is valid, with every proposal it knows switched on.

wasmtime does not know the legacy exception instructions.  A function that has any is replaced by
`unreachable` in the copy that wasmtime sees; such functions are never changed, so that what is
checked is all that can have changed.  Of them it is checked that what they name is there.
"""

from __future__ import annotations

import re
from collections.abc import Sized
from dataclasses import replace
from functools import cache
from typing import Final

import wasmtime

from wasmopt.encode import encode
from wasmopt.errors import ValidationError
from wasmopt.instr import Instr
from wasmopt.module import Kind, Module, Signatures
from wasmopt.module_change import Correspondence
from wasmopt.renumber import GoneError, Renumbering

LEGACY_EXCEPTIONS: Final = frozenset(["try", "catch", "catch_all", "delegate", "rethrow"])

_PROPOSALS: Final = (
    "wasm_bulk_memory",
    "wasm_custom_page_sizes",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_multi_value",
    "wasm_reference_types",
    "wasm_relaxed_simd",
    "wasm_simd",
    "wasm_tail_call",
    "wasm_threads",
)


def every_proposal() -> wasmtime.Config:
    """A configuration with every proposal of WebAssembly 3.0 that this wasmtime has."""
    config = wasmtime.Config()
    for proposal in _PROPOSALS:
        if hasattr(config, proposal):
            setattr(config, proposal, True)
    return config


@cache
def engine() -> wasmtime.Engine:
    """An engine with every proposal of WebAssembly 3.0 that this wasmtime has."""
    return wasmtime.Engine(every_proposal())


def legacy_exceptions(module: Module) -> frozenset[Instr]:
    """The module's instructions that wasmtime does not know."""
    return frozenset([instr for instr in module.pool.values() if instr.name in LEGACY_EXCEPTIONS])


def validate(module: Module, data: bytes | None = None) -> None:
    """Check that the module is valid.

    Args:
        module: the decoded module.
        data: its encoding, if it is at hand.

    Raises:
        ValidationError: with the byte offset that wasmtime names.
    """
    legacy = legacy_exceptions(module)
    if legacy:
        _check_names(legacy, module)
        module, data = _without(legacy, module), None
    try:
        wasmtime.Module.validate(engine(), encode(module) if data is None else data)
    except wasmtime.WasmtimeError as error:
        raise _validation_error(str(error), known_place=not legacy) from None


def _check_names(legacy: frozenset[Instr], module: Module) -> None:
    """Check that functions with these instructions name only what the module has."""
    known = Signatures(module)
    spaces: dict[Kind, Sized] = {
        Kind.FUNCTION: known.functions,
        Kind.TABLE: known.tables,
        Kind.MEMORY: known.memories,
        Kind.GLOBAL: known.globals,
        Kind.TAG: known.tags,
    }
    same = Correspondence(
        {kind: tuple(range(len(entries))) for kind, entries in spaces.items()},
        types=tuple(range(len(known.types))),
        data=tuple(range(len(module.data))),
        elements=tuple(range(len(module.elements))),
    )
    renumbering = Renumbering(same, module.pool)
    imported = len(module.imported(Kind.FUNCTION))
    for index, function in enumerate(module.functions, imported):
        if not legacy.isdisjoint(function.body):
            try:
                renumbering.function(function)
            except GoneError:
                raise ValidationError(
                    f"invalid module: function {index}, which has legacy exception instructions, "
                    "names something that is not there"
                ) from None


def _without(legacy: frozenset[Instr], module: Module) -> Module:
    stub = (module.pool.make("unreachable"), module.pool.make("end"))
    functions = [
        function if legacy.isdisjoint(function.body) else replace(function, body=stub)
        for function in module.functions
    ]
    return replace(module, functions=tuple(functions))


def _validation_error(text: str, *, known_place: bool) -> ValidationError:
    """One line out of wasmtime's message, which ends in `(at offset 0x1234)`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = " ".join(line for line in lines if line != "Caused by:")
    match = re.search(r"\(at offset 0x([0-9a-f]+)\)", message)
    if match is None:
        return ValidationError(f"invalid module: {message}")
    problem = message.replace(match.group(), "").strip()
    return ValidationError(
        f"invalid module: {problem}", int(match.group(1), 16) if known_place else None
    )
