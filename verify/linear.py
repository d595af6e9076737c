"""Sums: the normal form of add, sub, mul and shl by constants, modulo 2**bits.

    i32.sum[(constant, coefficients)](terms)  =  constant + coefficient * term + ...

with the terms in order of `Term.number`, no coefficient 0, and no sum of just one term once.  A
few bit operations are sums as well, and are seen as such when they are added to something:

    xor(x, c), or(x, c), eqz(b), ite(b, c1, c2)     with x within c, and b that is 0 or 1

Going back, such a sum on its own becomes that operation again, so that the bitwise rules and the
decision diagrams see what they know.

Each function here computes in the ring of integers modulo 2**bits; the tests prove families of
small terms with Z3 and evaluate thousands of random ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.terms import BITS, Term
from wasmopt.verify.truth import choice_of_truth

if TYPE_CHECKING:
    from wasmopt.verify.normalise import Normaliser

SUMS: Final = {"i32": "i32.sum", "i64": "i64.sum"}
"""The operation of a sum, by sort."""
MAX_TERMS: Final = 16
"""A longer sum is one term of the next; bounds the cost of long chains of additions."""
_MAX_ROUNDS: Final = 4
"""How often the terms of one sum are simplified before it is left as it is."""

_AND: Final = {sort: BY_MNEMONIC[f"{sort}.and"] for sort in SUMS}
_OR: Final = {sort: f"{sort}.or" for sort in SUMS}
_XOR: Final = {sort: f"{sort}.xor" for sort in SUMS}
_SHR_U: Final = {sort: BY_MNEMONIC[f"{sort}.shr_u"] for sort in SUMS}
_EQZ: Final = BY_MNEMONIC["i32.eqz"]
_EXTEND: Final = BY_MNEMONIC["i64.extend_i32_u"]

Parts = tuple[int, Sequence[Term], Sequence[int]]
"""Constant, terms and coefficients; the numbers are modulo 2**bits."""


def parts(n: Normaliser, term: Term) -> Parts:
    """An i32 or i64 term as a sum."""
    view = _VIEWS.get(term.op)
    seen = None if view is None else view(n, term)
    return (0, (term,), _ONCE) if seen is None else seen


def _see_sum(n: Normaliser, term: Term) -> Parts:
    payload: Any = term.payload
    return payload[0], term.args, payload[1]


def _see_constant(n: Normaliser, term: Term) -> Parts:
    bits: Any = term.payload
    return bits, (), ()


def _see_xor(n: Normaliser, term: Term) -> Parts | None:
    """If x has no bits but those of c: x ^ c = c - x."""
    value, other = term.args
    bits: Any = other.payload
    return (bits, (value,), _MINUS_ONCE) if other.op == "const" and not value.ones & ~bits else None


def _see_or(n: Normaliser, term: Term) -> Parts | None:
    """As a sum: x | c = (x & ~c) + c."""
    value, other = term.args
    if other.op != "const":
        return None
    bits: Any = other.payload
    rest = n.arena.constant(term.sort, bits ^ ((1 << BITS[term.sort]) - 1))
    return bits, (n.apply(_AND[term.sort], (value, rest)),), _ONCE


def _see_eqz(n: Normaliser, term: Term) -> Parts | None:
    """If b is 0 or 1: !b = 1 - b."""
    return (1, term.args, _MINUS_ONCE) if term.args[0].ones == 1 else None


def _see_extended(n: Normaliser, term: Term) -> Parts | None:
    """What is seen of the extended term; none of these bit operations can overflow."""
    inner = term.args[0]
    view = _VIEWS.get(inner.op) if inner.op in ("i32.xor", "i32.or", "i32.eqz") else None
    seen = None if view is None else view(n, inner)
    if seen is None:
        return None
    constant, terms, factors = seen
    return constant, [n.apply(_EXTEND, (each,)) for each in terms], factors


def _see_choice(n: Normaliser, term: Term) -> Parts | None:
    """As a sum: b ? c1 : c2 = c2 + (c1 - c2) * b."""
    atom, high, low = term.args
    if not high.op == low.op == "const":
        return None
    while atom.op == "i32.eqz":
        atom, high, low = atom.args[0], low, high
    if atom.ones != 1:
        atom, high, low = n.apply(_EQZ, (atom,)), low, high
    first: Any = high.payload
    second: Any = low.payload
    value = atom if term.sort == "i32" else n.apply(_EXTEND, (atom,))
    return second, (value,), (first - second,)


_ONCE: Final = (1,)
_MINUS_ONCE: Final = (-1,)

_VIEWS: Final[dict[str, Callable[[Normaliser, Term], Parts | None]]] = {
    "const": _see_constant,
    "i32.sum": _see_sum,
    "i64.sum": _see_sum,
    "i32.xor": _see_xor,
    "i64.xor": _see_xor,
    "i32.or": _see_or,
    "i64.or": _see_or,
    "i32.eqz": _see_eqz,
    "i64.extend_i32_u": _see_extended,
    "ite": _see_choice,
}


def is_plain(term: Term) -> bool:
    """Whether a term as a sum is itself, once."""
    return term.op not in _VIEWS


def offset(n: Normaliser, term: Term, number: int) -> Term:
    """`term` + `number`, normalised."""
    mask = (1 << BITS[term.sort]) - 1
    constant, terms, factors = parts(n, term)
    reduced = [factor & mask for factor in factors]
    return _finish(n, term.sort, (constant + number) & mask, terms, reduced)


def total(n: Normaliser, sort: str, summands: Sequence[tuple[int, Term]]) -> Term:
    """The sum of factor * term over `summands`, normalised."""
    constant, coefficients = collect(n, sort, summands)
    return build(n, sort, constant, coefficients)


def collect(
    n: Normaliser, sort: str, summands: Sequence[tuple[int, Term]]
) -> tuple[int, dict[Term, int]]:
    """Constant and coefficients of the sum of factor * term over `summands`, not reduced."""
    constant = 0
    coefficients: dict[Term, int] = {}
    for factor, term in summands:
        more, terms, factors = parts(n, term)
        constant += factor * more
        if len(terms) > MAX_TERMS:
            terms, factors = (_node(n, sort, 0, terms, factors),), _ONCE
        for each, coefficient in zip(terms, factors, strict=True):
            if each in coefficients:
                coefficients[each] += factor * coefficient
            else:
                coefficients[each] = factor * coefficient
    return constant, coefficients


def build(n: Normaliser, sort: str, constant: int, coefficients: dict[Term, int]) -> Term:
    """The sum with these coefficients, normalised."""
    mask = (1 << BITS[sort]) - 1
    for _ in range(_MAX_ROUNDS):
        summands = []
        changed = False
        for term, factor in coefficients.items():
            summand = (factor, term)
            if factor & 1 == 0 and factor & mask:
                summand = _under_shift(n, BITS[sort], factor & mask, term)
                changed |= summand[1] is not term
            summands.append(summand)
        if not changed:
            break
        more, coefficients = collect(n, sort, summands)
        constant += more
    terms = [term for term, factor in coefficients.items() if factor & mask]
    if len(terms) > 1:
        terms.sort(key=_by_number)
    factors = [coefficients[term] & mask for term in terms]
    return _finish(n, sort, constant & mask, terms, factors)


_by_number: Final = attrgetter("number")


def _under_shift(n: Normaliser, bits: int, coefficient: int, term: Term) -> tuple[int, Term]:
    """`coefficient` * `term` with an even coefficient used to simplify the term.

    The upper bits of the term are shifted out, and a shift to the right below is undone: the
    bits that it drops are masked instead.
    """
    zeros = trailing_zeros(coefficient)
    simpler = n.low_bits(term, bits - zeros)
    value = simpler.args[0] if simpler.op == "i64.extend_i32_u" else simpler
    row_and, row_shr_u = _AND[value.sort], _SHR_U[value.sort]
    inner, mask = value, None
    if inner.op == row_and.mnemonic and inner.args[1].op == "const":
        inner, mask = inner.args
    if inner.op != row_shr_u.mnemonic or inner.args[1].op != "const":
        return coefficient, simpler
    count: Any = inner.args[1].payload
    undone = min(count, zeros)
    inner = inner.args[0]
    if count > undone:
        rest = n.arena.constant(value.sort, count - undone)
        inner = n.apply(row_shr_u, (inner, rest))
    full = (1 << BITS[value.sort]) - 1
    kept: Any = full >> count if mask is None else mask.payload
    result = n.apply(row_and, (inner, n.arena.constant(value.sort, kept << undone & full)))
    if value is not simpler:
        result = n.apply(_EXTEND, (result,))
    return coefficient >> undone, result


def trailing_zeros(number: int) -> int:
    """How often 2 divides `number`, which is not 0."""
    return (number & -number).bit_length() - 1


def _node(
    n: Normaliser, sort: str, constant: int, terms: Sequence[Term], factors: Sequence[int]
) -> Term:
    return n.arena.node(SUMS[sort], sort, tuple(terms), (constant, tuple(factors)))


def _finish(
    n: Normaliser, sort: str, constant: int, terms: Sequence[Term], factors: Sequence[int]
) -> Term:
    if not terms:
        return n.arena.constant(sort, constant)
    if len(terms) == 1:
        single = _finish_single(n, sort, constant, terms[0], factors[0])
        if single is not None:
            return single
    return _node(n, sort, constant, terms, factors)


def _finish_single(n: Normaliser, sort: str, constant: int, term: Term, factor: int) -> Term | None:
    """A sum of one term as another operation, where it has such a form (see `parts`)."""
    if factor == 1 and constant == 0:
        return term
    mask = (1 << BITS[sort]) - 1
    if term.ones == 1:
        high = n.arena.constant(sort, (constant + factor) & mask)
        chosen = choice_of_truth(n, term, high, n.arena.constant(sort, constant))
        if chosen is not None:
            return chosen
    if factor not in (1, mask):
        return None
    if term.op == "i64.extend_i32_u" and constant < 1 << 32:
        narrow = _finish_bitwise(n, "i32", constant, term.args[0], factor == mask)
        return None if narrow is None else n.apply(_EXTEND, (narrow,))
    return _finish_bitwise(n, sort, constant, term, factor == mask)


def _finish_bitwise(
    n: Normaliser, sort: str, constant: int, term: Term, negated: bool
) -> Term | None:
    """`constant` + `term`, or minus when `negated`, as xor or or with a constant."""
    if negated:
        if term.ones & ~constant:
            return None
        return n.arena.node(_XOR[sort], sort, (term, n.arena.constant(sort, constant)))
    if term.op != _AND[sort].mnemonic or term.args[1].op != "const":
        return None
    value, mask = term.args
    kept: Any = mask.payload
    if kept & constant or value.ones & ~(kept | constant):
        return None
    return n.arena.node(_OR[sort], sort, (value, n.arena.constant(sort, constant)))
