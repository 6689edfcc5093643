"""What the rule of orders would have cost in the past, against the share of the demand that it would have met."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, number_axis, rows, tooltip, worded
from foresell.apps.dashboard.session import Session


def spec(session: Session, curve: pl.DataFrame, chosen: float) -> Spec:
    """The chart of a `curve` with ``fractile``, ``fill_rate`` and ``cost``; that of the `chosen` fractile is marked."""
    palette, reader = session.palette, session.reader
    shares = (("fractile", "service"), ("fill_rate", "filled"))
    points = worded(reader, curve, {"cost": "money"}).with_columns(
        pl.Series(name, [reader.share(value, 1) for value in curve[column]]) for column, name in shares
    )
    x = {
        "field": "fill_rate",
        "type": "quantitative",
        "title": "Share of the demand met in the past",
        "axis": {"format": ".0%"},
        "scale": {"zero": False},
    }
    hint = tooltip({"service": "Service", "filled": "Demand met", "money": "Cost"})
    shared = {"x": x, "y": number_axis("cost", "Cost in the past, in money")}
    line = {
        "data": rows(points),
        "mark": {"type": "line", "point": {"size": 50, "color": palette.forecast}, "color": palette.forecast},
        "encoding": {**shared, "order": {"field": "fractile"}, "tooltip": hint},
    }
    here = rows(points.filter(pl.col("fractile") == chosen))
    mark = {
        "data": here,
        "mark": {"type": "point", "shape": "diamond", "size": 260, "filled": True, "color": palette.down},
        "encoding": {**shared, "tooltip": hint},
    }
    label = {
        "data": here,
        "mark": {"type": "text", "dy": -16},
        "encoding": {**shared, "text": {"field": "service"}},
    }
    return chart(session, "What more service costs", [line, mark, label], height=280)
