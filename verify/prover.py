"""The tiers in order: the cheapest that can prove a change does.

tier      claim
========  ====================================================================================
text      both versions have the same normal form (`same_text`)
window    the parts that differ do the same from any state (`window`, `joint`)
summary   the whole functions do (`joint`), loops matched by index, then by value
========  ====================================================================================

Before any of them the changed function must be valid (`validity`).  Whatever goes wrong inside
the validator, a defect of its own included, makes the change unproved, never accepted.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.verdict import Proved, Unproved, Verdict
from wasmopt.verify.joint import Comparison, DifferentError
from wasmopt.verify.nesting import MalformedError
from wasmopt.verify.same_text import same_text
from wasmopt.verify.terms import BudgetError
from wasmopt.verify.unsupported import UnsupportedError
from wasmopt.verify.validity import ValidityGate
from wasmopt.verify.window import Code, find_window, whole_function

_log = logging.getLogger(__name__)

TEXT: Final = "text"
WINDOW: Final = "window"
SUMMARY: Final = "summary"

MAX_INSTRUCTIONS: Final = 200_000
"""Length of the two versions together above which only `text` and `window` are tried."""


class Prover:
    """Proves changes of functions of one module, one at a time.

    Attributes:
        terms: terms built so far, all proofs together.
        fallbacks: proofs that a tier could not give, by tier and reason.
    """

    def __init__(self) -> None:
        self.terms = 0
        self.fallbacks: Counter[str] = Counter()

    def __call__(self, before: Function, after: Function, context: Context) -> Verdict:
        """Decide whether `after` can stand for `before` in the module of `context`."""
        try:
            return self._prove(before, after, context)
        except MemoryError:
            return Unproved("budget: out of memory")
        except Exception as error:  # the gate must hold whatever happens behind it
            _log.exception("the validator failed")
            return Unproved(f"internal: {type(error).__name__}")

    def _prove(self, before: Function, after: Function, context: Context) -> Verdict:
        problem = context.table(ValidityGate).refuse(before, after)
        if problem is not None:
            return Unproved(problem)
        if same_text(before, after, context):
            return Proved(TEXT)
        reason = self._try_window(before, after, context)
        if reason is None:
            return Proved(WINDOW)
        if len(before.body) + len(after.body) > MAX_INSTRUCTIONS:
            return Unproved(f"budget: too long ({reason})")
        codes = [whole_function(each, context) for each in (before, after)]
        for by_index, sink in ((True, False), (False, False), (True, True)):
            reason = self._compare(
                SUMMARY, codes[0], codes[1], context, by_index=by_index, sink=sink
            )
            if reason is None:
                return Proved(SUMMARY)
        return Unproved(reason)

    def _try_window(self, before: Function, after: Function, context: Context) -> str | None:
        """None if the windows are equal, else why they are not known to be."""
        try:
            window = find_window(before, after, context)
        except MalformedError as error:
            return str(error)
        if window is None:
            return "no window"
        return self._compare(WINDOW, *window, context, by_index=True, sink=False)

    def _compare(
        self, tier: str, before: Code, after: Code, context: Context, *, by_index: bool, sink: bool
    ) -> str | None:
        """None if the two are equal, else why they are not known to be."""
        comparison = None
        try:
            comparison = Comparison(before, after, context, by_index=by_index, sink=sink)
            comparison.check()
        except (DifferentError, UnsupportedError, MalformedError, BudgetError) as error:
            reason = str(error)
        except RecursionError:
            reason = "budget: diagrams too deep"
        else:
            return None
        finally:
            self.terms += 0 if comparison is None else len(comparison.arena)
        self.fallbacks[f"{tier}: {reason}"] += 1
        return reason
