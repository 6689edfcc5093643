"""The ticks of axes of numbers and dates, and their labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from foresell.core.frequency import weekday


@dataclass(frozen=True)
class Scale:
    """A linear scale from values (`low` to `high`) to coordinates on the page (`start` to `end`).

    >>> Scale(0, 10, 100, 200)(2.5)
    125.0
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """About `about` round numbers, from at or below `low` to at or above `high`.

    Steps are 1, 2 or 5 times a power of ten. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990.

    >>> ticks(0, 87)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    >>> ticks(0.21, 0.38)
    [0.2, 0.25, 0.3, 0.35, 0.4]
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        high = (low if math.isfinite(low) else 0.0) + 1
        low = high - 1
    rough = (high - low) / max(about - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice for nice in (1, 2, 5, 10) if nice * power >= rough * 0.75) * power
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    return [round(number * step, digits) for number in range(first, last + 1)]


def tick_labels(values: list[float]) -> list[str]:
    """Short labels of one form: thousands as k, millions as M.

    >>> tick_labels([0, 20_000, 40_000]), tick_labels([0, 500_000, 1_000_000]), tick_labels([0, 2_500])
    (['0', '20k', '40k'], ['0', '0.5M', '1M'], ['0', '2,500'])
    >>> tick_labels([0, 0.05, 0.1]), tick_labels([-1, 0])
    (['0', '0.05', '0.1'], ['−1', '0'])
    """
    top = max((abs(value) for value in values), default=0)
    divisor, suffix = next(
        (pair for pair in ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if top >= pair[0] and (pair[0] > 1e3 or top >= 1e4)),
        (1.0, ""),
    )
    return [_short(value / divisor) + (suffix if value else "") for value in values]


def _short(value: float) -> str:
    text = f"{abs(value):,.6f}".rstrip("0").rstrip(".")
    return ("−" if value < 0 else "") + text


def date_ticks(first: np.datetime64, last: np.datetime64, most: int = 6) -> list[tuple[np.datetime64, str]]:
    """At most `most` dates from `first` to `last`, at the beginning of hours, weeks, months or years, with labels.

    >>> ticked = date_ticks(np.datetime64("2016-01-01"), np.datetime64("2016-05-22"))
    >>> [label for _, label in ticked]
    ['Jan 2016', 'Feb', 'Mar', 'Apr', 'May']
    """
    days = int((last - first) / np.timedelta64(1, "D"))
    if days < 2 and np.datetime_data(first)[0] != "D":
        return _labelled(_every_hours(first, last, most), "hour")
    for gap in (1, 2, 7, 14):
        if days / gap <= most - 0.5:
            return _labelled(_every_days(first, last, gap), "day")
    for months in (1, 2, 3, 6):
        if days / (30.4 * months) <= most:
            return _labelled(_every_months(first, last, months), "month")
    years = next(gap for gap in (1, 2, 5, 10, 20, 50, 100, 1000) if days / (365.25 * gap) <= most)
    return _labelled(_every_months(first, last, 12 * years), "year")


def _every_days(first: np.datetime64, last: np.datetime64, gap: int) -> np.ndarray:
    dates = np.arange(first.astype("datetime64[D]"), last.astype("datetime64[D]") + 1)
    dates = dates[dates >= first]
    if gap < 7:
        return dates[::gap]
    mondays = dates[weekday(dates) == 0]
    return mondays[:: gap // 7]


def _every_hours(first: np.datetime64, last: np.datetime64, most: int) -> np.ndarray:
    hours = np.arange(first.astype("datetime64[h]"), last.astype("datetime64[h]") + 1)
    gap = next(gap for gap in (1, 2, 3, 6, 12, 24) if len(hours) / gap <= most)
    return hours[hours.astype(np.int64) % gap == 0]


def _every_months(first: np.datetime64, last: np.datetime64, gap: int) -> np.ndarray:
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    dates = months[months.astype(np.int64) % gap == 0].astype("datetime64[D]")
    return dates[dates >= first]


def _labelled(dates: np.ndarray, unit: str) -> list[tuple[np.datetime64, str]]:
    """The dates with labels; the first label and the first of each year have the year."""
    labels, year = [], None
    for when in dates:
        plain = when.astype(object)
        if unit == "hour":
            label = f"{plain:%H:%M}" if plain.hour else f"{plain.day} {plain:%b}"
        elif unit == "year":
            label = f"{plain:%Y}"
        else:
            label = f"{plain.day} {plain:%b}" if unit == "day" else f"{plain:%b}"
            # The label of a day has no year, which is in the text around the chart.
            label += f" {plain:%Y}" if plain.year != year and unit == "month" else ""
        year = plain.year
        labels.append(label)
    return list(zip(dates, labels, strict=True))
