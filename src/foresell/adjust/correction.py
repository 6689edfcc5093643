"""The correction that ranges make to negative binomial distributions: of probabilities, and of the mean.

A corrected distribution has the quantiles q(p) = F^-1(G(p)), see `ranges`. G is learnt from the errors of many series,
so the corrected distribution of one of them need not have the mean of F. Here F gets the mean with which it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import polars as pl

from foresell.adjust import counts
from foresell.adjust.spread import LEAST

GRID = np.array([0.002, 0.005, *np.arange(1, 100) / 100, 0.995, 0.998])
"""The probabilities at which G is stored. Between two of them, and beyond them, it is linear in normal scores."""

_KNOTS = np.linspace(-5, 5, 401)  # normal scores whose corrected ones are tabulated
_SIZES_BETWEEN = 8  # sizes in the table of `ScoreTable` between two size classes
_FARTHEST = 7.0
_SCORES = np.linspace(-_FARTHEST, _FARTHEST, 561)  # scores in that table

_ONE_BY_ONE = 12  # the counts whose probabilities are added up one by one
_AWAY = np.sinh(np.linspace(-3.0, 5.5, 52))  # standard deviations from the mean, close to each other near it
_MEANS, _DISPERSIONS = 48, 14  # nodes of the table of `MeanTable`
_MOST_FACTOR = 20.0  # by which the mean of F is changed at most


def read_scores(rows: pl.DataFrame, probabilities: np.ndarray) -> np.ndarray:
    """The normal scores at which distributions are read for `probabilities`, by size class of a level: [q, size].

    They are those of G, widened by Student's t distribution. `rows` are the level's rows of `Ranges.table`; their
    column ``size`` has the sizes, and between two of them the scores are linear.
    """
    from scipy.special import ndtri, stdtrit

    normal, grid = ndtri(probabilities), ndtri(GRID)
    student = stdtrit(rows["worth"][0], probabilities)
    wider = np.divide(student, normal, out=np.ones_like(normal), where=np.abs(normal) > 1e-6)
    beyond = normal - np.clip(normal, grid[0], grid[-1])
    scores = []
    for u in rows["u"].to_list():
        scores.append((np.interp(normal, grid, ndtri(np.clip(u, 1e-9, 1 - 1e-9))) + beyond) * wider)
    return np.array(scores).T


@dataclass(frozen=True)
class Correction:
    """The correction of a level's distributions, as tables."""

    scores: ScoreTable
    means: MeanTable

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Correction:
        """The correction of the level with these rows of `Ranges.table`."""
        scores = ScoreTable.of(rows)
        return cls(scores, MeanTable.of(scores, float(np.exp(rows["greatest"][0][0]))))


@dataclass(frozen=True)
class ScoreTable:
    """The normal score z of a probability after the correction, from the score before it.

    `z` [size, score] is tabulated over `log_sizes` and `_SCORES`, and linear between them.
    """

    log_sizes: np.ndarray
    z: np.ndarray

    @classmethod
    def of(cls, rows: pl.DataFrame) -> ScoreTable:
        from scipy.special import ndtr

        read_at, sizes = read_scores(rows, ndtr(_KNOTS)), rows["size"].to_numpy()  # [knot, size]
        finer = [np.linspace(*pair, _SIZES_BETWEEN, endpoint=False) for pair in pairwise(sizes)]
        log_sizes = np.concatenate([*finer, sizes[-1:]])
        columns = np.stack([np.interp(log_sizes, sizes, row) for row in read_at], axis=1)  # [size, knot]
        return cls(log_sizes, np.stack([np.interp(_SCORES, np.maximum.accumulate(row), _KNOTS) for row in columns]))

    def __call__(self, score: np.ndarray, log_size: np.ndarray) -> np.ndarray:
        """The corrected scores of points; both arrays broadcast against each other."""
        row = np.interp(log_size, self.log_sizes, np.arange(len(self.log_sizes)))
        return _bilinear(self.z, row, (np.clip(score, -_FARTHEST, _FARTHEST) + _FARTHEST) * 40)


@dataclass(frozen=True)
class MeanTable:
    """The factors on the mean of F with which corrected distributions have the mean that was forecast.

    `log_factors` [dispersion, mean] is tabulated over the logarithms of the mean in grains, `log_means`, and of
    variance / mean - 1, `log_excess`, and linear between them.
    """

    log_means: np.ndarray
    log_excess: np.ndarray
    log_factors: np.ndarray

    @classmethod
    def of(cls, scores: ScoreTable, largest: float) -> MeanTable:
        """The table for means up to a hundred times `largest` grains."""
        log_means, log_excess, tried, uncorrected = _nodes(largest)
        margin = np.log(_MOST_FACTOR)
        means = uncorrected.corrected_means(scores)
        rising = np.maximum.accumulate(np.log(np.maximum(means, 1e-12)).reshape(_DISPERSIONS, -1), axis=1)
        log_factors = np.array([np.interp(log_means, row, tried) for row in rising]) - log_means
        return cls(log_means, log_excess, np.clip(log_factors, -margin, margin))

    def __call__(self, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """The factors of points with this mean and variance: [point]."""
        log_excess = np.log(np.maximum(variance / mean - 1, 1e-9))
        row = np.interp(log_excess, self.log_excess, np.arange(_DISPERSIONS))
        return np.exp(_bilinear(self.log_factors, row, np.interp(np.log(mean), self.log_means, np.arange(_MEANS))))


@lru_cache(maxsize=32)
def _nodes(largest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, Uncorrected]:
    """The nodes of a `MeanTable`, the logarithms of the means that are tried, and the distributions of these.

    They are kept, because they take most of the time of a table, and levels and windows have the same largest sale.
    """
    log_largest, margin = np.log(100 * max(largest, 1.0)), np.log(_MOST_FACTOR)
    log_means = np.linspace(np.log(LEAST), log_largest, _MEANS)
    log_excess = np.linspace(-4, log_largest, _DISPERSIONS)
    tried = np.linspace(log_means[0] - margin, log_means[-1] + margin, 3 * _MEANS // 2)
    log_mean, excess = (values.reshape(-1) for values in np.meshgrid(tried, np.exp(log_excess)))
    mean = np.exp(log_mean)
    uncorrected = Uncorrected.of(mean, np.clip(mean / excess, 1e-6, counts.MOST_SUCCESSES))
    return log_means, log_excess, tried, uncorrected


@dataclass(frozen=True)
class Uncorrected:
    """Distributions F of a `mean` [point]: the normal scores `score` of F at each `count`, both [point, count].

    The first counts stand one by one.
    """

    mean: np.ndarray
    count: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, mean: np.ndarray, r: np.ndarray) -> Uncorrected:
        """Those with this mean and r successes: [point] each."""
        from scipy.special import ndtri

        deviation = np.sqrt(mean + mean**2 / r)
        away = np.maximum(np.floor(mean[:, None] + deviation[:, None] * _AWAY), 0)
        first = np.broadcast_to(np.arange(_ONE_BY_ONE), (len(mean), _ONE_BY_ONE))
        count = np.sort(np.concatenate([first, away], axis=1), axis=1)
        repeated = (np.repeat(values[:, None], count.shape[1], axis=1) for values in (mean, r))
        return cls(mean, count, ndtri(counts.distribution(count, *repeated)))

    def corrected_means(self, scores: ScoreTable) -> np.ndarray:
        """The means [point] of the corrected distributions.

        The mean of a count is P(X > 0) + P(X > 1) + ... Between two counts further apart, a and b, the sum is taken for
        the integral and half of what the ends differ by (Euler and Maclaurin's formula).
        """
        from scipy.special import ndtr

        above = ndtr(-scores(self.score, np.log(self.mean)[:, None]))
        above = np.where(np.abs(self.score) < _FARTHEST, above, self.score < 0)  # the table ends there
        ends = above[:, :-1], above[:, 1:]
        return np.sum(np.diff(self.count, axis=1) * (ends[0] + ends[1]) / 2 + (ends[0] - ends[1]) / 2, axis=1)


def _bilinear(table: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The values of a table at broken rows and columns, which broadcast against each other."""
    upper, down = _place(row, table.shape[0])
    left, along = _place(column, table.shape[1])
    lower, right = np.minimum(upper + 1, table.shape[0] - 1), np.minimum(left + 1, table.shape[1] - 1)
    at_left = table[upper, left] * (1 - down) + table[lower, left] * down
    at_right = table[upper, right] * (1 - down) + table[lower, right] * down
    return at_left * (1 - along) + at_right * along


def _place(position: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The whole part of positions in a table, at most its last, and what is left."""
    whole = np.minimum(position.astype(np.int64), length - 1)
    return whole, position - whole
