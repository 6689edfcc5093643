"""Side tables: items and stores, and the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_index
from foresell.core.panel import Known
from foresell.core.settings import Calendar, Table
from foresell.data.codes import finding
from foresell.data.cube import as_text
from foresell.data.files import File, find_files
from foresell.data.quarantine import side_findings
from foresell.data.rows import alike
from foresell.data.tables import ROW, Dialect, Field, Kind, header_of, read_parts
from foresell.data.values import NULL_WORDS


@dataclass(frozen=True)
class SideTable:
    """Attributes by key: `frame` has the keys and the attribute columns, one row for each key."""

    keys: tuple[str, ...]
    frame: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Days:
    """What the calendar says of each date.

    `frame`: ``date`` (sorted, once each) and, where there are such, ``day``, ``week`` and the columns of flags.
    `events`: ``date`` and ``event``, as the panel holds them.
    """

    frame: pl.DataFrame
    events: pl.DataFrame
    findings: list[Finding] = field(default_factory=list)

    def labels(self) -> dict[str, date]:
        """The date of each day label; empty where the calendar has none."""
        if "day" not in self.frame.columns:
            return {}
        return dict(self.frame.select(pl.col("day").cast(pl.String), "date").drop_nulls().iter_rows())


def read_whole(
    path: str, base: Path, fields: Sequence[Field], dialect: Dialect
) -> tuple[pl.DataFrame, list[Finding], list[File]]:
    """All rows of a side table at once, and findings of its bad rows."""
    files = find_files(path, base)
    frames, findings = [], []
    for file in files:
        for part in read_parts(file, fields, dialect):
            frames.append(part.frame)
            findings += side_findings(part.bad, file.name)
    empty = pl.DataFrame(schema={each.name: pl.String for each in fields} | {ROW: pl.UInt32})
    return (pl.concat(alike(frames)) if frames else empty), findings, files


def _columns(path: str, base: Path, dialect: Dialect) -> list[str]:
    return header_of(find_files(path, base)[0], dialect)


def typed(values: pl.Series) -> pl.Series:
    """An attribute as numbers where all its texts are numbers, else as text; null words become null.

    >>> typed(pl.Series(["10", "2.5", "NA"])).to_list(), typed(pl.Series(["007", "8a"])).to_list()
    ([10.0, 2.5, None], ['007', '8a'])
    """
    if values.dtype != pl.String:
        return values
    stripped = values.str.strip_chars()
    known = values.set((stripped == "") | stripped.is_in(NULL_WORDS), None)
    # A leading zero marks a code, not a number.
    code = stripped.str.contains(r"^[-+]?0\d").any()
    numbers = known.str.strip_chars().cast(pl.Float64, strict=False)
    return known if code or numbers.null_count() > known.null_count() or not numbers.count() else numbers


def read_attributes(table: Table, base: Path, dialect: Dialect) -> SideTable:
    """A table of items or stores. Raises UnreadableFile, and FindingsStop where a column is missing."""
    names = _columns(table.path, base, dialect)
    wanted = [name for name in (table.columns or names) if name not in table.keys]
    fields = [Field(name, Kind.KEY) for name in table.keys] + [Field(name, Kind.TEXT) for name in wanted]
    frame, findings, files = read_whole(table.path, base, fields, dialect)
    frame = as_text(frame.drop(ROW)).with_columns(
        typed(frame[name].cast(pl.String)) if frame.schema[name] == pl.Categorical else frame[name] for name in wanted
    )
    once = (
        frame.unique()
        .sort(*table.keys, *wanted, nulls_last=True)
        .unique(list(table.keys), keep="first", maintain_order=True)
    )
    if (extra := frame.unique().height - once.height) > 0:
        message = f"{extra:,} rows say something else of a key that another row describes"
        findings.append(finding("repeated-entries", files[0].name, extra, message))
    return SideTable(tuple(table.keys), once, findings)


def read_calendar(calendar: Calendar, base: Path, dialect: Dialect) -> Days:
    """The calendar, one row for each date. Raises UnreadableFile, and FindingsStop where a column is missing."""
    named = {"day": calendar.day, "week": calendar.week}
    labels = {name: column for name, column in named.items() if column}
    flags = [column for flag in calendar.flags.values() for column in flag.columns.values()]
    texts = list(dict.fromkeys((*labels.values(), *calendar.events)))
    fields = [Field(calendar.date, Kind.DATE)] + [Field(name, Kind.TEXT) for name in texts]
    fields += [Field(name, Kind.NUMBER) for name in dict.fromkeys(flags)]
    frame, findings, files = read_whole(calendar.path, base, fields, dialect)
    frame = as_text(frame).rename({calendar.date: "date"})
    events = _events(frame, calendar.events)
    told = frame.select(
        "date",
        *(pl.col(column).cast(pl.String).alias(name) for name, column in labels.items()),
        *dict.fromkeys(flags),
    ).unique()
    once = told.sort(told.columns, nulls_last=True).unique("date", keep="first", maintain_order=True)
    if (extra := told.height - once.height) > 0:
        message = f"{extra:,} rows say something else of a date that another row describes"
        findings.append(finding("repeated-entries", files[0].name, extra, message))
    return Days(once, events, findings)


def _events(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Named events as the panel holds them, in order; a date may have many, in several rows or columns."""
    empty = pl.DataFrame(schema={"date": pl.Date, "event": pl.String})
    parts = [frame.select("date", pl.col(column).cast(pl.String).alias("event")) for column in columns]
    told = pl.concat([empty, *parts]).filter(pl.col("event").is_not_null() & ~pl.col("event").is_in(NULL_WORDS))
    return told.unique().sort("date", "event")


def flags_of(
    calendar: Calendar, days: Days, series: pl.DataFrame, first: np.datetime64, total: int, frequency: Frequency
) -> dict[str, Known]:
    """Flags of the calendar, one row for each value of the series' column that they go by.

    Raises SettingsError where the series do not have that column.
    """
    out = {}
    when = days.frame["date"].to_numpy().astype("datetime64[D]")
    for name, flag in calendar.flags.items():
        if flag.by not in series.columns:
            raise SettingsError(
                f"The flag '{name}' goes by the column '{flag.by}', which the series do not have; they have "
                f"{', '.join(series.columns)}. Correct 'flags' of the calendar, or add the column to 'attributes'."
            )
        groups = series[flag.by].cast(pl.String)
        values = groups.unique().sort()
        cube = np.full((len(values), total), np.nan, np.float32)
        for row, value in enumerate(values):
            if value in flag.columns:
                told = days.frame[flag.columns[value]].cast(pl.Float32).to_numpy()
                cube[row] = mean_by_period(told[None], when, first, total, frequency)[0]
        rows = groups.to_frame("g").join(
            values.to_frame("g").with_row_index("r"), on="g", how="left", maintain_order="left", nulls_equal=True
        )["r"]
        out[name] = Known(cube, rows.to_numpy().astype(np.int32))
    return out


def mean_by_period(
    values: np.ndarray, dates: np.ndarray, first: np.datetime64, total: int, frequency: Frequency
) -> np.ndarray:
    """Daily `values` [row, date] as their mean in each period, float32 [row, period]; NaN where none is known."""
    period = period_index(dates, first, frequency)
    inside = (period >= 0) & (period < total)
    out = np.full((len(values), total), np.nan, np.float32)
    if frequency == Frequency.DAY:
        out[:, period[inside]] = values[:, inside]
        return out
    for each in np.unique(period[inside]):
        days = values[:, period == each]
        known = ~np.isnan(days)
        count = known.sum(axis=1)
        total_value = np.where(known, days, 0).sum(axis=1, dtype=np.float64)
        out[:, each] = np.where(count > 0, total_value / np.maximum(count, 1), np.nan)
    return out
