"""The best (s, S) of a demand that has one distribution in all periods, and that waits where there is no stock."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class ReorderLevels(NamedTuple):
    """Order when the inventory position is at or below `reorder`, up to `order_up_to`; and the cost of a period."""

    reorder: int
    order_up_to: int
    cost: float


def reorder_levels(
    holding: float, shortage: float, fixed: float, demand: np.ndarray, cover_demand: np.ndarray | None = None
) -> ReorderLevels:
    """The exact (s, S) of least cost, by the algorithm of Zheng and Federgruen, Operations Research 39, 1991.

    `demand` [units] has the probabilities of 0, 1, 2, ... units in a period, `cover_demand` those of the lead time and
    one period, which are the same where the lead time is 0. Raises ValueError for a demand that is always 0.

    >>> from scipy.stats import poisson
    >>> best = reorder_levels(1, 4, 5, poisson.pmf(np.arange(60), 6))  # Snyder and Shen, example 4.7
    >>> best.reorder, best.order_up_to, round(best.cost, 3)
    (4, 10, 8.034)
    """
    demand = np.asarray(demand, np.float64)
    if demand[0] >= 1:
        raise ValueError("The demand is always 0; expected a positive probability of at least one unit.")
    period_cost = _PeriodCost(holding, shortage, demand if cover_demand is None else np.asarray(cover_demand))
    renewal = _renewal(demand, 64)

    def cost(reorder: int, order_up_to: int) -> float:
        nonlocal renewal
        while len(renewal) < order_up_to - reorder:
            renewal = _renewal(demand, 2 * len(renewal))
        weight = renewal[: order_up_to - reorder]  # the expected visits of the positions S, S - 1, ..., s + 1
        positions = order_up_to - np.arange(order_up_to - reorder)
        return float((fixed + weight @ [period_cost(int(y)) for y in positions]) / weight.sum())

    cheapest = period_cost.cheapest()
    reorder, order_up_to = cheapest - 1, cheapest
    while cost(reorder, order_up_to) > period_cost(reorder):
        reorder -= 1
    best, least, upper = order_up_to, cost(reorder, order_up_to), order_up_to + 1
    while period_cost(upper) <= least:
        if cost(reorder, upper) < least:
            best = upper
            while cost(reorder, best) <= period_cost(reorder + 1):
                reorder += 1
            least = cost(reorder, best)
        upper += 1
    return ReorderLevels(reorder, best, least)


class _PeriodCost:
    """The expected holding and shortage cost at the end of the cover, by inventory position."""

    def __init__(self, holding: float, shortage: float, demand: np.ndarray):
        self.holding, self.shortage = holding, shortage
        self.demand, self.units = demand, np.arange(len(demand))
        self.known: dict[int, float] = {}

    def __call__(self, position: int) -> float:
        if position not in self.known:
            left = position - self.units
            rates = np.where(left >= 0, self.holding * left, -self.shortage * left)
            self.known[position] = float(self.demand @ rates)
        return self.known[position]

    def cheapest(self) -> int:
        """The base stock: the smallest position at the critical fractile."""
        share = self.shortage / (self.shortage + self.holding)
        return int(np.searchsorted(np.cumsum(self.demand), share - 1e-12))


def _renewal(demand: np.ndarray, length: int) -> np.ndarray:
    """m(j) = sum of p(l) m(j - l), m(0) = 1 / (1 - p(0)): how often a position j below S is held before an order."""
    m = np.zeros(length)
    m[0] = 1 / (1 - demand[0])
    for j in range(1, length):
        reach = min(j, len(demand) - 1)
        m[j] = m[0] * float(demand[1 : reach + 1] @ m[j - np.arange(1, reach + 1)])
    return m
