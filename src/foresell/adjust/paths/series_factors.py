"""The dependence of the days of single series, by how much they sell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foresell.adjust.paths.kernels import Kernel
from foresell.adjust.paths.marginals import Marginals
from foresell.adjust.paths.window_scores import (
    HALF_FAR_OFF,
    CutoffScores,
    by_distance,
    drawn_groups,
    lag_products,
    usual_shares,
    window_means,
)
from foresell.core.hierarchy import Groups

_MOST_SERIES = 6000  # whose errors are looked at
_SIZES = 6  # classes of the series by their mean
_HALF_SIZE = 20  # effective number of errors of a class from which they count as much as those of all


@dataclass(frozen=True)
class SeriesShares:
    """The share of each kernel in the variance of the scores of single series: `shares` [size, kernel]."""

    sizes: np.ndarray
    shares: np.ndarray
    heavy: float

    def of(self, log_mean: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(log_mean, self.sizes, share) for share in self.shares.T], axis=1)


def series_shares(groups: Groups, at: Sequence[CutoffScores], of: tuple[Kernel, ...]) -> SeriesShares:
    """The shares of the kernels, by size of the mean."""
    rows = drawn_groups(groups, _MOST_SERIES)
    parts = [window.scores(groups, rows) for window in at]
    scores, mean = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    some = np.sum(~np.isnan(scores), axis=1) > 1
    if not some.any():
        return SeriesShares(np.zeros(1), usual_shares(of)[None], 0.0)
    scores = scores[some]
    log_mean = np.log(np.nanmean(mean[some], axis=1))
    edges = np.quantile(log_mean, np.arange(1, _SIZES) / _SIZES)
    size = np.unique(np.searchsorted(edges, log_mean, side="right"), return_inverse=True)[1]
    n_windows = len(at)
    sizes, correlations, weights = [], [], []
    for number in range(size.max() + 1):
        own = scores[size == number]
        sums, pairs = lag_products(own)
        # An expected score varies less than the score itself, by a factor that is the mean of its square.
        squares, _ = lag_products(own**2)
        correlations.append(np.where(pairs > 0, sums / np.maximum(squares, 0.01 * pairs + 1e-9), 0))
        weights.append(n_windows * np.sqrt(len(own) / n_windows))
        sizes.append(float(np.median(log_mean[size == number])))
    usual = usual_shares(of) @ by_distance(of, len(correlations[0]))
    total = np.sum(weights)
    together = (np.average(correlations, axis=0, weights=weights) * total + usual * _HALF_SIZE) / (total + _HALF_SIZE)
    shares = [
        _fit_kernels((weight * own + _HALF_SIZE * together) / (weight + _HALF_SIZE), of)
        for weight, own in zip(weights, correlations, strict=True)
    ]
    heavy = np.average([_heavy(scores[size == number]) for number in range(len(sizes))], weights=weights)
    return SeriesShares(np.array(sizes), np.array(shares), float(heavy))


def _heavy(scores: np.ndarray) -> float:
    """How heavy the tails of errors that last are, from 0 to 1; `scores` are [series and window, step].

    Of means over a window with normal distributions of one variance, the squared mean of the absolute values is 2 / pi
    of the mean of the squares; the less it is, the more the variances differ.
    """
    means, noise = window_means(scores)
    if len(means) < 2:
        return 0.0
    square = float(np.mean(means**2))
    part_that_lasts = max(1 - noise / max(square, 1e-12), 0.2)
    ratio = min(float(np.mean(np.abs(means)) ** 2) * np.pi / 2 / max(square, 1e-12), 1.0)
    heavy = min(np.sqrt(4 * (1 - ratio) / 3) / part_that_lasts, 1.0)
    return float(heavy) * len(means) / (len(means) + HALF_FAR_OFF)


def _fit_kernels(correlation: np.ndarray, of: tuple[Kernel, ...]) -> np.ndarray:
    """The shares of the kernels that fit correlations by distance [step] best; they sum to 1: [kernel]."""
    from scipy.optimize import nnls

    horizon = len(correlation)
    weight = np.sqrt(np.arange(horizon, 0, -1))[1:]  # a window has fewer pairs of distant days
    shares, _ = nnls((by_distance(of, horizon)[:-1, 1:] * weight).T, correlation[1:] * weight)
    shares /= max(shares.sum() / 0.95, 1.0)
    return np.append(shares, 1 - shares.sum())


@dataclass(frozen=True)
class SeriesMoments:
    """The forecast mean of each series at the last cutoff [series], its variance, and a^2 of `Marginals.moments`."""

    mean: np.ndarray
    variance: np.ndarray
    a_squared: np.ndarray


def series_moments(at: CutoffScores) -> SeriesMoments:
    """The moments of all single series, as means over some days of the window."""
    ranges = list(at.ranges.values())[-1]
    steps = np.arange(0, at.window.mean.shape[1], 4)
    parts = []
    for start in range(0, len(at.window.mean), 1024):
        rows = np.arange(start, min(start + 1024, len(at.window.mean)))
        mean = at.window.mean[np.ix_(rows, steps)].astype(np.float32)
        _, variance, a = Marginals.of(ranges, mean, rows, steps).moments()
        parts.append([mean.mean(axis=1), variance.mean(axis=1), (a**2).mean(axis=1)])
    return SeriesMoments(*np.concatenate(parts, axis=1).astype(np.float64))
