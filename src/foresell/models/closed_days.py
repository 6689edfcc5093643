"""Days on which a series does not sell: a shop that never opens on Sundays, an item that is no longer on sale."""

from __future__ import annotations

import numpy as np

from foresell.core.frequency import FIRST_OF_JANUARY, LONG_SILENCE, Frequency, period_index
from foresell.core.panel import Panel

WEEKS = 8
"""The number of last weeks that show whether a series is closed on a weekday."""

ENOUGH = 3
"""The number of times that the weekday must have occurred, and another weekday been known, in these weeks."""


def closed_days(panel: Panel, horizon: int) -> np.ndarray:
    """Whether each series is closed on each day after the panel's cutoff: bool [series, step].

    A series is closed on a weekday that was never known in the last eight weeks. The weekday must have occurred at
    least three times since the series began, and another weekday must have been known at least three times. So a
    product that has just begun, or has been out of stock since, does not count as closed. A day without a sale (0) is
    a known day. In a panel of hours it is the hour of the week that counts. Weeks and months are never closed.

    A series that was known once, but not in the last 91 days (13 weeks, six months), counts as no longer on sale and
    is closed on all days. No model can forecast it, because training data have no days after the end of a series. So is
    a series that sold nothing in the last `Panel.ended_after` periods. A series that was never known, but has a price
    from some day on, is closed before that day.
    """
    closed = np.zeros((panel.n_series, horizon), bool)
    if not panel.n_days:
        return closed
    closed[_gone(panel) | _ended(panel)] = True
    closed |= _not_yet(panel, horizon)
    if panel.frequency not in (Frequency.DAY, Frequency.HOUR):
        return closed
    week = 7 if panel.frequency == Frequency.DAY else 7 * 24
    start = max(0, panel.n_days - week * WEEKS)
    known = ~np.isnan(panel.units[:, start:])  # [series, day]
    begun = np.logical_or.accumulate(known, axis=1) | _known_before(panel, start)[:, None]
    place = period_index(panel.dates[start : panel.n_days], FIRST_OF_JANUARY, panel.frequency) % week
    n_known = np.stack([known[:, place == day].sum(axis=1) for day in range(week)], axis=1)  # [series, weekday]
    n_days = np.stack([begun[:, place == day].sum(axis=1) for day in range(week)], axis=1)
    never = (n_known == 0) & (n_days >= ENOUGH) & (n_known.max(axis=1, keepdims=True) >= ENOUGH)
    return closed | never[:, period_index(panel.ahead(horizon), FIRST_OF_JANUARY, panel.frequency) % week]


def without_history(panel: Panel) -> np.ndarray:
    """Whether each series has no known day up to the cutoff: bool [series]."""
    return ~_known_before(panel, panel.n_days)


def _gone(panel: Panel) -> np.ndarray:
    """Whether each series was on sale once and no longer is: bool [series]."""
    start = max(0, panel.n_days - LONG_SILENCE[panel.frequency])
    return np.isnan(panel.units[:, start:]).all(axis=1) & _known_before(panel, start)


def _ended(panel: Panel) -> np.ndarray:
    """Whether each series sold nothing for so long that it counts as ended: bool [series]."""
    if panel.ended_after is None or panel.n_days <= panel.ended_after:
        return np.zeros(panel.n_series, bool)
    start = panel.n_days - panel.ended_after
    return ~(panel.units[:, start:] > 0).any(axis=1) & _known_before(panel, start)


def _not_yet(panel: Panel, horizon: int) -> np.ndarray:
    """Whether each series without a history is still before its first price: bool [series, step]."""
    if "price" not in panel.known:
        return np.zeros((panel.n_series, horizon), bool)
    new = np.flatnonzero(without_history(panel))
    price = panel.known["price"].part(new)
    priced = ~np.isnan(price.on(slice(0, panel.n_days + horizon)))
    missing = horizon - max(0, min(horizon, priced.shape[1] - panel.n_days))
    begun = np.logical_or.accumulate(priced, axis=1)[:, panel.n_days :]
    begun = np.pad(begun, ((0, 0), (0, missing)), constant_values=True)
    waiting = np.zeros((panel.n_series, horizon), bool)
    waiting[new] = ~begun & ~np.isnan(price.values).all(axis=1)[price.rows][:, None]
    return waiting


def _known_before(panel: Panel, day: int) -> np.ndarray:
    """Whether each series has a known day before `day`: bool [series]."""
    before = np.zeros(panel.n_series, bool)
    for block in range(0, panel.n_series, 4096):
        rows = slice(block, block + 4096)
        before[rows] = ~np.isnan(panel.units[rows, :day]).all(axis=1)
    return before
