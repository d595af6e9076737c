"""Value numbers that know the theory of the normaliser: equal terms get equal numbers.

A value without a formula (a parameter, a result of a call, what joins bring) is an unknown of
its sort, named by its number.  What instructions make of these is a normalised term, and each term
has one number.  So all equations of the normaliser, which are proved by Z3 in the tests, hold
between value numbers.  A load is a load of its bytes and conversions; a store is a store of the
bytes that it keeps.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final

from wasmopt.instr import Instr, InstrPool
from wasmopt.opcodes import BY_MNEMONIC, Opcode
from wasmopt.semantics import constant_bits, make_constant
from wasmopt.types import F32, F64, I32, I64
from wasmopt.verify.accesses import LOADS, STORE_MASKS, STORES
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.terms import Arena, Term, is_constant
from wasmopt.verify.terms import constant_bits as bits_of

if TYPE_CHECKING:
    from wasmopt.verify.value_numbering import Numbers

KNOWN_STORES: Final = frozenset(
    [
        *(f"{kind}.store" for kind in ("i32", "i64", "f32", "f64")),
        *("i32.store8", "i32.store16", "i64.store8", "i64.store16", "i64.store32"),
    ]
)
"""What `Theory.store` knows."""
_TYPES: Final = {"i32": I32, "i64": I64, "f32": F32, "f64": F64}
_LOADED: Final = {"i32.load8_u": 0xFF, "i32.load16_u": 0xFFFF}
"""Bits of what these give that may be one."""


def has_theory(op: Opcode) -> bool:
    """Whether an instruction is a function on numbers that the normaliser knows."""
    sorts = [*(op.operands or ()), *(op.results or ())]
    return (
        len(op.results or ()) == 1
        and bool(op.operands)
        and not op.immediates
        and not op.effects
        and all(sort in _TYPES for sort in sorts)
    )


class Theory:
    """Terms of value numbers, and numbers of terms.

    Args:
        numbers: of the descriptions of values.
        pool: makes constants.
    """

    def __init__(self, numbers: Numbers, pool: InstrPool) -> None:
        self._numbers: Final = numbers
        self._pool: Final = pool
        self._normaliser: Final = Normaliser(Arena())
        self._terms: Final[dict[tuple[int, str], Term]] = {}
        self._number_of: Final[dict[Term, int]] = {}

    def constant(self, instr: Instr, number: int) -> None:
        """A number is that of what a `const` pushes."""
        sort = instr.name[:3]
        if instr.name.endswith(".const") and sort in _TYPES:
            self._bind(number, self._normaliser.arena.constant(sort, constant_bits(instr)))

    def apply(self, op: Opcode, operands: Sequence[int]) -> int:
        """The number of what an instruction gives, see `has_theory`."""
        pairs = zip(operands, op.operands or (), strict=True)
        return self._number(self._normaliser.apply(op, [self._term(*pair) for pair in pairs]))

    def truth(self, number: int) -> int:
        """The number of whether an i32 is not zero."""
        eqz = BY_MNEMONIC["i32.eqz"]
        return self.apply(eqz, [self.apply(eqz, [number])])

    def load(self, name: str, where: tuple[Hashable, ...]) -> int:
        """The number of what a load finds.

        Args:
            name: of the instruction.
            where: all else that it depends on.
        """
        name, *conversions = LOADS.get(name, (name,))
        number = self._numbers["load", name, *where]
        if name in _LOADED:
            self._term(number, "i32").ones = _LOADED[name]
        for each in conversions:
            number = self.apply(BY_MNEMONIC[each], [number])
        return number

    def store(self, name: str, value: int) -> tuple[str, int]:
        """The store that a store is, and the number of what it stores."""
        name, *conversions = STORES.get(name, (name,))
        for each in conversions:
            value = self.apply(BY_MNEMONIC[each], [value])
        if name in STORE_MASKS:
            mask = self._number(self._normaliser.arena.constant("i32", STORE_MASKS[name]))
            value = self.apply(BY_MNEMONIC["i32.and"], [value, mask])
        return name, value

    def _term(self, number: int, sort: str) -> Term:
        term = self._terms.get((number, sort))
        if term is None:
            term = self._normaliser.arena.symbol(sort, ("value", number))
            self._bind(number, term)
        return term

    def _number(self, term: Term) -> int:
        number = self._number_of.get(term)
        if number is None:
            if is_constant(term):
                constant = make_constant(self._pool, _TYPES[term.sort], bits_of(term))
                number = self._numbers.constant(constant)
            else:
                number = self._numbers["term", term]
            self._bind(number, term)
        return number

    def _bind(self, number: int, term: Term) -> None:
        self._terms[number, term.sort] = term
        self._number_of[term] = number
