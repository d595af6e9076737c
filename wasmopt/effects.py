"""What code does besides popping and pushing: may it go, may it move.

All of it is read off the effect letters of the opcode table.  Locals have no letters there, since
they belong to the function alone; summaries list them by index.

Source: WebAssembly 3.0, Execution, Instructions (traps and state); assumptions as in the theorem:
running out of stack or of heap is not observed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wasmopt.instr import Instr
from wasmopt.module import Signatures
from wasmopt.opcodes import Effect
from wasmopt.structure import CLOSERS, DIVIDERS, OPENERS

READS: Final = (
    Effect.READ_MEMORY
    | Effect.READ_GLOBAL
    | Effect.READ_TABLE
    | Effect.READ_SEGMENT
    | Effect.READ_HEAP
)
WRITES: Final = (
    Effect.WRITE_MEMORY
    | Effect.WRITE_GLOBAL
    | Effect.WRITE_TABLE
    | Effect.WRITE_SEGMENT
    | Effect.WRITE_HEAP
)
_CONFLICTS: Final = (
    (Effect.WRITE_MEMORY, Effect.READ_MEMORY | Effect.WRITE_MEMORY),
    (Effect.WRITE_GLOBAL, Effect.READ_GLOBAL | Effect.WRITE_GLOBAL),
    (Effect.WRITE_TABLE, Effect.READ_TABLE | Effect.WRITE_TABLE),
    (Effect.WRITE_SEGMENT, Effect.READ_SEGMENT | Effect.WRITE_SEGMENT),
    (Effect.WRITE_HEAP, Effect.READ_HEAP | Effect.WRITE_HEAP),
)
_JUMPS: Final = Effect.BRANCH | Effect.THROW | Effect.UNREACHABLE_AFTER
_OBSERVABLE: Final = Effect.TRAP | Effect.CALL | Effect.ATOMIC | WRITES | _JUMPS
_NOT_A_VALUE: Final = (
    OPENERS | DIVIDERS | CLOSERS | frozenset(["nop", "drop", "local.set", "local.tee"])
)


def is_removable(instr: Instr) -> bool:
    """Whether `instr` only computes its results, so that it can go when nobody wants them.

    True of constants, arithmetic that cannot trap, reads of locals and globals, `memory.size`,
    and allocations whose row has no trap.  Never of loads, divisions, `trunc`, casts and calls.
    """
    return not instr.effects & _OBSERVABLE and instr.name not in _NOT_A_VALUE


def is_pure(instr: Instr, signatures: Signatures) -> bool:
    """Whether the results of `instr` depend on nothing but its operands and immediates.

    Stronger than `is_removable`: twice the same operands give the same results, wherever the two
    stand.  Reads of immutable globals are, reads of locals and new references are not.
    """
    if not is_removable(instr) or instr.name == "local.get":
        return False
    return not _effects(instr, signatures) & (READS | Effect.ALLOCATE)


def _effects(instr: Instr, signatures: Signatures) -> int:
    """The effects of the row, less the read of a global that never changes."""
    if instr.name == "global.get" and not signatures.globals[instr.immediates[0]].mutable:
        return 0
    return instr.effects


@dataclass(frozen=True, slots=True)
class Summary:
    """What a piece of code may do.

    Attributes:
        effects: `Effect` bits; a call reads and writes everything.
        reads, writes: indices of locals.
    """

    effects: int
    reads: frozenset[int]
    writes: frozenset[int]

    def commutes_with(self, other: Summary) -> bool:
        """Whether doing one before the other or after it makes no difference.

        Two pieces that may trap do commute: the state at the trap is the same either way.
        """
        if not self.writes.isdisjoint(other.reads | other.writes):
            return False
        if not other.writes.isdisjoint(self.reads):
            return False
        return not (
            _precludes(self, other)
            or _precludes(other, self)
            or any(
                (self.effects & write and other.effects & access)
                or (other.effects & write and self.effects & access)
                for write, access in _CONFLICTS
            )
        )


def _precludes(first: Summary, second: Summary) -> bool:
    """Whether `first` may keep `second` from happening and somebody could tell."""
    if first.effects & _JUMPS:
        return bool(second.effects & _OBSERVABLE or second.writes)
    if first.effects & Effect.TRAP:
        return bool(second.effects & (_OBSERVABLE & ~Effect.TRAP))
    return False


def summarize(instrs: Iterable[Instr], signatures: Signatures) -> Summary:
    """The effects of a piece of code taken together."""
    effects = 0
    reads: set[int] = set()
    writes: set[int] = set()
    for instr in set(instrs):
        effects |= _effects(instr, signatures)
        if instr.name == "local.get":
            reads.add(instr.immediates[0])
        elif instr.name in ("local.set", "local.tee"):
            writes.add(instr.immediates[0])
    if effects & Effect.CALL:
        effects |= READS | WRITES
    return Summary(effects, frozenset(reads), frozenset(writes))
