"""Random programs in which the same few locals and expressions come up again and again.

`tests.programs` draws from all there is, so that two pieces of a program seldom have to do with
each other.  Here nearly all do: three locals, a few addresses, and code that branches around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.programs import PRELUDE

VALUES = (
    "local.get 3",
    "local.get 4",
    "local.get 0",
    "i32.const 305419896",
    "i32.const 5",
    "local.get 3 i32.const 70000 i32.add",
    "local.get 0 i32.const 1023 i32.and i32.load offset=4",
    "local.get 4 i32.const 255 i32.and i32.load",
    "local.get 3 local.get 4 i32.mul",
    "local.get 3 local.get 4 i32.lt_s",
    "local.get 5 i32.wrap_i64",
    "local.get 5 i64.const 32 i64.shr_u i32.wrap_i64",
    "local.get 3 local.get 0 i32.div_s",
    "local.get 0 call $noisy",
    "global.get $state i32.wrap_i64",
    "i32.const 64 local.get 3 i32.lt_s",
    "local.get 4 i32.eqz",
    "local.get 3 local.tee 4",
)
PAIRS = ("i32.add", "i32.sub", "i32.lt_s", "i32.ge_u", "i32.xor", "i32.eq")
PACKED = "i64.extend_i32_u i64.const 32 i64.shl local.get 3 i64.extend_i32_u i64.or"

SPEND = "global.get $fuel i32.const 1 i32.sub global.set $fuel"
FUEL_LEFT = "global.get $fuel i32.const 0 i32.gt_s"

Draw = Callable[[Any], Any]


def value(draw: Draw) -> str:
    """Code that leaves an i32."""
    code = draw(st.sampled_from(VALUES))
    if draw(st.booleans()):
        other = draw(st.sampled_from(VALUES))
        code = f"{code} {other} {draw(st.sampled_from(PAIRS))}"
    return str(code)


def statements(draw: Draw, depth: int, labels: int) -> str:
    """Code that leaves nothing; `labels` of the enclosing constructs may be branched to."""
    return " ".join(statement(draw, depth, labels) for _ in range(draw(st.integers(1, 4))))


def statement(draw: Draw, depth: int, labels: int) -> str:
    """One statement."""
    kinds = ["set", "set", "set", "set64", "log", "store", "global", "branch", "wait"]
    if depth:
        kinds += ["if", "choice", "block", "loop"]
    kind = draw(st.sampled_from(kinds))
    if kind == "set":
        return f"{value(draw)} local.set {draw(st.sampled_from((0, 3, 3, 4)))}"
    if kind == "set64":
        return f"{value(draw)} {PACKED} local.set 5"
    if kind == "log":
        return f"{value(draw)} call $log"
    if kind == "store":
        return f"{value(draw)} i32.const 255 i32.and {value(draw)} i32.store offset=4"
    if kind == "global":
        return "global.get $state i64.const 3 i64.mul global.set $state"
    if kind == "wait":
        local = draw(st.sampled_from((3, 4)))
        waiting = f"{value(draw)} local.set {local} {statement(draw, 0, labels)}"
        return f"{waiting} {value(draw)} local.get {local} {draw(st.sampled_from(PAIRS))} call $log"
    if kind == "branch":
        if not labels:
            return "nop"
        return f"{value(draw)} br_if {draw(st.integers(0, labels - 1))}"
    if kind == "if":
        return f"{value(draw)} if {statements(draw, depth - 1, labels + 1)} end"
    if kind == "choice":
        arms = [statements(draw, depth - 1, labels + 1) for _ in range(2)]
        return f"{value(draw)} if {arms[0]} else {arms[1]} end"
    if kind == "block":
        return f"block {statements(draw, depth - 1, labels + 1)} end"
    body = statements(draw, depth - 1, 0)
    return f"loop {SPEND} {body} {value(draw)} {FUEL_LEFT} i32.and br_if 0 end"


@st.composite
def dense_programs(draw: Draw) -> str:
    """A module whose function `run` takes an i32, an i64 and an f64 and returns an i64."""
    body = statements(draw, 3, 0)
    return (
        f'(module {PRELUDE} (func (export "run") (param i32 i64 f64) (result i64) '
        f"(local i32 i32 i64) {body} {value(draw)} {PACKED}))"
    )
