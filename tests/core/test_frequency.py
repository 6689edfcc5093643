import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.frequency import (
    Frequency,
    period_anchor,
    period_begins,
    period_index,
    period_name,
    period_range,
    weekday,
)


@given(st.dates(), st.sampled_from(Frequency), st.integers(1, 40))
def test_the_nth_period_has_index_n(first, frequency, count):
    first = np.datetime64(first)
    if str(first) > "9900":
        return
    dates = period_range(first, count, frequency)
    assert period_index(dates, first, frequency).tolist() == list(range(count))
    np.testing.assert_array_equal(period_name(dates, frequency, period_anchor(dates, frequency)), dates)


def test_weeks_begin_on_the_weekday_of_the_first():
    sunday, monday = np.array(["2024-05-12", "2024-05-13"], "datetime64[D]")
    assert period_index(np.array([sunday, monday]), sunday, Frequency.WEEK).tolist() == [0, 0]
    assert period_index(np.array([sunday, monday]), monday, Frequency.WEEK).tolist() == [-1, 0]


def test_dates_on_many_weekdays_lie_in_weeks_from_monday():
    days = np.arange("2024-05-08", "2024-06-08", dtype="datetime64[D]")
    assert set(weekday(period_name(days, Frequency.WEEK, period_anchor(days, Frequency.WEEK)))) == {0}


def test_quarters_and_years_keep_the_month_and_the_end_that_their_dates_have():
    ends = np.array(["2014-11-30", "2015-02-28", "2015-05-31", "2015-08-31"], "datetime64[D]")
    anchor = period_anchor(ends, Frequency.QUARTER)
    np.testing.assert_array_equal(period_name(ends, Frequency.QUARTER, anchor), ends)
    assert period_range(ends[0], 6, Frequency.QUARTER)[4:].astype(str).tolist() == ["2015-11-30", "2016-02-29"]
    assert period_begins(ends[0], 2, Frequency.QUARTER).astype(str).tolist() == ["2014-09-01", "2014-12-01"]
    years = np.array(["2014-07-01", "2015-07-01"], "datetime64[D]")
    np.testing.assert_array_equal(period_name(years, Frequency.YEAR, period_anchor(years, Frequency.YEAR)), years)


def test_days_lie_in_quarters_and_years_of_the_calendar():
    days = np.arange("2024-05-08", "2025-06-08", dtype="datetime64[D]")
    quarters = period_name(days, Frequency.QUARTER, period_anchor(days, Frequency.QUARTER))
    assert np.unique(quarters).astype(str).tolist() == [
        "2024-04-01",
        "2024-07-01",
        "2024-10-01",
        "2025-01-01",
        "2025-04-01",
    ]
    years = period_name(days, Frequency.YEAR, period_anchor(days, Frequency.YEAR))
    assert np.unique(years).astype(str).tolist() == ["2024-01-01", "2025-01-01"]
