"""Sums seen as something else: a shift, an addition of a constant, parts side by side, a test.

See `linear.py` for what a sum is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.verify.linear import SUMS, build, collect, is_plain, parts, total, trailing_zeros
from wasmopt.verify.terms import BITS, Term

if TYPE_CHECKING:
    from wasmopt.verify.normalise import Normaliser

_AND: Final = {sort: BY_MNEMONIC[f"{sort}.and"] for sort in SUMS}
_SHR_U: Final = {sort: BY_MNEMONIC[f"{sort}.shr_u"] for sort in SUMS}
_NOT: Final = {f"{sort}.xor": (1 << BITS[sort]) - 1 for sort in SUMS}
"""The constant that makes an exclusive or a complement."""


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


def reduced(n: Normaliser, term: Term, bits: int, low_bits: Callable[[Term, int], Term]) -> Term:
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
        near = _signed(factor, bits)
        if near:
            summands.append((near, low_bits(each, bits - trailing_zeros(near))))
    more, coefficients = collect(n, term.sort, summands)
    return build(
        n,
        term.sort,
        _signed(constant + more, bits),
        {each: _signed(factor, bits) for each, factor in coefficients.items()},
    )


def is_sum(term: Term) -> bool:
    """Whether `parts` sees more than the term itself."""
    complement = _NOT.get(term.op)
    if complement is not None:
        return term.args[1].op == "const" and term.args[1].payload == complement
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
    """The sum `term` shifted right without sign, when its summands have no bit in common, or none
    of them has any of the bits that are shifted out.
    """
    sort = term.sort
    apart = _disjoint_parts(n, term)
    if apart is not None:
        return total(n, sort, [_part(n, factor, each, count) for factor, each, _ in apart])
    payload: Any = term.payload
    constant, factors = payload
    pairs = list(zip(factors, term.args, strict=True))
    lost = (1 << count) - 1
    if constant & lost or any(factor * (each.ones & -each.ones) & lost for factor, each in pairs):
        return None
    bits = BITS[sort]
    summands = [_part(n, _signed(factor, bits), each, count) for factor, each in pairs]
    full = (1 << bits) - 1
    summands.append((1, n.arena.constant(sort, _signed(constant, bits) >> count & full)))
    kept = n.arena.constant(sort, full >> count)
    return n.apply(_AND[sort], (total(n, sort, summands), kept))


def _part(n: Normaliser, factor: int, term: Term, count: int) -> tuple[int, Term]:
    """A summand, its bits shifted right, as factor and term."""
    zeros = trailing_zeros(factor)
    if zeros >= count:
        return factor >> count, term
    rest = n.arena.constant(term.sort, count - zeros)
    return factor >> zeros, n.apply(_SHR_U[term.sort], (term, rest))


# -- equality ----------------------------------------------------------------------------------


def equal(n: Normaliser, left: Term, right: Term) -> Term:
    """The i32 truth of `left` = `right`: their difference is 0.

    Terms go to the left and the constant to the right, with the sign that makes the first
    coefficient the lesser one; `x - y` = 0 is written `x` = `y`, and `x * 2**k` = 0 asks for the
    low bits of x.
    """
    sort = left.sort
    if is_plain(left) and (is_plain(right) or right.op == "const") and left is not right:
        if right.op == "const" and right.payload == 0:
            return n.rewrite(f"{sort}.eqz", (left,))
        return n.rewrite(f"{sort}.eq", (left, right))
    mask = (1 << BITS[sort]) - 1
    constant, coefficients = collect(n, sort, ((1, left), (-1, right)))
    difference = build(n, sort, constant, coefficients)
    constant, terms, factors = parts(n, difference)
    factors = [factor & mask for factor in factors]
    if not terms:
        return n.arena.constant("i32", int(constant & mask == 0))
    common = constant & mask
    for factor in factors:
        common |= factor
    if common & 1 == 0:
        return _equal_low_bits(n, sort, (constant, terms, factors), trailing_zeros(common))
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


def _equal_low_bits(
    n: Normaliser, sort: str, difference: tuple[int, Sequence[Term], Sequence[int]], count: int
) -> Term:
    """The i32 truth of a sum = 0, all of which is a multiple of 2**count."""
    constant, terms, factors = difference
    bits = BITS[sort] - count
    low = [_signed(factor >> count, bits) for factor in factors]
    base = build(n, sort, 0, _coefficients(terms, low))
    mask = (1 << bits) - 1
    kept = n.arena.constant(sort, mask)
    low_bits = n.apply(_AND[sort], (base, kept))
    right = n.arena.constant(sort, -(constant >> count) & mask)
    return equal(n, low_bits, right)


def _coefficients(terms: Sequence[Term], factors: Sequence[int]) -> dict[Term, int]:
    return dict(zip(terms, factors, strict=True))
