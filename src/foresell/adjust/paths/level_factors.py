"""The factors that series share at each upper level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.adjust.paths.kernels import Kernel
from foresell.adjust.paths.marginals import Marginals
from foresell.adjust.paths.series_factors import SeriesMoments, SeriesShares
from foresell.adjust.paths.window_scores import (
    HALF_FAR_OFF,
    CutoffScores,
    by_distance,
    drawn_groups,
    lag_products,
    usual_shares,
    window_means,
)
from foresell.adjust.spread import LEAST
from foresell.core.hierarchy import Groups, level_name
from foresell.core.keyed_random import key_hashes

GROUP = "group"
"""The kind of the rows of `Dependence.table` that are about a group."""

_MOST_GROUPS = 300  # of a level whose errors are looked at
_HALF_LEVEL, _HALF_ALL = 6, 3  # effective numbers of errors of a level, and of all, that count as much as their prior


@dataclass(frozen=True)
class LevelDays:
    """The groups of an upper level on a day of the last window: [group] each.

    `variance` is that of the level's ranges, and `deviation` d of the docstring above. `rows` are the groups that are
    looked at.
    """

    groups: Groups
    variance: np.ndarray
    deviation: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, groups: Groups, at: CutoffScores, series: SeriesMoments) -> LevelDays:
        steps = np.arange(0, at.window.mean.shape[1], 4)
        mean = groups.sum(at.window.mean[:, steps])
        everything = np.arange(len(groups))
        marginals = Marginals.of(at.ranges[groups.level], mean.astype(np.float32), everything, steps)
        _, variance, _ = marginals.moments()
        variance, usual = (values.mean(axis=1) for values in (variance, marginals.usual_deviation() ** 2))
        independent = groups.sum(series.variance)
        # Sums of many series are nearly normal, and then the range of 90 % says more than a variance that a few days
        # far out have made; sums of a few are not.
        part = np.minimum(independent / np.maximum(variance, 1e-12), 1)
        variance = np.maximum(part * variance + (1 - part) * usual, 1e-9)
        shared = np.maximum(variance - independent, 0.01 * variance)
        deviation = np.sqrt(shared) / np.maximum(mean.mean(axis=1), 1e-6)
        return cls(groups, variance, np.minimum(deviation, 1.0), drawn_groups(groups, _MOST_GROUPS))

    def to_frame(self) -> pl.DataFrame:
        """The rows of `Dependence.table`."""
        hashes = key_hashes(self.groups.frame)
        frame = pl.DataFrame({"group": hashes, "variance": self.deviation})
        return frame.with_columns(level=pl.lit(level_name(self.groups.level)), kind=pl.lit(GROUP))


def shared_variances(
    levels: Sequence[LevelDays],
    series: SeriesMoments,
    single: SeriesShares,
    correlations: Sequence[np.ndarray],
    of: tuple[Kernel, ...],
    horizon: int,
) -> np.ndarray:
    """The variances c^2 of the factors of each upper level: [level, kernel]."""
    from scipy.optimize import nnls

    lengths = _lengths(horizon)
    of_kernel = np.array([[_mean_of(kernel.of(np.arange(n)), n) for n in lengths] for kernel in of])  # [kernel, length]
    shares = single.of(np.log(np.maximum(series.mean, LEAST)))  # [series, kernel]
    noise = series.variance - series.a_squared  # however scores are correlated
    own = series.a_squared[:, None] * (shares @ of_kernel) + noise[:, None] / np.array(lengths)  # [series, length]
    moved = [level.deviation[level.groups.rows] * series.mean for level in levels]  # the units that c f = 1 moves
    equations, targets = [], []
    for level, correlation in zip(levels, correlations, strict=True):
        rows, variance = level.rows, level.variance[level.rows]
        target = np.array([_mean_of(correlation, n) for n in lengths])
        of_own = np.mean(level.groups.sum(own)[rows] / variance[:, None], axis=0)
        pairs = [
            np.mean(_pairs(level.groups, other.groups, units)[rows] / variance)
            for other, units in zip(levels, moved, strict=True)
        ]
        for number, n in enumerate(lengths):
            weight = 1 / max(target[number], 0.25 / n)
            equations.append(np.outer(pairs, of_kernel[:, number]).reshape(-1) * weight)
            targets.append(max(target[number] - of_own[number], 0) * weight)
    if not equations:
        return np.zeros((0, len(of)))
    # Of levels that explain the same, the penalty takes a bit of each.
    scale = np.sqrt(np.mean(np.square(equations), axis=0)) + 1e-12
    penalty = 0.05 * np.eye(len(scale))
    left, right = np.concatenate([np.array(equations) / scale, penalty]), np.append(targets, np.zeros(len(scale)))
    return (nnls(left, right)[0] / scale).reshape(len(levels), len(of))


def _lengths(horizon: int) -> list[int]:
    """The lengths of the sums over days whose variances are to be right."""
    return sorted({1, 2, *(max(round(horizon / part), 1) for part in (8, 4, 2, 1))} & set(range(1, horizon + 1)))


def _mean_of(correlation: np.ndarray, length: int) -> float:
    """The mean correlation of two of `length` days, a day with itself included: the variance of their mean."""
    lags = np.arange(1, length)
    return float((length * correlation[0] + 2 * np.sum((length - lags) * correlation[1:length])) / length**2)


def level_correlations(
    upper: list[Groups], at: Sequence[CutoffScores], of: tuple[Kernel, ...], horizon: int
) -> list[np.ndarray]:
    """The correlation of two days of each upper level by their distance [step], drawn to what is usual."""
    measured, weights = [], []
    for level in upper:
        scores = np.concatenate([window.scores(level, drawn_groups(level, _MOST_GROUPS))[0] for window in at])
        sums, pairs = lag_products(scores)
        products = np.where(pairs > 0, sums / np.maximum(pairs, 1), 0)
        measured.append(products / max(products[0], 0.25) * _usual_part(scores))
        weights.append(len(at) * np.sqrt(len(scores) / len(at)))
    usual, total = usual_shares(of) @ by_distance(of, horizon), np.sum(weights)
    together = (np.average(measured, axis=0, weights=weights) * total + usual * _HALF_ALL) / (total + _HALF_ALL)
    drawn = [
        (weight * own + _HALF_LEVEL * together) / (weight + _HALF_LEVEL)
        for weight, own in zip(weights, measured, strict=True)
    ]
    return [np.append(1.0, correlation[1:]) for correlation in drawn]


def _usual_part(scores: np.ndarray) -> float:
    """The part of the correlations of days that most groups show, from 0.3 to 1; the rest is of a few far off.

    It compares the variance of means over a window with that of a normal distribution with the same range of 80 %.
    """
    means, noise = window_means(scores)
    if len(means) < 2:
        return 1.0
    low, high = np.quantile(means, [0.1, 0.9])
    usual, whole = float((high - low) / (2 * 1.2816)) ** 2, float(np.mean(means**2))
    part = np.clip((usual - noise) / max(whole - noise, 1e-9), 0.3, 1.0) if whole > noise else 1.0
    return float(1 - (1 - part) * len(means) / (len(means) + HALF_FAR_OFF))


def _pairs(level: Groups, shared: Groups, units: np.ndarray) -> np.ndarray:
    """The products of the `units` [series] of any two different series of a group of `level` that also share a group of
    `shared`, added up: [group]."""
    cell, of_series = np.unique(level.rows.astype(np.int64) * len(shared) + shared.rows, return_inverse=True)
    sums = np.bincount(of_series, units) ** 2 - np.bincount(of_series, units**2)
    return np.bincount(cell // len(shared), sums, minlength=len(level))
