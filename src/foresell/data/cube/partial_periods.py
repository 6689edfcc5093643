"""Weeks, months, quarters and years at the edges of a history that are not whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_begins, period_index
from foresell.core.words import many
from foresell.data.finding_codes import finding


def whole_period_bounds(dates: np.ndarray, origin: np.datetime64, frequency: Frequency) -> tuple[int, int]:
    """The first whole period and the one after the last whole one; `dates` (sorted) are all dates with data.

    The first period is whole when it begins as early as some period between first and last, and the last period when
    it ends as late. So a shop that is closed on Sundays has whole weeks, too. Where each period has only one date, all
    periods are whole.
    """
    period = period_index(dates, origin, frequency)
    last = int(period[-1])
    if last < 2 or len(np.unique(period)) == len(dates):
        return 0, last + 1
    starts = np.searchsorted(period, np.arange(last + 1))
    ends = np.searchsorted(period, np.arange(last + 1), side="right")
    bounds = period_begins(origin, last + 2, frequency)
    with_dates = np.flatnonzero(ends > starts)
    inner = with_dates[(with_dates > 0) & (with_dates < last)]
    if not len(inner):
        return 0, last + 1
    latest_start = (dates[starts[inner]] - bounds[inner]).max()
    earliest_end = (bounds[inner + 1] - dates[ends[inner] - 1]).max()
    begin = int(dates[0] - bounds[0] > latest_start)
    return begin, last + 1 - int(bounds[last + 1] - dates[-1] > earliest_end)


def partial_period_findings(
    count: int, edges: Sequence[np.ndarray], units: float, frequency: Frequency, where: str
) -> list[Finding]:
    """The finding that `count` weeks, months, quarters or years at the edges of the history are not whole.

    `edges` are the dates (datetime64[D], sorted) that are left out at each end, with so many `units`.
    """
    verb = "is" if count == 1 else "are"
    message = (
        f"{many(count, frequency.noun)} {verb} not whole, at the edge of the history; {units:,.6g} units are left out"
    )
    spans = [f"{many(len(dates), 'date')} from {dates[0]} to {dates[-1]}" for dates in edges if len(dates)]
    return [finding("partial-periods", where, count, message, spans)] if count else []
