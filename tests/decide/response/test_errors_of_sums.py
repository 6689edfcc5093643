"""Intervals of ratios hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.response.errors_of_sums import ErrorScale


@pytest.mark.parametrize("mean", [4.0, 60.0])
@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_intervals_of_ratios_cover(mean: float, ratio: float):
    rng = np.random.default_rng(5)
    item = np.repeat(np.arange(40), 50)
    placebo = rng.negative_binomial(10, 10 / (10 + mean), len(item)).astype(float)
    scale = ErrorScale.learn(placebo, np.full(len(item), mean), item, 40)
    units = rng.negative_binomial(10, 10 / (10 + ratio * mean), len(item)).astype(float)
    low, high = scale.ratio_interval(units, np.full(len(item), mean), item, 0.9)
    # With placebos of one size, noise of units cannot be told from that of levels; the interval is then rather wide.
    assert 0.87 <= np.mean((low <= ratio) & (ratio <= high)) <= 0.97


def test_the_variance_of_units_and_levels_is_found():
    rng = np.random.default_rng(6)
    mean = np.repeat([2.0, 10.0, 50.0, 250.0], 500)
    units = rng.negative_binomial(20, 20 / (20 + mean)).astype(float)
    scale = ErrorScale.learn(units, mean, np.zeros(len(mean), np.int64), 1)
    assert scale.deviation(np.array([100.0]), np.array([0]))[0] == pytest.approx(np.sqrt(100 + 100**2 / 20), rel=0.1)


def test_nothing_sold_has_an_interval_that_begins_at_zero():
    scale = ErrorScale(1.0, 0.05, np.ones(1), np.array([]))
    low, high = scale.ratio_interval(np.zeros(1), np.array([3.0]), np.zeros(1, np.int64), 0.9)
    assert low[0] == 0
    assert 0.5 < high[0] < 2


def test_a_noisier_item_has_a_wider_interval():
    rng = np.random.default_rng(7)
    item = np.repeat([0, 1], 300)
    units = np.concatenate([rng.poisson(50, 300), rng.negative_binomial(4, 4 / 54, 300)]).astype(float)
    scale = ErrorScale.learn(units, np.full(600, 50.0), item, 2)
    assert scale.item[1] > 3 * scale.item[0]
