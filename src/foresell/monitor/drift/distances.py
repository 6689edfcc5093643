"""Distances between distributions, and the thresholds above which a distance is drift.

Drift is judged by distances and not by p-values: with 50,000 rows every difference is significant, and few matter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEAST = 0.1
"""Distances below this (a tenth of a standard deviation) are never drift, however steady the earlier windows were."""

LEAST_NORM = 0.001  # as in Evidently

_PRIOR_WINDOWS = 4.0  # the weight of the prior for the spread of distances
_FINE = 20_000  # more values than this are rounded


def wasserstein(values: np.ndarray, window: np.ndarray, count: int, norm: float | None = None) -> np.ndarray:
    """The distance of each window's values from those of the other windows before the newest: float64 [count].

    `values` [row] has no NaN. `window` int [row] goes from 0 to ``count - 1``, the newest. The newest window is
    compared with all earlier ones, each earlier one with the other earlier ones. The distance is the first Wasserstein
    distance (the mean way that values must be moved to turn one distribution into the other), in units of `norm`: by
    default one standard deviation of the values before the newest window. It is NaN for a window without values, and
    where there is no other window to compare with.

    >>> wasserstein(np.array([0.0, 2, 0, 2, 1, 3]), np.array([0, 0, 1, 1, 2, 2]), 3)
    array([0., 0., 1.])
    """
    values = np.asarray(values, np.float64)
    norm = norm_of(values[window < count - 1]) if norm is None else norm
    grid, place = np.unique(_coarse(values, norm), return_inverse=True)
    counts = np.bincount(place * count + window, minlength=len(grid) * count).reshape(len(grid), count)
    below, steps = np.cumsum(counts, axis=0)[:-1], np.diff(grid)  # [grid - 1, window], [grid - 1]

    def distance(one: np.ndarray, others: np.ndarray) -> float:
        shares = (
            below @ np.stack([one / max(counts[:, one > 0].sum(), 1), others / max(counts[:, others > 0].sum(), 1)]).T
        )
        return float(np.abs(shares[:, 0] - shares[:, 1]) @ steps) / norm

    return _distances(counts.sum(axis=0), distance)


def norm_of(values: np.ndarray) -> float:
    """A distance of 1 in the values' own units: their standard deviation, as in Evidently."""
    return max(float(np.std(values)), LEAST_NORM) if len(values) else np.nan


def _coarse(values: np.ndarray, norm: float) -> np.ndarray:
    """Many values rounded to thousandths of a standard deviation, which is a hundredth of `LEAST`."""
    return values if len(values) < _FINE else np.round(values / (norm / 1000)) * (norm / 1000)


def _distances(n_rows: np.ndarray, distance: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
    """The distance of each window from the others before the newest, float64 [window]; NaN where one side has no rows.

    `n_rows` [window] counts the rows. `distance` takes two masks of windows.
    """
    windows = np.arange(len(n_rows))
    distances = np.full(len(n_rows), np.nan)
    for window in windows:
        one = windows == window
        others = (windows < len(n_rows) - 1) & ~one
        if n_rows[one].sum() and n_rows[others].sum():
            distances[window] = distance(one, others)
    return distances


def jensen_shannon(codes: np.ndarray, window: np.ndarray, count: int) -> np.ndarray:
    """The same for categories, `codes` int [row] from 0: the Jensen-Shannon distance of the shares of categories (the
    root of the divergence with the natural logarithm, at most 0.83).

    >>> jensen_shannon(np.array([0, 1, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 2]), 3).round(3)
    array([0.   , 0.   , 0.465])
    """
    from scipy.spatial.distance import jensenshannon

    counts = np.zeros((count, int(codes.max(initial=0)) + 1))
    np.add.at(counts, (window, codes), 1)
    return _distances(
        counts.sum(axis=1),
        lambda one, others: float(np.nan_to_num(jensenshannon(counts[one].sum(axis=0), counts[others].sum(axis=0)))),
    )


def thresholds(usual: np.ndarray, chance: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The distance above which there is drift, for each of several groups: float64 [group], at least `LEAST`.

    `usual` [window, group] has distances between windows in which nothing was wrong (NaN where there is none),
    `chance` [group] the false-alarm rate, `series` [group] the number of series in a window.

    Chance moves all rows of a window together, and so shifts their mean by a normal amount x. The distance is then
    abs(x), and its root mean square is the standard deviation of x. So the threshold is that root mean square times
    Student's t at 1 - chance / 2, times sqrt(1 + 1 / windows) for a new window. The prior of the mean square, worth
    `_PRIOR_WINDOWS` windows, is LEAST**2 + 1 / series: slightly more than series differ by chance.

    >>> usual = np.array([[0.05, 0.30], [0.06, 0.25], [0.05, 0.35]])
    >>> thresholds(usual, np.array([0.01, 0.01]), np.array([400, 50])).round(2)
    array([0.34, 0.89])
    """
    from scipy.special import stdtrit

    n = (~np.isnan(usual)).sum(axis=0)
    prior = LEAST**2 + 1 / np.maximum(series, 1)
    freedom = _PRIOR_WINDOWS + n
    spread = np.sqrt((_PRIOR_WINDOWS * prior + np.nansum(usual**2, axis=0)) / freedom)
    reach = stdtrit(freedom, 1 - chance / 2) * np.sqrt(1 + 1 / freedom)
    return np.maximum(reach * spread, LEAST)
