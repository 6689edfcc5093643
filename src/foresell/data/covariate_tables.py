"""Tables of covariates: weather, holidays, prices of raw materials; by date, and by any columns of the series."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five, suggestion
from foresell.core.finding import Finding
from foresell.core.frequency import date_text, period_range
from foresell.core.panel import Known
from foresell.core.settings import CovariateTable
from foresell.core.words import listed, many, many_do
from foresell.data.column_conversion import ColumnKind, Dialect, InputColumn
from foresell.data.cube.cells import as_text, key_texts
from foresell.data.cube.covariate_codes import encode_covariate
from foresell.data.cube.dated_values import Periods, cut_in_words, frequency_of_dates, in_periods
from foresell.data.cube.series_labels import labels_of, numbers_among
from foresell.data.files.input_files import find_files
from foresell.data.finding_codes import finding
from foresell.data.number_formats import to_number
from foresell.data.revealing_covariates import lag_values
from foresell.data.side_tables import read_side_table
from foresell.data.typed_tables import header_of
from foresell.data.values import NULL_WORDS

MOSTLY = 0.9
"""A column is one of numbers where at least this share of its distinct values are; the others are unknown."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a table: the columns of values in `frame`, and of each row the group of series, -1 where the series
    have none such, and the date."""

    where: str
    frame: pl.DataFrame
    group: np.ndarray  # int [row]
    times: np.ndarray  # datetime64 [row]


def read_covariates(
    table: CovariateTable, base: Path, dialect: Dialect, series: pl.DataFrame, periods: Periods, taken: Collection[str]
) -> tuple[dict[str, Known], list[Finding]]:
    """The covariates of a table by name, with a row for each of the groups of `series` that its keys make.

    `taken` are the names of other covariates. Raises UnreadableFile; FindingsStop where a column is missing; and
    SettingsError where the series lack a key, where no row is for any of them or for their time, and where a name is
    taken.
    """
    files = find_files(table.path, base)
    where = files[0].name if len(files) == 1 else table.path
    _check_keys(table, series, where)
    names = _value_columns(table, header_of(files[0], dialect), series, where, taken)
    columns = [InputColumn(name, ColumnKind.KEY) for name in table.keys]
    columns += [InputColumn(table.date, ColumnKind.DATE), *(InputColumn(name, ColumnKind.TEXT) for name in names)]
    with_hours = replace(dialect, hourly=not dialect.period_names)
    frame, findings, _ = read_side_table(table.path, base, columns, with_hours)
    frame = as_text(frame)
    labels = labels_of(series, table.keys)
    groups = labels.unique(maintain_order=True)
    rows = _Rows(
        where, frame.select(names), numbers_among(groups, labels_of(frame, table.keys)), frame[table.date].to_numpy()
    )
    of_series = numbers_among(groups, labels).astype(np.int32)
    findings += _unmatched_findings(rows, labels_of(frame, table.keys), groups, of_series, series, table)
    _check_dates(rows, table, periods)
    findings += _repeated_findings(rows)
    if cut := cut_in_words(rows.times, periods):
        findings.append(finding("covariate-periods", where, frame.height, cut))
    known = {}
    for name in names:
        values, of_column = _values(rows, name, dialect.decimal, periods, is_named=table.columns is not None)
        findings += of_column
        if values is not None:
            in_cells = in_periods(values, rows.group, rows.times, groups.height, periods)
            findings += _gap_findings(name, where, in_cells, periods)
            known[name] = Known(in_cells if table.known_ahead else _held_back(in_cells, periods), of_series)
    return known, findings


def _check_keys(table: CovariateTable, series: pl.DataFrame, where: str) -> None:
    """Raises SettingsError where the series do not have the columns that the table is joined on."""
    if missing := [name for name in table.keys if name not in series.columns]:
        raise SettingsError(
            f"The covariates of {where} are joined on {first_five(missing)}, which the series do not have; they have "
            f"{', '.join(series.columns)}.{suggestion(missing[0], series.columns)} Correct 'keys' of the table under "
            "'covariates', or name the column under 'attributes'; without 'keys' the table is for all series."
        )


def _value_columns(
    table: CovariateTable, header: list[str], series: pl.DataFrame, where: str, taken: Collection[str]
) -> list[str]:
    """The columns that become covariates. Raises SettingsError where one cannot be, or none is left."""
    columns = [name for name in table.columns or header if name not in (table.date, *table.keys)]
    if not columns:
        raise SettingsError(
            f"{where} has no column beside {', '.join((table.date, *table.keys))} that could be a covariate; it has "
            f"{', '.join(header)}. Correct 'date', 'keys' and 'columns' of the table under 'covariates'."
        )
    if clashing := [name for name in columns if name in (*taken, "price", *series.columns)]:
        kept = [name for name in columns if name not in clashing]
        raise SettingsError(
            f"{where} has the column {first_five(clashing)}, which cannot be a covariate: "
            f"{_clash(clashing[0], series, table)} "
            + (f"Or leave it out with 'columns: [{', '.join(kept)}]'." if kept else "Or take the table out.")
        )
    return columns


def _clash(name: str, series: pl.DataFrame, table: CovariateTable) -> str:
    """Why a column of this name cannot be a covariate, and what to do."""
    if name in series.columns:
        keys = ", ".join((*table.keys, name))
        return f"the series have a column of that name. If the table is by it, write 'keys: [{keys}]' for the table."
    if name == "price":
        return "prices have a table of their own, 'prices'."
    return "another table or the sales have it too. Give it another name in one of them."


def _unmatched_findings(
    rows: _Rows,
    labels: pl.DataFrame,
    groups: pl.DataFrame,
    of_series: np.ndarray,
    series: pl.DataFrame,
    table: CovariateTable,
) -> list[Finding]:
    """Rows for which there are no series, and series for which there are no rows. Raises SettingsError where nothing
    fits."""
    unknown = labels.filter(pl.Series(rows.group < 0)).unique(maintain_order=True)
    named = listed(list(table.keys))
    with_rows = np.bincount(rows.group[rows.group >= 0], minlength=groups.height) > 0
    if not len(rows.group):
        raise SettingsError(
            f"{rows.where} has no row with a date{' and keys' * bool(table.keys)} that can be used. Give it some, or "
            "take the table out of 'covariates'."
        )
    if not with_rows.any():
        raise SettingsError(
            f"No row of {rows.where} is for any of the series. Its first by {named} are "
            f"{first_five(key_texts(unknown))}, and the series have {first_five(key_texts(groups.drop_nulls()))}. "
            "Write both alike, or correct 'keys' of the table under 'covariates'."
        )
    findings = []
    if unknown.height:
        message = f"{many(int((rows.group < 0).sum()), 'row')} for {many(unknown.height, named)} that no series has"
        findings.append(finding("unknown-series", rows.where, unknown.height, message, key_texts(unknown)))
    if without := int((~with_rows[of_series]).sum()):
        lacking = groups.filter(pl.Series(~with_rows))
        message = f"{without:,} of {series.height:,} series have a {named} for which it has no row"
        findings.append(finding("covariate-unmatched", rows.where, without, message, key_texts(lacking)))
    return findings


def _check_dates(rows: _Rows, table: CovariateTable, periods: Periods) -> None:
    """Raises SettingsError where no date of the table lies in the periods of the sales."""
    dates = rows.times[rows.group >= 0].astype("datetime64[D]")
    first, last = periods.days[[0, -1]]
    long = frequency_of_dates(rows.times).days
    if not ((dates + int(long) >= first) & (dates <= last)).any():
        history = period_range(periods.first, periods.n_days, periods.frequency)
        raise SettingsError(
            f"{rows.where} has the dates {dates.min()} to {dates.max()}, and the sales {date_text(history[0])} to "
            f"{date_text(history[-1])}. Give the covariates of that time, or correct 'date: {table.date}' of the table "
            "under 'covariates'."
        )


def _repeated_findings(rows: _Rows) -> list[Finding]:
    """The finding that several rows are for one group and date, and differ."""
    cells = pl.DataFrame({"__group": rows.group, "__time": rows.times}).filter(pl.col("__group") >= 0)
    if cells.n_unique() == cells.height:  # as nearly always; all columns of a large table would take memory
        return []
    keyed = rows.frame.with_columns(pl.Series("__group", rows.group), pl.Series("__time", rows.times))
    distinct = keyed.filter(pl.col("__group") >= 0).unique()
    repeated = distinct.height - cells.n_unique()
    if not repeated:
        return []
    message = f"{many_do(repeated, 'row', 'contradict')} another row of the same date; the mean is taken"
    return [finding("repeated-entries", rows.where, repeated, message)]


def _values(
    rows: _Rows, name: str, decimal: str, periods: Periods, *, is_named: bool
) -> tuple[np.ndarray | None, list[Finding]]:
    """The numbers of a column, float32 [row], NaN where there is none; None where it has texts and is not named in the
    settings. Raises SettingsError where it has texts, of which several would count for one period."""
    column = rows.frame[name]
    numbers, bad = _as_numbers(column, decimal)
    if numbers is not None:
        message = f"{many(len(bad), 'text')} among the numbers of '{name}': {first_five(bad)}"
        findings = [finding("unparsable-numbers", f"{rows.where}, column {name}", len(bad), message)] if bad else []
        return numbers.cast(pl.Float32).fill_null(float("nan")).to_numpy(), findings
    encoded, texts = encode_covariate(column, decimal)
    values = encoded.cast(pl.Float32).fill_null(float("nan")).to_numpy()
    if not texts:
        return values, []
    if not is_named:
        message = f"the column '{name}' has texts, such as {first_five(texts)}, and is left out"
        return None, [finding("covariate-of-text", rows.where, len(texts), message)]
    own = frequency_of_dates(rows.times)
    if own.days < periods.frequency.days and own != periods.frequency:
        raise SettingsError(
            f"The column '{name}' of {rows.where} has texts ({first_five(texts)}) by {own.noun}, and the sales are by "
            f"{periods.frequency.noun}; texts have no mean. Make a column of 0 and 1 for each of them, or leave "
            f"'{name}' out of 'columns' of the table under 'covariates'."
        )
    shown = [f"{code} = {text!r}" for code, text in enumerate(texts)]
    message = f"the texts of the covariate became the numbers 0 to {len(texts) - 1}"
    return values, [finding("coded-text", f"{rows.where}, column {name}", len(texts), message, shown)]


def _as_numbers(column: pl.Series, decimal: str) -> tuple[pl.Series | None, list[str]]:
    """The column as numbers, and the texts in it that are none; no numbers where those are more than a few."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        numbers = column.cast(pl.Float64).fill_nan(None)
        return numbers.set(numbers.is_infinite(), None), []
    texts = column.cast(pl.String).str.strip_chars()
    texts = texts.set((texts == "") | texts.is_in(NULL_WORDS), None)
    distinct = texts.drop_nulls().unique(maintain_order=True)
    # A table from another program may have the other decimal mark.
    readings = [to_number(distinct, mark) for mark in (decimal, "," if decimal == "." else ".")]
    numbers = min(readings, key=lambda reading: reading.null_count())
    bad = distinct.filter(numbers.is_null()).to_list()
    if len(bad) > (1 - MOSTLY) * len(distinct):
        return None, bad
    table = pl.DataFrame({"text": distinct, "number": numbers})
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["number"], bad


def _gap_findings(name: str, where: str, values: np.ndarray, periods: Periods) -> list[Finding]:
    """Periods of the history, up to the last known value, in which `values` [row, period] are not known."""
    with_values = values[(~np.isnan(values)).any(axis=1)]
    known_ever = np.flatnonzero((~np.isnan(with_values)).any(axis=0))
    end = min(int(known_ever[-1]) + 1, periods.n_days) if len(known_ever) else 0
    unknown = np.isnan(with_values[:, :end])
    if not (count := int(unknown.sum())):
        return []
    noun = periods.frequency.noun
    of_rows = f" of {len(unknown)} groups" if len(unknown) > 1 else ""
    message = f"'{name}' is not known in {count:,} of {unknown.size:,} {noun}s{of_rows}"
    dates = period_range(periods.first, end, periods.frequency)[unknown.any(axis=0)]
    return [finding("covariate-gaps", where, count, message, [date_text(when) for when in dates[:5]])]


def _held_back(values: np.ndarray, periods: Periods) -> np.ndarray:
    """`values` [row, period], each one horizon later, so that every cutoff knows those of its whole horizon.

    Where the values end before the history does, they come as much later still.
    """
    known = np.flatnonzero((~np.isnan(values)).any(axis=0))
    late = max(periods.n_days - int(known[-1]) - 1, 0) if len(known) else 0
    lag_values(values, periods.horizon + late)
    return values
