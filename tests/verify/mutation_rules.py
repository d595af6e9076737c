"""What a mistake puts in place of an instruction, or of a stretch of code around it.

A rule need not be careful: mutants that do not validate are thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.verify.mutation_site import Edit, Rule, Site
from wasmopt.instr import Instr, MemArg
from wasmopt.structure import BODY
from wasmopt.types import NUMBER_TYPES, FuncType


def renamed(pairs: str) -> Rule:
    """Parts of names that stand for each other: "a/b c/d"."""
    swaps = [pair.split("/") for pair in pairs.split()]
    swaps += [[new, old] for old, new in swaps]

    def rule(site: Site, index: int) -> Edit:
        instr = site[index]
        found = [site.name(instr, instr.name.replace(old, new)) for old, new in swaps]
        options = [each for each in found if each is not None]
        return (index, index + 1, [site.random.choice(options)]) if options else None

    return rule


def other_index(kind: str) -> Rule:
    """Another thing of the same type."""

    def rule(site: Site, index: int) -> Edit:
        op = site[index].op
        if kind not in op.immediates:
            return None
        place = op.immediates.index(kind)
        other = site.other(kind, site[index].immediates[place])
        return None if other is None else site.immediate(index, place, other)

    return rule


def named(*names: str) -> Callable[[Callable[[Site, int], list[Instr]]], Rule]:
    """A rule that replaces instructions with one of these names."""

    def decorate(replace: Callable[[Site, int], list[Instr]]) -> Rule:
        def rule(site: Site, index: int) -> Edit:
            if site[index].name not in names:
                return None
            return index, index + 1, replace(site, index)

        return rule

    return decorate


def swapped_operands(site: Site, index: int) -> Edit:
    op = site[index].op
    commutes = op.mnemonic.endswith((".add", ".mul", ".and", ".or", ".xor", ".eq", ".ne"))
    if commutes or op.operands is None or len(op.operands) != 2 or len({*op.operands}) != 1:
        return None
    types = [NUMBER_TYPES[each] for each in op.operands if each in NUMBER_TYPES]
    return (index, index + 1, [*site.swapped(*types), site[index]]) if types else None


def constant(site: Site, index: int) -> Edit:
    instr = site[index]
    if instr.name not in ("i32.const", "i64.const"):
        return None
    return site.immediate(index, 0, instr.immediates[0] + site.random.choice([-1, 1]))


def loop_bound(site: Site, index: int) -> Edit:
    compared = site[min(index + 1, len(site.body) - 1)].name.partition(".")[2]
    if not compared.startswith(("lt", "gt", "le", "ge", "eq", "ne")):
        return None
    return constant(site, index)


def shifted_halves(site: Site, index: int) -> Edit:
    if site[index].name != "i64.const" or site[index].immediates[0] not in (31, 32, 33):
        return None
    return site.immediate(index, 0, 31 if site[index].immediates[0] == 32 else 32)


def float_zero(site: Site, index: int) -> Edit:
    instr = site[index]
    if instr.name not in ("f32.const", "f64.const"):
        return None
    return site.immediate(index, 0, instr.immediates[0] ^ 1 << (31 if instr.name[1] == "3" else 63))


def offset(site: Site, index: int) -> Edit:
    for place, value in enumerate(site[index].immediates):
        if isinstance(value, MemArg):
            offset = max(0, value.offset + site.random.choice([-4, -1, 1, 4, 8]))
            return site.immediate(index, place, value._replace(offset=offset))
    return None


def memory(site: Site, index: int) -> Edit:
    for place, value in enumerate(site[index].immediates):
        if isinstance(value, MemArg):
            other = site.other("memory", value.memory)
            if other is None:
                return None
            return site.immediate(index, place, value._replace(memory=other))
    return other_index("memory")(site, index)


def label(site: Site, index: int) -> Edit:
    instr = site[index]
    if "label" not in instr.op.immediates:
        return None
    place = instr.op.immediates.index("label")
    label = max(0, instr.immediates[place] + site.random.choice([-1, 1]))
    return site.immediate(index, place, label)


def table_entries(site: Site, index: int) -> Edit:
    if site[index].name != "br_table":
        return None
    labels = [*site[index].immediates[0]]
    first = site.random.randrange(len(labels))
    second = site.random.randrange(len(labels))
    labels[first], labels[second] = labels[second], labels[first]
    return site.immediate(index, 0, tuple(labels))


@named("br_if", "if", "select")
def negated(site: Site, index: int) -> list[Instr]:
    return [site.make("i32.eqz"), site[index]]


@named("br_if")
def always(site: Site, index: int) -> list[Instr]:
    return [site.make("drop"), site.make("br", *site[index].immediates)]


@named("br_if")
def never(site: Site, index: int) -> list[Instr]:
    return [site.make("drop")]


@named("br", "return", "unreachable", "nop", "i32.eqz", "global.set", "memory.grow", "data.drop")
def removed(site: Site, index: int) -> list[Instr]:
    pops = len(site.stack.operands(index)) - len(site.stack.results(index))
    return [site.make("drop")] * pops


@named("local.set", "local.tee")
def removed_write(site: Site, index: int) -> list[Instr]:
    return [site.make("drop")] if site[index].name == "local.set" else []


def removed_store(site: Site, index: int) -> Edit:
    if ".store" not in site[index].name or "lane" in site[index].name:
        return None
    return index, index + 1, [site.make("drop")] * 2


def removed_call(site: Site, index: int) -> Edit:
    if site[index].name != "call":
        return None
    callee = site.signatures.function_type(site[index].immediates[0])
    results = [instr for each in callee.results for instr in site.default(each)]
    return index, index + 1, [site.make("drop")] * len(callee.params) + results


def twice_called(site: Site, index: int) -> Edit:
    if site[index].name != "call":
        return None
    callee = site.signatures.function_type(site[index].immediates[0])
    locals_ = [site.local(each) for each in callee.params]
    reads = [site.make("local.get", each) for each in locals_]
    writes = [site.make("local.set", each) for each in reversed(locals_)]
    drops = [site.make("drop")] * len(callee.results)
    return index, index + 1, [*writes, *reads, site[index], *drops, *reads, site[index]]


def other_signature(site: Site, index: int) -> Edit:
    """call_indirect with a type that has one result more or less: it traps instead."""
    if site[index].name != "call_indirect":
        return None
    wanted = site.signatures.func_type(site[index].immediates[0])
    for number, sub in enumerate(site.signatures.types):
        if not isinstance(sub.composite, FuncType) or sub.composite.params != wanted.params:
            continue
        results = sub.composite.results
        call = site.make("call_indirect", number, site[index].immediates[1])
        if results and results[:-1] == wanted.results:
            return index, index + 1, [call, site.make("drop")]
        if wanted.results and results == wanted.results[:-1]:
            return index, index + 1, [call, *site.default(wanted.results[-1])]
    return None


def trapless(site: Site, index: int) -> Edit:
    """What traps is replaced by what does not."""
    instr = site[index]
    kind, _, what = instr.name.partition(".")
    if what.startswith(("div", "rem")):
        return index, index + 1, [site.make(f"{kind}.sub")]
    if what.startswith("trunc_f"):
        return index, index + 1, [site.make(f"{kind}.{what.replace('trunc', 'trunc_sat')}")]
    if what.startswith("load") and kind in NUMBER_TYPES and "lane" not in what:
        return index, index + 1, [site.make("drop"), *site.default(NUMBER_TYPES[kind])]
    return None


def narrowed(site: Site, index: int) -> Edit:
    """An i64 passes through 32 bits."""
    if (site[index].op.results or ("",))[-1] != "i64":
        return None
    extend = site.random.choice(["i64.extend_i32_u", "i64.extend_i32_s"])
    return index, index + 1, [site[index], site.make("i32.wrap_i64"), site.make(extend)]


def tee_of_other(site: Site, index: int) -> Edit:
    if site[index].name != "local.tee":
        return None
    other = site.other("local", site[index].immediates[0])
    if other is None:
        return None
    write = site.make("local.set", *site[index].immediates)
    return index, index + 1, [write, site.make("local.get", other)]


def swapped_arms(site: Site, index: int) -> Edit:
    if site[index].name != "if" or index not in site.shape.dividers:
        return None
    divider, end = site.shape.dividers[index][0], site.shape.ends[index]
    arms = site.body[index + 1 : divider], site.body[divider + 1 : end]
    return index + 1, end, [*arms[1], site[divider], *arms[0]]


def swapped_results(site: Site, index: int) -> Edit:
    """The two topmost results of a call, or of the function, the other way round."""
    results = None
    if site[index].name == "call":
        results = site.signatures.function_type(site[index].immediates[0]).results
        start = index + 1
    elif site[index].name == "return" or index == len(site.body) - 1:
        results, start = site.type.results, index
    if results is None or len(results) < 2 or results[-1] != results[-2]:
        return None
    return start, start, site.swapped(*results[-2:])


def changed_result(site: Site, index: int) -> Edit:
    if not site.type.results or not (site[index].name == "return" or index == len(site.body) - 1):
        return None
    kinds = {code: name for name, code in NUMBER_TYPES.items() if name in ("i32", "i64")}
    kind = kinds.get(site.type.results[-1])
    if kind is None:
        return None
    return index, index, [site.make(f"{kind}.const", 1), site.make(f"{kind}.add")]


def swapped_top(site: Site, index: int) -> Edit:
    """Two operands of the same type of anything with side effects, the other way round."""
    names = ("i32.store", "memory.fill", "memory.copy", "memory.init", "table.copy", "table.init")
    if site[index].name not in names:
        return None
    types = [NUMBER_TYPES["i32"]] * 2
    return index, index + 1, [*site.swapped(*types), site[index]]


def first_value(site: Site, index: int) -> Edit:
    """A declared local starts with another value."""
    declared = range(site.params, len(site.local_types))
    if index or not declared:
        return None
    local = site.random.choice(declared)
    return 0, 0, [*site.default(site.local_types[local]), site.make("local.set", local)]


def lost_parameter(site: Site, index: int) -> Edit:
    if index or not site.params:
        return None
    local = site.random.randrange(site.params)
    return 0, 0, [*site.default(site.local_types[local]), site.make("local.set", local)]


def merged_locals(site: Site, index: int) -> Edit:
    """Two locals of the same type become one."""
    accesses = ("local.get", "local.set", "local.tee")
    if site[index].name not in accesses:
        return None
    old = site[index].immediates[0]
    new = site.other("local", old)
    if new is None:
        return None
    body = [
        site.make(each.name, new) if each.name in accesses and each.immediates[0] == old else each
        for each in site.body
    ]
    return 0, len(body), body


def moved(first: Callable[[Instr], bool], second: Callable[[Instr], bool]) -> Rule:
    """A statement that contains one thing changes places with the next, which contains another."""

    def rule(site: Site, index: int) -> Edit:
        one = site.statement_at(index)
        other = one and site.statement_at(one[1])
        if one is None or other is None:
            return None
        codes = site.body[slice(*one)], site.body[slice(*other)]
        if not (any(map(first, codes[0])) and any(map(second, codes[1]))):
            return None
        return one[0], other[1], [*codes[1], *codes[0]]

    return rule


def moved_over(*names: str) -> Rule:
    """A statement moves over the bracket of a construct that it stands next to."""

    def rule(site: Site, index: int) -> Edit:
        if site[index].name not in names:
            return None
        behind = site.statement_at(index + 1)
        before = [(s, e + 1) for s, e in site.statements.items() if e + 1 == index and e != s - 1]
        if behind is not None and (not before or site.random.random() < 0.5):
            return index, behind[1], [*site.body[slice(*behind)], site[index]]
        if before:
            start, stop = before[0]
            return start, index + 1, [site[index], *site.body[start:stop]]
        return None

    return rule


def removed_statement(site: Site, index: int) -> Edit:
    found = site.statement_at(index)
    return found and (*found, [])


def repeated_statement(site: Site, index: int) -> Edit:
    found = site.statement_at(index)
    return found and (found[1], found[1], [*site.body[slice(*found)]])


def other_bracket(site: Site, index: int) -> Edit:
    """A block that is a loop, a loop that is a block: branches go to the other end."""
    other = {"block": "loop", "loop": "block"}.get(site[index].name)
    if other is None:
        return None
    return index, index + 1, [site.make(other, *site[index].immediates)]


def always_in(site: Site, index: int) -> Edit:
    """An `if` that does not ask."""
    if site[index].name != "if" or index in site.shape.dividers:
        return None
    return index, index + 1, [site.make("drop"), site.make("block", *site[index].immediates)]


def lane(site: Site, index: int) -> Edit:
    if site[index].op.immediates[-1:] != ("lane",):
        return None
    return site.immediate(index, -1, site[index].immediates[-1] ^ 1)


def shuffle(site: Site, index: int) -> Edit:
    if site[index].name != "i8x16.shuffle":
        return None
    return site.immediate(index, 0, bytes([each ^ 16 for each in site[index].immediates[0]]))


def early_exit(site: Site, index: int) -> Edit:
    """An effect in front of a statement becomes a trap in front of it."""
    found = site.statement_at(index)
    if found is None or site.shape.parents[index] == BODY:
        return None
    return index, index, [site.make("unreachable")]


def has(*parts: str) -> Callable[[Instr], bool]:
    return lambda instr: any(part in instr.name for part in parts)


STORE: Final = has(".store", "memory.fill", "memory.copy")
LOAD: Final = has(".load")
CALL: Final = has("call")
TRAP: Final = has(".div", ".rem", ".trunc_f", ".load", "unreachable")
EFFECT: Final = has(".store", "call", "global.set", "memory.grow", "table.set")
BRANCH: Final = has("br", "return")
