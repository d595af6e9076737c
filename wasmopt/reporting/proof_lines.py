"""The proof log as a file: one line of JSON for each change that came to the proof gate.

There are no times in it, and the order does not depend on who did what first: the same input,
options, versions and proof cache give the same bytes.  docs/proofs.md has the members in a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final, Literal

from wasmopt.api import Result
from wasmopt.component_api import ComponentResult
from wasmopt.module import Kind, Module
from wasmopt.proof_log import ProofEntry, body_digest
from wasmopt.verify import SOLVER, TwoModules, solver_version, validator_version

SCHEMA: Final = "wasmopt.proof/1"
METHODS: Final[Mapping[str, str]] = {
    "maps": "renumbering",
    "never called": "unreachable",
    "text": "normal forms",
    "steps": "simulation",
    "values": "value numbering",
    "lockstep": "symbolic execution",
    "product": "symbolic execution",
    "window": "symbolic execution",
    "summary": "symbolic execution",
    SOLVER: "symbolic execution with SMT",
}
"""What each tier does, in a word or two; verify/README.md has the argument for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """One change, or one pair of functions of two modules.

    Attributes:
        schema: Version of this format.
        module: The core module of a component; null where the input is a module.
        function: Index of the function when the change was made, imported ones counted; null for
            the module as a whole.
        source: Its index in the input; null for the module and for functions that passes made.
        name: What it is called in the input; null where it has no name.
        pass_name: The pass that made the change; null for `wasmopt verify`.
        before: SHA-256 of the body before, or of the module; see docs/proofs.md.
        after: SHA-256 of the body after; null where an import stands for it.
        compared: What the verdict is about, before and after: the same two digests, unless one
            proof is about several changes in a row.
        verdict: Of the validator.
        tier: Which tier proved it; null for what is not proved.
        method: What that tier does; null for what is not proved.
        reason: Why the change was put back, or why it is not proved; null for what was kept.
        cached: Whether the verdict, or a part of it, is of an earlier run.
        solver: Name and version of the solver that the proof needed; null where it needed none.
        validator: Version of the validator: of wasmopt, of its libraries and of its sources.
    """

    schema: str
    module: str | None
    function: int | None
    source: int | None
    name: str | None
    pass_name: str | None
    before: str | None
    after: str | None
    compared: tuple[str | None, str | None]
    verdict: Literal["proved", "refuted", "unproved"]
    tier: str | None
    method: str | None
    reason: str | None
    cached: bool
    solver: str | None
    validator: str


def write_lines(lines: Iterable[ProofLine]) -> bytes:
    """The file: a line each, in ASCII, whatever is in names."""
    return "".join([json.dumps(asdict(line)) + "\n" for line in lines]).encode()


def parts_of(result: Result | ComponentResult) -> list[tuple[str | None, Result]]:
    """The modules of a result, each with its name if it is part of a component."""
    if isinstance(result, Result):
        return [(None, result)]
    return [(each.name, each.result) for each in result.modules]


def proof_lines(
    entries: Iterable[ProofEntry], names: Mapping[int, str], module: str | None = None
) -> list[ProofLine]:
    """The lines of one module.

    Args:
        entries: its log.
        names: of functions, by their index in the input.
        module: which one of a component it is; None if it is all there is.
    """
    return [_line(each, names, module) for each in entries]


def _line(entry: ProofEntry, names: Mapping[int, str], module: str | None) -> ProofLine:
    tier = entry.tier
    return ProofLine(
        schema=SCHEMA,
        module=module,
        function=entry.function,
        source=entry.source,
        name=None if entry.source is None else names.get(entry.source),
        pass_name=entry.change,
        before=entry.before,
        after=entry.after,
        compared=entry.compared,
        verdict=entry.verdict,
        tier=tier,
        method=None if tier is None else METHODS[tier],
        reason=entry.reason,
        cached=entry.cached,
        solver=solver_version() if tier == SOLVER else None,
        validator=validator_version(),
    )


def verification_entries(
    found: TwoModules, before: tuple[bytes, Module], after: tuple[bytes, Module]
) -> list[ProofEntry]:
    """What `wasmopt verify` found: each function with a counterpart, then the modules.

    Args:
        found: the verdicts.
        before: the first module and its encoding.
        after: the second.
    """
    entries = []
    comparison = found.comparison
    for each in comparison.functions:
        if each.image is not None:
            bodies = (_digest(before[1], each.index), _digest(after[1], each.image))
            entry = _entry(each.index, bodies, "proved" if each.method else "unproved", each.reason)
            entry.tier, entry.cached = each.method, each.cached
            entries.append(entry)
    unproved = len(comparison.unproved)
    reasons = [found.divergence.difference] if found.divergence is not None else []
    reasons += comparison.problems
    reasons += [f"functions that are not proved: {unproved}"] if unproved else []
    digests = (sha256(before[0]).hexdigest(), sha256(after[0]).hexdigest())
    whole = _entry(None, digests, found.verdict, "; ".join(reasons) or None)
    whole.obligations = comparison.obligations
    return [*entries, whole]


def _digest(module: Module, index: int) -> str | None:
    """Of the body of a function; None for an imported one."""
    place = index - len(module.imported(Kind.FUNCTION))
    return None if place < 0 else body_digest(module.functions[place])


def _entry(
    index: int | None,
    digests: tuple[str | None, str | None],
    verdict: Literal["proved", "refuted", "unproved"],
    reason: str | None,
) -> ProofEntry:
    return ProofEntry(
        change=None,
        function=index,
        source=index,
        before=digests[0],
        after=digests[1],
        compared=digests,
        verdict=verdict,
        tier=None,
        reason=reason,
        cached=False,
        obligations=(),
    )
