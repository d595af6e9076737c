"""What `wasmopt verify` found, as data (`wasmopt.verification/1`) and as text.

The classes are the one definition of the JSON; `codec` reads and writes them, and `published` makes
the JSON Schema of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from wasmopt.reporting.markdown import bullets, code, folded, notes, table_markdown
from wasmopt.reporting.names import function_labels
from wasmopt.reporting.schema import ASSUMPTIONS
from wasmopt.reporting.tables import Column, Table, share, shortened
from wasmopt.reporting.terminal import table_lines
from wasmopt.verify import FunctionVerdict
from wasmopt.verify_api import VerifyResult
from wasmopt.version import VERSION

SCHEMA: Final = "wasmopt.verification/1"
_FATES: Final = {
    "matched": "with a counterpart",
    "merged": "that became one with others",
    "inlined": "put in the place of their calls",
    "removed": "gone, and nobody calls them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One of the two modules.

    Attributes:
        file: The name that was given.
        raw: Its size in bytes.
        sha256: Digest of the module in hexadecimal.
    """

    file: str
    raw: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRow:
    """What became of one function of the first module.

    Attributes:
        index: Its index.
        name: What it is called.
        fate: Whether it has a counterpart of its own, one together with others, or none.
        counterpart: Index in the second module; null without one.
        proof: What proved the two equal, under the assumption that what both call is; null where
            nothing did or nothing has to.
        reason: Why they are not proved equal; null where they are or need not be.
    """

    index: int
    name: str
    fate: Literal["matched", "merged", "inlined", "removed"]
    counterpart: int | None
    proof: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of two modules.

    Attributes:
        schema: Which version of this format it is.
        tool: Version of wasmopt.
        before: The first module.
        after: The second.
        verdict: Whether they are the same program.
        problems: What is not shown to be the same besides the functions.
        counterexample: What an experiment showed to be different; null without one.
        functions: The functions that the first module defines.
        added: Functions of the second that stand for none of the first, by index.
        proofs: How many functions each method proved.
        reasons: How many functions are unproved for each reason.
        assumptions: What the proofs assume.
        seconds: CPU time.
    """

    schema: Literal["wasmopt.verification/1"]
    tool: str
    before: File
    after: File
    verdict: Literal["proved", "refuted", "unproved"]
    problems: tuple[str, ...]
    counterexample: str | None
    functions: tuple[FunctionRow, ...]
    added: tuple[int, ...]
    proofs: Mapping[str, int]
    reasons: Mapping[str, int]
    assumptions: tuple[str, ...]
    seconds: float


def build_verification(found: VerifyResult, names: tuple[str, str]) -> Verification:
    """The report.

    Args:
        found: what is known.
        names: of the two files.
    """
    labels = function_labels(found.module)
    files = [
        File(file=name, raw=len(each), sha256=hashlib.sha256(each).hexdigest())
        for name, each in zip(names, (found.before, found.after), strict=True)
    ]
    rows = [_row(each, labels) for each in found.functions]
    return Verification(
        schema="wasmopt.verification/1",
        tool=VERSION,
        before=files[0],
        after=files[1],
        verdict=found.verdict,
        problems=found.problems,
        counterexample=found.counterexample.difference if found.counterexample else None,
        functions=tuple(rows),
        added=found.added,
        proofs=_counted([row.proof for row in rows]),
        reasons=_counted([row.reason for row in rows]),
        assumptions=ASSUMPTIONS,
        seconds=found.seconds,
    )


def _row(verdict: FunctionVerdict, labels: Sequence[str]) -> FunctionRow:
    return FunctionRow(
        index=verdict.index,
        name=labels[verdict.index],
        fate=verdict.fate,
        counterpart=verdict.image,
        proof=verdict.method,
        reason=verdict.reason,
    )


def _counted(values: Sequence[str | None]) -> dict[str, int]:
    return dict(Counter([each for each in values if each is not None]).most_common())


def headline(report: Verification) -> str:
    """The verdict in a line."""
    proved = sum(report.proofs.values())
    total = proved + sum(report.reasons.values())
    return (
        f"{report.verdict}: {proved} of {total} functions that have a counterpart are proved equal"
        f" ({share(proved, total)})"
    )


def facts(report: Verification) -> list[str]:
    """What there is to say, a line each."""
    fates: Counter[str] = Counter([row.fate for row in report.functions])
    parts = [f"{fates[fate]} {text}" for fate, text in _FATES.items() if fates[fate]]
    lines = [f"functions: {', '.join([*parts, f'{len(report.added)} new'])}"]
    for what, counts in (("proved", report.proofs), ("unproved", report.reasons)):
        if counts:
            lines.append(f"{what}: {', '.join([f'{name} {n}' for name, n in counts.items()])}")
    lines += [f"not shown to be the same: {problem}" for problem in report.problems]
    if report.counterexample is not None:
        lines.append(f"counterexample: {report.counterexample}")
    return lines


def unproved_table(report: Verification, top: int) -> Table:
    """The first functions that are not proved."""
    rows = [row for row in report.functions if row.reason is not None]
    return Table(
        "Unproved functions",
        (
            Column("function"),
            Column("name", numeric=False, literal=True),
            Column("counterpart"),
            Column("reason", numeric=False),
        ),
        tuple(
            [
                (str(row.index), shortened(row.name), str(row.counterpart), row.reason or "")
                for row in rows[:top]
            ]
        ),
    )


def verification_text(report: Verification, top: int) -> str:
    """The report for a terminal."""
    lines = [f"{report.before.file} {report.after.file}: {headline(report)}", *facts(report)]
    table = unproved_table(report, top)
    if table.rows:
        lines += ["", f"{table.name}:", *table_lines(table)]
    return "\n".join([*lines, ""])


def verification_markdown(report: Verification, top: int) -> str:
    """The report for a CI job summary."""
    table = unproved_table(report, top)
    blocks = [
        f"### {code(report.before.file)} and {code(report.after.file)}: {report.verdict}",
        f"{headline(report)}.",
        *notes(facts(report)),
        *(folded(table.name, table_markdown(table)) if table.rows else []),
        *folded("What the proofs assume, and nothing else", bullets(report.assumptions)),
        f"<sub>wasmopt {report.tool}; {report.seconds:.1f} s of CPU time</sub>",
    ]
    return "\n\n".join(blocks) + "\n"
