"""Common subexpressions are shared where that saves bytes, and only where they are the same."""

from __future__ import annotations

import pytest

from tests.passes.environment import function
from tests.support import check, last_function, module_of, run_once, unchanged
from wasmopt.context import Context
from wasmopt.passes.cse import cse
from wasmopt.passes.dominance import Dominance

DEPTH = 3000


def becomes(before: str, after: str, signature: str, new: str | None = None) -> None:
    """Check a change; `new` is the signature with the locals behind it, if it is another."""
    check("cse", function(before, signature), function(after, new or signature))


def stays(code: str, signature: str = "(param i32 i32) (local i32)") -> None:
    unchanged("cse", function(code, signature))


# -- the byte gate --------------------------------------------------------------------------------

SUM = "local.get 0 i32.const 42 i32.add"
LARGE = "i32.const 0x12345678"
ONE = "(param i32 i32)"


def uses(value: str, count: int) -> str:
    return f"{value} call $use " * count


@pytest.mark.parametrize(
    ("value", "count"), [("i32.const 42", 2), ("i32.const 42", 10), (SUM, 2), (LARGE, 2)]
)
def test_what_does_not_pay_stays(value: str, count: int) -> None:
    """(N - 1) * (size - 2) - 4 > 0 does not hold; both parameters are needed to the end."""
    unchanged("cse", gate(uses(value, count)))


@pytest.mark.parametrize(("value", "count"), [(SUM, 3), (LARGE, 3)])
def test_what_pays_is_shared(value: str, count: int) -> None:
    after = f"{value} local.tee 2 call $use " + uses("local.get 2", count - 1)
    check("cse", gate(uses(value, count)), gate(after, "(local i32)"))


def gate(code: str, local: str = "") -> str:
    """A function in which no local is free, and none of the type i32 declared."""
    return function(f"{code} local.get 0 call $use local.get 1 call $use", f"{ONE} {local}")


def test_a_declaration_that_is_there_costs_nothing() -> None:
    signature = "(param i32) (local i64 i32)"
    end = "local.get 0 call $use local.get 2 call $use local.get 1 call $use_wide"
    moved = "local.get 0 call $use local.get 2 call $use local.get 1 call $use_wide"
    becomes(
        uses(SUM, 2) + end,
        f"{SUM} local.tee 3 call $use local.get 3 call $use {moved}",
        signature,
        "(param i32) (local i64 i32 i32)",
    )


def test_new_locals_are_declared_beside_others_of_their_type() -> None:
    end = "local.get 1 call $use local.get 2 call $use_wide"
    moved = "local.get 1 call $use local.get 3 call $use_wide"
    becomes(
        f"local.get 0 call $use {uses(SUM, 2)} local.get 0 call $use {end}",
        f"""local.get 0 call $use {SUM} local.tee 2 call $use local.get 2 call $use
        local.get 0 call $use {moved}""",
        "(param i32) (local i32 i64)",
        "(param i32) (local i32 i32 i64)",
    )


def test_a_parameter_that_is_not_needed_any_more_holds_the_value() -> None:
    becomes(
        f"local.get 1 call $use {uses(SUM, 2)}",
        f"local.get 1 call $use {SUM} local.tee 1 call $use local.get 1 call $use",
        ONE,
    )


def test_a_parameter_that_a_loop_reads_again_is_not_free() -> None:
    stays(f"loop local.get 1 call $use {uses(SUM, 2)} local.get 0 br_if 0 end", ONE)


def test_a_parameter_that_is_written_before_the_value_is_read_again_is_not_free() -> None:
    stays(
        f"""{SUM} call $use
        loop {SUM} call $use i32.const 3 local.set 1 local.get 1 call $use call $value br_if 0
        end""",
        ONE,
    )


def test_an_index_of_two_bytes_makes_a_read_longer() -> None:
    many = "i32 " * 126
    read = " ".join(f"local.get {local} call $use" for local in range(2, 128))
    code = f"local.get 0 call $use {{}} local.get 1 call $use local.get 0 call $use {read}"
    stays(code.format(uses(SUM, 2)), f"{ONE} (local {many})")
    becomes(
        code.format(uses(SUM, 3)),
        code.format(f"{SUM} local.tee 128 call $use {uses('local.get 128', 2)}"),
        f"{ONE} (local {many})",
        f"{ONE} (local {many} i32)",
    )


# -- what is shared -------------------------------------------------------------------------------

ADDRESS = "local.get 0 local.get 1 i32.const 3 i32.shl i32.add"
LOCALS = "(param i32 i32) (local i32)"
WITH_NEW = "(param i32 i32) (local i32 i32)"
FIELD = "local.get 0 i32.load offset=8"
KEEP = "local.get 0 call $use local.get 1 call $use local.get 2 call $use"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ADDRESS, ADDRESS),
        (f"{ADDRESS} i32.load offset=8", f"{ADDRESS} i32.load offset=8"),
        (f"{ADDRESS} local.get 1 i32.div_u", f"{ADDRESS} local.get 1 i32.div_u"),
        ("local.get 0 local.get 1 i32.mul", "local.get 1 local.get 0 i32.mul"),
        ("local.get 0 local.get 1 i32.eq", "local.get 1 local.get 0 i32.eq"),
        (
            "local.get 0 local.get 1 local.get 2 select",
            "local.get 0 local.get 1 local.get 2 select",
        ),
        (
            "local.get 0 i64.extend_i32_u i64.const 32 i64.shl i64.popcnt i32.wrap_i64",
            "local.get 0 i64.extend_i32_u i64.const 32 i64.shl i64.popcnt i32.wrap_i64",
        ),
        ("memory.size i32.const 5 i32.shl", "memory.size i32.const 5 i32.shl"),
        ("global.get $g i32.const 5 i32.shl", "global.get $g i32.const 5 i32.shl"),
    ],
)
def test_the_same_value_is_computed_once(first: str, second: str) -> None:
    becomes(
        f"{KEEP} {first} local.get 0 i32.store {second} drop".replace("i32.store", "drop drop")
        + f" {KEEP}",
        f"{KEEP} {first} local.tee 3 local.get 0 drop drop local.get 3 drop {KEEP}",
        LOCALS,
        WITH_NEW,
    )


@pytest.mark.parametrize(
    ("value", "between"),
    [
        (FIELD, "local.get 0 i32.const 1 i32.store8"),
        (FIELD, "call $value drop"),
        (FIELD, "i32.const 1 memory.grow drop"),
        ("local.get 0 table.get $t ref.is_null", "call $value drop"),
        (ADDRESS, "call $value local.set 1"),
        (ADDRESS, "call $value if call $value local.set 1 end"),
        (SUM, "block call $value br_if 0 call $value local.set 0 end"),
        ("global.get $g i32.const 70000 i32.mul", "call $value drop"),
        ("global.get $g i32.const 70000 i32.mul", "call $value global.set $g"),
        ("call $value i32.const 70000 i32.mul", ""),
        ("local.get 0 i32.const 9 local.tee 2 i32.mul", "call $value local.set 2"),
    ],
    ids=[
        "a store",
        "a call may write memory",
        "a load that trapped may not trap",
        "a call may write the table",
        "a local is written",
        "a local is written in one arm",
        "a local is written on one way",
        "a call may write the global",
        "the global is written",
        "a call each time",
        "a write each time",
    ],
)
def test_what_may_differ_stays(value: str, between: str) -> None:
    stays(f"{KEEP} {value} call $use {between} {value} call $use {KEEP}")


def test_a_value_that_a_local_holds_is_read_from_it() -> None:
    becomes(
        f"{ADDRESS} local.set 2 {ADDRESS} call $use {KEEP}",
        f"{ADDRESS} local.set 2 local.get 2 call $use {KEEP}",
        LOCALS,
    )
    becomes(
        f"{LARGE} local.set 2 {LARGE} call $use {KEEP}",
        f"{LARGE} local.set 2 local.get 2 call $use {KEEP}",
        LOCALS,
    )


def test_a_local_that_was_written_since_does_not_hold_the_value() -> None:
    stays(f"{SUM} local.set 2 call $value local.set 2 {LARGE} call $use {KEEP}")


def test_references_are_not_shared() -> None:
    """Local 1 holds the same reference, but does not promise that it is not null."""
    unchanged(
        "cse",
        """(type $t (func)) (func $f (param (ref $t)))
        (func (param (ref null $t)) (local (ref null $t))
        local.get 0 ref.as_non_null local.tee 1 drop local.get 0 ref.as_non_null call $f
        local.get 0 ref.as_non_null call $f)""",
    )


@pytest.mark.parametrize("shared", [False, True])
def test_loads_of_a_memory_that_threads_share_are_not_shared(shared: bool) -> None:
    load = "local.get 0 i32.load offset=70000 "
    module = module_of(
        f'(memory 1 1 {"shared" if shared else ""}) (func (export "f") (param i32) (result i32) '
        f"{load * 4} i32.add i32.add i32.add)"
    )
    before = module.functions[-1]
    assert (cse(before, Context(module)) is before) == shared


def test_zero_is_what_a_local_holds_that_nothing_writes() -> None:
    becomes(
        "f64.const 0 call $use_float",
        "local.get 2 call $use_float",
        ONE,
        f"{ONE} (local f64)",
    )
    stays("f64.const -0 call $use_float i64.const 0 call $use_wide", f"{ONE} (local i64)")


def test_the_larger_of_two_overlapping_values_is_shared() -> None:
    whole = f"{ADDRESS} i32.const 70000 i32.mul"
    becomes(
        f"{KEEP} {whole} call $use {whole} call $use {KEEP}",
        f"{KEEP} {whole} local.tee 3 call $use local.get 3 call $use {KEEP}",
        LOCALS,
        WITH_NEW,
    )


def test_a_value_within_another_is_shared_first_if_it_comes_up_more() -> None:
    def whole(code: str, constant: int, behind: str = "") -> str:
        return f"{code} i32.const {constant} i32.xor {behind} call $use"

    becomes(
        " ".join([KEEP, *[whole(ADDRESS, constant) for constant in (1, 2, 3, 1)], KEEP]),
        f"""{KEEP} {whole(f"{ADDRESS} local.tee 3", 1, "local.tee 4")} {whole("local.get 3", 2)}
        {whole("local.get 3", 3)} local.get 4 call $use {KEEP}""",
        LOCALS,
        "(param i32 i32) (local i32 i32 i32)",
    )


# -- where it is shared ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "between", "behind"),
    [
        ("", "local.get 1 if", "else call $value call $use end"),
        ("", "loop", "call $value br_if 0 end"),
        ("", "block call $value br_if 0", "end"),
        ("", "block block block call $value br_table 0 1 2 end end", "end"),
        ("block", "call $value br_if 0 end", ""),
        ("loop", "call $value br_if 0 end", ""),
        ("block block", "br 1 end call $value call $use unreachable end", ""),
    ],
    ids=[
        "into an arm",
        "into a loop",
        "past a branch",
        "into nested blocks",
        "out of a block that nothing left before",
        "out of a loop",
        "to where only one way leads",
    ],
)
def test_a_value_is_known_wherever_it_was_surely_computed(
    before: str, between: str, behind: str
) -> None:
    becomes(
        f"{KEEP} {before} {ADDRESS} call $use {between} {ADDRESS} call $use {behind} {KEEP}",
        f"""{KEEP} {before} {ADDRESS} local.tee 3 call $use {between} local.get 3 call $use
        {behind} {KEEP}""",
        LOCALS,
        WITH_NEW,
    )


@pytest.mark.parametrize(
    ("before", "between", "behind"),
    [
        ("call $value if", "end", ""),
        ("call $value if", "else", "end"),
        ("block call $value br_if 0", "end", ""),
        ("block block call $value br_table 0 1", "end call $value call $use end", ""),
    ],
    ids=["an arm", "the other arm", "behind a branch", "behind a table of branches"],
)
def test_a_value_is_not_known_where_it_may_not_have_been_computed(
    before: str, between: str, behind: str
) -> None:
    stays(f"{KEEP} {before} {ADDRESS} call $use {between} {ADDRESS} call $use {behind} {KEEP}")


def test_a_constant_of_two_arms_is_put_into_a_local_first() -> None:
    arm = f"call $value if {LARGE} call $use else {LARGE} call $use end"
    read = "call $value if local.get 3 call $use else local.get 3 call $use end"
    becomes(
        f"{KEEP} {arm} {arm} {KEEP}",
        f"{LARGE} local.set 3 {KEEP} {read} {read} {KEEP}",
        LOCALS,
        WITH_NEW,
    )


def test_dominance_of_each_place() -> None:
    body, context = last_function(
        """(func (param i32) block local.get 0 br_if 0 i32.const 1 drop end
        local.get 0 if nop else nop end nop)"""
    )
    dominance = Dominance(body, context)
    names = [instr.name for instr in body.body]
    end = len(names)
    until = {index: dominance.until(index) for index in range(end)}
    assert [until[index] for index in (0, 1, 2)] == [end, end, end]
    assert until[names.index("i32.const")] == names.index("end")
    first, second, last = [index for index, name in enumerate(names) if name == "nop"]
    assert until[first] == names.index("else")
    assert until[second] == names.index("end", second)
    assert until[last] == end


# -- large functions ------------------------------------------------------------------------------


def test_packed_results_of_a_function_full_of_i64() -> None:
    """A pointer and a length in one i64, as compilers return them to JavaScript."""
    pack = """local.get 0 i64.extend_i32_u i64.const 32 i64.shl
        local.get 1 i64.extend_i32_u i64.or"""
    check(
        "cse",
        function(f"{pack} call $use_wide {pack}", "(param i32 i32) (result i64)"),
        function(
            f"{pack} local.tee 2 call $use_wide local.get 2",
            "(param i32 i32) (result i64) (local i64)",
        ),
    )


def test_nesting_thousands_deep() -> None:
    nested = f"local.get 1 if {ADDRESS} call $use " * DEPTH
    shared = "local.get 1 if local.get 3 call $use " * (DEPTH - 1)
    becomes(
        f"{KEEP} {nested} {'end ' * DEPTH} {KEEP}",
        f"""{KEEP} local.get 1 if {ADDRESS} local.tee 3 call $use {shared} {"end " * DEPTH}
        {KEEP}""",
        LOCALS,
        WITH_NEW,
    )


def test_one_expression_of_thousands_of_instructions() -> None:
    chain = "local.get 0 " + "local.get 1 i32.add i32.const 3 i32.mul " * DEPTH
    module = module_of(function(f"{chain} call $use {chain} call $use", LOCALS))
    result = run_once("cse", module).functions[0]
    assert len(result.body) < len(module.functions[0].body) * 0.6
    assert cse(result, last_function(function("", LOCALS))[1]) is result
