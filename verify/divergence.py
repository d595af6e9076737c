"""Looks for something that a host can do with two modules and that shows them to be different.

    both modules  →  experiments: drawn calls, memory, answers  →  a difference  →  made small

What is found was seen in wasmtime on both whole modules, with nothing taken for arbitrary: so it
refutes that they are the same program.  That nothing is found means nothing.  With floats a
difference must show both with canonical NaNs and with those that the processor gives.

The number of experiments and their fuel are bounded and drawn from fixed seeds: the same modules
have the same counterexample everywhere, but for what wasmtime itself does otherwise.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import wasmtime

from wasmopt.verify.whole_run import (
    Argument,
    Experiment,
    ExportCall,
    MemoryBytes,
    Subject,
    difference,
)

_log = logging.getLogger(__name__)

EXPERIMENTS: Final = 120
SIMPLIFICATIONS: Final = 150
_FIRST: Final = ("_initialize", "__wasm_call_ctors", "_start", "main")
"""Exports that toolchains have called first."""
_CALLS: Final = 6
"""Calls of one experiment."""
_ANSWERS: Final = 24
_INTERESTING: Final = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000)
_INTERESTING_FLOATS: Final = {
    "f32": (0, 0x3F800000, 0xBF800000, 0x80000000, 0x7F800000, 0x7FC00000, 0x4F000000, 0x3F000001),
    "f64": (
        *(0, 0x3FF0000000000000, 0xBFF0000000000000, 1 << 63, 0x7FF0000000000000),
        *(0x7FF8000000000000, 0x41E0000000000000, 0x3FE0000000000001),
    ),
}


@dataclass(frozen=True, slots=True)
class Divergence:
    """An experiment that two modules answer differently.

    Attributes:
        experiment: what was done.
        before: what the first module did, a line for each event.
        after: the same of the second.
        difference: the first thing that differs.
    """

    experiment: Experiment
    before: tuple[str, ...]
    after: tuple[str, ...]
    difference: str


def find_divergence(
    before: bytes, after: bytes, *, experiments: int = EXPERIMENTS
) -> Divergence | None:
    """An experiment that shows two valid modules to be different, None if none is found."""
    try:
        search = _Search(before, after)
        return search.run(experiments)
    except wasmtime.WasmtimeError:  # an import or a feature that wasmtime does not run
        _log.debug("no experiments", exc_info=True)
        return None


def replay(experiment: Experiment, before: bytes, after: bytes) -> Divergence | None:
    """The same experiment again; None if nothing differs.

    Raises:
        wasmtime.WasmtimeError: a module cannot be run.
    """
    return _Search(before, after).look(experiment)


class _Search:
    def __init__(self, before: bytes, after: bytes) -> None:
        self._pairs: Final = [
            tuple([Subject(each, canonical_nans=canonical) for each in (before, after)])
            for canonical in (True, False)
        ]

    def run(self, count: int) -> Divergence | None:
        """Search, and make what was found smaller."""
        for experiment in _experiments(self._pairs[0], count):
            found = self.look(experiment)
            if found is not None:
                return self._simplify(found)
        return None

    def look(self, experiment: Experiment) -> Divergence | None:
        """What differs on both machines, as the last one shows it."""
        found = None
        for first, second in self._pairs:
            with first.run(experiment) as one, second.run(experiment) as other:
                what = difference(one.note, other.note)
                if what is None:
                    return None
                found = Divergence(
                    experiment, tuple(one.note.events), tuple(other.note.events), what
                )
        return found

    def _simplify(self, found: Divergence) -> Divergence:
        """The same with less in it, as long as that still shows a difference."""
        left = SIMPLIFICATIONS
        smaller = True
        while smaller:
            smaller = False
            for candidate in _simpler(found.experiment):
                if not left:
                    return found
                left -= 1
                again = self.look(candidate)
                if again is not None:
                    found, smaller = again, True
                    break
        return found


def _experiments(pair: Sequence[Subject], count: int) -> Iterator[Experiment]:
    """First nothing but instantiation, then calls of all exports, then more of them."""
    yield Experiment()
    exports = {**pair[1].exports, **pair[0].exports}
    first = [name for name in _FIRST if exports.get(name) == ()]
    others = [name for name in exports if name not in first]
    if not exports:
        return
    draw = random.Random(0)
    queue: list[str] = []
    for number in range(count - 1):
        if not queue:
            queue = others[:] or first[:]
            if number:
                draw.shuffle(queue)
        calls, queue = queue[:_CALLS], queue[_CALLS:]
        if others:
            calls = [*first, *calls]
        memories = pair[0].memories
        yield Experiment(
            tuple([_memory(name, draw) for name in memories if number % 3]),
            tuple([_call(name, exports[name], draw) for name in calls]),
            tuple([_answer(draw) for _ in range(_ANSWERS if number % 2 else 0)]),
        )


def _memory(name: str, draw: random.Random) -> MemoryBytes:
    length = draw.choice((16, 64, 256))
    address = draw.choice((0, 16, 64, 1024, 65536 - 256))
    return MemoryBytes(
        name,
        address,
        bytes([draw.choice((0, 1, 65, 255, draw.randrange(256))) for _ in range(length)]),
    )


def _call(name: str, types: tuple[str, ...], draw: random.Random) -> ExportCall:
    return ExportCall(name, tuple([Argument(each, _bits(each, draw)) for each in types]))


def _bits(kind: str, draw: random.Random) -> int:
    width = 32 if kind.endswith("32") else 64
    way = draw.randrange(6)
    if kind in _INTERESTING_FLOATS:
        if way < 3:
            return draw.choice(_INTERESTING_FLOATS[kind])
        return draw.getrandbits(width)
    if way < 3:
        return draw.choice(_INTERESTING)
    if way == 3:
        return -draw.choice(_INTERESTING) & ((1 << width) - 1)
    if way == 4:
        return draw.randrange(1 << 16) & ~3
    return draw.choice((1 << (width - 1), (1 << (width - 1)) - 1, draw.getrandbits(width)))


def _answer(draw: random.Random) -> int:
    return draw.choice((0, 0, 1, 1, 2, 8, 1024, (1 << 64) - 1, draw.getrandbits(64)))


def _simpler(experiment: Experiment) -> Iterator[Experiment]:
    """Experiments with a little less in them."""
    calls, memory, answers = experiment.calls, experiment.memory, experiment.answers
    for place in range(len(calls)):
        yield replace(experiment, calls=calls[:place] + calls[place + 1 :])
    for place in range(len(memory)):
        yield replace(experiment, memory=memory[:place] + memory[place + 1 :])
    for place, patch in enumerate(memory):
        half = len(patch.data) // 2
        for address, data in ((0, patch.data[:half]), (half, patch.data[half:])):
            if data:
                smaller = replace(patch, address=patch.address + address, data=data)
                yield replace(experiment, memory=(*memory[:place], smaller, *memory[place + 1 :]))
    if answers:
        yield replace(experiment, answers=())
        yield replace(experiment, answers=answers[: len(answers) // 2])
    for place, call in enumerate(calls):
        for position, argument in enumerate(call.arguments):
            for bits in (0, argument.bits & 1, argument.bits & 0xFF):
                if bits < argument.bits:
                    arguments = (
                        *call.arguments[:position],
                        replace(argument, bits=bits),
                        *call.arguments[position + 1 :],
                    )
                    changed = replace(call, arguments=arguments)
                    yield replace(experiment, calls=(*calls[:place], changed, *calls[place + 1 :]))
