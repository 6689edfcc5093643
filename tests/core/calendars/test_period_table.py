"""Tables of periods, and the frequency that has one."""

from __future__ import annotations

import pickle
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.calendars.period_table import PeriodTable
from foresell.core.errors import UsageError
from foresell.core.frequency import (
    Frequency,
    period_anchor,
    period_begins,
    period_index,
    period_name,
    period_range,
)
from foresell.core.words import period

FIRST = np.datetime64("2018-12-30")
WEEKS = {"4-4-5": (4, 4, 5), "13 x 4": (4,), "quarters": (13,), "weeks": (1,), "halves": (26,), "years": (52,)}


def begins(*weeks: int, years: int = 4) -> np.ndarray:
    """The first days of periods of so many weeks, over and over, and of the one after them."""
    return FIRST + 7 * np.append(0, np.cumsum(np.tile(weeks, years * 52 // sum(weeks))))


@pytest.mark.parametrize(
    ("weeks", "season", "letter", "noun"),
    [
        ("4-4-5", 12, "M", "period"),
        ("13 x 4", 13, "M", "period"),
        ("quarters", 4, "Q", "quarter"),
        ("weeks", 52, "W", "week"),
        ("halves", 2, "Q", "half-year"),
        ("years", 1, "Y", "year"),
    ],
)
def test_the_season_is_learnt_from_the_lengths(weeks, season, letter, noun):
    table = PeriodTable.of(begins(*WEEKS[weeks]))
    assert (table.season, table.letter, table.noun) == (season, letter, noun)
    every = Frequency(table.letter).with_table(table)
    assert (every.season, every.year, every.noun, every.months) == (season, season, noun, 0)


def test_the_season_is_that_of_most_years_where_places_are_given():
    places = [*range(1, 53), *range(1, 54), *range(1, 53), *range(1, 53)]  # the second year has 53 weeks
    table = PeriodTable.of(FIRST + 7 * np.arange(len(places)), places=places)
    assert table.season == 52
    last = table.begins[[51, 103, 104, 105]]
    assert table.place(last).tolist() == [52, 52, 52, 1]  # the 53rd counts as the 52nd


@given(st.sampled_from(sorted(WEEKS)), st.booleans(), st.integers(0, 30), st.integers(0, 5))
def test_dates_in_periods_and_names_of_periods_are_inverse(weeks, by_last_day, start, within):
    table = PeriodTable.of(begins(*WEEKS[weeks], years=40))
    every = Frequency(table.letter).with_table(table)
    lasts = table.bounds[1:] - 1
    named = (lasts if by_last_day else table.begins)[start : start + 9]
    first = period_name(named[:1], every, period_anchor(named, every))[0]
    assert first == named[0]
    count = len(named)
    assert period_range(first, count, every).tolist() == named.tolist()
    assert period_begins(first, count, every).tolist() == table.begins[start : start + count].tolist()
    anywhere = table.begins[start : start + count] + within
    assert period_index(anywhere, first, every).tolist() == list(range(count))


@given(st.integers(-900, 5000))
def test_dates_outside_the_table_lie_in_usual_periods(days):
    table = PeriodTable.of(begins(4, 4, 5))
    when = np.array([FIRST + days])
    index = table.index(when)
    assert table.first_days(index)[0] <= when[0] < table.first_days(index + 1)[0]


def test_a_table_in_any_order_with_names():
    days = begins(4, 4, 5)[:6]
    table = PeriodTable.of(days[::-1], names=[f"P{place:02d}  2019" for place in range(6, 0, -1)])
    assert table.begins.tolist() == days.tolist()
    assert table.names_to_days()["p02 2019"] == date(2019, 1, 27)
    every = Frequency.MONTH.with_table(table)
    assert period(days[1], every) == "P02 2019"
    assert period(days[1], Frequency.MONTH.with_table(PeriodTable.of(days))) == "period from 27 Jan 2019"
    assert period(days[1] - 1, Frequency.MONTH.with_table(PeriodTable.of(days))) == "period to 26 Jan 2019"


@pytest.mark.parametrize(
    ("days", "names", "message"),
    [
        (begins(4)[:2], (), "has 2 rows; at least 3"),
        (np.append(begins(4)[:5], FIRST), (), "more than one row for 2018-12-30"),
        (begins(4)[:3], ("P1", "p1", "P2"), "more than one row for p1"),
        (np.delete(begins(4, 4, 5), 7), (), "far longer or shorter than the usual 28 days"),
        (np.sort(np.append(begins(4, 4, 5), FIRST + 10)), (), "take out those that are too many"),
        (FIRST + np.arange(9), (), "leave 'periods' out"),
    ],
)
def test_a_wrong_table_is_refused(days, names, message):
    with pytest.raises(UsageError, match=message):
        PeriodTable.of(days, names=names)


def test_a_table_that_is_too_short_says_how_many_rows_are_missing():
    table = PeriodTable.of(begins(4, 4, 5))
    every = Frequency.MONTH.with_table(table)
    with pytest.raises(UsageError, match="Add 2 rows after the last, each"):
        period_range(table.begins[-1], 3, every)
    table.require_dates(table.begins[[0, -5]], 4)
    sold = np.append(FIRST - 30, table.begins[:-3])
    with pytest.raises(UsageError, match=r"(?s)1 of .* lies outside it: 2018-11-30.*2 rows before .* and 1 row after"):
        table.require_dates(sold, 4)


def test_what_is_known_of_a_frequency_holds_for_one_with_a_table():
    table = PeriodTable.of(begins(4), names=["a", *[None] * 52])
    every = Frequency.MONTH.with_table(table)
    for same in (every, pickle.loads(pickle.dumps(every))):
        assert same == Frequency.MONTH
        assert {Frequency.MONTH: 1}[same] == 1
        assert same.table.names == table.names
        assert str(same) == "M"
    assert Frequency.MONTH.table is None
    assert pickle.loads(pickle.dumps(Frequency.MONTH)) is Frequency.MONTH
