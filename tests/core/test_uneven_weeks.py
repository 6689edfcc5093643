"""Dates of 4-4-5 calendars and of years of 52 and 53 weeks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, period_range, uneven_weeks
from foresell.core.panel import Panel


def ends(*weeks: int, years: int = 3) -> np.ndarray:
    """The last days of periods of so many weeks, over and over; a Sunday each."""
    return np.datetime64("2019-06-09") + 7 * np.cumsum(np.tile(weeks, years * (52 // sum(weeks))))


@pytest.mark.parametrize(
    ("weeks", "found"), [((4, 4, 5), [4, 5]), ((5, 4, 4), [4, 5]), ((4,), [4]), ((13,), [13]), ((52,), [52])]
)
def test_periods_of_weeks_are_refused_with_advice(weeks, found):
    dates = ends(*weeks, years=8)
    assert uneven_weeks(dates) == found
    sales = pl.DataFrame({"item": "a", "period_end": dates, "units": 3})
    with pytest.raises(UsageError, match=r"'period_end' lie .* weeks apart.*table of the periods as 'periods'"):
        Panel.from_frame(sales, keys=["item"], date="period_end", quantity="units", frequency="M")


@pytest.mark.parametrize("frequency", list(Frequency))
@pytest.mark.parametrize("first", ["2019-01-07", "2019-06-30"])
def test_no_period_of_a_frequency_is_taken_for_one(frequency, first):
    assert uneven_weeks(period_range(np.datetime64(first), 40, frequency)) == []


def test_a_weekday_of_each_month_is_a_month():
    starts = np.arange("2019-01", "2022-01", dtype="datetime64[M]").astype("datetime64[D]")
    mondays = starts + (7 - (starts.astype(int) + 3) % 7) % 7
    assert uneven_weeks(mondays) == []
    assert uneven_weeks(np.array(["2024-01-01", "2024-03-04"], "datetime64[D]")) == []
