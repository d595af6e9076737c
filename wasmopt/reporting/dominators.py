"""Dominators of a graph, and what each node keeps alive by that.

A node dominates another if every path from the root to that one goes through it: without it, the
other would go too.

Source: Lengauer, Tarjan, A Fast Algorithm for Finding Dominators in a Flowgraph, 1979, in the
simple version: O(edges * log(nodes)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

UNREACHED: Final = -1
"""In the place of the dominator of a node that no path leads to."""


def immediate_dominators(successors: Sequence[Sequence[int]], root: int = 0) -> list[int]:
    """For each node the closest one that dominates it; for the root itself.

    Args:
        successors: where the edges of each node lead to.
        root: where all paths start.

    Returns:
        Nodes, and `UNREACHED` for those without a path from the root.
    """
    order, parents = _depth_first(successors, root)
    numbers = {node: number for number, node in enumerate(order)}
    predecessors: list[list[int]] = [[] for _ in order]
    for number, node in enumerate(order):
        for successor in successors[node]:
            predecessors[numbers[successor]].append(number)
    # From here on, nodes are called by their numbers in depth-first order.
    semi = list(range(len(order)))
    forest = _Forest(semi)
    dominators = [0] * len(order)
    buckets: list[list[int]] = [[] for _ in order]
    for node in range(len(order) - 1, 0, -1):
        semi[node] = min([semi[forest.lowest(each)] for each in predecessors[node]])
        buckets[semi[node]].append(node)
        parent = parents[node]
        forest.link(parent, node)
        for waiting in buckets[parent]:
            lowest = forest.lowest(waiting)
            dominators[waiting] = lowest if semi[lowest] < semi[waiting] else parent
        buckets[parent].clear()
    for node in range(1, len(order)):
        if dominators[node] != semi[node]:
            dominators[node] = dominators[dominators[node]]
    result = [UNREACHED] * len(successors)
    for number, node in enumerate(order):
        result[node] = order[dominators[number]]
    return result


def retained_sizes(
    sizes: Sequence[int], successors: Sequence[Sequence[int]], dominators: Sequence[int]
) -> list[int]:
    """The size of each node with all that it dominates; 0 for what was not reached.

    Args:
        sizes: of the nodes themselves.
        successors: where the edges of each node lead to.
        dominators: from `immediate_dominators` with root 0.
    """
    order, _ = _depth_first(successors, 0)
    retained = [0] * len(sizes)
    for node in reversed(order):  # a dominator comes before what it dominates
        retained[node] += sizes[node]
        if dominators[node] != node:
            retained[dominators[node]] += retained[node]
    return retained


def _depth_first(successors: Sequence[Sequence[int]], root: int) -> tuple[list[int], list[int]]:
    """The nodes in the order in which they are come upon, and the number of each one's parent."""
    order = [root]
    parents = [0]
    numbers = {root: 0}
    stack = [(0, iter(successors[root]))]
    while stack:
        number, rest = stack[-1]
        for successor in rest:
            if successor not in numbers:
                numbers[successor] = len(order)
                stack.append((len(order), iter(successors[successor])))
                order.append(successor)
                parents.append(number)
                break
        else:
            stack.pop()
    return order, parents


class _Forest:
    """Trees that grow from below, and the node of least semidominator on the way to the top."""

    def __init__(self, semi: list[int]) -> None:
        self._semi: Final = semi
        self._ancestor: Final[list[int | None]] = [None] * len(semi)
        self._lowest: Final = list(range(len(semi)))

    def link(self, parent: int, node: int) -> None:
        """Make `node` a child of `parent`."""
        self._ancestor[node] = parent

    def lowest(self, node: int) -> int:
        """The node of least semidominator between `node` and the top of its tree, which is out."""
        path = [node]
        ancestor = self._ancestor[node]
        while ancestor is not None and self._ancestor[ancestor] is not None:
            path.append(ancestor)
            ancestor = self._ancestor[ancestor]
        for each in reversed(path):
            above = self._ancestor[each]
            if above is None or self._ancestor[above] is None:
                continue
            if self._semi[self._lowest[above]] < self._semi[self._lowest[each]]:
                self._lowest[each] = self._lowest[above]
            self._ancestor[each] = self._ancestor[above]
        return self._lowest[node]
