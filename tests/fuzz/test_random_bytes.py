"""Bytes of random modules, damaged: a module still, or an error of one line at its place."""

from __future__ import annotations

from random import Random

from tests.fuzz.choices import Choices
from tests.fuzz.damage import damaged, read_or_refuse
from tests.fuzz.generate import random_module
from tests.fuzz.observe import difference, observe
from wasmopt.api import optimize
from wasmopt.decode import code_range
from wasmopt.encode import encode
from wasmopt.errors import InputError
from wasmopt.options import Options
from wasmopt.validate import legacy_exceptions

SEEDS = range(4_000_000, 4_000_025)
DAMAGES = 60
"""Damaged copies of each module."""


def test_damaged_modules_are_read_or_refused() -> None:
    read = 0
    for seed in SEEDS:
        random = Random(seed)
        data = encode(random_module(Choices.of_seed(seed)))
        read += sum([read_or_refuse(damaged(data, random)) for _ in range(DAMAGES)])
    assert 100 < read < 0.9 * len(SEEDS) * DAMAGES


def test_what_is_left_of_a_truncated_module_is_refused_or_read() -> None:
    for seed in SEEDS[:8]:
        data = encode(random_module(Choices.of_seed(seed)))
        read = [length for length in range(len(data)) if read_or_refuse(data[:length])]
        assert len(read) < 20, "only behind a section can a module be at its end"


def test_damaged_code_that_is_valid_is_optimized_like_any() -> None:
    changed = 0
    for seed in SEEDS:
        random = Random(seed)
        data = encode(random_module(Choices.of_seed(seed)))
        for _ in range(DAMAGES // 4):
            source = damaged(data, random, start=code_range(data).start)
            try:
                result = optimize(source, Options(level="z"))
            except InputError:
                continue
            assert not result.report.notices
            assert len(result.data) <= len(source)
            if result.data != source and not legacy_exceptions(result.module):
                changed += 1
                assert difference(observe(source, seed), observe(result.data, seed)) is None
    assert changed > 10
