from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Panel
from foresell.models.naive import MovingAverage, SeasonalNaive

NAN = np.nan


def forecast(model, units, horizon=10, frequency=Frequency.DAY):
    units = np.array(units, np.float32)
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1], frequency)
    panel = Panel(pl.DataFrame({"item": range(len(units))}), ("item",), dates, units, frequency=frequency)
    return model.fit(panel, horizon).forecast(panel)


def test_the_last_week_comes_again():
    result = forecast(SeasonalNaive(), [[9] * 7 + [1, 2, 3, 4, 5, 6, 7]])
    assert result.mean[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2, 3]
    assert str(result.dates[0]) == "2024-01-15"


def test_a_day_not_known_is_taken_from_the_week_before():
    week = [1, 2, 3, 4, 5, 6, 7]
    result = forecast(SeasonalNaive(), [week + [NAN] * 7 + [8, NAN, NAN, 8, 8, 8, 8]], horizon=7)
    assert result.mean[0].tolist() == [8, 2, 3, 8, 8, 8, 8]


def test_a_day_never_known_is_the_mean_of_the_others():
    result = forecast(SeasonalNaive(), [[NAN] * 4 + [2, 4, 6]], horizon=7)
    assert result.mean[0].tolist() == [4, 4, 4, 4, 2, 4, 6]


def test_history_shorter_than_a_season():
    result = forecast(SeasonalNaive(), [[3, 5, 7]], horizon=4, frequency=Frequency.MONTH)
    assert result.mean[0].tolist() == [5, 5, 5, 5]
    result = forecast(SeasonalNaive(season=2), [[3, 5, 7]], horizon=4, frequency=Frequency.MONTH)
    assert result.mean[0].tolist() == [5, 7, 5, 7]


def test_the_season_follows_the_frequency():
    months = [*range(1, 25)]
    result = forecast(SeasonalNaive(), [months], horizon=12, frequency=Frequency.MONTH)
    assert result.mean[0].tolist() == [*range(13, 25)]


def test_the_mean_of_the_known_days_of_the_window():
    units = [[100] * 10 + [1, NAN, 3, 5], [100] * 10 + [NAN] * 4, [NAN] * 14]
    result = forecast(MovingAverage(window=4), units, horizon=2)
    assert result.mean.tolist() == [[3, 3], [100, 100], [0, 0]]


def test_returns_beyond_the_sales_make_no_negative_forecast():
    assert forecast(MovingAverage(), [[-5.0] * 7], horizon=1).mean.tolist() == [[0]]
    assert forecast(SeasonalNaive(), [[-5.0] * 7], horizon=1).mean.tolist() == [[0]]


def test_closed_sundays_stay_closed():
    week = [4, 4, 4, 4, 4, 4, NAN]  # 2024-01-01 was a Monday
    for model in (SeasonalNaive(), MovingAverage()):
        assert forecast(model, [week * 8], horizon=8).mean[0].tolist() == [4, 4, 4, 4, 4, 4, 0, 4]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "7", True])
def test_options_are_whole_numbers(wrong):
    with pytest.raises(UsageError, match="'season' of the model 'seasonal_naive'"):
        SeasonalNaive(season=wrong)
    with pytest.raises(UsageError, match="'window' of the model 'moving_average'"):
        MovingAverage(window=wrong)
