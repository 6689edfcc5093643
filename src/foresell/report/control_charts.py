"""Control charts: what was sold beside what was forecast, figures week by week within their bands, and gauges.

What lies outside is drawn as a filled diamond and what lies inside as a ring, so that it can be told without colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from foresell.core.frequency import Frequency
from foresell.core.words import day, number, period
from foresell.report.axes import Scale
from foresell.report.canvas import BOTTOM, HEIGHT, TOP, WIDTH, Frame, days_of, framed, marks_of, path, spot, svg, tag
from foresell.report.canvas import band as area
from foresell.report.charts import STRIPS
from foresell.report.monitor_contents import Course, Days, Mark, Measured

MOST = 1.6  # how many times as far as the figures themselves a band is drawn at most
GAUGE = 132.0  # its width


def daily(of: Days, marks: Sequence[Mark], frequency: Frequency, width: float = WIDTH) -> Markup:
    """Sales and the forecast in use, day by day; dashed where a version became the champion."""
    days = days_of(of.dates)
    unit = f"units a {frequency.noun}"
    frame = framed(days[0], days[-1], [*of.units, *of.forecast], unit, marks_of(of.dates[0], of.dates[-1]), width)
    drawn = [frame.axes, *_marked(frame, marks, days)]
    for values, kind in ((of.units, "history"), (of.forecast, "forecast in-use")):
        line = path([frame.x(when) for when in days], [frame.y(float(value)) for value in values])
        drawn.append(tag("path", d=line, class_=kind))
    drawn += _strips(frame, of, days, frequency)
    label = f"All sales and the forecast in use, by {frequency.noun}, {day(of.dates[0])} to {day(of.dates[-1])}"
    return svg(drawn, label, width)


def _strips(frame: Frame, of: Days, days: list[float], frequency: Frequency) -> list[Markup]:
    """A strip over each of the newest days that says its numbers."""
    step = (frame.x(days[-1]) - frame.x(days[0])) / max(len(days) - 1, 1)
    found = []
    for place in range(max(0, len(days) - STRIPS), len(days)):
        sold, forecast = (number(float(values[place])) for values in (of.units, of.forecast))
        said = f"{period(of.dates[place], frequency)}\nsold: {sold}\nforecast: {forecast}"
        size = {"x": frame.x(days[place]) - step / 2, "y": TOP, "width": step, "height": HEIGHT - BOTTOM - TOP}
        found.append(tag("rect", tag("title", said), class_="hit", **size))
    return found


def _marked(frame: Frame, marks: Sequence[Mark], days: list[float]) -> list[Markup]:
    """A dashed line where each mark stands, with its text where there is room for it."""
    drawn, taken = [], -math.inf
    for mark in sorted(marks):
        when = days_of(np.array([mark.day], "datetime64[D]"))[0]
        if not days[0] <= when <= days[-1]:
            continue
        x = frame.x(when)
        said = tag("title", f"{mark.text}, from {day(mark.day)}")
        drawn.append(tag("path", said, d=f"M{spot(x)} {TOP - 6}V{HEIGHT - BOTTOM}", class_="cutoff"))
        if x - taken > 80:
            late = x > frame.x(days[-1]) - 70
            anchor = "marked end" if late else "marked start"
            drawn.append(tag("text", mark.text, x=x - 4 if late else x + 4, y=TOP - 8, class_=anchor))
            taken = x
    return drawn


def weekly(
    of: Course,
    unit: str,
    label: str,
    marks: Sequence[Mark] = (),
    form: Callable[[float | None], str] = number,
    scale: float = 100.0,
    whole: bool = False,
    block: str = "week",
) -> Markup:
    """A figure week by week (or by another `block` of days) within its band; `scale` is what it is multiplied with on
    the axis, `form` its words. The band is shown `whole`, or as far as it does not dwarf the figure."""
    days = days_of(of.days)
    values, usual, low, high = (scale * np.asarray(each, float) for each in (of.values, of.usual, of.low, of.high))
    if not whole:
        low, high = _drawn(values, usual, low, high)
    gap = 3.0 if len(days) > 1 else 1.0
    ticks = marks_of(of.days[0], of.days[-1])
    frame = framed(days[0] - gap, days[-1] + gap, [*values, *usual, *low, *high], unit, ticks)
    xs = [frame.x(when) for when in days]
    drawn = [frame.axes, *_bands(frame, xs, low, high)]
    drawn.append(tag("path", d=path(xs, [frame.y(float(each)) for each in usual]), class_="across"))
    drawn += _marked(frame, marks, days)
    drawn.append(tag("path", d=path(xs, [frame.y(float(each)) for each in values]), class_="history"))
    for place, x in enumerate(xs):
        if math.isfinite(values[place]):
            said = _week_said(of, place, form, block)
            drawn.append(_point(x, frame.y(float(values[place])), bool(of.outside[place]), said))
    return svg(drawn, label, kind="chart weekly")


def _week_said(of: Course, place: int, form: Callable[[float | None], str], block: str) -> str:
    """What stands over the point of a week."""
    lines = [f"{block} to {day(of.days[place])}: {form(float(of.values[place]))}"]
    if math.isfinite(of.low[place]) and math.isfinite(of.high[place]):
        lines.append(f"usual: {form(float(of.low[place]))} to {form(float(of.high[place]))}")
    if of.versions:
        lines.append(f"version {of.versions[place]}")
    if of.outside[place]:
        lines.append("outside")
    return "\n".join(lines)


def _drawn(values: np.ndarray, usual: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of a band, cut off where they would dwarf what is drawn within it."""
    seen = np.concatenate([values, usual])
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return low, high
    top, floor = max(seen.max(), 0.0), min(seen.min(), 0.0)
    reach = (MOST - 1) * max(top - floor, 1e-9)
    ends = floor - reach if floor < 0 or (np.isfinite(low) & (low < 0)).any() else 0.0
    return np.maximum(low, ends), np.minimum(high, top + reach)


def _bands(frame: Frame, xs: list[float], low: np.ndarray, high: np.ndarray) -> list[Markup]:
    """The band of each run of weeks that has one; a week that stands alone gets a block."""
    known = np.isfinite(low) & np.isfinite(high)
    drawn = []
    for run in np.split(np.arange(len(xs)), np.flatnonzero(np.diff(known.astype(int))) + 1):
        if not len(run) or not known[run[0]]:
            continue
        alone = len(run) == 1
        at = [xs[run[0]] - 6, xs[run[0]] + 6] if alone else [xs[each] for each in run]
        ends = [[frame.y(float(side[each])) for each in run] * (2 if alone else 1) for side in (low, high)]
        drawn.append(tag("path", d=area(at, *ends), class_="band band-1"))
    return drawn


def _point(x: float, y: float, outside: bool, said: str) -> Markup:
    """A ring, or a filled diamond for what lies outside."""
    if not outside:
        return tag("circle", tag("title", said), cx=x, cy=y, r=3.6, class_="point")
    shape = f"M{spot(x)} {spot(y - 6.5)}l6.5 6.5l-6.5 6.5l-6.5 -6.5Z"
    return tag("path", tag("title", said), d=shape, class_="diamond")


def gauge(one: Measured, least: float, most: float) -> Markup:
    """A figure on a line from `least` to `most`: the block is between what it may lie, the tick what is usual, the ring
    (or diamond: outside) where it stands. The numbers are beside it in words."""
    if one.value is None:
        return Markup("")
    at = Scale(least, most, 8, GAUGE - 8)
    drawn = [tag("path", d=f"M2 9H{GAUGE - 2:g}", class_="grid")]
    if one.judged:
        ends = [at(min(max(each, least), most)) for each in (_or(one.low, least), _or(one.high, most))]
        drawn.append(tag("rect", x=ends[0], y=4, width=max(ends[1] - ends[0], 1), height=10, class_="allowed"))
    if one.usual is not None:
        drawn.append(tag("path", d=f"M{spot(at(min(max(one.usual, least), most)))} 2v14", class_="zero"))
    drawn.append(_point(at(min(max(one.value, least), most)), 9.0, one.outside, ""))
    return tag("svg", Markup("").join(drawn), class_="gauge", viewBox=f"0 0 {GAUGE:g} 18", aria_hidden="true")


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def reach(measured: Sequence[Measured], least: float | None = None) -> tuple[float, float]:
    """From where to where the gauges of a table go: what is measured and usual, and bounds as far as they do not dwarf
    it; `least` is where the figure begins, where it has a beginning.

    >>> reach([Measured(0.1, 0.2, None, 9.0)], least=0.0)
    (0.0, 0.4)
    """
    seen = [value for one in measured for value in (one.value, one.usual) if value is not None]
    if not seen:
        return 0.0, 1.0
    top, floor = max(*seen, 0.0), min(*seen, 0.0)
    width = max(top - floor, 0.02)
    ends = [value for one in measured for value in (one.low, one.high) if value is not None]
    top = min(max([top, *ends]), top + width)
    floor = max(min([floor, *ends]), floor - width)
    return (floor if least is None else least), top
