"""What the walks of the tier values share: numbers of values, and what rounds learn of loops."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

from wasmopt.instr import Instr, InstrPool
from wasmopt.verify.value_theory import Theory

Place = tuple[int, int]
"""A loop, by how many constructs were opened before it, and a slot; parameters count from -1
down."""
_CONSTANTS: Final = frozenset(["i32.const", "i64.const", "f32.const", "f64.const"])


class Numbers(dict[Hashable, int]):
    """Description of a value -> its number; shared by the two versions and all rounds.

    Attributes:
        constants: values of the numbers that are constants; of floats the bits.
        theory: what more is known of values, if it is asked for.
    """

    def __init__(self, pool: InstrPool | None = None) -> None:
        super().__init__()
        self.constants: Final[dict[int, int]] = {}
        self.theory: Final = None if pool is None else Theory(self, pool)

    def __missing__(self, description: Hashable) -> int:
        number = self[description] = len(self)
        return number

    def constant(self, instr: Instr) -> int:
        """The number of what a `const` pushes."""
        number = self[(instr,)]
        if instr.name in _CONSTANTS:
            self.constants[number] = instr.immediates[0]
        if self.theory is not None:
            self.theory.constant(instr, number)
        return number


class Learned:
    """What earlier rounds found out about loops.

    Attributes:
        backs: what came back to loops in the round before, a value for each branch.
        moving: what did not come back to a loop with the value it came in with.
        everything: whether all that is written in a loop is taken to move.
    """

    def __init__(self, *, everything: bool) -> None:
        self.backs: dict[Place, list[int]] = {}
        self.moving: Final[set[Place]] = set()
        self.everything: Final = everything

    def take(self, backs: dict[Place, list[int]], moved: Iterable[Place]) -> None:
        """Take from a walk what the next round is to know."""
        self.backs = backs
        self.moving.update(moved)
