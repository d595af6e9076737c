"""All bodies of a module one after the other, as outlining reads them.

Each instruction is a token, a number that equal instructions share.  Accesses to locals are
tokens of their kind and type only: which local is meant is told by where it was named before, so
that runs which differ in the numbers of their locals alone look the same (Baker 1993, "A theory
of parameterized pattern matching").  `BARRIER` stands for what cannot move to another function:
what leaves the function, what may throw within reach of a handler, what control never reaches,
and locals that have to be written before they are read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.liveness import Liveness, liveness
from wasmopt.module import Module
from wasmopt.opcodes import Effect
from wasmopt.passes.value_types import value_types
from wasmopt.stack import stack
from wasmopt.structure import BODY, OPENERS, structure
from wasmopt.types import F32, F64, I32, I64, ValType, is_defaultable
from wasmopt.validate import legacy_exceptions

BARRIER: Final = -1
NOWHERE: Final = -1
"""Stands for a local where none is named, and for the place of an access that there is not."""
KINDS: Final = {"local.get": 0, "local.set": 1, "local.tee": 2}
CONSTANTS: Final = {"i32.const": I32, "i64.const": I64, "f32.const": F32, "f64.const": F64}
_LEAVES: Final = frozenset(["return", "return_call", "return_call_indirect", "return_call_ref"])
_THROWS: Final = Effect.CALL | Effect.THROW
_UNTYPED: Final = frozenset(["drop", "select"])

Key = tuple[Instr | str, ValType | None]
"""What a token stands for: an instruction, or just its name, and the type of what it moves."""


@dataclass(slots=True)
class Text:
    """The bodies; places are counted through all of them.

    Attributes:
        earlier: of the module before some bodies were changed, so that only these are read.
        starts: where each body starts.
        code: the instructions.
        tokens: their tokens.
        kinds: the same, but a constant is just any one of its type.
        keys: what each token stands for.
        locals: the local that is named.
        previous, following: the last access before, and the next one behind, to the same local
            of the same function.
        heights: how many values are on the operand stack before the instruction.
        pops: how many of them it takes.
        sizes: bytes of all code before the instruction.
        looped: 1 inside of a loop.
    """

    module: Module
    context: Context
    earlier: InitVar[Text | None] = None
    starts: list[int] = field(default_factory=list)
    code: list[Instr] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    locals: list[int] = field(default_factory=list)
    previous: list[int] = field(default_factory=list)
    following: list[int] = field(default_factory=list)
    heights: list[int] = field(default_factory=list)
    pops: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    looped: bytearray = field(default_factory=bytearray)
    _numbers: dict[Key, int] = field(default_factory=dict)
    _plain: dict[Instr, int] = field(default_factory=dict)
    _liveness: dict[int, Liveness] = field(default_factory=dict)
    _block_ends: list[int] = field(default_factory=list)
    _read_again: bytearray = field(default_factory=bytearray)

    def __post_init__(self, earlier: Text | None) -> None:
        known: Sequence[Function] = ()
        if earlier is not None:
            known = earlier.module.functions
            self.keys, self._numbers, self._plain = earlier.keys, earlier._numbers, earlier._plain
        legacy = legacy_exceptions(self.module)
        for position, function in enumerate(self.module.functions):
            self.starts.append(len(self.code))
            if earlier is not None and position < len(known) and known[position] is function:
                self._copy(earlier, position)
            else:
                self._append(function, readable=not legacy or legacy.isdisjoint(function.body))
        constants = {
            number: self._number(what.name, CONSTANTS[what.name])
            for number, (what, _) in enumerate(list(self.keys))
            if isinstance(what, Instr) and what.name in CONSTANTS
        }
        self.kinds += [constants.get(token, token) for token in self.tokens]
        self.sizes += accumulate([instr.size for instr in self.code], initial=0)
        self._block_ends = [NOWHERE] * len(self.code)
        self._read_again = bytearray(len(self.code))

    def function_at(self, place: int) -> int:
        """The position, among defined functions, of the body that `place` lies in."""
        return bisect_right(self.starts, place) - 1

    def type_at(self, place: int) -> ValType:
        """The type of the local that is named at `place`, or of the constant there."""
        value_type = self.keys[self.kinds[place]][1]
        assert value_type is not None
        return value_type

    def is_live(self, access: int, end: int) -> bool:
        """Whether a local is read behind the run up to `end`, in which `access` is its last."""
        block_end = self._block_ends[end - 1]
        if block_end == NOWHERE:
            self._find_live(self.function_at(access))
            block_end = self._block_ends[end - 1]
        if block_end == self._block_ends[access]:
            return bool(self._read_again[access])
        return self._is_read(access, self.function_at(access), block_end)

    def _find_live(self, position: int) -> None:
        """Note for each access in a body whether its local is read behind it."""
        start = self.starts[position]
        facts = self._liveness.get(position)
        if facts is None:
            facts = liveness(self.module.functions[position], self.context)
            self._liveness[position] = facts
        blocks = facts.flow.starts
        for begin, end in pairwise([start + each for each in blocks]):
            self._block_ends[begin:end] = [end] * (end - begin)
            for place in range(begin, end):
                if self.locals[place] != NOWHERE:
                    self._read_again[place] = self._is_read(place, position, end)

    def _is_read(self, access: int, position: int, block_end: int) -> bool:
        """Whether a local is read between an access and its next write, whose value at the end of
        a block is that of the access, if there is no other before.
        """
        following = self.following[access]
        if following != NOWHERE and following < block_end:
            return self.code[following].name == "local.get"
        facts = self._liveness[position]
        node = bisect_left(facts.flow.starts, block_end - self.starts[position]) - 1
        return bool(facts.live_out[node] & facts.bit_of.get(self.locals[access], 0))

    def _number(self, what: Instr | str, value_type: ValType | None) -> int:
        """The token for an instruction, or for all of one name, that moves a value of a type."""
        key = (what, value_type)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return number

    def _copy(self, earlier: Text, position: int) -> None:
        """Take over what was read of a body."""
        base, start = len(self.code), earlier.starts[position]
        end = start + len(earlier.module.functions[position].body)
        self.code += earlier.code[start:end]
        self.tokens += earlier.tokens[start:end]
        self.locals += earlier.locals[start:end]
        self.heights += earlier.heights[start:end]
        self.pops += earlier.pops[start:end]
        self.looped += earlier.looped[start:end]
        moved = base - start
        self.previous += [_moved(each, moved) for each in earlier.previous[start:end]]
        self.following += [_moved(each, moved) for each in earlier.following[start:end]]
        if position in earlier._liveness:
            self._liveness[position] = earlier._liveness[position]

    def _append(self, function: Function, *, readable: bool) -> None:
        body = function.body
        base, size = len(self.code), len(body)
        self.code += body
        for places in (self.locals, self.previous, self.following):
            places.extend([NOWHERE] * size)
        if readable:
            self._read(function, base)
        else:
            self.tokens += [BARRIER] * size
            self.looped += bytes(size)
            for counts in (self.heights, self.pops):
                counts.extend([0] * size)

    def _read(self, function: Function, base: int) -> None:
        context = self.context
        facts = context.analysis(stack, function)
        parents = context.analysis(structure, function).parents
        types: list[ValType | None] = []
        local_types = [*context.param_types(function), *function.local_types()]
        last: dict[int, int] = {}
        looped = {BODY: 0}
        caught = {BODY: False}
        tokens = [BARRIER] * len(parents)
        plain = self._plain
        for index, instr in enumerate(function.body):
            token = plain.get(instr)
            if token is not None:
                tokens[index] = token
                continue
            name, parent = instr.name, parents[index]
            if name in OPENERS:
                looped[index] = 1 if name == "loop" else looped[parent]
                caught[index] = name == "try_table" or caught[parent]
            if not facts.reachable[index] or facts.polymorphic[index] or name in _LEAVES:
                continue
            if name in KINDS:
                local, place = instr.immediates[0], base + index
                if is_defaultable(local_types[local]):
                    tokens[index] = self._number(name, local_types[local])
                self.locals[place] = local
                if local in last:
                    self.previous[place] = last[local]
                    self.following[last[local]] = place
                last[local] = place
            elif name in _UNTYPED:
                types = types or value_types(function, context)
                tokens[index] = self._number(instr, types[facts.operands(index)[0]])
            elif not (caught[parent] and instr.effects & _THROWS):
                tokens[index] = token = self._number(instr, None)
                if name not in OPENERS and not instr.effects & _THROWS:
                    plain[instr] = token
        if 0 in facts.reachable or 1 in facts.polymorphic:
            for index, reached in enumerate(facts.reachable):
                if not reached or facts.polymorphic[index]:
                    tokens[index] = BARRIER
        tokens[-1] = BARRIER
        self.tokens += tokens
        self.looped += bytes([looped[parent] for parent in parents])
        self.pops += facts.counts()
        self.heights += facts.heights


def _moved(place: int, distance: int) -> int:
    return NOWHERE if place == NOWHERE else place + distance
