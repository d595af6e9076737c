"""Which `end` closes which block, and where branches go: nesting made explicit.

A body is flat and its labels are relative depths.  This analysis turns both into instruction
indices, in one pass over the control instructions with an explicit stack.

Source: WebAssembly 3.0, Validation, Instructions (labels); the legacy exception proposal for
try, catch, delegate and rethrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wasmopt.context import Context
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.instr import Catch, Instr, InstrPool
from wasmopt.opcodes import OPCODES

BODY: Final = -1
"""Stands for the function body wherever the index of an opener is asked for."""

OPENERS: Final = frozenset(["block", "loop", "if", "try", "try_table"])
DIVIDERS: Final = frozenset(["else", "catch", "catch_all"])
CLOSERS: Final = frozenset(["end", "delegate"])
BRANCHES: Final = frozenset(
    op.mnemonic
    for op in OPCODES
    if not {"label", "labels", "catches"}.isdisjoint(op.immediates) and op.mnemonic not in OPENERS
)
"""Instructions that name a label; `try_table`, whose catch clauses do, is an opener."""

_CONTROL: Final = OPENERS | DIVIDERS | CLOSERS | BRANCHES
_LABEL_KINDS: Final = ("label", "labels", "catches")
_LABEL_PLACES: Final[dict[str, tuple[int, str]]] = {
    op.mnemonic: (place, kind)
    for op in OPCODES
    for place, kind in enumerate(op.immediates)
    if kind in _LABEL_KINDS
}


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Nesting and branch targets of one body; everything is an index into the body.

    An opener is a `block`, `loop`, `if`, `try` or `try_table`; `BODY` stands for the function.

    Attributes:
        parents: for each instruction the opener whose construct it stands in.  An opener stands
            in the one around it; `else`, `catch`, `end` stand in the one they divide or close.
        ends: opener -> the `end` or `delegate` that closes it; `BODY` included.
        dividers: opener -> its `else`, or its `catch` and `catch_all` clauses, where it has any.
        targets: branch -> the opener that each of its labels names, in the order of `labels`.
            Labels of `try_table` and `delegate` count from outside of their construct.
        branches: opener -> the instructions whose labels name it, each once, in order; openers
            that nothing names are not listed.
    """

    parents: list[int]
    ends: dict[int, int]
    dividers: dict[int, list[int]]
    targets: dict[int, tuple[int, ...]]
    branches: dict[int, list[int]]


def structure(function: Function, _context: Context) -> Structure:
    """The nesting of a function's body.

    Raises:
        ValidationError: constructs do not nest, or a label names none.
    """
    body = function.body
    parents: list[int] = []
    ends: dict[int, int] = {}
    dividers: dict[int, list[int]] = {}
    targets: dict[int, tuple[int, ...]] = {}
    branches: dict[int, list[int]] = {}
    open_constructs = [BODY]

    def branch(index: int, named: tuple[int, ...]) -> None:
        outermost = len(open_constructs) - 1
        if max(named, default=0) > outermost:
            raise _error(index, body[index], "names a label that does not exist")
        targets[index] = found = tuple([open_constructs[outermost - label] for label in named])
        for opener in dict.fromkeys(found):
            branches.setdefault(opener, []).append(index)

    for index in [i for i, instr in enumerate(body) if instr.name in _CONTROL]:
        instr = body[index]
        name = instr.name
        if not open_constructs:
            raise _error(index, instr, "stands behind the end of the function")
        if name in BRANCHES and name != "delegate":
            branch(index, labels(instr))
        elif name in OPENERS:
            if name == "try_table":
                branch(index, labels(instr))
            parents += [open_constructs[-1]] * (index + 1 - len(parents))
            open_constructs.append(index)
        elif name in CLOSERS:
            parents += [open_constructs[-1]] * (index + 1 - len(parents))
            opener = open_constructs.pop()
            ends[opener] = index
            if name == "delegate":
                if opener == BODY or body[opener].name != "try" or opener in dividers:
                    raise _error(index, instr, "does not close a `try` without clauses")
                branch(index, labels(instr))
        else:
            opener = open_constructs[-1]
            clauses = dividers.setdefault(opener, [])
            owner = "if" if name == "else" else "try"
            complete = clauses and body[clauses[-1]].name in ("else", "catch_all")
            if opener == BODY or body[opener].name != owner or complete:
                raise _error(index, instr, f"does not belong to an open `{owner}`")
            clauses.append(index)
    if open_constructs or len(parents) != len(body):
        raise ValidationError("function body does not close with its last `end`")
    return Structure(parents, ends, dividers, targets, branches)


def _error(index: int, instr: Instr, problem: str) -> ValidationError:
    return ValidationError(f"instruction {index}, `{instr.name}`, {problem}")


def labels(instr: Instr) -> tuple[int, ...]:
    """The relative labels that `instr` names: the default of br_table and the last catch last."""
    place = _LABEL_PLACES.get(instr.name)
    if place is None:
        return ()
    value = instr.immediates[place[0]]
    if place[1] == "label":
        return (value,)
    if place[1] == "labels":
        return tuple(value)
    return tuple([clause.label for clause in value])


def with_labels(instr: Instr, named: tuple[int, ...], pool: InstrPool) -> Instr:
    """`instr` with other labels, as many as `labels(instr)` has and in that order."""
    place, kind = _LABEL_PLACES[instr.name]
    immediates = list(instr.immediates)
    if kind == "label":
        (immediates[place],) = named
    elif kind == "labels":
        immediates[place] = named
    else:
        immediates[place] = tuple(
            Catch(clause.kind, clause.tag, label)
            for clause, label in zip(immediates[place], named, strict=True)
        )
    return pool.intern(instr.op, tuple(immediates))
