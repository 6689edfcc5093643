"""What the errors of a backtest have in common: where they lean, whether they last, whether they grow.

An error is forecast less actual, in units. Days whose actual is not known are left out of both before anything is
added up, so that a level compares like with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy, level_name
from foresell.core.panel import Panel

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
CHANCE = 0.05
"""How often noise alone would call something clear, over all parts of one kind together."""

LARGEST = 6  # groups of each level that are looked at one by one
_LAGS = {Frequency.DAY: 15, Frequency.WEEK: 13, Frequency.MONTH: 12}
_STRETCHES = 8  # at most so many parts of the horizon, where a season is longer than it


@dataclass(frozen=True)
class Diagnosis:
    """What the errors of one model's backtest have in common, as tidy tables.

    - `bias`: ``by`` (``all``, ``weekday`` or ``month``, ``step``, ``group``), ``level`` in words, ``part`` (``Sunday``,
      ``1 to 7``, ``CA · FOODS``), ``sold`` (units), ``bias`` (sum of errors over sum of actuals); ``apart``: for
      weekdays, months and steps what is left of the bias once that of the whole window is taken off, else the bias;
      ``standard_error`` of ``apart`` and the ``noise`` that it has to be beyond to be ``clear``, null where there is
      one window only.
    - `levels`: for each ``level`` its ``groups``, ``bias`` (the mean of the absolute bias of its groups over all
      windows, by what they sold), and the WAPE of the first (``near``) and last (``far``) stretch of the horizon; in
      ``grown`` of ``windows`` the far one was larger. Null where the horizon is one stretch.
    - `correlation`: for each ``level`` and ``lag`` the ``autocorrelation`` of the errors about their mean in each
      window, as the mean over the groups; ``bound``: noise alone stays within plus or minus this in 95 of 100 cases.
    """

    bias: pl.DataFrame
    levels: pl.DataFrame
    correlation: pl.DataFrame


def diagnose(tested: pl.DataFrame, panel: Panel, hierarchy: Hierarchy) -> Diagnosis:
    """The diagnosis of one model from the backtest's table of its forecasts: keys, cutoff, date, step, mean, actual.

    `panel` and `hierarchy` are those of the backtest. Raises UsageError for forecasts of several models, of none, or
    of series that the panel does not have.
    """
    errors = Errors.of(tested, panel)
    bias, levels, correlation = [], [], []
    for groups in hierarchy.all_groups(panel.series):
        level = errors.sum(groups)
        if not groups.level:
            bias.append(_of_total(level, panel.frequency))
        elif groups.level != hierarchy.bottom:
            bias.append(_of_groups(level, groups))
        levels.append({"level": level_name(groups.level), "groups": len(groups), **_of_level(level, panel.frequency)})
        correlation.append(
            _of_lags(level, panel.frequency).select(pl.lit(level_name(groups.level)).alias("level"), pl.all())
        )
    whole = pl.DataFrame(levels, schema_overrides={"near": pl.Float64, "far": pl.Float64}, infer_schema_length=None)
    return Diagnosis(pl.concat(bias), whole, pl.concat(correlation))


@dataclass(frozen=True)
class Errors:
    """Errors of one level: `error`, `actual` float64 and `known` bool, each [series, window, step], 0 where not known.

    `dates` datetime64[D] [window, step]; the windows are in rising order.
    """

    dates: np.ndarray
    error: np.ndarray
    actual: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, tested: pl.DataFrame, panel: Panel) -> Errors:
        """The errors of the single series, in the order of `panel`, from the backtest's table of forecasts."""
        _check(tested)
        cutoffs, dates = tested["cutoff"].unique().sort(), tested.group_by("cutoff", "step").agg(pl.col("date").first())
        horizon = int(tested["step"].max())  # type: ignore[arg-type]
        names = panel.series.select(panel.keys).with_row_index("__series")
        typed = tested.with_columns(pl.col(key).cast(panel.series.schema[key]) for key in panel.keys)
        rows = typed.join(names, on=list(panel.keys), how="inner", nulls_equal=True)
        if rows.height < tested.height:
            missing = typed.join(names, on=list(panel.keys), how="anti", nulls_equal=True).select(panel.keys).unique()
            raise UsageError(
                f"The table of forecasts has {missing.height} series that the panel does not have: "
                f"{first_five(' · '.join(map(str, row)) for row in missing.rows())}. Give the backtest's own panel."
            )
        place = (rows["__series"].to_numpy().astype(np.int64), *_cells(rows, cutoffs))
        mean, actual = (np.full((panel.n_series, len(cutoffs), horizon), np.nan) for _ in range(2))
        mean[place] = rows["mean"].to_numpy()
        actual[place] = rows["actual"].to_numpy()
        when = np.full((len(cutoffs), horizon), np.datetime64("NaT", "D"))
        when[_cells(dates, cutoffs)] = dates["date"].to_numpy().astype("datetime64[D]")
        known = ~np.isnan(mean) & ~np.isnan(actual)
        return cls(when, np.where(known, mean - actual, 0), np.where(known, actual, 0), known)

    def sum(self, groups: Groups) -> Errors:
        """The errors of the groups' sums."""
        if len(groups) == len(self.error):
            return self
        known = groups.sum(self.known.astype(np.float32)) > 0
        return Errors(self.dates, groups.sum(self.error), groups.sum(self.actual), known)

    @cached_property
    def runs(self) -> np.ndarray:
        """Which stretch of time each cell lies in [window, step], int: its window, or where windows overlap the
        stretch of the calendar, one horizon long. Errors of one stretch may all be wrong together."""
        n_windows, horizon = self.dates.shape
        if (self.dates[1:, 0] > self.dates[:-1, -1]).all():
            return np.repeat(np.arange(n_windows)[:, None], horizon, axis=1)
        _, place = np.unique(self.dates, return_inverse=True)
        return place.reshape(self.dates.shape) // horizon

    def apart(self) -> np.ndarray:
        """The errors less each window's own bias [series, window, step]: what is left adds up to 0 in every window."""
        total, sold = self.error.sum(axis=2, keepdims=True), self.actual.sum(axis=2, keepdims=True)
        share = np.divide(total, sold, out=np.zeros_like(total), where=sold > 0)
        return np.where(self.known, self.error - share * self.actual, 0)


def ratio(error: np.ndarray, actual: np.ndarray, cluster: np.ndarray) -> tuple[float, float, int]:
    """Sum of `error` over sum of `actual`, its standard error, and how many clusters there are; all arrays [cell].

    Errors within a cluster may depend on each other, those of two clusters do not: with residuals e - b a added up
    by cluster, var(b) = C / (C - 1) sum r_c^2 / (sum a)^2. Cochran, "Sampling Techniques", 1977, chapter 9A;
    NaN for fewer than two clusters.

    >>> bias, standard_error, clusters = ratio(np.array([1.0, 3]), np.array([10.0, 10]), np.array([0, 1]))
    >>> bias, round(standard_error, 6), clusters  # residuals -1 and 1: sqrt(2 / 1 * 2 / 400)
    (0.2, 0.1, 2)
    """
    sold = float(actual.sum())
    if sold <= 0:
        return float("nan"), float("nan"), 0
    bias = float(error.sum()) / sold
    _, place = np.unique(cluster, return_inverse=True)
    residual = np.bincount(place, error - bias * actual)
    count = len(residual)
    if count < 2:
        return bias, float("nan"), count
    return bias, float(np.sqrt(count / (count - 1) * np.sum(residual**2))) / sold, count


def stretches(horizon: int, frequency: Frequency) -> list[tuple[int, int]]:
    """The horizon in parts (first step, last step): whole seasons, or a few of like length where a season is longer.

    Whole weeks, so that a weekday that goes wrong is not taken for a step that does.

    >>> stretches(28, Frequency.DAY), stretches(3, Frequency.MONTH)
    ([(1, 7), (8, 14), (15, 21), (22, 28)], [(1, 1), (2, 2), (3, 3)])
    >>> stretches(30, Frequency.DAY)[-1]
    (22, 30)
    """
    season = frequency.season
    if horizon >= 2 * season:
        bounds = np.append(np.arange(0, horizon - season + 1, season), horizon)
    elif frequency == Frequency.DAY:
        bounds = np.array([0, horizon])
    else:
        bounds = np.linspace(0, horizon, min(horizon, _STRETCHES) + 1).round().astype(int)
    return [(int(first) + 1, int(last)) for first, last in pairwise(bounds)]


def _check(tested: pl.DataFrame) -> None:
    if "model" in tested.columns and tested["model"].n_unique() > 1:
        names = first_five(tested["model"].unique().sort())
        raise UsageError(f"A diagnosis is of one model's errors; the forecasts are of {names}. Filter them.")
    if tested["actual"].drop_nulls().drop_nans().is_empty():
        raise UsageError("There is nothing to diagnose: no forecast of the backtest has a known actual beside it.")


def _cells(rows: pl.DataFrame, cutoffs: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The window and the step, from 0, of each row."""
    return cutoffs.search_sorted(rows["cutoff"]).to_numpy().astype(np.int64), rows["step"].to_numpy().astype(int) - 1


def _row(by: str, part: str, tried: int, cells: Sequence[np.ndarray]) -> dict[str, Any]:
    """One row of `Diagnosis.bias` from error, actual, error apart and cluster, each [cell]; of so many parts tried."""
    error, actual, apart, cluster = (each.ravel() for each in cells)
    bias, _, _ = ratio(error, actual, cluster)
    lean, spread, clusters = ratio(apart, actual, cluster)
    limit = _student(1 - CHANCE / (2 * tried), max(clusters - 1, 1)) * spread
    named = {"by": by, "part": part, "sold": float(actual.sum())}
    clear = bool(abs(lean) > limit)
    return named | {"bias": bias, "apart": lean, "standard_error": spread, "noise": limit, "clear": clear}


def _student(probability: float, freedom: int) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def _table(rows: list[dict[str, Any]], level: str) -> pl.DataFrame:
    kinds = dict.fromkeys(("sold", "bias", "apart", "standard_error", "noise"), pl.Float64)
    frame = pl.DataFrame(rows, schema={"by": pl.String, "part": pl.String, **kinds, "clear": pl.Boolean})
    frame = frame.with_columns(pl.col(list(kinds)).fill_nan(None))
    return frame.select("by", pl.lit(level).alias("level"), pl.exclude("by"))


def _of_total(total: Errors, frequency: Frequency) -> pl.DataFrame:
    """The bias of the total: over all windows, by weekday (month of the year), by stretch of the horizon."""
    error, actual, apart = total.error[0], total.actual[0], total.apart()[0]  # [window, step]
    rows = [_row("all", "all", 1, (error, actual, error, total.runs))]
    kind, names, which = _calendar(total.dates, frequency)
    # Within a window the weeks are taken as independent once the window's own bias is off.
    weeks = total.dates.astype("datetime64[W]" if kind == "weekday" else "datetime64[M]").astype(np.int64)
    there = np.unique(which)
    for number in there:
        cells = which == number
        rows.append(_row(kind, names[number], len(there), [each[cells] for each in (error, actual, apart, weeks)]))
    parts = stretches(total.dates.shape[1], frequency)
    for first, last in parts if len(parts) > 1 else ():
        name = f"{first} to {last}" if last > first else str(first)
        steps = slice(first - 1, last)
        rows.append(_row("step", name, len(parts), [each[:, steps] for each in (error, actual, apart, total.runs)]))
    return _table(rows, "total")


def _calendar(dates: np.ndarray, frequency: Frequency) -> tuple[str, tuple[str, ...], np.ndarray]:
    """What of the calendar an error may follow: its name, the names of its parts, and the part of each date."""
    if frequency == Frequency.DAY:
        return "weekday", WEEKDAYS, (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return "month", MONTHS, dates.astype("datetime64[M]").astype(np.int64) % 12


def _of_groups(errors: Errors, groups: Groups) -> pl.DataFrame:
    """The bias of the groups that sold most."""
    largest = np.argsort(-errors.actual.sum(axis=(1, 2)), kind="stable")[:LARGEST]
    names = groups.frame.select(groups.level).rows()
    rows = []
    for group in largest:
        error, actual = errors.error[group], errors.actual[group]
        name = " · ".join("(none)" if value is None else str(value) for value in names[group])
        rows.append(_row("group", name, len(largest), (error, actual, error, errors.runs)))
    return _table(rows, level_name(groups.level))


def _of_level(errors: Errors, frequency: Frequency) -> dict[str, float | int | None]:
    """How far sums over all windows are off, and the error of the first and the last stretch of the horizon."""
    sold = float(errors.actual.sum())
    lean = float(np.abs(errors.error.sum(axis=(1, 2))).sum()) / sold if sold > 0 else None
    windows = errors.dates.shape[0]
    parts = stretches(errors.dates.shape[1], frequency)
    if len(parts) < 2:
        return {"bias": lean, "near": None, "far": None, "grown": 0, "windows": windows}
    off = np.abs(errors.error).sum(axis=0)  # [window, step]
    ends = []
    for first, last in (parts[0], parts[-1]):
        steps = slice(first - 1, last)
        ends.append((off[:, steps].sum(axis=1), errors.actual[:, :, steps].sum(axis=(0, 2))))
    near, far = (float(wrong.sum() / units.sum()) if units.sum() > 0 else None for wrong, units in ends)
    with np.errstate(invalid="ignore", divide="ignore"):
        grown = int(np.sum(ends[1][0] / ends[1][1] > ends[0][0] / ends[0][1]))
    return {"bias": lean, "near": near, "far": far, "grown": grown, "windows": windows}


def _of_lags(errors: Errors, frequency: Frequency) -> pl.DataFrame:
    """The autocorrelation of the errors at each lag, as the mean over the groups."""
    known = errors.known
    count = known.sum(axis=2, keepdims=True)
    mean = errors.error.sum(axis=2, keepdims=True) / np.maximum(count, 1)
    error = np.where(known, errors.error - mean, 0)
    points = known.sum(axis=(1, 2))
    variance = (error**2).sum(axis=(1, 2)) / np.maximum(points, 1)
    error /= np.sqrt(np.where(variance > 0, variance, 1))[:, None, None]
    horizon = error.shape[2]
    rows = []
    for lag in range(1, min(_LAGS[frequency], horizon - 2) + 1):
        pairs = (known[:, :, lag:] & known[:, :, :-lag]).sum(axis=(1, 2))
        products = np.einsum("gws,gws->g", error[:, :, lag:], error[:, :, :-lag])
        counted = (pairs > 0) & (variance > 0)
        if not counted.any():
            continue
        found = float(np.mean(products[counted] / pairs[counted]))
        rows.append((lag, found, float(1.96 / np.sqrt(np.mean(pairs[counted])))))
    return pl.DataFrame(
        rows, schema={"lag": pl.Int16, "autocorrelation": pl.Float64, "bound": pl.Float64}, orient="row"
    )
