"""The manufacturers behind a sample order book: who can make what, how much in a month, and how well they delivered.

They draw from random streams of their own, so that the order book does not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.synth.order_book import OrderBook, Products
from foresell.synth.random_streams import Stream, stream

MAKERS = ("M1", "M2", "M3")
FAMILIES_OF = ((0, 1, 2), (2, 3, 4), (0, 1, 2, 3, 4))  # by maker; each family has two or three
COST_SHARE, COST_FACTORS = 0.5, (1.0, 1.05, 1.25)  # of the price of the last year; by maker
HOURS_A_UNIT = (0.05, 0.03, 0.02, 0.01, 0.06)  # by family
SHARE_OF_DEMAND = (0.5, 0.45, 0.25)  # the capacity of a usual month, in what is asked for in a mean month
MONTHS_AHEAD, UPKEEP = 12, 0.6  # in one month of the year a maker has this share of its capacity
LOTS = 4  # customers' lots in a lot of a maker
ON_TIME, GOOD = (0.97, 0.9, 0.78), (0.995, 0.985, 0.97)
LATE_DAYS = 20.0  # on average, where a delivery is late
DELIVERY_DAYS, DELIVERIES_SPAN = 7, 730
PENALTY_SHARE = 1.2  # of the price
HOLDING_SHARE_YEAR = 0.2  # of the cost


@dataclass(frozen=True)
class MakerTables:
    """The tables by name, and the truth."""

    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame


def make_makers(book: OrderBook, products: Products, yearly_units: np.ndarray) -> MakerTables:
    """The tables of the makers.

    `yearly_units` [product] are those ordered in the last year, by which the makers have capacity.

    - ``capabilities``: product, manufacturer, cost, use (hours a unit), minimum_lot.
    - ``capacities``: manufacturer, date (a month), capacity (hours), for a year from the end of the book on.
    - ``parts``: product, penalty, holding (for a month).
    - ``deliveries``: manufacturer, due, delivered, quantity, rejected, of the last two years.
    - the truth: manufacturer, on_time (by the day), late_days, good.
    """
    truth = pl.DataFrame(
        {"manufacturer": MAKERS, "on_time": ON_TIME, "late_days": [LATE_DAYS] * len(MAKERS), "good": GOOD}
    )
    price = products.price[:, -1]
    parts = pl.DataFrame(
        {
            "product": products.names,
            "penalty": (PENALTY_SHARE * price).round(2),
            "holding": (HOLDING_SHARE_YEAR / 12 * COST_SHARE * price).round(4),
        }
    )
    tables = {
        "capabilities": _capabilities(book, products, price),
        "capacities": _capacities(book, products, yearly_units),
        "parts": parts,
        "deliveries": pl.concat([_deliveries(book, maker) for maker in range(len(MAKERS))]),
    }
    return MakerTables(tables, truth)


def _capabilities(book: OrderBook, products: Products, price: np.ndarray) -> pl.DataFrame:
    frames = []
    for maker, families in enumerate(FAMILIES_OF):
        made = np.flatnonzero(np.isin(products.family, families))
        chance = np.array([stream(book.seed, Stream.MAKER, maker, number).random() for number in made])
        frames.append(
            pl.DataFrame(
                {
                    "product": pl.Series(products.names)[made],
                    "manufacturer": pl.Series([MAKERS[maker]] * len(made), dtype=pl.String),
                    "cost": (COST_SHARE * COST_FACTORS[maker] * price[made] * (0.95 + 0.1 * chance)).round(2),
                    "use": np.array(HOURS_A_UNIT)[products.family[made]],
                    "minimum_lot": LOTS * products.lot[made],
                }
            )
        )
    return pl.concat(frames)


def _capacities(book: OrderBook, products: Products, yearly_units: np.ndarray) -> pl.DataFrame:
    """The hours of the makers in the months after the end of the book."""
    hours = float((yearly_units * np.array(HOURS_A_UNIT)[products.family]).sum()) / 12
    first = np.datetime64(book.end, "M") + 1
    months = (first + np.arange(MONTHS_AHEAD)).astype("datetime64[D]")
    frames = []
    for maker, share in enumerate(SHARE_OF_DEMAND):
        upkeep = int(stream(book.seed, Stream.MAKER, maker, book.products).integers(MONTHS_AHEAD))
        usual = np.full(MONTHS_AHEAD, share * hours)
        usual[upkeep] *= UPKEEP
        name = pl.Series([MAKERS[maker]] * MONTHS_AHEAD, dtype=pl.String)
        frames.append(pl.DataFrame({"manufacturer": name, "date": months, "capacity": usual.round(1)}))
    return pl.concat(frames)


def _deliveries(book: OrderBook, maker: int) -> pl.DataFrame:
    """The deliveries of one maker, one a week."""
    rng = stream(book.seed, Stream.MAKER, maker)
    count = min(DELIVERIES_SPAN, book.days) // DELIVERY_DAYS
    due = np.datetime64(book.end) - DELIVERY_DAYS * np.arange(count, 0, -1)
    late = rng.random(count) >= ON_TIME[maker]
    delay = np.where(late, 1 + rng.exponential(LATE_DAYS - 1, count), -rng.integers(0, 4, count)).astype(np.int64)
    quantity = 12 * (5 + rng.poisson(20, count))
    return pl.DataFrame(
        {
            "manufacturer": pl.Series([MAKERS[maker]] * count, dtype=pl.String),
            "due": due,
            "delivered": due + delay,
            "quantity": quantity,
            "rejected": rng.binomial(quantity, 1 - GOOD[maker]),
        }
    )
