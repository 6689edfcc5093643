"""Outliers among the targets that are learnt from: pulled in to where the far ones of their like lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

FAR_OUT = (3.0, 6.0, 12.0)
"""Values more than so many interquartile ranges outside the quartiles are far out: 3 by Tukey 1977, Exploratory Data
Analysis, section 2E (of normal values one in 430,000). More where that many are the shape of the data."""

FEW = 0.005
"""Outliers are few: the first fence of `FAR_OUT` is taken outside of which no more than this share lies."""

ENOUGH = 20
"""A group of fewer rows is judged among all rows."""


@dataclass(frozen=True)
class Treated:
    """The targets to learn from, float64 [row]; how many were pulled in; how many far out were left, being too many."""

    target: np.ndarray
    count: int
    left: int = 0


def treat(target: np.ndarray, group: np.ndarray) -> Treated:
    """Winsorises `target` float64 [row] at the far fences round the median of each row's `group` int [row].

    Where nearly all are above 0, as prices and revenues are, it is done on logarithms, and what is not above 0 is left
    alone; else on the values as they are.

    >>> usual = np.exp(np.arange(-10, 11) / 10)
    >>> float(treat(np.append(np.tile(usual, 10), 1e6), np.zeros(211, int)).target[-1].round(2))  # exp(0.5 + 3 x 1)
    33.12
    """
    positive = target > 0
    on_logs = bool(positive.mean() >= 0.95)
    judged = positive if on_logs else np.ones(len(target), bool)
    values = np.log(target[judged]) if on_logs else target[judged]
    middle = _medians(values, group[judged])
    rest = values - middle
    low, high = np.quantile(rest, [0.25, 0.75])
    far, reach = np.zeros(len(rest), bool), 0.0
    for reach in (factor * (high - low) for factor in FAR_OUT):
        far = (rest < low - reach) | (rest > high + reach)
        if far.mean() <= FEW:
            break
    count = int(far.sum())
    if not count or reach == 0:
        return Treated(target, 0)
    if count > FEW * len(rest):
        return Treated(target, 0, count)
    pulled = middle + np.clip(rest, low - reach, high + reach)
    made = target.copy()
    made[np.flatnonzero(judged)[far]] = np.exp(pulled[far]) if on_logs else pulled[far]
    return Treated(made, count)


def _medians(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The median of each row's group [row]; that of all rows for a small group."""
    frame = pl.DataFrame({"group": group, "value": values})
    enough = pl.len().over("group") >= ENOUGH
    chosen = pl.when(enough).then(pl.col("value").median().over("group")).otherwise(pl.col("value").median())
    return frame.select(chosen.alias("median"))["median"].to_numpy()
