"""What happened in a run, in numbers.  All sizes are in bytes, all times in CPU seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PassReport:
    """What one pass did over the whole module.

    Attributes:
        name: the pass.
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
    attempts: int = 0
    kept: int = 0
    bytes_saved: int = 0
    grown: int = 0
    proved: Counter[str] = field(default_factory=Counter)
    reverted: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    proof_seconds: float = 0.0


@dataclass(slots=True)
class ProofReport:
    """What the validator did in a run.

    Attributes:
        terms: terms built, all proofs together; `requests` is how often one was asked for.
        fallbacks: what each tier could not prove, by tier and reason.
        queries: questions put to the solver; `answers` says what came of them.
        solver_seconds: CPU time in the solver.
        cache_hits, cache_misses: verdicts known from, and not in, the proof cache.
    """

    terms: int = 0
    requests: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)
    queries: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    solver_seconds: float = 0.0
    cache_hits: int = 0
    cache_misses: int = 0


@dataclass(slots=True)
class Report:
    """What one run did; the savings of `passes`, `sections_saved` and `encoding_saved` add up
    to `input_size - output_size` exactly.

    Attributes:
        encoding_saved: by minimal numbers and section headers.
        sections_saved: by custom sections dropped, empty sections included.
        input_code, output_code: content of the code section.
        functions: how many are defined; `changed` of them were changed.
        rounds: the most visits that one function took.
        proofs: what the validator did.
        notices: things the user should know, one line each.
    """

    input_size: int
    output_size: int = 0
    input_code: int = 0
    output_code: int = 0
    encoding_saved: int = 0
    sections_saved: int = 0
    functions: int = 0
    changed: int = 0
    rounds: int = 0
    passes: list[PassReport] = field(default_factory=list)
    proofs: ProofReport = field(default_factory=ProofReport)
    notices: list[str] = field(default_factory=list)


def summary_line(report: Report) -> str:
    """One line for people: sizes and what was saved."""
    saved = report.input_size - report.output_size
    share = 100 * saved / report.input_size if report.input_size else 0.0
    return (
        f"{report.input_size} -> {report.output_size} bytes ({-share:+.1f} %), "
        f"code {report.input_code} -> {report.output_code}, "
        f"{report.changed} of {report.functions} functions changed"
    )


def metrics_table(report: Report) -> str:
    """The passes with their numbers, one line each, aligned."""
    heads = "pass attempts kept saved grown reverted failed seconds proof"
    rows: list[tuple[str, ...]] = [tuple(heads.split())]
    rows += [
        (
            entry.name,
            str(entry.attempts),
            str(entry.kept),
            str(entry.bytes_saved),
            str(entry.grown),
            str(entry.reverted.total()),
            str(entry.failed.total()),
            f"{entry.seconds:.2f}",
            f"{entry.proof_seconds:.2f}",
        )
        for entry in report.passes
    ]
    rows.append(("re-encoding", "", "", str(report.encoding_saved), "", "", "", "", ""))
    rows.append(("sections", "", "", str(report.sections_saved), "", "", "", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    for entry in report.passes:
        for kind, counts in (
            ("proved by", entry.proved),
            ("reverted", entry.reverted),
            ("failed", entry.failed),
        ):
            lines += [f"{entry.name}: {n} {kind} {what}" for what, n in sorted(counts.items())]
    lines += proof_lines(report.proofs)
    return "\n".join(line.rstrip() for line in lines)


def proof_lines(proofs: ProofReport) -> list[str]:
    """What the validator did, one fact a line; nothing when every proof was of texts."""
    lines = []
    if proofs.requests:
        known = 100 * (1 - proofs.terms / proofs.requests)
        lines.append(f"proofs: {proofs.terms} terms built, {known:.0f} % of requests found one")
    if proofs.queries:
        answers = ", ".join(f"{n} {what}" for what, n in sorted(proofs.answers.items()))
        lines.append(
            f"proofs: {proofs.queries} solver queries in {proofs.solver_seconds:.2f} s: {answers}"
        )
    if proofs.cache_hits or proofs.cache_misses:
        lines.append(f"proofs: {proofs.cache_hits} known from the cache, {proofs.cache_misses} not")
    lines += [f"proofs: {n} fell through {what}" for what, n in proofs.fallbacks.most_common()]
    return lines
