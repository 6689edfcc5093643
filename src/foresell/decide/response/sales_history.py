"""Sales beside the promotions and prices that went with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foresell.core.errors import UsageError

BLOCK = 1024  # series at a time, so that copies of them stay small


@dataclass(frozen=True)
class SalesHistory:
    """The sales of all series with their promotions and prices.

    - `units`: float [series, period], NaN where not known. `promotion`: bool, `price`: float or None, both of the same
      shape.
    - `item`: the item of each series, int64 [series] from 0; an item may have a series in each of several stores.
    - `group`: the group of each item, int64 [item] from 0, whose items share season and events.
    - `cycle`: periods after which the days of the week come again, 7 of days, 1 of weeks or longer periods.
    - `reach`: periods before and after a window from which its level is learnt.
    - `after`: periods after a promotion in which customers who stocked up may still buy less.

    Raises UsageError where shapes or numbers do not go together.
    """

    units: np.ndarray
    promotion: np.ndarray
    price: np.ndarray | None
    item: np.ndarray
    group: np.ndarray
    cycle: int = 7
    reach: int = 56
    after: int = 14

    def __post_init__(self) -> None:
        shapes = [self.promotion.shape, *([] if self.price is None else [self.price.shape])]
        if any(shape != self.units.shape for shape in shapes) or len(self.item) != len(self.units):
            raise UsageError(
                f"Units have the shape {self.units.shape}; promotions and prices {shapes}, and items {self.item.shape}."
                " Give one value for each series and period, and one item for each series."
            )
        if self.cycle < 1 or self.reach < 1 or self.after < 0:
            raise UsageError(
                f"A cycle of {self.cycle}, a reach of {self.reach} and {self.after} periods after a promotion; "
                "expected at least 1, 1 and 0."
            )

    @property
    def n_series(self) -> int:
        return self.units.shape[0]

    @property
    def n_periods(self) -> int:
        return self.units.shape[1]

    @property
    def n_items(self) -> int:
        return len(self.group)

    @property
    def n_groups(self) -> int:
        return int(self.group.max()) + 1 if len(self.group) else 0

    def clean(self, rows: slice | np.ndarray) -> np.ndarray:
        """Whether units are known, and neither a promotion nor the time after one moves them: bool [series, period]."""
        return ~np.isnan(self.units[rows]) & ~self.promotion[rows] & ~self.dip(rows)

    def dip(self, rows: slice | np.ndarray) -> np.ndarray:
        """Whether a promotion ended within the last `after` periods: bool [series, period]."""
        promotion = self.promotion[rows]
        last = np.maximum.accumulate(np.where(promotion, np.arange(self.n_periods), -self.after - 1), axis=1)
        return ~promotion & (np.arange(self.n_periods) - last <= self.after)

    @cached_property
    def blocks(self) -> list[slice]:
        """The series in parts."""
        return [slice(start, min(start + BLOCK, self.n_series)) for start in range(0, self.n_series, BLOCK)]
