"""Python's garbage collector, set for the objects of this program."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (100_000, 50, 100)


def tune_collector() -> None:
    """Look for cycles less often: there are few among millions of small objects.

    For processes of our own.  With Python's thresholds, a tenth of the time goes into the search.
    """
    gc.set_threshold(*_THRESHOLDS)
