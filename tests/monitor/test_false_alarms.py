"""One look spends the rate of false alarms that was set, all of it and no more."""

from __future__ import annotations

import pytest

from foresell.monitor.checks.catalogue import CHECKS
from foresell.monitor.false_alarms import BUDGETS, rate_of, rates


def test_the_budgets_of_all_checks_add_up_to_the_rate():
    assert {budget for check in CHECKS.values() for budget in check.budgets} == set(BUDGETS)
    assert sum(rates(0.03).values()) == pytest.approx(0.03)
    assert len({budget.name for budget in BUDGETS}) == len(BUDGETS)


def test_the_split_is_by_weight():
    split = {budget.name: rate for budget, rate in rates(1.0).items()}
    assert split == {"whole": 0.4, "parts": 0.2, "slow drift": 0.2, "inputs": 0.15, "stock-outs": 0.05}
    assert rate_of("parts", 0.01) == 0.2 * 0.01
