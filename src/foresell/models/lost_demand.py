"""What was asked for on days when the shelf ran empty, estimated from the days around them.

Expected of a day is the series' level around it (days before and after, the nearer the more), times what the weekday
and the promotion make of it (`models.launch.day_profile`), times what the day made of the whole group: a holiday, the
season. What was sold says that no less was asked for, so the estimate is the mean of the demand given that: with demand
negative binomial round the expected mean, E[D | D >= sold], the usual treatment of sales censored by stock (Nahmias,
"Demand estimation in lost sales inventory systems", 1994, for the normal distribution).

All of this is about the past. It tells what was lost; forecasts do not use it, since a censored day counts as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.models.launch import day_profile as rhythms
from foresell.models.launch.attribute_levels import attribute_levels
from foresell.models.launch.credibility import between, shrunk
from foresell.models.launch.day_profile import labels_of
from foresell.models.launch.launch_curve import ENOUGH

NEAR = {Frequency.DAY: 14, Frequency.WEEK: 4, Frequency.MONTH: 2}
FAR = {Frequency.DAY: 91, Frequency.WEEK: 26, Frequency.MONTH: 9}
"""After how many periods, either way, a day counts half: for the level around a day, and for that it is shrunk to."""

BLOCK = 1024
DAYS = 30.0  # a series' own scatter is believed like that of all series after so many days


def lost_demand(panel: Panel, stockouts: pl.DataFrame, levels: tuple[Level, ...] = ()) -> pl.DataFrame:
    """What was asked for and lost on each day of `stockouts`: its columns, then ``expected`` and ``lost``.

    `stockouts` has the panel's keys, ``date`` and ``sold`` (units sold before the shelf was empty), one row a series
    and day, as `data.read` finds them; in `panel` these days are not known. ``expected`` is the mean of the demand,
    given that it was no less than what was sold; ``lost`` is what it lies above that. `levels` are groups of series
    that have holidays and seasons in common, beside each column of text by itself.

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
    """The totals of `lost_demand` for each group of each level that lost anything, from the top down.

    Columns: ``level`` (in words), ``group`` (its name), ``days`` (series x days stocked out), ``sold`` and ``expected``
    on them, ``lost``, and ``share``: what was lost per unit that was sold, on all days, or lost.
    """
    tables = []
    sold = np.nansum(panel.units, axis=1, dtype=np.float64)
    series = panel.series.with_columns(__sold=pl.Series(sold))
    joined = lost.join(panel.series, on=list(panel.keys), how="left", maintain_order="left", nulls_equal=True)
    for level in hierarchy.levels:
        whole = pl.DataFrame({"group": labels_of(series, level), "known": sold}).group_by("group").agg(pl.sum("known"))
        part = joined.with_columns(group=pl.Series(labels_of(joined, level), dtype=pl.String)).group_by("group")
        found = part.agg(days=pl.len(), sold=pl.sum("sold"), expected=pl.sum("expected"), lost=pl.sum("lost"))
        share = pl.col("lost") / (pl.col("known") + pl.col("sold") + pl.col("lost"))
        found = found.join(whole, on="group", how="left").with_columns(
            share=share.fill_nan(None), level=pl.lit(level_name(level))
        )
        tables.append(found.sort("lost", "group", descending=[True, False]))
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
        found = mean * above / below
    return np.where(below > 1e-12, np.maximum(found, sold), np.maximum(mean, sold))


@dataclass
class _Days:
    """What the groups sold and were expected to sell on each day: float64 [group, day]."""

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
    found = stockouts.join(numbered, on=list(panel.keys), how="left", maintain_order="left", nulls_equal=True)
    dates = panel.dates[: panel.n_days]
    wanted = stockouts["date"].cast(pl.Date).to_numpy().astype("datetime64[D]")
    day = np.searchsorted(dates, wanted)
    there = (dates[np.minimum(day, panel.n_days - 1)] == wanted) & found["__series"].is_not_null().to_numpy()
    if not there.all():
        strange = stockouts.filter(pl.Series(~there)).select(*panel.keys, "date").head(5)
        raise UsageError(
            f"{int((~there).sum())} of {len(there)} stock-outs are of series or days that the panel does not have: "
            f"{first_five(' '.join(map(str, row)) for row in strange.iter_rows())}. Both must come of one reading."
        )
    return found["__series"].to_numpy().astype(np.int64), day


def _group_level(panel: Panel, levels: tuple[Level, ...]) -> Level:
    """The finest groups of enough series to tell what a day did to all of them."""
    groups = attribute_levels(panel.series, tuple(level for level in levels if set(level) != set(panel.keys)))
    counts = {level: len(set(labels_of(panel.series, level))) for level in groups}
    return next((level for level in reversed(groups) if ENOUGH * counts[level] <= panel.n_series), ())


def _expected(panel: Panel, rows: np.ndarray, days: np.ndarray, level: Level) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the demand on each stock-out's day, and the shape of its distribution: float64 [stock-out]."""
    rhythm = rhythms.learn(panel, level)
    names, groups = np.unique(np.array(labels_of(panel.series, level), dtype=object), return_inverse=True)
    by_day = _Days(*np.zeros((2, len(names), panel.n_days)))
    mean, shape = np.zeros(len(rows)), np.zeros(len(rows))
    for start in range(0, panel.n_series, BLOCK):
        block = panel.part(slice(start, start + BLOCK))
        usual = _around(block, rhythm)
        known = ~np.isnan(block.units)
        np.add.at(by_day.sold, groups[start : start + BLOCK], np.nan_to_num(block.units))
        np.add.at(by_day.expected, groups[start : start + BLOCK], np.where(known, usual, 0))
        here = np.flatnonzero((rows >= start) & (rows < start + BLOCK))
        mean[here] = usual[rows[here] - start, days[here]]
        shape[here] = _shape(block.units, usual, rhythm.daily)[rows[here] - start]
    noise = 1 + by_day.expected.sum(axis=0).mean() / max(panel.n_series, 1) / rhythm.daily
    sold, expected = by_day.sold / noise, by_day.expected / noise
    of_day = shrunk(sold, expected, between(sold.ravel(), expected.ravel()))
    return mean * of_day[groups[rows], days], shape


def _around(panel: Panel, rhythm: rhythms.Rhythm) -> np.ndarray:
    """What each day of a few series was expected to sell by the days around it: float64 [series, day]."""
    factor = rhythm.days(panel, np.arange(panel.n_days))
    known = ~np.isnan(panel.units)
    units, usual = np.nan_to_num(panel.units).astype(np.float64), np.where(known, factor, 0)
    near, far = (_fading(units, usual, each[panel.frequency]) for each in (NEAR, FAR))
    prior = np.where(far[1] > 0, far[0] / np.where(far[1] > 0, far[1], 1), 0)
    noise = 1 + prior / rhythm.daily
    # How far the level wanders is seen in how the near sums of the series differ from what the far ones lead to expect.
    apart = slice(None, None, 4 * NEAR[panel.frequency])
    sold, expected = near[0] / noise, near[1] * prior / noise
    level = prior * shrunk(sold, expected, between(sold[:, apart].ravel(), expected[:, apart].ravel()))
    return level * factor


def _fading(units: np.ndarray, usual: np.ndarray, half_life: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums of both [series, day] over the days before and after each, the weight halving every `half_life` days."""
    keep = 0.5 ** (1 / half_life)
    both = np.stack([units, usual])  # [what, series, day]
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
    """The shape of each series' daily demand [series], drawn to that of all series where it has few days."""
    known = ~np.isnan(units)
    excess = np.where(known, (units - mean) ** 2 - mean, 0).sum(axis=1)
    square = np.where(known, mean**2, 0).sum(axis=1)
    usual = DAYS * square / np.maximum(known.sum(axis=1), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = (np.maximum(excess, 0) + usual / daily) / (square + usual)
    return 1 / np.clip(np.nan_to_num(inverse, nan=1 / daily), 1e-3, 20.0)
