"""The report of one run as data, `wasmopt.report/1`, and of several, `wasmopt.batch/1`.

These classes are the one definition.  `codec` reads and writes them as JSON, and the JSON Schemas
beside this file are made from them by `python -m wasmopt.reporting.published`.
All sizes are in bytes, all times in CPU seconds, and a delta is after minus before, so that a
saving is negative.  A later version may add members, and only a new version number in `schema`
takes any away or changes what it means: readers skip members that they do not know.

But for members whose names end in `seconds`, and for `proofs`, which depends on what the proof
cache knew, the same input, options and versions give the same report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

SCHEMA: Final = "wasmopt.report/1"
BATCH_SCHEMA: Final = "wasmopt.batch/1"

ASSUMPTIONS: Final = (
    "A float operation is a deterministic function of its operands' bits, with NaN payloads as "
    "the engine gives them.",
    "Stack overflow and fuel are not observed.",
    "All traps are one.",
    "Shared memory and atomics are outside the theory.",
)
"""What the proofs assume, and nothing else (README, What is proved)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a file is, in bytes.

    Attributes:
        raw: The file as it is.
        code: The content of its code section.
        gzip: The file compressed by gzip at level 9, without a time stamp.
        brotli: The file compressed by brotli at quality 11 with a window of 2^24 bytes; null where
            the brotli package was not installed.
        sha256: Digest of the file in hexadecimal.
    """

    raw: int
    code: int
    gzip: int
    brotli: int | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionChange:
    """One section before and after, its number and length included.

    Attributes:
        name: As in the specification; custom sections are `custom "NAME"`, and all of one name are
            one; `header` is the eight bytes that a module starts with. In a component, all sections
            of one kind are one but for core modules, which are numbered, and `component` is what
            nested components take besides the sections in them.
        before: Bytes in the input, 0 where it has none.
        after: Bytes in the output, 0 where it has none.
        delta: after minus before; all of them add up to the change of the whole file.
    """

    name: str
    before: int
    after: int
    delta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleChange:
    """One core module of a component before and after.

    Attributes:
        name: `core module` and its number in the order of the file, from 0 on.
        offset: Byte of the input at which it stands.
        before: Bytes in the input.
        after: Bytes in the output.
        delta: after minus before.
        defined: How many functions it defines.
        changed: How many of these the passes changed.
    """

    name: str
    offset: int
    before: int
    after: int
    delta: int
    defined: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of what made the file smaller, in the order of the pipeline.

    Attributes:
        name: The pass; `re-encoding` for minimal numbers and section headers, `sections` for what
            was dropped of custom sections and of sections without entries.
        kind: Whether it is a pass.
        before: Size of the file if only the steps above it were done.
        after: Size of the file if this one was done too.
        delta: after minus before; all of them add up to the change of the whole file.
        instructions: Of the code that the pass was run on, as often as it was.
        attempts: Changes that the pass proposed.
        kept: Those that went through both gates.
        grown: Those that the byte gate dropped.
        proved: Kept changes by the tier of the validator that proved them.
        reverted: Changes that the proof gate put back, by reason.
        failed: Changes that never came because the pass failed, by error.
        seconds: Time in the pass.
        proof_seconds: Time in the proof gate for its changes.
    """

    name: str
    kind: Literal["pass", "re-encoding", "sections"]
    before: int
    after: int
    delta: int
    instructions: int
    attempts: int
    kept: int
    grown: int
    proved: Mapping[str, int]
    reverted: Mapping[str, int]
    failed: Mapping[str, int]
    seconds: float
    proof_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionChange:
    """One function before and after: its entry in the code section, length included.

    Attributes:
        index: In the input or that core module of it, imported functions counted; functions that
            only the output has are numbered behind.
        name: From the symbols file or the name section, else the name it is exported by, else
            `function INDEX`; in a component behind the name of the core module.
        before: Bytes in the input.
        after: Bytes in the output.
        delta: after minus before.
    """

    index: int
    name: str
    before: int
    after: int
    delta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """The functions.

    Attributes:
        imported: How many are imported.
        defined: How many are defined.
        changed: How many of these the passes changed.
        largest: Those that are largest in the output.
        most_changed: Those whose size changed most.
    """

    imported: int
    defined: int
    changed: int
    largest: tuple[FunctionChange, ...]
    most_changed: tuple[FunctionChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What the validator did, all passes together; what the cache knew is not done again.

    Attributes:
        instructions: Of the versions that were compared, as often as a tier read them.
        terms: Terms built.
        requests: How often one was asked for.
        fallbacks: What a tier could not prove, by tier and reason.
        queries: Questions put to the solver.
        answers: What came of them.
        solver_units: Work of the solver in its own units, the same on every machine.
        solver_seconds: Time in the solver.
        cache_hits: Verdicts known from the proof cache.
        cache_misses: Verdicts not known from the proof cache.
    """

    instructions: int
    terms: int
    requests: int
    fallbacks: Mapping[str, int]
    queries: int
    answers: Mapping[str, int]
    solver_units: int
    solver_seconds: float
    cache_hits: int
    cache_misses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit on the size of the output.

    Attributes:
        name: Which: max-size and max-growth are about raw bytes, max-brotli about compressed ones.
        value: As it was given, for instance 10KB or 5%.
        place: Where it was given: a flag, or file and line.
        allowed: The most bytes that it allows; null where that cannot be told, for max-growth
            without a baseline.
        actual: The bytes that there are; null where that cannot be told.
        kept: Whether it is kept; null where that cannot be told for want of a baseline, and false
            where it cannot be told for want of the brotli package.
    """

    name: Literal["max-size", "max-brotli", "max-growth"]
    value: str
    place: str
    allowed: int | None
    actual: int | None
    kept: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The run that this one is compared with.

    Attributes:
        file: Name of its report, without the folder.
        output: Sizes of what came out of it.
    """

    file: str
    output: Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the run was told.

    Attributes:
        level: The optimization level.
        goal: The size that counted: raw, gzip or brotli.
        outline: Where repeated code could become functions: all, cold (outside of loops) or none.
        passes: The passes that were named, in their order; null for those of the level.
        converge: Whether it went on until nothing got smaller.
        fuel: After how many changes it had to stop; null for no limit.
        solver: The solver that proofs could use.
    """

    level: str
    goal: str
    outline: str
    passes: tuple[str, ...] | None
    converge: bool
    fuel: int | None
    solver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The report of one run.

    Attributes:
        schema: Version of this format.
        tool: Version of wasmopt.
        libraries: Versions of what it ran with; null for what was not installed.
        module: Name of the input, without the folder.
        options: What the run was told.
        assumptions: What the proofs assume, and nothing else.
        input: The file that went in.
        output: The file that came out.
        modules: The core modules when the input is a component, else none.
        sections: The sections in the order of the input, new ones behind.
        steps: The passes in order, then what is no pass.
        functions: The functions.
        proofs: What the validator did.
        rounds: The most visits of the pipeline to one function.
        seconds: Time of the whole run.
        notices: What the user should know, one line each.
        budget: The limits on the output; none when there were no limits.
        baseline: The run that this one is compared with; null when there is none.
    """

    schema: Literal["wasmopt.report/1"]
    tool: str
    libraries: Mapping[str, str | None]
    module: str
    options: RunOptions
    assumptions: tuple[str, ...]
    input: Sizes
    output: Sizes
    modules: tuple[ModuleChange, ...]
    sections: tuple[SectionChange, ...]
    steps: tuple[Step, ...]
    functions: Functions
    proofs: Proofs
    rounds: int
    seconds: float
    notices: tuple[str, ...]
    budget: tuple[Limit, ...]
    baseline: Baseline | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """What became of one of several files.

    Attributes:
        file: The file as it was named, or as it was found in a folder that was named.
        output: Where the result was written; null where it was not.
        error: What went wrong, in one line; null where nothing did.
        report: The report of its run; null where there is no result.
    """

    file: str
    output: str | None
    error: str | None
    report: Document | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What is to be said of several files together.

    Attributes:
        files: How many there were.
        failed: How many of them have an error.
        over_budget: How many have a limit that is not kept.
        before: Bytes of the files that have a report, before.
        after: The same after.
        delta: after minus before.
        defined: How many functions they define.
        changed: How many of these the passes changed.
    """

    files: int
    failed: int
    over_budget: int
    before: int
    after: int
    delta: int
    defined: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The report of several runs with the same options.

    Attributes:
        schema: Version of this format.
        tool: Version of wasmopt.
        files: The files in the order of the work.
        totals: Counts and sizes of all of them.
        steps: The passes and what is no pass, all files together.
        proofs: What the validator did, all files together.
        seconds: Time of all runs.
    """

    schema: Literal["wasmopt.batch/1"]
    tool: str
    files: tuple[FileRun, ...]
    totals: Totals
    steps: tuple[Step, ...]
    proofs: Proofs
    seconds: float
