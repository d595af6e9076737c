"""Compares two modules that anybody may have made of each other, function by function.

`matching.py` guesses which function stands for which.  Then each pair is proved or not, under
the assumption that functions which both versions call are equal; if everything that is no code is
equal too, and all pairs are proved, then the modules are, by the argument of README.md,
"Module-level changes" and "Two modules".  Nothing ends at the first problem: all are collected.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from wasmopt.function import Function
from wasmopt.module import CustomSection, Kind, Module
from wasmopt.module_change import Correspondence
from wasmopt.renumber import GoneError, Renumbering
from wasmopt.verdict import Obligation, Proved, Prover, Unproved
from wasmopt.verify.correspondence import MAPPED
from wasmopt.verify.global_facts import GlobalFacts
from wasmopt.verify.inlining import ExpansionError, Inliner
from wasmopt.verify.joint_module import JointModule
from wasmopt.verify.likeness import Likeness
from wasmopt.verify.matching import match_modules
from wasmopt.verify.module_parts import RefusedError, check_merged, part_checks, require
from wasmopt.verify.plain_globals import plain_globals
from wasmopt.verify.prover import VALUES
from wasmopt.verify.reshaping import Reshaped, named_otherwise
from wasmopt.verify.same_values import Versions
from wasmopt.verify.uncalled import uncalled

_log = logging.getLogger(__name__)

MAX_INSTRUCTIONS: Final = 20_000
"""Of both versions together, calls replaced; longer ones are only read, never executed."""
MAX_INLINED: Final = 2_000
"""Instructions of a function that is left and is put in the place of its calls nevertheless."""
MAX_INLINE_ROUNDS: Final = 4
_REPAIRS: Final = (0.6, 2.0)
"""Pairs that are not proved are taken apart when they are less alike than this, one after the
other: a function that goes with the wrong one makes all that call it fail."""

UNCALLED: Final = "never called"

_NOTES: Final = (
    *("name", "producers", "target_features", "sourceMappingURL"),
    *(".debug_", "external_debug_info", "metadata.code."),
)
"""How the names of custom sections begin that say nothing of what a module does."""

Fate = Literal["matched", "merged", "inlined", "removed"]


@dataclass(frozen=True, slots=True)
class FunctionVerdict:
    """What became of one old function that the module defines.

    Attributes:
        index: its old index.
        fate: whether it has a counterpart of its own, or one together with others, is gone
            because its calls were replaced by its body, or because nobody calls it.
        image: index of its counterpart, None without one.
        method: what proved it: a tier, or `maps` where nothing but indices differ; None for what
            is not proved or needs no proof.
        reason: why it is not proved; None for what is or needs none.
        cached: whether what was found out about it is of an earlier run.
    """

    index: int
    fate: Fate
    image: int | None
    method: str | None = None
    reason: str | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of two modules.

    Attributes:
        functions: the old ones that are defined, in order.
        added: new functions without an old one, by their index.
        problems: what differs, or may, that is no code.
        obligations: what the solver was asked, if that is recorded, by old function.
    """

    functions: tuple[FunctionVerdict, ...]
    added: tuple[int, ...]
    problems: tuple[str, ...]
    obligations: tuple[Obligation, ...] = ()

    @property
    def unproved(self) -> list[FunctionVerdict]:
        """The functions that are not proved."""
        return [each for each in self.functions if each.reason is not None]

    @property
    def proved(self) -> bool:
        """Whether the modules are proved to be the same program."""
        return not self.problems and not self.unproved


def compare_modules(
    before: Module,
    after: Module,
    prover: Prover,
    cheap: Prover,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    claim: Correspondence | None = None,
) -> Comparison:
    """Prove as much as can be proved.

    Args:
        before: a valid module.
        after: another, whose instructions are of the same pool.
        prover: for functions that are not the same otherwise.
        cheap: the same for those that are too long for it.
        on_progress: called with the number of functions done and of all.
        claim: which index stands for which; it is found without.
    """
    asked: list[Obligation] = []
    try:
        claim = match_modules(before, after) if claim is None else claim
        search = _Search(before, after, prover, cheap, claim, asked=asked)
        found = search.run(on_progress)
        for least in _REPAIRS:
            claim = search.without_doubtful_pairs(found, least)
            if claim is not None:
                known = search.kept(found, claim)
                other = _Search(before, after, prover, cheap, claim, asked=asked, known=known)
                again = other.run(None)
                if len(again.unproved) < len(found.unproved):
                    search, found = other, again
        return replace(found, obligations=tuple(asked))
    except (RefusedError, GoneError) as problem:
        reason = str(problem)
    except Exception as error:  # the gate must hold whatever happens behind it
        _log.exception("the validator failed on two modules")
        reason = f"internal: {type(error).__name__}"
    first = len(before.imported(Kind.FUNCTION))
    unknown = [
        FunctionVerdict(index, "matched", None, None, reason)
        for index in range(first, first + len(before.functions))
    ]
    return Comparison(tuple(unknown), (), (reason,), tuple(asked))


class _Search:
    """One comparison.  What no proof may fail on is caught function by function."""

    def __init__(
        self,
        before: Module,
        after: Module,
        prover: Prover,
        cheap: Prover,
        claim: Correspondence,
        *,
        asked: list[Obligation],
        known: Mapping[int, FunctionVerdict] | None = None,
    ) -> None:
        self._known: Final = known or {}
        self._obligations: Final = asked
        self._cached: Final[set[int]] = set()
        self._named: Final[dict[int, set[int]]] = {}
        before, after = plain_globals(_without_notes(before), _without_notes(after), claim)
        self._before: Final = before
        self._after: Final = after
        self._prover: Final = prover
        self._cheap: Final = cheap
        self._versions: Final = Versions()
        images = claim.maps[Kind.FUNCTION]
        self._claim: Final = claim
        self._imported: Final = (
            len(before.imported(Kind.FUNCTION)),
            len(after.imported(Kind.FUNCTION)),
        )
        self._images: Final = images
        self._uncalled: Final = uncalled(before)
        self._sources: Final = Counter([image for image in images if image is not None])
        gone = [i for i in range(self._imported[0], len(images)) if images[i] is None]
        self._joint: Final = JointModule(before, after, claim, gone, ghost_globals=True)
        total = self._imported[1] + len(after.functions)
        self.added: Final = tuple(
            [each for each in range(self._imported[1], total) if not self._sources[each]]
        )
        joint = self._joint
        self._reshaped: Final = joint.reshaped()
        ghosts = joint.ghosts
        bodies = {
            image: joint.old[index]
            for index, image in ghosts.items()
            if index not in joint.problems
        }
        self._bodies: Final[tuple[dict[int, Function], dict[int, Function]]] = (
            bodies,
            {index: joint.new_version(index) for index in self.added},
        )
        self._optional: Final = {
            image: (joint.old[index], joint.new_version(image))
            for index, image in enumerate(self._images)
            if image is not None
            and index in joint.old
            and index not in joint.problems
            and self._sources[image] == 1
        }
        events = [
            {joint.image(index): each.old_call for index, each in self._reshaped.items()},
            {joint.image(index): each.new_call for index, each in self._reshaped.items()},
        ]
        self._events: Final = (events[0], events[1])
        self._inliners: Final = self._make_inliners(())
        context = joint.context
        self._spelled_out: Final = context.table(GlobalFacts).reads(context.pool)
        self._ghost_names: Final = {
            context.pool.make(name, ghost)
            for ghost in ghosts.values()
            for name in ("call", "ref.func", "return_call")
        }

    def run(self, on_progress: Callable[[int, int], None] | None) -> Comparison:
        """All verdicts."""
        problems = self._part_problems()
        verdicts = []
        needed = self._needed()
        total = len(self._before.functions)
        for place in range(total):
            verdicts.append(self._verdict(place + self._imported[0], needed))
            if on_progress is not None:
                on_progress(place + 1, total)
        return Comparison(tuple(verdicts), self.added, problems)

    # -- pairs that were guessed wrongly ---------------------------------------------------------

    def without_doubtful_pairs(self, found: Comparison, least: float) -> Correspondence | None:
        """The claim without short pairs that are not proved, are less alike than `least` and that
        nothing but calls names; None if there are none.

        If they are none, their bodies can stand in the place of their calls in both modules.
        """
        named = (named_otherwise(self._before), named_otherwise(self._after))
        images = list(self._images)
        likeness = Likeness(self._before, self._after)
        for each in found.unproved:
            image = each.image
            if image is None or each.index in named[0] or image in named[1]:
                continue
            versions = (self._joint.old[each.index], self._joint.new_version(image))
            alike = likeness(each.index - self._imported[0], image - self._imported[1])
            if alike < least and max(len(version.body) for version in versions) <= MAX_INLINED:
                images[each.index] = None
        if tuple(images) == self._images:
            return None
        shapes = {i: shape for i, shape in self._claim.reshaped.items() if images[i] is not None}
        maps = {**self._claim.maps, Kind.FUNCTION: tuple(images)}
        return replace(self._claim, maps=maps, reshaped=shapes)

    def kept(self, found: Comparison, claim: Correspondence) -> dict[int, FunctionVerdict]:
        """What was proved without naming any function that has no counterpart in the new claim."""
        if claim.reshaped.keys() != self._claim.reshaped.keys():
            return {}
        pairs = zip(self._images, claim.maps[Kind.FUNCTION], strict=True)
        gone = {image for image, other in pairs if image != other}
        return {
            each.index: each
            for each in found.functions
            if each.method is not None
            and each.image not in gone
            and gone.isdisjoint(self._named.get(each.index, gone))
        }

    # -- everything but code -----------------------------------------------------------------

    def _part_problems(self) -> tuple[str, ...]:
        moved = Renumbering(self._claim, self._after.pool)
        checks = part_checks(self._before, self._after, self._claim, moved)
        checks.append(partial(check_merged, self._before, self._images))
        checks.append(self._check_reshaped)
        problems = []
        for check in checks:
            try:
                check()
            except (RefusedError, GoneError) as problem:
                problems.append(str(problem))
            except Exception as error:  # the gate must hold whatever happens behind it
                _log.exception("the validator failed on a part of a module")
                problems.append(f"internal: {type(error).__name__}")
        return tuple(problems)

    def _check_reshaped(self) -> None:
        """Functions with another type must be named by nothing but calls."""
        if self._reshaped:
            named = (named_otherwise(self._before), named_otherwise(self._after))
            for index in self._reshaped:
                image = self._joint.image(index)
                only_called = index not in named[0] and image not in named[1]
                require(only_called, f"function {index} has another type and is not only called")
                require(
                    self._sources[image] == 1, f"function {index} has another type and is shared"
                )

    def _needed(self) -> set[int]:
        """The functions without a counterpart that somebody with one calls, by old index."""
        joint = self._joint
        calls = {joint.context.pool.make("call", image): i for i, image in joint.ghosts.items()}
        needed: set[int] = set()
        pending = [i for i in joint.old if i not in joint.ghosts]
        while pending:
            called = {calls[i] for i in calls.keys() & set(joint.old[pending.pop()].body)}
            pending += sorted(called - needed)
            needed |= called
        return needed

    # -- functions ---------------------------------------------------------------------------

    def _verdict(self, index: int, needed: set[int]) -> FunctionVerdict:
        image = self._images[index]
        if index in self._known:
            return self._known[index]
        if image is None:
            return FunctionVerdict(index, "inlined" if index in needed else "removed", None)
        if index in self._uncalled:
            return FunctionVerdict(index, "matched", image, UNCALLED)
        fate: Fate = "merged" if self._sources[image] > 1 else "matched"
        try:
            method, reason = self._prove(index, image)
        except (RefusedError, GoneError, ExpansionError) as problem:
            method, reason = None, str(problem)
        except MemoryError:
            method, reason = None, "budget: out of memory"
        except Exception as error:  # the gate must hold whatever happens behind it
            _log.exception("the validator failed on a function")
            method, reason = None, f"internal: {type(error).__name__}"
        return FunctionVerdict(index, fate, image, method, reason, index in self._cached)

    def _prove(self, index: int, image: int) -> tuple[str | None, str | None]:
        """The method that proves it, or the reason why none does."""
        joint = self._joint
        if index in joint.problems:
            return None, joint.problems[index]
        if image < self._imported[1]:
            return None, "the counterpart is an import"
        reason = None
        pairs: list[tuple[Function, Function]] = []
        for pair in self._expansions(index, image):
            if isinstance(pair, str):
                reason = pair
                continue
            pairs.append(pair)
            self._note_names(index, pair)
            method = self._prove_cheaply(*pair)
            if method is not None:
                return method, None
        for first, second in reversed(pairs):
            self._note_names(index, (first, second))
            short = len(first.body) + len(second.body) <= MAX_INSTRUCTIONS
            verdict = (self._prover if short else self._cheap)(first, second, joint.context)
            self._obligations.extend([replace(o, function=index) for o in verdict.obligations])
            if verdict.cached:
                self._cached.add(index)
            if isinstance(verdict, Proved):
                return verdict.method, None
            reason = verdict.reason if isinstance(verdict, Unproved) else "other effects"
            if not short:
                reason = "budget: too long"
        return None, reason

    def _note_names(self, index: int, pair: tuple[Function, Function]) -> None:
        """Remember what is named by the versions that are compared."""
        instrs = set(pair[0].body).union(pair[1].body)
        self._named[index] = {i.immediates[0] for i in instrs if "func" in i.op.immediates}

    def _prove_cheaply(self, first: Function, second: Function) -> str | None:
        bodies = [[self._spelled_out.get(i, i) for i in each.body] for each in (first, second)]
        if bodies[0] == bodies[1] and first.locals == second.locals:
            return MAPPED
        return VALUES if self._versions.same(first, second, self._joint.context) else None

    def _expansions(self, index: int, image: int) -> Iterator[tuple[Function, Function] | str]:
        """Both versions with calls replaced: first what has to be, then what may help."""
        versions = (self._joint.old[index], self._joint.new_version(image))
        try:
            pair = self._expand(self._inliners, versions, index)
        except ExpansionError as problem:
            yield str(problem)
            return
        yield pair
        chosen: set[int] = set()
        for _ in range(MAX_INLINE_ROUNDS):
            more = self._called_differently(pair) - chosen - {image}
            if not more:
                break
            chosen |= more
            try:
                pair = self._expand(self._make_inliners(chosen), versions, index)
            except ExpansionError as problem:
                yield str(problem)
                return
            yield pair

    def _called_differently(self, pair: tuple[Function, Function]) -> set[int]:
        """Functions of which one version has more calls, if they may be put in their place."""
        counts = [
            Counter([i.immediates[0] for i in each.body if i.name == "call"]) for each in pair
        ]
        found = set()
        for index in counts[0].keys() | counts[1].keys():
            versions = self._optional.get(index)
            if versions is None or counts[0][index] == counts[1][index]:
                continue
            if max(len(each.body) for each in versions) <= MAX_INLINED:
                found.add(index)
        return found

    def _make_inliners(self, chosen: Iterable[int]) -> tuple[Inliner, Inliner]:
        inliners = []
        for side in (0, 1):
            bodies = {**self._bodies[side], **self._events[side]}
            bodies |= {index: self._optional[index][side] for index in chosen}
            inliners.append(Inliner(bodies, self._joint.context))
        return inliners[0], inliners[1]

    def _expand(
        self, inliners: tuple[Inliner, Inliner], versions: tuple[Function, Function], index: int
    ) -> tuple[Function, Function]:
        first, second = [
            inliner(version) for inliner, version in zip(inliners, versions, strict=True)
        ]
        if not self._ghost_names.isdisjoint(first.body):
            raise ExpansionError("names a function that is gone")
        each: Reshaped | None = self._reshaped.get(index)
        if each is not None:
            call = self._joint.image(index)
            context = self._joint.context
            first = Inliner({call: first}, context)(each.old_whole)
            second = Inliner({call: second}, context)(each.new_whole)
        return first, second


def _without_notes(module: Module) -> Module:
    """The module without custom sections that engines do not act on."""
    layout = [
        part
        for part in module.layout
        if not (isinstance(part, CustomSection) and part.name.startswith(_NOTES))
    ]
    return replace(module, layout=tuple(layout))
