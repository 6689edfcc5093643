"""Receipt lines: the units of a day split into what single customers bought, and goods that they brought back."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.synth.demand import Block
from foresell.synth.market import CATEGORIES
from foresell.synth.random_streams import Stream, stream

NEW_LINE = 0.72  # chance that a unit is on another line than the unit before it
RETURN_DAYS = 14  # goods are brought back after 1 to 14 days
OPEN_SECOND, OPEN_SECONDS = 8 * 3600, 13 * 3600  # open from 8 to 21 h
DAY_SECONDS = 86_400
LINES_PER_SERIES = 10_000_000  # room for the line numbers of one series
STORES_PER_ITEM = 100_000


def transaction_lines(block: Block, names: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    """The lines of a block's sales, series by series in order of time, and the units returned [series, day].

    The quantities of a series and day add up to its units less its returned units. Line numbers are unique.
    """
    units = np.where(block.on_sale[:, : block.plan.days], block.units, 0)
    lines = _sold_lines(block, units)
    back = _returned_lines(block, lines)
    returned = np.zeros(units.shape, np.int32)
    np.add.at(returned, (back["series"], back["second"] // DAY_SECONDS), -back["quantity"])

    both = {name: np.concatenate([lines[name], back[name]]) for name in back}
    order = np.lexsort((both["second"], both["series"]))
    both = {name: values[order] for name, values in both.items()}
    return _frame(block, names, both), returned


def _sold_lines(block: Block, units: np.ndarray) -> dict[str, np.ndarray]:
    """All lines sold, as arrays [line]: series, second since the first day, quantity, price in cents, chance.

    `chance` is uniform in [0, 1) and decides whether the goods are brought back.
    """
    chance = np.concatenate(
        [
            stream(block.plan.seed, Stream.LINES, block.items.first + item, store).random((count, 3), np.float32)
            for item, store, count in zip(block.item, block.store, units.sum(axis=1), strict=True)
        ]
    )  # [unit, use]
    cell = np.repeat(np.arange(units.size), units.reshape(-1))  # [unit]
    begins = chance[:, 0] < NEW_LINE
    begins[1:] |= cell[1:] != cell[:-1]
    begins[:1] = True
    first = np.flatnonzero(begins)
    series, day = np.divmod(cell[first], block.plan.days)
    # Most customers come in the middle of the opening hours: the density is half a sine wave.
    moment = np.arccos(1 - 2 * chance[first, 1].astype(np.float64)) / np.pi
    return {
        "series": series,
        "second": day * DAY_SECONDS + OPEN_SECOND + (moment * OPEN_SECONDS).astype(np.int64),
        "quantity": np.diff(np.append(first, len(cell))).astype(np.int32),
        "cents": block.cents[series, day],
        "chance": chance[first, 2],
    }


def _returned_lines(block: Block, lines: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The lines of goods brought back while the item is on sale, at the price paid, with a negative quantity."""
    share = np.array([kind.returned for kind in CATEGORIES])[block.items.category][block.item][lines["series"]]
    back = np.flatnonzero(lines["chance"] < share)
    # Among these lines the chance, divided by the share, is again uniform, and decides on which day.
    delay = 1 + (RETURN_DAYS * (lines["chance"][back] / share[back])).astype(np.int64)
    second = lines["second"][back] + delay * DAY_SECONDS
    last = np.minimum(block.end, block.plan.days)[lines["series"][back]]
    kept = second // DAY_SECONDS < last
    back = back[kept]
    return {
        "series": lines["series"][back],
        "second": second[kept],
        "quantity": -lines["quantity"][back],
        "cents": lines["cents"][back],
    }


def _frame(block: Block, names: pl.DataFrame, lines: dict[str, np.ndarray]) -> pl.DataFrame:
    series, day = lines["series"], lines["second"] // DAY_SECONDS
    count = np.bincount(series, minlength=names.height)
    within = np.arange(len(series)) - np.repeat(np.cumsum(count) - count, count)
    number = (block.items.first + block.item) * STORES_PER_ITEM + block.store
    keys = names[series]
    return pl.DataFrame(
        {
            "line": number[series] * LINES_PER_SERIES + within + 1,
            "time": block.plan.dates[0].astype("datetime64[us]") + lines["second"] * np.timedelta64(1_000_000, "us"),
            "store": keys["store"],
            "item": keys["item"],
            "quantity": lines["quantity"],
            "price": lines["cents"] / 100,
            "promotion": block.promotion[series, day].astype(np.int8),
        }
    )
