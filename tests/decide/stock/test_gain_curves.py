"""Curves of gain against costs that are computed path by path."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.stock import FixedCostPaths, LostSalesPaths
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.gain_curves import LEAST_GAIN, GainCurves, gain_curves, joined_curves
from foresell.decide.stock.projection import projection


def case_of(n: int, level: float, *, fixed: float = 0.0, **terms: object) -> Situation:
    rng = np.random.default_rng(n)
    paths = rng.poisson(rng.gamma(2, level / 2, n)[None, :, None], (150, n, 4)).astype(np.float32)
    costs = CostRates.of(n, holding=0.05, lost_margin=1.0, unit=2.0, fixed=fixed)
    stock = rng.poisson(level, n).astype(float)
    return Situation.of(paths, stock, costs, lead_periods=1, review_periods=2, **terms)  # type: ignore[arg-type]


def cost(case: Situation, row: int, quantity: float, wanted: float) -> float:
    """The cost of an order of one series, as the module defines it."""
    needed = projection(case, lost_sales=True).needed[:, row].astype(float)
    rate = case.paths[:, row, :3].mean()
    short, over = np.maximum(needed - quantity, 0).mean(), np.maximum(quantity - needed, 0).mean()
    held = 0.05 / (2 * rate) * max(quantity - wanted - 2 * rate, 0) ** 2
    fixed = float(case.costs.fixed[row]) * (quantity > 0)
    return 1.0 * short + 2 * 0.05 * over + held + fixed


def of_series(curves: GainCurves, row: int) -> tuple[np.ndarray, np.ndarray]:
    mine = curves.series == row
    return curves.packs[mine], curves.gain[mine]


@pytest.mark.parametrize(("level", "pack"), [(3.0, 1), (3.0, 4), (200.0, 1), (200.0, 12)])
def test_gains_are_differences_of_expected_costs(level: float, pack: int) -> None:
    case = case_of(12, level, pack=pack)
    wanted = LostSalesPaths().orders(case).order
    curves = gain_curves(case, wanted, np.ones(12, bool))
    for row in range(12):
        packs, gain = of_series(curves, row)
        ends = np.concatenate([[0], np.cumsum(packs)]) * pack
        costs = np.array([cost(case, row, end, wanted[row]) for end in ends])
        true = -np.diff(costs) / packs
        expected = np.where(ends[1:] <= wanted[row], np.maximum(true, LEAST_GAIN), np.minimum(true, 0))
        np.testing.assert_allclose(gain, expected, rtol=1e-3, atol=2e-4 * max(level, 1))
        assert (np.diff(gain) <= 1e-9).all()
        assert ends[-1] > wanted[row]


def test_the_curve_without_more_ends_at_the_order_of_the_policy() -> None:
    case = case_of(12, 20.0, pack=3, minimum=9)
    wanted = LostSalesPaths().orders(case).order
    wanted[4] = np.nan
    curves = gain_curves(case, wanted, np.zeros(12, bool))
    units = curves.units(curves.packs)
    np.testing.assert_array_equal(units, np.nan_to_num(wanted))
    np.testing.assert_array_equal(curves.units(curves.wanted_packs()), units)
    first = np.flatnonzero(np.diff(curves.series, prepend=-1) > 0)
    assert curves.whole[first].all()
    assert (curves.packs[first] >= 3).all()
    assert not np.delete(curves.whole, first).any()


def test_fresh_goods_are_not_bought_to_fill_a_truck() -> None:
    case = case_of(6, 20.0, shelf_periods=np.array([3, 0, 3, 0, 3, 0]))
    wanted = LostSalesPaths().orders(case).order
    curves = gain_curves(case, wanted, np.ones(6, bool))
    more = curves.units(curves.packs) > wanted
    assert more.tolist() == [False, True] * 3


def test_the_first_piece_carries_the_fixed_cost_of_the_order() -> None:
    case = case_of(8, 20.0, fixed=3.0)
    wanted = FixedCostPaths().orders(case).order
    curves = gain_curves(case, wanted, np.zeros(8, bool))
    for row in np.flatnonzero(wanted > 0):
        packs, gain = of_series(curves, row)
        true = cost(case, row, 0, wanted[row]) - cost(case, row, packs[0], wanted[row])
        assert packs[0] * gain[0] == pytest.approx(max(true, LEAST_GAIN * packs[0]), rel=1e-3)
        assert (np.diff(gain) <= 1e-9).all()


def test_blocks_make_the_same_curves() -> None:
    case = case_of(20, 15.0, pack=2)
    wanted = LostSalesPaths().orders(case).order
    whole = gain_curves(case, wanted, np.ones(20, bool))
    parts = joined_curves(
        [
            gain_curves(case.part(rows), wanted[rows], np.ones(len(rows), bool))
            for rows in (np.arange(7), np.arange(7, 20))
        ]
    )
    for name in ("series", "packs", "whole", "wanted"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    np.testing.assert_allclose(whole.gain, parts.gain, atol=1e-5)
