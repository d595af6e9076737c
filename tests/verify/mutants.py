"""Semantic mutants: versions of a function that look like a pass's honest mistake.

Each kind is a rule that says what may stand instead of an instruction, or of a stretch of code
around it.  Mutants that do not validate are thrown away, so a rule need not be careful.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from tests.verify import mutation_rules as rules
from tests.verify.mutation_site import Rule, Site
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.module import Module
from wasmopt.verify.validity import ValidityGate

ATTEMPTS: Final = 8
"""Places where a kind is tried before it is given up for this function."""


def mutants(
    module: Module, position: int, kinds: Iterable[str] | None = None, seed: int = 0
) -> Iterator[tuple[str, Function]]:
    """At most one valid mutant of each kind, different ones for different seeds.

    Args:
        module: where the function is.
        position: of the function in `module.functions`.
        kinds: names in `KINDS`; all of them by default.
        seed: what random choices are made from.
    """
    context = Context(module)
    gate = context.table(ValidityGate)
    function = module.functions[position]
    for kind in KINDS if kinds is None else kinds:
        random = Random(f"{kind} {position} {seed}")
        site = Site(function, context, random)
        places = list(range(len(function.body)))
        random.shuffle(places)
        attempts = 0
        for index in places:
            site.added.clear()
            edit = KINDS[kind](site, index) if site.stack.reachable[index] else None
            if edit is None:
                continue
            start, stop, code = edit
            body = (*function.body[:start], *code, *function.body[stop:])
            if body == function.body:
                continue
            groups = (*function.locals, *[(1, each) for each in site.added])
            mutant = Function(function.type_index, groups, body)
            attempts += 1
            if gate.problem(mutant) is None:
                yield kind, mutant
                break
            if attempts == ATTEMPTS:
                break


KINDS: Final[dict[str, Rule]] = {
    "operands swapped": rules.swapped_operands,
    "constant off by one": rules.constant,
    "loop bound": rules.loop_bound,
    "i64 halves": rules.shifted_halves,
    "sign of a float constant": rules.float_zero,
    "i64 through 32 bits": rules.narrowed,
    "signedness": rules.renamed("_s/_u"),
    "access width": rules.renamed(
        "load/load8_u load/load16_u load8/load16 store/store8 store8/store16"
    ),
    "operation": rules.renamed(
        "add/sub and/or shl/shr_u min/max lt/le gt/ge clz/ctz floor/ceil rotl/rotr xor/or eq/ne"
    ),
    "memarg offset": rules.offset,
    "memory index": rules.memory,
    "table index": rules.other_index("table"),
    "global index": rules.other_index("global"),
    "segment index": rules.other_index("data"),
    "wrong local": rules.other_index("local"),
    "wrong callee": rules.other_index("func"),
    "wrong tag": rules.other_index("tag"),
    "indirect type": rules.other_signature,
    "label": rules.label,
    "br_table entries": rules.table_entries,
    "condition negated": rules.negated,
    "branch always taken": rules.always,
    "branch never taken": rules.never,
    "instruction removed": rules.removed,
    "write removed": rules.removed_write,
    "store removed": rules.removed_store,
    "call removed": rules.removed_call,
    "call repeated": rules.twice_called,
    "trap removed": rules.trapless,
    "trap added": rules.early_exit,
    "tee of another local": rules.tee_of_other,
    "arms swapped": rules.swapped_arms,
    "results swapped": rules.swapped_results,
    "result changed": rules.changed_result,
    "bulk operands swapped": rules.swapped_top,
    "first value": rules.first_value,
    "parameter lost": rules.lost_parameter,
    "locals merged": rules.merged_locals,
    "store over load": rules.moved(rules.STORE, rules.LOAD),
    "load over store": rules.moved(rules.LOAD, rules.STORE),
    "store over store": rules.moved(rules.STORE, rules.STORE),
    "store over call": rules.moved(rules.STORE, rules.CALL),
    "call over call": rules.moved(rules.CALL, rules.CALL),
    "trap before effect": rules.moved(rules.EFFECT, rules.TRAP),
    "effect before trap": rules.moved(rules.TRAP, rules.EFFECT),
    "effect over branch": rules.moved(rules.EFFECT, rules.BRANCH),
    "write over branch": rules.moved(rules.has("local."), rules.BRANCH),
    "statements swapped": rules.moved(rules.has(""), rules.has("")),
    "over an opener": rules.moved_over("block", "loop", "if"),
    "over an end": rules.moved_over("end", "else"),
    "statement removed": rules.removed_statement,
    "statement repeated": rules.repeated_statement,
    "block for loop": rules.other_bracket,
    "if without condition": rules.always_in,
    "lane": rules.lane,
    "shuffle": rules.shuffle,
}
"""What can go wrong, by name."""
