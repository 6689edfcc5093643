"""The negative binomial distribution of counts, in a continuous form.

The probability of a count k is spread evenly from k - 1/2 to k + 1/2. So the distribution function is continuous, every
probability has one quantile, and rounding that quantile gives the quantile of the counts. The distribution function at
a random point between k - 1/2 and k + 1/2 is the randomised probability integral transform of k: Czado, Gneiting and
Held, "Predictive model assessment for count data", Biometrics 65, 2009, section 2.1.
"""

from __future__ import annotations

import numpy as np

_FEW, _LONGEST = 30, 400  # probabilities are added up below this mean, up to this count; else the inverse is faster
_BLOCK = 1 << 16  # points at a time, which fit into the processor's cache

MOST_SUCCESSES = 1e6
"""The largest number of successes. The distribution is then a Poisson distribution for all practical purposes."""


def successes(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The number of successes r = mean^2 / (variance - mean) of the distribution with this mean and variance.

    No negative binomial distribution has a variance below its mean; it is taken for Poisson's, r = `MOST_SUCCESSES`.

    >>> float(successes(np.array(2.0), np.array(4.0)))
    2.0
    """
    excess = variance - mean
    # The order of the divisions matters, because the square of a tiny mean would be 0.
    return np.clip(mean / np.maximum(excess / np.maximum(mean, 1e-12), 1e-12), 1e-6, MOST_SUCCESSES)


def distribution(count: np.ndarray, mean: np.ndarray, r: np.ndarray) -> np.ndarray:
    """P(X <= count) for X with a negative binomial distribution of this mean and r successes; 0 for counts below 0.

    All arrays have one shape.

    >>> distribution(np.array([-1.0, 0, 1]), np.array(2.0), np.array(2.0)).tolist()  # p = 1/2: 1/4, then 1/4 more
    [0.0, 0.25, 0.5]
    """
    from scipy.special import betainc

    below = count < 0
    below_or_at = betainc(r, np.where(below, 0, count) + 1, r / (r + mean))
    return np.where(below, 0, below_or_at)


def transform(actual: np.ndarray, mean: np.ndarray, r: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The randomised transform u = F(a - 1) + place (F(a) - F(a - 1)), where `place` is uniform on 0 to 1.

    It has a uniform distribution where the actuals come from the distribution. A count below 0 (a return) has u = 0.

    >>> transform(np.array([0.0, 1]), np.array(2.0), np.array(2.0), np.array([0.5, 0.5])).tolist()
    [0.125, 0.375]
    """
    before = distribution(actual - 1, mean, r)
    return before + place * (distribution(actual, mean, r) - before)


def quantile(probabilities: np.ndarray, mean: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The quantiles of the continuous form, from -1/2 up, for `probabilities` [q, point]: the inverse of `transform`.

    >>> quantile(np.array([[0.125], [0.375]]), np.array([2.0]), np.array([2.0])).tolist()
    [[0.0], [1.0]]
    """
    quantiles = np.full(probabilities.shape, np.nan)
    few = np.flatnonzero(mean < _FEW)
    for at in range(0, len(few), _BLOCK):
        points = few[at : at + _BLOCK]
        quantiles[:, points] = _add_up(probabilities[:, points], mean[points], r[points])
    q, point = np.nonzero(np.isnan(quantiles))
    quantiles[q, point] = _invert(probabilities[q, point], mean[point], r[point])
    return quantiles


def _add_up(probabilities: np.ndarray, mean: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The quantiles of small means, by adding up P(X = k) from 0; NaN where `_LONGEST` counts are not enough."""
    quantiles = np.full(probabilities.shape, np.nan)
    points = np.arange(len(mean))  # those whose quantiles are not all reached
    odds, until, highest = mean / (r + mean), np.zeros(len(mean)), probabilities.max(axis=0)
    chance = np.exp(-r * np.log1p(mean / r))  # P(X = count)
    for count in range(_LONGEST):
        before, until = until, until + chance
        q, at = np.nonzero((probabilities > before) & (probabilities <= until))
        quantiles[q, points[at]] = count - 0.5 + (probabilities[q, at] - before[at]) / chance[at]
        chance = chance * odds * ((r + count) / (count + 1))
        left = until < highest
        if not (some := np.count_nonzero(left)):
            break
        if some < 0.8 * len(until):
            points, probabilities, highest = points[left], probabilities[:, left], highest[left]
            odds, until, chance, r = odds[left], until[left], chance[left], r[left]
    return quantiles


def _invert(probability: np.ndarray, mean: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The quantiles of any mean, by the inverse of the incomplete beta function. All arrays have one shape."""
    from scipy.special import nbdtrik, ndtri

    probability = np.clip(probability, 1e-9, 1 - 1e-9)
    with np.errstate(invalid="ignore"):
        guess = nbdtrik(probability, r, r / (r + mean))
    # The inverse fails in the far tails of large counts, where the normal distribution is close enough.
    normal = mean + ndtri(probability) * np.sqrt(mean + mean**2 / r)
    count = np.maximum(np.ceil(np.where(np.isfinite(guess), guess, normal) - 1e-6), 0)
    before, until = distribution(count - 1, mean, r), distribution(count, mean, r)
    return count - 0.5 + np.clip((probability - before) / np.maximum(until - before, 1e-300), 0, 1)
