"""Orders ahead against a replay of each path, and their sums by group and span."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.replay import Window, replay
from foresell.decide.sharing.expected_orders import ExpectedOrders, expected_orders
from foresell.decide.sharing.order_sums import OrderSums
from foresell.decide.stock import CalibratedFractile, LostSalesPaths, NormalSafetyStock
from foresell.decide.stock.contract import CostRates, Policy, Situation
from foresell.decide.stock.faults import decide


def situation(paths: np.ndarray, **more) -> Situation:
    n_series = paths.shape[1]
    given = {"on_hand": np.full(n_series, 9.0), "lead_periods": 2, "review_periods": 2, **more}
    return Situation.of(paths, given.pop("on_hand"), CostRates.of(n_series, holding=0.3, lost_margin=2.0), **given)


@pytest.fixture
def paths() -> np.ndarray:
    return np.random.default_rng(3).poisson(4, (12, 5, 10)).astype(np.float32)


def replayed(policy: Policy, case: Situation) -> np.ndarray:
    """The orders where each path is the past, and reviews decide with what all paths say of the time after."""
    horizon = case.horizon
    reviews = range(0, horizon - int(case.cover_periods.max()) + 1, int(case.review_periods.max()))
    orders = [
        replay(
            policy,
            Window("w", case, case.paths[path].astype(float), lambda period: case.paths[:, :, period:], reviews),
        ).ordered
        for path in range(len(case.paths))
    ]
    return np.stack(orders)  # [path, series, step]


@pytest.mark.parametrize("policy", [NormalSafetyStock(), CalibratedFractile()], ids=["normal", "fractile"])
def test_where_the_target_knows_no_stock_each_path_is_ordered_as_a_replay_would(policy, paths) -> None:
    on_order = np.zeros((5, 10))
    on_order[1, 1] = 4
    case = situation(
        paths, on_order=on_order, pack=0.001
    )  # a replay rounds packs by what pays, and this to the nearest
    assert expected_orders(policy, case).units == pytest.approx(replayed(policy, case), abs=0.01)


def test_lost_sales_come_close_to_the_replay(paths) -> None:
    case = situation(paths)
    ahead, past = (
        expected_orders(LostSalesPaths(), case).units.mean(axis=0),
        replayed(LostSalesPaths(), case).mean(axis=0),
    )
    assert ahead.sum() == pytest.approx(past.sum(), rel=0.1)


def test_the_first_order_is_that_of_the_plan(paths) -> None:
    case = situation(paths, pack=6.0, minimum=12.0)
    orders = expected_orders(NormalSafetyStock(), case)
    assert (orders.units[:, :, 0] == decide(NormalSafetyStock(), case).order).all()
    later = orders.units[:, :, 1:]
    assert (later % 6 == 0).all()
    assert set(np.unique(later[later > 0])) <= {12, 18, 24, 30, 36}


def test_without_forecast_error_all_paths_order_what_is_sold() -> None:
    orders = expected_orders(NormalSafetyStock(), situation(np.full((3, 1, 10), 4.0), on_hand=np.array([16.0])))
    # 16 last for the lead time of two and the review time of two; then eight are needed in each review.
    assert orders.units[:, 0].tolist() == [[0, 0, 8, 0, 8, 0, 8, 0, 0, 0]] * 3
    assert orders.decided[0].tolist() == [True, False, True, False, True, False, True, False, False, False]
    assert orders.last_step().tolist() == [6]


def test_series_whose_data_forbid_orders_have_none_and_say_why(paths) -> None:
    on_hand = np.array([9.0, np.nan, 9, -1, 9])
    orders = expected_orders(NormalSafetyStock(), situation(paths, on_hand=on_hand))
    assert orders.known.tolist() == [True, False, True, False, True]
    assert not orders.units[:, [1, 3]].any()
    assert {finding.code for finding in orders.findings} == {"stock-unknown", "stock-negative"}
    whole = expected_orders(NormalSafetyStock(), situation(paths)).units
    assert (orders.units[:, [0, 2, 4]] == whole[:, [0, 2, 4]]).all()


def test_sums_are_those_of_the_paths() -> None:
    units = np.random.default_rng(1).integers(0, 9, (50, 4, 6)).astype(np.float32)
    units[:, :, 0] = units[0, :, 0]
    orders = ExpectedOrders(units, np.ones((4, 6), bool), np.ones(4, bool), ())
    sums, groups = OrderSums(50, 2, [slice(0, 3), slice(3, 6)]), np.array([0, 1, 0, 1])
    for part in (np.array([0, 1]), np.array([2, 3])):  # in two blocks
        block = ExpectedOrders(units[:, part], orders.decided[part], orders.known[part], ())
        sums.add(block, groups[part], np.ones(2, np.int64), np.array([2.0, 3.0]))
    ranges = sums.ranges(0.8)
    second = units[:, [0, 2], 3:].sum(axis=(1, 2))
    assert ranges.mean[0, 1] == pytest.approx(second.mean())
    assert ranges.low[0, 1], ranges.high[0, 1] == pytest.approx(np.quantile(second, [0.1, 0.9]))
    assert ranges.decided.tolist() == [[units[0, [0, 2], 0].sum(), 0], [units[0, [1, 3], 0].sum(), 0]]
    assert ranges.value[1, 0] == pytest.approx(3 * units[:, [1, 3], :3].sum(axis=(1, 2)).mean())
    assert ranges.told.all()


def test_a_span_whose_last_review_lies_beyond_the_forecast_is_not_told() -> None:
    decided = np.zeros((2, 6), bool)
    decided[0, [0, 2, 4]] = True
    decided[1, [0, 2]] = True  # its next review, in step 4, would need demand after the forecast
    orders = ExpectedOrders(np.zeros((1, 2, 6), np.float32), decided, np.ones(2, bool), ())
    sums = OrderSums(1, 2, [slice(0, 3), slice(3, 6)])
    sums.add(orders, np.array([0, 1]), np.full(2, 2), np.ones(2))
    assert sums.told.tolist() == [[True, True], [True, False]]
