"""Two versions walked together, from fork to fork: for changes of control itself.

Each version runs alone until control forks, may come back (a loop that is branched to), or
leaves; what an unconditional branch or a condition known by then does is followed on the way and
is no event.  So a tail that one version shares and the other has in copies, a block taken apart, a
branch to a branch, or arms swapped with their condition make no difference.  Where both stop, they
must stop alike: with the same state, having looked at the same checks in the same states, and
at forks at the same time.  Then they go on along each pair of ways that the two conditions allow,
knowing that they hold.  In a *one-sided* step one version goes on alone, up to a stop before which
nothing could be observed, and past no loop: where its condition leaves open where the other one
goes, or where that one does not stand at a fork.

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

from collections.abc import Hashable
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
from wasmopt.verify.stops import FORK, LOOP, RETURN, TABLE, THROW, TRAP, Facts, Stop, Version
from wasmopt.verify.table_facts import TableFacts
from wasmopt.verify.terms import BITS, MAX_TERMS, Arena, Term, constant_bits, is_constant

MAX_RUNS: Final = 30
"""How often the instructions of both versions may be run, on average."""
FREE_INSTRUCTIONS: Final = 5_000
MAX_WIDENED: Final = 3
"""How often a symbol may have further bits that may be one before all of them may."""
MAX_HELD: Final = 8
"""Conditions that are remembered to hold; the oldest go."""

_WAITING: Final = frozenset({FORK, TABLE, RETURN})
"""Kinds of stops where a version may wait for the other one, which stands at a fork."""
_LEAVING: Final = frozenset({RETURN, TRAP, THROW})

_Positions = tuple[int | None, int | None]
_Pair = tuple[int | None, int | None]
"""A way of each version out of its stop; None for one that waits."""
_Ways = dict[_Pair, Term]
"""Ways that belong together, each with what holds then."""
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
        ways: those on which it was left the last time.
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
    ways: _Ways = field(default_factory=dict)
    waits: bool = False


class Product:
    """One attempt to prove two functions equal.

    Args:
        before, after: the two functions.
        context: of the module of both.
        one_sided: whether a version may go on alone from a fork, see above.
        terms: that the attempt may make.

    Attributes:
        arena: all terms of the proof.
    """

    def __init__(
        self,
        before: Function,
        after: Function,
        context: Context,
        *,
        one_sided: bool = False,
        terms: int = MAX_TERMS,
    ) -> None:
        self.arena: Final = Arena(terms)
        normaliser = Normaliser(self.arena)
        self._diagrams: Final = Diagrams(self.arena, normaliser)
        layout = Layout(context.module, context.signatures, context.table(TableFacts))
        self._observable: Final = layout.observable
        self._versions: Final = [
            Version(each, context, layout, self._diagrams, normaliser) for each in (before, after)
        ]
        self._one_sided: Final = one_sided
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
        entry = _Node((Stop(LOOP, -1), Stop(LOOP, -1)), -1, (0, 0))
        self._run_on("entry", entry, (0, 0), self._diagrams.true)
        while self._waiting:
            node = self._by_number[heappop(self._waiting)[1]]
            node.waits = False
            if self._has_news(node):
                self._leave(node)
        if not all(map(_is_settled, self._by_number)):
            raise DifferentError("the product does not settle")

    def _run_on(self, edge: Hashable, node: _Node, positions: _Positions, assumed: Term) -> None:
        """Go on to the next stops; note that an edge leads there.

        Args:
            edge: its name.
            node: where both stand.
            positions: where they go on; None for a version that waits.
            assumed: what holds on this edge.
        """
        known = self._start(edge, node, assumed)
        # The new version goes first, so that the old one may load what the new one did.
        ahead = self._next_stop(node, 1, positions[1])
        self._versions[0].shared_loads.most = self._versions[1].shared_loads
        stops = [self._next_stop(node, 0, positions[0]), ahead]
        passed: set[tuple[int, int]] = set()
        while stops[0].kind != stops[1].kind and LOOP in (stops[0].kind, stops[1].kind):
            # The loop of one version may stand elsewhere in the other: go into it.
            which = 0 if stops[0].kind == LOOP else 1
            place = (which, stops[which].position)
            if place in passed or None in positions:
                raise DifferentError("one version may run forever")
            passed.add(place)
            stops[which] = self._versions[which].run_on(stops[which].position + 1)
        if sum(each.executed for each in self._versions) > self._most:
            raise DifferentError("budget: the product does not settle")
        first, second = self._versions
        kinds = {each.kind for each in stops}
        if len(kinds) > 1 and not (self._one_sided and FORK in kinds and kinds <= _WAITING):
            raise DifferentError("control goes different ways")
        if traps_of(first.region) != traps_of(second.region):
            raise DifferentError("they trap under different conditions")
        if self._one_sided:
            for each in self._versions:
                each.narrow(known)
        if kinds == {RETURN}:
            self._compare_ends()
        if kinds <= _LEAVING:
            self._move(edge, None)
            return
        if any(map(is_not, first.state, second.state)):
            raise DifferentError("different states where control forks")
        self._arrive(edge, (stops[0], stops[1]), _latest(assumed, node.held))

    def _start(self, edge: Hashable, node: _Node, assumed: Term) -> Term:
        """Begin a stretch; everything that holds in it."""
        stretch = self._stretches.setdefault(edge, len(self._stretches))
        known = self._with_held(node, assumed)
        for each in self._versions:
            each.start(stretch, known, node.facts)
        return known

    def _with_held(self, node: _Node, assumed: Term) -> Term:
        for condition in node.held:
            assumed = self._diagrams.conjunction(assumed, condition)
        return assumed

    def _next_stop(self, node: _Node, which: int, position: int | None) -> Stop:
        return node.stops[which] if position is None else self._versions[which].run_on(position)

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
        old, node.ways = node.ways, self._ways(node)
        for pair in old:
            if pair not in node.ways:
                self._move((node.number, *pair), None)
        for pair, assumed in node.ways.items():
            self._load(node)
            positions = (self._follow(node, 0, pair[0]), self._follow(node, 1, pair[1]))
            self._run_on((node.number, *pair), node, positions, assumed)

    def _follow(self, node: _Node, which: int, way: int | None) -> int | None:
        """Where a way out of a stop leads one of the versions; None if it waits."""
        stop = node.stops[which]
        if way is None:
            return None
        if stop.kind == LOOP:
            return stop.position + 1
        return self._versions[which].follow(stop.position, way ^ stop.negated)

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

    def _ways(self, node: _Node) -> _Ways:
        """Which ways of the two versions belong together, and under which condition."""
        kinds = [each.kind for each in node.stops]
        if kinds[0] == LOOP:
            return {(0, 0): self._diagrams.true}
        self._load(node)
        if kinds == [TABLE, TABLE]:
            return self._ways_of_tables(node)
        tops = [
            each.stack[-1] for each, kind in zip(self._versions, kinds, strict=True) if kind == FORK
        ]
        holds = [self._diagrams.condition(each) for each in tops]
        conditions = [(each, self._diagrams.negation(each)) for each in holds]
        if len(conditions) == 1:
            which = kinds.index(FORK)
            ways = {_alone(which, way): condition for way, condition in enumerate(conditions[0])}
        else:
            ways = {
                (first, second): self._diagrams.conjunction(
                    conditions[0][first], conditions[1][second]
                )
                for first, second in ((0, 0), (1, 1), (0, 1), (1, 0))
            }
        ways = {
            pair: assumed
            for pair, assumed in ways.items()
            if self._with_held(node, assumed) is not self._diagrams.false
        }
        if self._one_sided and len(conditions) > 1:
            for which in (0, 1):
                steps = self._steps_alone(node, which, ways, conditions[which])
                if steps is not None:
                    return steps
        return ways

    def _ways_of_tables(self, node: _Node) -> _Ways:
        """The ways that two indices take which always differ by the same number."""
        first, second = self._versions
        shift = second.apply("i32.sub", second.stack[-1], first.stack[-1])
        if not is_constant(shift):
            raise DifferentError("control goes different ways")
        by = constant_bits(shift)
        lasts = [
            each.ways(stop.position) - 1
            for each, stop in zip(self._versions, node.stops, strict=True)
        ]
        # The first version's index, wherever one of the tables does not go its last way; and once
        # where both do, as they must for some of the 2**32 indices.
        indices = [*range(lasts[0]), *((each - by) % 2**32 for each in range(lasts[1]))]
        pairs = [(min(each, lasts[0]), min((each + by) % 2**32, lasts[1])) for each in indices]
        return dict.fromkeys([*pairs, (lasts[0], lasts[1])], self._diagrams.true)

    def _steps_alone(
        self, node: _Node, which: int, ways: _Ways, conditions: tuple[Term, Term]
    ) -> _Ways | None:
        """The ways where one version goes alone if its condition leaves open where the other goes;
        None if there are none, or the next stretch alone would be observed.
        """
        result: _Ways = {}
        alone = False
        for way, condition in enumerate(conditions):
            together = {pair: term for pair, term in ways.items() if pair[which] == way}
            if len(together) < 2:
                result |= together
            elif self._stands_still(node, which, way, condition):
                result[_alone(which, way)] = condition
                alone = True
            else:
                return None
        return result if alone else None

    def _stands_still(self, node: _Node, which: int, way: int, condition: Term) -> bool:
        """Whether a version does nothing that is observed up to the next stop, and that is one
        where the other one may wait.
        """
        self._load(node)
        version = self._versions[which]
        state = version.state
        position = self._follow(node, which, way)
        known = self._start((node.number, *_alone(which, way)), node, condition)
        stop = self._next_stop(node, which, position)
        version.narrow(known)
        return (
            stop.kind in _WAITING
            and not traps_of(version.region)
            and not any(map(is_not, version.state, state))
        )


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


def _alone(which: int, way: int) -> _Pair:
    """One version goes a way, the other one waits."""
    return (None, way) if which else (way, None)


def _latest(assumed: Term, held: tuple[Term, ...]) -> tuple[Term, ...]:
    """What holds besides `held` from here on; nothing new where `assumed` is always true."""
    if assumed.op == "true" or assumed in held:
        return held
    return (*held, assumed)[-MAX_HELD:]


def _differ(first: _Row, second: _Row) -> bool:
    return len(first) != len(second) or any(map(is_not, first, second))
