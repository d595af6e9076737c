"""What there is in a random module before any code of it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tests.fuzz.choices import Choices
from wasmopt.instr import InstrPool
from wasmopt.module import GlobalType
from wasmopt.reader import signed_leb
from wasmopt.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    ArrayType,
    FieldType,
    FuncType,
    StructType,
    SubType,
    ValType,
)

EQREF: Final = ValType(b"\x6d")
EXNREF: Final = ValType(b"\x69")
NULL_REFERENCE: Final = 0x63

STRUCT: Final = 0
ARRAY: Final = 1
STRUCT_REF: Final = ValType(bytes([NULL_REFERENCE]) + signed_leb(STRUCT))
ARRAY_REF: Final = ValType(bytes([NULL_REFERENCE]) + signed_leb(ARRAY))
STRUCT_TYPE: Final = StructType(
    (FieldType(I32, True), FieldType(I64, True), FieldType(b"\x78", True))
)
ARRAY_TYPE: Final = ArrayType(FieldType(I32, True))

FEATURES: Final = {
    "floats": 600,
    "vectors": 250,
    "references": 250,
    "objects": 200,
    "exceptions": 350,
    "tails": 300,
    "threads": 80,
    "second_memory": 150,
}
"""Parts of WebAssembly -> how many modules of a thousand use them."""

IMPORTS: Final = {
    "log": FuncType((I32,)),
    "log_long": FuncType((I64,)),
    "log_float": FuncType((F64,)),
    "make": FuncType((), (I32,)),
    "disturb": FuncType(),
}
"""Functions that the host has; `disturb` changes whatever the host can reach."""


@dataclass
class Plan:
    """Types, signatures and sizes that code may refer to.

    Attributes:
        features: names of `FEATURES`.
        values: types that locals, parameters and globals have.
        types: the type section so far; `type_index` adds to it.
        imported: names of `IMPORTS`; these are the first functions.
        signatures: of all functions, imported ones first.
        callable: index behind the last function that may be called directly.
        globals: types; code may set the mutable ones.
        wide: for each memory whether its addresses are i64.
        declared: functions that `ref.func` may name.
        data, elements: how many segments there are.
        tags: signatures of exceptions.
    """

    choices: Choices
    pool: InstrPool = field(default_factory=InstrPool)
    features: frozenset[str] = frozenset()
    values: tuple[ValType, ...] = (I32, I64)
    types: list[SubType] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)
    signatures: list[FuncType] = field(default_factory=list)
    callable: int = 0
    globals: list[GlobalType] = field(default_factory=list)
    wide: list[bool] = field(default_factory=list)
    declared: list[int] = field(default_factory=list)
    data: int = 0
    elements: int = 0
    tags: list[FuncType] = field(default_factory=list)

    def type_index(self, signature: FuncType) -> int:
        """The index of a function type, which is added if it is new."""
        for index, known in enumerate(self.types):
            if known.composite == signature:
                return index
        self.types.append(SubType(signature))
        return len(self.types) - 1


def drawn_plan(choices: Choices) -> Plan:
    """Everything but code and the contents of segments."""
    plan = Plan(choices)
    plan.features = frozenset(
        [name for name, permille in FEATURES.items() if choices.chance(permille)]
    )
    values = [I32, I32, I64]
    values += [F64, F32] if "floats" in plan.features else []
    values += [V128] if "vectors" in plan.features else []
    values += [FUNCREF, EXTERNREF] if "references" in plan.features else []
    if "objects" in plan.features:
        values += [STRUCT_REF, ARRAY_REF, EQREF]
        plan.types += [SubType(STRUCT_TYPE), SubType(ARRAY_TYPE)]
    plan.values = tuple(values)
    plan.imported = [name for name in IMPORTS if choices.chance(600)]
    plan.signatures = [IMPORTS[name] for name in plan.imported]
    for _ in range(1 + choices.below(4)):
        plan.signatures.append(_drawn_signature(plan))
    plan.globals = [
        GlobalType(choices.pick(plan.values), choices.chance(600)) for _ in range(choices.below(5))
    ]
    plan.wide = [False]
    if "second_memory" in plan.features:
        plan.wide.append(choices.chance(500))
    if "exceptions" in plan.features:
        plan.tags = [FuncType(), FuncType((I32,))]
    plan.data = choices.below(5)
    plan.elements = 1 + choices.below(2)
    functions = len(plan.signatures)
    plan.declared = [choices.below(functions) for _ in range(1 + choices.below(5))]
    return plan


def _drawn_signature(plan: Plan) -> FuncType:
    choices = plan.choices
    if plan.signatures and choices.chance(250):
        return plan.signatures[-1]
    params = tuple([choices.pick(plan.values) for _ in range(choices.below(4))])
    results = tuple([choices.pick(plan.values) for _ in range(choices.pick((0, 1, 1, 1, 2)))])
    return FuncType(params, results)
