"""What a pass returned: whether it can be looked at, not whether it is right."""

from __future__ import annotations

from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.module import Module
from wasmopt.module_change import Correspondence


class MalformedError(Exception):
    """What a pass returned is not a function of this module, or not a module."""


def check_proposal(proposal: object) -> tuple[Module, Correspondence]:
    """Check that a pass returned a module and a claim; not that either is right.

    Raises:
        MalformedError: it did not.
    """
    match proposal:
        case (Module() as after, Correspondence() as claim):
            return after, claim
    raise MalformedError(
        f"returned {type(proposal).__name__}, not a module and what stands for what"
    )


def check_form(proposal: object, function: Function, pool: InstrPool) -> None:
    """Check that what a pass returned can be a version of `function`; not that it is right.

    Raises:
        MalformedError: it cannot.
    """
    if not isinstance(proposal, Function):
        raise MalformedError(f"returned {type(proposal).__name__}, not a function")
    if proposal.type_index != function.type_index:
        raise MalformedError("returned another signature")
    if not isinstance(proposal.body, tuple) or not isinstance(proposal.locals, tuple):
        raise MalformedError("returned a body or locals that are not a tuple")
    for count, value_type in proposal.locals:
        if type(count) is not int or not 0 <= count < 1 << 32 or not isinstance(value_type, bytes):
            raise MalformedError("returned malformed locals")
    for instr in set(proposal.body):
        if not isinstance(instr, Instr) or pool.get(instr.data) is not instr:
            raise MalformedError("returned instructions that are not the module's")
