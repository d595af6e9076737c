"""The tiers in order: the cheapest that can prove a change does.

========  ====================================================================================
tier      claim
========  ====================================================================================
text      both versions have the same normal form (`same_text`)
steps     they run the same instructions on every way (`same_steps`)
values    they have the same effects, in the same order, on the same values (`same_values`)
lockstep  they, or the parts that differ, do the same at each point of the same control (`lockstep`)
product   they do the same between forks, wherever these stand (`product`)
window    the parts that differ do the same from any state (`window`, `joint`)
summary   the whole functions do (`joint`), loops matched by index, then by value, then with
          everything behind a join done in each of its cases
solver    they do, where Z3 proves some of the values and conditions equal (`smt`)
replay    they do not: both were run in wasmtime and did different things (`replay`)
========  ====================================================================================

Before any of them the changed function must be valid (`validity`).  Whatever goes wrong inside
the validator, a defect of its own included, makes the change unproved, never accepted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.report import ProofReport
from wasmopt.verdict import Obligation, Proved, Unproved, Verdict
from wasmopt.verdict import Prover as Prove
from wasmopt.verify.cache import ProofCache
from wasmopt.verify.joint import Comparison, DifferentError, Oracle
from wasmopt.verify.models import scenario_of
from wasmopt.verify.nesting import MalformedError
from wasmopt.verify.product import Product
from wasmopt.verify.same_steps import same_steps
from wasmopt.verify.same_text import same_text
from wasmopt.verify.same_values import Versions
from wasmopt.verify.terms import MAX_TERMS, Arena, BudgetError, Term
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.validity import ValidityGate
from wasmopt.verify.window import Code, find_window, whole_function

_log = logging.getLogger(__name__)

TEXT: Final = "text"
STEPS: Final = "steps"
VALUES: Final = "values"
LOCKSTEP: Final = "lockstep"
PRODUCT: Final = "product"
WINDOW: Final = "window"
SUMMARY: Final = "summary"
SOLVER: Final = "solver"

OTHER_EFFECTS: Final = "other effects"
_TRIES: Final = 1
"""Ways to number values, after the first guess, that several changes are worth: the others prove
few of them, and each change gets them again."""
_SEVERAL: Final = b" several"
"""Marks what the cache knows of several changes at once."""

MAX_SEEDS: Final = 8
"""Models of the solver that the search for a counterexample starts from."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one attempt at a proof may cost.

    Attributes:
        instructions: of both versions together above which the tiers behind `window` are left out.
        terms: that the attempt may make; it is given up when that is not enough.
    """

    instructions: int = 200_000
    terms: int = MAX_TERMS


class Prover:
    """Proves changes of functions of one module, one at a time.

    Args:
        solver: one of `wasmopt.options.SOLVERS`.
        cache: verdicts of earlier runs.
        replay: whether to look for a counterexample when there is no proof.
        limits: what one attempt may cost.
        record: whether verdicts are to say what the solver was asked.

    Attributes:
        report: what was done so far.
    """

    def __init__(
        self,
        *,
        solver: str = "z3",
        cache: ProofCache | None = None,
        replay: bool = True,
        limits: Limits = Limits(),
        record: bool = False,
    ) -> None:
        self.report = ProofReport()
        self._solver: Final = solver
        self._cache: Final = cache
        self._replay: Final = replay
        self._limits: Final = limits
        self._versions: Final = Versions()
        self._asked: Final[list[Obligation] | None] = [] if record else None

    def __call__(self, before: Function, after: Function, context: Context) -> Verdict:
        """Decide whether `after` can stand for `before` in the module of `context`."""
        return self._guarded(before, after, context, self._search)

    def several(self, before: Function, after: Function, context: Context) -> Verdict:
        """The same of versions with several changes between them, by the cheap tiers alone.

        What those cannot decide is better decided change by change.
        """
        return self._guarded(before, after, context, self._search_cheaply, _SEVERAL)

    def _guarded(
        self,
        before: Function,
        after: Function,
        context: Context,
        search: Prove,
        mark: bytes = b"",
    ) -> Verdict:
        verdict: Verdict
        try:
            verdict = self._decide(before, after, context, search, mark)
        except MemoryError:
            verdict = Unproved("budget: out of memory")
        except Exception as error:  # the gate must hold whatever happens behind it
            _log.exception("the validator failed")
            verdict = Unproved(f"internal: {type(error).__name__}")
        if self._asked:
            verdict = replace(verdict, obligations=tuple(self._asked))
            self._asked.clear()
        return verdict

    def _decide(
        self, before: Function, after: Function, context: Context, search: Prove, mark: bytes
    ) -> Verdict:
        problem = context.table(ValidityGate).refuse(before, after)
        if problem is not None:
            return Unproved(problem)
        read = len(before.body) + len(after.body)
        if not mark:
            self.report.instructions += read
            if same_text(before, after, context):
                return Proved(TEXT)
        self.report.instructions += read
        if same_steps(before, after, context):
            return Proved(STEPS)
        if self._cache is None:
            return search(before, after, context)
        key = self._cache.key(before, after, context) + mark
        verdict = self._cache.get(key)
        if verdict is None:
            self.report.cache_misses += 1
            verdict = search(before, after, context)
            self._cache.put(key, verdict)
        else:
            self.report.cache_hits += 1
        return verdict

    def _search_cheaply(self, before: Function, after: Function, context: Context) -> Verdict:
        """Prove by value numbers, or not."""
        if self._same_values(before, after, context, tries=_TRIES):
            return Proved(VALUES)
        self.report.instructions += len(before.body) + len(after.body)
        if same_text(before, after, context):
            return Proved(TEXT)
        return Unproved(OTHER_EFFECTS)

    def _same_values(
        self, before: Function, after: Function, context: Context, tries: int | None = None
    ) -> bool:
        effort = self._versions.effort
        known = effort.instructions
        same = self._versions.same(before, after, context, tries=tries)
        self.report.instructions += effort.instructions - known
        return same

    def _search(self, before: Function, after: Function, context: Context) -> Verdict:
        """Prove by execution, or find out why not."""
        reason = ""
        models: list[Mapping[Term, int]] = []
        for tier, attempt in self._attempts(before, after, context, models):
            reason = attempt() or ""
            if not reason:
                return Proved(tier)
            self.report.fallbacks[f"{tier}: {reason}"] += 1
        if self._replay:
            from wasmopt.verify.replay import refute  # noqa: PLC0415 (seldom needed)

            seeds = [scenario_of(model) for model in models]
            refuted = refute(before, after, context, seeds=seeds)
            if refuted is not None:
                return refuted
        return Unproved(reason)

    def _attempts(
        self,
        before: Function,
        after: Function,
        context: Context,
        models: list[Mapping[Term, int]],
    ) -> Iterator[tuple[str, Callable[[], str | None]]]:
        """Tiers to be tried one after the other, each with a function that says what failed.

        What the solver says of states in which the versions differ is added to `models`.
        """
        same = self._same_values
        yield VALUES, lambda: None if same(before, after, context) else OTHER_EFFECTS
        try:
            window = find_window(before, after, context)
        except MalformedError:
            window = None
        codes = (whole_function(before, context), whole_function(after, context))
        for pair in (window, codes):
            if pair is not None:
                yield LOCKSTEP, partial(self._compare, *pair, context, lockstep=True)
        yield LOCKSTEP, partial(self._compare, *codes, context, lockstep=True, by_index=False)
        yield PRODUCT, partial(self._walk_together, before, after, context)
        yield PRODUCT, partial(self._walk_together, before, after, context, one_sided=True)
        if window is not None:
            yield WINDOW, partial(self._compare, *window, context)
        if len(before.body) + len(after.body) > self._limits.instructions:
            yield SUMMARY, lambda: "budget: too long"
            return
        yield SUMMARY, partial(self._compare, *codes, context)
        yield SUMMARY, partial(self._compare, *codes, context, by_index=False)
        yield SUMMARY, partial(self._compare, *codes, context, by_index=False, sink=True)
        if self._solver == "none":
            return
        if window is not None:
            oracle = partial(_SolverOracle, report=self.report, models=[], asked=self._asked)
            yield SOLVER, partial(self._compare, *window, context, oracle=oracle)
        oracle = partial(_SolverOracle, report=self.report, models=models, asked=self._asked)
        yield SOLVER, partial(self._compare, *codes, context, oracle=oracle)

    def _compare(
        self,
        before: Code,
        after: Code,
        context: Context,
        *,
        by_index: bool = True,
        sink: bool = False,
        lockstep: bool = False,
        oracle: Callable[[Arena], Oracle] | None = None,
    ) -> str | None:
        """None if the two are equal, else why they are not known to be."""
        self.report.instructions += len(before.body) + len(after.body)
        return self._attempt(
            lambda: Comparison(
                before,
                after,
                context,
                by_index=by_index,
                sink=sink,
                lockstep=lockstep,
                make_oracle=oracle,
                terms=self._limits.terms,
            )
        )

    def _walk_together(
        self, before: Function, after: Function, context: Context, *, one_sided: bool = False
    ) -> str | None:
        """The same by their product."""
        self.report.instructions += len(before.body) + len(after.body)
        terms = self._limits.terms
        return self._attempt(
            lambda: Product(before, after, context, one_sided=one_sided, terms=terms)
        )

    def _attempt(self, make: Callable[[], Comparison | Product]) -> str | None:
        comparison = None
        try:
            comparison = make()
            comparison.check()
        except (DifferentError, UnsupportedError, MalformedError, BudgetError) as error:
            return str(error)
        except RecursionError:
            return "budget: diagrams too deep"
        finally:
            if comparison is not None:
                self.report.terms += len(comparison.arena)
                self.report.requests += comparison.arena.requests
        return None


class _SolverOracle:
    """Puts the questions of one comparison to Z3.

    The first differences it sees go to `models`, the questions to `asked` unless that is None.
    """

    def __init__(
        self,
        arena: Arena,
        report: ProofReport,
        models: list[Mapping[Term, int]],
        asked: list[Obligation] | None,
    ) -> None:
        from wasmopt.verify.smt import Budget, Equal, Solver  # noqa: PLC0415 (Z3 loads slowly)

        self._solver: Final = Solver(arena, Budget(), asked)
        self._equal: Final = Equal
        self._report: Final = report
        self._models: Final = models

    def proves_equal(self, first: Term, second: Term, under: Term) -> bool:
        """Whether Z3 proves the terms equal where `under` holds."""
        counters = self._solver.counters
        seconds, units = counters.seconds, counters.units
        answer = self._solver.equal(first, second, under)
        self._report.queries += 1
        self._report.answers[type(answer).__name__.lower()] += 1
        self._report.solver_units += counters.units - units
        self._report.solver_seconds += counters.seconds - seconds
        values = getattr(answer, "values", None)
        if values and len(self._models) < MAX_SEEDS:
            self._models.append(values)
        return isinstance(answer, self._equal)
