"""Reorder locals: the cheapest numbers for the most used locals, the fewest declarations.

    (local i32 i64 i32)                  →  (local i32 i32 i64), two declarations for three
    local 200 named often, 5 named once  →  the two change places: 128 and up take two bytes

Needs: how often each local is named.  Keeps: parameters, which have the first numbers; every type
(a non-nullable reference may move like any other).  Costs: a walk over the body, and for more
than 128 locals a table of 128 by as many entries as there are types.

A local's number takes one byte below the first border (128), two below the second (16,384).  The
numbers between two borders are a region.  A type has at most one declaration a region, and one
type may have its last declaration of a region run on into the next.  Of one type, the most used
locals come first.  So what is to be chosen is how many locals of each type go before the first
border, and which type runs on; a knapsack over the types finds the exact optimum.  The second
border is never crossed by real code: behind it go simply the least used locals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function, group_locals, locals_size
from wasmopt.local_uses import count_uses, renumber_locals
from wasmopt.reader import unsigned_leb_size
from wasmopt.types import ValType

BORDERS: Final = (128, 16384)
"""The first numbers that take two bytes and three."""


def reorder_locals(
    function: Function, context: Context, borders: tuple[int, int] = BORDERS
) -> Function:
    """Give the locals the numbers that make the function shortest."""
    types = function.local_types()
    params = len(context.param_types(function))
    if len(function.locals) == len(set(types)) and params + len(types) <= borders[0]:
        return function
    uses = count_uses(function.body)
    counts = [uses[params + local] for local in range(len(types))]
    order = best_order(types, counts, params, borders)
    groups = group_locals([types[local] for local in order])
    old_size = locals_size(function.locals) + _index_bytes(counts, params, borders)
    new_counts = [counts[local] for local in order]
    if locals_size(groups) + _index_bytes(new_counts, params, borders) >= old_size:
        return function
    number_of = {params + local: params + place for place, local in enumerate(order)}
    body = renumber_locals(function.body, number_of, context.pool)
    return Function(function.type_index, groups, tuple(body))


def _index_bytes(counts: Sequence[int], params: int, borders: tuple[int, int]) -> int:
    """Bytes beyond the first of every index, locals being used `counts` times each."""
    return sum(sum(counts[max(0, border - params) :]) for border in borders)


def best_order(
    types: Sequence[ValType], counts: Sequence[int], params: int, borders: tuple[int, int]
) -> list[int]:
    """The locals in their new order, each as its place in `types`.

    Args:
        types: of the declared locals.
        counts: how many instructions name each.
        params: how many numbers parameters take.
        borders: see `BORDERS`.
    """
    hottest = sorted(range(len(types)), key=lambda local: (-counts[local], local))
    capacity = max(0, borders[1] - params)
    tail = hottest[capacity:]
    families: dict[ValType, list[int]] = {value_type: [] for value_type in types}
    for local in hottest[:capacity]:
        families[types[local]].append(local)
    first = max(0, borders[0] - params)
    if 0 < first < len(types) - len(tail):
        taken, runs_on = _split(families, counts, first)
    else:
        taken, runs_on = dict.fromkeys(families, 0), None
    hot = {each: members[: taken[each]] for each, members in families.items()}
    cold = {each: members[taken[each] :] for each, members in families.items()}
    behind: dict[ValType, list[int]] = {each: [] for each in families}
    for local in tail:
        behind[types[local]].append(local)
    return _arranged([hot, cold, behind], runs_on)


def _split(
    families: dict[ValType, list[int]], counts: Sequence[int], capacity: int
) -> tuple[dict[ValType, int], ValType | None]:
    """How many locals of each type go before the border, and which type runs on across it.

    A knapsack: `best[crossed][slots]` is the least cost of the types so far if they fill `slots`
    numbers before the border and `crossed` says whether one of them runs on.  A cost is bytes,
    then declarations, since the number of declarations takes a second byte from 128 on.
    """
    best = [[0] + [_NEVER] * capacity, [_NEVER] * (capacity + 1)]
    chosen: list[list[list[tuple[int, bool]]]] = []
    for value_type, members in families.items():
        following = [[_NEVER] * (capacity + 1) for _ in best]
        choice = [[(0, False)] * (capacity + 1) for _ in best]
        for taken, runs_on, cost in _options(value_type, members, counts, capacity):
            for crossed in (0,) if runs_on else (0, 1):
                row = following[crossed or runs_on]
                notes = choice[crossed or runs_on]
                for slots, before in enumerate(best[crossed][: capacity + 1 - taken], taken):
                    if before + cost < row[slots]:
                        row[slots] = before + cost
                        notes[slots] = (taken, runs_on)
        best = following
        chosen.append(choice)
    crossed = best[1][capacity] < best[0][capacity]
    slots = capacity
    result: dict[ValType, int] = {}
    crossing = None
    for value_type, choice in zip(reversed(families), reversed(chosen), strict=True):
        taken, runs_on = choice[crossed][slots]
        result[value_type] = taken
        slots -= taken
        if runs_on:
            crossing, crossed = value_type, False
    return result, crossing


_DECLARATION: Final = 1 << 20
"""Weight of a byte, so that declarations (50,000 at most) only decide between equal sizes."""
_NEVER: Final = 1 << 62


def _options(
    value_type: ValType, members: Sequence[int], counts: Sequence[int], capacity: int
) -> Iterator[tuple[int, bool, int]]:
    """What can be done with one type: how many before the border, whether it runs on, the cost."""
    total = len(members)
    cold_uses = [*accumulate([counts[local] for local in reversed(members)], initial=0)]
    for taken in range(min(total, capacity) + 1):
        parts = [part for part in (taken, total - taken) if part]
        size = cold_uses[total - taken] + sum(_group_size(part, value_type) for part in parts)
        yield taken, False, size * _DECLARATION + len(parts)
        if len(parts) == 2:
            size = cold_uses[total - taken] + _group_size(total, value_type)
            yield taken, True, size * _DECLARATION + 1


def _group_size(count: int, value_type: ValType) -> int:
    """Bytes of one declaration."""
    return unsigned_leb_size(count) + len(value_type)


def _arranged(regions: list[dict[ValType, list[int]]], runs_on: ValType | None) -> list[int]:
    """The locals of all regions in a row, so that types run on from region to region.

    Args:
        regions: the locals of each type; types and locals come in their old order but for those
            that run on.
        runs_on: the type that ends the first region and begins the second.
    """
    order: list[int] = []
    leading = None
    for number, region in enumerate(regions):
        trailing = runs_on
        if number == 1:
            present = [each for each in region if region[each]]
            both = [each for each in present if regions[2][each]]
            free = [each for each in both if each != leading or len(present) == 1]
            trailing = max(free, key=len, default=None)
        elif number == 2:
            trailing = None
        for each in sorted(region, key=lambda t: (t == trailing) - (t == leading)):
            order += sorted(region[each])
        leading = trailing
    return order


REORDER_LOCALS = Pass(
    "reorder-locals", "number locals by use and group their declarations", reorder_locals
)
