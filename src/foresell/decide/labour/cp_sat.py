"""The best roster, by the solver CP-SAT of OR-Tools; the one place that imports it."""

from __future__ import annotations

from typing import Any

import numpy as np

from foresell.core.errors import UsageError, first_five
from foresell.core.extras import importing
from foresell.decide.labour.shifts import Roster, ShiftProblem, conflicts, evenly_paid, roster_cost

SCALE = 100
"""Money is counted in hundredths, because the solver counts in whole numbers."""

EFFORT = 20.0
"""How much work the solver may do, in its own units of about a second, which do not depend on the machine."""


def best_roster(problem: ShiftProblem, effort: float = EFFORT, seed: int = 1) -> Roster:
    """The roster of least cost, or the best that `effort` allows; `Roster.gap` says how far it may be from it.

    Raises NotInstalled without the extra ``shifts``, and UsageError where no roster keeps the rules.
    """
    with importing("shifts"):
        from ortools.sat.python import cp_model

    if reasons := problem.infeasible():
        raise UsageError(
            f"No roster keeps the rules: {first_five(reasons)}. Give these people more days or longer shifts, or fewer "
            "hours that they have to work."
        )
    model = cp_model.CpModel()
    shape = (len(problem.people), problem.n_days, len(problem.patterns.paid))
    works = np.array([model.new_bool_var("") for _ in range(int(np.prod(shape)))], object).reshape(shape)
    _add_rules(model, works, problem)
    model.minimize(_wages(works, problem) + _short_cost(model, works, problem))
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers, parameters.random_seed = 1, seed  # one thread: the same roster every time
    parameters.max_deterministic_time = effort
    parameters.linearization_level = 2  # the linear programme is near to whole; without it small cases stayed open
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise UsageError(
            f"No roster of {len(problem.people)} people and {problem.n_days} days keeps the rules "
            f"({solver.status_name(status).lower()}). Give fewer hours that people have to work, more days on which "
            "they may, or less rest between shifts."
        )
    taken = np.array([[[solver.boolean_value(shift) for shift in day] for day in person] for person in works])
    pattern = np.where(taken.any(axis=2), taken.argmax(axis=2), -1)
    cost = roster_cost(problem, pattern)
    return Roster(pattern, cost, min(cost, solver.best_objective_bound / SCALE))


def _add_rules(model: Any, works: np.ndarray, problem: ShiftProblem) -> None:
    """Days off, one shift a day, hours and days of a week, rest, and an order among people who are alike."""
    pairs = conflicts(problem)
    paid = np.round(problem.patterns.paid * SCALE).astype(int)
    for row, person in enumerate(problem.people):
        for day in range(problem.n_days):
            model.add(sum(works[row, day]) <= int(person.may_work(day)))
        for week in np.unique(problem.week):
            days = np.flatnonzero(problem.week == week)
            hours = sum((works[row, day] * paid).sum() for day in days)
            model.add(hours <= int(np.floor(person.most_hours * SCALE + 1e-6)))
            if person.least_hours > 0:
                model.add(hours >= int(np.ceil(person.least_hours * SCALE - 1e-6)))
            if problem.rules.days_a_week < len(days):
                model.add(sum(works[row, days].ravel()) <= problem.rules.days_a_week)
        for day in range(problem.n_days - 1):
            for late, early in pairs:
                model.add_at_most_one([*works[row, day, late], *works[row, day + 1, early]])
    for row, other in evenly_paid(problem.people):
        hours_of = [sum((works[person] * paid).ravel()) for person in (row, other)]
        model.add(hours_of[0] >= hours_of[1])


def _wages(works: np.ndarray, problem: ShiftProblem) -> Any:
    rates = np.round(problem.patterns.paid * problem.wage * SCALE).astype(int)
    return (works * rates).sum()


def _short_cost(model: Any, works: np.ndarray, problem: ShiftProblem) -> Any:
    """The cost of being short. Each person more saves a little less than the one before, so a switch for each will do:
    the solver turns on the first of them, as many as there are people at work."""
    switches, savings = [], []
    saved = -np.diff(np.round(problem.short_cost * SCALE), axis=2)
    saved = np.minimum.accumulate(np.maximum(saved, 0), axis=2).astype(int)  # rounding may not undo that it is convex
    for day in range(problem.n_days):
        for interval in np.flatnonzero(problem.patterns.works.any(axis=0)):
            of_interval = [
                (model.new_bool_var(""), saving) for saving in saved[day, interval, : len(problem.people)] if saving
            ]
            if of_interval:
                shifts = works[:, day, problem.patterns.works[:, interval]].ravel()
                model.add(sum(switch for switch, _ in of_interval) <= sum(shifts))
                switches += [switch for switch, _ in of_interval]
                savings += [int(saving) for _, saving in of_interval]
    base = int(np.round(problem.short_cost[:, :, 0] * SCALE).sum())
    return base - sum(switch * saving for switch, saving in zip(switches, savings, strict=True))
