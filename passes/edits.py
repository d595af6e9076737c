"""Small changes all over a body, collected by old indices and made at once."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr


class Edits:
    """Changes to one body.

    Attributes:
        before, behind: what comes in at an instruction; `behind` may be taken back.
        instead: what stands in its place, None for nothing.
    """

    def __init__(self, function: Function) -> None:
        self._function: Final = function
        self.before: Final[defaultdict[int, list[Instr]]] = defaultdict(list)
        self.behind: Final[defaultdict[int, list[Instr]]] = defaultdict(list)
        self.instead: Final[dict[int, Instr | None]] = {}

    def apply(self) -> Function:
        """The function with all changes made; the same object if there are none."""
        body = self._function.body
        edited = sorted({*self.before, *self.behind, *self.instead})
        if not edited:
            return self._function
        result: list[Instr] = []
        copied = 0
        for index in edited:
            result += body[copied:index]
            result += self.before.get(index, ())
            instr = self.instead.get(index, body[index])
            if instr is not None:
                result.append(instr)
            result += self.behind.get(index, ())
            copied = index + 1
        return self._function.with_body([*result, *body[copied:]])
