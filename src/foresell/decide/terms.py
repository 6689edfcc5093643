"""Costs and terms of supply as a retailer knows them, with what is assumed where they are not known.

What was assumed is marked series by series, so that every line of a plan can say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.words import many
from foresell.decide.stock.contract import CostRates

UNIT_COST_SHARE = 0.70
"""The assumed unit cost, as a share of the price."""

HOLDING_SHARE_YEAR = 0.25
"""The assumed cost of holding a unit for a year, as a share of its cost."""

LEAD_DAYS = 7.0
"""The assumed lead time."""

DAYS_A_YEAR = 364.0
"""A year of whole weeks."""

LONGEST = 100_000
"""The longest lead or review time in periods, far beyond any forecast."""

LONGEST_SHELF = 400
"""The longest shelf life in periods that is followed lot by lot."""

Given = float | np.ndarray | None
"""One number for all series, float [series] with NaN where it is not known, or None."""


@dataclass(frozen=True)
class Terms:
    """Cost rates and terms of all series, in periods of the panel.

    - `costs`: money per unit and period. `lead_periods`, `review_periods`: int [series].
    - `pack`, `minimum`: units, float64 [series].
    - `shelf_periods`: int [series], for how many periods a unit that arrives can be sold, 0 where it keeps, -1 where
      its shelf life cannot be; None where all of them keep.
    - `assumed`: by the name of a term, the series for which it was not given: bool [series].
    """

    costs: CostRates
    lead_periods: np.ndarray
    review_periods: np.ndarray
    pack: np.ndarray
    minimum: np.ndarray
    assumed: Mapping[str, np.ndarray]
    shelf_periods: np.ndarray | None = None

    def assumed_of(self, series: int) -> tuple[str, ...]:
        """The names of the terms that were assumed for one series."""
        return tuple(name for name, of_series in self.assumed.items() if of_series[series])

    def part(self, series: np.ndarray) -> Terms:
        """The terms of some series, as rows."""
        return replace(
            self,
            costs=self.costs.part(series),
            **{name: getattr(self, name)[series] for name in ("lead_periods", "review_periods", "pack", "minimum")},
            assumed={name: of_series[series] for name, of_series in self.assumed.items()},
            shelf_periods=None if self.shelf_periods is None else self.shelf_periods[series],
        )


def terms_of(
    price: np.ndarray,
    frequency: Frequency,
    *,
    unit_cost: Given = None,
    holding_share_year: Given = None,
    lost_margin: Given = None,
    waste_cost: Given = None,
    order_cost: Given = None,
    lead_days: Given = None,
    review_days: Given = None,
    pack: Given = None,
    minimum: Given = None,
    shelf_days: Given = None,
) -> Terms:
    """The terms of series that sell at `price` [series].

    Where a term is not given, the unit cost is 70 % of the price, a unit held for a year costs 25 % of its cost, a lost
    sale the margin, a wasted unit its cost, an order nothing. The lead time is 7 days, the review comes every period,
    packs are single units, there is no minimum, and goods keep. Lead times are rounded up to whole periods, and shelf
    lives down; one below a period is -1. Raises UsageError for a price that is missing or not above 0.

    >>> terms = terms_of(np.array([10.0, 10.0]), Frequency.WEEK, unit_cost=np.array([8.0, np.nan]), lead_days=10)
    >>> terms.costs.lost_margin.round(2).tolist(), terms.costs.holding.round(3).tolist(), terms.lead_periods.tolist()
    ([2.0, 3.0], [0.038, 0.034], [2, 2])
    >>> terms.assumed_of(0)
    ('holding_share_year', 'lost_margin', 'waste_cost', 'order_cost', 'review_days', 'pack', 'minimum')
    """
    price = np.asarray(price, np.float64)
    wrong = np.flatnonzero(~(price > 0) | ~np.isfinite(price))
    if len(wrong):
        raise UsageError(
            f"The price of {many(len(wrong), 'series', 'series')} is missing or not above 0: series "
            f"{first_five(wrong + 1)}. Give the price of each series, or leave these series out."
        )
    period_days = DAYS_A_YEAR / frequency.year
    assumed: dict[str, np.ndarray] = {}

    def known(name: str, given: Given, otherwise: float | np.ndarray) -> np.ndarray:
        values = np.broadcast_to(np.asarray(np.nan if given is None else given, np.float64), price.shape)
        assumed[name] = np.isnan(values)
        return np.where(assumed[name], otherwise, values)

    unit = known("unit_cost", unit_cost, UNIT_COST_SHARE * price)
    holding = known("holding_share_year", holding_share_year, HOLDING_SHARE_YEAR) * unit / frequency.year
    margin = known("lost_margin", lost_margin, np.maximum(price - unit, 0))
    waste = known("waste_cost", waste_cost, unit)
    fixed = known("order_cost", order_cost, 0.0)
    lead = np.ceil(known("lead_days", lead_days, LEAD_DAYS) / period_days - 1e-9)
    review = np.ceil(known("review_days", review_days, period_days) / period_days - 1e-9)
    shelf = _shelf_periods(shelf_days, len(price), period_days)
    return Terms(
        CostRates(unit, holding, margin, waste, fixed),
        np.minimum(lead, LONGEST).astype(np.int64),
        np.minimum(review, LONGEST).astype(np.int64),
        known("pack", pack, 1.0),
        known("minimum", minimum, 0.0),
        assumed,
        shelf,
    )


def _shelf_periods(shelf_days: Given, n_series: int, period_days: float) -> np.ndarray | None:
    """The shelf lives in whole periods, 0 where goods keep, -1 where they are too short: int [series]; None where all
    keep."""
    days = np.broadcast_to(np.asarray(np.nan if shelf_days is None else shelf_days, np.float64), n_series)
    perishes = ~np.isnan(days)
    if not perishes.any():
        return None
    periods = np.floor(np.where(perishes, days, 0) / period_days + 1e-9)
    periods = np.where(perishes & (periods < 1), -1, periods)
    return np.minimum(periods, LONGEST_SHELF).astype(np.int64)
