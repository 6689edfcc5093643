"""Order what the sample paths need after the stock of each is projected to the arrival of the order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label
from foresell.decide.stock.pack_rounding import pinball_of, rounded_orders
from foresell.decide.stock.projection import projection, upper_fractile


@dataclass(frozen=True)
class LostSalesPaths:
    """Unmet demand is lost: what could not be sold before the arrival needs no stock after it.

    The order is the fractile of the units that the paths need (`projection`). For lead times above 0 it
    ignores how the order changes later ones: the myopic policy of Morton, "The near-myopic nature of the
    lagged-proportional-cost inventory problem with lost sales", Operations Research 19, 1971.
    """

    probability: float | None = None

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "paths, lost sales" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders of all series."""
        return _orders(situation, self.probability, lost_sales=True)


@dataclass(frozen=True)
class BackorderPaths:
    """Unmet demand waits, so that the order must serve it too: order-up-to on paths, optimal for backorders.

    Snyder and Shen, "Fundamentals of supply chain theory", 2nd edition, section 4.3 (base stock with a lead time).
    """

    probability: float | None = None

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "paths, backorders" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders of all series."""
        return _orders(situation, self.probability, lost_sales=False)


def _orders(situation: Situation, probability: float | None, *, lost_sales: bool) -> Orders:
    chosen = chosen_fractile(situation, probability)
    needed, lost, _ = projection(situation, lost_sales=lost_sales)
    quantity = upper_fractile(needed, chosen)
    target = situation.position() + quantity
    return rounded_orders(situation, np.maximum(quantity, 0), target, pinball_of(needed, chosen), lost)
