"""How far to believe few observations: the gamma-Poisson rule, and how much the groups of a kind differ.

What a thing sold is compared with what was expected of it. Its true ratio to that expectation is taken to come from a
gamma distribution with mean 1 and variance `between`; what it sold is Poisson round ratio x expected. The posterior
mean of the ratio then lies between 1 and what was seen, and moves to what was seen as evidence comes: the empirical
Bayes rule of credibility theory (Bühlmann and Gisler, "A Course in Credibility Theory and its Applications", 2005,
sections 2.4 and 4.8).

Where sales scatter more than Poisson, divide what was sold and what was expected by the ratio of variance to mean.
"""

from __future__ import annotations

import numpy as np

SHAPES = (0.05, 1000.0)  # the range in which a shape is looked for


def between(observed: np.ndarray, expected: np.ndarray) -> float:
    """The variance of the true ratios of things of one kind, from what was `observed` and `expected` of each [thing].

    The moment estimator of Bühlmann and Straub: what the seen ratios vary by beyond what chance alone would make.
    0 where they vary no more than that, or there are fewer than two of them.

    >>> round(between(np.array([50.0, 150.0]), np.array([100.0, 100.0])), 3)  # (50 - 1) / (200 - 100)
    0.49
    """
    there = expected > 0
    observed, expected = observed[there], expected[there]
    total = expected.sum()
    if there.sum() < 2 or total <= 0:
        return 0.0
    ratio = observed / expected
    excess = np.sum(expected * (ratio - observed.sum() / total) ** 2) - (len(ratio) - 1)
    return float(max(excess / (total - np.sum(expected**2) / total), 0.0))


def shrunk(observed: np.ndarray, expected: np.ndarray, variance: float | np.ndarray) -> np.ndarray:
    """The posterior mean of each ratio of observed to expected, whose true values have mean 1 and this `variance`.

    >>> shrunk(np.array([0.0, 6.0, 600.0]), np.array([0.0, 3.0, 300.0]), 0.5).round(3).tolist()
    [1.0, 1.6, 1.993]
    """
    return np.asarray((1 + variance * observed) / (1 + variance * expected))


def shape_of(units: np.ndarray, mean: np.ndarray) -> float:
    """The shape k of the negative binomial with variance mean + mean**2 / k that `units` round their `mean` show.

    The k whose Pearson statistic is what it should be, the number of values; the largest of `SHAPES` (nearly Poisson)
    where they scatter no more than Poisson, the least where they scatter more than any. Both are of one shape.

    >>> round(shape_of(np.array([0.0, 8.0] * 10), np.full(20, 4.0)), 2)  # 16 = 4 + 16 / k
    1.33
    """
    there = mean > 0
    squares, mean = (units[there] - mean[there]) ** 2, mean[there]
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
