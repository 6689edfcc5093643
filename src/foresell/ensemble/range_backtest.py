"""The backtest of the ranges: each is learnt from windows that had ended by its cutoff, and scored on the actuals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from foresell.adjust.paths.dependence import Dependence
from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import all_levels
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.ensemble import sum_scores
from foresell.ensemble.backtest_ensemble import Ensemble, forecast_of
from foresell.ensemble.sum_scores import NOMINAL, score_sums
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.interval_scores import score_ranges
from foresell.evaluate.weights import absolute_scales
from foresell.evaluate.window_forecasts import WindowForecasts, windows_ended_by

PROBABILITIES = (0.005, 0.025, 0.05, 0.1, 0.165, 0.25, 0.5, 0.75, 0.835, 0.9, 0.95, 0.975, 0.995)
"""The quantiles that are scored: the bounds of the ranges of `NOMINAL`, the median, and the rest of the nine quantiles
of the M5 competition. They do not depend on the quantiles in the settings, so scores of all projects compare."""


def backtest_ranges(
    panel: Panel,
    hierarchy: Hierarchy,
    ensemble: Ensemble,
    progress: Callable[[str], None] = lambda activity: None,
) -> dict[str, pl.DataFrame]:
    """The tables ``ranges`` and ``quantiles`` of `interval_scores.score_ranges` for the later half of the windows, and
    ``sums`` of `sum_scores.score_sums`.

    All have two more columns: the window's ``cutoff``, and ``learnt_from``, the number of windows from which its
    ranges were learnt. They are empty where no window had ended before the last one began.
    """
    windows = ensemble.windows
    later = [window for window in windows[len(windows) // 2 :] if windows_ended_by(windows, window.cutoff)]
    days = [panel.day_of(window.cutoff) for window in later]
    tables: dict[str, list[pl.DataFrame]] = {"ranges": [], "quantiles": [], "sums": []}
    for window, scales in zip(later, absolute_scales(panel, hierarchy, days) if later else [], strict=True):
        progress(f"ranges after {window.cutoff}")
        cutoff = pl.lit(window.cutoff).alias("cutoff")
        learnt_from = pl.lit(windows_ended_by(windows, window.cutoff), pl.Int32).alias("learnt_from")
        for name, frame in _score_window(panel, hierarchy, ensemble, window, scales).items():
            tables[name].append(frame.select(cutoff, learnt_from, pl.all()))
    return {name: pl.concat(frames) if frames else EMPTY[name] for name, frames in tables.items()}


def coverage_by_segment(ranges: pl.DataFrame) -> pl.DataFrame:
    """The coverage of the table ``ranges`` over all windows, for each level and each segment of the single series.

    Columns: ``level``, ``by``, ``segment``, ``nominal``, ``coverage``, ``width`` in units, and ``relative_width``,
    which is null where ranges have no width or the forecast is 0. Levels come from the top down.
    """
    means = [(pl.col(name) * pl.col("points")).sum() / pl.col("points").sum() for name in ("coverage", "width")]
    # The mean forecast of a point follows from the two widths. It cannot be known where the width is 0.
    forecast = (pl.col("width") / pl.col("relative_width")).fill_nan(0.0)
    units = (forecast * pl.col("points")).sum()
    relative = pl.when(units > 0).then((pl.col("width") * pl.col("points")).sum() / units).alias("relative_width")
    rows = ranges.filter((pl.col("by") != "step") & (pl.col("points") > 0))
    return rows.group_by("level", "by", "segment", "nominal", maintain_order=True).agg(*means, relative)


def score_forecasts(
    panel: Panel, hierarchy: Hierarchy, forecasts: Sequence[tuple[EvaluationWindow, Forecast]], ranges: Ranges
) -> pl.DataFrame:
    """The table ``ranges`` of `interval_scores.score_ranges`, with ``cutoff``, for `ranges` around some forecasts.

    `forecasts` are forecasts of the single series, each with the window that it is for.
    """
    scales = absolute_scales(panel, hierarchy, [panel.day_of(window.cutoff) for window, _ in forecasts])
    frames = []
    for (window, forecast), scale in zip(forecasts, scales, strict=True):
        frame = _scores(panel, hierarchy, window, forecast, ranges, scale)["ranges"]
        frames.append(frame.select(pl.lit(window.cutoff).alias("cutoff"), pl.all()))
    return pl.concat(frames)


def _score_window(
    panel: Panel, hierarchy: Hierarchy, ensemble: Ensemble, window: WindowForecasts, scales: Sequence[np.ndarray]
) -> dict[str, pl.DataFrame]:
    """The scores of the ensemble's ranges in one window."""
    past = panel.until(window.cutoff)
    errors = ensemble.comparable_forecasts(past, window.cutoff)
    ranges = Ranges.learn(errors, past, hierarchy)
    forecast = forecast_of(past, ensemble.mean(window.cutoff))
    tables = _scores(panel, hierarchy, window.evaluation, forecast, ranges, scales)
    dependence = Dependence.learn(errors, past, hierarchy, ranges)
    paths = SamplePaths.of(forecast, past, hierarchy, ranges, dependence)
    return tables | {"sums": score_sums(window.evaluation, paths)}


def _scores(
    panel: Panel,
    hierarchy: Hierarchy,
    window: EvaluationWindow,
    forecast: Forecast,
    ranges: Ranges,
    scales: Sequence[np.ndarray],
) -> dict[str, pl.DataFrame]:
    """The tables ``ranges`` and ``quantiles`` of ranges around a forecast of the single series."""
    means = all_levels(forecast, panel.series, hierarchy)
    forecasts = ranges.apply(means, panel.until(window.cutoff), hierarchy, PROBABILITIES, rounded=False)
    tables = score_ranges(window, forecasts, scales, ranges.whole)
    return tables | {"ranges": tables["ranges"].filter(pl.col("nominal").is_in(NOMINAL))}


EMPTY = {
    "ranges": pl.DataFrame(
        schema={
            "cutoff": pl.Date,
            "learnt_from": pl.Int32,
            **dict.fromkeys(("level", "by", "segment"), pl.String),
            "nominal": pl.Float64,
            "points": pl.Int64,
            **dict.fromkeys(("coverage", "open", "closed", "width", "relative_width"), pl.Float64),
        }
    ),
    "sums": sum_scores.EMPTY,
    "quantiles": pl.DataFrame(
        schema={
            "cutoff": pl.Date,
            "learnt_from": pl.Int32,
            "level": pl.String,
            "probability": pl.Float64,
            "points": pl.Int64,
            **dict.fromkeys(("share", "share_below", "share_at_or_below", "pinball", "wspl"), pl.Float64),
        }
    ),
}
"""The tables where no window could be scored."""
