"""Z3 expressions in the words of SMT-LIB 2.6, for other solvers to read.

References and states have sorts of their own for Z3; not every solver knows that.  Here they are
numbers of `OPAQUE_BITS` bits, which makes no difference: nothing but equality and functions
without a meaning is ever applied to them, and no quantifier.  Such a question can be satisfied if
and only if it can with no more values of a sort than it has terms of it, and it has fewer terms
than there are numbers.

Source: SMT-LIB 2.6, theory FixedSizeBitVectors, logics QF_BV and QF_UFBV.
"""

# ruff: noqa: D102 - `Domain` says what its operations mean

from __future__ import annotations

from typing import Final

import z3

from wasmopt.verify.z3_domain import Z3Domain

PLAIN: Final = "QF_BV"
WITH_FUNCTIONS: Final = "QF_UFBV"
OPAQUE_BITS: Final = 16
"""Of a value of which nothing is known but whether it is another one: more values than a query has
terms, which `Budget.terms` bounds."""


class PlainDomain(Z3Domain):
    """Without what only Z3 knows: rotation by a number of bits that is not constant."""

    def rotl(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        """Widths are powers of two, so that a mask takes counts modulo the width."""
        mask = self.constant(bits, bits - 1)
        return (value << (count & mask)) | z3.LShR(value, -count & mask)

    def rotr(self, bits: int, value: z3.BitVecRef, count: z3.BitVecRef) -> z3.BitVecRef:
        return self.rotl(bits, value, -count)


def smt_lib(question: z3.BoolRef) -> tuple[str, str]:
    """Logic and text of a question: declarations and assertions, a line feed at the end."""
    solver = z3.SimpleSolver(ctx=question.ctx)
    solver.add(question)
    text = str(solver.sexpr()).strip() + "\n"
    return (WITH_FUNCTIONS if _has_functions(question) else PLAIN), text


def _has_functions(question: z3.BoolRef) -> bool:
    """Whether there is a function of which nothing is said."""
    seen = {question.get_id()}
    stack: list[z3.ExprRef] = [question]
    while stack:
        each = stack.pop()
        if each.num_args() and each.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            return True
        for child in each.children():
            if child.get_id() not in seen:
                seen.add(child.get_id())
                stack.append(child)
    return False
