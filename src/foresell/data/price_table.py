"""The table of prices: by series or part of its keys, and by date or by a week that the calendar explains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_range
from foresell.core.panel import Known
from foresell.core.settings import Prices
from foresell.data.codes import finding
from foresell.data.cube import match
from foresell.data.side_tables import Days, mean_by_period, read_whole
from foresell.data.tables import Dialect, Field, Kind

ROWS_AT_ONCE = 2048  # rows of a cube that are worked on at a time, so that what they need beside it stays small


def read_prices(
    prices: Prices,
    base: Path,
    dialect: Dialect,
    series: pl.DataFrame,
    days: Days | None,
    first: np.datetime64,
    total: int,
    frequency: Frequency,
) -> tuple[Known, list[Finding]]:
    """Prices as the table gives them, one row for each combination of its keys among the series; gaps are NaN.

    Raises UnreadableFile, FindingsStop where a column is missing, SettingsError where weeks have no calendar.
    """
    when = _when(prices, days)
    fields = [*(Field(name, Kind.KEY) for name in prices.keys), when, Field(prices.price, Kind.NUMBER)]
    frame, findings, files = read_whole(prices.path, base, fields, dialect)
    where = files[0].name if len(files) == 1 else prices.path
    groups = series.select(prices.keys).unique(maintain_order=True)
    row = match(frame, groups, prices.keys)
    price = frame[prices.price].to_numpy()
    findings += _findings(price, row, where)
    if days is None or when.kind == Kind.DATE:
        dates = np.arange(first, period_range(first, total + 1, frequency)[-1])
        time = (frame[when.name].to_numpy().astype("datetime64[D]") - first).astype(np.int64)
        column = np.arange(len(dates))
    else:
        dates, column, time = _weeks(days, frame[when.name])
    width = int(column.max()) + 1 if len(column) else 0
    used = (row >= 0) & (time >= 0) & (time < width) & (price > 0)
    table, extra = _table(row[used].astype(np.int64) * width + time[used], price[used], groups.height, width)
    if extra:
        message = f"{extra:,} prices are for a series and time that has another; their mean is taken"
        findings.append(finding("repeated-entries", where, extra, message))
    values = np.empty((groups.height, total), np.float32)
    for start in range(0, groups.height, ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        values[block] = mean_by_period(table[block][:, column], dates, first, total, frequency)
    return Known(values, match(series, groups, prices.keys)), findings


def _when(prices: Prices, days: Days | None) -> Field:
    """The column that says when a price holds."""
    if prices.date is not None:
        return Field(prices.date, Kind.DATE)
    if prices.week is None:
        raise SettingsError("The price table needs 'date' or 'week': the column that says when a price holds.")
    if days is None or "week" not in days.frame.columns:
        raise SettingsError("Prices by week need a calendar with a 'week' column that says which days a week has.")
    return Field(prices.week, Kind.KEY)


def _weeks(days: Days, labels: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The dates that have a week, the number of each one's week, and the number of each label's week (-1: none).

    Weeks are numbered in the order of their first day, whatever their labels.
    """
    known = days.frame.select("date", "week").drop_nulls()
    order = known.select("week").unique(maintain_order=True).with_row_index("number")
    column = known.join(order, on="week", how="left", maintain_order="left")["number"].to_numpy().astype(np.int64)
    dates = known["date"].to_numpy().astype("datetime64[D]")
    wanted = labels.rename("week").to_frame()
    return dates, column, match(wanted, order.select("week"), ["week"]).astype(np.int64)


def _table(cell: np.ndarray, price: np.ndarray, rows: int, width: int) -> tuple[np.ndarray, int]:
    """Prices in their cells, float32 [row, time], the mean where a cell has several; and how many are too many."""
    table = np.full(rows * width, np.nan, np.float32)
    owner = np.full(rows * width, -1, np.int32)
    owner[cell] = np.arange(len(cell), dtype=np.int32)
    table[cell] = price
    hidden = owner[cell] != np.arange(len(cell), dtype=np.int32)
    if hidden.any():
        again = np.unique(cell[hidden])
        shared = np.isin(cell, again)
        place = np.searchsorted(again, cell[shared])
        table[again] = np.bincount(place, price[shared].astype(np.float64)) / np.bincount(place)
    return table.reshape(rows, width), int(hidden.sum())


def _findings(price: np.ndarray, row: np.ndarray, where: str) -> list[Finding]:
    found = []
    if (free := int((price <= 0).sum())) > 0:
        found.append(finding("zero-prices", where, free, f"{free:,} prices are zero or negative"))
    if (strange := int((row < 0).sum())) > 0:
        found.append(finding("unknown-series", where, strange, f"{strange:,} prices are for series that have no sales"))
    return found


def fill(values: np.ndarray, begin: np.ndarray | None = None) -> None:
    """Fills the gaps of each row in place: with the value before, and before the first one with the first.

    With `begin` [row], what comes before that day stays unknown.

    >>> prices = np.array([[np.nan, np.nan, 2, np.nan, 3, np.nan]])
    >>> fill(prices, np.array([1])); prices
    array([[nan,  2.,  2.,  2.,  3.,  3.]])
    """
    hold_on(values)
    days = np.arange(values.shape[1])
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        unknown = np.isnan(block)
        if unknown.any():
            first = block[np.arange(len(block)), unknown.argmin(axis=1)]
            if begin is not None:
                unknown &= days >= begin[start : start + ROWS_AT_ONCE, None]
            np.copyto(block, first[:, None], where=unknown)


def hold_on(values: np.ndarray) -> None:
    """Fills the gaps of each row in place with the value before; before the first one it stays unknown.

    >>> prices = np.array([[np.nan, 2, np.nan, 3, np.nan]])
    >>> hold_on(prices); prices
    array([[nan,  2.,  2.,  3.,  3.]])
    """
    days = np.arange(values.shape[1], dtype=np.int32)
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        known = ~np.isnan(block)
        if not known.all():
            source = np.maximum.accumulate(np.where(known, days, np.int32(0)), axis=1)
            block[:] = np.take_along_axis(block, source, axis=1)
