from datetime import date

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.synth.market import (
    CATEGORIES,
    HOLIDAY_OFFSETS,
    calendar_factors,
    event_days,
    holiday_factors,
    holiday_weight,
    public_holidays,
    yearly_factor,
)

FOUR_YEARS = np.arange("2021-01-01", "2025-01-01", dtype="datetime64[D]")
DRINKS = next(kind for kind in CATEGORIES if kind.name == "drinks")


def test_profiles_have_a_mean_of_one():
    for category in CATEGORIES:
        assert len(category.weekly) == 7
        assert category.profile.mean() == pytest.approx(1)
        assert yearly_factor(category.harmonics, FOUR_YEARS).mean() == pytest.approx(1, abs=2e-3)


def test_the_first_harmonic_peaks_on_its_day():
    peak = yearly_factor(((0.3, 100.0), (0.0, 0.0)), FOUR_YEARS[:365])
    assert np.argmax(peak) == 100
    # exp(0.3) over exp(-0.3), its trough half a year later
    assert peak.max() / peak.min() == pytest.approx(np.exp(0.6), rel=1e-3)


def test_club_days_are_the_first_saturdays_of_a_month():
    days = np.arange("2024-06-01", "2024-08-01", dtype="datetime64[D]")
    assert days[event_days(days)].astype(str).tolist() == ["2024-06-01", "2024-07-06"]


def test_a_holiday_works_on_the_days_before_and_after_by_hand():
    days = np.arange("2024-06-28", "2024-07-10", dtype="datetime64[D]")
    factors = holiday_factors(1, "US", days)[CATEGORIES.index(DRINKS)]
    weight = holiday_weight(1, "Independence Day")
    expected = np.ones(12)
    for offset, effect in zip(HOLIDAY_OFFSETS, DRINKS.holiday, strict=True):
        expected[6 + offset] = 1 + weight * (effect - 1)  # 4 July is the seventh day
    np.testing.assert_allclose(factors, expected)


def test_a_holiday_just_after_the_last_day_is_felt_before_it():
    days = np.arange("2024-12-28", "2025-01-01", dtype="datetime64[D]")
    assert holiday_factors(1, "US", days)[CATEGORIES.index(DRINKS), -1] != 1


def test_the_calendar_is_the_product_of_its_parts():
    days = np.arange("2024-07-06", "2024-07-07", dtype="datetime64[D]")  # a club day, far enough from 4 July
    expected = DRINKS.profile[5] * yearly_factor(DRINKS.harmonics, days)[0] * DRINKS.event
    assert calendar_factors(1, "US", days)[CATEGORIES.index(DRINKS), 0] == pytest.approx(expected)


def test_observed_holidays_are_left_out():
    named = public_holidays("US", date(2021, 1, 1), date(2021, 12, 20))
    assert named[date(2021, 7, 4)] == "Independence Day"
    assert date(2021, 7, 5) not in named


def test_an_unknown_country_is_a_usage_error():
    with pytest.raises(UsageError, match="'ZZ'"):
        public_holidays("ZZ", date(2021, 1, 1), date(2021, 12, 31))
