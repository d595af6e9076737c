"""What became of each change at the proof gate, one entry a change.

A function is known by the SHA-256 of its *body*: its entry in the code section without the length
in front, that is the declarations of locals and the instructions, closing `end` included, with
minimal numbers.  A change of the whole module is known by the SHA-256 of the encoded module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from wasmopt.encode import encode, expr_bytes
from wasmopt.function import Function, locals_bytes
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.verdict import Obligation, Proved, Refuted, Unproved, Verdict


@dataclass(slots=True)
class ProofEntry:
    """One change that a pass proposed and the byte gate let through.

    `wasmopt verify` makes such entries of pairs of functions; there is no pass then, and a function
    that is imported has no body.

    Attributes:
        change: the pass.
        function: its index in the module as it was then, imported ones counted; None for a change
            of the whole module.
        source: its index in the input; None where the input has no such function.
        before, after: digests, in hexadecimal, of the bodies before and after the change.
        compared: digests of the two bodies that the proof is about.  It may be about several
            changes, one after the other: then these are before the first and after the last.
        verdict: of the validator.
        tier: what proved it; None for what is not proved.
        reason: why the change was put back; None for one that was kept.
        cached: whether the verdict, or a part of it, is of an earlier run.
        obligations: what the solver was asked, if that is recorded; in one entry of each proof.
    """

    change: str | None
    function: int | None
    source: int | None
    before: str | None
    after: str | None
    compared: tuple[str | None, str | None]
    verdict: Literal["proved", "refuted", "unproved"]
    tier: str | None
    reason: str | None
    cached: bool
    obligations: tuple[Obligation, ...]


def new_log(options: Options) -> list[ProofEntry] | None:
    """An empty log; None if nobody wants one."""
    return [] if options.proofs or options.obligations else None


def entry_of(
    change: str,
    function: int | None,
    digests: tuple[str, str],
    verdict: Verdict,
    compared: tuple[str, str] | None = None,
) -> ProofEntry:
    """The entry of a change about which the validator has spoken.

    Args:
        change: the pass.
        function: its index; None for the whole module.
        digests: before and after the change.
        verdict: what the validator said.
        compared: of what it said that; the same two when None.
    """
    proved = isinstance(verdict, Proved)
    return ProofEntry(
        change=change,
        function=function,
        source=None,
        before=digests[0],
        after=digests[1],
        compared=compared or digests,
        verdict="proved" if proved else "refuted" if isinstance(verdict, Refuted) else "unproved",
        tier=verdict.method if isinstance(verdict, Proved) else None,
        reason=None if isinstance(verdict, Proved) else reason_of(verdict),
        cached=verdict.cached,
        obligations=verdict.obligations,
    )


def reason_of(verdict: Refuted | Unproved) -> str:
    """Why a change is put back, as reports count it."""
    return "refuted" if isinstance(verdict, Refuted) else verdict.reason


def in_order(entries: Iterable[ProofEntry], sources: dict[int, int]) -> list[ProofEntry]:
    """Entries of functions by index, whichever was done first, each with its source.

    Args:
        entries: those of one function in their order.
        sources: index of a function -> its index in the input.
    """
    found = sorted(entries, key=lambda each: -1 if each.function is None else each.function)
    for each in found:
        each.source = None if each.function is None else sources.get(each.function)
    return found


def body_digest(function: Function) -> str:
    """SHA-256 of a function's body in hexadecimal."""
    return hashlib.sha256(locals_bytes(function.locals) + expr_bytes(function.body)).hexdigest()


def module_digest(module: Module) -> str:
    """SHA-256 of the encoded module in hexadecimal."""
    return hashlib.sha256(encode(module)).hexdigest()
