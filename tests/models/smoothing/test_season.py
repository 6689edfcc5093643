from __future__ import annotations

import numpy as np
import pytest

from foresell.core.frequency import Frequency
from foresell.models.smoothing.season import (
    Cycle,
    Repeated,
    bucket_positions,
    cycles,
    in_buckets,
    learn_shared_season,
    relative_deviations,
)

NAN = np.nan
YEAR = np.array([0.8, 0.7, 0.9, 1.0, 1.0, 1.1, 1.2, 1.1, 1.0, 0.9, 0.9, 1.4])
YEAR = YEAR / YEAR.mean()
MONTHS = np.arange(60) % 12


@pytest.fixture
def draw():
    return np.random.default_rng(5)


def monthly(draw, seasons, level=200.0):
    """Poisson sales of five years [series, month] around the level times the season of each series."""
    return draw.poisson(level * np.asarray(seasons)[:, MONTHS]).astype(float)


def learnt(units):
    return learn_shared_season([units], MONTHS, 12)


def test_a_season_that_all_series_have_is_found_and_followed(draw):
    units = monthly(draw, [YEAR] * 30)
    season = learnt(units)
    assert np.array(season.shape) == pytest.approx(YEAR - 1, abs=0.03)
    assert season.share == pytest.approx(1, abs=0.05)
    assert season.factors(units, MONTHS) == pytest.approx(np.tile(YEAR, (30, 1)), abs=0.1)


def test_series_that_do_not_follow_are_left_as_they_are(draw):
    units = monthly(draw, [YEAR] * 20 + [np.ones(12)] * 10)
    factors = learnt(units).factors(units, MONTHS)
    assert factors[:20] == pytest.approx(np.tile(YEAR, (20, 1)), abs=0.12)
    assert factors[20:] == pytest.approx(np.ones((10, 12)), abs=0.12)


def test_a_series_has_a_season_of_its_own_where_it_repeats(draw):
    own = np.roll(YEAR, 6)
    units = monthly(draw, [YEAR] * 20 + [own] * 3)
    assert learnt(units).factors(units, MONTHS)[20:] == pytest.approx(np.tile(own, (3, 1)), abs=0.2)


def test_peaks_that_do_not_repeat_are_no_season(draw):
    units = monthly(draw, [np.ones(12)] * 30)
    for month in (3, 17, 29, 44, 58):  # in which all series sell fivefold, never twice in one month of the year
        units[:, month] *= 5
    season = learnt(units)
    assert season.shape == pytest.approx([0] * 12, abs=0.1)
    assert season.factors(units, MONTHS) == pytest.approx(np.ones((30, 12)), abs=0.15)


def test_a_single_cycle_tells_no_season(draw):
    units = monthly(draw, [YEAR] * 30)[:, :14]
    season = learn_shared_season([units], MONTHS[:14], 12)
    assert season.shape == (0,) * 12
    assert (season.factors(units, MONTHS[:14]) == 1).all()


def test_a_new_series_has_the_shared_season(draw):
    units = monthly(draw, [YEAR] * 30)
    season = learnt(units)
    unknown = np.full((1, 60), NAN)
    assert season.factors(unknown, MONTHS)[0] == pytest.approx(YEAR, abs=0.05)


def test_blocks_learn_the_same_as_all_series_at_once(draw):
    units = monthly(draw, [YEAR] * 12)
    whole, parts = learnt(units), learn_shared_season([units[:5], units[5:]], MONTHS, 12)
    assert parts.shape == pytest.approx(whole.shape)
    assert (parts.share, parts.spread, parts.own) == pytest.approx((whole.share, whole.spread, whole.own))


def test_what_repeats_by_hand():
    # position 0: 1 and 3; position 1: -1 and -3. Mean product of two at one position: (3 + 3) / 2; within: 2 + 2 of 2
    repeated = Repeated.of(np.array([[1.0, -1, 3, -3]]), np.array([0, 1, 0, 1]), 2)
    assert repeated.mean.tolist() == [[2, -2]]
    assert (repeated.signal[0], repeated.noise[0], repeated.count[0]) == (3, 2, 2)
    assert repeated.credibility()[0] == 3 / (3 + 2 / 2)


def test_deviations_by_hand():
    # the mean of three around is 2 in the middle, and goes on level to both ends; the deviations' own mean is 0
    deviations = relative_deviations(np.array([[1.0, 2, 3, 1, 2, 3]]), 3)
    assert deviations[0] == pytest.approx([-0.5, 0, 0.5, -0.5, 0, 0.5])


def test_buckets_end_with_the_last_period():
    units = np.array([[9.0, 1, 3, NAN, 5]])
    np.testing.assert_array_equal(in_buckets(units, 2), [[2, NAN]])  # half a bucket is not enough
    assert bucket_positions(np.array([0, 1, 2, 3, 4]), 2).tolist() == [2, 4]


@pytest.mark.parametrize("frequency", Frequency)
def test_every_position_of_a_cycle_occurs(frequency):
    dates = np.arange("2023-01-01", "2025-01-01", dtype="datetime64[h]" if frequency == "H" else "datetime64[D]")
    for cycle in cycles(frequency):
        assert np.unique(cycle.of(dates, frequency)).tolist() == list(range(cycle.positions))


def test_weeks_are_those_of_the_year_and_days_those_of_the_week():
    dates = np.array(["2024-01-01", "2024-01-08", "2024-12-31"], "datetime64[D]")  # two Mondays and a Tuesday
    assert Cycle(52).of(dates, Frequency.WEEK).tolist() == [0, 1, 51]
    assert Cycle(7).of(dates, Frequency.DAY).tolist() == [0, 0, 1]
