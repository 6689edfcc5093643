"""Means over the windows of a backtest with what chance may explain, and what they let one say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foresell.monitor.bounds import limit

FEW = 3
"""With fewer windows nothing is said of a difference."""

CHANCE = 0.05
"""The share of differences that are called clear although chance alone made them."""

NEAR = 0.02
"""A range that lies no further from its promise than this holds it, however sure the difference is."""

WIDE = 0.1
"""A coverage that may lie further off by chance than this says nothing."""

BETTER, WORSE, ALIKE, OPEN = "clearly better", "clearly worse", "may be chance", "cannot be judged yet"
AS_PROMISED, TOO_NARROW, TOO_WIDE = "as promised", "too narrow", "too wide"


def mean_and_reach(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The mean of figures of windows, and how far chance may have it off, either way; None where that is not known.

    >>> mean, reach = mean_and_reach([1.0, 2.0, 3.0])  # standard error 0.577, times 4.303 for two degrees of freedom
    >>> mean, round(reach, 3)
    (2.0, 2.484)
    >>> mean_and_reach([1.0]), mean_and_reach([])
    ((1.0, None), (None, None))
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None, None
    mean = sum(known) / len(known)
    if len(known) < 2:
        return mean, None
    variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
    return mean, limit(CHANCE, len(known) - 1, 2) * math.sqrt(variance / len(known))


def compared(differences: Sequence[float]) -> str:
    """Whether differences of errors, one for each window, show that the first of two is better: below 0 it is.

    >>> compared([-0.1, -0.12, -0.11]), compared([0.1, -0.1, 0.05]), compared([-0.1, -0.1])
    ('clearly better', 'may be chance', 'cannot be judged yet')
    """
    mean, reach = mean_and_reach(differences)
    if mean is None or reach is None or len(differences) < FEW:
        return OPEN
    if abs(mean) <= reach:
        return ALIKE
    return BETTER if mean < 0 else WORSE


def held(promised: float, coverage: float, error: float, windows: int) -> str:
    """Whether a range held what it promised; `error` is the standard error of its coverage over the windows.

    >>> [held(0.9, share, error, 6) for share, error in ((0.89, 0.01), (0.7, 0.02), (0.97, 0.01), (0.85, 0.2))]
    ['as promised', 'too narrow', 'too wide', 'cannot be judged yet']
    >>> held(0.9, 0.5, 0.01, 2)
    'cannot be judged yet'
    """
    if windows < FEW or not math.isfinite(error):
        return OPEN
    reach = limit(CHANCE, windows - 1, 2) * error
    if abs(coverage - promised) > max(reach, NEAR):
        return TOO_NARROW if coverage < promised else TOO_WIDE
    return OPEN if reach > WIDE else AS_PROMISED
