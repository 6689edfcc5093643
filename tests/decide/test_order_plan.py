"""The lines of a plan: their reasons add up, and their money is that of the paths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foresell.core.finding import Severity
from foresell.decide.order_plan import REASONS, joined, planned_orders, to_frame
from foresell.decide.stock import POLICIES, CalibratedFractile
from foresell.decide.stock.contract import CostRates, Situation


@pytest.fixture
def situation() -> Situation:
    generator = np.random.default_rng(3)
    n = 40
    return Situation.of(
        generator.poisson(4, (300, n, 6)).astype(np.float32),
        generator.integers(0, 60, n).astype(float),
        CostRates.of(n, holding=0.1, lost_margin=2, unit=5),
        on_order=generator.integers(0, 5, (n, 6)).astype(float),
        lead_periods=2,
        review_periods=3,
        pack=6,
        names=tuple(f"item {number}" for number in range(n)),
    )


@pytest.mark.parametrize("name", ["normal", "fractile", "lost_sales", "projected_stock"])
def test_the_reasons_of_every_line_add_up(name: str, situation: Situation) -> None:
    columns = planned_orders(POLICIES[name](), situation).columns
    total = sum(columns[reason] * (-1 if reason in ("on_hand", "on_order") else 1) for reason in REASONS)
    np.testing.assert_allclose(total, columns["units"], atol=1e-6)
    assert (columns["surplus"] >= -1e-9).all()
    assert (columns["units"] % 6 == 0).all()


def test_the_gain_is_the_difference_of_two_expected_costs() -> None:
    demand = np.array([[[2.0]], [[6.0]]])  # two paths, one series, one step
    case = Situation.of(demand, np.array([1.0]), CostRates.of(1, holding=1.0, lost_margin=9.0))
    columns = planned_orders(CalibratedFractile(), case).columns
    assert columns["units"].tolist() == [5.0]  # up to 6 units
    without = 9 * (1 + 5) / 2  # one unit on hand: 1 and 5 units are lost
    with_order = 1 * (4 + 0) / 2  # 4 units are left on the first path
    assert columns["gain"].tolist() == pytest.approx([without - with_order])
    assert columns["lost_units"].tolist() == [0.0]


def test_series_that_may_not_be_ordered_have_no_numbers_and_a_finding(situation: Situation) -> None:
    on_hand = situation.on_hand.copy()
    on_hand[3] = -1
    lead = situation.lead_periods.copy()
    lead[5] = 50  # beyond the horizon
    plan = planned_orders(CalibratedFractile(), replace(situation, on_hand=on_hand, lead_periods=lead))
    assert np.flatnonzero(np.isnan(plan.columns["units"])).tolist() == [3, 5]
    assert np.flatnonzero(np.isnan(plan.columns["gain"])).tolist() == [3, 5]
    errors = [finding for finding in plan.findings if finding.severity == Severity.ERROR]
    assert {finding.code: finding.examples for finding in errors} == {
        "stock-negative": ("item 3",),
        "lead-time-beyond-horizon": ("item 5",),
    }


def test_a_pack_whose_stock_costs_more_than_it_earns_is_not_ordered_and_named() -> None:
    # A unit earns 2 and costs 0.01 a period to hold. At one a period, 200 units are held for 100 periods each: 2 x 200
    # are earned and 0.01 x 100 x 200 is paid. Of 500 units 1,000 are earned and 1,250 paid.
    demand = np.ones((10, 3, 8), np.float32)
    costs = CostRates.of(3, holding=0.01, lost_margin=2.0)
    pack = np.array([1.0, 500.0, 200.0])
    case = Situation.of(demand, np.zeros(3), costs, lead_periods=2, review_periods=6, pack=pack)
    plan = planned_orders(CalibratedFractile(), case)
    units = plan.columns["units"]
    assert units.tolist() == [8, 0, 200]
    assert plan.columns["gain"][1] == 0
    assert (plan.columns["gain"] >= 0).all()
    assert [(finding.code, finding.examples) for finding in plan.findings] == [("order-unprofitable", ("series 2",))]


def test_blocks_make_the_same_plan(situation: Situation) -> None:
    on_hand = situation.on_hand.copy()
    on_hand[[3, 30]] = -1
    whole = replace(situation, on_hand=on_hand)
    parts = [planned_orders(CalibratedFractile(), whole.part(rows)) for rows in (np.arange(17), np.arange(17, 40))]
    one, together = planned_orders(CalibratedFractile(), whole), joined(parts)
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, together.columns[name])
    assert together.findings == one.findings


def test_the_table_has_null_where_there_is_no_order(situation: Situation) -> None:
    on_hand = situation.on_hand.copy()
    on_hand[0] = np.nan
    plan = planned_orders(CalibratedFractile(), replace(situation, on_hand=on_hand))
    frame = to_frame(plan)
    assert frame["units"].null_count() == 1
    assert not any(frame[name].is_nan().any() for name in plan.columns)
