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
from collections.abc import Sequence
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.passes.peephole_table import DENSE, SIGN_EXTENSION, TABLE, Rule, build, match
from wasmopt.semantics import constant_bits, evaluate, make_constant
from wasmopt.types import F32, F64, I32, I64

_TYPES: Final = {"i32": I32, "i64": I64, "f32": F32, "f64": F64}
_CONSTANTS: Final = frozenset([f"{kind}.const" for kind in _TYPES])

_Rules = dict[str, dict[str, list[Rule]]]
"""By the name of their last instruction, and of the one before it."""


def _quick(context: Context) -> _Rules:
    """The rules that do not slow code down."""
    return _sort_rules(TABLE, context)


def _all(context: Context) -> _Rules:
    return _sort_rules([*TABLE, *DENSE], context)


def _sort_rules(table: Sequence[Rule], context: Context) -> _Rules:
    """The rules of a table that may be applied in a module."""
    extends = any(
        instr.name in SIGN_EXTENSION
        for function in context.module.functions
        for instr in set(function.body)
    )
    rules: _Rules = defaultdict(lambda: defaultdict(list))
    for rule in table:
        if extends or not rule.extends:
            rules[rule.pattern[-1].name][rule.pattern[-2].name].append(rule)
    return rules


def peepholes(function: Function, context: Context) -> Function:
    """Replace instructions that stand together by shorter ones."""
    return _replace(function, context.table(_quick), context)


def dense_peepholes(function: Function, context: Context) -> Function:
    """The same, by slower ones too."""
    return _replace(function, context.table(_all), context)


def _replace(function: Function, rules: _Rules, context: Context) -> Function:
    if not any(instr.name in rules for instr in set(function.body)):
        return function
    pool = context.pool
    done: list[Instr] = []
    waiting: list[Instr] = []
    changed = False
    for instr in function.body:
        waiting.append(instr)
        while waiting:
            last = waiting.pop()
            done.append(last)
            if len(done) < 2:
                continue
            found = rules.get(last.name)
            shorter = None
            if found is not None:
                shorter = _apply(found.get(done[-2].name, ()), done, pool)
            if shorter is None and done[-2].name in _CONSTANTS:
                shorter = _fold(done, pool)
            if shorter is not None:
                length, code = shorter
                del done[-length:]
                waiting += reversed(code)
                changed = True
    return function.with_body(done) if changed else function


def _apply(
    rules: list[Rule] | tuple[()], code: list[Instr], pool: InstrPool
) -> tuple[int, list[Instr]] | None:
    """How many instructions at the end of `code` a rule replaces, and by which."""
    for rule in rules:
        length = len(rule.pattern)
        window = code[-length:]
        if len(window) < length:
            continue
        bindings = match(rule, window)
        if bindings is None:
            continue
        replacement = build(rule, bindings, pool)
        if replacement is not None and _size(replacement) < _size(window):
            return length, replacement
    return None


def _fold(code: list[Instr], pool: InstrPool) -> tuple[int, list[Instr]] | None:
    """The same for an instruction at the end of `code` whose operands are all constants."""
    op = code[-1].op
    if not op.operands or len(op.results or ()) != 1 or op.immediates:
        return None
    length = len(op.operands) + 1
    window = code[-length:]
    if len(window) < length or any(each.name not in _CONSTANTS for each in window[:-1]):
        return None
    value = evaluate(op, [constant_bits(each) for each in window[:-1]])
    result = _TYPES.get((op.results or ("",))[0])
    if not isinstance(value, int) or result is None:
        return None
    constant = make_constant(pool, result, value)
    return (length, [constant]) if constant.size < _size(window) else None


def _size(code: list[Instr]) -> int:
    return sum([instr.size for instr in code])


PEEPHOLES: Final = Pass("peepholes", "replace instructions by shorter ones", peepholes)
DENSE_PEEPHOLES: Final = Pass(
    "dense-peepholes", "replace instructions by shorter but slower ones", dense_peepholes
)
