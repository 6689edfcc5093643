"""Quarters and years: short histories, through every part of a backtest and a forecast."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Panel
from foresell.pipeline.in_memory import backtest, forecast


def sales(first: str, count: int, frequency: str) -> pl.DataFrame:
    dates = period_range(np.datetime64(first), count, Frequency.of(frequency))
    draws = np.random.default_rng(0)
    season = 1 + 0.3 * np.sin(np.arange(count) * np.pi / 2) if frequency == "Q" else 1.0
    series = [
        pl.DataFrame({"item": f"I{number}", "date": dates, "units": draws.poisson(80 * number * season, count)})
        for number in range(1, 4)
    ]
    return pl.concat(series)


@pytest.mark.parametrize(
    ("first", "count", "frequency", "next_date"),
    [
        ("2013-01-01", 40, "Q", "2023-01-01"),
        ("2013-02-28", 40, "Q", "2023-02-28"),
        ("1993-07-01", 30, "Y", "2023-07-01"),
        ("1993-06-30", 30, "Y", "2023-06-30"),
    ],
)
def test_quarters_and_years_are_forecast_as_their_dates_name_them(first, count, frequency, next_date):
    panel = Panel.from_frame(
        sales(first, count, frequency), keys=["item"], date="date", quantity="units", frequency=frequency
    )
    assert str(panel.dates[0]) == first
    assert panel.n_days == count
    scores = backtest(panel, horizon=3, models=["seasonal_naive", "moving_average", "launch", "ets"]).levels
    of_all = scores.filter(level="all")
    assert of_all["wrmsse"].is_finite().all()
    ahead = forecast(panel, horizon=3, model="launch").to_frame()
    assert str(ahead["date"].min()) == next_date
    mean = ahead.filter(level="item")["mean"].to_numpy()
    assert 0.5 < mean.mean() / panel.units.mean() < 1.5
