"""No mutant that differs in execution gets past the validator (`make mutants` has more)."""

from pathlib import Path

import pytest

from tests.verify.mutants import KINDS
from tests.verify.mutation_run import Score, judge

MODULES = ("control", "elements", "lz", "memories", "packed", "segments", "vector", "codecs")
MUTANTS = 40


@pytest.mark.parametrize("name", MODULES)
def test_no_wrong_mutant_is_accepted(name: str) -> None:
    score = Score()
    judge(Path(f"corpus/built/{name}.wasm"), 7, MUTANTS, score)
    assert score.made.total() == MUTANTS
    assert score.wrong == []
    assert score.accepted.total() <= MUTANTS // 3
    assert score.reasons.total() == score.accepted.total()


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= 25
