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

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.terms import BITS, Term

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
    op, sort = term.op, term.sort
    payload: Any = term.payload
    if op == SUMS[sort]:
        return payload[0], term.args, payload[1]
    if op == "const":
        return payload, (), ()
    args = term.args
    if op == _XOR[sort]:
        if args[1].op == "const":
            bits: Any = args[1].payload
            if args[0].ones & ~bits == 0:
                return bits, (args[0],), (-1,)
    elif op == _OR[sort]:
        if args[1].op == "const":
            bits = args[1].payload
            rest = n.arena.constant(sort, bits ^ ((1 << BITS[sort]) - 1))
            return bits, (n.apply(_AND[sort], (args[0], rest)),), (1,)
    elif op == "i32.eqz":
        if args[0].ones == 1:
            return 1, args, (-1,)
    elif op == "i64.extend_i32_u":
        if args[0].op == "i32.eqz" and args[0].args[0].ones == 1:
            return 1, (n.apply(_EXTEND, args[0].args),), (-1,)
    elif op == "ite" and args[1].op == args[2].op == "const":
        high: Any = args[1].payload
        low: Any = args[2].payload
        return low, (truth(n, args[0], sort),), (high - low,)
    return 0, (term,), (1,)


def total(n: Normaliser, sort: str, summands: Sequence[tuple[int, Term]]) -> Term:
    """The sum of factor * term over `summands`, normalised."""
    constant, coefficients = _collect(n, sort, summands)
    return build(n, sort, constant, coefficients)


def _collect(
    n: Normaliser, sort: str, summands: Sequence[tuple[int, Term]]
) -> tuple[int, dict[Term, int]]:
    constant = 0
    coefficients: dict[Term, int] = {}
    for factor, term in summands:
        more, terms, factors = parts(n, term)
        constant += factor * more
        if len(terms) > MAX_TERMS:
            terms, factors = (_node(n, sort, 0, terms, factors),), (1,)
        for each, coefficient in zip(terms, factors, strict=True):
            coefficients[each] = coefficients.get(each, 0) + factor * coefficient
    return constant, coefficients


def build(n: Normaliser, sort: str, constant: int, coefficients: dict[Term, int]) -> Term:
    """The sum with these coefficients, normalised."""
    bits = BITS[sort]
    mask = (1 << bits) - 1
    for _ in range(_MAX_ROUNDS):
        summands: list[tuple[int, Term]] = []
        changed = False
        for term, coefficient in coefficients.items():
            if coefficient & 1 == 0 and coefficient & mask:
                factor, simpler = _under_shift(n, bits, coefficient & mask, term)
                changed |= simpler is not term
                summands.append((factor, simpler))
            else:
                summands.append((coefficient, term))
        if not changed:
            break
        more, coefficients = _collect(n, sort, summands)
        constant += more
    terms = [term for term, coefficient in coefficients.items() if coefficient & mask]
    if len(terms) > 1:
        terms.sort(key=_by_number)
    factors = [coefficients[term] & mask for term in terms]
    return _finish(n, sort, constant & mask, terms, factors)


def _by_number(term: Term) -> int:
    return term.number


def _under_shift(n: Normaliser, bits: int, coefficient: int, term: Term) -> tuple[int, Term]:
    """`coefficient` * `term` with the even coefficient used to simplify the term.

    The upper bits of the term are shifted out, and a shift to the right below is undone: the
    bits that it drops are masked instead.
    """
    zeros = trailing_zeros(coefficient)
    simpler = n.low_bits(term, bits - zeros)
    inner, mask = simpler, None
    if inner.op == _AND[term.sort].mnemonic and inner.args[1].op == "const":
        inner, mask = inner.args
    if inner.op != _SHR_U[term.sort].mnemonic or inner.args[1].op != "const":
        return coefficient, simpler
    count: Any = inner.args[1].payload
    undone = min(count, zeros)
    inner = inner.args[0]
    if count > undone:
        rest = n.arena.constant(term.sort, count - undone)
        inner = n.apply(_SHR_U[term.sort], (inner, rest))
    kept: Any = (1 << (bits - count)) - 1 if mask is None else mask.payload
    kept_bits = n.arena.constant(term.sort, kept << undone & (1 << bits) - 1)
    return coefficient >> undone, n.apply(_AND[term.sort], (inner, kept_bits))


def trailing_zeros(number: int) -> int:
    """How often 2 divides `number`, which is not 0."""
    return (number & -number).bit_length() - 1


def _node(
    n: Normaliser, sort: str, constant: int, terms: Sequence[Term], factors: Sequence[int]
) -> Term:
    return n.arena.node(SUMS[sort], sort, tuple(terms), (constant, tuple(factors)))


def _finish(n: Normaliser, sort: str, constant: int, terms: list[Term], factors: list[int]) -> Term:
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
    if factor == mask and term.ones & ~constant == 0:
        return n.arena.node(_XOR[sort], sort, (term, n.arena.constant(sort, constant)))
    if factor == 1 and term.op == _AND[sort].mnemonic and term.args[1].op == "const":
        kept: Any = term.args[1].payload
        if kept & constant == 0 and term.args[0].ones & ~(kept | constant) == 0:
            pair = (term.args[0], n.arena.constant(sort, constant))
            return n.arena.node(_OR[sort], sort, pair)
    return None


# -- views of a sum ----------------------------------------------------------------------------


def as_shift(n: Normaliser, term: Term) -> tuple[Term, Term] | None:
    """A sum as (x, k) with `term` = x * 2**k and k > 0 as large as can be."""
    bits = BITS[term.sort]
    payload: Any = term.payload
    constant, factors = payload
    common = constant
    for factor in factors:
        common |= factor
    if common & 1:
        return None
    count = trailing_zeros(common)
    # A coefficient matters modulo 2**(bits - count); -1 is to stay -1.
    halved = [_signed(factor >> count, bits - count) for factor in factors]
    base = build(
        n,
        term.sort,
        _signed(constant >> count, bits - count),
        dict(zip(term.args, halved, strict=True)),
    )
    return base, n.arena.constant(term.sort, count)


def as_addition(n: Normaliser, term: Term) -> tuple[Term, Term] | None:
    """A sum as (x, c) with `term` = x + c and c not 0."""
    payload: Any = term.payload
    constant, factors = payload
    if constant == 0:
        return None
    base = build(n, term.sort, 0, dict(zip(term.args, factors, strict=True)))
    return base, n.arena.constant(term.sort, constant)


def _signed(number: int, bits: int) -> int:
    """The representative of `number` modulo 2**bits that is nearest to 0."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def reduced(n: Normaliser, term: Term, bits: int, low_bits: Any) -> Term:
    """A sum that agrees with the sum `term` modulo 2**bits, with small coefficients.

    Args:
        n: the normaliser.
        term: a sum.
        bits: how many low bits matter.
        low_bits: (term, bits) -> a simpler term that agrees modulo 2**bits.
    """
    payload: Any = term.payload
    constant, factors = payload
    summands: list[tuple[int, Term]] = []
    for each, factor in zip(term.args, factors, strict=True):
        factor = _signed(factor, bits)
        if factor:
            zeros = trailing_zeros(factor)
            summands.append((factor, low_bits(each, bits - zeros)))
    more, coefficients = _collect(n, term.sort, summands)
    return build(
        n,
        term.sort,
        _signed(constant + more, bits),
        {each: _signed(factor, bits) for each, factor in coefficients.items()},
    )


def is_sum(term: Term) -> bool:
    """Whether `parts` sees more than the term itself."""
    if term.op == _XOR[term.sort]:
        return term.args[1].op == "const" and term.args[1].payload == (1 << BITS[term.sort]) - 1
    return term.op == SUMS[term.sort]


def factor_out(n: Normaliser, term: Term) -> tuple[int, Term]:
    """(f, x) with `term` = f * x, for a multiple of one term; else (1, term)."""
    payload: Any = term.payload
    if term.op == SUMS[term.sort] and len(term.args) == 1 and payload[0] == 0:
        return payload[1][0], term.args[0]
    return 1, term


def _disjoint_parts(n: Normaliser, term: Term) -> list[tuple[int, Term, int]] | None:
    """(factor, term, possible ones of the product) of summands that have no bit in common.

    The constant is one of them.  None when bits may overlap or leave at the top.
    """
    mask = (1 << BITS[term.sort]) - 1
    payload: Any = term.payload
    constant, factors = payload
    result: list[tuple[int, Term, int]] = []
    if constant:
        result.append((1, n.arena.constant(term.sort, constant), constant))
    taken = constant
    for each, factor in zip(term.args, factors, strict=True):
        ones = factor * each.ones
        if factor & (factor - 1) or ones > mask or ones & taken:
            return None
        taken |= ones
        result.append((factor, each, ones))
    return result


def masked(n: Normaliser, term: Term, mask: int) -> Term | None:
    """The sum `term` masked, when its summands have no bit in common and are easy to mask."""
    summands: list[tuple[int, Term]] = []
    for factor, each, ones in _disjoint_parts(n, term) or ():
        if ones & ~mask == 0:
            summands.append((factor, each))
        elif ones & mask:
            if factor != 1:
                return None
            kept = n.arena.constant(term.sort, ones & mask)
            summands.append((1, n.apply(_AND[term.sort], (each, kept))))
    return total(n, term.sort, summands) if summands else None


def shifted(n: Normaliser, term: Term, count: int) -> Term | None:
    """The sum `term` shifted right without sign, when its summands have no bit in common."""
    summands: list[tuple[int, Term]] = []
    by = n.arena.constant(term.sort, count)
    for factor, each, _ in _disjoint_parts(n, term) or ():
        if factor >> count:
            summands.append((factor >> count, each))
        else:
            rest = (
                by if factor == 1 else n.arena.constant(term.sort, count - trailing_zeros(factor))
            )
            summands.append((1, n.apply(_SHR_U[term.sort], (each, rest))))
    return total(n, term.sort, summands) if summands else None


# -- equality ----------------------------------------------------------------------------------


def equal(n: Normaliser, left: Term, right: Term) -> Term:
    """The i32 truth of `left` = `right`: their difference is 0.

    Terms go to the left and the constant to the right, with the sign that makes the first
    coefficient the lesser one; `x - y` = 0 is written `x` = `y`.
    """
    sort = left.sort
    mask = (1 << BITS[sort]) - 1
    constant, coefficients = _collect(n, sort, ((1, left), (-1, right)))
    difference = build(n, sort, constant, coefficients)
    constant, terms, factors = parts(n, difference)
    factors = [factor & mask for factor in factors]
    if not terms:
        return n.arena.constant("i32", int(constant & mask == 0))
    if factors[0] > -factors[0] & mask:
        constant, factors = -constant, [-factor & mask for factor in factors]
    if constant & mask == 0:
        if len(terms) == 2 and factors == [1, mask]:
            return n.rewrite(f"{sort}.eq", (terms[0], terms[1]))
        return n.rewrite(f"{sort}.eqz", (build(n, sort, 0, _coefficients(terms, factors)),))
    base = build(n, sort, 0, _coefficients(terms, factors))
    if base.op == "const":
        return n.arena.constant("i32", int(base.payload == -constant & mask))
    return n.rewrite(f"{sort}.eq", (base, n.arena.constant(sort, -constant & mask)))


def _coefficients(terms: Sequence[Term], factors: Sequence[int]) -> dict[Term, int]:
    return dict(zip(terms, factors, strict=True))


# -- truth values ------------------------------------------------------------------------------


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
