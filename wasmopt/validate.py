"""Asks wasmtime whether a module is valid, with every proposal it knows switched on.

wasmtime does not know the legacy exception instructions.  A function that has any is replaced by
`unreachable` in the copy that wasmtime sees; such functions are never changed, so that what is
checked is all that can have changed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Final

import wasmtime

from wasmopt.encode import encode
from wasmopt.errors import ValidationError
from wasmopt.instr import Instr
from wasmopt.module import Module

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
        module, data = _without(legacy, module), None
    try:
        wasmtime.Module.validate(engine(), encode(module) if data is None else data)
    except wasmtime.WasmtimeError as error:
        raise _validation_error(str(error), known_place=not legacy) from None


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
