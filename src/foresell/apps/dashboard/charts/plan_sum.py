"""The parts of a sum as a waterfall: each bar begins where the one before it ended, and the last is the sum."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, number_axis, rows, tooltip, worded
from foresell.apps.dashboard.session import Session


def spec(session: Session, title: str, parts: pl.DataFrame, unit: str, total: str = "quantity") -> Spec:
    """The chart of `parts`, which have the columns ``part`` and ``amount``; `total` is what their sum is called."""
    palette = session.palette
    end = pl.col("amount").cum_sum()
    sign = pl.when(pl.col("amount") < 0).then(pl.lit("− takes off")).otherwise(pl.lit("+ adds"))
    bars = parts.with_columns(begin=end - pl.col("amount"), end=end, what=sign)
    amount = float(parts["amount"].sum())
    last = pl.DataFrame(
        {"part": [f"= {total}"], "amount": [amount], "begin": [0.0], "end": [amount], "what": ["= sum"]}
    )
    bars = worded(session.reader, pl.concat([bars, last]), {"amount": "shown"})
    bars = bars.with_columns(top=pl.max_horizontal("begin", "end"))
    order = bars["part"].to_list()
    x = {"field": "part", "type": "nominal", "sort": order, "title": None, "axis": {"labelAngle": 0, "labelLimit": 110}}
    colours = {"domain": ["+ adds", "− takes off", "= sum"], "range": [palette.up, palette.down, palette.forecast]}
    bar = {
        "data": rows(bars),
        "mark": {"type": "bar", "size": 36},
        "encoding": {
            "x": x,
            "y": number_axis("begin", unit),
            "y2": {"field": "end"},
            "color": {"field": "what", "type": "nominal", "scale": colours},
            "tooltip": tooltip({"part": "Part", "shown": unit}),
        },
    }
    text = {
        "data": rows(bars),
        "mark": {"type": "text", "dy": -7},
        "encoding": {"x": x, "y": {"field": "top", "type": "quantitative"}, "text": {"field": "shown"}},
    }
    return chart(session, title, [bar, text], height=260)
