"""What a term is, in any domain: numbers for replay and tests, bit-vectors for the solver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from wasmopt.domain import INTEGERS, B, Domain, V
from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.semantics import MEANINGS, evaluate
from wasmopt.verify.linear import SUMS
from wasmopt.verify.terms import BITS, Term

_BOOL_BITS: Final = 1
"""Conditions are values of one bit here."""


def interpret(
    domain: Domain[V, B],
    choose: Callable[[B, V, V], V],
    unknown: Callable[[Term, list[V]], V],
    root: Term,
    values: dict[Term, V],
) -> V:
    """The value of a term; total, where an instruction traps it is what `domain` says.

    Args:
        domain: what values are.
        choose: the second argument where the first one holds, else the third.
        unknown: value of a term that has no meaning here, from those of its operands.
        root: the term.
        values: what is known already, symbols for instance; filled in with all that is computed.
    """
    stack = [root]
    while stack:
        term = stack[-1]
        missing = [arg for arg in term.args if arg not in values]
        if term in values:
            stack.pop()
        elif missing:
            stack += missing
        else:
            operands = [values[arg] for arg in term.args]
            values[stack.pop()] = _value(domain, choose, unknown, term, operands)
    return values[root]


def _value(
    domain: Domain[V, B],
    choose: Callable[[B, V, V], V],
    unknown: Callable[[Term, list[V]], V],
    term: Term,
    operands: list[V],
) -> V:
    payload: Any = term.payload
    meaning = MEANINGS.get(term.op)
    if meaning is not None:
        return meaning.value(domain, *operands)
    if term.op == "const":
        return domain.constant(BITS[term.sort], payload)
    if term.op in ("true", "false"):
        return domain.constant(_BOOL_BITS, int(term.op == "true"))
    if term.op == "ite":
        condition, high, low = operands
        fails = domain.eq(BITS["i32"], condition, domain.constant(BITS["i32"], 0))
        return choose(fails, low, high)
    if term.op in ("named", "choose", "merge"):
        return _definition(domain, choose, term.op, operands)
    if term.op != SUMS.get(term.sort):
        return unknown(term, operands)
    bits = BITS[term.sort]
    constant, factors = payload
    result = domain.constant(bits, constant)
    for factor, operand in zip(factors, operands, strict=True):
        product = domain.mul(bits, domain.constant(bits, factor), operand)
        result = domain.add(bits, result, product)
    return result


def _definition(
    domain: Domain[V, B], choose: Callable[[B, V, V], V], op: str, operands: list[V]
) -> V:
    """What stands for a condition or a join that is too large for a decision diagram.

    Guards of a `merge` exclude each other, and where none holds any value will do.
    """
    yes = domain.constant(_BOOL_BITS, 1)
    if op == "merge":
        result = operands[-1]
        for guard, value in zip(operands[:-2:2], operands[1:-2:2], strict=True):
            result = choose(domain.eq(_BOOL_BITS, guard, yes), value, result)
        return result
    condition = operands[0]
    if op == "choose":
        condition = choose(domain.eq(_BOOL_BITS, condition, yes), *operands[1:])
    return domain.zero_extend(_BOOL_BITS, BITS["i32"], condition)


class _OpenError(Exception):
    pass


def evaluate_term(term: Term, known: Mapping[Term, int]) -> int | None:
    """The unsigned bit pattern of a term.

    Args:
        term: of a sort with a width, or a condition (0 or 1).
        known: patterns of symbols and of whatever else has no meaning of its own.

    Returns:
        None when it depends on something that is not known, or on the bits of a NaN that the
        specification leaves open.
    """
    try:
        return interpret(INTEGERS, _choose, _evaluate_row, term, dict(known))
    except _OpenError:
        return None


def _choose(condition: bool, first: int, second: int) -> int:
    return first if condition else second


def _evaluate_row(term: Term, operands: list[int]) -> int:
    op = BY_MNEMONIC.get(term.op)
    result = None if op is None or term.payload is not None else evaluate(op, operands)
    if not isinstance(result, int):
        raise _OpenError
    return result
