"""Forecasts kept as they were made, and joined later with what was sold since: by series, day and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foresell.adjust.ranges import round_quantiles
from foresell.adjust.reconciliation import all_levels
from foresell.core.forecast import Forecast, quantile_column
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.interval_scores import central, share_below
from foresell.evaluate.segments import segments as segments_of
from foresell.evaluate.weights import Weights
from foresell.models.naive import SeasonalNaive
from foresell.monitor.accuracy import LEVEL, Beside, day_sums, group_names
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary
from foresell.store.history import History, Kept

_UNWEIGHED = Weights("none", (), ())


def naive_forecast(panel: Panel, horizon: int) -> Forecast:
    """What seasonal naive says after the panel's cutoff."""
    return SeasonalNaive().fit(panel, horizon).forecast(panel)


def kept_frame(panel: Panel, hierarchy: Hierarchy, made: Forecasts, whole: bool) -> pl.DataFrame:
    """A forecast as it is kept: the table of `Forecasts.to_frame` with quantiles that are not rounded, seasonal naive
    beside the mean as ``naive``, and whether units are ``whole``."""
    naive = Forecasts(all_levels(naive_forecast(panel, made.total.horizon), panel.series, hierarchy)).to_frame()
    return made.to_frame().with_columns(naive=naive["mean"], whole=pl.lit(whole))


def rounded(made: Forecasts, whole: bool) -> Forecasts:
    """The forecasts with quantiles as they are handed out."""
    return Forecasts(
        {
            level: forecast.with_quantiles(forecast.probabilities, round_quantiles(forecast.quantiles, whole))
            for level, forecast in made.by_level.items()
            if forecast.quantiles is not None
        }
    )


def history_of(results: Results) -> History:
    """What a project keeps over time."""
    return results.history


def is_kept(results: Results) -> bool:
    """Whether the last forecast is kept."""
    forecast = results.find_summary(ForecastSummary)
    return forecast is not None and history_of(results).has_forecast(forecast.cutoff, forecast.training)


def backtest_days(
    panel: Panel, hierarchy: Hierarchy, tested: pl.DataFrame, segments_asked: tuple[str, ...] = ()
) -> pl.DataFrame:
    """The day sums of the ensemble in every window of the backtest, whose forecasts are `tested`; without coverage,
    which `with_coverage` adds."""
    groups = hierarchy.all_groups(panel.series)
    found = []
    for cutoff in tested["cutoff"].unique().sort():
        mean, horizon = _cube(tested.filter(pl.col("cutoff") == cutoff), panel, "mean")
        past = panel.until(cutoff)
        segments = segments_of(past, segments_asked)
        window = EvaluationWindow.of(panel, past.n_days - 1, horizon, hierarchy, _UNWEIGHED, segments)
        naive = naive_forecast(past, horizon).mean
        levels = _levels(window, mean, naive)
        found.append(day_sums(cutoff, past.ahead(horizon), 1, levels, group_names(groups), segments))
    return pl.concat(found)


def with_coverage(daily: pl.DataFrame, tried: pl.DataFrame, nominal: float | None) -> pl.DataFrame:
    """Day sums of a backtest with how often its ranges held by level and step, where they were tried.

    `tried` is the table ``ranges`` of `ensemble.range_backtest.backtest_ranges`. Of a range that was not tried the
    coverage lies between those of the next narrower and the next wider one that were, in proportion to what they
    promise: no range of nothing holds less, none of all more.
    """
    if nominal is None or tried.is_empty():
        return daily
    at = ["cutoff", "level", "segment"]
    rows = tried.filter((pl.col("by") == "step") & (pl.col("points") > 0)).sort("nominal")
    shares = (
        rows.group_by(at, maintain_order=True)
        .agg(pl.col("nominal"), pl.col("coverage"), pl.col("points").first().cast(pl.Float64).alias("__ranged"))
        .select(
            "cutoff",
            pl.lit(LEVEL).alias("part"),
            pl.col("level").alias("of"),
            pl.col("segment").cast(pl.Int16).alias("step"),
            pl.struct("nominal", "coverage")
            .map_elements(lambda row: _between(row["nominal"], row["coverage"], nominal), pl.Float64)
            .alias("__inside")
            * pl.col("__ranged"),
            "__ranged",
        )
    )
    joined = daily.join(shares, on=["cutoff", "part", "of", "step"], how="left", maintain_order="left")
    return joined.with_columns(
        inside=pl.col("__inside").fill_null(0.0), ranged=pl.col("__ranged").fill_null(0.0)
    ).select(daily.columns)


def _between(promised: Sequence[float], held: Sequence[float], nominal: float) -> float:
    """How much a range holds that promises `nominal`, from what narrower and wider ones held.

    >>> round(_between([0.5, 0.9], [0.4, 0.8], 0.7), 9), round(_between([0.5], [0.4], 0.75), 9)
    (0.6, 0.7)
    """
    return float(np.interp(nominal, [0.0, *promised, 1.0], [0.0, *held, 1.0]))


def nominal_of(probabilities: tuple[float, ...]) -> float | None:
    """What the widest central range of these quantiles promises; None where they have none.

    >>> nominal_of((0.05, 0.5, 0.95)), nominal_of((0.5,))
    (0.9, None)
    """
    pairs = central(probabilities)
    return round(probabilities[pairs[-1][1]] - probabilities[pairs[-1][0]], 9) if pairs else None


def _levels(
    window: EvaluationWindow, mean: np.ndarray, naive: np.ndarray, inside: Mapping[Level, np.ndarray] | None = None
) -> list[Beside]:
    """Every level beside what happened; days that are not known count on neither side."""
    shown, plain = (np.where(window.known, np.nan_to_num(values), 0) for values in (mean, naive))
    return [
        Beside(level_name(groups.level), actual, groups.sum(shown), groups.sum(plain), (inside or {}).get(groups.level))
        for groups, actual in zip(window.groups, window.actual, strict=True)
    ]


def _cube(rows: pl.DataFrame, panel: Panel, column: str) -> tuple[np.ndarray, int]:
    """A column of the single series' rows in the order of the panel: float32 [series, step], and how many steps.

    NaN for a series of which there are no rows.
    """
    numbers = panel.series.select(panel.keys).with_row_index("__series")
    keys = [pl.col(key).cast(panel.series.schema[key]) for key in panel.keys]
    found = rows.select(*keys, "step", column).join(numbers, on=list(panel.keys), nulls_equal=True)
    horizon = int(rows["step"].max())  # type: ignore[arg-type]
    cube = np.full((panel.n_series, horizon), np.nan, np.float32)
    cube[found["__series"].to_numpy(), found["step"].to_numpy().astype(np.int64) - 1] = found[column].to_numpy()
    return cube, horizon


@dataclass(frozen=True)
class Matured:
    """What has come in of one kept forecast: `daily` sums of all its days that have, and `scores`, the tables of
    `EvaluationWindow.score` for those among the newest days; `worst`, the single series that lean most, in words."""

    kept: Kept
    daily: pl.DataFrame
    scores: Mapping[str, pl.DataFrame]
    worst: tuple[str, ...]
    unforecast: tuple[str, ...]


def matured(
    kept: Kept, panel: Panel, hierarchy: Hierarchy, first: int, weights: Weights, segments: tuple[str, ...] = ()
) -> Matured | None:
    """A kept forecast joined with what was sold since, by the `panel` of today; None where nothing has come in.

    `first` is the index of the first of the newest days, those that are scored, with `weights` and scales as known at
    the cutoff.
    """
    cutoff, frame = panel.day_of(kept.cutoff), kept.read()
    bottom = frame.filter(pl.col("level") == level_name(hierarchy.bottom))
    mean, horizon = _cube(bottom, panel, "mean")
    days = min(horizon, panel.n_days - 1 - cutoff)
    if days < 1 or cutoff < 0:
        return None
    past = panel.until(cutoff)
    of_series, dates = segments_of(past, segments), past.ahead(days)
    mean, naive = mean[:, :days], _cube(bottom, panel, "naive")[0][:, :days]
    since = _since(panel, cutoff, mean)
    window = EvaluationWindow.of(since, 0, days, hierarchy, weights, of_series)
    levels = _levels(window, mean, naive, dict(_inside(frame, window, mean)))
    daily = day_sums(kept.cutoff, dates, 1, levels, group_names(window.groups), of_series)
    skip = max(first - cutoff - 1, 0)
    scores = (
        {}
        if skip >= days
        else _scores(EvaluationWindow.of(since, skip, days - skip, hierarchy, weights, of_series), mean)
    )
    return Matured(kept, daily, scores, _worst(panel, window, mean, skip), _unforecast(panel, cutoff, mean))


def _since(panel: Panel, cutoff: int, mean: np.ndarray) -> Panel:
    """The panel from its day `cutoff` on; what was not forecast is not known in it either."""
    units = np.array(panel.units[:, cutoff : cutoff + 1 + mean.shape[1]])
    units[:, 1:][np.isnan(mean)] = np.nan
    return replace(panel, units=units, dates=panel.dates[cutoff:], known={})


def _unforecast(panel: Panel, cutoff: int, mean: np.ndarray) -> tuple[str, ...]:
    """The series that sold on these days and have no forecast."""
    units = panel.units[:, cutoff + 1 : cutoff + 1 + mean.shape[1]]
    rows = np.flatnonzero(np.isnan(mean).all(axis=1) & (np.nan_to_num(units) > 0).any(axis=1))
    return tuple(_called(panel, row) for row in rows.tolist())


def _called(panel: Panel, row: int) -> str:
    return ", ".join(str(value) for value in panel.series.select(panel.keys).row(row))


def _worst(panel: Panel, window: EvaluationWindow, mean: np.ndarray, skip: int) -> tuple[str, ...]:
    """The five single series that lean most in units, over the newest days."""
    known = window.known[:, skip:]
    actual = np.where(known, np.nan_to_num(_by_series(window)[:, skip:]), 0).sum(axis=1)
    forecast = np.where(known, np.nan_to_num(mean[:, skip:]), 0).sum(axis=1)
    order = np.argsort(-np.abs(actual - forecast), kind="stable")[:5]
    return tuple(
        f"{_called(panel, row)}: {actual[row]:,.0f} sold, {forecast[row]:,.0f} forecast"
        for row in order.tolist()
        if actual[row] != forecast[row]
    )


def _by_series(window: EvaluationWindow) -> np.ndarray:
    """What the single series sold in the window, in the order of the panel: float64 [series, step]."""
    return window.actual[-1][window.groups[-1].rows]


def _inside(frame: pl.DataFrame, window: EvaluationWindow, mean: np.ndarray) -> Iterator[tuple[Level, np.ndarray]]:
    """How much of each actual lies in its widest range, [group, step] by level; see `intervals.share_below`."""
    quantiles = sorted(name for name in frame.columns if len(name) == 4 and name[0] == "q" and name[1:].isdigit())
    probabilities = [int(name[1:]) / 1000 for name in quantiles]
    pairs = central(probabilities)
    if not pairs:
        return
    columns = [quantile_column(probabilities[place]) for place in pairs[-1]]
    whole = bool(frame["whole"][0])
    days = mean.shape[1]
    shown = np.where(window.known, np.nan_to_num(mean), 0)
    for groups, actual in zip(window.groups, window.actual, strict=True):
        rows = frame.filter((pl.col("level") == level_name(groups.level)) & (pl.col("step") <= days))
        if rows.is_empty():
            continue
        low, high, forecast = (_of_level(rows, groups, days, name) for name in (*columns, "mean"))
        # Where only some of a group's series are known, their part of the range (as in `intervals`).
        part = np.divide(groups.sum(shown), forecast, out=np.ones_like(forecast), where=forecast > 0)
        part = np.minimum(np.nan_to_num(part, nan=1.0), 1)
        shares = [share_below(actual, quantile * part, whole) for quantile in (low, high)]
        yield groups.level, np.where(np.isnan(low), np.nan, shares[1] - shares[0])


def _of_level(rows: pl.DataFrame, groups: Groups, days: int, column: str) -> np.ndarray:
    """A column of one level's rows in the order of its groups: float64 [group, step], NaN where there is no row."""
    cube = np.full((len(groups), days), np.nan)
    numbers = groups.frame.select(groups.level).with_row_index("__group") if groups.level else None
    if numbers is None:
        place = np.zeros(rows.height, np.int64)
    else:
        keys = [pl.col(key).cast(groups.frame.schema[key]) for key in groups.level]
        rows = rows.select(*keys, "step", column).join(numbers, on=list(groups.level), nulls_equal=True)
        place = rows["__group"].to_numpy().astype(np.int64)
    cube[place, rows["step"].to_numpy().astype(np.int64) - 1] = rows[column].to_numpy()
    return cube


def _scores(window: EvaluationWindow, mean: np.ndarray) -> dict[str, pl.DataFrame]:
    """The tables ``levels``, ``segments`` and ``steps`` of the last days, which `window` has."""
    skip = mean.shape[1] - window.known.shape[1]
    found = window.score(np.nan_to_num(mean[:, skip:]))
    return {**found, "steps": found["steps"].with_columns(step=(pl.col("step") + skip).cast(pl.Int16))}
