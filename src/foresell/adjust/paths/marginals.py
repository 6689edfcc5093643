"""The distributions of single days, laid out as tables so that many draws are read from them.

A draw is a normal score z, and its units are the quantile of its probability. Quantiles cost too much to be computed
for each draw. So every series and day has a table of quantiles at `KNOTS`, between which units are linear in z. Of
whole units, the first `_EXACT` counts have their exact limits: the scores of P(X <= 0), P(X <= 1) and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.adjust import counts
from foresell.adjust.ranges import LevelRanges

_FARTHEST, _KNOTS_PER_UNIT = 4.25, 4
KNOTS = np.arange(-_FARTHEST, _FARTHEST + 1e-9, 1 / _KNOTS_PER_UNIT)
"""The normal scores at which quantiles are tabulated. Scores beyond them count as the outermost."""

_EXACT = 8  # counts with exact limits; of larger ones, a limit that is linear between two knots is near enough
_NODES = np.arange(-4, 4.01, 0.2)  # scores at which moments are computed
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


def normal_scores(
    ranges: LevelRanges, mean: np.ndarray, group: np.ndarray, step: np.ndarray, actual: np.ndarray
) -> np.ndarray:
    """The expected normal score of each actual in its distribution, E[z | actual].

    All are [point]. `actual` is in units. Of a count with much probability, such as 0 of a slow mover, any score of an
    interval may be the true one; its expectation is the mean of the standard normal distribution in that interval.
    """
    from scipy.special import ndtr, ndtri

    size, r = ranges.distribution(mean, group, step)
    counted = actual / ranges.rows["grain"][0]
    lower, upper = (
        ranges.correction.scores(ndtri(counts.distribution(count, size, r)), np.log(size))
        for count in (counted - 1, counted)
    )
    density = (np.exp(-(lower**2) / 2) - np.exp(-(upper**2) / 2)) / np.sqrt(2 * np.pi)
    mass = ndtr(upper) - ndtr(lower)
    middle = np.clip((lower + upper) / 2, -5, 5)
    return np.where(mass > 1e-4, density / np.maximum(mass, 1e-12), middle)


@dataclass(frozen=True)
class Marginals:
    """The distributions of a block of series on each day.

    - `quantiles`: float32 [series, step, knot], in units, not rounded.
    - `limits`: float32 [series, step, count], the scores of P(X <= 0), P(X <= 1), ...; None where units are not whole.
    - `is_open`: bool [series, step].
    """

    quantiles: np.ndarray
    limits: np.ndarray | None
    is_open: np.ndarray

    @classmethod
    def of(
        cls,
        ranges: LevelRanges,
        mean: np.ndarray,
        rows: np.ndarray,
        steps: np.ndarray | None = None,
    ) -> Marginals:
        """The distributions round `mean` [series, step] of the series `rows` [series] of a level with these ranges.

        `steps` [step] are those of `mean`, from 0; all where not given.
        """
        from scipy.special import ndtr

        shape = mean.shape
        steps = np.arange(shape[1]) if steps is None else steps
        group, step = np.repeat(rows, shape[1]), np.tile(steps, shape[0])
        quantiles = ranges.quantiles(mean.reshape(-1), group, step, ndtr(KNOTS), rounded=False)
        limits = None
        if ranges.whole:
            limits = _limits(ranges, mean.reshape(-1), group, step).reshape(*shape, _EXACT)
        # A forecast of 0 says that nothing will be sold, as on a closed day.
        is_open = ranges.is_open[np.ix_(rows, steps)] & (mean > 0)
        return cls(np.ascontiguousarray(quantiles.T).reshape(*shape, -1), limits, is_open)

    def units(self, scores: np.ndarray) -> np.ndarray:
        """The units of normal `scores` [series, path, step]: float32 of the same shape."""
        n_series, _, n_steps = scores.shape
        position = np.clip((scores + np.float32(_FARTHEST)) * np.float32(_KNOTS_PER_UNIT), 0, len(KNOTS) - 1.001)
        knot = position.astype(np.int32)
        position -= knot
        knot += (np.arange(n_series * n_steps, dtype=np.int32) * len(KNOTS)).reshape(n_series, 1, n_steps)
        table = self.quantiles.reshape(-1)
        units = table[knot]
        units += position * (table[knot + 1] - units)
        if self.limits is not None:
            units = self._whole(units, scores)
        units *= self.is_open[:, None, :]
        return np.maximum(units, 0, out=units)

    def _whole(self, units: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The units rounded, and exact where they are few."""
        assert self.limits is not None
        units = np.floor(units + np.float32(0.5))
        few = np.zeros(scores.shape, np.uint8)
        for limit in np.moveaxis(self.limits, 2, 0):
            few += scores > limit[:, None, :]
        return np.where(few < _EXACT, few, np.maximum(units, np.float32(_EXACT))).astype(np.float32, copy=False)

    def usual_deviation(self) -> np.ndarray:
        """The standard deviation of the normal distribution with the same range of 90 %: [series, step].

        Days that are far out, such as holidays, move it less than they move the standard deviation.
        """
        low, high = (np.array([[[score]]], np.float32) for score in (-1.645, 1.645))
        shape = (self.quantiles.shape[0], 1, self.quantiles.shape[1])
        ends = [self.units(np.broadcast_to(score, shape))[:, 0] for score in (low, high)]
        return (ends[1] - ends[0]).astype(np.float64) / (2 * 1.645)

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The mean, the variance, and the covariance with the normal score of each day: [series, step] each.

        The last is the first coefficient a of the Hermite expansion of units in z: two scores with a correlation c have
        units with a covariance of about c a a'.
        """
        shape = (self.quantiles.shape[0], len(_NODES), self.quantiles.shape[1])
        units = self.units(np.broadcast_to(_NODES.astype(np.float32)[None, :, None], shape)).astype(np.float64)
        mean = np.einsum("snh,n->sh", units, _WEIGHTS)
        square = np.einsum("snh,n->sh", units**2, _WEIGHTS)
        return mean, np.maximum(square - mean**2, 0), np.einsum("snh,n->sh", units, _WEIGHTS * _NODES)


def _limits(ranges: LevelRanges, mean: np.ndarray, group: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The scores of P(X <= 0) up to P(X <= `_EXACT` - 1): float32 [point, count]."""
    from scipy.special import ndtri

    size, r = ranges.distribution(mean, group, step)
    log_size, odds = np.log(size), size / (r + size)
    chance = np.exp(-r * np.log1p(size / r))  # P(X = count)
    until = np.zeros(len(size))
    limits = np.empty((len(size), _EXACT), np.float32)
    for count in range(_EXACT):
        until = until + chance
        limits[:, count] = ranges.correction.scores(ndtri(np.minimum(until, 1.0)), log_size)
        chance = chance * odds * ((r + count) / (count + 1))
    return limits
