"""Broken twins of outlining are put back, and random programs do the same when outlined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings

from tests.programs import observe, programs
from tests.support import module_of
from wasmopt.context import Context
from wasmopt.encode import encode
from wasmopt.instr import Instr
from wasmopt.manager import Manager
from wasmopt.module import Module
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES
from wasmopt.passes.outline import outline_once
from wasmopt.passes.outline_choice import Limits
from wasmopt.passes.outline_text import Text
from wasmopt.validate import validate
from wasmopt.verify import Prover, prove_module

OPTIONS = Options(outline="all")
EVERYWHERE = Limits(loops=True, least=0)

RUN = """local.get {0} i64.extend_i32_u i64.const 123456789012 i64.mul i64.const 1234567 i64.add
    i32.wrap_i64 local.set {0} local.get {1} local.get {0} i32.const 77777 i32.xor i32.store"""
MODULE = f"""(memory (export "m") 1)
    (func (export "a") (param i32 i32) (result i32) {RUN.format(0, 1)} i32.const 1 i32.clz drop
        local.get 0)
    (func (export "b") (param i32 i32) (result i32) {RUN.format(1, 0)} i32.const 1 i32.ctz drop
        local.get 1)
    (func (export "c") (param i32 i32) (result i32) loop {RUN.format(0, 1)} local.get 0 br_if 0 end
        local.get 0)"""


def rewrite(module: Module, index: int, change: Callable[[list[Instr]], list[Instr]]) -> Module:
    """The module with another body in one of its functions."""
    functions = list(module.functions)
    functions[index] = functions[index].with_body(change(list(functions[index].body)))
    return replace(module, functions=tuple(functions))


def swaps_arguments(module: Module) -> Module:
    return rewrite(module, 0, lambda body: [body[1], body[0], *body[2:]])


def forgets_a_local_that_is_read_again(module: Module) -> Module:
    def drop_result(body: list[Instr]) -> list[Instr]:
        place = [instr.name for instr in body].index("local.set")
        return [*body[:place], module.pool.make("drop"), *body[place + 1 :]]

    return rewrite(module, 0, drop_result)


def forgets_a_local_that_a_loop_reads_again(module: Module) -> Module:
    def other_local(body: list[Instr]) -> list[Instr]:
        place = [instr.name for instr in body].index("local.set")
        return [*body[:place], module.pool.make("local.set", 1), *body[place + 1 :]]

    return rewrite(module, 2, other_local)


def takes_constants_for_equal(module: Module) -> Module:
    def change(body: list[Instr]) -> list[Instr]:
        constant, other = module.pool.make("i32.const", 77777), module.pool.make("i32.const", 77778)
        return [other if instr is constant else instr for instr in body]

    return rewrite(module, -1, change)


def reorders_effects(module: Module) -> Module:
    """Has the call where the run ended, behind an effect that came after it."""

    def change(body: list[Instr]) -> list[Instr]:
        names = [instr.name for instr in body]
        call = names.index("call")
        store = [module.pool.make("i32.const", 0), module.pool.make("i32.const", 0)]
        store.append(next(i for i in module.pool.values() if i.name == "i32.store"))
        return [*body[:call], *store, *body[call:]]

    return rewrite(module, 1, change)


def leaves_out_a_site(module: Module) -> Module:
    def change(body: list[Instr]) -> list[Instr]:
        place = [instr.name for instr in body].index("local.set")
        return body[place + 1 :]

    return rewrite(module, 1, change)


BROKEN = (
    swaps_arguments,
    forgets_a_local_that_is_read_again,
    forgets_a_local_that_a_loop_reads_again,
    takes_constants_for_equal,
    reorders_effects,
    leaves_out_a_site,
)


def outlined(module: Module) -> tuple[Module, Correspondence]:
    result = MODULE_PASSES["outlining"].run(module, OPTIONS)
    assert result is not None
    return result


def manager_of(*passes: ModulePass) -> Manager:
    prove = partial(prove_module, prover=Prover(replay=False))
    return Manager(passes, OPTIONS, Prover(), module_prover=prove)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_a_broken_twin_is_put_back(broken: Callable[[Module], Module]) -> None:
    def run(module: Module, _: Options) -> tuple[Module, Correspondence]:
        after, claim = outlined(module)
        wrong = broken(after)
        validate(wrong)
        return wrong, claim

    module = module_of(MODULE)
    manager = manager_of(ModulePass("broken", "a wrong pass", run))
    assert manager.run(module) is module
    report = manager.reports["broken"]
    assert (report.attempts, report.kept, report.grown) == (1, 0, 0)


def test_the_right_one_is_kept() -> None:
    module = module_of(MODULE)
    manager = manager_of(MODULE_PASSES["outlining"])
    assert manager.run(module) is not module


def test_what_is_claimed_to_be_outlined_has_to_be_there() -> None:
    module = module_of(MODULE)
    after, _ = outlined(module)
    claim = Correspondence(outlined=frozenset([len(module.functions) + 9]))
    assert "wrong index" in str(prove_module(module, after, claim, Prover(replay=False)))


@given(program=programs())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_random_programs_do_the_same(program: str) -> None:
    """Each function is there three times, so that most of it is outlined."""
    before = module_of(program)
    before = replace(before, functions=(*before.functions, *before.functions[-1:] * 2))
    after = outline_once(Text(before, Context(before)), EVERYWHERE)
    if after is not before:
        validate(after)
        assert observe(encode(after)) == observe(encode(before))
