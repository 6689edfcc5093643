"""The knapsack of campaigns, against all choices there are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.decide.promotions.budget import choose_campaigns


def best_of_all(earned: np.ndarray, spent: np.ndarray, budget: float, one_of: np.ndarray) -> float:
    best = 0.0
    for choice in product([False, True], repeat=len(earned)):
        chosen = np.array(choice)
        if spent[chosen].sum() <= budget and (np.bincount(one_of[chosen], minlength=1) <= 1).all():
            best = max(best, float(earned[chosen].sum()))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_best_of_all_choices(seed: int):
    rng = np.random.default_rng(seed)
    earned, spent = rng.normal(30, 40, 7), rng.uniform(0, 50, 7)
    one_of, budget = rng.integers(0, 5, 7), float(rng.uniform(0, 100))
    choice = choose_campaigns(earned, spent, budget, one_of)
    assert choice.earned == pytest.approx(best_of_all(earned, spent, budget, one_of))
    assert choice.spent <= budget + 1e-9
    assert choice.shadow_price >= 0
    budgets = {float(spent[list(some)].sum()) for some in product([False, True], repeat=len(earned))}
    steps = [each for each in sorted(budgets) if best_of_all(earned, spent, each, one_of) > choice.earned + 1e-3]
    assert np.isnan(choice.next_budget) == (not steps)
    if steps:
        assert choice.next_budget == pytest.approx(steps[0])
        assert choice.next_gain == pytest.approx(best_of_all(earned, spent, steps[0], one_of) - choice.earned)


def test_the_shadow_price_is_what_more_budget_earns():
    choice = choose_campaigns(np.array([20.0, 10.0]), np.array([10.0, 10.0]), 15.0)
    assert choice.chosen.tolist() == [True, False]
    assert choice.shadow_price == pytest.approx(1.0)
    assert choose_campaigns(np.array([20.0]), np.array([10.0]), 15.0).shadow_price == 0


def test_a_budget_below_the_cheapest_campaign_says_what_more_would_buy():
    choice = choose_campaigns(np.array([20.0, 12.0]), np.array([10.0, 8.0]), 3.0)
    assert not choice.chosen.any()
    assert choice.shadow_price == pytest.approx(2.0)
    assert (choice.next_budget, choice.next_gain) == (8.0, 12.0)


def test_where_all_is_bought_no_budget_buys_more():
    choice = choose_campaigns(np.array([20.0, -3.0]), np.array([10.0, 8.0]), 10.0)
    assert choice.shadow_price == 0
    assert np.isnan(choice.next_budget)


def test_no_budget_buys_what_is_free():
    assert choose_campaigns(np.array([5.0, 9.0]), np.array([0.0, 1.0]), 0.0).chosen.tolist() == [True, False]


@pytest.mark.parametrize(("budget", "spent"), [(-1.0, 1.0), (float("nan"), 1.0), (10.0, -1.0), (10.0, float("nan"))])
def test_budgets_and_costs_that_are_none_are_refused(budget: float, spent: float):
    with pytest.raises(UsageError, match="budget"):
        choose_campaigns(np.array([1.0]), np.array([spent]), budget)
