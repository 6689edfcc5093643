import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.frequency import Frequency, period_index, period_range, period_start


@given(st.dates(), st.sampled_from(Frequency), st.integers(1, 40))
def test_the_nth_period_has_index_n(first, frequency, count):
    first = np.datetime64(first)
    if str(first) > "9900":
        return
    dates = period_range(first, count, frequency)
    assert period_index(dates, first, frequency).tolist() == list(range(count))
    np.testing.assert_array_equal(period_start(dates, frequency), dates)


def test_a_week_begins_on_monday():
    sunday, monday = np.array(["2024-05-12", "2024-05-13"], "datetime64[D]")
    assert period_index(np.array([sunday, monday]), sunday, Frequency.WEEK).tolist() == [0, 1]
