"""Lost demand: an estimate of the demand on days with a stock-out, from the days around them.

The expected demand of a day is the level of the series around it (nearer days count more), times the factors of weekday
and promotion (`models.launch.day_profile`), times the factor of the day in the whole group, such as a holiday. The
demand D was at least the units sold, so the estimate is E[D | D >= sold], where D has a negative binomial distribution
around the expected demand. This is the usual treatment of sales that are censored by stock (Nahmias, "Demand estimation
in lost sales inventory systems", 1994, for the normal distribution).

The estimate is for reporting only. Forecasts do not use it, because a censored day counts as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.models.launch.attribute_levels import grouping_levels
from foresell.models.launch.credibility import between_variance, posterior_ratio
from foresell.models.launch.day_profile import DayProfile, group_labels, learn_day_profile
from foresell.models.launch.launch_curve import LAUNCHES_PER_GROUP

NEAR = {
    Frequency.HOUR: 336,
    Frequency.DAY: 14,
    Frequency.WEEK: 4,
    Frequency.MONTH: 2,
    Frequency.QUARTER: 1,
    Frequency.YEAR: 1,
}
FAR = {
    Frequency.HOUR: 2184,
    Frequency.DAY: 91,
    Frequency.WEEK: 26,
    Frequency.MONTH: 9,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 2,
}
"""The number of periods, either way, after which a day counts half: for the level around a day, and for the more
general level that it is drawn towards."""

BLOCK = 1024
DAYS = 30.0  # the number of days from which a series' own variance counts as much as that of all series


def lost_demand(panel: Panel, stockouts: pl.DataFrame, levels: tuple[Level, ...] = ()) -> pl.DataFrame:
    """The estimated demand of each day of `stockouts`: its columns, then ``expected`` and ``lost``.

    `stockouts` has the panel's keys, ``date`` and ``sold`` (units sold before the shelf was empty), one row for each
    series and day, as `data.sales_reader` returns them; in `panel` these days are not known. ``expected`` is the mean
    of the demand, which is at least ``sold``, and ``lost`` is the difference. `levels` are groups of series that
    share holidays and seasons, beside the groups of each column of text.

    Raises UsageError where a row names a series or a day that the panel does not have.
    """
    rows, days = cells_of(panel, stockouts)
    if not len(rows):
        return stockouts.with_columns(expected=pl.lit(None, pl.Float64), lost=pl.lit(None, pl.Float64))
    mean, shape = _expected(panel, rows, days, _group_level(panel, levels))
    sold = stockouts["sold"].to_numpy().astype(np.float64)
    demand = at_least(mean, shape, sold)
    return stockouts.with_columns(expected=pl.Series(demand), lost=pl.Series(demand - sold))


def lost_by_level(lost: pl.DataFrame, panel: Panel, hierarchy: Hierarchy) -> pl.DataFrame:
    """The sums of the table `lost` (see `lost_demand`) for each group of each level with a stock-out, from the top
    down.

    Columns: ``level`` (in words), ``group`` (its name), ``days`` (series x days with a stock-out), ``sold`` and
    ``expected`` on these days, ``lost``, and ``share``: the lost units over the units sold on all days or lost.
    """
    tables = []
    sold = np.nansum(panel.units, axis=1, dtype=np.float64)
    series = panel.series.with_columns(__sold=pl.Series(sold))
    joined = lost.join(panel.series, on=list(panel.keys), how="left", maintain_order="left", nulls_equal=True)
    for level in hierarchy.levels:
        whole = (
            pl.DataFrame({"group": group_labels(series, level), "known": sold}).group_by("group").agg(pl.sum("known"))
        )
        part = joined.with_columns(group=pl.Series(group_labels(joined, level), dtype=pl.String)).group_by("group")
        sums = part.agg(days=pl.len(), sold=pl.sum("sold"), expected=pl.sum("expected"), lost=pl.sum("lost"))
        share = pl.col("lost") / (pl.col("known") + pl.col("sold") + pl.col("lost"))
        sums = sums.join(whole, on="group", how="left").with_columns(
            share=share.fill_nan(None), level=pl.lit(level_name(level))
        )
        tables.append(sums.sort("lost", "group", descending=[True, False]))
    return pl.concat(tables).select("level", "group", "days", "sold", "expected", "lost", "share")


def at_least(mean: np.ndarray, shape: np.ndarray, sold: np.ndarray) -> np.ndarray:
    """E[D | D >= sold] of a negative binomial with this `mean` and `shape` (variance mean + mean**2 / shape).

    With D - 1 of the size-biased distribution, negative binomial with shape + 1, it is
    mean x P(D' >= sold - 1) / P(D >= sold).

    >>> at_least(np.full(2, 2.0), np.ones(2), np.array([0.0, 3.0])).round(9).tolist()  # geometric: no memory
    [2.0, 5.0]
    """
    from scipy.stats import nbinom

    least = np.ceil(sold)
    probability = shape / (shape + mean)
    above = nbinom.sf(least - 2, shape + 1, probability)
    below = nbinom.sf(least - 1, shape, probability)
    with np.errstate(invalid="ignore", divide="ignore"):
        demand = mean * above / below
    return np.where(below > 1e-12, np.maximum(demand, sold), np.maximum(mean, sold))


@dataclass
class _GroupDays:
    """The units that the groups sold and were expected to sell on each day: float64 [group, day]."""

    sold: np.ndarray
    expected: np.ndarray


def cells_of(panel: Panel, stockouts: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The series and the day of each stock-out, int64 [stock-out].

    Raises UsageError where a row names a series or a day that the panel does not have.
    """
    missing = [name for name in (*panel.keys, "date", "sold") if name not in stockouts.columns]
    if missing:
        raise UsageError(
            f"The stock-outs have no column {first_five(missing)}; expected {', '.join(panel.keys)}, date, sold."
        )
    numbered = panel.series.select(panel.keys).with_row_index("__series")
    joined = stockouts.join(numbered, on=list(panel.keys), how="left", maintain_order="left", nulls_equal=True)
    dates = panel.dates[: panel.n_days]
    stockout_dates = stockouts["date"].cast(panel.frequency.date_type).to_numpy()
    day = np.searchsorted(dates, stockout_dates)
    known = (dates[np.minimum(day, panel.n_days - 1)] == stockout_dates) & joined["__series"].is_not_null().to_numpy()
    if not known.all():
        unknown = stockouts.filter(pl.Series(~known)).select(*panel.keys, "date").head(5)
        raise UsageError(
            f"{int((~known).sum())} of {len(known)} stock-outs are of series or days that the panel does not have: "
            f"{first_five(' '.join(map(str, row)) for row in unknown.iter_rows())}. "
            "Use the panel and the stock-outs of one reading."
        )
    return joined["__series"].to_numpy().astype(np.int64), day


def _group_level(panel: Panel, levels: tuple[Level, ...]) -> Level:
    """The finest level whose groups have enough series to estimate the factor of a day."""
    groups = grouping_levels(panel.series, tuple(level for level in levels if set(level) != set(panel.keys)))
    counts = {level: len(set(group_labels(panel.series, level))) for level in groups}
    return next((level for level in reversed(groups) if LAUNCHES_PER_GROUP * counts[level] <= panel.n_series), ())


def _expected(panel: Panel, rows: np.ndarray, days: np.ndarray, level: Level) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the demand on each stock-out's day, and the shape of its distribution: float64 [stock-out]."""
    profile = learn_day_profile(panel, level)
    names, groups = np.unique(np.array(group_labels(panel.series, level), dtype=object), return_inverse=True)
    by_day = _GroupDays(*np.zeros((2, len(names), panel.n_days)))
    mean, shape = np.zeros(len(rows)), np.zeros(len(rows))
    for start in range(0, panel.n_series, BLOCK):
        block = panel.part(slice(start, start + BLOCK))
        expected = _expected_around(block, profile)
        known = ~np.isnan(block.units)
        np.add.at(by_day.sold, groups[start : start + BLOCK], np.nan_to_num(block.units))
        np.add.at(by_day.expected, groups[start : start + BLOCK], np.where(known, expected, 0))
        in_block = np.flatnonzero((rows >= start) & (rows < start + BLOCK))
        mean[in_block] = expected[rows[in_block] - start, days[in_block]]
        shape[in_block] = _shape(block.units, expected, profile.daily)[rows[in_block] - start]
    noise = 1 + by_day.expected.sum(axis=0).mean() / max(panel.n_series, 1) / profile.daily
    sold, usual = by_day.sold / noise, by_day.expected / noise
    of_day = posterior_ratio(sold, usual, between_variance(sold.ravel(), usual.ravel()))
    return mean * of_day[groups[rows], days], shape


def _expected_around(panel: Panel, profile: DayProfile) -> np.ndarray:
    """The expected units of each day of some series by the days around it: float64 [series, day]."""
    factor = profile.days(panel, np.arange(panel.n_days))
    known = ~np.isnan(panel.units)
    units, usual = np.nan_to_num(panel.units).astype(np.float64), np.where(known, factor, 0)
    near, far = (_weighted_sums(units, usual, half_life[panel.frequency]) for half_life in (NEAR, FAR))
    prior = np.where(far[1] > 0, far[0] / np.where(far[1] > 0, far[1], 1), 0)
    noise = 1 + prior / profile.daily
    # The variance of the level follows from how the near sums of the series differ from those that the far sums
    # suggest.
    apart = slice(None, None, 4 * NEAR[panel.frequency])
    sold, expected = near[0] / noise, near[1] * prior / noise
    level = prior * posterior_ratio(
        sold, expected, between_variance(sold[:, apart].ravel(), expected[:, apart].ravel())
    )
    return level * factor


def _weighted_sums(units: np.ndarray, usual: np.ndarray, half_life: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums of both arrays [series, day] around each day, with weights that halve every `half_life` days."""
    keep = 0.5 ** (1 / half_life)
    both = np.stack([units, usual])  # [array, series, day]
    total = both.copy()
    for order in (slice(None), slice(None, None, -1)):
        running = np.zeros(both.shape[:2])
        values, into = both[..., order], total[..., order]
        for day in range(both.shape[2]):
            running *= keep
            into[..., day] += running
            running += values[..., day]
    return total[0], total[1]


def _shape(units: np.ndarray, mean: np.ndarray, daily: float) -> np.ndarray:
    """The shape of each series' daily demand [series], drawn towards that of all series where it has few days."""
    known = ~np.isnan(units)
    excess = np.where(known, (units - mean) ** 2 - mean, 0).sum(axis=1)
    square = np.where(known, mean**2, 0).sum(axis=1)
    usual = DAYS * square / np.maximum(known.sum(axis=1), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = (np.maximum(excess, 0) + usual / daily) / (square + usual)
    return 1 / np.clip(np.nan_to_num(inverse, nan=1 / daily), 1e-3, 20.0)
