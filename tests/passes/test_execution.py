"""Every pass, run over random programs, changes nothing that a host can see."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.passes.dense_programs import dense_programs
from tests.programs import observe, programs
from tests.support import module_of, run_module_pass, run_pass
from wasmopt.encode import encode
from wasmopt.options import Options
from wasmopt.passes import MODULE_PASSES, REGISTRY
from wasmopt.validate import validate


@pytest.mark.parametrize("pass_name", sorted(REGISTRY))
@given(program=programs() | dense_programs())
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_results_traps_calls_and_memory_stay(pass_name: str, program: str) -> None:
    before = module_of(program)
    after = run_pass(pass_name, before, proved=False)
    if after is not before:
        validate(after)
        assert observe(encode(after)) == observe(encode(before))


@pytest.mark.parametrize("pass_name", sorted(MODULE_PASSES))
@given(program=programs())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_passes_over_the_module_change_nothing_a_host_can_see(pass_name: str, program: str) -> None:
    before = module_of(program)
    if MODULE_PASSES[pass_name].compresses:
        changed = MODULE_PASSES[pass_name].run(before, Options(level="z", goal="gzip"))
        after = before if changed is None else changed[0]
    else:
        after = run_module_pass(pass_name, before, Options(level="z"))
    if after is not before:
        validate(after)
        assert observe(encode(after)) == observe(encode(before))
