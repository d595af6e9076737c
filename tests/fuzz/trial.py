"""One trial: a random module, optimized in a random way, has to behave as it did."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz.choices import Choices
from tests.fuzz.generate import random_module
from tests.fuzz.observe import difference, observe
from tests.verify.execution import CannotRunError, differs
from wasmopt.api import Result, optimize
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.module import Kind, Module
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES, REGISTRY

ALL_PASSES = (*REGISTRY, *MODULE_PASSES)
MOST_PASSES = 6
RUNS_OF_A_CHANGE = 6
"""States and arguments that a changed function is run with, next to its old version."""

# A trial tells what went wrong; the log would say it again.
logging.getLogger("wasmopt").setLevel(logging.CRITICAL)


@dataclass
class Trial:
    """What one trial came to.

    Attributes:
        problem: what is wrong, None for nothing.
        counts: what was done, by name; summed up over many trials.
        instructions: mnemonics in the module.
    """

    module: Module
    options: Options
    problem: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    instructions: frozenset[str] = frozenset()


def drawn_options(choices: Choices) -> Options:
    """All passes in a level's order, or a few of them in any."""
    if not choices.chance(400):
        return Options(level="z")
    names = [choices.pick(ALL_PASSES) for _ in range(1 + choices.below(MOST_PASSES))]
    return Options(passes=tuple(names), converge=choices.chance(200))


def tried(choices: Choices, *, each_change: bool = False) -> Trial:
    """Make a module, optimize it and compare; with `each_change`, functions one by one too."""
    options = drawn_options(choices)
    module = random_module(choices)
    names = frozenset([instr.name for each in module.functions for instr in each.body])
    trial = Trial(module, options, instructions=names)
    trial.problem = _problem(trial, each_change)
    return trial


def _problem(trial: Trial, each_change: bool) -> str | None:
    source = encode(trial.module)
    changes: dict[tuple[Module, int], Function] = {}

    def note(_name: str, index: int, changed: Function, around: Module) -> None:
        changes[around, index] = changed

    try:
        result = optimize(source, trial.options, observer=note)
    except Exception as error:  # whatever it is, it should not be
        return f"raised {error!r}"
    _count(trial, result)
    report = result.report
    if report.notices:
        return f"noticed: {report.notices[0]}"
    refuted = [each.name for each in report.passes if each.reverted["refuted"]]
    if refuted:
        return f"put back, for it was wrong: {refuted[0]}"
    if result.data != source:
        before, after = observe(source), observe(result.data)
        trial.counts["calls"] += sum([event[0] == "state" for event in before.events])
        trial.counts["runs without an end"] += not (before.complete and after.complete)
        found = difference(before, after)
        if found is not None:
            return f"behaves differently: {found}"
    return _difference_of_changes(trial, changes) if each_change else None


def _count(trial: Trial, result: Result) -> None:
    counts = trial.counts
    counts["modules"] += 1
    counts["modules changed"] += result.data != result.source
    for each in result.report.passes:
        counts["changes proved"] += each.kept
        counts["changes put back"] += sum(each.reverted.values())
        for reason, count in each.reverted.items():
            counts[f"put back, {each.name}: {reason}"] += count


def _difference_of_changes(trial: Trial, changes: dict[tuple[Module, int], Function]) -> str | None:
    """The first function that a proved change made different, with anything around it."""
    for (around, index), after in changes.items():
        position = index - len(around.imported(Kind.FUNCTION))
        before = around.functions[position]
        if after is before:
            continue
        try:
            found = differs(around, before, after, tries=RUNS_OF_A_CHANGE)
        except CannotRunError:
            trial.counts["functions not run alone"] += 1
            continue
        trial.counts["functions run alone"] += 1
        if found is not None:
            return f"function {index} alone behaves differently: {found}"
    return None
