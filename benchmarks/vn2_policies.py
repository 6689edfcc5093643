"""The rules of the VN2 competition that foresell is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label


@dataclass(frozen=True)
class WinnersRule:
    """The winner's published rule: the stock is projected to the start of the delivery week with the mean forecast, and
    the order fills it up to the fractile of that week's demand, which the ratio of costs gives.
    """

    probability: float | None = None

    @property
    def name(self) -> str:
        return "winner's rule" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        rows = np.arange(situation.n_series)
        mean = situation.paths.mean(axis=0, dtype=np.float64)  # [series, step]
        stock = situation.on_hand.copy()
        for step in range(int(situation.lead_periods.max())):
            after = np.maximum(stock + situation.on_order[:, step] - mean[:, step], 0)
            stock = np.where(step < situation.lead_periods, after, stock)
        stock = stock + situation.on_order[rows, situation.lead_periods]
        demand = np.sort(situation.paths[:, rows, situation.lead_periods], axis=0)
        probability = chosen_fractile(situation, self.probability)
        rank = np.ceil(probability * len(demand)).astype(np.int64) - 1
        target = demand[rank, rows].astype(np.float64)
        quantity = np.maximum(target - stock, 0)
        return Orders(np.round(quantity), quantity, situation.position() + target - stock, situation.cover_mean())


@dataclass(frozen=True)
class FourWeeks:
    """The organisers' benchmark: order up to the demand of `weeks` weeks, here of the paths' first steps."""

    weeks: int = 4

    @property
    def name(self) -> str:
        return f"order up to {self.weeks} weeks"

    def orders(self, situation: Situation) -> Orders:
        target = situation.paths[:, :, : self.weeks].mean(axis=0, dtype=np.float64).sum(axis=1)
        quantity = np.maximum(target - situation.position(), 0)
        return Orders(np.round(quantity), quantity, target, situation.cover_mean())


def seasonal_moving_average(units: np.ndarray, periods: int, span: int = 13) -> np.ndarray:
    """The organisers' forecast: the mean of the last 13 weeks without season, times seasonal factors: [series, step].

    The factors are those of all series together, by week of the year, from the history before; NaN is not known.
    """
    n_weeks = units.shape[1]
    total = np.nanmean(units, axis=0)
    usual = np.array([np.nanmean(total[max(week - 26, 0) : week + 26]) for week in range(n_weeks)])
    ratio = total / usual
    factor = np.array([np.mean(ratio[week % 52 :: 52]) for week in range(n_weeks + periods)])
    plain = units / factor[:n_weeks]
    recent = np.nan_to_num(np.nanmean(np.where(np.isnan(plain), np.nan, plain)[:, -span:], axis=1))
    return recent[:, None] * factor[n_weeks:]
