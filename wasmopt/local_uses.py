"""Uses of locals: how often each is named, and giving them other numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from wasmopt.instr import Instr, InstrPool

LOCAL_INSTRUCTIONS: Final = frozenset(["local.get", "local.set", "local.tee"])


def count_uses(body: Sequence[Instr]) -> Counter[int]:
    """How many instructions of `body` name each local."""
    uses: Counter[int] = Counter()
    for instr, count in Counter(body).items():
        if instr.name in LOCAL_INSTRUCTIONS:
            uses[instr.immediates[0]] += count
    return uses


def renumber_locals(
    body: Sequence[Instr], number_of: Mapping[int, int], pool: InstrPool
) -> list[Instr]:
    """`body` with each local that `number_of` lists under its new number."""
    renamed: dict[Instr, Instr] = {}
    for instr in set(body):
        if instr.name in LOCAL_INSTRUCTIONS and instr.immediates[0] in number_of:
            renamed[instr] = pool.make(instr.name, number_of[instr.immediates[0]])
    return [renamed.get(instr, instr) for instr in body]
