"""A long table of sales, one row for each series and day, laid out as cubes [series, day]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from foresell.core.arguments import one_of, whole_number
from foresell.core.errors import UsageError
from foresell.core.frequency import (
    Frequency,
    period_anchor,
    period_index,
    period_name,
    period_range,
    uneven_weeks_advice,
)
from foresell.core.long_table.attributes import checked_attributes
from foresell.core.long_table.clock_changes import left_out, shown_twice
from foresell.core.long_table.columns import Columns
from foresell.core.long_table.dates import checked_dates, warn_of_frequency
from foresell.core.long_table.duplicates import refuse_same_day, refuse_too_large
from foresell.core.long_table.keys import checked_keys
from foresell.core.long_table.quantities import checked_quantities, numbers
from foresell.core.tables import GivenTable, Table, TableKind

ABSENT = ("zero", "unknown")
"""What a day without a row means between a series' first row and the end of the history."""


@dataclass(frozen=True)
class Cubes:
    """The table laid out: `units` float32 [series, day] and, by name, covariates float32 [series, day + ahead].

    `series` has one row for each series, in order of its keys: the keys, then the attributes. `dates` are
    datetime64[D] [day + ahead], of hours datetime64[us]. `kind` is the library of the table.
    """

    series: pl.DataFrame
    dates: np.ndarray
    units: np.ndarray
    covariates: dict[str, np.ndarray]
    kind: TableKind


def lay_out(
    frame: Table,
    columns: Columns,
    attributes: Table | None,
    frequency: Frequency,
    absent: str,
    ahead: int,
) -> Cubes:
    """The cubes of a long table; parameters and errors as of `Panel.from_frame`."""
    one_of(absent, "absent", ABSENT)
    whole_number(ahead, "ahead", 0)
    table = GivenTable.of(frame, "sales")
    columns.check(table)
    of_series = None if attributes is None else GivenTable.of(attributes, "attributes")
    given = table.read(columns.names)
    values = checked_quantities(table, given, columns)
    sold = ~np.isnan(values)
    if not sold.any():
        raise UsageError(
            f"No row of the table has a value in '{columns.quantity}', so there is no history. Give the column that "
            "holds the units sold with 'quantity'."
        )
    dates = checked_dates(table, given, columns, frequency)
    rows = checked_keys(table, given, columns)
    series = rows.select(columns.keys).unique().sort(columns.keys)
    _check_periods(dates, np.unique(dates[sold]), frequency, columns.date, ahead)
    first = period_name(dates.min(keepdims=True), frequency, period_anchor(dates, frequency))[0]
    day = period_index(dates, first, frequency)
    n_days = int(day[sold].max()) + 1
    total = max(n_days + ahead, int(day.max()) + 1)
    refuse_too_large(series.height, total, rows.height, columns, frequency, ahead)
    row = _row_of_series(rows, series, columns.keys)
    cell = row * total + day
    taken = np.zeros(series.height * total, bool)
    taken[cell] = True
    if np.count_nonzero(taken) < len(cell):
        twice = shown_twice(row, dates) if frequency == Frequency.HOUR else np.zeros(len(cell), bool)
        if np.count_nonzero(taken) < len(np.unique(cell[twice])) + np.count_nonzero(~twice):
            refuse_same_day(table, given, rows, cell, columns, frequency)
        values = _added_up(values, cell, twice)
    calendar = period_range(first, total, frequency)
    warn_of_frequency(taken.reshape(series.height, total), calendar, frequency, absent)
    cube = _cube(cell, values, (series.height, total))
    units = np.ascontiguousarray(cube[:, :n_days])
    if absent == "zero":
        begin = np.full(series.height, n_days)
        np.minimum.at(begin, row[sold], day[sold])
        with_row = taken.reshape(cube.shape)[:, :n_days]  # also one without a quantity, which says that it is not known
        units[np.isnan(units) & _on_sale(begin, with_row, calendar, frequency) & ~with_row] = 0.0
    covariates = {name: _cube(cell, numbers(table, rows, name, columns), cube.shape) for name in columns.known_ahead}
    if of_series is not None:
        facts = checked_attributes(of_series, series, columns.keys)
        on = [key for key in columns.keys if key in facts.columns]
        series = series.join(facts, on=on, how="left", maintain_order="left")
    return Cubes(series, calendar, units, covariates, table.kind)


def _on_sale(begin: np.ndarray, with_row: np.ndarray, calendar: np.ndarray, frequency: Frequency) -> np.ndarray:
    """Whether each series was on sale, from its `begin` [series] on, but for hours that clocks left out."""
    n_days = with_row.shape[1]
    on_sale: np.ndarray = np.arange(n_days) >= begin[:, None]
    if frequency == Frequency.HOUR:
        on_sale &= ~left_out(np.asarray(with_row.any(axis=0)), calendar[:n_days])
    return on_sale


def _added_up(values: np.ndarray, cell: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """The `values` [row], those of the rows `twice` replaced by the sum of their cell."""
    _, place = np.unique(cell[twice], return_inverse=True)
    sums = np.bincount(place, values[twice])  # a sum with an unknown part is not known
    added = values.copy()
    added[twice] = sums[place]
    return added


def _check_periods(dates: np.ndarray, sold_on: np.ndarray, frequency: Frequency, name: str, ahead: int) -> None:
    """Raises UsageError for dates of periods that the frequency does not have, or its table does not reach."""
    if frequency.table:
        frequency.table.require_dates(sold_on, ahead)
    if frequency.months and (uneven := uneven_weeks_advice(dates, name)):
        raise UsageError(uneven)


def _row_of_series(rows: pl.DataFrame, series: pl.DataFrame, keys: tuple[str, ...]) -> np.ndarray:
    """The series of each row, int64 [row]."""
    numbered = series.with_row_index("__series")
    joined = rows.select(keys).join(numbered, on=list(keys), how="left", maintain_order="left", nulls_equal=True)
    return joined["__series"].to_numpy().astype(np.int64)


def _cube(cell: np.ndarray, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`values` [row] in their cells, the others not known: float32 [series, day]."""
    cube = np.full(shape, np.nan, np.float32)
    cube.reshape(-1)[cell] = values
    return cube
