"""A wide table: one row for each series, one column for each day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.dates.formats import as_texts, to_date
from foresell.core.errors import UsageError, first_five
from foresell.core.settings.data import ALL, ONE_SERIES
from foresell.data.files.input_files import find_files
from foresell.data.number_formats import to_number
from foresell.data.total_names import names_total_column
from foresell.data.wide_table import dates_in_year
from foresell.onboarding import series_keys, side_tables, unsold_rows
from foresell.onboarding.columns import ENOUGH, ValueKind, profile_columns, share
from foresell.onboarding.dates import frequency
from foresell.onboarding.dates.day_columns import dated_after_prefix, day_columns, year_columns
from foresell.onboarding.dates.periods import period_columns, propose_periods
from foresell.onboarding.file_overlap import row_ends, with_file_numbers
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import DAY
from foresell.onboarding.table_sample import ROW, TableSample, sample_table
from foresell.onboarding.table_settings import (
    check_names,
    propose_country,
    propose_frequency,
    propose_horizon,
    propose_levels,
    propose_text_format,
    propose_time_of_table,
)


def propose(draft: Draft, table: TableSample, overrides: Overrides) -> None:
    """All settings of a wide table. Raises UsageError where nothing says which dates its columns stand for."""
    check_names(table, replace(overrides, date=None, quantity=None))
    days, names = (
        _named_by_periods(draft, table)
        or _named_by_dates(draft, table, overrides)
        or _parts_of_years(draft, table, overrides)
        or _numbered(draft, table, overrides)
    )
    propose_text_format(draft, replace(table, frame=table.frame.select(ROW, *days[-9:])), overrides)
    table, names = _without_unsold_rows(draft, table, names, overrides)
    series = _series(draft, table, [name for name in names if not _is_total(draft, table, name, days)], overrides)
    without_days = replace(table, frame=table.frame.select(ROW, *names))
    joined = side_tables.propose(draft, without_days, series, lambda: _dates(draft, days, table), days)
    _time(draft, _dates(draft, days, table), overrides)
    propose_levels(draft, joined)
    propose_country(draft, joined, overrides, series)


Names = tuple[list[str], list[str]]  # of the columns for days or longer periods, and of all others


def _named_by_periods(draft: Draft, table: TableSample) -> Names | None:
    named = list(period_columns(draft, table.columns))
    return (named, _set_columns(draft, table, named, "name periods", None)) if named else None


def _named_by_dates(draft: Draft, table: TableSample, overrides: Overrides) -> Names | None:
    prefix, dated = dated_after_prefix(table.columns, overrides)
    if not dated:
        return None
    names = _set_columns(draft, table, dated[1], "are named by dates", prefix)
    draft.set("data.date_format", dated[0], f"reads names of columns such as {dated[1][0]}")
    _refuse_months_by_year(table, dated[0], names)
    return dated[1], names


def _parts_of_years(draft: Draft, table: TableSample, overrides: Overrides) -> Names | None:
    """Columns for the months, quarters or weeks of the year that another column gives."""
    parts = year_columns(table.frame.drop(ROW), overrides.date_format)
    if parts is None:
        return None
    what = parts.date_format.split()[1]
    if parts.year is None:
        raise UsageError(
            f"{table.name} has a column for each {what} ({first_five(parts.names)}), and none says of which year. Add "
            "a column 'year' with the year of each row."
        )
    names = _set_columns(draft, table, parts.names, f"stand for a {what} of the year in {parts.year}", "")
    draft.set("data.year", parts.year, f"the other columns stand for a {what} each")
    draft.set("data.date_format", parts.date_format, f"reads the year and names of columns such as {parts.names[0]}")
    if what == "week":
        draft.add_doubt("The weeks were taken for ISO weeks, which begin on Monday.")
    draft.assigned.add(parts.year)
    return parts.names, [name for name in names if name != parts.year]


def _numbered(draft: Draft, table: TableSample, overrides: Overrides) -> Names:
    numbered = day_columns(table.columns, overrides.day_prefix)
    if numbered is None:
        raise UsageError(
            f"{table.name} has no columns named by dates, nor a run of numbered day columns such as d_1, d_2. It has "
            f"{first_five(table.columns)}. Name such columns by their dates, as in 2024-01-31; say with --layout long "
            "that each row has a date; or leave --layout out."
        )
    return numbered[1], _set_columns(draft, table, numbered[1], "are numbered", numbered[0])


def _set_columns(draft: Draft, table: TableSample, days: list[str], named: str, prefix: str | None) -> list[str]:
    """Notes the layout and the beginning of the names of `days`; returns the other columns."""
    draft.set("data.layout", "wide", f"{len(days):,} columns {named}, from {days[0]} to {days[-1]}")
    if prefix is not None:
        draft.set("data.day_prefix", prefix, "what the names of the day columns begin with, before the number or date")
    return [name for name in table.columns if name not in days]


def _without_unsold_rows(
    draft: Draft, table: TableSample, names: list[str], overrides: Overrides
) -> tuple[TableSample, list[str]]:
    """The table without the rows that a column marks as other things than sales, and the columns that are left."""
    frame = table.frame.select(names)
    unsold = unsold_rows.propose(draft, frame, profile_columns(frame).values(), None, overrides)
    if not unsold.excluded:
        return table, names
    for name in unsold.excluded:
        draft.leave_out(name, "it marks rows that are no sales")
    return table.without(unsold.mask), [name for name in names if name not in unsold.excluded]


def _series(draft: Draft, table: TableSample, names: list[str], overrides: Overrides) -> pl.DataFrame:
    """The keys and attributes, from the columns that are no days; of all rows, if the files can be read to the end."""
    year = draft.data.get("year")
    names = [ROW, *names, *([year] if year else [])]
    frame = table.scan().select(names).collect() if table.can_scan and not table.whole else table.frame.select(names)
    # A series has one row in each file, where the files hold other dates.
    sample = with_file_numbers(frame, row_ends(table)) if len(table.files) > 1 else frame
    sample = sample.with_columns(pl.col(year or ROW).alias(DAY) if year else pl.lit(0).alias(DAY))
    frame = frame.drop(ROW, *([year] if year else []))
    names = frame.columns
    columns = [
        c for c in profile_columns(frame).values() if c.kind in (ValueKind.TEXT, ValueKind.NUMBER, ValueKind.FLAG)
    ]
    inferred = series_keys.infer_keys(sample, columns, timed=False) if overrides.keys is None else None
    keys = overrides.keys or (list(inferred.keys) if inferred else [])
    if not keys and series_keys.repeated(sample, []) == 0:
        keys, name = [ONE_SERIES], pl.lit(ALL).alias(ONE_SERIES)
        sample, frame = sample.with_columns(name), frame.with_columns(name)
    if not keys or series_keys.repeated(sample, keys) > 0:
        raise UsageError(
            f"In {table.name} no columns name one row each ({first_five(names) or 'there are no others'}). A wide "
            "table has one row for each series. Say which columns name it with --keys; where rows "
            "repeat others, take them out or add them up first."
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
    return frame.select([*keys, *attributes]).unique(keys, keep="first", maintain_order=True)


def _dates(draft: Draft, days: list[str], table: TableSample) -> np.ndarray:
    """The dates of the day columns, from the calendar or the columns' names."""
    if named := period_columns(draft, days):
        return np.array(sorted(named.values()), "datetime64[D]")
    if "year" in draft.data:
        return _dates_of_years(draft, days, table)
    if "date_format" not in draft.data:
        return _dates_of_calendar(draft, days, table)
    return _dates_of_names(draft, days)


def _time(draft: Draft, dates: np.ndarray, overrides: Overrides) -> None:
    """The frequency and the horizon, from the dates."""
    if tabled := propose_periods(draft, dates, "the columns"):
        return propose_time_of_table(draft, tabled, dates, overrides)
    period = propose_frequency(draft, frequency.infer_frequency(dates), overrides)
    return propose_horizon(draft, period, len(dates), overrides)


def _dates_of_years(draft: Draft, days: list[str], table: TableSample) -> np.ndarray:
    years = to_date(as_texts(table.frame[draft.data["year"]]).drop_nulls().unique(), "year").drop_nulls().sort()
    dates = [day for year in years for day in dates_in_year(days, year.year, draft.data["date_format"]).values()]
    return np.unique(np.array(dates, "datetime64[D]"))


def _dates_of_names(draft: Draft, days: list[str]) -> np.ndarray:
    texts = pl.Series(days).str.strip_prefix(draft.data["day_prefix"]).str.strip_chars()
    dates = to_date(texts, draft.data["date_format"])
    if dates.n_unique() < len(days):
        raise UsageError(
            f"{len(days) - dates.n_unique():,} of the columns {first_five(days)} stand for the same date as "
            f"another, as {draft.data['date_format']} reads their names. Name each date once, or correct --date-format."
        )
    return np.unique(dates.to_numpy().astype("datetime64[D]"))


def _is_total(draft: Draft, table: TableSample, name: str, days: list[str]) -> bool:
    """Whether a column adds up the day columns, in which case it is left out; by its name, or by its values."""
    decimal = draft.data.get("decimal", ".")
    numbers = _numbers(table.frame[name], decimal)
    if numbers.count() < max(table.frame[name].drop_nulls().len(), 1):
        return False
    sums = table.frame.select(pl.sum_horizontal(_numbers(table.frame[day], decimal).fill_null(0) for day in days))
    equal = share((numbers - sums.to_series()).abs() <= 0.001 * sums.to_series().abs() + 0.01) >= ENOUGH
    if equal or names_total_column(name):
        draft.leave_out(name, "it is the sum of the other columns" if equal else "its name says that it adds up others")
        return True
    return False


def _numbers(values: pl.Series, decimal: str) -> pl.Series:
    return to_number(values, decimal) if values.dtype == pl.String else values.cast(pl.Float64, strict=False)


def _refuse_months_by_year(table: TableSample, date_format: str, names: list[str]) -> None:
    """Raises UsageError for a table with a row for each month and a column for each year, which is one series."""
    for name in names if date_format == "year" else ():
        values = as_texts(table.frame[name]).drop_nulls()
        if len(values) >= 12 and to_date("2000 " + values, "year month").count() >= 12 and values.n_unique() <= 13:
            raise UsageError(
                f"{table.name} has a row for each month ('{name}': {first_five(values)}) and a column for each year. "
                "Lay it out with one row for each month of each year: the columns year, month and quantity."
            )


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
