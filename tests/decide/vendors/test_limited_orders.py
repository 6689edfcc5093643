"""Orders of series within the terms of their vendors and a budget, from sample paths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.decide.stock import LostSalesPaths
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.gain_curves import gain_curves
from foresell.decide.vendors.limited_orders import LIMITS, LimitedOrders, limited_orders
from foresell.decide.vendors.terms import PriceBreak, VendorTerms


def shop(n: int = 30, seed: int = 0, spread: bool = True, **terms: object) -> Situation:
    rng = np.random.default_rng(seed)
    level = rng.gamma(2, 4, n)
    draws = rng.poisson(level[None, :, None], (100, n, 5)).astype(np.float32)
    paths = draws if spread else np.broadcast_to(np.rint(level)[None, :, None], draws.shape).astype(np.float32)
    costs = CostRates.of(n, holding=0.02, lost_margin=1.0, unit=2.0)
    costs = replace(costs, lost_margin=rng.uniform(0.5, 3, n), unit=rng.uniform(1, 5, n))
    stock = rng.poisson(2 * level).astype(float)
    given_terms = {"lead_periods": 2, "review_periods": 2, "pack": rng.integers(1, 7, n), **terms}
    return Situation.of(paths, stock, costs, **given_terms)  # type: ignore[arg-type]


def plan(
    case: Situation, terms: VendorTerms | None = None, budget: float | None = None
) -> tuple[np.ndarray, LimitedOrders]:
    wanted = LostSalesPaths().orders(case).order
    vendors = [] if terms is None else [terms]
    of = np.where(np.arange(case.n_series) % 2 == 0, 0, -1) if vendors else np.full(case.n_series, -1)
    curves = gain_curves(case, wanted, of >= 0)
    loads = {"money": case.costs.unit, "units": np.ones(case.n_series), "weight": np.full(case.n_series, 0.5)}
    return wanted, limited_orders(curves, loads, vendors, of, budget)


ALL_TERMS = [
    VendorTerms(minimum=3000),
    VendorTerms(minimum=40, minimum_measure="units"),
    VendorTerms(truck=300, truck_fill=0.95),
    VendorTerms(truck=60, truck_measure="weight", truck_cost=20, most_trucks=2),
    VendorTerms(breaks=(PriceBreak(400, 0.02), PriceBreak(900, 0.05))),
]


def test_without_a_limit_the_orders_are_those_of_the_policy() -> None:
    case = shop(minimum=5, pack=2)
    wanted, orders = plan(case)
    np.testing.assert_array_equal(orders.units, wanted)
    assert not orders.limit.any()
    assert orders.joint.gap < 1e-9


@pytest.mark.parametrize("terms", ALL_TERMS)
@pytest.mark.parametrize("budget", [None, 500.0])
def test_what_the_limits_changed_adds_up(terms: VendorTerms, budget: float | None) -> None:
    wanted, orders = plan(shop(), terms, budget)
    changes = sum(orders.changes[name] for name in LIMITS)
    np.testing.assert_allclose(orders.units, wanted + changes)
    assert orders.joint.gap <= 1e-3
    case = shop()
    packs = orders.units / case.pack
    np.testing.assert_allclose(packs, np.rint(packs))
    of_vendor = np.arange(case.n_series) % 2 == 0
    money, units = case.costs.unit * orders.units, orders.units[of_vendor].sum()
    if budget is not None:
        assert orders.joint.paid <= budget
        assert money.sum() * 0.95 <= budget
    if not units:
        return
    if terms.truck is not None:
        load = units * (0.5 if terms.truck_measure == "weight" else 1)
        trucks = np.ceil(load / terms.truck)
        assert load >= (trucks - 1 + terms.truck_fill) * terms.truck - 1e-6
        assert trucks <= (terms.most_trucks or 99)
    elif terms.minimum_measure == "units":
        assert units >= terms.minimum
    else:
        assert money[of_vendor].sum() >= terms.minimum - 1e-6


def test_a_minimum_far_beyond_the_need_is_not_ordered() -> None:
    _, orders = plan(shop(), VendorTerms("far", minimum=1e6))
    assert not orders.units[::2].any()
    assert orders.units[1::2].any()
    [summary] = orders.vendors
    assert (summary.paid, summary.limit, np.isnan(summary.shadow_price)) == (0.0, "vendor_minimum", True)
    assert set(orders.limit[::2]) <= {"vendor_minimum", ""}


def test_the_surplus_that_a_truck_forces_is_part_of_the_next_order() -> None:
    case = shop(40, 3)
    wanted, orders = plan(case, VendorTerms(truck=2000, truck_fill=1.0))
    forced = np.where(np.arange(40) % 2 == 0, orders.units - wanted, 0.0)
    assert forced.sum() > 100
    arriving = np.zeros((40, 5))
    arriving[:, 2] = orders.units
    small, large = case.on_order.copy(), case.on_order + arriving
    small[:, 2] += wanted
    after_wanted = LostSalesPaths().orders(replace(case, on_order=small)).unrounded
    after_forced = LostSalesPaths().orders(replace(case, on_order=large)).unrounded
    less = after_wanted - after_forced
    np.testing.assert_allclose(less, np.minimum(forced, after_wanted), atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 500), st.integers(0, 29), st.integers(1, 40), st.sampled_from([100.0, 400.0, 900.0]))
def test_more_stock_of_a_series_never_orders_more_of_it(seed: int, row: int, more: int, budget: float) -> None:
    case = shop(seed=seed, pack=1)
    stock = case.on_hand.copy()
    stock[row] += more
    _, before = plan(case, None, budget)
    _, after = plan(replace(case, on_hand=stock), None, budget)
    assert after.units[row] <= before.units[row]


@pytest.mark.parametrize("terms", [None, *ALL_TERMS])
@pytest.mark.parametrize("budget", [None, 300.0])
def test_without_forecast_error_the_plan_is_the_deterministic_one(
    terms: VendorTerms | None, budget: float | None
) -> None:
    certain = shop(spread=False)
    one_path = replace(certain, paths=certain.paths[:1])
    _, stochastic = plan(certain, terms, budget)
    _, deterministic = plan(one_path, terms, budget)
    np.testing.assert_array_equal(stochastic.units, deterministic.units)


def test_the_price_of_money_is_what_one_more_unit_of_the_budget_gains() -> None:
    case = shop(400, 5)
    step = 100.0
    _, less = plan(case, None, 4000.0)
    _, more = plan(case, None, 4000.0 + step)
    assert less.joint.price == pytest.approx((more.joint.gain - less.joint.gain) / step, rel=0.1)
    assert set(less.limit) == {"budget"}


def test_a_truck_is_worth_what_one_more_of_it_gains() -> None:
    case = shop(300, 6)
    terms = VendorTerms(truck=400, most_trucks=2)
    _, two = plan(case, terms)
    _, larger = plan(case, replace(terms, truck=404.0))
    [summary] = two.vendors
    assert (summary.limit, summary.trucks, summary.is_full) == ("truck", 2, True)
    _, three = plan(case, replace(terms, most_trucks=3))
    assert summary.truck_price == pytest.approx(three.joint.gain - two.joint.gain, rel=0.02)
    assert np.isnan(plan(case, replace(terms, most_trucks=99))[1].vendors[0].truck_price)
    assert summary.shadow_price == pytest.approx((larger.joint.gain - two.joint.gain) / 8, rel=0.25)


@pytest.mark.parametrize(
    ("thresholds", "reached"),
    [((0.5, 0.9), None), ((0.5, 1.3), 1.3), ((1.2, 15.0), 1.2), ((0.5, 60.0), None), ((1.2, 1.5), 1.5)],
)
@pytest.mark.parametrize("measure", ["money", "units"])
def test_a_discount_is_reached_and_nothing_is_bought_beyond_it(
    thresholds: tuple[float, ...], reached: float | None, measure: str
) -> None:
    """A later order has the discount too, so that a unit that is bought early for it only costs more to hold."""
    case = shop(pack=1)
    wanted = LostSalesPaths().orders(case).order
    of_vendor = np.arange(case.n_series) % 2 == 0
    load = case.costs.unit if measure == "money" else np.ones(case.n_series)
    usual = float((load * wanted)[of_vendor].sum())
    breaks = tuple(PriceBreak(share * usual, 0.05 * (n + 1)) for n, share in enumerate(thresholds))
    _, orders = plan(case, VendorTerms(breaks=breaks, break_measure=measure))  # type: ignore[arg-type]
    ordered = float((load * orders.units)[of_vendor].sum())
    [vendor] = orders.vendors
    if reached is None:
        np.testing.assert_array_equal(orders.units, wanted)
        assert not vendor.binds
    else:
        assert reached * usual - 1e-6 <= ordered <= reached * usual + float(load.max())
        assert (vendor.binds, vendor.limit) == (True, "price_break")
        assert vendor.shadow_price > 0
    discount = max(each.discount for each in breaks if each.threshold <= ordered + 1e-6) if ordered else 0.0
    assert vendor.price_factor == pytest.approx(1 - discount)


def test_nothing_is_bought_for_its_discount_alone() -> None:
    case = shop(pack=1)
    case = replace(case, on_hand=case.on_hand + 1000)
    _, orders = plan(case, VendorTerms(breaks=(PriceBreak(100, 0.5),)))
    assert not orders.units.any()
    _, orders = plan(shop(pack=1), VendorTerms(breaks=(PriceBreak(1, 0.3),), incremental=True))
    np.testing.assert_array_equal(orders.units, LostSalesPaths().orders(shop(pack=1)).order)


def test_a_break_is_reached_by_whole_trucks() -> None:
    case = shop(pack=1)
    wanted = float(LostSalesPaths().orders(case).order[::2].sum())
    for share in (1.1, 1.3, 1.5):
        terms = VendorTerms(
            truck=wanted / 3, breaks=(PriceBreak(share * wanted, 0.2),), break_measure="units", truck_fill=0.9
        )
        _, orders = plan(case, terms)
        assert share * wanted <= orders.units[::2].sum() <= share * wanted + wanted / 3
