"""Branches: control with fewer constructs and branches.

    block  A  C  br_if 0  B  end               →  A  C  i32.eqz  if  B  end
    if  br 1  end                              →  br_if 0
    if  A  else  br 1  end                     →  i32.eqz  br_if 0  A
    block  C  if  A  br 1  end  B  end         →  C  if  A  else  B  end
    C  br_if 0  br 3  end                      →  C  i32.eqz  br_if 3  end
    block  loop  C  br_if 1  A  br 0  end end  →  loop  C  i32.eqz  if  A  br 1  end  end
    C  i32.eqz  if  A  else  B  end            →  C  if  B  else  A  end
    if  A  T  else  B  T  end                  →  if  A  else  B  end  T
    block  …  br 0  …  end  br 5               →  …  br 5  …  br 5     labels get free
    br_table 1 2 0 0 (default 0)               →  br_table 1 2 (default 0)
    code  br 0  end,  code  return  end        →  code  end

Needs: the body as a tree (`control_tree`).  Keeps: everything that is no control, in order; each
way through the function does what it did.  Costs: each construct is looked at once from the inside
out, code that leaves one a second time; nothing moves into an `if` that would nest more than
`MOST_LEVELS` deep then.

Whether the condition of a branch can be turned for nothing decides on a byte: comparisons of
integers can, and what ends in `i32.eqz` gets shorter.
"""

from __future__ import annotations

from typing import Final

from wasmopt.arity import NEVER, Arities
from wasmopt.context import Context, Pass
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.passes.control_tree import (
    Branch,
    Construct,
    Item,
    Tree,
    control_tree,
    flat,
    leaves,
    values_left,
)
from wasmopt.structure import BRANCHES, OPENERS

MOST_LEVELS: Final = 100
MOST_REVISITED: Final = 200
"""Items of a construct that are looked at again when it comes apart."""

_OPPOSITES: Final = ("eq ne", "lt_s ge_s", "lt_u ge_u", "gt_s le_s", "gt_u le_u")
NEGATED: Final = {
    f"{kind}.{one}": f"{kind}.{other}"
    for kind in ("i32", "i64")
    for pair in _OPPOSITES
    for one, other in (pair.split(), pair.split()[::-1])
} | {
    f"{kind}.{one}": f"{kind}.{other}"
    for kind in ("f32", "f64")
    for one, other in (("eq", "ne"), ("ne", "eq"))
}
"""The comparison that holds where another fails; floats have no more, since NaNs fail all."""
_CONTROL: Final = OPENERS | BRANCHES | {"return"}


def shorten_branches(function: Function, context: Context) -> Function:
    """Use fewer constructs and branches."""
    if not any(instr.name in _CONTROL for instr in set(function.body)):
        return function
    tree = control_tree(function, context)
    if tree is None:
        return function
    rewrite = _Rewrite(tree, context)
    for construct in reversed(tree.constructs):
        for number, items in enumerate(construct.arms):
            construct.arms[number] = rewrite.run(construct, items)
    result = function.with_body(flat(tree, context.pool))
    return result if result.entry_size() < function.entry_size() else function


def negate(code: list[Item], pool: InstrPool) -> None:
    """Have the condition at the end of `code` say the opposite."""
    last = code[-1] if code else None
    if isinstance(last, Instr) and last.name == "i32.eqz":
        code.pop()
    elif isinstance(last, Instr) and last.name in NEGATED:
        code[-1] = pool.make(NEGATED[last.name])
    else:
        code.append(pool.make("i32.eqz"))


def _ends_in_eqz(code: list[Item]) -> bool:
    last = code[-1] if code else None
    return isinstance(last, Instr) and last.name == "i32.eqz"


class _Rewrite:
    """What is done to the arms of constructs, those inside first.

    An arm is read backwards: `left` is what is still to be looked at, `right` what was, its first
    item last.

    Attributes:
        unsure: 1 for branches that may no longer stand in the order of their numbers.
    """

    def __init__(self, tree: Tree, context: Context) -> None:
        self.tree: Final = tree
        self.pool: Final = context.pool
        self.arities: Final = context.table(Arities)
        self.unsure: Final = bytearray(len(tree.branches))
        self.owner = tree.constructs[0]
        self.left: list[Item] = []
        self.right: list[Item] = []

    def run(self, owner: Construct, items: list[Item]) -> list[Item]:
        """The new arm of a construct."""
        self.owner, self.left, self.right = owner, items, []
        while self.left:
            item = self.left.pop()
            if isinstance(item, Branch):
                self.branch(item)
            elif isinstance(item, Construct):
                self.construct(item)
            else:
                self.right.append(item)
        self.right.reverse()
        return self.right

    # -- branches ----------------------------------------------------------------------------

    def branch(self, branch: Branch) -> None:
        """Look at a branch."""
        name = branch.instr.name
        if name == "br":
            self.jump(branch)
        elif name == "br_if":
            self.conditional(branch)
        elif name == "br_table":
            self.table(branch)
        else:
            self.right.append(branch)

    def jump(self, branch: Branch) -> None:
        """Leave out a branch to where control falls anyway."""
        falls = branch.targets[0].place is self.owner.exit and branch.height == 0
        if falls and not self.right and branch.arity == self.owner.results:
            branch.targets[0].refs -= 1
        else:
            self.right.append(branch)

    def conditional(self, branch: Branch) -> None:
        """Have a conditional branch lead over code, not out of a block."""
        target, right = branch.targets[0], self.right
        leads_out = target.place is self.owner.exit and branch.arity == 0
        if not right:
            if leads_out:
                target.refs -= 1
            right.append(self.pool.make("drop") if leads_out else branch)
            return
        following = right[-1]
        if isinstance(following, Branch) and following.instr.name == "br" and branch.arity == 0:
            if leads_out and following.arity == 0 and branch.height == self.owner.results == 0:
                negate(self.left, self.pool)
                target.refs -= 1
                branch.targets = following.targets
                self.moved(following, branch)
                right.pop()
            elif _ends_in_eqz(self.left) and following.arity == 0:
                self.left.pop()
                branch.targets, following.targets = following.targets, branch.targets
                self.unsure[branch.number] = self.unsure[following.number] = 1
        elif leads_out and branch.height == self.owner.results == 0 and self.lead_over(branch):
            return
        right.append(branch)

    def lead_over(self, branch: Branch) -> bool:
        """Turn `br_if` out of the code around it into an `if` around what follows, if it pays."""
        (target,) = branch.targets
        levels = _levels(self.right)
        if target.name != "block" or target.params:
            return False
        if target is self.owner:
            if target.first is not branch or self.unsure[branch.number]:
                return False
            negate(self.left, self.pool)
            target.refs -= 1
            target.name, target.levels = "if", levels
            target.before = self.left
            self.left = []
            return True
        if target.refs != 1 or levels >= MOST_LEVELS:
            return False
        negate(self.left, self.pool)
        target.refs = 0
        made = Construct(self.pool.make("if", None), "if", None, 0, 0, 0, [self.right[::-1]])
        made.exit, made.levels = self.owner.exit, levels
        made.begins, made.ends = branch.number, self.owner.ends
        self.right = [made]
        return True

    @staticmethod
    def moved(old: Branch, new: Branch) -> None:
        """A branch stands for one right behind it."""
        for target in new.targets:
            if target.first is old:
                target.first = new

    def table(self, branch: Branch) -> None:
        """Shorten a table by the entries at its end that say what its default says."""
        targets = branch.targets
        default = targets.pop()
        while targets and targets[-1] is default:
            targets.pop().refs -= 1
        targets.append(default)
        if len(targets) == 1:
            jump = Branch(self.pool.make("br", 0), targets, branch.arity, branch.height, 0)
            jump.number = branch.number
            self.moved(branch, jump)
            self.left += [self.pool.make("drop"), jump]
        else:
            self.right.append(branch)

    # -- constructs --------------------------------------------------------------------------

    def construct(self, construct: Construct) -> None:
        """Look at a construct whose arms are done."""
        if construct.name in ("block", "loop") and not construct.refs:
            self.dissolve(construct)
            return
        before = construct.before
        if construct.name != "if" or construct.params:
            self.right.append(construct)
            return
        if before:
            construct.before = []
            self.left += _raised(before, construct.height)
        self.conditional_construct(construct)

    def dissolve(self, construct: Construct) -> None:
        """Take the brackets away."""
        items = _raised(construct.arms[0], construct.height)
        if leaves(items):
            self.right.clear()
        if len(items) <= MOST_REVISITED:
            self.left += items
        else:
            self.right += reversed(items)

    def conditional_construct(self, it: Construct) -> None:
        """Look at an `if` without parameters; its condition is at the end of `left`."""
        arms = it.arms
        if len(arms) == 2 and not arms[1]:
            arms.pop()
        if len(arms) == 2 and not arms[0]:
            arms.pop(0)
            negate(self.left, self.pool)
        if not arms[0] and len(arms) == 1 and not it.refs:
            self.right.append(self.pool.make("drop"))
        elif it.refs:
            self.right.append(it)
        elif self.is_jump(arms[0]):
            self.branch_instead(it, 0)
        elif len(arms) == 2 and self.is_jump(arms[1]):
            negate(self.left, self.pool)
            self.branch_instead(it, 1)
        elif len(arms) == 2:
            self.two_arms(it)
        else:
            self.one_arm(it)

    @staticmethod
    def is_jump(arm: list[Item]) -> bool:
        """Whether an arm is nothing but a branch."""
        if len(arm) != 1 or not isinstance(arm[0], Branch):
            return False
        return arm[0].instr.name == "br" and arm[0].arity == arm[0].height == 0

    def branch_instead(self, it: Construct, number: int) -> None:
        """Replace an `if` by a branch, which is all there is in one arm."""
        old = it.arms.pop(number)[0]
        if not isinstance(old, Branch):
            raise TypeError("the arm is no branch")
        new = Branch(self.pool.make("br_if", 0), old.targets, 0, it.height, old.number)
        self.moved(old, new)
        if number:
            self.shuffled(it)
        self.left.append(new)
        for arm in it.arms:
            if leaves(arm):
                self.right.clear()
            self.left += _raised(arm, it.height)

    def shuffled(self, it: Construct) -> None:
        """Branches in it do not stand in the old order."""
        self.unsure[it.begins : it.ends] = b"\1" * (it.ends - it.begins)

    def two_arms(self, it: Construct) -> None:
        """Turn arms by their condition, and take out what needs no arm."""
        arms = it.arms
        if _ends_in_eqz(self.left) or (
            leaves(arms[1]) and not leaves(arms[0]) and self.turns_for_nothing()
        ):
            negate(self.left, self.pool)
            arms.reverse()
            self.shuffled(it)
        length = self.common_tail(it)
        if length:
            tail = arms[0][-length:]
            for arm in arms:
                del arm[-length:]
            for item in tail:
                for target in item.targets if isinstance(item, Branch) else ():
                    target.refs -= 1
            self.shuffled(it)
        elif leaves(arms[0]):
            tail = arms.pop()
        else:
            self.right.append(it)
            return
        it.type, it.results = None, 0
        if leaves(tail):
            self.right.clear()
        self.left += [it, *_raised(tail, it.height)]

    def turns_for_nothing(self) -> bool:
        """Whether the condition at the end of `left` can be turned for nothing."""
        last = self.left[-1] if self.left else None
        return isinstance(last, Instr) and last.name in NEGATED

    def common_tail(self, it: Construct) -> int:
        """How many items at the end of both arms are the same and take no value from before."""
        one, other = it.arms
        needed = it.results
        best = 0
        pairs = zip(reversed(one), reversed(other), strict=False)
        for length, (item, twin) in enumerate(pairs, 1):
            if isinstance(item, Branch):
                if not self.are_twins(item, twin):
                    break
                taken = item.arity + (item.instr.name != "br")
                left = item.arity if item.instr.name == "br_if" else 0
            elif item is twin and isinstance(item, Instr):
                taken, left = self.arities[item]
            else:
                break
            if left == NEVER:
                left = 0
            needed += taken - left
            if not needed:
                best = length
        if best and leaves(one) and any(values_left(arm[:-best], self.arities) for arm in it.arms):
            return 0
        return best

    @staticmethod
    def are_twins(branch: Branch, other: Item) -> bool:
        """Whether two branches are the same one, of those that may be moved."""
        return (
            isinstance(other, Branch)
            and branch.instr.op is other.instr.op
            and branch.instr.name in ("br", "br_if", "br_table")
            and branch.targets == other.targets
        )

    def one_arm(self, it: Construct) -> None:
        """Have what follows be the other arm, where the first one leads behind it."""
        right, owner, arm = self.right, self.owner, it.arms[0]
        last = arm[-1]
        levels = max(it.levels, _levels(right))
        if (
            not right
            or it.height
            or isinstance(owner.type, int)
            or levels >= MOST_LEVELS
            or not isinstance(last, Branch)
            or last.instr.name != "br"
            or last.height
            or last.arity != owner.results
            or last.targets[0].place is not owner.exit
            or (not owner.name and not _ends_in_eqz(self.left))
            or (not owner.name and owner.results)
        ):
            right.append(it)
            return
        last.targets[0].refs -= 1
        arm.pop()
        it.arms.append(right[::-1])
        it.type, it.results, it.levels, it.ends = owner.type, owner.results, levels, owner.ends
        self.right = []
        self.left.append(it)


def _raised(items: list[Item], height: int) -> list[Item]:
    """Code that comes to stand on as many more values."""
    if height:
        for item in items:
            if not isinstance(item, Instr):
                item.height += height
    return items


def _levels(items: list[Item]) -> int:
    """How deep constructs nest in a piece of code."""
    return max((item.levels + 1 for item in items if isinstance(item, Construct)), default=0)


BRANCHES_PASS = Pass("branches", "use fewer constructs and branches", shorten_branches, alone=True)
