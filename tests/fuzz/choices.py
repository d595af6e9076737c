"""Where a generator's decisions come from: a seed, Hypothesis, or a list written down before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

_T = TypeVar("_T")

PERMILLE = 1000


class Choices:
    """Decisions, each a number below some bound; 0 is meant to be the simplest.

    Attributes:
        taken: all decisions so far, so that a run can be repeated with some of them changed.
    """

    def __init__(self, below: Callable[[int], int]) -> None:
        self._below = below
        self.taken: list[int] = []

    @classmethod
    def of_seed(cls, seed: int) -> Choices:
        """Pseudo-random decisions, always the same ones for a seed."""
        return cls(Random(seed).randrange)

    @classmethod
    def of_list(cls, decisions: Sequence[int]) -> Choices:
        """Decisions made before, whatever the bounds are now; behind the last one always 0."""
        left = iter(decisions)
        return cls(lambda bound: next(left, 0) % bound)

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1."""
        if bound == 1:
            return 0
        decision = self._below(bound)
        self.taken.append(decision)
        return decision

    def pick(self, options: Sequence[_T]) -> _T:
        """One of the options."""
        return options[self.below(len(options))]

    def chance(self, permille: int) -> bool:
        """True in so many cases of a thousand; False is the simpler one."""
        return self.below(PERMILLE) >= PERMILLE - permille

    def weighted(self, options: Sequence[tuple[int, _T]]) -> _T:
        """One of the options, each as likely as its weight is large."""
        number = self.below(sum([weight for weight, _ in options]))
        for weight, option in options:
            number -= weight
            if number < 0:
                return option
        raise AssertionError("the weights do not add up")


def reduced(decisions: Sequence[int], fails: Callable[[Choices], bool], most: int) -> list[int]:
    """Fewer and smaller decisions with which something still fails.

    Args:
        decisions: with which it fails.
        fails: whether it does with these.
        most: runs of `fails`.
    """
    best = list(decisions)
    length = max(1, len(best) // 2)
    runs = 0
    while length and runs < most:
        smaller = False
        place = 0
        while place < len(best) and runs < most:
            part = best[place : place + length]
            for instead in ([], [0] * len(part)):
                if part == instead:
                    continue
                runs += 1
                trial = best[:place] + instead + best[place + length :]
                if fails(Choices.of_list(trial)):
                    best, smaller = trial, True
                    break
            else:
                place += length
                continue
            place += len(instead)
        if not smaller or length > 1:
            length //= 2
    return best
