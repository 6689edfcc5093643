"""The forecast as it is, and as it would be."""

from __future__ import annotations

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, day_axis, number_axis, rows, tooltip, worded
from foresell.apps.dashboard.session import Session
from foresell.pipeline.views.what_if import ShownWhatIf

BEFORE, AFTER = "As it is", "As it would be"


def before_after(session: Session, shown: ShownWhatIf) -> Spec:
    """Two lines over the days ahead."""
    lines = pl.concat(
        [
            shown.days.select("date", units="before", line=pl.lit(BEFORE)),
            shown.days.select("date", units="after", line=pl.lit(AFTER)),
        ]
    )
    table = worded(session.reader, lines, {"date": "day", "units": "amount"})
    names, palette = [BEFORE, AFTER], session.palette
    scale = {"domain": names, "range": [palette.forecast, palette.earlier]}
    dashes = {"domain": names, "range": [[1, 0], [6, 3]]}
    layer = {
        "data": rows(table),
        "mark": {"type": "line", "point": {"size": 14, "filled": True}},
        "encoding": {
            "x": day_axis(session.reader, title=None),
            "y": number_axis("units", "Units"),
            "color": {"field": "line", "type": "nominal", "scale": scale},
            "strokeDash": {"field": "line", "type": "nominal", "scale": dashes},
            "tooltip": tooltip({"line": " ", "day": "Day", "amount": "Units"}),
        },
    }
    return chart(session, f"Forecast of {shown.name}, before and after", [layer])
