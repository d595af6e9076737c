"""All functions of two modules, old and new, in one module around them.

    new functions | old ones without a counterpart (ghosts) | the other old ones

Every old function is renumbered: what has a counterpart goes by its index, ghosts by their own.
Whatever a function proof takes from its module so holds for both versions.  Types that are gone,
and globals, stand behind those of the new module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.module import Global, Kind, Module
from wasmopt.module_change import Correspondence, Map
from wasmopt.renumber import GoneError, Renumbering
from wasmopt.types import RecGroup
from wasmopt.verify.module_parts import require, type_identities
from wasmopt.verify.reshaping import Reshaped, reshape


def complete(indices: Map | None, count: int) -> Map:
    """The map, spelled out."""
    if indices is None:
        return tuple(range(count))
    require(len(indices) == count, "a map of another length")
    return indices


class JointModule:
    """The joint module of two versions.

    Args:
        before, after: valid modules with one pool.
        claim: which index stands for which; the map of functions is complete.
        ghosts: old functions without a counterpart that are to be there.
        ghost_globals: whether globals without a counterpart are to be there.

    Attributes:
        images: for each old function the index that stands for it here, None without one.
        ghosts: the index of each ghost here.
        old: the old functions that have an index here, by their old index.
        problems: those that name something else that is gone, each with the reason.  Only what
            remains of their bodies is in `old`, for facts about the module.
        context: of the joint module.

    Raises:
        RefusedError, GoneError: the claim makes no sense.
    """

    def __init__(
        self,
        before: Module,
        after: Module,
        claim: Correspondence,
        ghosts: Sequence[int],
        *,
        ghost_globals: bool = False,
    ) -> None:
        self._before: Final = before
        self._after: Final = after
        self._claim: Final = claim
        self._imported: Final = len(after.imported(Kind.FUNCTION))
        behind = self._imported + len(after.functions)
        self.ghosts: Final = {index: behind + place for place, index in enumerate(ghosts)}
        functions = claim.maps[Kind.FUNCTION]
        self.images: Final = tuple([self.ghosts.get(old, new) for old, new in enumerate(functions)])
        self.problems: Final[dict[int, str]] = {}
        bare, self._types = self._with_old_types()
        self._maps: Final = {**claim.maps, Kind.FUNCTION: self.images}
        if ghost_globals:
            bare = self._with_old_globals(bare)
        self.old: Final = self._old_functions(bare)
        ghost_functions = [self.old[index] for index in self.ghosts]
        others = [each for index, each in self.old.items() if index not in self.ghosts]
        everything = (*after.functions, *ghost_functions, *others)
        self.context: Final = Context(replace(bare, functions=everything))

    def new_version(self, index: int) -> Function:
        """The new function with that index."""
        return self._after.functions[index - self._imported]

    def image(self, index: int) -> int:
        """The index here of an old function that has one.

        Raises:
            GoneError: it has none.
        """
        image = self.images[index]
        if image is None:
            raise GoneError(f"function {index} is gone but still named")
        return image

    def _with_old_types(self) -> tuple[Module, Map]:
        """The new module with types that are gone behind its own; where each old type is now."""
        after = self._after
        count = sum([len(group.types) for group in after.types])
        old = [len(group.types) for group in self._before.types]
        images = list(complete(self._claim.types, sum(old)))
        added: list[RecGroup] = []
        start = 0
        for group in self._before.types:
            members = range(start, start + len(group.types))
            start = members.stop
            if all(images[index] is not None for index in members):
                continue
            own = [*images[: members.start], *range(count, count + len(members))]
            renumbering = Renumbering(Correspondence(types=tuple(own)), after.pool)
            subs = tuple([renumbering.sub_type(sub) for sub in group.types])
            added.append(replace(group, types=subs))
            for index in members:
                if images[index] is None:
                    images[index] = own[index]
            count += len(members)
        return replace(after, types=(*after.types, *added)), tuple(images)

    def _with_old_globals(self, bare: Module) -> Module:
        """The module with globals that are gone behind its own."""
        first = len(self._before.imported(Kind.GLOBAL))
        total = first + len(self._before.globals)
        images = list(complete(self._claim.maps.get(Kind.GLOBAL), total))
        count = len(bare.imported(Kind.GLOBAL)) + len(bare.globals)
        added: list[Global] = []
        for index, entry in enumerate(self._before.globals, first):
            if images[index] is not None:
                continue
            images[index] = count + len(added)
            self._maps[Kind.GLOBAL] = tuple(images)
            moved = self._renumbering()
            added.append(Global(moved.global_type(entry.type), moved.expression(entry.init)))
        return replace(bare, globals=(*bare.globals, *added))

    def _renumbering(self) -> Renumbering:
        claim = replace(self._claim, maps=self._maps, types=self._types)
        return Renumbering(claim, self._after.pool)

    def _old_functions(self, bare: Module) -> dict[int, Function]:
        """The old functions that still count, under the new indices but by their old one."""
        renumbering = self._renumbering()
        old_types, new_types = type_identities(self._before, bare)
        renumbered: dict[int, Function] = {}
        first = len(self._before.imported(Kind.FUNCTION))
        for index, function in enumerate(self._before.functions, first):
            new = self.images[index]
            if new is None:
                continue
            try:
                moved = renumbering.function(function)
            except GoneError as error:
                self.problems[index] = str(error)
                moved = _remains(function, renumbering)
            if index not in self.ghosts and index not in self._claim.reshaped:
                type_index = self.new_version(new).type_index
                same = old_types[function.type_index] == new_types[type_index]
                require(same, f"function {index} has another type")
                moved = replace(moved, type_index=type_index)
            renumbered[index] = moved
        return renumbered

    def reshaped(self) -> Mapping[int, Reshaped]:
        """What stands for calls of functions that have another type, by their old index.

        The function that both versions call is the old one where it stands in the joint module.

        Raises:
            RefusedError: a type is not what the claim says.
        """
        behind = self._imported + len(self._after.functions) + len(self.ghosts)
        others = [each for each in self.old if each not in self.ghosts]
        events = {index: place for place, index in enumerate(others, behind)}
        found = {}
        for index in sorted(self._claim.reshaped.keys() & events.keys()):
            versions = (self.old[index], self.new_version(self.image(index)))
            shape = self._claim.reshaped[index]
            found[index] = reshape(versions, shape, self.image(index), events[index], self.context)
        return found


def _remains(function: Function, renumbering: Renumbering) -> Function:
    """The instructions of a function that name nothing that is gone; it may be no valid one."""
    body = []
    for instr in function.body:
        with contextlib.suppress(GoneError):
            body.append(renumbering[instr])
    type_index = renumbering.index("type", function.type_index)
    return Function(type_index, (), tuple(body))
