"""Joint orders against slow searches over all orders, and against the bound of the exact programme."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.decide.vendors.exact_order import exact_orders
from foresell.decide.vendors.joint_orders import joint_orders
from foresell.decide.vendors.terms import PriceBreak, VendorTerms
from foresell.decide.vendors.vendor_order import VendorLines, best_order, vendor_limits


def lines_of(terms: VendorTerms, seed: int, n_series: int = 3, most_packs: int = 3) -> VendorLines:
    """Made-up series of a vendor, each with packs whose gain falls from pack to pack."""
    rng = np.random.default_rng(seed)
    packs = rng.integers(1, most_packs + 1, n_series)
    series = np.repeat(np.arange(n_series), 2)
    gain = np.sort(rng.normal(2, 4, (n_series, 2)), axis=1)[:, ::-1].ravel()
    whole = np.zeros(2 * n_series, bool)
    whole[0] = seed % 3 == 0
    money = np.repeat(rng.integers(2, 9, n_series).astype(float), 2)
    loads = {
        "money": money,
        "units": np.repeat(rng.integers(1, 4, n_series).astype(float), 2),
        "weight": np.repeat(rng.uniform(0.5, 3, n_series), 2),
        "volume": np.ones(2 * n_series),
    }
    return VendorLines(
        terms, series, np.repeat(packs, 2), gain, whole, money,
        loads[terms.main_measure()], loads[terms.minimum_measure], loads[terms.break_measure],
    )  # fmt: skip


def worth(lines: VendorLines, bought: tuple[int, ...]) -> tuple[float, float] | None:
    """The gain and the money paid of an order, by the words of the terms; None where they do not allow it."""
    terms, packs = lines.terms, np.array(bought)
    if not packs.any():
        return 0.0, 0.0
    for piece in np.flatnonzero(lines.whole):
        if packs[piece] not in (0, lines.packs[piece]):
            return None
        later = (lines.series == lines.series[piece]) & (np.arange(len(packs)) > piece)
        if packs[piece] == 0 and packs[later].any():
            return None
    load, money = float(packs @ lines.load), float(packs @ lines.money)
    if packs @ lines.minimum_load < terms.minimum - 1e-9:
        return None
    cost = 0.0
    if terms.truck is not None:
        trucks = int(np.ceil(load / terms.truck - 1e-9))
        if (
            trucks > (terms.most_trucks or 99)
            or load - (trucks - 1) * terms.truck < terms.truck_fill * terms.truck - 1e-9
        ):
            return None
        cost = trucks * terms.truck_cost
    size, saving, before = float(packs @ lines.break_load), 0.0, 0.0
    for each in terms.breaks:
        if size >= each.threshold - 1e-9:
            if terms.incremental:
                saving += (each.discount - before) * (money - each.threshold)
            else:
                saving = each.discount * money
        before = each.discount
    return float(packs @ lines.gain) + saving - cost, money - saving


def most_by_search(vendors: list[VendorLines], budget: float) -> float:
    """The largest gain over all orders."""
    best = {0.0: 0.0}  # gain by money paid
    for lines in vendors:
        results = (worth(lines, bought) for bought in product(*(range(count + 1) for count in lines.packs)))
        allowed = [result for result in results if result is not None]
        new: dict[float, float] = {}
        for spent, gain in best.items():
            for more, paid in allowed:
                if spent + paid <= budget + 1e-9:
                    new[spent + paid] = max(new.get(spent + paid, -np.inf), gain + more)
        best = new
    return max(best.values())


BREAKS = (PriceBreak(15, 0.1), PriceBreak(25, 0.2))
TERMS = [
    VendorTerms(),
    VendorTerms(minimum=20),
    VendorTerms(minimum=9, minimum_measure="units"),
    VendorTerms(truck=6, truck_fill=0.8, truck_cost=1.5),
    VendorTerms(truck=5, truck_measure="weight", most_trucks=2, truck_fill=0.6, minimum=15),
    VendorTerms(breaks=BREAKS),
    VendorTerms(breaks=BREAKS, incremental=True),
    VendorTerms(breaks=(PriceBreak(6, 0.15),), break_measure="units", minimum=12),
    VendorTerms(truck=6, truck_measure="volume", truck_fill=1.0, breaks=BREAKS),
]


@pytest.mark.parametrize(("terms", "seed"), list(product(TERMS, range(5))))
def test_the_exact_order_of_a_vendor_is_the_best_of_all(terms: VendorTerms, seed: int) -> None:
    lines = lines_of(terms, seed)
    best = most_by_search([lines], np.inf)
    exact = exact_orders([lines])
    assert exact.bought is not None
    result = worth(lines, tuple(exact.bought[0]))
    assert result is not None
    assert result[0] == pytest.approx(best, abs=1e-6)
    assert exact.bound == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize(("terms", "seed"), list(product(TERMS, range(8))))
def test_no_order_exceeds_the_bound_and_the_fast_order_is_allowed(terms: VendorTerms, seed: int) -> None:
    lines = lines_of(terms, seed)
    assert vendor_limits(lines, 0.0).value >= most_by_search([lines], np.inf) - 1e-9
    order = best_order(lines, 0.0)
    result = worth(lines, tuple(order.bought))
    assert result is not None
    assert (order.gain, order.paid) == pytest.approx(result)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("share", [0.1, 0.4, 0.8, 2.0])
def test_vendors_under_one_budget_earn_the_most_that_any_orders_can(seed: int, share: float) -> None:
    vendors = [
        lines_of(terms, 7 * seed + number, 2) for number, terms in enumerate((TERMS[0], TERMS[seed % 9], TERMS[1]))
    ]
    budget = share * 40.0
    joint = joint_orders(vendors, budget)
    best = most_by_search(vendors, budget)
    assert joint.paid <= budget + 1e-6
    assert joint.gain == pytest.approx(best, rel=1.1e-3, abs=1e-6)
    assert joint.bound >= best - 1e-6
    assert joint.gap <= 1e-3


def test_the_shadow_prices_are_those_of_the_linear_programme() -> None:
    from scipy.optimize import linprog

    lines = lines_of(VendorTerms(minimum=30), 4, 8)
    budget = 90.0
    other = lines_of(VendorTerms(), 5, 8)
    full = joint_orders([lines, other], budget)
    assert full.price > 0
    pieces = [np.r_[lines.money, other.money]]
    answer = linprog(
        -np.r_[lines.gain, other.gain],
        A_ub=np.vstack([*pieces, np.r_[-lines.money, 0 * other.money]]),
        b_ub=[budget, -30.0],
        bounds=[(0, count) for count in np.r_[lines.packs, other.packs]],
    )
    assert full.price == pytest.approx(-answer.ineqlin.marginals[0], rel=0.02)
    large = replace(lines, terms=VendorTerms(minimum=float(lines.packs @ lines.money) - 3))
    answer = linprog(
        -large.gain, A_ub=[-large.money], b_ub=[-large.terms.minimum], bounds=[(0, count) for count in large.packs]
    )
    limits = vendor_limits(large, 0.0)
    if limits.value > 0:
        assert limits.binds == "minimum"
        assert limits.shadow_price == pytest.approx(-answer.ineqlin.marginals[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 120), st.integers(0, len(TERMS) - 1))
def test_the_budget_and_the_terms_hold(seed: int, budget: float, which: int) -> None:
    vendors = [lines_of(TERMS[which], seed, 6), lines_of(VendorTerms(), seed + 1, 6)]
    joint = joint_orders(vendors, budget)
    assert joint.paid <= budget + 1e-6
    for lines, order in zip(vendors, joint.orders, strict=True):
        assert worth(lines, tuple(order.bought)) == pytest.approx((order.gain, order.paid))
    assert joint.gap <= 1e-3


def test_a_larger_budget_never_earns_less() -> None:
    vendors = [lines_of(terms, 40 + number, 5) for number, terms in enumerate(TERMS)]
    gains = [joint_orders(vendors, budget, tolerance=1e-5).gain for budget in (0.0, 10.0, 40.0, 80.0, 160.0, 1000.0)]
    assert gains[0] == 0
    assert all(later >= earlier - 1e-4 * later for earlier, later in pairwise(gains))


def test_a_price_break_of_the_textbook_is_taken() -> None:
    # Example 3.7 of Snyder and Shen: K = 8, 1,300 units a year, a year's holding of 0.3 of the price, prices of 0.75,
    # 0.72 from 400 and 0.68 from 800 units. The best rate of cost is 978.6 with orders of 800: a cycle of Q units that
    # costs 978.6 a year gains 978.6 Q / 1300 less what it costs, and no cycle gains anything.
    rate, demand = 978.6, 1300.0
    quantity = np.arange(10, 1301, 10)
    one = np.ones(len(quantity))
    breaks = (PriceBreak(400, 0.03 / 0.75), PriceBreak(800, 0.07 / 0.75))
    gains = {}
    for level, price in enumerate((0.75, 0.72, 0.68)):
        held = 0.3 * price * quantity**2 / (2 * demand)
        total = rate * quantity / demand - 0.75 * quantity - held - 8
        first = np.arange(len(quantity)) == 0  # has the fixed cost, and has to be bought before the others
        lines = VendorLines(
            VendorTerms(breaks=breaks[:level], break_measure="units"), 0 * quantity, one.astype(np.int64),
            np.diff(total, prepend=0.0), first, 7.5 * one, 10 * one, 7.5 * one, 10 * one,
        )  # fmt: skip
        answer = exact_orders([lines], relative_gap=0)
        assert answer.bought is not None
        gains[10 * int(answer.bought[0].sum())] = answer.bound
    best = max(gains, key=gains.__getitem__)
    assert best == 800
    assert gains[best] == pytest.approx(0.0, abs=0.05)
