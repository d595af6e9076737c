"""Asks Z3 whether two terms are equal, when being the same term does not settle it.

    answer = Solver(arena, Budget()).equal(first, second, under=guard)

`Equal` is a proof for all values of the symbols and all behaviours of what has no theory, wherever
the condition `under` holds.  Terms that differ on a few samples (`samples.py`) need no query.  The
first query is cut at what both terms share (`smt_terms.Region`), so that its cost follows the
difference.  If Z3 finds values that tell the cut terms apart, a second query spells out
everything, and its model may become a counterexample: `Model`, for replay to decide.  All else is
`Unknown`, and so is whatever goes wrong in Z3.

Nothing here looks at the time: budgets count terms, gates and the solver's own steps, and seeds
are fixed, so the same questions in the same order get the same answers everywhere.

This module imports Z3, which takes a third of a second; import it where it is needed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import z3

from wasmopt.verify.samples import WIDTHS, make_samples
from wasmopt.verify.smt_terms import Encoder, Region, costs_more_than
from wasmopt.verify.terms import BOOL, Arena, SortError, Term

CUT: Final = "cut"
UNCUT: Final = "uncut"
TOO_LARGE: Final = "too large for the solver"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a proof may ask of the solver.

    Attributes:
        resources: for each query, in Z3's resource units; a million are 0.1 to 0.5 seconds.
        queries: for each proof.
        terms: with operands that one query spells out of the two sides, and again of the guard.
        gates: of a query when it is turned into single bits, roughly; 64 * 64 of them are one
            multiplication of i64.  This is what bounds memory.
        rewrites: steps of Z3's simplifier for each query.
        sampled: up to how large a `Term.number` terms are evaluated on samples first.
    """

    resources: int = 2_000_000
    queries: int = 12
    terms: int = 1_000
    gates: int = 60_000
    rewrites: int = 20_000
    sampled: int = 200_000


@dataclass(frozen=True, slots=True)
class Equal:
    """The two are equal for all values.

    Attributes:
        method: `CUT` or `UNCUT`, which query proved it.
    """

    method: str


@dataclass(frozen=True, slots=True)
class Model:
    """Values that tell the two apart, if uninterpreted functions are what they are in the model.

    Attributes:
        values: the unsigned bit pattern of every term with a width in the query, symbols, results
            of loads and calls and their operands included.
    """

    values: Mapping[Term, int]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither; `reason` says in a few words why."""

    reason: str


Answer = Equal | Model | Unknown


@dataclass(slots=True)
class Counters:
    """What was asked of the solver.

    Attributes:
        queries: put to Z3.
        cut_proofs, uncut_proofs: equalities proved, by query.
        models: pairs told apart.
        sampled: how many of these took no query.
        unknown: pairs left open, by reason.
        units: of Z3's own, that all queries took: the same on every machine.
        seconds: of CPU spent on all that, building the queries included; for reports only.
    """

    queries: int = 0
    cut_proofs: int = 0
    uncut_proofs: int = 0
    models: int = 0
    sampled: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    units: int = 0
    seconds: float = 0.0

    def add(self, other: Counters) -> None:
        """Add what another proof took."""
        self.queries += other.queries
        self.cut_proofs += other.cut_proofs
        self.uncut_proofs += other.uncut_proofs
        self.models += other.models
        self.sampled += other.sampled
        self.unknown += other.unknown
        self.units += other.units
        self.seconds += other.seconds

    def count(self, answer: Answer) -> None:
        """Count one answer."""
        match answer:
            case Equal(method):
                if method == CUT:
                    self.cut_proofs += 1
                else:
                    self.uncut_proofs += 1
            case Model():
                self.models += 1
            case Unknown(reason):
                self.unknown[reason] += 1


class Solver:
    """Z3 for the terms of one proof; drop it together with the arena.

    Args:
        arena: of all terms.
        budget: see there.

    Attributes:
        counters: what has been asked so far.
    """

    def __init__(self, arena: Arena, budget: Budget) -> None:
        self.counters: Final = Counters()
        self._arena: Final = arena
        self._budget: Final = budget
        self._answers: Final[dict[tuple[Term, Term, Term | None], Answer]] = {}
        self._samples: Final = make_samples()
        self._context: z3.Context | None = None
        self._encoder: Encoder | None = None

    def equal(self, first: Term, second: Term, under: Term | None = None) -> Answer:
        """Whether two terms have the same value wherever the condition `under` holds.

        Args:
            first: of any sort.
            second: of the same sort.
            under: a condition, None for everywhere.

        Raises:
            SortError: the sorts do not fit, here or within the terms.
            ValueError: a term is not of this arena.
        """
        self._check(first, second, under)
        if second.number < first.number:
            first, second = second, first
        key = (first, second, under)
        answer = self._answers.get(key)
        if answer is None:
            start = time.thread_time()
            try:
                answer = self._decide(first, second, under)
            except z3.Z3Exception as error:
                answer = Unknown(_reason(_message(error)))
            finally:
                self.counters.seconds += time.thread_time() - start
            self._answers[key] = answer
            self.counters.count(answer)
        return answer

    def _check(self, first: Term, second: Term, under: Term | None) -> None:
        if first.sort != second.sort:
            raise SortError(f"{first.sort} compared with {second.sort}")
        if under is not None and under.sort != BOOL:
            raise SortError(f"a term of sort {under.sort} as a condition")
        for term in (first, second, under):
            if term is not None and not self._is_own(term):
                raise ValueError(f"{term} is not of this arena")

    def _is_own(self, term: Term) -> bool:
        return self._arena.node(term.op, term.sort, term.args, term.payload) is term

    def _decide(self, first: Term, second: Term, under: Term | None) -> Answer:
        region = self._region(first, second, under, to_shared=True)
        if max(first.number, second.number) <= self._budget.sampled:
            for sample in self._samples:
                if sample.tells_apart(first, second, under):
                    self.counters.sampled += 1
                    region = self._region(first, second, under, to_shared=False)
                    return Model({term: sample.values[term] for term in _numeric(region)})
        answer = self._query(first, second, under, region)
        if region.cut and isinstance(answer, Model):
            region = self._region(first, second, under, to_shared=False)
            answer = self._query(first, second, under, region)
            if region.cut and isinstance(answer, Model):
                return Unknown(TOO_LARGE)
        return answer

    def _region(self, first: Term, second: Term, under: Term | None, *, to_shared: bool) -> Region:
        region = Region()
        region.extend((first, second), self._budget.terms, to_shared=to_shared)
        if under is not None:
            region.extend((under,), self._budget.terms, to_shared=False)
        return region

    def _query(self, first: Term, second: Term, under: Term | None, region: Region) -> Answer:
        """One query.  A model says nothing about the terms themselves if the region was cut."""
        if self.counters.queries >= self._budget.queries:
            return Unknown("solver query budget")
        self.counters.queries += 1
        if self._context is None or self._encoder is None:
            self._context = z3.Context()
            self._encoder = Encoder(self._context)
        roots = [first, second] if under is None else [first, second, under]
        left, right, *guards = self._encoder.expressions(roots, region)
        question = z3.And(left != right, *[guard == 1 for guard in guards])
        question = z3.simplify(question, max_steps=self._budget.rewrites)
        equal = Equal(CUT if region.cut else UNCUT)
        if z3.is_false(question):
            return equal
        if costs_more_than(self._budget.gates, question):
            return Unknown(TOO_LARGE)
        solver = z3.SimpleSolver(ctx=self._context)
        # Z3 would take an interrupt from the keyboard for itself and answer "unknown".
        solver.set(rlimit=self._budget.resources, random_seed=0, ctrl_c=False)
        solver.add(question)
        result = solver.check()
        self.counters.units = _units(solver.statistics())
        if result == z3.unsat:
            return equal
        if result != z3.sat:
            return Unknown(_reason(solver.reason_unknown()))
        if region.cut:
            return Model({})
        values = self._values(solver.model(), self._encoder, region)
        holds = under is None or values[under] == 1
        if not holds or (first in values and values[first] == values[second]):
            return Unknown("solver: wrong model")
        return Model(values)

    def _values(self, model: z3.ModelRef, encoder: Encoder, region: Region) -> dict[Term, int]:
        """Values of all that has a width: one evaluation of all of them behind one another."""
        terms = _numeric(region)
        expressions = [encoder.expression(term) for term in terms]
        row = z3.Concat(z3.BitVecVal(0, 1, self._context), *expressions)
        # Python refuses to read decimal numbers of more than 4,300 digits.
        bits = int(model.eval(row, model_completion=True).as_binary_string(), 2)
        values: dict[Term, int] = {}
        for term in reversed(terms):
            width = WIDTHS[term.sort]
            values[term] = bits & ((1 << width) - 1)
            bits >>= width
        return values


def _numeric(region: Region) -> list[Term]:
    """Terms whose values are numbers, in order."""
    terms = [term for term in region.inside if term.sort in WIDTHS]
    return sorted(terms, key=lambda term: term.number)


def _units(statistics: z3.Statistics) -> int:
    """What everything so far took in this context."""
    known = "rlimit count" in statistics.keys()  # noqa: SIM118 (no container)
    return int(statistics.get_key_value("rlimit count")) if known else 0


def _message(error: z3.Z3Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)


def _reason(message: str) -> str:
    """What Z3 says when it gives up, in words of which there are few."""
    return _REASONS.get(message, f"solver: {message}")


_REASONS: Final = {
    "canceled": "solver resource limit",
    "max. resource limit exceeded": "solver resource limit",
    "max. steps exceeded": TOO_LARGE,
}
