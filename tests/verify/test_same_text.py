"""The structural tier accepts what is the same text, and nothing that behaves otherwise."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.verify.bodies import Writer, host
from tests.verify.execution import CannotRunError, differs
from tests.verify.mutants import KINDS, mutants
from tests.verify.same_text_pairs import DIFFERENT, EQUAL, HOST, UNTOLD
from wasmopt.context import Context
from wasmopt.decode import decode
from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import Module
from wasmopt.opcodes import OPCODES
from wasmopt.text import read_text
from wasmopt.verify.normal_form import REMOVABLE
from wasmopt.verify.same_text import same_text
from wasmopt.verify.validity import ValidityGate

BUILT = sorted((Path(__file__).resolve().parents[2] / "corpus" / "built").glob("*.wasm"))


def module_of(*functions: str) -> Module:
    """A module whose defined functions have these fields."""
    return decode(read_text(f"(module {HOST} {' '.join(f'(func {each})' for each in functions)})"))


def accepted(before: str, after: str) -> bool:
    module = module_of(before, after)
    first, second = module.functions
    assert first.type_index == second.type_index
    gate = Context(module).table(ValidityGate)
    assert gate.problem(first) is None and gate.problem(second) is None
    context = Context(module)
    verdict = same_text(first, second, context)
    assert verdict == same_text(second, first, Context(module)), "not symmetric"
    return verdict


@pytest.mark.parametrize("name", EQUAL)
def test_accepts(name: str) -> None:
    assert accepted(*EQUAL[name])


@pytest.mark.parametrize("name", EQUAL)
def test_what_is_accepted_runs_alike(name: str) -> None:
    module = module_of(*EQUAL[name])
    assert differs(module, *module.functions) is None


@pytest.mark.parametrize("name", DIFFERENT)
def test_refuses(name: str) -> None:
    assert not accepted(*DIFFERENT[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_refused_differs(name: str) -> None:
    module = module_of(*DIFFERENT[name])
    assert differs(module, *module.functions) is not None


@pytest.mark.parametrize("name", UNTOLD)
def test_leaves_to_others(name: str) -> None:
    assert not accepted(*UNTOLD[name])
