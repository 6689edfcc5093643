"""The demand of a block of series, the stock on the shelf, and the units sold.

The expected demand for series s of item i in store b on day t is::

    expected = level_s * exp(trend_i * years_t) * calendar_{category,t} * exp(wander_{i,week})
             * (real price_{s,t}) ** -elasticity_i * (1 + uplift_i * promotion_{i,t}) * dip_{i,t}
             * launch_{i,t} * phase_out_{i,t} * opening_{b,t}

where the real price is the price divided by the reference price, and the reference price is the list price of the
first day in the store's region, which rises with inflation. Demand is negative binomial with that mean; that of
intermittent items is zero on many days. Units sold are min(demand, stock).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.synth.assortment import Items, RetailerPlan, Stores, make_items, series_spans
from foresell.synth.item_roles import cross_factors, with_roles
from foresell.synth.market import calendar_factors
from foresell.synth.prices import INFLATION, Prices, dip_factor, make_prices, shelf_price
from foresell.synth.random_streams import Stream, concatenated_ranges, stream

AMPLE = np.iinfo(np.int32).max  # stock that never runs out
PHASE_OUT_DAYS = 60
OUTAGE_RATE = 1 / 220  # supply gaps of a series per day
SELL_OUT = 0.08  # chance that a promotion ends with an empty shelf


@dataclass(frozen=True)
class Block:
    """Some series, item by item and within the item store by store. Arrays are [series, day + ahead] unless noted.

    Days off sale have values too; only those from `begin` to the day before `end` count.
    """

    plan: RetailerPlan
    stores: Stores
    items: Items
    prices: Prices
    first: int  # number of the first series
    item: np.ndarray  # int64 [series], row in `items`
    store: np.ndarray  # int64 [series]
    begin: np.ndarray  # int64 [series]
    end: np.ndarray  # int64 [series]
    level: np.ndarray  # float64 [series]
    cents: np.ndarray  # int32
    promotion: np.ndarray  # bool
    expected: np.ndarray  # float32
    demand: np.ndarray  # int32 [series, day]
    stock: np.ndarray  # int32 [series, day], AMPLE where there is enough

    @property
    def units(self) -> np.ndarray:
        """Units sold: int32 [series, day]."""
        return np.minimum(self.demand, self.stock)

    @property
    def stocked_out(self) -> np.ndarray:
        """Whether the shelf was empty at the end of the day: bool [series, day]."""
        return self.demand >= self.stock

    @property
    def on_sale(self) -> np.ndarray:
        """Whether the item is listed and the store open: bool [series, day + ahead]."""
        day = np.arange(len(self.plan.dates))
        return (day >= self.begin[:, None]) & (day < self.end[:, None])


def item_factors(plan: RetailerPlan, items: Items, prices: Prices, calendar: np.ndarray) -> np.ndarray:
    """What moves the demand for an item alike in every store, except its price: float32 [item, day + ahead]."""
    day = np.arange(len(plan.dates))
    factor = calendar[items.category] * np.exp(items.trend[:, None] * plan.years)
    factor *= np.exp(prices.wander)[:, day // 7]
    factor *= np.where(prices.promotion, 1 + items.uplift[:, None], 1.0) * dip_factor(items, prices)
    launched = items.begin > 0
    age = np.maximum(day - items.begin[launched, None], 0)
    factor[launched] *= 1 - 0.7 * np.exp(-age / items.launch_speed[launched, None])
    left = (items.end[:, None] - day) / PHASE_OUT_DAYS
    factor *= np.where(items.end[:, None] <= plan.days, np.clip(0.3 + 0.7 * left, 0.3, 1.0), 1.0)
    return factor.astype(np.float32)


def opening_factors(plan: RetailerPlan, stores: Stores) -> np.ndarray:
    """The share of its later demand that a store has in the time after its opening: float32 [store, day + ahead]."""
    age = np.maximum(np.arange(len(plan.dates)) - stores.begin[:, None], 0)
    return np.where(stores.begin[:, None] > 0, 1 - 0.5 * np.exp(-age / 45), 1.0).astype(np.float32)


def _stockouts(
    rng: np.random.Generator, begin: int, stop: int, promotion_ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each stock-out: its first day, its length in days, and the share of the first day's demand still in stock."""
    n_gaps = rng.poisson(OUTAGE_RATE * (stop - begin))
    gaps = rng.integers(begin, stop, n_gaps)
    gap_days = 1 + rng.geometric(0.45, n_gaps)
    sold_out = promotion_ends[rng.random(len(promotion_ends)) < SELL_OUT] - 1
    sold_out_days = rng.integers(2, 4, len(sold_out))
    starts = np.concatenate([gaps, sold_out])
    return starts, np.concatenate([gap_days, sold_out_days]), rng.random(len(starts))


def draw(rng: np.random.Generator, mean: np.ndarray, dispersion: float, occurrence: float, demand: np.ndarray) -> None:
    """Fills `demand` [day] with negative binomial draws of the given mean; days without an occurrence get zero."""
    rate = rng.standard_gamma(dispersion, len(mean), dtype=np.float32)
    rate *= np.float32(1 / (dispersion * occurrence))
    rate *= mean
    if occurrence < 1:
        rate[rng.random(len(mean), dtype=np.float32) >= occurrence] = 0.0
    demand[:] = rng.poisson(rate)


def _stock(
    plan: RetailerPlan, expected: np.ndarray, stockouts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> np.ndarray:
    """The stock: int32 [series, day]. On the first day of a stock-out it is part of the demand, then it is zero."""
    stock = np.full((len(expected), plan.days), AMPLE, np.int32)
    rows = np.repeat(np.arange(len(stockouts)), [len(starts) for starts, _, _ in stockouts])
    starts, lengths, share = (np.concatenate([part[k] for part in stockouts]) for k in range(3))
    stock[rows, starts] = (share * expected[rows, starts]).astype(np.int32)
    # Zeros are written last, because a stock-out that begins during another one must not bring stock back.
    rest = np.minimum(lengths, plan.days - starts) - 1
    stock[np.repeat(rows, rest), concatenated_ranges(starts + 1, rest)] = 0
    return stock


def make_block(
    plan: RetailerPlan, stores: Stores, market: np.ndarray, opening: np.ndarray, first: int, stop: int
) -> Block:
    """The series `first` to `stop` - 1, numbered item by item; a series does not depend on its block.

    `market` is [category, day + ahead] from `calendar_factors`, `opening` [store, day + ahead].
    """
    item_from = first // len(stores)
    items = with_roles(plan, make_items(plan, item_from, (stop - 1) // len(stores) + 1))
    prices = make_prices(plan, items)
    number = np.arange(first, stop)
    item, store = number // len(stores) - item_from, number % len(stores)
    begin, end = (bound[number - item_from * len(stores)] for bound in series_spans(items, stores))
    generators = [stream(plan.seed, Stream.SERIES, item_from + i, s) for i, s in zip(item, store, strict=True)]
    level = items.level[item] * stores.factor[store]
    level *= np.exp(0.25 * np.array([rng.standard_normal() for rng in generators]))

    zone = stores.price_factor.astype(np.float32)[store, None]
    cents = shelf_price(prices.price[item] * zone)
    usual = (items.list_price[item, None] * 100 * np.exp(INFLATION * plan.years)).astype(np.float32) * zone
    expected = np.power(cents / usual, -items.elasticity.astype(np.float32)[item, None], dtype=np.float32)
    expected *= (item_factors(plan, items, prices, market) * cross_factors(plan, items))[item].astype(np.float32)
    expected *= opening[store]
    expected *= level.astype(np.float32)[:, None]

    demand = np.zeros((len(number), plan.days), np.int32)
    stockouts = []
    for row, rng in enumerate(generators):
        i, days = item[row], slice(begin[row], min(end[row], plan.days))
        draw(rng, expected[row, days], items.dispersion[i], items.occurrence[i], demand[row, days])
        ends = prices.ends[i]
        ends = ends[(ends > days.start) & (ends < days.stop)]
        stockouts.append(_stockouts(rng, days.start, max(days.stop, days.start + 1), ends))
    stock = _stock(plan, expected, stockouts)
    promotion = prices.promotion[item]
    return Block(
        plan, stores, items, prices, first, item, store, begin, end, level, cents, promotion, expected, demand, stock
    )


def blocks(plan: RetailerPlan, stores: Stores, rows: int) -> Iterator[Block]:
    """All series in blocks of at most `rows` cells (series x day), but at least one series each."""
    market = calendar_factors(plan.seed, plan.country, plan.dates)
    opening = opening_factors(plan, stores)
    n_series = plan.items * plan.stores
    size = max(1, rows // len(plan.dates))
    for first in range(0, n_series, size):
        yield make_block(plan, stores, market, opening, first, min(first + size, n_series))
