"""Exceptions: from where they are thrown to the clauses of `try_table` that catch them.

A call may throw.  Whether it does, which tag, and what it carries are functions of the event that
the call is, so both versions agree on them.  The clauses are tried from the innermost `try_table`
outwards, each in its order; what none of them catches leaves the function, which is part of the
event.  A `throw` names its tag, and it is known at once where it goes.

Source: WebAssembly 3.0, §4.4.10.4 (throw_ref) and §4.6.3 (handlers).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from wasmopt.instr import Catch, Instr
from wasmopt.types import ValType
from wasmopt.verify.regions import Frame
from wasmopt.verify.state import sort_of
from wasmopt.verify.terms import REFERENCE, Term
from wasmopt.verify.unsupported import UnsupportedError

if TYPE_CHECKING:
    from wasmopt.verify.execute import Execution

_WITH_REFERENCE: Final = frozenset([1, 3])
"""Kinds of clauses that hand on the exception itself: catch_ref and catch_all_ref."""


def call_may_throw(x: Execution, event: Term) -> None:
    """Go to the handlers where the call that `event` stands for throws, and on where not."""
    for target, clause in _clauses(x):
        condition = _caught(x, event, clause.tag)
        types = () if clause.tag is None else _params(x, clause.tag)
        payload = [
            x.make("thrown", sort_of(value_type), (event,), (clause.tag, number))
            for number, value_type in enumerate(types)
        ]
        guard = x.guard
        x.guard = x.diagrams.within(guard, condition)
        _enter(x, target, clause, payload, event)
        x.guard = x.diagrams.within(guard, x.diagrams.negation(condition))


def throw(x: Execution, instr: Instr) -> None:
    """Throw an exception with a known tag.

    Raises:
        UnsupportedError: it cannot be told whether a clause with another tag catches it, since
            imported tags may be one.
    """
    tag = instr.immediates[0]
    operands = x.pop_many(len(_params(x, tag)))
    event = x.event("throw", operands, tag)
    for target, clause in _clauses(x):
        if clause.tag is not None and clause.tag != tag:
            if max(tag, clause.tag) < x.layout.imported_tags:
                raise UnsupportedError("imported tags may be one")
            continue
        _enter(x, target, clause, operands if clause.tag is not None else (), event)
        x.guard = x.diagrams.false
        return
    x.leave_by(event)


def throw_again(x: Execution, _instr: Instr) -> None:
    """`throw_ref`: throw a caught exception; its tag and what it carries are functions of it."""
    reference = x.pop()
    x.trap_if(x.diagrams.condition(x.predicate("ref.is_null", (reference,), ())))
    event = x.event("throw_ref", [reference], ())
    call_may_throw(x, event)
    x.leave_by(event)


def _clauses(x: Execution) -> Iterator[tuple[Frame, Catch]]:
    """Clauses that an exception thrown here meets, each with where it leads."""
    for index in range(len(x.frames) - 1, -1, -1):
        for clause in x.frames[index].catches:
            # Labels of clauses count from outside of their try_table.
            yield x.target(clause.label, index), clause


def _caught(x: Execution, event: Term, tag: int | None) -> Term:
    """The condition that `event` throws, and that tag."""
    return x.diagrams.condition(x.predicate("throws", (event,), tag))


def _enter(
    x: Execution, target: Frame, clause: Catch, payload: Sequence[Term], event: Term
) -> None:
    """Branch to a handler's label with what it is given."""
    height = len(x.stack)
    x.stack += payload
    if clause.kind in _WITH_REFERENCE:
        x.stack.append(x.make("exception", REFERENCE, (event,)))
    x.branch(target)
    del x.stack[height:]


def _params(x: Execution, tag: int) -> tuple[ValType, ...]:
    return x.signatures.func_type(x.signatures.tags[tag]).params
