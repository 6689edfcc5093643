"""Which stock is slow, and what becomes of its price."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.markdown.slow_movers import Rules, Stocks, markdowns, slow_movers

RULES = Rules(slow_periods=10, cuts=(0.1, 0.2, 0.3, 0.5), least_gain=0.002)


def stocks(**changes: object) -> Stocks:
    """Four series with 5 units a period forecast for 26 periods, and 40, 300, 300 and no units in stock."""
    values: dict[str, np.ndarray] = {
        "on_hand": np.array([40.0, 300, 300, 0]),
        "price": np.full(4, 10.0),
        "demand": np.full((4, 26), 5.0),
        "dispersion": np.full(4, np.inf),
        "elasticity": np.array([2.0, 2.0, np.nan, 2.0]),
        "deviation": np.array([0.3, 0.3, np.nan, 0.3]),
        "periods": np.full(4, 26),
        "salvage": np.zeros(4),
        "holding": np.zeros(4),
    }
    values |= {name: np.asarray(value) for name, value in changes.items()}
    return Stocks(**values)


def test_slow_is_what_lasts_too_long_or_is_not_sold_by_its_last_day():
    assert stocks().periods_of_stock.tolist() == [8, 60, 60, 0]
    assert slow_movers(stocks(), RULES).tolist() == [1, 2]
    assert slow_movers(stocks(periods=np.array([6, 26, 26, 26])), RULES).tolist() == [0, 1, 2]


def test_the_price_is_lowered_where_that_earns_more_than_to_wait():
    lowered, unseen = markdowns(stocks(), RULES)
    assert (lowered.series, lowered.binds) == (1, "")
    assert lowered.price == pytest.approx(7)
    assert lowered.gain_low <= lowered.gain <= lowered.gain_high
    assert lowered.ladder is not None
    assert lowered.ladder.left < 5 < lowered.ladder.left_if_kept == 170
    assert (unseen.binds, unseen.price) == ("no price response", 10)


def test_a_gain_below_the_threshold_leaves_the_price():
    rules = Rules(slow_periods=10, cuts=RULES.cuts, least_gain=0.5)
    first = next(markdowns(stocks(), rules))
    assert (first.binds, first.price) == ("gain too small", 10)
    assert first.gain > 0


def test_where_demand_hardly_answers_waiting_is_better():
    first = next(markdowns(stocks(elasticity=np.full(4, 0.3), deviation=np.full(4, 0.05)), RULES))
    assert (first.binds, first.price) == ("waiting is better", 10)


def test_nothing_forecast_lasts_for_ever():
    assert np.isinf(stocks(demand=np.zeros((4, 26))).periods_of_stock[:3]).all()
