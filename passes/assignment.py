"""Who gets which place, so that the costs add up to the least: the assignment problem.

Shortest augmenting paths (Jonker and Volgenant 1987): one after the other, everybody is given a
place, and those who sat on the way there move on.  Takes n³ steps for n places.
"""

from __future__ import annotations

from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]]) -> list[int]:
    """For each row the column it gets, each column once, with the least sum of costs.

    Args:
        costs: as many columns as rows; the cost of each column for each row.
    """
    total = len(costs)
    free = total
    owners = [-1] * (total + 1)
    """The row of each column; behind them the row that is looking for one."""
    row_prices = [0.0] * total
    column_prices = [0.0] * (total + 1)
    for row in range(total):
        owners[free] = row
        distances = [float("inf")] * total
        previous = [free] * total
        outside = list(range(total))
        reached = [free]
        column = free
        while owners[column] >= 0:
            owner = owners[column]
            price = row_prices[owner]
            row_costs = costs[owner]
            for each in outside:
                distance = row_costs[each] - price - column_prices[each]
                if distance < distances[each]:
                    distances[each] = distance
                    previous[each] = column
            column = min(outside, key=distances.__getitem__)
            step = distances[column]
            for each in reached:
                row_prices[owners[each]] += step
                column_prices[each] -= step
            for each in outside:
                distances[each] -= step
            outside.remove(column)
            reached.append(column)
        while column != free:
            owners[column] = owners[previous[column]]
            column = previous[column]
        owners[free] = -1
    columns = [0] * total
    for column, row in enumerate(owners[:total]):
        columns[row] = column
    return columns
