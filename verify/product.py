"""Two versions walked together, from fork to fork: for changes of control itself.

Each version runs alone until control forks, may come back (a loop that is branched to), or
leaves; what an unconditional branch or a condition known by then does is followed on the way and
is no event.  So a tail that one version shares and the other has in copies, a block taken apart, a
branch to a branch, or arms swapped with their condition make no difference.  Where both stop, they
must stop alike: with the same state, having looked at the same checks in the same states, and
at forks at the same time.  Then they go on along each pair of ways that the two conditions allow,
knowing that they hold.

A *node* is a pair of places where both versions stop.  Several *edges* may lead to it: its slots
(locals and operands of both versions, parts of the state) hold what all of them bring, or, where
they bring different things, a symbol; slots that get the same along each edge share one.  What is
known of the way here, conditions that held and checks that were passed, is what all edges bring.
The walk ends when no edge brings anything new.  Then, by induction over the stops of an execution,
slots with equal terms are equal whenever both versions come to the node:

* the first edge that a walk from the entry finds to a node brings terms without symbols of that
  node, so what a slot keeps, or is known, is not made of what the symbols meant the time before;
* a symbol is the value of its slots at the latest arrival, along whichever edge.

So both versions take the same way, or trap or leave in the same state, or go on forever together.

Source: product programs, Barthe, Crespo and Kunz 2011, "Relational Verification Using Product
Programs"; the symbols at nodes are the partitions of Alpern, Wegman and Zadeck 1988.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import is_not
from typing import Any, Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.structure import BODY, structure
from wasmopt.verify.conditions import Diagrams
from wasmopt.verify.execute import Execution
from wasmopt.verify.joint import DifferentError
from wasmopt.verify.lockstep import traps_of
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.shared import SharedLoads
from wasmopt.verify.state import Layout, State
from wasmopt.verify.steps import step
from wasmopt.verify.table_facts import TableFacts
from wasmopt.verify.terms import BITS, MAX_TERMS, Arena, Term, is_constant
from wasmopt.verify.terms import constant_bits as constant_of
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.window import whole_function

MAX_RUNS: Final = 30
"""How often the instructions of both versions may be run, on average."""
FREE_INSTRUCTIONS: Final = 5_000
MAX_WIDENED: Final = 3
"""How often a symbol may have further bits that may be one before all of them may."""
MAX_FACTS: Final = 64
"""Checks that are remembered as passed; the oldest go."""
MAX_HELD: Final = 8
"""Conditions that are remembered to hold; the oldest go."""

Facts = dict[tuple[object, ...], int]
"""Checks that were passed, each with its strength."""

_LOOP, _FORK, _TABLE, _RETURN, _TRAP, _THROW = range(6)


@dataclass(frozen=True, slots=True)
class _Stop:
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


class _Version(Execution):
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

    def run_on(self, position: int) -> _Stop:
        """Execute from `position` to the next stop."""
        body = self.body
        while True:
            instr = body[position]
            name = instr.name
            self.executed += 1
            if name in ("block", "loop"):
                self._enter(position)
                if name == "loop" and self.nesting.is_branched_to(position):
                    return _Stop(_LOOP, position)
                position += 1
            elif name in ("if", "br_if"):
                way = self._known_way(self.diagrams.condition(self.stack[-1]))
                if way is None:
                    return _Stop(_FORK, position, self._put_condition())
                position = self.follow(position, way)
            elif name == "br_table":
                if not is_constant(self.stack[-1]):
                    return _Stop(_TABLE, position)
                last = len(self._shape.targets[position]) - 1
                position = self.follow(position, min(constant_of(self.stack[-1]), last))
            elif name == "br":
                position = self._go(self._shape.targets[position][0])
            elif name == "else":
                position = self._shape.ends[self._shape.parents[position]] + 1
            elif name == "end":
                if position == len(body) - 1:
                    return _Stop(_RETURN, position)
                position += 1
            elif name == "return":
                return _Stop(_RETURN, position)
            elif name == "unreachable":
                self.trap_if(self.diagrams.true)
                return _Stop(_TRAP, position)
            elif name.startswith(("br_on", "try", "catch", "delegate", "rethrow")):
                raise UnsupportedError(f"{name} in a product")
            else:
                step(self, instr)
                if self.guard is self.diagrams.false:
                    return _Stop(_RETURN if self._returned else _THROW, position)
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

    def results(self) -> list[Term]:
        """What it returns, the stack being what it is."""
        return self.stack[len(self.stack) - self._results :]


_Row = list[Term]
"""Locals and operands of the first version, of the second, and the state."""


@dataclass(slots=True)
class _Node:
    """A pair of stops.

    Attributes:
        stops: of both versions.
        number: by the order in which they were found.
        shape: how many operands each version has.
        edges: by where they come from, what they bring, the checks that were passed and the
            conditions that hold.
        row: what the slots hold.
        facts: the checks passed on all edges.
        held: the conditions that hold on all edges.
        symbols: those that it has given to each slot; what has got one keeps getting one.
        ones: bits that may be one in the symbol of a slot, and how often they have become more.
        waits: whether something has changed since it was last looked at.
    """

    stops: tuple[_Stop, _Stop]
    number: int
    shape: tuple[int, int]
    edges: dict[Hashable, tuple[_Row, Facts, tuple[Term, ...]]] = field(default_factory=dict)
    row: _Row = field(default_factory=list)
    facts: Facts = field(default_factory=dict)
    held: tuple[Term, ...] = ()
    symbols: dict[int, set[Term]] = field(default_factory=dict)
    ones: dict[int, tuple[int, int]] = field(default_factory=dict)
    waits: bool = False


class Product:
    """One attempt to prove two functions equal.

    Attributes:
        arena: all terms of the proof.
    """

    def __init__(
        self, before: Function, after: Function, context: Context, terms: int = MAX_TERMS
    ) -> None:
        self.arena: Final = Arena(terms)
        normaliser = Normaliser(self.arena)
        self._diagrams: Final = Diagrams(self.arena, normaliser)
        layout = Layout(context.module, context.signatures, context.table(TableFacts))
        self._observable: Final = layout.observable
        self._versions: Final = [
            _Version(each, context, layout, self._diagrams, normaliser) for each in (before, after)
        ]
        self._nodes: Final[dict[tuple[_Stop, _Stop], _Node]] = {}
        self._reached: Final[dict[Hashable, _Node]] = {}
        self._stretches: Final[dict[Hashable, int]] = {}
        self._waiting: Final[list[tuple[int, int]]] = []
        self._by_number: Final[list[_Node]] = []
        length = len(before.body) + len(after.body)
        self._most: Final = FREE_INSTRUCTIONS + MAX_RUNS * length

    def check(self) -> None:
        """Compare.

        Raises:
            DifferentError: they are not shown equal.
            UnsupportedError: something has no theory.
        """
        self._run_on(("entry", 0), (0, 0), self._diagrams.true, {})
        while self._waiting:
            node = self._by_number[heappop(self._waiting)[1]]
            node.waits = False
            if self._has_news(node):
                self._leave(node)
        if not all(map(_is_settled, self._by_number)):
            raise DifferentError("the product does not settle")

    def _run_on(
        self,
        edge: Hashable,
        positions: tuple[int, int],
        assumed: Term,
        facts: Facts,
        held: tuple[Term, ...] = (),
    ) -> None:
        """Go on to the next stops; note that an edge leads there."""
        versions = self._versions
        stretch = self._stretches.setdefault(edge, len(self._stretches))
        all_held = assumed
        for condition in held:
            all_held = self._diagrams.conjunction(all_held, condition)
        for each in versions:
            each.start(stretch, all_held, facts)
        # The new version goes first, so that the old one may load what the new one did.
        ahead = versions[1].run_on(positions[1])
        versions[0].shared_loads.most = versions[1].shared_loads
        stops = [versions[0].run_on(positions[0]), ahead]
        passed: set[tuple[int, int]] = set()
        while stops[0].kind != stops[1].kind and _LOOP in (stops[0].kind, stops[1].kind):
            # The loop of one version may stand elsewhere in the other: go into it.
            which = 0 if stops[0].kind == _LOOP else 1
            place = (which, stops[which].position)
            if place in passed:
                raise DifferentError("one version may run forever")
            passed.add(place)
            stops[which] = versions[which].run_on(stops[which].position + 1)
        if sum(each.executed for each in versions) > self._most:
            raise DifferentError("budget: the product does not settle")
        first, second = versions
        if stops[0].kind != stops[1].kind:
            raise DifferentError("control goes different ways")
        if traps_of(first.region) != traps_of(second.region):
            raise DifferentError("they trap under different conditions")
        kind = stops[0].kind
        if kind == _RETURN:
            self._compare_ends()
        if kind in (_RETURN, _TRAP, _THROW):
            self._move(edge, None)
            return
        if any(a is not b for a, b in zip(first.state, second.state, strict=True)):
            raise DifferentError("different states where control forks")
        self._arrive(edge, (stops[0], stops[1]), _latest(assumed, held))

    def _compare_ends(self) -> None:
        first, second = self._versions
        if first.results() != second.results():
            raise DifferentError("different results")
        if first.state[: self._observable] != second.state[: self._observable]:
            raise DifferentError("different states at the end")

    def _move(self, edge: Hashable, target: _Node | None) -> None:
        """Have an edge lead to another node than before."""
        old = self._reached.pop(edge, None)
        if old is not None and old is not target:
            del old.edges[edge]
            self._wait(old)
        if target is not None:
            self._reached[edge] = target

    def _arrive(self, edge: Hashable, stops: tuple[_Stop, _Stop], held: tuple[Term, ...]) -> None:
        first, second = self._versions
        shape = (len(first.stack), len(second.stack))
        node = self._nodes.get(stops)
        if node is None:
            node = _Node(stops, len(self._by_number), shape)
            self._nodes[stops] = node
            self._by_number.append(node)
        if node.shape != shape:
            raise DifferentError("different operand stacks")
        self._move(edge, node)
        row = [*first.locals, *first.stack, *second.locals, *second.stack, *first.state]
        node.edges[edge] = (row, first.facts(), held)
        self._wait(node)

    def _wait(self, node: _Node) -> None:
        """Have a node looked at when those of earlier positions have been: a join of what is news
        on one edge and old on another would give symbols to slots that need none.
        """
        if not node.waits:
            node.waits = True
            heappush(self._waiting, (node.stops[0].position, node.number))

    def _has_news(self, node: _Node) -> bool:
        """Join what the edges bring; whether that is news, so that the node has to be left."""
        if not node.edges:
            return False
        row = self._joined(node)
        _, passed, held = zip(*node.edges.values(), strict=True)
        facts = {
            key: min(each[key] for each in passed)
            for key in passed[0]
            if all(key in each for each in passed)
        }
        common = tuple([each for each in held[0] if all(each in other for other in held)])
        if (facts, common) == (node.facts, node.held) and not _differ(row, node.row):
            return False
        node.row, node.facts, node.held = row, facts, common
        return True

    def _joined(self, node: _Node) -> _Row:
        rows = [edge[0] for edge in node.edges.values()]
        result = rows[0].copy()
        classes: dict[tuple[Term, ...], list[int]] = {}
        for column, values in enumerate(zip(*rows, strict=True)):
            if column in node.symbols or any(value is not values[0] for value in values):
                classes.setdefault(values, []).append(column)
        for values, columns in classes.items():
            symbol = self._symbol(node, columns[0], values)
            for column in columns:
                result[column] = symbol
                node.symbols.setdefault(column, set()).add(symbol)
        return result

    def _symbol(self, node: _Node, column: int, values: tuple[Term, ...]) -> Term:
        """A symbol for what one of the values is at each arrival."""
        sort = values[0].sort
        if any(value.sort != sort for value in values):
            raise DifferentError("slots of different sorts")
        ones, widened = node.ones.get(column, (0, -1))
        wider = ones
        for value in values:
            wider |= value.ones
        if wider != ones:
            widened += 1
            if widened == MAX_WIDENED:
                wider = (1 << BITS.get(sort, 0)) - 1
            node.ones[column] = (wider, widened)
        symbol = self.arena.symbol(sort, ("product", node.number, column, wider))
        if sort in BITS:
            symbol.ones = wider
        return symbol

    def _leave(self, node: _Node) -> None:
        """Go on from a node along all ways."""
        for first, second, assumed in self._ways(node):
            self._load(node)
            places = [
                stop.position + 1
                if stop.kind == _LOOP
                else each.follow(stop.position, taken ^ stop.negated)
                for each, stop, taken in zip(
                    self._versions, node.stops, (first, second), strict=True
                )
            ]
            edge = (node.number, first, second)
            self._run_on(edge, (places[0], places[1]), assumed, node.facts, node.held)

    def _load(self, node: _Node) -> None:
        first, second = self._versions
        row, at = node.row, 0
        parts = []
        for size in (len(first.locals), node.shape[0], len(second.locals), node.shape[1]):
            parts.append(row[at : at + size])
            at += size
        state = tuple(row[at:])
        first.load(parts[0], parts[1], state)
        second.load(parts[2], parts[3], state)

    def _ways(self, node: _Node) -> Iterator[tuple[int, int, Term]]:
        """Which ways of the two versions belong together, and under which condition."""
        diagrams = self._diagrams
        if node.stops[0].kind == _LOOP:
            yield 0, 0, diagrams.true
            return
        self._load(node)
        tops = [each.stack[-1] for each in self._versions]
        if node.stops[0].kind == _TABLE:
            counts = [
                each.ways(stop.position)
                for each, stop in zip(self._versions, node.stops, strict=True)
            ]
            if tops[0] is not tops[1]:
                raise DifferentError("control goes different ways")
            for way in range(max(counts)):  # behind its entries each table goes its last way
                first, second = [min(way, count - 1) for count in counts]
                yield first, second, diagrams.true
            return
        conditions = [diagrams.condition(each) for each in tops]
        both = [(each, diagrams.negation(each)) for each in conditions]
        for first, second in ((0, 0), (1, 1), (0, 1), (1, 0)):
            assumed = diagrams.conjunction(both[0][first], both[1][second])
            possible = assumed
            for held in node.held:
                possible = diagrams.conjunction(possible, held)
            if possible is diagrams.false:
                self._move((node.number, first, second), None)
            else:
                yield first, second, assumed


def _is_settled(node: _Node) -> bool:
    """Whether every slot has what all edges bring, or a symbol that it shares only with slots
    that get the same along each edge.
    """
    brought: dict[Term, tuple[Term, ...]] = {}
    rows = [edge[0] for edge in node.edges.values()]
    for column, term in enumerate(node.row):
        values = tuple([row[column] for row in rows])
        if any(value is not term for value in values):
            if term not in node.symbols.get(column, ()):
                return False
            if brought.setdefault(term, values) != values:
                return False
    return True


def _latest(assumed: Term, held: tuple[Term, ...]) -> tuple[Term, ...]:
    """What holds besides `held` from here on; nothing new where `assumed` is always true."""
    if assumed.op == "true" or assumed in held:
        return held
    return (*held, assumed)[-MAX_HELD:]


def _differ(first: _Row, second: _Row) -> bool:
    return len(first) != len(second) or any(map(is_not, first, second))
