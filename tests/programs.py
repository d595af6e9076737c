"""Random programs that always end, and what can be seen of running one.

A program is a module in the text format with one exported function.  It computes with traps,
branches, memory and calls; loops spend fuel from a global.  Hypothesis draws every choice, so a
failing program shrinks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import wasmtime
from hypothesis import strategies as st

FUEL = 40
ARGUMENTS = ((0, 0, 0.0), (1, -1, 1.5), (-7, 1 << 40, -1e30), (65530, 3, float("inf")))
"""What the function is called with, one after the other in the same instance."""

PRELUDE = f"""
(import "host" "log" (func $log (param i32)))
(memory (export "memory") 1 3)
(global $fuel (export "fuel") (mut i32) (i32.const {FUEL}))
(global $state (export "state") (mut i64) (i64.const 5))
(global $fixed i32 (i32.const 77))
(func $noisy (param i32) (result i32) local.get 0 call $log local.get 0)
(func $pair (result i32 i64) i32.const 3 i64.const 4)
"""

TYPES = ("i32", "i64", "f64")
UNARY = {
    "i32": (("i32.eqz", "i32"), ("i32.wrap_i64", "i64"), ("i32.trunc_f64_s", "f64"),
            ("i32.load8_u offset=9", "i32"), ("i32.load", "i32"), ("call $noisy", "i32"),
            ("i32.trunc_sat_f64_u", "f64"), ("memory.grow", "i32"),
            ("i32x4.splat i32x4.extract_lane 2", "i32")),
    "i64": (("i64.extend_i32_u", "i32"), ("i64.trunc_f64_u", "f64"), ("i64.load offset=3", "i32"),
            ("i64.popcnt", "i64")),
    "f64": (("f64.convert_i32_s", "i32"), ("f64.reinterpret_i64", "i64"), ("f64.sqrt", "f64"),
            ("f64.load", "i32")),
}  # fmt: skip
BINARY = {
    "i32": ("i32.add", "i32.div_s", "i32.rem_u", "i32.and", "i32.shl", "i32.lt_u"),
    "i64": ("i64.sub", "i64.div_u", "i64.rem_s", "i64.xor", "i64.mul"),
    "f64": ("f64.add", "f64.div", "f64.min"),
}


@dataclass
class _Writer:
    """Writes one function body as text.

    Attributes:
        draw: Hypothesis's.
        locals: types of all locals, parameters first.
        labels: result type of each enclosing label, innermost last; None for no result.
        budget: constructs that may still be written.
    """

    draw: Callable[[Any], Any]
    locals: list[str]
    labels: list[str | None] = field(default_factory=list)
    budget: int = 60

    def pick(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def locals_of(self, value_type: str) -> list[int]:
        return [index for index, each in enumerate(self.locals) if each == value_type]

    def nested(self, result: str | None, write: Callable[[], str]) -> str:
        self.labels.append(result)
        text = write()
        self.labels.pop()
        return text

    def expression(self, value_type: str) -> str:
        """Code that leaves one value."""
        self.budget -= 1
        if self.budget < 0:
            return self.leaf(value_type)
        return str(self.pick(_EXPRESSIONS)(self, value_type))

    def leaf(self, value_type: str) -> str:
        if self.pick((True, False)):
            return f"local.get {self.pick(self.locals_of(value_type))}"
        return f"{value_type}.const {self.pick((0, 1, -1, 127, 65535, 1000000))}"

    def unary(self, value_type: str) -> str:
        op, operand = self.pick(UNARY[value_type])
        return f"{self.expression(operand)} {op}"

    def binary(self, value_type: str) -> str:
        left, right = self.expression(value_type), self.expression(value_type)
        if value_type == "i32" and self.pick((True, False, False)):
            return f"{self.expression('f64')} {self.expression('f64')} f64.lt"
        return f"{left} {right} {self.pick(BINARY[value_type])}"

    def select(self, value_type: str) -> str:
        values = f"{self.expression(value_type)} {self.expression(value_type)}"
        return f"{values} {self.expression('i32')} select"

    def tee(self, value_type: str) -> str:
        return f"{self.expression(value_type)} local.tee {self.pick(self.locals_of(value_type))}"

    def block(self, value_type: str) -> str:
        def inner() -> str:
            return f"{self.statements()} {self.expression(value_type)}"

        name = self.pick(("block", "block", "loop"))
        label = value_type if name == "block" else "loop"
        body = self.nested(label, inner)
        return f"{name} (result {value_type}) {body} end"

    def block_with_param(self, value_type: str) -> str:
        operand = self.expression(value_type)
        body = self.nested(value_type, self.statements)
        return f"{operand} block (param {value_type}) (result {value_type}) {body} end"

    def choice(self, value_type: str) -> str:
        condition = self.expression("i32")
        then = self.nested(value_type, lambda: self.expression(value_type))
        other = self.nested(value_type, lambda: self.expression(value_type))
        return f"{condition} if (result {value_type}) {then} else {other} end"

    def global_read(self, value_type: str) -> str:
        return {"i32": "global.get $fixed", "i64": "global.get $state"}.get(
            value_type, "i32.const 2 f64.convert_i32_s"
        )

    def statements(self) -> str:
        """Code that leaves nothing; may end in a branch with more code behind it."""
        count = self.draw(st.integers(0, 3))
        return " ".join(self.statement() for _ in range(count) if self.budget > 0)

    def statement(self) -> str:
        self.budget -= 1
        return str(self.pick(_STATEMENTS)(self))

    def drop(self) -> str:
        return f"{self.expression(self.pick(TYPES))} drop"

    def set_local(self) -> str:
        index = self.draw(st.integers(0, len(self.locals) - 1))
        return f"{self.expression(self.locals[index])} local.set {index}"

    def copy_local(self) -> str:
        index = self.draw(st.integers(0, len(self.locals) - 1))
        return f"local.get {index} {self.pick(('local.set', 'local.tee'))} {index}".replace(
            f"local.tee {index}", f"local.tee {index} drop"
        )

    def store(self) -> str:
        return f"{self.expression('i32')} {self.expression('i64')} i64.store16"

    def set_global(self) -> str:
        return f"{self.expression('i64')} global.set $state"

    def call(self) -> str:
        return f"{self.expression('i32')} call $log"

    def pair(self) -> str:
        ends = self.pick((("drop", "drop"), ("i64.eqz drop", "drop"), ("drop", "call $log")))
        return f"call $pair {ends[0]} {ends[1]}"

    def nop(self) -> str:
        return "nop"

    def plain_block(self) -> str:
        return f"block {self.nested(None, self.statements)} end"

    def bounded_loop(self) -> str:
        def inner() -> str:
            return f"{self.statements()} {self.expression('i32')}"

        spend = "global.get $fuel i32.const 1 i32.sub global.set $fuel"
        body = self.nested("loop", inner)
        return f"loop {spend} {body} global.get $fuel i32.const 0 i32.gt_s i32.and br_if 0 end"

    def if_statement(self) -> str:
        condition = self.expression("i32")
        then = self.nested(None, self.statements)
        other = self.nested(None, self.statements)
        return f"{condition} if {then} {self.pick(('else ' + other, ''))} end"

    def forward_labels(self) -> list[int]:
        """Relative labels of what may be left at any time: everything but loops."""
        depth = len(self.labels)
        return [depth - 1 - i for i, label in enumerate(self.labels) if label != "loop"]

    def branch(self) -> str:
        label = self.pick(self.forward_labels())
        carried = self.labels[len(self.labels) - 1 - label]
        value = self.expression(carried) if carried else ""
        if self.pick((True, False)):
            return f"{value} br {label}"
        rest = "drop" if carried else ""
        return f"{value} {self.expression('i32')} br_if {label} {rest}"

    def table(self) -> str:
        carriers = [label for label in self.forward_labels() if not self.label_type(label)]
        if not carriers:
            return "nop"
        labels = " ".join(str(self.pick(carriers)) for _ in range(3))
        return f"{self.expression('i32')} br_table {labels}"

    def label_type(self, label: int) -> str | None:
        return self.labels[len(self.labels) - 1 - label]

    def leave(self) -> str:
        if self.pick((True, False)):
            return "unreachable"
        carried = self.labels[0]
        return f"{self.expression(carried) if carried else ''} return"


_EXPRESSIONS = (
    _Writer.leaf, _Writer.leaf, _Writer.unary, _Writer.binary, _Writer.binary, _Writer.select,
    _Writer.tee, _Writer.block, _Writer.block_with_param, _Writer.choice, _Writer.global_read,
)  # fmt: skip
_STATEMENTS = (
    _Writer.drop, _Writer.drop, _Writer.set_local, _Writer.set_local, _Writer.copy_local,
    _Writer.store, _Writer.set_global, _Writer.call, _Writer.pair, _Writer.nop,
    _Writer.plain_block, _Writer.bounded_loop, _Writer.if_statement, _Writer.branch,
    _Writer.table, _Writer.leave,
)  # fmt: skip


@st.composite
def programs(draw: Callable[[Any], Any]) -> str:
    """A module whose function `run` takes an i32, an i64 and an f64."""
    declared = draw(st.lists(st.sampled_from(TYPES), max_size=6))
    filler = draw(st.sampled_from((0, 0, 0, 130)))
    local_types = ["i32"] * filler + declared
    result = draw(st.sampled_from((None, *TYPES)))
    writer = _Writer(draw, [*TYPES, *local_types], [result])
    body = writer.statements() + " " + writer.statements()
    value = writer.expression(result) if result else ""
    locals_text = f"(local {' '.join(local_types)})"
    results_text = f"(result {result})" if result else ""
    return (
        f'(module {PRELUDE} (func (export "run") (param {" ".join(TYPES)}) {results_text} '
        f"{locals_text} {body} {value}))"
    )


@cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    config.cranelift_opt_level = "none"
    return wasmtime.Engine(config)


@dataclass(frozen=True)
class Run:
    """What a host sees: per call the result or "trap" and the globals; all it was told; memory."""

    calls: tuple[object, ...]
    log: tuple[int, ...]
    memory: bytes


def observe(binary: bytes) -> Run:
    """Run a program with all `ARGUMENTS`."""
    store = wasmtime.Store(_engine())
    log: list[int] = []
    told = wasmtime.Func(store, wasmtime.FuncType([wasmtime.ValType.i32()], []), log.append)
    instance = wasmtime.Instance(store, wasmtime.Module(_engine(), binary), [told])
    exports: Any = instance.exports(store)
    calls: list[object] = []
    for arguments in ARGUMENTS:
        exports["fuel"].set_value(store, wasmtime.Val.i32(FUEL))
        try:
            outcome = repr(exports["run"](store, *arguments))
        except wasmtime.Trap:
            outcome = "trap"
        state = tuple(exports[name].value(store) for name in ("fuel", "state"))
        calls.append((outcome, state))
    memory = exports["memory"]
    return Run(tuple(calls), tuple(log), bytes(memory.read(store, 0, memory.data_len(store))))
