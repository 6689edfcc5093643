"""Winsorises outliers among the targets of training sales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

FAR_OUT = (3.0, 6.0, 12.0)
"""Values more than so many interquartile ranges outside the quartiles are outliers: 3 by Tukey 1977, Exploratory Data
Analysis, section 2E (one in 430,000 normal values). The wider fences are for data with heavy tails."""

FEW = 0.005
"""The first fence of `FAR_OUT` is used outside of which at most this share of the values lies."""

ENOUGH = 20
"""A smaller group is centred at the median of all rows."""


@dataclass(frozen=True)
class Winsorised:
    """The targets to learn from, float64 [row]; `count` of them were pulled in, and `kept` outliers were too many."""

    target: np.ndarray
    count: int
    kept: int = 0


def winsorise(target: np.ndarray, group: np.ndarray) -> Winsorised:
    """Winsorises `target` float64 [row] at fences around the median of each row's `group` int [row].

    If nearly all targets are above 0, as prices and revenues are, this is done on logarithms, and the others stay as
    they are. Otherwise it is done on the values themselves.

    >>> usual = np.exp(np.arange(-10, 11) / 10)
    >>> float(winsorise(np.append(np.tile(usual, 10), 1e6), np.zeros(211, int)).target[-1].round(2))  # exp(0.5 + 3 x 1)
    33.12
    """
    positive = target > 0
    on_logs = bool(positive.mean() >= 0.95)
    used = positive if on_logs else np.ones(len(target), bool)
    values = np.log(target[used]) if on_logs else target[used]
    middle = _medians(values, group[used])
    rest = values - middle
    low, high = np.quantile(rest, [0.25, 0.75])
    far, reach = np.zeros(len(rest), bool), 0.0
    for reach in (factor * (high - low) for factor in FAR_OUT):
        far = (rest < low - reach) | (rest > high + reach)
        if far.mean() <= FEW:
            break
    count = int(far.sum())
    if not count or reach == 0:
        return Winsorised(target, 0)
    if count > FEW * len(rest):
        return Winsorised(target, 0, count)
    clipped = middle + np.clip(rest, low - reach, high + reach)
    new = target.copy()
    new[np.flatnonzero(used)[far]] = np.exp(clipped[far]) if on_logs else clipped[far]
    return Winsorised(new, count)


def _medians(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The median of each row's group [row]; that of all rows for a small group."""
    frame = pl.DataFrame({"group": group, "value": values})
    enough = pl.len().over("group") >= ENOUGH
    chosen = pl.when(enough).then(pl.col("value").median().over("group")).otherwise(pl.col("value").median())
    return frame.select(chosen.alias("median"))["median"].to_numpy()
