"""Helpers that tests of passes share: a module before and after, or one that must not change."""

from __future__ import annotations

from dataclasses import replace

from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.function import Function
from wasmopt.instr import InstrPool
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES, REGISTRY
from wasmopt.text import module_text, read_text
from wasmopt.validate import validate
from wasmopt.verdict import Proved
from wasmopt.verify import Prover, prove_module

MOST_ROUNDS = 10
"""Runs of one pass within which any test module has to come to rest."""


def module_of(wat: str, pool: InstrPool | None = None) -> Module:
    """The module that `wat` spells: a whole one, or just its fields."""
    text = wat if wat.lstrip().startswith("(module") else f"(module {wat})"
    return decode(read_text(text), pool)


def run_once(pass_name: str, module: Module) -> Module:
    """The module after one run of a pass over each function; the same object if none changed."""
    context = Context(module)
    functions = tuple(REGISTRY[pass_name].run(each, context) for each in module.functions)
    if all(new is old for new, old in zip(functions, module.functions, strict=True)):
        return module
    return replace(module, functions=functions)


def run_pass(pass_name: str, module: Module, *, proved: bool = True) -> Module:
    """The module after as many runs of a pass as it takes until one changes nothing.

    Args:
        pass_name: which pass.
        module: to start from.
        proved: whether the validator must prove every run; False for instructions that it has
            no theory for, and for tests that judge by running the result.
    """
    for _ in range(MOST_ROUNDS):
        result = run_once(pass_name, module)
        if result is module:
            return module
        before, after = len(encode(module)), len(encode(result))
        assert after < before or (after == before and REGISTRY[pass_name].enabling)
        if proved:
            _assert_proved(module, result)
        module = result
    raise AssertionError(f"{pass_name} still changes the module in run {MOST_ROUNDS}")


def check(pass_name: str, before_wat: str, after_wat: str, *, proved: bool = True) -> None:
    """Assert that a pass turns one module into the other, proved, valid and not larger.

    Functions are compared instruction by instruction, and by their locals; see `run_pass`.
    """
    pool = InstrPool()
    before, expected = module_of(before_wat, pool), module_of(after_wat, pool)
    validate(before)
    result = run_pass(pass_name, before, proved=proved)
    assert result is not before, "the pass changed nothing"
    assert list(map(_listing, result.functions)) == list(map(_listing, expected.functions))
    validate(result)


def _assert_proved(module: Module, result: Module) -> None:
    """Assert that the validator proves every function that differs."""
    context, prover = Context(module), Prover()
    for old, new in zip(module.functions, result.functions, strict=True):
        if old is not new:
            assert isinstance(prover(old, new, context), Proved)


def unchanged(pass_name: str, wat: str) -> None:
    """Assert that a pass leaves every function of a module the object that it is."""
    module = module_of(wat)
    validate(module)
    result = run_once(pass_name, module)
    assert list(map(_listing, result.functions)) == list(map(_listing, module.functions))
    assert result is module


def run_module_pass(pass_name: str, module: Module, options: Options | None = None) -> Module:
    """The module after a pass over the whole, proved, until that changes nothing."""
    for _ in range(MOST_ROUNDS):
        result = MODULE_PASSES[pass_name].run(module, options or Options())
        if result is None:
            return module
        after, claim = result
        assert len(encode(after)) < len(encode(module))
        verdict = prove_module(module, after, claim, Prover(replay=False))
        assert isinstance(verdict, Proved), verdict
        module = after
    raise AssertionError(f"{pass_name} still changes the module in run {MOST_ROUNDS}")


def check_module(
    pass_name: str, before_wat: str, after_wat: str, options: Options | None = None
) -> None:
    """Assert that a pass over the whole module turns one into the other, proved and smaller."""
    before = module_of(before_wat)
    validate(before)
    result = run_module_pass(pass_name, before, options)
    assert module_text(result) == module_text(module_of(after_wat))
    assert encode(result) == encode(decode(encode(result)))


def repacked(pass_name: str, wat: str) -> Module:
    """The module after one run of a pass that is for compressed sizes, proved and valid."""
    before = module_of(wat)
    validate(before)
    result = MODULE_PASSES[pass_name].run(before, Options(goal="gzip"))
    assert result is not None, "the pass changed nothing"
    after, claim = result
    verdict = prove_module(before, after, claim, Prover(replay=False))
    assert isinstance(verdict, Proved), verdict
    validate(after)
    assert encode(after) == encode(decode(encode(after)))
    return after


def check_repacked(pass_name: str, before_wat: str, after_wat: str) -> None:
    """Assert that such a pass turns one module into the other, proved, and then leaves it."""
    result = repacked(pass_name, before_wat)
    assert module_text(result) == module_text(module_of(after_wat))
    assert MODULE_PASSES[pass_name].run(result, Options(goal="gzip")) is None


def unchanged_module(pass_name: str, wat: str, options: Options | None = None) -> None:
    """Assert that a pass over the whole module finds nothing to do."""
    module = module_of(wat)
    validate(module)
    result = MODULE_PASSES[pass_name].run(module, options or Options())
    assert result is None, module_text(result[0])


def _listing(function: Function) -> list[str]:
    """A function as lines, so that a failure shows where two differ."""
    local_types = [f"{count} locals {value_type.hex()}" for count, value_type in function.locals]
    return local_types + [
        " ".join([instr.name, *map(str, instr.immediates)]) for instr in function.body
    ]


def last_function(wat: str) -> tuple[Function, Context]:
    """The last function of a module, and the module around it."""
    module = module_of(wat)
    validate(module)
    return module.functions[-1], Context(module)
