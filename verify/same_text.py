"""Tier 0: two versions that are the same text up to structure, dead values and local names.

Each version is brought into its normal form (`normal_form`), alone.  The forms have the same
meaning as the versions, so equal forms prove the versions equal.  Locals may have other numbers:
in the forms, each local of one version must correspond to one local of the other and the
other way round (a bijection, so that two locals are never merged into one).  A parameter
corresponds to itself, and another local to one of the same type, since that is what gives it
its first value.

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

_REMEMBERED: Final = 2
"""Normal forms kept: the version after one pass is the version before the next."""


def same_text(before: Function, after: Function, context: Context) -> bool:
    """Whether the two are proved to do the same; False when this tier cannot tell."""
    if before.type_index != after.type_index:
        return False
    forms = context.table(_Forms)
    first, second = forms[before], forms[after]
    if first is None or second is None or first.text != second.text:
        return False
    try:
        types = _local_types(before, context), _local_types(after, context)
        return _correspond(first.locals, second.locals, types, len(context.param_types(before)))
    except (LookupError, TypeError, NotCoveredError):
        return False


class _Forms:
    """Normal forms of the last versions asked for; None for a version that has none."""

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._known: list[tuple[Function, NormalForm | None]] = []

    def __getitem__(self, function: Function) -> NormalForm | None:
        for known, form in self._known:
            if known is function:
                return form
        form = self._make(function)
        self._known = [(function, form), *self._known[: _REMEMBERED - 1]]
        return form

    def _make(self, function: Function) -> NormalForm | None:
        try:
            return normal_form(function, self._context)
        except (AttributeError, InputError, LookupError, NotCoveredError, TypeError, ValueError):
            # Malformed in one of many ways: whoever made it is not trusted to make sense.
            return None


def _local_types(function: Function, context: Context) -> list[ValType]:
    """The types of all locals, parameters first."""
    if sum([count for count, _ in function.locals]) > MAX_LOCALS:
        raise NotCoveredError("too many locals")
    return [*context.param_types(function), *function.local_types()]


def _correspond(
    before: list[int],
    after: list[int],
    types: tuple[list[ValType], list[ValType]],
    params: int,
) -> bool:
    """Whether the accessed locals correspond one to one, access by access."""
    pairs = set(zip(before, after, strict=True))
    if not len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}):
        return False
    first_types, second_types = types
    return all(
        one == other if min(one, other) < params else first_types[one] == second_types[other]
        for one, other in pairs
    )
