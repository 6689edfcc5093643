"""Order so that the stock projected to the arrival reaches a level, the fractile of the demand after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label
from foresell.decide.stock.pack_rounding import pinball_of, rounded_orders
from foresell.decide.stock.projection import projection, upper_fractile


@dataclass(frozen=True)
class ProjectedStock:
    """The order fills the mean stock at its arrival up to the fractile of the demand until the next arrival.

    The stock is projected path by path with lost sales, and its mean is taken. That the stock at the arrival is not
    certain does not raise the order, as it does in `LostSalesPaths`: it is left to the fractile. The projected
    inventory level policy of van Jaarsveld and Arts, "Projected inventory-level policies for lost sales inventory
    systems", Operations Research 72, 2024.
    """

    probability: float | None = None

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "projected stock" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders of all series."""
        probability = chosen_fractile(situation, self.probability)
        _, lost, stock = projection(situation, lost_sales=True)
        needed = _demand_after_arrival(situation) - stock.astype(np.float32)
        quantity = upper_fractile(needed, probability)
        target = situation.position() + quantity
        return rounded_orders(situation, np.maximum(quantity, 0), target, pinball_of(needed, probability), lost)


def _demand_after_arrival(situation: Situation) -> np.ndarray:
    """The demand from the arrival of the order to that of the next one: float32 [path, series]."""
    demand = np.zeros(situation.paths.shape[:2], np.float32)
    for step in range(int(situation.cover_periods.max(initial=0))):
        covered = (step >= situation.lead_periods) & (step < situation.cover_periods)
        demand += np.where(covered, situation.paths[:, :, step], 0)
    return demand
