"""Terms as Z3 expressions, and how much of a term a query spells out.

    x * 8 + (y & 255)    against    (x << 3) | (y & 255)

What both sides share need not be spelled out: `Region` ends there, and the query has a variable in
that place, of which no more is known than which bits may be one.  What holds for all values of the
variables holds for the values that the terms have, so a *proof* from a cut query is a proof.  A
model of one is nothing: it may give a variable a value that its term never has.

========================  =======================================================================
i32, i64, f32, f64, v128  bit-vectors of just that width
condition                 a bit-vector of width 1
reference, state          uninterpreted sorts: they can be equal or not, nothing else
instruction in MEANINGS   what it means there (integers, bit operations on floats, comparisons)
sum, `ite`, `named`,      what `evaluate.interpret` says
`choose`, `merge`
anything else             an uninterpreted function of operation, payload and sorts: the same
                          arguments give the same value; bits that cannot be one are zero
========================  =======================================================================

An uninterpreted function stands for whatever the instruction does, so what holds for all of them
holds for it.

Source of the theories: SMT-LIB, FixedSizeBitVectors and UF.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import z3

from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.semantics import MEANINGS
from wasmopt.verify.evaluate import interpret
from wasmopt.verify.linear import SUMS
from wasmopt.verify.samples import WIDTHS
from wasmopt.verify.terms import BITS, BOOL, REFERENCE, STATE, SortError, Term
from wasmopt.verify.z3_domain import Z3Domain

_SORTS: Final = frozenset([*WIDTHS, REFERENCE, STATE])


class Region:
    """The part of the DAG below some terms that a query spells out.

    Attributes:
        inside: terms that are spelled out.
        cut: terms at which it ends, in the order in which they were met.
    """

    def __init__(self) -> None:
        self.inside: Final[set[Term]] = set()
        self.cut: Final[dict[Term, None]] = {}

    def extend(self, roots: Sequence[Term], limit: int, *, to_shared: bool) -> None:
        """Spell out what is below `roots`, latest terms first.

        Args:
            roots: terms of one arena.
            limit: how many more terms with operands may be spelled out; what is left is cut.
            to_shared: cut where a term is reached from all roots.

        Raises:
            SortError: a term that was to be spelled out has operands of the wrong sorts.
        """
        everywhere = (1 << len(roots)) - 1
        reached: dict[int, int] = {}
        terms: dict[int, Term] = {}
        for position, root in enumerate(roots):
            terms[root.number] = root
            reached[root.number] = reached.get(root.number, 0) | 1 << position
        # Operands are older than what they are operands of, so when a term is taken from the
        # heap it has been reached on all ways that do not pass a cut.
        heap = [-number for number in terms]
        heapq.heapify(heap)
        while heap:
            number = -heapq.heappop(heap)
            term = terms[number]
            if term in self.inside or term in self.cut:
                continue
            if term.args:
                if limit == 0 or (to_shared and reached[number] == everywhere):
                    self.cut[term] = None
                    continue
                limit -= 1
            check_sorts(term)
            self.inside.add(term)
            for arg in term.args:
                if arg.number not in terms:
                    terms[arg.number] = arg
                    reached[arg.number] = 0
                    heapq.heappush(heap, -arg.number)
                reached[arg.number] |= reached[number]


def check_sorts(term: Term) -> None:
    """Check that a term can mean something: its operands have the sorts that its operation takes.

    Raises:
        SortError: they do not.
    """
    operands = [arg.sort for arg in term.args]
    if not _is_well_sorted(term, operands):
        raise SortError(f"{term.op} of sort {term.sort} on {operands}, payload {term.payload}")


def _is_well_sorted(term: Term, operands: list[str]) -> bool:
    op, sort, payload = term.op, term.sort, term.payload
    if sort not in _SORTS:
        return False
    if op in MEANINGS:
        row = BY_MNEMONIC[op]
        return (tuple(operands), (sort,), payload) == (row.operands, row.results, None)
    if op == "const":
        return sort in BITS and isinstance(payload, int) and 0 <= payload < 1 << BITS[sort]
    if op in ("true", "false"):
        return sort == BOOL
    if op == "ite":
        return operands == ["i32", sort, sort]
    if op in ("named", "choose"):
        return sort == "i32" and operands == [BOOL] * (1 if op == "named" else 3)
    if op == "merge":
        return operands == [BOOL, sort] * (len(operands) // 2) and len(operands) > 0
    if op in SUMS.values():
        return op == SUMS.get(sort) and operands == [sort] * len(operands) and _is_sum(term)
    return all(each in _SORTS for each in operands)


def _is_sum(term: Term) -> bool:
    payload: Any = term.payload
    numbers = (payload[0], *payload[1])
    return len(numbers) == len(term.args) + 1 and all(
        0 <= number < 1 << BITS[term.sort] for number in numbers
    )


class Encoder:
    """Makes Z3 expressions of terms, in one Z3 context.

    Args:
        context: where they live.
        domain: what numeric instructions mean; the usual one when None.
        sort: stands for references and for states; sorts of their own when None.
    """

    def __init__(
        self,
        context: z3.Context,
        domain: Z3Domain | None = None,
        sort: z3.SortRef | None = None,
    ) -> None:
        self._context: Final = context
        self._domain: Final = domain or Z3Domain(context)
        self._functions: Final[dict[Hashable, z3.FuncDeclRef]] = {}
        self._sorts: Final[dict[str, z3.SortRef]] = {
            each: z3.DeclareSort(each, context) if sort is None else sort
            for each in (REFERENCE, STATE)
        }
        self._variables: Final[dict[Term, z3.ExprRef]] = {}
        self._whole: Final[dict[Term, z3.ExprRef]] = {}

    def expressions(self, roots: Sequence[Term], region: Region) -> list[z3.ExprRef]:
        """The roots, which `region` was made from, with variables where it was cut."""
        values = self._whole
        if region.cut:
            values = {term: self._variable(term) for term in region.cut}
        interpretation = (self._domain, z3.If, self._unknown)
        return [interpret(*interpretation, root, values) for root in roots]

    def expression(self, term: Term) -> z3.ExprRef:
        """A term below the roots of a region that was not cut."""
        return self._whole[term]

    def _variable(self, term: Term) -> z3.ExprRef:
        known = self._variables.get(term)
        if known is None:
            known = self._variables[term] = self._within_ones(
                term, lambda sort: z3.Const(f"cut#{term.number}", sort)
            )
        return known

    def _unknown(self, term: Term, operands: list[z3.ExprRef]) -> z3.ExprRef:
        """What has no meaning but its name and operands."""
        return self._within_ones(term, lambda sort: self._function(term, operands, sort))

    def _function(self, term: Term, operands: list[z3.ExprRef], sort: z3.SortRef) -> z3.ExprRef:
        key = (term.op, term.payload, tuple([arg.sort for arg in term.args]), term.sort, sort)
        function = self._functions.get(key)
        if function is None:
            sorts = [*[operand.sort() for operand in operands], sort]
            function = z3.Function(f"{term.op}#{len(self._functions)}", *sorts)
            self._functions[key] = function
        return function(*operands)

    def _within_ones(self, term: Term, make: Callable[[z3.SortRef], z3.ExprRef]) -> z3.ExprRef:
        """`make(sort)` of as few bits as may be one, widened to the width of the term."""
        if term.sort not in WIDTHS:
            return make(self._sorts[term.sort])
        bits = WIDTHS[term.sort]
        ones = term.ones if term.sort in SUMS else (1 << bits) - 1
        width = ones.bit_length()
        if width == 0:
            return self._domain.constant(bits, 0)
        value = make(z3.BitVecSort(width, self._context))
        if ones & (ones + 1):
            value &= self._domain.constant(width, ones)
        return value if width == bits else z3.ZeroExt(bits - width, value)


def costs_more_than(gates: int, expression: z3.ExprRef) -> bool:
    """Whether Z3 would make more than about so many gates of an expression.

    That is what it costs to solve it at all.  Z3 counts hardly any of it against a resource
    limit, and does not limit its memory by that.
    """
    seen = {expression.get_id()}
    stack = [expression]
    while stack and gates >= 0:
        each = stack.pop()
        gates -= _gates(each)
        for child in each.children():
            if child.get_id() not in seen:
                seen.add(child.get_id())
                stack.append(child)
    return gates < 0


def _gates(expression: z3.ExprRef) -> int:
    count: int = expression.num_args()
    if count == 0:
        return 0
    operand = expression.arg(count - 1)
    width: int = operand.size() if isinstance(operand, z3.BitVecRef) else 1
    kind: int = expression.decl().kind()
    if kind in _DIVISIONS:
        return 4 * width * width
    if kind == z3.Z3_OP_BMUL:
        return (count - 1) * width * width
    if kind in _SHIFTS:
        return 2 * width * width.bit_length()
    return count * width


_DIVISIONS: Final = frozenset(
    number
    for name, number in vars(z3).items()
    if name.startswith("Z3_OP_B") and name.removesuffix("_I").endswith(("DIV", "REM", "MOD"))
)
"""Division and remainder, the variants for divisors that are not 0 included."""
_SHIFTS: Final = frozenset(
    [
        z3.Z3_OP_BSHL,
        z3.Z3_OP_BLSHR,
        z3.Z3_OP_BASHR,
        z3.Z3_OP_EXT_ROTATE_LEFT,
        z3.Z3_OP_EXT_ROTATE_RIGHT,
    ]
)
