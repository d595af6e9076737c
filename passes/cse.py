"""Common subexpressions: what was computed is read from a local, not computed again.

    local.get 0  i32.load offset=8  …  local.get 0  i32.load offset=8
        →  local.get 0  i32.load offset=8  local.tee 1  …  local.get 1
    A  local.set 1  …  A                      →  A  local.set 1  …  local.get 1
    i32.const 305419896  …  (three times)     →  i32.const 305419896  local.tee 1  …  local.get 1

Needs: value numbers, dominance, liveness.  Keeps: every effect; a load is read again only where
nothing may have written, and where the first one did not trap neither would the second.  Costs:
linear walks, and a heap of what could be shared.

A value is shared where that saves bytes, counted exactly: with N computations of `size` bytes,

    (N - 1) * (size - read) - (tee + declaration)

where a read, a tee and a declaration take two bytes as a rule, and a declaration none if the
function declares such a local already or one is free.  Candidates that overlap are weighed
against each other by what they save at that moment, the best first.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.passes.cse_candidates import ENTRY, Candidate, Expressions, Repeat, is_zero
from wasmopt.passes.cse_locals import Home, Locals
from wasmopt.passes.edits import Edits
from wasmopt.types import NUMBER_NAMES, NUMBER_TYPES, ValType


def cse(function: Function, context: Context) -> Function:
    """Share values that are computed more than once."""
    if any(instr.name == "try" for instr in set(function.body)):
        return function
    expressions = Expressions(function, context)
    candidates = expressions.candidates()
    if not candidates:
        return function
    shared = _Sharing(function, context, expressions).run(candidates)
    return shared if shared.entry_size() < function.entry_size() else function


class _Sharing:
    """Chooses among candidates and rewrites the body.

    Attributes:
        gone: 1 for instructions of spans that read a local now.
        reads: 1 where such a span ends.
        leads: 1 for leaders.
        saved: bytes saved by each span in `reads`.
    """

    def __init__(self, function: Function, context: Context, expressions: Expressions) -> None:
        size = len(function.body)
        self.function: Final = function
        self.body: Final = function.body
        self.context: Final = context
        self.expressions: Final = expressions
        self.sizes: Final = expressions.sizes
        self.locals: Final = Locals(function, context)
        self.edits: Final = Edits(function)
        self.gone: Final = bytearray(size)
        self.reads: Final = bytearray(size)
        self.leads: Final = bytearray(size)
        self.saved: Final[dict[int, int]] = {}

    def run(self, candidates: list[Candidate]) -> Function:
        """The function with the candidates that pay, the best first."""
        gains = [(-self.gain(each), place) for place, each in enumerate(candidates)]
        heap = [entry for entry in gains if entry[0] < 0]
        heapify(heap)
        while heap:
            expected, place = heappop(heap)
            gain = self.gain(candidates[place])
            if gain == -expected:
                self.share(candidates[place])
            elif gain > 0:
                heappush(heap, (-gain, place))
        return self.locals.apply(self.edits.apply(), self.context)

    def gain(self, candidate: Candidate) -> int:
        """Bytes that a candidate saves as things are."""
        repeats = self.open_repeats(candidate)
        home = self.home(candidate, repeats)
        if home is None:
            return 0
        read = self.context.pool.make("local.get", home.local).size
        cost = home.cost
        if candidate.held is None:
            constant = self.body[repeats[0].index]
            if candidate.leader != ENTRY:
                cost += read
            elif not is_zero(constant):
                cost += constant.size + read
        return sum([self.size(each) - read for each in repeats]) - cost

    def open_repeats(self, candidate: Candidate) -> list[Repeat]:
        """The repeats that still can read a local."""
        if candidate.leader != ENTRY and self.gone[candidate.leader]:
            return []
        return [
            each
            for each in candidate.repeats
            if not self.gone[each.index] and self.leads.find(1, each.start, each.index + 1) < 0
        ]

    def size(self, repeat: Repeat) -> int:
        """Bytes of a span as it is now."""
        size = self.sizes[repeat.index + 1] - self.sizes[repeat.start]
        index = self.reads.find(1, repeat.start, repeat.index + 1)
        while index >= 0:
            size -= self.saved[index]
            index = self.reads.find(1, index + 1, repeat.index + 1)
        return size

    def home(self, candidate: Candidate, repeats: list[Repeat]) -> Home | None:
        """The local that repeats would read."""
        if not repeats:
            return None
        if candidate.held is not None:
            return self.locals.holding(candidate.held)
        value_type = self.value_type(repeats[0].index)
        if value_type is None:
            return None
        last = len(self.body)
        if candidate.leader != ENTRY:
            last = self.locals.extent(candidate.leader, repeats)
        return self.locals.find(value_type, candidate.leader, last)

    def value_type(self, index: int) -> ValType | None:
        """The type of a computed value, if it is a number."""
        stack = self.expressions.stack
        while self.body[index].name == "select":
            index = stack.producers[stack.operands(index)[0]]
        instr = self.body[index]
        found: ValType | None = None
        if instr.name in ("local.get", "local.tee"):
            found = self.expressions.types[instr.immediates[0]]
        elif instr.name == "global.get":
            found = self.context.signatures.globals[instr.immediates[0]].value
        elif instr.op.results:
            found = NUMBER_TYPES.get(instr.op.results[0])
        return found if found in NUMBER_NAMES else None

    def share(self, candidate: Candidate) -> None:
        """Have the repeats of a candidate read a local."""
        repeats = self.open_repeats(candidate)
        home = self.home(candidate, repeats)
        if home is None:
            return
        make = self.context.pool.make
        if candidate.held is not None:
            self.locals.hold(home)
        else:
            self.locals.take(home)
            constant = self.body[repeats[0].index]
            if candidate.leader != ENTRY:
                self.edits.behind[candidate.leader].append(make("local.tee", home.local))
                self.leads[candidate.leader] = 1
            elif not is_zero(constant):
                self.edits.before[0] += [constant, make("local.set", home.local)]
        read = make("local.get", home.local)
        for each in repeats:
            self.replace(each, read)

    def replace(self, repeat: Repeat, read: Instr) -> None:
        """Have a span read a local."""
        start, index = repeat.start, repeat.index
        saved = self.sizes[index + 1] - self.sizes[start] - read.size
        self.gone[start : index + 1] = b"\1" * (index + 1 - start)
        self.reads[start : index + 1] = bytes(index + 1 - start)
        self.reads[index] = 1
        self.saved[index] = saved
        self.edits.instead.update(dict.fromkeys(range(start, index)))
        self.edits.instead[index] = read


CSE = Pass("cse", "share values that are computed more than once", cse)
