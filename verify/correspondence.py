"""Is one module a version of another, under a correspondence that nobody has to trust?

The argument is in README.md, "Module-level changes".  In short: the old module is brought into
the index spaces of the new one; everything that is no code must be equal there; whatever is gone
must not be named by anything that is left; and each function must be equal to its new version,
calls of functions that were put in place or taken out being replaced by their bodies on both
sides.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from wasmopt.context import Context
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, Map
from wasmopt.renumber import GoneError, Renumbering
from wasmopt.report import ProofReport
from wasmopt.validate import validate
from wasmopt.verdict import Obligation, Proved, Prover, Refuted, Unproved, Verdict
from wasmopt.verify.global_facts import GlobalFacts, without_reads
from wasmopt.verify.inlining import ExpansionError, Inliner
from wasmopt.verify.joint_module import JointModule, complete
from wasmopt.verify.module_parts import (
    RefusedError,
    check_honest,
    check_merged,
    check_parts,
    require,
)
from wasmopt.verify.prover import LOCKSTEP, PRODUCT, SOLVER, SUMMARY, TEXT, VALUES, WINDOW
from wasmopt.verify.reshaping import named_otherwise
from wasmopt.verify.same_values import Versions
from wasmopt.verify.uncalled import uncalled

_log = logging.getLogger(__name__)

MAPPED: Final = "maps"
_METHODS: Final = (MAPPED, TEXT, VALUES, LOCKSTEP, PRODUCT, WINDOW, SUMMARY, SOLVER)
"""From the least to the most; the most that any function took is the method of the module."""


def prove_module(
    before: Module,
    after: Module,
    claim: Correspondence,
    prover: Prover,
    report: ProofReport | None = None,
) -> Proved | Unproved:
    """Decide whether `after` can stand for `before`.

    Args:
        before: a valid module.
        after: what came of it; its instructions have to be of the same pool.
        claim: which index stands for which.
        prover: for functions that are not equal otherwise.
        report: where to count what it took besides the work of `prover`.
    """
    sources = _Sources()
    verdict = _decide(before, after, claim, prover, report=report, sources=sources)
    return replace(verdict, cached=sources.cached, obligations=tuple(sources.obligations))


@dataclass(slots=True)
class _Sources:
    """What the proof of a module owes to earlier runs, and to the solver."""

    cached: bool = False
    obligations: list[Obligation] = field(default_factory=list)


def _decide(
    before: Module,
    after: Module,
    claim: Correspondence,
    prover: Prover,
    *,
    report: ProofReport | None,
    sources: _Sources,
) -> Proved | Unproved:
    try:
        check_honest(before, after)
        validate(after)
        before = without_reads(before, _gone(claim.maps.get(Kind.GLOBAL)))
        return Proved(_Proof(before, after, claim, prover, report=report, sources=sources).run())
    except (RefusedError, GoneError, ExpansionError) as refusal:
        return Unproved(str(refusal))
    except ValidationError as error:
        return Unproved(f"invalid: {error.problem}")
    except MemoryError:
        return Unproved("budget: out of memory")
    except Exception as error:  # the gate must hold whatever happens behind it
        _log.exception("the validator failed on a module")
        return Unproved(f"internal: {type(error).__name__}")


def _gone(indices: Map | None) -> list[int]:
    return [old for old, new in enumerate(indices or ()) if new is None]


class _Proof:
    """One proof.

    All functions, old and new, stand side by side in one *joint* module: the new module with the
    old functions, renumbered, behind its own.  Whatever a function proof takes from its module so
    holds for both.
    """

    def __init__(
        self,
        before: Module,
        after: Module,
        claim: Correspondence,
        prover: Prover,
        *,
        report: ProofReport | None,
        sources: _Sources,
    ) -> None:
        self._sources: Final = sources
        self._before: Final = before
        self._after: Final = after
        self._prover: Final = prover
        self._report: Final = ProofReport() if report is None else report
        self._methods: Counter[str] = Counter()
        self._imported: Final = len(before.imported(Kind.FUNCTION))
        total = self._imported + len(before.functions)
        self._functions: Final = complete(claim.maps.get(Kind.FUNCTION), total)
        self._claim: Final = replace(
            claim, maps={**claim.maps, Kind.FUNCTION: tuple(self._functions)}
        )
        self._inlined: Final = sorted(claim.inlined)
        self._outlined: Final = sorted(claim.outlined)
        require(all(self._imported <= i < total for i in self._inlined), "a wrong index")
        new_total = self._imported + len(after.functions)
        require(all(self._imported <= i < new_total for i in self._outlined), "a wrong index")
        self._reshaped: Final = {
            index: self._reshaped_image(index) for index in sorted(claim.reshaped)
        }

    def run(self) -> str:
        """Check everything; the method that proved it.

        Raises:
            RefusedError, GoneError, ExpansionError: it is not proved.
        """
        moved = Renumbering(self._claim, self._after.pool)
        check_parts(self._before, self._after, self._claim, moved)
        check_merged(self._before, self._functions)
        self._check_reshaped()
        gone = [index for index in self._inlined if self._functions[index] is None]
        joint = JointModule(self._before, self._after, self._claim, gone)
        never_run = uncalled(self._before)
        problems = sorted(joint.problems.keys() - never_run)
        if problems:
            raise GoneError(joint.problems[problems[0]])
        self._compare(joint, never_run)
        return max(self._methods, key=_place, default=MAPPED)

    def _reshaped_image(self, index: int) -> int:
        """The new index of a function that may have another type there."""
        require(self._imported <= index < len(self._functions), "a wrong index")
        new = self._functions[index]
        if new is None or self._functions.count(new) > 1:
            raise RefusedError(f"function {index} has another type and is not one function")
        kept = index not in self._inlined and new not in (*self._outlined, *self._inlined_images())
        require(kept, f"function {index} has another type and was put in place of its calls")
        return new

    def _inlined_images(self) -> list[int | None]:
        return [self._functions[index] for index in self._inlined]

    def _check_reshaped(self) -> None:
        """Functions with another type must be named by nothing but calls."""
        if self._reshaped:
            sides = ((self._before, self._reshaped), (self._after, self._reshaped.values()))
            for module, indices in sides:
                named = named_otherwise(module)
                for index in indices:
                    require(index not in named, f"function {index} is not only called")

    def _compare(self, joint: JointModule, never_run: set[int]) -> None:
        """Compare each old function that is left, and may run, with its new version."""
        old, ghosts, context = joint.old, joint.ghosts, joint.context
        reshaped_calls = {self._after.pool.make("call", new) for new in self._reshaped.values()}
        changed = []
        for index, function in old.items():
            new = self._functions[index]
            if new is None:
                continue
            version = joint.new_version(new)
            same = function.body == version.body and function.locals == version.locals
            if index in never_run:
                continue
            if same and index not in self._reshaped and reshaped_calls.isdisjoint(function.body):
                self._methods[MAPPED] += 1
            else:
                changed.append((index, function, version))
        if not changed:
            return
        indices = {index: ghosts.get(index, self._functions[index]) for index in self._inlined}
        old_bodies = {new: old[index] for index, new in indices.items() if new is not None}
        new_bodies = {index: joint.new_version(index) for index in self._outlined}
        for new in old_bodies:
            if new < self._imported + len(self._after.functions):
                new_bodies[new] = joint.new_version(new)
        reshaped = joint.reshaped()
        for index, each in reshaped.items():
            old_bodies[self._reshaped[index]] = each.old_call
            new_bodies[self._reshaped[index]] = each.new_call
        expansions = (Inliner(old_bodies, context), Inliner(new_bodies, context))
        spelled_out = context.table(GlobalFacts).reads(context.pool)
        named = {context.pool.make("ref.func", ghost) for ghost in ghosts.values()}
        named |= {context.pool.make("return_call", ghost) for ghost in ghosts.values()}
        for index, function, version in changed:
            first, second = expansions[0](function), expansions[1](version)
            require(named.isdisjoint(first.body), f"function {index} names what is gone")
            if index in reshaped:
                call = self._reshaped[index]
                first = Inliner({call: first}, context)(reshaped[index].old_whole)
                second = Inliner({call: second}, context)(reshaped[index].new_whole)
            bodies = [[spelled_out.get(i, i) for i in each.body] for each in (first, second)]
            if bodies[0] == bodies[1] and first.locals == second.locals:
                self._methods[MAPPED] += 1
            else:
                self._methods[self._same(index, first, second, context)] += 1

    def _same(self, index: int, before: Function, after: Function, context: Context) -> str:
        """The method that proves the two equal."""
        versions = Versions()
        same = versions.same(before, after, context)
        self._report.instructions += versions.effort.instructions
        if same:
            return VALUES
        verdict: Verdict = self._prover(before, after, context)
        self._sources.cached |= verdict.cached
        self._sources.obligations += [replace(o, function=index) for o in verdict.obligations]
        if isinstance(verdict, Proved):
            return verdict.method
        reason = "refuted" if isinstance(verdict, Refuted) else verdict.reason
        raise RefusedError(f"function {index}: {reason}")


def _place(method: str) -> int:
    """How much a method takes; one that is not known here counts as the most."""
    return _METHODS.index(method) if method in _METHODS else len(_METHODS)
