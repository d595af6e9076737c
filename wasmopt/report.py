"""What happens in a run, counted while it happens.  Sizes are in bytes, times in CPU seconds.

`wasmopt.reporting` makes documents of it for people and for other programs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class PassReport:
    """What one pass did over the whole module.

    Attributes:
        name: the pass.
        instructions: of the code that it was run on, as often as it was.
        attempts: proposals it made.
        kept: proposals that went through both gates.
        bytes_saved: by the kept ones, in encoded code entries.
        grown: proposals that the byte gate dropped.
        proved: kept proposals by method of proof.
        reverted: proposals that the proof gate put back, by reason.
        failed: proposals that never came because the pass raised, by error.
        seconds: CPU time in the pass itself.
        proof_seconds: CPU time in the proof gate.
    """

    name: str
    instructions: int = 0
    attempts: int = 0
    kept: int = 0
    bytes_saved: int = 0
    grown: int = 0
    proved: Counter[str] = field(default_factory=Counter)
    reverted: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    proof_seconds: float = 0.0

    def add(self, other: PassReport) -> None:
        """Count what was done elsewhere."""
        _add(self, other)


@dataclass(slots=True)
class ProofReport:
    """What the validator did in a run.

    Attributes:
        instructions: of the versions that tiers compared, as often as one read them.
        terms: terms built, all proofs together; `requests` is how often one was asked for.
        fallbacks: what each tier could not prove, by tier and reason.
        queries: questions put to the solver; `answers` says what came of them.
        solver_units: work of the solver in its own units, the same on every machine.
        solver_seconds: CPU time in the solver.
        cache_hits, cache_misses: verdicts known from, and not in, the proof cache.
    """

    instructions: int = 0
    terms: int = 0
    requests: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)
    queries: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    solver_units: int = 0
    solver_seconds: float = 0.0
    cache_hits: int = 0
    cache_misses: int = 0

    def add(self, other: ProofReport) -> None:
        """Count what was done elsewhere."""
        _add(self, other)


def _add(report: PassReport | ProofReport, other: PassReport | ProofReport) -> None:
    """Add every number of one report to another of its kind."""
    for each in fields(report):
        if each.name != "name":
            setattr(report, each.name, getattr(report, each.name) + getattr(other, each.name))


@dataclass(slots=True)
class Report:
    """What one run did; the savings of `passes`, `sections_saved` and `encoding_saved` add up
    to `input_size - output_size` exactly.

    Attributes:
        encoding_saved: by minimal numbers and section headers.
        sections_saved: by custom sections dropped, empty sections included.
        input_weight, output_weight: in the size that the goal names.
        input_code, output_code: content of the code section.
        imported: how many functions are imported.
        functions: how many are defined; `changed` of them were changed.
        rounds: the most visits that one function took.
        seconds: of the whole run, other processes included; `seconds_elsewhere` is what these took.
        proofs: what the validator did.
        notices: things the user should know, one line each.
    """

    input_size: int
    output_size: int = 0
    input_weight: int = 0
    output_weight: int = 0
    input_code: int = 0
    output_code: int = 0
    encoding_saved: int = 0
    sections_saved: int = 0
    imported: int = 0
    functions: int = 0
    changed: int = 0
    rounds: int = 0
    seconds: float = 0.0
    seconds_elsewhere: float = 0.0
    passes: list[PassReport] = field(default_factory=list)
    proofs: ProofReport = field(default_factory=ProofReport)
    notices: list[str] = field(default_factory=list)

    def add(self, part: Report, name: str) -> None:
        """Count what was done to a part of the input, which notices call `name`.

        Sizes of the whole, savings by re-encoding and the time are not sums of those of parts.
        """
        self.input_code += part.input_code
        self.output_code += part.output_code
        self.sections_saved += part.sections_saved
        self.imported += part.imported
        self.functions += part.functions
        self.changed += part.changed
        self.rounds = max(self.rounds, part.rounds)
        self.seconds_elsewhere += part.seconds_elsewhere
        known = {each.name: each for each in self.passes}
        for entry in part.passes:
            if entry.name not in known:
                known[entry.name] = PassReport(entry.name)
                self.passes.append(known[entry.name])
            known[entry.name].add(entry)
        self.proofs.add(part.proofs)
        self.notices += [f"{name}: {notice}" for notice in part.notices]

    def add_whole(self, other: Report, name: str) -> None:
        """Count what was done to another input of that name: sizes and times as well."""
        self.add(other, name)
        self.input_size += other.input_size
        self.output_size += other.output_size
        self.input_weight += other.input_weight
        self.output_weight += other.output_weight
        self.encoding_saved += other.encoding_saved
        self.seconds += other.seconds
