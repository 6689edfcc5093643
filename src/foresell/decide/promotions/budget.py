"""Which campaigns a budget is best spent on: a knapsack in which some campaigns shut each other out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.words import many


@dataclass(frozen=True)
class Choice:
    """The campaigns that are chosen, bool [campaign], what they cost and earn, and what more budget is worth.

    - `shadow_price`: what another unit of money in the budget would earn at the margin, by the relaxation in which
      campaigns may be cut in parts.
    - `next_budget`: the smallest budget that earns more, and `next_gain`: how much more it earns; NaN where none does.
    """

    chosen: np.ndarray
    spent: float
    earned: float
    shadow_price: float
    next_budget: float = float("nan")
    next_gain: float = float("nan")


def choose_campaigns(earned: np.ndarray, spent: np.ndarray, budget: float, one_of: np.ndarray | None = None) -> Choice:
    """The campaigns that together earn most for at most `budget`.

    - `earned`: what each campaign is expected to earn after all its costs. Those that lose money are never chosen.
    - `spent`: what has to be paid for it, at least 0, [campaign] both.
    - `one_of`: campaigns with the same number, such as two cuts for one item, shut each other out; int64 [campaign].

    Raises UsageError for a budget below 0, and for numbers that are missing.

    >>> choice = choose_campaigns(np.array([6.0, 10, 12]), np.array([1.0, 2, 3]), 5)
    >>> choice.chosen.tolist(), choice.earned
    ([False, True, True], 22.0)
    >>> choice.next_budget, choice.next_gain
    (6.0, 6.0)
    """
    earned, spent = np.asarray(earned, np.float64), np.asarray(spent, np.float64)
    wrong = ~np.isfinite(earned) | ~np.isfinite(spent) | (spent < 0)
    if not budget >= 0 or wrong.any():
        raise UsageError(
            f"The budget is {budget}, and {many(int(wrong.sum()), 'campaign')} of {len(earned)} have no expected "
            "return or no cost of at least 0. Leave these campaigns out, or give their costs, and a budget of at least "
            "0."
        )
    groups = np.arange(len(earned)) if one_of is None else np.unique(one_of, return_inverse=True)[1].reshape(-1)
    worth = np.flatnonzero(earned > 0)
    chosen = np.zeros(len(earned), bool)
    if not len(worth):
        return Choice(chosen, 0.0, 0.0, 0.0)
    gains, costs, rows = earned[worth], spent[worth], _exclusions(groups[worth])
    chosen[worth] = _best(gains, costs, budget, groups[worth])
    best = float(earned[chosen].sum())
    step = _next_budget(gains, costs, best, rows)
    more = float(gains[_best(gains, costs, step, groups[worth])].sum()) - best if np.isfinite(step) else np.nan
    return Choice(chosen, float(spent[chosen].sum()), best, _shadow_price(gains, costs, budget, rows), step, more)


LEAST_GAIN = 1e-5
"""A gain below this share of what the best campaign earns is none: a solver's tolerance is not far below it."""


def _best(earned: np.ndarray, spent: np.ndarray, budget: float, groups: np.ndarray) -> np.ndarray:
    """Which of the campaigns that earn something earn most together for at most `budget`: bool [campaign]."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    chosen, worth = np.zeros(len(earned), bool), np.flatnonzero(spent <= budget)
    if not len(worth):
        return chosen
    rows = _exclusions(groups[worth])
    # Money is counted in parts of the budget, because a solver's tolerance is absolute.
    unit = budget or 1.0
    limits = [LinearConstraint(spent[worth][None, :] / unit, -np.inf, budget / unit)]
    if rows.shape[0]:
        limits.append(LinearConstraint(rows, -np.inf, 1))
    scale = float(earned[worth].max())
    solution = milp(
        -earned[worth] / scale,
        integrality=np.ones(len(worth)),
        bounds=Bounds(0, 1),
        constraints=limits,
        options={"mip_rel_gap": 1e-6},
    )
    assert solution.x is not None, solution.message  # nothing chosen is always possible
    chosen[worth[solution.x > 0.5]] = True
    return chosen


def _next_budget(earned: np.ndarray, spent: np.ndarray, best: float, rows: np.ndarray) -> float:
    """The smallest budget that earns more than `best`, NaN where none does."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    scale, unit = float(earned.max()), float(spent.max()) or 1.0
    limits = [LinearConstraint(earned[None, :] / scale, best / scale + LEAST_GAIN, np.inf)]
    if rows.shape[0]:
        limits.append(LinearConstraint(rows, -np.inf, 1))
    solution = milp(
        spent / unit,
        integrality=np.ones(len(earned)),
        bounds=Bounds(0, 1),
        constraints=limits,
        options={"mip_rel_gap": 1e-6},
    )
    return float("nan") if solution.x is None else float(spent[solution.x > 0.5].sum())


def _exclusions(groups: np.ndarray) -> np.ndarray:
    """One row for each group with several campaigns, 1 for those: float64 [group, campaign]."""
    distinct, count = np.unique(groups, return_counts=True)
    return np.asarray((groups[None, :] == distinct[count > 1][:, None]).astype(np.float64))


def _shadow_price(earned: np.ndarray, spent: np.ndarray, budget: float, rows: np.ndarray) -> float:
    """The marginal of the budget in the linear relaxation."""
    from scipy.optimize import linprog

    limits = np.vstack([spent[None, :], rows])
    solution = linprog(-earned, A_ub=limits, b_ub=[budget, *np.ones(len(rows))], bounds=(0, 1), method="highs")
    return float(-solution.ineqlin.marginals[0]) if solution.status == 0 else 0.0
