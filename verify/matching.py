"""Finds which function of one module stands for which of another, whoever made the second.

    imports, exports, start, element segments     the same name or place
    calls of functions that are known pairs       the same place in the sequence of calls
    functions between two that are known pairs    the most alike, in order
    what is left                                  the most alike

What goes with nothing is gone or new; several old functions may have become one.  It is a guess
all through, and trusted by nobody.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Final

from wasmopt.function import Function
from wasmopt.instr import Instr
from wasmopt.module import ElementSegment, Export, Kind, Module, Signatures
from wasmopt.module_change import Correspondence, Map, Shape
from wasmopt.verify.likeness import MAX_CELLS, Likeness, aligned, best_in_order, rising
from wasmopt.verify.module_parts import type_identities
from wasmopt.verify.shapes import guess_shapes

_STRICT: Final = 0.5
_LOOSE: Final = 0.1
"""Likeness of functions at the same place in the order."""
_CALLED: Final = 0.3
"""Likeness of functions at the same place among the calls of two that go together."""
_ANYWHERE: Final = 0.6
"""Likeness of functions that nothing else says to go together."""
_ORDER_COUNTS: Final = 1.2
"""How much better pairs of globals must be to go against their order."""
_LONGEST: Final = 3_000
"""Names in a body above which sequences of different length are not aligned."""
_SPACES: Final = {
    Kind.TABLE: "table",
    Kind.MEMORY: "memory",
    Kind.GLOBAL: "global",
    Kind.TAG: "tag",
}


def match_modules(before: Module, after: Module) -> Correspondence:
    """The correspondence of two valid modules, whose instructions are of one pool."""
    old_types, new_types = type_identities(before, after)
    images = {identity: index for index, identity in reversed(list(enumerate(new_types)))}
    functions = _FunctionMatcher(before, after, (old_types, new_types)).run()
    pairs = [
        (before.functions[old], after.functions[new]) for old, new in functions.defined_pairs()
    ]
    maps = {
        kind: _match_space(before, after, kind, space, pairs) for kind, space in _SPACES.items()
    }
    claim = Correspondence(
        maps,
        tuple([images.get(identity) for identity in old_types]),
        _in_order([_data_key(before, n) for n in range(len(before.data))], _data_keys(after)),
        functions.elements,
    )
    shapes = guess_shapes(before, after, functions.map(), (old_types, new_types))
    maps[Kind.FUNCTION] = _without_other_types(functions, shapes)
    return replace(claim, maps=maps, reshaped=shapes)


def _without_other_types(functions: _FunctionMatcher, shapes: Mapping[int, Shape]) -> Map:
    """The map of functions without pairs of two types that no shape explains."""
    return tuple(
        [
            None if new is not None and old not in shapes and not functions.agree(old, new) else new
            for old, new in enumerate(functions.map())
        ]
    )


def named(body: Iterable[Instr], kind: str, name: str | None = None) -> list[int]:
    """The indices of that kind in a body, in order; of one instruction alone if it has a name."""
    found: list[int] = []
    for instr in body:
        if kind in instr.op.immediates and name in (None, instr.name):
            found += [
                value
                for each, value in zip(instr.op.immediates, instr.immediates, strict=True)
                if each == kind
            ]
    return found


class _FunctionMatcher:
    """One search; functions are counted among all, imported ones first, unless said otherwise."""

    def __init__(
        self, before: Module, after: Module, types: tuple[list[Hashable], list[Hashable]]
    ) -> None:
        self._modules: Final = (before, after)
        self._imported: Final = tuple(
            [len(module.imported(Kind.FUNCTION)) for module in self._modules]
        )
        self._likeness: Final = Likeness(before, after)
        self._types: Final = [
            [names[function.type_index] for function in module.functions]
            for names, module in zip(types, self._modules, strict=True)
        ]
        self._images: Final[dict[int, int]] = {}
        self._sources: Final[dict[int, int]] = {}
        self._merged: Final[dict[int, int]] = {}
        self._votes: Final[dict[int, Counter[int]]] = {}
        self._pending: Final[deque[tuple[int, int]]] = deque()
        self.elements: Map = ()

    def run(self) -> _FunctionMatcher:
        """Find all pairs."""
        self._seed()
        self._follow_calls()
        self._follow_order(_STRICT)
        self._follow_calls()
        self._follow_order(_LOOSE)
        self._follow_calls()
        self._match_anywhere()
        self._follow_calls()
        self._find_merged()
        return self

    def map(self) -> Map:
        """For each old function its new index, None for one that is gone."""
        count = self._imported[0] + len(self._modules[0].functions)
        found = self._images | self._merged
        return tuple([found.get(index) for index in range(count)])

    def agree(self, old: int, new: int) -> bool:
        """Whether two functions are imports, or have one type."""
        if old < self._imported[0]:
            return True
        return self._types[0][old - self._imported[0]] == self._types[1][new - self._imported[1]]

    def defined_pairs(self) -> list[tuple[int, int]]:
        """Old and new of each pair, counted among the defined functions."""
        return [
            (old - self._imported[0], new - self._imported[1])
            for old, new in sorted(self._images.items())
            if old >= self._imported[0]
        ]

    def _add(self, old: int, new: int, *, certain: bool = False) -> None:
        """Make a pair, if both are free; a certain one may be the second of one that is not."""
        imported = (old < self._imported[0], new < self._imported[1])
        if imported[0] != imported[1] or old in self._images or old in self._merged:
            return
        if new not in self._sources:
            self._images[old] = new
            self._sources[new] = old
            self._pending.append((old, new))
        elif certain:
            self._merged[old] = new
            self._pending.append((old, new))
        else:
            self._votes.setdefault(old, Counter())[new] += 1

    # -- what names tell ---------------------------------------------------------------------

    def _seed(self) -> None:
        before, after = self._modules
        imports = _import_map(before, after, Kind.FUNCTION)
        for old, new in sorted(imports.items()):
            self._add(old, new)
        for old, new in _exported_pairs(before, after, Kind.FUNCTION):
            self._add(old, new, certain=True)
        if before.start is not None and after.start is not None:
            self._add(before.start, after.start, certain=True)
        keys = [
            [self._element_key(side, segment) for segment in module.elements]
            for side, module in enumerate(self._modules)
        ]
        self.elements = _in_order(keys[0], keys[1])
        for place, image in enumerate(self.elements):
            if image is not None:
                items = [
                    _items(module.elements[each])
                    for module, each in ((before, place), (after, image))
                ]
                for pair in zip(*items, strict=True):
                    if None not in pair:
                        self._add(*pair, certain=True)

    def _element_key(self, side: int, segment: ElementSegment) -> Hashable:
        """What of a segment is the same in all versions: the types of the functions in it."""
        first = self._imported[side]
        types = [
            None if item is None else self._types[side][item - first] if item >= first else -1
            for item in _items(segment)
        ]
        return (segment.flags & 1, segment.offset is None, tuple(types))

    # -- what callers tell -------------------------------------------------------------------

    def _follow_calls(self) -> None:
        while self._pending:
            old, new = self._pending.popleft()
            if old >= self._imported[0]:
                sides = [
                    named(self._function(side, index).body, "func")
                    for side, index in enumerate((old, new))
                ]
                for pair in self._aligned_calls(*sides):
                    if self._may_be_called_alike(*pair):
                        self._add(*pair)

    def _function(self, side: int, index: int) -> Function:
        return self._modules[side].functions[index - self._imported[side]]

    def _aligned_calls(self, old: list[int], new: list[int]) -> Iterator[tuple[int, int]]:
        if len(old) == len(new):
            yield from zip(old, new, strict=True)
            return
        if max(len(old), len(new)) > _LONGEST:
            return
        known = {**self._merged, **self._images}
        first = [known.get(each, -1 - each) for each in old]
        for tag, i, j, k, m in SequenceMatcher(None, first, new, autojunk=False).get_opcodes():
            if tag == "replace" and j - i == m - k:
                yield from zip(old[i:j], new[k:m], strict=True)

    def _may_be_called_alike(self, old: int, new: int) -> bool:
        if old < self._imported[0] or new < self._imported[1]:
            return False
        places = (old - self._imported[0], new - self._imported[1])
        return self._likeness(*places) >= _CALLED

    # -- what the order tells ----------------------------------------------------------------

    def _follow_order(self, least: float) -> None:
        ends = (len(self._modules[0].functions), len(self._modules[1].functions))
        last = (-1, -1)
        for pair in [*rising(self.defined_pairs()), ends]:
            free = [
                [each for each in range(last[side] + 1, pair[side]) if self._is_free(side, each)]
                for side in (0, 1)
            ]
            if free[0] and free[1]:
                for old, new in aligned(free[0], free[1], self._likeness, self._types, least):
                    self._add(old + self._imported[0], new + self._imported[1])
            last = pair

    def _is_free(self, side: int, place: int) -> bool:
        index = place + self._imported[side]
        if side:
            return index not in self._sources
        return index not in self._images and index not in self._merged

    def _match_anywhere(self) -> None:
        free = [
            [each for each in range(len(module.functions)) if self._is_free(side, each)]
            for side, module in enumerate(self._modules)
        ]
        if len(free[0]) * len(free[1]) > MAX_CELLS:
            return
        found = [(self._likeness(old, new), -old, -new) for old in free[0] for new in free[1]]
        for score, old, new in sorted(found, reverse=True):
            if score >= _ANYWHERE and self._is_free(0, -old) and self._is_free(1, -new):
                self._add(-old + self._imported[0], -new + self._imported[1])

    # -- functions that became one -----------------------------------------------------------

    def _find_merged(self) -> None:
        before = self._modules[0]
        representatives: dict[Hashable, int] = {}
        keys = [
            (kind, function.locals, function.body)
            for kind, function in zip(self._types[0], before.functions, strict=True)
        ]
        for place, key in enumerate(keys):
            image = self._images.get(place + self._imported[0])
            if image is not None:
                representatives.setdefault(key, image)
        for place, key in enumerate(keys):
            old = place + self._imported[0]
            if not self._is_free(0, place):
                continue
            if key in representatives:
                self._merged[old] = representatives[key]
            elif old in self._votes:
                new = min(self._votes[old].items(), key=lambda item: (-item[1], item[0]))[0]
                source = self._sources[new]
                same_type = (
                    source >= self._imported[0]
                    and self._types[0][source - self._imported[0]] == self._types[0][place]
                )
                if same_type and self._likeness(place, new - self._imported[1]) >= _ANYWHERE:
                    self._merged[old] = new


# -- everything that is no function ----------------------------------------------------------


def _match_space(
    before: Module,
    after: Module,
    kind: Kind,
    space: str,
    pairs: Sequence[tuple[Function, Function]],
) -> Map:
    """The map of tables, memories, globals or tags."""
    found = _import_map(before, after, kind)
    found |= dict(_exported_pairs(before, after, kind))
    votes: Counter[tuple[int, int]] = Counter()
    for old, new in pairs:
        sides = [named(each.body, space) for each in (old, new)]
        if len(sides[0]) == len(sides[1]):
            votes.update(zip(*sides, strict=True))
    keys = [_keys(module, kind) for module in (before, after)]
    firsts = [len(module.imported(kind)) for module in (before, after)]
    taken = set(found.values())
    free = [
        [i for i in range(firsts[0], len(keys[0])) if i not in found],
        [i for i in range(firsts[1], len(keys[1])) if i not in taken],
    ]
    scores = {
        (old, new): 1 + votes[old, new]
        for old in free[0]
        for new in free[1]
        if keys[0][old] == keys[1][new]
    }
    ordered = _best_in_order(free[0], free[1], scores)
    chosen = _best(scores)
    if sum(scores[each] for each in ordered) * _ORDER_COUNTS >= sum(scores[e] for e in chosen):
        chosen = ordered
    found.update(chosen)
    return tuple([found.get(index) for index in range(len(keys[0]))])


def _best(scores: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Pairs with high scores, the highest first, each index once."""
    chosen = []
    seen: tuple[set[int], set[int]] = (set(), set())
    for old, new in sorted(scores, key=lambda pair: (-scores[pair], pair)):
        if old not in seen[0] and new not in seen[1]:
            chosen.append((old, new))
            seen[0].add(old)
            seen[1].add(new)
    return chosen


def _best_in_order(
    old: Sequence[int], new: Sequence[int], scores: Mapping[tuple[int, int], int]
) -> list[tuple[int, int]]:
    """Pairs in order with the highest sum."""
    return best_in_order(old, new, lambda first, second: float(scores.get((first, second), 0)))


def _keys(module: Module, kind: Kind) -> list[Hashable]:
    """For each entity of a kind what it looks like."""
    signatures = Signatures(module)
    if kind is Kind.GLOBAL:
        first = len(signatures.globals) - len(module.globals)
        written = set(
            named(
                set().union(*[function.body for function in module.functions]),
                "global",
                "global.set",
            )
        )
        return [
            (each.value, n in written, module.globals[n - first].init if n >= first else None)
            for n, each in enumerate(signatures.globals)
        ]
    spaces: dict[Kind, Sequence[Hashable]] = {
        Kind.TABLE: signatures.tables,
        Kind.MEMORY: signatures.memories,
        Kind.TAG: signatures.tags,
    }
    return list(spaces[kind])


def _import_map(before: Module, after: Module, kind: Kind) -> dict[int, int]:
    """Imports of the same name, those that have one in common in order."""
    places: dict[tuple[str, str], list[int]] = {}
    for place, each in enumerate(after.imported(kind)):
        places.setdefault((each.module, each.name), []).append(place)
    found: dict[int, int] = {}
    for place, each in enumerate(before.imported(kind)):
        free = places.get((each.module, each.name))
        if free:
            found[place] = free.pop(0)
    return found


def _exported_pairs(before: Module, after: Module, kind: Kind) -> Iterator[tuple[int, int]]:
    def exports(module: Module) -> Iterable[Export]:
        return [each for each in module.exports if each.kind is kind]

    images = {each.name: each.index for each in exports(after)}
    for each in exports(before):
        if each.name in images:
            yield each.index, images[each.name]


def _in_order(old: Sequence[Hashable], new: Sequence[Hashable]) -> Map:
    """For each old one the place of an equal new one, so that their order is kept."""
    images: list[int | None] = [None] * len(old)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for first, second, count in matcher.get_matching_blocks():
        images[first : first + count] = range(second, second + count)
    return tuple(images)


def _data_key(module: Module, place: int) -> Hashable:
    segment = module.data[place]
    return (segment.memory, segment.offset, segment.data)


def _data_keys(module: Module) -> list[Hashable]:
    return [_data_key(module, place) for place in range(len(module.data))]


def _items(segment: ElementSegment) -> list[int | None]:
    """The functions in a segment; None for what is none."""
    items: list[int | None] = []
    for item in segment.items:
        if isinstance(item, int):
            items.append(item)
        else:
            items.append(item[0].immediates[0] if item[0].name == "ref.func" else None)
    return items
