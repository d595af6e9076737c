"""What each instruction is to a walk that follows value numbers (`value_walk`).

* Silent: it only moves values between the stack and locals.
* Pure: a function of its operands.
* Reading: a function of its operands and of parts of the state; it may trap.  What decides the
  trap never becomes true by itself: memories and tables do not shrink (spec 3.0 §4.2.8), and an
  operand is a value.
* An event: everything else.  It changes the parts of the state that its row says.

Some pure instructions are others in disguise and get one form:

    a + b  =  b + a          likewise of * & | ^ == !=, of integers; == != of floats
    a > b  =  b < a          likewise of >= <=, of integers and floats
    c < x  =  x > c          where c is a constant, which goes to the right
    x < c  =  x <= c - 1     where c is not the least number; likewise x >= c  =  x > c - 1
    c + d  =  the sum        where both are constants; likewise all instructions on numbers whose
                             result the specification fixes, so none that gives a NaN
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.float_semantics import FLOAT_FUNCTIONS
from wasmopt.instr import Instr
from wasmopt.opcodes import OPCODES, Effect
from wasmopt.semantics import MEANINGS, WIDTHS
from wasmopt.types import F32, F64, I32, I64
from wasmopt.verify.global_facts import GlobalFacts
from wasmopt.verify.live_code import NotCoveredError
from wasmopt.verify.normal_form import REMOVABLE

EVENT, PURE, SYMMETRIC, COMPARISON, READING, GET, SET, TEE, DROP, NOP = range(10)
_SILENT: Final = {
    "local.get": GET,
    "local.set": SET,
    "local.tee": TEE,
    "drop": DROP,
    "nop": NOP,
}

MEMORIES, GLOBALS, TABLES, HEAP, CALLS = range(5)
STATE: Final = 5
"""Slots for parts of the state; the locals come behind them.  A call changes `CALLS`, and whoever
reads a part of the state reads that, too."""
_READS: Final = (
    (Effect.READ_MEMORY, MEMORIES),
    (Effect.READ_GLOBAL, GLOBALS),
    (Effect.READ_TABLE, TABLES),
    (Effect.READ_HEAP, HEAP),
)
_WRITES: Final = (
    (Effect.WRITE_MEMORY, MEMORIES),
    (Effect.WRITE_GLOBAL, GLOBALS),
    (Effect.WRITE_TABLE, TABLES),
    (Effect.WRITE_HEAP, HEAP),
    (Effect.CALL | Effect.ATOMIC, CALLS),
)
_READING: Final = (
    Effect.TRAP | Effect.READ_MEMORY | Effect.READ_GLOBAL | Effect.READ_TABLE | Effect.READ_HEAP
)
_READERS: Final = frozenset(
    [op.mnemonic for op in OPCODES if op.results and not op.effects & ~_READING]
    + ["global.get", "table.get", "table.size", "memory.size"]
)
"""Instructions with one result that read and may trap; named like `REMOVABLE`."""

_INTEGERS: Final = ("i32", "i64")
_TYPES: Final = {"i32": I32, "i64": I64, "f32": F32, "f64": F64}
_SYMMETRIC: Final = frozenset(
    [f"{each}.{op}" for each in _INTEGERS for op in ("add", "mul", "and", "or", "xor")]
    + [f"{each}.{op}" for each in ("i32", "i64", "f32", "f64") for op in ("eq", "ne")]
)
FOLDED: Final = {
    op.mnemonic: (WIDTHS[_TYPES[op.operands[0]]], _TYPES[op.results[0]])
    for op in OPCODES
    if (op.mnemonic in MEANINGS or op.mnemonic in FLOAT_FUNCTIONS)
    and op.operands
    and op.results
    and {*op.operands, *op.results} <= _TYPES.keys()
}
"""Instructions on numbers that are computed where all operands are constants: bits of the operands,
type of the result."""
_ORDERS: Final = ("i32.{}_s", "i32.{}_u", "i64.{}_s", "i64.{}_u", "f32.{}", "f64.{}")
_OPPOSITE: Final = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
MIRRORED: Final = {
    each.format(order): each.format(opposite)
    for each in _ORDERS
    for order, opposite in _OPPOSITE.items()
}
"""The comparison that says the same of the operands in the other order."""
_SHIFTED: Final = {"lt": "le", "ge": "gt"}
_BITS: Final = {"i32": 32, "i64": 64}


class Row(NamedTuple):
    """One instruction.

    Attributes:
        kind: see above.
        pops, pushes: how many values it takes and leaves.
        instr: what it is a function by, if it is pure.
        slot: of a local.
        key: what it is a function by, if it reads.
        reads, writes: slots of the state.
        end: bytes behind its address that must be in bounds, for loads and stores; else 1 if it
            may trap.
        memory: of a load or store; -1 if it is none.
    """

    kind: int
    pops: int
    pushes: int
    instr: Instr
    slot: int = 0
    key: Hashable = None
    reads: tuple[int, ...] = ()
    writes: tuple[int, ...] = ()
    end: int = 0
    memory: int = -1


class Rows(dict[Instr, Row]):
    """Instruction -> its row; make it by `context.table(Rows)`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._arities: Final = context.table(Arities)
        self._constants: Final = context.table(GlobalFacts)
        self._globals: Final = context.signatures.globals
        self._shared: Final = any(each.shared for each in context.signatures.memories)

    def __missing__(self, instr: Instr) -> Row:
        row = self[instr] = self._row(instr)
        return row

    def _row(self, instr: Instr) -> Row:
        pops, pushes = self._arities[instr]
        name = instr.name
        if pops < 0 or pushes < 0:
            raise NotCoveredError(f"{name} among straight-line code")
        if name in _SILENT:
            local = instr.immediates[0] if instr.immediates else 0
            return Row(_SILENT[name], pops, pushes, instr, slot=local + STATE)
        if name == "global.get":
            constant = self._constants.get(instr.immediates[0])
            if constant is not None or not self._globals[instr.immediates[0]].mutable:
                return Row(PURE, 0, 1, instr if constant is None else constant)
        effects = instr.effects
        if pushes != 1 or not (
            (not effects and name in REMOVABLE) or (effects and name in _READERS)
        ):
            return self._event(instr, pops, pushes)
        if not effects:
            kind = SYMMETRIC if name in _SYMMETRIC else PURE
            return Row(COMPARISON if name in MIRRORED else kind, pops, pushes, instr)
        if effects & Effect.READ_MEMORY and self._shared:
            return self._event(instr, pops, pushes)
        reads = tuple([slot for effect, slot in _READS if effects & effect])
        traps = int(bool(effects & Effect.TRAP))
        state = (*reads, CALLS) if reads else ()
        row = Row(READING, pops, pushes, instr, key=instr, reads=state, end=traps)
        width = instr.op.natural_alignment
        if width is None:
            return row
        memarg, *lanes = instr.immediates
        return row._replace(
            key=(instr.op, memarg.offset, memarg.memory, *lanes),
            end=memarg.offset + (1 << width),
            memory=memarg.memory,
        )

    def _event(self, instr: Instr, pops: int, pushes: int) -> Row:
        row = Row(EVENT, pops, pushes, instr, writes=writes_of(instr))
        width = instr.op.natural_alignment
        if width is None or self._shared or instr.effects & Effect.ATOMIC:
            return row
        memarg = instr.immediates[0]
        return row._replace(end=memarg.offset + (1 << width), memory=memarg.memory)


def writes_of(instr: Instr) -> tuple[int, ...]:
    """Slots of the state that an instruction changes."""
    return tuple([slot for effect, slot in _WRITES if instr.effects & effect])


def comparison(
    name: str, lower: int, upper: int, constants: dict[int, int]
) -> tuple[str, int, int, int]:
    """The one form of a comparison.

    Args:
        name: its mnemonic.
        lower: number of its first operand.
        upper: number of its second operand.
        constants: values of those numbers that are constants; of floats the bits.

    Returns:
        A mnemonic, the operands, and what is to be taken off the upper one.
    """
    if lower in constants and upper not in constants:
        name, lower, upper = MIRRORED[name], upper, lower
    kind, _, relation = name.partition(".")
    order, _, sign = relation.partition("_")
    if upper in constants and kind in _BITS:
        least = 0 if sign == "u" else 1 << (_BITS[kind] - 1)
        if order in _SHIFTED and constants[upper] % (1 << _BITS[kind]) != least:
            return f"{kind}.{_SHIFTED[order]}_{sign}", lower, upper, 1
        return name, lower, upper, 0
    if order in ("gt", "ge"):
        return MIRRORED[name], upper, lower, 0
    return name, lower, upper, 0
