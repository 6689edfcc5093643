"""The newsvendor and the base stock with normal demand, in closed form.

Snyder and Shen, "Fundamentals of supply chain theory", 2nd edition, section 4.3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class StockLevel(NamedTuple):
    """A stock level and its expected cost in one period."""

    level: float
    cost: float


def newsvendor_normal(holding: float, shortage: float, mean: float, deviation: float) -> StockLevel:
    """S = mu + z sigma with z at p / (p + h), and its cost (p + h) phi(z) sigma: section 4.3.2.

    `holding` is the cost of a unit left over, `shortage` that of a unit of demand not met.

    >>> best = newsvendor_normal(0.18, 0.70, 50, 8)  # example 4.3
    >>> round(best.level, 3), round(best.cost, 4)
    (56.604, 1.9976)
    """
    from scipy.special import ndtri

    z = float(ndtri(shortage / (shortage + holding)))
    density = float(np.exp(-z * z / 2) / np.sqrt(2 * np.pi))
    return StockLevel(mean + z * deviation, (shortage + holding) * density * deviation)


def base_stock_normal(
    holding: float, shortage: float, mean: float, deviation: float, lead_periods: float
) -> StockLevel:
    """The newsvendor of the demand of the lead time and one review period, where unmet demand waits.

    `mean` and `deviation` are those of one period, which are independent of each other.

    >>> round(base_stock_normal(0.18, 0.70, 50, 8, lead_periods=4).level, 3)
    264.767
    """
    periods = lead_periods + 1
    return newsvendor_normal(holding, shortage, periods * mean, deviation * float(np.sqrt(periods)))
