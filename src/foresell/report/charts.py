"""Charts as inline SVG: lines with bands, columns and bars. The style sheet has the colours, dashes and text sizes.

Every function returns `Markup` in which all text from data is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from foresell.core.frequency import Frequency
from foresell.core.words import a, day, number, period
from foresell.report.axes import Scale, ticks
from foresell.report.canvas import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    band,
    days_of,
    framed,
    marks_of,
    path,
    spot,
    svg,
    tag,
)
from foresell.report.contents import SeriesExample

STRIPS = 300  # days of a chart that show their numbers at the pointer


def timeline(example: SeriesExample, frequency: Frequency = Frequency.DAY, width: float = WIDTH) -> Markup:
    """The sales, the forecast with its ranges, and the forecast of the last window of the backtest, on one axis."""
    past, ahead, tested = days_of(example.dates), days_of(example.ahead), days_of(example.tested_dates)
    bounds = [value for limits in example.bands for value in (*limits.low, *limits.high)]
    values = [*example.units, *example.mean, *example.tested, *bounds]
    dates = np.sort(np.concatenate([example.dates, example.ahead]))
    marks = marks_of(dates[0], dates[-1])
    frame = framed(min(past + ahead), max(past + ahead), values, f"units {a(frequency.noun)}", marks, width)
    drawn = [frame.axes, *_bands(frame, example, ahead)]
    if past and ahead:
        middle = spot(frame.x((past[-1] + ahead[0]) / 2))
        drawn.append(tag("path", d=f"M{middle} {TOP - 8}V{HEIGHT - BOTTOM}", class_="cutoff"))
    for days, line, kind in (
        (past, example.units, "history"),
        (tested, example.tested, "tested"),
        (ahead, example.mean, "forecast"),
    ):
        if len(days):
            shape = path([frame.x(when) for when in days], [frame.y(float(value)) for value in line])
            drawn.append(tag("path", d=shape, class_=kind))
    drawn += _hover(frame, example, frequency)
    label = f"{example.name}: sales until {day(example.dates[-1])}, forecast until {day(example.ahead[-1])}"
    return svg(drawn, label, width)


def _bands(frame: Frame, example: SeriesExample, ahead: list[float]) -> list[Markup]:
    """The ranges as areas; a forecast of one step has blocks of some width."""
    one_step = len(ahead) == 1
    xs = [frame.x(ahead[0]) - 5, frame.x(ahead[0]) + 5] if one_step else [frame.x(when) for when in ahead]
    drawn = []
    for layer, limits in enumerate(example.bands, 1):
        sides = (limits.low, limits.high)
        low, high = ([frame.y(float(value)) for value in side] * (2 if one_step else 1) for side in sides)
        drawn.append(tag("path", d=band(xs, low, high), class_=f"band band-{layer}"))
    return drawn


def _hover(frame: Frame, example: SeriesExample, frequency: Frequency) -> list[Markup]:
    """A strip over each day that shows its numbers; in a very long chart only over the days ahead, to keep it small."""
    texts: dict[float, tuple[np.datetime64, list[str]]] = {}
    for dates, values, words in (
        (example.dates, example.units, "sold"),
        (example.tested_dates, example.tested, "forecast in the test"),
    ):
        for place, when, value in zip(days_of(dates), dates, values, strict=True):
            texts.setdefault(place, (when, []))[1].append(f"{words}: {number(float(value))}")
    for step, (place, when) in enumerate(zip(days_of(example.ahead), example.ahead, strict=True)):
        ranges = [
            f"{b.share:.0%} range: {number(float(b.low[step]))} to {number(float(b.high[step]))}" for b in example.bands
        ]
        texts.setdefault(place, (when, []))[1].extend([f"forecast: {number(float(example.mean[step]))}", *ranges])
    places = sorted(texts)
    step_width = (frame.x(places[-1]) - frame.x(places[0])) / max(len(places) - 1, 1)
    if len(places) > STRIPS:
        places = days_of(example.ahead)
    return [
        tag(
            "rect",
            tag("title", "\n".join([period(texts[place][0], frequency), *texts[place][1]])),
            x=frame.x(place) - step_width / 2,
            y=TOP,
            width=step_width,
            height=HEIGHT - BOTTOM - TOP,
            class_="hit",
        )
        for place in places
    ]


def curve(dates: np.ndarray, values: np.ndarray, unit: str, label: str) -> Markup:
    """One line over dates; values [date], NaN where not known."""
    days = days_of(dates)
    frame = framed(days[0], days[-1], values, unit, marks_of(dates[0], dates[-1]))
    line = path([frame.x(when) for when in days], [frame.y(float(value)) for value in values])
    return svg([frame.axes, tag("path", d=line, class_="history")], label)


def lines(series: Mapping[str, tuple[Sequence[float], Sequence[float]]], unit: str, x_unit: str, label: str) -> Markup:
    """One line (xs, ys) for each name, with different dashes; the first line is the most important one."""
    every_x = [float(value) for xs, _ in series.values() for value in xs]
    first, last = min(every_x), max(every_x)
    marks = [mark for mark in ticks(first, last, 8) if first <= mark <= last and mark == int(mark)]
    values = [float(value) for _, ys in series.values() for value in ys]
    frame = framed(first, last, values, unit, [(mark, f"{mark:g}") for mark in marks])
    drawn = [frame.axes, tag("text", x_unit, x=WIDTH - RIGHT, y=HEIGHT - BOTTOM - 6, class_="unit end")]
    for place, (who, (xs, ys)) in enumerate(series.items()):
        shape = path([frame.x(float(x)) for x in xs], [frame.y(float(y)) for y in ys])
        title = tag("title", who)
        drawn.append(tag("path", title, d=shape, class_=f"line line-{min(place, 5) + 1}"))
    return svg(drawn, label)


def columns(
    names: Sequence[str],
    values: Sequence[float],
    unit: str,
    label: str,
    *,
    spread: Sequence[float] = (),
    clear: Sequence[bool] = (),
    lines: Sequence[float] = (),
) -> Markup:
    """A column for each name, up or down from zero; a `clear` column has another colour.

    `spread` is the length of the whiskers to either side, NaN for none. A whisker much longer than the columns is cut
    and has no end. `lines` are values of dashed lines across the chart.
    """
    spread, clear = spread or [math.nan] * len(values), clear or [False] * len(values)
    reach = 2 * max((abs(value) for value in [*values, *lines] if math.isfinite(value)), default=0.0)
    shown = [min(width, reach) for width in spread]
    ends = [value + side * width for value, width in zip(values, shown, strict=True) for side in (-1, 1)]
    marks = [(float(place), text) for place, text in enumerate(names)]
    frame = framed(-0.6, len(names) - 0.4, [*values, *ends, *lines], unit, marks)
    wide, zero = (frame.x(1) - frame.x(0)) * 0.62, frame.y(0)
    drawn = [frame.axes]
    for place, (text, value, width, stands_out) in enumerate(zip(names, values, spread, clear, strict=True)):
        if not math.isfinite(value):
            continue
        x, y = frame.x(place), frame.y(value)
        title = tag("title", f"{text}: {number(value)}" + (f" ± {number(width)}" if math.isfinite(width) else ""))
        size = {"x": x - wide / 2, "y": min(y, zero), "width": wide, "height": max(abs(zero - y), 0.5)}
        drawn.append(tag("rect", title, class_="column clear" if stands_out else "column", **size))
        if math.isfinite(width):
            low, high = frame.y(value - shown[place]), frame.y(value + shown[place])
            end = "m-5 0h10" if width <= reach else ""
            shape = f"M{spot(x)} {spot(low)}{end and 'm-5 0h10m-5 0'}V{spot(high)}{end}"
            drawn.append(tag("path", d=shape, class_="whisker"))
    for line in lines:
        drawn.append(tag("path", d=f"M{LEFT} {spot(frame.y(line))}H{WIDTH - RIGHT}", class_="across"))
    return svg(drawn, label)


def diagonal(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], unit: str, x_unit: str, label: str
) -> Markup:
    """Observed over expected shares, from 0 to 1, one line for each name; a right forecast lies on the diagonal."""
    marks = [(mark / 5, f"{20 * mark} %") for mark in range(6)]
    frame = framed(0, 1, [0, 100], unit, marks)
    straight = f"M{spot(frame.x(0))} {spot(frame.y(0))}L{spot(frame.x(1))} {spot(frame.y(100))}"
    drawn = [frame.axes, tag("path", d=straight, class_="across")]
    drawn.append(tag("text", x_unit, x=WIDTH - RIGHT, y=HEIGHT - BOTTOM - 6, class_="unit end"))
    for place, (who, (expected, observed)) in enumerate(series.items()):
        xs, ys = [frame.x(float(x)) for x in expected], [frame.y(100 * float(y)) for y in observed]
        kind = min(place, 5) + 1
        drawn.append(tag("path", tag("title", who), d=path(xs, ys), class_=f"line line-{kind}"))
        for x, y, share, share_below in zip(xs, ys, expected, observed, strict=True):
            title = tag("title", f"{who}: {share:.1%} should be below, {share_below:.1%} are")
            drawn.append(tag("circle", title, cx=x, cy=y, r=4, class_=f"point point-{kind}"))
    return svg(drawn, label)


def bar(value: float, most: float, reference: float | None = None) -> Markup:
    """A bar for `value` in proportion to `most`, with a tick at `reference`. The number stands beside it as text."""
    scale = Scale(0, most or 1, 0, 100)
    drawn = [tag("rect", x=0, y=2, width=min(max(scale(max(value, 0)), 0.5), 100), height=8)]
    if reference is not None and math.isfinite(reference):
        drawn.append(tag("path", d=f"M{spot(min(scale(reference), 99.5))} 0v12"))
    content = Markup("").join(drawn)
    return tag("svg", content, class_="bar", viewBox="0 0 100 12", preserveAspectRatio="none", aria_hidden="true")


def spark(values: Sequence[float]) -> Markup:
    """A small column for each value. The numbers are in its label."""
    finite = [value for value in values if math.isfinite(value)]
    height = Scale(0, max([*finite, 0]) or 1, 0, 20)
    columns = [
        tag("rect", x=8.0 * place, y=20 - height(value), width=6, height=height(value))
        for place, value in enumerate(values)
        if math.isfinite(value)
    ]
    return svg(columns, ", ".join(number(value) for value in values), 8 * len(values), 20, "spark")
