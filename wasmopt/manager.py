"""Runs passes over a module; every change goes through two gates here and nowhere else.

Byte gate: the encoded code entry of the function must shrink, or stay equal where the pass says
that it prepares the ground for others.  Proof gate: the validator must say `Proved`.  What fails
either is dropped, and the function stays the object it was.  Nothing that a pass raises or
returns gets past these gates.

Several changes of one function may share a proof: passes go on from versions that are not proved
yet, and the last is compared with the first.  Where that is not proved, each change is.

What counts as smaller is up to the goal.  Compressed sizes do not add up function by function:
there, functions still have to shrink one by one, and then a stage of passes over all of them is
kept or put back as a whole, by what the compressor makes of the module.  A pass over the module
may make it longer, as long as it compresses to less.

A pass over the whole module is a barrier: the passes before it have been through all functions,
and it goes through the same two gates as a whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Final

from wasmopt.context import Context, Pass
from wasmopt.encode import encode, expr_bytes
from wasmopt.errors import ValidationError
from wasmopt.function import Function
from wasmopt.goals import RAW, size_for
from wasmopt.module import Kind, Module
from wasmopt.module_change import ModulePass, ModuleProver, refuse_modules
from wasmopt.options import MAX_ROUNDS, Options
from wasmopt.origins import Origins
from wasmopt.outcome import Outcome, Spread
from wasmopt.proof_log import (
    ProofEntry,
    body_digest,
    entry_of,
    in_order,
    module_digest,
    reason_of,
)
from wasmopt.proposals import MalformedError, check_form, check_proposal
from wasmopt.report import PassReport
from wasmopt.tokenizer import tokenize
from wasmopt.validate import legacy_exceptions, validate
from wasmopt.verdict import Proved, Prover, Refuted, Unproved, Verdict
from wasmopt.visit import Change, Step, Visit, parts_of

_log = logging.getLogger(__name__)

INVALID: Final = "made the module invalid"
"""Why changes are reverted that no gate stopped."""
NOT_LIGHTER: Final = "no smaller when compressed"
"""Why changes of functions are reverted, all of a stage, that only the goal is against."""
WRONG: Final = "it changed what the code does"
"""What is said of changes that were refuted."""
MAX_VALIDATIONS: Final = 40
"""Times a module is validated to find the functions that make it invalid."""

Observer = Callable[[str, int, Function, Module], None]
"""Called with (pass name, function index, changed function, module as it was) behind every kept
change."""


@dataclass(slots=True)
class Manager:
    """One run of some passes over one module.

    Attributes:
        passes: in the order they run; one over the whole module waits until those before it
            have been through all functions.
        options: rounds and fuel.
        prover: what stands in the proof gate; `module_prover` for passes over the module.
        observer: told of kept changes (for `--print-after`).
        on_progress: called with (functions done, functions in all).
        prover_of_several: what may prove several changes of a function at once, when they are
            all made; where it cannot, or is None, `prover` has to prove each.
        spread: takes functions through passes in other processes; None for this one.  Not used
            with fuel or an observer, which want changes one after the other.
        log: where to write down what became of each change at the proof gate; None for nowhere.
        reports: one for each pass, filled by the run.
        rounds: the most visits that one function took.
        origins: where functions and the rest went that the input has.
        settled: the module that function-local changes since the last barrier are made to.
    """

    passes: Sequence[Pass | ModulePass]
    options: Options
    prover: Prover
    observer: Observer | None = None
    on_progress: Callable[[int, int], None] | None = None
    module_prover: ModuleProver = refuse_modules
    prover_of_several: Prover | None = None
    spread: Spread | None = None
    log: list[ProofEntry] | None = None
    reports: dict[str, PassReport] = field(init=False)
    rounds: int = field(init=False, default=0)
    origins: Origins = field(init=False, default_factory=Origins)
    settled: Module = field(init=False, default_factory=Module)
    _fuel: float = field(init=False)
    _wrong: dict[tuple[str, str], list[int]] = field(init=False, default_factory=dict)
    _kept: dict[int, list[Change]] = field(init=False, default_factory=dict)
    _final: list[Change] = field(init=False, default_factory=list)
    _put_back: dict[tuple[str, str], None] = field(init=False, default_factory=dict)
    _visited: int = field(init=False, default=0)
    _given: int = field(init=False, default=0)
    _weighed: list[tuple[Module, bool, int]] = field(init=False, default_factory=list)
    _rested: dict[Function, frozenset[str]] = field(init=False, default_factory=dict)
    """Passes that find nothing more to do in a function."""

    def __post_init__(self) -> None:
        self.reports = {each.name: PassReport(each.name) for each in self.passes}
        self._fuel = float("inf") if self.options.fuel is None else self.options.fuel

    def run(self, module: Module) -> Module:
        """The module with every function taken through the passes to a fixpoint."""
        self.settled = module
        self._given = len(module.imported(Kind.FUNCTION)) + len(module.functions)
        if not self.passes:
            return module
        stages = _stages(self.passes)
        size = 0
        while True:
            before = module
            for place, stage in enumerate(stages):
                if isinstance(stage, ModulePass):
                    module = self._change_module(stage, self._settle(module))
                else:
                    left = sum([not isinstance(each, ModulePass) for each in stages[place:]])
                    after = self._change_functions(stage, module, left)
                    module = self._judge_stage(module, after)
            if not self.options.converge or len(stages) == 1 or module is before:
                return module
            size_before = size or self._weight(before, preview=True)
            size = self._weight(module, preview=True)
            if size >= size_before:
                return module

    def visit(self, context: Context, positions: Sequence[int]) -> Outcome:
        """Take some functions through the passes, all of which are function-local."""
        module = context.module
        passes = [each for each in self.passes if isinstance(each, Pass)]
        imported = len(module.imported(Kind.FUNCTION))
        changed = {}
        rested: list[int] = []
        for position in positions:
            before = module.functions[position]
            after = self._optimize(passes, before, imported + position, context)
            if after is not before:
                changed[position] = (after.locals, expr_bytes(after.body))
            if after in self._rested:
                rested.append(position)
        kept = {
            index: [(each.report.name, each[1:]) for each in changes]
            for index, changes in self._kept.items()
        }
        reports = list(self.reports.values())
        wrong, rounds = self._wrong, self.rounds
        log = tuple(self.log or ())
        return Outcome(changed, reports, kept, wrong, rounds, len(positions), tuple(rested), log)

    def _change_functions(self, passes: Sequence[Pass], module: Module, stages: int) -> Module:
        """Take every function through some passes; `stages` is how often that is still to come,
        this time included.
        """
        legacy = legacy_exceptions(module)
        names = [each.name for each in passes]
        functions = list(module.functions)
        known = self._rested
        self._rested = {each: known[each] for each in functions if each in known}
        total = self._visited + stages * len(functions)
        covered = [
            position
            for position, function in enumerate(functions)
            if not self._rested.get(function, frozenset()).issuperset(names)
            and (not legacy or legacy.isdisjoint(function.body))
        ]
        self._visited += len(functions) - len(covered)
        logged = 0 if self.log is None else len(self.log)
        if self.on_progress is not None and len(covered) < len(functions):
            self.on_progress(self._visited, total)
        if self.spread is None or self.observer is not None or self.options.fuel is not None:
            work = self._visit_here(passes, module, covered)
        else:
            work = self._visit_elsewhere(self.spread, passes, module, covered)
        for visited, changed in work:
            for position, function in changed.items():
                functions[position] = function
            self._visited += visited
            if self.on_progress is not None:
                self.on_progress(self._visited, total)
        if self.log is not None:
            sources = self.origins.sources(self._given)
            self.log[logged:] = in_order(self.log[logged:], sources)
        if not changed_functions(module.functions, functions):
            return module
        return replace(module, functions=tuple(functions))

    def _visit_here(
        self, passes: Sequence[Pass], module: Module, positions: Sequence[int]
    ) -> Iterator[tuple[int, dict[int, Function]]]:
        """Take functions through passes; yields how many were, and their new versions."""
        context = Context(module)
        imported = len(module.imported(Kind.FUNCTION))
        for position in positions:
            function = module.functions[position]
            yield 1, {position: self._optimize(passes, function, imported + position, context)}

    def _visit_elsewhere(
        self, spread: Spread, passes: Sequence[Pass], module: Module, positions: Sequence[int]
    ) -> Iterator[tuple[int, dict[int, Function]]]:
        """The same in other processes."""
        for outcome in spread(passes, module, positions):
            for report in outcome.reports:
                self.reports[report.name].add(report)
            for index, changes in outcome.kept.items():
                self._kept.setdefault(index, []).extend(
                    [Change(self.reports[name], *facts) for name, facts in changes]
                )
            if self.log is not None:
                self.log += outcome.log
            for problem, indices in outcome.wrong.items():
                self._wrong.setdefault(problem, []).extend(indices)
            self.rounds = max(self.rounds, outcome.rounds)
            changed = {}
            for position, (groups, code) in outcome.functions.items():
                body = tuple(tokenize(code, 0, len(code), module.pool))
                changed[position] = Function(module.functions[position].type_index, groups, body)
            names = frozenset([each.name for each in passes])
            for position in outcome.rested:
                self._rested[changed.get(position, module.functions[position])] = names
            yield outcome.visited, changed

    def _judge_stage(self, before: Module, after: Module) -> Module:
        """The module behind a stage of passes over functions, or the one before it.

        For raw bytes the functions have been weighed one by one, and these add up.
        """
        if after is before or self.options.goal == RAW:
            return after
        if self._weight(after, preview=True) < self._weight(before, preview=True):
            return after
        self.put_back(list(self._kept), NOT_LIGHTER)
        return before

    def _settle(self, module: Module) -> Module:
        """The module as it will not be put back function by function any more: valid."""
        if module is not self.settled and not _is_valid(module):
            module = self.put_back_invalid(self.settled, module)
        self.origins.change(self.settled, module)
        self._final += [change for changes in self._kept.values() for change in changes]
        self._kept.clear()
        self.settled = module
        return module

    def _change_module(self, each: ModulePass, module: Module) -> Module:
        """The module after one pass over it, or the module itself if a gate closed."""
        if self._fuel <= 0:
            return module
        report = self.reports[each.name]
        report.instructions += sum([len(function.body) for function in module.functions])
        start = time.process_time()
        try:
            proposal = each.run(module, self.options)
            if proposal is None:
                return module
            after, claim = check_proposal(proposal)
            saved = len(encode(module)) - len(encode(after))
            preview = not each.compresses
            weight = self._weight(module, preview=preview)
            lighter = self._weight(after, preview=preview) < weight
        except Exception as error:  # a pass may be arbitrarily wrong
            _log.warning("pass %s failed: %r", each.name, error)
            problem = str(error) if isinstance(error, MalformedError) else type(error).__name__
            report.failed[problem] += 1
            self._put_back[each.name, problem] = None
            return module
        finally:
            report.seconds += time.process_time() - start
        report.attempts += 1
        if not lighter:
            report.grown += 1
            return module
        verdict = self._prove([report], lambda: self.module_prover(module, after, claim))
        if isinstance(verdict, Proved) and not _is_valid(after):
            verdict = Unproved(INVALID, verdict.cached, verdict.obligations)
        entry = None
        if self.log is not None:
            digests = (module_digest(module), module_digest(after))
            entry = entry_of(each.name, None, digests, verdict)
            self.log.append(entry)
        if not isinstance(verdict, Proved):
            reason = reason_of(verdict)
            if isinstance(verdict, Refuted):
                self._put_back[each.name, WRONG] = None
            _log.info("pass %s put back: %s", each.name, reason)
            report.reverted[reason] += 1
            return module
        report.kept += 1
        report.bytes_saved += saved
        report.proved[verdict.method] += 1
        self._final.append(Change(report, saved, verdict.method, entry))
        self._fuel -= 1
        imported = len(after.imported(Kind.FUNCTION))
        for old, new in self.origins.follow(module, after, claim).items():
            rested = self._rested.get(module.functions[old - imported], frozenset())
            self._rested[after.functions[new - imported]] = rested
        if self.observer is not None:
            known = set(module.functions)
            for index, function in enumerate(after.functions, imported):
                if function not in known:
                    self.observer(each.name, index, function, after)
        self.settled = after
        return after

    def _weight(self, module: Module, *, preview: bool) -> int:
        """The size that counts, in bytes.

        Args:
            module: what to measure.
            preview: whether to measure what the passes that compress would make of it; none of
                that is kept.
        """
        for known, as_preview, weight in self._weighed:
            if known is module and as_preview == preview:
                return weight
        measured = self._previewed(module) if preview else module
        weight = size_for(self.options.goal)(encode(measured))
        self._weighed = [*self._weighed[-3:], (module, preview, weight)]
        return weight

    def _previewed(self, module: Module) -> Module:
        """The module behind all passes that compress, with no regard to any gate."""
        for each in self.passes if self.options.goal != RAW else ():
            if isinstance(each, ModulePass) and each.compresses:
                try:
                    proposal = each.run(module, self.options)
                    module = module if proposal is None else proposal[0]
                except Exception as error:  # that is told when its turn comes
                    _log.warning("pass %s failed: %r", each.name, error)
        return module

    def put_back_invalid(self, before: Module, after: Module) -> Module:
        """`after` with those functions put back as `before` has them that make it invalid.

        They are found by putting back one half and then the other, in `MAX_VALIDATIONS` steps at
        most: what is not cleared by then is put back too.
        """
        imported = len(before.imported(Kind.FUNCTION))
        functions = list(before.functions)
        parts = [changed_functions(before.functions, after.functions)]
        validations = 0
        while parts:
            part = parts.pop()
            trial = list(functions)
            for position in part:
                trial[position] = after.functions[position]
            validations += 1
            if validations <= MAX_VALIDATIONS and _is_valid(
                replace(before, functions=tuple(trial))
            ):
                functions = trial
            elif validations < MAX_VALIDATIONS and len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                guilty = [imported + position for position in part]
                for index in guilty:
                    for name in {change.report.name: None for change in self._kept[index]}:
                        self._wrong.setdefault((name, INVALID), []).append(index)
                self.put_back(guilty, INVALID)
        return replace(before, functions=tuple(functions))

    def notices(self) -> list[str]:
        """What went wrong in passes, one line each."""
        lines = []
        for (name, problem), indices in self._wrong.items():
            distinct = list(dict.fromkeys(indices))
            first = ", ".join(map(str, distinct[:5]))
            more = f" and {len(distinct) - 5} more" if len(distinct) > 5 else ""
            lines.append(f"pass {name} was put back in function {first}{more}: {problem}")
        lines += [f"pass {name} was put back: {problem}" for name, problem in self._put_back]
        return lines

    def put_back(self, indices: Collection[int], reason: str) -> None:
        """Count the kept changes of these functions as reverted after all."""
        for index in indices:
            for change in self._kept.pop(index, ()):
                change.revert(reason)

    def put_back_all(self, reason: str) -> None:
        """Count all kept changes as reverted."""
        self.put_back(list(self._kept), reason)
        for change in self._final:
            change.revert(reason)
        self._final.clear()
        self.origins = Origins()

    def _optimize(
        self, passes: Sequence[Pass], function: Function, index: int, context: Context
    ) -> Function:
        """Visit one function until a whole round changes nothing."""
        visit = Visit(function, index, context)
        if self.prover_of_several is not None:
            self._visit(passes, visit, together=True)
            if self._prove_steps(visit) and not visit.interrupted:
                self._rest(visit)
                return visit.proved
        self._visit(passes, visit, together=False)
        self._rest(visit)
        return visit.proved

    def _rest(self, visit: Visit) -> None:
        """Remember that the passes find nothing more to do, if they do not."""
        if all(each is visit.proved for each in visit.seen.values()):
            self._rested[visit.proved] = frozenset(visit.seen)

    def _visit(self, passes: Sequence[Pass], visit: Visit, *, together: bool) -> None:
        """Rounds of passes over one function, with proofs after each change or left for later."""
        rounds = 0
        rounds_left = MAX_ROUNDS
        while rounds_left:
            before = visit.newest
            rounds += 1
            rounds_left -= 1
            for each in passes:
                if visit.seen.get(each.name) is visit.newest or self._fuel <= len(visit.steps):
                    continue
                self._propose(each, visit)
                if visit.interrupted and together:
                    return
                if not together:
                    self._prove_steps(visit)
            after = visit.newest
            if after is before:
                break
            if self.options.converge and after.entry_size() < before.entry_size():
                rounds_left = MAX_ROUNDS
        self.rounds = max(self.rounds, rounds)

    def _propose(self, each: Pass, visit: Visit) -> None:
        """Have a pass propose the next version, which has to go through the byte gate."""
        function = visit.newest
        visit.seen[each.name] = function
        report = self.reports[each.name]
        report.instructions += len(function.body)
        start = time.process_time()
        try:
            proposal = each.run(function, visit.context)
            if proposal is function:
                return
            check_form(proposal, function, visit.context.pool)
        except Exception as error:  # a pass may be arbitrarily wrong
            if visit.steps:  # or have been misled by one before it
                visit.interrupted = True
                del visit.seen[each.name]
                return
            _log.warning("pass %s failed on function %d: %r", each.name, visit.index, error)
            problem = str(error) if isinstance(error, MalformedError) else type(error).__name__
            report.failed[problem] += 1
            self._wrong.setdefault((each.name, problem), []).append(visit.index)
            return
        finally:
            report.seconds += time.process_time() - start
        report.attempts += 1
        saved = function.entry_size() - proposal.entry_size()
        if saved < 0 or (saved == 0 and not each.enabling):
            report.grown += 1
        else:
            visit.steps.append(Step(report, proposal, saved, each.alone))

    def _prove_steps(self, visit: Visit) -> bool:
        """Prove the steps of a visit, as many as possible with one proof.

        Steps of passes that say so, and those that change how often control forks, are proved
        alone, since no cheap tier compares what forks elsewhere.  What was not proved together is
        halved, until a single step shows what is wrong.  That one is put back; what came behind
        it was made from it and is forgotten.
        """
        steps = visit.steps
        versions = [visit.proved, *[step.after for step in steps]]
        parts = parts_of(versions, [step.alone for step in steps])
        done = 0
        while parts:
            first, last = parts.pop()
            alone = last - first == 1
            prover = self.prover if alone else self.prover_of_several
            verdict: Verdict = Unproved("not tried")
            if prover is not None:
                verdict = self._prove(
                    [step.report for step in steps[first:last]],
                    partial(prover, versions[first], versions[last], visit.context),
                )
            if isinstance(verdict, Proved):
                done = last
                entries = self._note(visit, versions, (first, last), verdict)
                for step, entry in zip(steps[first:last], entries, strict=True):
                    self._keep(step, verdict.method, visit, entry)
            elif alone:
                self._note(visit, versions, (first, last), verdict)
                self._put_back_step(steps[first], visit, verdict)
                visit.seen[steps[first].report.name] = versions[first]
                break
            else:
                middle = (first + last) // 2
                parts += [(middle, last), (first, middle)]
        for step in steps[done + 1 :]:
            step.report.attempts -= 1
        whole = done == len(steps)
        visit.proved = versions[done]
        steps.clear()
        return whole

    def _note(
        self, visit: Visit, versions: Sequence[Function], part: tuple[int, int], verdict: Verdict
    ) -> Sequence[ProofEntry | None]:
        """Log the steps of a visit that one verdict is about; nothing for each without a log."""
        first, last = part
        if self.log is None:
            return [None] * (last - first)
        digests = [body_digest(each) for each in versions[first : last + 1]]
        entries = [
            entry_of(step.report.name, visit.index, pair, verdict, (digests[0], digests[-1]))
            for step, pair in zip(visit.steps[first:last], pairwise(digests), strict=True)
        ]
        for each in entries[1:]:
            each.obligations = ()
        self.log += entries
        return entries

    def _keep(self, step: Step, method: str, visit: Visit, entry: ProofEntry | None) -> None:
        """A step went through both gates."""
        report = step.report
        report.kept += 1
        report.bytes_saved += step.saved
        report.proved[method] += 1
        self._kept.setdefault(visit.index, []).append(Change(report, step.saved, method, entry))
        self._fuel -= 1
        if self.observer is not None:
            self.observer(report.name, visit.index, step.after, visit.context.module)

    def _put_back_step(self, step: Step, visit: Visit, verdict: Refuted | Unproved) -> None:
        reason = reason_of(verdict)
        if isinstance(verdict, Refuted):
            self._wrong.setdefault((step.report.name, WRONG), []).append(visit.index)
        _log.info("pass %s, function %d put back: %s", step.report.name, visit.index, reason)
        step.report.reverted[reason] += 1

    def _prove(self, reports: Sequence[PassReport], decide: Callable[[], Verdict]) -> Verdict:
        """The proof gate; the time goes to the passes whose work it was."""
        start = time.process_time()
        try:
            return decide()
        except Exception as error:  # whatever ails the validator, nothing is proved
            _log.warning("the validator failed after %s: %r", reports[0].name, error)
            return Unproved(f"the validator failed ({type(error).__name__})")
        finally:
            share = (time.process_time() - start) / len(reports)
            for report in reports:
                report.proof_seconds += share


def changed_functions(before: Sequence[Function], after: Sequence[Function]) -> list[int]:
    """Positions at which the two differ."""
    pairs = zip(before, after, strict=True)
    return [position for position, (old, new) in enumerate(pairs) if old is not new]


def _stages(passes: Sequence[Pass | ModulePass]) -> list[ModulePass | list[Pass]]:
    """The passes, with those that go through functions together between those that do not."""
    stages: list[ModulePass | list[Pass]] = []
    for each in passes:
        if isinstance(each, ModulePass):
            stages.append(each)
        elif stages and isinstance(stages[-1], list):
            stages[-1].append(each)
        else:
            stages.append([each])
    return stages


def _is_valid(module: Module) -> bool:
    try:
        validate(module)
    except ValidationError:
        return False
    return True
