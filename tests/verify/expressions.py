"""Expressions in the notation of the rules: as terms, as bit-vectors, as numbers.

Variables named `xt`, `yt` are 0 or 1, one named `xb` is a byte; the others are anything.
"""

from __future__ import annotations

import z3

from wasmopt.domain import INTEGERS
from wasmopt.opcodes import OPCODES
from wasmopt.semantics import MEANINGS
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.notation import Call, Constant, Expression, Literal, Variable, parse_expression
from wasmopt.verify.terms import BITS, Arena, Term
from wasmopt.verify.z3_domain import Z3Domain

Z3 = Z3Domain(None)
ROWS = [op for op in OPCODES if op.mnemonic in MEANINGS]
"""Instructions with a meaning for the solver."""
INTEGER_ROWS = {
    sort: [
        op
        for op in ROWS
        if op.results == (sort,) and op.operands and set(op.operands) <= {"i32", "i64"}
    ]
    for sort in ("i32", "i64")
}
"""Those on integers only, by the sort of the result."""


def new() -> Normaliser:
    return Normaliser(Arena())


def ones_of(name: str, sort: str) -> int:
    """The bits that may be one in the variable."""
    full = (1 << BITS[sort]) - 1
    return 1 if name in ("xt", "yt") else 0xFF if name == "xb" else full


def build(n: Normaliser, expression: Expression) -> Term:
    """The expression through the normaliser."""
    if isinstance(expression, Call):
        return n.apply(expression.op, [build(n, arg) for arg in expression.args])
    if isinstance(expression, Literal):
        return n.arena.constant(expression.sort, expression.bits)
    assert isinstance(expression, Variable | Constant)
    term = n.arena.symbol(expression.sort, expression.name)
    if expression.sort in ("i32", "i64"):
        term.ones = ones_of(expression.name, expression.sort)
    return term


def read(n: Normaliser, text: str) -> Term:
    return build(n, parse_expression(text, ""))


def unknown(name: str, sort: str) -> z3.BitVecRef:
    """The variable as a bit-vector."""
    variable = z3.BitVec(f"{name} {sort}", BITS[sort])
    return variable & ones_of(name, sort) if sort in ("i32", "i64") else variable


def formula(expression: Expression) -> z3.BitVecRef:
    """What the expression means, not normalised."""
    if isinstance(expression, Call):
        operands = [formula(arg) for arg in expression.args]
        return MEANINGS[expression.op.mnemonic].value(Z3, *operands)
    if isinstance(expression, Literal):
        return Z3.constant(BITS[expression.sort], expression.bits)
    assert isinstance(expression, Variable | Constant)
    return unknown(expression.name, expression.sort)


def compute(expression: Expression, known: dict[tuple[str, str], int]) -> int:
    """The value of the expression for values of its variables, by name and sort."""
    if isinstance(expression, Call):
        operands = [compute(arg, known) for arg in expression.args]
        return MEANINGS[expression.op.mnemonic].value(INTEGERS, *operands)
    if isinstance(expression, Literal):
        return expression.bits
    assert isinstance(expression, Variable | Constant)
    return known[expression.name, expression.sort]
