"""The safety stock by the series' own past, against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.stock import NormalSafetyStock, OwnHistory
from foresell.decide.stock.contract import CostRates, Situation
from foresell.decide.stock.own_history import cover_dispersion


def situation(dispersion: np.ndarray | None) -> Situation:
    paths = np.array([[[2.0, 6.0]], [[6.0, 6.0]], [[4.0, 0.0]]])  # cover of two steps: means 4 and 4
    costs = CostRates.of(1, holding=1.0, lost_margin=9.0)
    return Situation.of(paths, np.zeros(1), costs, lead_periods=1, dispersion=dispersion)


def test_the_variance_is_a_geometric_mean_of_both():
    """Steps: (4 + 4 + 0) / 3 + (4 + 4 + 16) / 3 = 32 / 3; own past: 2 x 8 = 16. z at 0.9 is 1.2816."""
    target = OwnHistory(weight=0.25).orders(situation(np.array([2.0]))).target
    assert target == pytest.approx(8 + 1.2815516 * np.sqrt((32 / 3) ** 0.75 * 16**0.25))


def test_without_a_past_it_is_normal_safety_stock():
    normal = NormalSafetyStock().orders(situation(None))
    for dispersion in (None, np.array([np.nan])):
        assert OwnHistory().orders(situation(dispersion)).target == pytest.approx(normal.target)


def test_steady_series_have_a_small_dispersion_and_lumpy_ones_a_large_one():
    rng = np.random.default_rng(1)
    poisson, lumpy = rng.poisson(5, 600), 25 * (rng.random(600) < 0.2)
    units = np.stack([np.full(600, 5.0), poisson, lumpy]).astype(float)
    steady, usual, large = cover_dispersion(units, np.array([8, 8, 8]))
    assert steady < 0.05
    assert usual == pytest.approx(1.15, abs=0.4)  # a Poisson's 1, and 1/7 for the error of its level
    assert large > 10


def test_a_past_that_is_too_short_gives_no_dispersion():
    assert np.isnan(cover_dispersion(np.ones((1, 60)), np.array([8]))).all()
    assert np.isfinite(cover_dispersion(np.ones((2, 80)), np.array([8, 2]))).all()
