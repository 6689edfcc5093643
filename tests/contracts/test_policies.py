"""What every policy of the registry promises (`foresell.decide.stock.contract`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.decide.stock import POLICIES
from foresell.decide.stock.contract import CostRates, Situation

N_SERIES, HORIZON = 40, 8


@pytest.fixture(params=POLICIES)
def policy(request):
    return POLICIES[request.param]()


def situation(seed=1, n_paths=120, **terms):
    rng = np.random.default_rng(seed)
    level = rng.gamma(0.8, 6, N_SERIES)[None, :, None] * rng.gamma(4, 0.25, (n_paths, N_SERIES, 1))
    paths = rng.poisson(np.broadcast_to(level, (n_paths, N_SERIES, HORIZON))).astype(np.float32)
    costs = CostRates.of(N_SERIES, holding=0.2, lost_margin=1.0, unit=2.0, waste=2.0, fixed=terms.pop("fixed", 0.0))
    given = {"lead_periods": 2, "review_periods": 1, "shelf_periods": 4, "on_order": None} | terms
    if given["on_order"] is None:
        given["on_order"] = rng.poisson(2, (N_SERIES, HORIZON)) * (np.arange(HORIZON) < 2)
    given["dispersion"] = np.where(np.arange(N_SERIES) % 5, 1 + np.arange(N_SERIES) / 10, np.nan)
    return Situation.of(paths, rng.poisson(6, N_SERIES).astype(float), costs, **given)


TERMS = [
    {},
    {"lead_periods": 0},
    {"review_periods": 3},
    {"pack": 6.0},
    {"minimum": 5.0},
    {"pack": 4.0, "minimum": 10.0, "review_periods": 2},
    {"fixed": 3.0},
    {"fixed": 3.0, "pack": 6.0},
    {"lead_periods": np.arange(N_SERIES) % 4, "review_periods": 1 + np.arange(N_SERIES) % 3},
]


@pytest.mark.parametrize("terms", TERMS)
def test_orders_are_whole_packs_of_at_least_the_minimum(policy, terms):
    case = situation(**terms)
    orders = policy.orders(case)
    assert orders.order.shape == orders.target.shape == (N_SERIES,)
    assert (orders.order > 0).any()
    assert np.isfinite(orders.order).all()
    assert np.array_equal(orders.order % case.pack, np.zeros(N_SERIES))
    assert ((orders.order == 0) | (orders.order >= case.minimum)).all()


@pytest.mark.parametrize("terms", TERMS)
def test_more_stock_never_orders_more(policy, terms):
    case = situation(**terms)
    orders = policy.orders(case).order
    for units in (1, 2, 7, 40):
        more_on_hand = replace(case, on_hand=case.on_hand + units)
        assert (policy.orders(more_on_hand).order <= orders).all()
        arriving = case.on_order.copy()
        arriving[:, 0] += units
        assert (policy.orders(replace(case, on_order=arriving)).order <= orders).all()


def test_a_higher_margin_never_orders_less(policy):
    orders = [
        policy.orders(replace(situation(), costs=replace(situation().costs, lost_margin=np.full(N_SERIES, margin))))
        for margin in (0.2, 1.0, 5.0)
    ]
    assert (orders[0].order <= orders[1].order).all()
    assert (orders[1].order <= orders[2].order).all()
    assert orders[0].order.sum() < orders[2].order.sum()


def test_without_forecast_error_the_order_is_what_is_missing(policy):
    """The demand is known, and every unit of it that can be met is worth its holding."""
    case = situation(n_paths=1, lead_periods=2, review_periods=1, shelf_periods=HORIZON + 1)
    stock = case.on_hand.copy()
    for step in range(3):
        stock = stock + case.on_order[:, step] - case.paths[0, :, step]
        if policy.name.startswith(("paths, lost", "projected", "perishable", "(s, S)")) and step < 2:
            stock = np.maximum(stock, 0)
    assert np.array_equal(policy.orders(case).order, np.maximum(-stock, 0))


def test_safety_stock_is_the_target_less_the_mean(policy):
    case = situation()
    orders = policy.orders(case)
    stock, lost = case.on_hand.copy(), np.zeros((len(case.paths), N_SERIES))
    for step in range(2):
        stock = stock + case.on_order[:, step] - case.paths[:, :, step]
        lost, stock = lost + np.maximum(-stock, 0), np.maximum(stock, 0)
    waits = policy.name.startswith(("normal", "own history", "calibrated", "paths, backorders"))
    mean = case.paths[:, :, :3].sum(axis=2, dtype=np.float64).mean(axis=0)
    assert np.allclose(orders.cover_mean, mean if waits else mean - lost.mean(axis=0), atol=1e-4)
    assert np.allclose(orders.safety_stock, orders.target - orders.cover_mean)
    ordered = orders.unrounded > 0
    # The (s, S) policy orders nothing between s and S, although the target is above the position.
    assert np.allclose((orders.target - case.position())[ordered], orders.unrounded[ordered])


def test_a_part_of_the_series_is_ordered_like_all(policy):
    case = situation(lead_periods=np.arange(N_SERIES) % 4)
    rows = np.array([30, 2, 7])
    assert np.array_equal(policy.orders(case.part(rows)).order, policy.orders(case).order[rows])


def test_the_order_of_paths_does_not_matter(policy):
    case = situation()
    turned = replace(case, paths=case.paths[::-1].copy())
    assert np.array_equal(policy.orders(turned).order, policy.orders(case).order)


def test_an_order_does_not_change_its_situation(policy):
    case = situation()
    before = case.paths.copy()
    policy.orders(case)
    assert np.array_equal(case.paths, before)


def test_the_name_tells_the_fractile(policy):
    assert "critical fractile" in policy.name
    assert "0.9" in replace(policy, probability=0.9).name
    assert (replace(policy, probability=0.95).orders(situation()).order).sum() >= (
        replace(policy, probability=0.5).orders(situation()).order
    ).sum()
