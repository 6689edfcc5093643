"""What a vendor asks of an order as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Measure = Literal["money", "units", "weight", "volume"]
"""In what an order is measured; money is its value at list prices."""


@dataclass(frozen=True)
class PriceBreak:
    """From an order of `threshold` on, a `discount` as a share of the list price."""

    threshold: float
    discount: float


@dataclass(frozen=True)
class VendorTerms:
    """The joint terms of one vendor; an order of nothing is always allowed.

    - `minimum`: the smallest order, in `minimum_measure`.
    - `truck`: what a truck holds, in `truck_measure`; None where orders do not come by whole trucks. Each truck costs
      `truck_cost`, and at most `most_trucks` can come. All trucks but the last are full, and the last at least by the
      share `truck_fill`.
    - `breaks`: by rising thresholds in `break_measure`, with rising discounts. The discount is on the whole order, or
      with `incremental` on what lies beyond the threshold; thresholds then are in money.
    """

    name: str = ""
    minimum: float = 0.0
    minimum_measure: Measure = "money"
    truck: float | None = None
    truck_measure: Measure = "units"
    truck_cost: float = 0.0
    truck_fill: float = 0.9
    most_trucks: int | None = None
    breaks: tuple[PriceBreak, ...] = ()
    break_measure: Measure = "money"
    incremental: bool = False

    @property
    def free(self) -> bool:
        """Whether the vendor asks for nothing."""
        return self.minimum <= 0 and self.truck is None and not self.breaks

    def main_measure(self) -> Measure:
        """The measure of the limit that matters most: that of the truck, else the minimum, else the breaks."""
        if self.truck is not None:
            return self.truck_measure
        return self.minimum_measure if self.minimum > 0 else self.break_measure

    def price_levels(self) -> tuple[PriceLevel, ...]:
        """The prices that an order may have.

        >>> terms = VendorTerms(breaks=(PriceBreak(100, 0.1), PriceBreak(200, 0.2)), incremental=True)
        >>> [(level.discount, level.constant) for level in terms.price_levels()]  # 300 save 100 x .1 + 100 x .2
        [(0.0, 0.0), (0.1, -10.0), (0.2, -30.0)]
        """
        levels, constant, before = [PriceLevel(0.0, 0.0, 0.0)], 0.0, 0.0
        for each in self.breaks:
            constant -= (each.discount - before) * each.threshold if self.incremental else 0.0
            before = each.discount
            # What an incremental discount saves is convex in the money, so that the best level is the right one.
            levels.append(PriceLevel(each.discount, constant, 0.0 if self.incremental else each.threshold))
        return tuple(levels)

    def truck_loads(self, most: float) -> TruckLoads:
        """What may be loaded, for an order of at most `most` in the main measure."""
        if self.truck is None:
            return TruckLoads(np.zeros(1, np.int64), np.zeros(1), np.full(1, np.inf), np.zeros(1))
        count = int(np.ceil(max(most, 0) / self.truck - 1e-9))
        count = count if self.most_trucks is None else min(count, self.most_trucks)
        trucks = np.arange(1, count + 1)
        low, high = (trucks - 1 + self.truck_fill) * self.truck, trucks * self.truck
        return TruckLoads(trucks, low, high, trucks * self.truck_cost)


@dataclass(frozen=True)
class PriceLevel:
    """An order of at least `threshold` saves `discount` x its money + `constant`."""

    discount: float
    constant: float
    threshold: float


@dataclass(frozen=True)
class TruckLoads:
    """The loads that whole trucks allow, one in each row: `trucks`, `low`, `high` in the main measure, `cost`."""

    trucks: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cost: np.ndarray
