"""The chart of the next periods: the forecast beside the sales before and a year before."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts import base
from foresell.apps.dashboard.session import Session
from foresell.pipeline.views.today import Today

DASHES = {"forecast": [1, 0], "before": [6, 3], "last year": [2, 3]}


def next_periods(session: Session, shown: Today) -> base.Spec:
    """Lines of all sales: what is forecast, what was sold in the periods before, and in those of the last year."""
    names = {"ahead": "forecast", "before": "before", "last_year": "last year"}
    known = {column: name for column, name in names.items() if shown.days[column].count()}
    long = (
        shown.days.rename(known)
        .unpivot(list(known.values()), index="date", variable_name="what", value_name="units")
        .with_columns(pl.col("units").round(1))
    )
    palette = session.palette
    colours = {"forecast": palette.forecast, "before": palette.history, "last year": palette.last_year}
    domain = list(known.values())
    texts = base.worded(session.reader, long, {"date": "day_text", "units": "units_text"})
    axis = base.day_axis(session.reader, title="Time" if shown.days.schema["date"] == pl.Datetime else "Day")
    axis["axis"]["tickCount"] = shown.days.height  # none between the periods
    line = {
        "data": base.rows(texts),
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": axis,
            "y": base.number_axis("units", "Units of all sales"),
            "color": {
                "field": "what",
                "type": "nominal",
                "scale": {"domain": domain, "range": [colours[name] for name in domain]},
            },
            "strokeDash": {
                "field": "what",
                "type": "nominal",
                "scale": {"domain": domain, "range": [DASHES[name] for name in domain]},
            },
            "tooltip": base.tooltip({"what": "Line", "day_text": "Day", "units_text": "Units"}),
        },
    }
    return base.chart(session, f"All sales: {shown.title}", [line], height=260)
