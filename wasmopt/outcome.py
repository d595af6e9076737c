"""What comes back when functions are taken through passes somewhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wasmopt.context import Pass
from wasmopt.function import LocalGroups
from wasmopt.module import Module
from wasmopt.proof_log import ProofEntry
from wasmopt.report import PassReport


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of some functions of a module, in a form that can be sent anywhere.

    Attributes:
        functions: position of a changed function -> its groups of locals and its code.
        reports: what the passes did.
        kept: index of a function -> its changes: pass; bytes saved, method of proof and entry in
            the log.
        wrong: pass and problem -> indices of the functions where it failed.
        rounds: the most visits that one function took.
        visited: how many functions these are.
        rested: positions of those in which the passes find nothing more to do.
        log: what became of each change at the proof gate, if that is written down.
    """

    functions: dict[int, tuple[LocalGroups, bytes]]
    reports: list[PassReport]
    kept: dict[int, list[tuple[str, tuple[int, str, ProofEntry | None]]]]
    wrong: dict[tuple[str, str], list[int]]
    rounds: int
    visited: int
    rested: tuple[int, ...]
    log: tuple[ProofEntry, ...] = ()


Spread = Callable[[Sequence[Pass], Module, Sequence[int]], Iterable[Outcome]]
"""Takes the functions of a module at some positions through some passes, somewhere."""
