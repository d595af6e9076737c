"""Fold tails: code that ends alike on several ways to one place is kept once.

    if  A  T  else  B  T  end                       →  if  A  else  B  end  T
    block  …  A  T  br 0  …  B  T  end              →  block  …  A  br 0  …  B  end  T
    …  A  T  return  …  B  T  end                   →  block  …  A  br 0  …  B  end  T  end
    …  A  T  br 5  …  B  T  br 5  …  C  br 3  end   →  block  …  A  br 0  …  B  br 0  …  C  br 4
                                                       end  T  br 5  end

`return`s and what ends in `unreachable` or calls for good are ways to one place too.  A tail may
hold constructs and take one value from before, which the construct it leaves then results in.

Needs: the body as a tree (`control_tree`), and which ends of code agree (`equal_tails`).  Keeps:
each way through the function runs the instructions it ran, in their order.  Costs: a tail less for
all ways but one, against a `br` where control does not fall to the new place, and a block where
there is none to leave; exact bytes decide, the largest saving first.  What one fold has touched is
looked at again in the next round.  Functions with handlers stay: a tail would leave its handler;
and those with branches on references, whose ways no proof of equal steps follows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Final, NamedTuple

from wasmopt.arity import Arities
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.passes.control_tree import (
    Branch,
    Construct,
    Item,
    Place,
    Tree,
    control_tree,
    flat,
    leaves,
    values_left,
)
from wasmopt.passes.equal_tails import Arm, End, EqualTails, Tails
from wasmopt.passes.value_types import ResultTypes
from wasmopt.types import NUMBER_NAMES, ValType, is_defaultable

MOST_ROUNDS: Final = 10
MOST_LEVELS: Final = 300
"""Levels between code that ends alike and the construct around it that is looked for."""
MOST_ENDS: Final = 2000
"""Ends with one tail that are looked at, nested ones once for each place to bring them to."""
_HIDDEN_WAYS: Final = ("try_table", "br_on_")
"""What goes more ways than are looked at here."""
_BRANCH: Final = 2
"""Bytes of a `br`, if not very far."""
_BLOCK: Final = 3
"""Bytes of `block`, its type and `end`."""


def fold_tails(function: Function, context: Context) -> Function:
    """Keep equal tails once."""
    if not any(instr.name in ("if", "block", "loop") for instr in set(function.body)):
        return function
    if any(instr.name.startswith(_HIDDEN_WAYS) for instr in set(function.body)):
        return function
    types = [*context.param_types(function), *function.local_types()]
    if not all(map(is_defaultable, types)):
        return function
    result = function
    for _ in range(MOST_ROUNDS):
        tree = control_tree(result, context)
        if tree is None or not _Folding(tree, context, types).run():
            break
        folded = result.with_body(flat(tree, context.pool))
        if folded.entry_size() >= result.entry_size():
            break
        result = folded
    return result


class Fold(NamedTuple):
    """A way to fold some tails.

    Attributes:
        saved: bytes.
        tails: which ones; their `ends` are those that are folded.
        arm: where the tail comes to stand.
        leaving: the construct behind which it does; None for a new block around the code of `arm`.
        stays: the end of `arm`, if the tail stands there already.
        falling: ends from which control falls to the tail.
        ending: what a branch behind the tail names; None where control gets there by itself.
    """

    saved: int
    tails: Tails
    arm: Arm
    leaving: Construct | None
    stays: End | None
    falling: list[End]
    ending: Construct | None


class _Folding:
    """One round over a tree.

    Attributes:
        touched: numbers of the arms that are no longer what they were, sorted.
    """

    def __init__(self, tree: Tree, context: Context, types: list[ValType]) -> None:
        self.pool: Final = context.pool
        self.types: Final = types
        self.arities: Final = context.table(Arities)
        self.fixed: Final = context.table(ResultTypes)
        self.whole: Final = tree.constructs[0]
        self.equal: Final = EqualTails(tree, self.arities)
        self.touched: Final[list[int]] = []

    def run(self) -> bool:
        """Fold what pays; whether anything did."""
        folds = [fold for tails in self.equal.find() for fold in self.ways(tails)]
        folds.sort(key=lambda fold: -fold.saved)
        for fold in folds:
            ranges = self.ranges(fold)
            if not any(self.is_touched(*each) for each in ranges):
                self.apply(fold)
                for first, last in ranges:
                    for number in range(first, last + 1):
                        insort(self.touched, number)
        return bool(self.touched)

    def ranges(self, fold: Fold) -> list[tuple[int, int]]:
        """Numbers of the arms that a fold reads or changes."""
        arms = {fold.arm.number} | {end.arm.number for end in fold.tails.ends}
        if fold.leaving is not None:
            arms |= {arm.number for arm in self.equal.arms_of(fold.leaving)}
        moved = [
            self.equal.inside[item]
            for end in fold.tails.ends
            for item in end.arm.items[end.place - fold.tails.length : end.place]
            if isinstance(item, Construct)
        ]
        return [(number, number) for number in sorted(arms)] + moved

    def is_touched(self, first: int, last: int) -> bool:
        """Whether any of these arms has been changed."""
        place = bisect_left(self.touched, first)
        return place < len(self.touched) and self.touched[place] <= last

    # -- where to ------------------------------------------------------------------------------

    def ways(self, tails: Tails) -> Iterator[Fold]:
        """All ways that pay to fold them, or some of them that stand close to each other."""
        ends = tails.ends
        if tails.needed and self.value_type(tails) is None:
            return
        numbers = [end.arm.number for end in ends]
        found: list[tuple[int, int, Arm | Construct]] = []
        for site in dict.fromkeys(self.sites(ends)):
            if isinstance(site, Arm):
                first, last = site.number, site.last
            else:
                first, last = self.equal.inside[site]
            found.append((bisect_left(numbers, first), bisect_right(numbers, last), site))
        found.sort(key=lambda each: each[0] - each[1])
        looked_at = 0
        for begin, behind, site in found:
            looked_at += behind - begin
            if behind - begin < 2 or looked_at > MOST_ENDS + 5 * len(ends):
                break
            part = tails._replace(ends=ends[begin:behind])
            fold = self.into(part, site) if isinstance(site, Arm) else self.behind(part, site)
            if fold is not None and fold.saved > 0:
                yield fold

    @staticmethod
    def sites(ends: list[End]) -> Iterator[Arm | Construct]:
        """Where tails may be brought together: arms, and constructs behind which they may come."""
        for end in ends:
            yield end.arm.owner
            yield end.arm
        arm, last, below = ends[0].arm, ends[-1].arm.number, ends[0].arm.owner
        for _ in range(MOST_LEVELS):
            if arm.last >= last:
                yield from (below, arm.owner, arm)
                return
            if arm.parent is None:
                return
            arm, below = arm.parent, arm.owner

    def behind(self, tails: Tails, construct: Construct) -> Fold | None:
        """Put the tail behind a construct that control leaves with that tail only, or never."""
        arms = self.equal.arms_of(construct)
        arm = arms[0].parent
        if arm is None or not all(self.is_around(label, arm) for label in tails.labels):
            return None
        if construct.name not in ("block", "if") or construct.params:
            return None
        if len(arms) != 1 + (construct.name == "if"):
            return None
        falling = [end for end in tails.ends if end.arm in arms and self.fits(end, tails)]
        known = {end.arm for end in falling}
        if not all(each in known or leaves(each.items) for each in arms):
            return None
        ends = [end for end in tails.ends if end in falling or self.gain(end, tails) > 0]
        named = [end for end in ends if end.branch and end.branch.targets[0] is construct]
        if len(named) != construct.refs or len(ends) < 2:
            return None
        saved = sum([self.gain(end, tails) for end in ends]) + _BRANCH * len(falling) - tails.size
        ending = None
        if tails.goal is None or construct.exit is not tails.goal:
            if arm.items[-1] is not construct or any(end.falls for end in falling):
                return None
            ending = self.label(tails, arm)
            saved -= self.branch_size(ending)
            if ending is None and not self.gets_there(tails, arm):
                return None
        return Fold(saved, tails._replace(ends=ends), arm, construct, None, falling, ending)

    def into(self, tails: Tails, arm: Arm) -> Fold | None:
        """Put the tail behind a block around all code of an arm."""
        stays = next((end for end in tails.ends if end.arm is arm and self.fits(end, tails)), None)
        ends = [end for end in tails.ends if end is stays or self.gain(end, tails) > 0]
        if len(ends) < 2:
            return None
        saved = sum([self.gain(end, tails) for end in ends if end is not stays])
        folded = tails._replace(ends=ends)
        if stays:
            leaving = self.left_there(folded, stays)
            if leaving is not None:
                return Fold(saved, folded, arm, leaving, stays, [stays], None)
        if arm.owner.params:
            return None
        saved -= _BLOCK
        if stays:
            return Fold(saved, folded, arm, None, stays, [stays], None)
        ending = self.label(tails, arm)
        if ending is None and not self.gets_there(tails, arm):
            return None
        saved -= tails.size + self.branch_size(ending)
        if not leaves(arm.items):
            over = self.way_out(arm)
            if over is None:
                return None
            saved -= self.branch_size(over)
        return Fold(saved, folded, arm, None, None, [], ending)

    def left_there(self, tails: Tails, stays: End) -> Construct | None:
        """The construct right before a tail, if all the others may branch to its end."""
        items, place = stays.arm.items, stays.place - tails.length
        last = items[place - 1] if place else None
        if not isinstance(last, Construct) or last.name not in ("block", "if"):
            return None
        first, until = self.equal.inside[last]
        inside = [first <= end.arm.number <= until for end in tails.ends if end is not stays]
        return last if last.results == tails.needed and all(inside) else None

    # -- what it takes -------------------------------------------------------------------------

    def gain(self, end: End, tails: Tails) -> int:
        """Bytes less where a tail is replaced by a branch."""
        there = self.branch_size(end.branch.targets[0] if end.branch else None)
        return tails.size + there - _BRANCH

    def branch_size(self, label: Construct | None) -> int:
        """Bytes of a branch; none if there is none, and one for `return`."""
        return 0 if label is None else _BRANCH - (label is self.whole)

    def gets_there(self, tails: Tails, arm: Arm) -> bool:
        """Whether control goes on by itself behind the last item of an arm where it has to."""
        return tails.goal is None or arm.owner.exit is tails.goal

    def label(self, tails: Tails, arm: Arm) -> Construct | None:
        """What leads there otherwise."""
        if tails.goal is None or self.gets_there(tails, arm):
            return None
        named = [end.branch.targets[0] for end in tails.ends if end.branch]
        label = named[0] if named else tails.goal.label
        return label if label is not None and self.is_around(label, arm) else None

    def way_out(self, arm: Arm) -> Construct | None:
        """What a branch names that goes where control falls behind an arm."""
        label = arm.owner.exit.label
        if label is not None and self.is_around(label, arm):
            return label
        return None if arm.owner.name == "loop" else arm.owner

    def is_around(self, label: Construct, arm: Arm) -> bool:
        """Whether branches in an arm may name a construct."""
        first, last = self.equal.inside[label]
        return first <= arm.number <= last

    def fits(self, end: End, tails: Tails) -> bool:
        """Whether nothing lies on the stack before a tail but what the tail takes."""
        if end.falls:
            return True
        if end.branch is not None:
            return end.branch.height == 0
        return values_left(end.arm.items[: end.place - tails.length], self.arities) == tails.needed

    def value_type(self, tails: Tails) -> ValType | None:
        """The type of the value that a tail takes, None if that is not known for sure."""
        found = set()
        for end in tails.ends:
            place = end.place - tails.length
            if not place:
                return None
            item = end.arm.items[place - 1]
            if isinstance(item, Construct):
                found.add(item.type if isinstance(item.type, bytes) else None)
            elif isinstance(item, Branch):
                return None
            elif item.name in ("local.get", "local.tee"):
                found.add(self.types[item.immediates[0]])
            else:
                found.add((self.fixed[item] or (None,))[-1])
        (known, *others) = found
        return known if not others and known in NUMBER_NAMES else None

    # -- doing it ------------------------------------------------------------------------------

    def apply(self, fold: Fold) -> None:
        """Fold."""
        tails, arm, items = fold.tails, fold.arm, fold.arm.items
        value_type = self.value_type(tails) if tails.needed else None
        last = fold.stays or tails.ends[0]
        tail = last.arm.items[last.place - tails.length : last.place]
        ending = items[fold.stays.place :] if fold.stays else self.branches(fold.ending, tails)
        over = None if fold.stays or leaves(items) else self.way_out(arm)
        label = fold.leaving
        if label is None:
            opener = self.pool.make("block", value_type)
            label = Construct(opener, "block", value_type, 0, tails.needed, 0)
        for end in tails.ends:
            del end.arm.items[end.place - tails.length :]
            if end not in fold.falling:
                end.arm.items.append(self.branch(label, tails.needed))
                label.refs += 1
        if fold.leaving is None:
            label.arms = [[*items, *([self.branch(over, arm.owner.results)] if over else [])]]
            items[:] = [label, *tail, *ending]
        elif fold.stays:
            items += [*tail, *ending]
        else:
            label.type, label.results, label.exit = value_type, tails.needed, Place()
            place = items.index(label) + 1
            items[place:place] = [*tail, *ending]

    def branches(self, label: Construct | None, tails: Tails) -> list[Item]:
        """The branch behind a tail, if there is one."""
        if label is None:
            return []
        carried = label.params if label.name == "loop" else label.results
        return [self.branch(label, carried)]

    def branch(self, label: Construct, carried: int) -> Branch:
        """A branch."""
        return Branch(self.pool.make("br", 0), [label], carried, 0, 0)


FOLD_TAILS = Pass("fold-tails", "keep code once that several ways end with", fold_tails, alone=True)
