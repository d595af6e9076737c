"""Merge locals: what is in a local already is neither written nor computed again.

    local.get 0  local.set 1  …  local.get 0  local.set 1    →  the second copy goes
    i32.const 0  local.set 2                                 →  where local 2 still is 0
    i32.const 70000  local.set 1  …  i32.const 70000         →  …  local.get 1
    local.get 0  local.set 1  …  local.get 1                 →  …  local.get 0
                              where all reads of the copy can go to what it is a copy of

Needs: which locals are equal, or a known constant, on all paths (`local_values`).  Keeps: types,
and writes to locals without a default value, since a read of them is valid only behind a write.
Costs: the fixpoint of `local_values`, and a walk over the body with `dead_stores` behind it; two
more of these where locals are copied.

Reads go to another local only if that makes the function shorter than it is without: once those
are preferred that others are copies of, and once those that are copies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.passes.dead_stores import dead_stores
from wasmopt.passes.local_values import WRITES, LocalValues, Values
from wasmopt.types import is_defaultable


def merge_locals(function: Function, context: Context) -> Function:
    """Use one of several locals that hold the same value."""
    if not any(instr.name in WRITES for instr in set(function.body)):
        return function
    values = LocalValues(function, context)
    ranking = originals_last(function)
    shortest = function
    for order in ((), ranking, ranking[::-1]) if ranking else ((),):
        preference = {local: place for place, local in enumerate(order)}
        rewritten = _Rewrite(function, context, values, preference).run()
        candidate = function if rewritten is function else dead_stores(rewritten, context)
        if candidate.entry_size() < shortest.entry_size():
            shortest = candidate
    return shortest


def originals_last(function: Function) -> list[int]:
    """Locals that are copied, those last of which there are most copies."""
    surplus: Counter[int] = Counter()
    for (origin, instr), count in Counter(pairwise(function.body)).items():
        if instr.name in WRITES and origin.name in ("local.get", "local.tee"):
            surplus[origin.immediates[0]] += count
            surplus[instr.immediates[0]] -= count
    return sorted(surplus, key=lambda local: (surplus[local], -local))


class _Rewrite:
    """One walk over the body.

    Attributes:
        preference: of several locals with one value, that with the largest number here is read.
    """

    def __init__(
        self,
        function: Function,
        context: Context,
        values: LocalValues,
        preference: Mapping[int, int],
    ) -> None:
        self.function: Final = function
        self.pool: Final = context.pool
        self.values: Final = values
        self.preference: Final = preference
        self.types: Final = (*context.param_types(function), *function.local_types())
        self.result: Final[list[Instr]] = []

    def run(self) -> Function:
        """The function without needless writes and constants."""
        body, starts = self.function.body, self.values.flow.starts
        for node in range(self.values.flow.blocks()):
            here = self.values.at_start(node)
            for index in range(starts[node], starts[node + 1]):
                instr = body[index]
                if instr.name in WRITES:
                    self.write(index, here)
                elif instr.name == "local.get" and self.preference:
                    self.result.append(self.read(instr, here))
                elif instr in here.holders:
                    self.result.append(self.constant(instr, here))
                else:
                    self.result.append(instr)
        changed = tuple(self.result)
        return self.function if changed == body else self.function.with_body(changed)

    def write(self, index: int, here: Values) -> None:
        """Write a local, unless it holds that value."""
        instr, result = self.function.body[index], self.result
        local = instr.immediates[0]
        value = here.written(index, self.function.body)
        if here[local] != value or not is_defaultable(self.types[local]):
            here.write(local, value)
            result.append(instr)
        elif instr.name == "local.set":
            last = result.pop()
            if last.name == "local.tee":
                result.append(self.pool.make("local.set", *last.immediates))

    def read(self, instr: Instr, here: Values) -> Instr:
        """The read of a local, or of another one with its value."""
        best = local = instr.immediates[0]
        if not is_defaultable(self.types[local]):
            return instr
        for holder in here.holders[here[local]]:
            preferred = self.preference.get(holder, -1) > self.preference.get(best, -1)
            if preferred and self.types[holder] == self.types[local]:
                best = holder
        return self.pool.make("local.get", best)

    def constant(self, instr: Instr, here: Values) -> Instr:
        """A constant, or the read of a local that holds it."""
        for holder in here.holders[instr]:
            read = self.pool.make("local.get", holder)
            return read if read.size < instr.size else instr
        return instr


MERGE_LOCALS = Pass(
    "merge-locals", "use one of several locals that hold the same value", merge_locals
)
