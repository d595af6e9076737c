"""Where everything went that the input has, through all changes of the whole module."""

from __future__ import annotations

from wasmopt.function import Function
from wasmopt.module import Kind, Module
from wasmopt.module_change import Correspondence, Map
from wasmopt.renumber import GoneError, Renumbering


class Origins:
    """Follows indices from the input to the module as it is.

    Attributes:
        claim: the maps from the input to now.
        changed: functions, by their index now, that are more than renumbered; those that the
            input does not have included.
        moved: whether any pass over the whole module was kept.
    """

    def __init__(self) -> None:
        self.claim = Correspondence()
        self.changed: set[int] = set()
        self.moved = False

    def change(self, before: Module, after: Module) -> None:
        """Functions were replaced at their place."""
        imported = len(before.imported(Kind.FUNCTION))
        pairs = zip(before.functions, after.functions, strict=True)
        self.changed.update(
            [index for index, (old, new) in enumerate(pairs, imported) if old is not new]
        )

    def follow(self, before: Module, after: Module, claim: Correspondence) -> dict[int, int]:
        """A change of the whole module was kept.

        Returns:
            The functions in which nothing but indices changed: old index -> new one.
        """
        self.moved = True
        indices = claim.maps.get(Kind.FUNCTION)
        imported = len(before.imported(Kind.FUNCTION))
        renumbering = Renumbering(claim, after.pool)
        same: dict[int, int] = {}
        for old, function in enumerate(before.functions, imported):
            new = old if indices is None else indices[old]
            if new is None or old in claim.reshaped:
                continue
            if _is_renumbered(function, after.functions[new - imported], renumbering):
                same[old] = new
        kept = {new for old, new in same.items() if old not in self.changed}
        self.changed = set(range(imported, imported + len(after.functions))) - kept
        self.claim = compose(self.claim, claim)
        return same

    def function_map(self, count: int) -> Map:
        """For each of the `count` functions of the input its index now, None for what is gone."""
        indices = self.claim.maps.get(Kind.FUNCTION)
        return tuple(range(count)) if indices is None else indices

    def sources(self, count: int) -> dict[int, int]:
        """For each function of now that the input has its index there, the first of several that
        became one; `count` is how many the input has.
        """
        indices = self.function_map(count)
        return {new: old for old, new in reversed([*enumerate(indices)]) if new is not None}


def compose(first: Correspondence, second: Correspondence) -> Correspondence:
    """Where things go that go where `first` says and then where `second` does."""
    kinds = {*first.maps, *second.maps}
    maps = {kind: _then(first.maps.get(kind), second.maps.get(kind)) for kind in kinds}
    return Correspondence(
        {kind: indices for kind, indices in maps.items() if indices is not None},
        _then(first.types, second.types),
        _then(first.data, second.data),
        _then(first.elements, second.elements),
    )


def _then(first: Map | None, second: Map | None) -> Map | None:
    if first is None or second is None:
        return second if first is None else first
    return tuple([None if index is None else second[index] for index in first])


def _is_renumbered(old: Function, new: Function, renumbering: Renumbering) -> bool:
    """Whether nothing but indices differs."""
    if old is new:
        return True
    try:
        return renumbering.expression(old.body) == new.body and len(old.locals) == len(new.locals)
    except GoneError:
        return False
