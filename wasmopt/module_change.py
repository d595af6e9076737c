"""What a pass over the whole module returns: the changed module, and what stands for what in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from wasmopt.instr import Instr
from wasmopt.module import Kind, Module
from wasmopt.options import Options
from wasmopt.verdict import Unproved, Verdict

Map = tuple[int | None, ...]
"""For each old index the new one; None for what is gone."""


class Fate(Enum):
    """What becomes of a parameter or result that is not replaced by a constant."""

    KEPT = "kept"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class Shape:
    """What became of the parameters and results of a function that is only ever called directly.

    Attributes:
        params: for each old parameter whether the new function has it, or the constant that all
            calls pass.
        results: for each old result whether the new function has it, or the constant that it
            always is.
    """

    params: tuple[Fate | Instr, ...]
    results: tuple[Fate | Instr, ...]


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What in the changed module stands for what in the old one.

    It is a claim of the pass and trusted by nobody: a wrong one makes the proof fail.

    Attributes:
        maps: index maps of functions, tables, memories, globals and tags; a kind that is not
            there keeps its indices.  Several old entities may have one new one.
        types: index map of types.
        data, elements: index maps of segments.  Data segments may be new, with no old one.
        inlined: old functions whose calls were replaced by their bodies, somewhere.
        outlined: new functions that stand for runs of instructions.
        reshaped: old functions that have other parameters and results now.
    """

    maps: dict[Kind, Map] = field(default_factory=dict)
    types: Map | None = None
    data: Map | None = None
    elements: Map | None = None
    inlined: frozenset[int] = frozenset()
    outlined: frozenset[int] = frozenset()
    reshaped: Mapping[int, Shape] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModulePass:
    """A rewrite of a whole module.

    Attributes:
        name: what the command line and reports call it.
        summary: one line for `--help`.
        run: returns the changed module and the correspondence, or None when there is nothing to
            do.  It need not be right: what the validator cannot prove is put back.
        compresses: whether it is for compressed sizes: it comes when everything else is done, and
            before that others are judged by what it will make of their results.
    """

    name: str
    summary: str
    run: Callable[[Module, Options], tuple[Module, Correspondence] | None]
    compresses: bool = False


ModuleProver = Callable[[Module, Module, Correspondence], Verdict]
"""Called with a module before and after a change, and what the pass says of it."""


def refuse_modules(_before: Module, _after: Module, _claim: Correspondence) -> Verdict:
    """Stands where nobody proves changes of a whole module."""
    return Unproved("changes of a whole module are not proved here")
