"""A counterexample of `wasmopt verify` as a file: `wasmopt.counterexample/1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wasmopt.errors import InputError
from wasmopt.reporting.codec import read_record
from wasmopt.reporting.verification import File
from wasmopt.verify import Divergence
from wasmopt.verify.whole_run import Argument, Experiment, ExportCall, MemoryBytes

SCHEMA: Final = "wasmopt.counterexample/1"
_SHOWN: Final = 12
"""Events of a run that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Bytes that are written into a memory before the first call.

    Attributes:
        export: The memory.
        address: Of the first byte.
        data: In hexadecimal.
    """

    export: str
    address: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An argument.

    Attributes:
        type: i32, i64, f32 or f64.
        bits: Its bits, as an unsigned number.
    """

    type: str
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of an exported function.

    Attributes:
        export: The function.
        arguments: What is passed.
    """

    export: str
    arguments: tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterexampleFile:
    """Something that a host does with two modules, and in which they differ.

    Attributes:
        schema: Which version of this format it is.
        before: The first module.
        after: The second.
        memory: What is written before the first call.
        calls: What is called, in order.
        answers: Bits of the results of imported functions, one number for each call; 0 further on.
        before_events: What the first module did, a line for each event.
        after_events: The same of the second.
        difference: The first thing that differs.
    """

    schema: str
    before: File
    after: File
    memory: tuple[Bytes, ...]
    calls: tuple[Call, ...]
    answers: tuple[int, ...]
    before_events: tuple[str, ...]
    after_events: tuple[str, ...]
    difference: str


def counterexample_file(found: Divergence, before: File, after: File) -> CounterexampleFile:
    """The file."""
    experiment = found.experiment
    return CounterexampleFile(
        schema=SCHEMA,
        before=before,
        after=after,
        memory=tuple(
            [
                Bytes(export=each.export, address=each.address, data=each.data.hex())
                for each in experiment.memory
            ]
        ),
        calls=tuple(
            [
                Call(
                    export=each.export,
                    arguments=tuple([Number(type=a.type, bits=a.bits) for a in each.arguments]),
                )
                for each in experiment.calls
            ]
        ),
        answers=experiment.answers,
        before_events=found.before,
        after_events=found.after,
        difference=found.difference,
    )


def read_counterexample(data: bytes) -> tuple[CounterexampleFile, Experiment]:
    """What is in a file, and the experiment.

    Raises:
        InputError: it is no such file; the message names what is wrong.
    """
    file = read_record(CounterexampleFile, data, SCHEMA, "a counterexample")
    try:
        memory = [
            MemoryBytes(each.export, each.address, bytes.fromhex(each.data)) for each in file.memory
        ]
    except ValueError:
        raise InputError(f"is not a counterexample by {SCHEMA}: data is no hexadecimal") from None
    calls = [
        ExportCall(each.export, tuple([Argument(a.type, a.bits) for a in each.arguments]))
        for each in file.calls
    ]
    numbers = [each.address for each in memory] + [a.bits for c in calls for a in c.arguments]
    types = {argument.type for call in calls for argument in call.arguments}
    if min([0, *numbers, *file.answers]) < 0 or not types <= {"i32", "i64", "f32", "f64"}:
        raise InputError(f"is not a counterexample by {SCHEMA}: a wrong number or type")
    return file, Experiment(tuple(memory), tuple(calls), file.answers)


def divergence_text(found: Divergence) -> str:
    """What both did, for a terminal."""
    experiment = found.experiment
    lines = [
        f"memory {each.export} at {each.address:#x}: {each.data[:_SHOWN].hex(' ')}"
        + (f" … ({len(each.data)} bytes)" if len(each.data) > _SHOWN else "")
        for each in experiment.memory
    ]
    for call in experiment.calls:
        arguments = ", ".join([f"{each.type} {each.bits:#x}" for each in call.arguments])
        lines.append(f"call {call.export}({arguments})")
    if any(experiment.answers):
        lines.append(f"imports answer {', '.join(map(hex, experiment.answers[:_SHOWN]))}")
    for side, events in (("before", found.before), ("after", found.after)):
        lines.append(f"{side}: {_listed(events)}")
    return "\n".join([*lines, f"differs: {found.difference}", ""])


def _listed(events: Sequence[str]) -> str:
    hidden = len(events) - _SHOWN
    shown = "; ".join(events[:_SHOWN]) or "nothing"
    return f"{shown}; … {hidden} more" if hidden > 0 else shown
