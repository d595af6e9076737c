"""Runs a pass with one mistake in it: what it proposes must be put back."""

from __future__ import annotations

from typing import NamedTuple
from unittest.mock import patch

from tests.support import module_of
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.manager import Manager
from wasmopt.options import Options
from wasmopt.passes import REGISTRY
from wasmopt.verify import Prover


class Mistake(NamedTuple):
    """A pass that has `wrong` where it should have `attribute` of `owner`."""

    pass_name: str
    owner: object
    attribute: str
    wrong: object


def assert_put_back(mistake: Mistake, wat: str) -> None:
    """Assert that a pass with a mistake proposes one change of a module, which does not stay."""
    real = REGISTRY[mistake.pass_name]

    def broken(function: Function, context: Context) -> Function:
        with patch.object(mistake.owner, mistake.attribute, mistake.wrong):
            return real.run(function, context)

    wrong = Pass("broken", "a wrong pass", broken, enabling=real.enabling)
    manager = Manager([wrong], Options(), Prover())
    module = module_of(wat)
    assert manager.run(module) is module
    report = manager.reports["broken"]
    assert report.attempts - report.grown == report.reverted.total() == 1
