"""Outlining and inlining: calls that were taken out or put in place, proved or refused."""

from __future__ import annotations

import pytest

from tests.verify.modules import assert_proved, assert_refused, claim
from wasmopt.module_change import Correspondence

OUTLINED = claim(outlined=(1,))
MEMORY = "(memory 1)"


def outlined(before: str, after: str, taken_out: str) -> tuple[str, str]:
    """A module with a function `before`, and with `after` that calls function 1."""
    return (
        f'{MEMORY} (global (mut i32) (i32.const 0)) (func (export "x") {before})',
        f'{MEMORY} (global (mut i32) (i32.const 0)) (func (export "x") {after}) (func {taken_out})',
    )


OUTLINING = {
    "a local read": (
        "(param i32 i32) local.get 0 local.get 1 i32.store local.get 1 local.get 0 i32.store",
        "(param i32 i32) local.get 0 local.get 1 call 1 local.get 1 local.get 0 call 1",
        "(param i32 i32) local.get 0 local.get 1 i32.store",
    ),
    "a value on the stack": (
        "(param i32) (result i32) local.get 0 i32.load i32.const 3 i32.mul i32.load offset=8",
        "(param i32) (result i32) local.get 0 i32.load call 1",
        "(param i32) (result i32) local.get 0 i32.const 3 i32.mul i32.load offset=8",
    ),
    "a local written and not read behind": (
        """(param i32) (result i32) (local i32) local.get 0 i32.load local.tee 1
           local.get 1 i32.mul local.get 0 i32.add""",
        "(param i32) (result i32) local.get 0 call 1 local.get 0 i32.add",
        "(param i32) (result i32) (local i32) local.get 0 i32.load local.tee 1 local.get 1 i32.mul",
    ),
    "a parameter written": (
        """(param i32) (result i32) local.get 0 i32.load local.tee 0 local.get 0 i32.mul""",
        "(param i32) (result i32) local.get 0 call 1",
        "(param i32) (result i32) local.get 0 i32.load local.tee 0 local.get 0 i32.mul",
    ),
    "a local written and read behind": (
        "(param i32) (result i32) local.get 0 i32.load local.set 0 local.get 0 local.get 0 i32.mul",
        "(param i32) (result i32) local.get 0 call 1 local.tee 0 local.get 0 i32.mul",
        "(param i32) (result i32) local.get 0 i32.load",
    ),
    "constants as parameters": (
        """(param i32) local.get 0 i32.const 5 i32.store local.get 0 i32.const 6 i32.store
           local.get 0 i32.const 5 i32.store offset=4""",
        """(param i32) local.get 0 i32.const 5 call 1 local.get 0 i32.const 6 call 1
           local.get 0 i32.const 5 i32.store offset=4""",
        "(param i32 i32) local.get 0 local.get 1 i32.store",
    ),
    "a block with branches inside": (
        """(param i32) (result i32) loop block local.get 0 br_if 0 i32.const 0 i32.load local.set 0
           end local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 0""",
        """(param i32) (result i32) loop local.get 0 call 1 local.tee 0 i32.const 1 i32.sub
           local.tee 0 br_if 0 end local.get 0""",
        """(param i32) (result i32) block local.get 0 br_if 0 i32.const 0 i32.load local.set 0 end
           local.get 0""",
    ),
    "in a loop, with a local that starts with zero": (
        """(param i32) (result i32) (local i32 i64) loop i32.const 0 local.set 1
           local.get 0 if local.get 0 i32.load local.set 1 end
           local.get 0 local.get 1 i32.add local.tee 0 br_if 0 end local.get 0""",
        """(param i32) (result i32) loop local.get 0 local.get 0 call 1 i32.add
           local.tee 0 br_if 0 end local.get 0""",
        """(param i32) (result i32) (local i32)
           local.get 0 if local.get 0 i32.load local.set 1 end local.get 1""",
    ),
    "i64 and f64": (
        """(param f64 i64) (result f64) local.get 1 i64.const 7 i64.rem_u f64.convert_i64_u
           local.get 0 f64.mul""",
        "(param f64 i64) (result f64) local.get 0 local.get 1 call 1",
        """(param f64 i64) (result f64) local.get 1 i64.const 7 i64.rem_u f64.convert_i64_u
           local.get 0 f64.mul""",
    ),
    "a call and a global inside": (
        "(param i32) global.get 0 local.get 0 i32.add global.set 0 i32.const 1 call 0",
        "(param i32) local.get 0 call 1 i32.const 1 call 0",
        "(param i32) global.get 0 local.get 0 i32.add global.set 0",
    ),
    "a trap": (
        "(param i32) local.get 0 i32.eqz if unreachable end i32.const 0 local.get 0 i32.store",
        "(param i32) local.get 0 call 1",
        "(param i32) local.get 0 i32.eqz if unreachable end i32.const 0 local.get 0 i32.store",
    ),
}


@pytest.mark.parametrize("name", OUTLINING)
def test_what_was_taken_out_is_proved(name: str) -> None:
    assert_proved(*outlined(*OUTLINING[name]), OUTLINED)


@pytest.mark.parametrize(
    ("before", "after", "taken_out"),
    [
        (  # the wrong body
            "(param i32) local.get 0 i32.const 5 i32.store",
            "(param i32) local.get 0 call 1",
            "(param i32) local.get 0 i32.const 6 i32.store",
        ),
        (  # arguments in the wrong order
            "(param i32 i32) local.get 0 local.get 1 i32.store",
            "(param i32 i32) local.get 1 local.get 0 call 1",
            "(param i32 i32) local.get 0 local.get 1 i32.store",
        ),
        (  # a local that is read behind stays as it was
            "(param i32) (result i32) local.get 0 i32.load local.tee 0 local.get 0 i32.add",
            "(param i32) (result i32) local.get 0 call 1 local.get 0 i32.add",
            "(param i32) (result i32) local.get 0 i32.load",
        ),
        (  # a local starts with zero at every call, not with what it had
            """(param i32) (result i32) (local i32) loop local.get 0 if local.get 0 i32.load
               local.set 1 end local.get 0 local.get 1 i32.add local.tee 0 br_if 0 end
               local.get 0""",
            """(param i32) (result i32) loop local.get 0 local.get 0 call 1 i32.add
               local.tee 0 br_if 0 end local.get 0""",
            """(param i32) (result i32) (local i32)
               local.get 0 if local.get 0 i32.load local.set 1 end local.get 1""",
        ),
        (  # a trap that moves across an effect
            "(param i32) local.get 0 global.set 0 local.get 0 i32.load drop",
            "(param i32) local.get 0 i32.load local.get 0 call 1 drop",
            "(param i32) local.get 0 global.set 0",
        ),
        (  # the effect is gone
            "(param i32) local.get 0 global.set 0",
            "(param i32) local.get 0 call 1",
            "(param i32)",
        ),
        (  # the branch is the other way round
            "(param i32) block local.get 0 br_if 0 i32.const 1 global.set 0 end",
            "(param i32) local.get 0 call 1",
            "(param i32) block local.get 0 i32.eqz br_if 0 i32.const 1 global.set 0 end",
        ),
        (  # `return` leaves the function that was taken out, not its caller
            "(param i32) local.get 0 if return end i32.const 1 global.set 0",
            "(param i32) local.get 0 call 1 i32.const 1 global.set 0",
            "(param i32) local.get 0 if return end",
        ),
    ],
)
def test_what_was_wrongly_taken_out_is_refused(before: str, after: str, taken_out: str) -> None:
    assert_refused(*outlined(before, after, taken_out), OUTLINED, "function 0")


def test_a_function_taken_out_must_not_call_itself() -> None:
    before, after = outlined("", "call 1", "call 1")
    assert_refused(before, after, OUTLINED, "in a circle")
    assert_refused(before, f"{after} (func call 1)", claim(outlined=(1, 2)), "in a circle")


def test_functions_taken_out_may_call_others_taken_out() -> None:
    before = '(memory 1) (func (export "x") (param i32) local.get 0 i32.const 5 i32.store)'
    after = """(memory 1) (func (export "x") (param i32) local.get 0 call 2)
        (func (param i32 i32) local.get 0 local.get 1 i32.store)
        (func (param i32) local.get 0 i32.const 5 call 1)"""
    assert_proved(before, after, claim(outlined=(1, 2)))
    assert_refused(before, after.replace("const 5", "const 6"), claim(outlined=(1, 2)), "function")


def test_a_tail_call_is_not_put_in_place() -> None:
    before, after = outlined("call 0", "call 1", "return_call 0")
    assert_refused(before, after, OUTLINED, "return_call")


GONE = claim(functions=(0, None), inlined=(1,))
GONE_WITH_TYPE = claim(functions=(0, None), types=(0, None), inlined=(1,))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (  # called once
            """(memory 1) (func (export "a") (param i32) local.get 0 i32.const 1 call 1)
               (func (param i32 i32) local.get 0 local.get 1 i32.store)""",
            """(memory 1) (func (export "a") (param i32) (local i32)
               local.get 0 i32.const 1 local.set 1 local.get 1 i32.store)""",
            GONE_WITH_TYPE,
        ),
        (  # smaller than its call, and still there
            """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 call 1)
               (func (export "b") (param i32) (result i32) local.get 0 i32.load)""",
            """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 i32.load)
               (func (export "b") (param i32) (result i32) local.get 0 i32.load)""",
            claim(inlined=(1,)),
        ),
        (  # return
            """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 call 1 i32.load)
               (func (param i32) (result i32) local.get 0 i32.eqz if i32.const 4 return end
               local.get 0 i32.load)""",
            """(memory 1) (func (export "a") (param i32) (result i32)
               block (result i32) local.get 0 i32.eqz if i32.const 4 br 1 end
               local.get 0 i32.load end i32.load)""",
            GONE,
        ),
        (  # in a loop: the local is given its first value again
            """(memory 1) (func (export "a") (param i32) loop i32.const 0 call 1 i32.store
               local.get 0 br_if 0 end)
               (func (result i32) (local i32) i32.const 8 i32.load if i32.const 7 local.set 0 end
               local.get 0)""",
            """(memory 1) (func (export "a") (param i32) (local i32) loop i32.const 0
               i32.const 0 local.set 1 i32.const 8 i32.load if i32.const 7 local.set 1 end
               local.get 1 i32.store local.get 0 br_if 0 end)""",
            GONE_WITH_TYPE,
        ),
    ],
)
def test_what_was_put_in_place_is_proved(before: str, after: str, said: Correspondence) -> None:
    assert_proved(before, after, said)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (  # `return` left the callee only
            """(memory 1) (func (export "a") (param i32) (result i32) local.get 0 call 1 i32.load)
               (func (param i32) (result i32) local.get 0 i32.eqz if i32.const 4 return end
               local.get 0 i32.load)""",
            """(memory 1) (func (export "a") (param i32) (result i32)
               local.get 0 i32.eqz if i32.const 4 return end local.get 0 i32.load i32.load)""",
            "function 0",
        ),
        (  # the local keeps its value from one iteration to the next
            """(memory 1) (func (export "a") (param i32) loop i32.const 0 call 1 i32.store
               local.get 0 br_if 0 end)
               (func (result i32) (local i32) i32.const 8 i32.load if i32.const 7 local.set 0 end
               local.get 0)""",
            """(memory 1) (func (export "a") (param i32) (local i32) loop i32.const 0
               i32.const 8 i32.load if i32.const 7 local.set 1 end
               local.get 1 i32.store local.get 0 br_if 0 end)""",
            "function 0",
        ),
        (  # it is still named
            """(table 1 funcref) (elem (i32.const 0) func 1) (func (export "a") call 1) (func)""",
            '(table 1 funcref) (elem (i32.const 0) func 0) (func (export "a"))',
            "function 1 is gone but still named",
        ),
        (
            '(elem declare func 1) (func (export "a") call 1 ref.func 1 drop) (func)',
            '(elem declare func) (func (export "a") ref.func 0 drop)',
            "function 1 is gone but still named",
        ),
        ('(func (export "a") call 1) (func call 1)', '(func (export "a"))', "in a circle"),
        ('(func (export "a") return_call 1) (func)', '(func (export "a"))', "names what is gone"),
    ],
)
def test_what_was_wrongly_put_in_place_is_refused(before: str, after: str, why: str) -> None:
    said = GONE_WITH_TYPE if "(func (result i32) (local i32)" in before else GONE
    assert_refused(before, after, said, why)


def test_the_body_grows_to_a_limit_only() -> None:
    count = 20
    chain = " ".join(f"(func call {i + 1} call {i + 1})" for i in range(1, count))
    before = f'(func (export "a") call 1) {chain} (func i32.const 0 drop)'
    said = claim(functions=(0, *[None] * count), inlined=tuple(range(1, count + 1)))
    assert_refused(before, '(func (export "a"))', said, "budget")
