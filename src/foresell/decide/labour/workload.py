"""Workload: hours of work by day or interval, from units and from the units that a person does in an hour."""

from __future__ import annotations

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.words import many


def workload(units: np.ndarray, units_an_hour: np.ndarray) -> np.ndarray:
    """Hours of work: float64 [path, place, step], of `units` [path, place, step] and the rates [place].

    Raises UsageError for a rate that is missing or not above 0.

    >>> workload(np.array([[[120.0, 60.0]]]), np.array([40.0])).tolist()
    [[[3.0, 1.5]]]
    """
    wrong = np.flatnonzero(~(units_an_hour > 0) | ~np.isfinite(units_an_hour))
    if len(wrong):
        raise UsageError(
            f"{many(len(wrong), 'rate')} of units an hour are missing or not above 0: places {first_five(wrong + 1)}. "
            "Give the units that one person does in an hour."
        )
    return np.asarray(units, np.float64) / units_an_hour[:, None]


def shares_of_intervals(weights: np.ndarray) -> np.ndarray:
    """Shares of a day that add up to 1 along the last axis, of `weights` such as units by hour: float64 of their shape.

    Raises UsageError where a weight is missing or below 0, or a day has none.

    >>> shares_of_intervals(np.array([[1.0, 3.0]])).tolist()
    [[0.25, 0.75]]
    """
    weights = np.asarray(weights, np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights.sum(axis=-1) > 0).all()):
        raise UsageError(
            "A profile of the day has a share that is missing or below 0, or a day without any; expected shares of 0 "
            "or more for each interval, and one above 0 for each day. Correct the profile."
        )
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def by_interval(hours: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The hours of work of days in their intervals: float64 [path, place, step, interval].

    `hours` is [path, place, step], `shares` [place, step, interval] add up to 1 for each day. How a day's work is
    spread over its intervals is taken as known; what is not certain is how much there is.
    """
    return np.asarray(hours[..., None] * shares)


def peaks(hours: np.ndarray, usual: np.ndarray, ratio: float = 1.25) -> tuple[np.ndarray, np.ndarray]:
    """How many times the usual work a day has, and the probability that it is a peak: float64 [place, step] each.

    `hours` is [path, place, step], `usual` [place, step]; a peak has at least `ratio` times the usual. Both are NaN
    where nothing is usual.

    >>> times, probability = peaks(np.array([[[5.0]], [[15.0]]]), np.array([[8.0]]))
    >>> times.tolist(), probability.tolist()
    ([[1.25]], [[0.5]])
    """
    known = usual > 0
    base = np.where(known, usual, np.nan)
    times = hours.mean(axis=0) / base
    probability = np.where(known, (hours >= ratio * np.where(known, usual, np.inf)).mean(axis=0), np.nan)
    return times, probability
