"""Values of a table by date, laid out in the periods of the sales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foresell.core.frequency import (
    WEEKDAYS,
    Frequency,
    period_anchor,
    period_begins,
    period_index,
    period_name,
    period_range,
    weekday,
)
from foresell.data.cube.cells import fold_periods
from foresell.data.gap_filling import ROWS_AT_ONCE

REGULAR = 0.8
"""The share of the gaps between dates that must be one period long for the dates to be those of periods."""

FEWEST_DATES = 3


def frequency_of_dates(times: np.ndarray) -> Frequency:
    """The periods that `times` (datetime64, in any order) name one after another: hours, days, weeks, months, quarters
    or years. Times that lie irregularly are days, or hours where some are not at midnight.

    >>> frequency_of_dates(np.array(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"], "datetime64[D]"))
    <Frequency.MONTH: 'M'>
    >>> frequency_of_dates(np.array(["2024-01-01", "2024-03-06", "2024-05-01"], "datetime64[D]"))
    <Frequency.DAY: 'D'>
    """
    days = np.unique(times.astype("datetime64[D]"))
    if (times.astype("datetime64[us]") != times.astype("datetime64[D]")).any():
        return Frequency.HOUR
    months = days.astype("datetime64[M]").astype(np.int64)
    if len(days) < FEWEST_DATES:
        return Frequency.DAY
    of_months = ((kind, months, kind.months) for kind in (Frequency.MONTH, Frequency.QUARTER, Frequency.YEAR))
    for kind, numbers, step in ((Frequency.WEEK, days.astype(np.int64), 7), *of_months):
        if (np.diff(numbers) == step).mean() >= REGULAR:
            return kind
    return Frequency.DAY


@dataclass(frozen=True)
class Periods:
    """The periods of the sales: `total` of them from the one that `first` names, `n_days` of them history."""

    first: np.datetime64
    n_days: int
    total: int
    frequency: Frequency

    @property
    def horizon(self) -> int:
        return self.total - self.n_days

    @cached_property
    def days(self) -> np.ndarray:
        """All days of the periods: datetime64[D]."""
        begins = period_begins(self.first, self.total + 1, self.frequency).astype("datetime64[D]")
        return np.arange(begins[0], begins[-1] + (self.frequency == Frequency.HOUR))


def in_periods(values: np.ndarray, rows: np.ndarray, times: np.ndarray, n_rows: int, periods: Periods) -> np.ndarray:
    """The mean of the known `values` [value] of each row and period, float32 [row, period]; NaN where none is known.

    `rows` [value] has the row and `times` [value] the date of each value; -1 is no row. A value of a period that is
    longer than those of the sales, such as a month, counts on each of its days; a week begins with its date.
    """
    order = np.argsort(rows, kind="stable")
    own, anchor = frequency_of_dates(times), times.astype("datetime64[D]")
    in_cells = np.empty((n_rows, periods.total), np.float32)
    for start in range(0, n_rows, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, n_rows)
        part = order[slice(*np.searchsorted(rows[order], (start, stop)))]
        cells = _Values(values[part], rows[part] - start, times[part], stop - start)
        if own == periods.frequency == Frequency.HOUR:
            in_cells[start:stop] = cells.means(period_index(times[part], periods.first, own), periods.total)
        else:
            daily = cells.by_day(periods.days, None if _is_fine(own, periods) else own, anchor)
            in_cells[start:stop] = _folded(daily, periods)
    return in_cells


def _is_fine(own: Frequency, periods: Periods) -> bool:
    """Whether dates of the frequency `own` are no longer periods than those of the sales."""
    return own.days <= max(periods.frequency.days, 1)


def _folded(daily: np.ndarray, periods: Periods) -> np.ndarray:
    """The means of `daily` values [row, day] in the periods; all hours of a day have its value."""
    if periods.frequency == Frequency.DAY:
        return daily
    if periods.frequency == Frequency.HOUR:
        hours = period_range(periods.first, periods.total, Frequency.HOUR).astype("datetime64[D]")
        return daily[:, (hours - periods.days[0]).astype(np.int64)]
    return fold_periods(daily, period_index(periods.days, periods.first, periods.frequency), periods.total, mean=True)


@dataclass(frozen=True)
class _Values:
    """Some values with their rows, from 0, and their dates."""

    values: np.ndarray
    rows: np.ndarray
    times: np.ndarray
    n_rows: int

    def by_day(self, days: np.ndarray, held: Frequency | None, all_dates: np.ndarray) -> np.ndarray:
        """The values on each of `days`, float32 [row, day]; each counts for a whole period of `held`, if that is given.

        `all_dates` are those of all rows, which say how such periods are named.
        """
        dates = self.times.astype("datetime64[D]")
        if held is None:
            return self.means((dates - days[0]).astype(np.int64), len(days))
        first = period_name(all_dates.min()[None], held, period_anchor(all_dates, held))[0]
        width = int(period_index(all_dates, first, held).max()) + 1
        by_period = self.means(period_index(dates, first, held), width)
        of_day = np.searchsorted(period_begins(first, width + 1, held), days, side="right") - 1
        daily = by_period[:, np.clip(of_day, 0, width - 1)]
        daily[:, (of_day < 0) | (of_day >= width)] = np.nan
        return daily

    def means(self, place: np.ndarray, width: int) -> np.ndarray:
        """The means of the known values in each place [value] of their rows: float32 [row, place]."""
        used = (place >= 0) & (place < width) & ~np.isnan(self.values)
        cell = self.rows[used].astype(np.int64) * width + place[used]
        count = np.bincount(cell, minlength=self.n_rows * width)
        sums = np.bincount(cell, self.values[used].astype(np.float64), minlength=self.n_rows * width)
        means = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
        return means.astype(np.float32).reshape(self.n_rows, width)


def cut_in_words(times: np.ndarray, periods: Periods) -> str:
    """How values with these dates count in the periods of the sales; empty where each date is one of the periods."""
    own, noun = frequency_of_dates(times), periods.frequency.noun
    days = times.astype("datetime64[D]")
    if own == Frequency.WEEK == periods.frequency and not periods.frequency.table:
        names, begins = np.unique(weekday(days)), int(weekday(np.array([periods.first]))[0])
        if (names == begins).all():
            return ""
        named = WEEKDAYS[int(names[names != begins][0])]
        return (
            f"its dates are {named}s and the weeks of the sales are named by {WEEKDAYS[begins]}s; each counts for "
            "the week in which its date lies"
        )
    if own == periods.frequency or (own == Frequency.DAY and periods.frequency.table and not _several(days, periods)):
        return ""
    if _is_fine(own, periods):
        return f"it has {own.noun}s; their mean counts for the {noun}"
    ahead = ", from its date on" if own == Frequency.WEEK else ""
    return f"it has {own.noun}s; each counts for every {noun} in it{ahead}"


def _several(days: np.ndarray, periods: Periods) -> bool:
    """Whether several of the dates lie in one period."""
    distinct = np.unique(days)
    return len(np.unique(period_index(distinct, periods.first, periods.frequency))) < len(distinct)
