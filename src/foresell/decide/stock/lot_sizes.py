"""Lot sizes under known demand: the economic order quantity, all-units discounts, and Wagner and Whitin's plan.

Snyder and Shen, "Fundamentals of supply chain theory", 2nd edition, chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


def economic_order_quantity(fixed_cost: np.ndarray, demand_rate: np.ndarray, holding_rate: np.ndarray) -> np.ndarray:
    """Q = sqrt(2 K lambda / h), equation 3.4; all arrays of one shape, demand and holding per the same period.

    >>> round(float(economic_order_quantity(np.array(8.0), np.array(1300.0), np.array(0.225))), 1)  # example 3.1
    304.0
    """
    return np.sqrt(2 * fixed_cost * demand_rate / holding_rate)


class DiscountedLot(NamedTuple):
    """A lot size with the price that it has, and what it costs a period: purchase, orders and holding."""

    quantity: float
    unit_cost: float
    cost: float


def all_units_discount(
    fixed_cost: float,
    holding_share: float,
    demand_rate: float,
    breakpoints: Sequence[float],
    unit_costs: Sequence[float],
) -> DiscountedLot:
    """The cheapest lot where all its units have the price of the highest breakpoint that the lot reaches.

    `breakpoints` begin with 0 and rise, `unit_costs` has a price for each. Holding a unit for one period costs
    `holding_share` of its price. The best lot is the economic order quantity of a price, or a breakpoint: section
    3.4.1.

    >>> lot = all_units_discount(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68])  # example 3.7
    >>> lot.quantity, round(lot.cost, 1)
    (800.0, 978.6)
    """
    upper = [*breakpoints[1:], np.inf]
    lots = []
    for start, end, price in zip(breakpoints, upper, unit_costs, strict=True):
        holding = holding_share * price
        best = float(np.sqrt(2 * fixed_cost * demand_rate / holding))
        quantity = max(best, float(start))
        if quantity < end:
            cost = demand_rate * (price + fixed_cost / quantity) + holding * quantity / 2
            lots.append(DiscountedLot(quantity, price, cost))
    return min(lots, key=lambda lot: lot.cost)


class LotPlan(NamedTuple):
    """The order of each period, float64 [period], and the cost of the whole plan."""

    orders: np.ndarray
    cost: float


def wagner_whitin(demand: Sequence[float], fixed_cost: float, holding_rate: float) -> LotPlan:
    """The cheapest orders that meet a known `demand` [period] without a shortage, by dynamic programming.

    A unit in stock at the end of a period costs `holding_rate`. Each order covers whole periods: Wagner and Whitin,
    "Dynamic version of the economic lot size model", Management Science 5, 1958.

    >>> plan = wagner_whitin([90, 120, 80, 70], fixed_cost=500, holding_rate=2)  # example 3.9
    >>> plan.orders.tolist(), plan.cost
    ([210.0, 0.0, 150.0, 0.0], 1380.0)
    """
    n = len(demand)
    best, following = np.zeros(n + 1), np.full(n + 1, n)
    for first in range(n - 1, -1, -1):
        held, best[first] = 0.0, np.inf
        for after in range(first + 1, n + 1):
            held += holding_rate * (after - 1 - first) * demand[after - 1]
            cost = best[after] + held + (fixed_cost if sum(demand[first:after]) > 0 else 0.0)
            if cost < best[first]:
                best[first], following[first] = cost, after
    orders, period = np.zeros(n), 0
    while period < n:
        orders[period] = sum(demand[period : following[period]])
        period = int(following[period])
    return LotPlan(orders, float(best[0]))
