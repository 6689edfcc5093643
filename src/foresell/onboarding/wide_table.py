"""A wide table: one row for each series, one column for each day."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.data.files.input_files import find_files
from foresell.data.values import most_regular_format, to_date
from foresell.onboarding import frequency, series_keys, side_tables
from foresell.onboarding.columns import ValueKind, profile_columns
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import DAY
from foresell.onboarding.table_inference import (
    check_names,
    propose_country,
    propose_frequency,
    propose_horizon,
    propose_levels,
    propose_text_format,
)
from foresell.onboarding.table_sample import ROW, TableSample, sample_table

FEWEST_DAYS = 14  # fewer numbered columns may be attributes
FEWEST_DATES = 6  # fewer columns named by dates are no wide table
DATED = r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[./]\d{1,2}[./]\d{4}|(19|20)\d{6}"


def day_columns(columns: list[str], prefix: str | None = None) -> tuple[str, list[str]] | None:
    """The day columns and what their names begin with; None where the table is not wide.

    >>> prefix, days = day_columns(["item", *(f"d_{day}" for day in range(1, 31))])
    >>> prefix, len(days)
    ('d_', 30)
    """
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        if match := re.fullmatch(r"(.*?)(\d+)", name):
            numbered.setdefault(match[1], []).append((int(match[2]), name))
    if prefix is not None:
        numbered = {prefix: numbered.get(prefix, [])}
    best = max(numbered, key=lambda start: len(numbered[start]), default=None)
    if best is None or (prefix is None and len(numbered[best]) < FEWEST_DAYS):
        return None
    days = sorted(numbered[best])
    running = len(days) > 1 and days[-1][0] - days[0][0] == len(days) - 1
    return (best, [name for _, name in days]) if running else None


def dated_columns(columns: list[str]) -> list[str]:
    """Columns whose names are dates, where there are enough of them to be a wide table.

    >>> dated_columns(["item", *(f"2024-01-{day:02d}" for day in range(1, 31))])[:2]
    ['2024-01-01', '2024-01-02']
    """
    dated = [name for name in columns if re.fullmatch(DATED, name)]
    return dated if len(dated) >= FEWEST_DATES else []


def propose(draft: Draft, table: TableSample, overrides: Overrides) -> None:
    """All settings of a wide table. Raises UsageError where nothing says which dates its columns stand for."""
    check_names(table, replace(overrides, date=None, quantity=None))
    dated = [] if overrides.day_prefix else dated_columns(table.columns)
    prefix_and_days = ("", dated) if dated else day_columns(table.columns, overrides.day_prefix)
    if prefix_and_days is None:
        raise UsageError(
            f"{table.name} has no run of numbered day columns such as d_1, d_2. It has {first_five(table.columns)}. "
            "Say what they begin with by day_prefix, or set layout: long."
        )
    prefix, days = prefix_and_days
    named = "are named by dates" if dated else "are numbered"
    draft.set("data.layout", "wide", f"{len(days):,} columns {named}, from {days[0]} to {days[-1]}")
    draft.set("data.day_prefix", prefix, "what the names of the day columns begin with, before the number or date")
    names = [name for name in table.columns if name not in days]
    propose_text_format(draft, replace(table, frame=table.frame.select(ROW, *days[-9:])), overrides)
    series = _series(draft, table, names, overrides)
    without_days = replace(table, frame=table.frame.select(ROW, *names))
    joined = side_tables.propose(draft, without_days, series, days)
    _time(draft, days, table, overrides)
    propose_levels(draft, joined)
    propose_country(draft, joined, overrides, series)


def _series(draft: Draft, table: TableSample, names: list[str], overrides: Overrides) -> pl.DataFrame:
    """The keys and attributes, from the columns that are no days; of all rows, if the files can be read to the end."""
    frame = table.scan().select(names).collect() if table.can_scan and not table.whole else table.frame.select(names)
    columns = [
        c for c in profile_columns(frame).values() if c.kind in (ValueKind.TEXT, ValueKind.NUMBER, ValueKind.FLAG)
    ]
    sample = frame.with_columns(pl.lit(0).alias(DAY))
    inferred = series_keys.infer_keys(sample, columns, timed=False) if overrides.keys is None else None
    keys = overrides.keys or (list(inferred.keys) if inferred else [])
    if not keys or series_keys.repeated(sample, keys) > 0:
        raise UsageError(
            f"In {table.name} no columns name one row each ({', '.join(names)} were looked at). A wide table has one "
            "row for each series; say which columns name it with --keys."
        )
    draft.set("data.keys", keys, "no two rows have the same values in them" if inferred else BY_HAND)
    for doubt in inferred.doubts if inferred else []:
        draft.add_doubt(doubt, "keys")
    rest = [c for c in columns if c.name not in keys]
    attributes = overrides.attributes or [c.name for c in rest if 1 < c.distinct < frame.height]
    draft.set("data.attributes", attributes, "they describe a series" if attributes else "there are no other columns")
    for column in rest:
        if column.name not in attributes:
            draft.leave_out(column.name, "it has one value only" if column.distinct == 1 else "it numbers the rows")
    return frame.select([*keys, *attributes])


def _time(draft: Draft, days: list[str], table: TableSample, overrides: Overrides) -> None:
    """The frequency and the horizon, from the dates that the calendar or the columns' names give."""
    numbered = bool(draft.data["day_prefix"])
    dates = _dates_of_calendar(draft, days, table) if numbered else _dates_of_names(draft, days, overrides)
    period = propose_frequency(draft, frequency.infer_frequency(dates), overrides)
    propose_horizon(draft, period, len(dates), overrides)


def _dates_of_names(draft: Draft, days: list[str], overrides: Overrides) -> np.ndarray:
    names = pl.Series("day", days)
    column = profile_columns(names.to_frame(), date_format=overrides.date_format)["day"]
    if column.kind != ValueKind.DATE:
        raise UsageError(f"The columns {first_five(days)} look like dates, but no one format reads them all.")
    chosen = most_regular_format(column.formats, names)
    draft.set("data.date_format", chosen, f"reads names of columns such as {days[0]}")
    return np.unique(to_date(names, chosen).drop_nulls().to_numpy().astype("datetime64[D]"))


def _dates_of_calendar(draft: Draft, days: list[str], table: TableSample) -> np.ndarray:
    calendar = draft.data.get("calendar", {})
    if "day" not in calendar:
        raise UsageError(
            f"{table.name} has the day columns {days[0]} to {days[-1]}, but no table beside it says which dates they "
            "are. Put a calendar in the same folder: a column of dates and one with the names of the day columns."
        )
    rows = sample_table(find_files(calendar["path"], Path())).frame
    columns = profile_columns(rows)
    dated = pl.DataFrame({"day": rows[calendar["day"]], "date": columns[calendar["date"]].values})
    dates = dated.filter(pl.col("day").is_in(days))["date"].drop_nulls()
    return np.unique(dates.to_numpy().astype("datetime64[D]"))
