"""Cluster functions: each stands behind the one whose code it has most of in common.

    f g h f' g' h'   →   f f' g g' h h'

Needs: nothing.  Keeps: imports, which come first.  Costs: one walk over the code, then for every
function a look at those that share a run of instructions with it, unless more than `MOST_SHARED`
do.  Raw bytes may become more, as functions named often get longer indices: this is for
compressed sizes, since a compressor refers back to what is near for less, and finds it at all.

What two functions have in common is the runs of a few instructions that both have, the rarer the
more they count, as a share of those that either has (weighted Jaccard).  From each function the
chain goes to the most similar one that is left; when there is none, to the next in the old order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.module_edits import follow

RUNS: Final = (2, 3, 4)
"""Lengths of the runs in instructions."""
MOST_SHARED: Final = 32
"""Functions that share a run at most for it to count: what all have says nothing."""
SAMPLED_FROM: Final = 1 << 20
"""Instructions in the module from which only a part of the runs is looked at, to save memory."""


def cluster_functions(module: Module, _options: Options) -> tuple[Module, Correspondence] | None:
    """Put functions next to similar ones."""
    functions = module.functions
    imported = len(module.imported(Kind.FUNCTION))
    runs = _shared_runs([function.body for function in functions])
    order = _chain(runs)
    if order == sorted(order):
        return None
    places = {imported + old: imported + new for new, old in enumerate(order)}
    indices = tuple([places.get(index, index) for index in range(imported + len(order))])
    claim = Correspondence({Kind.FUNCTION: indices})
    return follow(module, claim), claim


def _shared_runs(bodies: Sequence[Sequence[Instr]]) -> list[list[int]]:
    """For each body the runs that others have too, as numbers."""
    known: dict[Instr, int] = {}
    step = 1 + sum(map(len, bodies)) // SAMPLED_FROM
    runs: list[dict[tuple[int, ...], None]] = []
    for body in bodies:
        code = [known.setdefault(instr, len(known)) for instr in body]
        found: dict[tuple[int, ...], None] = {}
        for length in RUNS:
            every = zip(*[code[start:] for start in range(length)], strict=False)
            found |= {run: None for run in every if step == 1 or sum(run) % step == 0}
        runs.append(found)
    counts = Counter([run for each in runs for run in each])
    numbers = {
        run: number
        for number, run in enumerate(
            [run for run, count in counts.items() if 1 < count <= MOST_SHARED]
        )
    }
    return [[numbers[run] for run in each if run in numbers] for each in runs]


def _chain(runs: Sequence[Sequence[int]]) -> list[int]:
    """The functions in an order in which neighbours are similar."""
    owners: dict[int, list[int]] = {}
    for function, each in enumerate(runs):
        for run in each:
            owners.setdefault(run, []).append(function)
    weights = {run: math.log2(1 + len(runs) / len(each)) for run, each in owners.items()}
    sizes = [1 + sum([weights[run] for run in each]) for each in runs]
    placed = [False] * len(runs)
    others = iter(range(len(runs)))
    order: list[int] = []
    while len(order) < len(runs):
        shared: dict[int, float] = {}
        last = order[-1] if order else 0
        for run in runs[last] if order else ():
            for function in owners[run]:
                if not placed[function]:
                    shared[function] = shared.get(function, 0.0) + weights[run]
        if shared:
            likeness = [(each / (sizes[last] + sizes[f] - each), -f) for f, each in shared.items()]
            following = -max(likeness)[1]
        else:
            following = next(function for function in others if not placed[function])
        placed[following] = True
        order.append(following)
    return order


CLUSTER_FUNCTIONS: Final = ModulePass(
    "cluster-functions",
    "put functions next to similar ones",
    cluster_functions,
    compresses=True,
)
