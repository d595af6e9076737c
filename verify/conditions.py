"""Conditions and joined values as ordered decision diagrams over interned atoms.

A diagram is a term: a leaf, or `ite(atom, hi, lo)` where `atom` is an i32 term that holds when it
is not zero.  Atoms are ordered by `Term.number`, the newest at the root, and no node has equal
branches, so diagrams are canonical: br_if, if, select and eqz flips that mean the same are the
same term.  Conditions have the leaves true and false; a value at a join has terms as leaves.

Diagrams that would grow past `MAX_DEPTH` or `MAX_NEW_NODES` become one opaque term named by its
inputs, which is a definition, not an assumption: the same inputs give the same name.

Source: Bryant 1986 (ordered diagrams), Fujita et al. 1997 (several terminals).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from wasmopt.opcodes import opcode
from wasmopt.verify.normalise import Normaliser
from wasmopt.verify.terms import BOOL, Arena, Term, is_constant

MAX_DEPTH: Final = 60
"""Tests on one path of a diagram; bounds the recursion over diagrams."""
MAX_NEW_NODES: Final = 300
"""Steps of one operation before it gives up and names its result."""

NAMED_DEPTH: Final = 24
"""Tests on one path above which a guard gets a name before it is narrowed any further."""
MAX_UNFOLDINGS: Final = 8
"""Names that are replaced one after the other in the guard of a join."""

MAX_CASES: Final = 8
"""Cases that one instruction behind a join is looked at in."""
TEST_BITS: Final = 509
"""Bits of the masks of the atoms that a diagram may test; two that share none are independent."""
MAX_SPLITS: Final = 64
"""Tests and cases that joined states are taken apart by."""

_EQZ: Final = opcode("i32.eqz")


class _TooLargeError(Exception):
    pass


class Diagrams:
    """Makes diagrams in one arena.

    Attributes:
        true, false: the constant conditions.
    """

    def __init__(self, arena: Arena, normaliser: Normaliser) -> None:
        self._arena: Final = arena
        self._normaliser: Final = normaliser
        self.true: Final = arena.node("true", BOOL)
        self.false: Final = arena.node("false", BOOL)
        self._steps = 0
        self._memo: dict[tuple[Term, Term, Term], Term] = {}
        self._merges: dict[tuple[tuple[Term, Term], ...], Term | None] = {}
        self._choices: dict[tuple[Term, Term, Term], Term] = {}
        self._joins: dict[tuple[tuple[Term, Term], ...], Term] = {}
        self._names: dict[Term, Term] = {}
        self._tested: dict[Term, int] = {}
        self._unfoldings: dict[Term, Term] = {}
        self._definitions: dict[Term, tuple[str, tuple[Term, ...]]] = {}
        self._conditions: dict[Term, Term] = {}

    def negation(self, condition: Term) -> Term:
        """Not `condition`."""
        return self._choose(condition, self.false, self.true)

    def conjunction(self, left: Term, right: Term) -> Term:
        """`left` and `right`."""
        if left is right or left is self.true:
            return right
        if right is self.true:
            return left
        if left is self.false or right is self.false:
            return self.false
        if left.number > right.number:
            left, right = right, left
        return self._choose(left, right, self.false)

    def disjunction(self, left: Term, right: Term) -> Term:
        """`left` or `right`."""
        if left is right or left is self.false:
            return right
        if right is self.false:
            return left
        if left is self.true or right is self.true:
            return self.true
        if left.number > right.number:
            left, right = right, left
        return self._choose(left, self.true, right)

    def implies(self, left: Term, right: Term) -> bool:
        """Whether `left` is known to imply `right`; False when in doubt."""
        return left is right or self.covers((right,), left)

    def covers(self, guards: Sequence[Term], whole: Term) -> bool:
        """Whether one of `guards` is known to hold wherever `whole` does; False when in doubt.

        Looks for a path on which `whole` holds and no guard does; most often the first one is.
        """
        work = [(whole, tuple(guards))]
        seen: set[tuple[Term, tuple[Term, ...]]] = set()
        while work:
            left, rights = work.pop()
            if left is self.false or self.true in rights or left in rights:
                continue
            rights = tuple([right for right in rights if right is not self.false])
            if not rights or len(seen) > MAX_NEW_NODES:
                return False
            if (left, rights) in seen:
                continue
            seen.add((left, rights))
            atom = _top((left, *rights))
            if atom is None:
                return False
            for branch in (1, 2):
                parts = tuple([_cofactor(right, atom, branch) for right in rights])
                work.append((_cofactor(left, atom, branch), parts))
        return True

    def condition(self, term: Term) -> Term:
        """The condition that the i32 `term` is not zero."""
        known = self._conditions.get(term)
        if known is None:
            self._steps = 0
            try:
                known = self._condition(term, 0)
            except _TooLargeError:
                known = self._atom(term)
            self._conditions[term] = known
        return known

    def define(self, term: Term, op: str, args: tuple[Term, ...]) -> None:
        """Remember that `term` is what the normaliser made of an instruction.

        A test of a disjunction is two tests, but the normaliser may have made a sum of it, and an
        equality of the sum that is zero.
        """
        if op == "i32.eqz" and args[0] not in self._definitions:
            return
        if term.op != op and all(term.number > arg.number for arg in args):
            self._definitions.setdefault(term, (op, args))

    def within(self, guard: Term, condition: Term) -> Term:
        """`guard` and `condition`; a deep guard becomes one atom first, see `unfolded`."""
        if guard.depth > NAMED_DEPTH:
            guard = self._atom(self._arena.node("named", "i32", (guard,)))
        return self.conjunction(guard, condition)

    def unfolded(self, guard: Term) -> Term:
        """`guard` without names of guards where that leaves it small.

        At a join the conditions that were added since the ways parted fall away, and what is left
        should not depend on how many there were.
        """
        for _ in range(MAX_UNFOLDINGS):
            name = self._names.get(guard)
            if name is None:
                break
            unfolded = self._unfolded(guard, name)
            if unfolded.depth > NAMED_DEPTH + 1:
                break
            guard = unfolded
        return guard

    def _unfolded(self, guard: Term, name: Term) -> Term:
        known = self._unfoldings.get(guard)
        if known is None:
            self._steps = 0
            try:
                known = self._replace(guard, name)
            except _TooLargeError:
                known = guard
            self._unfoldings[guard] = known
        return known

    def _replace(self, term: Term, name: Term) -> Term:
        """The diagram with the condition that `name` stands for in its place."""
        if not term.depth or term.args[0].number < name.number:
            return term
        self._steps += 1
        if self._steps > MAX_NEW_NODES:
            raise _TooLargeError
        atom, high, low = term.args
        if atom is name:
            return self._ite(name.args[0], high, low)
        # What replaces the name is older than `atom`, so the order of tests stays.
        return self._node(atom, self._replace(high, name), self._replace(low, name))

    def select(self, condition: Term, first: Term, second: Term) -> Term:
        """`first` where `condition` holds, else `second`."""
        return self.merge([(condition, first), (self.negation(condition), second)])

    def merge(self, edges: Sequence[tuple[Term, Term]]) -> Term:
        """The value at a join: each edge's value where its guard holds.

        What happens where no guard holds does not matter, and the diagram is simplified by that.
        Guards must exclude each other.
        """
        guards: dict[Term, Term] = {}
        for guard, value in edges:
            known = guards.get(value)
            guards[value] = guard if known is None else self.disjunction(known, guard)
        if len(guards) == 1:
            return next(iter(guards))
        pairs = tuple([(guard, value) for value, guard in guards.items()])
        known = self._joins.get(pairs)
        if known is None:
            known = self._joins[pairs] = self._join(pairs)
        return known

    def _join(self, pairs: tuple[tuple[Term, Term], ...]) -> Term:
        self._steps = 0
        try:
            views = tuple([(guard, self._view(value)) for guard, value in pairs])
            merged = self._merge(views)
        except _TooLargeError:
            flat = tuple([term for pair in pairs for term in pair])
            return self._arena.node("merge", pairs[0][1].sort, flat)
        # No guard holds anywhere: the join is never reached and any value will do.
        return pairs[0][1] if merged is None else self._unview(merged)

    def split(self, args: tuple[Term, ...], make: Callable[[tuple[Term, ...]], Term]) -> Term:
        """`make` of the arguments, case by case where they are diagrams.

        Where there are more than `MAX_CASES` cases it is made of the arguments as they are.
        """
        if all(term.depth == 0 for term in args):
            return make(args)
        # From the leaves up, without recursion: parts are entered once and come back when done.
        results: dict[tuple[Term, ...], Term] = {}
        tests: dict[tuple[Term, ...], tuple[Term, tuple[Term, ...], tuple[Term, ...]]] = {}
        cases = 0
        work = [args]
        while work:
            parts = work[-1]
            if parts in results:
                work.pop()
            elif parts in tests:
                atom, high, low = tests[parts]
                condition = self.condition(atom)
                results[parts] = self.select(condition, results[high], results[low])
            else:
                top = _top(parts)
                if top is None:
                    cases += 1
                    results[parts] = make(parts)
                    if cases > MAX_CASES:
                        return make(args)
                else:
                    high, low = [
                        tuple([_cofactor(term, top, branch) for term in parts]) for branch in (1, 2)
                    ]
                    if len(tests) == MAX_SPLITS:
                        return make(args)
                    tests[parts] = top, high, low
                    work += [high, low]
        return results[args]

    def narrowed(self, term: Term, known: Term) -> Term:
        """What `term` is where `known` holds, without the tests at its root that this decides."""
        while term.depth:
            atom, high, low = term.args
            holds = self._atom(atom)
            if self.conjunction(known, holds) is self.false:
                term = low
            elif self.conjunction(known, self.negation(holds)) is self.false:
                term = high
            else:
                break
        if term.sort == "i32" and term.ones == 1:
            condition = self.condition(term)
            if self.conjunction(known, condition) is self.false:
                return self._arena.constant("i32", 0)
            if self.conjunction(known, self.negation(condition)) is self.false:
                return self._arena.constant("i32", 1)
        return term

    def leaves(self, args: tuple[Term, ...], condition: Term) -> dict[tuple[Term, ...], Term]:
        """The cases of the arguments, each with the condition under which it is reached.

        One case, the arguments as they are, where there are more than `MAX_CASES` or it would
        take more than `MAX_SPLITS` tests.
        """
        reached: dict[tuple[Term, ...], Term] = {}
        work = {args: condition}
        for _ in range(MAX_SPLITS):
            # The topmost test first: what several ways lead to is then taken apart once.
            parts = max(work, key=_top_number)
            under = work.pop(parts)
            atom = _top(parts)
            if atom is None:
                reached[parts] = under
                if len(reached) > MAX_CASES:
                    break
            else:
                holds = self._atom(atom)
                for branch, test in ((1, holds), (2, self.negation(holds))):
                    way = self.conjunction(under, test)
                    if way is not self.false:
                        part = tuple([_cofactor(term, atom, branch) for term in parts])
                        work[part] = self.disjunction(work.get(part, self.false), way)
            if not work:
                return reached
        return {args: condition}

    def _atom(self, term: Term) -> Term:
        return self._node(term, self.true, self.false)

    def _node(self, atom: Term, high: Term, low: Term) -> Term:
        if high is low:
            return high
        depth = 1 + max(high.depth, low.depth)
        if depth > MAX_DEPTH:
            raise _TooLargeError
        term = self._arena.node("ite", high.sort, (atom, high, low))
        if term.depth == 0:
            term.depth = depth
            term.ones = high.ones | low.ones
            names = [self._names[part] for part in (high, low) if part in self._names]
            if atom.op == "named":
                names.append(atom)
            if names:
                self._names[term] = max(names, key=_number)
            tested = self._tested
            tested[term] = 1 << atom.number % TEST_BITS | tested.get(high, 0) | tested.get(low, 0)
        return term

    def _condition(self, term: Term, depth: int) -> Term:
        if depth > MAX_DEPTH:
            raise _TooLargeError
        if is_constant(term):
            return self.false if term.payload == 0 else self.true
        op, args = self._definitions.get(term, (term.op, term.args))
        match op:
            case "i32.eqz":
                return self._ite(self._condition(args[0], depth + 1), self.false, self.true)
            case "i32.or":
                left = self._condition(args[0], depth + 1)
                return self._ite(left, self.true, self._condition(args[1], depth + 1))
            case "i32.and" if args[0].ones == 1 and args[1].ones == 1:
                left = self._condition(args[0], depth + 1)
                return self._ite(left, self._condition(args[1], depth + 1), self.false)
            case "i32.xor" if args[0].ones == 1 and args[1].ones == 1:
                left = self._condition(args[0], depth + 1)
                right = self._condition(args[1], depth + 1)
                return self._ite(left, self._ite(right, self.false, self.true), right)
            case "ite":
                high = self._condition(args[1], depth + 1)
                low = self._condition(args[2], depth + 1)
                return self._ite(self._atom(args[0]), high, low)
        if term.ones == 1:
            return self._atom(term)
        is_zero = self._normaliser.apply(_EQZ, [term])
        if is_zero.op == _EQZ.mnemonic and is_zero.args[0] is term:
            return self._atom(term)
        # "is zero" has a form of its own, as a difference that is zero is an equality
        return self._ite(self._condition(is_zero, depth + 1), self.false, self.true)

    def _choose(self, condition: Term, high: Term, low: Term) -> Term:
        """`_ite` on conditions, with an opaque atom when that grows too large.

        Remembered, so that both versions give up on the same operations, however much of the
        work one of them left behind for the other.
        """
        key = (condition, high, low)
        known = self._choices.get(key)
        if known is None:
            self._steps = 0
            try:
                known = self._ite(condition, high, low)
            except _TooLargeError:
                known = self._atom(self._arena.node("choose", "i32", key))
            self._choices[key] = known
        return known

    def _ite(self, condition: Term, high: Term, low: Term) -> Term:
        if condition is self.true or high is low:
            return high
        if condition is self.false:
            return low
        key = (condition, high, low)
        known = self._memo.get(key)
        if known is not None:
            return known
        self._steps += 1
        if self._steps > MAX_NEW_NODES:
            raise _TooLargeError
        atom = condition.args[0]
        for other in (high, low):
            if other.depth and other.args[0].number > atom.number:
                atom = other.args[0]
        result = self._node(
            atom,
            self._ite(*[_cofactor(term, atom, 1) for term in key]),
            self._ite(*[_cofactor(term, atom, 2) for term in key]),
        )
        self._memo[key] = result
        return result

    def _merge(self, edges: tuple[tuple[Term, Term], ...]) -> Term | None:
        """The merged diagram; None where no guard holds."""
        edges = tuple([edge for edge in edges if edge[0] is not self.false])
        if not edges:
            return None
        for guard, value in edges:
            if guard is self.true:
                if value.depth == 0:
                    return value
                edges = ((guard, value),)
                break
        if len(edges) == 1:
            guard, value = edges[0]
            if not self._tested.get(guard, 0) & self._tested.get(value, 0):
                return value  # what is known here says nothing about it
        known = self._merges.get(edges, self.true)
        if known is not self.true:
            return known
        self._steps += len(edges)
        if self._steps > MAX_NEW_NODES:
            raise _TooLargeError
        atom = max(
            [term.args[0] for edge in edges for term in edge if term.depth],
            key=lambda term: term.number,
        )
        high = self._merge(tuple([_cofactors(edge, atom, 1) for edge in edges]))
        low = self._merge(tuple([_cofactors(edge, atom, 2) for edge in edges]))
        if high is None or low is None:
            result = low if high is None else high
        else:
            result = self._node(atom, high, low)
        self._merges[edges] = result
        return result

    def _view(self, value: Term) -> Term:
        """A 0/1 value as a diagram with constant leaves; anything else as it is."""
        if value.sort != "i32" or value.ones != 1 or value.depth or is_constant(value):
            return value
        one, zero = self._arena.constant("i32", 1), self._arena.constant("i32", 0)
        return self._ite(self._condition(value, 0), one, zero)

    def _unview(self, value: Term) -> Term:
        """Undo `_view` where the diagram tests one 0/1 atom."""
        if value.depth == 1 and value.sort == "i32" and value.args[0].ones == 1:
            one, zero = self._arena.constant("i32", 1), self._arena.constant("i32", 0)
            if value.args[1] is one and value.args[2] is zero:
                return value.args[0]
            if value.args[1] is zero and value.args[2] is one:
                return self._normaliser.apply(_EQZ, [value.args[0]])
        return value


def _top(terms: tuple[Term, ...]) -> Term | None:
    """The atom that diagrams test first, the newest one; None if there are only leaves.

    A guard grows by the newest condition, which is one node on top then, and a join of two ways
    takes it off again.
    """
    tops = [term.args[0] for term in terms if term.depth]
    return max(tops, key=_number) if tops else None


def _top_number(terms: tuple[Term, ...]) -> int:
    atom = _top(terms)
    return -1 if atom is None else atom.number


def _number(term: Term) -> int:
    return term.number


def _cofactor(term: Term, atom: Term, branch: int) -> Term:
    """The diagram where `atom` is known: branch 1 where it holds, 2 where it does not."""
    return term.args[branch] if term.depth and term.args[0] is atom else term


def _cofactors(edge: tuple[Term, Term], atom: Term, branch: int) -> tuple[Term, Term]:
    return _cofactor(edge[0], atom, branch), _cofactor(edge[1], atom, branch)
