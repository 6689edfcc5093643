"""Tables of a block of series: those that the retailer has, and the truth."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.synth.demand import AMPLE, Block
from foresell.synth.market import CATEGORIES


def series_names(block: Block) -> pl.DataFrame:
    """The keys of a block's series, one row each."""
    item_names, store_names = np.array(block.items.names), np.array(block.stores.names)
    return pl.DataFrame({"store": store_names[block.store], "item": item_names[block.item]})


def _cells(block: Block, first: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Series and day of the cells on sale among the days `first` to `stop` - 1: two int arrays [cell]."""
    series, day = np.nonzero(block.on_sale[:, first:stop])
    return series, day + first


def _known_columns(block: Block, series: np.ndarray, day: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "price": block.cents[series, day] / 100,
        "promotion": block.promotion[series, day].astype(np.int8),
    }


def sales_frame(block: Block, names: pl.DataFrame) -> pl.DataFrame:
    """One row for each series and day on sale."""
    series, day = _cells(block, 0, block.plan.days)
    keys = names[series]
    return pl.DataFrame(
        {
            "date": block.plan.dates[day],
            "store": keys["store"],
            "item": keys["item"],
            "units": block.units[series, day],
            **_known_columns(block, series, day),
            "stocked_out": block.stocked_out[series, day].astype(np.int8),
        }
    )


def future_frame(block: Block, names: pl.DataFrame) -> pl.DataFrame:
    """One row for each series and day on sale after the last day of sales."""
    series, day = _cells(block, block.plan.days, len(block.plan.dates))
    keys = names[series]
    return pl.DataFrame(
        {
            "date": block.plan.dates[day],
            "store": keys["store"],
            "item": keys["item"],
            **_known_columns(block, series, day),
        }
    )


def series_truth(block: Block, names: pl.DataFrame) -> pl.DataFrame:
    """One row for each series: the parameters of its demand, and its first and last day on sale (null if none).

    `level` is the mean demand of an average day, at the reference price and without trend.
    """
    items, rows, plan = block.items, block.item, block.plan
    last = np.minimum(block.end, plan.days) - 1
    sold = last >= block.begin
    return names.with_columns(
        category=pl.Series([CATEGORIES[kind].name for kind in items.category[rows]]),
        level=pl.Series(block.level),
        reference_price=pl.Series(items.list_price[rows] * block.stores.price_factor[block.store]),
        trend_per_year=pl.Series(items.trend[rows]),
        elasticity=pl.Series(items.elasticity[rows]),
        promotion_uplift=pl.Series(items.uplift[rows]),
        dip=pl.Series(items.dip[rows]),
        intermittent=pl.Series(items.intermittent[rows]),
        occurrence=pl.Series(items.occurrence[rows]),
        dispersion=pl.Series(items.dispersion[rows]),
        launch_speed_days=pl.Series(np.where(items.begin[rows] > 0, items.launch_speed[rows], np.nan)),
        first_date=pl.Series(plan.dates[block.begin]).set(pl.Series(~sold), None),
        last_date=pl.Series(plan.dates[last]).set(pl.Series(~sold), None),
        launched=pl.Series(items.begin[rows] > 0),
        discontinued=pl.Series(block.end <= plan.days),
    )


def demand_truth(block: Block, names: pl.DataFrame, returned: np.ndarray | None = None) -> pl.DataFrame:
    """One row for each series and day on sale: the expected demand, the demand, and the stock where it ran out.

    `returned` [series, day] are the units brought back, where the sales are single transactions.
    """
    series, day = _cells(block, 0, block.plan.days)
    keys = names[series]
    stock = pl.Series(block.stock[series, day])
    frame = pl.DataFrame(
        {
            "date": block.plan.dates[day],
            "store": keys["store"],
            "item": keys["item"],
            "expected": block.expected[series, day],
            "demand": block.demand[series, day],
            "stock": stock.set(stock == AMPLE, None),
            "stocked_out": block.stocked_out[series, day],
        }
    )
    return frame if returned is None else frame.with_columns(returned=pl.Series(returned[series, day]))
