"""Simplify locals: values go from where they are computed to where they are used, without locals.

    A  local.set 0  …  local.get 0             →  …  A          A commutes with what it passes
    A  local.set 0  …  local.get 0 (and later) →  …  A  local.tee 0
    C  if  A  local.set 0  else  B  local.set 0  end
                                               →  C  if (result t)  A  else  B  end  local.set 0

Needs: spans and heights of the operand stack, liveness, effects.  Keeps: the order of whatever
can be observed, traps included; loops do no more work than before.  Costs: both steps are linear;
they run again until neither finds anything, `MOST_ROUNDS` times at most.

The steps have files of their own: `simplify_locals_sink` moves code to the read,
`simplify_locals_results` makes results of constructs.  Copies of locals are up to `merge_locals`,
writes that nothing reads to `dead_stores`.
"""

from __future__ import annotations

from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.passes.simplify_locals_results import make_results
from wasmopt.passes.simplify_locals_sink import sink_sets

MOST_ROUNDS: Final = 8
_STEPS: Final = (sink_sets, make_results)


def simplify_locals(function: Function, context: Context) -> Function:
    """Use values where they are computed."""
    start = function
    settled: dict[object, Function] = {}
    for _ in range(MOST_ROUNDS):
        before = function
        for step in _STEPS:
            if settled.get(step) is not function:
                settled[step] = function
                function = step(function, context)
        if function is before:
            break
    return function if function.entry_size() < start.entry_size() else start


SIMPLIFY_LOCALS = Pass(
    "simplify-locals", "use values where they are computed, without locals", simplify_locals
)
