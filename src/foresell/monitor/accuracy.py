"""Matured accuracy: forecasts beside what happened since, added up by day, and figures from such sums.

A table of day sums has one row for each part of the forecasts and each day of a forecast, with the columns `DAILY`:

- ``cutoff``, ``date``, ``step`` (from 1).
- ``part``: ``level`` for all groups of a level, ``group`` for one of them, ``segment`` for series that are alike;
  ``of`` names the level or the division (``volume``), ``name`` the group or segment, ``all`` for a whole level.
- ``units`` and ``forecast``: what was sold and what was forecast, where it is known what was sold.
- ``error`` and ``naive``: absolute errors of the forecast and of seasonal naive, of each group (or series) by itself.
- ``points``: how many of them were known; ``ranged``: of how many there was a range, ``inside``: how many lay in it,
  those on a bound in part (`evaluate.interval_scores`).

Days that are not known (closed, out of stock, not yet come in) count on neither side. Sums can be added up further,
over days, cutoffs and parts; ratios are formed last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from foresell.core.hierarchy import Groups, level_name

MOST_GROUPS = 100
"""Levels with more groups than that are looked at as a whole only."""

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

MADE = "made"
"""The column of a table of several forecasts' day sums that says when each was made."""


@dataclass(frozen=True)
class Beside:
    """The groups of one level beside what happened: all arrays [group, day], NaN in `actual` where it is not known.

    `forecast` and `naive` count the same series and days as `actual`. `inside` is how much of each actual lies in its
    range, 0 to 1; None where there are no ranges.
    """

    level: str
    actual: np.ndarray
    forecast: np.ndarray
    naive: np.ndarray
    inside: np.ndarray | None = None

    def sums(self) -> dict[str, np.ndarray]:
        """What is added up, float64 [group, day] each; 0 where nothing is known.

        >>> beside = Beside("shop", np.array([[4.0, np.nan]]), np.array([[5.0, 9]]), np.array([[1.0, 2]]))
        >>> {name: values.tolist() for name, values in beside.sums().items() if name in ("error", "naive", "points")}
        {'error': [[1.0, 0.0]], 'naive': [[3.0, 0.0]], 'points': [[1.0, 0.0]]}
        """
        known = ~np.isnan(self.actual)
        ranged = known if self.inside is None else known & ~np.isnan(self.inside)
        values = {
            "units": self.actual,
            "forecast": self.forecast,
            "error": np.abs(self.forecast - self.actual),
            "naive": np.abs(self.naive - self.actual),
            "points": known,
            "inside": np.zeros(known.shape) if self.inside is None else np.where(ranged, self.inside, 0),
            "ranged": np.zeros(known.shape) if self.inside is None else ranged,
        }
        return {name: np.where(known, each, 0).astype(np.float64) for name, each in values.items()}


def day_sums(
    cutoff: date,
    dates: np.ndarray,
    first_step: int,
    levels: Sequence[Beside],
    names: Mapping[str, Sequence[str]],
    segments: pl.DataFrame,
) -> pl.DataFrame:
    """The day sums of one forecast, for the days `dates` from `first_step` on.

    `levels` from the top down, the single series last; `names` has, by level, the names of the groups of those levels
    whose groups are wanted one by one. `segments` has one row for each single series and a column for each division.
    """
    parts = []
    for beside in levels:
        sums = beside.sums()
        one = np.zeros(len(beside.actual), np.int64)
        parts.append(_rows(LEVEL, beside.level, [ALL], one, sums))
        if beside.level in names:
            parts.append(_rows(GROUP, beside.level, names[beside.level], np.arange(len(one)), sums))
    for column in segments.columns:
        labels, place = np.unique(segments[column].to_numpy().astype(str), return_inverse=True)
        parts.append(_rows(SEGMENT, column, labels.tolist(), place, sums))
    days = pl.DataFrame({"date": dates, "step": np.arange(first_step, first_step + len(dates))})
    found = pl.concat(parts).with_columns(cutoff=pl.lit(cutoff))
    return found.with_columns(days[name].gather(found["day"]) for name in days.columns).select(
        pl.col(name).cast(kind) for name, kind in DAILY.items()
    )


def _rows(part: str, of: str, names: Sequence[str], place: np.ndarray, sums: dict[str, np.ndarray]) -> pl.DataFrame:
    """Sums over the groups that share a `place` among `names`: one row for each name and day."""
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
    """By level, the names of its groups; only of levels between the total and the single series that have few."""
    return {
        level_name(level.level): [" x ".join(map(str, row)) for row in level.frame.select(level.level).iter_rows()]
        for level in groups[1:-1]
        if len(level) <= MOST_GROUPS
    }


def oldest_first(daily: pl.DataFrame) -> pl.DataFrame:
    """Day sums of several forecasts by cutoff, and those of one cutoff in the order they were made: after a promotion
    two models forecast the same days. First come those of which that is not known.

    >>> daily = pl.DataFrame({"cutoff": [2, 1, 1], "made": [3, 9, None], "model": ["c", "b", "a"]})
    >>> oldest_first(daily)["model"].to_list()
    ['a', 'b', 'c']
    """
    by = [name for name in ("cutoff", MADE) if name in daily.columns]  # of an older foresell it is not known of any
    return daily.sort(by, nulls_last=False, maintain_order=True)


def added_up(daily: pl.DataFrame, by: Iterable[str]) -> pl.DataFrame:
    """Sums over the days by the columns `by`, with ``first`` and ``last`` of the dates and how many ``days`` they are;
    days on which nothing is known do not count."""
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
    """The figures of a table of day sums, one row for each `by`.

    ``wape`` and ``bias`` as in `evaluate.metrics`, ``coverage`` the share in the range, ``wape_naive`` the error of
    seasonal naive and ``value_added`` by what share the forecast errs less than that (forecast value added:
    Gilliland, "The Business Forecasting Deal", 2010, chapter 4). Null where there is nothing to divide by.

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
