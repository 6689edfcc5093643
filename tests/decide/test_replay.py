"""The replay against ledgers worked by hand, and against conservation of units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.decide.replay import BUCKETS, Window, replay, replays
from foresell.decide.stock import BackorderPaths, LostSalesPaths, NormalSafetyStock, PerishablePaths
from foresell.decide.stock.contract import CostRates, Situation


def window(demand, on_hand, on_order=None, lead=1, paths=None, decisions=None, shelf=None, **costs):
    demand = np.atleast_2d(np.asarray(demand, float))
    n_series, horizon = len(demand), 3
    rates = CostRates.of(n_series, **({"holding": 0.2, "lost_margin": 1.0, "waste": 3.0} | costs))
    start = Situation.of(
        np.zeros((1, n_series, horizon)),
        np.asarray(on_hand, float),
        rates,
        on_order=on_order,
        lead_periods=lead,
        shelf_periods=shelf,
    )
    sample = np.full((1, n_series, horizon), 4.0) if paths is None else paths
    decisions = range(demand.shape[1]) if decisions is None else decisions
    return Window("a window", start, demand, lambda decision: sample, decisions)


def test_a_ledger_worked_by_hand():
    """A forecast of 4 a period, a lead time of 1: the order before the first period arrives before the second."""
    ledger = replay(LostSalesPaths(), window([3, 6, 2], [5]))
    # 5 less the forecast of 4 leaves 1 for the next 4, so that 3 are ordered, twice; 2 + 3 = 5 meet 5 of 6.
    assert ledger.ordered.tolist() == [[3, 3, 4]]
    assert ledger.stock.tolist() == [[2, 0, 1]]
    assert ledger.lost_units.tolist() == [[0, 1, 0]]
    assert ledger.holding[0] == pytest.approx([0.4, 0, 0.2])
    assert ledger.lost_sales.tolist() == [[0, 1, 0]]
    assert ledger.cost().sum() == pytest.approx(1.6)
    assert ledger.fill_rate() == pytest.approx(10 / 11)


def test_open_orders_arrive_before_their_period_and_count_for_the_next_order():
    on_order = np.array([[0.0, 2.0, 0.0]])
    ledger = replay(LostSalesPaths(), window([3, 3], [5], on_order))
    assert ledger.ordered[0, 0] == 1
    assert ledger.stock.tolist() == [[2, 2]]  # 2 + 2 on order + 1 ordered - 3


def test_without_a_review_nothing_is_ordered():
    ledger = replay(LostSalesPaths(), window([3, 3, 3, 3], [5], decisions=[0, 2]))
    assert ledger.ordered[0, [1, 3]].tolist() == [0, 0]
    assert ledger.ordered[0, 2] > 0


def test_backorders_wait_and_cost_in_every_period():
    ledger = replay(BackorderPaths(), window([6, 0, 0], [2], decisions=[]), backorders=True)
    assert ledger.lost_units.tolist() == [[4, 4, 4]]
    served = replay(BackorderPaths(), window([6, 0, 0], [2], lead=1, decisions=[1]), backorders=True)
    assert served.ordered[0, 1] == 12
    assert served.lost_units.tolist() == [[4, 4, 0]]


def test_what_is_too_old_is_wasted_and_costs_its_rate():
    fresh = replay(PerishablePaths("fifo"), window([1, 1, 1], [4], shelf=2, decisions=[]))
    assert fresh.wasted_units.tolist() == [[0, 2, 0]]
    assert fresh.waste.tolist() == [[0, 6, 0]]
    assert fresh.lost_units.tolist() == [[0, 0, 1]]
    on_order = np.array([[0.0, 3.0, 0.0]])
    lifo = replay(PerishablePaths("lifo"), window([1, 2, 1], [2], on_order, shelf=2, decisions=[]), issue="lifo")
    assert lifo.wasted_units.tolist() == [[0, 1, 0]]


def test_unknown_demand_sells_nothing_and_costs_nothing():
    ledger = replay(LostSalesPaths(), window([np.nan, 3], [5], decisions=[]))
    assert ledger.cost().tolist() == [[0.0, pytest.approx(0.4)]]


def test_every_unit_is_sold_wasted_or_there_at_the_end():
    rng = np.random.default_rng(2)
    demand, paths = rng.poisson(4, (30, 12)), rng.poisson(4, (40, 30, 3)).astype(np.float32)
    on_hand = rng.poisson(5, 30)
    played = replay(PerishablePaths(), window(demand, on_hand, paths=paths, shelf=3, decisions=range(11)))
    arrived = played.ordered.sum()
    assert on_hand.sum() + arrived == played.sold.sum() + played.wasted_units.sum() + played.stock[:, -1].sum()
    assert (played.sold + played.lost_units == demand).all()


def test_the_table_has_the_buckets_by_series_and_date():
    played = replay(NormalSafetyStock(), window([[3, 6], [1, 1]], [5, 5]))
    table = played.to_frame(pl.DataFrame({"item": ["a", "b"]}), ["2024-01-01", "2024-01-08"])
    assert table.height == 4
    assert set(BUCKETS) < set(table.columns)
    total = table.select(pl.sum_horizontal(*BUCKETS).sum()).item()
    assert total == pytest.approx(played.cost().sum())
    assert table["item"].to_list() == ["a", "a", "b", "b"]


def test_a_fault_stops_the_replay():
    with pytest.raises(ValueError, match="stock-negative"):
        replay(LostSalesPaths(), window([3, 6], [-5]))


def test_policies_played_together_have_the_ledgers_of_each_alone():
    demand = np.random.default_rng(3).poisson(4, (6, 9)).astype(float)
    paths = np.random.default_rng(4).poisson(4, (50, 6, 3)).astype(np.float32)
    shelf = np.array([0, 2, 3, 0, 1, 2])
    policies = [NormalSafetyStock(), PerishablePaths(), LostSalesPaths(0.9)]
    due = np.arange(9) % np.array([[1], [2], [3], [1], [2], [4]]) == 0
    case = replace(window(demand, np.full(6, 3.0), paths=paths, shelf=shelf), due=due)
    for policy, ledger in zip(policies, replays(policies, case), strict=True):
        alone = replay(policy, case)
        assert ledger.cost().tolist() == alone.cost().tolist()
        assert ledger.sums().sold == alone.sold.sum()
        for row in range(6):
            one = replace(
                window(demand[[row]], [3.0], paths=paths[:, [row]], shelf=shelf[[row]]),
                decisions=np.flatnonzero(due[row]).tolist(),
            )
            assert replay(policy, one).cost()[0] == pytest.approx(ledger.cost()[row])
            assert (ledger.ordered[row][~due[row]] == 0).all()
