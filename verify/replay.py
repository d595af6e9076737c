"""Looks for a state from which two versions of a function visibly do different things.

    both versions, in one harness   →   runs from drawn states   →   a difference   →   made small

What is found was seen in wasmtime, so it refutes that the versions are the same: for some
arguments, state of memory, globals and tables, and answers of whatever is called.  That nothing is
found means nothing.  In doubt nothing is reported:

* a run that does not end within its fuel, stack and number of calls is compared with nothing;
* two NaNs are equal as results, arguments and globals.  Elsewhere their bits count, but the bits
  of a computed NaN are the engine's choice; so with float instructions a difference must show both
  with NaNs made canonical and with those that the processor gives;
* what has no harness (shared memory, say) is never refuted.

The number of runs and their fuel are bounded, the clock plays no part: the same versions have the
same counterexample everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.opcodes import Effect as OpcodeEffect
from wasmopt.types import ValType
from wasmopt.verdict import Refuted
from wasmopt.verify.counterexample import (
    CallMade,
    Counterexample,
    Difference,
    Outcome,
    Patch,
    Value,
    bytes_text,
)
from wasmopt.verify.harness import Harness
from wasmopt.verify.host import RETURNS, THROWS, UNFINISHED, Call, Machine, Run, first_difference
from wasmopt.verify.scenarios import NO_ANSWER, Answer, Scenario, Throw, is_nan, scenarios

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplayBudget:
    """How much may be spent on one pair of versions.

    Attributes:
        scenarios: states to start from, seeds not counted.
        fuel: of one run, about one an instruction.
        simplifications: attempts to make what was found smaller.
        instructions: of both versions together; longer ones are not tried.
    """

    scenarios: int = 40
    fuel: int = 100_000
    simplifications: int = 200
    instructions: int = 40_000


def refute(
    before: Function,
    after: Function,
    context: Context,
    position: int | None = None,
    seeds: Sequence[Scenario] = (),
) -> Refuted | None:
    """The verdict on a change that could not be proved, if it is wrong and that can be shown."""
    found = find_counterexample(before, after, position, context, seeds)
    return None if found is None else Refuted(found.render())


def find_counterexample(
    before: Function,
    after: Function,
    function_position: int | None,
    context: Context,
    seeds: Sequence[Scenario] = (),
    budget: ReplayBudget = ReplayBudget(),  # noqa: B008 - immutable
) -> Counterexample | None:
    """A state from which the two versions do different things, None if none is found.

    Args:
        before, after: the versions; both belong into the module of `context`.
        function_position: of the function among those defined in the module, to name it.
        context: the module.
        seeds: states to start from first, perhaps a solver's model; what they do not mention is
            drawn.
        budget: how much to try.
    """
    if len(before.body) + len(after.body) > budget.instructions:
        return None
    try:
        return _Search(before, after, context, budget).run(seeds)
    except Exception:  # whatever cannot be run is not refuted
        _log.debug("no replay", exc_info=True)
        return None
