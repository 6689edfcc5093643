"""The periods of time: hours, days, weeks, months, quarters or years. A "day" of a panel is one such period.

A period is named by a date: its first one. An hour is named by the date and time at which it begins. Quarters and years
whose dates in the data are the last days of months keep these, so that they are named by their last date; so are
periods of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl

from foresell.core.arguments import one_of
from foresell.core.calendars.period_table import PeriodTable


class Frequency(StrEnum):
    """The length of one period of the panel.

    Where the periods stand in a table, `with_table` gives a frequency with its season, lengths and dates.
    """

    HOUR = "H"
    DAY = "D"
    WEEK = "W"
    MONTH = "M"
    QUARTER = "Q"
    YEAR = "Y"

    @classmethod
    def of(cls, text: str) -> Frequency:
        """The frequency written ``H``, ``D``, ``W``, ``M``, ``Q`` or ``Y``. Raises UsageError for anything else.

        >>> Frequency.of("W").noun
        'week'
        """
        return cls(one_of(text, "frequency", cls, " (hours, days, weeks, months, quarters, years)"))

    def with_table(self, table: PeriodTable) -> Frequency:
        """The frequency of the periods of `table`. It equals this one, so that what is known of months holds for them.

        >>> weeks = PeriodTable(np.arange("2024-01-01", "2026-01-01", 28, dtype="datetime64[D]"))
        >>> periods = Frequency.MONTH.with_table(weeks)
        >>> periods == Frequency.MONTH, periods.season, periods.noun
        (True, 13, 'period')
        """
        tabled = str.__new__(Frequency, self.value)  # as a Flag makes members that are not listed
        tabled._name_, tabled._value_, tabled._table = self.name, self.value, table
        return tabled

    _table: PeriodTable

    @property
    def table(self) -> PeriodTable | None:
        """The periods, where they stand in a table."""
        return getattr(self, "_table", None)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_tabled, (self.value, self.table)) if self.table else super().__reduce_ex__(protocol)

    @property
    def season(self) -> int:
        """Periods in the season that a seasonal naive forecast repeats: 24 hours, 7 days, 52 weeks, 12 months, 4
        quarters; a year is a season of its own."""
        return self.table.season if self.table else _PERIODS[self].season

    @property
    def week(self) -> int:
        """Periods in a week: 168 hours or 7 days; 1 where a period is a week or longer.

        >>> Frequency.HOUR.week, Frequency.DAY.week, Frequency.WEEK.week, Frequency.MONTH.week
        (168, 7, 1, 1)
        """
        return 1 if self.table else _PERIODS[self].week

    @property
    def year(self) -> int:
        """Periods in a year, in whole seasons (hours in whole weeks): 8,736 hours, 364 days, 52 weeks, 12 months, 4
        quarters or 1 year."""
        return self.table.season if self.table else _PERIODS[self].year

    @property
    def noun(self) -> str:
        """The period in words."""
        return self.table.noun if self.table else _PERIODS[self].noun

    @property
    def days(self) -> float:
        """The mean number of days in a period."""
        return self.table.mean_days if self.table else _PERIODS[self].days

    @property
    def months(self) -> int:
        """The number of months in a period; 0 for hours, days, weeks and periods of a table, which are no whole number
        of months."""
        return 0 if self.table else _PERIODS[self].months

    @property
    def truncation(self) -> str:
        """The length of the period as Polars writes it."""
        return _PERIODS[self].truncation

    def periods(self, days: int) -> int:
        """The periods that a number of days of the settings of monitoring stands for: 24 times as many hours, else as
        many periods."""
        return 24 * days if self == Frequency.HOUR else days

    @property
    def date_unit(self) -> str:
        """The unit of the dates that name periods, as NumPy writes it: ``us`` for hours, which are named by a time that
        Polars has too, and ``D`` for all others."""
        return "us" if self == Frequency.HOUR else "D"

    @property
    def date_type(self) -> type[pl.Date] | pl.Datetime:
        """The type of a column of such dates: Datetime for hours, Date for all others."""
        return pl.Datetime("us") if self == Frequency.HOUR else pl.Date


def _tabled(letter: str, table: PeriodTable) -> Frequency:
    """The frequency that was pickled."""
    return Frequency(letter).with_table(table)


@dataclass(frozen=True)
class _Period:
    noun: str
    week: int
    season: int
    year: int
    days: float
    months: int
    truncation: str


_PERIODS = {
    Frequency.HOUR: _Period("hour", week=168, season=24, year=8736, days=1 / 24, months=0, truncation="1h"),
    Frequency.DAY: _Period("day", week=7, season=7, year=364, days=1.0, months=0, truncation="1d"),
    Frequency.WEEK: _Period("week", week=1, season=52, year=52, days=7.0, months=0, truncation="1w"),
    Frequency.MONTH: _Period("month", week=1, season=12, year=12, days=30.4375, months=1, truncation="1mo"),
    Frequency.QUARTER: _Period("quarter", week=1, season=4, year=4, days=91.3125, months=3, truncation="1q"),
    Frequency.YEAR: _Period("year", week=1, season=1, year=1, days=365.25, months=12, truncation="1y"),
}

LONG_SILENCE = {
    Frequency.HOUR: 2184,
    Frequency.DAY: 91,
    Frequency.WEEK: 13,
    Frequency.MONTH: 6,
    Frequency.QUARTER: 4,
    Frequency.YEAR: 2,
}
"""The number of last periods without a sale, or without a known day, from which a series counts as no longer sold."""

ONE_WEEKDAY = 0.95  # weeks begin on the weekday on which this share of all dates falls; likewise quarters and years
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST_OF_JANUARY = np.datetime64("1970-01-01")


def date_text(when: date | np.datetime64) -> str:
    """A date in ISO 8601, of an hour with its time.

    >>> date_text(np.datetime64("2024-01-31")), date_text(np.datetime64("2024-01-31T05", "us"))
    ('2024-01-31', '2024-01-31T05:00:00')
    """
    return (when.astype(object) if isinstance(when, np.datetime64) else when).isoformat()


def date_of_text(text: str) -> date:
    """The date, or the date with a time (a datetime), of ISO 8601. Raises ValueError for other texts.

    A time with a zone is that of the clock there.

    >>> date_of_text("2024-01-31"), date_of_text("2024-01-31T05:00:00")
    (datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 5, 0))
    """
    return (
        date.fromisoformat(text)
        if len(text) <= len("2024-01-31")
        else datetime.fromisoformat(text).replace(tzinfo=None)
    )


def calendar_day(when: date) -> date:
    """The day of a date that may have a time.

    >>> calendar_day(datetime(2024, 1, 31, 5)), calendar_day(date(2024, 1, 31))
    (datetime.date(2024, 1, 31), datetime.date(2024, 1, 31))
    """
    return when.date() if isinstance(when, datetime) else when


def weekday(dates: np.ndarray) -> np.ndarray:
    """The weekday of each date: int64, 0 for Monday.

    >>> weekday(np.array(["2024-05-16"], "datetime64[D]"))
    array([3])
    """
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday


def hour_of_week(dates: np.ndarray) -> np.ndarray:
    """The hour of the week of each date and time: int64, 0 for the first hour of Monday.

    >>> hour_of_week(np.array(["2024-05-16T05"], "datetime64[h]"))  # a Thursday
    array([77])
    """
    return weekday(dates) * 24 + dates.astype("datetime64[h]").astype(np.int64) % 24


def month_ends(dates: np.ndarray) -> np.ndarray:
    """Whether each date is the last day of its month.

    >>> month_ends(np.array(["2024-02-29", "2024-03-30"], "datetime64[D]"))
    array([ True, False])
    """
    days = dates.astype("datetime64[D]")
    return (days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")


def period_anchor(dates: np.ndarray, frequency: Frequency) -> np.datetime64:
    """A date that names a period, so that all others follow: `dates` are those of the data, in any order.

    Weeks begin on the weekday of nearly all dates, else on Monday. Quarters and years are those that nearly all dates
    name by their first or by their last day, whichever month that is; else they begin in January. So are periods of a
    table named by their last days where nearly all dates are such.

    >>> period_anchor(np.array(["2024-01-07", "2024-01-14"], "datetime64[D]"), Frequency.WEEK)
    np.datetime64('1969-12-28')
    >>> period_anchor(np.array(["2024-02-29", "2024-05-31"], "datetime64[D]"), Frequency.QUARTER)
    np.datetime64('1970-02-28')
    """
    days = np.unique(dates.astype("datetime64[D]"))
    if table := frequency.table:
        ends = table.is_last_day(days)
        last_days = len(days) > 0 and ends.mean() >= ONE_WEEKDAY
        return table.bounds[1] - 1 if last_days else table.begins[0]
    if frequency == Frequency.WEEK:
        count = np.bincount(weekday(days), minlength=7)
        begins = int(count.argmax()) if count.max() >= ONE_WEEKDAY * max(count.sum(), 1) else 0
        return FIRST_OF_JANUARY - (3 - begins) % 7
    if frequency.months < 2 or not len(days):
        return FIRST_OF_JANUARY
    month = days.astype("datetime64[M]").astype(np.int64) % frequency.months
    place = np.where(month_ends(days), 31, (days - days.astype("datetime64[M]")).astype(np.int64))  # 0 is the first
    names, count = np.unique(month * 32 + place, return_counts=True)
    name = int(names[count.argmax()])
    if count.max() < ONE_WEEKDAY * count.sum() or name % 32 not in (0, 31):
        return FIRST_OF_JANUARY
    first = np.datetime64("1970-01", "M") + name // 32
    return (first + 1).astype("datetime64[D]") - 1 if name % 32 else first.astype("datetime64[D]")


def period_name(dates: np.ndarray, frequency: Frequency, anchor: np.datetime64 = FIRST_OF_JANUARY) -> np.ndarray:
    """The date that names the period in which each of `dates` lies; `anchor` is the name of any period.

    >>> period_name(np.array(["2024-05-16"], "datetime64[D]"), Frequency.WEEK, np.datetime64("2024-01-01"))
    array(['2024-05-13'], dtype='datetime64[D]')
    """
    return _names(period_index(np.asarray(dates), anchor, frequency), anchor, frequency)


def period_index(dates: np.ndarray, first: np.datetime64, frequency: Frequency) -> np.ndarray:
    """Which period after the one that `first` names (0 for its own) each date lies in, int64.

    Weeks begin on the weekday of `first`. Quarters and years begin with the month of `first`, or end with it where
    `first` is its last day.

    >>> period_index(np.array(["2024-03-31"], "datetime64[D]"), np.datetime64("2024-01-01"), Frequency.MONTH)
    array([2])
    >>> period_index(np.array(["2024-04-01"], "datetime64[D]"), np.datetime64("2024-03-31"), Frequency.QUARTER)
    array([1])
    """
    if frequency == Frequency.HOUR:
        return (dates.astype("datetime64[h]") - first.astype("datetime64[h]")).astype(np.int64)
    if table := frequency.table:
        return table.index(dates) - table.index(first)
    if not frequency.months:
        return (dates.astype("datetime64[D]") - first).astype(np.int64) // (7 if frequency == Frequency.WEEK else 1)
    months = (dates.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(np.int64)
    return -(-months // frequency.months) if _by_last_day(first, frequency) else months // frequency.months


def period_range(first: np.datetime64, count: int, frequency: Frequency) -> np.ndarray:
    """The dates that name `count` periods, beginning with the period that `first` names, in the frequency's unit.

    >>> period_range(np.datetime64("2024-01-15"), 3, Frequency.MONTH)
    array(['2024-01-01', '2024-02-01', '2024-03-01'], dtype='datetime64[D]')
    >>> period_range(np.datetime64("2024-03-31"), 3, Frequency.QUARTER)
    array(['2024-03-31', '2024-06-30', '2024-09-30'], dtype='datetime64[D]')
    >>> [str(hour) for hour in period_range(np.datetime64("2024-01-31T23"), 2, Frequency.HOUR).astype("datetime64[h]")]
    ['2024-01-31T23', '2024-02-01T00']

    Raises UsageError where a table of periods ends before.
    """
    if table := frequency.table:
        begin = int(table.index(first))
        table.require(begin, begin + count - 1, f"{count} periods from {first} on are needed.")
    return _names(np.arange(count), first, frequency)


def period_begins(first: np.datetime64, count: int, frequency: Frequency) -> np.ndarray:
    """The first days of `count` periods, beginning with the period that `first` names; datetime64[D].

    >>> period_begins(np.datetime64("2024-03-31"), 2, Frequency.QUARTER)
    array(['2024-01-01', '2024-04-01'], dtype='datetime64[D]')
    """
    if not _by_last_day(first, frequency):
        return _names(np.arange(count), first, frequency)
    return _names(np.arange(-1, count - 1), first, frequency) + 1


def uneven_weeks(dates: np.ndarray) -> list[int]:
    """The numbers of weeks between `dates`, four or more, of periods that no frequency has; empty for all other dates.

    The periods of a 4-4-5 calendar and of years of 52 or 53 weeks begin on one weekday. So do dates such as the first
    Monday of each month, which lie within one week of their months and are months like others.

    >>> uneven_weeks(np.array(["2020-03-01", "2020-04-05", "2020-05-03", "2020-05-31", "2020-07-05"], "datetime64[D]"))
    [4, 5]
    >>> uneven_weeks(np.array(["2024-01-01", "2024-02-05", "2024-03-04", "2024-04-01", "2024-05-06"], "datetime64[D]"))
    []
    """
    days = np.unique(dates.astype("datetime64[D]"))
    apart = np.diff(days).astype(np.int64)
    if len(days) < 5 or apart.min() < 28 or (apart % 7).any():
        return []
    months = days.astype("datetime64[M]")
    since = (days - months.astype("datetime64[D]")).astype(np.int64)
    until = ((months + 1).astype("datetime64[D]") - days).astype(np.int64)
    if len(np.unique(months)) == len(days) and (np.ptp(since) < 7 or np.ptp(until) < 7):
        return []
    return np.unique(apart // 7).tolist()


def uneven_weeks_advice(dates: np.ndarray, name: str) -> str | None:
    """What is wrong with the `dates` of a column of that name, if they are those of `uneven_weeks`, and what to do."""
    if not (weeks := uneven_weeks(dates)):
        return None
    days = np.unique(dates.astype("datetime64[D]"))
    apart = " or ".join(map(str, weeks[:2])) + (" and more" if len(weeks) > 2 else "")
    return (
        f"The dates of '{name}' lie {apart} weeks apart ({', '.join(map(str, days[:3]))} …), as the periods of a 4-4-5 "
        "calendar or of years of 52 and 53 weeks do; they are no months, quarters or years of the calendar. Give a "
        "table of the periods as 'periods', with a row for each, also for those to forecast: its first day in a column "
        "'begin'."
    )


def _by_last_day(first: np.datetime64, frequency: Frequency) -> bool:
    if frequency.table:
        return bool(frequency.table.is_last_day(first))
    return frequency.months > 1 and bool(month_ends(np.array([first]))[0])


def _names(index: np.ndarray, first: np.datetime64, frequency: Frequency) -> np.ndarray:
    """The dates that name the periods `index` places after the one that `first` names; datetime64[D]."""
    if frequency == Frequency.HOUR:
        return (first.astype("datetime64[h]") + index).astype("datetime64[us]")
    if table := frequency.table:
        place = index + table.index(first)
        return table.first_days(place + 1) - 1 if _by_last_day(first, frequency) else table.first_days(place)
    if not frequency.months:
        return first.astype("datetime64[D]") + index * (7 if frequency == Frequency.WEEK else 1)
    months = first.astype("datetime64[M]") + index * frequency.months
    if _by_last_day(first, frequency):
        return (months + 1).astype("datetime64[D]") - 1
    return months.astype("datetime64[D]")
