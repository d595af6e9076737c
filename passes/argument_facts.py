"""Which parameters and results nobody needs, and which are always the same constant.

A fact about the whole module, found for all functions at once.  A *place* is a parameter or a
result of a function that is named by nothing but calls.  Where a value goes decides whether its
place is needed, where it comes from whether it is constant:

    parameter  ←  what calls pass         →  what reads the local
    result     ←  what the body returns   →  what takes the result of a call

A value that only goes to places that are not needed is not needed itself, and a parameter that is
passed on is as constant as it is: both are solved for all places together, from the best case
down, so that recursion and chains of functions are seen through.

Costs: one walk over the operand stack of every function, then work on the places alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from wasmopt.context import Context
from wasmopt.effects import is_removable
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.liveness import liveness
from wasmopt.module import Kind, Module
from wasmopt.passes.module_edits import plain_types
from wasmopt.passes.module_uses import count_uses
from wasmopt.stack import Stack, stack
from wasmopt.structure import BODY, structure
from wasmopt.types import F32, F64, I32, I64, V128, FuncType, ValType

PARAM: Final = "param"
RESULT: Final = "result"

Place = tuple[str, int, int]
"""`PARAM` or `RESULT`, index of a function, which of them."""

_GET_SIZE: Final = 2
_DROP_SIZE: Final = 1
_SLOT_SIZE: Final = 2
"""Bytes of the declaration of a parameter that becomes a local, at most."""
_TYPE_SIZE: Final = 3
"""Bytes of a new function type, each parameter and result taking one more."""
_DEFAULTED: Final = frozenset([I32, I64, F32, F64, V128])
_CONSTANTS: Final = frozenset(["i32.const", "i64.const", "f32.const", "f64.const", "v128.const"])
_WRITES: Final = frozenset(["local.set", "local.tee"])


@dataclass(slots=True)
class Facts:
    """What is known of the places.

    Attributes:
        unused: places that nobody needs, in order.
        constants: places that are needed and always the same.
        calls: for each function the calls in it of functions that have such places.
    """

    unused: dict[Place, None] = field(default_factory=dict)
    constants: dict[Place, Instr] = field(default_factory=dict)
    calls: dict[int, list[int]] = field(default_factory=dict)

    def has(self, place: Place) -> bool:
        """Whether a place is not needed."""
        return place in self.unused or place in self.constants


def argument_facts(context: Context) -> Facts:
    """The facts of a module."""
    return _Search(context).facts()


class _Search:
    """The search for them.

    Attributes:
        places: all places, with their types.
        feeds: a value of the first place only goes to the others.
        needed: places with a value that goes somewhere else.
        given: the constants and places that a place gets its values from.
        varying: places that get a value from somewhere else.
        passed: bytes of the code that gives places their values, constants in full, of other code
            what is sure to go; and for results the bytes of `drop`.
        read: how often something takes a value of the place.
        slots: parameters that would have to become locals.
    """

    def __init__(self, context: Context) -> None:
        self.context: Final = context
        self.module: Final[Module] = context.module
        self.imported: Final = len(self.module.imported(Kind.FUNCTION))
        self.called: Final = self._only_called()
        self.places: Final[dict[Place, ValType]] = {}
        self.feeds: Final[defaultdict[Place, dict[Place, None]]] = defaultdict(dict)
        self.needed: Final[dict[Place, None]] = {}
        self.given: Final[defaultdict[Place, dict[Instr | Place, None]]] = defaultdict(dict)
        self.varying: Final[dict[Place, None]] = {}
        self.passed: Final[Counter[Place]] = Counter()
        self.read: Final[Counter[Place]] = Counter()
        self.slots: Final[dict[Place, None]] = {}
        self.calls: Final[dict[int, list[int]]] = {}
        for index in self.called:
            sides = context.signatures.func_type(self._function(index).type_index)
            for side, types in ((PARAM, sides.params), (RESULT, sides.results)):
                for number, value_type in enumerate(types):
                    self.places[side, index, number] = value_type
        for place, value_type in self.places.items():
            if value_type not in _DEFAULTED:
                self.pin(place)
        for index, function in enumerate(self.module.functions, self.imported):
            _Reader(self, index, function).run()

    def _function(self, index: int) -> Function:
        return self.module.functions[index - self.imported]

    def _only_called(self) -> dict[int, None]:
        """The functions that nothing names but calls, each counted."""
        counts = count_uses(self.module, "func")
        calls: Counter[int] = Counter()
        for function in self.module.functions:
            calls.update([i.immediates[0] for i in function.body if i.name == "call"])
        return {
            index: None
            for index in range(self.imported, self.imported + len(self.module.functions))
            if 0 < calls[index] == counts[index]
        }

    def pin(self, place: Place) -> None:
        """Leave a place as it is."""
        self.needed[place] = None
        self.varying[place] = None

    def facts(self) -> Facts:
        """Solve for all places, then again without functions for which it does not pay."""
        types = plain_types(self.module)
        while True:
            found = self._solve()
            losing = self._losing(found, dict(types))
            if not losing:
                return found
            for place in self.places:
                if place[1] in losing:
                    self.pin(place)

    def _solve(self) -> Facts:
        found = Facts(calls=self.calls)
        needed = self._spread(self.needed, _reversed(self.feeds))
        found.unused = {place: None for place in self.places if place not in needed}
        found.constants = self._constants(self.varying, needed)
        return found

    def _losing(self, found: Facts, types: dict[FuncType, int]) -> set[int]:
        """The functions that cost more bytes than they save with what was found."""
        saved: Counter[int] = Counter()
        for place in found.unused:
            saved[place[1]] += self.passed[place] - _SLOT_SIZE * (place in self.slots)
        for place, value in found.constants.items():
            saved[place[1]] += self._saved(place, value)
        losing = set()
        for index in sorted({place[1] for place in [*found.unused, *found.constants]}):
            old = self.context.signatures.func_type(self._function(index).type_index)
            sides = (
                [t for number, t in enumerate(types_) if not found.has((side, index, number))]
                for side, types_ in ((PARAM, old.params), (RESULT, old.results))
            )
            new = FuncType(*map(tuple, sides))
            cost = 0 if new in types else _TYPE_SIZE + len(new.params) + len(new.results)
            if saved[index] > cost:
                types[new] = index
            else:
                losing.add(index)
        return losing

    def _saved(self, place: Place, value: Instr) -> int:
        """Bytes saved without a constant parameter or result."""
        passed, read = self.passed[place], self.read[place]
        if place[0] == RESULT:
            return passed - read * value.size
        return passed - min(read * (value.size - _GET_SIZE), value.size + _GET_SIZE + _SLOT_SIZE)

    def _spread(
        self, start: Iterable[Place], edges: dict[Place, dict[Place, None]]
    ) -> dict[Place, None]:
        reached = dict.fromkeys(start)
        pending = list(reached)
        while pending:
            for following in edges.get(pending.pop(), ()):
                if following not in reached:
                    reached[following] = None
                    pending.append(following)
        return reached

    def _constants(
        self, rejected: Iterable[Place], needed: dict[Place, None]
    ) -> dict[Place, Instr]:
        """The places that hold one constant, taking it that those rejected hold many values."""
        values: dict[Place, Instr] = {}
        varying = dict.fromkeys(rejected)
        pending = [place for place in self.places if place not in varying]
        readers: defaultdict[Place, dict[Place, None]] = defaultdict(dict)
        for place, sources in self.given.items():
            for source in sources:
                if isinstance(source, tuple):
                    readers[source][place] = None
        while pending:
            place = pending.pop()
            if place in varying:
                continue
            value = values.get(place)
            for source in self.given[place]:
                if source in varying:
                    varying[place] = None
                    break
                found = values.get(source) if isinstance(source, tuple) else source
                value = value or found
                if found is not None and found is not value:
                    varying[place] = None
                    break
            if place in varying:
                values.pop(place, None)
                pending += readers[place]
            elif value is not None and place not in values:
                values[place] = value
                pending += readers[place]
        return {
            place: values[place] for place in self.places if place in values and place in needed
        }


def _reversed(edges: dict[Place, dict[Place, None]]) -> dict[Place, dict[Place, None]]:
    found: defaultdict[Place, dict[Place, None]] = defaultdict(dict)
    for source, targets in edges.items():
        for target in targets:
            found[target][source] = None
    return found


class _Reader:
    """Reads one body: where values come from and where they go."""

    def __init__(self, search: _Search, index: int, function: Function) -> None:
        self.search: Final = search
        self.index: Final = index
        self.function: Final = function
        self.body: Final = function.body
        self.params: Final = len(search.context.param_types(function))
        self.is_place: Final = index in search.called
        self.written: Final = {
            i.immediates[0]
            for i in self.body
            if i.name in _WRITES and i.immediates[0] < self.params
        }

    def run(self) -> None:
        """Note all of it."""
        search = self.search
        calls = [
            place
            for place, instr in enumerate(self.body)
            if instr.name == "call" and instr.immediates[0] in search.called
        ]
        search.calls[self.index] = calls
        if not calls and not self.is_place:
            return
        try:
            values = search.context.analysis(stack, self.function)
        except ValidationError:
            self._pin_all(calls)
            return
        for place in calls:
            self._call(place, values)
        if self.is_place:
            self._reads(values)
            self._returns(values)

    def _pin_all(self, calls: list[int]) -> None:
        """Leave everything as it is that this body has to do with."""
        indices = {self.body[place].immediates[0] for place in calls} | {self.index}
        for place in self.search.places:
            if place[1] in indices:
                self.search.pin(place)

    def _places(self, side: str, index: int) -> list[Place]:
        found: list[Place] = []
        while (side, index, len(found)) in self.search.places:
            found.append((side, index, len(found)))
        return found

    def _call(self, at: int, values: Stack) -> None:
        """A call of a function that has places."""
        search = self.search
        callee = self.body[at].immediates[0]
        params, results = self._places(PARAM, callee), self._places(RESULT, callee)
        if values.polymorphic[at]:
            for place in (*params, *results):
                search.pin(place)
            return
        for place, value in zip(params, values.operands(at), strict=True):
            self._source(place, value, values)
        for place, value in zip(results, values.results(at), strict=True):
            if self._use(place, value, values):
                search.read[place] += 1
            else:
                search.passed[place] += _DROP_SIZE

    def _source(self, place: Place, value: int, values: Stack) -> None:
        """A value comes to a place."""
        search = self.search
        producer = values.producers[value]
        instr = self.body[producer]
        if is_removable(instr):
            search.passed[place] += instr.size
        elif instr.name != "local.tee":
            search.passed[place] -= _DROP_SIZE
        if instr.name in _CONSTANTS:
            search.given[place][instr] = None
        elif instr.name == "local.get" and self._own(instr.immediates[0]):
            search.given[place][PARAM, self.index, instr.immediates[0]] = None
        else:
            search.varying[place] = None
        if len(values.results(producer)) != 1:
            search.needed[place] = None

    def _own(self, local: int) -> bool:
        """Whether a local is a parameter that keeps its value."""
        return self.is_place and local < self.params and local not in self.written

    def _use(self, place: Place, value: int, values: Stack) -> bool:
        """A value of a place goes somewhere; whether anything takes it."""
        search = self.search
        consumer = values.consumers[value]
        if consumer < 0:
            search.needed[place] = None
            return True
        instr = self.body[consumer]
        if instr.name == "drop":
            return False
        number = values.operands(consumer).index(value)
        target: Place | None = None
        if instr.name == "call":
            target = (PARAM, instr.immediates[0], number)
        elif instr.name == "return" or consumer == len(self.body) - 1:
            target = (RESULT, self.index, number)
        if target is None or target not in search.places:
            search.needed[place] = None
        else:
            search.feeds[place][target] = None
        return True

    def _reads(self, values: Stack) -> None:
        """What becomes of the parameters."""
        search = self.search
        for local in sorted(self.written):
            place = (PARAM, self.index, local)
            search.varying[place] = None
            search.slots[place] = None
            entry = search.context.analysis(liveness, self.function)
            if entry.live_in[0] & entry.bit_of.get(local, 0):
                search.needed[place] = None
        for at, instr in enumerate(self.body):
            if instr.name == "local.get" and instr.immediates[0] < self.params:
                place = (PARAM, self.index, instr.immediates[0])
                search.read[place] += 1
                if place[2] not in self.written and not values.polymorphic[at]:
                    for value in values.results(at):
                        self._use(place, value, values)
                elif place[2] not in self.written:
                    search.needed[place] = None

    def _returns(self, values: Stack) -> None:
        """Where the results come from."""
        search = self.search
        places = self._places(RESULT, self.index)
        last = len(self.body) - 1
        leaving = [at for at, instr in enumerate(self.body) if instr.name == "return"]
        shape = search.context.analysis(structure, self.function)
        if shape.branches.get(BODY) or any(i.name.startswith("return_") for i in set(self.body)):
            for place in places:
                search.pin(place)
            return
        if not values.polymorphic[last - 1] or self.body[last - 1].name == "end":
            leaving.append(last)
        for at in leaving:
            found = values.operands(at)
            for place, value in zip(places, found, strict=False):
                self._source(place, value, values)
            if len(found) != len(places):
                for place in places:
                    search.pin(place)
