"""The return on an investment, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.decide.roi import (
    Investment,
    ReplayedCosts,
    Return,
    ReturnRange,
    YearlyCosts,
    return_of_replays,
    return_on,
)

BASELINE = YearlyCosts(holding=2.5e6, lost_sales=1.8e6, waste=1.2e6, expedite=0.6e6, labour=0.4e6)
SHARES = {"holding": 0.10, "lost_sales": 0.25, "waste": 0.12, "expedite": 0.20, "labour": 0.70}


def ends(result: ReturnRange) -> tuple[Return, Return]:
    assert result.low is not None
    assert result.high is not None
    return result.low, result.high


def test_the_worked_example_of_fifty_shops() -> None:
    savings = YearlyCosts(**{name: share * getattr(BASELINE, name) for name, share in SHARES.items()})
    result = return_on(savings, Investment(266e3))
    assert pytest.approx(6.5e6) == BASELINE.total
    assert savings.total == pytest.approx(1_244e3)
    assert result.first_year == pytest.approx(978e3)
    assert result.net_present_value == pytest.approx(-266e3 + 1_244e3 * (1 / 1.1 + 1 / 1.21 + 1 / 1.331))
    assert result.payback_months == pytest.approx(266 / 1244 * 12)


def test_savings_below_the_yearly_cost_never_pay_back() -> None:
    result = return_on(YearlyCosts(waste=10.0), Investment(100.0, yearly_cost=20.0))
    assert result.payback_months is None
    assert result.net_present_value < -100


def test_what_costs_nothing_at_once_has_paid_back_at_once() -> None:
    assert return_on(YearlyCosts(waste=10.0), Investment(0.0)).payback_months == 0


def test_spans_that_save_the_same_leave_no_doubt() -> None:
    span = ReplayedCosts(YearlyCosts(holding=30.0, waste=5.0), YearlyCosts(holding=20.0, waste=6.0), days=28)
    result = return_of_replays([span, span, span], Investment(50.0))
    low, _ = ends(result)
    assert result.expected.savings == YearlyCosts(holding=130.0, waste=-13.0)
    assert low.net_present_value == pytest.approx(result.expected.net_present_value)


def test_the_range_is_that_of_students_t() -> None:
    spans = [ReplayedCosts(YearlyCosts(holding=cost), YearlyCosts(), days=364) for cost in (80.0, 100.0, 120.0)]
    result = return_of_replays(spans, Investment(0.0))
    low, high = ends(result)
    margin = 2.919986 * 20 / np.sqrt(3)  # the 95 % point of Student's t with two degrees of freedom
    assert high.savings.total == pytest.approx(100 + margin)
    assert low.savings.total == pytest.approx(100 - margin)


def test_the_range_holds_the_true_mean_as_often_as_it_says() -> None:
    generator, held = np.random.default_rng(1), 0
    for _ in range(400):
        spans = [ReplayedCosts(YearlyCosts(waste=cost), YearlyCosts(), 364) for cost in generator.normal(100, 30, 6)]
        result = return_of_replays(spans, Investment(0.0))
        low, high = ends(result)
        held += low.savings.total <= 100 <= high.savings.total
    assert 0.86 <= held / 400 <= 0.94


@pytest.mark.parametrize("spans", [[], [ReplayedCosts(YearlyCosts(), YearlyCosts(), days=0)]])
def test_no_span_is_refused(spans: list[ReplayedCosts]) -> None:
    with pytest.raises(UsageError, match="one span or more"):
        return_of_replays(spans, Investment(1.0))


@pytest.mark.parametrize("wrong", [{"one_time_cost": -1.0}, {"one_time_cost": 1.0, "years": 0}])
def test_impossible_investments_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Investment(**wrong)  # type: ignore[arg-type]
