"""number-locals: code that is alike names alike locals, and every local keeps its type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.support import module_of, repacked, unchanged_module
from wasmopt.manager import Manager
from wasmopt.module import Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes.number_locals import number_locals
from wasmopt.verify import Prover, prove_module

HEAD = "(memory 1) (func $use (param i32))"


def body(first: int, second: int) -> str:
    """Two locals in one way of use, that of the first named more often."""
    return f"""local.get 0 i32.load local.set {first}
        local.get 0 i32.load offset=4 local.set {second}
        local.get {first} call $use local.get {first} local.get {second} i32.add call $use"""


def test_functions_that_differ_in_numbers_become_the_same() -> None:
    after = repacked(
        "number-locals",
        f"{HEAD} (func (param i32) (local i32 i32) {body(1, 2)})"
        f" (func (param i32) (local i32 i32) {body(2, 1)})",
    )
    _, first, second = after.functions
    assert first.body == second.body
    assert first.locals == second.locals


def test_a_number_is_taken_from_like_code_against_the_frequency() -> None:
    # In the last function the second local is named most, but the others know better.
    often = "local.get 1 local.get 1 local.get 1 drop drop drop"
    others = f"(func (param i32) (local i32 i32) {body(1, 2)}) " * 5
    last = f"(func (param i32) (local i32 i32) {body(2, 1)} {often})"
    after = repacked("number-locals", f"{HEAD} {others} {last}")
    alike = after.functions[1].body[:-1]
    assert after.functions[-1].body[: len(alike)] == alike


def test_parameters_and_types_stay() -> None:
    wat = f"""{HEAD} (func (param i32 i32) (local i64 i32 i64 i32)
        local.get 1 i32.load local.set 5 local.get 5 call $use
        i64.const 1 local.tee 4 local.set 2 local.get 0 call $use)"""
    before, after = module_of(wat), repacked("number-locals", wat)
    old, new = before.functions[-1], after.functions[-1]
    types = [b"\x7f", b"\x7f", *old.local_types()], [b"\x7f", b"\x7f", *new.local_types()]
    assert sorted(types[0]) == sorted(types[1])
    assert len(new.locals) == 2, "declarations of one type stand together"
    for one, other in zip(old.body, new.body, strict=True):
        assert one.name == other.name
        if one.name.startswith("local."):
            (number,), (image,) = one.immediates, other.immediates
            assert types[0][number] == types[1][image]
            assert number == image or number > 1


def test_nothing_to_exchange() -> None:
    unchanged_module("number-locals", f"{HEAD} (func (param i32) (local i32 i64))")
    unchanged_module("number-locals", "")


def test_the_same_every_time() -> None:
    wat = HEAD + "".join(
        [f"(func (param i32) (local i32 i32) {body(1 + n % 2, 2 - n % 2)})" for n in range(9)]
    )
    assert len({repacked("number-locals", wat).functions[5].body[3].immediates for _ in "ab"}) == 1


# --- broken twins -----------------------------------------------------------------------------


def merges_two_locals(module: Module) -> Module:
    """Gives two locals one number."""
    function = module.functions[-1]
    two, one = module.pool.make("local.set", 2), module.pool.make("local.set", 1)
    merged = function.with_body([one if instr is two else instr for instr in function.body])
    return replace(module, functions=(*module.functions[:-1], merged))


def forgets_reads(module: Module) -> Module:
    """Exchanges two locals where they are written only."""
    swap = {module.pool.make("local.set", n): module.pool.make("local.set", 3 - n) for n in (1, 2)}
    function = module.functions[-1]
    swapped = function.with_body([swap.get(instr, instr) for instr in function.body])
    return replace(module, functions=(*module.functions[:-1], swapped))


@pytest.mark.parametrize("broken", [merges_two_locals, forgets_reads])
def test_wrong_numbers_are_put_back(broken: Callable[[Module], Module]) -> None:
    def run(module: Module, options: Options) -> tuple[Module, Correspondence] | None:
        result = number_locals(module, options)
        return broken(module if result is None else result[0]), Correspondence()

    fields = f'(func (export "f") (param i32) (local i32 i32) {body(1, 2)})'
    module = module_of(f"{HEAD} {fields}")
    prove = partial(prove_module, prover=Prover(replay=False))
    after, claim = run(module, Options()) or (module, Correspondence())
    assert not hasattr(prove(module, after, claim), "method")
    manager = Manager(
        [ModulePass("broken", "a wrong pass", run)],
        Options(goal="gzip"),
        Prover(),
        module_prover=prove,
    )
    assert manager.run(module) is module
