"""Semantic mutants: versions of a function that look like a pass's honest mistake.

Each kind is a rule that says what may stand instead of an instruction, or of a stretch of code
around it.  Mutants that do not validate are thrown away, so a rule need not be careful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr, MemArg
from wasmopt.module import Module
from wasmopt.opcodes import BY_MNEMONIC
from wasmopt.stack import NO_SPAN, stack
from wasmopt.structure import BODY, structure
from wasmopt.types import NUMBER_TYPES, ValType
from wasmopt.verify.validity import ValidityGate

Edit = tuple[int, int, list[Instr]] | None
"""Replace body[start:stop] by other instructions."""
Rule = Callable[["Site", int], Edit]

ATTEMPTS: Final = 8
"""Places where a kind is tried before it is given up for this function."""


class Site:
    """The function to be mutated, and what rules want to know about it.

    Attributes:
        added: types of locals that the rule at work has asked for.
    """

    def __init__(self, function: Function, context: Context, random: Random) -> None:
        self.function, self.context, self.random = function, context, random
        self.body = function.body
        self.make = context.pool.make
        self.signatures = context.signatures
        self.type = self.signatures.func_type(function.type_index)
        self.params = len(self.type.params)
        self.local_types = [*self.type.params, *function.local_types()]
        self.stack = context.analysis(stack, function)
        self.shape = context.analysis(structure, function)
        self.added: list[ValType] = []
        self.statements: dict[int, int] = {}
        for index, start in enumerate(self.stack.starts[:-1]):
            if (
                start != NO_SPAN
                and not self.stack.results(index)
                and self.body[index].name != "end"
            ):
                self.statements.setdefault(start, index)

    def __getitem__(self, index: int) -> Instr:
        return self.body[index]

    def local(self, value_type: ValType) -> int:
        """A new local."""
        self.added.append(value_type)
        return len(self.local_types) + len(self.added) - 1

    def swapped(self, *types: ValType) -> list[Instr]:
        """Code that turns the values on top of the stack, of these types, around."""
        locals_ = [self.local(each) for each in types]
        stores = [self.make("local.set", each) for each in reversed(locals_)]
        return [*stores, *[self.make("local.get", each) for each in reversed(locals_)]]

    def other(self, kind: str, index: int) -> int | None:
        """Another index into an index space, for a thing of the same type."""
        spaces = {
            "local": self.local_types,
            "global": self.signatures.globals,
            "func": self.signatures.functions,
            "table": [table.element for table in self.signatures.tables],
            "memory": self.signatures.memories,
            "tag": self.signatures.tags,
            "data": self.context.module.data,
            "elem": self.context.module.elements,
        }
        space: list[object] = list(spaces[kind])
        types = [type(each) if kind in ("data", "elem", "memory") else each for each in space]
        same = [i for i, each in enumerate(types) if i != index and each == types[index]]
        return self.random.choice(same) if same else None

    def default(self, value_type: ValType) -> list[Instr]:
        """Some constant."""
        for name, code in NUMBER_TYPES.items():
            if code == value_type:
                return [self.make(f"{name}.const", bytes(16) if name == "v128" else 7)]
        return [self.make("ref.null", bytes(value_type[-1:]))]

    def name(self, instr: Instr, mnemonic: str) -> Instr | None:
        """The same instruction by another name, if there is one with such immediates."""
        op = BY_MNEMONIC.get(mnemonic)
        if op is None or op is instr.op or op.immediates != instr.op.immediates:
            return None
        return self.context.pool.intern(op, instr.immediates)

    def immediate(self, index: int, place: int, value: object) -> Edit:
        """The instruction with another immediate."""
        instr = self.body[index]
        immediates = [*instr.immediates]
        immediates[place] = value
        return index, index + 1, [self.context.pool.intern(instr.op, tuple(immediates))]

    def statement_at(self, start: int) -> tuple[int, int] | None:
        """Where a statement (code without operands and results) starts and stops."""
        last = self.statements.get(start)
        return None if last is None else (start, last + 1)


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


def _renamed(pairs: str) -> Rule:
    """Parts of names that stand for each other: "a/b c/d"."""
    swaps = [pair.split("/") for pair in pairs.split()]
    swaps += [[new, old] for old, new in swaps]

    def rule(site: Site, index: int) -> Edit:
        instr = site[index]
        found = [site.name(instr, instr.name.replace(old, new)) for old, new in swaps]
        options = [each for each in found if each is not None]
        return (index, index + 1, [site.random.choice(options)]) if options else None

    return rule


def _other_index(kind: str) -> Rule:
    """Another thing of the same type."""

    def rule(site: Site, index: int) -> Edit:
        op = site[index].op
        if kind not in op.immediates:
            return None
        place = op.immediates.index(kind)
        other = site.other(kind, site[index].immediates[place])
        return None if other is None else site.immediate(index, place, other)

    return rule


def _named(*names: str) -> Callable[[Callable[[Site, int], list[Instr]]], Rule]:
    """A rule that replaces instructions with one of these names."""

    def decorate(replace: Callable[[Site, int], list[Instr]]) -> Rule:
        def rule(site: Site, index: int) -> Edit:
            if site[index].name not in names:
                return None
            return index, index + 1, replace(site, index)

        return rule

    return decorate


def _swapped_operands(site: Site, index: int) -> Edit:
    op = site[index].op
    commutes = op.mnemonic.endswith((".add", ".mul", ".and", ".or", ".xor", ".eq", ".ne"))
    if commutes or op.operands is None or len(op.operands) != 2 or len({*op.operands}) != 1:
        return None
    types = [NUMBER_TYPES[each] for each in op.operands if each in NUMBER_TYPES]
    return (index, index + 1, [*site.swapped(*types), site[index]]) if types else None


def _constant(site: Site, index: int) -> Edit:
    instr = site[index]
    if instr.name not in ("i32.const", "i64.const"):
        return None
    return site.immediate(index, 0, instr.immediates[0] + site.random.choice([-1, 1]))


def _loop_bound(site: Site, index: int) -> Edit:
    compared = site[min(index + 1, len(site.body) - 1)].name.partition(".")[2]
    if not compared.startswith(("lt", "gt", "le", "ge", "eq", "ne")):
        return None
    return _constant(site, index)


def _shifted_halves(site: Site, index: int) -> Edit:
    if site[index].name != "i64.const" or site[index].immediates[0] not in (31, 32, 33):
        return None
    return site.immediate(index, 0, 31 if site[index].immediates[0] == 32 else 32)


def _float_zero(site: Site, index: int) -> Edit:
    instr = site[index]
    if instr.name not in ("f32.const", "f64.const"):
        return None
    return site.immediate(index, 0, instr.immediates[0] ^ 1 << (31 if instr.name[1] == "3" else 63))


def _offset(site: Site, index: int) -> Edit:
    for place, value in enumerate(site[index].immediates):
        if isinstance(value, MemArg):
            offset = max(0, value.offset + site.random.choice([-4, -1, 1, 4, 8]))
            return site.immediate(index, place, value._replace(offset=offset))
    return None


def _memory(site: Site, index: int) -> Edit:
    for place, value in enumerate(site[index].immediates):
        if isinstance(value, MemArg):
            other = site.other("memory", value.memory)
            if other is None:
                return None
            return site.immediate(index, place, value._replace(memory=other))
    return _other_index("memory")(site, index)


def _label(site: Site, index: int) -> Edit:
    instr = site[index]
    if "label" not in instr.op.immediates:
        return None
    place = instr.op.immediates.index("label")
    label = max(0, instr.immediates[place] + site.random.choice([-1, 1]))
    return site.immediate(index, place, label)


def _table_entries(site: Site, index: int) -> Edit:
    if site[index].name != "br_table":
        return None
    labels = [*site[index].immediates[0]]
    first = site.random.randrange(len(labels))
    second = site.random.randrange(len(labels))
    labels[first], labels[second] = labels[second], labels[first]
    return site.immediate(index, 0, tuple(labels))


@_named("br_if", "if", "select")
def _negated(site: Site, index: int) -> list[Instr]:
    return [site.make("i32.eqz"), site[index]]


@_named("br_if")
def _always(site: Site, index: int) -> list[Instr]:
    return [site.make("drop"), site.make("br", *site[index].immediates)]


@_named("br_if")
def _never(site: Site, index: int) -> list[Instr]:
    return [site.make("drop")]


@_named("br", "return", "unreachable", "nop", "i32.eqz", "global.set", "memory.grow", "data.drop")
def _removed(site: Site, index: int) -> list[Instr]:
    pops = len(site.stack.operands(index)) - len(site.stack.results(index))
    return [site.make("drop")] * pops


@_named("local.set", "local.tee")
def _removed_write(site: Site, index: int) -> list[Instr]:
    return [site.make("drop")] if site[index].name == "local.set" else []


def _removed_store(site: Site, index: int) -> Edit:
    if ".store" not in site[index].name or "lane" in site[index].name:
        return None
    return index, index + 1, [site.make("drop")] * 2


def _removed_call(site: Site, index: int) -> Edit:
    if site[index].name != "call":
        return None
    callee = site.signatures.function_type(site[index].immediates[0])
    results = [instr for each in callee.results for instr in site.default(each)]
    return index, index + 1, [site.make("drop")] * len(callee.params) + results


def _twice_called(site: Site, index: int) -> Edit:
    if site[index].name != "call":
        return None
    callee = site.signatures.function_type(site[index].immediates[0])
    locals_ = [site.local(each) for each in callee.params]
    reads = [site.make("local.get", each) for each in locals_]
    writes = [site.make("local.set", each) for each in reversed(locals_)]
    drops = [site.make("drop")] * len(callee.results)
    return index, index + 1, [*writes, *reads, site[index], *drops, *reads, site[index]]


def _other_signature(site: Site, index: int) -> Edit:
    """call_indirect with a type that has one result more or less: it traps instead."""
    if site[index].name != "call_indirect":
        return None
    wanted = site.signatures.func_type(site[index].immediates[0])
    for number, sub in enumerate(site.signatures.types):
        results = getattr(sub.composite, "results", None)
        if results is None or sub.composite.params != wanted.params:
            continue
        call = site.make("call_indirect", number, site[index].immediates[1])
        if results and results[:-1] == wanted.results:
            return index, index + 1, [call, site.make("drop")]
        if wanted.results and results == wanted.results[:-1]:
            return index, index + 1, [call, *site.default(wanted.results[-1])]
    return None


def _trapless(site: Site, index: int) -> Edit:
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


def _narrowed(site: Site, index: int) -> Edit:
    """An i64 passes through 32 bits."""
    if (site[index].op.results or ("",))[-1] != "i64":
        return None
    extend = site.random.choice(["i64.extend_i32_u", "i64.extend_i32_s"])
    return index, index + 1, [site[index], site.make("i32.wrap_i64"), site.make(extend)]


def _tee_of_other(site: Site, index: int) -> Edit:
    if site[index].name != "local.tee":
        return None
    other = site.other("local", site[index].immediates[0])
    if other is None:
        return None
    write = site.make("local.set", *site[index].immediates)
    return index, index + 1, [write, site.make("local.get", other)]


def _swapped_arms(site: Site, index: int) -> Edit:
    if site[index].name != "if" or index not in site.shape.dividers:
        return None
    divider, end = site.shape.dividers[index][0], site.shape.ends[index]
    arms = site.body[index + 1 : divider], site.body[divider + 1 : end]
    return index + 1, end, [*arms[1], site[divider], *arms[0]]


def _swapped_results(site: Site, index: int) -> Edit:
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


def _changed_result(site: Site, index: int) -> Edit:
    if not site.type.results or not (site[index].name == "return" or index == len(site.body) - 1):
        return None
    kinds = {code: name for name, code in NUMBER_TYPES.items() if name in ("i32", "i64")}
    kind = kinds.get(site.type.results[-1])
    return kind and (index, index, [site.make(f"{kind}.const", 1), site.make(f"{kind}.add")])


def _swapped_top(site: Site, index: int) -> Edit:
    """Two operands of the same type of anything with side effects, the other way round."""
    names = ("i32.store", "memory.fill", "memory.copy", "memory.init", "table.copy", "table.init")
    if site[index].name not in names:
        return None
    types = [NUMBER_TYPES["i32"]] * 2
    return index, index + 1, [*site.swapped(*types), site[index]]


def _first_value(site: Site, index: int) -> Edit:
    """A declared local starts with another value."""
    declared = range(site.params, len(site.local_types))
    if index or not declared:
        return None
    local = site.random.choice(declared)
    return 0, 0, [*site.default(site.local_types[local]), site.make("local.set", local)]


def _lost_parameter(site: Site, index: int) -> Edit:
    if index or not site.params:
        return None
    local = site.random.randrange(site.params)
    return 0, 0, [*site.default(site.local_types[local]), site.make("local.set", local)]


def _merged_locals(site: Site, index: int) -> Edit:
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


def _moved(first: Callable[[Instr], bool], second: Callable[[Instr], bool]) -> Rule:
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


def _moved_over(*names: str) -> Rule:
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


def _removed_statement(site: Site, index: int) -> Edit:
    found = site.statement_at(index)
    return found and (*found, [])


def _repeated_statement(site: Site, index: int) -> Edit:
    found = site.statement_at(index)
    return found and (found[1], found[1], [*site.body[slice(*found)]])


def _other_bracket(site: Site, index: int) -> Edit:
    """A block that is a loop, a loop that is a block: branches go to the other end."""
    other = {"block": "loop", "loop": "block"}.get(site[index].name)
    return other and (index, index + 1, [site.make(other, *site[index].immediates)])


def _always_in(site: Site, index: int) -> Edit:
    """An `if` that does not ask."""
    if site[index].name != "if" or index in site.shape.dividers:
        return None
    return index, index + 1, [site.make("drop"), site.make("block", *site[index].immediates)]


def _lane(site: Site, index: int) -> Edit:
    if site[index].op.immediates[-1:] != ("lane",):
        return None
    return site.immediate(index, -1, site[index].immediates[-1] ^ 1)


def _shuffle(site: Site, index: int) -> Edit:
    if site[index].name != "i8x16.shuffle":
        return None
    return site.immediate(index, 0, bytes([each ^ 16 for each in site[index].immediates[0]]))


def _early_exit(site: Site, index: int) -> Edit:
    """An effect in front of a statement becomes a trap in front of it."""
    found = site.statement_at(index)
    if found is None or site.shape.parents[index] == BODY:
        return None
    return index, index, [site.make("unreachable")]


def _is(*parts: str) -> Callable[[Instr], bool]:
    return lambda instr: any(part in instr.name for part in parts)


_STORE: Final = _is(".store", "memory.fill", "memory.copy")
_LOAD: Final = _is(".load")
_CALL: Final = _is("call")
_TRAP: Final = _is(".div", ".rem", ".trunc_f", ".load", "unreachable")
_EFFECT: Final = _is(".store", "call", "global.set", "memory.grow", "table.set")
_BRANCH: Final = _is("br", "return")

KINDS: Final[dict[str, Rule]] = {
    "operands swapped": _swapped_operands,
    "constant off by one": _constant,
    "loop bound": _loop_bound,
    "i64 halves": _shifted_halves,
    "sign of a float constant": _float_zero,
    "i64 through 32 bits": _narrowed,
    "signedness": _renamed("_s/_u"),
    "access width": _renamed("load/load8_u load/load16_u load8/load16 store/store8 store8/store16"),
    "operation": _renamed(
        "add/sub and/or shl/shr_u min/max lt/le gt/ge clz/ctz floor/ceil rotl/rotr xor/or eq/ne"
    ),
    "memarg offset": _offset,
    "memory index": _memory,
    "table index": _other_index("table"),
    "global index": _other_index("global"),
    "segment index": _other_index("data"),
    "wrong local": _other_index("local"),
    "wrong callee": _other_index("func"),
    "wrong tag": _other_index("tag"),
    "indirect type": _other_signature,
    "label": _label,
    "br_table entries": _table_entries,
    "condition negated": _negated,
    "branch always taken": _always,
    "branch never taken": _never,
    "instruction removed": _removed,
    "write removed": _removed_write,
    "store removed": _removed_store,
    "call removed": _removed_call,
    "call repeated": _twice_called,
    "trap removed": _trapless,
    "trap added": _early_exit,
    "tee of another local": _tee_of_other,
    "arms swapped": _swapped_arms,
    "results swapped": _swapped_results,
    "result changed": _changed_result,
    "bulk operands swapped": _swapped_top,
    "first value": _first_value,
    "parameter lost": _lost_parameter,
    "locals merged": _merged_locals,
    "store over load": _moved(_STORE, _LOAD),
    "load over store": _moved(_LOAD, _STORE),
    "store over store": _moved(_STORE, _STORE),
    "store over call": _moved(_STORE, _CALL),
    "call over call": _moved(_CALL, _CALL),
    "trap before effect": _moved(_EFFECT, _TRAP),
    "effect before trap": _moved(_TRAP, _EFFECT),
    "effect over branch": _moved(_EFFECT, _BRANCH),
    "write over branch": _moved(_is("local."), _BRANCH),
    "statements swapped": _moved(_is(""), _is("")),
    "over an opener": _moved_over("block", "loop", "if"),
    "over an end": _moved_over("end", "else"),
    "statement removed": _removed_statement,
    "statement repeated": _repeated_statement,
    "block for loop": _other_bracket,
    "if without condition": _always_in,
    "lane": _lane,
    "shuffle": _shuffle,
}
"""What can go wrong, by name."""
