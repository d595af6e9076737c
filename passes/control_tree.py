"""Control as a tree, for rewrites that take constructs apart: built from a flat body, and back.

Everything that is no control stays a flat run of instructions.  A branch knows the constructs
that its labels name, so that depths are only counted when the body is written again.

A *place* is where control can go: behind a construct, or to the header of a loop.  Constructs that
end where others end, or right before an unconditional branch, share a place with those:

    block  …  block  …  br 0  …  end  end     →  both branches go behind the outer block
    block  …  br 0  …  end  br $far           →  the branch goes where `br $far` goes

Branches are told the outermost construct that has their place, so that inner labels get free.
Code behind an unconditional branch is left out.  Explicit stacks, since modules nest 3,000 deep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wasmopt.arity import Arities
from wasmopt.context import Context
from wasmopt.function import Function
from wasmopt.instr import Instr, InstrPool
from wasmopt.opcodes import Effect
from wasmopt.stack import stack
from wasmopt.structure import BODY, BRANCHES, OPENERS, structure, with_labels
from wasmopt.types import ValType

_LEGACY: Final = frozenset(["try", "catch", "catch_all", "delegate", "rethrow"])


@dataclass(slots=True, eq=False)
class Place:
    """Where control goes.

    Attributes:
        label: the outermost construct whose label leads there; None where none does.
    """

    label: Construct | None = None


@dataclass(slots=True, eq=False)
class Branch:
    """A branch.

    Attributes:
        instr: as it was, with any labels; `return` is a `br` out of the function body.
        targets: what its labels name.
        arity: how many values it carries.
        height: how many values lie below those it takes, within its construct.
        number: how many branches came before it.
    """

    instr: Instr
    targets: list[Construct]
    arity: int
    height: int
    number: int


@dataclass(slots=True, eq=False)
class Construct:
    """A block, loop, if, try_table, or the function body.

    Attributes:
        opener: its first instruction; type and labels of it may be out of date.
        name: that of `opener`, or of what this has become; "" for the function body.
        type: its block type.
        params, results: how many.
        height: how many values lie below its operands, within the construct around it.
        arms: what is in it; for an `if` perhaps a second arm.
        targets: what the clauses of a try_table name.
        header: the place that the label of a loop leads to.
        exit: where control goes behind it.
        refs: how many labels name it.
        first: the first branch that does, in the order of the code.
        before: what has come out of it to stand before it.
        levels: how deep constructs nest in it.
        begins, ends: numbers of the first branch in it and of the one behind it.
    """

    opener: Instr
    name: str
    type: int | ValType | None
    params: int
    results: int
    height: int
    arms: list[list[Item]] = field(default_factory=lambda: [[]])
    targets: list[Construct] = field(default_factory=list)
    header: Place = field(default_factory=Place)
    exit: Place = field(default_factory=Place)
    refs: int = 0
    first: Branch | Construct | None = None
    before: list[Item] = field(default_factory=list)
    levels: int = 0
    begins: int = 0
    ends: int = 0

    @property
    def place(self) -> Place:
        """Where its label leads."""
        return self.header if self.name == "loop" else self.exit


Item = Instr | Branch | Construct


@dataclass(slots=True, eq=False)
class Tree:
    """A body.

    Attributes:
        constructs: all, in the order of their openers, the function body first.
        branches: everything with labels, in the order of the code.
    """

    constructs: list[Construct] = field(default_factory=list)
    branches: list[Branch | Construct] = field(default_factory=list)


def leaves(items: list[Item]) -> bool:
    """Whether a run of code ends with something that control never gets behind."""
    last = items[-1] if items else None
    instr = last.instr if isinstance(last, Branch) else last
    return isinstance(instr, Instr) and bool(instr.effects & Effect.UNREACHABLE_AFTER)


def values_left(items: list[Item], arities: Arities) -> int:
    """How many values code leaves that control gets behind; less than 0 if it takes more."""
    height = 0
    for item in items:
        if isinstance(item, Branch):
            height -= 1
        elif isinstance(item, Construct):
            height += item.results - item.params - (item.name == "if")
        else:
            taken, left = arities[item]
            height += left - taken
    return height


def control_tree(function: Function, context: Context) -> Tree | None:
    """The body as a tree, branches as near to where they go as can be; None if it has none."""
    if any(instr.name in _LEGACY for instr in set(function.body)):
        return None
    tree = _build(function, context)
    _find_exits(tree)
    _aim(tree)
    return tree


def _build(function: Function, context: Context) -> Tree:
    body, pool = function.body, context.pool
    shape, facts = context.analysis(structure, function), context.analysis(stack, function)
    jump = pool.make("br", 0)
    results = len(context.signatures.func_type(function.type_index).results)
    whole = Construct(body[-1], "", None, 0, results, 0)
    tree = Tree([whole])
    found = {BODY: whole}
    bases = {BODY: 0}
    opened = [BODY]
    items = whole.arms[0]
    copied = 0
    for index, instr in enumerate(body):
        name = instr.name
        if name not in _CONTROL:
            continue
        dead = facts.polymorphic.find(1, copied, index + 1)
        items += body[copied : index if dead < 0 else dead]
        copied = index + 1
        if facts.polymorphic[index]:
            continue
        if name in OPENERS:
            block_type = context.signatures.block_type(instr.immediates[0])
            height = facts.heights[index] - len(facts.operands(index))
            construct = Construct(
                instr,
                name,
                instr.immediates[0],
                len(block_type.params),
                len(block_type.results),
                height - bases[opened[-1]],
                begins=len(tree.branches),
            )
            if name == "try_table":
                construct.targets += [found[each] for each in shape.targets[index]]
                tree.branches.append(construct)
            tree.constructs.append(construct)
            items.append(construct)
            found[index] = construct
            bases[index] = height
            opened.append(index)
            items = construct.arms[0]
        elif name == "else":
            construct = found[opened[-1]]
            construct.arms.append([])
            items = construct.arms[1]
        elif name == "end":
            inner = found[opened.pop()]
            inner.ends = len(tree.branches)
            if opened:
                outer = found[opened[-1]]
                outer.levels = max(outer.levels, inner.levels + 1)
                items = outer.arms[-1]
        else:
            height = facts.heights[index] - bases[opened[-1]]
            operands = len(facts.operands(index))
            arity, targets = operands - (name not in ("br", "return")), [whole]
            if name != "return":
                targets = [found[each] for each in shape.targets[index]]
            kind = jump if name == "return" else instr
            branch = Branch(kind, targets, arity, height - operands, len(tree.branches))
            items.append(branch)
            tree.branches.append(branch)
    return tree


_CONTROL: Final = OPENERS | BRANCHES | {"else", "end", "return"}


def _find_exits(tree: Tree) -> None:
    """Find where control goes behind each construct."""
    whole = tree.constructs[0]
    whole.exit.label = whole
    for outer in tree.constructs:
        if outer.name == "loop":
            outer.header.label = outer
        for items in outer.arms:
            for number, item in enumerate(items):
                if not isinstance(item, Construct):
                    continue
                following = items[number + 1] if number + 1 < len(items) else None
                if following is None and item.height == 0 and item.results == outer.results:
                    item.exit = outer.exit
                elif (
                    isinstance(following, Branch)
                    and following.instr.name == "br"
                    and following.arity == item.results == 0
                ):
                    item.exit = following.targets[0].place
                if item.exit.label is None and item.name != "loop":
                    item.exit.label = item


def _aim(tree: Tree) -> None:
    """Have all labels name the outermost construct, and count them."""
    for branch in tree.branches:
        branch.targets[:] = [each.place.label or each for each in branch.targets]
        for target in branch.targets:
            target.refs += 1
            target.first = target.first or branch


def flat(tree: Tree, pool: InstrPool) -> list[Instr]:
    """The body as instructions again."""
    body: list[Instr] = []
    end, divider, leave = pool.make("end"), pool.make("else"), pool.make("return")
    whole = tree.constructs[0]
    depths = {whole: 0}
    depth = 0
    waiting: list[Item | int] = [end, *reversed(whole.arms[0])]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Instr):
            body.append(item)
        elif isinstance(item, Branch):
            if item.instr.name == "br" and item.targets[0] is whole:
                body.append(leave)
            else:
                labels = tuple([depth - depths[each] for each in item.targets])
                body.append(with_labels(item.instr, labels, pool))
        elif isinstance(item, int):
            depth += item
        else:
            opener = pool.make(item.name, item.type, *item.opener.immediates[1:])
            if item.targets:
                labels = tuple([depth - depths[each] for each in item.targets])
                opener = with_labels(opener, labels, pool)
            body.append(opener)
            depth += 1
            depths[item] = depth
            waiting += [-1, end]
            for number, arm in enumerate(reversed(item.arms)):
                if number:
                    waiting.append(divider)
                waiting += reversed(arm)
    return body
