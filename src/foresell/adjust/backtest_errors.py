"""The errors of a backtest by level, from which ranges are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.adjust.spread import LEAST, Predictors, SeriesMoments
from foresell.core.group_sums import GroupSums
from foresell.core.hierarchy import Groups, Level, level_name
from foresell.core.keyed_random import key_hashes, random_bits, share_of, uniform
from foresell.core.panel import Panel
from foresell.features.calendar import near_holiday

_MOST_ERRORS = 400_000  # of one level; of more errors, so many are drawn
_DRAWN, _PLACE = 1, 2  # seeds of the random numbers by key: which errors are drawn, and their `place`


@dataclass(frozen=True)
class Window:
    """One window of a backtest: the forecast and the actuals of the single series.

    `day` is the index of the cutoff. `mean` and `actual` are [series, step] in units, 0 where they are not `known`.
    `near` bool [step] says which days have a holiday near.
    """

    day: int
    mean: np.ndarray
    actual: np.ndarray
    known: np.ndarray
    near: np.ndarray


@dataclass(frozen=True)
class LevelErrors:
    """The forecasts of one level in all windows beside the actuals: `mean` and `actual` [point] in grains.

    Forecasts of 0 are left out, unless all are. `place` is uniform on 0 to 1, for `counts.transform`. `most_dispersion`
    [point] bounds variance / mean. `predictors` are those of the variance, and `offset` and `typical` the values that
    they were computed with. `n_effective` is the effective number of errors, see `ranges`.
    """

    level: Level
    mean: np.ndarray
    actual: np.ndarray
    place: np.ndarray
    most_dispersion: np.ndarray
    predictors: Predictors
    offset: float
    typical: tuple[float, float]
    n_effective: float


def windows_of(forecasts: pl.DataFrame, panel: Panel) -> list[Window]:
    """The windows of a table of forecasts, the oldest first. Where it has no row, nothing is known."""
    series = panel.series.select(panel.keys).with_row_index("__series")
    rows = forecasts.select(*panel.keys, "cutoff", "step", "mean", "actual")
    rows = rows.with_columns(pl.col(key).cast(panel.series.schema[key]) for key in panel.keys)
    rows = rows.join(series, on=list(panel.keys), nulls_equal=True)
    shape = (panel.n_series, int(forecasts["step"].max()))  # type: ignore[arg-type]
    return [
        _window(rows.filter(pl.col("cutoff") == cutoff), cutoff, panel, shape)
        for cutoff in forecasts["cutoff"].unique().sort()
    ]


def _window(rows: pl.DataFrame, cutoff: date, panel: Panel, shape: tuple[int, int]) -> Window:
    cells = (rows["__series"].to_numpy().astype(np.int64), rows["step"].to_numpy().astype(np.int64) - 1)
    values = []
    for column in ("mean", "actual"):
        cube = np.full(shape, np.nan, np.float32)
        cube[cells] = rows[column].to_numpy()
        values.append(cube)
    known = ~np.isnan(values[0]) & ~np.isnan(values[1])
    mean, actual = (np.where(known, value, 0) for value in values)
    return Window(panel.day_of(cutoff), mean, actual, known, near_days(panel.until(cutoff), shape[1]))


def near_days(panel: Panel, horizon: int) -> np.ndarray:
    """Which of the `horizon` days after the cutoff of `panel` have a holiday near: bool [step]."""
    return near_holiday(panel.ahead(horizon), panel.frequency, panel.country, panel.events)


def grain_of(panel: Panel, windows: Sequence[Window]) -> tuple[float, bool]:
    """The units of a grain, and whether units are whole. A grain is 1 unit then, else 1/1000 of the usual sale."""
    year = panel.units[:, max(0, windows[-1].day + 1 - panel.frequency.year) : windows[-1].day + 1]
    if all(np.all(np.mod(np.nan_to_num(units), 1) == 0) for units in (year, *(window.actual for window in windows))):
        return 1.0, True
    sold = year[year > 0]
    return (float(np.median(sold)) / 1000 if len(sold) else 1.0), False


def known_sums(groups: Groups, units: np.ndarray, bottom: Level) -> np.ndarray:
    """The known units of each group added up [group, day]; NaN where none is known."""
    return units if groups.level == bottom else GroupSums.of(units, groups.rows, len(groups)).known_total()


def level_errors(
    groups: Groups, windows: Sequence[Window], past: np.ndarray, first: int, panel: Panel, grain: float
) -> LevelErrors:
    """The errors of one level in all windows; `past` [group, day] are its units from day `first` on."""
    moments = [SeriesMoments.of(past[:, : window.day + 1 - first], panel.frequency, grain) for window in windows]
    offset = max(0.05 * float(np.mean([of_window.mean.mean() for of_window in moments])), 1e-6)
    dispersions = [tuple(of_window.dispersion(offset)) for of_window in moments]
    typical = (float(np.median([year for year, _ in dispersions])), float(np.median([last for _, last in dispersions])))
    hashes = key_hashes(groups.frame.with_columns(pl.lit(level_name(groups.level)).alias("level of the group")))
    parts: list[tuple[np.ndarray, ...]] = []
    n_effective = 0.0
    expects_sales = any((window.mean > LEAST * grain).any() for window in windows)
    for window, of_window in zip(windows, moments, strict=True):
        mean, actual = groups.sum(window.mean) / grain, groups.sum(window.actual) / grain
        known = groups.sum(window.known.astype(np.float32)) > 0
        group, step = np.nonzero(known & (mean > LEAST) if expects_sales else known)
        n_effective += float(np.sqrt(len(group)))
        share = _MOST_ERRORS / (len(windows) * max(len(group), 1))
        drawn = share_of(random_bits(_DRAWN, hashes[group], window.day, step), share)
        group, step = group[drawn], step[drawn]
        size = np.maximum(mean[group, step], LEAST)
        predictors = Predictors.of(size, group, step + 1, window.near[step], of_window, offset, typical)
        place = uniform(_PLACE, hashes[group], window.day, step)
        most = of_window.most_dispersion(size, group)
        parts.append((size, actual[group, step], place, most, *vars(predictors).values()))
    size, actual, place, most, *columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return LevelErrors(groups.level, size, actual, place, most, Predictors(*columns), offset, typical, n_effective)
