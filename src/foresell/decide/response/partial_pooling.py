"""Estimates of many items, each drawn to the mean of its group by how little it says itself.

Estimates are taken as normal round a true value of the item, which is normal round the mean of the group (Gelman et
al., "Bayesian data analysis", 3rd edition, section 5.4). The variance between items is that of DerSimonian and
Laird (1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_SPREAD = 0.2
"""Items of one group are taken to differ by at least this share of their mean, because few noisy estimates cannot show
that items are alike."""

FEWEST_ITEMS = 5
"""A group with fewer estimates takes the mean of all groups."""


@dataclass(frozen=True)
class Pooled:
    """The pooled estimates and their standard deviations, float64 [item].

    Items without an estimate of their own have the mean of the group, and the spread of its items; NaN where no group
    has any. `of_group` says that the item's own past says nothing: bool [item]. `centre` is the mean of the group.
    """

    mean: np.ndarray
    deviation: np.ndarray
    of_group: np.ndarray
    centre: np.ndarray


@dataclass(frozen=True)
class _Mean:
    mean: float
    error: float


def partially_pooled(estimate: np.ndarray, error: np.ndarray, group: np.ndarray) -> Pooled:
    """Pools `estimate` with the standard errors `error` (NaN where there is none) in the groups int64, [item] each.

    >>> pooled = partially_pooled(np.array([1.0, 1, 1, 1, 3, np.nan]), np.full(6, 1.0), np.zeros(6, int))
    >>> pooled.mean.round(2).tolist(), pooled.of_group.tolist()
    ([1.31, 1.31, 1.31, 1.31, 1.75, 1.4], [False, False, False, False, False, True])
    """
    known = np.isfinite(estimate) & np.isfinite(error) & (error > 0)
    mean, deviation, centres = (np.full(len(estimate), np.nan) for _ in range(3))
    if known.sum() < 2:
        return Pooled(mean, deviation, ~known, centres)
    large = np.bincount(group, known, int(group.max()) + 1) >= FEWEST_ITEMS
    pool = np.where(large[group], group, -1)  # items of small groups take the mean of everything
    between = variance_between(estimate[known], error[known], pool[known] + 1)
    for g in np.unique(pool):
        members, used = pool == g, known & ((pool == g) | (g == -1))
        centre = _centre(estimate[used], error[used], between)
        least = (LEAST_SPREAD * centre.mean) ** 2
        prior = max(between, least) + centre.error**2
        mean[members], deviation[members], centres[members] = centre.mean, np.sqrt(prior), centre.mean
        own = members & known
        precision = 1 / error[own] ** 2 + 1 / max(prior, 1e-12)
        mean[own] = (estimate[own] / error[own] ** 2 + centre.mean / max(prior, 1e-12)) / precision
        deviation[own] = np.sqrt(1 / precision)
    return Pooled(mean, deviation, ~known, centres)


def variance_between(estimate: np.ndarray, error: np.ndarray, group: np.ndarray) -> float:
    """The variance of true values within groups, the same for all, by the method of moments (DerSimonian and Laird).

    >>> round(variance_between(np.array([0.0, 2, 10, 12]), np.full(4, 0.5), np.array([0, 0, 1, 1])), 2)  # 2 - 0.25
    1.75
    """
    weight = 1 / error**2
    total, sums, squares = (np.bincount(group, values) for values in (weight, weight * estimate, weight**2))
    present = total > 0
    mean = np.divide(sums, total, out=np.zeros_like(total), where=present)
    excess = float((weight * (estimate - mean[group]) ** 2).sum()) - (len(estimate) - int(present.sum()))
    scale = float((total[present] - squares[present] / total[present]).sum())
    return max(excess / scale, 0.0) if scale > 0 else 0.0


def _centre(estimate: np.ndarray, error: np.ndarray, between: float) -> _Mean:
    weight = 1 / (error**2 + between)
    return _Mean(float((weight * estimate).sum() / weight.sum()), float(1 / np.sqrt(weight.sum())))
