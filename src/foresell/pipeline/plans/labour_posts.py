"""The posts of a plan of labour: who works where at what, how fast, and how a day spreads over its hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, weekday
from foresell.core.panel import Panel
from foresell.core.settings import LabourTables
from foresell.core.words import many
from foresell.data.cube.cells import key_texts
from foresell.data.cube.series_labels import labels_of
from foresell.data.supply.keyed_table import Columns, KeyedTable, read_keyed
from foresell.data.supply.table_form import TableForm
from foresell.decide.codes import finding
from foresell.decide.labour.workload import shares_of_intervals
from foresell.pipeline.results import Results

WAGE, OVERTIME, SHORT = 20.0, 1.5, 3.0
"""The assumed wage of an hour, and what an hour of overtime and one of being short cost, in wages."""

ANSWER_SECONDS, SERVICE_LEVEL = 20.0, 0.8
"""The assumed promise of a service desk."""

HOURS = 24

_NUMBERS = (
    "units_an_hour", "wage", "overtime", "overtime_hours", "short", "least", "most", "handling_seconds",
    "answer_seconds", "service_level",
)  # fmt: skip
DRIVERS = Columns(numbers=_NUMBERS, texts=("task",), not_negative=_NUMBERS)
EQUIPMENT = Columns(
    numbers=("units_an_hour", "pieces"), texts=("equipment",), required=("equipment", "units_an_hour", "pieces"),
    not_negative=("units_an_hour", "pieces"),
)  # fmt: skip
PROFILE = Columns(numbers=("hour", "share", "weekday"), required=("hour", "share"), not_negative=("share",), whole=True)


@dataclass(frozen=True)
class Intervals:
    """When work is done: `hours` is the length of an interval; `of_days` that days have no hours, and then a person
    works `hours` of them. `shares` [place, step, hour] spread the work of days over their hours, where there is a
    profile."""

    hours: float
    of_days: bool
    shares: np.ndarray | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Posts:
    """The rows of a table of rates, each at every place that it is about; [post] each.

    - `places`: the table of places; `place`, `row`: their numbers in it and in `table`.
    - `rate`: units an hour.
    """

    table: KeyedTable
    places: pl.DataFrame
    place: np.ndarray
    row: np.ndarray
    rate: np.ndarray
    findings: list[Finding] = field(default_factory=list)

    def number(self, name: str, default: float | np.ndarray) -> np.ndarray:
        """A number of each post; the default where the table does not say."""
        values = self.table.numbers(name)[self.row]
        return np.where(np.isnan(values), default, values)

    def assumed(self, names: tuple[str, ...]) -> list[str]:
        """Which of the numbers each post has by default, joined by commas."""
        missing = {name: np.isnan(self.table.numbers(name)[self.row]) for name in names}
        return [", ".join(name for name in names if missing[name][post]) for post in range(len(self.row))]


def read_posts(path: str, results: Results, columns: Columns, by: tuple[str, ...], name: str, form: TableForm) -> Posts:
    """The posts of the table at `path`; `name` is its column that tells rows about one place apart.

    Raises SettingsError for rows of one place and name, for a missing rate, and for columns `by` that there are not.
    """
    series = results.panel.series
    unknown = [column for column in by if column not in series.columns]
    if unknown:
        raise SettingsError(
            f"'labour.by' names {first_five(unknown)}; the series have {', '.join(series.columns)}. Take one of these."
        )
    table = read_keyed(path, Path(results.base), results.settings.data, series.columns, columns, form)
    table.require_distinct(name)
    level = tuple(dict.fromkeys((*by, *table.keys)))
    places = results.hierarchy.groups(series, level).frame
    findings = [*table.doubts, *table.unmatched(places)]
    rate = _rates(table)
    if (wrong := ~(rate > 0)).any():
        message = f"{many(int(wrong.sum()), 'row')} without units_an_hour above 0"
        findings.append(finding("driver-invalid", table.where, int(wrong.sum()), message))
        table, rate = table.only(~wrong), rate[~wrong]
    place, row = _pairs(table, places)
    without = np.setdiff1d(np.arange(places.height), place)
    if len(without) and columns is DRIVERS:
        message = f"{many(len(without), 'place')} with sales have no row, so nobody is planned there"
        findings.append(finding("driver-missing", table.where, len(without), message, key_texts(places[without])))
    if not len(place):
        names = first_five(key_texts(places.select(table.keys).unique(maintain_order=True)))
        raise SettingsError(
            f"No row of {table.where} is about series that are forecast. Write {', '.join(table.keys)} as in the "
            f"sales, such as {names}."
        )
    return Posts(table, places, place, row, rate[row], findings)


def _pairs(table: KeyedTable, places: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a place and a row that is about it: two int64 [post]."""
    rows = labels_of(table.frame, table.keys).with_row_index("__row")
    of_places = labels_of(places, table.keys).with_row_index("__place")
    keys = [name for name in rows.columns if name != "__row"]
    pairs = of_places.join(rows, on=keys, how="inner", nulls_equal=True).sort("__place", "__row")
    return pairs["__place"].to_numpy().astype(np.int64), pairs["__row"].to_numpy().astype(np.int64)


def _rates(table: KeyedTable) -> np.ndarray:
    """Units an hour of each row, NaN or 0 where there are none; at a service desk those that one person can answer.

    Raises SettingsError where no row has any.
    """
    rate = table.numbers("units_an_hour")
    handling = table.numbers("handling_seconds")
    other = np.flatnonzero((handling > 0) & (np.abs(rate * handling - 3600) > 36))
    if len(other):
        raise SettingsError(
            f"{table.where} has {many(len(other), 'row')} whose units_an_hour and handling_seconds disagree: rows "
            f"{first_five(other + 1)}. At a service desk units are calls, and a person answers 3600 / "
            "handling_seconds of them in an hour. Leave units_an_hour blank there."
        )
    rate = np.where(np.isnan(rate) & (handling > 0), 3600 / np.where(handling > 0, handling, 1), rate)
    wrong = np.flatnonzero(~(rate > 0))
    if len(wrong) == len(rate):
        raise SettingsError(
            f"{table.where} has {many(len(wrong), 'row')} without units_an_hour above 0: rows {first_five(wrong + 1)}. "
            "Give the units that one person or piece does in an hour, or the handling_seconds of a service desk."
        )
    return rate


def intervals(results: Results, tables: LabourTables, places: pl.DataFrame) -> Intervals:
    """When work is done: the hours of an hourly forecast, those of a profile, or days, weeks and months as a whole.

    Raises SettingsError for a profile that is not about all places, or that nothing can be spread with.
    """
    panel = results.panel
    if panel.frequency == Frequency.HOUR:
        unused = finding("profile-unused", str(tables.profile), 1, "the forecast is of hours already")
        return Intervals(1.0, of_days=False, findings=(unused,) if tables.profile else ())
    working_days = panel.frequency.days if panel.frequency.days <= 1 else panel.frequency.days * 5 / 7
    if not tables.profile:
        return Intervals(tables.hours_a_day * working_days, of_days=True)
    if panel.frequency != Frequency.DAY:
        raise SettingsError(
            f"'labour.profile' spreads days over their hours, and the forecast is by {panel.frequency.noun}. Take it "
            "out, "
            "or forecast days."
        )
    form = TableForm(decimal=tables.decimal)
    table = read_keyed(tables.profile, Path(results.base), results.settings.data, places.columns, PROFILE, form)
    shares = _profile(table, places, panel, results.settings.horizon)
    return Intervals(1.0, of_days=False, shares=shares, findings=table.doubts)


def _profile(table: KeyedTable, places: pl.DataFrame, panel: Panel, horizon: int) -> np.ndarray:
    """The shares of the hours of each day: float64 [place, step, hour]."""
    table.require_distinct("hour", "weekday")
    hour, day = table.numbers("hour"), table.numbers("weekday")
    if not (np.isin(hour, np.arange(HOURS)).all() and (np.isnan(day) | np.isin(day, np.arange(1, 8))).all()):
        raise SettingsError(f"{table.where} has an hour that is not 0 to 23, or a weekday that is not 1 (Monday) to 7.")
    weights = np.zeros((places.height, 7, HOURS))
    for row in range(table.frame.height):
        about = table.only(np.array([row])).rows_of(places) == 0
        days = slice(None) if np.isnan(day[row]) else slice(int(day[row]) - 1, int(day[row]))
        weights[about, days, int(hour[row])] += np.nan_to_num(table.numbers("share")[row])
    of_steps = weights[:, weekday(panel.ahead(horizon))]
    without = np.flatnonzero((of_steps.sum(axis=2) <= 0).any(axis=1))
    if len(without):
        raise SettingsError(
            f"{table.where} has no share above 0 on some day for {first_five(key_texts(places[without]))}. Give the "
            "shares "
            "of each weekday, or rows without one."
        )
    return shares_of_intervals(of_steps)
