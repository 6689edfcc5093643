"""Shelf lives that reach beyond the sample paths."""

from __future__ import annotations

import numpy as np

from foresell.decide.stock import LostSalesPaths, PerishablePaths
from foresell.decide.stock.contract import CostRates, Situation


def order(policy, horizon, shelf, waste=5.0):
    paths = np.random.default_rng(1).poisson(4, (400, 1, 12)).astype(np.float32)[:, :, :horizon]
    costs = CostRates.of(1, holding=0.1, lost_margin=1.0, waste=waste)
    case = Situation.of(paths, np.zeros(1), costs, lead_periods=1, review_periods=1, shelf_periods=shelf)
    return policy.orders(case).order[0]


def test_demand_goes_on_beyond_the_paths():
    """A long shelf life wastes nothing, whether or not the paths reach to its end."""
    assert order(PerishablePaths(), 2, 10) == order(PerishablePaths(), 12, 10) == order(LostSalesPaths(), 2, None)


def test_a_short_shelf_life_and_a_dear_waste_order_less():
    assert order(PerishablePaths(), 12, 1) < order(PerishablePaths(), 12, 2) <= order(PerishablePaths(), 12, 10)
    assert order(PerishablePaths(), 12, 1, waste=20.0) < order(PerishablePaths(), 12, 1)
