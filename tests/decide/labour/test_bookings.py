"""People at several posts."""

from __future__ import annotations

import numpy as np

from foresell.decide.labour.bookings import Bookings
from foresell.decide.labour.shifts import Patterns, Person, Roster, ShiftProblem, ShiftRules

RULES = ShiftRules(lengths=(4.0,), days_a_week=4)
WEEK = np.array([0, 0, 0, 0, 0, 1, 1])


def booked() -> Bookings:
    """Ada works from 12 to 16 on the days 0 and 2, and on the first of the next week."""
    people = (Person("Ada", 20.0, least_hours=12.0), Person("Bo", 20.0))
    problem = ShiftProblem(Patterns.of(RULES, 8, 1.0), RULES, people, WEEK, np.zeros((7, 8, 3)), 10.0)
    pattern = np.full((2, 7), -1)
    pattern[0, [0, 2, 5]] = 4
    bookings = Bookings.of(["Ada", "Bo", "Ada"])
    bookings.add(Roster(pattern, 0.0, 0.0), problem, 8)
    return bookings


def test_days_and_hours_that_are_booked_are_not_left():
    ada = booked().left(Person("Ada", 20.0, least_hours=12.0), RULES, WEEK, (8, 16))
    assert ada.days == (False, True, False, True, False, False, True)  # two of four days of the week are left
    assert (ada.most_hours, ada.least_hours) == (12.0, 0.0)


def test_there_is_rest_between_the_posts():
    ada = booked().left(Person("Ada", 20.0), RULES, WEEK, (2, 16))  # from 16 to 2 there are ten hours
    assert ada.days == (False, False, False, False, True, False, False)


def test_others_keep_all_they_have():
    person = Person("Bo", 20.0, least_hours=5.0)
    assert booked().left(person, RULES, WEEK, (8, 16)) is person
    assert [booked().several(name) for name in ("Ada", "Bo")] == [True, False]
