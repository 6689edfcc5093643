"""The diagnosis of a backtest's errors: their bias, their autocorrelation, and their growth along the horizon.

An error is forecast less actual, in units. Days whose actual is not known are left out of both before either is added
up, so that both sums have the same days.
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
from foresell.core.frequency import WEEKDAYS, Frequency, weekday
from foresell.core.hierarchy import Groups, Hierarchy, level_name
from foresell.core.panel import Panel

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
HOURS = tuple(f"{hour:02}:00" for hour in range(24))
CHANCE = 0.05
"""The probability that noise alone makes any part of one kind, such as any weekday, clear."""

LARGEST = 6  # groups of each level that are diagnosed one by one
_LAGS = {
    Frequency.HOUR: 49,
    Frequency.DAY: 15,
    Frequency.WEEK: 13,
    Frequency.MONTH: 12,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 3,
}
_MOST_STRETCHES = 8  # parts of a horizon that is shorter than a season


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of the errors of one model's backtest, as tidy tables.

    - `bias`: ``by`` (``all``, ``hour``, ``weekday`` or ``month``, ``step``, ``group``), ``level`` in words, ``part``
      (``Sunday``, ``1 to 7``, ``CA · FOODS``), ``sold`` (units), ``bias`` (sum of errors over sum of actuals),
      ``apart`` (for hours, weekdays, months and steps the bias that remains without the bias of the whole window, else
      the bias itself), the ``standard_error`` of ``apart``, and the ``noise`` beyond which it is ``clear``. Both are
      null where there is only one window.
    - `levels`: for each ``level`` its ``groups``, ``bias`` (the mean of the absolute bias of its groups over all
      windows, weighted by their sales), and the WAPE of the first (``near``) and last (``far``) stretch of the horizon.
      ``grown`` of the ``windows`` had a larger WAPE in the last stretch. ``near`` and ``far`` are null where the
      horizon is one stretch.
    - `correlation`: for each ``level`` and ``lag`` the ``autocorrelation`` of the errors about their mean in each
      window, as the mean over the groups. Noise alone stays within ``bound``, either way, in 95 of 100 cases.
    """

    bias: pl.DataFrame
    levels: pl.DataFrame
    correlation: pl.DataFrame


def diagnose(forecasts: pl.DataFrame, panel: Panel, hierarchy: Hierarchy) -> Diagnosis:
    """The diagnosis of one model by the backtest's table of its forecasts: keys, cutoff, date, step, mean, actual.

    `panel` and `hierarchy` are those of the backtest. Raises UsageError for forecasts of several models, of none, or
    of series that the panel does not have.
    """
    errors = Errors.of(forecasts, panel)
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
    by_level = pl.DataFrame(levels, schema_overrides={"near": pl.Float64, "far": pl.Float64}, infer_schema_length=None)
    return Diagnosis(pl.concat(bias), by_level, pl.concat(correlation))


@dataclass(frozen=True)
class Errors:
    """Errors of one level: `error`, `actual` float64 and `known` bool, each [series, window, step], 0 where not known.

    `dates` [window, step]; the windows are in rising order.
    """

    dates: np.ndarray
    error: np.ndarray
    actual: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, forecasts: pl.DataFrame, panel: Panel) -> Errors:
        """The errors of the single series, in the order of `panel`, from the backtest's table of forecasts."""
        _check(forecasts)
        cutoffs = forecasts["cutoff"].unique().sort()
        dates = forecasts.group_by("cutoff", "step").agg(pl.col("date").first())
        horizon = int(forecasts["step"].max())  # type: ignore[arg-type]
        names = panel.series.select(panel.keys).with_row_index("__series")
        typed = forecasts.with_columns(pl.col(key).cast(panel.series.schema[key]) for key in panel.keys)
        rows = typed.join(names, on=list(panel.keys), how="inner", nulls_equal=True)
        if rows.height < forecasts.height:
            missing = typed.join(names, on=list(panel.keys), how="anti", nulls_equal=True).select(panel.keys).unique()
            raise UsageError(
                f"The table of forecasts has {missing.height} series that the panel does not have: "
                f"{first_five(' · '.join(map(str, row)) for row in missing.rows())}. Give the backtest's own panel."
            )
        place = (rows["__series"].to_numpy().astype(np.int64), *_cells(rows, cutoffs))
        mean, actual = (np.full((panel.n_series, len(cutoffs), horizon), np.nan) for _ in range(2))
        mean[place] = rows["mean"].to_numpy()
        actual[place] = rows["actual"].to_numpy()
        named = dates["date"].to_numpy()
        days = np.full((len(cutoffs), horizon), np.datetime64("NaT"), named.dtype)
        days[_cells(dates, cutoffs)] = named
        known = ~np.isnan(mean) & ~np.isnan(actual)
        return cls(days, np.where(known, mean - actual, 0), np.where(known, actual, 0), known)

    def sum(self, groups: Groups) -> Errors:
        """The errors of the groups' sums."""
        if len(groups) == len(self.error):
            return self
        known = groups.sum(self.known.astype(np.float32)) > 0
        return Errors(self.dates, groups.sum(self.error), groups.sum(self.actual), known)

    @cached_property
    def periods(self) -> np.ndarray:
        """The period that each cell belongs to [window, step], int. The errors of one period depend on each other.

        A period is a window, or where windows overlap, a part of the calendar one horizon long.
        """
        n_windows, horizon = self.dates.shape
        if (self.dates[1:, 0] > self.dates[:-1, -1]).all():
            return np.repeat(np.arange(n_windows)[:, None], horizon, axis=1)
        _, day = np.unique(self.dates, return_inverse=True)
        return day.reshape(self.dates.shape) // horizon

    def without_window_bias(self) -> np.ndarray:
        """The errors less the bias of their window [series, window, step]; they add up to 0 in every window."""
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
    """The parts of the horizon as (first step, last step): whole seasons, or up to eight equal parts of a shorter
    horizon.

    Parts of whole weeks keep the bias of a weekday out of the bias of a step.

    >>> stretches(28, Frequency.DAY), stretches(3, Frequency.MONTH)
    ([(1, 7), (8, 14), (15, 21), (22, 28)], [(1, 1), (2, 2), (3, 3)])
    >>> stretches(30, Frequency.DAY)[-1]
    (22, 30)
    """
    season = frequency.season
    if horizon >= 2 * season:
        bounds = np.append(np.arange(0, horizon - season + 1, season), horizon)
    elif frequency in (Frequency.DAY, Frequency.HOUR):
        bounds = np.array([0, horizon])
    else:
        bounds = np.linspace(0, horizon, min(horizon, _MOST_STRETCHES) + 1).round().astype(int)
    return [(int(first) + 1, int(last)) for first, last in pairwise(bounds)]


def _check(forecasts: pl.DataFrame) -> None:
    if "model" in forecasts.columns and forecasts["model"].n_unique() > 1:
        names = first_five(forecasts["model"].unique().sort())
        raise UsageError(f"A diagnosis is of one model's errors; the forecasts are of {names}. Filter them.")
    if forecasts["actual"].drop_nulls().drop_nans().is_empty():
        raise UsageError("There is nothing to diagnose: no forecast of the backtest has a known actual beside it.")


def _cells(rows: pl.DataFrame, cutoffs: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The window and the step, from 0, of each row."""
    return cutoffs.search_sorted(rows["cutoff"]).to_numpy().astype(np.int64), rows["step"].to_numpy().astype(int) - 1


def _row(by: str, part: str, n_parts: int, cells: Sequence[np.ndarray]) -> dict[str, Any]:
    """One row of `Diagnosis.bias`, for one of `n_parts` parts.

    `cells` are the errors, the actuals, the errors without the window's bias, and the clusters, each [cell].
    """
    error, actual, apart, cluster = (values.ravel() for values in cells)
    bias, _, _ = ratio(error, actual, cluster)
    bias_apart, standard_error, clusters = ratio(apart, actual, cluster)
    noise = _student(1 - CHANCE / (2 * n_parts), max(clusters - 1, 1)) * standard_error
    return {
        "by": by,
        "part": part,
        "sold": float(actual.sum()),
        "bias": bias,
        "apart": bias_apart,
        "standard_error": standard_error,
        "noise": noise,
        "clear": bool(abs(bias_apart) > noise),
    }


def _student(probability: float, freedom: int) -> float:
    """The quantile of Student's t distribution with `freedom` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def _table(rows: list[dict[str, Any]], level: str) -> pl.DataFrame:
    """The `rows` of one level as a part of `Diagnosis.bias`."""
    kinds = dict.fromkeys(("sold", "bias", "apart", "standard_error", "noise"), pl.Float64)
    frame = pl.DataFrame(rows, schema={"by": pl.String, "part": pl.String, **kinds, "clear": pl.Boolean})
    frame = frame.with_columns(pl.col(list(kinds)).fill_nan(None))
    return frame.select("by", pl.lit(level).alias("level"), pl.exclude("by"))


def _of_total(total: Errors, frequency: Frequency) -> pl.DataFrame:
    """The bias of the total: over all windows, by weekday (hour, month of the year), and by stretch of the horizon."""
    error, actual, apart = total.error[0], total.actual[0], total.without_window_bias()[0]  # [window, step]
    rows = [_row("all", "all", 1, (error, actual, error, total.periods))]
    kind, names, which = _calendar(total.dates, frequency)
    # Without the bias of their window, the weeks of a window are taken to be independent.
    clusters = total.dates.astype({"hour": "datetime64[D]", "weekday": "datetime64[W]"}.get(kind, "datetime64[M]"))
    weeks = clusters.astype(np.int64)
    numbers = np.unique(which) if frequency != Frequency.YEAR else which[:0, 0]
    for number in numbers:
        cells = which == number
        rows.append(_row(kind, names[number], len(numbers), [v[cells] for v in (error, actual, apart, weeks)]))
    parts = stretches(total.dates.shape[1], frequency)
    for first, last in parts if len(parts) > 1 else ():
        name = f"{first} to {last}" if last > first else str(first)
        steps = slice(first - 1, last)
        rows.append(_row("step", name, len(parts), [v[:, steps] for v in (error, actual, apart, total.periods)]))
    return _table(rows, "total")


def _calendar(dates: np.ndarray, frequency: Frequency) -> tuple[str, tuple[str, ...], np.ndarray]:
    """The cycle of the calendar that errors may follow: its name, the names of its parts, and the part of each date."""
    if frequency == Frequency.HOUR:
        return "hour", HOURS, dates.astype("datetime64[h]").astype(np.int64) % 24
    if frequency == Frequency.DAY:
        return "weekday", WEEKDAYS, weekday(dates)
    if frequency.table:
        dates = frequency.table.middle(dates.reshape(-1)).reshape(dates.shape)
    names = tuple(f"the quarter of {name}" for name in MONTHS) if frequency == Frequency.QUARTER else MONTHS
    return "month", names, dates.astype("datetime64[M]").astype(np.int64) % 12


def _of_groups(errors: Errors, groups: Groups) -> pl.DataFrame:
    """The bias of the groups that sold the most units."""
    largest = np.argsort(-errors.actual.sum(axis=(1, 2)), kind="stable")[:LARGEST]
    names = groups.frame.select(groups.level).rows()
    rows = []
    for group in largest:
        error, actual = errors.error[group], errors.actual[group]
        name = " · ".join("(none)" if value is None else str(value) for value in names[group])
        rows.append(_row("group", name, len(largest), (error, actual, error, errors.periods)))
    return _table(rows, level_name(groups.level))


def _of_level(errors: Errors, frequency: Frequency) -> dict[str, float | int | None]:
    """The mean absolute bias of the groups, and the WAPE of the first and the last stretch of the horizon."""
    sold = float(errors.actual.sum())
    bias = float(np.abs(errors.error.sum(axis=(1, 2))).sum()) / sold if sold > 0 else None
    windows = errors.dates.shape[0]
    parts = stretches(errors.dates.shape[1], frequency)
    if len(parts) < 2:
        return {"bias": bias, "near": None, "far": None, "grown": 0, "windows": windows}
    absolute = np.abs(errors.error).sum(axis=0)  # [window, step]
    ends = []
    for first, last in (parts[0], parts[-1]):
        steps = slice(first - 1, last)
        ends.append((absolute[:, steps].sum(axis=1), errors.actual[:, :, steps].sum(axis=(0, 2))))
    near, far = (float(error.sum() / units.sum()) if units.sum() > 0 else None for error, units in ends)
    with np.errstate(invalid="ignore", divide="ignore"):
        grown = int(np.sum(ends[1][0] / ends[1][1] > ends[0][0] / ends[0][1]))
    return {"bias": bias, "near": near, "far": far, "grown": grown, "windows": windows}


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
        mean_correlation = float(np.mean(products[counted] / pairs[counted]))
        rows.append((lag, mean_correlation, float(1.96 / np.sqrt(np.mean(pairs[counted])))))
    return pl.DataFrame(
        rows, schema={"lag": pl.Int16, "autocorrelation": pl.Float64, "bound": pl.Float64}, orient="row"
    )
