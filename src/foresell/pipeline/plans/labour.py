"""People, shifts and equipment for the units that a project expects to sell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.settings import LabourTables
from foresell.core.words import day, many, number, share
from foresell.data.supply.table_form import TableForm
from foresell.decide.codes import finding
from foresell.decide.labour.equipment import equipment_load
from foresell.decide.labour.erlang import agents_needed, answered
from foresell.decide.labour.staffing import LabourCosts, Staffing, staffing
from foresell.decide.labour.workload import peaks
from foresell.decide.plan import COMMON, Plan, common_form, sum_of
from foresell.pipeline.demand import ForecastProject, path_sampler
from foresell.pipeline.plans.labour_posts import (
    ANSWER_SECONDS,
    DRIVERS,
    EQUIPMENT,
    OVERTIME,
    SERVICE_LEVEL,
    SHORT,
    WAGE,
    Intervals,
    Posts,
    intervals,
    read_posts,
)
from foresell.pipeline.plans.rosters import DayWork, Rosters, rosters
from foresell.pipeline.results import Results

PATHS = 300

USUAL_PERIODS = 8
"""What is usual on a weekday, or in other periods, is the mean of so many of them."""

HIGH = 0.9
"""The column ``work_high`` is this quantile of the hours of work."""


@dataclass(frozen=True, kw_only=True)
class LabourPlan(Plan):
    """A plan of labour: a line for each post and interval, for equipment that is used, and for shifts.

    `rosters` are those of the places whose people are known.
    """

    rosters: tuple[Rosters, ...] = ()

    def details(self) -> dict[str, Any]:
        """The cost of each roster, and how far it may be from the best."""
        return {"rosters": [{"place": made.place, "cost": made.cost, "gap": made.gap} for made in self.rosters]}


def plan(project: ForecastProject, tables: LabourTables) -> LabourPlan:
    """The people that cost least by interval, the shifts of those who are known, and the load of equipment.

    Raises SettingsError where a table does not fit the series or is missing, UnreadableFile where one cannot be read,
    NotInstalled where people are given and the extra ``shifts`` is not installed.
    """
    if not tables.drivers and not tables.equipment:
        raise SettingsError(
            "Neither 'labour.drivers' nor 'labour.equipment' is given, so nothing says how much work a unit is. Give a "
            "table of units_an_hour by keys or attributes, such as department."
        )
    if tables.people and not tables.drivers:
        raise SettingsError(
            "'labour.people' is given without 'labour.drivers'. Give the units that a person does an hour."
        )
    _, sampler_for = path_sampler(project)
    results = project.results
    sampler = sampler_for(results.settings.seed)
    lines, findings = list[pl.DataFrame](), list[Finding]()
    made: tuple[Rosters, ...] = ()
    if tables.drivers:
        posts = read_posts(tables.drivers, results, DRIVERS, tables.by, "task", TableForm(decimal=tables.decimal))
        when = intervals(results, tables, posts.places)
        staff, work = _staff(posts, when, sampler, results)
        lines.append(staff)
        findings += [*posts.findings, *when.findings]
        if tables.people:
            made = rosters(work, posts, when, results, tables)
            lines += [roster.lines for roster in made]
            findings += [gap for roster in made for gap in roster.findings]
    if tables.equipment:
        form = TableForm(decimal=tables.decimal)
        pieces = read_posts(tables.equipment, results, EQUIPMENT, tables.by, "equipment", form)
        when = intervals(results, tables, pieces.places)
        lines.append(_equipment(pieces, when, sampler, results, tables))
        findings += [*pieces.findings, *(() if tables.drivers else when.findings)]
    table = pl.concat(lines, how="diagonal_relaxed")
    keys = [name for name in table.columns if name not in _COLUMNS]
    first = [*dict.fromkeys([*(key for key in keys if key not in _OWN_KEYS), *_OWN_KEYS])]
    formed = common_form(table.select(pl.col(first).cast(pl.String).fill_null("")), table.drop(keys))
    findings += _overloads(formed)
    return LabourPlan(
        kind="labour",
        lines=formed,
        headline=tuple(_headline(formed, made)),
        findings=tuple(findings),
        shown=("date", "action", "quantity", "unit", "money", "reason"),
        rosters=made,
    )


_OWN_KEYS = ("resource", "begins")

_COLUMNS = (
    *COMMON, "work_hours", "work_high", "short_hours", "short_probability", "times_usual", "peak_probability",
    "service_level", "there", "utilisation", "ends",
)  # fmt: skip


def _sums(sampler: SamplePaths, results: Results, places: pl.DataFrame) -> np.ndarray:
    """The units of places on each step of the paths: float64 [place, step, path]."""
    groups = results.hierarchy.groups(results.panel.series, _level(places))
    n_steps = sampler.mean.shape[1]
    (sums,) = sampler.sums([groups], [slice(step, step + 1) for step in range(n_steps)], PATHS)
    return sums.astype(np.float64)


def _level(places: pl.DataFrame) -> tuple[str, ...]:
    return () if places.columns == ["total"] else tuple(places.columns)


def _staff(posts: Posts, when: Intervals, sampler: SamplePaths, results: Results) -> tuple[pl.DataFrame, list[DayWork]]:
    """The lines of people, and the work of each post for shifts."""
    units, usual = _sums(sampler, results, posts.places), _usual(results, posts.places)
    rates = _Rates.of(posts, when)
    frames, work = [], []
    for post, place in enumerate(posts.place):
        hours = (units[place] / posts.rate[post]).T  # [path, step]
        cells = _Cells.of(hours, when, int(place), results)
        costs = rates.costs(post, len(cells.step))
        result, unconstrained, level = rates.staffing(post, cells.hours, costs, when.hours)
        times, probability = peaks(hours[:, None, :], usual[place, None] / posts.rate[post])
        binds = np.where(result.people < unconstrained, "most", np.where(result.people > unconstrained, "least", ""))
        name = posts.table.texts("task")[posts.row[post]] or "people"
        frame = cells.frame(posts, post, name).with_columns(
            action=pl.lit("staff"),
            unit=pl.lit("people"),
            quantity=pl.Series(result.people.astype(np.float64)),
            unconstrained=pl.Series(unconstrained.astype(np.float64)),
            money=pl.Series(costs.of_short_hours(cells.hours).mean(axis=0) - result.cost),
            cost=pl.Series(costs.wage * when.hours * result.people),
            binds=pl.Series(binds),
            shadow_price=_known(np.where(binds == "most", result.shadow_price, np.nan)),
            assumed=pl.lit(rates.assumed[post]),
            **cells.work(),
            short_hours=pl.Series(result.short_hours),
            short_probability=pl.Series(result.short_probability),
            times_usual=_known(times[0, cells.step]),
            peak_probability=_known(probability[0, cells.step]),
            service_level=_known(level),
        )
        frames.append(frame.with_columns(_reason(when.hours)))
        work.append(DayWork(post, cells.step, cells.hour, cells.hours, costs))
    return pl.concat(frames, how="vertical_relaxed"), work


@dataclass(frozen=True)
class _Rates:
    """What the table of drivers says of the posts, with what is assumed where it does not: [post] each."""

    wage: np.ndarray
    overtime: np.ndarray
    overtime_hours: np.ndarray
    short: np.ndarray
    least: np.ndarray
    most: np.ndarray
    handling: np.ndarray
    answer: np.ndarray
    target: np.ndarray
    assumed: list[str]

    @classmethod
    def of(cls, posts: Posts, when: Intervals) -> _Rates:
        """The rates. Raises SettingsError for a service desk in days that have no hours."""
        handling = posts.number("handling_seconds", np.nan)
        if (handling > 0).any() and when.of_days:
            raise SettingsError(
                f"{posts.table.where} has a service desk, whose queue is one of hours, and days have none. Give "
                "'labour.profile', or forecast hours."
            )
        least, most = posts.number("least", 0.0), posts.number("most", np.inf)
        if (least > most).any():
            post = int(np.flatnonzero(least > most)[0])
            raise SettingsError(
                f"{posts.table.where} asks for at least {least[post]:g} people where there are at most {most[post]:g}. "
                "Correct 'least' or 'most'."
            )
        for name, limits in (("least", least), ("most", most[np.isfinite(most)])):
            if (limits % 1 != 0).any():
                raise SettingsError(
                    f"{posts.table.where} has {limits[limits % 1 != 0][0]:g} people as '{name}'; expected "
                    "whole numbers."
                )
        wage = posts.number("wage", WAGE)
        short = posts.number("short", np.nan)
        cheap = np.flatnonzero((wage <= 0) | (short <= wage))
        if len(cheap):
            first = int(cheap[0])
            raise SettingsError(
                f"{posts.table.where}: a wage of {wage[first]:g} and {short[first]:g} for an hour of work without a "
                "person, so nobody would ever be worth the wage. Give a wage above 0, and a higher 'short', or leave "
                f"'short' out, which is then {SHORT:g} wages."
            )
        # Where only 'short' is given, hours of overtime that are not given must not cost more.
        overtime = posts.number("overtime", np.fmin(wage * OVERTIME, short))
        return cls(
            wage,
            overtime,
            posts.number("overtime_hours", 0.0),
            np.where(np.isnan(short), np.maximum(wage * SHORT, overtime), short),
            least,
            most,
            handling,
            posts.number("answer_seconds", ANSWER_SECONDS),
            posts.number("service_level", SERVICE_LEVEL),
            posts.assumed(("wage", "short")),
        )

    def costs(self, post: int, n_cells: int) -> LabourCosts:
        """What an hour costs in the cells of a post."""
        return LabourCosts.of(
            n_cells,
            wage=self.wage[post],
            overtime=self.overtime[post],
            short=self.short[post],
            overtime_hours=self.overtime_hours[post],
        )

    def staffing(
        self, post: int, hours: np.ndarray, costs: LabourCosts, interval_hours: float
    ) -> tuple[Staffing, np.ndarray, np.ndarray]:
        """The people of a post, how many there would be without limits, and at a service desk the share that is
        answered in time, NaN elsewhere: [cell] each."""
        least, most = self.least[post], self.most[post]
        if not self.handling[post] > 0:
            result = staffing(hours, costs, interval_hours, least=least, most=most)
            return result, result.unconstrained, np.full(hours.shape[1], np.nan)
        traffic = hours / interval_hours
        promise = {"handling_seconds": self.handling[post], "answer_seconds": self.answer[post]}
        needed, _ = agents_needed(traffic, target=self.target[post], **promise)
        people = np.clip(needed, min(least, most), most).astype(np.int64)
        result = staffing(hours, costs, interval_hours, least=people, most=people)
        return replace(result, shadow_price=np.full(len(people), np.nan)), needed, answered(traffic, people, **promise)


def _known(values: np.ndarray) -> pl.Series:
    """A column whose NaN is not known."""
    return pl.Series(values).fill_nan(None)


def _reason(interval_hours: float) -> pl.Expr:
    work = pl.col("work_hours") / interval_hours
    parts = [
        ("work", work),
        ("for the range", pl.col("unconstrained") - work),
        ("limit", pl.col("quantity") - pl.col("unconstrained")),
    ]
    return sum_of(parts).alias("reason")


@dataclass(frozen=True)
class _Cells:
    """The intervals of one place: `step` and `hour` (-1 where days have none) int64 [cell], `hours` of work float64
    [path, cell], and the `dates` of the steps."""

    step: np.ndarray
    hour: np.ndarray
    hours: np.ndarray
    dates: np.ndarray

    @classmethod
    def of(cls, hours: np.ndarray, when: Intervals, place: int, results: Results) -> _Cells:
        """The cells of the `hours` [path, step] of a place."""
        dates = results.panel.ahead(hours.shape[1])
        steps = np.arange(hours.shape[1])
        if when.shares is not None:
            step, hour = np.nonzero(when.shares[place] > 0)
            return cls(step, hour, hours[:, step] * when.shares[place][step, hour], dates)
        if when.of_days:
            return cls(steps, np.full(len(steps), -1), hours, dates)
        return cls(
            steps, (dates - dates.astype("datetime64[D]")).astype("timedelta64[h]").astype(np.int64), hours, dates
        )

    def work(self) -> dict[str, pl.Series]:
        """The columns of the hours of work."""
        high = np.quantile(self.hours, HIGH, axis=0)
        return {"work_hours": pl.Series(self.hours.mean(axis=0)), "work_high": pl.Series(high)}

    def frame(self, posts: Posts, post: int, resource: str) -> pl.DataFrame:
        """The keys of the lines, and their days."""
        place = posts.places[np.full(len(self.step), posts.place[post])]
        begins = ["" if hour < 0 else f"{hour:02d}:00" for hour in self.hour]
        days = self.dates[self.step].astype("datetime64[D]")
        return place.with_columns(
            resource=pl.lit(resource), begins=pl.Series(begins, dtype=pl.String), date=pl.Series(days)
        )


def _usual(results: Results, places: pl.DataFrame) -> np.ndarray:
    """The units that are usual on each step: those of the last periods, of days those of the same weekday, of hours
    those of the same hour of the week. float64 [place, step], NaN where too little is known."""
    panel: Panel = results.panel
    groups = results.hierarchy.groups(panel.series, _level(places))
    units = groups.sum(np.nan_to_num(panel.units[:, : panel.n_days]))
    season = round(7 / panel.frequency.days) if panel.frequency in (Frequency.HOUR, Frequency.DAY) else 1
    steps, back = np.arange(results.settings.horizon), season * USUAL_PERIODS
    if units.shape[1] < back:
        return np.full((len(groups), len(steps)), np.nan)
    by_season = units[:, -back:].reshape(len(groups), USUAL_PERIODS, season).mean(axis=1)
    return np.asarray(by_season[:, steps % season])


def _equipment(
    pieces: Posts, when: Intervals, sampler: SamplePaths, results: Results, tables: LabourTables
) -> pl.DataFrame:
    """The lines of equipment."""
    units, there = _sums(sampler, results, pieces.places), pieces.number("pieces", 0.0)
    frames = []
    for post, place in enumerate(pieces.place):
        cells = _Cells.of((units[place] / pieces.rate[post]).T, when, int(place), results)
        load = equipment_load(cells.hours, np.full(len(cells.step), there[post]), when.hours, tables.accepted_overload)
        needed = load.needed.astype(np.float64)
        more = np.maximum(needed - there[post], 0)
        reasons = [f"needed {number(count)}, there are {number(there[post])}" for count in needed]
        frame = cells.frame(pieces, post, pieces.table.texts("equipment")[pieces.row[post]]).with_columns(
            action=pl.Series(np.where(more > 0, "add", "none")),
            unit=pl.lit("pieces"),
            quantity=pl.Series(more),
            unconstrained=pl.Series(more),
            reason=pl.Series(reasons, dtype=pl.String),
            **cells.work(),
            short_hours=pl.Series(load.overload_hours),
            short_probability=pl.Series(load.overload_probability),
            there=pl.lit(float(there[post])),
            utilisation=_known(np.where(np.isfinite(load.utilisation), load.utilisation, np.nan)),
        )
        frames.append(frame)
    return pl.concat(frames, how="vertical_relaxed")


def _overloads(lines: pl.DataFrame) -> list[Finding]:
    """A finding of the equipment that would be short."""
    if "there" not in lines.columns:
        return []
    short = lines.filter(pl.col("action") == "add")
    if not short.height:
        return []
    examples = [f"{row['resource']} on {day(row['date'])}" for row in short.head(5).iter_rows(named=True)]
    return [
        finding("equipment-short", "equipment", short.height, f"{many(short.height, 'interval')} are short", examples)
    ]


def _headline(lines: pl.DataFrame, made: tuple[Rosters, ...]) -> list[str]:
    """What comes of the plan, in sentences."""
    staff = lines.filter(pl.col("action") == "staff")
    sentences = []
    if staff.height:
        work, short, wages = (float(staff[name].sum()) for name in ("work_hours", "short_hours", "cost"))
        first, last = staff["date"].sort()[0], staff["date"].sort()[-1]
        sentences.append(
            f"From {day(first)} to {day(last)}: {number(work)} hours of work are expected. People for it cost "
            f"{number(wages)}, and {share(short / work if work else 0.0)} of the work is expected to have nobody."
        )
        tight = staff.filter(pl.col("binds") == "most")
        if tight.height:
            sentences.append(f"In {many(tight.height, 'interval')} there are fewer people than would cost least.")
        sentences += _peaks(staff)
    for roster in made:
        sentences.append(roster.sentence())
    added = lines.filter(pl.col("action") == "add")
    if added.height:
        sentences.append(
            f"Equipment would be short in {many(added.height, 'interval')}, see the column short_probability."
        )
    elif "there" in lines.columns:
        sentences.append("The equipment that is there is enough in every interval.")
    names = sorted({name for row in lines["assumed"].unique() for name in row.split(", ") if name})
    if names:
        sentences.append(
            f"Assumed where not given: {', '.join(names)} (a wage of {WAGE:g} an hour; an hour short costs "
            f"{SHORT:g} wages)."
        )
    return sentences


def _peaks(staff: pl.DataFrame) -> list[str]:
    """The days that are probably peaks."""
    days = (
        staff.filter(pl.col("peak_probability") >= 0.5).group_by("date").agg(pl.col("times_usual").max()).sort("date")
    )
    if not days.height:
        return []
    named = [f"{day(row[0])} ({row[1]:.1f} times)" for row in days.head(3).iter_rows()]
    more = f" and {days.height - 3} more" if days.height > 3 else ""
    return [f"Peaks, with more work than is usual on such a day somewhere: {', '.join(named)}{more}."]
