from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel
from foresell.models.statistical.history import check_regressors, filled, histories

NAN = np.nan


def panel_of(units, known=None, ahead=0):
    units = np.array(units, np.float32)
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1] + ahead, Frequency.DAY)
    series = pl.DataFrame({"item": range(len(units))})
    return Panel(series, ("item",), dates, units, known or {})


def test_a_gap_is_filled_from_the_same_day_of_the_seasons_beside_it():
    units = np.array([[1, 2, 3, 4, NAN, 6, 7, 8, 9, NAN, NAN, NAN]])
    np.testing.assert_array_equal(filled(units, 3), [[1, 2, 3, 4, 5, 6, 7, 8, 9, 7, 8, 9]])


def test_days_before_the_first_known_one_stay_unknown():
    units = np.array([[NAN, NAN, 4, NAN, 6], [NAN] * 5])
    np.testing.assert_array_equal(filled(units, 2), [[NAN, NAN, 4, 5, 6], [NAN] * 5])


def test_a_day_of_the_season_that_is_never_known_lies_between_its_neighbours():
    week = [2, 4, NAN]
    np.testing.assert_array_equal(filled(np.array([week * 3]), 3)[0], [2, 4, 3, 2, 4, 3, 2, 4, 4])


def test_filling_as_a_slow_reading_of_the_rule():
    random = np.random.default_rng(0)
    units = random.integers(1, 50, (20, 43)).astype(float)
    units[random.random(units.shape) < 0.3] = NAN
    fast = filled(units, 7)
    for row, complete in zip(units, fast, strict=True):
        known = np.flatnonzero(~np.isnan(row))
        for day in range(len(row)):
            same = [other for other in known if (other - day) % 7 == 0]
            before, after = [x for x in same if x <= day], [x for x in same if x >= day]
            if not np.isnan(row[day]):
                assert complete[day] == row[day]
            elif day < known[0]:
                assert np.isnan(complete[day])
            elif before or after:
                near = [row[x] for x in (before[-1:] + after[:1])]
                assert complete[day] == pytest.approx(np.mean(near))


def test_only_the_last_days_from_the_first_known_one():
    panel = panel_of([[9, 9, NAN, NAN, 5, 6, 7, 8], [NAN] * 8])
    first, second = histories(panel, horizon=2, days=6, season=2)
    assert first.units.tolist() == [5, 6, 7, 8]
    assert (first.known, first.season, first.horizon) == (4, 2, 2)
    assert (len(second.units), second.known) == (0, 0)


def test_regressors_hold_their_last_value_and_need_a_future():
    price = Known.of_each(np.array([[NAN, 2, NAN, 3, NAN, 4]]))
    gone = Known.of_each(np.array([[1.0, 2, 3, 4, NAN, NAN]]))
    panel = panel_of([[NAN, 1, 1, 1]], {"price": price, "gone": gone}, ahead=2)
    (shown,) = histories(panel, horizon=2, days=10, season=1, regressors=("price", "gone"))
    assert shown.names == ("price",)
    assert shown.past[:, 0].tolist() == [2, 2, 3]
    assert shown.future[:, 0].tolist() == [3, 4]


def test_waves_come_again_each_year():
    panel = panel_of(np.ones((1, 800)))
    (shown,) = histories(panel, horizon=5, days=800, season=7, fourier=2)
    assert shown.names == ("year_sin_1", "year_cos_1", "year_sin_2", "year_cos_2")
    whole = np.concatenate([shown.past, shown.future])
    assert whole.shape == (805, 4)
    np.testing.assert_allclose(whole[:400], whole[365:765], atol=0.02)
    np.testing.assert_allclose(whole[:, 0] ** 2 + whole[:, 1] ** 2, 1)


def test_a_regressor_that_is_not_there_is_named():
    panel = panel_of([[1.0]], {"price": Known.of_each(np.ones((1, 1)))})
    assert check_regressors(panel, None) == ("price",)
    with pytest.raises(UsageError, match="is to use weather, which the data do not have ahead; they have price"):
        check_regressors(panel, ("weather", "price"))
