"""Makes random modules: valid by construction, small, and over soon when they run."""

from __future__ import annotations

from dataclasses import replace

from tests.fuzz.choices import Choices
from tests.fuzz.code import CONSTANTS, FLOATS, HEAP, Writer
from tests.fuzz.plan import EXNREF, IMPORTS, Plan, drawn_plan
from wasmopt.function import Function
from wasmopt.instr import InstrPool
from wasmopt.module import (
    DataSegment,
    ElementSegment,
    Export,
    Expr,
    Global,
    GlobalType,
    Import,
    Kind,
    Limits,
    Module,
    Table,
    TableType,
)
from wasmopt.types import FUNCREF, I32, I64, V128, FuncType, RecGroup, ValType

TABLE_SIZE = 8
PASSIVE = 1
VARIED = bytes([(37 * place + 11) & 0xFF for place in range(128)])
"""So that it matters what is loaded and from where."""
_HIDDEN = frozenset([*HEAP, V128, EXNREF])
"""Types of which Python has no values."""


def random_module(choices: Choices) -> Module:
    """A module with a few functions, exported as `f0`, `f1`, … as far as a host can call them."""
    plan = drawn_plan(choices)
    make = plan.pool.make
    end = make("end")
    tags = tuple([plan.type_index(each) for each in plan.tags])
    imports = [
        Import("host", name, Kind.FUNCTION, plan.type_index(IMPORTS[name]))
        for name in plan.imported
    ]
    functions = _functions(plan)
    start = None
    if choices.chance(150):
        functions.append(_started(plan))
        start = len(imports) + len(functions) - 1
    memories = [Limits(1, 2, address64=wide) for wide in plan.wide]
    table = TableType(FUNCREF, Limits(TABLE_SIZE, 2 * TABLE_SIZE))
    exports = _exports(plan, functions)
    if choices.chance(100):
        imports.append(Import("host", "memory", Kind.MEMORY, memories.pop(0)))
    for kind, name, permille in ((Kind.MEMORY, "memory", 850), (Kind.TABLE, "table", 300)):
        if choices.chance(permille):
            exports.append(Export(name, kind, 0))
    elements = tuple([_elements(plan, number) for number in range(plan.elements)])
    data = tuple([_data(plan) for _ in range(plan.data)])
    counted = any("data" in instr.op.immediates for instr in plan.pool.values())
    return Module(
        plan.pool,
        types=tuple([RecGroup((each,)) for each in plan.types]),
        imports=tuple(imports),
        functions=tuple(functions),
        tables=(Table(table),),
        memories=tuple(memories),
        tags=tags,
        globals=tuple([Global(each, (*_initial(plan, each), end)) for each in plan.globals]),
        exports=tuple(exports),
        start=start,
        elements=elements,
        data_count=len(data) if counted or choices.chance(200) else None,
        data=data,
    )


def _functions(plan: Plan) -> list[Function]:
    """One for each signature; some are copies of the one before, with another constant perhaps."""
    functions: list[Function] = []
    for index in range(len(plan.imported), len(plan.signatures)):
        plan.callable = index
        signature = plan.signatures[index]
        if functions and plan.signatures[index - 1] == signature and plan.choices.chance(400):
            functions.append(_copy(functions[-1], plan))
        else:
            budget = plan.choices.pick((8, 20, 40, 80))
            functions.append(Writer(plan, signature, budget).function())
    plan.callable = len(plan.signatures)
    return functions + _drivers(plan)


def _copy(function: Function, plan: Plan) -> Function:
    body = list(function.body)
    constants = [place for place, instr in enumerate(body) if instr.name == "i32.const"]
    if constants and plan.choices.chance(500):
        other = plan.pool.make("i32.const", plan.choices.pick((0, 1, 2)))
        body[constants[plan.choices.below(len(constants))]] = other
        counters = {"local.set", "local.tee", "i32.add", "i32.lt_s"}
        for place, instr in enumerate(body):
            behind = body[place + 1].name if place + 1 < len(body) else ""
            if instr is other and behind in counters:  # perhaps the counter of a loop
                body = list(function.body)
                break
    return replace(function, body=tuple(body))


def _started(plan: Plan) -> Function:
    signature = FuncType()
    plan.signatures.append(signature)
    return Writer(plan, signature, 12).function()


def _drivers(plan: Plan) -> list[Function]:
    """A function for each that Python cannot call: it calls that and stores the results."""
    drivers = []
    for index in range(len(plan.imported), plan.callable):
        signature = plan.signatures[index]
        if not _is_plain(signature) and plan.choices.chance(800):
            plan.signatures.append(FuncType())
            drivers.append(Writer(plan, FuncType()).driver(index))
    return drivers


def _is_plain(signature: FuncType) -> bool:
    """Whether Python can pass and read all the values."""
    return _HIDDEN.isdisjoint((*signature.params, *signature.results))


def _exports(plan: Plan, functions: list[Function]) -> list[Export]:
    """Functions and globals, as far as Python can pass and read their values."""
    imported = len(plan.imported)
    exports = []
    for number in range(len(functions)):
        signature = plan.signatures[imported + number]
        if _is_plain(signature) and plan.choices.chance(900):
            exports.append(Export(f"f{number}", Kind.FUNCTION, imported + number))
    for number, each in enumerate(plan.globals):
        if each.value not in _HIDDEN and plan.choices.chance(800):
            exports.append(Export(f"g{number}", Kind.GLOBAL, number))
    return exports


def _initial(plan: Plan, global_type: GlobalType) -> Expr:
    choices, make, value_type = plan.choices, plan.pool.make, global_type.value
    if value_type in (I32, I64):
        prefix = "i32" if value_type == I32 else "i64"
        constant = make(f"{prefix}.const", choices.pick(CONSTANTS))
        if choices.chance(200):
            return (constant, make(f"{prefix}.const", 3), make(f"{prefix}.add"))
        return (constant,)
    if value_type in FLOATS:
        bits = choices.pick(FLOATS[value_type])
        return (make("f32.const" if value_type == b"\x7d" else "f64.const", bits),)
    if value_type == V128:
        return (make("v128.const", bytes(range(16))),)
    return (make("ref.null", HEAP[ValType(value_type)]),)


def _elements(plan: Plan, number: int) -> ElementSegment:
    """The first one declares what `ref.func` may name; others are passive now and then."""
    items = tuple(plan.declared)
    if number and plan.choices.chance(600):
        return ElementSegment(PASSIVE, items, kind=b"\x00")
    return ElementSegment(0, items, offset=_offset(plan.pool, number))


def _data(plan: Plan) -> DataSegment:
    choices = plan.choices
    content = bytes([choices.pick((0, 0, 1, 65, 255)) for _ in range(choices.below(24))])
    content += bytes(choices.pick((0, 0, 40))) + choices.pick((b"", b"", VARIED))
    if choices.chance(400):
        return DataSegment(PASSIVE, content)
    if plan.wide[0]:
        return DataSegment(PASSIVE, content)
    return DataSegment(0, content, offset=_offset(plan.pool, choices.pick((0, 8, 16, 100))))


def _offset(pool: InstrPool, place: int) -> Expr:
    return (pool.make("i32.const", place), pool.make("end"))
