"""Moving the code of a `local.set` to where the local is read: how the new body is written.

    A  local.set 0  …  local.get 0     →     …  A  [local.tee 0]

Moves may nest: code that moves may contain reads that other code moves to, and other code that
moves away.  All are given by their old indices and made at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool


@dataclass(frozen=True, slots=True)
class Move:
    """One move, in indices of the old body.

    Attributes:
        start: where the code that is moved begins.
        write: the `local.set` behind it.
        read: the `local.get` that it replaces, behind `write`.
        keep: whether the local is needed further on: then a `local.tee` writes it.
    """

    start: int
    write: int
    read: int
    keep: bool


def apply_moves(function: Function, moves: Sequence[Move], pool: InstrPool) -> Function:
    """The function with all moves made."""
    if not moves:
        return function
    body = function.body
    leaving = {move.start: move for move in moves}
    arriving = {move.read: move for move in moves}
    events = [*sorted({*leaving, *arriving}), len(body)]
    result: list[Instr] = []
    # A task is a range to be copied, and the move that it is the code of, if any.
    tasks: list[tuple[int, int, Move | None]] = [(0, len(body), None)]
    while tasks:
        index, stop, task = tasks.pop()
        while True:
            following = min(stop, events[bisect_left(events, index)])
            result += body[index:following]
            if following == stop:
                if task is not None and task.keep:
                    result.append(pool.make("local.tee", *body[task.write].immediates))
                break
            away = leaving.get(following)
            if away is not None and away is not task:
                index = away.write + 1
            elif following in arriving:
                tasks.append((following + 1, stop, task))
                move = arriving[following]
                tasks.append((move.start, move.write, move))
                break
            else:
                result.append(body[following])
                index = following + 1
    return function.with_body(result)
