"""The passes and the visible pipelines: which passes run, in which order, at which level."""

from __future__ import annotations

from typing import Final

from wasmopt.context import Pass
from wasmopt.goals import RAW
from wasmopt.module_change import ModulePass
from wasmopt.options import Options
from wasmopt.passes.align_hints import ALIGN_HINTS
from wasmopt.passes.branches import BRANCHES_PASS
from wasmopt.passes.cluster_functions import CLUSTER_FUNCTIONS
from wasmopt.passes.coalesce_locals import COALESCE_LOCALS
from wasmopt.passes.compare_operands import COMPARE_OPERANDS
from wasmopt.passes.constants import CONSTANTS
from wasmopt.passes.cse import CSE
from wasmopt.passes.data_segments import DATA_SEGMENTS
from wasmopt.passes.dead_arguments import DEAD_ARGUMENTS
from wasmopt.passes.dead_locals import DEAD_LOCALS
from wasmopt.passes.dead_stores import DEAD_STORES
from wasmopt.passes.directize import DIRECTIZE
from wasmopt.passes.duplicate_functions import DUPLICATE_FUNCTIONS
from wasmopt.passes.fold_constants import FOLD_CONSTANTS
from wasmopt.passes.fold_tails import FOLD_TAILS
from wasmopt.passes.inline_small import INLINE_SMALL
from wasmopt.passes.inlining import INLINING
from wasmopt.passes.join_stores import JOIN_STORES
from wasmopt.passes.merge_locals import MERGE_LOCALS
from wasmopt.passes.merge_segments import MERGE_SEGMENTS
from wasmopt.passes.number_locals import NUMBER_LOCALS
from wasmopt.passes.outline import OUTLINE
from wasmopt.passes.peepholes import DENSE_PEEPHOLES, PEEPHOLES
from wasmopt.passes.propagate_globals import PROPAGATE_GLOBALS
from wasmopt.passes.remove_unused import REMOVE_UNUSED
from wasmopt.passes.reorder_indices import REORDER_FUNCTIONS, REORDER_GLOBALS, REORDER_TYPES
from wasmopt.passes.reorder_locals import REORDER_LOCALS
from wasmopt.passes.short_forms import SHORT_FORMS
from wasmopt.passes.similar_functions import SIMILAR_FUNCTIONS
from wasmopt.passes.simplify_locals import SIMPLIFY_LOCALS
from wasmopt.passes.stack_order import STACK_ORDER
from wasmopt.passes.vacuum import VACUUM

REGISTRY: Final[dict[str, Pass]] = {
    each.name: each
    for each in (
        BRANCHES_PASS,
        COALESCE_LOCALS,
        COMPARE_OPERANDS,
        CSE,
        DEAD_LOCALS,
        DEAD_STORES,
        DENSE_PEEPHOLES,
        DIRECTIZE,
        FOLD_CONSTANTS,
        FOLD_TAILS,
        JOIN_STORES,
        MERGE_LOCALS,
        PEEPHOLES,
        REORDER_LOCALS,
        SIMPLIFY_LOCALS,
        STACK_ORDER,
        VACUUM,
    )
}

MODULE_PASSES: Final[dict[str, ModulePass]] = {
    each.name: each
    for each in (
        ALIGN_HINTS,
        CLUSTER_FUNCTIONS,
        CONSTANTS,
        DATA_SEGMENTS,
        DEAD_ARGUMENTS,
        DUPLICATE_FUNCTIONS,
        INLINE_SMALL,
        INLINING,
        MERGE_SEGMENTS,
        NUMBER_LOCALS,
        OUTLINE,
        PROPAGATE_GLOBALS,
        REMOVE_UNUSED,
        REORDER_FUNCTIONS,
        REORDER_GLOBALS,
        REORDER_TYPES,
        SHORT_FORMS,
        SIMILAR_FUNCTIONS,
    )
}
"""Passes over the module as a whole."""

_FOLD: Final = ("directize", "fold-constants", "vacuum", "branches", "dead-stores")
_QUICK: Final = (*_FOLD, "merge-locals", "coalesce-locals", "dead-locals", "reorder-locals")
_REST: Final = (
    *("merge-locals", "coalesce-locals", "simplify-locals", "compare-operands", "stack-order"),
    *("join-stores", "peepholes", "cse", "dead-locals", "reorder-locals"),
)
_LOCAL: Final = (*_FOLD, *_REST)
_SHORT: Final = (*_FOLD, "fold-tails", *_REST)
_FIRST: Final = ("remove-unused", "propagate-globals")
_WHOLE: Final = ("remove-unused", "dead-arguments", "inline-small", "inlining")
_ORDER: Final = (
    *("remove-unused", "short-forms", "data"),
    *("reorder-functions", "reorder-globals", "reorder-types"),
)
_FAST: Final = (
    *(*_FIRST, *_FOLD, *_WHOLE, *_LOCAL),
    *("duplicate-functions", "outlining", *_ORDER),
)
_TWICE: Final = (*_FIRST, *_FOLD, *_WHOLE, *_SHORT, *_WHOLE, *_SHORT)
_SHARE: Final = ("propagate-globals", "constants", "outlining", "dead-arguments", "inlining")
_SMALL: Final = (*_TWICE, "duplicate-functions", *_SHARE, *_ORDER)
_SMALLEST: Final = (
    *(*_TWICE, "duplicate-functions", "similar-functions", "inline-small", "dense-peepholes"),
    *(*_SHARE, *_ORDER),
)

PIPELINES: Final[dict[str, tuple[str, ...]]] = {
    "0": (),
    "1": _QUICK,
    "2": _FAST,
    "3": _FAST,
    "4": _FAST,
    "s": _SMALL,
    "z": _SMALLEST,
}
"""Passes in the order in which they run, by optimization level.

Those inside functions come again until nothing changes, so that their order decides little.  What
is known is folded before all else: whole functions are called only where control never comes.
"""

_RAW_ONLY: Final = frozenset(
    [
        *("cse", "fold-tails", "similar-functions", "constants", "outlining", "data"),
        *("reorder-functions", "reorder-globals", "reorder-types"),
    ]
)
_COMPACT: Final = ("merge-segments", "number-locals", "cluster-functions", "align-hints")


def pipeline(options: Options) -> tuple[str, ...]:
    """The passes of the level for the goal.

    Repetition is cheap for a compressor.  For compressed sizes nothing is done to share it, unless
    outlining is asked for, and what is put in order is not what is frequent but what is alike.
    """
    names = PIPELINES[options.level]
    if options.goal == RAW or not names:
        return names
    left_out = _RAW_ONLY - ({"outlining"} if options.outline in ("cold", "all") else set())
    return (*[name for name in names if name not in left_out], *_COMPACT)


if __name__ != "wasmopt.passes":
    raise ImportError("import this package as wasmopt.passes")
