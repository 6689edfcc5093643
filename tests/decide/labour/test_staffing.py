"""People by interval, against a search over all numbers of people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from foresell.core.errors import UsageError
from foresell.decide.labour.equipment import equipment_load
from foresell.decide.labour.staffing import LabourCosts, short_cost_curve, staffing
from foresell.decide.labour.workload import by_interval, peaks, shares_of_intervals, workload

HOURS = arrays(np.float64, (4, 3), elements=st.floats(0, 12).map(lambda value: round(value, 1)))
COSTS = {"wage": 10.0, "overtime": 15.0, "overtime_hours": 1.5, "short": 40.0}


def cost_of(hours, people, interval_hours):
    """The expected cost of one cell, path by path."""
    total = 0.0
    for work in hours:
        short = max(work - people * interval_hours, 0)
        total += 10 * people * interval_hours + 15 * min(short, 1.5) + 40 * max(short - 1.5, 0)
    return total / len(hours)


@given(HOURS, st.sampled_from([0.5, 1.0, 3.0]))
def test_no_other_number_of_people_costs_less(hours, interval_hours):
    plan = staffing(hours, LabourCosts.of(3, **COSTS), interval_hours)
    for cell in range(3):
        costs = [cost_of(hours[:, cell], people, interval_hours) for people in range(30)]
        assert plan.cost[cell] == pytest.approx(min(costs))
        assert costs[plan.people[cell]] == pytest.approx(min(costs))


@given(HOURS, st.integers(0, 6), st.integers(0, 6))
def test_limits_hold_and_one_more_person_is_worth_its_shadow_price(hours, least, above):
    most = least + above
    costs = LabourCosts.of(3, **COSTS)
    plan = staffing(hours, costs, 1.0, least=least, most=most)
    assert (plan.people <= most).all()
    assert (plan.people >= least).all()
    more = staffing(hours, costs, 1.0, least=least, most=most + 1)
    assert (more.cost <= plan.cost + 1e-9).all()
    limited = (plan.people == most) & (plan.unconstrained > most)
    np.testing.assert_allclose(plan.cost[limited] - more.cost[limited], plan.shadow_price[limited], atol=1e-9)


@given(HOURS)
def test_more_work_never_asks_for_fewer_people(hours):
    costs = LabourCosts.of(3, **COSTS)
    assert (staffing(hours + 1, costs, 1.0).people >= staffing(hours, costs, 1.0).people).all()


def test_certain_work_is_staffed_in_full():
    plan = staffing(np.full((5, 2), 4.0), LabourCosts.of(2, wage=10, short=30), 2.0)
    assert plan.people.tolist() == [2, 2]
    assert plan.cost.tolist() == [40, 40]
    assert plan.idle_cost.tolist() == [0, 0]


def test_blocks_of_cells_change_nothing(monkeypatch):
    hours = np.random.default_rng(1).gamma(2, 3, (20, 9))
    whole = staffing(hours, LabourCosts.of(9, **COSTS), 1.0, most=4)
    monkeypatch.setattr("foresell.decide.labour.staffing._MOST_AT_A_TIME", 60)
    cut = staffing(hours, LabourCosts.of(9, **COSTS), 1.0, most=4)
    for name in ("people", "unconstrained", "cost", "shadow_price"):
        assert np.array_equal(getattr(whole, name), getattr(cut, name))


def test_the_curve_of_being_short_is_convex_and_is_what_staffing_counts():
    hours = np.random.default_rng(2).gamma(2, 3, (50, 4))
    costs = LabourCosts.of(4, **COSTS)
    curve = short_cost_curve(hours, costs, 1.0, 12)
    assert (np.diff(curve, n=2, axis=1) >= -1e-9).all()
    plan = staffing(hours, costs, 1.0)
    cheapest = (curve + 10.0 * np.arange(13)).min(axis=1)
    np.testing.assert_allclose(plan.cost, cheapest)


@pytest.mark.parametrize(
    "change", [{"wage": -1.0}, {"short": float("nan")}, {"overtime": 41.0}, {"overtime_hours": -1.0}]
)
def test_costs_that_cannot_be_are_refused(change):
    with pytest.raises(UsageError, match="costs of labour of 2 cells"):
        LabourCosts.of(2, **{**COSTS, **change})


def test_work_follows_units_and_the_profile_of_the_day():
    hours = workload(np.array([[[80.0, 40.0], [30.0, 0.0]]]), np.array([40.0, 15.0]))
    assert hours.tolist() == [[[2, 1], [2, 0]]]
    shares = shares_of_intervals(np.array([[[1.0, 3.0], [2.0, 2.0]], [[1.0, 0.0], [1.0, 1.0]]]))
    assert by_interval(hours, shares).tolist() == [[[[0.5, 1.5], [0.5, 0.5]], [[2, 0], [0, 0]]]]


@pytest.mark.parametrize("rate", [0.0, -2.0, float("nan")])
def test_a_rate_that_does_no_work_is_refused(rate):
    with pytest.raises(UsageError, match="places 2"):
        workload(np.ones((1, 2, 1)), np.array([3.0, rate]))


@pytest.mark.parametrize("weights", [[[0.0, 0.0]], [[-1.0, 2.0]], [[float("nan"), 1.0]]])
def test_a_profile_without_a_share_is_refused(weights):
    with pytest.raises(UsageError, match="profile of the day"):
        shares_of_intervals(np.array(weights))


def test_a_peak_is_what_is_more_than_usual():
    hours = np.array([[[10.0, 10.0, 1.0]], [[20.0, 30.0, 1.0]]])
    times, probability = peaks(hours, np.array([[15.0, 10.0, 0.0]]))
    assert times[0, :2].tolist() == [1, 2]
    assert probability[0, :2].tolist() == [0.5, 0.5]
    assert np.isnan([times[0, 2], probability[0, 2]]).all()


@given(HOURS, st.floats(0, 1))
def test_the_equipment_that_is_needed_is_the_least_that_is_short_seldom_enough(hours, accepted):
    load = equipment_load(hours, np.array([0, 1, 2]), 2.0, accepted)
    for cell in range(3):
        over = [(hours[:, cell] > 2.0 * pieces + 1e-9).mean() for pieces in range(9)]
        assert load.needed[cell] == next(pieces for pieces in range(9) if over[pieces] <= accepted + 1e-9)
        assert load.overload_probability[cell] == pytest.approx(over[cell])
