"""How far the forecast of all sales was too high or too low, by how far ahead it looked."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, rows, tooltip
from foresell.apps.dashboard.session import Session


def bias_by_step(session: Session, biases: pl.DataFrame, period: str) -> Spec:
    """The chart of the table `Trust.bias_by_step`: a dot for each step, and a line as far as chance may have it off."""
    reader, colours = session.reader, session.palette
    table = biases.select(
        pl.col("name").cast(pl.Int64).alias("step"),
        "bias",
        (pl.col("bias") - pl.col("reach")).alias("low"),
        (pl.col("bias") + pl.col("reach")).alias("high"),
        "verdict",
        pl.Series("bias_text", [reader.change(value, 1) for value in biases["bias"]], pl.String),
        pl.Series("reach_text", [f"± {reader.share(value, 1)}" for value in biases["reach"]], pl.String),
    )
    x = {"field": "step", "type": "quantitative", "title": f"{period.capitalize()}s ahead", "axis": {"tickMinStep": 1}}
    axis = {"format": "+.0%"}
    shown = tooltip({"step": f"{period.capitalize()}s ahead", "bias_text": "Bias", "reach_text": "Chance",
                     "verdict": "Verdict"})  # fmt: skip
    title = "Forecast above (+) or below (−) sales"
    y = {"field": "bias", "type": "quantitative", "title": title, "axis": axis}
    spread = {
        "data": rows(table.drop_nulls("low")),
        "mark": {"type": "rule", "color": colours.muted},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "tooltip": shown},
    }
    dots = {
        "data": rows(table),
        "mark": {"type": "point", "filled": True, "size": 55, "color": colours.forecast},
        "encoding": {"x": x, "y": y, "tooltip": shown},
    }
    zero = {"data": {"values": [{"bias": 0}]}, "mark": {"type": "rule", "color": colours.ink}, "encoding": {"y": y}}
    return chart(session, "Bias by how far ahead", [zero, spread, dots], height=260)
