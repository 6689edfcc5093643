"""The error of the forecasts as they were used, week by week, beside that of seasonal naive."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, day_axis, rows, tooltip, worded
from foresell.apps.dashboard.session import Session


def used_accuracy(session: Session, used: pl.DataFrame) -> Spec:
    """The chart of the table `Trust.used`."""
    reader, colours = session.reader, session.palette
    kinds = {"wape": "Forecast", "wape_naive": "Seasonal naive"}
    long = used.unpivot(list(kinds), index=["first", "last"], variable_name="kind", value_name="error")
    long = long.with_columns(
        pl.col("kind").replace(kinds),
        pl.Series("error_text", [reader.share(value, 1) for value in long["error"]], pl.String),
    )
    long = worded(reader, long, {"first": "first_text", "last": "last_text"})
    names = list(kinds.values())
    line = {
        "data": rows(long),
        "mark": {"type": "line", "point": {"size": 45}},
        "encoding": {
            "x": day_axis(reader, "last", "Week up to"),
            "y": {"field": "error", "type": "quantitative", "title": "Absolute error to sales (WAPE)",
                  "axis": {"format": ".0%"}},
            "color": {"field": "kind", "type": "nominal",
                      "scale": {"domain": names, "range": [colours.forecast, colours.earlier]}},
            "strokeDash": {"field": "kind", "type": "nominal", "scale": {"domain": names, "range": [[], [6, 3]]}},
            "tooltip": tooltip({"kind": "Of", "first_text": "From", "last_text": "To", "error_text": "Error"}),
        },
    }  # fmt: skip
    return chart(session, "Error of the forecasts as they were used", [line], height=280)
