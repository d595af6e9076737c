"""0/1 values and choices between two constants.

A choice by one test is a decision diagram, `ite(atom, high, low)`; between 1 and 0 it is the test
itself.  Both are sums of the truth of the test as well (`linear.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.terms import Term

if TYPE_CHECKING:
    from wasmopt.verify.normalise import Normaliser

_EQZ: Final = BY_MNEMONIC["i32.eqz"]
_EXTEND: Final = BY_MNEMONIC["i64.extend_i32_u"]


def truth(n: Normaliser, atom: Term, sort: str) -> Term:
    """1 where the i32 `atom` is not zero, else 0, as a term of `sort`."""
    if atom.ones != 1:
        atom = n.apply(_EQZ, (n.apply(_EQZ, (atom,)),))
    return atom if sort == "i32" else n.apply(_EXTEND, (atom,))


def choice_of_truth(n: Normaliser, value: Term, high: Term, low: Term) -> Term | None:
    """`high` where the 0/1 term `value` is 1, else `low`; None if that is no single test.

    `high` and `low` are constants.
    """
    if value.op == "i64.extend_i32_u":
        value = value.args[0]
    if value.sort != "i32":
        return None
    while value.op == "i32.eqz":
        value, high, low = value.args[0], low, high
    if _is_atom(value) or {high.payload, low.payload} == {0, 1}:
        return choice(n, value, high, low)
    return None


def _is_atom(value: Term) -> bool:
    """Whether a decision diagram tests `value` as it is, and does not take it apart."""
    if value.op in ("i32.and", "i32.xor"):
        left, right = value.args
        return not left.ones == right.ones == 1
    return value.op not in ("i32.or", "ite", "const")


def choice(n: Normaliser, atom: Term, high: Term, low: Term) -> Term:
    """The decision diagram of one test: `high` where `atom` is not zero, else `low`.

    `high` and `low` are constants; a choice between 1 and 0 is the truth of the test.
    """
    if high is low:
        return high
    if {high.payload, low.payload} == {0, 1}:
        if high.payload == 0:
            atom = n.apply(_EQZ, (atom,))
        return truth(n, atom, high.sort)
    return branch(n, atom, high, low)


def branch(n: Normaliser, atom: Term, high: Term, low: Term) -> Term:
    """A node of a decision diagram."""
    if high is low:
        return high
    term = n.arena.node("ite", high.sort, (atom, high, low))
    if term.depth == 0:
        term.depth = 1 + max(high.depth, low.depth)
        term.ones = high.ones | low.ones
    return term
