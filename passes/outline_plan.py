"""What a repeated run becomes as a function: its signature, its body, and what each call costs.

    operands on the stack, then locals that the run reads   →  parameters
    values left on the stack, then locals read behind it    →  results
    other locals that the run writes                        →  locals of the function

All occurrences of a run are alike but for the numbers of their locals and for which of the locals
they write are read again; so a plan is made from the first, and only that is asked of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.function import Function, LocalGroups, group_locals, locals_size
from wasmopt.instr import Instr
from wasmopt.passes.outline_text import KINDS, NOWHERE, Text
from wasmopt.passes.value_types import OperandTypes, ResultTypes, Types
from wasmopt.reader import unsigned_leb_size
from wasmopt.structure import CLOSERS, DIVIDERS, OPENERS
from wasmopt.types import I32, NUMBER_NAMES, FuncType, ValType

_ACCESS_SIZE: Final = 2
"""Bytes of an access to one of the first 128 locals."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run, seen at one place where it occurs; offsets count from there.

    Attributes:
        start, length: where it is.
        operands: types of what it takes from the stack, the deepest first.
        outputs: types of what it leaves there.
        params: offset of the first access to each local whose value it may read, and of each
            constant that differs from place to place, in order.
        others: likewise of the locals that it never reads before it has written them.
        hidden: those of them that it may leave alone: to return one, it has to be handed it.
        size: bytes, with its locals renumbered.
    """

    start: int
    length: int
    operands: tuple[ValType, ...]
    outputs: tuple[ValType, ...]
    params: tuple[int, ...]
    others: tuple[int, ...]
    hidden: frozenset[int]
    size: int


def written_locals(text: Text, start: int, length: int) -> dict[int, int]:
    """The locals that a run writes: offset of the first access -> offset of the last one."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    written: set[int] = set()
    for offset, local in enumerate(text.locals[start : start + length]):
        if local != NOWHERE:
            last[first.setdefault(local, offset)] = offset
            if text.code[start + offset].name != "local.get":
                written.add(local)
    return {begin: last[begin] for local, begin in first.items() if local in written}


def run_at(text: Text, start: int, length: int, varied: Collection[int] = ()) -> Run | None:
    """The run at a place; None if it passes references on the stack.

    Args:
        text: the code.
        start: where the run starts.
        length: how many instructions it has.
        varied: offsets of the constants that become parameters.
    """
    first: dict[int, int] = {}
    home: dict[int, int] = {}
    arms = [_WHOLE]
    spare = 0
    values = _StackTypes(text)
    for offset in range(length):
        instr = text.code[start + offset]
        if len(arms) == 1 and not values.step(start + offset):
            return None
        if instr.name in OPENERS:
            arms.append(offset)
        elif instr.name in DIVIDERS:
            arms[-1] = offset
        elif instr.name in CLOSERS:
            arms.pop()
        elif offset in varied:
            spare += instr.size - _ACCESS_SIZE
        elif instr.name in KINDS:
            local = instr.immediates[0]
            writes = instr.name != "local.get"
            if local not in first:
                first[local] = offset
                if writes:
                    home[offset] = arms[-1]
            begin = first[local]
            if begin in home and home[begin] not in arms:
                del home[begin]  # perhaps the write did not happen
            spare += instr.size - _ACCESS_SIZE
    if not all(each in NUMBER_NAMES for each in (*values.taken, *values.left)):
        return None
    return Run(
        start,
        length,
        tuple([each for each in reversed(values.taken) if each is not None]),
        tuple([each for each in values.left if each is not None]),
        tuple(sorted([*varied, *[each for each in first.values() if each not in home]])),
        tuple(home),
        frozenset([each for each, arm in home.items() if arm != _WHOLE]),
        text.sizes[start + length] - text.sizes[start] - spare,
    )


_WHOLE: Final = -1
"""The run itself, as one of the arms of constructs that instructions stand in."""


class _StackTypes:
    """The operand stack of a run, by types.

    Attributes:
        taken: what was there before, in the order of being taken.
        left: what the run has put there.
    """

    def __init__(self, text: Text) -> None:
        self._text: Final = text
        self._operands: Final = text.context.table(OperandTypes)
        self._results: Final = text.context.table(ResultTypes)
        self.taken: Final[list[ValType | None]] = []
        self.left: Final[list[ValType | None]] = []

    def step(self, place: int) -> bool:
        """Go over an instruction, or a whole construct at its opener; False for unknown types."""
        instr = self._text.code[place]
        if instr.name in OPENERS:
            block_type = self._text.context.signatures.block_type(instr.immediates[0])
            condition = (I32,) if instr.name == "if" else ()
            operands: Types | None = (*block_type.params, *condition)
            results: Types | None = block_type.results
        elif instr.name in _BY_TOKEN:
            value_type = self._text.keys[self._text.tokens[place]][1]
            takes, gives = _BY_TOKEN[instr.name]
            operands = (value_type,) * takes
            results = (value_type,) * gives
            if instr.name == "select":
                operands = (*operands, I32)
        else:
            operands, results = self._operands[instr], self._results[instr]
        if operands is None or results is None:
            return False
        for each in reversed(operands):
            if self.left:
                self.left.pop()
            else:
                self.taken.append(each)
        self.left.extend(results)
        return True


_BY_TOKEN: Final = {
    "local.get": (0, 1),
    "local.set": (1, 0),
    "local.tee": (1, 1),
    "drop": (1, 0),
    "select": (2, 1),
}
"""Instructions whose token names the one type of their operands and results: how many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A function for a run.

    Attributes:
        run: what it does.
        params: as in `Run`, what is handed over behind the operands.
        others: as in `Run`, its own locals.
        results: offsets, as in `written_locals`, of the locals whose values it returns.
        type: its signature.
        locals: what it declares.
    """

    run: Run
    params: tuple[int, ...]
    others: tuple[int, ...]
    results: tuple[int, ...]
    type: FuncType
    locals: LocalGroups

    def entry_size(self) -> int:
        """Bytes of the function in the code section."""
        gets = len(self.run.operands) + len(self.results)
        size = locals_size(self.locals) + self.run.size + _ACCESS_SIZE * gets + 1
        return unsigned_leb_size(size) + size

    def site_size(self, text: Text, start: int, index: int) -> int:
        """Bytes that stand in place of the run at `start` when the function has that index.

        Every access to one local takes as many.
        """
        size = 1 + unsigned_leb_size(index)
        for offset in (*self.params, *self.results):
            size += text.code[start + offset].size
        return size

    def site(self, text: Text, start: int, call: Instr) -> list[Instr]:
        """What stands in place of the run at `start`."""
        make = text.module.pool.make
        gets: list[Instr] = []
        for offset in self.params:
            local = text.locals[start + offset]
            is_constant = local == NOWHERE
            gets.append(text.code[start + offset] if is_constant else make("local.get", local))
        sets = [make("local.set", text.locals[start + offset]) for offset in self.results]
        return [*gets, call, *reversed(sets)]

    def function(self, text: Text, type_index: int) -> Function:
        """The function itself."""
        run, make = self.run, text.module.pool.make
        operands = range(len(run.operands))
        place_of = {
            offset: len(operands) + place
            for place, offset in enumerate((*self.params, *self.others))
        }
        number_of = {text.locals[run.start + offset]: place for offset, place in place_of.items()}
        body = [make("local.get", place) for place in operands]
        for offset in range(run.length):
            instr = text.code[run.start + offset]
            local = text.locals[run.start + offset]
            if local != NOWHERE:
                instr = make(instr.name, number_of[local])
            elif offset in place_of:
                instr = make("local.get", place_of[offset])
            body.append(instr)
        body += [make("local.get", place_of[offset]) for offset in self.results]
        body.append(make("end"))
        return Function(type_index, self.locals, tuple(body))


def plan(text: Text, run: Run, results: Sequence[int]) -> Plan:
    """The function for a run that returns those of its locals."""

    def types(offsets: Sequence[int]) -> tuple[ValType, ...]:
        return tuple([text.type_at(run.start + offset) for offset in offsets])

    handed = run.hidden.intersection(results)
    params = tuple(sorted({*run.params, *handed}))
    kept = [offset for offset in run.others if offset not in handed]
    others = tuple(sorted(kept, key=lambda offset: text.type_at(run.start + offset)))
    signature = FuncType(run.operands + types(params), run.outputs + types(results))
    return Plan(run, params, others, tuple(results), signature, group_locals(types(others)))
