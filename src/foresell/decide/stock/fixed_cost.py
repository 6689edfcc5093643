"""(s, S): order when the stock falls to s, and up to S, where every order has a fixed cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label
from foresell.decide.stock.lot_sizes import economic_order_quantity
from foresell.decide.stock.pack_rounding import pinball, rounded_orders
from foresell.decide.stock.projection import projection, upper_fractile

_HALVINGS = 24  # of the interval in which s lies; the last one is below a thousandth of a unit for all usual stocks


@dataclass(frozen=True)
class FixedCostPaths:
    """The order size Q = S - s is the economic order quantity, and s solves G(s) = G(s + Q) on the sample paths.

    G(y) is the expected cost of a review period with the inventory position y. With that Q the cost is at most an
    eighth above the least possible: Zheng, "On properties of stochastic inventory systems", Management Science 38,
    1992. `lost_sales` says whether unmet demand before the arrival is gone.
    """

    probability: float | None = None
    lost_sales: bool = True

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "(s, S)" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders up to S where the position is at or below s."""
        probability = chosen_fractile(situation, self.probability)
        needed, lost, _ = projection(situation, lost_sales=self.lost_sales)
        lot = self._lot(situation)
        # r is s less the position: the order is placed where r is at least 0, and is then r + Q.
        low = needed.min(axis=0).astype(np.float64) - lot - 1
        high = needed.max(axis=0).astype(np.float64) + 1
        for _ in range(_HALVINGS):
            r = (low + high) / 2
            more = pinball(needed, r, probability) > pinball(needed, r + lot, probability)
            low, high = np.where(more, r, low), np.where(more, high, r)
        # Without a fixed cost, s and S are both the fractile.
        reorder = np.where(lot > 0, (low + high) / 2, upper_fractile(needed, probability))
        unrounded = np.where(reorder >= -1e-3, np.maximum(reorder + lot, 0), 0.0)
        target = situation.position() + reorder + lot

        def distance(rows: np.ndarray, quantity: np.ndarray) -> np.ndarray:
            return np.abs(quantity - unrounded[rows])

        return rounded_orders(situation, unrounded, target, distance, lost)

    @staticmethod
    def _lot(situation: Situation) -> np.ndarray:
        """Q, the economic order quantity of the mean demand of the cover: float64 [series]."""
        costs = situation.costs
        rate = situation.cover_mean() / np.maximum(situation.cover_periods, 1)
        lot = economic_order_quantity(costs.fixed, rate, np.maximum(costs.holding, 1e-12))
        return np.where(costs.fixed > 0, lot, 0.0)
