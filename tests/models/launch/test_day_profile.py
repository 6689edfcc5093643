from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel
from foresell.models.launch.day_profile import (
    DayProfile,
    group_labels,
    learn_day_profile,
    promotion_days,
    season_positions,
)

WEEK = np.array([0.5, 0.5, 1, 1, 1, 1.5, 1.5])
FLAT = np.ones(7)


def exact(seasons, levels, promotions=None, n_days=182, frequency=Frequency.DAY, uplift=2.0):
    """A panel without chance: level x season of the series' kind x uplift, large enough to be believed."""
    dates = period_range(np.datetime64("2024-01-01"), n_days + 28, frequency)  # a Monday
    n_places = len(seasons[0])
    series = pl.DataFrame(
        {"item": [f"i{k}" for k in range(len(levels))], "kind": [f"k{k % 2}" for k in range(len(levels))]}
    )
    flags = np.zeros((len(levels), n_days + 28), np.float32) if promotions is None else promotions
    panel = Panel(series, ("item",), dates, np.zeros((len(levels), n_days), np.float32), frequency=frequency)
    place = season_positions(panel, np.arange(n_days)) % n_places
    season = np.array(seasons)[np.arange(len(levels)) % len(seasons)]
    units = np.array(levels)[:, None] * season[:, place] * np.where(flags[:, :n_days] > 0, uplift, 1)
    known = {} if promotions is None else {"promotion": Known.of_each(flags)}
    return Panel(series, ("item",), dates, units.astype(np.float32), known, frequency=frequency)


def test_the_weekdays_of_all_are_found_and_those_of_a_group_apart():
    both = learn_day_profile(exact([WEEK, FLAT], [1000.0] * 8), ("kind",))
    np.testing.assert_allclose(both.season, (WEEK + FLAT) / 2, rtol=1e-6)
    panel = exact([WEEK, FLAT], [1000.0] * 8)
    np.testing.assert_allclose(both.season_of_series(panel), [WEEK, FLAT] * 4, rtol=0.01)
    together = learn_day_profile(panel, ())
    np.testing.assert_allclose(together.season_of_groups(panel), [(WEEK + FLAT) / 2] * 8, rtol=1e-6)


def test_a_series_has_its_own_weekdays_as_far_as_it_shows_them():
    panel = exact([WEEK] * 9 + [WEEK[::-1]], [500.0] * 10)
    profile = learn_day_profile(panel, ())
    assert profile.own > 0
    np.testing.assert_allclose(profile.season_of_series(panel)[9], WEEK[::-1], rtol=0.1)
    # The same series with hardly any sales is taken to be like the others.
    few = exact([WEEK[::-1]], [0.02])
    np.testing.assert_allclose(profile.season_of_series(few)[0], profile.season, rtol=0.1)


def test_promotions_are_told_from_weekdays():
    flags = np.zeros((6, 210), np.float32)
    flags[:, 5::7] = 1  # promotions on Saturdays only, on half of them
    flags[:, 5::14] = 0
    profile = learn_day_profile(exact([WEEK], [100.0] * 6, flags, uplift=3.0), ())
    assert profile.promotion == pytest.approx(3, rel=0.02)
    np.testing.assert_allclose(profile.season, WEEK, rtol=0.02)


def test_days_are_season_times_promotion_also_ahead():
    flags = np.zeros((2, 210), np.float32)
    flags[0, 60:70], flags[0, 185] = 1, 1  # the history ends with day 181
    panel = exact([WEEK], [100.0, 100.0], flags)
    factors = learn_day_profile(panel, ()).days(panel, np.arange(180, 190))
    expected = WEEK[np.arange(180, 190) % 7]
    np.testing.assert_allclose(factors[1], expected, rtol=0.02)
    np.testing.assert_allclose(factors[0] / expected, [1, 1, 1, 1, 1, 2, 1, 1, 1, 1], rtol=0.02)


def test_months_and_weeks_have_the_season_of_the_year():
    year = np.linspace(0.5, 1.5, 12)
    panel = exact([year], [200.0] * 4, n_days=36, frequency=Frequency.MONTH)
    np.testing.assert_allclose(learn_day_profile(panel, ()).season, year / year.mean(), rtol=1e-6)
    short = learn_day_profile(exact([year], [200.0] * 4, n_days=23, frequency=Frequency.MONTH), ())
    assert short.flat
    assert short.season == (1.0,) * 12
    weeks = exact([[1.0] * 13], [9.0], n_days=110, frequency=Frequency.WEEK)
    np.testing.assert_allclose(learn_day_profile(weeks, ()).season, 1, rtol=1e-6)


def test_it_comes_back_from_json():
    profile = learn_day_profile(exact([WEEK, FLAT], [10.0] * 4), ("kind",))
    assert DayProfile.from_dict(json.loads(json.dumps(profile.to_dict()))) == profile


def test_places_reach_past_the_dates_of_the_panel():
    panel = exact([WEEK], [1.0])
    assert season_positions(panel, np.array([0, 5, 6, 7, 300])).tolist() == [0, 5, 6, 0, 300 % 7]
    monthly = exact([np.ones(12)], [1.0], n_days=30, frequency=Frequency.MONTH)
    assert season_positions(monthly, np.array([0, 11, 12, 70])).tolist() == [0, 11, 0, 70 % 12]
    weekly = exact([np.ones(13)], [1.0], n_days=60, frequency=Frequency.WEEK)
    assert season_positions(weekly, np.array([0, 3, 4, 51, 52])).tolist() == [0, 0, 1, 12, 12]


def test_an_unknown_promotion_is_none():
    flags = np.full((1, 190), np.nan, np.float32)
    flags[0, 3] = 1
    panel = exact([WEEK], [1.0], flags[:, :], n_days=162)
    assert promotion_days(panel, np.array([2, 3, 189, 400])).tolist() == [[False, True, False, False]]


def test_labels_of_columns_that_are_not_there():
    series = pl.DataFrame({"a": ["x", "y"]})
    assert group_labels(series, ("a", "b")) == ["x x ", "y x "]
    assert group_labels(series, ()) == ["total", "total"]
