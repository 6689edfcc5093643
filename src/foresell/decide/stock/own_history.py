"""Order up to the mean of the cover plus a safety stock that also reads how the series scattered in its own past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.decide.stock.contract import Orders, Situation
from foresell.decide.stock.fractile import chosen_fractile, fractile_label
from foresell.decide.stock.pack_rounding import pinball_of, rounded_orders

SHORTEST = 56
"""The level before a cover is the mean of so many periods, or of seven covers where these are longer."""

_PRIOR_UNITS, _PRIOR_DISPERSION = 5.0, 2.0  # a series counts as if this many units had been seen with this dispersion


@dataclass(frozen=True)
class OwnHistory:
    """The target is mean + z sigma, where sigma^2 is a geometric mean of two variances of the cover's demand.

    One is that of `NormalSafetyStock`, the sum of the variances of the steps, which series of a size have in common.
    The other has the weight `weight` and is `Situation.dispersion` times the mean: how far the series itself was off
    its level in the past. Where no dispersion is known, the policy is `NormalSafetyStock`.
    """

    probability: float | None = None
    weight: float = 0.25

    @property
    def name(self) -> str:
        """The name with the fractile."""
        return "own history" + fractile_label(self.probability)

    def orders(self, situation: Situation) -> Orders:
        """The orders up to the target."""
        from scipy.special import ndtri

        variance, mean = situation.cover_variance(), situation.cover_mean()
        if situation.dispersion is not None:
            own = np.where(np.isnan(situation.dispersion), variance, situation.dispersion * mean)
            variance = variance ** (1 - self.weight) * own**self.weight
        probability = chosen_fractile(situation, self.probability)
        target = mean + ndtri(probability) * np.sqrt(variance)
        position = situation.position()
        needed = situation.cover_demand() - position.astype(np.float32)
        return rounded_orders(situation, np.maximum(target - position, 0), target, pinball_of(needed, probability))


def cover_dispersion(units: np.ndarray, cover_periods: np.ndarray) -> np.ndarray:
    """The variance of the demand of a cover round the level before it, over its mean: float64 [series].

    `units` is [series, period], the past, NaN where it is not known, which counts as 0 like a day without sales;
    `cover_periods` int [series]. The level is the mean of `SHORTEST` periods or more before the cover. Series of few
    units are drawn towards 2. NaN where the past is too short for one cover and the level before it.

    >>> cover_dispersion(np.full((1, 80), 3.0), np.array([8])).round(2).tolist()  # steady: only what it is drawn to
    [0.08]
    """
    dispersion = np.full(len(units), np.nan)
    n_periods = units.shape[1]
    total = np.zeros((len(units), n_periods + 1))
    np.cumsum(np.nan_to_num(units), axis=1, out=total[:, 1:])
    for cover in np.unique(cover_periods):
        before, rows = max(SHORTEST, 7 * int(cover)), np.flatnonzero(cover_periods == cover)
        ends = np.arange(before, n_periods - cover + 1, max(cover // 2, 1))
        if not len(ends) or cover < 1:
            continue
        of = total[rows]
        level = (of[:, ends] - of[:, ends - before]) * (cover / before)
        squares = ((of[:, ends + cover] - of[:, ends] - level) ** 2).sum(axis=1)
        dispersion[rows] = (squares + _PRIOR_UNITS * _PRIOR_DISPERSION) / (level.sum(axis=1) + _PRIOR_UNITS)
    return dispersion
