"""The running sums against plain loops over each series."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.features.running_sums import Past

N_DAYS = 40


def units_of(seed):
    random = np.random.default_rng(seed)
    units = random.poisson(2, (3, N_DAYS)).astype(np.float32)
    units[random.random(units.shape) < 0.2] = np.nan
    units[1, :10] = np.nan  # on sale from day 10
    units[2] = np.nan  # never on sale
    return units


def window(units, at, days):
    """The known values of the `days` days that end on `at`."""
    return [float(units[day]) for day in range(max(0, at - days + 1), at + 1) if not math.isnan(units[day])]


def mean(values):
    return sum(values) / len(values) if values else math.nan


def same(found, expected):
    np.testing.assert_allclose(found, np.array(expected, np.float64), rtol=1e-5, atol=1e-5)


@settings(max_examples=40)
@given(seed=st.integers(0, 99), at=st.integers(-3, N_DAYS - 1), days=st.integers(1, 60))
def test_windows_are_what_a_loop_finds(seed, at, days):
    units = units_of(seed)
    past, ats = Past(units), np.array([at])
    values = [window(row, at, days) for row in units]
    same(past.mean(ats, days)[0], [mean(v) for v in values])
    same(past.count(ats, days)[0], [len(v) for v in values])
    same(past.zero_share(ats, days)[0], [mean([x == 0 for x in v]) for v in values])
    deviations = [math.sqrt(mean([(x - mean(v)) ** 2 for x in v])) if v else math.nan for v in values]
    same(past.moment(ats, days, 2)[0], deviations)


@settings(max_examples=40)
@given(seed=st.integers(0, 99), at=st.integers(0, N_DAYS - 1), count=st.integers(1, 8), season=st.integers(2, 12))
def test_the_same_weekday_is_what_a_loop_finds(seed, at, count, season):
    units = units_of(seed)
    days = list(range(at, -1, -season))[:count]
    expected = [mean([float(row[day]) for day in days if not math.isnan(row[day])]) for row in units]
    same(Past(units, season).season_mean(np.array([at]), count)[0], expected)


def test_a_series_for_each_question_is_the_same_as_all_series_at_each():
    past = Past(units_of(4))
    at, series = np.array([5, 17, 39, 39]), np.array([0, 1, 0, 1])
    for ask in (lambda s: past.mean(at, 9, s), lambda s: past.season_mean(at, 3, s), lambda s: past.value(at, s)):
        np.testing.assert_array_equal(ask(series), ask(None)[np.arange(4), series])


def test_worked_by_hand():
    units = np.array([[np.nan, 2, 0, 4, np.nan, 0]], np.float32)
    past, at = Past(units, season=2), np.array([5])
    assert past.mean(at, 3)[0, 0] == 2  # 4 and 0; the unknown day does not count
    assert past.mean(at, 4)[0, 0] == pytest.approx(4 / 3)
    assert past.zero_share(at, 6)[0, 0] == 0.5
    assert past.season_mean(at, 3)[0, 0] == 2  # days 5, 3, 1: 0, 4, 2
    assert past.days_since_sale(at)[0, 0] == 2
    assert past.age(at)[0, 0] == 4
    assert past.value(np.array([-1, 3]))[:, 0].tolist()[1] == 4
    assert math.isnan(past.value(np.array([-1]))[0, 0])
    assert past.moment(at, 3, 2)[0, 0] == 2
    # 2, 0, 4, 0: mean 1.5, third central moment (0.125 - 3.375 + 15.625 - 3.375) / 4 = 2.25, variance 2.75
    assert past.moment(at, 6, 3)[0, 0] == pytest.approx(2.25 / 2.75**1.5)


def test_exponential_weights_halve_and_pass_over_unknown_days():
    past = Past(np.array([[8, np.nan, 2]], np.float32))
    # One day's half-life: the 8 lies two days back and weighs 1/4, the 2 weighs 1.
    assert past.smoothed(np.array([2]), 1)[0, 0] == pytest.approx((8 / 4 + 2) / (1 / 4 + 1))
    assert past.smoothed(np.array([1]), 1)[0, 0] == pytest.approx(8)


def test_a_constant_series_has_no_skew_and_a_late_one_no_age_before():
    units = np.array([[3, 3, 3, 3], [np.nan, np.nan, 1, 1]], np.float32)
    past = Past(units)
    assert past.moment(np.array([3]), 4, 3)[0, 0] == 0
    assert np.isnan(past.age(np.array([1]))[0, 1])
    assert past.age(np.array([3]))[0].tolist() == [3, 1]
