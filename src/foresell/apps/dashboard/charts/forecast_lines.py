"""The forecast of a group with its range, what was sold, the year before, and earlier forecasts."""

from __future__ import annotations

from typing import Any

import polars as pl

from foresell.apps.dashboard.charts.base import Spec, chart, day_axis, number_axis, rows, tooltip, worded
from foresell.apps.dashboard.session import Session
from foresell.pipeline.views.forecast import GroupForecast

SOLD, FORECAST, LAST_YEAR, EARLIER = "Sold", "Forecast", "The year before", "Earlier forecast"
_DASHES = {SOLD: [1, 0], FORECAST: [6, 2], LAST_YEAR: [2, 3], EARLIER: [8, 3, 2, 3]}


def forecast_chart(session: Session, shown: GroupForecast) -> Spec:
    """The forecast after the history; incomplete periods at the end are left out where others are whole."""
    ahead = shown.forecast.filter("whole") if shown.forecast["whole"].any() else shown.forecast
    join = shown.history.tail(1).select("date", units="units")
    lines = pl.concat(
        [
            shown.history.select("date", "units", line=pl.lit(SOLD)),
            pl.concat([join, ahead.select("date", "units")]).select("date", "units", line=pl.lit(FORECAST)),
            pl.concat([shown.history, ahead], how="diagonal_relaxed").select(
                "date", units="last_year", line=pl.lit(LAST_YEAR)
            ),
        ]
    )
    title = f"Units by {shown.by}"
    return chart(
        session,
        title,
        [
            *_band(session, ahead, shown.by),
            _lines(session, lines, [SOLD, FORECAST, LAST_YEAR], shown.by),
            *_events(session, shown, lines),
        ],
    )


def earlier_chart(session: Session, shown: GroupForecast) -> Spec:
    """Earlier forecasts beside what came."""
    first = shown.earlier["date"].min()
    sold = shown.history.filter(pl.col("date") >= first) if first is not None else shown.history
    lines = pl.concat(
        [
            sold.select("date", "units", line=pl.lit(SOLD), made=pl.lit("")),
            shown.earlier.select(
                "date", units="forecast", line=pl.lit(EARLIER), made=pl.col("made_after").cast(pl.String)
            ),
        ]
    )
    layer = _lines(session, lines, [SOLD, EARLIER], shown.by)
    layer["encoding"]["detail"] = {"field": "made", "type": "nominal"}
    return chart(session, f"What was forecast, and what was sold, by {shown.by}", [layer])


def _lines(session: Session, lines: pl.DataFrame, names: list[str], by: str) -> Spec:
    palette = session.palette
    colours = {
        SOLD: palette.history,
        FORECAST: palette.forecast,
        LAST_YEAR: palette.last_year,
        EARLIER: palette.earlier,
    }
    table = worded(session.reader, lines, {"date": "day", "units": "amount"})
    channel: dict[str, Any] = {"field": "line", "type": "nominal"}
    return {
        "data": rows(table),
        "mark": {"type": "line", "point": {"size": 12, "filled": True}},
        "encoding": {
            "x": day_axis(session.reader, title=None),
            "y": number_axis("units", f"Units a {by}"),
            "color": {**channel, "scale": {"domain": names, "range": [colours[name] for name in names]}},
            "strokeDash": {**channel, "scale": {"domain": names, "range": [_DASHES[name] for name in names]}},
            "tooltip": tooltip({"line": " ", "day": by.capitalize(), "amount": "Units"}),
        },
    }


def _band(session: Session, ahead: pl.DataFrame, by: str) -> list[Spec]:
    """The range; nothing where there is none."""
    known = ahead.filter(pl.col("low").is_not_null() & pl.col("low").is_not_nan())
    if known.is_empty():
        return []
    table = worded(session.reader, known, {"date": "day", "low": "from", "high": "to"})
    words = tooltip({"day": "Day", "from": "From", "to": "To"})
    x, y = day_axis(session.reader, title=None), number_axis("low", f"Units a {by}")
    band = {"type": "area", "opacity": 0.22, "color": session.palette.band}
    if known.height == 1:
        band = {"type": "rule", "strokeWidth": 8, "opacity": 0.35, "color": session.palette.band}
    return [
        {
            "data": rows(table),
            "mark": band,
            "encoding": {"x": x, "y": y, "y2": {"field": "high"}, "tooltip": words},
        }
    ]


def _events(session: Session, shown: GroupForecast, lines: pl.DataFrame) -> list[Spec]:
    """Events as marks at the foot; only where a period is a day or an hour."""
    if shown.events.is_empty() or shown.by not in ("day", "hour"):
        return []
    begin = lines["date"].min()
    kept = shown.events.filter(pl.col("date").cast(pl.Date) >= pl.lit(begin).cast(pl.Date))
    table = worded(session.reader, kept.with_columns(zero=0.0), {"date": "day"})
    mark = {"type": "point", "shape": "triangle-up", "size": 70, "filled": True, "color": session.palette.muted}
    return [
        {
            "data": rows(table),
            "mark": mark,
            "encoding": {
                "x": day_axis(session.reader, title=None),
                "y": number_axis("zero", f"Units a {shown.by}"),
                "tooltip": tooltip({"event": "Event", "day": "Day"}),
            },
        }
    ]
