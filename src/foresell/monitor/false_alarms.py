"""The split of the false-alarm rate: `monitoring.false_alarms` is the rate of all checks together.

However the checks depend on each other, one run of all of them raises a false alarm no more often than the sum of their
rates (Bonferroni's inequality). So each budget of the checks gets a share in proportion to its weight, and the shares
add up to one. Within its share, each check corrects for the number of comparisons that it makes.
"""

from __future__ import annotations

from foresell.monitor.checks.catalogue import CHECKS
from foresell.monitor.checks.check import Budget

BUDGETS = tuple(dict.fromkeys(budget for check in CHECKS.values() for budget in check.budgets))


def rates(false_alarms: float) -> dict[Budget, float]:
    """The false-alarm rate of each budget, where that of all checks together is `false_alarms`.

    >>> {budget.name: round(rate, 6) for budget, rate in rates(0.01).items()}
    {'whole': 0.004, 'parts': 0.002, 'slow drift': 0.002, 'inputs': 0.0015, 'stock-outs': 0.0005}
    """
    total = sum(budget.weight for budget in BUDGETS)
    return {budget: budget.weight / total * false_alarms for budget in BUDGETS}


def rate_of(name: str, false_alarms: float) -> float:
    """The rate of the budget with the name `name`.

    >>> round(rate_of("whole", 0.01), 6)
    0.004
    """
    return {budget.name: rate for budget, rate in rates(false_alarms).items()}[name]
