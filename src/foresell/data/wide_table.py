"""The wide layout read: one row for each series, one column for each day, as in the M5 competition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from foresell.core.errors import FindingsStop, first_five
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_index, period_range, period_start
from foresell.core.settings import Data
from foresell.data.codes import finding
from foresell.data.cube import Cube, as_text, faulty, no_sales, whole_periods
from foresell.data.files import File
from foresell.data.rows import Membership, SalesRows, Watch, alike, like
from foresell.data.tables import (
    BAD_SCHEMA,
    FILE,
    ROW,
    Dialect,
    Field,
    Kind,
    bad_rows,
    find_format,
    header_of,
    read_parts,
    require_columns,
)
from foresell.data.values import to_date

PLACE = "__place"


def day_columns(file: File, data: Data, dialect: Dialect, labels: dict[str, date]) -> dict[str, date]:
    """The day columns of `file` with their dates: by the calendar's `labels`, or read from the name itself.

    Raises FindingsStop where there are none, or one has no date.
    """
    names = header_of(file, dialect)
    require_columns(names, [*data.keys, *data.attributes], file)
    fixed = {*data.keys, *data.attributes}
    columns = [name for name in names if name.startswith(data.day_prefix) and name not in fixed]
    if not labels and columns:
        rest = pl.Series([name.removeprefix(data.day_prefix) for name in columns])
        dates = to_date(rest, data.date_format or find_format(rest))
        labels = {name: day for name, day in zip(columns, dates, strict=True) if day is not None}
        columns = columns if data.day_prefix else list(labels)
    dateless = [name for name in columns if name not in labels]
    if columns and not dateless:
        return {name: labels[name] for name in columns}
    message = f"{len(dateless)} day columns of {file.name} have no date: {first_five(dateless)}"
    if not columns:
        message = f"{file.name} has no day columns (beginning with '{data.day_prefix}'); it has {first_five(names)}"
    found = finding("unknown-days", file.name, len(dateless) or len(names), message, dateless)
    raise FindingsStop(f"{message}. {found.advice}", (found,))


def read_wide(
    files: Sequence[File],
    data: Data,
    dialect: Dialect,
    labels: dict[str, date],
    members: Sequence[Membership] = (),
    *,
    today: date,
    watch: Watch = lambda share: None,
) -> tuple[SalesRows, Cube]:
    """All series of `files`: the rows (keys, attributes, FILE and ROW, no units) and the cube of their units.

    Raises UnreadableFile, and FindingsStop where columns are missing or nothing was sold.
    """
    days = [day_columns(file, data, dialect, labels) for file in files]
    told = sorted({day for each in days for day in each.values()})
    axis = np.array([day for day in told if day <= today], "datetime64[D]")
    late = [day for day in told if day > today]
    frames, blocks, bad, count = [], [], [], 0
    for place, file in enumerate(files):
        dates = {name: day for name, day in days[place].items() if day <= today}
        columns = np.searchsorted(axis, np.array(list(dates.values()), "datetime64[D]"))
        for part in read_parts(file, _fields(data, dates), dialect):
            frame, values, faults = _checked(part.frame, list(dates), members)
            blocks.append(_spread(values, columns, len(axis)))
            frames.append(frame.with_columns(pl.lit(place, pl.UInt16).alias(FILE)))
            bad.append(pl.concat([part.bad, faults]).with_columns(pl.lit(place, pl.UInt16).alias(FILE)))
            count += part.rows
            watch((place + part.share) / len(files))
    frame = pl.concat(alike(frames)) if frames else pl.DataFrame()
    rows = SalesRows(frame, pl.DataFrame(), pl.concat(bad) if bad else pl.DataFrame(), count)
    if rows.frame.is_empty() or not len(axis):
        raise no_sales(rows, data.sales, f"{data.day_prefix}…")
    cube = _cube(rows, blocks, axis, data)
    if late:
        message = f"{len(late)} day columns lie after today and are left out"
        cube.findings.append(finding("future-dates", data.sales, len(late), message, late))
    return rows, cube


def _spread(values: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    """The `values` [row, day column] of a file at their places among all days; not known where it has no column."""
    if len(columns) == width and (np.diff(columns) > 0).all():
        return values
    block = np.full((len(values), width), np.nan, np.float32)
    block[:, columns] = values
    return block


def _fields(data: Data, dates: dict[str, date]) -> list[Field]:
    fields = [Field(name, Kind.KEY) for name in data.keys]
    fields += [Field(name, Kind.TEXT) for name in data.attributes if name not in data.keys]
    return fields + [Field(name, Kind.NUMBER) for name in dates]


def _checked(
    frame: pl.DataFrame, days: list[str], members: Sequence[Membership]
) -> tuple[pl.DataFrame, np.ndarray, pl.DataFrame]:
    """The rows whose keys the side tables have, their units [row, day column], and the bad rows."""
    bad = [pl.DataFrame(schema=BAD_SCHEMA)]
    for member in members:
        strange = frame.join(like(member.frame, frame), on=list(member.keys), how="anti", maintain_order="left")[ROW]
        bad.append(bad_rows(strange, member.reason, " x ".join(member.keys)))
        frame = frame.filter(~pl.col(ROW).is_in(strange.implode())) if len(strange) else frame
    values = frame.select(days).to_numpy()
    negative = values < 0
    if negative.any():
        bad.append(bad_rows(frame[ROW].filter(pl.Series(negative.any(axis=1))), "negative-sales"))
        values = np.where(negative, np.float32(np.nan), values)
    return frame.drop(days), values, pl.concat(bad)


def _cube(rows: SalesRows, blocks: list[np.ndarray], axis: np.ndarray, data: Data) -> Cube:
    """The cube of the blocks [row, day column] (they are given back on the way), series and days in order."""
    frequency = Frequency(data.frequency)
    series = as_text(rows.frame).with_row_index(PLACE).sort(*data.keys, FILE, ROW)
    units = _gather(blocks, series[PLACE].to_numpy())
    series, units, doubled = _without_duplicates(series, units, data.keys)
    told = np.array([bool((~np.isnan(units[:, day])).any()) for day in range(len(axis))])
    if not told.any():
        raise no_sales(rows, data.sales, f"{data.day_prefix}…")
    origin = period_start(axis[told][:1], frequency)[0]
    period = period_index(axis, origin, frequency)
    begin, end = 0, int(period[told][-1]) + 1
    findings: list[Finding] = []
    if frequency != Frequency.DAY:
        begin, whole = whole_periods(axis[told], origin, frequency)
        if cut := begin + end - whole:
            message = f"{cut} at the edge of the history not whole"
            findings.append(finding("partial-periods", data.sales, cut, message))
        end = whole
    as_it_is = frequency == Frequency.DAY and len(axis) == end and period[0] == 0
    units = units if as_it_is else _fold(units, period - begin, end - begin)
    attributes = [name for name in data.attributes if name not in data.keys]
    first = period_range(origin, begin + 1, frequency)[-1]
    return Cube(series.select(*data.keys, *attributes), first, units, {}, [doubled], findings)


def _gather(blocks: list[np.ndarray], order: np.ndarray) -> np.ndarray:
    """The rows of all `blocks` in `order`; each block is given back as soon as it is copied."""
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
    """One row for each series (`series` is sorted by `keys`); a day on which its rows differ is not known."""
    number = series.select(pl.struct(keys).rle_id()).to_series().to_numpy()
    firsts = np.flatnonzero(np.append(True, np.diff(number) > 0))
    copies = np.setdiff1d(np.arange(len(number)), firsts)
    differs = np.zeros(len(firsts), bool)
    for row in copies:
        first = firsts[number[row]]
        same = (units[first] == units[row]) | (np.isnan(units[first]) & np.isnan(units[row]))
        differs[number[row]] |= not same.all()
        units[first, ~same] = np.nan
    doubled = faulty(series[np.sort(np.append(copies, firsts[differs]))], "duplicate-keys")
    return (series[firsts], units[firsts], doubled) if len(copies) else (series, units, doubled)


def _fold(units: np.ndarray, period: np.ndarray, count: int) -> np.ndarray:
    """Days [series, day column] summed into periods [series, period]; not known where no day of the period is."""
    out = np.full((len(units), count), np.nan, np.float32)
    for each in range(count):
        days = units[:, period == each]
        known = ~np.isnan(days)
        total = np.where(known, days, 0).sum(axis=1, dtype=np.float64)
        out[:, each] = np.where(known.any(axis=1), total, np.nan)
    return out
