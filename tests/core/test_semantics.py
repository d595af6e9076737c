"""Meanings of the numeric rows against wasmtime and Z3: three must agree on every operand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import pytest
import wasmtime
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmopt.decode import decode
from wasmopt.domain import INTEGERS, to_signed, to_unsigned
from wasmopt.float_semantics import FLOAT_FUNCTIONS
from wasmopt.instr import InstrPool
from wasmopt.opcodes import OPCODES, Effect, Opcode, opcode
from wasmopt.semantics import MEANINGS, TRAP, Trap, constant_bits, evaluate, make_constant
from wasmopt.types import F32, F64, I32, I64, NUMBER_NAMES, NUMBER_TYPES, ValType
from wasmopt.verify.z3_domain import Z3Domain

Z3 = Z3Domain(None)
BITS = {"i32": 32, "i64": 64, "f32": 32, "f64": 64}
FIELDS = {"f32": (8, 23), "f64": (11, 52)}
"""Bits of a float's exponent and fraction."""


def is_numeric(op: Opcode) -> bool:
    types = (*(op.operands or ()), *(op.results or ()))
    return bool(op.operands and op.results) and not op.immediates and set(types) <= set(BITS)


NUMERIC = [op for op in OPCODES if is_numeric(op)]
GENERIC = [op for op in NUMERIC if op.mnemonic in MEANINGS]
EACH_NUMERIC = pytest.mark.parametrize("op", NUMERIC, ids=lambda op: op.mnemonic)
EACH_GENERIC = pytest.mark.parametrize("op", GENERIC, ids=lambda op: op.mnemonic)


def integer_edges(bits: int) -> list[int]:
    """Zero, small numbers, shift counts, powers of two and their neighbours, both signs."""
    powers = [1 << exponent for exponent in (63, 31, 32, 53, 24, 16, 15, 8, 7) if exponent < bits]
    magnitudes = [0, 1, 2, 3, bits - 1, bits, bits + 1]
    magnitudes += [power + step for power in powers for step in (-1, 0, 1)]
    patterns = [to_unsigned(bits, 0x5555_5555_5555_5555), to_unsigned(bits, 0x0123_4567_89AB_CDEF)]
    both_signs = [to_unsigned(bits, sign * number) for number in magnitudes for sign in (1, -1)]
    return list(dict.fromkeys(both_signs + patterns))


def float_edges(name: str) -> list[int]:
    """Zeros, subnormals, infinities, NaNs, ties, bounds of the integer types and neighbours."""
    exponent_bits, fraction_bits = FIELDS[name]
    bias = (1 << (exponent_bits - 1)) - 1
    infinity = ((1 << exponent_bits) - 1) << fraction_bits
    quiet = 1 << (fraction_bits - 1)

    def power(exponent: int) -> int:
        return (bias + exponent) << fraction_bits

    exponents = (-150, -149, -126, -1, 0, 1, 23, 24, 31, 32, 52, 63, 64, 127, 128)
    magnitudes = [0, 1, (1 << fraction_bits) - 1, 1 << fraction_bits, infinity - 1, infinity]
    magnitudes += [infinity + 1, infinity + quiet, infinity + quiet + 5]
    magnitudes += [power(e) for e in exponents if 0 < bias + e < (1 << exponent_bits) - 1]
    magnitudes += [power(e) + step for e in (-1, 23, 31, 32, 63, 64) for step in (-1, 1)]
    magnitudes += [power(0) + quiet, power(1) + quiet // 2, power(1) + quiet + quiet // 2]
    sign = infinity + (1 << fraction_bits)
    return list(dict.fromkeys(m | s for m in magnitudes for s in (0, sign)))


DOUBLE_ROUNDING = {
    "i64": [  # rounding to f32 by way of f64 would round these twice
        0x8000_0040_0000_0001,
        0x8000_00BF_FFFF_FFFF,
        0x0100_0001_7FFF_FFFF,
        0x7FFF_FFBF_FFFF_FFFF,
    ],
    "f64": [  # just above, at and below where demotion rounds up, and to infinity or subnormals
        0x47EF_FFFF_EFFF_FFFF,
        0x47EF_FFFF_F000_0000,
        0x3FF0_0000_1000_0000,
        0x3FF0_0000_1000_0001,
        0x3FF0_0000_3000_0000,
        0x3690_0000_0000_0001,
        0x380F_FFFF_F000_0000,
        0xC1E0_0000_001F_FFFF,  # just above -2**31 - 1
        0xC1E0_0000_0020_0000,
    ],
}
EDGES = {
    "i32": integer_edges(32),
    "i64": integer_edges(64) + DOUBLE_ROUNDING["i64"],
    "f32": float_edges("f32"),
    "f64": float_edges("f64") + DOUBLE_ROUNDING["f64"],
}
"""Operands by type, the most telling first."""
SECOND_EDGES = 24
"""How many of them a second operand takes, to keep the time down."""


def operand_types(op: Opcode) -> tuple[str, ...]:
    assert op.operands is not None
    return op.operands


def result_type(op: Opcode) -> str:
    assert op.results is not None
    return op.results[0]


def as_integer(name: str) -> str:
    return f"i{BITS[name]}"


def function_text(op: Opcode) -> str:
    """A function that takes and returns bit patterns as integers, so that NaNs survive."""
    operands, result = operand_types(op), result_type(op)
    loads = [
        f"local.get {i}" + (f" {name}.reinterpret_{as_integer(name)}" if name[0] == "f" else "")
        for i, name in enumerate(operands)
    ]
    back = f"{as_integer(result)}.reinterpret_{result}" if result[0] == "f" else ""
    params = " ".join(map(as_integer, operands))
    return (
        f'(func (export "{op.mnemonic}") (param {params}) (result {as_integer(result)})'
        f" {' '.join(loads)} {op.mnemonic} {back})"
    )


class Machine:
    """wasmtime with one function for each numeric row."""

    def __init__(self) -> None:
        self.store = wasmtime.Store()
        binary = wasmtime.wat2wasm(f"(module {' '.join(map(function_text, NUMERIC))})")
        module = wasmtime.Module(self.store.engine, bytes(binary))
        exports = wasmtime.Instance(self.store, module, []).exports(self.store)
        self.functions: dict[str, wasmtime.Func] = {}
        for op in NUMERIC:
            function = exports[op.mnemonic]
            assert isinstance(function, wasmtime.Func)
            self.functions[op.mnemonic] = function

    def run(self, op: Opcode, operands: tuple[int, ...]) -> int | Trap:
        types = zip(operand_types(op), operands, strict=True)
        arguments = [to_signed(BITS[name], operand) for name, operand in types]
        try:
            result = self.functions[op.mnemonic](self.store, *arguments)
        except wasmtime.Trap:
            return TRAP
        return to_unsigned(BITS[result_type(op)], result)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


def is_nan(name: str, pattern: int) -> bool:
    exponent_bits, fraction_bits = FIELDS[name]
    exponent = pattern >> fraction_bits & ((1 << exponent_bits) - 1)
    return exponent == (1 << exponent_bits) - 1 and pattern % (1 << fraction_bits) != 0


def assert_agrees(machine: Machine, op: Opcode, operands: tuple[int, ...]) -> int | Trap:
    """Our evaluation is wasmtime's, or open where wasmtime gives some NaN."""
    ours, theirs = evaluate(op, operands), machine.run(op, operands)
    name = result_type(op)
    open_nan = ours is None and theirs is not TRAP and name in FIELDS and is_nan(name, theirs)
    if not open_nan and ours != theirs:
        shown = " ".join(map(hex, operands))
        pytest.fail(f"{op.mnemonic} {shown} is {ours}, wasmtime gives {theirs}")
    return theirs


def test_every_numeric_row_is_evaluated_and_no_other() -> None:
    assert not set(MEANINGS) & set(FLOAT_FUNCTIONS)
    assert set(MEANINGS) | set(FLOAT_FUNCTIONS) == {op.mnemonic for op in NUMERIC}
    others = set(OPCODES) - set(NUMERIC)
    assert all(evaluate(op, (0,) * len(op.operands or ())) is None for op in others)


@EACH_NUMERIC
def test_edge_operands_give_what_wasmtime_gives(op: Opcode, machine: Machine) -> None:
    first, *second = [EDGES[name] for name in operand_types(op)]
    pools = [first, *[pool[:SECOND_EDGES] for pool in second]]
    outcomes = {assert_agrees(machine, op, operands) for operands in product(*pools)}
    assert (TRAP in outcomes) == bool(op.effects & Effect.TRAP)


def patterns(bits: int) -> st.SearchStrategy[int]:
    edges = EDGES[f"i{bits}"] + EDGES[f"f{bits}"]
    near_edges = st.builds(
        lambda edge, distance: to_unsigned(bits, edge + distance),
        st.sampled_from(edges),
        st.integers(-3, 3),
    )
    return near_edges | st.integers(0, (1 << bits) - 1)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    narrow=st.tuples(patterns(32), patterns(32)),
    wide=st.tuples(patterns(64), patterns(64)),
)
def test_any_operands_give_what_wasmtime_gives(
    machine: Machine, narrow: tuple[int, int], wide: tuple[int, int]
) -> None:
    for op in NUMERIC:
        types = operand_types(op)
        pair = narrow if BITS[types[0]] == 32 else wide
        assert_agrees(machine, op, pair[: len(types)])


def sample_operands(op: Opcode) -> Iterator[tuple[int, ...]]:
    """Every edge with one partner, all pairs of the edges that trap, and random operands."""
    types = operand_types(op)
    pools = [EDGES[name] for name in types]
    generator = random.Random(op.mnemonic)
    for first in pools[0]:
        yield (first, *[generator.choice(pool) for pool in pools[1:]])
    yield from product(*[pool[:4] for pool in pools])
    for _ in range(20):
        yield tuple(generator.getrandbits(BITS[name]) for name in types)


@EACH_GENERIC
def test_python_and_z3_read_the_same_meaning(op: Opcode) -> None:
    meaning = MEANINGS[op.mnemonic]
    for operands in sample_operands(op):
        types = zip(operand_types(op), operands, strict=True)
        terms = [Z3.constant(BITS[name], operand) for name, operand in types]
        value = z3.simplify(meaning.value(Z3, *terms))
        assert value.size() == BITS[result_type(op)]
        assert value.as_long() == meaning.value(INTEGERS, *operands), (op, operands)
        trap, expected = meaning.traps(Z3, *terms), meaning.traps(INTEGERS, *operands)
        assert (trap is None) == (expected is None)
        assert trap is None or z3.is_true(z3.simplify(trap)) == expected, (op, operands)


FLOAT_THEORY = {
    "eq": z3.fpEQ,
    "ne": z3.fpNEQ,
    "lt": z3.fpLT,
    "gt": z3.fpGT,
    "le": z3.fpLEQ,
    "ge": z3.fpGEQ,
}


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("name", FLOAT_THEORY)
def test_float_comparisons_over_bits_are_those_of_ieee_754(bits: int, name: str) -> None:
    """Proved for all operands against Z3's own theory of floating point."""
    left, right = z3.BitVecs("left right", bits)
    exponent_bits, fraction_bits = FIELDS[f"f{bits}"]
    sort = z3.FPSort(exponent_bits, fraction_bits + 1)
    numbers = [z3.fpBVToFP(pattern, sort) for pattern in (left, right)]
    over_bits = MEANINGS[f"f{bits}.{name}"].value(Z3, left, right) == 1
    solver = z3.Solver()
    solver.add(over_bits != FLOAT_THEORY[name](*numbers))
    assert solver.check() == z3.unsat


@pytest.mark.parametrize("value_type", [I32, I64, F32, F64], ids=NUMBER_NAMES.get)
def test_a_constant_keeps_its_bits(value_type: ValType) -> None:
    pool = InstrPool()
    for bits in EDGES[NUMBER_NAMES[value_type]]:
        constant = make_constant(pool, value_type, bits)
        assert NUMBER_TYPES[constant.name.removesuffix(".const")] == value_type
        assert constant_bits(constant) == bits
        assert make_constant(pool, value_type, bits) is constant


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("i32.const -1", 0xFFFF_FFFF),
        ("i32.const 0x80000000", 0x8000_0000),
        ("i64.const -2", 0xFFFF_FFFF_FFFF_FFFE),
        ("f32.const -0", 0x8000_0000),
        ("f64.const -nan:0x1", 0xFFF0_0000_0000_0001),
    ],
)
def test_constants_are_those_of_the_text_format(text: str, bits: int) -> None:
    module = decode(bytes(wasmtime.wat2wasm(f"(module (func {text} drop))")))
    constant = module.functions[0].body[0]
    value_type = NUMBER_TYPES[text[:3]]
    assert constant_bits(constant) == bits
    assert make_constant(module.pool, value_type, bits) is constant


def test_evaluation_leaves_arithmetic_nans_open_but_moves_their_bits() -> None:
    nan = 0x7FA0_0001
    assert evaluate(opcode("f32.add"), (nan, 0)) is None
    assert evaluate(opcode("f64.promote_f32"), (nan,)) is None
    assert evaluate(opcode("f32.neg"), (nan,)) == 0xFFA0_0001
    assert evaluate(opcode("i32.reinterpret_f32"), (nan,)) == nan
