"""Timelines as Altair charts. Altair is imported here only, when the first chart is drawn.

Colours are those of Okabe and Ito (2008), which colour-blind people can tell apart. Lines differ in their dashes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from foresell.core.extras import importing
from foresell.core.timeline import ForecastLine, Timeline
from foresell.core.words import share

if TYPE_CHECKING:
    import altair as alt

Chart: TypeAlias = "alt.LayerChart | alt.ConcatChart"

SOLD, SOLD_COLOUR = "sold", "#222222"
LINES = (
    ("#0072B2", (1, 0)),
    ("#D55E00", (6, 3)),
    ("#009E73", (2, 2)),
    ("#CC79A7", (8, 3, 2, 3)),
    ("#E69F00", (4, 4)),
    ("#56B4E9", (1, 3)),
)
"""The colour and dashes of the first, second ... forecast; further ones begin again."""

BANDS = ("#D3E5F2", "#9CC7E4", "#6AA9D4")  # from the widest range to the narrowest
_WIDTH, _HEIGHT, _COLUMNS = 720, 260, 2


def timelines_chart(timelines: Sequence[Timeline], title: str, subtitle: str, unit: str) -> Chart:
    """A chart with a panel for each timeline, two in a row, and one legend.

    Raises NotInstalled where Altair is missing.
    """
    with importing("plot"):
        import altair as alt

    names = list(dict.fromkeys(line.name for timeline in timelines for line in timeline.forecasts))
    shares = sorted({band.share for t in timelines for line in t.forecasts for band in line.ranges}, reverse=True)
    styles = {name: LINES[place % len(LINES)] for place, name in enumerate(names)}
    colours = {SOLD: SOLD_COLOUR, **{name: colour for name, (colour, _) in styles.items()}}
    colours |= {_range_name(width): BANDS[min(place, len(BANDS) - 1)] for place, width in enumerate(shares)}
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    several = len(timelines) > 1
    width, height = (_WIDTH // _COLUMNS, _HEIGHT // 2 + 30) if several else (_WIDTH, _HEIGHT)
    parts = [
        _panel(alt, timeline, scale, styles, unit, several).properties(width=width, height=height)
        for timeline in timelines
    ]
    chart = (
        alt.concat(*parts, columns=_COLUMNS, bounds="flush", spacing=56).resolve_scale(color="shared")
        if several
        else parts[0]
    )
    heading = alt.TitleParams(title, subtitle=subtitle or alt.Undefined, anchor="start")
    return (
        chart.properties(title=heading)
        .configure_view(stroke=None)
        .configure_axis(
            grid=True, gridColor="#e6e6e6", domainColor="#999999", tickColor="#999999", labelColor="#333333"
        )
        .configure_legend(orient="top", title=None, symbolStrokeWidth=3, labelLimit=300)
    )


def _panel(alt: Any, timeline: Timeline, scale: Any, styles: dict[str, Any], unit: str, several: bool) -> Any:
    """One timeline: ranges, then the sales, then the forecasts, and a line at each cutoff."""
    colour = alt.Color("line:N", scale=scale)
    x = alt.X("date:T", title=None, axis=alt.Axis(labelOverlap=True, labelSeparation=8))
    y = alt.Y("units:Q", title=unit)
    layers = []
    bands = [(line, band) for line in timeline.forecasts for band in sorted(line.ranges, key=lambda band: -band.share)]
    for line, band in bands:
        rows = _rows(line.dates, line=_range_name(band.share), units=band.low, high=band.high)
        shape = alt.Chart(_data(alt, rows))
        drawn = shape.mark_area() if len(rows) > 1 else shape.mark_rule(strokeWidth=12)
        layers.append(drawn.encode(x=x, y=y, y2="high:Q", color=colour))
    sold = _data(alt, _rows(timeline.dates, line=SOLD, units=timeline.units))
    layers.append(alt.Chart(sold).mark_line(strokeWidth=1.2).encode(x=x, y=y, color=colour))
    if timeline.cutoffs:
        cutoffs = _data(alt, _rows(np.array(timeline.cutoffs)))
        layers.append(alt.Chart(cutoffs).mark_rule(color="#888888", strokeDash=[3, 3]).encode(x=x))
    for line in timeline.forecasts:
        rows = _rows(line.dates, line=line.name, units=line.mean)
        dashes = list(styles[line.name][1])
        mean = alt.Chart(_data(alt, rows)).mark_line(strokeWidth=2, strokeDash=dashes, point=len(rows) == 1)
        layers.append(mean.encode(x=x, y=y, color=colour))
    layers.append(_tooltips(alt, timeline, x, y))
    layered = alt.layer(*layers)
    return layered.properties(title=alt.TitleParams(timeline.title, fontSize=11)) if several else layered


def _tooltips(alt: Any, timeline: Timeline, x: Any, y: Any) -> Any:
    """Dots that are not seen, and say at the pointer what a line is and has there."""
    rows = _rows(timeline.dates, line=SOLD, units=timeline.units)
    for line in timeline.forecasts:
        rows += [
            row | {"range": text}
            for row, text in zip(_rows(line.dates, line=line.name, units=line.mean), _ranges(line), strict=True)
        ]
    hourly = np.datetime_data(timeline.dates.dtype)[0] != "D"
    tooltip = [
        alt.Tooltip("date:T", format="%a %d %b %Y %H:%M" if hourly else "%a %d %b %Y"),
        alt.Tooltip("line:N"),
        alt.Tooltip("units:Q", format=",.1f"),
    ]
    if any(line.ranges for line in timeline.forecasts):
        tooltip.append(alt.Tooltip("range:N"))
    return alt.Chart(_data(alt, rows)).mark_circle(size=40, opacity=0).encode(x=x, y=y, tooltip=tooltip)


def _ranges(line: ForecastLine) -> list[str]:
    """The ranges of each step in words."""
    return [
        ", ".join(f"{share(band.share)}: {band.low[step]:,.1f} to {band.high[step]:,.1f}" for band in line.ranges)
        for step in range(len(line.dates))
    ]


def _rows(dates: np.ndarray, line: str | None = None, **values: np.ndarray) -> list[dict[str, Any]]:
    """A row for each date. A time is written too, because Vega takes a bare date for midnight in London."""
    rows: list[dict[str, Any]] = [{"date": str(when)} for when in dates.astype("datetime64[s]")]
    for row in rows if line is not None else ():
        row["line"] = line
    for name, column in values.items():
        for row, value in zip(rows, column, strict=True):
            row[name] = round(float(value), 4) if np.isfinite(value) else None
    return rows


def _data(alt: Any, rows: list[dict[str, Any]]) -> Any:
    """Rows as they stand in the chart; Altair refuses more than 5,000 of a table, which a long history has."""
    return alt.InlineData(values=rows)


def _range_name(width: float) -> str:
    return f"{share(width)} range"
