"""What a block of the sample retailer's series has in stock and on order at the end of the history, and what follows.

A series that was out of stock on the last day has none. Open orders are due by the lead time that the vendor states,
and arrive by the true one. The demand of the days ahead is drawn from streams of its own, so that it may be known what
an order would have been worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.synth.demand import AMPLE, Block, draw
from foresell.synth.random_streams import Stream, stream
from foresell.synth.vendors import ItemTerms, Vendors

MOST_ORDERS = 8  # that a series has open
MOST_LOTS = 4
REMNANT_DAYS = 6  # at most the sales of so many days are left of what is off sale


@dataclass(frozen=True)
class Stock:
    """The stock of a block of series at the end of the history.

    - `rows`: int64 [row], the series of the block that have been on sale.
    - `on_hand`: int64 [row]. `lots`, `remaining`: int64 [row, lot], the units by lot, and the days they may still be
      sold; 0 where nothing perishes.
    - `ordered`, `due`, `arrives`: int64 [row, order], units, and days after the end; 0 units where there is no order.
    """

    rows: np.ndarray
    on_hand: np.ndarray
    lots: np.ndarray
    remaining: np.ndarray
    ordered: np.ndarray
    due: np.ndarray
    arrives: np.ndarray


def make_stock(block: Block, terms: ItemTerms, vendors: Vendors) -> Stock:
    """The stock of a block; that of a series does not depend on its block."""
    last, item = block.plan.days - 1, block.item
    rows = np.flatnonzero(block.begin < np.minimum(block.plan.days, block.end))
    of = terms.vendor[item[rows]]
    review, lead = vendors.review_days[of], vendors.stated_lead_days[of]
    pack, shelf = terms.pack[item[rows]], terms.shelf_days[item[rows]]
    number = block.items.first + item[rows]
    generators = [stream(block.plan.seed, Stream.STOCK, i, s) for i, s in zip(number, block.store[rows], strict=True)]
    chance = np.array([generator.random(4) for generator in generators]).reshape(-1, 4)
    delays = np.array([generator.standard_normal(MOST_ORDERS) for generator in generators]).reshape(-1, MOST_ORDERS)

    daily = block.expected[rows, last - 6 : last + 1].mean(axis=1, dtype=np.float64)
    listed = block.end[rows] > block.plan.days
    days = np.where(listed, 0.2 + (review + 2) * chance[:, 0], REMNANT_DAYS * chance[:, 0] ** 2)
    days = np.where(shelf > 0, np.minimum(days, np.where(listed, shelf - 1, 0)), days)
    on_hand = np.floor(daily * days + chance[:, 1]).astype(np.int64)
    shown, sold = block.stock[rows, last].astype(np.int64), block.demand[rows, last]
    on_hand = np.where(listed & (shown != AMPLE), np.maximum(shown - sold, 0), on_hand)
    on_hand = np.where((shelf > 0) & ((shelf < 2) | ~listed), 0, on_hand)

    quantity = (pack * np.round(daily * review / pack)).astype(np.int64)
    phase = np.floor(review * chance[:, 2]).astype(np.int64)
    due = 1 + phase[:, None] + review[:, None] * np.arange(MOST_ORDERS)
    ordered = np.where(listed[:, None] & (due <= lead[:, None]), quantity[:, None], 0)
    late = (vendors.lead_days[of] - lead)[:, None] + vendors.lead_sd_days[of, None] * delays
    arrives = np.maximum(due + np.round(late).astype(np.int64), 1)
    lots, remaining = _lots(on_hand, np.maximum(quantity, pack), shelf, review, phase)
    return Stock(rows, on_hand, lots, remaining, ordered, due, arrives)


def _lots(
    on_hand: np.ndarray, quantity: np.ndarray, shelf: np.ndarray, review: np.ndarray, phase: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The units on hand by lot, the newest first, and the days for which each may still be sold: int64 [row, lot]."""
    lots, remaining = np.zeros((2, len(on_hand), MOST_LOTS), np.int64)
    left = np.where(shelf > 0, on_hand, 0)
    for lot in range(MOST_LOTS):
        remaining[:, lot] = np.maximum(shelf - 1 - phase - review * lot, 1)
        # Where an older lot would have expired, or there is no further one, this one has all that is left.
        oldest = (shelf - 1 - phase - review * (lot + 1) < 1) | (lot == MOST_LOTS - 1)
        lots[:, lot] = np.where(oldest, left, np.minimum(left, quantity))
        left = left - lots[:, lot]
    return lots, np.where(lots > 0, remaining, 0)


def stock_frame(stock: Stock, names: pl.DataFrame) -> pl.DataFrame:
    """One row for each series that has been on sale: the units on hand."""
    return names[stock.rows].with_columns(pl.Series("on_hand", stock.on_hand))


def open_orders_frame(stock: Stock, names: pl.DataFrame, end: np.datetime64) -> pl.DataFrame:
    """One row for each open order: the day on which it is due, the units, and the day on which it arrives."""
    row, order = np.nonzero(stock.ordered)
    return names[stock.rows[row]].with_columns(
        pl.Series("due", end + stock.due[row, order]),
        pl.Series("units", stock.ordered[row, order]),
        pl.Series("arrives", end + stock.arrives[row, order]),
    )


def lots_frame(stock: Stock, names: pl.DataFrame, end: np.datetime64) -> pl.DataFrame:
    """One row for each lot of what perishes: the last day on which it may be sold, and the units."""
    row, lot = np.nonzero(stock.lots)
    return names[stock.rows[row]].with_columns(
        pl.Series("expires", end + stock.remaining[row, lot]),
        pl.Series("units", stock.lots[row, lot]),
    )


def ahead_truth(block: Block, names: pl.DataFrame) -> pl.DataFrame:
    """One row for each series and day on sale after the end: the expected demand, and the demand."""
    plan, items = block.plan, block.items
    expected = block.expected[:, plan.days :]
    demand = np.zeros(expected.shape, np.int32)
    for row, (item, store) in enumerate(zip(block.item, block.store, strict=True)):
        rng = stream(plan.seed, Stream.AHEAD, items.first + item, store)
        draw(rng, expected[row], items.dispersion[item], items.occurrence[item], demand[row])
    series, day = np.nonzero(block.on_sale[:, plan.days :])
    return (
        pl.DataFrame({"date": plan.dates[plan.days + day]})
        .hstack(names[series])
        .with_columns(pl.Series("expected", expected[series, day]), pl.Series("demand", demand[series, day]))
    )
