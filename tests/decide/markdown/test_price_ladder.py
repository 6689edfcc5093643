"""The ladder of prices, against the closed form of Gallego and van Ryzin and against all ladders of tiny cases."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import nbinom

from foresell.core.errors import UsageError
from foresell.decide.markdown import price_ladder as module
from foresell.decide.markdown.continuous_pricing import best_price, expected_revenue
from foresell.decide.markdown.price_ladder import Clearance, Response, price_ladder


def exponential(prices: np.ndarray) -> Response:
    """Customers come at a rate that falls with exp(-price)."""
    return Response(np.exp(-(prices - prices[0]))[None, :], np.ones(1))


def test_many_short_periods_come_near_to_continuous_time():
    prices = np.linspace(4.5, 0.9, 73)
    slices = 400  # of five periods
    rate = np.e * np.exp(-prices[0]) * 5 / slices
    case = Clearance(5, prices, np.full(slices, rate), exponential(prices), may_rise=True)
    ladder = price_ladder(case)
    assert ladder.values.max() == pytest.approx(expected_revenue(5, 5, best_rate=1), rel=0.005)  # 4.5154
    assert prices[ladder.rung] == pytest.approx(best_price(5, 5, best_rate=1), abs=0.06)


def test_the_best_of_all_decisions_of_a_tiny_case():
    """Every decision of every state is tried, by plain recursion over the demand."""
    prices, demand, dispersion = np.array([10.0, 7.0, 4.0]), [1.5, 2.0, 1.0], 3.0
    factor = (prices / 10) ** -1.7

    @cache
    def best(period: int, rung: int, stock: int) -> float:
        if period == len(demand):
            return 0.5 * stock
        return max(ahead(period, other, stock) - 0.3 * (other != rung) for other in range(rung, 3))

    @cache
    def ahead(period: int, rung: int, stock: int) -> float:
        mean = demand[period] * factor[rung]
        total = 0.0
        for units in range(120):
            sold = min(units, stock)
            chance = nbinom.pmf(units, dispersion, dispersion / (dispersion + mean))
            later = best(period + 1, rung, stock - sold)
            total += chance * (prices[rung] * sold - 0.1 * (stock - sold) + later)
        return total

    for stock in (1, 3, 6):
        case = Clearance(
            stock, prices, np.array(demand), Response.of(prices, 1.7), dispersion, salvage=0.5, holding=0.1,
            change_cost=0.3,
        )  # fmt: skip
        ladder = price_ladder(case)
        values = [ahead(0, rung, stock) - 0.3 * (rung > 0) for rung in range(3)]
        assert ladder.values == pytest.approx(values, abs=1e-6)
        assert ladder.values.max() == pytest.approx(best(0, 0, stock), abs=1e-6)


def test_lots_of_a_large_stock_change_little(monkeypatch: pytest.MonkeyPatch):
    prices = 10 * np.array([1, 0.9, 0.8, 0.7, 0.6])
    case = Clearance(390, prices, np.full(12, 10.0), Response.of(prices, 1.8, 0.4), dispersion=3.0)
    in_lots = price_ladder(case)
    monkeypatch.setattr(module, "MOST_LOTS", 1000)
    exact = price_ladder(case)
    assert in_lots.values == pytest.approx(exact.values, rel=2e-3)
    assert in_lots.rung == exact.rung


def test_more_stock_is_worth_more_and_never_asks_for_a_higher_price():
    prices = np.array([10.0, 8.0, 6.0, 4.0])
    ladders = [
        price_ladder(Clearance(n, prices, np.full(6, 3.0), Response.of(prices, 2.2))) for n in (1, 5, 10, 20, 40, 80)
    ]
    assert (np.diff([ladder.values.max() for ladder in ladders]) > 0).all()
    assert (np.diff([ladder.rung for ladder in ladders]) >= 0).all()
    assert all((np.diff(ladder.path) >= 0).all() for ladder in ladders)


def test_where_demand_does_not_answer_the_price_stays():
    prices = np.array([10.0, 8.0])
    ladder = price_ladder(Clearance(50, prices, np.full(4, 2.0), Response.of(prices, 0.0)))
    assert ladder.rung == 0
    assert ladder.gain == 0
    assert ladder.values[0] == pytest.approx(ladder.keep)


@pytest.mark.parametrize(("stock", "prices"), [(0, [2.0, 1.0]), (5, [1.0, 2.0]), (5, [])])
def test_cases_without_stock_or_with_rising_prices_are_refused(stock: int, prices: list[float]):
    with pytest.raises(UsageError, match="prices that fall"):
        Clearance(stock, np.array(prices), np.ones(2), Response(np.ones((1, len(prices))), np.ones(1)))
