"""Elements of SVG, paths, and a frame with axes, for charts. The style sheet has the colours and sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

from foresell.core.frequency import FIRST_OF_JANUARY
from foresell.report.axes import Scale, date_ticks, tick_labels, ticks

WIDTH, HEIGHT = 640, 258
WIDE = 1072  # the width of the page, so that text keeps its size
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 34, 30


def tag(name: str, content: str | Markup = "", **attributes: object) -> Markup:
    """An element; `content` and the values of `attributes` are escaped. ``class_`` is class, ``x_y`` is x-y.

    >>> print(tag("text", "<b>", x=1.25, class_="label"))
    <text x="1.2" class="label">&lt;b&gt;</text>
    """
    text = "".join(f' {key.rstrip("_").replace("_", "-")}="{spot(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{text}>{escape(content)}</{name}>")


def spot(value: object) -> Markup:
    """A coordinate rounded to a tenth, which is finer than a screen; other values are escaped."""
    if isinstance(value, float | np.floating):
        text = f"{value:.1f}"
        return Markup(text.removesuffix(".0"))
    return escape(value)


def svg(
    content: Iterable[Markup], label: str, width: float = WIDTH, height: float = HEIGHT, kind: str = "chart"
) -> Markup:
    """An SVG image with a `label` for screen readers."""
    return tag(
        "svg", Markup("").join(content), class_=kind, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label
    )


def path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """An SVG path through the points; it has a gap where y is NaN, and a single point between gaps becomes a dot.

    >>> path([0, 1, 2, 3], [5, 6, float("nan"), 7])
    'M0 5L1 6M3 7h0'
    """
    parts: list[str] = []
    open_, alone = False, False
    for x, y in zip(xs, ys, strict=True):
        if not math.isfinite(y):
            parts += ["h0"] if alone else []
            open_ = alone = False
            continue
        parts.append(f"{'L' if open_ else 'M'}{spot(float(x))} {spot(float(y))}")
        alone, open_ = not open_, True
    return "".join([*parts, "h0"] if alone else parts)


def band(xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
    """A closed SVG path between two lines.

    >>> band([0, 1], [1, 2], [3, 4])
    'M0 3L1 4L1 2L0 1Z'
    """
    corners = [*zip(xs, high, strict=True), *zip(reversed(xs), reversed(low), strict=True)]
    return "M" + "L".join(f"{spot(float(x))} {spot(float(y))}" for x, y in corners) + "Z"


@dataclass(frozen=True)
class Frame:
    """The plot's area: scales, and the axes drawn in it."""

    x: Scale
    y: Scale
    axes: Markup


def framed(
    first: float,
    last: float,
    values: Iterable[float],
    unit: str,
    x_ticks: list[tuple[float, str]],
    width: float = WIDTH,
) -> Frame:
    """A frame with axes for `values` and zero; x goes from `first` to `last` with the ticks `x_ticks`."""
    finite = [float(value) for value in values if math.isfinite(value)]
    marks = ticks(min([0.0, *finite]), max([0.0, *finite]))
    right, floor = width - RIGHT, HEIGHT - BOTTOM
    x, y = Scale(first, last, LEFT, right), Scale(marks[0], marks[-1], floor, TOP)
    drawn = [tag("text", unit, x=4, y=14, class_="unit")]
    for mark, label in zip(marks, tick_labels(marks), strict=True):
        kind = "zero" if mark == 0 else "grid"
        drawn.append(tag("path", d=f"M{LEFT} {spot(y(mark))}H{right:g}", class_=kind))
        drawn.append(tag("text", label, x=LEFT - 6, y=y(mark) + 4, class_="end"))
    for place, label in x_ticks:
        anchor = "start" if x(place) < LEFT + 20 else "end" if x(place) > right - 20 else "mid"
        drawn.append(tag("path", d=f"M{spot(x(place))} {floor}v5", class_="zero"))
        drawn.append(tag("text", label, x=x(place), y=floor + 19, class_=anchor))
    return Frame(x, y, Markup("").join(drawn))


def days_of(dates: np.ndarray) -> list[float]:
    """Dates as days since 1970; hours have fractions."""
    return ((dates - FIRST_OF_JANUARY) / np.timedelta64(1, "D")).tolist()


def marks_of(first: np.datetime64, last: np.datetime64) -> list[tuple[float, str]]:
    """The ticks of an axis of dates, as days since 1970 with labels."""
    return [(days_of(np.array([when]))[0], label) for when, label in date_ticks(first, last)]
