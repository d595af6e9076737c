"""A solver's model of a difference as a state to run both versions from.

What the model says of arguments, globals, memory at the start and results of calls is taken over;
it is where a search for a counterexample begins, and proves nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wasmopt.verify.scenarios import Answer, Scenario
from wasmopt.verify.terms import Term

_CALLS: Final = frozenset(["call", "call_indirect", "call_ref"])


def scenario_of(model: Mapping[Term, int]) -> Scenario:
    """The state that a model, bits by term, describes."""
    arguments: dict[int, int] = {}
    globals_: dict[int, int] = {}
    memory: list[tuple[int, int, bytes]] = []
    results: dict[Term, dict[int, int]] = {}
    for term, bits in sorted(model.items(), key=lambda item: item[0].number):
        match term.payload:
            case ("local", int(index)):
                arguments[index] = bits
            case ("initial", str(name)) if name.startswith("global "):
                globals_[int(name.removeprefix("global "))] = bits
            case (int(offset), int(width)) if term.op.partition(".")[2].startswith("load"):
                found = _loaded(term, bits, offset, width, model)
                if found is not None:
                    memory.append(found)
            case int(number) if term.op == "result" and term.args[0].op in _CALLS:
                results.setdefault(term.args[0], {})[number] = bits
    answers = [
        Answer(tuple([values.get(number, 0) for number in range(max(values) + 1)]))
        for _, values in sorted(results.items(), key=lambda item: item[0].number)
    ]
    return Scenario(arguments, globals_, tuple(memory), tuple(answers))


def _loaded(
    term: Term, bits: int, offset: int, width: int, model: Mapping[Term, int]
) -> tuple[int, int, bytes] | None:
    """What a load from the memory as it was at the start finds, and where."""
    contents, address = term.args[:2]
    place = address.payload if address.op == "const" else model.get(address)
    match contents.payload:
        case ("initial", str(name)) if name.startswith("memory ") and isinstance(place, int):
            data = (bits & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            return int(name.removeprefix("memory ")), place + offset, data
    return None
