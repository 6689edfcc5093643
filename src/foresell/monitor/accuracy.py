"""Accuracy of matured forecasts: forecasts and the sales that came in since, summed by day, and figures of such sums.

A table of day sums has one row for each part of the forecasts and each day of a forecast. Its columns are `DAILY`:

- ``cutoff``, ``date``, ``step`` (from 1).
- ``part`` is ``level`` for all groups of a level, ``group`` for a single group, ``segment`` for series of one kind.
  ``of`` names the level or the division (``volume``); ``name`` names the group or segment, ``all`` for a whole level.
- ``units`` and ``forecast``: units sold and units forecast, on days whose sales are known.
- ``error`` and ``naive``: absolute errors of the forecast and of seasonal naive, summed over groups (or series).
- ``points``: how many values were known. ``ranged``: how many of them had a range. ``inside``: how many lay in their
  range; a value on a bound counts in part (`evaluate.interval_scores`).

Days whose sales are not known (closed, out of stock, not yet arrived) count neither as sold nor as forecast. The sums
can be added up further, over days, cutoffs and parts. Ratios are formed last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.core.hierarchy import Groups, level_name

MOST_GROUPS = 100
"""A level with more groups than this is measured as a whole only."""

LEVEL, GROUP, SEGMENT, ALL = "level", "group", "segment", "all"
NODE = ("part", "of", "name")
SUMS = ("units", "forecast", "error", "naive", "points", "inside", "ranged")
DAILY = {
    "cutoff": pl.Date,
    "date": pl.Date,
    "step": pl.Int16,
    **dict.fromkeys(NODE, pl.String),
    **dict.fromkeys(SUMS, pl.Float64),
}
"""The columns of a table of day sums."""


def daily_schema(dates: pl.DataType | type[pl.DataType]) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The columns of a table of day sums whose dates are of a type: Date, or of hours Datetime."""
    return {**DAILY, "cutoff": dates, "date": dates}


MADE = "made"
"""The column that says when a forecast was made, in a table with the day sums of several forecasts."""


@dataclass(frozen=True)
class MaturedLevel:
    """The forecasts of one level and its actual sales: arrays [group, day], NaN in `actual` where sales are not known.

    `forecast` and `naive` count the same series and days as `actual`. `inside` says to what extent each actual value
    lies in its range, from 0 to 1; it is None where there are no ranges.
    """

    level: str
    actual: np.ndarray
    forecast: np.ndarray
    naive: np.ndarray
    inside: np.ndarray | None = None

    def sums(self) -> dict[str, np.ndarray]:
        """The terms of the sums `SUMS`, float64 [group, day] each; 0 where sales are not known.

        >>> level = MaturedLevel("shop", np.array([[4.0, np.nan]]), np.array([[5.0, 9]]), np.array([[1.0, 2]]))
        >>> {name: values.tolist() for name, values in level.sums().items() if name in ("error", "naive", "points")}
        {'error': [[1.0, 0.0]], 'naive': [[3.0, 0.0]], 'points': [[1.0, 0.0]]}
        """
        known = ~np.isnan(self.actual)
        ranged = known if self.inside is None else known & ~np.isnan(self.inside)
        terms = {
            "units": self.actual,
            "forecast": self.forecast,
            "error": np.abs(self.forecast - self.actual),
            "naive": np.abs(self.naive - self.actual),
            "points": known,
            "inside": np.zeros(known.shape) if self.inside is None else np.where(ranged, self.inside, 0),
            "ranged": np.zeros(known.shape) if self.inside is None else ranged,
        }
        return {name: np.where(known, values, 0).astype(np.float64) for name, values in terms.items()}


@dataclass(frozen=True, eq=False)
class SeriesSums:
    """Units sold and units forecast of every single series on the judged days whose sales are known: float64 [series].

    `places` has, by part and level (or division) of the day sums, the names of its groups, and the number of the group
    of each series: int64 [series].
    """

    units: np.ndarray
    forecast: np.ndarray
    places: Mapping[tuple[str, str], tuple[Sequence[str], np.ndarray]]


def day_sums(
    cutoff: date,
    dates: np.ndarray,
    first_step: int,
    levels: Sequence[MaturedLevel],
    names: Mapping[str, Sequence[str]],
    segments: pl.DataFrame,
) -> pl.DataFrame:
    """The day sums of one forecast for the days `dates`, the first of which is step `first_step`.

    `levels` go from the top down, the single series last. `names` has, by level, the names of the groups; a level that
    it does not have is summed as a whole only. `segments` has one row for each single series and a column for each
    division.
    """
    parts = []
    for level in levels:
        sums = level.sums()
        n_groups = len(level.actual)
        parts.append(_rows(LEVEL, level.level, [ALL], np.zeros(n_groups, np.int64), sums))
        if level.level in names:
            parts.append(_rows(GROUP, level.level, names[level.level], np.arange(n_groups), sums))
    for column in segments.columns:
        labels, place = np.unique(segments[column].to_numpy().astype(str), return_inverse=True)
        parts.append(_rows(SEGMENT, column, labels.tolist(), place, sums))
    days = pl.DataFrame({"date": dates, "step": np.arange(first_step, first_step + len(dates))})
    sums_by_day = pl.concat(parts).with_columns(cutoff=pl.lit(cutoff))
    return sums_by_day.with_columns(days[name].gather(sums_by_day["day"]) for name in days.columns).select(
        pl.col(name).cast(kind) for name, kind in daily_schema(days.schema["date"]).items()
    )


def _rows(part: str, of: str, names: Sequence[str], place: np.ndarray, sums: dict[str, np.ndarray]) -> pl.DataFrame:
    """One row for each of `names` and each day. `place` [group] says which name a group's terms are added to."""
    n_days = next(iter(sums.values())).shape[1]
    columns = {}
    for name, values in sums.items():
        total = np.zeros((len(names), n_days))
        np.add.at(total, place, values)
        columns[name] = total.reshape(-1)
    named = [name for name in names for _ in range(n_days)]
    return pl.DataFrame({**columns, "day": np.tile(np.arange(n_days), len(names))}).with_columns(
        pl.lit(part).alias("part"),
        pl.lit(of).alias("of"),
        pl.Series("name", named, dtype=pl.String),
    )


def group_names(groups: Sequence[Groups]) -> dict[str, list[str]]:
    """The names of the groups, by level: levels between the total and the single series, of `MOST_GROUPS` at most."""
    return {
        level_name(level.level): [" x ".join(map(str, row)) for row in level.frame.select(level.level).iter_rows()]
        for level in groups[1:-1]
        if len(level) <= MOST_GROUPS
    }


def oldest_first(daily: pl.DataFrame) -> pl.DataFrame:
    """Day sums of several forecasts, sorted by cutoff, and within a cutoff by when the forecast was made.

    After a promotion two models forecast the same days. Forecasts whose time is not known come first.

    >>> daily = pl.DataFrame({"cutoff": [2, 1, 1], "made": [3, 9, None], "model": ["c", "b", "a"]})
    >>> oldest_first(daily)["model"].to_list()
    ['a', 'b', 'c']
    """
    by = [name for name in ("cutoff", MADE) if name in daily.columns]  # tables of an older foresell lack the time
    return daily.sort(by, nulls_last=False, maintain_order=True)


def added_up(daily: pl.DataFrame, by: Iterable[str]) -> pl.DataFrame:
    """Sums over the days, grouped by the columns `by`, with the ``first`` and ``last`` date and the number of ``days``.

    Days on which no sales are known do not count.
    """
    return (
        daily.filter(pl.col("points") > 0)
        .group_by(list(by), maintain_order=True)
        .agg(
            pl.col(SUMS).sum(),
            first=pl.col("date").min(),
            last=pl.col("date").max(),
            days=pl.col("date").n_unique(),
        )
    )


def figures(daily: pl.DataFrame, by: Sequence[str] = NODE) -> pl.DataFrame:
    """The figures of a table of day sums, one row for each group of the columns `by`.

    ``wape`` and ``bias`` are those of `evaluate.metrics`. ``coverage`` is the share of values in their range.
    ``wape_naive`` is the WAPE of seasonal naive. ``value_added`` is the share by which the forecast's error is smaller
    (forecast value added: Gilliland, "The Business Forecasting Deal", 2010, chapter 4). A figure is null where its
    denominator is 0.

    >>> row = dict.fromkeys(NODE, "x") | dict(units=8.0, forecast=10.0, error=4.0, naive=5.0, points=2.0, inside=1.0)
    >>> daily = pl.DataFrame([row | {"ranged": 2.0, "cutoff": None, "date": date(2024, 5, 1), "step": 1}])
    >>> figures(daily).select("wape", "bias", "coverage", "value_added").row(0)  # 4/8, 10/8 - 1, 1/2, 1 - 4/5
    (0.5, 0.25, 0.5, 0.19999999999999996)
    """
    return added_up(daily, by).with_columns(
        wape=_ratio("error", "units"),
        bias=_ratio("forecast", "units") - 1,
        coverage=_ratio("inside", "ranged"),
        wape_naive=_ratio("naive", "units"),
        value_added=1 - _ratio("error", "naive"),
    )


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
