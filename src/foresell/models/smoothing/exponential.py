"""Exponential smoothing of many series in step: simple with drift, and with a damped trend.

The arrays of a step are [candidate, series]: every series is smoothed with every candidate for the constants, and keeps
the one with the smallest squared errors of the periods that follow. A period that is not known moves nothing but the
trend.
"""

from __future__ import annotations

from itertools import product

import numpy as np

ALPHAS = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
"""The candidates for the constant of simple smoothing."""

DAMPED = np.array(list(product((0.05, 0.15, 0.3, 0.6, 0.9), (0.05, 0.2), (0.8, 0.9, 0.98))))
"""The candidates for the constants of a damped trend: of the level, of the trend as a share of it, and the damping."""

FIRST = 4
"""The level begins as the mean of this many first known periods."""

FEWEST = 10
"""Series of fewer known periods have no drift."""


def simple_with_drift(units: np.ndarray, horizon: int, judged: int = 1) -> np.ndarray:
    """Simple smoothing plus half the slope of the series' regression line: float64 [series, step].

    This is the Theta method: Assimakopoulos and Nikolopoulos, 2000, in the form of Hyndman and Billah, "Unmasking the
    Theta method", 2003, eq. 10 for a long series. `units` is [series, period], NaN where not known. The constant is
    that with the smallest squared error of the mean of the next `judged` periods.

    >>> simple_with_drift(np.array([[5.0] * 12]), 2).tolist()
    [[5.0, 5.0]]
    """
    constants = np.column_stack([ALPHAS, np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))])
    level, _, best = _smoothed(units, constants, judged)
    steps = np.arange(horizon) + 1 / ALPHAS[best][:, None]
    return level[:, None] + _slope(units)[:, None] / 2 * steps


def damped_trend(units: np.ndarray, horizon: int, judged: int = 1) -> np.ndarray:
    """Smoothing with a damped trend (FPP3, section 8.2): float64 [series, step]; arguments as in `simple_with_drift`.

    >>> damped_trend(np.array([[5.0] * 12]), 2).tolist()
    [[5.0, 5.0]]
    """
    level, trend, best = _smoothed(units, DAMPED, judged)
    return level[:, None] + trend[:, None] * _damped_steps(DAMPED[best, 2][:, None], horizon)


def _damped_steps(damping: np.ndarray, steps: int) -> np.ndarray:
    """By how many trends the level has risen after 1, 2, ... steps: phi + phi ** 2 + ... [..., step]."""
    return np.cumsum(damping ** np.arange(1, steps + 1), axis=-1)


def _smoothed(units: np.ndarray, constants: np.ndarray, judged: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The level and the trend of each series after its last period, with the best of `constants`, and which that is.

    `constants` is [candidate, (alpha, beta, phi)]. The recursion is that of FPP3, table 8.7, ETS(A,Ad,N):
    l = l + phi b + alpha e, b = phi b + alpha beta e. Each candidate is judged by its error at every period.
    """
    alpha, share, damping = (column[:, None] for column in constants.T)
    rise = _damped_steps(damping, judged).mean(axis=1, keepdims=True)
    known = ~np.isnan(units)
    begun = np.logical_or.accumulate(known, axis=1).T
    columns, unknown = units.T.copy(), (~known).T.copy()
    following, weight = _next_means(units, known, judged)
    weight *= begun
    level = np.repeat(_first_level(units, known)[None], len(constants), axis=0)
    trend, squares = np.zeros_like(level), np.zeros_like(level)
    start, ahead, error = level.copy(), np.empty_like(level), np.empty_like(level)
    for period in range(int(known.any(axis=0).argmax()), units.shape[1]):
        trend *= damping
        np.add(level, trend, out=ahead)
        np.subtract(columns[period], ahead, out=error)
        error[:, unknown[period]] = 0
        np.multiply(alpha, error, out=level)
        trend += share * level
        level += ahead
        if not begun[period].all():  # a level that has not begun does not move
            level[:, ~begun[period]], trend[:, ~begun[period]] = start[:, ~begun[period]], 0
        np.multiply(rise, trend, out=error)
        error += level
        error -= following[period]
        error *= error
        error *= weight[period]
        squares += error
    best = squares.argmin(axis=0)
    series = np.arange(len(units))
    return level[best, series], trend[best, series], best


def _next_means(units: np.ndarray, known: np.ndarray, periods: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the known ones of the next periods, 0 where none is, and how many are known: [period, series]."""
    end = np.minimum(np.arange(units.shape[1]) + 1 + periods, units.shape[1])
    next_period = np.arange(units.shape[1]) + 1

    def sums(values: np.ndarray) -> np.ndarray:
        total = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1, dtype=np.float64)], axis=1)
        return (total[:, end] - total[:, next_period]).T

    count = sums(known)
    return sums(np.where(known, units, 0)) / np.maximum(count, 1), count / periods


def _first_level(units: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The mean of the first known periods of each series [series]; 0 where none is known."""
    early = known & (known.cumsum(axis=1) <= FIRST)
    return np.where(early, units, 0).sum(axis=1) / np.maximum(early.sum(axis=1), 1)


def _slope(units: np.ndarray) -> np.ndarray:
    """The slope of the least-squares line of each series, in units a period [series]; 0 for short series."""
    known = ~np.isnan(units)
    count = known.sum(axis=1)
    enough = count >= FEWEST
    periods = np.arange(units.shape[1])
    mean_period = (known * periods).sum(axis=1) / np.maximum(count, 1)
    since = np.where(known, periods - mean_period[:, None], 0)
    covariance = (np.nan_to_num(units) * since).sum(axis=1)
    return np.where(enough, covariance / np.where(enough, (since**2).sum(axis=1), 1), 0)
