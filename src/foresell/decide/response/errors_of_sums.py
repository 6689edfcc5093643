"""How far sums lie from their baseline where nothing happened, and the interval for a ratio that follows from it.

With expected units m, the variance of a sum is taken as k_i * (phi * (m + l * m**2) + a * m**2): phi is the noise of
single units, in the sum and in the level that its baseline was learnt from (l, relative to m**2), a that of levels and
days that move together, and k_i how much noisier item i is than others. They are learnt from
placebos: windows like those of promotions, at times without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PRIOR_WINDOWS = 8.0
"""So many placebos at the usual noise are added to those of an item."""


@dataclass(frozen=True)
class ErrorScale:
    """The noise of sums of windows of one kind: `item` is k [item], `z` the standardised placebos, sorted."""

    unit: float
    level: float
    item: np.ndarray
    z: np.ndarray

    @classmethod
    def learn(
        cls,
        units: np.ndarray,
        baseline: np.ndarray,
        item: np.ndarray,
        n_items: int,
        level_noise: np.ndarray | float = 0.0,
    ) -> ErrorScale:
        """From placebos: units, baseline and level noise, float64 [placebo], of the items int64 [placebo]."""
        used = (baseline > 0) & np.isfinite(units)
        noise = np.broadcast_to(np.asarray(level_noise), units.shape)[used]
        units, baseline, item = units[used], baseline[used], item[used]
        unit, level = _variance_fit((units - baseline) ** 2, baseline, noise)
        expected = unit * (baseline + noise) + level * baseline**2
        squares = (units - baseline) ** 2 / np.maximum(expected, 1e-12)
        squares = np.minimum(squares, 25.0)
        total, count = (np.bincount(item, values, n_items) for values in (squares, np.ones(len(item))))
        scale = (total + PRIOR_WINDOWS) / (count + PRIOR_WINDOWS)
        # A placebo is judged by the noise of the item's other ones, or it would make itself look usual.
        others = (total[item] - squares + PRIOR_WINDOWS) / (count[item] - 1 + PRIOR_WINDOWS)
        z = (units - baseline) / np.sqrt(np.maximum(expected * others, 1e-12))
        return cls(unit, level, scale, np.sort(z))

    def deviation(self, expected: np.ndarray, item: np.ndarray, level_noise: np.ndarray | float = 0.0) -> np.ndarray:
        """The standard deviation of sums with `expected` units: float64 of their shape."""
        variance = self.unit * (expected + level_noise) + self.level * expected**2
        return np.asarray(np.sqrt(self.item[item] * variance))

    def quantile(self, probability: float) -> float:
        """That quantile of standardised errors, of the placebos where there are at least 40, else of the normal."""
        from scipy.special import ndtri

        if len(self.z) < 40:
            return float(ndtri(probability))
        return float(np.quantile(self.z, probability))

    def ratio_interval(
        self,
        units: np.ndarray,
        baseline: np.ndarray,
        item: np.ndarray,
        coverage: float,
        level_noise: np.ndarray | float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper end of units / expected units without noise, float64 [sum].

        A ratio r lies within where the units are no rarer, with r * baseline expected, than placebos may be: the
        score interval, which also holds where nothing was sold.
        """
        low, high = self.quantile((1 - coverage) / 2), self.quantile((1 + coverage) / 2)
        scale = self.item[item]
        with np.errstate(divide="ignore", invalid="ignore"):
            level = scale * (self.level + self.unit * level_noise / baseline**2)
            ends = [_expected(units, z, scale * self.unit, level) for z in (max(high, 0.5), min(low, -0.5))]
            return ends[0] / baseline, ends[1] / baseline


def _expected(units: np.ndarray, z: float, unit: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The expected units m with units - m = z * sqrt(unit * m + level * m**2); infinite where there is none.

    >>> [float(_expected(np.array([16.0]), z, np.array([1.0]), np.array([0.0]))[0].round(3)) for z in (2, -2)]
    [9.754, 26.246]
    """
    # (u - m)^2 = z^2 (unit m + level m^2)  =>  (1 - z^2 level) m^2 - (2u + z^2 unit) m + u^2 = 0
    a = 1 - z * z * level
    b = 2 * units + z * z * unit
    root = np.sqrt(np.maximum(b * b - 4 * a * units**2, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        if z > 0:  # the smaller root, written so that a = 0 does no harm
            return np.where(b + root > 0, 2 * units**2 / (b + root), 0.0)
        return np.where(a > 1e-9, (b + root) / (2 * a), np.inf)


def _variance_fit(squares: np.ndarray, expected: np.ndarray, level_noise: np.ndarray) -> tuple[float, float]:
    """phi and a of the variance phi * (m + level noise) + a * m**2, by weighted least squares with both at least 0."""
    from scipy.optimize import nnls

    if len(squares) < 3:
        return 1.0, 0.04
    unit, level = max(float(np.median(squares / (expected + level_noise))), 0.1), 0.0
    for _ in range(10):
        weight = 1 / np.maximum(unit * (expected + level_noise) + level * expected**2, 1e-9)
        # Squares far out are cut, because one of them would decide the fit.
        cut = np.minimum(squares, 16 / weight)
        (unit, level), _ = nnls(np.column_stack([expected + level_noise, expected**2]) * weight[:, None], cut * weight)
        unit = max(unit, 0.1)
    return float(unit), float(level)
