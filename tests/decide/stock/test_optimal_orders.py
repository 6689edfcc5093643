"""Orders against slow searches over all quantities, and policies against the best that is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm, poisson

from foresell.decide.stock import FixedCostPaths, LostSalesPaths, NormalSafetyStock, PerishablePaths, ProjectedStock
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.lot_sizes import all_units_discount, economic_order_quantity, wagner_whitin
from foresell.decide.stock.newsvendor import base_stock_normal, newsvendor_normal
from foresell.decide.stock.sample_paths import BackorderPaths
from foresell.decide.stock.stationary import reorder_levels


def follow(path, on_hand, on_order, order, lead, review, holding, margin, waste=0.0, shelf=None, fifo=True):
    """The cost of one order on one path, unit by unit: the holding and lost sales of its cover, and its waste."""
    life = shelf or 99
    lots = [[life, False] for _ in range(int(on_hand))]  # periods left, whether of the order
    cost = 0.0
    for step, demand in enumerate(path):
        lots += [[life, False] for _ in range(int(on_order[step]))]
        if step == lead:
            lots += [[life, True] for _ in range(int(order))]
        lots.sort(key=lambda lot: lot[0] if fifo else -lot[0])
        met = min(int(demand), len(lots))
        covered = lead <= step < lead + review
        cost += margin * (demand - met) * covered
        lots = lots[met:]
        for lot in lots:
            lot[0] -= 1
        cost += waste * sum(1 for left, ours in lots if left == 0 and ours)
        lots = [lot for lot in lots if lot[0] > 0]
        cost += holding * len(lots) * covered
    return cost


def random_case(seed, lead, review, shelf=None, horizon=5, n_paths=9):
    rng = np.random.default_rng(seed)
    paths = rng.poisson(rng.gamma(2, 1.5), (n_paths, 1, horizon)).astype(np.float32)
    on_order = np.zeros((1, horizon))
    on_order[0, : lead + 1] = rng.poisson(1, lead + 1)
    costs = CostRates.of(1, holding=0.3, lost_margin=1.0, waste=0.9)
    terms = {"lead_periods": lead, "review_periods": review, "shelf_periods": shelf, "on_order": on_order}
    return Situation.of(paths, np.array([float(rng.poisson(3))]), costs, **terms)


def cheapest(case, lead, review, **more):
    """The least mean cost over all quantities, and the function that gives it."""

    def mean_cost(order):
        of_path = [
            follow(path[0], case.on_hand[0], case.on_order[0], order, lead, review, 0.3, 1.0, **more)
            for path in case.paths
        ]
        return float(np.mean(of_path))

    return min(mean_cost(order) for order in range(40)), mean_cost


@pytest.mark.parametrize(("seed", "lead"), list(product(range(6), (0, 2))))
def test_the_fractile_of_projected_paths_has_the_least_cost(seed, lead):
    case = random_case(seed, lead, 1)
    least, mean_cost = cheapest(case, lead, 1)
    assert mean_cost(LostSalesPaths().orders(case).order[0]) == pytest.approx(least)


@pytest.mark.parametrize(("seed", "lead", "shelf"), list(product(range(6), (0, 1), (2, 3))))
def test_fresh_goods_have_the_least_cost_with_their_waste(seed, lead, shelf):
    case = random_case(seed, lead, 1, shelf)
    least, mean_cost = cheapest(case, lead, 1, waste=0.9, shelf=shelf)
    order = PerishablePaths("fifo", lost_weight=1).orders(case).order[0]
    assert mean_cost(order) == pytest.approx(least)


@pytest.mark.parametrize("seed", range(4))
def test_goods_that_are_taken_freshest_first_count_what_the_cover_leaves_as_waste(seed):
    case = random_case(seed, 0, 1, 2, horizon=1)
    fifo, lifo = (PerishablePaths(issue, lost_weight=1).orders(case).order[0] for issue in ("fifo", "lifo"))
    assert lifo <= fifo
    demand, stock = case.paths[:, 0, 0], case.on_hand[0] + case.on_order[0, 0]
    costs = [np.mean(np.maximum(demand - stock - q, 0) + 1.2 * np.maximum(stock + q - demand, 0)) for q in range(30)]
    assert costs[int(lifo)] == pytest.approx(min(costs))


def test_newsvendor_and_base_stock_of_snyder_and_shen():
    best = newsvendor_normal(0.18, 0.70, 50, 8)  # example 4.3
    assert best.level == pytest.approx(56.604, abs=5e-4)
    assert best.cost == pytest.approx(1.9976, abs=5e-5)
    demand = np.linspace(-20, 120, 20_001)
    weight = norm.pdf(demand, 50, 8) * (demand[1] - demand[0])
    levels = np.arange(56.2, 57, 0.01)
    costs = [weight @ (0.18 * np.maximum(s - demand, 0) + 0.70 * np.maximum(demand - s, 0)) for s in levels]
    assert levels[int(np.argmin(costs))] == pytest.approx(best.level, abs=0.02)
    assert min(costs) == pytest.approx(best.cost, abs=1e-4)
    assert base_stock_normal(0.18, 0.70, 50, 8, 4).level == pytest.approx(264.767, abs=5e-4)


def test_policies_meet_the_textbook_where_its_demand_is_given():
    paths = np.random.default_rng(1).normal(50, 8, (40_000, 1, 5))
    case = Situation.of(paths, np.zeros(1), CostRates.of(1, holding=0.18, lost_margin=0.70), lead_periods=4)
    assert NormalSafetyStock().orders(case).target[0] == pytest.approx(264.767, abs=0.3)
    assert BackorderPaths().orders(case).target[0] == pytest.approx(264.767, abs=0.5)


def visits(demand, reorder, order_up_to, period_cost, fixed):
    """The cost of a period under (s, S), by the stationary distribution of the position before the demand."""
    levels = np.arange(reorder + 1, order_up_to + 1)
    change = np.zeros((len(levels), len(levels)))
    orders = np.zeros(len(levels))
    for row, level in enumerate(levels):
        for units, chance in enumerate(demand):
            after = level - units
            if after <= reorder:
                change[row, -1] += chance
                orders[row] += chance
            else:
                change[row, after - reorder - 1] += chance
    share = np.linalg.lstsq(
        np.vstack([change.T - np.eye(len(levels)), np.ones(len(levels))]), np.r_[np.zeros(len(levels)), 1], rcond=None
    )[0]
    return float(share @ ([period_cost(y) for y in levels] + fixed * orders))


def test_reorder_levels_are_the_best_of_all_pairs():
    demand = poisson.pmf(np.arange(40), 6)

    def period_cost(y):
        left = y - np.arange(40)
        return float(demand @ np.where(left > 0, left, -4 * left))

    best = reorder_levels(1, 4, 5, demand)
    pairs = {
        (s, up): visits(demand, s, up, period_cost, 5) for s in range(0, 9) for up in range(s + 1, 18)
    }  # example 4.7 of Snyder and Shen
    assert (best.reorder, best.order_up_to) == min(pairs, key=pairs.__getitem__) == (4, 10)
    assert best.cost == pytest.approx(min(pairs.values())) == pytest.approx(8.034, abs=5e-4)


@pytest.mark.parametrize(("margin", "fixed", "mean"), [(4, 5, 6), (4, 20, 6), (9, 64, 10), (9, 24, 25)])
def test_the_fixed_cost_policy_is_near_the_best_pair(margin, fixed, mean):
    demand = poisson.pmf(np.arange(mean + 60), mean)

    def period_cost(y):
        left = y - np.arange(len(demand))
        return float(demand @ np.where(left > 0, left, -margin * left))

    paths = np.random.default_rng(1).poisson(mean, (4000, 1, 1))
    costs = CostRates.of(1, holding=1, lost_margin=margin, fixed=fixed)

    def order(stock):
        return FixedCostPaths(lost_sales=False).orders(Situation.of(paths, np.array([float(stock)]), costs)).order[0]

    reorder = max(stock for stock in range(4 * mean) if order(stock) > 0)
    cost = visits(demand, reorder, reorder + int(order(reorder)), period_cost, fixed)
    assert cost <= 1.05 * reorder_levels(1, margin, fixed, demand).cost


def test_a_discount_is_taken_where_it_pays():
    lot = all_units_discount(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68])
    assert (lot.quantity, lot.unit_cost) == (800, 0.68)
    assert lot.cost == pytest.approx(978.6)
    quantities = np.arange(1, 3000)
    prices = np.select([quantities >= 800, quantities >= 400], [0.68, 0.72], 0.75)
    costs = 1300 * prices + 8 * 1300 / quantities + 0.3 * prices * quantities / 2
    assert costs.min() == pytest.approx(lot.cost)
    assert quantities[costs.argmin()] == lot.quantity
    assert economic_order_quantity(np.array(8.0), np.array(1300.0), np.array(0.225)) == pytest.approx(
        304.0468, abs=1e-4
    )


@pytest.mark.parametrize("demand", [[90, 120, 80, 70], [3, 0, 0, 5, 1], [0, 0], [10, 20, 1, 1, 30]])
def test_the_lot_plan_is_the_cheapest_of_all_sets_of_order_periods(demand):
    plan = wagner_whitin(demand, fixed_cost=50, holding_rate=1)
    costs = []
    for periods in product((False, True), repeat=len(demand)):
        cost, last = 50.0 * sum(periods), None
        for period, units in enumerate(demand):
            last = period if periods[period] else last
            cost += np.inf if last is None and units else units * (period - (last or 0))
        costs.append(cost)
    assert plan.cost == pytest.approx(min(costs))
    assert plan.orders.sum() == sum(demand)
    assert wagner_whitin([90, 120, 80, 70], 500, 2).cost == 1380  # example 3.9 of Snyder and Shen


def lost_sales_values(mean=5, holding=1.0, margin=4.0, most_stock=32, most_order=14, rounds=400):
    """The least cost of a period with a lead time of 2, by value iteration over (stock, order that arrives next)."""
    units = np.arange(40)
    chance = poisson.pmf(units, mean)
    stock = np.arange(most_stock + 1)
    left = np.maximum(stock[:, None] - units, 0)
    cost = (holding * left + margin * np.maximum(units - stock[:, None], 0)) @ chance
    arrive = np.minimum(left[:, :, None] + np.arange(most_order + 1), most_stock)  # [stock, demand, arriving]
    value = np.zeros((most_stock + 1, most_order + 1))  # [stock after the arrival, order that arrives next]
    for _ in range(rounds):
        following = np.einsum("d,sdaq->saq", chance, value[arrive])  # [stock, arriving, order]
        new = cost[:, None] + following.min(axis=2)
        gain, value = float((new - value)[0, 0]), new - new[0, 0]
    return gain, following.argmin(axis=2), arrive, cost, chance


def test_the_policy_for_lost_sales_is_near_the_dynamic_programme():
    """Zipkin, "Old and new methods for lost-sales inventory systems", Operations Research 56, 2008, table 1."""
    best, _, arrive, cost, chance = lost_sales_values()
    assert best == pytest.approx(4.395, abs=2e-3)
    rng = np.random.default_rng(1)
    most_stock, most_order = arrive.shape[0] - 1, arrive.shape[2] - 1
    states = [(stock, order) for stock in range(most_stock + 1) for order in range(most_order + 1)]
    on_order = np.zeros((len(states), 3))
    on_order[:, 1] = [order for _, order in states]
    costs = CostRates.of(len(states), holding=1, lost_margin=4)
    sample = np.broadcast_to(rng.poisson(5, (3000, 1, 3)), (3000, len(states), 3))

    def long_run_cost(policy):
        case = Situation.of(sample, np.array([s for s, _ in states], float), costs, on_order=on_order, lead_periods=2)
        chosen = np.minimum(policy.orders(case).order, most_order).astype(int).reshape(most_stock + 1, most_order + 1)
        value = np.zeros((most_stock + 1, most_order + 1))
        for _ in range(400):
            following = np.einsum("d,sdaq->saq", chance, value[arrive])
            new = cost[:, None] + np.take_along_axis(following, chosen[:, :, None], axis=2)[:, :, 0]
            gain, value = float((new - value)[0, 0]), new - new[0, 0]
        return gain

    assert long_run_cost(LostSalesPaths()) <= 1.05 * best
    tuned = min(long_run_cost(LostSalesPaths(fractile)) for fractile in (0.7, 0.74, 0.78))
    assert tuned <= 1.005 * best
    assert min(long_run_cost(ProjectedStock(fractile)) for fractile in (0.78, 0.82)) <= 1.01 * best
    assert long_run_cost(NormalSafetyStock()) > long_run_cost(LostSalesPaths())
