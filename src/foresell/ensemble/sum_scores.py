"""The coverage of the ranges of sums over several days, drawn from sample paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.adjust.paths.sums import quantiles_of_sums
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Level
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.interval_scores import score_ranges

NOMINAL = (0.5, 0.8, 0.9, 0.95)
"""The nominal coverage of the ranges that are scored."""

PATHS = 200
"""The number of paths that ranges are scored with."""

_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.975)


def sum_lengths(horizon: int, frequency: Frequency) -> tuple[int, ...]:
    """The numbers of days whose sums are scored: one, two and four weeks; of hours a day, a week and all; of other
    periods two, four and all. A window has as many sums one after the other as it has room for.

    >>> sum_lengths(28, Frequency.DAY), sum_lengths(8, Frequency.WEEK), sum_lengths(5, Frequency.DAY)
    ((7, 14, 28), (2, 4, 8), (5,))
    """
    usual = (2, 4, horizon)
    if frequency == Frequency.DAY:
        usual = (7, 14, 28)
    elif frequency == Frequency.HOUR:
        usual = (24, 168, horizon)
    return tuple(sorted({length for length in usual if 1 < length <= horizon} or {horizon}))


def score_sums(window: EvaluationWindow, paths: SamplePaths) -> pl.DataFrame:
    """The coverage of the ranges of sums in one window: ``days``, then the columns of the table ``ranges`` of
    `interval_scores.score_ranges`, of which there is one row for each level, length and nominal coverage.

    A day of a series that is not known counts neither in the actual sum nor in the paths.
    """
    horizon = window.known.shape[1]
    lengths = sum_lengths(horizon, paths.frequency)
    spans = [slice(at, at + days) for days in lengths for at in range(0, horizon - days + 1, days)]
    sums = paths.sums(window.groups, spans, PATHS, known=window.known)
    mean = np.where(window.known, paths.mean, 0)
    frames = []
    for days in lengths:
        chosen = [number for number, span in enumerate(spans) if span.stop - span.start == days]
        blocks = [spans[number] for number in chosen]
        forecasts: dict[Level, Forecast] = {}
        for groups, of_level in zip(window.groups, sums, strict=True):
            means = np.stack([groups.sum(mean[:, span]).sum(axis=1) for span in blocks], axis=1).astype(np.float32)
            dates = np.arange(len(blocks)).astype("datetime64[D]")  # the sums have no dates of their own
            forecast = Forecast(groups.frame, groups.level or ("total",), window.cutoff, dates, means)
            quantiles = quantiles_of_sums(of_level[:, chosen], _BOUNDS, paths.ranges.whole)
            forecasts[groups.level] = forecast.with_quantiles(_BOUNDS, quantiles)
        frames.append(_scores(_added_up(window, blocks), forecasts, paths.ranges.whole, days))
    return pl.concat(frames)


def _added_up(window: EvaluationWindow, blocks: list[slice]) -> EvaluationWindow:
    """The window with sums over blocks of days in place of the days; one without a known day is not known."""
    known = np.stack([window.known[:, span].any(axis=1) for span in blocks], axis=1)
    actual = []
    for values in window.actual:
        parts = [
            np.where(np.isnan(values[:, span]).all(axis=1), np.nan, np.nansum(values[:, span], axis=1))
            for span in blocks
        ]
        actual.append(np.stack(parts, axis=1))
    return replace(window, known=known, actual=tuple(actual), segments=window.segments.select([]))


def _scores(window: EvaluationWindow, forecasts: Mapping[Level, Forecast], whole: bool, days: int) -> pl.DataFrame:
    """The rows of whole levels."""
    scales = [np.ones(len(groups)) for groups in window.groups]
    table = score_ranges(window, forecasts, scales, whole)["ranges"].filter(pl.col("by") == "all")
    return table.select("level", pl.lit(days, pl.Int32).alias("days"), pl.exclude("level", "by", "segment"))


def coverage_of_sums(sums: pl.DataFrame) -> pl.DataFrame:
    """The coverage of the table ``sums`` over all windows: one row for each level, number of ``days`` and nominal one.

    Columns: ``windows``, ``coverage``, ``error``, ``open``, ``closed`` and ``relative_width``. ``error`` is the
    standard error over the windows, but at least that of as many independent sums with a right range, so that two
    windows that happen to be alike do not look exact. Levels come from the top down.
    """
    points = pl.col("points").sum()
    means = [((pl.col(name) * pl.col("points")).sum() / points) for name in ("coverage", "open", "closed")]
    over_windows = pl.col("coverage").std().fill_null(0.0) / pl.len().sqrt()
    nominal = pl.col("nominal").first()
    independent = (nominal * (1 - nominal) / points).sqrt()
    error = pl.max_horizontal(over_windows, independent).alias("error")
    width = ((pl.col("relative_width") * pl.col("points")).sum() / points).alias("relative_width")
    rows = sums.filter(pl.col("points") > 0).group_by("level", "days", "nominal", maintain_order=True)
    return rows.agg(pl.len().alias("windows"), means[0], error, *means[1:], width)


EMPTY = pl.DataFrame(
    schema={
        "cutoff": pl.Date,
        "learnt_from": pl.Int32,
        "level": pl.String,
        "days": pl.Int32,
        "nominal": pl.Float64,
        "points": pl.Int64,
        **dict.fromkeys(("coverage", "open", "closed", "width", "relative_width"), pl.Float64),
    }
)
"""The table ``sums`` where no window could be scored."""
