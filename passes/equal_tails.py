"""Where pieces of code end alike that go on at the same place: what `fold_tails` works on.

An *arm* is the code of a block or loop, or one side of an `if`.  Its *end* is reached by falling
out of it, by a `br` in its last place, or by something else that control never gets behind.  Ends
that lead to the same place are compared backwards, item by item, all at once: those that agree
stay together, the others are parted.  So each item is looked at once for each time control comes
to the end behind it, which makes this linear in the code.

A construct is one item.  It is equal to another that is spelled the same, branches inside of it
counted from where they stand and branches out of it by where they go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from wasmopt.arity import NEVER, Arities, Arity
from wasmopt.instr import Instr
from wasmopt.passes.control_tree import Branch, Construct, Item, Place, Tree, leaves

MOST_LABELS: Final = 20
"""Branches out of a construct, beyond which it is like no other."""


@dataclass(slots=True, eq=False)
class Arm:
    """A piece of code.

    Attributes:
        owner: the construct it stands in.
        parent: the arm that holds `owner`; None for the function body.
        items: the code.
        number, last: arms are numbered in the order of the code; those inside of this one are
            the ones up to `last`.
    """

    owner: Construct
    parent: Arm | None
    items: list[Item]
    number: int
    last: int = 0


class End(NamedTuple):
    """The end of an arm.

    Attributes:
        arm: which one.
        place: how many of its items come before the branch that ends it, if one does.
        branch: that branch; None where control falls out, and where something else ends it.
        falls: whether control falls out.
    """

    arm: Arm
    place: int
    branch: Branch | None
    falls: bool


class Tails(NamedTuple):
    """Ends that have equal code before them.

    Attributes:
        ends: at least two, in the order of the code.
        goal: where they lead to; None where the code itself goes away for good.
        length: how many items are equal.
        size: bytes of these.
        needed: how many values they take from before, 0 or 1.
        labels: where branches out of them go.
    """

    ends: list[End]
    goal: Place | None
    length: int
    size: int
    needed: int
    labels: frozenset[Construct]


class _Common(NamedTuple):
    """How far some ends agree; attributes as in `Tails`, `needed` may be anything."""

    ends: list[End]
    length: int
    size: int
    needed: int


class _Looks(NamedTuple):
    """What makes a construct or branch equal to others: `key`, and `labels` one by one."""

    key: int
    labels: tuple[Construct, ...]
    size: int
    taken: int
    left: int


class EqualTails:
    """The ends of all arms of a tree, and which of them are alike.

    Attributes:
        arms: in the order of the code.
        inside: for each construct the numbers of its first arm and of the last one inside of it.
    """

    def __init__(self, tree: Tree, arities: Arities) -> None:
        self.arms: Final[list[Arm]] = []
        self.inside: Final[dict[Construct, tuple[int, int]]] = {}
        self._arities: Final = arities
        self._keys: Final[dict[Any, int]] = {}
        self._looks: Final[dict[Item, _Looks]] = {}
        self._number_arms(tree.constructs[0])
        for construct in reversed(tree.constructs):
            if construct is not tree.constructs[0]:
                self._looks[construct] = self._look_at(construct)

    def _number_arms(self, whole: Construct) -> None:
        """Walk over all code, outer arms before those inside of them."""
        arms, inside = self.arms, self.inside
        waiting: list[tuple[Construct, Arm | None, int] | Arm | Construct] = [(whole, None, 0)]
        while waiting:
            entry = waiting.pop()
            if isinstance(entry, Arm):
                entry.last = len(arms) - 1
            elif isinstance(entry, Construct):
                inside[entry] = (inside[entry][0], len(arms) - 1)
            else:
                owner, parent, side = entry
                if not side:
                    inside[owner] = (len(arms), 0)
                arm = Arm(owner, parent, owner.arms[side], len(arms))
                arms.append(arm)
                waiting.append((owner, parent, 1) if side + 1 < len(owner.arms) else owner)
                waiting.append(arm)
                held = [each for each in arm.items if isinstance(each, Construct)]
                waiting += [(each, arm, 0) for each in reversed(held)]

    def arms_of(self, construct: Construct) -> list[Arm]:
        """The arms of a construct."""
        first = self.arms[self.inside[construct][0]]
        if len(construct.arms) == 1:
            return [first]
        return [first, self.arms[first.last + 1]]

    # -- what is equal ------------------------------------------------------------------------

    def _number(self, key: object) -> int:
        return self._keys.setdefault(key, len(self._keys))

    def _looks_of(self, item: Branch | Construct) -> _Looks:
        looks = self._looks.get(item)
        if looks is None and isinstance(item, Branch):
            name, instr = item.instr.name, item.instr
            said = instr.op if name in ("br", "br_if", "br_table") else instr
            key = self._number((said, item.arity, len(item.targets)))
            taken = item.arity + (name != "br")
            left = item.arity if name == "br_if" else NEVER
            looks = _Looks(key, tuple(item.targets), instr.size, taken, left)
            self._looks[item] = looks
        if looks is None:
            raise LookupError("a construct that is not in the tree")
        return looks

    def _look_at(self, construct: Construct) -> _Looks:
        """What a construct looks like from outside, when all inside of it is known."""
        parts: list[object] = []
        labels: list[Construct] = []
        size = construct.opener.size + len(construct.arms)
        for items in construct.arms:
            parts.append(None)
            for item in items:
                if isinstance(item, Instr):
                    parts.append(item)
                    size += item.size
                    continue
                looks = self._looks_of(item)
                size += looks.size
                parts.append(looks.key)
                for label in looks.labels:
                    parts.append(label is construct)
                    if label is not construct:
                        labels.append(label)
        taken = construct.params + (construct.name == "if")
        if len(labels) > MOST_LABELS:
            labels = []
            parts = [construct]
        key = self._number((construct.name, construct.type, *parts))
        return _Looks(key, tuple(labels), size, taken, construct.results)

    def labels(self, item: Item) -> tuple[Construct, ...]:
        """Where branches in a part of a tail go that leave that part."""
        return () if isinstance(item, Instr) else self._looks_of(item).labels

    def _facts(self, item: Item) -> tuple[object, int, Arity]:
        """What an item has to agree in, its bytes, and its arity."""
        if isinstance(item, Instr):
            return item, item.size, self._arities[item]
        looks = self._looks_of(item)
        return (looks.key, looks.labels), looks.size, (looks.taken, looks.left)

    # -- ends ---------------------------------------------------------------------------------

    def _ends(self) -> dict[tuple[Place | None, int], list[End]]:
        """All ends, by where they lead to and how many values come along."""
        found: dict[tuple[Place | None, int], list[End]] = {}
        for arm in self.arms:
            items, owner = arm.items, arm.owner
            last = items[-1] if items else None
            goal: tuple[Place | None, int]
            if isinstance(last, Branch) and last.instr.name == "br":
                goal = (last.targets[0].place, last.arity)
                end = End(arm, len(items) - 1, last, falls=False)
            elif leaves(items):
                goal, end = (None, 0), End(arm, len(items), None, falls=False)
            else:
                goal, end = (owner.exit, owner.results), End(arm, len(items), None, falls=True)
            found.setdefault(goal, []).append(end)
        return found

    def find(self) -> Iterator[Tails]:
        """All sets of ends that share more than others do, with as much as they share."""
        for (goal, carried), ends in self._ends().items():
            waiting = [_Common(ends, 0, 0, carried)] if len(ends) > 1 else []
            while waiting:
                common = waiting.pop()
                best: dict[int, _Common] = {}
                following = [common]
                while following:
                    common = following.pop()
                    if common.length and common.needed <= 1:
                        best[common.needed] = common
                    for longer in self._longer(common, goal):
                        all_agree = len(longer.ends) == len(common.ends)
                        (following if all_agree else waiting).append(longer)
                longest = max([each.length for each in best.values()], default=0)
                for each in best.values():
                    if each.length == longest or not each.needed:
                        yield self._tails(each, goal)

    def _longer(self, common: _Common, goal: Place | None) -> Iterator[_Common]:
        """Those of some ends that agree in one more item."""
        ends, length, size, needed = common
        groups: dict[object, list[End]] = {}
        for end in ends:
            if end.place > length:
                key = self._facts(end.arm.items[end.place - length - 1])[0]
                groups.setdefault(key, []).append(end)
        for group in groups.values():
            item = group[0].arm.items[group[0].place - length - 1]
            _, more, (taken, left) = self._facts(item)
            if left == NEVER and length == 0 and goal is None:
                left = 0
            if len(group) > 1 and taken >= 0 and 0 <= left <= needed:
                yield _Common(group, length + 1, size + more, needed - left + taken)

    def _tails(self, common: _Common, goal: Place | None) -> Tails:
        end = common.ends[0]
        items = end.arm.items[end.place - common.length : end.place]
        labels = frozenset(label for item in items for label in self.labels(item))
        return Tails(common.ends, goal, common.length, common.size, common.needed, labels)
