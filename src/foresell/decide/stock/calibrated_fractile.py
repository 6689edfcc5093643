"""Order up to a fractile of the demand of the cover, read from calibrated sample paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label
from foresell.decide.stock.pack_rounding import pinball_of, rounded_orders
from foresell.decide.stock.projection import upper_fractile


@dataclass(frozen=True)
class CalibratedFractile:
    """The target is the fractile of the sum of the cover's steps, whatever its distribution.

    Demand that goes unmet before the arrival counts as waiting, as in `NormalSafetyStock`. Arrow, Harris and Marschak,
    "Optimal inventory policy", Econometrica 19, 1951 (the critical fractile).
    """

    probability: float | None = None

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "calibrated fractile" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders up to the target."""
        probability = chosen_fractile(situation, self.probability)
        position = situation.position()
        needed = situation.cover_demand() - position.astype(np.float32)
        quantity = upper_fractile(needed, probability)
        return rounded_orders(situation, np.maximum(quantity, 0), position + quantity, pinball_of(needed, probability))
