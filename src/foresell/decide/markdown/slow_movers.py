"""Which stock sells too slowly, and whether a lower price now is worth more than to wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from foresell.decide.markdown.price_ladder import Clearance, Ladder, Response, price_ladder, value_of_policy

INTERVAL = 1.6449  # standard deviations of the normal to either side, for 90 %


@dataclass(frozen=True)
class Stocks:
    """The stock of series and what decides about its price; float64 [series] unless noted.

    - `on_hand`: units. `price`: the price now. `demand`: the forecast at that price, [series, period]; `dispersion`: r
      of the variance mean + mean**2 / r of a period.
    - `elasticity`, `deviation`: the price elasticity and its standard deviation, NaN where no response can be seen.
    - `periods`: until the last day on which it is sold; a part of one is a part of its demand.
    - `salvage`: the worth of a unit left then. `holding`: the cost of a unit and period.
    """

    on_hand: np.ndarray
    price: np.ndarray
    demand: np.ndarray
    dispersion: np.ndarray
    elasticity: np.ndarray
    deviation: np.ndarray
    periods: np.ndarray
    salvage: np.ndarray
    holding: np.ndarray

    @property
    def periods_of_stock(self) -> np.ndarray:
        """For how many periods the stock lasts at the mean forecast, infinite where nothing is forecast."""
        mean = self.demand.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.on_hand > 0, self.on_hand / mean, 0.0)

    def left(self) -> np.ndarray:
        """Units expected to be left after `periods` at the price now."""
        part = np.clip(self.periods[:, None] - np.arange(self.demand.shape[1]), 0, 1)
        return np.maximum(self.on_hand - (self.demand * part).sum(axis=1), 0.0)


@dataclass(frozen=True)
class Rules:
    """When the price of a slow mover is lowered, and to what.

    - `slow_periods`: stock that lasts longer is slow. `cuts`: shares that may be taken off the price, falling prices.
    - `least_gain`: a lower price has to earn so much more than to wait, as a share of the worth of the stock at its
      price. `change_cost`: of putting on a new price, in money.
    """

    slow_periods: float
    cuts: tuple[float, ...]
    least_gain: float
    change_cost: float = 0.0


@dataclass(frozen=True)
class Markdown:
    """What to do with the price of one slow mover.

    - `ladder`: None where no price response can be seen. `price`: the one to take now.
    - `gain`: what the ladder earns more than the price of now until the end; `gain_low`, `gain_high`: the same where
      demand answers as weakly and as strongly as the interval of the elasticity allows.
    - `binds`: why the price stays, ``no price response``, ``gain too small`` or ``waiting is better``; empty where it
      is lowered.
    """

    series: int
    ladder: Ladder | None
    price: float
    gain: float
    gain_low: float
    gain_high: float
    binds: str


def slow_movers(stocks: Stocks, rules: Rules) -> np.ndarray:
    """Rows of the series whose stock lasts longer than the rules allow, or is not sold by its last day: int64."""
    long = stocks.periods_of_stock > rules.slow_periods
    return np.flatnonzero((stocks.on_hand >= 1) & (stocks.price > 0) & (long | (stocks.left() >= 1)))


def markdowns(stocks: Stocks, rules: Rules) -> Iterator[Markdown]:
    """The decision about each slow mover, in the order of the series."""
    for row in slow_movers(stocks, rules):
        yield _decided(int(row), stocks, rules)


def _decided(row: int, stocks: Stocks, rules: Rules) -> Markdown:
    price, elasticity = float(stocks.price[row]), float(stocks.elasticity[row])
    nothing = float("nan")
    if not np.isfinite(elasticity):
        return Markdown(row, None, price, nothing, nothing, nothing, "no price response")
    case = clearance(row, stocks, rules)
    ladder = price_ladder(case)
    if ladder.rung == 0:
        return Markdown(row, ladder, price, 0.0, nothing, nothing, "waiting is better")
    width = INTERVAL * float(stocks.deviation[row])
    ends = [Response.of(case.prices, elasticity + side * width) for side in (-1, 1)]
    low, high = sorted(value_of_policy(ladder, replace(case, response=end)) - ladder.keep for end in ends)
    enough = ladder.gain >= rules.least_gain * price * float(stocks.on_hand[row])
    chosen = float(case.prices[ladder.rung]) if enough else price
    return Markdown(row, ladder, chosen, ladder.gain_over_keeping, low, high, "" if enough else "gain too small")


def clearance(row: int, stocks: Stocks, rules: Rules) -> Clearance:
    """The clearance of the stock of one series."""
    prices = float(stocks.price[row]) * (1 - np.array([0.0, *rules.cuts]))
    periods = np.arange(max(int(np.ceil(stocks.periods[row])), 1))
    return Clearance(
        stock=int(stocks.on_hand[row]),
        prices=prices,
        demand=stocks.demand[row, periods] * np.clip(stocks.periods[row] - periods, 0, 1),
        response=Response.of(prices, float(stocks.elasticity[row]), float(stocks.deviation[row])),
        dispersion=float(stocks.dispersion[row]),
        salvage=float(stocks.salvage[row]),
        holding=float(stocks.holding[row]),
        change_cost=rules.change_cost,
    )
