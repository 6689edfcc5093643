from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.frequency import Frequency, period_range
from foresell.features.calendar import FAR, MEANINGS, calendar_columns, holidays_of, near_holiday

NONE = pl.DataFrame(schema={"date": pl.Date, "event": pl.String})


def calendar_of(first, count, frequency=Frequency.DAY, events=NONE, country=None):
    dates = period_range(np.datetime64(first), count, frequency)
    names = tuple(holidays_of(country, dates)["event"].unique().sort()) if country else ()
    codes = {"holiday": names, "event": tuple(events["event"].unique().sort())}
    return calendar_columns(dates, frequency, country, events, codes), codes


def test_a_date_by_hand():
    columns, _ = calendar_of("2024-02-29", 1)  # a Thursday, the 60th day of a leap year, in ISO week 9
    assert {name: float(values[0]) for name, values in columns.items()} == {
        "year": 2024,
        "quarter": 1,
        "month": 2,
        "day_of_month": 29,
        "weekday": 4,
        "weekend": 0,
        "week_of_year": 9,
        "week_of_month": 5,
        "day_of_year": 60,
    }


def test_events_before_on_and_after():
    events = pl.DataFrame({"date": ["2024-03-03", "2024-03-05", "2024-03-05"], "event": ["fair", "feast", "derby"]})
    events = events.with_columns(pl.col("date").str.to_date())
    columns, codes = calendar_of("2024-03-01", 7, events=events)
    assert codes["event"] == ("derby", "fair", "feast")
    assert columns["event"].tolist() == [0, 0, 2, 0, 1, 0, 0]
    assert columns["second_event"].tolist() == [0, 0, 0, 0, 3, 0, 0]
    assert columns["days_to_event"].tolist() == [2, 1, 0, 1, 0, FAR, FAR]
    assert columns["days_since_event"].tolist() == [FAR, FAR, 0, 1, 0, 1, 2]
    assert columns["next_event"].tolist() == [2, 2, 2, 1, 1, 0, 0]
    assert columns["last_event"].tolist() == [0, 0, 2, 2, 3, 3, 3]


def test_a_countrys_holidays():
    columns, codes = calendar_of("2024-12-24", 3, country="DE")
    christmas = codes["holiday"].index("Christmas Day") + 1
    assert columns["holiday"][1] == christmas
    assert columns["days_to_holiday"][0] == 1
    with pytest.raises(UsageError, match="XX"):
        calendar_of("2024-12-24", 3, country="XX")


def test_a_holiday_counts_in_its_week_and_month():
    week, codes = calendar_of("2024-12-16", 3, Frequency.WEEK, country="US")
    assert week["holiday"][1] == codes["holiday"].index("Christmas Day") + 1
    assert week["days_to_holiday"].tolist() == [1, 0, 0]
    month, _ = calendar_of("2024-06-01", 2, Frequency.MONTH, country="US")
    assert month["days_in_month"].tolist() == [30, 31]
    assert month["holiday"][1] > 0


def test_what_lies_beside_a_holiday():
    events = pl.DataFrame({"date": [date(2024, 7, 10)], "event": ["Feast"]})

    def near(first, count, frequency, country=None):
        return np.flatnonzero(
            near_holiday(period_range(np.datetime64(first), count, frequency), frequency, country, events)
        ).tolist()

    assert near("2024-07-01", 14, Frequency.DAY) == [8, 9, 10]
    assert near("2024-07-01", 14, Frequency.DAY, "US") == [2, 3, 4]  # Independence Day; then the event is no holiday
    assert near("2024-12-31", 2, Frequency.DAY, "US") == [0, 1]  # a holiday of the next year
    assert near("2024-07-01", 3, Frequency.WEEK) == [1]
    assert near("2024-06-01", 3, Frequency.MONTH) == [1]


def test_every_column_has_a_meaning():
    events = pl.DataFrame({"date": [date(2024, 3, 3)], "event": ["fair"]})
    for frequency in Frequency:
        columns, _ = calendar_of("2024-01-01", 4, frequency, events, "US")
        assert set(columns) <= set(MEANINGS)
        assert all(values.dtype == np.float32 and len(values) == 4 for values in columns.values())


def test_hours_have_the_holidays_and_events_of_their_day():
    hours = period_range(np.datetime64("2024-12-24T22"), 28, Frequency.HOUR)  # to 26 December 01:00
    events = pl.DataFrame({"date": [date(2024, 12, 25)], "event": ["fair"]})
    codes = {"holiday": ("Christmas Day",), "event": ("fair",)}
    columns = calendar_columns(hours, Frequency.HOUR, "US", events, codes)
    christmas = [0.0] * 2 + [1.0] * 24 + [0.0] * 2
    assert columns["holiday"].tolist() == columns["event"].tolist() == christmas
    assert columns["days_to_holiday"][:3].tolist() == [1, 1, 0]
    assert columns["hour"][:3].tolist() == [22, 23, 0]
    assert columns["hour_of_week"][:3].tolist() == [24 + 22, 24 + 23, 48]  # a Tuesday
    assert columns["weekday"][[0, 2]].tolist() == [2, 3]
    assert near_holiday(hours, Frequency.HOUR, "US", events).all()
    later = period_range(np.datetime64("2024-12-27T00"), 3, Frequency.HOUR)
    assert not near_holiday(later, Frequency.HOUR, "US", events).any()
