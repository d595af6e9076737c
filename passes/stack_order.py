"""Stack order: operands are computed before a value instead of behind it, which waits on the stack.

    A  local.set 0  Q  P  local.get 0  op      →  P  A  Q  op              nothing reads 0 again
    A  local.set 0  Q  P  local.get 0  op      →  P  A  local.tee 0  Q  op

    call $f  local.set 0  call $g  local.get 1  local.get 0  i32.store
                                               →  local.get 1  call $f  call $g  i32.store

P is what the operand stack holds above the place of A's value when local 0 is read: the operands
in front of it, of `op` and of what `op` is an operand of.  Nothing but P moves.  `simplify-locals`
has A go to the read, where it commutes with Q; here P has to commute with A and Q, and what those
do stays where it is.

Needs: spans and heights of the operand stack, liveness, effects.  P must not name what A or Q
write, write any local, or do what they could notice or prevent; it goes past branches and loops
only if nobody can tell that it ran.  What forks stays on its side of what may trap: else the
validator would take its slow tiers.  A, Q and P stand in one construct and take nothing from the
stack below them.  Keeps: the order of everything that can be observed, traps included.  Costs: a
linear walk, and a look at `MOST_BETWEEN` instructions at most for each pair of write and read.  Of
moves that overlap the one that is read first is made, the others when the pass comes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.opcodes import Effect
from wasmopt.passes.code_summary import EffectsOf, Spans, conflict
from wasmopt.passes.dead_stores import dead_stores
from wasmopt.stack import NO_SPAN, Stack, stack
from wasmopt.structure import BODY, CLOSERS, DIVIDERS, OPENERS

MOST_BETWEEN: Final = 400
"""Instructions from the beginning of A to the read."""
MOST_ROUNDS: Final = 4


class _Move(NamedTuple):
    """One move, in indices of the old body: A begins at `start`, P at `operands`."""

    start: int
    write: int
    operands: int
    read: int


def stack_order(function: Function, context: Context) -> Function:
    """Compute operands before the values that wait for them."""
    for _ in range(MOST_ROUNDS):
        before = function
        function = _reordered(function, context)
        if function is before:
            break
    return function


def _reordered(function: Function, context: Context) -> Function:
    """The function after one round."""
    body = function.body
    if not any(instr.name == "local.set" for instr in set(body)):
        return function
    result: list[Instr] = []
    copied = 0
    for start, write, operands, read in _moves(function, context):
        result += body[copied:start]
        result += body[operands:read]
        result += body[start:write]
        result.append(context.pool.make("local.tee", *body[write].immediates))
        result += body[write + 1 : operands]
        copied = read + 1
    if not copied:
        return function
    return dead_stores(function.with_body([*result, *body[copied:]]), context)


def _moves(function: Function, context: Context) -> Iterator[_Move]:
    """Moves that do not overlap, in order."""
    body = function.body
    facts, effects_of = context.analysis(stack, function), context.table(EffectsOf)
    spans = Spans(function, context)
    values: list[int] = []
    arms = [BODY]
    latest: dict[int, tuple[int, int]] = {}
    done = 0
    for index, instr in enumerate(body):
        name = instr.name
        if name in OPENERS:
            arms.append(index)
        elif name in DIVIDERS:
            arms[-1] = index
        elif name in CLOSERS:
            arms.pop()
        height = facts.heights[index]
        if height < 0:
            continue
        values[height:] = [_UNKNOWN] * (height - len(values))
        if name == "local.get":
            write, arm = latest.pop(instr.immediates[0], (-1, BODY))
            if done <= write and arm == arms[-1] and facts.reachable[index]:
                move = _move(body, facts, values, write, index)
                if (
                    move is not None
                    and done <= move.start
                    and _commutes(body, spans, effects_of, move)
                ):
                    done = index + 1
                    yield move
        elif name == "local.set":
            latest[instr.immediates[0]] = (index, arms[-1])
        elif name == "local.tee":
            latest.pop(instr.immediates[0], None)
        del values[height - len(facts.operands(index)) :]
        values += facts.results(index)


def _move(
    body: tuple[Instr, ...], facts: Stack, values: list[int], write: int, read: int
) -> _Move | None:
    """What would have to move so that the value of `write` can wait for `read`."""
    start, base = facts.starts[write], facts.heights[write] - 1
    if start == NO_SPAN or read - start > MOST_BETWEEN or facts.heights[read] <= base:
        return None
    lowest = values[base]
    operands = NO_SPAN if lowest == _UNKNOWN else facts.starts[facts.producers[lowest]]
    if operands <= write or not _stays_above(facts, base, range(write + 1, read)):
        return None
    return _Move(start, write, operands, read)


def _stays_above(facts: Stack, base: int, code: range) -> bool:
    """Whether code takes nothing from the first so many places of the stack."""
    return all(
        facts.heights[index] < 0 or facts.heights[index] - len(facts.operands(index)) >= base
        for index in code
    )


def _commutes(body: tuple[Instr, ...], spans: Spans, effects_of: EffectsOf, move: _Move) -> bool:
    """Whether what moves may go past what it moves past."""
    operands = spans.summary(move.operands, move.read)
    if operands is None or operands.writes:
        return False
    effects, past, writes = operands.effects, 0, 0
    for instr in body[move.operands : move.read]:
        if instr.name in OPENERS:
            effects |= Effect.BRANCH
    for instr in body[move.start : move.operands]:
        past |= effects_of[instr]
        if instr.name in ("local.set", "local.tee"):
            writes |= 1 << instr.immediates[0]
        elif instr.name in OPENERS:
            past |= Effect.BRANCH
    return not (operands.reads & writes or conflict(effects, past))


_UNKNOWN: Final = -1
"""A value of which it is not known where it comes from."""

STACK_ORDER = Pass(
    "stack-order", "compute operands before the values that wait for them", stack_order
)
