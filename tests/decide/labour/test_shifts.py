"""Rosters, against all rosters of tiny cases."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.decide.labour.shifts import (
    Patterns,
    Person,
    ShiftProblem,
    ShiftRules,
    broken_rules,
    coverage,
    roster_cost,
)
from foresell.decide.labour.staffing import LabourCosts, short_cost_curve

TWO = (Person("Ada", 8), Person("Bo", 5))
RULES = ShiftRules(lengths=(2, 4), break_after=3, break_hours=1, rest_hours=20, days_a_week=2)


def problem(seed=1, people=TWO, days=3, rules=RULES, intervals=5):
    """A roster of a few days in which a day has as many hours as `intervals`."""
    rng = np.random.default_rng(seed)
    hours = rng.gamma(2, 0.7, (30, days * intervals))
    curve = short_cost_curve(hours, LabourCosts.of(days * intervals, wage=10, short=35), 1.0, len(people))
    patterns = Patterns.of(rules, intervals, 1.0)
    return ShiftProblem(
        patterns, rules, tuple(people), np.zeros(days, int), curve.reshape(days, intervals, -1), wage=10.0
    )


def least_cost(case):
    """The cost of the best of all rosters that keep the rules."""
    choices = range(-1, len(case.patterns.paid))
    size = (len(case.people), case.n_days)
    rosters = (np.array(choice).reshape(size) for choice in product(choices, repeat=size[0] * size[1]))
    return min(roster_cost(case, roster) for roster in rosters if not broken_rules(case, roster))


SMALL = ShiftRules(lengths=(2, 3), break_after=3, rest_hours=22, days_a_week=2)
CASES = [
    problem(1, rules=SMALL, intervals=3),
    problem(2, (Person("Ada", 4), Person("Bo", 4)), rules=SMALL, intervals=3),
    problem(3, (Person("Ada", 6, least_hours=6), Person("Bo", 5, days=(True, False, True))), rules=SMALL, intervals=3),
    problem(4, (Person("Ada", 9),), rules=RULES, intervals=5),
]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_no_roster_that_keeps_the_rules_costs_less(case):
    pytest.importorskip("ortools")
    from foresell.decide.labour.cp_sat import best_roster

    roster = best_roster(case)
    assert not broken_rules(case, roster.pattern)
    assert roster.cost == pytest.approx(least_cost(case), abs=0.2)  # money is counted in hundredths
    assert roster.gap < 1e-3


def test_a_week_of_ten_people_keeps_the_rules_and_stays_the_same():
    pytest.importorskip("ortools")
    from foresell.decide.labour.cp_sat import best_roster

    people = [Person(f"P{number}", 38 if number < 6 else 20) for number in range(8)]
    rules = ShiftRules(lengths=(4, 6, 9), break_after=6, break_hours=1)
    case = problem(5, people, days=7, rules=rules, intervals=12)
    roster = best_roster(case, effort=2)
    assert not broken_rules(case, roster.pattern)
    assert roster.cost <= roster_cost(case, np.full_like(roster.pattern, -1))
    assert np.array_equal(roster.pattern, best_roster(case, effort=2).pattern)


def test_what_cannot_be_kept_is_refused_with_the_name():
    pytest.importorskip("ortools")
    from foresell.decide.labour.cp_sat import best_roster

    with pytest.raises(UsageError, match="Bo has to work 9 hours and can work 6"):
        best_roster(problem(people=(Person("Ada", 8), Person("Bo", 9, least_hours=9))))
    tired = replace(RULES, rest_hours=24, days_a_week=3)
    with pytest.raises(UsageError, match="keeps the rules"):
        best_roster(problem(people=(Person("Cy", 9, least_hours=9),), rules=tired, days=3))


def test_broken_rules_are_all_seen():
    case = problem(people=(Person("Ada", 3, least_hours=1, days=(True, False, True)),))
    early, late = 0, len(case.patterns.paid) - 1
    broken = broken_rules(case, np.array([[late, early, early]]))
    assert broken == [
        "Ada works on a day off",
        "Ada works on too many days",
        "Ada works 7 hours",
        "Ada has too little rest",
    ]
    assert broken_rules(case, np.array([[early, -1, -1]])) == []
    assert broken_rules(case, np.array([[-1, -1, -1]])) == ["Ada works 0 hours"]


def test_a_break_is_no_work_and_is_not_paid():
    case = problem()
    longest = int(np.flatnonzero(case.patterns.end - case.patterns.begin == 4)[0])
    assert case.patterns.paid[longest] == 3
    at_work = coverage(case, np.array([[longest, -1, -1], [longest, -1, -1]]))
    assert at_work[0].tolist() == [2, 0, 2, 2, 0]
    assert at_work[1:].sum() == 0


@pytest.mark.parametrize("change", [{"lengths": ()}, {"lengths": (0.0,)}, {"days_a_week": 0}, {"rest_hours": -1.0}])
def test_rules_that_cannot_be_are_refused(change):
    with pytest.raises(UsageError, match="Shifts have the lengths"):
        ShiftRules(**change)


@pytest.mark.parametrize("rules", [ShiftRules(lengths=(9,)), ShiftRules(lengths=(1.5,))])
def test_shifts_that_fit_into_no_day_are_refused(rules):
    with pytest.raises(UsageError, match="No shift fits"):
        Patterns.of(rules, 8, 1.0)
