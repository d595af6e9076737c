"""The notation of rewrite rules.

    and-and: (iN.and (iN.and x c1) c2) -> (iN.and x (iN.and c1 c2))
    rem_u-power: (iN.rem_u x c) -> (iN.and x (iN.sub c 1)) if (iN.eq (iN.popcnt c) 1)

`name: pattern -> replacement`, then `if` and conditions between commas.  Everything is written in
instructions, so that `semantics.MEANINGS` says what a rule means, to the matcher and to the solver
that proves it.  With `N` it is two rules, for 32 and for 64 bits.  Names in a rule:

    x, y, z          any term
    c, c1, c2, k     a constant
    1, -1, 0xff      that constant; also N, LAST = N - 1, the signed bounds LEAST and MOST, LEAST+1
    ones.x           the bits of x that may be one (`Term.ones`), as a constant

Instructions on constants alone are computed when the rule is applied.  Operands of commutative
instructions match in either order, constants stand last.  Sums have a node of their own
(`linear.py`) and are seen as an instruction by two patterns: `(iN.shl x k)` is a sum of which
every coefficient is a multiple of 2**k, with the largest such k > 0; `(iN.add x c)` is a sum with
the constant c, not 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmopt.domain import to_unsigned
from wasmopt.opcodes import BY_MNEMONIC, Opcode
from wasmopt.verify.terms import BITS


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


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule at exact widths, as written.

    Attributes:
        name: unique; ends with the width when there are two of it.
    """

    name: str
    pattern: Call
    replacement: Expression
    conditions: tuple[Expression, ...]


def parse_rules(text: str) -> list[RuleText]:
    """The rules of a table: one a line, comments behind `#`, long ones go on indented."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            lines[-1] += line
        elif line and not line.startswith("#"):
            lines.append(line)
    return [rule for line in lines for rule in _parse_line(*line.split(": ", 1))]


def _parse_line(name: str, text: str) -> list[RuleText]:
    widths = (32, 64) if "iN" in text or "fN" in text else (0,)
    return [_parse_rule(name, text, width) for width in widths]


def _parse_rule(name: str, text: str, width: int) -> RuleText:
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
    return RuleText(
        name,
        pattern,
        parse_expression(right, pattern.sort, sorts),
        tuple(parse_expression(each, "i32", sorts) for each in conditions.split(",") if each),
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
    least = 1 << (bits - 1)
    named = {"N": bits, "LAST": bits - 1, "LEAST": least, "LEAST+1": least + 1, "MOST": least - 1}
    return Literal(to_unsigned(bits, named[token] if token in named else int(token, 0)), sort)


def _sorts_of_names(expression: Expression, sorts: dict[str, str]) -> None:
    if isinstance(expression, Call):
        for arg in expression.args:
            _sorts_of_names(arg, sorts)
        return
    name = expression.name if isinstance(expression, Variable | Constant) else ""
    if sorts.setdefault(name, expression.sort) != expression.sort and name:
        raise ValueError(f"{name} has two sorts")
