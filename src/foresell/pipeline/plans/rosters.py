"""Shifts of the people who are known, for the work of the posts at their places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.frequency import weekday
from foresell.core.settings import LabourTables
from foresell.core.words import many, number, share
from foresell.data.supply.keyed_table import Columns, KeyedTable, read_keyed
from foresell.data.supply.table_form import TableForm
from foresell.decide.codes import finding
from foresell.decide.labour.bookings import Bookings
from foresell.decide.labour.cp_sat import best_roster
from foresell.decide.labour.shifts import Patterns, Person, Roster, ShiftProblem, ShiftRules
from foresell.decide.labour.staffing import LabourCosts, short_cost_curve
from foresell.pipeline.plans.labour_posts import HOURS, Intervals, Posts
from foresell.pipeline.results import Results

PEOPLE = Columns(
    numbers=("hours_week", "least_hours"), texts=("person", "task", "days"), required=("person", "hours_week"),
    not_negative=("hours_week", "least_hours"),
)  # fmt: skip

LARGE_GAP = 0.02
"""A roster may cost this share more than the best before a finding says so."""


@dataclass(frozen=True)
class DayWork:
    """The work of a post: `step`, `hour` int64 [cell], `hours` float64 [path, cell], and what its hours cost."""

    post: int
    step: np.ndarray
    hour: np.ndarray
    hours: np.ndarray
    costs: LabourCosts


@dataclass(frozen=True)
class Rosters:
    """The shifts of the people of one post: their `lines`, the `cost`, and the `gap` to the least cost."""

    place: str
    lines: pl.DataFrame
    cost: float
    gap: float
    people: int
    paid_hours: float
    findings: tuple[Finding, ...]

    def sentence(self) -> str:
        """What the roster is, in a sentence."""
        near = "no roster costs less" if self.gap < 1e-3 else f"and the best may cost up to {share(self.gap)} less"
        people = many(self.people, "person", "people")
        return (
            f"Shifts of {self.place}: {people} with {number(self.paid_hours)} paid hours in all; with the work that "
            f"has nobody they cost {number(self.cost)}, {near}."
        )


def rosters(
    work: list[DayWork], posts: Posts, when: Intervals, results: Results, tables: LabourTables
) -> tuple[Rosters, ...]:
    """A roster for each post whose people the table names.

    Raises SettingsError where days have no hours, or a row is about no post, and UsageError where no roster keeps the
    rules.
    """
    if when.of_days:
        raise SettingsError(
            "'labour.people' asks for shifts, and the days of the forecast have no hours. Give 'labour.profile', or "
            "forecast hours."
        )
    rules = ShiftRules(
        tables.shift_lengths, tables.break_after, tables.break_hours, tables.rest_hours, tables.days_a_week
    )
    base, form = Path(results.base), TableForm(decimal=tables.decimal)
    table = read_keyed(str(tables.people), base, results.settings.data, posts.places.columns, PEOPLE, form)
    table.require_distinct("person")
    unknown = np.flatnonzero(np.isnan(table.numbers("hours_week")))
    if len(unknown):
        raise SettingsError(
            f"{table.where} does not say how many hours a week {first_five(table.frame['person'][unknown].to_list())} "
            "can work. Fill in hours_week, or 0 for people who are away."
        )
    dates, made, placed = results.panel.ahead(results.settings.horizon), [], np.zeros(table.frame.height, bool)
    bookings = Bookings.of(table.texts("person"))
    for of_post in work:
        place = posts.places[[int(posts.place[of_post.post])]]
        task = posts.table.texts("task")[posts.row[of_post.post]]
        here = np.array([table.only(np.array([row])).rows_of(place)[0] == 0 for row in range(table.frame.height)])
        if "task" in table.frame.columns:
            here &= np.array([name in ("", task) for name in table.texts("task")])
        if not here.any():
            continue
        if (placed & here).any():
            twice = table.texts("person")[int(np.flatnonzero(placed & here)[0])]
            raise SettingsError(
                f"{table.where}: {twice} could work at several posts. Say at which one, with the columns "
                f"{', '.join([*posts.places.columns, 'task'])}."
            )
        placed |= here
        made.append(_roster(of_post, table.only(here), place, task, rules, dates, bookings))
    if not placed.all():
        missing = [name for name, known in zip(table.texts("person"), placed, strict=True) if not known]
        raise SettingsError(
            f"{table.where}: no post is planned for {', '.join(missing[:5])}. Write their keys as in the sales, or "
            "take "
            "them out."
        )
    return tuple(made)


def _roster(
    work: DayWork,
    people: KeyedTable,
    place: pl.DataFrame,
    task: str,
    rules: ShiftRules,
    dates: np.ndarray,
    bookings: Bookings,
) -> Rosters:
    """The roster of one post, beside what its people work at others by `bookings`, to which it is added."""
    days, day_of = np.unique(dates.astype("datetime64[D]"), return_inverse=True)
    first, last = int(work.hour.min()), int(work.hour.max()) + 1
    persons = tuple(bookings.left(person, rules, _weeks(days), (first, last)) for person in _persons(people, days))
    curve = np.zeros((len(days), HOURS, len(persons) + 1))
    curve[day_of[work.step], work.hour] = short_cost_curve(work.hours, work.costs, 1.0, len(persons))
    wage = float(work.costs.wage[0])
    problem = ShiftProblem(
        Patterns.of(rules, last - first, 1.0), rules, persons, _weeks(days), curve[:, first:last], wage
    )
    roster = best_roster(problem)
    bookings.add(roster, problem, first)
    lines = _lines(roster, problem, place, days, first, wage)
    name = " ".join([*map(str, place.row(0)), task]).strip()
    findings: tuple[Finding, ...] = ()
    if roster.gap > LARGE_GAP:
        message = f"the best roster may cost up to {share(roster.gap)} less"
        findings = (finding("roster-gap", "people", 1, message, [name]),)
    if shared := [person.name for person in persons if bookings.several(person.name)]:
        message = f"{name} shares {many(len(shared), 'person', 'people')} with other posts"
        findings = (*findings, finding("person-shared", "people", len(shared), message, shared))
    paid = float(np.append(problem.patterns.paid, 0.0)[roster.pattern].sum())
    return Rosters(name, lines, roster.cost, roster.gap, len(persons), paid, findings)


def _persons(people: KeyedTable, days: np.ndarray) -> tuple[Person, ...]:
    """The people of a roster. Raises SettingsError for weekdays that are none."""
    persons, of_days = [], weekday(days) + 1
    rows = zip(people.texts("person"), people.numbers("hours_week"), people.numbers("least_hours", 0.0),
               people.texts("days"), strict=True)  # fmt: skip
    for name, most, least, text in rows:
        chosen = text.replace(",", " ").split()
        if not set(chosen) <= set("1234567"):
            raise SettingsError(
                f"{people.where}: the days of {name} are '{text}'; expected weekdays, such as 1 2 3 4 5."
            )
        may = tuple(str(day) in chosen for day in of_days) if chosen else None
        persons.append(Person(name, 0.0 if np.isnan(most) else float(most), float(least), may))
    return tuple(persons)


def _weeks(days: np.ndarray) -> np.ndarray:
    """The week, from Monday, that each day belongs to: int64 [day]."""
    return np.asarray((days.astype("datetime64[D]").astype(np.int64) + 3) // 7)


def _lines(
    roster: Roster, problem: ShiftProblem, place: pl.DataFrame, days: np.ndarray, first: int, wage: float
) -> pl.DataFrame:
    """A line for each shift."""
    person, day = np.nonzero(roster.pattern >= 0)
    pattern = roster.pattern[person, day]
    paid = problem.patterns.paid[pattern]
    pauses = problem.patterns.end[pattern] - problem.patterns.begin[pattern] - paid
    texts = [f"{length:g} hours, break {pause:g}" for length, pause in zip(paid + pauses, pauses, strict=True)]
    return place[np.zeros(len(person), np.int64)].with_columns(
        resource=pl.Series([problem.people[row].name for row in person], dtype=pl.String),
        begins=pl.Series([_clock(first + hour) for hour in problem.patterns.begin[pattern]], dtype=pl.String),
        date=pl.Series(days[day]),
        action=pl.lit("shift"),
        unit=pl.lit("hours"),
        quantity=pl.Series(paid),
        unconstrained=pl.Series(paid),
        cost=pl.Series(paid * wage),
        reason=pl.Series(texts, dtype=pl.String),
        ends=pl.Series([_clock(first + hour) for hour in problem.patterns.end[pattern]], dtype=pl.String),
    )


def _clock(hours: float) -> str:
    return f"{int(hours):02d}:{round(hours % 1 * 60):02d}"
