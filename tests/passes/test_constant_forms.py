"""constant_forms: shorter code for a constant pushes just its bits."""

from __future__ import annotations

import random
from unittest.mock import patch

import pytest

from tests.support import check_module, module_of, unchanged_module
from wasmopt.domain import to_unsigned
from wasmopt.instr import Instr, InstrPool
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.passes import constants as constants_pass
from wasmopt.passes.constant_forms import shortest_form, size
from wasmopt.semantics import WIDTHS, constant_bits, evaluate, make_constant
from wasmopt.types import F32, F64, I32, I64, ValType
from wasmopt.verdict import Proved
from wasmopt.verify import Prover, prove_module

FORMS = {
    "i32.const -2147483648": "i32.const -1 i32.const 31 i32.shl",
    "i32.const 2147483647": "i32.const -1 i32.const 1 i32.shr_u",
    "i32.const -1610612734": "i32.const 21 i32.const 29 i32.rotl",
    "i64.const -9223372036854775808": "i64.const -1 i64.const 63 i64.shl",
    "i64.const 9007199254740991": "i64.const -1 i64.const 11 i64.shr_u",
    "i64.const 1099511627776": "i64.const 1 i64.const 40 i64.rotl",
    "i64.const 4294967295": "i32.const -1 i64.extend_i32_u",
    "i64.const 4294967040": "i32.const -256 i64.extend_i32_u",
    "i64.const 0x4123456789abcdef": "f64.const 0x1.3456789abcdefp+19 i64.reinterpret_f64",
    "f32.const 10": "i32.const 10 f32.convert_i32_s",
    "f32.const -300": "i32.const -300 f32.convert_i32_s",
    "f32.const 0": "i32.const 0 f32.convert_i32_s",
    "f32.const 0x1p-149": "i32.const 1 f32.reinterpret_i32",
    "f64.const 1000000": "i32.const 1000000 f64.convert_i32_s",
    "f64.const 4294967295": "i32.const -1 f64.convert_i32_u",
    "f64.const 4294967296": "i64.const 1 i64.const 32 i64.rotl f64.convert_i64_s",
    "f64.const 0.5": "f32.const 0.5 f64.promote_f32",
    "f64.const -0": "f32.const -0 f64.promote_f32",
    "f64.const inf": "f32.const inf f64.promote_f32",
    "f64.const nan": "i64.const 4095 i64.const 51 i64.rotl f64.reinterpret_i64",
    "f64.const 0x1p-1022": "i64.const 1 i64.const 52 i64.rotl f64.reinterpret_i64",
}


@pytest.mark.parametrize("constant", FORMS)
def test_a_constant_is_pushed_by_shorter_code(constant: str) -> None:
    check_module(
        "constants",
        f'(func (export "f") (result {constant[:3]}) {constant})',
        f'(func (export "f") (result {constant[:3]}) {FORMS[constant]})',
    )


@pytest.mark.parametrize(
    "constant",
    [
        "i32.const 1000000",
        "i32.const 305419896",
        "i64.const 0x123456789ab",
        "i64.const 0x7ff123456789abcd",
        "f32.const 0.1",
        "f32.const nan",
        "f32.const -0",
        "f64.const 0.1",
        "f64.const nan:0x123456789abcd",
    ],
)
def test_nothing_is_shorter(constant: str) -> None:
    unchanged_module("constants", f'(func (export "f") (result {constant[:3]}) {constant})')


def test_a_global_is_weighed_against_the_shortest_form() -> None:
    """Two bytes a use against three; as many bytes against the constant itself."""
    uses = "f64.const 8 drop "
    as_form = "i32.const 8 f64.convert_i32_s drop "
    check_module(
        "constants", f'(func (export "f") {uses * 9})', f'(func (export "f") {as_form * 9})'
    )
    check_module(
        "constants",
        f'(func (export "f") {uses * 20})',
        f'(global f64 (f64.const 8)) (func (export "f") {"global.get 0 drop " * 20})',
    )


def test_a_form_may_be_shorter_than_a_global_that_is_there() -> None:
    fillers = "(global i32 (i32.const 9)) " * 127 + "(global i64 (i64.const 9)) " * 16257
    before = f'{fillers} (global f64 (f64.const 8)) (func (export "f") f64.const 8 drop)'
    after = f"""{fillers} (global f64 (f64.const 8))
        (func (export "f") i32.const 8 f64.convert_i32_s drop)"""
    check_module("constants", before, after)


def pushed(code: tuple[Instr, ...]) -> int:
    stack: list[int] = []
    for instr in code:
        if instr.name.endswith(".const"):
            stack.append(constant_bits(instr))
        else:
            count = len(instr.op.operands or ())
            result = evaluate(instr.op, stack[-count:])
            assert isinstance(result, int)
            stack[-count:] = [result]
    (value,) = stack
    return value


@pytest.mark.parametrize("value_type", [I32, I64, F32, F64])
def test_forms_push_the_bits_of_the_constant(value_type: ValType) -> None:
    chance, pool, bits = random.Random(7), InstrPool(), WIDTHS[value_type]
    shorter = 0
    for _ in range(3000):
        number = chance.getrandbits(chance.randrange(1, bits + 1)) << chance.randrange(bits)
        pattern = to_unsigned(bits, -number if chance.random() < 0.4 else number)
        constant = make_constant(pool, value_type, pattern)
        code = shortest_form(constant, pool)
        assert pushed(code) == pattern
        assert size(code) < constant.size or code == (constant,)
        shorter += len(code) > 1
    assert shorter > 100


@pytest.mark.parametrize(
    ("constant", "wrong"),
    [
        ("f64.const -0", "i32.const 0 f64.convert_i32_s"),
        ("f32.const 100", "i32.const 99 f32.convert_i32_s"),
        ("f64.const 0.1", "f32.const 0.1 f64.promote_f32"),
        ("f64.const 4294967295", "i32.const -1 f64.convert_i32_s"),
        ("i64.const 4294967295", "i32.const -1 i64.extend_i32_s"),
        ("i32.const 2147483647", "i32.const -1 i32.const 1 i32.shr_s"),
    ],
)
def test_a_wrong_form_is_put_back(constant: str, wrong: str) -> None:
    wat = '(func (export "f") (result {}) {})'
    before = module_of(wat.format(constant[:3], constant))
    (function,) = module_of(wat.format(constant[:3], wrong), before.pool).functions
    form = function.body[:-1]
    with patch.object(constants_pass, "shortest_form", lambda *_: form):
        result = MODULE_PASSES["constants"].run(before, Options())
    assert result is not None
    assert not isinstance(prove_module(before, *result, Prover()), Proved)
