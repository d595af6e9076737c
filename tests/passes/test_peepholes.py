"""Peepholes: every rule is true and is used, and nothing else happens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import pytest
import z3

from tests.passes.twins import Mistake, assert_put_back
from tests.support import check, module_of, run_once, unchanged
from tests.verify.expressions import Z3
from wasmopt.context import Context
from wasmopt.errors import WasmOptError
from wasmopt.function import Function
from wasmopt.module import Module
from wasmopt.opcodes import Effect, opcode
from wasmopt.passes import peepholes
from wasmopt.passes.peephole_table import (
    DENSE,
    SIGN_EXTENSION,
    TABLE,
    Rule,
    Token,
    apply_rule,
    condition_bits,
    parse_rules,
)
from wasmopt.semantics import MEANINGS
from wasmopt.verdict import Proved
from wasmopt.verify import Prover

EACH = pytest.mark.parametrize("rule", [*TABLE, *DENSE], ids=lambda rule: rule.name)
BITS = {"i32": 32, "i64": 64, "f32": 32, "f64": 64}
FORKS = frozenset(["br_if", "if"])

Value: TypeAlias = z3.BitVecRef


# -- what a rule says -----------------------------------------------------------------------------


def words(parts: tuple[str, ...], bits: int, names: dict[str, Value]) -> Value:
    """What words compute, over bit-vectors."""
    stack: list[Value] = []
    for part in parts:
        if "." in part:
            count = len(opcode(part).operands or ())
            stack[-count:] = [MEANINGS[part].value(Z3, *stack[-count:])]
        elif part[0] in "cdk":
            stack.append(names.setdefault(part, z3.BitVec(part, bits)))
        else:
            stack.append(z3.BitVecVal(int(part, 0), bits))
    (value,) = stack
    return value


class Run:
    """One side of a rule, run on a stack of unknowns: what it leaves, stores and decides."""

    def __init__(self, tokens: tuple[Token, ...], names: dict[str, Value]) -> None:
        self.stack: list[Value] = []
        self.taken = 0
        self.seen: list[object] = []
        self.names = names
        for token in tokens:
            self.step(token)

    def pop(self, sort: str) -> Value:
        if self.stack:
            return self.stack.pop()
        self.taken += 1
        return self.names.setdefault(f"x{self.taken}", z3.BitVec(f"x{self.taken}", BITS[sort]))

    def step(self, token: Token) -> None:
        name, op = token.name, opcode(token.name)
        kind = name[:3]
        if name.endswith(".const"):
            self.stack.append(words(token.argument, BITS[kind], self.names))
        elif name in FORKS or name == "select":
            self.seen.append((name, self.pop("i32") != 0))
        elif op.effects & Effect.WRITE_MEMORY:
            value, width = self.pop(kind), 8 << (op.natural_alignment or 0)
            self.seen.append(("store", width, z3.Extract(width - 1, 0, value)))
            self.seen.append(("address", self.pop("i32")))
        elif op.effects & Effect.READ_MEMORY:
            width = 8 << (op.natural_alignment or 0)
            self.seen.append(("load", width, self.pop("i32")))
            found = self.names.setdefault(f"m{width}", z3.BitVec(f"m{width}", width))
            more = BITS[kind] - width
            extend = z3.SignExt if name.endswith("_s") else z3.ZeroExt
            self.stack.append(extend(more, found) if more else found)
        else:
            operands = [self.pop(sort) for sort in reversed(op.operands or ())]
            self.stack.append(MEANINGS[name].value(Z3, *reversed(operands)))


def counterexample(rule: Rule) -> z3.ModelRef | None:
    """Values for which the two sides differ; None if it is proved that there are none."""
    names: dict[str, Value] = {}
    one = Run(rule.pattern, names)
    other = Run(rule.replacement, names)
    while other.taken < one.taken:
        other.stack.insert(0, names[f"x{other.taken + 1}"])
        other.taken += 1
    assert one.taken == other.taken, "the replacement takes more than the pattern"
    assert len(one.stack) == len(other.stack)
    pairs = list(zip(one.stack, other.stack, strict=True))
    for first, second in zip(one.seen, other.seen, strict=True):
        assert first[0] == second[0]  # type: ignore[index]
        for left, right in zip(first[1:], second[1:], strict=True):  # type: ignore[index]
            if isinstance(left, int):
                assert left == right
            else:
                pairs.append((left, right))
    solver = z3.SolverFor("QF_BV")
    if rule.condition:
        solver.add(words(rule.condition, condition_bits(rule), names) != 0)
    solver.add(z3.Or([left != right for left, right in pairs]))
    answer = solver.check()
    assert answer != z3.unknown
    return solver.model() if answer == z3.sat else None


@EACH
def test_rule_is_proved(rule: Rule) -> None:
    assert counterexample(rule) is None


@EACH
def test_rule_cannot_trap(rule: Rule) -> None:
    for token in (*rule.pattern, *rule.replacement):
        meaning = MEANINGS.get(token.name)
        if meaning is not None:
            operands = [
                z3.BitVec(f"o{n}", BITS[sort])
                for n, sort in enumerate(opcode(token.name).operands or ())
            ]
            assert meaning.traps(Z3, *operands) is None


@pytest.mark.parametrize(
    "text",
    [
        "iN.const 1, iN.add ->",
        "iN.const c, iN.shr_s, iN.const k, iN.and -> iN.const k, iN.and, iN.const c, iN.shr_s",
        "iN.const 8, iN.shl, iN.const 8, iN.shr_s -> iN.const -1, iN.and",
        "i32.const c, i32.and -> i32.const [c i32.clz], i32.shl, i32.const [c i32.clz], i32.shr_u",
        "i32.load8_s m, i32.const 255, i32.and -> i32.load8_s m",
        "i64.extend_i32_s, i64.const c, i64.lt_u -> i32.const [c i32.wrap_i64], i32.lt_u",
        "i32.const 0, i32.gt_s, br_if m -> br_if m",
        "i32.const 255, i32.and, i32.store16 m -> i32.store16 m",
        "f32.lt, i32.eqz -> f32.ge",
    ],
)
def test_a_wrong_rule_is_refuted(text: str) -> None:
    for rule in parse_rules(f"wrong: {text}"):
        assert counterexample(rule) is not None


def test_a_shift_of_another_width_is_no_store() -> None:
    (rule,) = parse_rules("wrong: i32.wrap_i64, i32.store m -> i64.store16 m")
    with pytest.raises(AssertionError):
        counterexample(rule)


# -- use ------------------------------------------------------------------------------------------

NUMBERS = [3, 0, 1, -1, 8, 2, 24, 31, 27, 5, 255, 0xFFFF, 0x7FFFFFFF, 0xFF00, 4096, 64, 128, -64]
LARGE = [0x3FFFFFFFF, 0x100000000, 1 << 40, 0xFFFFFFFFFFFFFF, (1 << 63) - 1, -(1 << 20), -128]
LARGE += [0x1FFFFFF8, 0x7FFFFFF, -2147483648, -(1 << 63), 0xFFFFFFF0, -(1 << 28), 1 << 20, 0x3FC]
LARGE += [-65, 0xFFFFFF8, -(1 << 48), 0xFE00000, -256, 0xFFFFFF, 192, 0x80000000]
SIGNED = "(func (param i32) (result i32) local.get 0 i32.extend8_s)"


def instances(rule: Rule) -> Iterator[str]:
    """Code for the pattern, with one choice of its constants after another."""
    names = {
        word: token.name
        for token in rule.pattern
        if token.name.endswith(".const")
        for word in token.argument
        if word in "cdk"
    }
    for chosen in product(NUMBERS + LARGE, repeat=len(names)):
        known = dict(zip(names, chosen, strict=True))
        code = []
        for token in rule.pattern:
            argument = token.argument
            if argument == ("m",):
                # The block type of an `if` is none.
                text = {"br_if": " 0", "if": ""}.get(token.name, " offset=4")
            else:
                text = "".join([f" {known.get(word, word)}" for word in argument])
            code.append(token.name + text)
        yield " ".join(code)


def sorts_of(rule: Rule) -> tuple[list[str], list[str]]:
    """What the pattern takes from the stack, the deepest first, and what it leaves."""
    taken: list[str] = []
    stack: list[str] = []
    for token in rule.pattern:
        op = opcode(token.name)
        if token.name in FORKS:
            operands, results = ["i32"], []
        elif token.name == "select":
            operands, results = ["i32", "i32", "i32"], ["i32"]
        else:
            operands = [each.replace("addr", "i32") for each in op.operands or ()]
            results = list(op.results or ())
        for operand in reversed(operands):
            if stack:
                assert stack.pop() == operand
            else:
                taken.insert(0, operand)
        stack += results
    return taken, stack


def in_a_function(rule: Rule, code: str) -> str:
    """A module whose last function does what the code says, and lets nothing of it be left out."""
    taken, left = sorts_of(rule)
    before = " ".join([f"local.get {number}" for number in range(len(taken))])
    body = f"{before} {code}"
    if rule.pattern[-1].name == "br_if":
        body = f"block {body} i32.const 9 global.set 0 end"
    elif rule.pattern[-1].name == "if":
        body = f"{body} i32.const 9 global.set 0 end"
    return f"""(memory 1) (global (mut i32) (i32.const 0)) {SIGNED}
        (func (param {" ".join(taken)}) (result {" ".join(left)}) {body})"""


def fired(rule: Rule) -> tuple[Module, Function]:
    """A module, and what the rule by itself makes of its last function for some constants."""
    for code in instances(rule):
        try:
            module = module_of(in_a_function(rule, code))
        except WasmOptError:  # a constant that is none of that width
            continue
        function = module.functions[-1]
        body = function.body
        for start in range(len(body) - len(rule.pattern)):
            window = body[start : start + len(rule.pattern)]
            replacement = apply_rule(rule, window, module.pool)
            if replacement is not None:
                behind = body[start + len(window) :]
                return module, function.with_body([*body[:start], *replacement, *behind])
    raise AssertionError("the rule never makes anything shorter")


@EACH
def test_rule_fires_and_the_validator_proves_it(rule: Rule) -> None:
    module, after = fired(rule)
    verdict = Prover(replay=False)(module.functions[-1], after, Context(module))
    assert isinstance(verdict, Proved), verdict


def becomes(before: str, after: str, signature: str = "(param i32 i64) (result i32)") -> None:
    around = "(memory 1) {} (func {} {})"
    check(
        "peepholes",
        around.format(SIGNED, signature, before),
        around.format(SIGNED, signature, after),
    )


def stays(code: str, signature: str = "(param i32 i64) (result i32)") -> None:
    unchanged("peepholes", f"(memory 1) (func {signature} {code})")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("local.get 0 i32.const 0 i32.eq", "local.get 0 i32.eqz"),
        ("local.get 0 i32.const 3 i32.add i32.const 4 i32.add", "local.get 0 i32.const 7 i32.add"),
        ("i32.const 3 i32.const 4 i32.add", "i32.const 7"),
        ("i32.const 3 i64.extend_i32_u i64.const 4 i64.lt_u", "i32.const 1"),
        ("local.get 0 i32.const 64 i32.add", "local.get 0 i32.const -64 i32.sub"),
        (
            "local.get 0 i32.const 536870908 i32.and i32.const 3 i32.shr_u",
            "local.get 0 i32.const 3 i32.shl i32.const 6 i32.shr_u",
        ),
        ("local.get 1 i64.const 5 i64.add i32.wrap_i64", None),
        ("local.get 0 i32.load8_u i32.const 255 i32.and", "local.get 0 i32.load8_u"),
        (
            "local.get 0 i32.load offset=4 i64.extend_i32_u i64.eqz",
            "local.get 0 i64.load32_u offset=4 i64.eqz",
        ),
        (
            "local.get 0 i32.const 0 i32.ne if i32.const 1 return end i32.const 2",
            "local.get 0 if i32.const 1 return end i32.const 2",
        ),
        ("local.get 0 i32.const 255 i32.and i32.eqz", "local.get 0 i32.extend8_s i32.eqz"),
    ],
)
def test_examples(before: str, after: str | None) -> None:
    if after is None:
        stays(before)
    else:
        becomes(before, after)


@pytest.mark.parametrize(
    "code",
    [
        "i32.const 1 i32.const 0 i32.div_u",
        "f64.const nan i32.trunc_f64_s",
        "local.get 0 i32.const 3 i32.add i32.load",
        "local.get 0 i32.const 0 i32.ne",
        "local.get 0 i32.eqz i32.eqz",
        "f32.const nan f32.const 1 f32.add i32.reinterpret_f32",
        "local.get 0 i32.load16_u i32.const 255 i32.and",
        "local.get 0 i32.const 255 i32.and i32.eqz",
    ],
)
def test_what_stays(code: str) -> None:
    stays(code)


def test_sign_extension_comes_only_where_it_is() -> None:
    code = "(func (param i32) (result i32) local.get 0 i32.const 24 i32.shl i32.const 24 i32.shr_s)"
    assert run_once("peepholes", module_of(code)).functions[0].body[1].name == "i32.const"
    module = run_once("peepholes", module_of(f"{code} {SIGNED}"))
    assert module.functions[0].body[1].name in SIGN_EXTENSION
    assert Context(module).module is module


def test_names_are_unique() -> None:
    assert len({rule.name for rule in [*TABLE, *DENSE]}) == len(TABLE) + len(DENSE)


# -- broken twins ---------------------------------------------------------------------------------

WRONG = (
    "wrong: i32.const c, i32.shr_s ->",
    "wrong: i32.const 0, i32.gt_s, if m -> if m",
    "wrong: i32.load8_s m, i32.const 255, i32.and -> i32.load8_s m",
    "wrong: i32.const 255, i32.and, i32.store16 m -> i32.store16 m",
    "wrong: i32.const c, i32.add, i32.load m -> i32.load m",
)
USES = """(memory 1) (func (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.const 255 i32.and i32.store16
    local.get 1 i32.const 0 i32.gt_s if local.get 0 local.get 1 i32.store offset=8 end
    local.get 0 i32.const 3 i32.shr_s i32.const 12 i32.add i32.load
    local.get 1 i32.load8_s i32.const 255 i32.and i32.sub)"""


@pytest.mark.parametrize("text", WRONG)
def test_what_a_wrong_rule_does_is_put_back(text: str) -> None:
    rules = parse_rules(text)
    mistake = Mistake("peepholes", peepholes, "TABLE", rules)
    assert_put_back(mistake, f"(module {USES})")
