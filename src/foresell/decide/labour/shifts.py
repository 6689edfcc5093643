"""Shifts by rules: what a shift may look like, who may work it, and what a roster costs.

The rules and their check are here; `cp_sat` looks for the best roster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from foresell.core.errors import UsageError, first_five


@dataclass(frozen=True)
class ShiftRules:
    """What a shift may look like, in hours.

    - `lengths`: how long a shift may be, from its beginning to its end, whole intervals each.
    - `break_after`: who works longer than this has a break of `break_hours`, which nobody pays; neither the work before
      it nor that after it is longer than `break_after`.
    - `rest_hours`: between two shifts of a person. `days_a_week`: the most days on which a person works in a week.
    """

    lengths: tuple[float, ...] = (4.0, 6.0, 8.5)
    break_after: float = 6.0
    break_hours: float = 0.5
    rest_hours: float = 11.0
    days_a_week: int = 5

    def __post_init__(self) -> None:
        hours = (*self.lengths, self.break_after)
        sound = self.lengths and min(hours) > 0 and min(self.break_hours, self.rest_hours) >= 0
        if not sound or max(self.lengths) > 24 or not 1 <= self.days_a_week <= 7:
            raise UsageError(
                f"Shifts have the lengths {first_five(self.lengths) or 'none'}, a break of {self.break_hours:g} after "
                f"{self.break_after:g} hours, {self.rest_hours:g} hours of rest and {self.days_a_week} days a week; "
                "expected lengths above 0 and up to 24 hours, a break and a rest of 0 hours or more, and 1 to 7 days."
            )


@dataclass(frozen=True)
class Person:
    """Somebody who can work: at most `most_hours` and at least `least_hours` of paid work a week, on `days` of the
    roster, bool [day]; on all of them where not given."""

    name: str
    most_hours: float
    least_hours: float = 0.0
    days: tuple[bool, ...] | None = None

    def may_work(self, day: int) -> bool:
        """Whether the person may work on a day of the roster."""
        return self.days is None or self.days[day]


@dataclass(frozen=True)
class Patterns:
    """All shifts that the rules allow on a day.

    `works` is bool [pattern, interval]; `begin` and `end` are hours from the first interval of the day, and `paid` the
    hours of work, float64 [pattern].
    """

    works: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    paid: np.ndarray

    @classmethod
    def of(cls, rules: ShiftRules, n_intervals: int, interval_hours: float) -> Patterns:
        """The shifts within a day of `n_intervals`. Raises UsageError where there are none.

        >>> rules = ShiftRules(lengths=(2, 5), break_after=3, break_hours=1)
        >>> patterns = Patterns.of(rules, 5, 1.0)
        >>> ["".join(".#"[work] for work in pattern.astype(int)) for pattern in patterns.works]
        ['##...', '.##..', '..##.', '...##', '#.###', '##.##', '###.#']
        """
        shapes = [shape for length in sorted(set(rules.lengths)) for shape in _shapes(rules, length, interval_hours)]
        works, begin, end = [], [], []
        for shape in shapes:
            for start in range(n_intervals - len(shape) + 1):
                work = np.zeros(n_intervals, bool)
                work[start : start + len(shape)] = shape
                works.append(work)
                begin.append(start * interval_hours)
                end.append((start + len(shape)) * interval_hours)
        if not works:
            raise UsageError(
                f"No shift fits: the day has {n_intervals * interval_hours:g} hours in intervals of "
                f"{interval_hours:g}, and shifts are {first_five(rules.lengths)} hours long with a break of "
                f"{rules.break_hours:g} after {rules.break_after:g}. Give shorter shifts, or lengths and breaks of "
                "whole intervals."
            )
        matrix = np.array(works)
        return cls(matrix, np.array(begin), np.array(end), matrix.sum(axis=1) * interval_hours)


def _shapes(rules: ShiftRules, length: float, interval_hours: float) -> list[np.ndarray]:
    """Which intervals of a shift are work: none where the shift is not of whole intervals or too long for its break."""
    n_intervals = round(length / interval_hours)
    if n_intervals < 1 or abs(n_intervals * interval_hours - length) > 1e-9:
        return []
    if length <= rules.break_after + 1e-9:
        return [np.ones(n_intervals, bool)]
    n_break, longest = round(rules.break_hours / interval_hours), rules.break_after / interval_hours + 1e-9
    if abs(n_break * interval_hours - rules.break_hours) > 1e-9:
        return []
    if not n_break:
        return [np.ones(n_intervals, bool)]
    shapes = []
    for before in range(1, n_intervals - n_break):
        after = n_intervals - n_break - before
        if before <= longest and after <= longest:
            shape = np.ones(n_intervals, bool)
            shape[before : before + n_break] = False
            shapes.append(shape)
    return shapes


@dataclass(frozen=True)
class ShiftProblem:
    """What a roster is made for.

    - `patterns`, `rules`, `people`: who may work what.
    - `week`: int [day], the week that each day belongs to; days follow each other.
    - `short_cost`: float64 [day, interval, people], the expected cost of being short with 0, 1, ... people; convex and
      falling. With as many more as `people` it stays what it is for the last.
    - `wage`: money for a paid hour.
    """

    patterns: Patterns
    rules: ShiftRules
    people: tuple[Person, ...]
    week: np.ndarray
    short_cost: np.ndarray
    wage: float

    @property
    def n_days(self) -> int:
        """The number of days."""
        return len(self.week)

    def infeasible(self) -> list[str]:
        """The people who cannot work the hours that they have to, each with the reason."""
        longest, reasons = float(self.patterns.paid.max()), []
        for person in self.people:
            for week in np.unique(self.week):
                days = sum(person.may_work(int(day)) for day in np.flatnonzero(self.week == week))
                reach = min(min(days, self.rules.days_a_week) * longest, person.most_hours)
                if person.least_hours > reach + 1e-9:
                    reasons.append(f"{person.name} has to work {person.least_hours:g} hours and can work {reach:g}")
                    break
        return reasons


@dataclass(frozen=True)
class Roster:
    """A roster: `pattern` int64 [person, day] is the shift of each, -1 where there is none.

    - `cost`: wages and the expected cost of being short. `bound`: no roster costs less than this.
    """

    pattern: np.ndarray
    cost: float
    bound: float

    @property
    def gap(self) -> float:
        """The share of the cost that the best roster may save at most."""
        return (self.cost - self.bound) / self.cost if self.cost > 0 else 0.0


def coverage(problem: ShiftProblem, pattern: np.ndarray) -> np.ndarray:
    """The people at work: int64 [day, interval]."""
    works = np.vstack([problem.patterns.works, np.zeros(problem.patterns.works.shape[1], bool)])
    return np.asarray(works[pattern].sum(axis=0))


def roster_cost(problem: ShiftProblem, pattern: np.ndarray) -> float:
    """Wages, and the expected cost of being short."""
    at_work = np.minimum(coverage(problem, pattern), problem.short_cost.shape[2] - 1)
    paid = np.append(problem.patterns.paid, 0.0)[pattern].sum()
    short = np.take_along_axis(problem.short_cost, at_work[:, :, None], axis=2).sum()
    return float(problem.wage * paid + short)


def broken_rules(problem: ShiftProblem, pattern: np.ndarray) -> list[str]:
    """The rules that a roster breaks, in words; none where it keeps them."""
    broken = []
    paid = np.append(problem.patterns.paid, 0.0)[pattern]
    for row, person in enumerate(problem.people):
        shifts = pattern[row]
        if any(shift >= 0 and not person.may_work(day) for day, shift in enumerate(shifts)):
            broken.append(f"{person.name} works on a day off")
        for week in np.unique(problem.week):
            days = problem.week == week
            if (shifts[days] >= 0).sum() > problem.rules.days_a_week:
                broken.append(f"{person.name} works on too many days")
            hours = paid[row, days].sum()
            if not person.least_hours - 1e-9 <= hours <= person.most_hours + 1e-9:
                broken.append(f"{person.name} works {hours:g} hours")
        broken += [
            f"{person.name} has too little rest" for first, then in pairwise(shifts) if _tired(problem, first, then)
        ]
    return broken


def _tired(problem: ShiftProblem, first: int, then: int) -> bool:
    """Whether there is too little rest between a shift and that of the next day."""
    if first < 0 or then < 0:
        return False
    rest = 24 - problem.patterns.end[first] + problem.patterns.begin[then]
    return bool(rest < problem.rules.rest_hours - 1e-9)


def conflicts(problem: ShiftProblem) -> list[tuple[np.ndarray, np.ndarray]]:
    """Groups of shifts of a day and of the next: of both groups of a pair together a person may work one at most."""
    patterns, groups = problem.patterns, []
    for begin in np.unique(patterns.begin):
        late = np.flatnonzero(24 - patterns.end + begin < problem.rules.rest_hours - 1e-9)
        early = np.flatnonzero(patterns.begin <= begin)
        if len(late):
            groups.append((late, early))
    return groups


def evenly_paid(people: Sequence[Person]) -> list[tuple[int, int]]:
    """Pairs of neighbours who are alike in all but their names, so that a search may put them in order."""
    alike = [(person.most_hours, person.least_hours, person.days) for person in people]
    return [(row, row + 1) for row, (first, then) in enumerate(pairwise(alike)) if first == then]
