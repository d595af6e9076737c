"""The passes and the visible pipelines: which passes run, in which order, at which level."""

from __future__ import annotations

from typing import Final

from wasmopt.context import Pass
from wasmopt.passes.coalesce_locals import COALESCE_LOCALS
from wasmopt.passes.dead_locals import DEAD_LOCALS
from wasmopt.passes.dead_stores import DEAD_STORES
from wasmopt.passes.directize import DIRECTIZE
from wasmopt.passes.merge_locals import MERGE_LOCALS
from wasmopt.passes.reorder_locals import REORDER_LOCALS
from wasmopt.passes.vacuum import VACUUM

REGISTRY: Final[dict[str, Pass]] = {
    each.name: each
    for each in (
        COALESCE_LOCALS,
        DEAD_LOCALS,
        DEAD_STORES,
        DIRECTIZE,
        MERGE_LOCALS,
        REORDER_LOCALS,
        VACUUM,
    )
}

_ALL: Final = ("vacuum", "dead-locals", "reorder-locals")

PIPELINES: Final[dict[str, tuple[str, ...]]] = {
    "0": (),
    "1": _ALL,
    "2": _ALL,
    "3": _ALL,
    "4": _ALL,
    "s": _ALL,
    "z": _ALL,
}
"""Passes in the order in which they visit a function, by optimization level."""

if __name__ != "wasmopt.passes":
    raise ImportError("import this package as wasmopt.passes")
