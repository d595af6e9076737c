"""Z3 expressions in the words of SMT-LIB 2.6, for other solvers to read.

Source: SMT-LIB 2.6, theory FixedSizeBitVectors, logics QF_BV and QF_UFBV.
"""

# ruff: noqa: D102 - `Domain` says what its operations mean

from __future__ import annotations

from typing import Final

import z3

from wasmopt.verify.z3_domain import Z3Domain

PLAIN: Final = "QF_BV"
WITH_FUNCTIONS: Final = "QF_UFBV"


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
    """Whether there is a function, or a value of a sort, of which nothing is said."""
    seen = {question.get_id()}
    stack: list[z3.ExprRef] = [question]
    while stack:
        each = stack.pop()
        if each.sort_kind() == z3.Z3_UNINTERPRETED_SORT:
            return True
        if each.num_args() and each.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            return True
        for child in each.children():
            if child.get_id() not in seen:
                seen.add(child.get_id())
                stack.append(child)
    return False
