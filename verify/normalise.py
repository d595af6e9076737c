"""The normaliser: instructions on terms, to terms, so that what is equal is the same term.

    normaliser.apply(opcode("i32.sub"), [x, x])     the constant 0
    normaliser.low_bits(x, 8)                       what a store of one byte needs of x

An application goes through the same steps each time: constants are folded; decision diagrams with
constant leaves are computed leaf by leaf; operands get their order; arithmetic becomes a sum
(`linear.py`) and tests for equality are put on one side; the rules (`rules.py`) are tried; what is
left is interned with its possible ones (`ones.py`).

This is trusted code.  The rules are proved by Z3 one by one in the tests; the steps that are code
are proved on families of small terms and evaluated on random ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from wasmopt.opcodes import BY_MNEMONIC, Effect, Opcode
from wasmopt.semantics import evaluate
from wasmopt.verify import linear, low_bits, sum_views, truth
from wasmopt.verify.notation import parse_rules
from wasmopt.verify.ones import fill_in
from wasmopt.verify.patterns import COMMUTATIVE, Rule, Way
from wasmopt.verify.rules import RULES
from wasmopt.verify.terms import BITS, Arena, SortError, Term

TABLE: Final = [Rule(text, number) for number, text in enumerate(parse_rules(RULES))]
"""All rules, at their exact widths; `Rule.number` is the position."""

MAX_NESTING: Final = 40
"""Applications within applications; deeper ones are left as they are, which bounds recursion."""
MAX_DIAGRAM: Final = 4
"""Depth of decision diagrams that are computed leaf by leaf."""

_Args = tuple[Term, ...]
_Step = Callable[["Normaliser", "_Row", _Args], "Term | _Args"]
"""A step in code: the result, or the operands that the rules are to see."""
_LastStep = Callable[["Normaliser", "_Row", _Args], "Term | None"]


class _Row:
    """What the normaliser knows of one instruction."""

    __slots__ = ("commutes", "first", "last", "name", "op", "operands", "sort")

    def __init__(self, op: Opcode) -> None:
        if op.operands is None or op.results is None or len(op.results) != 1:
            raise SortError(f"{op.mnemonic} is no function of its operands")
        if op.effects & ~Effect.TRAP:
            raise SortError(f"{op.mnemonic} has effects")
        self.op: Final = op
        self.name: Final = op.mnemonic
        self.operands: Final = list(op.operands)
        self.sort: Final = op.results[0]
        self.commutes: Final = op.mnemonic in COMMUTATIVE
        self.first: Final = _FIRST_STEPS.get(op.mnemonic)
        self.last: Final = _LAST_STEPS.get(op.mnemonic)


class Normaliser:
    """Makes normalised terms in one arena.

    Attributes:
        arena: where.
        firings: how often each rule of `TABLE` was applied.
        left_alone: how many applications were nested too deep to be normalised.
        low_bits_memo: results of `low_bits`, by term, count and depth.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena: Final = arena
        arena.on_new = fill_in
        self.firings: Final = [0] * len(TABLE)
        self.low_bits_memo: Final[dict[tuple[Term, int, int], Term]] = {}
        self._memo: Final[dict[tuple[Opcode, _Args, Hashable], Term]] = {}
        self.left_alone = 0
        self._nesting = 0

    def apply(self, op: Opcode, args: Sequence[Term], immediates: Hashable = None) -> Term:
        """The value of an instruction without effects on these operands, normalised.

        Where the instruction traps the value has no meaning; the trap is not in the term.

        Args:
            op: any row whose operands and one result have sorts of their own.
            args: operands, the deepest first.
            immediates: what else the result depends on.

        Raises:
            SortError: the operands are not of the sorts that `op` takes, or it has effects.
        """
        operands = tuple(args)
        key = (op, operands, immediates)
        known = self._memo.get(key)
        if known is not None:
            return known
        row = _ROWS.get(op)
        if row is None:
            row = _ROWS[op] = _Row(op)
        if [arg.sort for arg in operands] != row.operands:
            raise SortError(f"{op.mnemonic} on {[arg.sort for arg in operands]}")
        if immediates is not None:
            return self.arena.node(row.name, row.sort, operands, immediates)
        if self._nesting >= MAX_NESTING:
            self.left_alone += 1
            return self.arena.node(row.name, row.sort, operands)
        self._nesting += 1
        try:
            result = self._memo[key] = self._apply(row, operands)
        finally:
            self._nesting -= 1
        return result

    def low_bits(self, term: Term, count: int) -> Term:
        """A term that agrees with the i32 or i64 `term` in its `count` low bits.

        Of two terms that a narrow store, a mask or a shift makes the same, it is often the same.
        """
        return low_bits.low_bits(self, term, count)

    def rewrite(self, name: str, args: _Args) -> Term:
        """The rules and what follows them, on operands that went through the first step."""
        return self._rewrite(_row(name), args)

    def _apply(self, row: _Row, args: _Args) -> Term:
        varying = [arg for arg in args if arg.op != "const"]
        if not varying:
            folded = self._fold(row, args)
            if folded is not None:
                return folded
        elif len(varying) == 1 and 0 < varying[0].depth <= MAX_DIAGRAM:
            computed = self._compute_leaves(row, args, varying[0])
            if computed is not None:
                return computed
        if row.commutes:
            args = _in_order(*args)
        if row.first is not None:
            prepared = row.first(self, row, args)
            if isinstance(prepared, Term):
                return prepared
            args = prepared
        return self._rewrite(row, args)

    def _rewrite(self, row: _Row, args: _Args) -> Term:
        heads = (row.name, *[arg.op for arg in args])
        ways = _WAYS.get(heads)
        if ways is None:
            ways = _WAYS[heads] = _ways(heads)
        for way in ways:
            result = way.attempt(self, args)
            if result is not None:
                self.firings[way.number] += 1
                return result
        if row.last is not None:
            result = row.last(self, row, args)
            if result is not None:
                return result
        term = self.arena.node(row.name, row.sort, args)
        if term.ones == 0 and term.sort in linear.SUMS:
            return self.arena.constant(term.sort, 0)
        return term

    def _fold(self, row: _Row, args: _Args) -> Term | None:
        """The constant result; None where it traps or its bits are open."""
        operands: list[Any] = [arg.payload for arg in args]
        bits = evaluate(row.op, operands)
        return self.arena.constant(row.sort, bits) if isinstance(bits, int) else None

    def _compute_leaves(self, row: _Row, args: _Args, diagram: Term) -> Term | None:
        """The instruction on each leaf of a small diagram; None unless all give constants."""
        done: dict[Term, Term] = {}
        stack = [diagram]
        while stack:
            term = stack[-1]
            if term.depth == 0:
                if term.op != "const":
                    return None
                leaf = self._fold(row, tuple([term if arg is diagram else arg for arg in args]))
                if leaf is None:
                    return None
                done[stack.pop()] = leaf
                continue
            atom, high, low = term.args
            missing = [each for each in (high, low) if each not in done]
            stack += missing
            if not missing:
                done[stack.pop()] = truth.branch(self, atom, done[high], done[low])
        result = done[diagram]
        if result.depth == 1 and result.sort in linear.SUMS:
            return truth.choice(self, *result.args)
        return result


_ROWS: Final[dict[Opcode, _Row]] = {}
_WAYS: Final[dict[tuple[str, ...], list[Way]]] = {}
"""Rules that can match, by the operations of a term and its operands."""


def _row(name: str) -> _Row:
    op = BY_MNEMONIC[name]
    row = _ROWS.get(op)
    if row is None:
        row = _ROWS[op] = _Row(op)
    return row


_WAYS_OF: Final[dict[str, list[Way]]] = {}
for _rule in TABLE:
    for _way in _rule.ways:
        _WAYS_OF.setdefault(_way.heads[0] or "", []).append(_way)


def _ways(heads: tuple[str, ...]) -> list[Way]:
    return [
        way
        for way in _WAYS_OF.get(heads[0], ())
        if all(want in (None, head) for want, head in zip(way.heads, heads, strict=True))
    ]


def _in_order(left: Term, right: Term) -> _Args:
    """Operands of a commutative instruction: by number, constants last."""
    if right.op == "const" or (left.op != "const" and left.number <= right.number):
        return left, right
    return right, left


# -- steps in code -----------------------------------------------------------------------------


def _add(n: Normaliser, row: _Row, args: _Args) -> Term:
    left, right = args
    if right.op == "const":
        number: Any = right.payload
        return linear.offset(n, left, number)
    return linear.total(n, row.sort, ((1, left), (1, right)))


def _sub(n: Normaliser, row: _Row, args: _Args) -> Term:
    left, right = args
    if right.op == "const":
        number: Any = right.payload
        return linear.offset(n, left, -number)
    return linear.total(n, row.sort, ((1, left), (-1, right)))


def _mul(n: Normaliser, row: _Row, args: _Args) -> Term:
    """A multiple of a sum, or a product with the factors of its operands taken out."""
    left, right = args
    if right.op == "const":
        number: Any = right.payload
        return linear.total(n, row.sort, ((number, left),))
    factor_left, left = sum_views.factor_out(n, left)
    factor_right, right = sum_views.factor_out(n, right)
    product = n.rewrite(row.name, _in_order(left, right))
    return linear.total(n, row.sort, ((factor_left * factor_right, product),))


def _shift(n: Normaliser, row: _Row, args: _Args) -> Term | _Args:
    """A shift or rotation: counts are below the width, and shl by a constant is a sum."""
    value, count = args
    bits = BITS[row.sort]
    count = n.low_bits(count, bits.bit_length() - 1)
    if count.op != "const":
        return value, count
    number: Any = count.payload
    number %= bits
    if row.name[4:] == "shl":
        return linear.total(n, row.sort, ((1 << number, value),))
    return value, n.arena.constant(row.sort, number)


def _eq(n: Normaliser, row: _Row, args: _Args) -> Term:
    return sum_views.equal(n, args[0], args[1])


def _eqz(n: Normaliser, row: _Row, args: _Args) -> Term | _Args:
    sort = args[0].sort
    if sum_views.is_sum(args[0]):
        return sum_views.equal(n, args[0], n.arena.constant(sort, 0))
    return args


def _lt_u(n: Normaliser, row: _Row, args: _Args) -> Term | _Args:
    """Below a power of two: nothing is left when the lower bits are shifted out.

    That is taken only where the shift gives something simpler; `eqz` turns the others back.
    """
    value, limit = args
    if limit.op == "const":
        number: Any = limit.payload
        if number > 1 and number & (number - 1) == 0:
            count = n.arena.constant(value.sort, number.bit_length() - 1)
            shift = f"{value.sort}.shr_u"
            shifted = n.apply(BY_MNEMONIC[shift], (value, count))
            if shifted.op != shift or shifted.args[0] is not value:
                return n.apply(BY_MNEMONIC[f"{value.sort}.eqz"], (shifted,))
    return args


def _wrap(n: Normaliser, row: _Row, args: _Args) -> Term | _Args:
    """Wrapping is a homomorphism of rings, and of bitwise operations."""
    value = args[0]
    if value.op == "i64.sum":
        payload: Any = value.payload
        wrapped = [n.apply(row.op, (each,)) for each in value.args]
        one = n.arena.constant("i32", payload[0] & 0xFFFF_FFFF)
        summands = [*zip(payload[1], wrapped, strict=True), (1, one)]
        return linear.total(n, "i32", summands)
    if value.op in ("i64.and", "i64.or", "i64.xor", "i64.mul"):
        narrow = BY_MNEMONIC["i32" + value.op[3:]]
        return n.apply(narrow, [n.apply(row.op, (each,)) for each in value.args])
    return args


def _extend_u(n: Normaliser, row: _Row, args: _Args) -> Term | _Args:
    """A sum that cannot overflow is extended term by term."""
    value = args[0]
    if value.op == "i32.sum":
        payload: Any = value.payload
        constant, factors = payload
        pairs = list(zip(factors, value.args, strict=True))
        if constant + sum(factor * each.ones for factor, each in pairs) <= 0xFFFF_FFFF:
            summands = [(factor, n.apply(row.op, (each,))) for factor, each in pairs]
            summands.append((1, n.arena.constant("i64", constant)))
            return linear.total(n, "i64", summands)
    return args


def _last_and(n: Normaliser, row: _Row, args: _Args) -> Term | None:
    """A mask picks summands that have no bit in common, and makes the bits above it needless."""
    value, mask = args
    if mask.op != "const":
        return None
    bits: Any = mask.payload
    if value.op == linear.SUMS[row.sort]:
        picked = sum_views.masked(n, value, bits)
        if picked is not None:
            return picked
    simpler = n.low_bits(value, bits.bit_length())
    return None if simpler is value else n.apply(row.op, (simpler, mask))


def _last_shr_u(n: Normaliser, row: _Row, args: _Args) -> Term | None:
    """Summands that have no bit in common are shifted one by one."""
    value, count = args
    if count.op != "const" or value.op != linear.SUMS[row.sort]:
        return None
    number: Any = count.payload
    return sum_views.shifted(n, value, number)


_INTEGERS: Final = ("i32", "i64")

_FIRST_STEPS: Final[dict[str, _Step]] = {
    **{
        f"{sort}.{name}": step
        for sort in _INTEGERS
        for name, step in {
            "add": _add,
            "sub": _sub,
            "mul": _mul,
            **dict.fromkeys(["shl", "shr_s", "shr_u", "rotl", "rotr"], _shift),
            "eq": _eq,
            "eqz": _eqz,
            "lt_u": _lt_u,
        }.items()
    },
    "i32.wrap_i64": _wrap,
    "i64.extend_i32_u": _extend_u,
}

_LAST_STEPS: Final[dict[str, _LastStep]] = {
    **{f"{sort}.and": _last_and for sort in _INTEGERS},
    **{f"{sort}.shr_u": _last_shr_u for sort in _INTEGERS},
}
