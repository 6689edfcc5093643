"""The periods of time: days, weeks or months. A "day" of a panel is one such period, named by its first date."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from foresell.core.arguments import one_of


class Frequency(StrEnum):
    """The length of one period of the panel."""

    DAY = "D"
    WEEK = "W"
    MONTH = "M"

    @classmethod
    def of(cls, text: str) -> Frequency:
        """The frequency that is written ``D``, ``W`` or ``M``. Raises UsageError for anything else.

        >>> Frequency.of("W").noun
        'week'
        """
        return cls(one_of(text, "frequency", cls, " (days, weeks, months)"))

    @property
    def season(self) -> int:
        """Periods in the season that a seasonal naive forecast repeats: 7 days, 52 weeks or 12 months."""
        return {Frequency.DAY: 7, Frequency.WEEK: 52, Frequency.MONTH: 12}[self]

    @property
    def year(self) -> int:
        """Periods in a year, in whole seasons: 364 days, 52 weeks or 12 months."""
        return {Frequency.DAY: 364, Frequency.WEEK: 52, Frequency.MONTH: 12}[self]

    @property
    def noun(self) -> str:
        """The period in words."""
        return {Frequency.DAY: "day", Frequency.WEEK: "week", Frequency.MONTH: "month"}[self]


ONE_WEEKDAY = 0.95  # weeks begin on the weekday on which this share of all dates falls
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def weekday(dates: np.ndarray) -> np.ndarray:
    """The weekday of each date: int64, 0 for Monday.

    >>> weekday(np.array(["2024-05-16"], "datetime64[D]"))
    array([3])
    """
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday


def first_weekday(dates: np.ndarray) -> int:
    """The weekday on which the weeks of `dates` begin, 0 for Monday: the one of nearly all dates, else Monday.

    >>> first_weekday(np.array(["2024-01-07", "2024-01-14"], "datetime64[D]"))
    6
    """
    counts = np.bincount(weekday(np.unique(dates)), minlength=7)
    return int(counts.argmax()) if counts.max() >= ONE_WEEKDAY * max(counts.sum(), 1) else 0


def period_start(dates: np.ndarray, frequency: Frequency, week_begins: int = 0) -> np.ndarray:
    """The first date of the period that each date lies in; weeks begin on the weekday `week_begins`, 0 for Monday.

    >>> period_start(np.array(["2024-05-16"], "datetime64[D]"), Frequency.WEEK)
    array(['2024-05-13'], dtype='datetime64[D]')
    """
    days = np.asarray(dates, "datetime64[D]")
    if frequency == Frequency.MONTH:
        return days.astype("datetime64[M]").astype("datetime64[D]")
    if frequency == Frequency.WEEK:
        return days - (weekday(days) - week_begins) % 7
    return days


def period_index(dates: np.ndarray, first: np.datetime64, frequency: Frequency) -> np.ndarray:
    """Which period after `first` (0 for its own) each date lies in, int64. Weeks begin on the weekday of `first`.

    >>> period_index(np.array(["2024-03-31"], "datetime64[D]"), np.datetime64("2024-01-01"), Frequency.MONTH)
    array([2])
    """
    if frequency == Frequency.MONTH:
        return (dates.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(np.int64)
    return (dates.astype("datetime64[D]") - first).astype(np.int64) // (7 if frequency == Frequency.WEEK else 1)


def period_range(first: np.datetime64, count: int, frequency: Frequency) -> np.ndarray:
    """The first dates of `count` periods, beginning with the period of `first`; datetime64[D].

    Weeks begin on the weekday of `first`.

    >>> period_range(np.datetime64("2024-01-15"), 3, Frequency.MONTH)
    array(['2024-01-01', '2024-02-01', '2024-03-01'], dtype='datetime64[D]')
    """
    if frequency == Frequency.MONTH:
        return (first.astype("datetime64[M]") + np.arange(count)).astype("datetime64[D]")
    return first.astype("datetime64[D]") + np.arange(count) * (7 if frequency == Frequency.WEEK else 1)
