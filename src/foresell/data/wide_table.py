"""Reads the wide layout: one row for each series, one column for each day, as in the M5 competition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from foresell.core.dates.formats import to_date
from foresell.core.errors import FindingsStop, first_five
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_anchor, period_index, period_name, period_range
from foresell.core.settings import Data, Settings
from foresell.core.settings.data import ALL, ONE_SERIES
from foresell.data.column_conversion import BAD_SCHEMA, FILE, ROW, ColumnKind, Dialect, InputColumn, bad_rows
from foresell.data.cube.assembly import bad_row_entries, no_sales_error
from foresell.data.cube.cells import Cube, as_text, fold_periods
from foresell.data.cube.partial_periods import partial_period_findings, whole_period_bounds
from foresell.data.files.input_files import InputFile
from foresell.data.files.repeated_names import require_distinct
from foresell.data.finding_codes import finding
from foresell.data.sales_rows import (
    KnownKeys,
    SalesRows,
    ShareReport,
    marked_rows,
    with_same_types,
    without_unknown_keys,
)
from foresell.data.typed_tables import header_of, infer_date_format, read_parts, require_columns

POSITION = "__position"
YEAR = "__year"  # the first day of the year that a row is about


def day_columns(file: InputFile, data: Data, dialect: Dialect, labels: dict[str, date]) -> dict[str, date]:
    """The day columns of `file` with their dates, from the calendar's `labels`, the names of periods or their own.

    Raises FindingsStop where the file has no day columns, or one of them has no date.
    """
    names = header_of(file, dialect)
    keys = [] if data.keys == (ONE_SERIES,) else data.keys
    require_columns(names, [*keys, *data.attributes], file)
    require_distinct((name for name in names if name not in data.attributes), file.name)
    fixed = {*data.keys, *data.attributes}
    periods = {name: day for name in names if (day := dialect.period_names.get(" ".join(name.split()).lower()))}
    if periods:
        return {name: day for name, day in periods.items() if name not in fixed}
    columns = [name for name in names if name.startswith(data.day_prefix) and name not in fixed]
    if not labels and columns:
        texts = pl.Series([name.removeprefix(data.day_prefix) for name in columns])
        dates = to_date(texts, data.date_format or infer_date_format(texts))
        labels = {name: day for name, day in zip(columns, dates, strict=True) if day is not None}
        columns = list(labels) or columns
    dateless = [name for name in columns if name not in labels]
    if columns and not dateless:
        return {name: labels[name] for name in columns}
    message = f"{len(dateless)} day columns of {file.name} have no date: {first_five(dateless)}"
    if not columns:
        message = f"{file.name} has no day columns (beginning with '{data.day_prefix}'); it has {first_five(names)}"
    stop = finding("unknown-days", file.name, len(dateless) or len(names), message, dateless)
    raise FindingsStop(f"{message}. {stop.advice}", (stop,))


def read_wide_table(
    files: Sequence[InputFile],
    settings: Settings,
    frequency: Frequency,
    dialect: Dialect,
    labels: dict[str, date],
    known_keys: Sequence[KnownKeys] = (),
    *,
    today: date,
    report_share: ShareReport = lambda share: None,
) -> tuple[SalesRows, Cube]:
    """All series of `files`: the rows (keys, attributes, FILE and ROW, no units) and the cube of their units.

    Raises UnreadableFile, and FindingsStop where columns are missing or nothing was sold.
    """
    data = settings.data
    dialect = replace(dialect, date_format="year") if data.year else dialect
    columns_of_files = [_columns_of_years(file, data, dialect, labels) for file in files]
    days = sorted({day for years in columns_of_files for columns in years.values() for day in columns.values()})
    axis = np.array([day for day in days if day <= today], "datetime64[D]")
    after_today = [day for day in days if day > today]
    frames, blocks, bad, count = [], [], [], 0
    marked = marked_rows(files, data, dialect)
    for number, file in enumerate(files):
        years = columns_of_files[number]
        names = list(dict.fromkeys(name for dates in years.values() for name, day in dates.items() if day <= today))
        added = [InputColumn(name, ColumnKind.TEXT) for name in marked.columns]
        added += [InputColumn(data.year, ColumnKind.DATE)] if data.year else []
        for part in read_parts(file, [*_columns(data, names, file, dialect), *added], dialect):
            sales = marked.applied(_with_key(part.frame, data), names).drop(marked.columns)
            bad.append(part.bad.with_columns(pl.lit(number, pl.UInt16).alias(FILE)))
            for year, dates in years.items():
                of_year = {name: day for name, day in dates.items() if day <= today}
                rows_of_year = sales.filter(pl.col(data.year) == year).drop(data.year) if data.year else sales
                frame, values, faults = _validate(rows_of_year, names, list(of_year), known_keys)
                columns = np.searchsorted(axis, np.array(list(of_year.values()), "datetime64[D]"))
                blocks.append(_align_days(values, columns, len(axis)))
                frames.append(
                    frame.with_columns(pl.lit(number, pl.UInt16).alias(FILE), pl.lit(year, pl.Date).alias(YEAR))
                )
                bad.append(faults.with_columns(pl.lit(number, pl.UInt16).alias(FILE)))
            count += part.rows
            report_share((number + part.share) / len(files))
    frame = pl.concat(with_same_types(frames)) if frames else pl.DataFrame()
    rows = SalesRows(frame, pl.DataFrame(), pl.concat(bad) if bad else pl.DataFrame(), count)
    rows.marking_columns, rows.findings = marked.columns, marked.findings(data.sales)
    if rows.frame.is_empty() or not len(axis):
        raise no_sales_error(rows, data.sales, f"{data.day_prefix}…")
    cube = _cube(rows, blocks, axis, settings, frequency)
    if after_today:
        message = f"{len(after_today)} day columns lie after today and are left out"
        cube.findings.append(finding("future-dates", data.sales, len(after_today), message, after_today))
    return rows, cube


def _align_days(values: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    """The `values` [row, day column] of a file as [row, day of all files]; NaN for days without a column."""
    if len(columns) == width and (np.diff(columns) > 0).all():
        return values
    block = np.full((len(values), width), np.nan, np.float32)
    block[:, columns] = values
    return block


def _columns_of_years(
    file: InputFile, data: Data, dialect: Dialect, labels: dict[str, date]
) -> dict[date | None, dict[str, date]]:
    """The day columns of each year in the file, by its first day, with their dates; without years by None.

    Raises FindingsStop where the file has no such columns.
    """
    if not data.year:
        return {None: day_columns(file, data, dialect, labels)}
    years: set[date] = set()
    for part in read_parts(file, [InputColumn(data.year, ColumnKind.DATE)], dialect):
        years |= set(part.frame[data.year].unique())
    names = [name for name in header_of(file, dialect) if name not in (data.year, *data.keys, *data.attributes)]
    columns: dict[date | None, dict[str, date]] = {
        year: dates_in_year(names, year.year, data.date_format or "year month") for year in sorted(years)
    }
    if not any(columns.values()):
        message = f"{file.name} has no columns that are named by months, quarters or weeks; it has {first_five(names)}"
        stop = finding("unknown-days", file.name, len(names), message, names)
        raise FindingsStop(f"{message}. Correct 'year' and 'date_format' in the settings.", (stop,))
    return columns


def dates_in_year(names: Sequence[str], year: int, date_format: str) -> dict[str, date]:
    """The names of columns that stand for a part of the year, with its first day.

    >>> dates_in_year(["Item", "Jan", "Feb", "Total"], 2023, "year month")
    {'Jan': datetime.date(2023, 1, 1), 'Feb': datetime.date(2023, 2, 1)}
    """
    texts = pl.Series([f"{year} {name.strip()}" for name in names], dtype=pl.String)
    return {name: day for name, day in zip(names, to_date(texts, date_format), strict=True) if day is not None}


def _with_key(frame: pl.DataFrame, data: Data) -> pl.DataFrame:
    """The rows with the key of a table that has none, which is one series."""
    if data.keys != (ONE_SERIES,) or ONE_SERIES in frame.columns:
        return frame
    return frame.with_columns(pl.lit(ALL).cast(pl.Categorical).alias(ONE_SERIES))


def _columns(data: Data, dates: Sequence[str], file: InputFile, dialect: Dialect) -> list[InputColumn]:
    keyless = data.keys == (ONE_SERIES,) and ONE_SERIES not in header_of(file, dialect)
    columns = [] if keyless else [InputColumn(name, ColumnKind.KEY) for name in data.keys]
    columns += [InputColumn(name, ColumnKind.TEXT) for name in data.attributes if name not in data.keys]
    return columns + [InputColumn(name, ColumnKind.NUMBER) for name in dates]


def _validate(
    frame: pl.DataFrame, columns: list[str], days: list[str], known_keys: Sequence[KnownKeys]
) -> tuple[pl.DataFrame, np.ndarray, pl.DataFrame]:
    """The rows whose keys the side tables list, their units [row, day of `days`], and the bad rows."""
    bad = [pl.DataFrame(schema=BAD_SCHEMA)]
    frame, unknown = without_unknown_keys(frame, known_keys)
    bad += unknown
    values = frame.select(days).to_numpy()
    negative = values < 0
    if negative.any():
        bad.append(bad_rows(frame[ROW].filter(pl.Series(negative.any(axis=1))), "negative-sales"))
        values = np.where(negative, np.float32(np.nan), values)
    return frame.drop(columns), values, pl.concat(bad)


def _cube(
    rows: SalesRows, blocks: list[np.ndarray], axis: np.ndarray, settings: Settings, frequency: Frequency
) -> Cube:
    """The cube of the blocks [row, day column], series and days in order. `blocks` is emptied to free memory."""
    data = settings.data
    series = as_text(rows.frame).with_row_index(POSITION).sort(*data.keys, FILE, YEAR, ROW)
    units = _gather(blocks, series[POSITION].to_numpy())
    series, units, doubled = _without_duplicates(series, units, data.keys)
    with_values = np.array([bool((~np.isnan(units[:, day])).any()) for day in range(len(axis))])  # [day]
    if not with_values.any():
        raise no_sales_error(rows, data.sales, f"{data.day_prefix}…")
    if frequency.table:
        frequency.table.require_dates(axis[with_values], settings.horizon)
    origin = period_name(axis[with_values][:1], frequency, period_anchor(axis, frequency))[0]
    period = period_index(axis, origin, frequency)
    begin, end = 0, int(period[with_values][-1]) + 1
    findings: list[Finding] = []
    if frequency != Frequency.DAY:
        begin, past_last = whole_period_bounds(axis[with_values], origin, frequency)
        outside = with_values & ((period < begin) | (period >= past_last))
        left_out = float(np.nansum(units[:, outside], dtype=np.float64))
        edges = axis[with_values & (period < begin)], axis[with_values & (period >= past_last)]
        findings = partial_period_findings(begin + end - past_last, edges, left_out, frequency, data.sales)
        end = past_last
    one_column_a_day = frequency == Frequency.DAY and len(axis) == end and period[0] == 0
    units = units if one_column_a_day else fold_periods(units, period - begin, end - begin)
    attributes = [name for name in data.attributes if name not in data.keys]
    first = period_range(origin, begin + 1, frequency)[-1]
    return Cube(series.select(*data.keys, *attributes), first, units, {}, [doubled], findings)


def _gather(blocks: list[np.ndarray], order: np.ndarray) -> np.ndarray:
    """The rows of all `blocks` in `order`. `blocks` is emptied, so that the memory of a copied block is freed."""
    target = np.empty(len(order), np.int64)
    target[order] = np.arange(len(order))
    units = np.empty((len(order), blocks[0].shape[1]), np.float32)
    start = 0
    while blocks:
        block = blocks.pop(0)
        units[target[start : start + len(block)]] = block
        start += len(block)
    return units


def _without_duplicates(
    series: pl.DataFrame, units: np.ndarray, keys: Sequence[str]
) -> tuple[pl.DataFrame, np.ndarray, pl.DataFrame]:
    """One row for each series (`series` is sorted by `keys`), NaN where its rows differ; and the bad rows.

    Rows of several files or years, which hold other dates, are joined. They are bad only where both know a day
    differently.
    """
    number = series.select(pl.struct(keys).rle_id()).to_series().to_numpy()
    file = series.select(pl.struct(FILE, YEAR).rank("dense")).to_series().to_numpy()
    firsts = np.flatnonzero(np.append(True, np.diff(number) > 0))
    copies = np.setdiff1d(np.arange(len(number)), firsts)
    differs = np.zeros(len(firsts), bool)
    bad = []
    for row in copies:
        first = firsts[number[row]]
        unknown = np.isnan(units[first])
        equal = (units[first] == units[row]) | (unknown & np.isnan(units[row]))
        if file[row] != file[first]:
            units[first, unknown] = units[row, unknown]
            equal |= unknown | np.isnan(units[row])
        if file[row] == file[row - 1] or not equal.all():
            bad.append(row)
        differs[number[row]] |= not equal.all()
        units[first, ~equal] = np.nan
    rows = np.sort(np.append(np.array(bad, np.int64), firsts[differs]))
    doubled = bad_row_entries(series[rows], "duplicate-keys")
    return (series[firsts], units[firsts], doubled) if len(copies) else (series, units, doubled)
