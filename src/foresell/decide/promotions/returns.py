"""What campaigns earned, in money.

A campaign earns the margin of all units sold in it at its price, less the margin that the baseline would have earned at
the usual price, less the margin of what is missing afterwards, and less what it cost::

    (price - unit cost) * units - (usual price - unit cost) * baseline + (usual price - unit cost) * (units after -
    baseline after) - cost + funding

What it did to other items counts where it can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sums:
    """Units and their baseline, with the standard deviation of the baseline's error: float64 [campaign] each."""

    units: np.ndarray
    baseline: np.ndarray
    deviation: np.ndarray


@dataclass(frozen=True)
class Money:
    """Prices and costs of campaigns: float64 [campaign]. `usual` is the price without the campaign.

    `cost` is what the campaign cost beside its discount, `funding` what the vendor paid for it.
    """

    price: np.ndarray
    usual: np.ndarray
    unit_cost: np.ndarray
    cost: np.ndarray
    funding: np.ndarray


@dataclass(frozen=True)
class Returns:
    """What campaigns earned, float64 [campaign].

    - `margin`: on the units gained, at the price of the campaign. `discount`: given on the baseline, which would have
      been sold at the usual price. `pulled_forward`: the margin of what was missing afterwards, below 0 where it was.
    - `spent`: the discount on all units, and the cost: what has to be paid for the campaign.
    - `earned`: the sum of it all, with the interval from `low` to `high`.
    """

    margin: np.ndarray
    discount: np.ndarray
    pulled_forward: np.ndarray
    spent: np.ndarray
    earned: np.ndarray
    low: np.ndarray
    high: np.ndarray


def returns_of(
    during: Sums, after: Sums, money: Money, others: np.ndarray | float = 0.0, coverage: float = 0.9
) -> Returns:
    """What campaigns earned; `others` is the margin that they brought or took elsewhere.

    >>> one = np.ones(1)
    >>> money = Money(8 * one, 10 * one, 6 * one, 5 * one, 0 * one)
    >>> gained = returns_of(Sums(150 * one, 100 * one, 0 * one), Sums(90 * one, 100 * one, 0 * one), money)
    >>> [float(part[0]) for part in (gained.margin, gained.discount, gained.pulled_forward, gained.earned)]
    [100.0, 200.0, -40.0, -145.0]
    """
    from scipy.special import ndtri

    margin = (money.price - money.unit_cost) * (during.units - during.baseline)
    discount = (money.usual - money.price) * during.baseline
    usual_margin = money.usual - money.unit_cost
    known = np.isfinite(after.baseline)
    pulled = np.where(known, usual_margin * (after.units - after.baseline), 0.0)
    earned = margin - discount + pulled + others - money.cost + money.funding
    # A baseline higher by one unit costs the margin of the usual price; so does one after the campaign.
    variance = during.deviation**2 + np.where(known, after.deviation, 0.0) ** 2
    width = float(ndtri((1 + coverage) / 2)) * np.abs(usual_margin) * np.sqrt(variance)
    spent = (money.usual - money.price) * during.units + money.cost
    return Returns(margin, discount, pulled, spent, earned, earned - width, earned + width)
