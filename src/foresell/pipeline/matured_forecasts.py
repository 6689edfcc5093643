"""Matured forecasts: forecasts kept as they were made, joined later with the sales of their days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from foresell.adjust.ranges import round_quantiles
from foresell.adjust.reconciliation import all_levels
from foresell.core.forecast import Forecast, quantile_column, quantile_probability
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.interval_scores import central, share_below
from foresell.evaluate.segments import segments as segments_of
from foresell.evaluate.weights import Weights
from foresell.models.naive import SeasonalNaive
from foresell.monitor.accuracy import GROUP, LEVEL, SEGMENT, MaturedLevel, SeriesSums, day_sums, group_names
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import ForecastSummary
from foresell.store.history import History, KeptForecast

_UNWEIGHED = Weights("none", (), ())


def naive_forecast(panel: Panel, horizon: int) -> Forecast:
    """The seasonal naive forecast after the panel's cutoff."""
    return SeasonalNaive().fit(panel, horizon).forecast(panel)


def kept_frame(panel: Panel, hierarchy: Hierarchy, forecasts: Forecasts, whole: bool) -> pl.DataFrame:
    """The table in which a forecast is kept.

    It has the columns of `Forecasts.to_frame` with quantiles that are not rounded, the seasonal naive forecast as
    ``naive``, and whether units are ``whole`` numbers.
    """
    horizon = forecasts.total.horizon
    naive = Forecasts(all_levels(naive_forecast(panel, horizon), panel.series, hierarchy)).to_polars()
    return forecasts.to_polars().with_columns(naive=naive["mean"], whole=pl.lit(whole))


def rounded(forecasts: Forecasts, whole: bool) -> Forecasts:
    """The forecasts with quantiles rounded for users."""
    return Forecasts(
        {
            level: forecast.with_quantiles(forecast.probabilities, round_quantiles(forecast.quantiles, whole))
            for level, forecast in forecasts.by_level.items()
            if forecast.quantiles is not None
        }
    )


def history_of(results: Results) -> History:
    """The tables that a project keeps over time."""
    return results.history


def is_kept(results: Results) -> bool:
    """Whether the last forecast is kept."""
    forecast = results.find_summary(ForecastSummary)
    return forecast is not None and history_of(results).has_forecast(forecast.cutoff, forecast.training)


def backtest_days(
    panel: Panel, hierarchy: Hierarchy, tested: pl.DataFrame, segments_asked: tuple[str, ...] = ()
) -> pl.DataFrame:
    """The day sums of the ensemble in every window of the backtest; `with_coverage` adds the coverage.

    `tested` is the table of the ensemble's test forecasts.
    """
    groups = hierarchy.all_groups(panel.series)
    tables = []
    for cutoff in tested["cutoff"].unique().sort():
        mean, horizon = _cube(tested.filter(pl.col("cutoff") == cutoff), panel, "mean")
        past = panel.until(cutoff)
        segments = segments_of(past, segments_asked)
        window = EvaluationWindow.of(panel, past.n_days - 1, horizon, hierarchy, _UNWEIGHED, segments)
        naive = naive_forecast(past, horizon).mean
        levels = _levels(window, mean, naive)
        tables.append(day_sums(cutoff, past.ahead(horizon), 1, levels, group_names(groups), segments))
    return pl.concat(tables)


def with_coverage(daily: pl.DataFrame, ranges: pl.DataFrame, nominal: float | None) -> pl.DataFrame:
    """The day sums of a backtest with the coverage of its ranges by level and step.

    `ranges` is the table of that name of `ensemble.range_backtest.backtest_ranges`. Where it has no range of the
    probability `nominal`, the coverage is interpolated between the next narrower and the next wider range; the coverage
    of probability 0 is 0 and that of 1 is 1.
    """
    if nominal is None or ranges.is_empty():
        return daily
    at = ["cutoff", "level", "segment"]
    rows = ranges.filter((pl.col("by") == "step") & (pl.col("points") > 0)).sort("nominal")
    shares = (
        rows.group_by(at, maintain_order=True)
        .agg(pl.col("nominal"), pl.col("coverage"), pl.col("points").first().cast(pl.Float64).alias("__ranged"))
        .select(
            "cutoff",
            pl.lit(LEVEL).alias("part"),
            pl.col("level").alias("of"),
            pl.col("segment").cast(pl.Int16).alias("step"),
            pl.struct("nominal", "coverage")
            .map_elements(lambda row: _interpolated(row["nominal"], row["coverage"], nominal), pl.Float64)
            .alias("__inside")
            * pl.col("__ranged"),
            "__ranged",
        )
    )
    joined = daily.join(shares, on=["cutoff", "part", "of", "step"], how="left", maintain_order="left")
    return joined.with_columns(
        inside=pl.col("__inside").fill_null(0.0), ranged=pl.col("__ranged").fill_null(0.0)
    ).select(daily.columns)


def _interpolated(probabilities: Sequence[float], coverages: Sequence[float], nominal: float) -> float:
    """The coverage of the range of probability `nominal`, interpolated from those of other ranges.

    >>> round(_interpolated([0.5, 0.9], [0.4, 0.8], 0.7), 9), round(_interpolated([0.5], [0.4], 0.75), 9)
    (0.6, 0.7)
    """
    return float(np.interp(nominal, [0.0, *probabilities, 1.0], [0.0, *coverages, 1.0]))


def nominal_of(probabilities: tuple[float, ...]) -> float | None:
    """The probability of the widest central range of these quantiles; None where they have none.

    >>> nominal_of((0.05, 0.5, 0.95)), nominal_of((0.5,))
    (0.9, None)
    """
    pairs = central(probabilities)
    return round(probabilities[pairs[-1][1]] - probabilities[pairs[-1][0]], 9) if pairs else None


def _levels(
    window: EvaluationWindow, mean: np.ndarray, naive: np.ndarray, inside: Mapping[Level, np.ndarray] | None = None
) -> list[MaturedLevel]:
    """Forecast and sales of every level; days whose sales are not known are left out of both."""
    shown, plain = (np.where(window.known, np.nan_to_num(values), 0) for values in (mean, naive))
    return [
        MaturedLevel(
            level_name(groups.level), actual, groups.sum(shown), groups.sum(plain), (inside or {}).get(groups.level)
        )
        for groups, actual in zip(window.groups, window.actual, strict=True)
    ]


def _cube(rows: pl.DataFrame, panel: Panel, column: str) -> tuple[np.ndarray, int]:
    """A column of the rows of single series in the order of the panel, float32 [series, step], and the horizon.

    A series without rows is NaN.
    """
    numbers = panel.series.select(panel.keys).with_row_index("__series")
    keys = [pl.col(key).cast(panel.series.schema[key]) for key in panel.keys]
    rows = rows.select(*keys, "step", column).join(numbers, on=list(panel.keys), nulls_equal=True)
    horizon = int(rows["step"].max())  # type: ignore[arg-type]
    cube = np.full((panel.n_series, horizon), np.nan, np.float32)
    cube[rows["__series"].to_numpy(), rows["step"].to_numpy().astype(np.int64) - 1] = rows[column].to_numpy()
    return cube, horizon


@dataclass(frozen=True)
class Matured:
    """A kept forecast beside the sales of its days so far.

    - `daily`: the day sums of all days with sales.
    - `scores`: the tables of `EvaluationWindow.score` for the newest of these days; empty where there are none.
    - `worst`: the single series with the largest errors in units over the newest days, in words.
    - `unforecast`: the series that sold on these days and have no forecast.
    - `series`: the sums of the single series over the newest days.
    """

    kept: KeptForecast
    daily: pl.DataFrame
    scores: Mapping[str, pl.DataFrame]
    worst: tuple[str, ...]
    unforecast: tuple[str, ...]
    series: SeriesSums


def matured(
    kept: KeptForecast, panel: Panel, hierarchy: Hierarchy, first: int, weights: Weights, segments: tuple[str, ...] = ()
) -> Matured | None:
    """A kept forecast joined with the sales of the newest `panel`; None where none of its days has sales yet.

    `first` is the index of the first of the newest days, which are scored with `weights` and with scales as known at
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
    since = _panel_since(panel, cutoff, mean)
    window = EvaluationWindow.of(since, 0, days, hierarchy, weights, of_series)
    levels = _levels(window, mean, naive, dict(_inside(frame, window, mean)))
    daily = day_sums(kept.cutoff, dates, 1, levels, group_names(window.groups), of_series)
    skip = max(first - cutoff - 1, 0)
    scores = (
        {}
        if skip >= days
        else _scores(EvaluationWindow.of(since, skip, days - skip, hierarchy, weights, of_series), mean)
    )
    series = _series_sums(window, mean, skip, of_series)
    return Matured(kept, daily, scores, _worst(panel, series), _unforecast(panel, cutoff, mean), series)


def _panel_since(panel: Panel, cutoff: int, mean: np.ndarray) -> Panel:
    """The panel from its day `cutoff` on; series and days without a forecast are NaN in it."""
    units = np.array(panel.units[:, cutoff : cutoff + 1 + mean.shape[1]])
    units[:, 1:][np.isnan(mean)] = np.nan
    return replace(panel, units=units, dates=panel.dates[cutoff:], known={})


def _unforecast(panel: Panel, cutoff: int, mean: np.ndarray) -> tuple[str, ...]:
    """The series that sold on these days and have no forecast."""
    units = panel.units[:, cutoff + 1 : cutoff + 1 + mean.shape[1]]
    rows = np.flatnonzero(np.isnan(mean).all(axis=1) & (np.nan_to_num(units) > 0).any(axis=1))
    return tuple(_name(panel, row) for row in rows.tolist())


def _name(panel: Panel, row: int) -> str:
    return ", ".join(str(value) for value in panel.series.select(panel.keys).row(row))


def _worst(panel: Panel, series: SeriesSums) -> tuple[str, ...]:
    """The five single series with the largest errors in units over the newest days."""
    actual, forecast = series.units, series.forecast
    order = np.argsort(-np.abs(actual - forecast), kind="stable")[:5]
    return tuple(
        f"{_name(panel, row)}: {actual[row]:,.0f} sold, {forecast[row]:,.0f} forecast"
        for row in order.tolist()
        if actual[row] != forecast[row]
    )


def _series_sums(window: EvaluationWindow, mean: np.ndarray, skip: int, segments: pl.DataFrame) -> SeriesSums:
    """The sums of the single series over the newest days, with the groups and segments that have day sums."""
    known = window.known[:, skip:]
    units, forecast = (
        np.where(known, np.nan_to_num(values[:, skip:]), 0).sum(axis=1, dtype=np.float64)
        for values in (_sales(window), mean)
    )
    places: dict[tuple[str, str], tuple[Sequence[str], np.ndarray]] = {}
    names = group_names(window.groups)
    for groups in window.groups:
        level = level_name(groups.level)
        if level in names:
            places[GROUP, level] = names[level], groups.rows.astype(np.int64)
    for column in segments.columns:
        labels, rows = np.unique(segments[column].to_numpy().astype(str), return_inverse=True)
        places[SEGMENT, column] = labels.tolist(), rows.astype(np.int64)
    return SeriesSums(units, forecast, places)


def _sales(window: EvaluationWindow) -> np.ndarray:
    """The units that the single series sold in the window, in the order of the panel: float64 [series, step]."""
    return window.actual[-1][window.groups[-1].rows]


def _inside(frame: pl.DataFrame, window: EvaluationWindow, mean: np.ndarray) -> Iterator[tuple[Level, np.ndarray]]:
    """The share of each actual in its widest range, [group, step] by level; see `interval_scores.share_below`."""
    probabilities = sorted(filter(None, map(quantile_probability, frame.columns)))
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
        # Where the sales of only some series of a group are known, the range is cut to their part of the forecast.
        part = np.divide(groups.sum(shown), forecast, out=np.ones_like(forecast), where=forecast > 0)
        part = np.minimum(np.nan_to_num(part, nan=1.0), 1)
        shares = [share_below(actual, quantile * part, whole) for quantile in (low, high)]
        yield groups.level, np.where(np.isnan(low), np.nan, shares[1] - shares[0])


def _of_level(rows: pl.DataFrame, groups: Groups, days: int, column: str) -> np.ndarray:
    """A column of the rows of one level in the order of its groups: float64 [group, step], NaN without a row."""
    cube = np.full((len(groups), days), np.nan)
    numbers = groups.frame.select(groups.level).with_row_index("__group") if groups.level else None
    if numbers is None:
        group_index = np.zeros(rows.height, np.int64)
    else:
        keys = [pl.col(key).cast(groups.frame.schema[key]) for key in groups.level]
        rows = rows.select(*keys, "step", column).join(numbers, on=list(groups.level), nulls_equal=True)
        group_index = rows["__group"].to_numpy().astype(np.int64)
    cube[group_index, rows["step"].to_numpy().astype(np.int64) - 1] = rows[column].to_numpy()
    return cube


def _scores(window: EvaluationWindow, mean: np.ndarray) -> dict[str, pl.DataFrame]:
    """The tables ``levels``, ``segments`` and ``steps`` for the days of `window`, the last ones of `mean`."""
    skip = mean.shape[1] - window.known.shape[1]
    tables = window.score(np.nan_to_num(mean[:, skip:]))
    return {**tables, "steps": tables["steps"].with_columns(step=(pl.col("step") + skip).cast(pl.Int16))}
