"""Value numbers: values that are surely the same have the same number.

A number stands for an expression over numbers, found again by its key: an instruction that only
computes, with the numbers of its operands and of the state that it reads.  Locals, and globals
that the function names, hold numbers; so do memories, tables and the heap as wholes, which get a
new one with every write.  A memory that threads share has none: no two loads are the same.

One walk over the body in order.  A log of what changed lets the walk go back to the state at an
`if` for its other arm, and to the state at a branch where that is the only way to the end of a
block.  Where several ways meet, all that was written since the first of them parted gets new
numbers, and so does at the start of a loop all that the loop writes.

Subclasses say what they want to know: see `read` and `computed`.  Source for the keys: Briggs,
Cooper and Simpson, "Value numbering" (1997), the hash-based form over dominators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.passes.code_summary import EffectsOf
from wasmopt.stack import Stack, stack
from wasmopt.structure import BODY, BRANCHES, CLOSERS, DIVIDERS, OPENERS, structure
from wasmopt.types import NUMBER_NAMES

Slot = int | str
"""What holds a number: local i, global g as -1 - g, or a component of the state by its name."""

_COMPONENTS: Final = (
    ("memory", Effect.READ_MEMORY, Effect.WRITE_MEMORY),
    ("table", Effect.READ_TABLE, Effect.WRITE_TABLE),
    ("segment", Effect.READ_SEGMENT, Effect.WRITE_SEGMENT),
    ("heap", Effect.READ_HEAP, Effect.WRITE_HEAP),
)
_COMPUTES: Final = Effect.TRAP | sum(read for _, read, _ in _COMPONENTS)
MOST_GLOBALS: Final = 16
"""Globals that are followed: every call forgets them all."""

COMMUTATIVE: Final = frozenset(
    f"{kind}.{name}"
    for kind in ("i32", "i64")
    for name in ("add", "mul", "and", "or", "xor", "eq", "ne")
)


@dataclass(slots=True, eq=False)
class _Construct:
    """An open construct.

    Attributes:
        mark: length of the log where the first way to its end, or to its `else`, parted.
        ways: how many came to its end so far.
        lost: slots written on ways since `mark` whose changes were taken back.
        then: what the first arm changed, if its end was reached.
        exact: whether the state at a way to its end is the one at `mark`.
        is_open: whether the walk has not come to its end.
    """

    opener: int
    mark: int = -1
    ways: int = 0
    lost: set[Slot] = field(default_factory=set)
    then: list[tuple[Slot, int]] | None = None
    exact: bool = True
    is_open: bool = True


class ValueNumbers:
    """The walk.

    Attributes:
        numbers: of each value of `stack`.
        held: the number that each slot holds.
        holders: number -> locals that held it once; ask `held` whether they still do.
        keys: of all numbers that stand for an expression.
        arrives: whether control comes to the end of what was walked over.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self.body: Final = function.body
        self.context: Final = context
        self.shape: Final = context.analysis(structure, function)
        self.stack: Final[Stack] = context.analysis(stack, function)
        self.types: Final = (*context.param_types(function), *function.local_types())
        self.numbers: Final[list[int]] = []
        self.held: Final[dict[Slot, int]] = {}
        self.holders: Final[dict[int, list[int]]] = {}
        self.keys: Final[dict[tuple[object, ...], int]] = {}
        self.arrives = True
        self._effects: Final = context.table(EffectsOf)
        self._arities: Final = context.table(Arities)
        self._is_shared: Final = any(each.shared for each in context.signatures.memories)
        self._count = 0
        self._log: Final[list[tuple[Slot, int]]] = []
        self._open: Final = [_Construct(BODY)]
        self._construct_at: Final = {BODY: self._open[0]}
        self._marked: Final[list[_Construct]] = []
        self._globals: Final = self._mutable_globals()
        self._outside: Final[tuple[Slot, ...]] = (
            *(name for name, _, _ in _COMPONENTS),
            *self._globals,
        )
        self._distinct: Final = {instr: self._kind(instr) for instr in set(self.body)}
        self._written: Final = self._written_in_loops()
        self._begin(len(context.param_types(function)))

    # -- what subclasses want to know ---------------------------------------------------------

    def read(self, index: int) -> None:
        """A reachable `local.get`, or a `global.get` of a global that is followed."""

    def computed(self, index: int, number: int) -> None:
        """A reachable instruction that only computes, its one result known by its key."""

    # -- the walk -----------------------------------------------------------------------------

    def walk(self) -> None:
        """Number all values."""
        distinct, numbers, facts = self._distinct, self.numbers, self.stack
        reachable, keys, held = facts.reachable, self.keys, self.held
        for index, instr in enumerate(self.body):
            handler, reads = distinct[instr]
            if handler is not None:
                if reachable[index] or instr.name in _NESTING:
                    handler(self, index, instr)
            elif reachable[index]:
                operands = [numbers[value] for value in facts.operands(index)]
                if instr.name in COMMUTATIVE:
                    operands.sort()
                key = (instr, *operands, *[held[slot] for slot in reads])
                number = keys.get(key)
                if number is None:
                    number = keys[key] = self.fresh()
                numbers.append(number)
                self.computed(index, number)
                continue
            for _ in range(len(numbers), facts.results(index).stop):
                numbers.append(self.fresh())

    def fresh(self) -> int:
        """A number of its own."""
        self._count += 1
        return self._count

    def hold(self, slot: Slot, number: int) -> None:
        """Have a slot hold another number."""
        self._log.append((slot, self.held[slot]))
        self._remember(slot, number)

    def _remember(self, slot: Slot, number: int) -> None:
        self.held[slot] = number
        if isinstance(slot, int) and slot >= 0:
            self.holders.setdefault(number, []).append(slot)

    def _begin(self, params: int) -> None:
        """What slots hold at first."""
        for local, value_type in enumerate(self.types):
            number = self.fresh()
            if local >= params and value_type in NUMBER_NAMES:
                name = NUMBER_NAMES[value_type]
                zero = self.context.pool.make(f"{name}.const", bytes(16) if name == "v128" else 0)
                number = self.keys.setdefault((zero,), number)
            self.held[local] = number
            self.holders.setdefault(number, []).append(local)
        for slot in self._outside:
            self.held[slot] = self.fresh()

    def _mutable_globals(self) -> tuple[int, ...]:
        """Slots of the globals to be followed."""
        known = self.context.signatures.globals
        named = {i.immediates[0] for i in set(self.body) if i.name in ("global.get", "global.set")}
        slots = tuple(sorted([-1 - index for index in named if known[index].mutable]))
        return slots if len(slots) <= MOST_GLOBALS else ()

    def _kind(self, instr: Instr) -> tuple[_Handler | None, tuple[Slot, ...]]:
        """What handles an instruction; None and the slots it reads if it only computes."""
        handler = _HANDLERS.get(instr.name)
        if handler is not None:
            return handler, ()
        effects = self._effects[instr]
        if effects & Effect.READ_MEMORY and self._is_shared:
            return ValueNumbers._other, ()
        if effects & ~_COMPUTES == 0 and self._arities[instr][1] == 1:
            return None, tuple(name for name, reads, _ in _COMPONENTS if effects & reads)
        if instr.name.startswith("global.") and -1 - instr.immediates[0] in self._globals:
            return ValueNumbers._global, ()
        return ValueNumbers._other, ()

    def _changes(self, instr: Instr) -> tuple[Slot, ...]:
        """The slots besides locals that an instruction may write."""
        effects = self._effects[instr]
        if effects & Effect.CALL:
            return self._outside
        if instr.name == "global.set":
            slot = -1 - instr.immediates[0]
            return (slot,) if slot in self._globals else ()
        return tuple(name for name, _, writes in _COMPONENTS if effects & writes)

    def _written_in_loops(self) -> dict[int, set[Slot]]:
        """For each loop what it writes."""
        slots = {
            instr: (instr.immediates[0],) if instr.name in _WRITES else self._changes(instr)
            for instr in self._distinct
        }
        written: dict[int, set[Slot]] = {}
        around: list[set[Slot]] = [set()]
        for index, instr in enumerate(self.body):
            if slots[instr]:
                around[-1].update(slots[instr])
            elif instr.name == "loop":
                around.append(set())
            elif instr.name == "end":
                opener = self.shape.parents[index]
                if opener != BODY and self.body[opener].name == "loop":
                    written[opener] = around.pop()
                    around[-1] |= written[opener]
        return written

    # -- instructions -------------------------------------------------------------------------

    def _get(self, index: int, instr: Instr) -> None:
        self.numbers.append(self.held[instr.immediates[0]])
        self.read(index)

    def _set(self, index: int, instr: Instr) -> None:
        (local,) = instr.immediates
        (value,) = self.stack.operands(index)
        number = self.numbers[value]
        self.hold(local, number)
        if instr.name == "local.tee":
            self.numbers.append(number)

    def _global(self, index: int, instr: Instr) -> None:
        slot = -1 - instr.immediates[0]
        if instr.name == "global.get":
            self.numbers.append(self.held[slot])
            self.read(index)
        else:
            (value,) = self.stack.operands(index)
            self.hold(slot, self.numbers[value])

    def _other(self, _index: int, instr: Instr) -> None:
        for slot in self._changes(instr):
            self.hold(slot, self.fresh())
        if instr.effects & Effect.UNREACHABLE_AFTER:
            self.arrives = False

    # -- control ------------------------------------------------------------------------------

    def _branch(self, index: int, instr: Instr) -> None:
        for target in dict.fromkeys(self.shape.targets[index]):
            construct = self._construct_at[target]
            if construct.mark < 0:
                construct.mark = len(self._log)
                self._marked.append(construct)
            elif construct.mark < len(self._log):
                construct.exact = False
            construct.ways += 1
        self._other(index, instr)

    def _open_construct(self, index: int, instr: Instr) -> None:
        if instr.name == "try_table" and self.stack.reachable[index]:
            self._branch(index, instr)
            for target in self.shape.targets[index]:
                self._construct_at[target].exact = False
        construct = _Construct(index)
        if instr.name == "if":
            construct.mark = len(self._log)
        elif instr.name == "loop" and index in self.shape.branches:
            for slot in self._written[index]:
                self.hold(slot, self.fresh())
        self._open.append(construct)
        self._construct_at[index] = construct

    def _else(self, index: int, _instr: Instr) -> None:
        construct = self._open[-1]
        changed = self._take_back(construct)
        if self.arrives:
            construct.ways += 1
            construct.then = changed
        self.arrives = bool(self.stack.reachable[index])

    def _close(self, index: int, _instr: Instr) -> None:
        construct = self._open[-1]
        opener = self.body[construct.opener]
        if construct.opener == BODY:
            return
        self._open.pop()
        one_armed = opener.name == "if" and construct.opener not in self.shape.dividers
        ways = construct.ways + self.arrives + one_armed
        if opener.name == "loop" or (self.arrives and ways == 1) or not ways:
            self._pass_on(construct)
        elif ways > 1 or not (construct.exact or construct.then is not None):
            self._meet(construct)
        else:
            self._take_back(construct)
            for slot, number in construct.then or ():
                self.hold(slot, number)
            self._pass_on(construct)
        construct.is_open = False
        while self._marked and not self._marked[-1].is_open:
            self._marked.pop()
        self.arrives = bool(self.stack.reachable[index])

    def _pass_on(self, construct: _Construct) -> None:
        """What was lost in a construct is lost in the one around it."""
        around = self._open[-1]
        if len(around.lost) < len(construct.lost):
            around.lost, construct.lost = construct.lost, around.lost
        around.lost |= construct.lost

    def _take_back(self, construct: _Construct) -> list[tuple[Slot, int]]:
        """Go back to the state at the mark of a construct; what was changed since."""
        slots = {slot for slot, _ in self._log[construct.mark :]}
        changed = [(slot, self.held[slot]) for slot in slots]
        while len(self._log) > construct.mark:
            slot, number = self._log.pop()
            self.held[slot] = number
        construct.lost |= slots
        self._forget_marks()
        return changed

    def _meet(self, construct: _Construct) -> None:
        """Several ways meet: what any of them wrote gets new numbers."""
        before: dict[Slot, int] = {}
        for slot, number in self._log[construct.mark :]:
            before.setdefault(slot, number)
        for slot in construct.lost - before.keys():
            before[slot] = self.held[slot]
        self._log[construct.mark :] = before.items()
        for slot in before:
            self._remember(slot, self.fresh())
        self._forget_marks(construct.mark)

    def _forget_marks(self, length: int | None = None) -> None:
        """The log behind `length`, or its end, is not what it was at marks made there."""
        length = len(self._log) if length is None else length
        for construct in reversed(self._marked):
            if construct.mark <= length:
                break
            construct.mark = length
            construct.exact = False


_Handler = Callable[[ValueNumbers, int, Instr], None]
_WRITES: Final = ("local.set", "local.tee")
_NESTING: Final = OPENERS | DIVIDERS | CLOSERS
_HANDLERS: Final[dict[str, _Handler]] = {
    "local.get": ValueNumbers._get,
    **dict.fromkeys(_WRITES, ValueNumbers._set),
    **dict.fromkeys(BRANCHES, ValueNumbers._branch),
    **dict.fromkeys(OPENERS, ValueNumbers._open_construct),
    **dict.fromkeys(DIVIDERS, ValueNumbers._else),
    **dict.fromkeys(CLOSERS, ValueNumbers._close),
}
