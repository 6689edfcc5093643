"""Quality and punctuality of manufacturers by their past deliveries."""

from __future__ import annotations

import numpy as np

PRIOR_DELIVERIES = 10.0
"""A manufacturer counts as if it had so many more deliveries of the usual kind, so that a few say little."""


def shrunk_rate(successes: np.ndarray, trials: np.ndarray, prior: float = PRIOR_DELIVERIES) -> np.ndarray:
    """The rate of each row, drawn towards that of all rows: float64 of the shape of `trials`, NaN without any trial.

    It is the mean of a beta distribution whose prior has the rate of all rows and the weight of `prior` trials (Gelman
    et al., "Bayesian data analysis", section 2.4).

    >>> shrunk_rate(np.array([9.0, 0.0]), np.array([10.0, 0.0])).tolist()
    [0.9, 0.9]
    >>> shrunk_rate(np.array([90.0, 2.0]), np.array([100.0, 2.0])).round(3).tolist()
    [0.9, 0.918]
    """
    successes, trials = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    if not trials.sum():
        return np.full(trials.shape, np.nan)
    usual = successes.sum() / trials.sum()
    return np.asarray((successes + prior * usual) / (trials + prior))
