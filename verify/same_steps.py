"""Two versions that run the same instructions on every way, whatever their control looks like.

    A  C  br_if $x  B            A  C  i32.eqz  if  B  end
    if A T else B T end          if A else B end T
    br to a branch               br to where that goes

Both are walked together, from a pair of places to the next.  At a pair, both have the same locals,
the same state and, but for values that nothing takes, the same operand stack; that holds at the
start.  Constructs, their ends and unconditional branches are followed in silence, each on its own;
then both must stand before the same instruction, which keeps the claim, or before forks that say
the same: tests that `i32.eqz` or the opposite comparison turns count as the ones they are turned
from.  Each pair of ways is a pair again; one that was seen before is not walked twice.

Every step from pair to pair runs at least one instruction in both versions that is not silent, and
a silent walk that comes back to where it was goes on forever, which both have to do from the same
pair; so both versions go on forever together, or trap, leave and return together.

A branch throws away what lies between the values it carries and those of its label.  What is left
of the stack is followed as positions in the stack at the last pair.  Between values at the bottom
and values on top that are the same in both, each version may have some of its own: the other has
thrown them away already, or never had them there.  Nothing may take these but a branch that throws
them away:

    A  block  T  return  end             A  block  br 1  end  …  end  T        T runs above A or not

Handlers are not covered: what throws in one would leave on ways that are not walked.  Near-linear:
each pair is walked once, and there are at most `MAX_PAIRS` for each instruction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Final, NamedTuple

from wasmopt.arity import Arities, Arity
from wasmopt.context import Context
from wasmopt.errors import InputError
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.structure import BODY, structure
from wasmopt.validate import LEGACY_EXCEPTIONS

MAX_PAIRS: Final = 4
MAX_SILENT: Final = 40
"""Steps in silence, for each instruction of a body, on average."""

ENDLESS: Final = BODY - 1
"""Stands for the place of a version that runs forever, and does nothing."""
_NOWHERE: Final = (BODY, ENDLESS)
_FORKS: Final = frozenset(["if", "br_if", "br_table"])
_SILENT: Final = frozenset(["block", "loop", "else", "end", "br", "return", "nop"])
_REFUSED: Final = LEGACY_EXCEPTIONS | frozenset(
    ["try_table", "br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail"]
)
OPPOSITE: Final = {
    f"{kind}.{one}": f"{kind}.{other}"
    for kinds, pairs in (
        (("i32", "i64"), (("ne", "eq"), ("ge_s", "lt_s"), ("ge_u", "lt_u"))),
        (("i32", "i64"), (("gt_s", "le_s"), ("gt_u", "le_u"))),
        (("f32", "f64"), (("ne", "eq"),)),
    )
    for kind in kinds
    for one, other in pairs
}
"""Comparisons that hold exactly where others fail, which they count as turned."""
_COMPARISONS: Final = frozenset(OPPOSITE) | frozenset(OPPOSITE.values())

Values = Sequence[int]
"""What lies on the stack, as positions in the stack at the last pair."""


class _DifferentError(Exception):
    """They cannot be told to be the same here."""


class _Stacks(NamedTuple):
    """What lies on both stacks.

    Attributes:
        base: values at the bottom that are the same in both.
        one, other: values above them that only this version has.
        top: values on top that are the same in both.
    """

    base: int
    one: int
    other: int
    top: int

    def first(self) -> Values:
        """The stack of the first version."""
        return self._values(range(-self.one, 0))

    def second(self) -> Values:
        """The stack of the second version; equal numbers stand for equal values."""
        return self._values(range(-self.one - self.other, -self.one))

    def _values(self, own: range) -> Values:
        height = self.base + self.top
        return [*range(self.base), *own, *range(self.base, height)] if own else range(height)

    def behind(self, taken: int, left: int) -> _Stacks:
        """The stacks when both have run the same instruction.

        Raises:
            _DifferentError: it takes values that are not known to be the same.
        """
        if not 0 <= taken <= self.top:
            raise _DifferentError("an instruction takes values that only one version has")
        return self._replace(top=self.top - taken + left)


def _compare(values: Values, others: Values) -> _Stacks:
    """What two stacks have in common at the top and, below, at the bottom."""
    if values is others or list(values) == list(others):
        return _Stacks(0, 0, 0, len(values))
    top = _alike(reversed(values), reversed(others))
    base = _alike(values[: len(values) - top], others[: len(others) - top])
    return _Stacks(base, len(values) - top - base, len(others) - top - base, top)


def _alike(values: Iterable[int], others: Iterable[int]) -> int:
    """How many values are the same before the first that are not."""
    pairs = zip(values, others, strict=False)
    return sum([1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)])


class _Version:
    """One version.

    Attributes:
        bases: for each construct entered so far, how many values lie below its own.
        control: for each place the next one, from there on, at which a straight line ends.
        heights: how many more values straight lines leave than they take, up to each place.
    """

    def __init__(self, function: Function, context: Context) -> None:
        body = self.body = function.body
        arities = self.arities = context.table(Arities)
        self.shape: Final = context.analysis(structure, function)
        self.signatures: Final = context.signatures
        self.results: Final = len(context.signatures.func_type(function.type_index).results)
        self.bases: Final[dict[int, int]] = {BODY: 0}
        stops = {
            instr: instr.name in _FORKS
            or instr.name in _SILENT
            or bool(instr.effects & Effect.UNREACHABLE_AFTER)
            for instr in set(body)
        }
        change = {instr: 0 if stop else _change(arities[instr]) for instr, stop in stops.items()}
        self._silent = MAX_SILENT * len(body)
        self._settled: Final[dict[int, int]] = {}
        """Where silent walks end that leave the stack as it is: each time at the same place, and
        constructs on the way are entered above as many values."""
        self.heights: Final = list(accumulate([change[instr] for instr in body], initial=0))
        self.control: Final = [0] * len(body)
        upcoming = len(body)
        for index in range(len(body) - 1, -1, -1):
            if stops[body[index]]:
                upcoming = index
            self.control[index] = upcoming

    def settle(self, place: int, values: Values) -> tuple[int, Values]:
        """Walk in silence; the next place that is not silent, `BODY` if the function returns.

        It is `ENDLESS` if there is none: control comes twice to the same place, and goes on as
        before.
        """
        body, shape = self.body, self.shape
        walked: list[int] = []
        for _ in range(len(body) + 1):
            if self._silent <= 0:
                raise _DifferentError("too much silence")
            place = self._settled.get(place, place)
            name = body[place].name
            ends = name == "return" or place == len(body) - 1
            if ends or name not in _SILENT:
                self._settled.update(dict.fromkeys(walked, place))
                return (BODY, values[len(values) - self.results :]) if ends else (place, values)
            self._silent -= 1
            walked.append(place)
            if name in ("block", "loop"):
                block_type = self.signatures.block_type(body[place].immediates[0])
                self.bases[place] = len(values) - len(block_type.params)
            elif name == "br":
                place, left = self.go(shape.targets[place][0], values)
                if left is not values:
                    walked, values = [], left
            elif name == "else":
                place = shape.ends[shape.parents[place]]
            if place != len(body) - 1 and (name != "br" or body[place].name == "end"):
                place += 1
        return ENDLESS, ()

    def go(self, target: int, values: Values) -> tuple[int, Values]:
        """Branch to the label of a construct: to its `end`, or to the loop."""
        if target == BODY:
            return len(self.body) - 1, values
        instr = self.body[target]
        block_type = self.signatures.block_type(instr.immediates[0])
        carried = len(block_type.params if instr.name == "loop" else block_type.results)
        base, above = self.bases[target], len(values) - carried
        if above != base:
            values = [*values[:base], *values[above:]]
        return target if instr.name == "loop" else self.shape.ends[target], values

    def ways(self, place: int, values: Values) -> list[tuple[int, Values]]:
        """Where a fork leads: if the condition holds and if not, or the entries of a table."""
        name = self.body[place].name
        values = values[:-1]
        if name == "br_table":
            return [self.go(target, values) for target in self.shape.targets[place]]
        if name == "br_if":
            return [self.go(self.shape.targets[place][0], values), (place + 1, values)]
        block_type = self.signatures.block_type(self.body[place].immediates[0])
        self.bases[place] = len(values) - len(block_type.params)
        clauses = self.shape.dividers.get(place)
        return [
            (place + 1, values),
            (clauses[0] + 1 if clauses else self.shape.ends[place], values),
        ]

    def test(self, place: int) -> tuple[str, bool, int] | None:
        """The test of a fork that is near: its comparison, if there is one here, turned from its
        opposite or not, and the place of the fork.
        """
        body = self.body
        name = body[place].name
        comparison, turned = "", False
        if name in _COMPARISONS:
            comparison, turned = OPPOSITE.get(name, name), name in OPPOSITE
            place += 1
        while body[place].name == "i32.eqz":
            turned = not turned
            place += 1
        return (comparison, turned, place) if body[place].name in ("if", "br_if") else None


def _change(arity: Arity) -> int:
    """How many more values an instruction leaves than it takes."""
    taken, left = arity
    if min(taken, left) < 0:
        raise _DifferentError("an instruction of unknown arity")
    return left - taken


def same_steps(before: Function, after: Function, context: Context) -> bool:
    """Whether the two are proved to do the same; False when this tier cannot tell.

    Both have to be valid.
    """
    if before.type_index != after.type_index or before.locals != after.locals:
        return False
    if any(instr.name in _REFUSED for instr in {*before.body, *after.body}):
        return False
    try:
        _Pairs(_Version(before, context), _Version(after, context)).walk()
    except (_DifferentError, InputError, LookupError, TypeError, ValueError):
        return False
    return True


class _Pairs:
    """The walk."""

    def __init__(self, *versions: _Version) -> None:
        self._first, self._second = versions
        self._budget = MAX_PAIRS * sum([len(each.body) for each in versions])
        self._seen: Final[set[tuple[int, int, _Stacks]]] = set()
        self._waiting: Final[list[tuple[int, int, _Stacks]]] = []

    def walk(self) -> None:
        """Walk all pairs.

        Raises:
            _DifferentError: the versions differ, as far as can be told.
        """
        self._meet((0, range(0)), (0, range(0)))
        while self._waiting:
            self._step(*self._waiting.pop())

    def _meet(self, one: tuple[int, Values], other: tuple[int, Values]) -> None:
        """Both go on from somewhere, with these values on the stack."""
        first, values = self._first.settle(*one)
        second, others = self._second.settle(*other)
        stacks = _compare(values, others)
        if first in _NOWHERE or second in _NOWHERE:
            if first != second or stacks.one or stacks.other:
                raise _DifferentError("only one goes on, or they return different values")
        elif (first, second, stacks) not in self._seen:
            self._seen.add((first, second, stacks))
            self._waiting.append((first, second, stacks))
            self._budget -= 1
            if self._budget < 0:
                raise _DifferentError("too many pairs")

    def _step(self, first: int, second: int, stacks: _Stacks) -> None:
        """Go on from a pair to those behind it."""
        one, other = self._first, self._second
        length = min(one.control[first] - first, other.control[second] - second)
        same = _common(one.body, first, other.body, second, length)
        if same:
            if stacks.one or stacks.other:
                for instr in one.body[first : first + same]:
                    stacks = stacks.behind(*one.arities[instr])
            else:
                change = one.heights[first + same] - one.heights[first]
                stacks = stacks._replace(top=stacks.top + change)
            self._meet((first + same, stacks.first()), (second + same, stacks.second()))
            return
        values, others = stacks.first(), stacks.second()
        instr, twin = one.body[first], other.body[second]
        tests = one.test(first), other.test(second)
        if tests[0] and tests[1]:
            self._fork(tests[0], tests[1], stacks)
        elif instr.name == twin.name == "br_table":
            stacks.behind(1, 0)
            ways, twins = one.ways(first, values), other.ways(second, others)
            for way in range(max(len(ways), len(twins))):
                # Behind its entries a table goes its last way.
                self._meet(ways[min(way, len(ways) - 1)], twins[min(way, len(twins) - 1)])
        elif instr.name in _FORKS and twin.name == "drop":
            stacks.behind(1, 0)
            for each in one.ways(first, values):
                self._meet(each, (second + 1, others[:-1]))
        elif twin.name in _FORKS and instr.name == "drop":
            stacks.behind(1, 0)
            for each in other.ways(second, others):
                self._meet((first + 1, values[:-1]), each)
        elif instr is not twin:
            raise _DifferentError("other instructions")
        else:
            stacks.behind(one.arities[instr][0], 0)

    def _fork(
        self, test: tuple[str, bool, int], twin: tuple[str, bool, int], stacks: _Stacks
    ) -> None:
        """Both test the same, or the opposite."""
        comparison, turned, first = test
        if comparison != twin[0]:
            raise _DifferentError("other tests")
        stacks = stacks.behind(1 + bool(comparison), 1)
        ways = self._first.ways(first, stacks.first())
        others = self._second.ways(twin[2], stacks.second())
        if turned != twin[1]:
            others.reverse()
        for way, other in zip(ways, others, strict=True):
            self._meet(way, other)


def _common(
    one: tuple[Instr, ...], first: int, other: tuple[Instr, ...], second: int, most: int
) -> int:
    """How many instructions from there on are the same, at most `most`."""
    if one[first : first + most] == other[second : second + most]:
        return most
    pairs = zip(one[first : first + most], other[second : second + most], strict=True)
    return next(number for number, (instr, twin) in enumerate(pairs) if instr is not twin)
