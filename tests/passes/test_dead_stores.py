"""Dead stores removes writes that no path reads, and nothing that can be noticed."""

from __future__ import annotations

from tests.support import check, module_of, run_once, unchanged

DEPTH = 3000


def _module(func: str) -> str:
    return f"""(module
        (import "e" "value" (func $value (result i32)))
        (import "e" "use" (func $use (param i32)))
        (memory 1)
        (func {func}))"""


def becomes(before: str, after: str) -> None:
    check("dead-stores", _module(before), _module(after))


def stays(func: str) -> None:
    unchanged("dead-stores", _module(func))


def test_a_value_that_is_overwritten_before_it_is_read_is_not_computed() -> None:
    becomes(
        "(param i32) (result i32) local.get 0 i32.const 7 i32.mul local.set 0"
        " call $value local.set 0 local.get 0",
        "(param i32) (result i32) call $value local.set 0 local.get 0",
    )


def test_what_has_an_effect_stays_without_its_value() -> None:
    becomes(
        "(param i32) (local i32) local.get 0 i32.load local.set 1",
        "(param i32) (local i32) local.get 0 i32.load drop",
    )
    becomes("(param i32) call $value local.set 0", "(param i32) call $value drop")
    becomes(
        "(param i32) (local i32) local.get 0 i32.const 0 i32.div_s i32.const 3 i32.add local.set 1",
        "(param i32) (local i32) local.get 0 i32.const 0 i32.div_s drop",
    )


def test_a_tee_whose_local_is_not_read_again_leaves_its_value_alone() -> None:
    becomes(
        "(param i32) (result i32) call $value local.tee 0",
        "(param i32) (result i32) call $value",
    )


def test_a_default_that_every_path_overrides_goes() -> None:
    becomes(
        """(param i32) (result i32) (local i32) i32.const 5 local.set 1
        local.get 0 if call $value local.set 1 else i32.const 9 local.set 1 end local.get 1""",
        """(param i32) (result i32) (local i32)
        local.get 0 if call $value local.set 1 else i32.const 9 local.set 1 end local.get 1""",
    )


def test_a_default_that_one_path_leaves_stays() -> None:
    stays(
        """(param i32) (result i32) (local i32) i32.const 5 local.set 1
        local.get 0 if call $value local.set 1 end local.get 1"""
    )
    stays(
        """(param i32) (result i32) (local i32) i32.const 5 local.set 1
        block local.get 0 br_if 0 call $value local.set 1 end local.get 1"""
    )
    stays(
        """(param i32) (result i32) (local i32) i32.const 5 local.set 1
        block block local.get 0 br_table 0 1 1 end call $value local.set 1 end local.get 1"""
    )


def test_a_value_that_is_set_on_a_path_that_leaves_goes() -> None:
    becomes(
        """(param i32) (result i32) block local.get 0 i32.eqz br_if 0
        i32.const 70000 local.set 0 i32.const 1 return end local.get 0""",
        """(param i32) (result i32) block local.get 0 i32.eqz br_if 0
        i32.const 1 return end local.get 0""",
    )


def test_what_the_next_turn_of_a_loop_reads_stays() -> None:
    stays("(param i32) loop local.get 0 call $use call $value local.set 0 br 0 end")
    stays(
        """(param i32) (local i32)
        loop local.get 1 call $use i32.const 3 local.set 1 local.get 0 br_if 0 end"""
    )


def test_what_every_turn_of_a_loop_overrides_goes() -> None:
    becomes(
        """(param i32) (local i32) loop call $value local.set 1 local.get 1 call $use
        i32.const 3 local.set 1 local.get 0 br_if 0 end""",
        """(param i32) (local i32) loop call $value local.set 1 local.get 1 call $use
        local.get 0 br_if 0 end""",
    )


def test_a_counter_that_only_counts_goes() -> None:
    becomes(
        """(param i32) (local i32) loop local.get 1 i32.const 1 i32.add local.set 1
        call $value br_if 0 end""",
        "(param i32) (local i32) loop call $value br_if 0 end",
    )


def test_locals_that_only_feed_each_other_go() -> None:
    becomes(
        """(param i32) (local i32 i32) loop
        local.get 1 local.set 2 local.get 2 local.get 0 i32.xor local.set 1
        call $value br_if 0 end""",
        "(param i32) (local i32 i32) loop call $value br_if 0 end",
    )


def test_a_counter_that_an_effect_depends_on_stays() -> None:
    stays(
        """(local i32) loop local.get 0 i32.const 1 i32.add local.set 0
        local.get 0 i32.load drop call $value br_if 0 end"""
    )
    stays(
        """(local i32) loop local.get 0 local.get 0 i32.div_u local.set 0
        call $value br_if 0 end"""
    )
    stays(
        """(local i32) loop local.get 0 call $value i32.add local.set 0
        call $value br_if 0 end"""
    )


def test_a_read_that_only_stands_before_a_computation_is_a_use() -> None:
    stays(
        """(param i32) (local i32 i32) loop local.get 1 i32.const 8 local.set 2 call $use
        local.get 2 call $use i32.const 1 local.set 1 local.get 0 br_if 0 end"""
    )


def test_64_bit_locals() -> None:
    becomes(
        """(param i64 i64) (result i64) (local i64)
        local.get 0 local.get 1 i64.mul local.set 2
        local.get 0 i64.const 0x123456789abcdef i64.xor local.set 2
        local.get 1 i64.const 33 i64.rotl local.tee 0 local.get 2 i64.or""",
        """(param i64 i64) (result i64) (local i64)
        local.get 0 i64.const 0x123456789abcdef i64.xor local.set 2
        local.get 1 i64.const 33 i64.rotl local.get 2 i64.or""",
    )


def test_a_local_without_a_default_stays_initialised() -> None:
    stays(
        """(param i32 (ref func)) (result (ref func)) (local (ref func))
        local.get 1 local.set 2
        local.get 0 if local.get 1 local.set 2 else local.get 1 local.set 2 end local.get 2"""
    )


def test_a_write_that_an_exception_handler_reads_stays() -> None:
    stays(
        """(result i32) (local i32) block i32.const 1 local.set 0
        try_table (catch_all 0) call $value local.set 0 end end local.get 0"""
    )


def test_unreachable_code_is_no_obstacle() -> None:
    becomes(
        "(result i32) (local i32) i32.const 1 return call $value local.set 0 i32.add",
        "(result i32) (local i32) i32.const 1 return call $value drop i32.add",
    )


def test_what_unreachable_code_leaves_keeps_its_block() -> None:
    becomes(
        "(param i32) block (result i32) br 1 local.get 0 end local.set 0",
        "(param i32) block (result i32) br 1 local.get 0 end drop",
    )


def test_nesting_thousands_deep() -> None:
    inside = "block " * DEPTH + "local.get 0 br_if 0 i32.const 1 local.set 0 " + "end " * DEPTH
    bare = "block " * DEPTH + "local.get 0 br_if 0 " + "end " * DEPTH
    becomes(f"(param i32) {inside}", f"(param i32) {bare}")


def test_a_chain_of_copies_goes_at_once() -> None:
    """A run for every link would be quadratic."""
    copies = " ".join(f"local.get {link} local.set {link + 1}" for link in range(1000))
    module = run_once("dead-stores", module_of(f"(func (local {'i32 ' * 1001}) {copies})"))
    assert [instr.name for instr in module.functions[0].body] == ["end"]
