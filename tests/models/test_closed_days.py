from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known, Panel
from foresell.models.closed_days import closed_days

NAN = np.nan
WEEK = [1.0, 1, 1, 1, 1, 1, NAN]  # closed on Sundays
OPEN, CLOSED = [False] * 7, [False] * 6 + [True]


def closed(units, frequency=Frequency.DAY):
    units = np.array([units], np.float32)
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1], frequency)  # a Monday
    return closed_days(Panel(pl.DataFrame({"shop": ["a"]}), ("shop",), dates, units, frequency=frequency), 7)[
        0
    ].tolist()


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        pytest.param(WEEK * 10, CLOSED, id="closed on Sundays"),
        pytest.param([*WEEK[:6], 0.0] * 10, OPEN, id="nothing sold on Sundays is known"),
        pytest.param([*WEEK[:6], 1.0] + WEEK * 7, OPEN, id="one known Sunday in eight weeks"),
        pytest.param([*WEEK[:6], 1.0] + WEEK * 8, CLOSED, id="the known Sunday is nine weeks ago"),
        pytest.param(WEEK * 3, CLOSED, id="three weeks are enough"),
        pytest.param(WEEK * 2, OPEN, id="two weeks are not"),
        pytest.param([NAN] * 70 + [1.0, 1, 1, 1, 1, 1, NAN] * 2, OPEN, id="begun two weeks ago"),
        pytest.param([1.0] * 70 + [NAN] * 56, OPEN, id="out of stock ever since"),
        pytest.param([1.0] * 70 + [NAN] * 49 + [1.0] + [NAN] * 6, OPEN, id="one known day in a long stock-out"),
        pytest.param([1.0] * 7 + [NAN] * 90, OPEN, id="out of stock for 90 days"),
        pytest.param([1.0] * 7 + [NAN] * 91, [True] * 7, id="no longer on sale"),
        pytest.param([1.0] * 7 + [NAN] * 90 + [0.0], OPEN, id="nothing sold, but on sale"),
        pytest.param([NAN] * 100, OPEN, id="not yet on sale"),
        pytest.param([NAN] * 70, OPEN, id="never known"),
        pytest.param([1.0, NAN, NAN, NAN, NAN, NAN, NAN] * 9, [False] + [True] * 6, id="a market on Mondays"),
    ],
)
def test_what_counts_as_closed(units, expected):
    assert closed(units) == expected


def test_the_weekday_is_that_of_the_day_ahead():
    assert closed([*(WEEK * 10), 1.0, 1.0]) == [False] * 4 + [True] + [False] * 2


def test_weeks_are_never_closed():
    assert closed(WEEK * 10, Frequency.WEEK) == OPEN


@pytest.mark.parametrize(("frequency", "periods"), [(Frequency.WEEK, 13), (Frequency.MONTH, 6)])
def test_weeks_and_months_of_what_is_no_longer_on_sale(frequency, periods):
    assert closed([1.0] * 10 + [NAN] * (periods - 1), frequency) == OPEN
    assert closed([1.0] * 10 + [NAN] * periods, frequency) == [True] * 7


def test_a_new_series_is_not_on_sale_before_its_first_price():
    price = np.full((4, 16), 2.0, np.float32)
    price[1, :13] = np.nan  # priced from the fourth day ahead
    price[2] = np.nan  # no price ever: nothing is said
    units = np.full((4, 10), np.nan, np.float32)
    units[3] = 1
    series = pl.DataFrame({"item": list("abcd")})
    dates = np.datetime64("2024-01-01") + np.arange(16)
    panel = Panel(series, ("item",), dates, units, {"price": Known.of_each(price)})
    expected = np.zeros((4, 8), bool)
    expected[1, :3] = True
    np.testing.assert_array_equal(closed_days(panel, 8), expected)


def test_a_series_that_sold_nothing_for_long_enough_has_ended():
    units = np.ones((4, 60), np.float32)
    units[0, 40:] = 0
    units[1, 41:] = 0
    units[2, :] = 0  # never sold anything
    units[3, :50] = np.nan  # on sale for ten days, in which it sold nothing
    units[3, 50:] = 0
    dates = period_range(np.datetime64("2024-01-01"), 60, Frequency.DAY)
    panel = Panel(pl.DataFrame({"item": ["a", "b", "c", "d"]}), ("item",), dates, units)
    assert not closed_days(panel, 3).any()
    ended = closed_days(replace(panel, ended_after=20), 3).all(axis=1)
    assert ended.tolist() == [True, False, True, False]
    assert not closed_days(replace(panel, ended_after=60), 3).any()


def test_hours_of_the_week_without_a_known_one_are_closed():
    hours = period_range(np.datetime64("2024-01-01T00"), 24 * 28, Frequency.HOUR)  # a Monday
    of_day = np.arange(len(hours)) % 24
    units = np.where((of_day >= 8) & (of_day < 20), 3, np.nan).astype(np.float32)[None]
    units[0, np.arange(len(hours)) // 24 % 7 == 6] = np.nan
    panel = Panel(pl.DataFrame({"shop": ["a"]}), ("shop",), hours, units, frequency=Frequency.HOUR)
    closed = closed_days(panel, 24 * 7)[0].reshape(7, 24)
    assert not closed[:6, 8:20].any()
    assert closed[:, :8].all()
    assert closed[:, 20:].all()
    assert closed[6].all()
