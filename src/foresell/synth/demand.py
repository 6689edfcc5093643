"""The demand of a block of series, what the shelf held, and so what was sold.

The mean of the process, for series s of item i in store b on day t::

    expected = level_s * exp(trend_i * years_t) * calendar_{category,t} * exp(wander_{i,week})
             * (real price_{s,t}) ** -elasticity_i * (1 + uplift_i * promotion_{i,t}) * dip_{i,t}
             * launch_{i,t} * phase_out_{i,t} * opening_{b,t}

where the real price is the price over the reference price (the list price of the first day in the store's region),
which inflates steadily. Demand is negative binomial round that mean, for intermittent items mixed with days on which
nobody asks. Units sold are min(demand, stock).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foresell.synth.assortment import Items, Plan, Stores, items_of, spans
from foresell.synth.market import calendar_factors
from foresell.synth.prices import INFLATION, Prices, dip_factor, prices_of, shelf_price
from foresell.synth.random_streams import Stream, occasions, stream

AMPLE = np.iinfo(np.int32).max  # stock that nobody counts
PHASE_OUT_DAYS = 60
OUTAGE_RATE = 1 / 220  # supply gaps of a series per day
SELL_OUT = 0.08  # chance that a promotion ends with an empty shelf


@dataclass(frozen=True)
class Block:
    """Some series, item by item and within the item store by store. Arrays are [series, day + ahead] unless said.

    Cells off sale hold values too; `begin` and `end` [series] bound what counts.
    """

    plan: Plan
    stores: Stores
    items: Items
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
    stock: np.ndarray  # int32 [series, day], AMPLE where nobody counts

    @property
    def units(self) -> np.ndarray:
        """What was sold: int32 [series, day]."""
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


def item_factors(plan: Plan, items: Items, prices: Prices, calendar: np.ndarray) -> np.ndarray:
    """All that moves an item's demand alike in every store, but for its price: float32 [item, day + ahead]."""
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


def opening_factors(plan: Plan, stores: Stores) -> np.ndarray:
    """How a store that opened late is found by its customers: float32 [store, day + ahead]."""
    age = np.maximum(np.arange(len(plan.dates)) - stores.begin[:, None], 0)
    return np.where(stores.begin[:, None] > 0, 1 - 0.5 * np.exp(-age / 45), 1.0).astype(np.float32)


def _empty_shelves(
    rng: np.random.Generator, begin: int, stop: int, promotion_ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First day, length in days, and share of the first day's demand still there, of each time a shelf runs empty."""
    n_gaps = rng.poisson(OUTAGE_RATE * (stop - begin))
    gaps = rng.integers(begin, stop, n_gaps)
    gap_days = 1 + rng.geometric(0.45, n_gaps)
    sold_out = promotion_ends[rng.random(len(promotion_ends)) < SELL_OUT] - 1
    sold_out_days = rng.integers(2, 4, len(sold_out))
    starts = np.concatenate([gaps, sold_out])
    return starts, np.concatenate([gap_days, sold_out_days]), rng.random(len(starts))


def _draw(rng: np.random.Generator, mean: np.ndarray, dispersion: float, occurrence: float, demand: np.ndarray) -> None:
    """Fills `demand` [day] with a negative binomial round `mean`, on a share `occurrence` of the days if below 1."""
    rate = rng.standard_gamma(dispersion, len(mean), dtype=np.float32)
    rate *= np.float32(1 / (dispersion * occurrence))
    rate *= mean
    if occurrence < 1:
        rate[rng.random(len(mean), dtype=np.float32) >= occurrence] = 0.0
    demand[:] = rng.poisson(rate)


def _shelf(plan: Plan, expected: np.ndarray, empties: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """The stock of each series and day: int32 [series, day]; part of the demand on the first day, then none."""
    stock = np.full((len(expected), plan.days), AMPLE, np.int32)
    rows = np.repeat(np.arange(len(empties)), [len(starts) for starts, _, _ in empties])
    starts, lengths, share = (np.concatenate([part[k] for part in empties]) for k in range(3))
    stock[rows, starts] = (share * expected[rows, starts]).astype(np.int32)
    # The empty days come last: a gap that begins on a shelf which another gap left empty finds it empty.
    rest = np.minimum(lengths, plan.days - starts) - 1
    stock[np.repeat(rows, rest), occasions(starts + 1, rest)] = 0
    return stock


def make_block(plan: Plan, stores: Stores, market: np.ndarray, opening: np.ndarray, first: int, stop: int) -> Block:
    """The series `first` to `stop` - 1, numbered item by item; each is the same in whatever block it lies.

    `market` is [category, day + ahead] from `calendar_factors`, `opening` [store, day + ahead].
    """
    item_from = first // len(stores)
    items = items_of(plan, item_from, (stop - 1) // len(stores) + 1)
    prices = prices_of(plan, items)
    number = np.arange(first, stop)
    item, store = number // len(stores) - item_from, number % len(stores)
    begin, end = (bound[number - item_from * len(stores)] for bound in spans(items, stores))
    generators = [stream(plan.seed, Stream.SERIES, item_from + i, s) for i, s in zip(item, store, strict=True)]
    level = items.level[item] * stores.factor[store]
    level *= np.exp(0.25 * np.array([rng.standard_normal() for rng in generators]))

    zone = stores.price_factor.astype(np.float32)[store, None]
    cents = shelf_price(prices.price[item] * zone)
    usual = (items.list_price[item, None] * 100 * np.exp(INFLATION * plan.years)).astype(np.float32) * zone
    expected = np.power(cents / usual, -items.elasticity.astype(np.float32)[item, None], dtype=np.float32)
    expected *= item_factors(plan, items, prices, market)[item]
    expected *= opening[store]
    expected *= level.astype(np.float32)[:, None]

    demand = np.zeros((len(number), plan.days), np.int32)
    empties = []
    for row, rng in enumerate(generators):
        i, days = item[row], slice(begin[row], min(end[row], plan.days))
        _draw(rng, expected[row, days], items.dispersion[i], items.occurrence[i], demand[row, days])
        ends = prices.ends[i]
        ends = ends[(ends > days.start) & (ends < days.stop)]
        empties.append(_empty_shelves(rng, days.start, max(days.stop, days.start + 1), ends))
    stock = _shelf(plan, expected, empties)
    promotion = prices.promotion[item]
    return Block(plan, stores, items, first, item, store, begin, end, level, cents, promotion, expected, demand, stock)


def blocks(plan: Plan, stores: Stores, rows: int) -> Iterator[Block]:
    """All series in blocks of at most `rows` cells (or one series)."""
    market = calendar_factors(plan.seed, plan.country, plan.dates)
    opening = opening_factors(plan, stores)
    n_series = plan.items * plan.stores
    size = max(1, rows // len(plan.dates))
    for first in range(0, n_series, size):
        yield make_block(plan, stores, market, opening, first, min(first + size, n_series))
