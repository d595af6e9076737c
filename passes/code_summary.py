"""What pieces of code do, for passes that move them: effects and locals as bits.

The core's `effects` says which effects commute; this adds what is cheap enough to be asked for
every `local.set` of a large function: locals as bits of an integer, one verdict for each pair of
effects, and spans that are walked over once however deep they nest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from wasmopt.context import Context
from wasmopt.effects import READS, Summary, summarize
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.structure import structure

SILENT: Final = READS | Effect.ALLOCATE
"""Effects of code that nobody misses if it does not run and nobody needs its results."""
_JUMPS: Final = Effect.BRANCH | Effect.UNREACHABLE_AFTER
_NONE: Final[frozenset[int]] = frozenset()


class Piece(NamedTuple):
    """What a piece of code may do: `Effect` bits, and locals as bits `1 << local`."""

    effects: int = 0
    reads: int = 0
    writes: int = 0

    @property
    def silent(self) -> bool:
        """Whether nobody can tell if it ran, unless by the locals that it writes."""
        return not self.effects & ~SILENT

    def writing(self, local: int) -> Piece:
        """The piece with a write to a local behind it."""
        return Piece(self.effects, self.reads, self.writes | 1 << local)

    def touches(self, other: Piece) -> bool:
        """Whether one writes a local that the other names."""
        mine, others = self.reads | self.writes, other.reads | other.writes
        return bool(self.writes & others or other.writes & mine)

    def commutes_with(self, other: Piece) -> bool:
        """Whether doing one before the other or after it makes no difference."""
        return not (conflict(self.effects, other.effects) or self.touches(other))


@lru_cache(maxsize=1 << 12)
def conflict(first: int, second: int) -> bool:
    """Whether code with these effects may not change places with code with those.

    Code that names no locals, that is.
    """
    if (first | second) & Effect.ATOMIC and first and second:
        return True
    return not Summary(first, _NONE, _NONE).commutes_with(Summary(second, _NONE, _NONE))


class EffectsOf(dict[Instr, int]):
    """The effects of each distinct instruction of a module: `context.table(EffectsOf)[instr]`."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._signatures: Final = context.signatures

    def __missing__(self, instr: Instr) -> int:
        effects = self[instr] = summarize((instr,), self._signatures).effects
        return effects


class Spans:
    """Summaries of spans of one body that can move as a whole.

    A span cannot move if control may leave it other than by its end or a trap, or may stay in it
    forever, or if what it throws may be caught in this function.
    """

    def __init__(self, function: Function, context: Context) -> None:
        self._body: Final = function.body
        self._shape: Final = context.analysis(structure, function)
        self._effects: Final = context.table(EffectsOf)
        self._catches: Final = any(
            instr.name in ("try", "try_table") for instr in set(function.body)
        )
        self._known: Final[dict[int, tuple[int, Piece | None]]] = {}
        self._read_instead: Final[dict[int, Piece]] = {}
        self._bound: Final[dict[int, int]] = {}

    def replace_read(self, index: int, piece: Piece) -> None:
        """Let `piece` stand for the `local.get` at `index` from now on."""
        self._read_instead[index] = piece

    def bind_read(self, index: int, write: int) -> None:
        """Have the `local.get` at `index` take its value from the stack, as the `local.set` at
        `write` did: a span with one of them only cannot move.
        """
        self._bound[index] = write

    def operand(self, start: int, index: int) -> Piece | None:
        """The summary of `body[start:index]`, whose value the `local.set` at `index` takes.

        None if the span cannot move.  Spans that are asked for later skip over this one.
        """
        piece = self.summary(start, index)
        whole = None if piece is None else piece.writing(self._body[index].immediates[0])
        self._known[index] = (start, whole)
        return piece

    def summary(self, start: int, stop: int) -> Piece | None:
        """The summary of `body[start:stop]`; None if that cannot move."""
        known = self._known
        effects = reads = writes = 0
        index = stop - 1
        while index >= start:
            if index in known:
                first, piece = known[index]
                if piece is None:
                    return None
                index = first - 1
            else:
                piece = self._single(index, start)
                if piece is None:
                    return None
                index -= 1
            effects |= piece.effects
            reads |= piece.reads
            writes |= piece.writes
        return Piece(effects, reads, writes)

    def _single(self, index: int, start: int) -> Piece | None:
        """One instruction of a span that begins at `start`; None if it keeps it from moving."""
        instr = self._body[index]
        name = instr.name
        if name == "local.get":
            if self._bound.get(index, start) < start:
                return None
            known = self._read_instead.get(index)
            return Piece(reads=1 << instr.immediates[0]) if known is None else known
        if name in ("local.set", "local.tee"):
            return Piece(writes=1 << instr.immediates[0])
        effects = self._effects[instr]
        if effects & _JUMPS and name not in ("else", "unreachable"):
            targets = self._shape.targets.get(index, ())
            if not targets or min(targets) < start:
                return None
        if name in ("loop", "try", "try_table"):
            return None
        if self._catches and effects & (Effect.CALL | Effect.THROW):
            return None
        return Piece(effects & ~_JUMPS)
