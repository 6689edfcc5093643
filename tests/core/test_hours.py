"""A panel of hours that is made of a table in Python."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from foresell import Panel, backtest, forecast
from foresell.core.errors import ForesellWarning, UsageError
from foresell.core.frequency import Frequency, period_index, period_name, period_range
from foresell.core.words import period, span

BERLIN = "Europe/Berlin"


def table(first: datetime, last: datetime, zone: str | None = None) -> pl.DataFrame:
    """One unit in each hour, from `first` to `last` on the clock of London."""
    hours = pl.datetime_range(first, last, "1h", eager=True, time_zone="UTC")
    hours = hours.dt.convert_time_zone(zone) if zone else hours.dt.replace_time_zone(None)
    return pl.DataFrame({"store": "north", "date": hours, "units": 1})


def panel_of(frame: pl.DataFrame) -> Panel:
    return Panel.from_frame(frame, ["store"], frequency="H")


def test_periods_of_hours() -> None:
    first = np.datetime64("2024-02-28T22")
    hours = period_range(first, 4, Frequency.HOUR)
    assert hours.dtype == np.dtype("datetime64[us]")
    assert hours[-1].astype(object) == datetime(2024, 2, 29, 1)
    assert period_index(hours, first, Frequency.HOUR).tolist() == [0, 1, 2, 3]
    minutes = np.array(["2024-02-28T22:59"], "datetime64[us]")
    assert period_name(minutes, Frequency.HOUR)[0] == first
    assert period(hours[0], Frequency.HOUR) == "Wed 28 Feb 2024 22:00"
    assert span(hours[0], hours[1]) == "28 Feb 2024 22:00 to 23:00"


def test_a_table_of_hours_comes_back() -> None:
    frame = table(datetime(2024, 1, 1), datetime(2024, 1, 3, 23))
    panel = panel_of(frame)
    assert panel.n_days == 72
    assert panel.cutoff == datetime(2024, 1, 3, 23)
    assert panel.to_frame().equals(frame.with_columns(pl.col("units").cast(pl.Float32)))
    assert panel.until("2024-01-02").cutoff == datetime(2024, 1, 2, 23)
    assert panel.until("2024-01-02 05:00").cutoff == datetime(2024, 1, 2, 5)


@pytest.mark.parametrize("written", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
def test_texts_are_read_as_hours(written: str) -> None:
    frame = table(datetime(2024, 1, 1), datetime(2024, 1, 2, 23))
    texts = frame.with_columns(pl.col("date").dt.to_string(written))
    assert panel_of(texts).to_frame().equals(panel_of(frame).to_frame())


def test_the_hour_that_a_clock_shows_twice_is_added_up_and_the_one_left_out_is_not_known() -> None:
    panel = panel_of(table(datetime(2024, 3, 1), datetime(2024, 11, 10), BERLIN))
    twice, missing = panel.day_of("2024-10-27T02"), panel.day_of("2024-03-31T02")
    assert panel.units[0, twice - 1 : twice + 2].tolist() == [1, 2, 1]
    np.testing.assert_array_equal(panel.units[0, missing - 1 : missing + 2], [1, np.nan, 1])
    assert np.nansum(panel.units) == table(datetime(2024, 3, 1), datetime(2024, 11, 10)).height


def test_other_hours_with_two_rows_are_refused() -> None:
    frame = table(datetime(2024, 10, 1), datetime(2024, 11, 10), BERLIN)
    with pytest.raises(UsageError, match="two rows or more for one series and hour") as refused:
        panel_of(pl.concat([frame, frame.head(3)]))
    assert "truncate('1h')" in str(refused.value)
    with pytest.raises(UsageError, match="two rows or more"):  # each hour twice is no change of a clock
        panel_of(pl.concat([frame, frame]))


def test_days_called_hours_are_warned_of() -> None:
    daily = table(datetime(2024, 1, 1), datetime(2024, 2, 1)).filter(pl.col("date").dt.hour() == 0)
    with pytest.warns(ForesellWarning, match="frequency='D'"):
        panel_of(daily)


def test_a_forecast_of_hours_has_hours() -> None:
    hours = table(datetime(2024, 1, 1), datetime(2024, 1, 21, 23))
    busy = hours.with_columns(units=pl.when(pl.col("date").dt.hour().is_between(9, 17)).then(10).otherwise(1))
    panel = panel_of(busy)
    tested = backtest(panel, ["seasonal_naive", "moving_average"], horizon=24, windows=2)
    assert "19 Jan 2024 23:00, 20 Jan 2024 23:00" in str(tested)
    frame = forecast(panel, "seasonal_naive", horizon=24).to_frame().filter(pl.col("level") == "store")
    assert frame["date"].to_list()[9] == datetime(2024, 1, 22, 9)
    assert frame["cutoff"].unique().to_list() == [panel.cutoff]
    assert frame["mean"].to_list() == [10.0 if 9 <= hour <= 17 else 1.0 for hour in range(24)]


def test_hours_called_days_are_refused_with_the_way_to_forecast_either() -> None:
    frame = table(datetime(2024, 1, 1), datetime(2024, 1, 21, 23))
    with pytest.raises(UsageError, match="write `frequency='H'`") as refused:
        Panel.from_frame(frame, ["store"])
    assert "dt.truncate('1d')" in str(refused.value)
    twice = pl.concat([frame, frame.head(1)])
    with pytest.raises(UsageError) as without:
        Panel.from_frame(twice, ["store"])
    assert "frequency='H'" not in str(without.value)
