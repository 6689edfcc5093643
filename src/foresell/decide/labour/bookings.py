"""What people work at other posts, so that nobody is at two places at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from foresell.decide.labour.shifts import Person, Roster, ShiftProblem, ShiftRules


@dataclass(frozen=True)
class Shift:
    """A shift of a day of the roster: its beginning and end in hours of the day, and the paid hours."""

    day: int
    begin: float
    end: float
    paid: float


@dataclass
class Bookings:
    """The shifts of people by name, where posts get their rosters one after the other.

    `posts` counts the posts at which a name stands; whoever has the same name is taken for the same person.
    """

    posts: dict[str, int] = field(default_factory=dict)
    shifts: dict[str, list[Shift]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> Bookings:
        """No bookings yet of the people with these `names`, one for each post at which they can work."""
        return cls({name: names.count(name) for name in set(names)})

    def several(self, name: str) -> bool:
        """Whether somebody can work at several posts."""
        return self.posts.get(name, 0) > 1

    def left(self, person: Person, rules: ShiftRules, week: np.ndarray, opening: tuple[float, float]) -> Person:
        """The person with what the bookings leave: fewer hours, and fewer days.

        A day is left out where it is booked, where a shift between the hours of `opening` could leave too little rest
        to one of the day before or after, and where the days of its week are used up; `week` is int [day]. Hours that
        the person has to work count at the first post alone.

        >>> bookings = Bookings({"Ada": 2}, {"Ada": [Shift(1, 14, 22, 8)]})
        >>> person = bookings.left(Person("Ada", 20), ShiftRules(days_a_week=3), np.zeros(5, int), (8, 16))
        >>> person.days, person.most_hours
        ((True, False, False, True, False), 12.0)
        """
        booked = self.shifts.get(person.name, [])
        if not booked:
            return person
        n_days = len(week)
        free = np.array([person.may_work(day) for day in range(n_days)])
        opens, closes = opening
        for shift in booked:
            free[shift.day] = False
            if shift.day + 1 < n_days and 24 - shift.end + opens < rules.rest_hours - 1e-9:
                free[shift.day + 1] = False
            if shift.day > 0 and 24 - closes + shift.begin < rules.rest_hours - 1e-9:
                free[shift.day - 1] = False
        hours = np.zeros(int(week.max()) + 1)
        for number in np.unique(week):
            of_week = [shift for shift in booked if week[shift.day] == number]
            hours[number] = sum(shift.paid for shift in of_week)
            days = np.flatnonzero((week == number) & free)
            free[days[max(rules.days_a_week - len(of_week), 0) :]] = False
        most = max(person.most_hours - float(hours.max()), 0.0)
        return replace(person, most_hours=most, least_hours=0.0, days=tuple(map(bool, free)))

    def add(self, roster: Roster, problem: ShiftProblem, first: float) -> None:
        """Books the shifts of a roster whose days begin at the hour `first`."""
        patterns = problem.patterns
        for row, day in zip(*np.nonzero(roster.pattern >= 0), strict=True):
            pattern = roster.pattern[row, day]
            shift = Shift(
                int(day),
                first + float(patterns.begin[pattern]),
                first + float(patterns.end[pattern]),
                float(patterns.paid[pattern]),
            )
            self.shifts.setdefault(problem.people[row].name, []).append(shift)
