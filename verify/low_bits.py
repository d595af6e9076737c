"""Terms of which only the low bits matter.

What is shifted out, masked off or cut off by wrapping need not be computed: `(x & 0xff) + 1` and
`x + 1` agree in their 8 lowest bits.  `low_bits` gives one term for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wasmopt.opcodes import BY_MNEMONIC, Opcode
from wasmopt.verify import linear, sum_views
from wasmopt.verify.terms import BITS, Term

if TYPE_CHECKING:
    from wasmopt.verify.normalise import Normaliser

_MAX_DEPTH: Final = 4
"""How many operations deep a term is looked into."""

_BITWISE: Final = {
    name: BY_MNEMONIC[name]
    for bits in (32, 64)
    for name in (f"i{bits}.and", f"i{bits}.or", f"i{bits}.xor", f"i{bits}.mul")
}
"""Operations of which a low bit depends on bits of the operands no higher than itself."""
_WRAP: Final = BY_MNEMONIC["i32.wrap_i64"]
_EXTEND_U: Final = BY_MNEMONIC["i64.extend_i32_u"]


def low_bits(n: Normaliser, term: Term, count: int, depth: int = 0) -> Term:
    """A term that agrees with the i32 or i64 `term` in its `count` low bits, often a simpler one.

    Args:
        n: the normaliser; results are kept in its `low_bits_memo`.
        term: any.
        count: how many, at least 1.
        depth: how deep this is in a search; bounds the recursion.
    """
    if count >= BITS[term.sort] or depth > _MAX_DEPTH or not (term.args or term.op == "const"):
        return term
    key = (term, count, depth)
    known = n.low_bits_memo.get(key)
    if known is None:
        known = _simpler(n, term, count, depth)
        if known is not term and depth == 0:
            known = _simpler(n, known, count, depth)
        if known.op == "const":
            known = _constant(n, known, count)
        n.low_bits_memo[key] = known
    return known


def _constant(n: Normaliser, term: Term, count: int) -> Term:
    payload: Any = term.payload
    return n.arena.constant(term.sort, payload & ((1 << count) - 1))


def _simpler(n: Normaliser, term: Term, count: int, depth: int) -> Term:
    op, sort = term.op, term.sort
    if op == "const":
        return _constant(n, term, count)
    if op == linear.SUMS[sort]:
        return sum_views.reduced(
            n, term, count, lambda each, bits: low_bits(n, each, bits, depth + 1)
        )
    row = _BITWISE.get(op)
    if row is not None:
        return _bitwise(n, row, term, count, depth)
    args = term.args
    match op[4:]:
        case "shr_s" | "shr_u":
            if args[1].op == "const":
                return _shifted(n, term, count, depth)
        case "shl":
            return n.apply(BY_MNEMONIC[op], (low_bits(n, args[0], count, depth + 1), args[1]))
        case "extend_i32_s" | "extend_i32_u":
            if count <= 32:
                return n.apply(_EXTEND_U, (low_bits(n, args[0], count, depth + 1),))
        case "wrap_i64":
            return n.apply(_WRAP, (low_bits(n, args[0], count, depth + 1),))
    return term


def _bitwise(n: Normaliser, row: Opcode, term: Term, count: int, depth: int) -> Term:
    left, right = term.args
    if right.op != "const":
        right = low_bits(n, right, count, depth + 1)
        return n.apply(row, (low_bits(n, left, count, depth + 1), right))
    mask = (1 << count) - 1
    payload: Any = right.payload
    bits = payload & mask
    if row.mnemonic.endswith(".or") and bits == mask:
        return _constant(n, right, count)
    left = low_bits(n, left, count, depth + 1)
    if row.mnemonic.endswith("and"):
        if bits == mask:
            return left
    elif bits == 0:
        return left
    elif row.mnemonic.endswith("xor") and bits >> (count - 1):
        bits |= ((1 << BITS[term.sort]) - 1) ^ mask  # ~x stays ~x
    return n.apply(row, (left, n.arena.constant(term.sort, bits)))


def _shifted(n: Normaliser, term: Term, count: int, depth: int) -> Term:
    """A shift to the right by a constant: the bits above it do not matter either."""
    value, by = term.args
    distance: Any = by.payload
    bits = BITS[term.sort]
    name = term.op
    if distance + count <= bits:
        name = f"{term.sort}.shr_u"
        value = low_bits(n, value, distance + count, depth + 1)
    return n.apply(BY_MNEMONIC[name], (value, by))
