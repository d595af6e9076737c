"""Rewrite rules as matchers: from the notation (`notation.py`) to functions on terms."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from wasmopt.domain import INTEGERS
from wasmopt.semantics import MEANINGS
from wasmopt.verify import linear, sum_views
from wasmopt.verify.notation import Call, Constant, Expression, Literal, Ones, RuleText, Variable
from wasmopt.verify.terms import Term

if TYPE_CHECKING:
    from wasmopt.verify.normalise import Normaliser

COMMUTATIVE: Final = frozenset(
    [f"i{bits}.{name}" for bits in (32, 64) for name in ("add", "mul", "and", "or", "xor", "eq")]
    + [f"f{bits}.eq" for bits in (32, 64)]
)
"""Instructions whose operands may be swapped.

Float addition and multiplication are not: which operand a NaN comes from may be told from it.
"""


_Slots = list[Any]
"""What the names of a rule stand for while it is matched: terms."""
_Matcher = Callable[["Normaliser", Term, _Slots], bool]
_Number = Callable[[_Slots], int]
_Builder = Callable[["Normaliser", _Slots], Term]


class Rule:
    """One rule, ready to be applied.

    Attributes:
        text: as written.
        number: position in the table of rules.
        ways: one for each order of operands that can occur.
    """

    def __init__(self, text: RuleText, number: int) -> None:
        self.text: Final = text
        self.number: Final = number
        slots: dict[str, int] = {}
        _number_names(text.pattern, slots)
        tests = [_number(condition, slots) for condition in text.conditions]
        build = _builder(text.replacement, slots)
        self.ways: Final = [
            Way(number, each, slots, tests, build) for each in _orders(text.pattern)
        ]


class Way:
    """A rule with its operands in one order.

    Attributes:
        number: of the rule.
        heads: the operation and those of its operands; None stands for any.
    """

    __slots__ = ("_build", "_first", "_second", "_size", "_tests", "heads", "number")

    def __init__(
        self,
        number: int,
        pattern: Call,
        slots: dict[str, int],
        tests: list[_Number],
        build: _Builder,
    ) -> None:
        seen: set[str] = set()
        self.number: Final = number
        self.heads: Final = (pattern.op.mnemonic, *[_head(arg) for arg in pattern.args])
        matchers = [_matcher(arg, slots, seen) for arg in pattern.args]
        self._first: Final = matchers[0]
        self._second: Final = matchers[1] if len(matchers) > 1 else None
        self._size: Final = len(slots)
        self._tests: Final = tests
        self._build: Final = build

    def attempt(self, normaliser: Normaliser, args: Sequence[Term]) -> Term | None:
        """The replacement, normalised; None when the rule does not apply.

        The operations are those of `heads`.
        """
        slots: _Slots = [None] * self._size
        if not self._first(normaliser, args[0], slots):
            return None
        if self._second is not None and not self._second(normaliser, args[1], slots):
            return None
        for test in self._tests:
            if not test(slots):
                return None
        return self._build(normaliser, slots)


def _number_names(expression: Expression, slots: dict[str, int]) -> None:
    if isinstance(expression, Call):
        for arg in expression.args:
            _number_names(arg, slots)
    elif isinstance(expression, Variable | Constant):
        slots.setdefault(expression.name, len(slots))


def _orders(pattern: Call) -> list[Call]:
    """The pattern with operands of commutative instructions in every order that can occur."""
    choices = [_orders(arg) if isinstance(arg, Call) else [arg] for arg in pattern.args]
    orders = [Call(pattern.op, args) for args in product(*choices)]
    if pattern.op.mnemonic in COMMUTATIVE and any(isinstance(arg, Call) for arg in pattern.args):
        orders += [
            Call(each.op, each.args[::-1])
            for each in orders
            if not isinstance(each.args[1], Constant | Literal)
        ]
    return orders


# -- matching ----------------------------------------------------------------------------------


def _is_sum(pattern: Call) -> bool:
    """Whether the pattern is one of the two views of a sum."""
    return pattern.op.mnemonic[4:] in ("shl", "add") and isinstance(pattern.args[1], Constant)


def _head(pattern: Expression) -> str | None:
    """The operation that a term must have to match, None for any."""
    if isinstance(pattern, Call):
        return linear.SUMS[pattern.sort] if _is_sum(pattern) else pattern.op.mnemonic
    return "const" if isinstance(pattern, Constant | Literal) else None


def _matcher(pattern: Expression, slots: dict[str, int], seen: set[str]) -> _Matcher:
    if isinstance(pattern, Call):
        args = [_matcher(arg, slots, seen) for arg in pattern.args]
        if _is_sum(pattern):
            return _match_view(pattern, args)
        return _match_one(pattern, *args) if len(args) == 1 else _match_two(pattern, *args)
    if isinstance(pattern, Literal):
        bits = pattern.bits
        return lambda _normaliser, term, _slots: term.op == "const" and term.payload == bits
    if isinstance(pattern, Ones):
        raise ValueError("ones is no pattern")
    slot = slots[pattern.name]
    if pattern.name in seen:
        return lambda _normaliser, term, slots: term is slots[slot]
    seen.add(pattern.name)
    wants_constant = isinstance(pattern, Constant)

    def bind(_normaliser: Normaliser, term: Term, slots: _Slots) -> bool:
        slots[slot] = term
        return not wants_constant or term.op == "const"

    return bind


def _match_one(pattern: Call, only: _Matcher) -> _Matcher:
    name = pattern.op.mnemonic
    return lambda n, term, slots: term.op == name and only(n, term.args[0], slots)


def _match_two(pattern: Call, first: _Matcher, second: _Matcher) -> _Matcher:
    name = pattern.op.mnemonic

    def match(n: Normaliser, term: Term, slots: _Slots) -> bool:
        if term.op != name:
            return False
        left, right = term.args
        return first(n, left, slots) and second(n, right, slots)

    return match


def _match_view(pattern: Call, args: list[_Matcher]) -> _Matcher:
    name = linear.SUMS[pattern.sort]
    view = sum_views.as_shift if pattern.op.mnemonic.endswith("shl") else sum_views.as_addition
    first, second = args

    def match(n: Normaliser, term: Term, slots: _Slots) -> bool:
        if term.op != name:
            return False
        seen = view(n, term)
        return seen is not None and first(n, seen[0], slots) and second(n, seen[1], slots)

    return match


# -- computing and building --------------------------------------------------------------------


def _number(expression: Expression, slots: dict[str, int]) -> _Number:
    """The expression over constants as a function of the slots."""
    if isinstance(expression, Literal):
        bits = expression.bits
        return lambda _slots: bits
    if isinstance(expression, Ones):
        slot = slots[expression.variable]
        return lambda slots: slots[slot].ones
    if isinstance(expression, Constant):
        slot = slots[expression.name]
        return lambda slots: slots[slot].payload
    if isinstance(expression, Variable):
        raise ValueError(f"{expression.name} has no value while a rule is matched")
    args = [_number(arg, slots) for arg in expression.args]
    shortcut = SHORTCUTS.get(expression.op.mnemonic)
    value = MEANINGS[expression.op.mnemonic].value
    if len(args) == 1:
        only = args[0]
        return lambda slots: value(INTEGERS, only(slots))
    first, second = args
    if shortcut is not None:
        return lambda slots: shortcut(first(slots), second(slots))
    return lambda slots: value(INTEGERS, first(slots), second(slots))


SHORTCUTS: Final[dict[str, Callable[[int, int], int]]] = {
    f"i{bits}.{name}": function
    for bits in (32, 64)
    for name, function in {
        "and": operator.and_,
        "or": operator.or_,
        "eq": operator.eq,
        "ne": operator.ne,
        "lt_u": operator.lt,
    }.items()
}
"""The instructions that conditions use most, on unsigned numbers; a test holds them against
`MEANINGS`."""


def _is_computed(expression: Expression) -> bool:
    if isinstance(expression, Call):
        return all(_is_computed(arg) for arg in expression.args)
    return not isinstance(expression, Variable)


def _builder(expression: Expression, slots: dict[str, int]) -> _Builder:
    """What makes the term of the expression, normalised."""
    if isinstance(expression, Variable):
        slot = slots[expression.name]
        return lambda _normaliser, slots: slots[slot]
    if not isinstance(expression, Call) or _is_computed(expression):
        sort, bits = expression.sort, _number(expression, slots)
        return lambda normaliser, slots: normaliser.arena.constant(sort, int(bits(slots)))
    op = expression.op
    builders = [_builder(arg, slots) for arg in expression.args]
    return lambda normaliser, slots: normaliser.apply(
        op, [build(normaliser, slots) for build in builders]
    )
