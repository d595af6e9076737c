"""Compares two runs from the same scenario: what is the first thing that differs?

Calls are compared before the end, so that a dropped call is named as such; what a call or the end
finds in the globals comes before memories and tables, which are compared at the end only (a
scenario whose callee traps makes a call the end).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from wasmopt.opcodes import Effect
from wasmopt.types import ValType
from wasmopt.verify.counterexample import CallMade, Difference, Outcome, Value, bytes_text
from wasmopt.verify.harness import Harness
from wasmopt.verify.harness_code import FIRST_STUB
from wasmopt.verify.host import RETURNS, THROWS, UNFINISHED, Call, Run, first_difference
from wasmopt.verify.scenarios import Throw, is_nan

_EXCERPT: Final = 8
"""Bytes of memory that are shown."""


class Observer:
    """Compares runs of one harness and words what they did."""

    def __init__(self, harness: Harness) -> None:
        self._harness: Final = harness
        effects = harness.mentions.effects()
        self._memories: Final = harness.memories if effects & Effect.WRITE_MEMORY else []
        self._tables: Final = harness.tables if effects & Effect.WRITE_TABLE else []
        self._sizes: Final = harness.memories

    # -- comparing ---------------------------------------------------------------------------

    def difference(self, first: Run, second: Run) -> Difference | None:
        """The first difference, None if nothing can be said."""
        if UNFINISHED in (first.end, second.end):
            return None
        return next(self._differences(first, second), None)

    def _differences(self, first: Run, second: Run) -> Iterator[Difference]:
        yield from self._calls(first.calls, second.calls)
        ends = [self._end(run) for run in (first, second)]
        if ends[0] != ends[1]:
            yield Difference("end", "end", *ends)
            return
        types = self._result_types(first)
        for number, (one, other) in enumerate(zip(first.results, second.results, strict=True)):
            if not _same(types[number], one, other):
                shown = [str(self.value(types[number], each)) for each in (one, other)]
                yield Difference("result", f"result {number}", *shown)
        yield from self._globals(first.globals, second.globals, "")
        for index in self._sizes:
            pages = [run.memory(index).pages for run in (first, second)]
            if pages[0] != pages[1]:
                yield Difference("size", f"pages of memory {index}", *map(str, pages))
                return
        for index in self._memories:
            views = [run.memory(index) for run in (first, second)]
            address = first_difference(*views)
            if address is not None:
                shown = [bytes_text(view.read(address, _EXCERPT)) for view in views]
                yield Difference("memory", f"memory {index} at {address:#x}", *shown)
        for index in self._tables:
            yield from self._table(index, first.table(index), second.table(index))

    def _calls(self, first: Sequence[Call], second: Sequence[Call]) -> Iterator[Difference]:
        for number, (one, other) in enumerate(zip_longest(first, second), 1):
            if one is None or other is None or one.stub is not other.stub:
                same = False
            else:
                pairs = zip(one.stub.type.params, one.arguments, other.arguments, strict=True)
                same = all(_same(*each) for each in pairs)
            if not same:
                shown = [self._call_text(each) for each in (one, other)]
                yield Difference("call", f"call {number}", *shown)
            elif one is not None and other is not None:
                yield from self._globals(one.globals, other.globals, f" at call {number}")

    def _globals(
        self, first: dict[int, int], second: dict[int, int], when: str
    ) -> Iterator[Difference]:
        for place in self._harness.globals:
            values = [each[place.index] for each in (first, second)]
            if not _same(place.type, *values):
                shown = [str(self.value(place.type, each)) for each in values]
                yield Difference("global", f"global {place.index}{when}", *shown)

    def _table(self, index: int, first: list[int], second: list[int]) -> Iterator[Difference]:
        if first[0] != second[0]:
            yield Difference("table", f"size of table {index}", str(first[0]), str(second[0]))
            return
        element = self._harness.table_element(index)
        for entry, (one, other) in enumerate(zip(first[1:], second[1:], strict=True)):
            if one != other:
                shown = [str(self.value(element, each)) for each in (one, other)]
                yield Difference("table", f"table {index} entry {entry}", *shown)

    # -- wording -----------------------------------------------------------------------------

    def value(self, value_type: ValType, bits: int) -> Value:
        """The value that `bits` stand for."""
        name = ""
        if bits > 0 and self._harness.is_function(value_type):
            name = self._harness.stubs[bits - FIRST_STUB].name
        return Value(value_type, bits, name)

    def outcome(self, run: Run) -> Outcome:
        """What a run did."""
        return Outcome(
            self._end(run),
            self._values(self._result_types(run), run.results),
            tuple(map(self._call_made, run.calls)),
        )

    def _end(self, run: Run) -> str:
        if run.end != THROWS:
            return run.end
        return f"throws tag {run.tag}" if run.tag >= 0 else "throws"

    def _result_types(self, run: Run) -> Sequence[ValType]:
        if run.end == RETURNS:
            return self._harness.signature.results
        return self._harness.tags[run.tag].params if run.end == THROWS and run.tag >= 0 else ()

    def _values(self, types: Sequence[ValType], bits: Sequence[int]) -> tuple[Value, ...]:
        return tuple([self.value(*each) for each in zip(types, bits, strict=True)])

    def _call_made(self, call: Call) -> CallMade:
        effect = call.answer.effect
        types = call.stub.type.results
        if isinstance(effect, Throw):
            types = self._harness.tags[effect.tag].params
        bits = [*call.answer.results, *[0] * len(types)][: len(types)]
        fitted = [self._harness.fit(*each) for each in zip(types, bits, strict=True)]
        arguments = self._values(call.stub.type.params, call.arguments)
        return CallMade(call.stub.name, arguments, self._values(types, fitted), effect)

    def _call_text(self, call: Call | None) -> str:
        if call is None:
            return "none"
        made = self._call_made(call)
        return f"{made.name}({', '.join(map(str, made.arguments))})"


def _same(value_type: ValType, one: int, other: int) -> bool:
    """Whether two values are the same; NaNs are."""
    return one == other or (is_nan(value_type, one) and is_nan(value_type, other))
