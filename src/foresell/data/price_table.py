"""The price table: prices by series or by some of its keys, and by date or by a week of the calendar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError
from foresell.core.finding import Finding
from foresell.core.frequency import Frequency, period_begins
from foresell.core.panel import Known
from foresell.core.settings import Prices
from foresell.data.column_conversion import ColumnKind, Dialect, InputColumn
from foresell.data.cube.cells import repeated_cells, row_numbers
from foresell.data.finding_codes import finding
from foresell.data.gap_filling import ROWS_AT_ONCE
from foresell.data.side_tables import CalendarDays, mean_by_period, read_side_table


def read_prices(
    prices: Prices,
    base: Path,
    dialect: Dialect,
    series: pl.DataFrame,
    days: CalendarDays | None,
    first: np.datetime64,
    total: int,
    frequency: Frequency,
) -> tuple[Known, list[Finding]]:
    """The prices of the table, one row for each combination of its keys among the series; NaN where it has no price.

    Raises UnreadableFile, FindingsStop where a column is missing, SettingsError where weeks have no calendar.
    """
    time_column = _time_column(prices, days)
    columns = [
        *(InputColumn(name, ColumnKind.KEY) for name in prices.keys),
        time_column,
        InputColumn(prices.price, ColumnKind.NUMBER),
    ]
    frame, findings, files = read_side_table(prices.path, base, columns, dialect)
    where = files[0].name if len(files) == 1 else prices.path
    groups = series.select(prices.keys).unique(maintain_order=True)
    row = row_numbers(frame, groups, prices.keys)
    price = frame[prices.price].to_numpy()
    findings += _price_findings(price, row, where)
    if days is None or time_column.kind == ColumnKind.DATE:
        begins = period_begins(first, total + 1, frequency)
        first_day = begins[0].astype("datetime64[D]")
        dates = np.arange(first_day, (begins[-1] - 1).astype("datetime64[D]") + 1)
        time = (frame[time_column.name].to_numpy().astype("datetime64[D]") - first_day).astype(np.int64)
        column = np.arange(len(dates))
    else:
        dates, column, time = _weeks(days, frame[time_column.name])
    width = int(column.max()) + 1 if len(column) else 0
    used = (row >= 0) & (time >= 0) & (time < width) & (price > 0)
    table, extra = _fill_table(row[used].astype(np.int64) * width + time[used], price[used], groups.height, width)
    if extra:
        message = f"{extra:,} prices repeat a series and time; the mean is taken"
        findings.append(finding("repeated-entries", where, extra, message))
    values = np.empty((groups.height, total), np.float32)
    for start in range(0, groups.height, ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        values[block] = mean_by_period(table[block][:, column], dates, first, total, frequency)
    return Known(values, row_numbers(series, groups, prices.keys)), findings


def _time_column(prices: Prices, days: CalendarDays | None) -> InputColumn:
    """The column that says when a price holds."""
    if prices.date is not None:
        return InputColumn(prices.date, ColumnKind.DATE)
    if prices.week is None:
        raise SettingsError("The price table needs 'date' or 'week': the column that says when a price holds.")
    if days is None or "week" not in days.frame.columns:
        raise SettingsError("Prices by week need a calendar with a 'week' column that says which days a week has.")
    return InputColumn(prices.week, ColumnKind.KEY)


def _weeks(days: CalendarDays, labels: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The dates that have a week, the number of the week of each date, and the number of the week of each label.

    Weeks are numbered in the order of their first day, whatever their labels; a label without days has -1.
    """
    known = days.frame.select("date", "week").drop_nulls()
    order = known.select("week").unique(maintain_order=True).with_row_index("number")
    column = known.join(order, on="week", how="left", maintain_order="left")["number"].to_numpy().astype(np.int64)
    dates = known["date"].to_numpy().astype("datetime64[D]")
    wanted = labels.rename("week").to_frame()
    return dates, column, row_numbers(wanted, order.select("week"), ["week"]).astype(np.int64)


def _fill_table(cell: np.ndarray, price: np.ndarray, rows: int, width: int) -> tuple[np.ndarray, int]:
    """The mean price of each cell, float32 [row, time]; and how many prices are beyond the first of their cell."""
    table = np.full(rows * width, np.nan, np.float32)
    table[cell] = price
    repeated = repeated_cells(cell, rows * width)
    if repeated.any():
        cells = np.unique(cell[repeated])
        shared = np.isin(cell, cells)
        number = np.searchsorted(cells, cell[shared])
        table[cells] = np.bincount(number, price[shared].astype(np.float64)) / np.bincount(number)
    return table.reshape(rows, width), int(repeated.sum())


def _price_findings(price: np.ndarray, row: np.ndarray, where: str) -> list[Finding]:
    findings = []
    if (not_positive := int((price <= 0).sum())) > 0:
        findings.append(finding("zero-prices", where, not_positive, f"{not_positive:,} prices are zero or negative"))
    if (unknown := int((row < 0).sum())) > 0:
        findings.append(
            finding("unknown-series", where, unknown, f"{unknown:,} prices are for series that have no sales")
        )
    return findings
