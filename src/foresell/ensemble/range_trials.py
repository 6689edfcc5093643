"""Are the ranges right? Those of later windows, learnt from windows that had ended by then, and what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from foresell.adjust.ranges import Ranges
from foresell.adjust.reconciliation import all_levels
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.ensemble.backtest_ensemble import Ensemble, forecast_of
from foresell.evaluate.interval_scores import score_ranges
from foresell.evaluate.scores import Window
from foresell.evaluate.tested_window import Evidence, known_before
from foresell.evaluate.weights import absolute_scales

PROBABILITIES = (0.005, 0.025, 0.05, 0.1, 0.165, 0.25, 0.5, 0.75, 0.835, 0.9, 0.95, 0.975, 0.995)
"""The quantiles that are tried, whatever is asked for, so that another one asks for no other trial and scores compare
from project to project: the bounds of the ranges below, the median, and the rest of the nine of the M5."""

PROMISED = (0.5, 0.8, 0.9, 0.95)
"""The ranges that are."""


def try_ranges(
    panel: Panel,
    hierarchy: Hierarchy,
    made: Ensemble,
    tell: Callable[[str], None] = lambda doing: None,
) -> dict[str, pl.DataFrame]:
    """The tables ``ranges`` and ``quantiles`` of `intervals.score_ranges` for the later half of the windows.

    Each has the window's ``cutoff``, and how many windows its ranges were ``learnt_from``. `PROBABILITIES` are tried.
    Both are empty where no window had ended before the last one began.
    """
    evidence = made.evidence
    later = [each for each in evidence[len(evidence) // 2 :] if known_before(evidence, each.cutoff)]
    days = [panel.day_of(each.cutoff) for each in later]
    found: dict[str, list[pl.DataFrame]] = {"ranges": [], "quantiles": []}
    for each, scales in zip(later, absolute_scales(panel, hierarchy, days) if later else [], strict=True):
        tell(f"ranges after {each.cutoff}")
        for name, frame in _tried(panel, hierarchy, made, each, scales).items():
            learnt_from = pl.lit(known_before(evidence, each.cutoff), pl.Int32).alias("learnt_from")
            found[name].append(frame.select(pl.lit(each.cutoff).alias("cutoff"), learnt_from, pl.all()))
    return {name: pl.concat(frames) if frames else EMPTY[name] for name, frames in found.items()}


def held(ranges: pl.DataFrame) -> pl.DataFrame:
    """How often ranges held over all windows, for each level and each segment of the single series, from the top down.

    Columns: ``level``, ``by``, ``segment``, ``nominal``, ``coverage``, ``width`` in units, ``relative_width``
    (null where ranges had no width, or nothing was forecast).
    """
    means = [(pl.col(name) * pl.col("points")).sum() / pl.col("points").sum() for name in ("coverage", "width")]
    forecast = (pl.col("width") / pl.col("relative_width")).fill_nan(0.0)  # of a point; not known where the width is 0
    units = (forecast * pl.col("points")).sum()
    relative = pl.when(units > 0).then((pl.col("width") * pl.col("points")).sum() / units).alias("relative_width")
    rows = ranges.filter((pl.col("by") != "step") & (pl.col("points") > 0))
    return rows.group_by("level", "by", "segment", "nominal", maintain_order=True).agg(*means, relative)


def ranges_of(
    panel: Panel, hierarchy: Hierarchy, asked: Sequence[tuple[Window, Forecast]], ranges: Ranges
) -> pl.DataFrame:
    """The table ``ranges`` of `try_ranges` for forecasts of the single series and the `ranges` put round them."""
    scales = absolute_scales(panel, hierarchy, [panel.day_of(window.cutoff) for window, _ in asked])
    found = []
    for (window, forecast), scale in zip(asked, scales, strict=True):
        frame = _scored(panel, hierarchy, window, forecast, ranges, scale)["ranges"]
        found.append(frame.select(pl.lit(window.cutoff).alias("cutoff"), pl.all()))
    return pl.concat(found)


def _tried(panel: Panel, hierarchy: Hierarchy, made: Ensemble, at: Evidence, scales: tuple) -> dict[str, pl.DataFrame]:
    """The scores of one window."""
    past = panel.until(at.cutoff)
    ranges = Ranges.learn(made.alike(past, at.cutoff), past, hierarchy)
    return _scored(panel, hierarchy, at.window, forecast_of(past, made.mean(at.cutoff)), ranges, scales)


def _scored(
    panel: Panel,
    hierarchy: Hierarchy,
    window: Window,
    forecast: Forecast,
    ranges: Ranges,
    scales: tuple,
) -> dict[str, pl.DataFrame]:
    """The scores of ranges round a forecast of the single series."""
    means = all_levels(forecast, panel.series, hierarchy)
    forecasts = ranges.apply(means, panel.until(window.cutoff), hierarchy, PROBABILITIES, rounded=False)
    found = score_ranges(window, forecasts, scales, ranges.whole)
    return found | {"ranges": found["ranges"].filter(pl.col("nominal").is_in(PROMISED))}


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
"""The tables where nothing was tried."""
