"""Periods that no frequency has: those of a table that the user names, or of one that is made of the dates.

Such dates are those of a 4-4-5 calendar, of years of 52 and 53 weeks, or the half-years.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.calendars.period_table import PeriodTable
from foresell.core.dates.formats import as_texts
from foresell.core.errors import UsageError
from foresell.core.frequency import (
    WEEKDAYS,
    Frequency,
    month_ends,
    uneven_weeks,
    uneven_weeks_advice,
    weekday,
)
from foresell.data.column_conversion import Dialect, folded
from foresell.data.side_tables import read_periods
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ENOUGH, share
from foresell.onboarding.dates.parts import part_of
from foresell.onboarding.overrides import BY_HAND
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import TableSample

NAME = "periods.csv"  # the proposed table, beside the settings
HALF_YEAR = r"(?i)^(?:((?:19|20)\d\d)[-/ ]?[HS]([12])|[HS]([12])[-/ ]?((?:19|20)\d\d)|([12])[HS]((?:19|20)\d\d))$"
MONTHS = (2, 4, 6)  # periods of so many months are no frequency
FEWEST = 4  # fewer dates show no such periods
FEWEST_COLUMNS = 6  # fewer columns named by periods are no wide table


def named_periods(draft: Draft, path: str | None, table: TableSample, date_column: str | None) -> TableSample:
    """The sample with the first days of periods in place of their names, in the first of the columns that name them.

    The periods are those of the table at `path`, else half-years. `date_column` is what the user named. Raises
    UsageError, SettingsError and UnreadableFile where the table of periods cannot be used.
    """
    if path:
        draft.set("data.periods", path, BY_HAND)
        draft.periods = read_periods(path, Path(), Dialect())
    else:
        draft.periods = _half_years(table)
        draft.writes_periods = draft.periods is not None
        if draft.periods:
            draft.add_doubt(
                f"Half-years were taken to begin in January and July. If they do not, correct 'begin' in {NAME}."
            )
    days = draft.periods.names_to_days() if draft.periods else {}
    found = [columns for columns in _candidates(table, date_column) if _names_periods(table, columns, list(days))]
    if not found:
        return table
    columns = max(found, key=lambda names: (name_score(names[0], "date"), _texts(table, names).n_unique()))
    firsts = pl.Series(list(days.values()), dtype=pl.Date)
    dated = _texts(table, columns).replace_strict(list(days), firsts, default=None, return_dtype=pl.Date)
    draft.dated_by = columns
    return replace(table, frame=table.frame.with_columns(dated.alias(columns[0])), can_scan=False)


def _candidates(table: TableSample, date_column: str | None) -> list[tuple[str, ...]]:
    """The columns, alone or a year with another, whose texts may name periods: those that the user named, else all."""
    if date_column is not None:
        named = (date_column,) if date_column in table.columns else tuple(map(str.strip, date_column.split(",")))
        return [named] if set(named) <= set(table.columns) else []
    years = [name for name in table.columns if part_of(name) == "year"]
    parts = [name for name in table.columns if part_of(name) in ("week", "month", "quarter")]
    return [*((year, part) for year in years for part in parts), *((name,) for name in table.columns)]


def _texts(table: TableSample, columns: tuple[str, ...]) -> pl.Series:
    """The texts of the columns, joined by blanks, as names of periods are compared."""
    return folded(
        table.frame.select(pl.concat_str([as_texts(table.frame[name]) for name in columns], separator=" ")).to_series()
    )


def _names_periods(table: TableSample, columns: tuple[str, ...], names: list[str]) -> bool:
    types = table.frame.select(columns).dtypes
    if not names or not all(dtype == pl.String or dtype.is_integer() for dtype in types):
        return False
    texts = _texts(table, columns).drop_nulls()
    plain_numbers = len(texts) > 0 and texts[0].isdigit() and not name_score(columns[0], "date")
    return share(texts.is_in(names)) >= ENOUGH and not plain_numbers


def _half_years(table: TableSample) -> PeriodTable | None:
    """The half-years that a column or the columns of the sample name, such as 2024H1, and those of ten more years."""
    columns = [table.frame[name].drop_nulls().unique(maintain_order=True) for name in table.columns]
    named = [texts for texts in columns if texts.dtype == pl.String and len(texts) >= FEWEST]
    texts = next((texts for texts in named if share(texts.str.contains(HALF_YEAR)) >= ENOUGH), None)
    if texts is None:
        texts = pl.Series([name for name in table.columns if re.match(HALF_YEAR, name)], dtype=pl.String)
        if len(texts) < FEWEST_COLUMNS:
            return None
    matches = [match for match in (re.match(HALF_YEAR, text) for text in texts) if match]
    halves = [sorted(int(part) for part in match.groups() if part)[::-1] for match in matches]  # the year, and 1 or 2
    year, half = halves[0]
    pattern = re.sub(rf"{half}(?=\D*(?:\{{year\}}|$))", "{half}", matches[0][0].replace(str(year), "{year}"), count=1)
    first, last = min(halves), max(halves)
    ahead = [[y, h] for y in range(first[0], last[0] + 11) for h in (1, 2) if [y, h] >= first]
    begins = np.array([f"{y}-{6 * h - 5:02d}-01" for y, h in ahead], "datetime64[D]")
    return PeriodTable.of(begins, [pattern.format(year=y, half=h) for y, h in ahead])


def period_columns(draft: Draft, columns: list[str]) -> dict[str, date]:
    """The columns that are named by periods of the table in use, with their first days; empty where few are."""
    days = draft.periods.names_to_days() if draft.periods else {}
    named = {name: day for name in columns if (day := days.get(" ".join(name.split()).lower()))}
    return named if len(named) >= FEWEST_COLUMNS else {}


def propose_periods(draft: Draft, dates: np.ndarray, name: str) -> Frequency | None:
    """The frequency with its table of periods, where the user named one or the dates show one; else None.

    `dates` are those of the sales, whose columns are called `name`. Raises UsageError where they are of such periods
    and some are missing.
    """
    if draft.periods is None:
        _propose_table(draft, np.unique(dates.astype("datetime64[D]")), name)
    if draft.periods is None:
        return None
    return Frequency(draft.periods.letter).with_table(draft.periods)


def _propose_table(draft: Draft, days: np.ndarray, name: str) -> None:
    weeks, months = uneven_weeks(days) or _even_weeks(days), _even_months(days)
    if weeks:
        by_last_day, why = _are_last_days(days, name)
        begins = _begins_of_weeks(days, by_last_day)
        apart = " or ".join(map(str, weeks[:2])) + (" and more" if len(weeks) > 2 else "")
        found = f"{apart} weeks apart, as the periods of a calendar of weeks such as 4-4-5 do"
    elif months:
        by_last_day = bool(month_ends(days).all())
        firsts = days.astype("datetime64[M]") - (months - 1) * by_last_day
        begins = np.arange(firsts[0], firsts[-1] + 1, months).astype("datetime64[D]")
        why, found = "they are those of their months", f"{months} months apart"
    else:
        return
    try:
        draft.periods = PeriodTable.of(begins)
    except UsageError as error:
        raise UsageError(uneven_weeks_advice(days, name) or str(error)) from error
    draft.writes_periods = True
    which = "last" if by_last_day else "first"
    draft.add_doubt(
        f"The dates of {name} lie {found}. They were taken for the {which} days of periods ({why}). {NAME} "
        f"lists the periods; its rows after {days[-1]} continue as in the years before. Correct it where your calendar "
        "differs, as in a year of 53 weeks."
    )


def _even_weeks(days: np.ndarray) -> list[int]:
    """The weeks between dates that lie two or three weeks apart; empty for all other dates."""
    apart = np.diff(days).astype(np.int64)
    if len(days) < 2 * FEWEST or apart.min() not in (14, 21) or (apart % apart.min()).any():
        return []
    return [int(apart.min()) // 7] if (apart == apart.min()).mean() >= ENOUGH else []


def _even_months(days: np.ndarray) -> int:
    """The months between the first (or the last) days of months, where no frequency has so many; else 0."""
    if len(days) < FEWEST:
        return 0
    firsts = days == days.astype("datetime64[M]").astype("datetime64[D]")
    apart: np.ndarray = np.diff(days.astype("datetime64[M]").astype(np.int64))
    shortest = int(apart.min())
    even = shortest in MONTHS and not (apart % shortest).any() and (apart == shortest).mean() >= ENOUGH
    return shortest if even and (firsts.all() or month_ends(days).all()) else 0


def _are_last_days(days: np.ndarray, name: str) -> tuple[bool, str]:
    """Whether the dates end their periods, and why: by the name of their column, else by their weekday."""
    if re.search(r"end|fin", name.lower()):
        return True, "the name says so"
    if re.search(r"begin|start|first|anfang|debut|inicio", name.lower()):
        return False, "the name says so"
    of_week = WEEKDAYS[int(weekday(days[:1])[0])]
    return of_week in ("Friday", "Saturday"), f"they are {of_week}s"


def _begins_of_weeks(days: np.ndarray, by_last_day: bool) -> np.ndarray:
    """The first days of the periods that begin on `days`, or end on them; then the first is as long as one later."""
    lengths = np.diff(days).astype(np.int64)
    if not (lengths % lengths.min()).any():  # all are of one length, also those without sales
        days = np.arange(days[0], days[-1] + 1, lengths.min())
        return days + 1 - lengths.min() if by_last_day else days
    if not by_last_day:
        return days
    season = max(1, round(365.25 / lengths.mean()))
    first = lengths[season - 1] if len(lengths) >= season else int(np.median(lengths))
    return np.append(days[0] + 1 - first, days[:-1] + 1)


def extended(table: PeriodTable, count: int) -> PeriodTable:
    """The table with `count` more periods, each as long as most of those at its place in earlier years.

    >>> weeks = np.datetime64("2023-01-02") + 7 * np.cumsum([0, *[4, 4, 5] * 8])
    >>> np.diff(extended(PeriodTable(weeks), 3).begins[-4:]).astype(int).tolist()
    [28, 28, 35]
    """
    begins, season = table.begins, table.season
    months = begins.astype("datetime64[M]")
    apart = np.diff(months.astype(np.int64))
    if (begins == months.astype("datetime64[D]")).all() and len(set(apart.tolist())) == 1:
        more = months[-1] + apart[0] * np.arange(1, count + 1)
        return replace(table, begins=np.append(begins, more.astype("datetime64[D]")))
    lengths = np.diff(begins).astype(np.int64).tolist()
    for _ in range(count):
        alike = lengths[-season::-season] or [int(np.median(lengths))]
        lengths.append(min(set(alike), key=lambda days: (-alike.count(days), days)))
    return replace(table, begins=begins[0] + np.append(0, np.cumsum(lengths)))


def text_of(table: PeriodTable) -> str:
    """The table as a text file; ``days`` says how long each period is, for a look."""
    frame = pl.DataFrame({"begin": table.begins, "days": table.days_in(table.begins)})
    return (frame.with_columns(name=pl.Series(table.names)) if table.names else frame).write_csv()
