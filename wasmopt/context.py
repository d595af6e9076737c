"""What a pass is, and what it may ask about the module it works in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from wasmopt.function import Function
from wasmopt.instr import InstrPool
from wasmopt.module import Module, Signatures
from wasmopt.types import ValType

_T = TypeVar("_T")


class Context:
    """The module around a function, and analyses remembered for the last body they saw.

    Attributes:
        module: never changes while function-local passes run.
        pool: makes instructions: `context.pool.make("local.get", 0)`.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.pool: InstrPool = module.pool
        self._analyses: dict[Callable[..., Any], tuple[Function, Any]] = {}
        self._tables: dict[Callable[[Context], Any], Any] = {}

    @cached_property
    def signatures(self) -> Signatures:
        """Types of everything that instructions name by index."""
        return Signatures(self.module)

    def analysis(self, analyse: Callable[[Function, Context], _T], function: Function) -> _T:
        """`analyse(function, self)`, computed once while `function` is the last one asked for."""
        known = self._analyses.get(analyse)
        if known is not None and known[0] is function:
            return known[1]  # type: ignore[no-any-return]
        result = analyse(function, self)
        self._analyses[analyse] = (function, result)
        return result

    def table(self, make: Callable[[Context], _T]) -> _T:
        """`make(self)`, made once: facts about the module that all its functions share."""
        if make not in self._tables:
            self._tables[make] = make(self)
        return self._tables[make]  # type: ignore[no-any-return]

    def param_types(self, function: Function) -> tuple[ValType, ...]:
        """Types of the function's parameters, which are its first locals."""
        return self.signatures.func_type(function.type_index).params


@dataclass(frozen=True, slots=True)
class Pass:
    """A rewrite of one function.

    Attributes:
        name: what the command line and reports call it.
        summary: one line for `--help`.
        run: returns a new function, or the very same object when there is nothing to do.  It
            need not be right: what the validator cannot prove is put back.
        enabling: whether a result of equal size is kept because other passes feed on it.
        alone: whether each of its changes is proved by itself, since the cheap tiers, which are
            all that proofs of several changes have, seldom can.
    """

    name: str
    summary: str
    run: Callable[[Function, Context], Function]
    enabling: bool = False
    alone: bool = False
