"""The truth about the campaigns of a sample retailer: the uplift of each, and the demand that it pulled forward."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.synth.demand import Block
from foresell.synth.prices import dip_factor, shelf_price


def campaign_truth(block: Block, keys: pl.DataFrame) -> pl.DataFrame:
    """One row for each series and campaign of the history: what it did to the expected demand while on sale.

    ``cut`` is the share taken off the price, ``uplift`` the expected demand over that without the campaign, less 1,
    ``gained`` the units of it, and ``pulled_forward`` the units missing in the days after it, until the next one.
    """
    n_days, items = block.plan.days, block.items
    on_sale = block.on_sale[:, :n_days]
    promotion = block.promotion[:, :n_days] & on_sale
    expected = block.expected[:, :n_days].astype(np.float64) * on_sale
    zone = block.stores.price_factor.astype(np.float32)[block.store, None]
    usual = shelf_price(block.prices.regular[block.item, :n_days] * zone)
    cut = block.cents[:, :n_days] / usual
    answer = np.power(cut, -items.elasticity[block.item, None]) * (1 + items.uplift[block.item, None])
    without = np.where(promotion, expected / answer, expected)
    missing = expected * (1 / dip_factor(items, block.prices)[block.item, :n_days] - 1)
    edges = np.diff(np.pad(promotion, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    series, first = np.nonzero(edges == 1)
    stop = np.nonzero(edges == -1)[1]
    following = np.append(first[1:], n_days)
    following[np.append(series[1:] != series[:-1], True)] = n_days

    def between(values: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        sums = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
        return np.asarray(sums[series, end] - sums[series, begin])

    during, baseline = between(expected, first, stop), between(without, first, stop)
    dates = block.plan.dates
    return keys[series].with_columns(
        first_date=pl.Series(dates[first]),
        last_date=pl.Series(dates[stop - 1]),
        cut=pl.Series((1 - cut[series, first]).round(4)),
        uplift=pl.Series(during / baseline - 1),
        baseline=pl.Series(baseline),
        gained=pl.Series(during - baseline),
        pulled_forward=pl.Series(between(missing, stop, following)),
    )
