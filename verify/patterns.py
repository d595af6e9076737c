"""Rewrite rules: a small notation, and what turns it into matchers.

    and-and: (iN.and (iN.and x c1) c2) -> (iN.and x (iN.and c1 c2))
    rem_u-power: (iN.rem_u x c) -> (iN.and x (iN.sub c 1)) if (iN.eq (iN.popcnt c) 1)

`name: pattern -> replacement`, then `if` and conditions between commas.  Everything is written in
instructions, so that `semantics.MEANINGS` says what a rule means, to the matcher and to the solver
that proves it.  With `N` it is two rules, for 32 and for 64 bits.  Names in a rule:

    x, y, z          any term
    c, c1, c2, k     a constant
    1, -1, 0xff      that constant; also N, LAST = N - 1, LEAST and MOST (the signed bounds)
    ones.x           the bits of x that may be one (`Term.ones`), as a constant

Instructions on constants alone are computed when the rule is applied.  Operands of commutative
instructions match in either order, constants stand last.  Sums have a node of their own
(`linear.py`) and are seen as an instruction by two patterns: `(iN.shl x k)` is a sum of which
every coefficient is a multiple of 2**k, with the largest such k > 0; `(iN.add x c)` is a sum with
the constant c, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from wasmopt.domain import INTEGERS, to_unsigned
from wasmopt.opcodes import BY_MNEMONIC, Opcode
from wasmopt.semantics import MEANINGS
from wasmopt.verify import linear, sum_views
from wasmopt.verify.terms import BITS, Term

if TYPE_CHECKING:
    from wasmopt.verify.normalise import Normaliser

COMMUTATIVE: Final = frozenset(
    [f"i{bits}.{name}" for bits in (32, 64) for name in ("add", "mul", "and", "or", "xor", "eq")]
    + [f"f{bits}.eq" for bits in (32, 64)]
)
"""Instructions whose operands may be swapped.

Float addition and multiplication are not: which operand a NaN comes from may be told from it.
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """Stands for any term of that sort."""

    name: str
    sort: str


@dataclass(frozen=True, slots=True)
class Constant:
    """Stands for any constant of that sort."""

    name: str
    sort: str


@dataclass(frozen=True, slots=True)
class Literal:
    """One constant."""

    bits: int
    sort: str


@dataclass(frozen=True, slots=True)
class Ones:
    """The bits that may be one in what the variable stands for."""

    variable: str
    sort: str


@dataclass(frozen=True, slots=True)
class Call:
    """An instruction on operands."""

    op: Opcode
    args: tuple[Expression, ...]

    @property
    def sort(self) -> str:
        """Of the result."""
        return (self.op.results or ("",))[0]


Expression = Variable | Constant | Literal | Ones | Call

_Slots = list[Any]
"""What the names of a rule stand for while it is matched: terms."""
_Matcher = Callable[["Normaliser", Term, _Slots], bool]
_Number = Callable[[_Slots], int]
_Builder = Callable[["Normaliser", _Slots], Term]


class Rule:
    """One rule at exact widths.

    Attributes:
        name: unique; ends with the width when there are two of it.
        pattern, replacement, conditions: as written.
        number: position in the table of rules.
        ways: one for each order of operands that can occur.
    """

    def __init__(
        self,
        name: str,
        pattern: Call,
        replacement: Expression,
        conditions: tuple[Expression, ...],
        number: int,
    ) -> None:
        self.name: Final = name
        self.pattern: Final = pattern
        self.replacement: Final = replacement
        self.conditions: Final = conditions
        self.number: Final = number
        slots: dict[str, int] = {}
        _number_names(pattern, slots)
        tests = [_number(condition, slots) for condition in conditions]
        build = _builder(replacement, slots)
        self.ways: Final = [Way(number, each, slots, tests, build) for each in _orders(pattern)]


class Way:
    """A rule with its operands in one order.

    Attributes:
        number: of the rule.
        heads: the operation and those of its operands; None stands for any.
    """

    __slots__ = ("_build", "_matchers", "_size", "_tests", "heads", "number")

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
        self._matchers: Final = [_matcher(arg, slots, seen) for arg in pattern.args]
        self._size: Final = len(slots)
        self._tests: Final = tests
        self._build: Final = build

    def attempt(self, normaliser: Normaliser, args: Sequence[Term]) -> Term | None:
        """The replacement, normalised; None when the rule does not apply.

        The operations are those of `heads`.
        """
        slots: _Slots = [None] * self._size
        for matcher, arg in zip(self._matchers, args, strict=True):
            if not matcher(normaliser, arg, slots):
                return None
        for test in self._tests:
            if not test(slots):
                return None
        return self._build(normaliser, slots)


# -- reading -----------------------------------------------------------------------------------


def parse_rules(text: str) -> list[Rule]:
    """The rules of a table: one a line, comments behind `#`, long ones go on indented."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            lines[-1] += line
        elif line and not line.startswith("#"):
            lines.append(line)
    rules: list[Rule] = []
    for line in lines:
        name, _, body = line.partition(": ")
        for width in (32, 64) if "iN" in body or "fN" in body else (0,):
            rules.append(_parse_rule(name, body, width, len(rules)))
    return rules


def _parse_rule(name: str, text: str, width: int, number: int) -> Rule:
    if width:
        name = f"{name}/{width}"
        text = text.replace("iN", f"i{width}").replace("fN", f"f{width}")
    rewrite, _, conditions = text.partition(" if ")
    left, _, right = rewrite.partition("->")
    pattern = parse_expression(left, "")
    if not isinstance(pattern, Call):
        raise ValueError(f"rule {name}: the pattern is no instruction")
    sorts = {"": ""}
    _sorts_of_names(pattern, sorts)
    return Rule(
        name,
        pattern,
        parse_expression(right, pattern.sort, sorts),
        tuple(parse_expression(each, "i32", sorts) for each in conditions.split(",") if each),
        number,
    )


def parse_expression(text: str, sort: str, sorts: dict[str, str] | None = None) -> Expression:
    """What `text` says, which gives a value of `sort` ("": whatever its instruction gives).

    Args:
        text: as in the notation.
        sort: of the result.
        sorts: of the names, when they are known.
    """
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()[::-1]
    expression = _parse(tokens, sort, sorts or {})
    if tokens:
        raise ValueError(f"unexpected {tokens[-1]!r} in rule {text.strip()!r}")
    return expression


def _parse(tokens: list[str], sort: str, sorts: dict[str, str]) -> Expression:
    token = tokens.pop()
    if token == "(":
        op = BY_MNEMONIC[tokens.pop()]
        args = tuple([_parse(tokens, each, sorts) for each in op.operands or ()])
        if tokens.pop() != ")" or sort not in ("", *(op.results or ())):
            raise ValueError(f"{op.mnemonic} does not fit in a rule")
        return Call(op, args)
    if token.startswith("ones."):
        return Ones(token[5:], sort)
    if token[0] in "xyzck":
        if sorts.get(token, sort) != sort:
            raise ValueError(f"{token} is of sort {sorts[token]}, used as {sort}")
        return (Constant if token[0] in "ck" else Variable)(token, sort)
    bits = BITS[sort]
    named = {"N": bits, "LAST": bits - 1, "LEAST": 1 << (bits - 1), "MOST": (1 << (bits - 1)) - 1}
    return Literal(to_unsigned(bits, named[token] if token in named else int(token, 0)), sort)


def _sorts_of_names(expression: Expression, sorts: dict[str, str]) -> None:
    if isinstance(expression, Call):
        for arg in expression.args:
            _sorts_of_names(arg, sorts)
        return
    name = expression.name if isinstance(expression, Variable | Constant) else ""
    if sorts.setdefault(name, expression.sort) != expression.sort and name:
        raise ValueError(f"{name} has two sorts")


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
    value = MEANINGS[expression.op.mnemonic].value
    args = [_number(arg, slots) for arg in expression.args]
    if len(args) == 1:
        only = args[0]
        return lambda slots: value(INTEGERS, only(slots))
    first, second = args
    return lambda slots: value(INTEGERS, first(slots), second(slots))


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
        return lambda normaliser, slots: normaliser.arena.constant(sort, bits(slots))
    op = expression.op
    builders = [_builder(arg, slots) for arg in expression.args]
    return lambda normaliser, slots: normaliser.apply(
        op, [build(normaliser, slots) for build in builders]
    )
