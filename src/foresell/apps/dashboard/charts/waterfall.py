"""Reasons that add up to a forecast, as steps from one to the next."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, rows, tooltip, worded
from foresell.apps.dashboard.session import Session
from foresell.pipeline.views.explanation import Why

_ROW = 30  # pixels of a reason
TOTAL = "Forecast"


def waterfall(session: Session, shown: Why) -> Spec:
    """The reasons from the top to the bottom; the last bar is the forecast. More and less have a sign and a colour."""
    table = steps(shown)
    palette, reader = session.palette, session.reader
    signed = pl.when(pl.col("kind") == "more").then(pl.concat_str(pl.lit("+"), "size")).otherwise(pl.col("size"))
    table = worded(reader, table, {"units": "size"}).with_columns(
        signed.str.replace("-", "−", literal=True).alias("size"), edge=pl.max_horizontal("begin", "end")
    )
    y = {"field": "reason", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 150, "ticks": False}}
    colours = {"domain": ["sum", "more", "less"], "range": [palette.forecast, palette.up, palette.down]}
    words = tooltip({"reason": "Reason", "size": "Units", "fact": "What is known"})
    bars = {
        "data": rows(table),
        "mark": {"type": "bar", "height": _ROW - 12},
        "encoding": {
            "y": y,
            "x": {"field": "begin", "type": "quantitative", "title": "Units", "axis": {"tickCount": 6}},
            "x2": {"field": "end"},
            "color": {"field": "kind", "type": "nominal", "scale": colours, "legend": None},
            "tooltip": words,
        },
    }
    labels = {
        "data": rows(table),
        "mark": {"type": "text", "align": "left", "dx": 6},
        "encoding": {
            "y": y,
            "x": {"field": "edge", "type": "quantitative"},
            "text": {"field": "size", "type": "nominal"},
            "tooltip": words,
        },
    }
    return chart(session, f"What makes the forecast of {shown.name}", [bars, labels], height=_ROW * table.height + 20)


def steps(shown: Why) -> pl.DataFrame:
    """The bars: ``reason``, ``fact``, ``units``, where they ``begin`` and ``end``, and ``kind``; reasons without an
    effect are left out."""
    changes = (pl.col("units") != 0) | (pl.int_range(pl.len()) == 0)
    table = shown.reasons.filter(changes).with_columns(end=pl.col("units").cum_sum())
    table = table.with_columns(begin=pl.col("end") - pl.col("units"))
    kind = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("sum")).when(pl.col("units") < 0).then(pl.lit("less"))
    table = table.with_columns(kind=kind.otherwise(pl.lit("more")))
    total = pl.DataFrame(
        {"reason": TOTAL, "fact": "", "units": shown.units, "begin": 0.0, "end": shown.units, "kind": "sum"}
    )
    columns = ["reason", "fact", "units", "begin", "end", "kind"]
    return pl.concat([table.select(columns), total.select(columns)])
