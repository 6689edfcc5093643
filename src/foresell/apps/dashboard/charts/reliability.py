"""The reliability diagram: how much of the sales lay below each quantile, beside what was expected."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, rows, tooltip
from foresell.apps.dashboard.session import Session

DASHES: tuple[list[int], ...] = ([], [6, 3], [2, 2], [8, 3, 2, 3])
"""Of the lines of the levels, which are told apart without their colours too."""


def reliability(session: Session, calibration: pl.DataFrame) -> Spec:
    """The chart of a table of ``level``, ``probability`` and ``observed``, of at most four levels."""
    reader, colours = session.reader, session.palette
    levels = calibration["level"].unique(maintain_order=True).to_list()
    percent = calibration.with_columns(
        *(pl.Series(f"{name}_text", [reader.share(value, 1) for value in calibration[name]], pl.String)
          for name in ("probability", "observed"))
    )  # fmt: skip
    axis = {"format": ".0%", "tickCount": 5}
    scale = {"domain": [0, 1]}
    x = {"field": "probability", "type": "quantitative", "title": "Expected share of sales below", "axis": axis}
    y = {"field": "observed", "type": "quantitative", "title": "Observed share of sales below", "axis": axis}
    palette = [colours.forecast, colours.earlier, colours.up, colours.ink][: len(levels)]
    line = {
        "data": rows(percent),
        "mark": {"type": "line", "point": {"size": 45}, "strokeWidth": 2},
        "encoding": {
            "x": {**x, "scale": scale},
            "y": {**y, "scale": scale},
            "color": {"field": "level", "type": "nominal", "scale": {"domain": levels, "range": palette}},
            "strokeDash": {
                "field": "level", "type": "nominal", "scale": {"domain": levels, "range": list(DASHES[: len(levels)])}
            },
            "tooltip": tooltip({"level": "Level", "probability_text": "Expected", "observed_text": "Observed"}),
        },
    }  # fmt: skip
    ideal = {
        "data": {"values": [{"probability": 0, "observed": 0}, {"probability": 1, "observed": 1}]},
        "mark": {"type": "line", "color": colours.muted, "strokeWidth": 1},
        "encoding": {"x": {**x, "scale": scale}, "y": {**y, "scale": scale}},
    }
    return chart(session, "Does each quantile hold?", [ideal, line], height=360)
