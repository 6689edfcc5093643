"""The rate of an event with its confidence interval."""

from __future__ import annotations

FIRST_SEED = 1000
"""Of the sample retailers that rates are counted on: bounds and thresholds were tuned on seeds from 1 to 40."""


def rate(count: int, of: int) -> str:
    """A share with the interval that holds the true rate in 95 % of such counts: Wilson, "Probable inference, the law
    of succession, and statistical inference", 1927, of counts that are independent of each other.

    >>> rate(3, 300)
    '3 (1.0 %, 0.3 to 2.9)'
    """
    from scipy.stats import binomtest

    if not of:
        return "–"
    interval = binomtest(count, of).proportion_ci(0.95, method="wilson")
    return f"{count} ({100 * count / of:.1f} %, {100 * interval.low:.1f} to {100 * interval.high:.1f})"
