"""Buying early against a search over all purchases of tiny cases."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.decide.sharing.prebuild import prebuild


def cheapest(demand: np.ndarray, capacity: np.ndarray, holding: np.ndarray, margin: np.ndarray) -> float:
    """The least cost over all whole purchases; demand is met as far as there is stock."""
    best = np.inf
    n_items, n_periods = demand.shape
    for flat in product(range(int(capacity.max()) + 1), repeat=n_items * n_periods):
        bought = np.array(flat).reshape(n_items, n_periods)
        if (bought.sum(axis=0) > capacity).any():
            continue
        stock, cost = np.zeros(n_items), 0.0
        for period in range(n_periods):
            there = stock + bought[:, period]
            unmet = np.maximum(demand[:, period] - there, 0)
            stock = np.maximum(there - demand[:, period], 0)
            cost += holding @ stock + margin @ unmet
        best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_no_whole_purchases_are_cheaper(seed: int) -> None:
    generator = np.random.default_rng(seed)
    demand = generator.integers(0, 4, (2, 3)).astype(float)
    capacity = generator.integers(1, 4, 3).astype(float)
    holding, margin = generator.uniform(0.1, 1, 2), generator.uniform(0.5, 3, 2)
    result = prebuild(demand, capacity, holding, margin)
    assert result.cost == pytest.approx(cheapest(demand, capacity, holding, margin), abs=1e-6)
    assert (result.bought.sum(axis=0) <= capacity + 1e-9).all()
    left = np.column_stack([np.zeros(2), result.stock[:, :-1]])
    assert left + result.bought + result.unmet == pytest.approx(demand + result.stock)


def test_the_price_of_capacity_is_what_one_more_unit_saves() -> None:
    demand, capacity = np.array([[2.0, 9.0], [1.0, 7.0]]), np.array([6.0, 8.0])
    rates = np.array([0.2, 0.3]), np.array([2.0, 5.0])
    result = prebuild(demand, capacity, *rates)
    for period in range(2):
        more = capacity.copy()
        more[period] += 0.5
        saved = result.cost - prebuild(demand, more, *rates).cost
        assert result.capacity_price[period] == pytest.approx(saved / 0.5, abs=1e-6)


def test_nothing_is_bought_early_where_holding_costs_more_than_a_lost_sale() -> None:
    result = prebuild(np.array([[0.0, 9.0]]), np.array([5.0, 5.0]), np.array([3.0]), np.array([2.0]))
    assert result.bought.tolist() == [[0, 5]]
    assert result.unmet.tolist() == [[0, 4]]
    assert not result.early.any()


def test_stock_and_the_use_of_capacity_count() -> None:
    result = prebuild(
        np.array([[4.0, 4.0]]), np.array([4.0, 4.0]), np.array([0.1]), np.array([3.0]), np.array([3.0]), np.array([2.0])
    )
    assert result.bought.tolist() == [[2, 2]]  # two units take the capacity of a period
    assert result.unmet.sum() == pytest.approx(1)
    assert result.early.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": np.array([1.0])}, "capacity has the shape"),
        ({"capacity": np.array([1.0, -1.0])}, "1 numbers that are missing or below 0"),
        ({"holding": np.array([np.nan])}, "holding has 1 numbers"),
        ({"demand": np.array([[1.0, np.inf]])}, "demand has 1 numbers"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(change, message) -> None:
    given = {"demand": np.ones((1, 2)), "capacity": np.ones(2), "holding": np.ones(1), "lost_margin": np.ones(1)}
    with pytest.raises(UsageError, match=message):
        prebuild(**{**given, **change})
