"""Tier 0: two versions that are the same text up to structure, dead values and local names.

Each version is brought into its normal form (`normal_form`), alone.  The forms have the same
meaning as the versions, so equal forms prove the versions equal.  There are two kinds of form;
either may do.  Locals may have other numbers: in the forms, each local of one version must
correspond to one local of the other and the other way round (a bijection, so that two locals are
never merged into one).  A parameter corresponds to itself, and another local to one of the same
type, since that is what gives it its first value.

Linear in the two bodies.
"""

from __future__ import annotations

from typing import Final

from wasmopt.context import Context
from wasmopt.decode import MAX_LOCALS
from wasmopt.errors import InputError
from wasmopt.function import Function
from wasmopt.types import ValType
from wasmopt.verify.live_code import NotCoveredError
from wasmopt.verify.normal_form import NormalForm, normal_form

_REMEMBERED: Final = 4
"""Normal forms kept: the version after one pass is the version before the next."""
_MALFORMED: Final = (
    AttributeError,
    InputError,
    LookupError,
    NotCoveredError,
    TypeError,
    ValueError,
)
"""What a version that makes no sense may raise: whoever made it is not trusted."""


def same_text(before: Function, after: Function, context: Context) -> bool:
    """Whether the two are proved to do the same; False when this tier cannot tell."""
    if before.type_index != after.type_index:
        return False
    forms = context.table(_Forms)
    for join_ends in (False, True):
        first, second = forms[before, join_ends], forms[after, join_ends]
        if first is None or second is None:
            return False
        if first.text == second.text and _same_locals(first, second, before, after, context):
            return True
        if first.effects() != second.effects():
            return False  # and so it would be with joined ends
    return False


class _Forms:
    """Normal forms of the last versions asked for; None for a version that has none."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._known: dict[tuple[Function, bool], NormalForm | None] = {}

    def __getitem__(self, key: tuple[Function, bool]) -> NormalForm | None:
        if key not in self._known:
            if len(self._known) == _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self._make(*key)
        return self._known[key]

    def _make(self, function: Function, join_ends: bool) -> NormalForm | None:
        try:
            return normal_form(function, self._context, join_ends=join_ends)
        except _MALFORMED:
            return None


def _local_types(function: Function, context: Context) -> list[ValType]:
    """The types of all locals, parameters first."""
    if sum([abs(count) for count, _ in function.locals]) > MAX_LOCALS:
        raise NotCoveredError("too many locals")
    return [*context.param_types(function), *function.local_types()]


def _same_locals(
    first: NormalForm, second: NormalForm, before: Function, after: Function, context: Context
) -> bool:
    """Whether the accessed locals correspond one to one, access by access."""
    pairs = set(zip(first.locals, second.locals, strict=True))
    if not len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}):
        return False
    try:
        params = len(context.param_types(before))
        types, other_types = _local_types(before, context), _local_types(after, context)
        return all(
            one == other if min(one, other) < params else types[one] == other_types[other]
            for one, other in pairs
        )
    except _MALFORMED:
        return False
