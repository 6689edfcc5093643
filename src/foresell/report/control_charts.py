"""Control charts: what was sold beside what was forecast, figures week by week within their bands, and gauges.

What lies outside is drawn as a filled diamond and what lies inside as a ring, so that it can be told without colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from foresell.core.frequency import Frequency
from foresell.core.words import a, day, number, period
from foresell.report.axes import Scale
from foresell.report.canvas import BOTTOM, HEIGHT, TOP, WIDTH, Frame, days_of, framed, marks_of, path, spot, svg, tag
from foresell.report.canvas import band as area
from foresell.report.charts import STRIPS
from foresell.report.monitor_contents import ControlSeries, DailySales, Mark, MeasuredFigure

MOST = 1.6  # a band is drawn up to so many times the reach of the figures themselves
GAUGE = 132.0  # the width of a gauge


def daily(of: DailySales, marks: Sequence[Mark], frequency: Frequency, width: float = WIDTH) -> Markup:
    """A chart of daily sales and the forecast in use, with a dashed line where a version became the champion."""
    days = days_of(of.dates)
    unit = f"units {a(frequency.noun)}"
    frame = framed(days[0], days[-1], [*of.units, *of.forecast], unit, marks_of(of.dates[0], of.dates[-1]), width)
    drawn = [frame.axes, *_marked(frame, marks, days)]
    for values, kind in ((of.units, "history"), (of.forecast, "forecast in-use")):
        line = path([frame.x(when) for when in days], [frame.y(float(value)) for value in values])
        drawn.append(tag("path", d=line, class_=kind))
    drawn += _strips(frame, of, days, frequency)
    label = f"All sales and the forecast in use, by {frequency.noun}, {day(of.dates[0])} to {day(of.dates[-1])}"
    return svg(drawn, label, width)


def _strips(frame: Frame, of: DailySales, days: list[float], frequency: Frequency) -> list[Markup]:
    """A strip over each of the newest days that shows its numbers."""
    step = (frame.x(days[-1]) - frame.x(days[0])) / max(len(days) - 1, 1)
    strips = []
    for place in range(max(0, len(days) - STRIPS), len(days)):
        sold, forecast = (number(float(values[place])) for values in (of.units, of.forecast))
        text = f"{period(of.dates[place], frequency)}\nsold: {sold}\nforecast: {forecast}"
        size = {"x": frame.x(days[place]) - step / 2, "y": TOP, "width": step, "height": HEIGHT - BOTTOM - TOP}
        strips.append(tag("rect", tag("title", text), class_="hit", **size))
    return strips


def _marked(frame: Frame, marks: Sequence[Mark], days: list[float]) -> list[Markup]:
    """A dashed line at each mark, with its text where there is room for it."""
    drawn, last_text = [], -math.inf
    for mark in sorted(marks):
        when = days_of(np.array([np.datetime64(mark.day)]))[0]
        if not days[0] <= when <= days[-1]:
            continue
        x = frame.x(when)
        title = tag("title", f"{mark.text}, from {day(mark.day)}")
        drawn.append(tag("path", title, d=f"M{spot(x)} {TOP - 6}V{HEIGHT - BOTTOM}", class_="cutoff"))
        if x - last_text > 80:
            at_right = x > frame.x(days[-1]) - 70
            anchor = "marked end" if at_right else "marked start"
            drawn.append(tag("text", mark.text, x=x - 4 if at_right else x + 4, y=TOP - 8, class_=anchor))
            last_text = x
    return drawn


def weekly(
    of: ControlSeries,
    unit: str,
    label: str,
    marks: Sequence[Mark] = (),
    form: Callable[[float | None], str] = number,
    scale: float = 100.0,
    whole: bool = False,
    block: str = "week",
) -> Markup:
    """A chart of a figure by week (or another `block` of days), with its band.

    The axis shows `scale` times the figure; `form` writes a value in words. The band is drawn `whole`, or cut off where
    it would be far larger than the figure.
    """
    days = days_of(of.days)
    values, usual, low, high = (scale * np.asarray(line, float) for line in (of.values, of.usual, of.low, of.high))
    if not whole:
        low, high = _cut_band(values, usual, low, high)
    gap = 3.0 if len(days) > 1 else 1.0
    whole_days = of.days.astype("datetime64[D]")
    ticks = marks_of(whole_days[0], whole_days[-1])
    frame = framed(days[0] - gap, days[-1] + gap, [*values, *usual, *low, *high], unit, ticks)
    xs = [frame.x(when) for when in days]
    drawn = [frame.axes, *_bands(frame, xs, low, high)]
    drawn.append(tag("path", d=path(xs, [frame.y(float(value)) for value in usual]), class_="across"))
    drawn += _marked(frame, marks, days)
    drawn.append(tag("path", d=path(xs, [frame.y(float(value)) for value in values]), class_="history"))
    for place, x in enumerate(xs):
        if math.isfinite(values[place]):
            text = _week_text(of, place, form, block)
            drawn.append(_point(x, frame.y(float(values[place])), bool(of.outside[place]), text))
    return svg(drawn, label, kind="chart weekly")


def _week_text(of: ControlSeries, place: int, form: Callable[[float | None], str], block: str) -> str:
    """The text at the point of a week."""
    lines = [f"{block} to {day(of.days[place])}: {form(float(of.values[place]))}"]
    if math.isfinite(of.low[place]) and math.isfinite(of.high[place]):
        lines.append(f"usual: {form(float(of.low[place]))} to {form(float(of.high[place]))}")
    if of.versions:
        lines.append(f"version {of.versions[place]}")
    if of.outside[place]:
        lines.append("outside")
    return "\n".join(lines)


def _cut_band(
    values: np.ndarray, usual: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ends of a band, cut off where they would be far larger than what is drawn within."""
    inner = np.concatenate([values, usual])
    inner = inner[np.isfinite(inner)]
    if not len(inner):
        return low, high
    top, floor = max(inner.max(), 0.0), min(inner.min(), 0.0)
    reach = (MOST - 1) * max(top - floor, 1e-9)
    ends = floor - reach if floor < 0 or (np.isfinite(low) & (low < 0)).any() else 0.0
    return np.maximum(low, ends), np.minimum(high, top + reach)


def _bands(frame: Frame, xs: list[float], low: np.ndarray, high: np.ndarray) -> list[Markup]:
    """The band of each run of weeks that has one. A single week is drawn as a block."""
    known = np.isfinite(low) & np.isfinite(high)
    drawn = []
    for run in np.split(np.arange(len(xs)), np.flatnonzero(np.diff(known.astype(int))) + 1):
        if not len(run) or not known[run[0]]:
            continue
        alone = len(run) == 1
        at = [xs[run[0]] - 6, xs[run[0]] + 6] if alone else [xs[week] for week in run]
        ends = [[frame.y(float(side[week])) for week in run] * (2 if alone else 1) for side in (low, high)]
        drawn.append(tag("path", d=area(at, *ends), class_="band band-1"))
    return drawn


def _point(x: float, y: float, outside: bool, text: str) -> Markup:
    """A ring, or a filled diamond for a value outside its bounds."""
    if not outside:
        return tag("circle", tag("title", text), cx=x, cy=y, r=3.6, class_="point")
    shape = f"M{spot(x)} {spot(y - 6.5)}l6.5 6.5l-6.5 6.5l-6.5 -6.5Z"
    return tag("path", tag("title", text), d=shape, class_="diamond")


def gauge(measured: MeasuredFigure, least: float, most: float) -> Markup:
    """A figure on a line from `least` to `most`. The block shows its bounds, the tick its usual value, and the ring (a
    diamond where it lies outside) its value. The table has the numbers in words."""
    if measured.value is None:
        return Markup("")
    scale = Scale(least, most, 8, GAUGE - 8)

    def place(value: float) -> float:
        return scale(min(max(value, least), most))

    drawn = [tag("path", d=f"M2 9H{GAUGE - 2:g}", class_="grid")]
    if measured.judged and not measured.blind:
        left = place(least if measured.low is None else measured.low)
        right = place(most if measured.high is None else measured.high)
        drawn.append(tag("rect", x=left, y=4, width=max(right - left, 1), height=10, class_="allowed"))
    if measured.usual is not None:
        drawn.append(tag("path", d=f"M{spot(place(measured.usual))} 2v14", class_="zero"))
    outside = measured.outside or bool(measured.explained_by)
    drawn.append(_point(place(measured.value), 9.0, outside, ""))
    return tag("svg", Markup("").join(drawn), class_="gauge", viewBox=f"0 0 {GAUGE:g} 18", aria_hidden="true")


def reach(measured: Sequence[MeasuredFigure], least: float | None = None) -> tuple[float, float]:
    """The ends of the gauges of a table. They include all values and usual values, and the bounds as far as these are
    not far larger. `least` is the smallest possible value of the figure, where there is one.

    >>> reach([MeasuredFigure(0.1, 0.2, None, 9.0)], least=0.0)
    (0.0, 0.4)
    """
    values = [value for figure in measured for value in (figure.value, figure.usual) if value is not None]
    if not values:
        return 0.0, 1.0
    top, floor = max(*values, 0.0), min(*values, 0.0)
    width = max(top - floor, 0.02)
    bounded = [figure for figure in measured if not figure.blind]
    ends = [value for figure in bounded for value in (figure.low, figure.high) if value is not None]
    top = min(max([top, *ends]), top + width)
    floor = max(min([floor, *ends]), floor - width)
    return (floor if least is None else least), top
