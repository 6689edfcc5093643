"""What overrides of orders added, by what was sold in the days that the orders were for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OverriddenOrders:
    """Orders that people changed, and what was then sold: float64 [order] each.

    - `units` ordered, of which `override` by people. `position`: on hand and on order when it was decided.
    - `sold_before`: the units sold until the order arrived; `sold`: those until the order after it, from the decision.
    - `lost_margin`: what a unit costs that is not sold for lack of stock. `holding_cost`: what one costs that is left.
    """

    units: np.ndarray
    override: np.ndarray
    position: np.ndarray
    sold_before: np.ndarray
    sold: np.ndarray
    lost_margin: np.ndarray
    holding_cost: np.ndarray


@dataclass(frozen=True)
class OverrideGain:
    """What overrides added, against the orders without them: float64 [order] each.

    - `sold`: units of demand met that would have gone unmet; below 0 where the override took too much off.
    - `left`: units left over that would not have been.
    - `money`: the margin of the units sold less the holding of those left.
    """

    sold: np.ndarray
    left: np.ndarray
    money: np.ndarray


def override_gain(orders: OverriddenOrders) -> OverrideGain:
    """The gain of overrides on what was sold.

    What the order has to meet is the demand after its arrival, less what is left then of the stock and of the orders
    before it. All stock on order counts as there from the beginning.

    >>> one = np.ones(1)
    >>> orders = OverriddenOrders(12 * one, 4 * one, 3 * one, 2 * one, 12 * one, 5 * one, one)
    >>> gain = override_gain(orders)  # 1 of 3 is left at the arrival, 10 are sold after it, so 9 are needed of 12
    >>> gain.sold.tolist(), gain.left.tolist(), gain.money.tolist()
    ([1.0], [3.0], [2.0])
    """
    left_at_arrival = np.maximum(orders.position - orders.sold_before, 0)
    needed = np.maximum(orders.sold - orders.sold_before - left_at_arrival, 0)
    own = orders.units - orders.override
    sold = np.minimum(orders.units, needed) - np.minimum(own, needed)
    left = np.maximum(orders.units - needed, 0) - np.maximum(own - needed, 0)
    return OverrideGain(sold, left, orders.lost_margin * sold - orders.holding_cost * left)
