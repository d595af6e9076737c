"""Features of WebAssembly under wasm-opt's names: which ones a module uses.

A module needs no flag to be read or written, and wasmopt never adds a feature that the input
does not use; the names serve `--disable-X`, which makes use of X an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from wasmopt.errors import UsageError, ValidationError
from wasmopt.module import Kind, Module, Signatures
from wasmopt.types import FUNCREF, ArrayType, FuncType, StructType, value_type_text

FEATURE_INSTRUCTIONS: Final[Mapping[str, str]] = {
    "bulk-memory": r"memory\.(init|copy|fill)|data\.drop|table\.(init|copy)|elem\.drop",
    "bulk-memory-opt": r"memory\.(copy|fill)",
    "exception-handling": r"try|try_table|catch|catch_all|delegate|rethrow|throw|throw_ref",
    "gc": r"struct\..*|array\..*|ref\.(test|cast|i31|eq).*|br_on_cast.*|i31\..*|.*convert_.*extern",
    "nontrapping-float-to-int": r".*\.trunc_sat_f(32|64)_.",
    "reference-types": r"table\.(get|set|grow|size|fill)|ref\.(null|is_null|func)|select_t",
    "relaxed-simd": r".*\.relaxed_.*",
    "sign-ext": r"i(32|64)\.extend(8|16|32)_s",
    "simd": r"v128\..*|[if]\d+x\d+\..*",
    "tail-call": r"return_call.*",
    "threads": r".*atomic.*",
    "typed-function-references": r"(return_)?call_ref|ref\.as_non_null|br_on_(non_)?null",
}
"""Feature -> regular expression over the mnemonics that need it."""

FEATURE_TYPES: Final[Mapping[str, str]] = {
    "exception-handling": r".*exn.*",
    "gc": r"(any|eq|i31|struct|array|null|nullfunc|nullextern)ref|"
    r"\(ref (any|eq|i31|struct|array|none|nofunc|noextern)\)",
    "reference-types": r"funcref|externref",
    "simd": r"v128",
    "typed-function-references": r"\(ref .*\)",
}
"""Feature -> regular expression over the value types, as text, that need it."""

FEATURES: Final = tuple(
    sorted(
        {
            *FEATURE_INSTRUCTIONS,
            *FEATURE_TYPES,
            # Only declarations tell these.
            *("extended-const", "memory64", "multimemory", "multivalue", "mutable-globals"),
            # wasm-opt has these, but a module that uses one cannot be read here.
            *("call-indirect-overlong", "custom-descriptors", "fp16", "shared-everything"),
            *("stack-switching", "strings"),
        }
    )
)


def check_feature_name(name: str) -> str:
    """`name` if it is a feature.

    Raises:
        UsageError: it is not.
    """
    if name not in FEATURES:
        raise UsageError(f"unknown feature {name}, known: {' '.join(FEATURES)}")
    return name


def used_features(module: Module) -> frozenset[str]:
    """The `FEATURES` that the module's code or declarations need."""
    names = {instr.name for instr in module.pool.values()}
    types = {value_type_text(value_type) for value_type in _value_types(module)}
    return frozenset(
        [
            *_matching(FEATURE_INSTRUCTIONS, names),
            *_matching(FEATURE_TYPES, types),
            *_declared(module),
        ]
    )


def refuse_features(module: Module, disabled: Collection[str]) -> None:
    """Raise ValidationError if the module uses one of the `disabled` features."""
    clash = sorted(used_features(module).intersection(disabled)) if disabled else []
    if clash:
        raise ValidationError(f"the module uses {clash[0]}, which --disable-{clash[0]} forbids")


def _matching(patterns: Mapping[str, str], texts: Iterable[str]) -> Iterator[str]:
    for feature, pattern in patterns.items():
        if any(re.fullmatch(pattern, text) for text in texts):
            yield feature


def _value_types(module: Module) -> Iterator[bytes]:
    """Every value type that stands somewhere in the module, but for funcref in tables."""
    signatures = Signatures(module)
    for sub in signatures.types:
        match sub.composite:
            case FuncType(params, results):
                yield from (*params, *results)
            case StructType(fields):
                yield from (field.storage for field in fields)
            case ArrayType(element):
                yield element.storage
    yield from (entry.value for entry in signatures.globals)
    yield from (table.element for table in signatures.tables if table.element != FUNCREF)
    for function in module.functions:
        yield from (value_type for _, value_type in function.locals)
    yield from (t for t in _block_types(module) if isinstance(t, bytes))


def _block_types(module: Module) -> Iterator[int | bytes | None]:
    for instr in module.pool.values():
        if "block" in instr.op.immediates:
            yield instr.immediates[0]


def _declared(module: Module) -> Iterator[str]:
    signatures = Signatures(module)
    types = signatures.types
    if any(group.explicit for group in module.types) or any(
        sub.explicit or not isinstance(sub.composite, FuncType) for sub in types
    ):
        yield "gc"
    results = [len(sub.composite.results) for sub in types if isinstance(sub.composite, FuncType)]
    if max(results, default=0) > 1 or any(isinstance(t, int) for t in _block_types(module)):
        yield "multivalue"
    limits = [*signatures.memories, *(table.limits for table in signatures.tables)]
    if any(limit.address64 for limit in limits):
        yield "memory64"
    if any(limit.shared for limit in limits):
        yield "threads"
    if len(signatures.memories) > 1:
        yield "multimemory"
    if len(signatures.tables) > 1 or any(segment.flags & 3 == 3 for segment in module.elements):
        yield "reference-types"
    if signatures.tags:
        yield "exception-handling"
    passive = [segment.flags & 3 == 1 for segment in module.elements]
    passive += [segment.flags == 1 for segment in module.data]
    if module.data_count is not None or any(passive):
        yield "bulk-memory"
    mutable = {index for index, entry in enumerate(signatures.globals) if entry.mutable}
    shared = {entry.index for entry in module.exports if entry.kind is Kind.GLOBAL}
    if mutable & shared.union(range(len(module.imported(Kind.GLOBAL)))):
        yield "mutable-globals"
    constants = [segment.offset or () for segment in module.elements]
    constants += [segment.offset or () for segment in module.data]
    constants += [entry.init for entry in module.globals]
    for expr in constants:
        if any(re.fullmatch(r"i(32|64)\.(add|sub|mul)", instr.name) for instr in expr):
            yield "extended-const"
