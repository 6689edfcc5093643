"""The segments of the series: how steadily and how much a series sells, and how long it has been on sale."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel

ADI_LIMIT = 1.32
CV2_LIMIT = 0.49

BLOCK = 4096  # series at a time: keeps the copies of a year small

NEW = {
    Frequency.HOUR: 672,
    Frequency.DAY: 28,
    Frequency.WEEK: 4,
    Frequency.MONTH: 2,
    Frequency.QUARTER: 1,
    Frequency.YEAR: 1,
}
YOUNG = {
    Frequency.HOUR: 4368,
    Frequency.DAY: 182,
    Frequency.WEEK: 26,
    Frequency.MONTH: 6,
    Frequency.QUARTER: 3,
    Frequency.YEAR: 2,
}
"""The largest number of known periods with which a series counts as new, and as young."""


def steadiness(units: np.ndarray) -> np.ndarray:
    """The demand class of each series [series] by its `units` [series, day], NaN days left out.

    The mean interval between days with sales (ADI = known days / days with sales) and the squared coefficient of
    variation of what those days sold (CV2) divide the series: ``smooth`` (ADI < 1.32, CV2 < 0.49), ``erratic``
    (sells often, in varying amounts), ``intermittent`` (seldom, in like amounts), ``lumpy`` (seldom, varying), and
    ``no sales``. Syntetos, Boylan and Croston, "On the categorization of demand patterns", 2005.

    >>> steadiness(np.array([[3, 3, 4.0], [1, 9, 1.0], [0, 0, 2.0], [0, 0, np.nan]])).tolist()
    ['smooth', 'erratic', 'intermittent', 'no sales']
    """
    sold = np.where(units > 0, units, 0).astype(np.float64)
    n_known = np.sum(~np.isnan(units), axis=1)
    n_sold = np.sum(sold > 0, axis=1)
    some = np.maximum(n_sold, 1)
    mean = sold.sum(axis=1) / some
    variance = np.maximum((sold**2).sum(axis=1) / some - mean**2, 0)
    seldom = n_known >= ADI_LIMIT * some
    varying = variance >= CV2_LIMIT * mean**2
    classes = np.array(["smooth", "erratic", "intermittent", "lumpy"])[2 * seldom + varying]
    return np.where(n_sold == 0, "no sales", classes)


def mean_units(units: np.ndarray) -> np.ndarray:
    """The mean units of a known day of each series [series] by its `units` [series, day]; 0 where none is known."""
    n_known = np.sum(~np.isnan(units), axis=1)
    return np.nansum(units, axis=1, dtype=np.float64) / np.maximum(n_known, 1)


def thirds(mean: np.ndarray) -> np.ndarray:
    """The third that each series belongs to, ``low``, ``middle`` or ``high``, by its `mean` [series].

    >>> thirds(np.array([1.0, 50.0, 7.0])).tolist()
    ['low', 'high', 'middle']
    """
    rank = np.empty(len(mean), np.int64)
    rank[np.argsort(mean, kind="stable")] = np.arange(len(mean))
    return np.array(["low", "middle", "high"])[3 * rank // max(1, len(mean))]


def age(units: np.ndarray, frequency: Frequency) -> np.ndarray:
    """The class of age of each series [series] by its `units` [series, day], NaN days left out.

    ``new`` where at most 28 days (4 weeks, 2 months) are known, or none yet; ``young`` up to half a year; else ``old``.

    >>> age(np.array([[np.nan] * 40, [np.nan] * 12 + [1.0] * 28, [2.0] * 29 + [np.nan] * 11]), Frequency.DAY).tolist()
    ['new', 'new', 'young']
    """
    known = np.sum(~np.isnan(units), axis=1)
    return np.where(known <= NEW[frequency], "new", np.where(known <= YOUNG[frequency], "young", "old"))


def segments(panel: Panel, columns: tuple[str, ...] = ()) -> pl.DataFrame:
    """The segment of each series by ``steadiness``, ``volume``, ``age`` and by each of `columns`; one row a series.

    The first two are those of the last year before the panel's cutoff, the age is that of the whole history. Raises
    UsageError where the series lack one of `columns`.
    """
    missing = [column for column in columns if column not in panel.series.columns]
    if missing:
        raise UsageError(
            f"'backtest.segments' names {first_five(missing)}, which the series do not have. "
            f"They have {', '.join(panel.series.columns)}."
        )
    columns_of_blocks = []
    for block in panel.blocks(BLOCK):
        year = block.units[:, -panel.frequency.year :]
        columns_of_blocks.append((steadiness(year), mean_units(year), age(block.units, panel.frequency)))
    classes, means, of_age = (np.concatenate(column) for column in zip(*columns_of_blocks, strict=True))
    frame = pl.DataFrame({"steadiness": classes, "volume": thirds(means), "age": of_age})
    return frame.with_columns(panel.series[column].cast(pl.String).fill_null("unknown") for column in columns)
