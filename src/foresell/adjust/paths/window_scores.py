"""The normal scores of a backtest's errors, and what they show of the dependence of days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.adjust.backtest_errors import Window
from foresell.adjust.paths.kernels import CONSTANT, DECAY, NOISE, SEASON, Kernel
from foresell.adjust.paths.marginals import normal_scores
from foresell.adjust.ranges import LevelRanges, Ranges
from foresell.adjust.spread import LEAST
from foresell.core.hierarchy import Groups, Hierarchy, Level
from foresell.core.keyed_random import key_hashes
from foresell.core.panel import Panel
from foresell.models.closed_days import closed_days

HALF_FAR_OFF = 100
"""The windows of groups from which what they show of a few that are far off counts as much as that there are none."""

_USUAL = {CONSTANT: 0.1, DECAY: 0.12, SEASON: 0.0, NOISE: 0.35}  # correlations before any error is known


@dataclass(frozen=True)
class CutoffScores:
    """A window of the backtest and the ranges that each level has at its cutoff."""

    window: Window
    ranges: dict[Level, LevelRanges]

    @classmethod
    def of(cls, window: Window, panel: Panel, hierarchy: Hierarchy, ranges: Ranges) -> CutoffScores:
        past = panel.until(panel.dates[window.day].item())
        closed = closed_days(past, window.mean.shape[1])
        return cls(window, {level: ranges.of_level(level, past, hierarchy, closed) for level in hierarchy.levels})

    def scores(self, groups: Groups, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The expected normal scores and the means of some groups: [group, step] each, NaN where not known."""
        window, ranges = self.window, self.ranges[groups.level]
        mean, actual, known = (
            _sums(groups, values, rows) for values in (window.mean, window.actual, window.known.astype(np.float32))
        )
        group, step = np.nonzero((known > 0) & ranges.is_open[rows] & (mean > LEAST))
        scores = np.full(mean.shape, np.nan)
        scores[group, step] = normal_scores(ranges, mean[group, step], rows[group], step, actual[group, step])
        return scores, np.where(np.isnan(scores), np.nan, mean)


def _sums(groups: Groups, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The sums of `values` [series, step] of some groups: float64 [group, step]."""
    if len(groups) == len(values):
        return values[np.argsort(groups.rows)[rows]].astype(np.float64)
    return groups.sum(values)[rows]


def drawn_groups(groups: Groups, most: int) -> np.ndarray:
    """Some of the groups, at most so many, drawn by their key."""
    hashes = key_hashes(groups.frame)
    return np.sort(np.argsort(hashes, kind="stable")[:most])


def lag_products(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums of the products of two days' scores by their distance, and the numbers of pairs: [step] each."""
    horizon = scores.shape[1]
    known, filled = ~np.isnan(scores), np.nan_to_num(scores)
    sums, pairs = np.zeros(horizon), np.zeros(horizon)
    for lag in range(horizon):
        sums[lag] = np.sum(filled[:, : horizon - lag] * filled[:, lag:])
        pairs[lag] = np.sum(known[:, : horizon - lag] & known[:, lag:])
    return sums, pairs


def window_means(scores: np.ndarray) -> tuple[np.ndarray, float]:
    """The means of the scores of each group and window that is known for the most part, and their variance if days were
    independent."""
    rows = scores[np.sum(~np.isnan(scores), axis=1) >= scores.shape[1] / 2]
    return np.nanmean(rows, axis=1), float(np.nanmean(rows**2)) / scores.shape[1] if len(rows) else 0.0


def usual_shares(of: tuple[Kernel, ...]) -> np.ndarray:
    """The shares of the kernels before any error is known: [kernel]."""
    shares = np.array([_USUAL[kernel.kind] for kernel in of])
    shares[-1] = 1 - shares[:-1].sum()
    return shares


def by_distance(of: tuple[Kernel, ...], horizon: int) -> np.ndarray:
    """The correlation of each kernel by the distance of two days: [kernel, step]."""
    return np.stack([kernel.of(np.arange(horizon)) for kernel in of])
