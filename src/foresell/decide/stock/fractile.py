"""The probability of no lost sale that a policy orders for: the critical fractile, or one chosen by replay."""

from __future__ import annotations

import numpy as np

from foresell.decide.stock.contract import Situation


def chosen_fractile(situation: Situation, probability: float | None) -> np.ndarray:
    """The `probability`, or the critical fractile of each series where it is None: float64 [series]."""
    if probability is None:
        return np.clip(situation.costs.fractile(situation.review_periods), 1e-6, 1 - 1e-6)
    return np.full(situation.n_series, probability)


def fractile_label(probability: float | None) -> str:
    """The part of a policy's name that tells its fractile.

    >>> fractile_label(0.95), fractile_label(0.99999)
    (', fractile 0.95', ', fractile 0.99999')
    """
    if probability is None:
        return ", critical fractile"
    return f", fractile {probability:.3g}" if probability < 0.999 else f", fractile {probability:.6g}"
