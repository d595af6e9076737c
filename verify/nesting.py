"""Where the structures of a body begin, go on and end, and what its loops contain."""

from __future__ import annotations

from typing import Final

from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.structure import OPENERS, labels


class MalformedError(Exception):
    """The structure of a body is broken."""


class Nesting:
    """Structure of one body; what its last `end` closes is the structure at position -1.

    Args:
        body: closes with an `end`.
        outside: structures around the body that branches may leave to as well.
    """

    def __init__(self, body: tuple[Instr, ...], outside: int = 0) -> None:
        self._outside: Final = outside
        self._body: Final = body
        self._ends: dict[int, int] = {}
        self._elses: dict[int, int] = {}
        self._targets: set[int] = set()
        self._contents: dict[int, tuple[tuple[int, ...], set[Instr]]] = {}
        self._scan()

    def _scan(self) -> None:
        open_at = [-1]
        for position, instr in enumerate(self._body):
            name = instr.name
            if name in OPENERS:
                self._name_targets(instr, open_at)
                open_at.append(position)
            elif name == "else":
                if open_at[-1] < 0 or open_at[-1] in self._elses:
                    raise MalformedError("else without if")
                self._elses[open_at[-1]] = position
            elif name == "end":
                if not open_at:
                    raise MalformedError("end without a structure")
                self._ends[open_at.pop()] = position
            elif instr.effects & Effect.BRANCH and name != "return":
                self._name_targets(instr, open_at)
        if open_at or self._ends.get(-1) != len(self._body) - 1:
            raise MalformedError("a structure is not closed")

    def _name_targets(self, instr: Instr, open_at: list[int]) -> None:
        for label in labels(instr):
            if label < len(open_at):
                self._targets.add(open_at[-1 - label])
            elif label >= len(open_at) + self._outside:
                raise MalformedError(f"no label {label}")

    def end(self, position: int) -> int:
        """Position of the `end` of the structure opened at `position`."""
        return self._ends[position]

    def next_part(self, position: int, after: int) -> int:
        """The first `else` or `end` of the structure opened at `position` behind `after`."""
        middle = self._elses.get(position, -1)
        return middle if middle > after else self._ends[position]

    def is_branched_to(self, position: int) -> bool:
        """Whether any branch, reachable or not, names the structure opened at `position`."""
        return position in self._targets

    def loop_contents(self, position: int) -> tuple[tuple[int, ...], set[Instr]]:
        """Locals assigned within a structure, in order, and its distinct instructions."""
        known = self._contents.get(position)
        if known is None:
            instrs = set(self._body[position : self._ends[position]])
            assigned = {
                instr.immediates[0] for instr in instrs if instr.name in ("local.set", "local.tee")
            }
            known = self._contents[position] = (tuple(sorted(assigned)), instrs)
        return known
