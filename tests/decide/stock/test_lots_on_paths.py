"""The demand that lots leave, against a walk through single lots; and orders of fresh goods with all kinds of terms."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.stock import PerishablePaths
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.lots_on_paths import demand_left

N_PATHS, N_SERIES, N_STEPS = 4, 40, 9


def mixed_terms(seed: int, *, lots: bool) -> Situation:
    """Series with all kinds of terms; with `lots` also such that expire after what arrives later."""
    rng = np.random.default_rng(seed)
    shelf = rng.integers(0, 6, N_SERIES)
    lead, review = rng.integers(0, 4, N_SERIES), rng.integers(1, 4, N_SERIES)
    on_order = rng.integers(0, 4, (N_SERIES, N_STEPS)) * rng.integers(0, 2, (N_SERIES, N_STEPS))
    costs = CostRates.of(N_SERIES, holding=0.1, lost_margin=1.0, unit=2.0, waste=1.5)
    on_hand = rng.integers(0, 9, N_SERIES)
    lives = rng.integers(0, 4, (N_SERIES, N_STEPS + 2)) * (rng.random((N_SERIES, N_STEPS + 2)) < 0.4)
    return Situation.of(
        rng.poisson(2, (N_PATHS, N_SERIES, N_STEPS)),
        on_hand,
        costs,
        on_order=on_order,
        lead_periods=lead,
        review_periods=review,
        pack=rng.integers(1, 4, N_SERIES),
        shelf_periods=shelf,
        lots=lives if lots else None,
    )


def left_lot_by_lot(case: Situation, series: int, path: int, shelf: int, n_steps: int, issue: str) -> list[float]:
    """The demand that is left in each step; lots are (expires, units)."""
    lots = [[shelf - 1, case.on_hand[series]]]
    if case.lots is not None:
        lots = [[life, units] for life, units in enumerate(case.lots[series])]
    left = []
    for step in range(n_steps):
        if step <= case.lead_periods[series]:
            lots.append([step + shelf - 1, case.on_order[series, step]])
        asked = case.paths[path, series, step]
        for lot in sorted(lots, key=lambda lot: lot[0], reverse=issue == "lifo"):
            if lot[0] >= step:
                taken = min(lot[1], asked)
                lot[1] -= taken
                asked -= taken
        left.append(float(asked))
    return left


@pytest.mark.parametrize("issue", ["fifo", "lifo"])
@pytest.mark.parametrize("lots", [False, True])
def test_what_lots_leave_is_that_of_a_walk_through_single_lots(lots, issue):
    case = mixed_terms(1, lots=lots)
    assert case.shelf_periods is not None
    for group in case.equal_terms():
        given = case.shelf_periods[group.rows]
        shelf = np.where(given > 0, given, N_STEPS + 1)
        last = np.sort(np.minimum(group.lead + np.where(given > 0, given, group.review), N_STEPS))
        left = [each.copy() for each in demand_left(case, group, issue, shelf, last)]
        for place, series in enumerate(group.rows):
            for path in range(N_PATHS):
                expected = left_lot_by_lot(case, series, path, shelf[place], last[place], issue)
                actual = [each[path, place - len(last) + each.shape[1]] for each in left[: last[place]]]
                assert actual == expected


@pytest.mark.parametrize("policy", [PerishablePaths(), PerishablePaths("lifo"), PerishablePaths(probability=0.9)])
@pytest.mark.parametrize("lots", [False, True])
def test_the_orders_of_a_series_do_not_depend_on_the_others(policy, lots):
    case = mixed_terms(2, lots=lots)
    together = policy.orders(case)
    for row in range(N_SERIES):
        alone = policy.orders(case.part(np.array([row])))
        for name in ("order", "unrounded", "target", "cover_mean"):
            assert getattr(alone, name) == pytest.approx(getattr(together, name)[[row]], rel=1e-12, abs=1e-12)


def test_the_quantity_is_the_cheapest_of_all():
    """Of fresh goods whose older lots leave all demand to the order, by adding up the costs path by path."""
    case = mixed_terms(3, lots=False)
    case = case.part(np.flatnonzero((case.shelf_periods > 0) & (case.lead_periods == 0)))
    for weight in (1.0, 3.0):
        orders = PerishablePaths(lost_weight=weight).orders(case)
        for row in range(case.n_series):
            costs = [expected_cost(case, row, quantity, weight) for quantity in range(30)]
            assert costs[round(orders.order[row] / case.pack[row]) * int(case.pack[row])] == pytest.approx(
                min(costs[:: int(case.pack[row])])
            )


def expected_cost(case: Situation, row: int, quantity: float, weight: float) -> float:
    """The mean over the paths of what a quantity costs; beyond the paths, each goes on with its mean."""
    shelf, review = int(case.shelf_periods[row]), int(case.review_periods[row])
    total = 0.0
    for path in range(N_PATHS):
        left = left_lot_by_lot(case, row, path, shelf, min(shelf, N_STEPS), "fifo")
        sums = np.cumsum(left)
        covered = min(review, shelf)
        cost = weight * case.costs.lost_margin[row] * max(sums[covered - 1] - quantity, 0)
        cost += sum(case.costs.holding[row] * max(quantity - sums[step], 0) for step in range(covered))
        total += cost + case.costs.waste[row] * max(quantity - sums[-1], 0)
    return total / N_PATHS
