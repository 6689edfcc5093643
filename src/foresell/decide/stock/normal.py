"""Order up to the mean of the cover plus a normal safety stock: the textbook rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label
from foresell.decide.stock.pack_rounding import pinball_of, rounded_orders


@dataclass(frozen=True)
class NormalSafetyStock:
    """The target is mean + z sigma, sigma being the root of the sum of the variances of the cover's steps.

    z is the quantile of the normal distribution at the critical fractile, or at `probability`. The steps count as
    independent of each other, and demand that goes unmet before the arrival as waiting. Silver, Pyke and Thomas,
    "Inventory and production management in supply chains", 4th edition, section 6.9 (R, S systems).
    """

    probability: float | None = None

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "normal safety stock" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders up to the target."""
        from scipy.special import ndtri

        deviation = np.sqrt(situation.cover_variance())
        probability = chosen_fractile(situation, self.probability)
        target = situation.cover_mean() + ndtri(probability) * deviation
        position = situation.position()
        needed = situation.cover_demand() - position.astype(np.float32)
        return rounded_orders(situation, np.maximum(target - position, 0), target, pinball_of(needed, probability))
