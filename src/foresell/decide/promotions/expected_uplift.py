"""What the next campaign of an item may be expected to do, from the past ones of all items.

The log of units / baseline of a campaign is taken as a part of the item, which its own past campaigns show and which is
drawn to that of its group, and a part of the cut in price that is the same for all: ``a_i + b * -log(1 - cut)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.response.partial_pooling import partially_pooled, variance_between

CUT_SPREAD = 5.0
"""The standard deviation of a weak prior round 0 for the answer to the cut."""

LEAST_RATIO = 0.05
"""A campaign that sold less than so much of its baseline counts as that, because a log needs more than 0."""


@dataclass(frozen=True)
class ExpectedUplift:
    """`display` is a_i with its standard deviation `deviation`, float64 [item]; `cut` is b; `campaign_deviation` is how
    much campaigns of one item differ in the log. NaN where no campaign of any item was measured."""

    display: np.ndarray
    deviation: np.ndarray
    cut: float
    campaign_deviation: float

    def ratio(self, item: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """Units / baseline to be expected of campaigns [campaign] of the items with a cut in price from 0 to 1."""
        spread = self.deviation[item] ** 2 + self.campaign_deviation**2
        return np.asarray(np.exp(self.display[item] - self.cut * np.log1p(-cut) + spread / 2))


def expected_uplift(
    ratio: np.ndarray, error: np.ndarray, cut: np.ndarray, item: np.ndarray, group: np.ndarray
) -> ExpectedUplift:
    """From past campaigns: `ratio` units / baseline, `error` of its log, `cut` in the price, `item` [campaign] each,
    NaN where not known; `group` [item]."""
    n_items = len(group)
    used = np.isfinite(ratio) & np.isfinite(error) & (error > 0)
    cut = np.nan_to_num(np.clip(cut, 0, 0.95))
    log, depth = np.log(np.maximum(ratio, LEAST_RATIO))[used], -np.log1p(-cut[used])
    error, item = error[used], item[used]
    if not len(log):
        nothing = np.full(n_items, np.nan)
        return ExpectedUplift(nothing, nothing, 0.0, 0.0)
    between, slope = 0.0, 0.0
    for _ in range(3):
        weight = 1 / (error**2 + between)
        mean_log, mean_depth = (_item_means(v, weight, item, n_items)[item] for v in (log, depth))
        x, y = depth - mean_depth, log - mean_log
        slope = float((weight * x * y).sum() / ((weight * x * x).sum() + CUT_SPREAD**-2))
        between = variance_between(log - slope * depth, error, item)
    weight = 1 / (error**2 + between)
    own = _item_means(log - slope * depth, weight, item, n_items)
    total = np.bincount(item, weight, n_items)
    own_error = np.full(n_items, np.nan)
    own_error[total > 0] = 1 / np.sqrt(total[total > 0])
    pooled = partially_pooled(np.where(total > 0, own, np.nan), own_error, group)
    return ExpectedUplift(pooled.mean, pooled.deviation, slope, float(np.sqrt(between)))


def _item_means(values: np.ndarray, weight: np.ndarray, item: np.ndarray, n_items: int) -> np.ndarray:
    total = np.bincount(item, weight, n_items)
    sums = np.bincount(item, weight * values, n_items)
    return np.divide(sums, total, out=np.zeros(n_items), where=total > 0)
