"""Outliers are pulled in to the fence of their group, and left alone where they are many."""

from __future__ import annotations

import numpy as np

from foresell.transactions.outliers import winsorise


def test_a_slip_of_the_pen_is_pulled_in_within_its_group():
    random = np.random.default_rng(0)
    group = np.repeat([0, 1], 500)
    target = np.where(group == 0, 10.0, 1000.0) * np.exp(0.2 * random.standard_normal(1000))
    target[3] = 1000.0  # usual in the other group
    winsorised = winsorise(target, group)
    assert winsorised.count == 1
    rest = np.log(target) - np.where(group == 0, np.log(np.median(target[:500])), np.log(np.median(target[500:])))
    low, high = np.quantile(rest, [0.25, 0.75])
    assert np.isclose(winsorised.target[3], np.median(target[:500]) * np.exp(high + 3 * (high - low)))
    assert (np.delete(winsorised.target, 3) == np.delete(target, 3)).all()
    assert target[3] == 1000.0


def test_values_below_zero_are_judged_as_they_are():
    target = np.append(np.tile(np.arange(-10.0, 11.0), 20), [500.0, -500.0])
    winsorised = winsorise(target, np.zeros(len(target), int))
    assert winsorised.count == 2
    assert winsorised.target[-2:].tolist() == [35.0, -35.0]  # quartiles -5 and 5, 3 x 10 further


def test_many_far_ones_are_the_shape_of_the_data():
    target = np.append(np.exp(np.tile(np.arange(-10, 11) / 10, 20)), np.full(20, 1e9))
    winsorised = winsorise(target, np.zeros(len(target), int))
    assert (winsorised.count, winsorised.kept) == (0, 20)
    assert (winsorised.target == target).all()


def test_sums_that_are_nearly_all_the_same_have_no_outliers():
    target = np.append(np.full(300, 5.0), [10.0, 15.0])
    assert winsorise(target, np.zeros(302, int)).count == 0
