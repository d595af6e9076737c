"""What each instruction does to an execution, control structure aside.

A value is a term over operands; an instruction with effects also reads and writes components of
the state and may trap.  An instruction that is in no table here raises UnsupportedError, so that
nothing is ever executed by guessing.

Source: WebAssembly 3.0, Execution, Instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from wasmopt.instr import Instr, MemArg
from wasmopt.opcodes import BY_MNEMONIC, Effect, Opcode
from wasmopt.semantics import constant_bits
from wasmopt.types import ArrayType, FieldType, StructType, ValType
from wasmopt.verify.accesses import (
    FULL_STORES,
    LOADS,
    STORE_MASKS,
    STORES,
    WHOLE_ACCESSES,
    WholeAccess,
)
from wasmopt.verify.handlers import call_may_throw, throw, throw_again
from wasmopt.verify.shared import access, is_shared_access
from wasmopt.verify.state import access_bytes, sort_of
from wasmopt.verify.terms import REFERENCE, STATE, Term, is_constant
from wasmopt.verify.terms import constant_bits as constant_of
from wasmopt.verify.unsupported import UnsupportedError

if TYPE_CHECKING:
    from wasmopt.verify.execute import Execution

_MEMORY: Final = Effect.READ_MEMORY | Effect.WRITE_MEMORY | Effect.ATOMIC
_LOOK_BACK: Final = 64
"""Stores that a load looks past; bounds the cost of one load."""


def step(x: Execution, instr: Instr) -> None:
    """Execute one instruction that is no control structure.

    Raises:
        UnsupportedError: it has no theory.
    """
    handler = _STEPS.get(instr.name)
    if instr.effects & _MEMORY and is_shared_access(x.layout, instr):
        access(x, instr)
    elif handler is not None:
        handler(x, instr)
    elif instr.op.natural_alignment is not None:
        _access(x, instr)
    elif instr.op.operands is not None and instr.effects & ~Effect.TRAP == 0:
        _numeric(x, instr)
    elif instr.name.startswith(("struct.", "array.")):
        _aggregate(x, instr)
    else:
        raise UnsupportedError(f"no theory of {instr.name}")


def _numeric(x: Execution, instr: Instr) -> None:
    operands = x.pop_many(len(instr.op.operands or ()))
    if instr.effects & Effect.TRAP:
        x.check((instr.name,), operands, lambda parts: _numeric_trap(x, instr.name, parts))
    immediates = instr.immediates or None
    value = x.split(operands, lambda parts: x.normaliser.apply(instr.op, parts, immediates))
    if instr.name in ("i32.or", "i32.eqz"):
        x.diagrams.define(value, instr.name, tuple(operands))
    x.stack.append(value)


def _numeric_trap(x: Execution, name: str, operands: tuple[Term, ...]) -> Term:
    kind, _, operation = name.partition(".")
    if operation in ("div_u", "rem_u", "rem_s", "div_s"):
        condition = x.diagrams.condition(x.apply(f"{kind}.eqz", operands[1]))
        if operation == "div_s":
            bits = 32 if kind == "i32" else 64
            least = x.arena.constant(kind, 1 << (bits - 1))
            minus_one = x.arena.constant(kind, (1 << bits) - 1)
            overflow = x.diagrams.conjunction(
                x.diagrams.condition(x.apply(f"{kind}.eq", operands[0], least)),
                x.diagrams.condition(x.apply(f"{kind}.eq", operands[1], minus_one)),
            )
            condition = x.diagrams.disjunction(condition, overflow)
        return condition
    return _truth(x, "traps", operands, name)


def _truth(x: Execution, op: str, args: tuple[Term, ...], payload: object) -> Term:
    """An uninterpreted predicate as a condition."""
    return x.diagrams.condition(x.predicate(op, args, payload))


def _local_get(x: Execution, instr: Instr) -> None:
    x.stack.append(x.locals[instr.immediates[0]])


def _local_set(x: Execution, instr: Instr) -> None:
    x.locals[instr.immediates[0]] = x.pop()


def _local_tee(x: Execution, instr: Instr) -> None:
    x.locals[instr.immediates[0]] = x.stack[-1]


def _global_get(x: Execution, instr: Instr) -> None:
    index = instr.immediates[0]
    component = x.layout.mutable_global(index)
    if component is not None:
        x.stack.append(x.state[component])
        return
    initial = x.layout.constant_global(index)
    if initial is not None and initial.name in _CONSTANTS:
        _constant(x, initial)
        return
    sort = sort_of(x.signatures.globals[index].value)
    x.stack.append(x.arena.symbol(sort, ("global", index)))


def _global_set(x: Execution, instr: Instr) -> None:
    component = x.layout.mutable_global(instr.immediates[0])
    if component is None:
        raise UnsupportedError("an immutable global is set")
    x.set_state(component, x.pop())


def _constant(x: Execution, instr: Instr) -> None:
    x.stack.append(x.arena.constant(_CONSTANTS[instr.name], constant_bits(instr)))


def _vector_constant(x: Execution, instr: Instr) -> None:
    bits = int.from_bytes(instr.immediates[0], "little")
    x.stack.append(x.arena.constant("v128", bits))


def _select(x: Execution, _instr: Instr) -> None:
    condition = x.diagrams.condition(x.pop())
    first, second = x.pop_many(2)
    x.stack.append(x.diagrams.select(condition, first, second))


def _drop(x: Execution, _instr: Instr) -> None:
    x.pop()


def _nop(_x: Execution, _instr: Instr) -> None:
    pass


# -- memory ------------------------------------------------------------------------------------


def _access(x: Execution, instr: Instr) -> None:
    _load_or_store(x, instr.name, *instr.immediates)


def _load_or_store(x: Execution, name: str, memarg: MemArg, *lanes: int) -> None:
    effects = BY_MNEMONIC[name].effects
    operands = x.pop_many(len(BY_MNEMONIC[name].operands or ()))
    conversions: Sequence[str] = ()
    if name in STORES:
        name, conversion = STORES[name]
        operands[1:] = [x.apply(conversion, operands[1])]
    elif name in LOADS:
        name, *conversions = LOADS[name]
    op = BY_MNEMONIC[name]
    address, rest = operands[0], tuple(operands[1:])
    offset, width = memarg.offset, access_bytes(op)
    if is_constant(address):
        # Address and offset are added without wrapping, so it does not matter which is which.
        offset += constant_of(address)
        address = x.arena.constant(address.sort, 0)
    _in_bounds(x, memarg.memory, address, offset + width)
    component = x.layout.contents(memarg.memory)
    place = (offset, width, *lanes)
    if effects & Effect.WRITE_MEMORY:
        mask = STORE_MASKS.get(name)
        if mask is not None:
            rest = (x.apply("i32.and", rest[0], x.arena.constant("i32", mask)),)
        written = x.make(name, STATE, (x.state[component], address, *rest), ("store", *place))
        x.set_state(component, written)
        return
    operands = [x.state[component], address, *rest]
    value = x.split(operands, lambda parts: _loaded(x, op, parts, place))
    for conversion in conversions:
        value = x.apply(conversion, value)
    x.stack.append(value)


def _loaded(x: Execution, op: Opcode, operands: tuple[Term, ...], place: tuple[int, ...]) -> Term:
    """What a load finds: the value just stored there, or a function of the memory."""
    contents, address, *rest = operands
    offset, width = place[:2]
    contents = _before_disjoint_stores(contents, address, offset, width)
    if contents.op == FULL_STORES.get(op.mnemonic) and contents.args[1] is address:
        stored_at = contents.payload
        if isinstance(stored_at, tuple) and stored_at[1] == offset:
            return contents.args[2]
    sort = (op.results or ("",))[0]
    value = x.arena.node(op.mnemonic, sort, (contents, address, *rest), place)
    if op.mnemonic.endswith("_u") and sort != "v128":
        value.ones = (1 << 8 * width) - 1
    return value


def _before_disjoint_stores(contents: Term, address: Term, offset: int, width: int) -> Term:
    """The memory as a load sees it: without stores beside it.

    Two accesses with the same address term and different offsets never wrap around each other,
    since the sum of address and offset is not taken modulo anything (spec 3.0 §4.6.8).
    """
    for _ in range(_LOOK_BACK):
        place = contents.payload
        if not isinstance(place, tuple) or not place or place[0] != "store":
            break
        if contents.args[1] is not address:
            break
        at, length = place[1], place[2]
        if at < offset + width and offset < at + length:
            break
        contents = contents.args[0]
    return contents


def _in_bounds(x: Execution, memory: int, address: Term, extent: int) -> None:
    """Trap unless `extent` bytes from `address` on exist."""
    size, least = x.state[x.layout.size(memory)], x.layout.least_bytes(memory)

    def outside(parts: tuple[Term, ...]) -> Term:
        if is_constant(parts[0]) and constant_of(parts[0]) + extent <= least:
            return x.diagrams.false
        return _truth(x, "out of bounds", (size, *parts), (memory, extent))

    # A memory never shrinks, so what was in bounds under an earlier size still is.
    x.check(("bounds", memory), (address,), outside, strength=extent)


def _range_in_bounds(x: Execution, memory: int, address: Term, length: Term) -> None:
    size = x.state[x.layout.size(memory)]
    x.check(
        ("range", memory),
        (address, length),
        lambda parts: _truth(x, "range out of bounds", (size, *parts), memory),
    )


def _memory_size(x: Execution, instr: Instr) -> None:
    x.stack.append(x.state[x.layout.size(instr.immediates[0])])


def _memory_grow(x: Execution, instr: Instr) -> None:
    """Whether growing works is up to the host, so it is an event like a call."""
    memory = instr.immediates[0]
    token = x.event("memory.grow", [x.pop()], memory)
    sort = x.layout.sorts[x.layout.size(memory)]
    for component in (x.layout.size(memory), x.layout.contents(memory), x.layout.world):
        after = x.make("after", x.layout.sorts[component], (token,), component)
        x.set_state(component, after)
    x.stack.append(x.make("result", sort, (token,), 0))


def _memory_fill(x: Execution, instr: Instr) -> None:
    memory = instr.immediates[0]
    address, value, length = x.pop_many(3)
    value = x.apply("i32.and", value, x.arena.constant("i32", 0xFF))
    whole = _as_one_access(length)
    if whole is not None and (is_constant(value) or whole.width == 1):
        if is_constant(value):
            pattern = int.from_bytes(bytes([constant_of(value)]) * whole.width)
            value = x.arena.constant(whole.sort, pattern)
        x.stack += [address, value]
        _load_or_store(x, whole.store, MemArg(0, 0, memory))
        return
    _range_in_bounds(x, memory, address, length)
    _write(x, x.layout.contents(memory), instr, (address, value, length))


def _memory_copy(x: Execution, instr: Instr) -> None:
    target, source = instr.immediates
    to_address, from_address, length = x.pop_many(3)
    whole = _as_one_access(length)
    if whole is not None:
        x.stack += [to_address, from_address]
        _load_or_store(x, whole.load, MemArg(0, 0, source))
        _load_or_store(x, whole.store, MemArg(0, 0, target))
        return
    _range_in_bounds(x, target, to_address, length)
    _range_in_bounds(x, source, from_address, length)
    read = x.state[x.layout.contents(source)]
    _write(x, x.layout.contents(target), instr, (read, to_address, from_address, length))


def _as_one_access(length: Term) -> WholeAccess | None:
    """The load and store that move as many bytes at once.

    They trap where a bulk operation of that length does, before anything is written.
    """
    return WHOLE_ACCESSES.get(constant_of(length)) if is_constant(length) else None


def _memory_init(x: Execution, instr: Instr) -> None:
    segment, memory = instr.immediates
    address, start, length = x.pop_many(3)
    _range_in_bounds(x, memory, address, length)
    segments = x.state[x.layout.segments]
    x.check(
        ("segment", segment),
        (segments, start, length),
        lambda parts: _truth(x, "segment out of bounds", parts, segment),
    )
    _write(x, x.layout.contents(memory), instr, (segments, address, start, length))


def _write(x: Execution, component: int, instr: Instr, args: tuple[Term, ...]) -> None:
    """The component becomes what the instruction makes of it and its operands."""
    payload = (instr.name, *instr.immediates)
    x.set_state(component, x.make("write", STATE, (x.state[component], *args), payload))


def _drop_segment(x: Execution, instr: Instr) -> None:
    _write(x, x.layout.segments, instr, ())


# -- tables ------------------------------------------------------------------------------------


def _table_get(x: Execution, instr: Instr) -> None:
    tables, index = x.state[x.layout.tables], x.pop()
    table = instr.immediates[0]
    x.check(
        ("table", table),
        (tables, index),
        lambda parts: _truth(x, "table out of bounds", parts, table),
    )
    x.stack.append(x.make("table.get", REFERENCE, (tables, index), table))


def _table_size(x: Execution, instr: Instr) -> None:
    sort = "i64" if x.signatures.tables[instr.immediates[0]].limits.address64 else "i32"
    tables = x.state[x.layout.tables]
    x.stack.append(x.make("table.size", sort, (tables,), instr.immediates[0]))


def _table_write(x: Execution, instr: Instr) -> None:
    """table.set, fill, copy, init: may trap, and change the tables as a function of operands."""
    operands = tuple(x.pop_many(_TABLE_OPERANDS[instr.name]))
    before = (x.state[x.layout.tables], x.state[x.layout.segments], *operands)
    payload = (instr.name, *instr.immediates)
    x.trap_if(_truth(x, "table write traps", before, payload))
    _write(x, x.layout.tables, instr, before[1:])


_TABLE_OPERANDS: Final = {"table.set": 2, "table.fill": 3, "table.copy": 3, "table.init": 3}


def _table_grow(x: Execution, instr: Instr) -> None:
    table = instr.immediates[0]
    token = x.event("table.grow", x.pop_many(2), table)
    for component in (x.layout.tables, x.layout.world):
        x.set_state(component, x.make("after", STATE, (token,), component))
    sort = "i64" if x.signatures.tables[table].limits.address64 else "i32"
    x.stack.append(x.make("result", sort, (token,), 0))


# -- calls -------------------------------------------------------------------------------------


def _call(x: Execution, instr: Instr) -> None:
    """A call is one event over the state: it may trap, not return, or change everything."""
    name = instr.name.removeprefix("return_")
    is_tail = name != instr.name
    if name == "call":
        callee = x.signatures.function_type(instr.immediates[0])
        extra = 0
    else:
        callee = x.signatures.func_type(instr.immediates[0])
        extra = 1
    operands = x.pop_many(len(callee.params) + extra)
    immediates = instr.immediates
    if name == "call_indirect" and is_constant(operands[-1]):
        place = constant_of(operands[-1])
        known = x.layout.table_facts.callee(immediates[1], place, immediates[0])
        if known is not None:
            name, immediates = "call", (known,)
            operands.pop()
    token = x.event(name, operands, immediates)
    x.havoc(token)
    if not is_tail:
        call_may_throw(x, token)  # a tail call has left the handlers behind
    x.stack += [
        x.make("result", sort_of(value_type), (token,), number)
        for number, value_type in enumerate(callee.results)
    ]
    if is_tail:
        # Stack overflow is not observed, so a tail call is a call and a return.
        x.leave()


# -- references and aggregates -----------------------------------------------------------------


def _reference(x: Execution, instr: Instr) -> None:
    """ref.null, ref.func: constants."""
    x.stack.append(x.arena.node(instr.name, REFERENCE, (), instr.immediates))


def _reference_test(x: Execution, instr: Instr) -> None:
    """A pure question about references."""
    operands = tuple(x.pop_many(2 if instr.name == "ref.eq" else 1))
    x.stack.append(x.predicate(instr.name, operands, instr.immediates))


def _as_non_null(x: Execution, _instr: Instr) -> None:
    value = x.stack[-1]
    x.check(("null",), (value,), lambda parts: _truth(x, "ref.is_null", parts, ()))


def _cast(x: Execution, instr: Instr) -> None:
    value = x.stack[-1]
    test = instr.name.replace("cast", "test")

    def fails(parts: tuple[Term, ...]) -> Term:
        return x.diagrams.negation(_truth(x, test, parts, instr.immediates))

    x.check(("cast", test, instr.immediates), (value,), fails)


def _convert(x: Execution, instr: Instr) -> None:
    x.stack.append(x.arena.node(instr.name, REFERENCE, (x.pop(),)))


def _i31_get(x: Execution, instr: Instr) -> None:
    value = x.pop()
    x.check(("null",), (value,), lambda parts: _truth(x, "ref.is_null", parts, ()))
    x.stack.append(x.arena.node(instr.name, "i32", (value,)))


def _aggregate(x: Execution, instr: Instr) -> None:
    """Structures and arrays: functions of the state of all aggregates and the operands."""
    taken, left = x.arities[instr]
    aggregates, segments = x.state[x.layout.aggregates], x.state[x.layout.segments]
    args = (aggregates, segments, *x.pop_many(taken))
    payload = (instr.name, *instr.immediates)
    if instr.effects & Effect.TRAP:
        x.trap_if(_truth(x, "aggregate traps", args, payload))
    if instr.effects & (Effect.WRITE_HEAP | Effect.ALLOCATE):
        x.set_state(x.layout.aggregates, x.make("aggregates", STATE, args, payload))
    if left:
        x.stack.append(x.make("aggregate", _aggregate_sort(x, instr), args, payload))


def _aggregate_sort(x: Execution, instr: Instr) -> str:
    if instr.name == "array.len":
        return "i32"
    if ".get" not in instr.name:
        return REFERENCE
    composite = x.signatures.types[instr.immediates[0]].composite
    field: FieldType
    if isinstance(composite, StructType):
        field = composite.fields[instr.immediates[1]]
    elif isinstance(composite, ArrayType):
        field = composite.element
    else:
        raise UnsupportedError(f"{instr.name} on a function type")
    return (
        "i32"
        if len(field.storage) == 1 and field.storage[0] in (0x78, 0x77)
        else sort_of(ValType(field.storage))
    )


_CONSTANTS: Final = {f"{sort}.const": sort for sort in ("i32", "i64", "f32", "f64")}

_STEPS: Final[dict[str, Callable[[Execution, Instr], None]]] = {
    "local.get": _local_get,
    "local.set": _local_set,
    "local.tee": _local_tee,
    "global.get": _global_get,
    "global.set": _global_set,
    **dict.fromkeys(_CONSTANTS, _constant),
    "v128.const": _vector_constant,
    "select": _select,
    "select_t": _select,
    "drop": _drop,
    "nop": _nop,
    "memory.size": _memory_size,
    "memory.grow": _memory_grow,
    "memory.fill": _memory_fill,
    "memory.copy": _memory_copy,
    "memory.init": _memory_init,
    "data.drop": _drop_segment,
    "elem.drop": _drop_segment,
    "table.get": _table_get,
    "table.size": _table_size,
    "table.grow": _table_grow,
    **dict.fromkeys(_TABLE_OPERANDS, _table_write),
    **dict.fromkeys(["call", "call_indirect", "call_ref"], _call),
    **dict.fromkeys(["return_call", "return_call_indirect", "return_call_ref"], _call),
    "throw": throw,
    "throw_ref": throw_again,
    "ref.null": _reference,
    "ref.func": _reference,
    **dict.fromkeys(["ref.is_null", "ref.eq", "ref.test", "ref.test_null"], _reference_test),
    "ref.as_non_null": _as_non_null,
    **dict.fromkeys(["ref.cast", "ref.cast_null"], _cast),
    **dict.fromkeys(["ref.i31", "any.convert_extern", "extern.convert_any"], _convert),
    **dict.fromkeys(["i31.get_s", "i31.get_u"], _i31_get),
}
