"""Rules of peepholes as objects, made from their text; `peephole_rules` explains the notation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from wasmopt.domain import to_unsigned
from wasmopt.instr import Instr, InstrPool
from wasmopt.opcodes import opcode
from wasmopt.passes.peephole_rules import DENSE_RULES, RULES
from wasmopt.semantics import Trap, constant_bits, evaluate, make_constant
from wasmopt.types import I32, I64

_ORDERS: Final = ("lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u")
TESTS: Final = tuple(
    [f"{kind}.{op}" for kind in ("i32", "i64") for op in ("eqz", "eq", "ne", *_ORDERS)]
    + [f"{kind}.{op}" for kind in ("f32", "f64") for op in ("eq", "ne", "lt", "gt", "le", "ge")]
)
"""What gives 0 or 1."""
FORKS: Final = ("br_if m", "if m", "select")
"""What only asks whether a number is 0."""
SIGN_EXTENSION: Final = frozenset(
    ["i32.extend8_s", "i32.extend16_s", "i64.extend8_s", "i64.extend16_s", "i64.extend32_s"]
)
_CONSTANTS: Final = "cdk"
IMMEDIATES: Final = "m"

Bindings = dict[str, int | tuple[object, ...]]
"""What the names of a rule stand for: constants as bit patterns, or immediates."""


@dataclass(frozen=True, slots=True)
class Token:
    """One instruction of a rule.

    Attributes:
        name: its mnemonic.
        argument: for a `const`, what it pushes: words, a single one where nothing is computed;
            for others `IMMEDIATES` or nothing.
    """

    name: str
    argument: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule at exact widths.

    Attributes:
        name: unique, with the width behind it when there are several of it.
        pattern, replacement: instructions, in the order of the code.
        condition: words that compute something, nothing if there is none.
        extends: whether it brings in an instruction that old engines do not have.
    """

    name: str
    pattern: tuple[Token, ...]
    replacement: tuple[Token, ...]
    condition: tuple[str, ...]
    extends: bool


def parse_rules(text: str) -> list[Rule]:
    """The rules of a table: one a line, comments behind `#`, long ones go on indented."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            lines[-1] += line
        elif line and not line.startswith("#"):
            lines.append(line)
    return [rule for line in lines for rule in _parse_line(*line.split(":", 1))]


def _parse_line(name: str, text: str) -> Iterator[Rule]:
    for width in (32, 64) if "iN" in text or "fN" in text else (0,):
        exact = text.replace("iN", f"i{width}").replace("fN", f"f{width}")
        exact = exact.replace(" N ", f" {width} ")
        tests = TESTS if "{test}" in exact else ("",)
        forks = FORKS if "{fork}" in exact else ("",)
        for test, fork in product(tests, forks):
            suffixes = (f"{width}" if width else "", test, fork.removesuffix(" m"))
            full_name = "/".join([name, *[each for each in suffixes if each]])
            yield _parse_rule(full_name, exact.replace("{test}", test).replace("{fork}", fork))


def _parse_rule(name: str, text: str) -> Rule:
    left, _, right = text.partition("->")
    right, _, condition = right.partition(" where ")
    pattern, replacement = _parse_tokens(left), _parse_tokens(right)
    old, new = [{each.name for each in side} for side in (pattern, replacement)]
    return Rule(
        name,
        pattern,
        replacement,
        tuple(condition.split()),
        not SIGN_EXTENSION.isdisjoint(new - old),
    )


def _parse_tokens(text: str) -> tuple[Token, ...]:
    tokens = []
    for part in text.split(","):
        name, *argument = part.replace("[", " ").replace("]", " ").split() or [""]
        if name:
            tokens.append(Token(opcode(name).mnemonic, tuple(argument)))
    return tuple(tokens)


def compute(words: Sequence[str], bits: int, bindings: Mapping[str, object]) -> int | None:
    """What words compute, as a bit pattern; None where an instruction traps.

    Args:
        words: names, numbers and instructions, in postfix order.
        bits: width of the numbers among them.
        bindings: what the names stand for.
    """
    values: list[int] = []
    for word in words:
        known = bindings.get(word)
        if isinstance(known, int):
            values.append(known)
        elif "." in word:
            op = opcode(word)
            count = len(op.operands or ())
            result = evaluate(op, values[-count:])
            if result is None or isinstance(result, Trap):
                return None
            values[-count:] = [result]
        else:
            values.append(to_unsigned(bits, int(word, 0)))
    (value,) = values
    return value


def match(rule: Rule, code: Sequence[Instr]) -> Bindings | None:
    """What the names of a rule stand for if its pattern is `code`; None if it is not."""
    bindings: Bindings = {}
    for token, instr in zip(rule.pattern, code, strict=True):
        if token.name != instr.name:
            return None
        if not token.argument:
            continue
        (word,) = token.argument
        value = instr.immediates if word == IMMEDIATES else constant_bits(instr)
        if word == IMMEDIATES or word in _CONSTANTS:
            if bindings.setdefault(word, value) != value:
                return None
        elif value != literal(token):
            return None
    if rule.condition:
        bits = condition_bits(rule)
        if not compute(rule.condition, bits, bindings):
            return None
    return bindings


def literal(token: Token) -> int | None:
    """The constant that a pattern has in this place, as a bit pattern; None if it may be any."""
    if not token.argument or token.argument[0] == IMMEDIATES or token.argument[0] in _CONSTANTS:
        return None
    return to_unsigned(int(token.name[1:3]), int(token.argument[0], 0))


def apply_rule(rule: Rule, code: Sequence[Instr], pool: InstrPool) -> list[Instr] | None:
    """What a rule makes of code that is as long as its pattern; None unless it gets shorter."""
    bindings = match(rule, code)
    replacement = None if bindings is None else build(rule, bindings, pool)
    if replacement is None or _size(replacement) >= _size(code):
        return None
    return replacement


def _size(code: Sequence[Instr]) -> int:
    return sum([instr.size for instr in code])


def condition_bits(rule: Rule) -> int:
    """Width of the numbers in a rule's condition: that of its first constant."""
    return next(int(each.name[1:3]) for each in rule.pattern if each.name.endswith(".const"))


def build(rule: Rule, bindings: Bindings, pool: InstrPool) -> list[Instr] | None:
    """The replacement, or None where a constant cannot be computed."""
    code: list[Instr] = []
    for token in rule.replacement:
        if token.argument == (IMMEDIATES,):
            immediates = bindings[IMMEDIATES]
            if not isinstance(immediates, tuple):
                raise TypeError("immediates are no number")
            code.append(pool.make(token.name, *immediates))
        elif token.argument:
            bits = int(token.name[1:3])
            value = compute(token.argument, bits, bindings)
            if value is None:
                return None
            code.append(make_constant(pool, I32 if bits == 32 else I64, value))
        else:
            code.append(pool.make(token.name))
    return code


TABLE: Final = parse_rules(RULES)
DENSE: Final = parse_rules(DENSE_RULES)
