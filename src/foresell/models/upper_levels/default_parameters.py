"""The parameters of the process to begin with.

They are those of the largest marginal likelihood of the upper levels of M5 up to 28 February 2015. All windows that are
reported begin later.
"""

from __future__ import annotations

import numpy as np

from foresell.core.frequency import Frequency
from foresell.models.upper_levels.calendar_days import has_weekdays

ROOT = "total"
SHARES = ("coarse shares", "middle shares", "fine shares")

_BY_SET = {
    # name: total, then the shares of coarse, middle and fine groups
    "level": (-4.00, -3.97, -4.35, -4.35),
    "level_days": (4.68, 4.45, 4.41, 4.55),
    "walk": (-6.31, -4.89, -4.75, -4.38),
    "trend": (-2.97, -2.95, -2.89, -2.50),
    "short": (-3.50, -3.23, -3.08, -2.17),
    "short_days": (1.74, 1.45, 1.15, 2.36),
    "year": (-3.20, -3.03, -2.94, -2.81),
    "year_shape": (-0.10, -2.28, -2.19, -2.35),
    "year_decay_days": (7.78, 7.62, 7.49, 7.37),
    "covariate": (-3.36, -3.73, -3.78, -3.86),
    "event": (-2.45, -2.83, -2.89, -2.66),
    "noise": (-3.65, -3.21, -2.62, -1.89),
}

_BY_SET_OF_DAYS = {
    "weekday": (-2.37, -3.66, -3.20, -3.07),
    "weekday_decay_days": (10.50, 8.28, 8.02, 7.46),
    "weekday_year": (-3.81, -3.90, -4.31, -4.41),
    "weekday_year_shape": (-0.92, 0.73, -0.03, -0.13),
    "month_day": (-3.43, -4.09, -4.08, -4.17),
    "month_day_width": (0.77, 0.94, 0.82, 0.78),
    "month_day_weekday": (-4.37, -5.28, -5.36, -5.13),
    "covariate_weekday": (-4.58, -5.07, -5.27, -4.80),
    "event_reach": (0.65, 0.46, 0.64, 0.98),
    "holiday_fade": (-0.61, 0.02, 0.45, 0.16),
}


_OF_LONGER_PERIODS = {"year": -2.0, "year_shape": -1.2}
"""Of weeks and longer periods, whose year is the season: it is larger than the months of food are in M5."""


def default_parameters(name: str, frequency: Frequency) -> dict[str, float]:
    """The parameters of the set of this name, `ROOT` or one of `SHARES`: see `calendar_kernel`."""
    column = (ROOT, *SHARES).index(name)
    table = {**_BY_SET, **(_BY_SET_OF_DAYS if has_weekdays(frequency) else {})}
    parameters = {parameter: values[column] for parameter, values in table.items()}
    return parameters if has_weekdays(frequency) else parameters | _OF_LONGER_PERIODS


def share_sets(n_levels: int) -> list[str]:
    """The set of each of `n_levels` levels of shares, coarse ones first.

    >>> share_sets(5)
    ['coarse shares', 'coarse shares', 'middle shares', 'middle shares', 'fine shares']
    """
    parts = np.array_split(np.arange(n_levels), len(SHARES))
    return [name for name, part in zip(SHARES, parts, strict=True) for _ in part]
