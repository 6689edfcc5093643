"""The plan of capacity, against all plans of tiny cases, and what must hold for every plan."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.decide.capacity.deliveries import arrivals, followed, simulate
from foresell.decide.capacity.linear_programme import FEWEST_PATHS, INTEGER_LOSS, capacity_plan
from foresell.decide.capacity.problem import CapacityProblem, Lanes
from foresell.decide.capacity.sensitivity import sensitivity


def problem(seed, *, lot=0.0, n_paths=4, n_parts=2, n_periods=2, whole=False):
    """Two manufacturers, of whom the first makes all parts and the second the first part only, cheaper and worse."""
    rng = np.random.default_rng(seed)
    lanes = Lanes.of(
        np.array([*range(n_parts), 0]),
        np.array([*[0] * n_parts, 1]),
        rng.integers(2, 6, n_parts + 1).astype(float),
        use=np.array([*rng.integers(1, 3, n_parts), 1.0]),
        minimum_lot=lot,
        good=1.0 if whole else np.array([*[1.0] * n_parts, 0.9]),
        on_time=1.0 if whole else np.array([*[0.9] * n_parts, 0.7]),
    )
    demand = rng.poisson(4, (n_paths, n_parts, n_periods))
    capacity = rng.integers(2, 9, (2, n_periods)).astype(float)
    return CapacityProblem.of(demand, lanes, capacity, penalty=rng.integers(6, 14, n_parts), holding=0.5, opening=1.0)


def expected_cost(case, quantity):
    """What a plan costs, path by path and period by period."""
    total = 0.0
    for path in case.demand:
        total += case.lanes.cost @ quantity.sum(axis=1)
        for part in range(case.n_parts):
            stock, postponed = case.opening[part], 0.0
            for period in range(case.n_periods):
                stock, coming = stock + postponed, 0.0
                for lane in np.flatnonzero(case.lanes.part == part):
                    good = case.lanes.good[lane] * quantity[lane, period]
                    stock, coming = stock + case.lanes.on_time[lane] * good, coming + good
                    coming -= case.lanes.on_time[lane] * good
                postponed = coming
                met = min(stock, path[part, period])
                stock -= met
                total += case.penalty[part] * (path[part, period] - met) + case.holding[part] * stock
    return total / case.n_paths


def all_plans(case):
    """Every plan of whole units within capacities and minimum lots."""
    most = int(case.capacity.max())
    for units in product(range(most + 1), repeat=len(case.lanes) * case.n_periods):
        quantity = np.array(units, float).reshape(len(case.lanes), case.n_periods)
        lots = case.lanes.minimum_lot[:, None]
        if (case.utilisation(quantity) <= 1 + 1e-9).all() and ((quantity == 0) | (quantity >= lots)).all():
            yield quantity


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lot", [0.0, 3.0])
def test_no_plan_of_whole_units_costs_less(seed, lot):
    case = problem(seed, lot=lot, n_paths=3, n_parts=1, n_periods=2, whole=True)
    plan = capacity_plan(case)
    cheapest = min(expected_cost(case, quantity) for quantity in all_plans(case))
    assert plan.cost == pytest.approx(expected_cost(case, plan.quantity))
    # One part, whole data: some best plan is whole where the use is 1, and no plan of whole units can be better.
    assert plan.cost <= cheapest * (1 + INTEGER_LOSS) + 1e-6
    assert plan.bound <= cheapest + 1e-6
    if (case.lanes.use == 1).all():
        assert plan.cost == pytest.approx(cheapest, rel=INTEGER_LOSS)


@settings(max_examples=15)
@given(st.integers(0, 500), st.sampled_from([0.0, 2.0]))
def test_capacity_and_lots_hold_and_costs_add_up(seed, lot):
    case = problem(seed, lot=lot)
    plan = capacity_plan(case)
    assert (case.utilisation(plan.quantity) <= 1 + 1e-7).all()
    assert ((plan.quantity < 1e-7) | (plan.quantity >= lot - 1e-7)).all()
    assert plan.cost == pytest.approx(expected_cost(case, plan.quantity))
    assert plan.gap <= INTEGER_LOSS
    assert (plan.capacity_price >= 0).all()
    # A lot that is larger than what is asked for leaves stock, which more demand would save the holding of.
    assert (plan.demand_price >= (-1e-9 if lot == 0 else -case.holding[:, None] * case.n_periods)).all()
    assert (plan.demand_price <= case.penalty[:, None] + 1e-7).all()


@settings(max_examples=15)
@given(st.integers(0, 500), st.integers(0, 1), st.integers(0, 1))
def test_more_capacity_never_costs_more_and_saves_its_price_at_most(seed, manufacturer, period):
    case = problem(seed)
    plan = capacity_plan(case)
    more = case.capacity.copy()
    more[manufacturer, period] += 1
    richer = capacity_plan(CapacityProblem.of(
        case.demand, case.lanes, more, penalty=case.penalty, holding=case.holding, opening=case.opening
    ))  # fmt: skip
    saved = plan.cost - richer.cost
    assert saved >= -1e-7
    assert saved <= plan.capacity_price[manufacturer, period] + 1e-7


@given(st.integers(0, 500))
@settings(max_examples=10)
def test_without_error_of_the_forecast_paths_and_mean_give_one_plan(seed):
    case = problem(seed, n_paths=1)
    certain = case.with_demand(np.repeat(case.demand, 5, axis=0))
    assert capacity_plan(certain).cost == pytest.approx(capacity_plan(case.of_mean()).cost)


def test_the_plan_of_the_paths_costs_less_on_them_than_that_of_the_mean():
    for seed in range(5):
        case = problem(seed, n_paths=30, n_parts=3)
        of_mean = expected_cost(case, capacity_plan(case.of_mean()).quantity)
        assert capacity_plan(case).cost <= of_mean + 1e-7


def test_fewer_paths_are_looked_at_where_the_plan_is_large():
    case = problem(1, n_paths=20)
    cells = case.n_parts * case.n_periods
    plan = capacity_plan(case, largest=FEWEST_PATHS * cells)
    assert plan.n_paths == FEWEST_PATHS
    assert plan.cost == pytest.approx(capacity_plan(case.with_demand(case.demand[:FEWEST_PATHS])).cost)
    of_mean = capacity_plan(case, largest=cells)
    assert of_mean.n_paths == 1
    assert of_mean.cost == pytest.approx(capacity_plan(case.of_mean()).cost)


def test_lots_of_a_large_plan_are_chosen_by_the_mean_and_its_bound_holds():
    case = problem(2, lot=3.0, n_paths=30, n_parts=3)
    plan, exact = capacity_plan(case, largest=30 * case.n_parts * case.n_periods), capacity_plan(case)
    assert exact.n_paths == plan.n_paths == 30
    assert exact.gap <= INTEGER_LOSS
    assert plan.bound <= exact.cost + 1e-6 <= plan.cost + 2e-3 * plan.cost
    assert ((plan.quantity < 1e-7) | (plan.quantity >= 3 - 1e-7)).all()


def test_lots_stay_whole_where_the_solver_has_no_time(monkeypatch):
    for seed in range(4):
        case = problem(seed, lot=3.0, n_parts=3, n_periods=3)
        plan = capacity_plan(case)
        assert ((plan.quantity < 1e-7) | (plan.quantity >= 3 - 1e-7)).all()
        assert plan.bound <= plan.cost + 1e-9


def test_a_lot_that_no_capacity_allows_is_never_ordered():
    lanes = Lanes.of([0], [0], [1.0], minimum_lot=20)
    plan = capacity_plan(CapacityProblem.of([[5.0, 5.0]], lanes, [[8.0, 8.0]], penalty=3))
    assert plan.quantity.tolist() == [[0, 0]]
    assert plan.cost == 30


def test_simulated_lots_come_late_as_often_as_the_record_says():
    lanes = Lanes.of([0], [0], [1.0], good=0.8, on_time=0.75)
    case = CapacityProblem.of(np.full((4000, 1, 3), 8.0), lanes, np.full((1, 3), 20.0), penalty=5, holding=0.1)
    quantity = np.full((1, 3), 10.0)
    outcome = simulate(case, quantity, seed=2)
    _, unmet = followed(case, arrivals(case, quantity, np.array([[[1.0, 0.0, 0.0]]])))
    assert unmet[0, 0].tolist() == [8, 0, 0]
    # Of the first lot, a late one leaves 8 of 24 unmet; of the others, one that is late where that before was not.
    assert outcome.utilisation.tolist() == [[0.5, 0.5, 0.5]]
    late = 0.25
    expected = 1 - (late + 2 * late * (1 - late)) / 3
    assert outcome.delivered.mean() == pytest.approx(expected, abs=0.02)
    mean, low, high = outcome.delivered_range()
    assert low <= mean <= high


def test_without_lateness_the_simulation_costs_what_the_plan_says():
    case = problem(3, n_paths=6, whole=True)
    plan = capacity_plan(case)
    assert simulate(case, plan.quantity).cost.mean() == pytest.approx(plan.cost)


def test_a_wrong_forecast_costs_more_than_the_right_one():
    case = problem(7, n_paths=20, n_parts=4, n_periods=4, whole=True)
    table = sensitivity(case, biases=(-0.5, 0.0, 0.5), noises=(0.0, 0.5))
    assert table.height == 6
    assert table.row(1, named=True)["extra_cost"] == 0
    assert (table["extra_cost"] >= -1e-9).all()
    assert table["delivered"][0] < table["delivered"][1]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"cost": [-1.0]}, "cost -1"),
        ({"use": 0.0}, "use 0"),
        ({"good": 1.2}, "good 1.2"),
        ({"on_time": float("nan")}, "on_time nan"),
    ],
)
def test_lanes_that_cannot_be_are_refused(change, what):
    cost = change.pop("cost", [1.0])
    with pytest.raises(UsageError, match=what):
        Lanes.of([0], [0], cost, **change)


@pytest.mark.parametrize("capacity", [[[float("nan"), 1.0]], [[-1.0, 1.0]], [[1.0]]])
def test_capacity_that_is_not_known_is_refused(capacity):
    with pytest.raises(UsageError, match="capacity"):
        CapacityProblem.of([[1.0, 2.0]], Lanes.of([0], [0], [1.0]), capacity, penalty=1)
