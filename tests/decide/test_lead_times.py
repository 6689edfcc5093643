"""Lead times from receipts, and the demand until an order arrives."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.decide.lead_times import LeadTimes, by_arrival


def test_the_mean_and_the_spread_are_those_worked_by_hand():
    """Of 2, 4 and 9, 9, 9, 9, 12, 12 days all have the mean 8.25 and the variance 10.9375.

    The first vendor has the mean 3 and the squares 2, so (2 x 3 + 5 x 8.25) / 7 = 6.75 and (2 + 54.6875) / 7 = 8.0982.
    The second has the mean 10 and the squares 12, so (60 + 41.25) / 11 = 9.2045 and (12 + 54.6875) / 11 = 6.0625.
    """
    days = np.array([2.0, 4, 9, 9, 9, 9, 12, 12])
    times = LeadTimes.learn(days, np.repeat([0, 1], [2, 6]), 2, np.array([1, 0, -1]))
    assert times.mean == pytest.approx([101.25 / 11, 6.75, 8.25])
    assert times.deviation**2 == pytest.approx([66.6875 / 11, 56.6875 / 7, 10.9375])
    assert times.receipts.tolist() == [6, 2, 0]


def test_what_is_drawn_has_the_spread_learnt_about_the_stated_mean():
    times = LeadTimes(np.array([10.0, 10.0]), np.array([2.0, 0.0]), np.array([9, 9]))
    shuffle = np.stack([np.random.default_rng(1).permutation(2000)] * 2, axis=1)
    drawn = times.drawn(np.array([0, 1]), np.array([12.0, 7.0]), shuffle)
    assert drawn.mean(axis=0) == pytest.approx([12, 7], abs=0.01)
    assert drawn.std(axis=0) == pytest.approx([2, 0], abs=0.02)


def test_the_demand_until_the_arrival_is_that_of_a_loop_over_days():
    rng = np.random.default_rng(2)
    paths = rng.poisson(3, (50, 4, 12)).astype(np.float32)
    lead, review, drawn = np.array([0, 2, 4, 5]), np.array([1, 3, 2, 7]), rng.integers(0, 9, (50, 4))
    moved = by_arrival(paths, lead, review, drawn)
    for path in range(50):
        for series in range(4):
            days = paths[path, series]
            arrival = 0 if lead[series] == 0 else min(drawn[path, series], max(12 - review[series], lead[series]))
            before, after = moved[path, series, : lead[series]], moved[path, series, lead[series] :]
            assert before.sum() == days[:arrival].sum()
            cover = slice(arrival, arrival + review[series])
            assert after[: review[series]].tolist() == days[cover].tolist()


def test_a_lead_time_that_is_kept_changes_nothing():
    paths = np.random.default_rng(3).poisson(3, (20, 3, 9)).astype(np.float32)
    lead = np.array([0, 2, 5])
    np.testing.assert_array_equal(by_arrival(paths, lead, np.ones(3, int), np.tile(lead, (20, 1))), paths)
