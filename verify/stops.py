"""One version of a function in a product, run from stop to stop.

A stop is where control forks, may come back (a loop that is branched to), or leaves.  What an
unconditional branch or a condition known by then does is followed on the way and is no stop.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.structure import BODY, structure
from wasmopt.verify.execute import Execution
from wasmopt.verify.shared import SharedLoads
from wasmopt.verify.state import State
from wasmopt.verify.steps import step
from wasmopt.verify.terms import Term, is_constant
from wasmopt.verify.terms import constant_bits as constant_of
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.window import whole_function

MAX_FACTS: Final = 64
"""Checks that are remembered as passed; the oldest go."""

Facts = dict[tuple[object, ...], int]
"""Checks that were passed, each with its strength."""

LOOP, FORK, TABLE, RETURN, TRAP, THROW = range(6)
"""Kinds of stops."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a version stopped; the index of a table is the top operand, or whether the condition
    of a fork holds, or, if `negated`, that it does not.
    """

    kind: int
    position: int
    negated: bool = False


class _LoadsOf(SharedLoads):
    """Numbers of loads of shared memory that no other stretch has.

    Attributes:
        most: what the new version loaded in this stretch, where this is the old one: it may find
            the same at a place as often as it likes (see `shared`).
    """

    def __init__(self, stretch: int) -> None:
        super().__init__(stretch << 32)
        self.most: SharedLoads | None = None

    def number(self, load: Hashable) -> int:
        """The number of one more load."""
        number = super().number(load)
        last = None if self.most is None else self.most.last(load)
        return number if last is None else min(number, last)


class Version(Execution):
    """One version, run from stop to stop."""

    def __init__(self, function: Function, context: Context, *shared: Any) -> None:
        code = whole_function(function, context)
        super().__init__(code, context.table(Arities), *shared, sink=False)
        self.shared_loads: _LoadsOf = _LoadsOf(0)
        self._shape: Final = context.analysis(structure, function)
        self._results: Final = len(code.enclosing[0][1].results)
        self._heights: Final[dict[int, int]] = {BODY: 0}
        self._returned = False
        self._assumed: Term = self.diagrams.true
        self.executed = 0

    def leave(self) -> None:
        """Return from the function with the results on the stack."""
        self._returned = True
        self.guard = self.diagrams.false

    def load(self, variables: list[Term], stack: list[Term], state: State) -> None:
        """Stand at a stop."""
        self.locals, self.stack, self.state = variables.copy(), stack.copy(), state
        self.guard = self.diagrams.true
        self._returned = False

    def start(self, stretch: int, assumed: Term, facts: Facts) -> None:
        """Begin a stretch: nothing has trapped, these checks were passed, a condition holds."""
        self._assumed = assumed
        true = self.diagrams.true
        self.shared_loads = _LoadsOf(stretch)
        self.region.traps.clear()
        self.region.checked = {key: [(true, power)] for key, power in facts.items()}

    def facts(self) -> Facts:
        """The checks passed so far, each with its strength."""
        known: Facts = {
            key: max(power for _, power in passed)
            for key, passed in self.region.checked.items()
            if passed
        }
        return dict(list(known.items())[-MAX_FACTS:])

    def run_on(self, position: int) -> Stop:
        """Execute from `position` to the next stop."""
        body = self.body
        while True:
            instr = body[position]
            name = instr.name
            self.executed += 1
            if name in ("block", "loop"):
                self._enter(position)
                if name == "loop" and self.nesting.is_branched_to(position):
                    return Stop(LOOP, position)
                position += 1
            elif name in ("if", "br_if"):
                way = self._known_way(self.diagrams.condition(self.stack[-1]))
                if way is None:
                    return Stop(FORK, position, self._put_condition())
                position = self.follow(position, way)
            elif name == "br_table":
                if not is_constant(self.stack[-1]):
                    return Stop(TABLE, position)
                last = len(self._shape.targets[position]) - 1
                position = self.follow(position, min(constant_of(self.stack[-1]), last))
            elif name == "br":
                position = self._go(self._shape.targets[position][0])
            elif name == "else":
                position = self._shape.ends[self._shape.parents[position]] + 1
            elif name == "end":
                if position == len(body) - 1:
                    return Stop(RETURN, position)
                position += 1
            elif name == "return":
                return Stop(RETURN, position)
            elif name == "unreachable":
                self.trap_if(self.diagrams.true)
                return Stop(TRAP, position)
            elif name.startswith(("br_on", "try", "catch", "delegate", "rethrow")):
                raise UnsupportedError(f"{name} in a product")
            else:
                step(self, instr)
                if self.guard is self.diagrams.false:
                    return Stop(RETURN if self._returned else THROW, position)
                position += 1

    def _known_way(self, condition: Term) -> int | None:
        """Which way a fork goes, if that is known since the last stop."""
        diagrams = self.diagrams
        if diagrams.conjunction(self._assumed, condition) is diagrams.false:
            return 1
        negated = diagrams.negation(condition)
        return 0 if diagrams.conjunction(self._assumed, negated) is diagrams.false else None

    def _put_condition(self) -> bool:
        """Put a condition and its negation into one form, so that it stays one when ways meet;
        whether that is the negation.
        """
        top = self.stack.pop()
        condition = self.diagrams.condition(top)
        negated = self.diagrams.negation(condition).number < condition.number
        holds = top if negated else self.apply("i32.eqz", top)
        self.stack.append(self.apply("i32.eqz", holds))
        return negated

    def _enter(self, position: int) -> None:
        block_type = self.signatures.block_type(self.body[position].immediates[0])
        self._heights[position] = len(self.stack) - len(block_type.params)

    def follow(self, position: int, way: int) -> int:
        """Take one way out of the fork at `position`; where that leads."""
        self.pop()
        name = self.body[position].name
        if name == "br_table":
            return self._go(self._shape.targets[position][way])
        if name == "br_if":
            return position + 1 if way else self._go(self._shape.targets[position][0])
        self._enter(position)
        if not way:
            return position + 1
        clauses = self._shape.dividers.get(position)
        return (clauses[0] if clauses else self._shape.ends[position]) + 1

    def ways(self, position: int) -> int:
        """How many ways lead out of the fork at `position`."""
        if self.body[position].name == "br_table":
            return len(self._shape.targets[position])
        return 2

    def _go(self, target: int) -> int:
        """Branch to the label of a construct; where that is."""
        if target == BODY:
            del self.stack[: len(self.stack) - self._results]
            return len(self.body) - 1
        instr = self.body[target]
        block_type = self.signatures.block_type(instr.immediates[0])
        is_loop = instr.name == "loop"
        carried = len(block_type.params if is_loop else block_type.results)
        del self.stack[self._heights[target] : len(self.stack) - carried]
        return target if is_loop else self._shape.ends[target] + 1

    def narrow(self, known: Term) -> None:
        """Replace values that are a choice by what they are where `known` holds."""
        narrowed = self.diagrams.narrowed
        self.locals[:] = [narrowed(each, known) for each in self.locals]
        self.stack[:] = [narrowed(each, known) for each in self.stack]
        self.state = tuple([narrowed(each, known) for each in self.state])

    def results(self) -> list[Term]:
        """What it returns, the stack being what it is."""
        return self.stack[len(self.stack) - self._results :]
