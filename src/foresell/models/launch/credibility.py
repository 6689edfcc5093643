"""Credibility: ratios of observed to expected sales, drawn towards 1 where they rest on few observations.

The true ratio of a series or group is taken to have a gamma distribution with mean 1 and the variance
`between_variance`. Its sales have a Poisson distribution with the mean ratio x expected. The posterior mean of the
ratio lies between 1 and the observed ratio, and comes closer to the observed ratio with more sales. This is the
empirical Bayes rule of credibility theory (Bühlmann and Gisler, "A Course in Credibility Theory and its Applications",
2005, sections 2.4 and 4.8).

Where the variance of sales is larger than their mean, divide the observed and the expected sales by the ratio of
variance to mean.
"""

from __future__ import annotations

import numpy as np

SHAPES = (0.05, 1000.0)  # the smallest and the largest shape of a negative binomial distribution


def between_variance(observed: np.ndarray, expected: np.ndarray) -> float:
    """The variance of the true ratios of groups, from the `observed` and `expected` sales of each [group].

    This is the moment estimator of Bühlmann and Straub: the variance of the observed ratios beyond that of a Poisson
    distribution. It is 0 where the ratios vary no more than that, or there are fewer than two of them.

    >>> round(between_variance(np.array([50.0, 150.0]), np.array([100.0, 100.0])), 3)  # (50 - 1) / (200 - 100)
    0.49
    """
    positive = expected > 0
    observed, expected = observed[positive], expected[positive]
    total = expected.sum()
    if positive.sum() < 2 or total <= 0:
        return 0.0
    ratio = observed / expected
    excess = np.sum(expected * (ratio - observed.sum() / total) ** 2) - (len(ratio) - 1)
    return float(max(excess / (total - np.sum(expected**2) / total), 0.0))


def posterior_ratio(observed: np.ndarray, expected: np.ndarray, variance: float | np.ndarray) -> np.ndarray:
    """The posterior mean of each ratio of observed to expected, whose true values have mean 1 and this `variance`.

    >>> posterior_ratio(np.array([0.0, 6.0, 600.0]), np.array([0.0, 3.0, 300.0]), 0.5).round(3).tolist()
    [1.0, 1.6, 1.993]
    """
    return np.asarray((1 + variance * observed) / (1 + variance * expected))


def negative_binomial_shape(units: np.ndarray, mean: np.ndarray) -> float:
    """The shape k of a negative binomial distribution of `units` with the `mean`, whose variance is mean + mean**2 / k.

    It is the k for which the Pearson statistic equals the number of values. It is the largest of `SHAPES`, close to a
    Poisson distribution, where the units vary no more than that, and the smallest where they vary more than any shape
    explains. `units` and `mean` have one shape.

    >>> round(negative_binomial_shape(np.array([0.0, 8.0] * 10), np.full(20, 4.0)), 2)  # 16 = 4 + 16 / k
    1.33
    """
    positive = mean > 0
    squares, mean = (units[positive] - mean[positive]) ** 2, mean[positive]
    low, high = SHAPES
    if not len(mean):
        return high
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        if np.mean(squares / (mean + mean**2 / middle)) > 1:
            high = middle
        else:
            low = middle
    return middle
