"""Hash-consed terms: what a value or a piece of state is, as a function of the initial state.

Equal terms are one object, so equality is `is`.  Every term has a sort from the first line on;
widths come from `BITS`, and asking for the width of a sort that has none is a KeyError, never a
default.  Terms are made by an `Arena`, which lives as long as one proof.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

BITS: Final = {"i32": 32, "i64": 64, "f32": 32, "f64": 64, "v128": 128}
"""Width in bits of the sorts that have one."""

STATE: Final = "state"
"""Sort of everything that is not a value: memory contents, tables, the sequence of calls."""
REFERENCE: Final = "ref"
BOOL: Final = "bool"
"""Sort of conditions: decision diagrams over atoms with the leaves true and false."""


MAX_TERMS: Final = 300_000
"""Terms of one proof, 700 to 900 bytes each with what is remembered of them; past that the proof
is given up.  The largest that succeeds over the public modules takes 104,379 (`make bench-verify`,
tree-sitter), so more would only be memory and time for proofs that fail."""


class BudgetError(Exception):
    """A proof has grown past what it may use."""


class SortError(Exception):
    """Terms of the wrong sorts were put together: a defect of the code that did it."""


class Term:
    """A node of the DAG.

    Attributes:
        number: order of creation in its arena; a total order that both versions share.
        op: a mnemonic, or the name of a constructor of `verify`.
        args: operand terms.
        payload: what else distinguishes it (immediates, constant bits, symbol keys).
        sort: sort of its value.
        depth: of the decision diagram it is the root of; 0 for anything but `ite`.
        ones: bits that may be one, as a mask, for i32 and i64; 0 for other sorts.
    """

    __slots__ = ("args", "depth", "number", "ones", "op", "payload", "sort")

    def __init__(
        self, number: int, op: str, args: tuple[Term, ...], payload: Hashable, sort: str
    ) -> None:
        self.number: Final = number
        self.op: Final = op
        self.args: Final = args
        self.payload: Final = payload
        self.sort: Final = sort
        self.depth = 0
        self.ones = (1 << BITS[sort]) - 1 if sort in ("i32", "i64") else 0

    def __repr__(self) -> str:
        shown = "" if self.payload is None else f"[{self.payload}]"
        return f"{self.op}{shown}({', '.join(f'%{arg.number}' for arg in self.args)})"


class Arena:
    """Interns the terms of one proof.

    Args:
        most: terms that it may hold.

    Attributes:
        requests: how often a term was asked for.
        on_new: set by the normaliser to fill in what a new term is known to be (`ones`).
    """

    def __init__(self, most: int = MAX_TERMS) -> None:
        self._most = most
        self._terms: dict[tuple[str, tuple[Term, ...], Hashable, str], Term] = {}
        self.requests = 0
        self.on_new: Callable[[Term], None] | None = None

    def __len__(self) -> int:
        return len(self._terms)

    def node(
        self, op: str, sort: str, args: tuple[Term, ...] = (), payload: Hashable = None
    ) -> Term:
        """The one term with these parts, as it stands (no rewriting)."""
        self.requests += 1
        key = (op, args, payload, sort)
        term = self._terms.get(key)
        if term is None:
            if len(self._terms) >= self._most:
                raise BudgetError("too many terms")
            term = self._terms[key] = Term(len(self._terms), op, args, payload, sort)
            if self.on_new is not None:
                self.on_new(term)
        return term

    def constant(self, sort: str, bits: int) -> Term:
        """A constant of a sort with a width.

        Raises:
            SortError: `bits` is not an unsigned pattern of that width.
        """
        if not 0 <= bits < 1 << BITS[sort]:
            raise SortError(f"{bits:#x} is not a pattern of {BITS[sort]} bits")
        return self.node("const", sort, (), bits)

    def symbol(self, sort: str, key: Hashable) -> Term:
        """An unknown of that sort, the same one for the same key."""
        return self.node("symbol", sort, (), key)


def is_constant(term: Term) -> bool:
    """Whether the term is a constant."""
    return term.op == "const"


def constant_bits(term: Term) -> int:
    """The unsigned pattern of a constant.

    Raises:
        SortError: the term is none.
    """
    if term.op != "const" or not isinstance(term.payload, int):
        raise SortError(f"{term} is not a constant")
    return term.payload
