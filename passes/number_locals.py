"""Number locals: each local gets the number that the code around it leads a compressor to expect.

    f: local.get 0  i32.load  local.set 3        f: local.get 0  i32.load  local.set 3
    g: local.get 0  i32.load  local.set 7   →    g: local.get 0  i32.load  local.set 3

Needs: all functions of the module.  Keeps: parameters, which have the first numbers; every type.
Costs: three times three walks over the code, and for each function the cube of its locals of one
type, but `MOST_LOCALS` at most.  Raw bytes may become more: this is for compressed sizes.

Declarations are grouped by type, the types in the order that is most frequent in the module, and
of one type the locals named most often come first.  From there, function by function, a model
trained on all other functions (`context_model`) says what each number would cost each local, and
the best exchange within a type is made (`assignment`).  After a few rounds little moves any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from wasmopt.function import Function, LocalGroups, group_locals
from wasmopt.instr import Instr
from wasmopt.local_uses import count_uses, renumber_locals
from wasmopt.module import Module, Signatures
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.assignment import assign
from wasmopt.passes.context_model import FIRST_OTHER, KINDS, ContextModel
from wasmopt.types import ValType

ROUNDS: Final = 3
MOST_LOCALS: Final = 48
"""Locals of one type that are exchanged, the most used ones."""


@dataclass(slots=True)
class _Numbered:
    """A function whose locals are being numbered.

    Attributes:
        function: as it was.
        groups: its declarations as they will be.
        tokens: its code with the old numbers, as `context_model` has it.
        numbers: the new number of each local, parameters included.
        families: locals by type, the most used `MOST_LOCALS` of them; none of a single one.
    """

    function: Function
    groups: LocalGroups
    tokens: list[int]
    numbers: list[int]
    families: list[list[int]]

    def code(self) -> list[int]:
        """The tokens with the new numbers."""
        numbers = self.numbers
        return [
            token if token >= FIRST_OTHER else 3 * numbers[token // 3] + token % 3
            for token in self.tokens
        ]


def number_locals(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Give the locals of all functions the numbers that code like theirs uses."""
    signatures = Signatures(module)
    known: dict[Instr, int] = {}
    ranks = _type_ranks(module)
    work = [
        _prepare(function, len(signatures.func_type(function.type_index).params), ranks, known)
        for function in module.functions
    ]
    codes = [each.code() for each in work]
    model = ContextModel(sum([token < FIRST_OTHER for code in codes for token in code]))
    for code in codes:
        model.count(code, 1)
    for _ in range(ROUNDS):
        for place, each in enumerate(work):
            if each.families:
                model.count(codes[place], -1)
                _exchange(each, codes[place], model)
                codes[place] = each.code()
                model.count(codes[place], 1)
    functions = tuple([_renumbered(each, module) for each in work])
    if all(new is old for new, old in zip(functions, module.functions, strict=True)):
        return None
    return replace(module, functions=functions), Correspondence()


def _type_ranks(module: Module) -> dict[ValType, int]:
    """The types of locals, the most frequent one first."""
    counts: Counter[ValType] = Counter()
    for function in module.functions:
        for count, value_type in function.locals:
            counts[value_type] += count
    return {value_type: rank for rank, (value_type, _) in enumerate(counts.most_common())}


def _prepare(
    function: Function, params: int, ranks: dict[ValType, int], known: dict[Instr, int]
) -> _Numbered:
    """The function with its locals by type and use."""
    types = function.local_types()
    uses = count_uses(function.body)
    order = sorted(
        range(len(types)), key=lambda each: (ranks[types[each]], -uses[params + each], each)
    )
    numbers = [*range(params), *[0] * len(types)]
    families: dict[ValType, list[int]] = {}
    for number, each in enumerate(order, params):
        numbers[params + each] = number
        families.setdefault(types[each], []).append(params + each)
    return _Numbered(
        function,
        group_locals([types[each] for each in order]),
        _tokens(function.body, known),
        numbers,
        [members[:MOST_LOCALS] for members in families.values() if len(members) > 1],
    )


def _tokens(body: Sequence[Instr], known: dict[Instr, int]) -> list[int]:
    """The body as `context_model` has it; other instructions are numbered as they are met."""
    for instr in body:
        if instr not in known:
            kind = KINDS.get(instr.name)
            known[instr] = (
                FIRST_OTHER + len(known) if kind is None else 3 * instr.immediates[0] + kind
            )
    return [known[instr] for instr in body]


def _exchange(each: _Numbered, code: Sequence[int], model: ContextModel) -> None:
    """Give the members of each family the numbers of the family that suit them best."""
    families: list[int | None] = [None] * len(each.numbers)
    for place, members in enumerate(each.families):
        for local in members:
            families[each.numbers[local]] = place
    accesses = Counter([token for token in each.tokens if token < FIRST_OTHER])
    saved: dict[tuple[int, int], float] = {}
    for position, number, bits in model.savings(code, families):
        key = each.tokens[position] // 3, number
        saved[key] = saved.get(key, 0.0) + bits
    for members in each.families:
        numbers = sorted([each.numbers[local] for local in members])
        plain = [[model.plain_bits(kind, number) for kind in KINDS.values()] for number in numbers]
        costs = [
            [
                sum([accesses[3 * local + kind] * cost for kind, cost in enumerate(bits)])
                - saved.get((local, number), 0.0)
                for number, bits in zip(numbers, plain, strict=True)
            ]
            for local in members
        ]
        for local, place in zip(members, assign(costs), strict=True):
            each.numbers[local] = numbers[place]


def _renumbered(each: _Numbered, module: Module) -> Function:
    """The function with its new numbers; the very same object if they are the old ones."""
    function = each.function
    moved = {old: new for old, new in enumerate(each.numbers) if old != new}
    if not moved and each.groups == function.locals:
        return function
    body = renumber_locals(function.body, moved, module.pool)
    return Function(function.type_index, each.groups, tuple(body))


NUMBER_LOCALS: Final = ModulePass(
    "number-locals",
    "give locals the numbers that code like theirs uses",
    number_locals,
    compresses=True,
)
