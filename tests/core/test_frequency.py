import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.frequency import Frequency, first_weekday, period_index, period_range, period_start, weekday


@given(st.dates(), st.sampled_from(Frequency), st.integers(1, 40))
def test_the_nth_period_has_index_n(first, frequency, count):
    first = np.datetime64(first)
    if str(first) > "9900":
        return
    dates = period_range(first, count, frequency)
    assert period_index(dates, first, frequency).tolist() == list(range(count))
    np.testing.assert_array_equal(period_start(dates, frequency, first_weekday(dates)), dates)


def test_weeks_begin_on_the_weekday_of_the_first():
    sunday, monday = np.array(["2024-05-12", "2024-05-13"], "datetime64[D]")
    assert period_index(np.array([sunday, monday]), sunday, Frequency.WEEK).tolist() == [0, 0]
    assert period_index(np.array([sunday, monday]), monday, Frequency.WEEK).tolist() == [-1, 0]


def test_dates_on_many_weekdays_lie_in_weeks_from_monday():
    days = np.arange("2024-05-08", "2024-06-08", dtype="datetime64[D]")
    assert first_weekday(days) == 0
    assert set(weekday(period_start(days, Frequency.WEEK, first_weekday(days)))) == {0}
