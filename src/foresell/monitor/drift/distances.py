"""How far apart two distributions are, how far they lie apart when nothing has changed, and where that ends.

Distances rather than p-values: with 50,000 rows every difference is significant, and few matter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEAST = 0.1
"""Distances below this are never drift, however steady everything was before (a tenth of a standard deviation)."""

_BELIEVED = 4.0
_FINE = 20_000  # values; fewer are taken as they are
LEAST_NORM = 0.001  # as in Evidently


def wasserstein(values: np.ndarray, window: np.ndarray, count: int, norm: float | None = None) -> np.ndarray:
    """How far each window's values lie from those of all others before the newest: float64 [count].

    `values` [row] are known, `window` int [row] goes from 0 to ``count - 1``, the newest and last; that one is compared
    with all before it, each of those with all but itself. The first Wasserstein distance (the mean way that the values
    of one have to go to become those of the other), in units of `norm`: one standard deviation of the values before the
    newest where it is not given. NaN for windows without values, and where there is no other to compare with.

    >>> wasserstein(np.array([0.0, 2, 0, 2, 1, 3]), np.array([0, 0, 1, 1, 2, 2]), 3)
    array([0., 0., 1.])
    """
    values = np.asarray(values, np.float64)
    norm = norm_of(values[window < count - 1]) if norm is None else norm
    grid, place = np.unique(_coarse(values, norm), return_inverse=True)
    found = np.bincount(place * count + window, minlength=len(grid) * count).reshape(len(grid), count)
    below, steps = np.cumsum(found, axis=0)[:-1], np.diff(grid)  # [grid - 1, window], [grid - 1]

    def apart(one: np.ndarray, others: np.ndarray) -> float:
        shares = (
            below @ np.stack([one / max(found[:, one > 0].sum(), 1), others / max(found[:, others > 0].sum(), 1)]).T
        )
        return float(np.abs(shares[:, 0] - shares[:, 1]) @ steps) / norm

    return _each_apart(found.sum(axis=0), apart)


def norm_of(values: np.ndarray) -> float:
    """What a distance of 1 is, in the values' own units: their standard deviation, as Evidently takes it."""
    return max(float(np.std(values)), LEAST_NORM) if len(values) else np.nan


def _coarse(values: np.ndarray, norm: float) -> np.ndarray:
    """Values in steps of a thousandth of a standard deviation where there are many: that is a hundredth of `LEAST`."""
    return values if len(values) < _FINE else np.round(values / (norm / 1000)) * (norm / 1000)


def _each_apart(n: np.ndarray, apart: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
    """How far each window lies from all others before the newest, `apart` being given two masks of windows; NaN where
    one of them has no rows, of which there are `n` [window]."""
    count = len(n)
    distance = np.full(count, np.nan)
    for each in range(count):
        one, others = np.arange(count) == each, np.arange(count) < count - 1
        others &= ~one
        if n[one].sum() and n[others].sum():
            distance[each] = apart(one, others)
    return distance


def jensen_shannon(codes: np.ndarray, window: np.ndarray, count: int) -> np.ndarray:
    """The same for categories, `codes` int [row] from 0: the Jensen-Shannon distance (the root of the divergence, by
    the natural logarithm, at most 0.83) of the shares of categories.

    >>> jensen_shannon(np.array([0, 1, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 2]), 3).round(3)
    array([0.   , 0.   , 0.465])
    """
    from scipy.spatial.distance import jensenshannon

    found = np.zeros((count, int(codes.max(initial=0)) + 1))
    np.add.at(found, (window, codes), 1)
    return _each_apart(
        found.sum(axis=1),
        lambda one, others: float(np.nan_to_num(jensenshannon(found[one].sum(axis=0), found[others].sum(axis=0)))),
    )


def thresholds(usual: np.ndarray, chance: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Where drift begins, for each of several groups: float64 [group], at least `LEAST`.

    `usual` [window, group] are distances between windows in which nothing was wrong (NaN where there is none),
    `chance` [group] how often a group may be found to have drifted though it has not, `series` [group] how many series
    a window has.

    What moves all rows of a window together, and chance does, moves their mean by a normal amount x; the distance is
    then abs(x), and its root mean square the standard deviation of x. So the threshold is that root mean square times
    Student's t at 1 - chance / 2, times sqrt(1 + 1 / windows) for one more window. Believed beforehand, like
    `_BELIEVED` windows, is a square of LEAST**2 + 1 / series: what series by chance differ by, and a little more.

    >>> usual = np.array([[0.05, 0.30], [0.06, 0.25], [0.05, 0.35]])
    >>> thresholds(usual, np.array([0.01, 0.01]), np.array([400, 50])).round(2)
    array([0.34, 0.89])
    """
    from scipy.special import stdtrit

    n = (~np.isnan(usual)).sum(axis=0)
    believed = LEAST**2 + 1 / np.maximum(series, 1)
    spread = np.sqrt((_BELIEVED * believed + np.nansum(usual**2, axis=0)) / (_BELIEVED + n))
    reach = stdtrit(_BELIEVED + n, 1 - chance / 2) * np.sqrt(1 + 1 / (_BELIEVED + n))
    return np.maximum(reach * spread, LEAST)
