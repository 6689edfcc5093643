"""The hours at which clocks change: the one that is shown twice when summer time ends, and the one left out in spring.

Dates and times are those of a clock, so that neither hour can be told from its name alone. It is told by its place, in
the night to a Sunday of spring or autumn, and by the rows of all series together.
"""

from __future__ import annotations

import numpy as np

MONTHS = (2, 3, 4, 5, 9, 10, 11)  # of both hemispheres
NIGHT = (-1, 0, 1, 2, 3)  # hours of a Sunday, -1 the last one of Saturday
NEARLY_ALL, FEW = 0.9, 0.1
_WEEK = 168


def may_change(hours: np.ndarray) -> np.ndarray:
    """Whether clocks may change at each of `hours`, datetime64: bool of their shape.

    >>> may_change(np.array(["2024-10-27T02", "2024-10-28T02", "2024-07-07T02"], "datetime64[h]")).tolist()
    [True, False, False]
    """
    number = hours.astype("datetime64[h]").astype(np.int64)
    since_sunday = (number - 3 * 24 + 1) % _WEEK - 1  # 1970-01-04 was a Sunday
    month = hours.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return np.isin(since_sunday, NIGHT) & np.isin(month, MONTHS)


def shown_twice(series: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Which rows are of an hour that the clock showed twice: bool [row]; `series` int [row], `hours` datetime64 [row].

    Nearly all series with a row in the hour have two, and hardly any has two in the hour before or after it.

    >>> times = np.array(["2024-10-27T01", "2024-10-27T02", "2024-10-27T02", "2024-10-27T03"], "datetime64[h]")
    >>> shown_twice(np.zeros(4, int), times).tolist()
    [False, True, True, False]
    """
    number = hours.astype("datetime64[h]").astype(np.int64)
    twice = np.zeros(len(number), bool)
    nights = np.flatnonzero(may_change(hours))
    for hour in np.unique(number[nights]).tolist():
        near = np.flatnonzero(np.abs(number - hour) <= 1)
        shares = {}
        for offset in (-1, 0, 1):
            _, counts = np.unique(series[near[number[near] == hour + offset]], return_counts=True)
            shares[offset] = float(np.mean(counts == 2)) if len(counts) else 0.0
        if shares[0] >= NEARLY_ALL and max(shares[-1], shares[1]) <= FEW:
            twice |= number == hour
    return twice


def left_out(with_rows: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Which `hours`, consecutive and datetime64 [hour], a clock left out: bool [hour].

    `with_rows` bool [hour] says where any series has a row. One left out has none, the hours before and after it do,
    and so does the same hour of the week before or after.
    """
    empty = ~with_rows
    padded = np.concatenate([np.zeros(_WEEK, bool), with_rows, np.zeros(_WEEK, bool)])
    place = np.arange(len(with_rows)) + _WEEK
    beside = padded[place - 1] & padded[place + 1]
    usual = padded[place - _WEEK] | padded[place + _WEEK]
    return empty & beside & usual & may_change(hours)
