"""Side tables: the tables of items and stores, and the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.calendars.period_table import PeriodTable
from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_index, period_range
from foresell.core.panel import Known
from foresell.core.settings import Calendar, Table
from foresell.core.words import many_do
from foresell.data.column_conversion import ROW, ColumnKind, Dialect, InputColumn
from foresell.data.cube.cells import as_text, fold_periods
from foresell.data.files.input_files import InputFile, find_files
from foresell.data.finding_codes import finding
from foresell.data.quarantine import side_table_findings
from foresell.data.sales_rows import with_same_types
from foresell.data.typed_tables import header_of, read_parts
from foresell.data.values import NULL_WORDS


@dataclass(frozen=True)
class SideTable:
    """Attributes by key: `frame` has the keys and the attribute columns, one row for each key."""

    keys: tuple[str, ...]
    frame: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class CalendarDays:
    """The calendar.

    `frame`: ``date`` (sorted and distinct) and, where the calendar has them, ``day``, ``week`` and the columns of
    flags. `events`: ``date`` and ``event``, as `Panel.events`.
    """

    frame: pl.DataFrame
    events: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)

    def labels(self) -> dict[str, date]:
        """The date of each day label; empty where the calendar has no day labels."""
        if "day" not in self.frame.columns:
            return {}
        return dict(self.frame.select(pl.col("day").cast(pl.String), "date").drop_nulls().iter_rows())


def read_side_table(
    path: str, base: Path, columns: Sequence[InputColumn], dialect: Dialect
) -> tuple[pl.DataFrame, list[Finding], list[InputFile]]:
    """All rows of a side table, the findings of its bad rows, and its files."""
    files = find_files(path, base)
    frames, findings = [], []
    for file in files:
        for part in read_parts(file, columns, dialect):
            frames.append(part.frame)
            findings += side_table_findings(part.bad, file.name)
    empty = pl.DataFrame(schema={column.name: pl.String for column in columns} | {ROW: pl.UInt32})
    return (pl.concat(with_same_types(frames)) if frames else empty), findings, files


def parse_attribute(values: pl.Series) -> pl.Series:
    """An attribute as numbers where all its texts are numbers, else as text; words for "no value" become null.

    >>> parse_attribute(pl.Series(["10", "2.5", "NA"])).to_list(), parse_attribute(pl.Series(["007", "8a"])).to_list()
    ([10.0, 2.5, None], ['007', '8a'])
    """
    if values.dtype != pl.String:
        return values
    stripped = values.str.strip_chars()
    known = values.set((stripped == "") | stripped.is_in(NULL_WORDS), None)
    # A leading zero marks a code, not a number.
    is_code = stripped.str.contains(r"^[-+]?0\d").any()
    numbers = known.str.strip_chars().cast(pl.Float64, strict=False)
    return known if is_code or numbers.null_count() > known.null_count() or not numbers.count() else numbers


def read_attributes(table: Table, base: Path, dialect: Dialect) -> SideTable:
    """A table of items or stores. Raises UnreadableFile, and FindingsStop where a column is missing."""
    names = header_of(find_files(table.path, base)[0], dialect)
    wanted = [name for name in (table.columns or names) if name not in table.keys]
    columns = [InputColumn(name, ColumnKind.KEY) for name in table.keys] + [
        InputColumn(name, ColumnKind.TEXT) for name in wanted
    ]
    frame, findings, files = read_side_table(table.path, base, columns, dialect)
    frame = as_text(frame.drop(ROW)).with_columns(
        parse_attribute(frame[name].cast(pl.String)) if frame.schema[name] == pl.Categorical else frame[name]
        for name in wanted
    )
    distinct = (
        frame.unique()
        .sort(*table.keys, *wanted, nulls_last=True)
        .unique(list(table.keys), keep="first", maintain_order=True)
    )
    if (extra := frame.unique().height - distinct.height) > 0:
        message = f"{many_do(extra, 'row', 'contradict')} another row of the same key"
        findings.append(finding("repeated-entries", files[0].name, extra, message))
    return SideTable(tuple(table.keys), distinct, findings)


def read_periods(path: str, base: Path, dialect: Dialect) -> PeriodTable:
    """The table of periods at `path`: its columns ``begin`` and, where it has them, ``name`` and ``place``.

    Raises UnreadableFile, FindingsStop where the column is missing, UsageError as `PeriodTable.of`, and SettingsError
    where a row cannot be read.
    """
    names = header_of(find_files(path, base)[0], dialect)
    kinds = {"begin": ColumnKind.DATE, "name": ColumnKind.TEXT, "place": ColumnKind.NUMBER}
    columns = [InputColumn(name, kind) for name, kind in kinds.items() if name in names or name == "begin"]
    frame, findings, _ = read_side_table(path, base, columns, dialect)
    if findings or ("place" in frame and frame["place"].null_count()):
        found = "; ".join(finding.message for finding in findings) or "a row has no 'place'"
        raise SettingsError(f"The period table {path} cannot be read in full: {found}. Correct the table.")
    frame = as_text(frame)
    return PeriodTable.of(
        frame["begin"].to_numpy(),
        frame["name"].to_list() if "name" in frame else (),
        frame["place"].to_numpy() if "place" in frame else None,
        where=f"The period table {path}",
    )


def read_calendar(calendar: Calendar, base: Path, dialect: Dialect) -> CalendarDays:
    """The calendar, one row for each date. Raises UnreadableFile, and FindingsStop where a column is missing."""
    label_columns = {"day": calendar.day, "week": calendar.week}
    labels = {name: column for name, column in label_columns.items() if column}
    flags = [column for flag in calendar.flags.values() for column in flag.columns.values()]
    texts = list(dict.fromkeys((*labels.values(), *calendar.events)))
    columns = [InputColumn(calendar.date, ColumnKind.DATE)] + [InputColumn(name, ColumnKind.TEXT) for name in texts]
    columns += [InputColumn(name, ColumnKind.NUMBER) for name in dict.fromkeys(flags)]
    frame, findings, files = read_side_table(calendar.path, base, columns, dialect)
    frame = as_text(frame).rename({calendar.date: "date"})
    events = _events(frame, calendar.events)
    days = frame.select(
        "date",
        *(pl.col(column).cast(pl.String).alias(name) for name, column in labels.items()),
        *dict.fromkeys(flags),
    ).unique()
    distinct = days.sort(days.columns, nulls_last=True).unique("date", keep="first", maintain_order=True)
    if (extra := days.height - distinct.height) > 0:
        message = f"{many_do(extra, 'row', 'contradict')} another row of the same date"
        findings.append(finding("repeated-entries", files[0].name, extra, message))
    return CalendarDays(distinct, events, findings)


def _events(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Named events as `Panel.events`, sorted. A date may have several events, in several rows or columns."""
    empty = pl.DataFrame(schema={"date": pl.Date, "event": pl.String})
    parts = [frame.select("date", pl.col(column).cast(pl.String).alias("event")) for column in columns]
    events = pl.concat([empty, *parts]).filter(pl.col("event").is_not_null() & ~pl.col("event").is_in(NULL_WORDS))
    return events.unique().sort("date", "event")


def calendar_flags(
    calendar: Calendar, days: CalendarDays, series: pl.DataFrame, first: np.datetime64, total: int, frequency: Frequency
) -> dict[str, Known]:
    """Flags of the calendar, one row for each value of the series' column that the flag depends on.

    Raises SettingsError where the series do not have that column.
    """
    flags = {}
    dates = days.frame["date"].to_numpy().astype("datetime64[D]")
    for name, flag in calendar.flags.items():
        if flag.by not in series.columns:
            raise SettingsError(
                f"The flag '{name}' depends on the column '{flag.by}', which the series do not have; they have "
                f"{', '.join(series.columns)}. Correct 'flags' of the calendar, or add the column to 'attributes'."
            )
        groups = series[flag.by].cast(pl.String)
        values = groups.unique().sort()
        flag_values = np.full((len(values), total), np.nan, np.float32)
        for row, value in enumerate(values):
            if value in flag.columns:
                daily = days.frame[flag.columns[value]].cast(pl.Float32).to_numpy()
                flag_values[row] = mean_by_period(daily[None], dates, first, total, frequency)[0]
        rows = groups.to_frame("g").join(
            values.to_frame("g").with_row_index("r"), on="g", how="left", maintain_order="left", nulls_equal=True
        )["r"]
        flags[name] = Known(flag_values, rows.to_numpy().astype(np.int32))
    return flags


def mean_by_period(
    values: np.ndarray, dates: np.ndarray, first: np.datetime64, total: int, frequency: Frequency
) -> np.ndarray:
    """The mean of daily `values` [row, date] in each period, float32 [row, period]; NaN where no value is known.

    All hours of a day have its value.
    """
    if frequency == Frequency.HOUR:
        return _on_hours(values, dates, first, total)
    period = period_index(dates, first, frequency)
    if frequency == Frequency.DAY:
        inside = (period >= 0) & (period < total)
        means = np.full((len(values), total), np.nan, np.float32)
        means[:, period[inside]] = values[:, inside]
        return means
    return fold_periods(values, period, total, mean=True)


def _on_hours(values: np.ndarray, dates: np.ndarray, first: np.datetime64, total: int) -> np.ndarray:
    days = period_range(first, total, Frequency.HOUR).astype("datetime64[D]")
    order = np.argsort(dates, kind="stable")
    place = np.minimum(np.searchsorted(dates, days, sorter=order), max(len(dates) - 1, 0))
    hourly = np.full((len(values), total), np.nan, np.float32)
    if len(dates):
        known = dates[order[place]] == days
        hourly[:, known] = values[:, order[place[known]]]
    return hourly
