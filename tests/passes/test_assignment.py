"""assign: no other way is cheaper."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from wasmopt.passes.assignment import assign


@pytest.mark.parametrize("size", range(7))
def test_no_other_assignment_is_cheaper(size: int) -> None:
    chance = Random(size)
    for digits in (0, 1, 15):
        costs = [[round(chance.uniform(-9, 9), digits) for _ in range(size)] for _ in range(size)]
        found = assign(costs)
        assert sorted(found) == list(range(size))
        best = min(
            sum(costs[row][column] for row, column in enumerate(way))
            for way in permutations(range(size))
        )
        assert sum(costs[row][column] for row, column in enumerate(found)) == pytest.approx(best)
