"""What the calendar kernel reads of days: time, weekday, day of the month, holidays, events, covariates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency, period_name
from foresell.core.panel import Panel
from foresell.features.calendar import holidays_of

REACH = 6
"""The most days before and after an event on which daily sales may feel it."""

BEFORE_CLOSED = 4
"""The days before a holiday on which everything is closed, when people shop on other weekdays than usual."""

BETWEEN = 9
"""Holidays on fixed dates that lie at most so many days apart make one season, such as Christmas and New Year."""

MOST_COURSES = 24
"""The most courses of one covariate, such as those of several states, that the kernel looks at."""

YEAR_DAYS = 365.25


@dataclass(frozen=True)
class EventPairs:
    """Pairs of days that lie as far from events of one name: the places of both, and the distance `lag` in days."""

    row: np.ndarray
    column: np.ndarray
    lag: np.ndarray


@dataclass(frozen=True)
class CalendarDays:
    """Some days (periods) of a panel.

    - `time`: int64 [day], days since 1970, or hours in a panel of hours.
    - `origin`: the `time` of the panel's first day.
    - `holiday`: float [day], 1 on and next to public holidays that fall on a fixed date.
    - `covariates`: float [course, day], centred and scaled.
    - `events`: the days near named events: the number of name and signed distance, the place of the day, the distance.
    """

    frequency: Frequency
    time: np.ndarray
    origin: int
    holiday: np.ndarray
    covariates: np.ndarray
    events: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, panel: Panel, horizon: int, closed: np.ndarray) -> CalendarDays:
        """All days of the history of `panel` and the `horizon` days after it; `closed` bool [day of the history]."""
        dates = np.concatenate([panel.dates[: panel.n_days], panel.ahead(horizon)])
        time = dates.astype("datetime64[h]" if panel.frequency == Frequency.HOUR else "datetime64[D]").astype(np.int64)
        weekly = has_weekdays(panel.frequency)
        shut = dates[: panel.n_days][closed].astype("datetime64[D]")
        return cls(
            panel.frequency,
            time,
            int(time[0]) if len(time) else 0,
            _holidays(panel.country, dates.astype("datetime64[D]"), shut) if weekly else np.zeros(len(dates)),
            _covariates(panel, len(dates)),
            _events(events_of(panel, dates), dates, panel.frequency),
        )

    def part(self, days: np.ndarray) -> CalendarDays:
        """The days at these places, in their order."""
        place = np.full(len(self.time), -1)
        place[days] = np.arange(len(days))
        name, day, lag = self.events
        kept = place[day] >= 0
        return CalendarDays(
            self.frequency,
            self.time[days],
            self.origin,
            self.holiday[days],
            self.covariates[:, days],
            (name[kept], place[day[kept]], lag[kept]),
        )

    @property
    def unit_days(self) -> float:
        """The length of one unit of `time` in days."""
        return 1 / 24 if self.frequency == Frequency.HOUR else 1.0

    @cached_property
    def weekday(self) -> np.ndarray:
        """The place in the week: the weekday, or the hour of the week: int64 [day]."""
        return self.time % (168 if self.frequency == Frequency.HOUR else 7)

    @cached_property
    def month_day(self) -> np.ndarray:
        """The day of the month from 0: int64 [day]."""
        days = np.floor(self.time * self.unit_days).astype(np.int64).astype("datetime64[D]")
        return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)

    @cached_property
    def years(self) -> np.ndarray:
        """Years since the panel's first day, less four: float [day]."""
        return (self.time - self.origin) * self.unit_days / YEAR_DAYS - 4

    def event_pairs(self, other: CalendarDays) -> EventPairs:
        """The pairs of one of these days and one of `other` that lie at one distance from events of one name."""
        name, day, lag = self.events
        other_name, column, _ = other.events
        order = np.argsort(other_name, kind="stable")
        first = np.searchsorted(other_name[order], name, "left")
        count = np.searchsorted(other_name[order], name, "right") - first
        rows = np.repeat(np.arange(len(name)), count)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        return EventPairs(day[rows], column[order][first[rows] + within], lag[rows].astype(np.float64))


def has_weekdays(frequency: Frequency) -> bool:
    """Whether periods are short enough to lie on one day of the week."""
    return frequency in (Frequency.DAY, Frequency.HOUR)


def events_of(panel: Panel, dates: np.ndarray) -> pl.DataFrame:
    """The named events of the panel and the public holidays of its country: columns ``date`` and ``event``.

    A free day beside a holiday with a fixed date, such as the Monday after Christmas on a Sunday, has its own name.
    """
    named = panel.events.select(pl.col("date").cast(pl.Date), pl.col("event").cast(pl.String))
    if panel.country and len(dates):
        holidays = holidays_of(panel.country, dates).select("date", "event")
        fixed = _fixed_holidays(holidays)
        moving = holidays.join(fixed, on="event", how="anti")
        beside = holidays.join(fixed, on="event", how="semi").join(fixed, on=["date", "event"], how="anti")
        beside = beside.with_columns(event=pl.col("event") + " observed")
        holidays = pl.concat([fixed.select("date", "event"), moving, beside])
        named = pl.concat([named, holidays])
    return named.unique(maintain_order=True)


def _events(named: pl.DataFrame, dates: np.ndarray, frequency: Frequency) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `CalendarDays.events`. A week or month feels only the events that fall in it."""
    nothing = np.zeros(0, np.int64)
    if not named.height or not len(dates):
        return nothing, nothing, nothing
    number = named["event"].rank("dense").to_numpy().astype(np.int64) - 1
    days = named["date"].to_numpy().astype("datetime64[D]")
    reach = REACH if has_weekdays(frequency) else 0
    lags = np.arange(-reach, reach + 1)
    if reach:
        days = (days[:, None] + lags).ravel()
        own = dates.astype("datetime64[D]")
    else:
        days, own = period_name(days, frequency, dates[0]), dates
    names = (number[:, None] * len(lags) + np.arange(len(lags))).ravel()
    distance = np.abs(np.tile(lags, len(number)))
    first, after = np.searchsorted(own, days, "left"), np.searchsorted(own, days, "right")
    count = after - first  # more than one where a day has hours
    place = np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    hour = dates[place].astype("datetime64[h]").astype(np.int64) % 24 if frequency == Frequency.HOUR else 0
    return np.repeat(names, count) * 24 + hour, place, np.repeat(distance, count)


def _holidays(country: str | None, days: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """1 on public holidays with a fixed date, on the days next to them and between two of one season, else 0: [day].

    A holiday that fell on one of the days `closed` reaches `BEFORE_CLOSED` days back.
    """
    near = np.zeros(len(days))
    if not country or not len(days):
        return near
    named = _fixed_holidays(holidays_of(country, days))
    shut = set(named.filter(pl.col("date").is_in(closed.astype(object).tolist()))["event"])
    one = np.timedelta64(1, "D")
    previous = np.datetime64("1000-01-01")
    for when, event in named.sort("date").iter_rows():
        day = np.datetime64(when)
        season = day - previous <= BETWEEN * one
        first = previous if season else day - (BEFORE_CLOSED if event in shut else 1) * one
        near[(days >= first) & (days <= day + one)] = 1
        previous = day
    return near


def _fixed_holidays(named: pl.DataFrame) -> pl.DataFrame:
    """The holidays that every year has on the same day, each on that day: columns ``date`` and ``event``."""
    named = named.with_columns(fixed=pl.col("date").dt.strftime("%m-%d"))
    years = pl.col("date").dt.year().n_unique()
    by_date, in_all = named.group_by("event", "fixed").agg(years), named.group_by("event").agg(all=years)
    fixed = by_date.join(in_all, on="event").filter(pl.col("date") == pl.col("all"))
    return named.join(fixed.select("event", "fixed"), on=["event", "fixed"]).select("date", "event")


def _covariates(panel: Panel, n_days: int) -> np.ndarray:
    """The courses of the covariates that are known on most days, ahead too: float [course, day].

    A covariate has as many courses as the rows of its series differ, at most `MOST_COURSES`, those of coarse groups
    first. Each covariate has a mean square of 1 in all. A value that is not known is the mean.
    """
    courses = [np.zeros((0, n_days))]
    for known in panel.known.values():
        if known.values.shape[1] < n_days:
            continue
        rows = known.rows[np.sort(np.unique(known.rows, return_index=True)[1])]
        values = known.values[rows, :n_days].astype(np.float64)
        there = ~np.isnan(values)
        values = values[(there[:, : panel.n_days].mean(axis=1) > 0.5) & (there[:, panel.n_days :].mean(axis=1) > 0.5)]
        values = values[np.sort(np.unique(values, axis=0, return_index=True)[1])[:MOST_COURSES]]
        past = values[:, : panel.n_days]
        spread = np.nanstd(past) if past.size else 0.0
        if spread > 0:
            courses.append(np.nan_to_num((values - np.nanmean(past)) / spread) / np.sqrt(len(values)))
    return np.concatenate(courses)
