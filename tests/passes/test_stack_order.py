"""Stack order moves operands in front of a value, so that this needs no local to wait in."""

from __future__ import annotations

import pytest

from tests.passes.environment import function
from tests.support import check, module_of, run_pass, unchanged

SIGNATURE = "(param i32 i32) {} (local i32 i32)"


def becomes(before: str, after: str, result: str = "") -> None:
    around = SIGNATURE.format(result)
    check("stack-order", function(before, around), function(after, around))


def stays(code: str, result: str = "") -> None:
    unchanged("stack-order", function(code, SIGNATURE.format(result)))


def test_an_address_goes_before_the_value() -> None:
    becomes(
        "call $value local.set 2 call $value drop local.get 0 local.get 2 i32.store",
        "local.get 0 call $value call $value drop i32.store",
    )


def test_a_value_that_is_read_again_is_kept_in_the_local_too() -> None:
    becomes(
        """call $value local.set 2 local.get 0 call $value i32.add drop
           local.get 0 local.get 2 i32.store local.get 2 call $use""",
        """local.get 0 call $value local.tee 2 local.get 0 call $value i32.add drop
           i32.store local.get 2 call $use""",
    )


def test_operands_of_all_that_is_open_go() -> None:
    becomes(
        """call $value local.set 2 i32.const 7 local.get 1 i32.const 3 i32.mul
           local.get 2 i32.sub i32.store""",
        """i32.const 7 local.get 1 i32.const 3 i32.mul call $value i32.sub i32.store""",
    )


def test_what_lies_below_stays_there() -> None:
    becomes(
        """local.get 1 call $value local.set 2 call $value call $use
           local.get 0 local.get 2 i32.store""",
        "local.get 1 local.get 0 call $value call $value call $use i32.store",
        result="(result i32)",
    )


def test_values_that_wait_one_in_the_other() -> None:
    becomes(
        """call $value local.set 2 call $value local.set 3
           local.get 0 local.get 3 i32.store local.get 1 local.get 2 i32.store""",
        "local.get 1 call $value local.get 0 call $value i32.store i32.store",
    )


def test_branches_and_loops_in_between_do_not_matter_to_what_only_computes() -> None:
    becomes(
        """block call $value local.set 2 loop call $value br_if 0 call $value br_if 1 end
           local.get 0 i32.const 4 i32.shl local.get 2 i32.store end""",
        """block local.get 0 i32.const 4 i32.shl call $value
           loop call $value br_if 0 call $value br_if 1 end i32.store end""",
    )


def test_a_load_goes_past_what_nobody_can_see() -> None:
    becomes(
        "local.get 1 i32.load local.set 2 local.get 0 i32.load local.get 2 i32.store",
        "local.get 0 i32.load local.get 1 i32.load i32.store",
    )


@pytest.mark.parametrize(
    "code",
    [
        # The operand is another one in front of what moves:
        "call $value local.set 2 call $value local.set 0 local.get 0 local.get 2 i32.store",
        "call $value local.tee 0 local.set 2 local.get 0 local.get 2 i32.store",
        "call $value local.set 2 global.get $g local.get 2 i32.store",
        "call $value local.set 2 local.get 0 i32.load local.get 2 i32.store",
        # It can be observed:
        "call $value local.set 2 call $value local.get 2 i32.store",
        "call $value local.set 2 local.get 0 local.get 1 i32.div_s local.get 2 i32.store",
        """block local.get 1 i32.load local.set 2 local.get 1 br_if 0
           local.get 0 i32.load local.get 2 i32.store end""",
        # It writes a local:
        "call $value local.set 2 i32.const 7 local.tee 3 local.get 2 i32.store",
        # Values below are taken in between:
        """local.get 0 call $value local.set 2 call $use call $value
           local.get 0 local.get 2 i32.store call $use""",
        # The write or the read is somewhere else:
        "block call $value local.set 2 end local.get 0 local.get 2 i32.store",
        "call $value local.set 2 block local.get 0 local.get 2 i32.store end",
        """local.get 1 if call $value local.set 2 else local.get 0 local.get 2 i32.store end""",
        "call $value local.set 2 loop local.get 0 local.get 2 i32.store end",
        # There is another write between them:
        """call $value local.set 2 call $value local.tee 2 call $use
           local.get 0 local.get 2 i32.store""",
        # The value is one of two:
        "call $pair local.set 2 call $use local.get 0 local.get 2 i32.store",
    ],
)
def test_what_must_not_move(code: str) -> None:
    stays(code)


def test_a_reference_that_is_never_null_stays_in_its_local_for_later_reads() -> None:
    around = """(type $t (func)) (import "e" "r" (func $r (result (ref $t))))
        (import "e" "u" (func $u (param i32 (ref $t))))"""
    code = "call $r local.set 1 local.get 0 local.get 1 call $u unreachable local.get 1 drop"
    module = module_of(f"{around} (func (param i32) (local (ref $t)) {code})")
    names = [instr.name for instr in run_pass("stack-order", module).functions[0].body]
    assert names[:4] == ["local.get", "call", "local.tee", "call"]


def test_long_functions_take_linear_time() -> None:
    one = "call $value local.set 2 local.get 0 local.get 2 i32.store "
    module = module_of(function(one * 1_000, "(param i32) (local i32 i32)"))
    result = run_pass("stack-order", module)
    assert not any(instr.name == "local.set" for instr in result.functions[0].body)


def test_deep_nesting_is_no_problem() -> None:
    inner = "call $value local.set 2 local.get 0 local.get 2 i32.store"
    code = f"{'block ' * 3_000} {inner} {'end ' * 3_000}"
    module = module_of(function(code, "(param i32) (local i32 i32)"))
    result = run_pass("stack-order", module)
    assert "local.set" not in {instr.name for instr in result.functions[0].body}
