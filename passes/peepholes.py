"""Peepholes: a few instructions that stand together become shorter ones.

    i32.const 0  i32.ne  br_if 0                →  br_if 0
    i32.const 255  i32.and  i32.eqz             →  i32.extend8_s  i32.eqz
    i32.const 8  i32.add  i32.const 4  i32.add  →  i32.const 12  i32.add
    i64.extend_i32_u  i32.wrap_i64              →
    i32.load8_u  i32.const 255  i32.and         →  i32.load8_u
    i32.const 3  i32.const 4  i32.add           →  i32.const 7

Needs: nothing but the neighbours.  Keeps: traps, since constants that trap are not computed, and
NaNs, whose bits nobody computes; sign extension comes only into a module that has it.  Costs: one
walk; what a rule brings in is looked at again, and each rule makes the code shorter.

A second pass has more rules, which make code shorter and slower:

    i32.const 0  i32.lt_s                       →  i32.clz  i32.eqz
    i32.const 1  i32.and                        →  i32.ctz  i32.eqz

The rules are data, in `peephole_rules`.  Folding of constants is `semantics.evaluate`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.passes.peephole_table import (
    DENSE,
    SIGN_EXTENSION,
    TABLE,
    Rule,
    Token,
    apply_rule,
    literal,
)
from wasmopt.semantics import constant_bits, evaluate, make_constant
from wasmopt.types import F32, F64, I32, I64

_TYPES: Final = {"i32": I32, "i64": I64, "f32": F32, "f64": F64}
_CONSTANTS: Final = frozenset([f"{kind}.const" for kind in _TYPES])

FOLDED: Final = "(constants)"
"""Stands for the name of a rule where constants are folded."""


class _Rules(dict[tuple[Instr, Instr], tuple[Rule | None, ...]]):
    """Two instructions -> the rules that may end in them, those of a table and of one module.

    None is the folding of constants.
    """

    def __init__(self, table: Sequence[Rule], context: Context) -> None:
        super().__init__()
        self.pool: Final = context.pool
        extends = any(
            instr.name in SIGN_EXTENSION
            for function in context.module.functions
            for instr in set(function.body)
        )
        self._ends: Final[dict[tuple[str, str], list[Rule]]] = defaultdict(list)
        for rule in table:
            if extends or not rule.extends:
                before, last = rule.pattern[-2:]
                self._ends[before.name, last.name].append(rule)

    def __missing__(self, pair: tuple[Instr, Instr]) -> tuple[Rule | None, ...]:
        before, last = pair
        found: list[Rule | None] = [
            rule
            for rule in self._ends.get((before.name, last.name), ())
            if _fits(rule.pattern[-2], before)
            and (len(rule.pattern) > 2 or apply_rule(rule, pair, self.pool) is not None)
        ]
        if before.name in _CONSTANTS and _is_function(last):
            found.append(None)
        self[pair] = result = tuple(found)
        return result


def _fits(token: Token, instr: Instr) -> bool:
    """Whether an instruction is no other constant than a rule wants."""
    wanted = literal(token)
    return wanted is None or wanted == constant_bits(instr)


def quick_rules(context: Context) -> _Rules:
    """The rules that do not slow code down: `context.table(quick_rules)`."""
    return _Rules(TABLE, context)


def all_rules(context: Context) -> _Rules:
    """All rules: `context.table(all_rules)`."""
    return _Rules([*TABLE, *DENSE], context)


def peepholes(function: Function, context: Context) -> Function:
    """Replace instructions that stand together by shorter ones."""
    return replace_windows(function, context.table(quick_rules))


def dense_peepholes(function: Function, context: Context) -> Function:
    """The same, by slower ones too."""
    return replace_windows(function, context.table(all_rules))


def replace_windows(
    function: Function, rules: _Rules, note: Callable[[str, int], None] | None = None
) -> Function:
    """Apply rules until none applies.

    Args:
        function: where.
        rules: which.
        note: called with the name of each rule that is applied, and the bytes it saves.
    """
    pool = rules.pool
    done: list[Instr] = []
    changed = False
    for instr in function.body:
        found = rules[done[-1], instr] if done else ()
        done.append(instr)
        shorter = _apply(found, done, pool) if found else None
        if shorter is None:
            continue
        changed = True
        waiting: list[Instr] = []
        while shorter is not None or waiting:
            if shorter is not None:
                name, length, code = shorter
                if note is not None:
                    note(name, _size(done[-length:]) - _size(code))
                del done[-length:]
                waiting += reversed(code)
            if waiting:
                found = rules[done[-1], waiting[-1]] if done else ()
                done.append(waiting.pop())
                shorter = _apply(found, done, pool)
            else:
                shorter = None
    return function.with_body(done) if changed else function


_Shorter = tuple[str, int, list[Instr]]
"""The rule, how many instructions at the end of some code it replaces, and by which."""


def _apply(rules: Sequence[Rule | None], code: list[Instr], pool: InstrPool) -> _Shorter | None:
    """What the first of some rules makes of the end of `code`."""
    for rule in rules:
        if rule is None:
            return _fold(code, pool)
        length = len(rule.pattern)
        if length <= len(code):
            replacement = apply_rule(rule, code[-length:], pool)
            if replacement is not None:
                return rule.name, length, replacement
    return None


def _is_function(instr: Instr) -> bool:
    """Whether an instruction makes one number of numbers, and of nothing else."""
    op = instr.op
    results = op.results or ()
    return bool(op.operands) and len(results) == 1 and results[0] in _TYPES and not op.immediates


def _fold(code: list[Instr], pool: InstrPool) -> _Shorter | None:
    """The same for an instruction at the end of `code` whose operands are all constants."""
    op = code[-1].op
    length = len(op.operands or ()) + 1
    window = code[-length:]
    if len(window) < length or any(each.name not in _CONSTANTS for each in window[:-1]):
        return None
    value = evaluate(op, [constant_bits(each) for each in window[:-1]])
    if not isinstance(value, int):
        return None
    constant = make_constant(pool, _TYPES[(op.results or ("",))[0]], value)
    return (FOLDED, length, [constant]) if constant.size < _size(window) else None


def _size(code: Sequence[Instr]) -> int:
    return sum([instr.size for instr in code])


PEEPHOLES: Final = Pass("peepholes", "replace instructions by shorter ones", peepholes, alone=True)
DENSE_PEEPHOLES: Final = Pass(
    "dense-peepholes",
    "replace instructions by shorter but slower ones",
    dense_peepholes,
    alone=True,
)
