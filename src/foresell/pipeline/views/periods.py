"""Periods that a page adds days up to: weeks, months, and what the frequency of the sales allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency

_COARSER = {
    Frequency.HOUR: (Frequency.DAY, Frequency.WEEK),
    Frequency.DAY: (Frequency.WEEK, Frequency.MONTH),
    Frequency.WEEK: (),
    Frequency.MONTH: (Frequency.QUARTER, Frequency.YEAR),
    Frequency.QUARTER: (Frequency.YEAR,),
    Frequency.YEAR: (),
}
_SHOWN = {"hour": 24 * 10, "day": 112, "week": 53, "month": 25, "quarter": 13, "year": 10}  # periods of history


def choices(frequency: Frequency) -> list[str]:
    """The periods that those of a frequency add up to, itself first.

    >>> choices(Frequency.DAY), choices(Frequency.WEEK)
    (['day', 'week', 'month'], ['week'])
    """
    coarser = () if frequency.table else _COARSER.get(frequency, ())
    return [frequency.noun, *(other.noun for other in coarser)]


@dataclass(frozen=True)
class Periods:
    """Dates put into periods: `first` is the date of each period, `of_date` int64 [date] the period of each date, and
    `size` the number of dates that each has."""

    first: np.ndarray
    of_date: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, dates: np.ndarray, frequency: Frequency, noun: str) -> Periods:
        """The periods called `noun`, weeks from Monday. Raises UsageError for one that `choices` does not have."""
        if noun not in choices(frequency):
            raise UsageError(f"Sales by {frequency.noun} cannot be shown by '{noun}', only by {choices(frequency)}.")
        if noun == frequency.noun:
            return cls(dates, np.arange(len(dates)), np.ones(len(dates), np.int64))
        coarser = next(other for other in _COARSER[frequency] if other.noun == noun)
        begins = pl.Series(dates).dt.truncate(coarser.truncation).to_numpy()
        first, of_date, size = np.unique(begins, return_inverse=True, return_counts=True)
        return cls(first.astype(dates.dtype), of_date, size)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sums of what is known of `values` [date]; NaN for a period in which nothing is: [period]."""
        known = ~np.isnan(values)
        total = np.bincount(self.of_date, np.where(known, values, 0), len(self.first))
        return np.where(np.bincount(self.of_date, known, len(self.first)) > 0, total, np.nan)


def shown_periods(noun: str) -> int:
    """How many periods of history are shown."""
    return _SHOWN.get(noun, 53)
