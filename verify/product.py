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
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.verify.conditions import Diagrams
from wasmopt.verify.joint import DifferentError
from wasmopt.verify.lockstep import traps_of
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.state import Layout
from wasmopt.verify.stops import LOOP, RETURN, TABLE, THROW, TRAP, Facts, Stop, Version
from wasmopt.verify.table_facts import TableFacts
from wasmopt.verify.terms import BITS, MAX_TERMS, Arena, Term

MAX_RUNS: Final = 30
"""How often the instructions of both versions may be run, on average."""
FREE_INSTRUCTIONS: Final = 5_000
MAX_WIDENED: Final = 3
"""How often a symbol may have further bits that may be one before all of them may."""
MAX_HELD: Final = 8
"""Conditions that are remembered to hold; the oldest go."""

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

    stops: tuple[Stop, Stop]
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
            Version(each, context, layout, self._diagrams, normaliser) for each in (before, after)
        ]
        self._nodes: Final[dict[tuple[Stop, Stop], _Node]] = {}
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
        while stops[0].kind != stops[1].kind and LOOP in (stops[0].kind, stops[1].kind):
            # The loop of one version may stand elsewhere in the other: go into it.
            which = 0 if stops[0].kind == LOOP else 1
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
        if kind == RETURN:
            self._compare_ends()
        if kind in (RETURN, TRAP, THROW):
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

    def _arrive(self, edge: Hashable, stops: tuple[Stop, Stop], held: tuple[Term, ...]) -> None:
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
                if stop.kind == LOOP
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
        if node.stops[0].kind == LOOP:
            yield 0, 0, diagrams.true
            return
        self._load(node)
        tops = [each.stack[-1] for each in self._versions]
        if node.stops[0].kind == TABLE:
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
