"""The sums as the process sees them: logarithms of units, gaps filled, days on which nearly nothing was sold apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.models.upper_levels.calendar_days import events_of
from foresell.models.upper_levels.parents import levels_of

CLOSED = 0.15
"""A day counts as closed where the total is less than this share of what is usual round it."""

MOST_CLOSED = 0.05
"""Where more than this share of days would be closed, none is: then days without a sale are chance, and count."""

FLOOR, FLOOR_OF_SELDOM = 0.02, 0.3
"""The smallest value whose logarithm is told from that of 0, as a share of a series' mean on days with a sale. The
second is for series that sell nothing on more than `MOST_CLOSED` of the open days between their sales."""

NEIGHBOURS = {
    Frequency.HOUR: (168, 4),
    Frequency.DAY: (7, 4),
    Frequency.WEEK: (1, 3),
    Frequency.MONTH: (1, 3),
    Frequency.QUARTER: (1, 3),
    Frequency.YEAR: (1, 3),
}
"""The distance between the periods that show what is usual, and how many on each side."""


@dataclass(frozen=True)
class LogSums:
    """`values` float64 [series, day]: log units, without gaps; `units` with NaN where not known.

    `closed` bool [day]: whether nearly nothing was sold on a day although its neighbours are not so.
    """

    values: np.ndarray
    units: np.ndarray
    closed: np.ndarray

    @classmethod
    def of(cls, sums: Panel) -> LogSums:
        units = sums.units.astype(np.float64)
        sold = np.where(units > 0, units, 0)
        mean = sold.sum(axis=1) / np.maximum((sold > 0).sum(axis=1), 1)
        closed = _closed(sums)
        share = np.where(_zero_share(units[:, ~closed]) > MOST_CLOSED, FLOOR_OF_SELDOM, FLOOR)
        floor = np.where(mean > 0, share * mean, 1.0)[:, None]
        logs = np.log(np.maximum(units, floor))  # NaN stays NaN
        return cls(_filled(logs, sums.frequency), units, closed)

    @property
    def open_days(self) -> np.ndarray:
        """The places of the days that were not closed."""
        return np.flatnonzero(~self.closed)


def _zero_share(units: np.ndarray) -> np.ndarray:
    """The share of known days without a sale between the first and the last sale of each series: float [series]."""
    sold = units > 0
    between = np.logical_or.accumulate(sold, axis=1) & np.logical_or.accumulate(sold[:, ::-1], axis=1)[:, ::-1]
    known = between & ~np.isnan(units)
    return np.sum(known & ~sold, axis=1) / np.maximum(known.sum(axis=1), 1)


def _closed(sums: Panel) -> np.ndarray:
    """Whether the total of the coarsest level was near 0 on a day, and not on its neighbours: bool [day]."""
    top = sums.units[min(levels_of(sums), key=len)].astype(np.float64)
    total = np.where(np.isnan(top).all(axis=0), np.nan, np.nansum(top, axis=0))
    step, count = NEIGHBOURS[sums.frequency]
    lags = [sign * number * step for number in range(1, count + 1) for sign in (-1, 1)]
    padded = np.pad(total, count * step, constant_values=np.nan)
    near = np.stack([padded[count * step + lag :][: len(total)] for lag in lags])
    known = ~np.isnan(near)
    usual = np.where(known.any(axis=0), np.nanmedian(np.where(known.any(axis=0), near, 0), axis=0), 0)
    closed = np.nan_to_num(total) < CLOSED * usual
    return closed & (closed.mean() <= MOST_CLOSED)


def repeated_days(sums: Panel, closed: np.ndarray, horizon: int) -> np.ndarray:
    """The past day whose sales a day ahead repeats because it is closed: int64 [step], -1 where it is open.

    A day ahead is closed where the last day of the same named event was `closed`; without an event, where the same date
    a year before was, and had none either. Longer periods are never closed.
    """
    repeats = np.full(horizon, -1)
    if not closed.any() or sums.frequency != Frequency.DAY:
        return repeats
    past, ahead = sums.dates[: sums.n_days], sums.ahead(horizon)
    named = events_of(sums, np.concatenate([past, ahead]))
    days_of = dict(named.group_by("event").agg("date").iter_rows())
    names_of = dict(named.group_by("date").agg("event").iter_rows())
    for step, day in enumerate(ahead):
        alike = [other for name in names_of.get(day.astype(object), ()) for other in days_of[name]]
        before = _a_year_before(day)
        days = before if not alike and before.item() not in names_of else np.array(alike, "datetime64[D]")
        places = (days - past[0]).astype(np.int64)
        places = places[(places >= 0) & (places < sums.n_days)]
        if len(places) and closed[places.max()]:
            repeats[step] = places.max()
    return repeats


def _a_year_before(day: np.datetime64) -> np.ndarray:
    """The same date of the year before, datetime64[D] [1]; of 29 February, 1 March."""
    month = day.astype("datetime64[M]")
    return np.array([(month - 12).astype("datetime64[D]") + (day - month.astype("datetime64[D]"))])


def _filled(logs: np.ndarray, frequency: Frequency) -> np.ndarray:
    """`logs` [series, day] with gaps filled from the same weekday before, else after, else the mean; 0 without any."""
    season = NEIGHBOURS[frequency][0]
    filled = logs.copy()
    for first in range(season if np.isnan(logs).any() else 0):
        part = pl.DataFrame(filled[:, first::season].T).fill_nan(None)
        part = part.fill_null(strategy="forward").fill_null(strategy="backward")
        filled[:, first::season] = part.cast(pl.Float64).fill_null(np.nan).to_numpy().T
    known = ~np.isnan(filled)
    mean = np.where(known, filled, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known, filled, mean[:, None])
