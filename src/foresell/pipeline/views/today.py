"""The first page of a planner's day: may I plan with this, what changed, what is worst, what the next days bring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec
import numpy as np
import polars as pl

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Groups, level_name
from foresell.core.words import change_of, many, number
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.exceptions.deviations import Deviations, deviations
from foresell.pipeline.exceptions.outlook import Outlook, Window, earlier_forecast, outlook, period_words
from foresell.pipeline.exceptions.plan_exceptions import planned_kinds
from foresell.pipeline.exceptions.planning_exception import PlanningException
from foresell.pipeline.exceptions.sales_exceptions import sales_exceptions
from foresell.pipeline.plans.issue import FOLDER
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, ForecastSummary
from foresell.pipeline.views.verdict import Verdict, verdict
from foresell.store.tables import read_table

MOST_CHANGED = 10


class TodayQuery(msgspec.Struct, frozen=True):
    """What may be asked: a `level` of the hierarchy in words, a part of the names of its groups to `search`, the day
    that counts as `today` (by default that of this machine), and how many groups are listed at `most`, 0 for all."""

    level: str = ""
    search: str = ""
    today: date | None = None
    most: int = 1000


@dataclass(frozen=True)
class Today:
    """What stands on the page.

    - `verdict`: whether the newest results can be planned with, and why.
    - `changes`: what changed since the forecast and the plans before, in sentences. `changed`: the groups of the level
      whose forecast changed most: the key columns, ``forecast``, ``before``, ``change``.
    - `worst`: what lies outside what is usual, the largest first, at the level where it shows: id, level, group,
      sentence, units, money; `worst_note` says so where there is nothing, or nothing to tell it by. `places` has the
      key values by id.
    - `title`, `when`: the next periods in words. `table`: a row for each group of the level, the largest first: the key
      columns, ``units_ahead``, ``units_before``, ``change``, ``units_last_year``, ``change_of_year`` (relative to the
      sums, null where nothing is known); `keys` are its key columns by the column of the user; `more` is the number of
      groups that are not listed.
    - `days`: all sales by period: date, ``ahead``, ``before``, ``last_year``. `before` names the periods compared.
    - `level`, `levels`: what is shown, and what can be asked for. `sales_until`: the last period with sales.
    """

    verdict: Verdict
    changes: list[str]
    changed: pl.DataFrame
    worst: pl.DataFrame
    worst_note: str
    title: str
    when: str
    before: str
    last_year: str
    table: pl.DataFrame
    more: int
    days: pl.DataFrame
    level: str
    levels: list[str]
    keys: dict[str, str]
    places: dict[str, dict[str, str]]
    sales_until: date | None


def today(project: ForecastProject, query: TodayQuery) -> Today:
    """The first page, also of a project where nothing is done yet. Raises UsageError for a level that is none."""
    results = project.results
    is_read = results.find_summary(CheckSummary) is not None
    forecast = results.find_summary(ForecastSummary) if is_read else None
    ahead = None if forecast is None else outlook(results)
    seen = deviations(results) if is_read else None
    groups = _groups(results, query.level) if is_read else None
    worst = list(sales_exceptions(results, seen, ahead)) if is_read else []
    table = _table(ahead, groups) if ahead is not None and groups is not None else pl.DataFrame()
    found = _searched(table, groups, query.search)
    return Today(
        verdict=verdict(results, seen, query.today or datetime.now(UTC).astimezone().date()),
        changes=list(_changes(results, forecast, ahead)),
        changed=_changed(ahead, groups),
        worst=_worst(worst),
        worst_note="" if worst else _nothing_worst(seen),
        title="" if ahead is None else ahead.title,
        when="" if ahead is None else ahead.ahead.words,
        before=_words(None if ahead is None else ahead.before),
        last_year=_words(None if ahead is None else ahead.last_year),
        table=found.head(query.most) if query.most else found,
        more=max(found.height - query.most, 0) if query.most else 0,
        days=_days(ahead),
        level="" if groups is None else level_name(groups.level),
        levels=[level_name(level) for level in results.hierarchy.levels] if is_read else [],
        keys={} if groups is None else _key_columns(groups),
        places={one.id: dict(one.where) for one in worst},
        sales_until=results.panel.cutoff if is_read else None,
    )


def _groups(results: Results, name: str) -> Groups:
    """The groups of a level; without a name of the first one below the total."""
    levels = {level_name(level): level for level in results.hierarchy.levels}
    if name and name not in levels:
        raise UsageError(f"There is no level '{name}'; the levels are {', '.join(levels)}.")
    level = levels[name] if name else results.hierarchy.levels[1]
    return results.hierarchy.groups(results.panel.series, level)


_AMOUNTS = ("units_ahead", "units_before", "change", "units_last_year", "change_of_year", "forecast", "before")


def _key_columns(groups: Groups) -> dict[str, str]:
    """The columns of the table that name a group, by the column of the user."""
    return {key: f"{key}_key" if key in _AMOUNTS else key for key in groups.level}


def _named(groups: Groups) -> pl.DataFrame:
    frame = groups.frame if groups.level else pl.DataFrame({"total": ["all sales"]})
    return frame.rename(_key_columns(groups))


def _table(ahead: Outlook, groups: Groups) -> pl.DataFrame:
    """A row for each group, the largest forecast first."""
    sums = {
        "units_ahead": ahead.ahead.sums(groups),
        "units_before": _sums(ahead.before, groups),
        "units_last_year": _sums(ahead.last_year, groups),
    }
    table = _named(groups).with_columns(pl.Series(name, values).fill_nan(None) for name, values in sums.items())
    return (
        table.with_columns(
            change=_relative("units_ahead", "units_before"), change_of_year=_relative("units_ahead", "units_last_year")
        )
        .select(*_key_columns(groups).values() if groups.level else ["total"], *_AMOUNTS[:5])
        .sort("units_ahead", descending=True, nulls_last=True, maintain_order=True)
    )


def _sums(window: Window | None, groups: Groups) -> np.ndarray:
    return np.full(len(groups), np.nan) if window is None else window.sums(groups)


def _relative(now: str, then: str) -> pl.Expr:
    return pl.when(pl.col(then) > 0).then(pl.col(now) / pl.col(then) - 1)


def _searched(table: pl.DataFrame, groups: Groups | None, search: str) -> pl.DataFrame:
    """The groups one of whose keys has the text."""
    if groups is None or not search.strip() or not groups.level or table.is_empty():
        return table
    text = search.strip().lower()
    keys = _key_columns(groups).values()
    return table.filter(
        pl.any_horizontal(
            pl.col(key).cast(pl.String).str.to_lowercase().str.contains(text, literal=True) for key in keys
        )
    )


def _changed(ahead: Outlook | None, groups: Groups | None) -> pl.DataFrame:
    if ahead is None or groups is None or ahead.revised is None or ahead.earlier is None:
        return pl.DataFrame()
    sums = {
        "forecast": ahead.revised.sums(groups, beside=ahead.earlier),
        "before": ahead.earlier.sums(groups, beside=ahead.revised),
    }
    table = _named(groups).with_columns(pl.Series(name, values).fill_nan(None) for name, values in sums.items())
    difference = (pl.col("forecast") - pl.col("before")).abs()
    return (
        table.with_columns(change=_relative("forecast", "before"))
        .filter(difference > 0.5)
        .sort(difference, descending=True, maintain_order=True)
        .head(MOST_CHANGED)
    )


def _changes(results: Results, forecast: ForecastSummary | None, ahead: Outlook | None) -> Iterator[str]:
    if forecast is not None:
        yield _forecast_change(results, forecast, ahead)
        for kind in planned_kinds(results):
            yield _plan_change(results, kind)


def _forecast_change(results: Results, forecast: ForecastSummary, ahead: Outlook | None) -> str:
    before = earlier_forecast(results, forecast)
    if before is None:
        return "This is the first forecast that is kept, so there is none to compare it with."
    known = period_words(before.cutoff, results.panel.frequency)
    if ahead is None or ahead.revised is None or ahead.earlier is None:
        return f"The forecast before, of {known}, tells nothing of what lies ahead."
    now, then = (float(np.nansum(window.sums())) for window in (ahead.revised, ahead.earlier))
    return (
        f"{number(now)} units are forecast for {ahead.revised.words}, where the forecast of {known} said "
        f"{number(then)} ({change_of(now, then)})."
    )


def _plan_change(results: Results, kind: str) -> str:
    lines = read_table(results.root / FOLDER / f"{kind}.parquet", ["unit", "change"])
    known = lines.filter(pl.col("change").is_not_null())
    if known.is_empty():
        return f"The plan of {kind} is the first one that is kept, or shares no line with the one before."
    moved = known.filter(pl.col("change") != 0)
    if moved.is_empty():
        return f"The plan of {kind} is the same as the one before."
    units = moved["unit"].unique().to_list()
    unit = units[0] if len(units) == 1 else "units"
    more, less = (float(moved.filter(side)["change"].sum()) for side in (pl.col("change") > 0, pl.col("change") < 0))
    return (
        f"The plan of {kind} has changed in {many(moved.height, 'line')} of {lines.height:,}: {number(more)} {unit} "
        f"more, {number(-less)} less."
    )


def _worst(worst: list[PlanningException]) -> pl.DataFrame:
    text = dict.fromkeys(("id", "level", "group", "sentence"), pl.String)
    rows = [(one.id, one.level, one.group, one.sentence, one.units, one.money) for one in worst]
    return pl.DataFrame(rows, schema={**text, "units": pl.Float64, "money": pl.Float64}, orient="row")


def _nothing_worst(seen: Deviations | None) -> str:
    if seen is None:
        return (
            "No sales have come in yet for what was forecast, so nothing can be told. When they have, compare them "
            "with: foresell monitor"
        )
    if seen.stopped:
        return "Monitoring could not use the newest data, so nothing can be told."
    if not seen.monitored:
        return "No group sold a quarter more or less than was forecast. For smaller deviations run: foresell monitor"
    if seen.first is None:
        return "Too few sales have come in since the forecast to tell."
    return "No group lies outside what is usual of it."


def _words(window: Window | None) -> str:
    return "" if window is None else window.words


def _days(ahead: Outlook | None) -> pl.DataFrame:
    """All sales by period; the other windows stand beside the periods ahead that they are compared with."""
    if ahead is None:
        return pl.DataFrame()
    windows = {"ahead": ahead.ahead, "before": ahead.before, "last_year": ahead.last_year}
    columns = {name: _by_period(window, len(ahead.ahead.dates)) for name, window in windows.items()}
    return pl.DataFrame({"date": ahead.ahead.dates, **columns}).with_columns(pl.col(*windows).fill_nan(None))


def _by_period(window: Window | None, count: int) -> np.ndarray:
    if window is None:
        return np.full(count, np.nan)
    known = ~np.isnan(window.units)
    return np.where(known.any(axis=0), np.where(known, window.units, 0).sum(axis=0, dtype=np.float64), np.nan)
